//! Pages of other origins: every answer says that they may read it, and a preflight is answered for
//! any path and anybody. The session's cookie they may send from listed origins only.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use crate::api::state::ApiState;

const METHODS: &str = "GET, POST, DELETE, OPTIONS";
const HEADERS: &str = "Content-Type, Authorization";

/// The outermost middleware of the dialect, so that refusals of the others carry the headers too.
///
/// # Errors
/// Those of the inner service.
pub(super) async fn add_cors_headers<B: MessageBody + 'static>(
    state: web::Data<ApiState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = next.call(request).await?.map_into_boxed_body();
    let listed = &state.metacogna.settings.cors_origins;
    set_headers(response.headers_mut(), origin.as_ref(), listed);
    Ok(response)
}

/// Answers `OPTIONS` on every path.
///
/// # Errors
/// Those of the inner service.
pub(super) async fn answer_preflight<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() == Method::OPTIONS {
        return Ok(request.into_response(HttpResponse::Ok().finish()));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn set_headers(headers: &mut HeaderMap, origin: Option<&HeaderValue>, listed: &[String]) {
    let is_listed =
        |origin: &&HeaderValue| listed.iter().any(|listed| listed.as_bytes() == origin.as_bytes());
    if !listed.is_empty() {
        // A cache must not show one origin what was meant for another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin.filter(is_listed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let allowed = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
    } else {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: Option<&'static str>, listed: &[&str], expected: [Option<&str>; 3]) {
        let origin = origin.map(HeaderValue::from_static);
        let listed: Vec<String> = listed.iter().map(|text| (*text).to_owned()).collect();
        let mut headers = HeaderMap::new();
        set_headers(&mut headers, origin.as_ref(), &listed);
        let seen = [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::VARY,
        ]
        .map(|name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()));
        assert_eq!(seen.each_ref().map(Option::as_deref), expected, "{origin:?}");
        let methods = headers.get(header::ACCESS_CONTROL_ALLOW_METHODS);
        assert_eq!(methods.unwrap(), "GET, POST, DELETE, OPTIONS");
        let allowed = headers.get(header::ACCESS_CONTROL_ALLOW_HEADERS);
        assert_eq!(allowed.unwrap(), "Content-Type, Authorization");
    }

    #[test]
    fn only_listed_origins_may_send_credentials() {
        let app = "https://app.example.org";
        check(None, &[], [Some("*"), None, None]);
        check(Some(app), &[], [Some("*"), None, None]);
        check(None, &[app], [Some("*"), None, Some("Origin")]);
        check(Some(app), &[app], [Some(app), Some("true"), Some("Origin")]);
        check(Some("https://evil.example"), &[app], [Some("*"), None, Some("Origin")]);
        check(Some("null"), &[app], [Some("*"), None, Some("Origin")]);
    }
}
