//! Telling callers what is left of their allowance, for dialects that count requests after they know
//! who calls: the count is left with the request and shown in its answer, good or bad.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest};

use crate::control::quotas::RateStatus;

/// What a counted or refused request left of its allowance.
#[derive(Debug, Clone, Copy)]
struct Counted(RateStatus);

/// Leaves word of a request's count for its answer.
pub fn note_rate(request: &HttpRequest, status: RateStatus) {
    request.extensions_mut().insert(Counted(status));
}

/// The middleware that shows the count of counted requests in the dialect's way.
///
/// # Errors
/// Those of the inner service.
pub async fn add_rate_headers<B: MessageBody + 'static>(
    show: fn(&mut HeaderMap, &RateStatus),
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let counted = response.request().extensions().get::<Counted>().copied();
    if let Some(Counted(status)) = counted {
        show(response.headers_mut(), &status);
    }
    Ok(response)
}
