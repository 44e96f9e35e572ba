//! Webhooks that come in. A signature stands in for a key: whose secret made it is who the delivery
//! is for. Of a delivery without a good proof nothing is told and nothing kept, and of one whose
//! proof is malformed, stale or of a provider nobody expects not even its body is received.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{HttpMessage, HttpRequest};

use super::super::access::{App, permission};
use super::super::convert::{self, Delivered, Envelope};
use super::super::error::ApiError;
use super::super::limits::{SourceName, note};
use super::super::proof;
use super::super::wire::ChallengeResponse;
use super::{Reply, parse, reply};
use crate::api::extract::{BodyRule, PathSegment, RequestDeadline, body_text, receive_bytes};
use crate::api::middleware::access_log::ActingTenant;
use crate::api::state::ApiState;
use crate::api::validation::Parameters;
use crate::control::plans::Plan;
use crate::control::webhook_sources::{WebhookProvider, WebhookSource};
use crate::service::Scope;
use crate::types::TenantId;
use crate::types::limits::WEBHOOK_BODY_BYTES_MAX;

/// The source of those who have a key and say themselves whose an event is.
const CUSTOM: &str = "custom";

pub(in super::super) async fn receive_webhook(
    state: Data<ApiState>,
    request: HttpRequest,
    source: PathSegment,
    deadline: RequestDeadline,
    payload: web::Payload,
) -> Reply {
    let mut arrival =
        Arrival { state: &state, request: &request, deadline, payload: payload.into_inner() };
    let name = source.text().unwrap_or_default();
    match WebhookProvider::find(name) {
        _ if name == CUSTOM => arrival.take_custom().await,
        None => Err(ApiError::not_found()),
        Some(provider) => {
            let with_key =
                proof::may_bring_a_key(provider) && !proof::is_signed(provider, request.headers());
            match with_key {
                true => arrival.take_with_key(provider).await,
                false => arrival.take_signed(provider).await,
            }
        }
    }
}

/// A delivery on its way in.
struct Arrival<'a> {
    state: &'a ApiState,
    request: &'a HttpRequest,
    deadline: RequestDeadline,
    payload: Payload,
}

impl Arrival<'_> {
    async fn take_custom(&mut self) -> Reply {
        let app = self.app(CUSTOM)?;
        let text = body_text(self.receive().await?)?;
        let now = self.state.clock.now();
        let event = parse(text, move |text| convert::custom_request(text, now)).await?;
        app.check_named(event.app_id.as_deref())?;
        let facts = &self.state.magneteco.facts;
        let taken = facts.record_event(app.scope(self.deadline), &event.user, event.new).await?;
        reply(StatusCode::OK, &convert::delivery_response(Some(taken.id)))
    }

    /// An app that has not said what to take of a provider takes nothing.
    async fn take_with_key(&mut self, provider: WebhookProvider) -> Reply {
        let app = self.app(provider.as_str())?;
        let text = body_text(self.receive().await?)?;
        app.check_named(self.app_named().as_deref())?;
        let configured = self.state.magneteco.incoming.source(app.tenant_id(), provider);
        let source = configured.map(|configured| configured.source);
        self.record(provider, app.scope(self.deadline), source, text, None).await
    }

    async fn take_signed(&mut self, provider: WebhookProvider) -> Reply {
        let incoming = &self.state.magneteco.incoming;
        let proof = proof::proof_in(provider, self.request.headers(), self.state.clock.now());
        let proof = proof.ok_or_else(ApiError::unauthorized)?;
        let candidates = incoming.candidates(provider, self.app_named().as_deref());
        if candidates.is_empty() {
            return Err(ApiError::unauthorized());
        }
        let print = proof.delivery_id();
        let body: Arc<[u8]> = self.receive().await?.into();
        let found = incoming.recipient(provider, candidates, proof, Arc::clone(&body)).await?;
        let recipient = found.ok_or_else(ApiError::unauthorized)?;
        self.request.extensions_mut().insert(ActingTenant(recipient.tenant));
        self.count(recipient.tenant, &recipient.plan, provider.as_str())?;
        let scope = Scope {
            tenant: recipient.tenant,
            deadline: self.deadline.0,
            allowance: recipient.plan.allowance(),
        };
        let text = body_text(body.to_vec())?;
        self.record(provider, scope, Some(recipient.source), text, print).await
    }

    /// Makes an event of a delivery, if it is one that counts. `print` is for a delivery that has no
    /// id of its own.
    async fn record(
        &self,
        provider: WebhookProvider,
        scope: Scope,
        source: Option<Arc<WebhookSource>>,
        text: String,
        print: Option<String>,
    ) -> Reply {
        let envelope = proof::envelope_in(provider, self.request.headers());
        let envelope = Envelope { print, ..envelope };
        let now = self.state.clock.now();
        let delivered = parse(text, move |text| {
            let rules = source.as_deref().map(|source| &source.rules);
            convert::delivered(provider, &envelope, rules, text, now)
        });
        match delivered.await? {
            Delivered::Challenge(challenge) => {
                reply(StatusCode::OK, &ChallengeResponse { challenge: &challenge })
            }
            Delivered::Ignored => reply(StatusCode::OK, &convert::delivery_response(None)),
            Delivered::Event(user, event) => {
                let taken = self.state.magneteco.facts.record_event(scope, &user, *event).await?;
                reply(StatusCode::OK, &convert::delivery_response(Some(taken.id)))
            }
        }
    }

    /// The app of a key that may deliver, if it may do so now.
    fn app(&self, source: SourceName) -> Result<App, ApiError> {
        let app = App::of(self.request, self.state)?;
        app.check_permission(&[permission::WEBHOOKS])?;
        self.count(app.tenant_id(), &app.principal().plan, source)?;
        Ok(app)
    }

    fn count(&self, tenant: TenantId, plan: &Plan, source: SourceName) -> Result<(), ApiError> {
        note(self.request, self.state.memory.admit(tenant, plan))?;
        note(self.request, self.state.magneteco.limits.take_delivery(tenant, source))
    }

    /// The app that the address names, so that no other one's secret is tried.
    fn app_named(&self) -> Option<String> {
        Parameters::of(self.request.query_string()).find("app").map(str::to_owned)
    }

    async fn receive(&mut self) -> Result<Vec<u8>, ApiError> {
        let mut rule = BodyRule::anything(self.request);
        rule.bytes_max = rule.bytes_max.min(WEBHOOK_BODY_BYTES_MAX);
        Ok(receive_bytes(self.request, &mut self.payload, rule).await?)
    }
}
