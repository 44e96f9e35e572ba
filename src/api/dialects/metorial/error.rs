//! The dialect's errors: one exhaustive match from the kind of a failure to a status and a code, and
//! the object that all of them are. Causes are logged where they happen.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::ids::Prefix;
use super::version::Version;
use crate::api::extract::{BodyError, FormError};
use crate::api::failure::{Failure, whole_seconds};
use crate::api::middleware::request_id;
use crate::control::quotas::RateExceeded;
use crate::service::{Collection, Refusal, ServiceError};
use crate::types::ErrorKind;

/// The pause suggested when the failure itself suggests none.
const PAUSE_S: u64 = 1;

/// A longer id than any there is need not be repeated.
const SHOWN_ID_CHARS_MAX: usize = 254;

/// The words that clients branch on, each with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    BadRequest,
    InvalidVersion,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    PayloadTooLarge,
    InvalidData,
    RateLimitExceeded,
    InternalServerError,
    ServiceUnavailable,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::InvalidVersion => "invalid_version",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::PayloadTooLarge => "payload_too_large",
            Self::InvalidData => "invalid_data",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::InternalServerError => "internal_server_error",
            Self::ServiceUnavailable => "service_unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::InvalidVersion => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InvalidData => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What machines are told besides the code.
pub(super) mod reason {
    pub(in super::super) const INVALID_JSON_BODY: &str = "invalid_json_body";
    pub(in super::super) const INVALID_FORM_BODY: &str = "invalid_form_body";
    pub(in super::super) const INVALID_QUERY: &str = "invalid_query";
    pub(in super::super) const UNSUPPORTED_CONTENT_TYPE: &str = "unsupported_content_type";
    pub(in super::super) const INCOMPLETE_BODY: &str = "incomplete_body";
    pub(in super::super) const INVALID_CURSOR: &str = "invalid_cursor";
    pub(in super::super) const LINKS_ARE_OFF: &str = "links_are_off";
    pub(in super::super) const NO_INSTANCE: &str = "no_instance";
    pub(in super::super) const WRONG_KEY_TYPE: &str = "wrong_key_type";
    pub(in super::super) const LIMIT_REACHED: &str = "limit_reached";
    pub(in super::super) const PROJECT_NOT_EMPTY: &str = "project_not_empty";
    pub(in super::super) const DEFAULT_PROJECT: &str = "default_project";
}

/// Boxed, since most results hold none.
#[derive(Debug)]
pub(super) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    reason: Option<&'static str>,
    entity: Option<&'static str>,
    id: Option<String>,
    errors: Vec<FieldError>,
    /// Whole seconds for `Retry-After`.
    retry_after_s: Option<u64>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldError {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// From the outside in; positions in lists are decimal.
    pub(super) path: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) received: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<i64>,
}

/// Where fields that are wrong stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    Body,
    Query,
}

impl Entity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
        }
    }
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    object: &'static str,
    ok: bool,
    status: u16,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl ApiError {
    fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            hint: None,
            reason: None,
            entity: None,
            id: None,
            errors: Vec::new(),
            retry_after_s: None,
        }))
    }

    /// What its reader may do.
    pub(super) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    fn because(mut self, reason: &'static str) -> Self {
        self.0.reason = Some(reason);
        self
    }

    fn after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// A request that cannot be understood, or an action that cannot be taken.
    pub(super) fn bad_request(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message).because(reason)
    }

    /// One body whatever was wrong with it, so that nothing is learned of ids of others.
    pub(super) fn invalid_cursor() -> Self {
        Self::bad_request(reason::INVALID_CURSOR, "This is no place in this list")
            .with_hint("Pass the id of a record of this list as either `after` or `before`")
    }

    pub(super) fn invalid_version() -> Self {
        let [old, new] = Version::ALL.map(Version::as_str);
        Self::new(Code::InvalidVersion, "This API version is unknown")
            .with_hint(format!("Supported values of Metorial-Version: {old}, {new}"))
    }

    /// No key where one is needed, or none that is good.
    pub(super) fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unauthorized, message)
            .with_hint("Send a good API key as `Authorization: Bearer <key>`")
    }

    /// A key that may not do this.
    pub(super) fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// A kind of key that may not do this.
    pub(super) fn wrong_key(needed: &'static str) -> Self {
        Self::forbidden("This kind of API key may not do this")
            .because(reason::WRONG_KEY_TYPE)
            .with_hint(needed)
    }

    pub(super) fn not_found(entity: &'static str, id: Option<&str>) -> Self {
        let mut error = Self::new(Code::NotFound, "There is no such record");
        error.0.entity = Some(entity);
        error.0.id = id.filter(|id| id.len() <= SHOWN_ID_CHARS_MAX).map(str::to_owned);
        error
    }

    pub(super) fn no_endpoint() -> Self {
        let mut error = Self::new(Code::NotFound, "There is no such endpoint");
        error.0.entity = Some("endpoint");
        error
    }

    /// A name that another record has.
    pub(super) fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, message)
    }

    fn full(collection: Collection, limit: usize) -> Self {
        let entity = prefix_of(collection).entity();
        Self::forbidden(format!("There are as many records of `{entity}` as there may be: {limit}"))
            .because(reason::LIMIT_REACHED)
    }

    /// Fields that are wrong; at least one.
    pub(super) fn invalid(entity: Entity, errors: Vec<FieldError>) -> Self {
        debug_assert!(!errors.is_empty());
        let mut error = Self::new(Code::InvalidData, "The request holds invalid data");
        error.0.entity = Some(entity.as_str());
        error.0.errors = errors;
        error
    }

    pub(super) fn rate_limited(exceeded: &RateExceeded) -> Self {
        Self::too_many(exceeded.retry_after)
    }

    fn too_many(retry_after: Duration) -> Self {
        let seconds = whole_seconds(retry_after);
        Self::new(Code::RateLimitExceeded, "Too many requests")
            .after(seconds)
            .with_hint(format!("Wait {seconds} s and try again"))
    }

    /// Something that every answer needs cannot work now.
    pub(super) fn unavailable() -> Self {
        Self::new(Code::ServiceUnavailable, "The service cannot answer now").after(PAUSE_S)
    }

    /// A failure on our side that the service did not foresee.
    pub(super) fn internal() -> Self {
        Self::new(Code::InternalServerError, "The server failed to serve this request")
    }

    /// What the service refused; `id` is what the request addressed, if it was told.
    pub(super) fn refused(refusal: Refusal, id: Option<&str>) -> Self {
        match refusal {
            Refusal::NoSuch(collection) => Self::not_found(prefix_of(collection).entity(), id),
            Refusal::NoReference(collection) => {
                Self::not_found(prefix_of(collection).entity(), None)
            }
            Refusal::UnknownCursor => Self::invalid_cursor(),
            Refusal::NameTaken => Self::conflict("Another record has this name already"),
            Refusal::Full { collection, limit } => Self::full(collection, limit),
        }
    }
}

/// What ids of a collection begin with.
fn prefix_of(collection: Collection) -> Prefix {
    match collection {
        Collection::Sessions => Prefix::Session,
        Collection::Messages => Prefix::Message,
        Collection::Events => Prefix::Event,
        Collection::Actors => Prefix::Actor,
        Collection::Agents => Prefix::Agent,
        Collection::Threads => Prefix::Thread,
        Collection::Files => Prefix::File,
        Collection::FileLinks => Prefix::FileLink,
    }
}

impl From<BodyError> for ApiError {
    fn from(cause: BodyError) -> Self {
        match cause {
            BodyError::TooLarge { bytes_max } => {
                let message = format!("The body has more than {bytes_max} bytes");
                Self::new(Code::PayloadTooLarge, message)
            }
            BodyError::MediaType => Self::unsupported_type(),
            BodyError::ContentEncoding => Self::bad_request(
                reason::UNSUPPORTED_CONTENT_TYPE,
                "Send the body without a content encoding",
            ),
            BodyError::TimedOut | BodyError::Interrupted => Self::bad_request(
                reason::INCOMPLETE_BODY,
                "The body could not be received to its end in time",
            ),
            BodyError::NotUtf8 { .. } => {
                Self::bad_request(reason::INVALID_JSON_BODY, "The body is not valid UTF-8")
            }
            BodyError::TooDeep { .. } => {
                Self::bad_request(reason::INVALID_JSON_BODY, "The body nests too deep")
            }
        }
    }
}

impl ApiError {
    /// Another body where a file is to be sent.
    pub(super) fn needs_file_form() -> Self {
        Self::bad_request(
            reason::UNSUPPORTED_CONTENT_TYPE,
            "A body of this content type is not understood here",
        )
        .with_hint("Send multipart/form-data with the parts `file` and `purpose`")
    }

    /// A link that nobody could follow.
    pub(super) fn links_are_off() -> Self {
        Self::bad_request(reason::LINKS_ARE_OFF, "Links to files are switched off on this server")
            .with_hint("Ask whoever runs the server to set metorial.public_links")
    }

    pub(super) fn unsupported_type() -> Self {
        Self::bad_request(
            reason::UNSUPPORTED_CONTENT_TYPE,
            "A body of this content type is not understood here",
        )
        .with_hint("Send application/json or application/x-www-form-urlencoded")
    }
}

impl From<FormError> for ApiError {
    fn from(cause: FormError) -> Self {
        match cause {
            FormError::MediaType => Self::needs_file_form(),
            FormError::ContentEncoding => {
                Self::bad_request(reason::UNSUPPORTED_CONTENT_TYPE, cause.to_string())
            }
            FormError::Malformed
            | FormError::NotUtf8
            | FormError::TooManyTexts
            | FormError::TooManyFiles { .. } => {
                Self::bad_request(reason::INVALID_FORM_BODY, cause.to_string())
            }
            FormError::TextTooLarge
            | FormError::FileTooLarge { .. }
            | FormError::TooLarge { .. } => Self::new(Code::PayloadTooLarge, cause.to_string()),
            FormError::TimedOut | FormError::Interrupted => {
                Self::bad_request(reason::INCOMPLETE_BODY, cause.to_string())
            }
            FormError::Sink(error) => error.into(),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(cause: ServiceError) -> Self {
        match cause.kind() {
            ErrorKind::InvalidInput => Self::new(Code::BadRequest, cause.message().to_owned()),
            ErrorKind::Conflict => Self::conflict(cause.message().to_owned()),
            ErrorKind::Unauthenticated => Self::unauthorized("This API key is not good"),
            ErrorKind::Forbidden => Self::forbidden("This API key may not do this"),
            ErrorKind::NotFound => Self::not_found(Prefix::Instance.entity(), None),
            ErrorKind::QuotaExceeded => match cause.spent() {
                // Tomorrow it is there again.
                Some(spent) => Self::too_many(spent.pause(request_id::now())),
                // The plan lets the environment hold no more; waiting does not help.
                None => Self::forbidden(cause.message().to_owned()).because(reason::LIMIT_REACHED),
            },
            ErrorKind::Overloaded | ErrorKind::DeadlineExceeded | ErrorKind::Unavailable => {
                Self::unavailable().after(cause.pause().map_or(PAUSE_S, whole_seconds))
            }
            ErrorKind::Corrupted | ErrorKind::Internal => Self::internal(),
        }
    }
}

/// What this dialect says where no handler could.
pub(super) fn render_failure(failure: &Failure) -> HttpResponse {
    let error = match failure {
        // The contract has no other answer to a wrong method.
        Failure::PathNotFound { .. } | Failure::MethodNotAllowed { .. } => ApiError::no_endpoint(),
        Failure::TooManyRequests { retry_after } => ApiError::too_many(*retry_after),
        Failure::HandlerPanicked => ApiError::internal(),
    };
    error.error_response()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let parts = &*self.0;
        let status = parts.code.status();
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = parts.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if parts.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(ErrorObject {
            object: "error",
            ok: false,
            status: status.as_u16(),
            code: parts.code.as_str(),
            message: &parts.message,
            hint: parts.hint.as_deref(),
            reason: parts.reason,
            entity: parts.entity,
            id: parts.id.as_deref(),
            errors: &parts.errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::control::quotas::RateStatus;
    use crate::types::Timestamp;

    async fn body_of(response: HttpResponse) -> Value {
        serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    fn header_of(response: &HttpResponse, name: header::HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[actix_web::test]
    async fn each_kind_has_the_status_and_code_of_the_contract_and_says_nothing_internal() {
        for (kind, status, code) in [
            (ErrorKind::InvalidInput, 400, "bad_request"),
            (ErrorKind::Conflict, 409, "conflict"),
            (ErrorKind::Unauthenticated, 401, "unauthorized"),
            (ErrorKind::Forbidden, 403, "forbidden"),
            (ErrorKind::QuotaExceeded, 403, "forbidden"),
            (ErrorKind::NotFound, 404, "not_found"),
            (ErrorKind::Overloaded, 503, "service_unavailable"),
            (ErrorKind::DeadlineExceeded, 503, "service_unavailable"),
            (ErrorKind::Unavailable, 503, "service_unavailable"),
            (ErrorKind::Corrupted, 500, "internal_server_error"),
            (ErrorKind::Internal, 500, "internal_server_error"),
        ] {
            let response = ApiError::from(ServiceError::new(kind, "why")).error_response();
            assert_eq!(response.status().as_u16(), status, "{kind:?}");
            let retry_after = header_of(&response, header::RETRY_AFTER);
            assert_eq!(retry_after, (status == 503).then_some("1"), "{kind:?}");
            let challenge = header_of(&response, header::WWW_AUTHENTICATE);
            assert_eq!(challenge, (status == 401).then_some("Bearer"), "{kind:?}");
            let body = body_of(response).await;
            assert_eq!((&body["object"], &body["ok"]), (&json!("error"), &json!(false)));
            assert_eq!((&body["status"], &body["code"]), (&json!(status), &json!(code)));
            let message = body["message"].as_str().unwrap();
            let may_quote = matches!(
                kind,
                ErrorKind::InvalidInput | ErrorKind::Conflict | ErrorKind::QuotaExceeded
            );
            assert_eq!(message == "why", may_quote, "{kind:?}");
            assert!(!message.is_empty());
        }
    }

    #[actix_web::test]
    async fn a_body_that_cannot_be_received_is_told_why() {
        for (cause, status, reason) in [
            (BodyError::TooLarge { bytes_max: 1 }, 413, Value::Null),
            (BodyError::MediaType, 400, json!("unsupported_content_type")),
            (BodyError::ContentEncoding, 400, json!("unsupported_content_type")),
            (BodyError::NotUtf8 { valid_bytes: 0 }, 400, json!("invalid_json_body")),
            (BodyError::TooDeep { levels_max: 1 }, 400, json!("invalid_json_body")),
            (BodyError::Interrupted, 400, json!("incomplete_body")),
            (BodyError::TimedOut, 400, json!("incomplete_body")),
        ] {
            let response = ApiError::from(cause.clone()).error_response();
            assert_eq!(response.status().as_u16(), status, "{cause:?}");
            assert_eq!(body_of(response).await["reason"], reason, "{cause:?}");
        }
    }

    #[actix_web::test]
    async fn a_missing_record_is_told_with_the_id_that_was_asked_for() {
        let body = body_of(ApiError::not_found("session", Some("ses_x")).error_response()).await;
        let expected = json!({
            "object": "error", "ok": false, "status": 404, "code": "not_found",
            "message": "There is no such record", "entity": "session", "id": "ses_x",
        });
        assert_eq!(body, expected);
        let long = "x".repeat(SHOWN_ID_CHARS_MAX + 1);
        let body = body_of(ApiError::not_found("session", Some(&long)).error_response()).await;
        assert_eq!(body["id"], Value::Null);
    }

    #[actix_web::test]
    async fn each_refusal_of_the_service_has_its_answer() {
        let full = Refusal::Full { collection: Collection::Agents, limit: 10 };
        for (refusal, status, member, value) in [
            (Refusal::NoSuch(Collection::Sessions), 404, "entity", "session"),
            (Refusal::NoReference(Collection::Threads), 404, "entity", "thread"),
            (Refusal::UnknownCursor, 400, "reason", "invalid_cursor"),
            (Refusal::NameTaken, 409, "code", "conflict"),
            (full, 403, "reason", "limit_reached"),
        ] {
            let response = ApiError::refused(refusal, None).error_response();
            assert_eq!(response.status().as_u16(), status, "{refusal:?}");
            assert_eq!(body_of(response).await[member], value, "{refusal:?}");
        }
    }

    #[actix_web::test]
    async fn a_refusal_for_number_says_how_long_to_wait() {
        let reset_at = Timestamp::from_micros(0);
        let exceeded = RateExceeded {
            status: RateStatus { limit: 100, remaining: 0, reset_at },
            retry_after: Duration::from_millis(1_500),
        };
        let response = ApiError::rate_limited(&exceeded).error_response();
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(header_of(&response, header::RETRY_AFTER), Some("2"));
        assert_eq!(body_of(response).await["code"], "rate_limit_exceeded");
    }

    #[actix_web::test]
    async fn an_unknown_path_and_a_wrong_method_are_told_alike() {
        let path = "/nothing".to_owned();
        let unknown = render_failure(&Failure::PathNotFound { path: path.clone() });
        let allow = "GET".to_owned();
        let wrong = render_failure(&Failure::MethodNotAllowed { path, allow });
        assert_eq!((unknown.status().as_u16(), wrong.status().as_u16()), (404, 404));
        let (unknown, wrong) = (body_of(unknown).await, body_of(wrong).await);
        assert_eq!(unknown, wrong);
        assert_eq!(unknown["entity"], "endpoint");
    }
}
