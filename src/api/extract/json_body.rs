//! A request's body as JSON text: of the media type that is asked for, not too large, arrived in
//! time, valid UTF-8 and of bounded depth. What the text means is the dialect's business.

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use thiserror::Error;

use super::RequestDeadline;
use crate::api::json_text;
use crate::types::limits;

/// Levels of arrays and objects in one body, the 64 of metadata included. Also below what the
/// JSON parser itself survives.
const LEVELS_MAX: usize = 100;

/// How much memory to set aside on the word of a `Content-Length` header alone.
const TRUSTED_LENGTH_MAX: usize = 64 * 1024;

/// The largest body this server takes, in bytes. Kept in the application's data.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    #[error("send the body as Content-Type: application/json")]
    MediaType,
    #[error("send the body without a content encoding")]
    ContentEncoding,
    #[error("the body exceeds {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("the body did not arrive in time")]
    TimedOut,
    #[error("the body could not be received to its end")]
    Interrupted,
    #[error("the body is not valid UTF-8 after byte {valid_bytes}")]
    NotUtf8 { valid_bytes: usize },
    #[error("the body nests deeper than {levels_max} levels")]
    TooDeep { levels_max: usize },
}

/// JSON text, not yet parsed. `E` is the dialect's error, so that a refusal speaks its language.
#[derive(Debug)]
pub struct JsonBody<E> {
    text: String,
    error: PhantomData<fn() -> E>,
}

impl<E> JsonBody<E> {
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What is asked of a body besides that it is text of bounded depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct BodyRule {
    /// Whether anything but `application/json` is refused; of a refused body not one byte is taken.
    pub(in crate::api) says_json: bool,
    pub(in crate::api) bytes_max: usize,
}

impl BodyRule {
    /// A body that says it is JSON, as large as this server takes.
    fn json(request: &HttpRequest) -> Self {
        Self { says_json: true, ..Self::anything(request) }
    }

    /// A body of any media type, as large as this server takes.
    pub(in crate::api) fn anything(request: &HttpRequest) -> Self {
        let limit = request.app_data::<BodyLimit>();
        let bytes_max = limit.map_or(limits::BODY_BYTES_MAX, |limit| limit.0);
        Self { says_json: false, bytes_max }
    }
}

/// Receives a body until the request's deadline. What the headers say is checked at once, the rest
/// when the future runs.
pub(in crate::api) fn receive_body(
    request: &HttpRequest,
    payload: &mut Payload,
    rule: BodyRule,
) -> impl Future<Output = Result<String, BodyError>> + use<> {
    let receiving = receive_bytes(request, payload, rule);
    async move { body_text(receiving.await?) }
}

/// The same for a body of which every byte counts, such as one that is signed. What it holds is
/// not looked at.
pub(in crate::api) fn receive_bytes(
    request: &HttpRequest,
    payload: &mut Payload,
    rule: BodyRule,
) -> impl Future<Output = Result<Vec<u8>, BodyError>> + use<> {
    let media_type = if rule.says_json { check_media_type(request.headers()) } else { Ok(()) };
    let length = media_type.and_then(|()| check_headers(request.headers(), rule.bytes_max));
    let deadline = RequestDeadline::of(request);
    let payload = payload.take();
    async move { receive_in_time(payload, length?, rule.bytes_max, deadline).await }
}

impl<E> FromRequest for JsonBody<E>
where
    E: From<BodyError> + Into<actix_web::Error> + 'static,
{
    type Error = E;
    type Future = LocalBoxFuture<'static, Result<Self, E>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let receiving = receive_body(request, payload, BodyRule::json(request));
        Box::pin(async move { Ok(Self { text: receiving.await?, error: PhantomData }) })
    }
}

/// A body that may be left out, with or without a media type. What is sent is JSON all the same.
#[derive(Debug)]
pub struct OptionalJsonBody<E> {
    body: Option<JsonBody<E>>,
}

impl<E> OptionalJsonBody<E> {
    /// `None` when nothing was sent.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.body.as_ref().map(JsonBody::text)
    }
}

impl<E> FromRequest for OptionalJsonBody<E>
where
    E: From<BodyError> + Into<actix_web::Error> + 'static,
{
    type Error = E;
    type Future = LocalBoxFuture<'static, Result<Self, E>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // Not one byte of another media type is taken.
        let rule = match check_media_type(request.headers()) {
            Ok(()) => BodyRule::json(request),
            Err(_) => BodyRule { says_json: false, bytes_max: 0 },
        };
        let receiving = receive_body(request, payload, rule);
        Box::pin(async move {
            let text = match receiving.await {
                Err(BodyError::TooLarge { bytes_max: 0 }) => Err(BodyError::MediaType),
                received => received,
            }?;
            let body = (!text.is_empty()).then_some(JsonBody { text, error: PhantomData });
            Ok(Self { body })
        })
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), BodyError> {
    let content_type = headers.get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| is_json(value.as_bytes())) {
        Ok(())
    } else {
        Err(BodyError::MediaType)
    }
}

/// What the headers alone tell of a body in JSON. Returns the announced length, 0 if there is
/// none.
fn check_headers(headers: &HeaderMap, bytes_max: usize) -> Result<usize, BodyError> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(BodyError::ContentEncoding);
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok())
        .unwrap_or(0);
    if length > bytes_max {
        return Err(BodyError::TooLarge { bytes_max });
    }
    Ok(length)
}

/// `application/json`, whatever its parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

async fn receive_in_time(
    payload: Payload,
    announced_length: usize,
    bytes_max: usize,
    deadline: RequestDeadline,
) -> Result<Vec<u8>, BodyError> {
    let reading = receive(payload, announced_length, bytes_max);
    tokio::time::timeout_at(deadline.0.instant(), reading)
        .await
        .map_err(|_elapsed| BodyError::TimedOut)?
}

async fn receive(
    mut payload: Payload,
    announced_length: usize,
    bytes_max: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::with_capacity(announced_length.min(TRUSTED_LENGTH_MAX));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_cause| BodyError::Interrupted)?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(BodyError::TooLarge { bytes_max });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What [`receive_bytes`] received as text of bounded depth.
pub(in crate::api) fn body_text(bytes: Vec<u8>) -> Result<String, BodyError> {
    let text = String::from_utf8(bytes)
        .map_err(|cause| BodyError::NotUtf8 { valid_bytes: cause.utf8_error().valid_up_to() })?;
    if json_text::nests_deeper_than(text.as_bytes(), LEVELS_MAX) {
        return Err(BodyError::TooDeep { levels_max: LEVELS_MAX });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Error)]
    #[error("refused")]
    struct Refused(BodyError);

    impl From<BodyError> for Refused {
        fn from(cause: BodyError) -> Self {
            Self(cause)
        }
    }

    impl actix_web::ResponseError for Refused {}

    async fn refusal_of(payload: Payload) -> BodyError {
        let request = actix_web::test::TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .app_data(BodyLimit(10))
            .to_http_request();
        let mut payload = payload;
        JsonBody::<Refused>::from_request(&request, &mut payload).await.unwrap_err().0
    }

    #[actix_web::test]
    async fn a_body_that_never_comes_is_given_up_at_the_deadline() {
        let payload = Box::pin(futures_util::stream::pending());
        assert_eq!(refusal_of(Payload::Stream { payload }).await, BodyError::TimedOut);
    }

    #[actix_web::test]
    async fn a_body_that_announces_nothing_is_counted_while_it_comes() {
        let chunks = [&b"[1,2,"[..], b"3,4,5,6]"].map(|chunk| Ok(chunk.into()));
        let payload = Box::pin(futures_util::stream::iter(chunks));
        let refusal = refusal_of(Payload::Stream { payload }).await;
        assert_eq!(refusal, BodyError::TooLarge { bytes_max: 10 });
    }

    #[actix_web::test]
    async fn an_optional_body_may_be_missing_but_not_be_of_another_kind() {
        for (media_type, sent, expected) in [
            (None, "", Ok(None)),
            (Some("application/x-www-form-urlencoded"), "", Ok(None)),
            (Some("application/json"), "", Ok(None)),
            (Some("application/json"), "{}", Ok(Some("{}".to_owned()))),
            (None, "{}", Err(BodyError::MediaType)),
            (Some("text/plain"), "{}", Err(BodyError::MediaType)),
            (Some("application/json"), "[1,2,3,4,5]", Err(BodyError::TooLarge { bytes_max: 10 })),
        ] {
            let mut request = actix_web::test::TestRequest::post().app_data(BodyLimit(10));
            if let Some(media_type) = media_type {
                request = request.insert_header((header::CONTENT_TYPE, media_type));
            }
            let chunks = (!sent.is_empty()).then(|| Ok(sent.into()));
            let mut payload: Payload =
                Payload::Stream { payload: Box::pin(futures_util::stream::iter(chunks)) };
            let request = request.to_http_request();
            let taken = OptionalJsonBody::<Refused>::from_request(&request, &mut payload).await;
            let taken = taken.map(|body| body.text().map(str::to_owned));
            assert_eq!(taken.map_err(|refused| refused.0), expected, "{media_type:?} {sent}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for good in ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"]
        {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["", "text/json", "application/jsonp", "application/x-www-form-urlencoded"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded_whatever_the_field() {
        let body = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(body_text(body(LEVELS_MAX).into_bytes()).is_ok());
        assert_eq!(
            body_text(body(10_000).into_bytes()),
            Err(BodyError::TooDeep { levels_max: LEVELS_MAX })
        );
    }
}
