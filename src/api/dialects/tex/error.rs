//! The dialect's errors: one exhaustive match from the kind of a failure to a status, the body of
//! five keys that nearly all of them have, and the list of problems of an invalid request. Messages
//! here are for callers; causes are logged where they happen.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::convert::{self, Problems};
use crate::api::extract::BodyError;
use crate::api::failure::{Failure, whole_seconds};
use crate::api::middleware::request_id;
use crate::service::{ServiceError, SpentAllowance};
use crate::types::{ErrorKind, Timestamp, TokenDirection};

/// Pauses that are suggested: clients sleep for all of it, so it is short.
const PAUSE_S: u64 = 1;
const PAUSE_MAX_S: u64 = 30;

const NOT_AUTHENTICATED: &str = "Not authenticated";
const INVALID_TOKEN: &str = "Invalid token";
const EXPIRED_TOKEN: &str = "Token has expired";
const INVALID_API_KEY: &str = "Invalid API key";
const INVALID_REFRESH_TOKEN: &str = "Invalid refresh token";

#[derive(Debug)]
pub(super) enum ApiError {
    Refused(Refusal),
    /// A request that does not fit the schema.
    Invalid(Problems),
}

/// A failure with the body of five keys.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    details: Option<Box<Details>>,
    /// Whole seconds for `Retry-After`.
    retry_after_s: Option<u64>,
    /// For `Allow`, with a 405.
    allow: Option<String>,
}

/// What there is to say for machines.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Details {
    Quota(QuotaDetails),
    Atoms { error: &'static str, kind: &'static str, message: String, retryable: bool },
}

#[derive(Debug, Serialize)]
struct QuotaDetails {
    error: &'static str,
    kind: &'static str,
    used: u64,
    limit: u64,
    period: &'static str,
    period_start: String,
    message: String,
    retryable: bool,
    resets_at: String,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: String,
    message: &'a str,
    details: Option<&'a Details>,
    timestamp: String,
    request_id: &'a str,
}

#[derive(Serialize)]
struct InvalidBody<'a> {
    detail: &'a Problems,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Refused(Refusal { status, message, details: None, retry_after_s: None, allow: None })
    }

    fn unauthenticated(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Nothing was presented that could be a token.
    pub(super) fn no_token() -> Self {
        Self::unauthenticated(NOT_AUTHENTICATED)
    }

    pub(super) fn invalid_token() -> Self {
        Self::unauthenticated(INVALID_TOKEN)
    }

    pub(super) fn expired_token() -> Self {
        Self::unauthenticated(EXPIRED_TOKEN)
    }

    pub(super) fn invalid_api_key() -> Self {
        Self::unauthenticated(INVALID_API_KEY)
    }

    pub(super) fn invalid_refresh_token() -> Self {
        Self::unauthenticated(INVALID_REFRESH_TOKEN)
    }

    pub(super) fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_found(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn no_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The body is not valid JSON")
    }

    /// Waiting helps. Never a 429: that is for what a day allows.
    pub(super) fn wait(message: impl Into<String>, pause: Option<Duration>) -> Self {
        let pause_s = pause.map_or(PAUSE_S, whole_seconds).min(PAUSE_MAX_S);
        Self::Refused(Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: message.into(),
            details: None,
            retry_after_s: Some(pause_s),
            allow: None,
        })
    }

    /// A failure on our side that the service did not foresee.
    pub(super) fn internal() -> Self {
        let message = "The server could not complete the request";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    fn quota(message: String, details: Details) -> Self {
        Self::Refused(Refusal {
            status: StatusCode::TOO_MANY_REQUESTS,
            message,
            details: Some(Box::new(details)),
            // Old clients would sleep until midnight.
            retry_after_s: None,
            allow: None,
        })
    }

    /// Nothing is left of what a day allows.
    fn day_spent(spent: &SpentAllowance) -> Self {
        let (what, kind) = match spent.tokens {
            Some(TokenDirection::Input) => ("tokens_in", "tokens_in_daily"),
            Some(TokenDirection::Output) => ("tokens_out", "tokens_out_daily"),
            None => ("queries", "queries_daily"),
        };
        let message = format!("Daily {what} quota exceeded. Resets at 00:00 UTC.");
        let today = Timestamp::start_of_day(spent.until.epoch_days().saturating_sub(1));
        let details = QuotaDetails {
            error: "quota_exceeded",
            kind,
            used: spent.used,
            limit: spent.limit,
            period: "day_utc",
            period_start: convert::with_offset(today),
            message: message.clone(),
            retryable: false,
            resets_at: convert::with_offset(spent.until),
        };
        Self::quota(message, Details::Quota(details))
    }

    /// The plan lets the tenant hold no more.
    fn atoms_spent(message: &str) -> Self {
        let message = message.to_owned();
        let (error, kind) = ("quota_exceeded", "atoms");
        let details = Details::Atoms { error, kind, message: message.clone(), retryable: false };
        Self::quota(message, details)
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

impl From<BodyError> for ApiError {
    fn from(cause: BodyError) -> Self {
        let status = match cause {
            BodyError::MediaType
            | BodyError::ContentEncoding
            | BodyError::Interrupted
            | BodyError::NotUtf8 { .. }
            | BodyError::TooDeep { .. } => StatusCode::BAD_REQUEST,
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
        };
        Self::new(status, cause.to_string())
    }
}

impl From<ServiceError> for ApiError {
    fn from(cause: ServiceError) -> Self {
        let status = match cause.kind() {
            ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            // Some conflicts pass by themselves; those say when to try again.
            ErrorKind::Conflict => match cause.pause() {
                Some(pause) => return Self::wait(cause.message(), Some(pause)),
                None => StatusCode::CONFLICT,
            },
            ErrorKind::QuotaExceeded => {
                return match cause.spent() {
                    Some(spent) => Self::day_spent(spent),
                    None => Self::atoms_spent(cause.message()),
                };
            }
            ErrorKind::Overloaded | ErrorKind::DeadlineExceeded | ErrorKind::Unavailable => {
                return Self::wait(cause.message(), cause.pause());
            }
            ErrorKind::Corrupted | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, cause.message())
    }
}

/// What this dialect says where no handler could.
pub(super) fn render_failure(failure: &Failure) -> HttpResponse {
    let error = match failure {
        Failure::PathNotFound { .. } => ApiError::not_found("Not Found"),
        Failure::MethodNotAllowed { allow, .. } => ApiError::Refused(Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            message: "Method Not Allowed".to_owned(),
            details: None,
            retry_after_s: None,
            allow: Some(allow.clone()),
        }),
        Failure::TooManyRequests { retry_after } => {
            ApiError::wait("Too many requests from this address", Some(*retry_after))
        }
        Failure::HandlerPanicked => ApiError::internal(),
    };
    error.error_response()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.message),
            Self::Invalid(_) => f.write_str("the request does not fit the schema"),
        }
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.status,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::Invalid(detail) => return response.json(InvalidBody { detail }),
        };
        if let Some(seconds) = refusal.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(allow) = &refusal.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(ErrorBody {
            error: format!("HTTP {}", status.as_str()),
            message: &refusal.message,
            details: refusal.details.as_deref(),
            timestamp: convert::with_z(request_id::now()),
            request_id: request_id::current().as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn body_of(error: &ApiError) -> Value {
        let body = to_bytes(error.error_response().into_body()).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn header_of(error: &ApiError, name: header::HeaderName) -> Option<String> {
        let response = error.error_response();
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[actix_web::test]
    async fn each_kind_has_the_status_the_contract_gives_it_and_five_keys() {
        for (kind, status, retry_after) in [
            (ErrorKind::InvalidInput, 400, None),
            (ErrorKind::Unauthenticated, 401, None),
            (ErrorKind::Forbidden, 403, None),
            (ErrorKind::NotFound, 404, None),
            (ErrorKind::Conflict, 409, None),
            (ErrorKind::QuotaExceeded, 429, None),
            (ErrorKind::Overloaded, 503, Some("1")),
            (ErrorKind::DeadlineExceeded, 503, Some("1")),
            (ErrorKind::Unavailable, 503, Some("1")),
            (ErrorKind::Corrupted, 500, None),
            (ErrorKind::Internal, 500, None),
        ] {
            let error = ApiError::from(ServiceError::new(kind, "why"));
            assert_eq!(error.status_code().as_u16(), status, "{kind:?}");
            assert_eq!(header_of(&error, header::RETRY_AFTER).as_deref(), retry_after, "{kind:?}");
            let body = body_of(&error).await;
            let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["details", "error", "message", "request_id", "timestamp"]);
            assert_eq!(body["error"], json!(format!("HTTP {status}")), "{kind:?}");
            assert_eq!(body["message"], "why", "{kind:?}");
            assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        }
    }

    #[actix_web::test]
    async fn a_pause_is_short_whatever_its_cause() {
        let far = Duration::from_secs(86_400);
        let service = ServiceError::new(ErrorKind::Unavailable, "quarantined").retry_after(far);
        let conflict = ServiceError::new(ErrorKind::Conflict, "busy").retry_after(far);
        for error in [ApiError::from(service), ApiError::from(conflict)] {
            assert_eq!(error.status_code().as_u16(), 503);
            assert_eq!(header_of(&error, header::RETRY_AFTER).as_deref(), Some("30"));
        }
        let response = render_failure(&Failure::TooManyRequests { retry_after: far });
        assert_eq!(response.status().as_u16(), 503);
    }

    #[actix_web::test]
    async fn a_spent_day_tells_everything_and_no_pause() {
        let until = Timestamp::parse("2026-05-09T00:00:00Z").unwrap();
        let spent = |tokens| SpentAllowance { tokens, used: 1_000_123, limit: 1_000_000, until };
        let error = ApiError::day_spent(&spent(Some(TokenDirection::Input)));
        assert_eq!(header_of(&error, header::RETRY_AFTER), None);
        let message = "Daily tokens_in quota exceeded. Resets at 00:00 UTC.";
        let body = body_of(&error).await;
        assert_eq!(body["message"], message);
        assert_eq!(
            body["details"],
            json!({
                "error": "quota_exceeded", "kind": "tokens_in_daily", "used": 1_000_123,
                "limit": 1_000_000, "period": "day_utc",
                "period_start": "2026-05-08T00:00:00+00:00", "message": message,
                "retryable": false, "resets_at": "2026-05-09T00:00:00+00:00",
            })
        );
        for (tokens, kind) in
            [(Some(TokenDirection::Output), "tokens_out_daily"), (None, "queries_daily")]
        {
            let body = body_of(&ApiError::day_spent(&spent(tokens))).await;
            assert_eq!(body["details"]["kind"], kind);
        }
        let atoms = ApiError::from(ServiceError::new(ErrorKind::QuotaExceeded, "full"));
        assert_eq!(
            body_of(&atoms).await["details"],
            json!({"error": "quota_exceeded", "kind": "atoms", "message": "full", "retryable": false})
        );
    }

    #[actix_web::test]
    async fn only_a_refused_credential_names_the_scheme() {
        let refused = ApiError::no_token();
        assert_eq!(header_of(&refused, header::WWW_AUTHENTICATE).as_deref(), Some("Bearer"));
        assert_eq!(header_of(&ApiError::internal(), header::WWW_AUTHENTICATE), None);
        let allow = "GET, HEAD, POST".to_owned();
        let response = render_failure(&Failure::MethodNotAllowed {
            path: "/me".to_owned(),
            allow: allow.clone(),
        });
        assert_eq!(response.headers().get(header::ALLOW).unwrap(), allow.as_str());
    }
}
