//! Gives every request an id that its answer, its log lines and its errors share. A caller's own
//! id is kept when it is printable and short; anything else is replaced, so the header can neither
//! break a log line nor fill it. Under `/api/` and `/admin/` the header is `X-Request-Id`; elsewhere
//! it is `X-Correlation-ID`, and answers carry the id under both names. Requests of the metorial
//! dialect get an id of ours whatever they bring, which answers carry under that dialect's name too.

use std::fmt;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tracing::Instrument;
use uuid::Uuid;

use crate::api::dialects::metorial;
use crate::api::state::{ApiState, Timing};
use crate::types::{Clock, SystemClock, Timestamp};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const METORIAL_REQUEST_ID: HeaderName = HeaderName::from_static("metorial-req-id");
const INCOMING_CHARS_MAX: usize = 128;

/// What a request's id is called, and so what it may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// `X-Request-Id`: visible ASCII, or else one of ours.
    RequestId,
    /// `X-Correlation-ID`: letters, digits, `.`, `_`, `:` and `-`, or else a UUID.
    CorrelationId,
    /// `metorial-req-id`, never a caller's own.
    Metorial,
}

impl Naming {
    fn of(request: &ServiceRequest) -> Self {
        let is_metorial =
            |state: &web::Data<ApiState>| metorial::owns(request.head(), state.magneteco.base());
        match request.app_data::<web::Data<ApiState>>().is_some_and(is_metorial) {
            true => Self::Metorial,
            false => Self::of_path(request.path()),
        }
    }

    fn of_path(path: &str) -> Self {
        // Doubled slashes are merged later.
        let path = path.trim_start_matches('/');
        match path.starts_with("api/") || path.starts_with("admin/") {
            true => Self::RequestId,
            false => Self::CorrelationId,
        }
    }

    /// Where a caller's own id stands.
    fn header(self) -> HeaderName {
        match self {
            Self::RequestId => REQUEST_ID,
            Self::CorrelationId => CORRELATION_ID,
            Self::Metorial => METORIAL_REQUEST_ID,
        }
    }

    fn accepts(self, byte: u8) -> bool {
        match self {
            Self::RequestId => byte.is_ascii_graphic(),
            Self::CorrelationId => byte.is_ascii_alphanumeric() || b"._:-".contains(&byte),
            Self::Metorial => false,
        }
    }

    fn generate(self) -> RequestId {
        match self {
            Self::RequestId => RequestId::generate(),
            Self::CorrelationId => RequestId(Uuid::new_v4().to_string().into()),
            Self::Metorial => RequestId(metorial::draw_request_id().into()),
        }
    }

    /// The id a caller sent, if it is one.
    fn find_in(self, headers: &HeaderMap) -> Option<RequestId> {
        let text = headers.get(self.header())?.to_str().ok()?;
        let sane = (1..=INCOMING_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| self.accepts(byte));
        sane.then(|| RequestId(text.into()))
    }
}

/// 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// `req_` and 32 hexadecimal characters.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("req_{}", Uuid::now_v7().simple()).into())
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

/// What an error needs to know of its request.
struct Current {
    id: RequestId,
    clock: Arc<dyn Clock>,
}

tokio::task_local! {
    /// An error is rendered where no request is at hand, so this travels with the task.
    static CURRENT: Current;
}

/// The id of the request being served; a fresh one outside of any request.
#[must_use]
pub fn current() -> RequestId {
    let id = CURRENT.try_with(|current| current.id.clone());
    id.unwrap_or_else(|_| RequestId::generate())
}

/// The time by the clock of the server that serves the request; by the machine's outside of any.
#[must_use]
pub fn now() -> Timestamp {
    CURRENT.try_with(|current| current.clock.now()).unwrap_or_else(|_| SystemClock.now())
}

/// The middleware: extension, span, task-local and response headers.
///
/// # Errors
/// Those of the inner service.
pub async fn request_id<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let naming = Naming::of(&request);
    let id = naming.find_in(request.headers()).unwrap_or_else(|| naming.generate());
    let clock = request
        .app_data::<web::Data<Timing>>()
        .map_or_else(|| Arc::new(SystemClock) as Arc<dyn Clock>, |timing| timing.clock.clone());
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id);
    let current = Current { id: id.clone(), clock };
    let answered = CURRENT.scope(current, next.call(request).instrument(span)).await;
    let mut response = answered?;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        if naming != Naming::RequestId {
            response.headers_mut().insert(naming.header(), value.clone());
        }
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(naming: Naming, value: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(naming.header(), HeaderValue::from_bytes(value).unwrap());
        naming.find_in(&headers).map(|id| id.to_string())
    }

    #[test]
    fn a_sane_incoming_id_is_kept_and_any_other_replaced() {
        for (naming, good) in
            [(Naming::RequestId, "trace-1/2:3"), (Naming::CorrelationId, "Trace_1.2:3-")]
        {
            assert_eq!(found(naming, good.as_bytes()).as_deref(), Some(good));
            assert_eq!(found(naming, &[b'a'; 128]), Some("a".repeat(128)));
            for bad in [&b""[..], b"two words", b"tab\there", "caf\u{e9}".as_bytes(), &[b'a'; 129]]
            {
                assert_eq!(found(naming, bad), None, "{bad:?}");
            }
        }
        let uuid = "0190A000-0000-7000-8000-00000000beef";
        assert_eq!(found(Naming::CorrelationId, uuid.as_bytes()).as_deref(), Some(uuid));
        for bad in ["a/b", "{0190a000-0000-7000-8000-00000000beef}", "a,b", "a;b"] {
            assert_eq!(found(Naming::CorrelationId, bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn no_incoming_id_is_kept_where_ids_are_always_ours() {
        for text in ["req_0mb2k7x1q0Ab3dEf5hIj7k", "trace-1"] {
            assert_eq!(found(Naming::Metorial, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_generated_id_is_of_its_kind() {
        let id = Naming::RequestId.generate();
        let digits = id.as_str().strip_prefix("req_").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let id = Naming::Metorial.generate();
        let body = id.as_str().strip_prefix("req_").unwrap();
        assert_eq!(body.len(), 22);
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let id = Naming::CorrelationId.generate();
        let uuid = Uuid::parse_str(id.as_str()).unwrap();
        assert_eq!((uuid.get_version_num(), uuid.to_string().as_str()), (4, id.as_str()));
    }

    #[test]
    fn the_path_decides_what_the_id_is_called() {
        for path in ["/api/v1/memory/read", "//api/v1", "/admin/v1/server", "/api/"] {
            assert_eq!(Naming::of_path(path), Naming::RequestId, "{path}");
        }
        for path in ["/", "/recall", "/health", "/api", "/apis/x", "/x/api/", "/administration"] {
            assert_eq!(Naming::of_path(path), Naming::CorrelationId, "{path}");
        }
    }
}
