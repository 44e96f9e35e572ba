//! Who is calling, and may they call now. Runs before the body is read and before the route is
//! matched, so a caller without a credential learns nothing about either; admission follows at
//! once, so that a flood costs a hash and a counter each.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use crate::api::middleware::access_log::ActingTenant;
use crate::api::state::ApiState;
use crate::control::keys::Dialect;
use crate::control::quotas::{RateExceeded, RateStatus};
use crate::service::ServiceError;
use crate::types::{ErrorKind, Timestamp};

/// What a dialect says about credentials and limits.
pub trait Gate: 'static {
    const DIALECT: Dialect;

    /// The secret the caller presents, if any.
    fn find_credential(headers: &HeaderMap) -> Option<String>;

    /// The answer to a caller that is not let in.
    fn refuse(presented: Option<&str>, error: ServiceError) -> HttpResponse;

    /// The answer to a caller that is known but has called too often.
    fn rate_limited(exceeded: &RateExceeded) -> HttpResponse;

    /// Adds the rate headers to any answer of an authenticated caller.
    fn add_rate_headers(headers: &mut HeaderMap, status: &RateStatus, now: Timestamp);
}

/// The middleware, for the scope of one dialect.
///
/// # Errors
/// Those of the inner service.
pub async fn authenticate<G: Gate, B: MessageBody + 'static>(
    state: web::Data<ApiState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let presented = G::find_credential(request.headers());
    let authenticated = match presented.as_deref() {
        Some(secret) => state.memory.authenticate(G::DIALECT, secret),
        None => Err(ServiceError::new(ErrorKind::Unauthenticated, "no credential was presented")),
    };
    let principal = match authenticated {
        Ok(principal) => principal,
        Err(error) => {
            let refusal = G::refuse(presented.as_deref(), error);
            return Ok(request.into_response(refusal));
        }
    };
    let admitted = state.memory.admit(principal.tenant, &principal.plan);
    request.extensions_mut().insert(ActingTenant(principal.tenant));
    request.extensions_mut().insert(principal);
    let (mut response, status) = match admitted {
        Ok(status) => {
            let response = next.call(request).await?.map_into_boxed_body();
            (response, status)
        }
        Err(exceeded) => {
            let refusal = G::rate_limited(&exceeded);
            (request.into_response(refusal), exceeded.status)
        }
    };
    G::add_rate_headers(response.headers_mut(), &status, state.clock.now());
    Ok(response)
}
