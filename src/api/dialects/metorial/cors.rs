//! Pages in browsers hold publishable keys and no others, so answers to those may be read by pages of
//! any origin, and answers to others by none.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
const HEADERS: &str = "Content-Type, Authorization, metorial-version";
/// A week.
const MAX_AGE_S: u32 = 604_800;

/// Lets the page read the answer that asked for it.
pub(super) fn allow(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    // A cache must not show one origin what was meant for another.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_S));
}

/// The answer to a page that asks whether it may ask, which comes without a key.
pub(super) fn preflight(origin: Option<&HeaderValue>) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    allow(response.headers_mut(), origin);
    response
}
