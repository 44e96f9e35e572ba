//! The dialect's error: one exhaustive match from the kind of a failure to status, code and
//! `retryable`, and the one body every error of this dialect has. Messages here are for callers;
//! causes are logged where they happen.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::convert::Problems;
use crate::api::extract::{BodyError, IdempotencyKeyError};
use crate::api::failure::{Failure, whole_seconds};
use crate::api::middleware::request_id;
use crate::control::quotas::RateExceeded;
use crate::service::ServiceError;
use crate::types::ErrorKind;

/// The pause suggested when the failure itself suggests none.
const PAUSE_S: u64 = 1;

#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Clients obey this over the status.
    retryable: bool,
    /// Whole seconds for `Retry-After`; clients cannot read a date there.
    retry_after_s: Option<u64>,
    /// For `Allow`, with a 405.
    allow: Option<String>,
    details: Option<Details>,
}

/// What `details` says when there is something to say.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Details {
    Invalid { errors: Problems },
    Refused { reason: &'static str },
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
    retryable: bool,
    details: Option<&'a Details>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retryable: false,
            retry_after_s: None,
            allow: None,
            details: None,
        }
    }

    /// `reason` is one of those the dialect's clients know.
    pub(super) fn unauthenticated(reason: &'static str) -> Self {
        let message = match reason {
            "missing_key" => "Missing API key: send it in the X-Api-Key header",
            "placeholder_key" => "Invalid API key: replace the placeholder with a real key",
            "revoked_key" => "Invalid API key: it has been revoked",
            _ => "Invalid or missing API key",
        };
        let mut error = Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
        error.details = Some(Details::Refused { reason });
        error
    }

    pub(super) fn rate_limited(exceeded: &RateExceeded) -> Self {
        let message = format!("Rate limit exceeded ({}/min)", exceeded.status.limit);
        Self::wait(message, exceeded.retry_after)
    }

    /// Waiting helps.
    fn wait(message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
        error.retryable = true;
        error.retry_after_s = Some(whole_seconds(retry_after));
        error
    }

    /// What the handler's own checks find, after the schema's: a 400 with the problem's place.
    pub(super) fn refused(problems: Problems) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::from(problems) }
    }

    /// A write to a domain that is the address of a shared room. The first words are those a
    /// client looks for.
    pub(super) fn no_such_room(at: Option<usize>) -> Self {
        let item = at.map(|index| format!(" in items[{index}]")).unwrap_or_default();
        let message = format!("Invalid room address{item}: this server has no shared rooms");
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    pub(super) fn reset_disabled() -> Self {
        let message = "Resetting is disabled on this server; server.allow_reset enables it";
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// Not a 404: clients explain that as a mistyped room or invitation code.
    pub(super) fn no_rooms() -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "This server has no shared rooms")
    }

    pub(super) fn no_vault() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "This server has no vault")
    }

    /// A failure on our side that the service did not foresee.
    pub(super) fn internal() -> Self {
        let message = "The server could not complete the request";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }
}

/// Schema-level failures: everything that is wrong, each with its place.
impl From<Problems> for ApiError {
    fn from(errors: Problems) -> Self {
        let message = errors.summary();
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_ERROR", message);
        error.details = Some(Details::Invalid { errors });
        error
    }
}

impl From<IdempotencyKeyError> for ApiError {
    fn from(cause: IdempotencyKeyError) -> Self {
        let kind = match cause {
            IdempotencyKeyError::NotText => "unicode_error",
            IdempotencyKeyError::TooLong { .. } => "string_too_long",
        };
        Self::refused(Problems::of_header("Idempotency-Key", kind, cause.to_string()))
    }
}

impl From<BodyError> for ApiError {
    fn from(cause: BodyError) -> Self {
        let message = cause.to_string();
        match cause {
            BodyError::NotUtf8 { .. } => Self::from(Problems::of_body("unicode_error", message)),
            BodyError::TooDeep { .. } => Self::from(Problems::of_body("recursion_loop", message)),
            BodyError::MediaType | BodyError::ContentEncoding => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "VALIDATION_ERROR", message)
            }
            BodyError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "VALIDATION_ERROR", message)
            }
            BodyError::Interrupted => {
                Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
            }
            BodyError::TimedOut => {
                let mut error = Self::new(StatusCode::REQUEST_TIMEOUT, "VALIDATION_ERROR", message);
                error.retryable = true;
                error
            }
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(cause: ServiceError) -> Self {
        let (status, code, retryable) = match cause.kind() {
            ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR", false),
            ErrorKind::Unauthenticated => return Self::unauthenticated("invalid_key"),
            ErrorKind::Forbidden => (StatusCode::FORBIDDEN, "FORBIDDEN", false),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", false),
            // Some conflicts pass by themselves; those say when to try again.
            ErrorKind::Conflict => (StatusCode::CONFLICT, "CONFLICT", cause.pause().is_some()),
            // A plan's allowance: waiting does not help.
            ErrorKind::QuotaExceeded => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", false),
            ErrorKind::Overloaded | ErrorKind::DeadlineExceeded | ErrorKind::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", true)
            }
            ErrorKind::Corrupted | ErrorKind::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", false)
            }
        };
        let mut error = Self::new(status, code, cause.message());
        error.retryable = retryable;
        let pause_s = cause.pause().map(whole_seconds);
        let promises_a_pause =
            matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        error.retry_after_s = pause_s.or(promises_a_pause.then_some(PAUSE_S));
        error
    }
}

/// What this dialect says where no handler could.
pub(super) fn render_failure(failure: &Failure) -> HttpResponse {
    let error = match failure {
        Failure::PathNotFound { .. } => {
            ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "No route has this path")
        }
        Failure::MethodNotAllowed { allow, .. } => {
            let message = format!("This path answers {allow} only");
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut error = ApiError::new(status, "VALIDATION_ERROR", message);
            error.allow = Some(allow.clone());
            error
        }
        Failure::TooManyRequests { retry_after } => {
            ApiError::wait("Too many requests from this address", *retry_after)
        }
        Failure::HandlerPanicked => ApiError::internal(),
    };
    error.error_response()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
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
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"memory\""));
        }
        let request_id = request_id::current();
        response.json(ErrorBody {
            code: self.code,
            message: &self.message,
            request_id: request_id.as_str(),
            retryable: self.retryable,
            details: self.details.as_ref(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ErrorKind, status: u16, code: &str, retryable: bool, pause_s: Option<u64>) {
        let error = ApiError::from(ServiceError::new(kind, "why"));
        assert_eq!(error.status.as_u16(), status, "{kind:?}");
        assert_eq!(error.code, code, "{kind:?}");
        assert_eq!(error.retryable, retryable, "{kind:?}");
        assert_eq!(error.retry_after_s, pause_s, "{kind:?}");
    }

    #[test]
    fn each_kind_has_the_status_the_contract_gives_it() {
        check(ErrorKind::InvalidInput, 400, "VALIDATION_ERROR", false, None);
        check(ErrorKind::Unauthenticated, 401, "UNAUTHORIZED", false, None);
        check(ErrorKind::Forbidden, 403, "FORBIDDEN", false, None);
        check(ErrorKind::NotFound, 404, "NOT_FOUND", false, None);
        check(ErrorKind::Conflict, 409, "CONFLICT", false, None);
        check(ErrorKind::QuotaExceeded, 429, "RATE_LIMITED", false, Some(1));
        check(ErrorKind::Overloaded, 503, "SERVICE_UNAVAILABLE", true, Some(1));
        check(ErrorKind::DeadlineExceeded, 503, "SERVICE_UNAVAILABLE", true, Some(1));
        check(ErrorKind::Unavailable, 503, "SERVICE_UNAVAILABLE", true, Some(1));
        check(ErrorKind::Corrupted, 500, "INTERNAL", false, None);
        check(ErrorKind::Internal, 500, "INTERNAL", false, None);
    }
}
