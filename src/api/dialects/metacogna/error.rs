//! The dialect's errors: one exhaustive match from the kind of a failure to a status, and the
//! envelope that all of them have. Messages here are for callers; causes are logged where they
//! happen.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::ROUTES;
use crate::api::extract::{BodyError, FormError};
use crate::api::failure::{Failure, whole_seconds};
use crate::api::middleware::request_id;
use crate::control::quotas::RateExceeded;
use crate::service::ServiceError;
use crate::types::{ErrorKind, Timestamp};

/// The pause suggested when the failure itself suggests none.
const PAUSE_S: u64 = 1;

const INVALID_CREDENTIALS: &str = "Invalid credentials";
const INVALID_JSON: &str = "Invalid JSON body";
const RATE_LIMITED: &str = "Rate limit exceeded";
const INTERNAL: &str = "Internal server error";

#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    /// A short text without internals.
    error: Cow<'static, str>,
    /// Whole seconds for `Retry-After`.
    retry_after_s: Option<u64>,
    more: Box<More>,
}

/// What some failures say besides.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// In milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<String>,
    /// A word of its own where a status was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_endpoints: Option<Vec<String>>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    success: bool,
    error: &'a str,
    #[serde(flatten)]
    more: &'a More,
}

impl ApiError {
    fn new(status: StatusCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self { status, error: error.into(), retry_after_s: None, more: Box::default() }
    }

    /// A 400 in words of the handler's own.
    pub(super) fn bad_request(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(super) fn no_json() -> Self {
        Self::bad_request(INVALID_JSON)
    }

    /// A field of a body that is absent, null or blank.
    pub(super) fn missing_field(name: &str) -> Self {
        Self::bad_request(format!("Missing required field: {name}"))
    }

    /// A parameter of an address that is absent or blank.
    pub(super) fn missing_parameter(name: &str) -> Self {
        Self::bad_request(format!("Missing required parameter: {name}"))
    }

    pub(super) fn invalid_parameter(name: &str) -> Self {
        Self::bad_request(format!("Invalid value for parameter: {name}"))
    }

    pub(super) fn invalid_metadata(message: String) -> Self {
        Self::bad_request("Invalid metadata JSON").with_message(message)
    }

    /// The plan lets the tenant hold no more.
    pub(super) fn over_plan(error: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, error)
    }

    pub(super) fn too_large(error: String) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    }

    /// Nothing is known of how far such a document has come.
    pub(super) fn no_tracking() -> Self {
        let mut error = Self::not_found("Document not found")
            .with_message("No status tracking for this document");
        error.more.status = Some("not_found");
        error
    }

    /// Says which document it is about.
    pub(super) fn about(mut self, document_id: &str) -> Self {
        self.more.document_id = Some(document_id.to_owned());
        self
    }

    pub(super) fn invalid_field(name: &str) -> Self {
        Self::bad_request(format!("Invalid value for field: {name}"))
    }

    /// No session where one is needed, or none that is good.
    pub(super) fn no_session() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Authentication required")
    }

    /// An unknown user or a wrong password.
    pub(super) fn invalid_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, INVALID_CREDENTIALS).with_message(INVALID_CREDENTIALS)
    }

    /// Nothing was presented where an admin is needed.
    pub(super) fn no_admin_credential() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized: Admin access required")
    }

    pub(super) fn not_an_admin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden: Admin access required")
    }

    /// Somebody else's data.
    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden")
    }

    pub(super) fn not_found(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    pub(super) fn email_taken() -> Self {
        Self::new(StatusCode::CONFLICT, "Email already registered")
    }

    /// An allowance of a minute is used up; `message` says of what.
    pub(super) fn rate_limited(exceeded: &RateExceeded, message: &str) -> Self {
        Self::wait_until(exceeded.status.reset_at, exceeded.retry_after, message)
    }

    /// Too many calls: `retry_after` from now they are taken again.
    fn too_many(retry_after: Duration, message: &str) -> Self {
        Self::wait_until(request_id::now().plus(retry_after), retry_after, message)
    }

    fn wait_until(reset_at: Timestamp, retry_after: Duration, message: &str) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMITED);
        error.retry_after_s = Some(whole_seconds(retry_after));
        error.more.reset_at = Some(reset_at.as_millis());
        error.with_message(message)
    }

    /// A failure on our side that the service did not foresee.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL)
    }

    fn with_message(mut self, message: impl Into<String>) -> Self {
        self.more.message = Some(message.into());
        self
    }
}

impl From<BodyError> for ApiError {
    fn from(cause: BodyError) -> Self {
        match cause {
            BodyError::NotUtf8 { .. } | BodyError::TooDeep { .. } => {
                Self::no_json().with_message(cause.to_string())
            }
            BodyError::MediaType | BodyError::ContentEncoding | BodyError::Interrupted => {
                Self::bad_request(cause.to_string())
            }
            BodyError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, cause.to_string())
            }
            BodyError::TimedOut => Self::new(StatusCode::REQUEST_TIMEOUT, cause.to_string()),
        }
    }
}

impl From<FormError> for ApiError {
    fn from(cause: FormError) -> Self {
        match cause {
            FormError::MediaType | FormError::Malformed | FormError::NotUtf8 => {
                Self::bad_request("Invalid multipart body").with_message(cause.to_string())
            }
            FormError::ContentEncoding
            | FormError::TooManyTexts
            | FormError::TooManyFiles { .. }
            | FormError::Interrupted => Self::bad_request(cause.to_string()),
            FormError::TextTooLarge
            | FormError::FileTooLarge { .. }
            | FormError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, cause.to_string())
            }
            FormError::TimedOut => Self::new(StatusCode::REQUEST_TIMEOUT, cause.to_string()),
            FormError::Sink(error) => error.into(),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(cause: ServiceError) -> Self {
        let status = match cause.kind() {
            ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::QuotaExceeded => match cause.spent() {
                // Tomorrow it is there again.
                Some(spent) => {
                    let pause = spent.pause(request_id::now());
                    return Self::wait_until(spent.until, pause, cause.message());
                }
                // The plan lets the tenant hold no more; waiting does not help.
                None => StatusCode::FORBIDDEN,
            },
            ErrorKind::Overloaded | ErrorKind::DeadlineExceeded | ErrorKind::Unavailable => {
                let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable");
                error.retry_after_s = Some(cause.pause().map_or(PAUSE_S, whole_seconds));
                return error.with_message(cause.message());
            }
            ErrorKind::Corrupted | ErrorKind::Internal => return Self::internal(),
        };
        Self::new(status, cause.message().to_owned())
    }
}

/// What this dialect says where no handler could.
pub(super) fn render_failure(failure: &Failure) -> HttpResponse {
    let error = match failure {
        // The published service knows no difference between the two.
        Failure::PathNotFound { path } | Failure::MethodNotAllowed { path, .. } => {
            let message = format!("The requested path '{path}' was not found.");
            let mut error = ApiError::not_found("Not Found").with_message(message);
            let endpoints = ROUTES.iter().map(|(method, path)| format!("{method} {path}"));
            error.more.available_endpoints = Some(endpoints.collect());
            error
        }
        Failure::TooManyRequests { retry_after } => {
            ApiError::too_many(*retry_after, "Too many requests. Please try again later.")
        }
        Failure::HandlerPanicked => ApiError::internal(),
    };
    error.error_response()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(ErrorBody { success: false, error: &self.error, more: &self.more })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::control::quotas::RateStatus;

    async fn body_of(response: HttpResponse) -> Value {
        serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    fn header_of(response: &HttpResponse, name: header::HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[actix_web::test]
    async fn each_kind_has_the_status_the_contract_gives_it_and_the_envelope() {
        for (kind, status, retry_after) in [
            (ErrorKind::InvalidInput, 400, None),
            (ErrorKind::Unauthenticated, 401, None),
            (ErrorKind::Forbidden, 403, None),
            (ErrorKind::NotFound, 404, None),
            (ErrorKind::Conflict, 409, None),
            (ErrorKind::QuotaExceeded, 403, None),
            (ErrorKind::Overloaded, 503, Some("1")),
            (ErrorKind::DeadlineExceeded, 503, Some("1")),
            (ErrorKind::Unavailable, 503, Some("1")),
            (ErrorKind::Corrupted, 500, None),
            (ErrorKind::Internal, 500, None),
        ] {
            let response = ApiError::from(ServiceError::new(kind, "why")).error_response();
            assert_eq!(response.status().as_u16(), status, "{kind:?}");
            assert_eq!(header_of(&response, header::RETRY_AFTER), retry_after, "{kind:?}");
            let body = body_of(response).await;
            assert_eq!(body["success"], false, "{kind:?}");
            let error = match status {
                500 => INTERNAL,
                503 => "Service unavailable",
                _ => "why",
            };
            assert_eq!(body["error"], error, "{kind:?}");
        }
    }

    #[actix_web::test]
    async fn a_failure_says_nothing_but_what_there_is_to_say() {
        let body = body_of(ApiError::forbidden().error_response()).await;
        assert_eq!(body, json!({"success": false, "error": "Forbidden"}));
        let body = body_of(ApiError::invalid_credentials().error_response()).await;
        let text = "Invalid credentials";
        assert_eq!(body, json!({"success": false, "error": text, "message": text}));
        let limited = RateExceeded {
            status: RateStatus {
                limit: 10,
                remaining: 0,
                reset_at: Timestamp::from_micros(1_700_000_000_123_999),
            },
            retry_after: Duration::from_millis(1_500),
        };
        let response = ApiError::rate_limited(&limited, "Too many.").error_response();
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(header_of(&response, header::RETRY_AFTER), Some("2"));
        assert_eq!(
            body_of(response).await,
            json!({"success": false, "error": RATE_LIMITED, "message": "Too many.",
                   "resetAt": 1_700_000_000_123_i64})
        );
    }

    #[actix_web::test]
    async fn an_unknown_path_and_a_wrong_method_are_told_alike() {
        let path = "/api/nothing".to_owned();
        let unknown = render_failure(&Failure::PathNotFound { path: path.clone() });
        let allow = "GET".to_owned();
        let wrong = render_failure(&Failure::MethodNotAllowed { path, allow });
        assert_eq!((unknown.status().as_u16(), wrong.status().as_u16()), (404, 404));
        let (unknown, wrong) = (body_of(unknown).await, body_of(wrong).await);
        assert_eq!(unknown, wrong);
        assert_eq!(unknown["message"], "The requested path '/api/nothing' was not found.");
        let endpoints = unknown["availableEndpoints"].as_array().unwrap();
        assert!(endpoints.contains(&json!("POST /api/auth/login")), "{endpoints:?}");
    }
}
