//! The dialect's errors: one exhaustive match from the kind of a failure to a status and a code,
//! and the envelope that all of them have. Messages are the contract's; causes are logged where
//! they happen.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::api::extract::BodyError;
use crate::api::failure::{Failure, whole_seconds};
use crate::api::middleware::request_id;
use crate::control::quotas::RateExceeded;
use crate::service::ServiceError;
use crate::types::ErrorKind;

/// The pause suggested when the failure itself suggests none.
const PAUSE_S: u64 = 1;

const INVALID_BODY: &str = "Invalid request body";
const INVALID_QUERY: &str = "Invalid query parameters";

/// What may be wrong with a field, in the contract's words.
pub(super) mod issue {
    pub(in super::super) const MISSING: &str = "Required field missing";
    pub(in super::super) const TYPE: &str = "Invalid type";
    pub(in super::super) const VALUE: &str = "Invalid value";
    pub(in super::super) const EMPTY: &str = "Must not be empty";
    pub(in super::super) const NOT_TRUE: &str = "Must be true";
    pub(in super::super) const RANGE: &str = "Out of range";
    pub(in super::super) const TOO_LONG: &str = "Too long";
    pub(in super::super) const JSON: &str = "Invalid JSON";
}

/// The words that clients branch on, each with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    ValidationError,
    Unauthorized,
    Forbidden,
    NotFound,
    RateLimited,
    InternalError,
    ServiceUnavailable,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::ValidationError => "VALIDATION_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::RateLimited => "RATE_LIMITED",
            Self::InternalError => "INTERNAL_ERROR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::ValidationError => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::ValidationError => INVALID_BODY,
            Self::Unauthorized => "Invalid or missing API key",
            Self::Forbidden => "API key lacks required permissions",
            Self::NotFound => "Resource not found",
            Self::RateLimited => "Too many requests",
            Self::InternalError => "Server error",
            Self::ServiceUnavailable => "Dependency unavailable",
        }
    }
}

#[derive(Debug)]
pub(super) struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    details: Option<Details>,
    /// Whole seconds for `Retry-After`.
    retry_after_s: Option<u64>,
}

/// What is wrong with a request.
#[derive(Debug, Serialize)]
struct Details {
    /// Nested ones with dots and indices.
    field: String,
    issue: Cow<'static, str>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorMembers<'a>,
}

#[derive(Serialize)]
struct ErrorMembers<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Details>,
}

impl ApiError {
    fn new(code: Code) -> Self {
        let message = Cow::Borrowed(code.message());
        Self { code, message, details: None, retry_after_s: None }
    }

    /// A field of a body, or `body` itself.
    pub(super) fn field(field: impl Into<String>, issue: impl Into<Cow<'static, str>>) -> Self {
        let details = Details { field: field.into(), issue: issue.into() };
        Self { details: Some(details), ..Self::new(Code::ValidationError) }
    }

    /// A parameter of an address, in its path or its query.
    pub(super) fn parameter(name: &str, issue: &'static str) -> Self {
        Self { message: Cow::Borrowed(INVALID_QUERY), ..Self::field(name, issue) }
    }

    pub(super) fn no_json() -> Self {
        Self::field("body", issue::JSON)
    }

    /// No key where one is needed, or none that is good.
    pub(super) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized)
    }

    /// A permission the key lacks, or an app that is not the key's.
    pub(super) fn forbidden() -> Self {
        Self::new(Code::Forbidden)
    }

    pub(super) fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    pub(super) fn rate_limited(exceeded: &RateExceeded) -> Self {
        Self::too_many(exceeded.retry_after)
    }

    fn too_many(retry_after: Duration) -> Self {
        let retry_after_s = Some(whole_seconds(retry_after));
        Self { retry_after_s, ..Self::new(Code::RateLimited) }
    }

    /// Something that every answer needs cannot work now.
    pub(super) fn unavailable() -> Self {
        Self { retry_after_s: Some(PAUSE_S), ..Self::new(Code::ServiceUnavailable) }
    }

    /// A failure on our side that the service did not foresee.
    pub(super) fn internal() -> Self {
        Self::new(Code::InternalError)
    }
}

impl From<BodyError> for ApiError {
    fn from(cause: BodyError) -> Self {
        match cause {
            BodyError::TooLarge { .. } => Self::field("body", issue::TOO_LONG),
            BodyError::MediaType
            | BodyError::ContentEncoding
            | BodyError::TimedOut
            | BodyError::Interrupted
            | BodyError::NotUtf8 { .. }
            | BodyError::TooDeep { .. } => Self::no_json(),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(cause: ServiceError) -> Self {
        match cause.kind() {
            ErrorKind::InvalidInput | ErrorKind::Conflict => {
                Self::field("body", cause.message().to_owned())
            }
            ErrorKind::Unauthenticated => Self::unauthorized(),
            ErrorKind::Forbidden => Self::forbidden(),
            ErrorKind::NotFound => Self::not_found(),
            ErrorKind::QuotaExceeded => match cause.spent() {
                // Tomorrow it is there again.
                Some(spent) => Self::too_many(spent.pause(request_id::now())),
                // The plan lets the tenant hold no more; waiting does not help.
                None => {
                    Self { message: Cow::Owned(cause.message().to_owned()), ..Self::forbidden() }
                }
            },
            ErrorKind::Overloaded | ErrorKind::DeadlineExceeded | ErrorKind::Unavailable => {
                let retry_after_s = Some(cause.pause().map_or(PAUSE_S, whole_seconds));
                Self { retry_after_s, ..Self::unavailable() }
            }
            ErrorKind::Corrupted | ErrorKind::Internal => Self::internal(),
        }
    }
}

/// What this dialect says where no handler could.
pub(super) fn render_failure(failure: &Failure) -> HttpResponse {
    let error = match failure {
        // The contract has no other answer to a wrong method.
        Failure::PathNotFound { .. } | Failure::MethodNotAllowed { .. } => ApiError::not_found(),
        Failure::TooManyRequests { retry_after } => ApiError::too_many(*retry_after),
        Failure::HandlerPanicked => ApiError::internal(),
    };
    error.error_response()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.details {
            Some(Details { field, issue }) => write!(f, ": {field}: {issue}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let (code, message) = (self.code.as_str(), &*self.message);
        let details = self.details.as_ref();
        response.json(ErrorBody { error: ErrorMembers { code, message, details } })
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
        for (kind, status, code, message) in [
            (ErrorKind::InvalidInput, 400, "VALIDATION_ERROR", "Invalid request body"),
            (ErrorKind::Conflict, 400, "VALIDATION_ERROR", "Invalid request body"),
            (ErrorKind::Unauthenticated, 401, "UNAUTHORIZED", "Invalid or missing API key"),
            (ErrorKind::Forbidden, 403, "FORBIDDEN", "API key lacks required permissions"),
            (ErrorKind::QuotaExceeded, 403, "FORBIDDEN", "why"),
            (ErrorKind::NotFound, 404, "NOT_FOUND", "Resource not found"),
            (ErrorKind::Overloaded, 503, "SERVICE_UNAVAILABLE", "Dependency unavailable"),
            (ErrorKind::DeadlineExceeded, 503, "SERVICE_UNAVAILABLE", "Dependency unavailable"),
            (ErrorKind::Unavailable, 503, "SERVICE_UNAVAILABLE", "Dependency unavailable"),
            (ErrorKind::Corrupted, 500, "INTERNAL_ERROR", "Server error"),
            (ErrorKind::Internal, 500, "INTERNAL_ERROR", "Server error"),
        ] {
            let response = ApiError::from(ServiceError::new(kind, "why")).error_response();
            assert_eq!(response.status().as_u16(), status, "{kind:?}");
            let retry_after = header_of(&response, header::RETRY_AFTER);
            assert_eq!(retry_after, (status == 503).then_some("1"), "{kind:?}");
            let challenge = header_of(&response, header::WWW_AUTHENTICATE);
            assert_eq!(challenge, (status == 401).then_some("Bearer"), "{kind:?}");
            let mut error = json!({"code": code, "message": message});
            if status == 400 {
                error["details"] = json!({"field": "body", "issue": "why"});
            }
            assert_eq!(body_of(response).await, json!({"error": error}), "{kind:?}");
        }
    }

    #[actix_web::test]
    async fn a_field_and_a_parameter_are_told_with_their_issue() {
        let body = body_of(ApiError::field("userId", issue::MISSING).error_response()).await;
        let details = json!({"field": "userId", "issue": "Required field missing"});
        let error = json!({"code": "VALIDATION_ERROR", "message": "Invalid request body",
                           "details": details});
        assert_eq!(body, json!({"error": error}));
        let body = body_of(ApiError::parameter("limit", issue::RANGE).error_response()).await;
        assert_eq!(body["error"]["message"], "Invalid query parameters");
        assert_eq!(body["error"]["details"], json!({"field": "limit", "issue": "Out of range"}));
    }

    #[actix_web::test]
    async fn a_body_that_cannot_be_received_is_a_validation_error_too() {
        for (cause, issue) in [
            (BodyError::TooLarge { bytes_max: 1 }, "Too long"),
            (BodyError::NotUtf8 { valid_bytes: 0 }, "Invalid JSON"),
            (BodyError::TooDeep { levels_max: 1 }, "Invalid JSON"),
            (BodyError::Interrupted, "Invalid JSON"),
        ] {
            let response = ApiError::from(cause).error_response();
            assert_eq!(response.status().as_u16(), 400);
            let details = json!({"field": "body", "issue": issue});
            assert_eq!(body_of(response).await["error"]["details"], details);
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
        let error = json!({"code": "RATE_LIMITED", "message": "Too many requests"});
        assert_eq!(body_of(response).await, json!({"error": error}));
    }

    #[actix_web::test]
    async fn an_unknown_path_and_a_wrong_method_are_told_alike() {
        let path = "/v1/nothing".to_owned();
        let unknown = render_failure(&Failure::PathNotFound { path: path.clone() });
        let allow = "GET".to_owned();
        let wrong = render_failure(&Failure::MethodNotAllowed { path, allow });
        assert_eq!((unknown.status().as_u16(), wrong.status().as_u16()), (404, 404));
        let (unknown, wrong) = (body_of(unknown).await, body_of(wrong).await);
        assert_eq!(unknown, wrong);
        assert_eq!(unknown["error"]["code"], "NOT_FOUND");
    }
}
