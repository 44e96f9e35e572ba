//! Gives every request an id that its answer, its log lines and its errors share. A caller's own
//! `X-Request-Id` is kept when it is printable and short; anything else is replaced, so the
//! header can neither break a log line nor fill it.

use std::fmt;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tracing::Instrument;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const INCOMING_CHARS_MAX: usize = 128;

/// 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// `req_` and 32 hexadecimal characters.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("req_{}", Uuid::now_v7().simple()).into())
    }

    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(HEADER)?.to_str().ok()?;
        let sane = (1..=INCOMING_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        sane.then(|| Self(text.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

tokio::task_local! {
    /// An error is rendered where no request is at hand, so the id travels with the task.
    static CURRENT: RequestId;
}

/// The id of the request being served; a fresh one outside of any request.
#[must_use]
pub fn current() -> RequestId {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| RequestId::generate())
}

/// The middleware: extension, span, task-local and response header.
///
/// # Errors
/// Those of the inner service.
pub async fn request_id<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = RequestId::from_headers(request.headers()).unwrap_or_else(RequestId::generate);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id);
    let answered = CURRENT.scope(id.clone(), next.call(request).instrument(span)).await;
    let mut response = answered?;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
        RequestId::from_headers(&headers).map(|id| id.to_string())
    }

    #[test]
    fn a_sane_incoming_id_is_kept_and_any_other_replaced() {
        assert_eq!(found(b"trace-1/2:3"), Some("trace-1/2:3".to_owned()));
        assert_eq!(found(&[b'a'; 128]), Some("a".repeat(128)));
        for bad in [&b""[..], b"two words", b"tab\there", "caf\u{e9}".as_bytes(), &[b'a'; 129]] {
            assert_eq!(found(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_generated_id_is_req_and_32_hexadecimal_characters() {
        let id = RequestId::generate();
        let digits = id.as_str().strip_prefix("req_").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
