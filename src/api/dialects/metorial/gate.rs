//! What a request passes before its route is looked for, in the order in which the first failure
//! answers: the client address, preflights, the key, its allowance, the version. And what its answer
//! bears for having passed.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};

use super::access::{Caller, Holder};
use super::cors;
use super::error::ApiError;
use super::limits::{Allotment, show_rate};
use super::version::{self, Version};
use crate::api::extract::bearer_token;
use crate::api::extract::client_ip::client_ip;
use crate::api::middleware::access_log::ActingTenant;
use crate::api::state::ApiState;
use crate::control::environments::EnvironmentKind;
use crate::control::keys::{Dialect, KeyKind};
use crate::control::plans::Plan;
use crate::control::quotas::RateStatus;
use crate::service::ServiceError;
use crate::types::{Allowance, KeyId};

/// The middleware around all routes of the dialect.
///
/// # Errors
/// Those of the inner service.
pub(super) async fn gate<B: MessageBody + 'static>(
    state: web::Data<ApiState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(refusal) = refuse_address(&state, &request) {
        return Ok(request.into_response(refusal));
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    if request.method() == Method::OPTIONS {
        return Ok(request.into_response(cors::preflight(origin.as_ref())));
    }
    if super::is_public(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let known = match Known::of(&state, request.headers()) {
        Ok(known) => known,
        Err(error) => return Ok(request.into_response(error.error_response())),
    };
    if let Holder::Environment(tenant) = known.holder {
        request.extensions_mut().insert(ActingTenant(tenant));
    }
    let mut passed = Passed::default();
    let kind = known.kind;
    let mut response = match passed.judge(&state, &request, known) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await?.map_into_boxed_body()
        }
        Err(error) => request.into_response(error.error_response()),
    };
    let headers = response.headers_mut();
    if let Some(status) = &passed.rate {
        show_rate(headers, status);
    }
    if let Some(version) = passed.version {
        version::show(headers, version);
    }
    if kind == KeyKind::MetorialPublishable {
        cors::allow(headers, origin.as_ref());
    }
    Ok(response)
}

/// The answer to an address that calls too often: for this API, or for all of them together.
fn refuse_address(state: &ApiState, request: &ServiceRequest) -> Option<HttpResponse> {
    let client = client_ip(request.peer_addr(), request.headers(), &state.trusted_proxies);
    let of_all = state.ip_limit.take(client);
    let exceeded = of_all.and_then(|_| state.metorial.limits.take_of_address(client)).err()?;
    let mut refusal = ApiError::rate_limited(&exceeded).error_response();
    show_rate(refusal.headers_mut(), &exceeded.status);
    Some(refusal)
}

/// Whoever has a good key.
struct Known {
    holder: Holder,
    kind: KeyKind,
    key: KeyId,
    allowance: Allowance,
    allotment: Allotment,
    default_version: Version,
    plan: Option<Arc<Plan>>,
}

impl Known {
    fn of(state: &ApiState, headers: &HeaderMap) -> Result<Self, ApiError> {
        let secret = bearer_token(headers)
            .ok_or_else(|| ApiError::unauthorized("No API key was presented"))?;
        let refused =
            |_cause: ServiceError| ApiError::unauthorized("The API key is unknown or has ended");
        if secret.starts_with(KeyKind::MetorialManagement.prefix()) {
            let principal = state.memory.authenticate_organization(Dialect::Metorial, secret);
            let principal = principal.map_err(refused)?;
            return Ok(Self {
                holder: Holder::Organization(principal.organization),
                kind: KeyKind::MetorialManagement,
                key: principal.key,
                allowance: Allowance::default(),
                allotment: Allotment::Management,
                default_version: Version::default(),
                plan: None,
            });
        }
        let principal = state.memory.authenticate(Dialect::Metorial, secret).map_err(refused)?;
        let environment = principal.environment;
        Ok(Self {
            holder: Holder::Environment(principal.tenant),
            kind: principal.kind,
            key: principal.key,
            allowance: principal.plan.allowance(),
            allotment: match environment.kind {
                EnvironmentKind::Development => Allotment::Development,
                EnvironmentKind::Production => Allotment::Production,
            },
            default_version: environment.api_version,
            plan: Some(principal.plan),
        })
    }
}

/// What the answer to somebody with a good key bears.
#[derive(Default)]
struct Passed {
    rate: Option<RateStatus>,
    version: Option<Version>,
}

impl Passed {
    fn judge(
        &mut self,
        state: &ApiState,
        request: &ServiceRequest,
        known: Known,
    ) -> Result<Caller, ApiError> {
        let mut note = |taken: Result<RateStatus, _>| match taken {
            Ok(status) => Ok(status),
            Err(exceeded) => {
                let error = ApiError::rate_limited(&exceeded);
                self.rate = Some(exceeded.status);
                Err(error)
            }
        };
        let status = note(state.metorial.limits.take_of_key(known.allotment, known.key))?;
        if let (Holder::Environment(tenant), Some(plan)) = (known.holder, &known.plan) {
            note(state.memory.admit(tenant, plan))?;
        }
        self.rate = Some(status);
        let version = version::asked_for(request.headers(), known.default_version)?;
        self.version = Some(version);
        let Known { holder, kind, allowance, .. } = known;
        Ok(Caller { holder, kind, version, allowance })
    }
}
