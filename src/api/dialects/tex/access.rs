//! What handlers take as arguments, in the order of the contract's checks: the body is JSON, then
//! the token is good, then the tenant may call now. A handler that takes one of these cannot run
//! before.
//!
//! The token is looked at first all the same, and only reported later: whoever has no good one has
//! little of a body received.

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde::de::IgnoredAny;

use super::error::ApiError;
use super::tokens::{self, Identity};
use crate::api::extract::{BodyError, BodyRule, bearer_token, receive_body};
use crate::api::middleware::access_log::ActingTenant;
use crate::api::state::ApiState;
use crate::service::compute;

/// The largest body of a caller who has shown no good token.
const STRANGERS_BYTES_MAX: usize = 64 * 1024;

/// A caller with a good access token.
#[derive(Debug)]
pub(super) struct Authorized(pub(super) Identity);

impl FromRequest for Authorized {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(authorize(&request).await?)) })
    }
}

/// A caller with a good access token, and the JSON it sent.
#[derive(Debug)]
pub(super) struct AuthorizedBody {
    pub(super) identity: Identity,
    pub(super) json: String,
}

impl FromRequest for AuthorizedBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let authorized = authorize(&request).await;
            let mut rule = BodyRule::anything(&request);
            if authorized.is_err() {
                rule.bytes_max = rule.bytes_max.min(STRANGERS_BYTES_MAX);
            }
            match (receive_json(&request, &mut payload, rule).await, authorized) {
                (Ok(json), authorized) => Ok(Self { identity: authorized?, json }),
                (Err(Unfit::Body(BodyError::TooLarge { .. })), Err(refusal)) => Err(refusal),
                (Err(unfit), _) => Err(unfit.into()),
            }
        })
    }
}

/// The JSON of somebody who needs no token.
#[derive(Debug)]
pub(super) struct PublicBody(pub(super) String);

impl FromRequest for PublicBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut rule = BodyRule::anything(&request);
            rule.bytes_max = rule.bytes_max.min(STRANGERS_BYTES_MAX);
            Ok(Self(receive_json(&request, &mut payload, rule).await?))
        })
    }
}

/// Why there is no JSON.
enum Unfit {
    Body(BodyError),
    NoJson,
    Failed(ApiError),
}

impl From<Unfit> for ApiError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Body(cause) => cause.into(),
            Unfit::NoJson => Self::no_json(),
            Unfit::Failed(error) => error,
        }
    }
}

/// A body that is JSON of whatever type.
async fn receive_json(
    request: &HttpRequest,
    payload: &mut Payload,
    rule: BodyRule,
) -> Result<String, Unfit> {
    let text = receive_body(request, payload, rule).await.map_err(Unfit::Body)?;
    let checked = compute(text.len(), move || {
        let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        is_json.then_some(text)
    });
    checked.await.map_err(|error| Unfit::Failed(error.into()))?.ok_or(Unfit::NoJson)
}

/// Who is calling, and may they call now. Leaves word for the log.
async fn authorize(request: &HttpRequest) -> Result<Identity, ApiError> {
    let state = request.app_data::<Data<ApiState>>().ok_or_else(ApiError::internal)?;
    let token = bearer_token(request.headers()).ok_or_else(ApiError::no_token)?;
    let identity = tokens::authenticate(state, token).await?;
    let principal = &identity.caller.0;
    let admitted = state.memory.admit(principal.tenant, &principal.plan);
    request.extensions_mut().insert(ActingTenant(principal.tenant));
    match admitted {
        Ok(_) => Ok(identity),
        Err(exceeded) => {
            let message = format!("Rate limit exceeded ({}/min)", exceeded.status.limit);
            Err(ApiError::wait(message, Some(exceeded.retry_after)))
        }
    }
}
