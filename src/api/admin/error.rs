//! The operator's API's error: one exhaustive match from the kind of a failure to status and
//! code, and one body: `{"error", "message", "request_id"}`.

use std::fmt;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::api::extract::BodyError;
use crate::api::failure::Failure;
use crate::api::middleware::request_id;
use crate::service::ServiceError;
use crate::types::ErrorKind;

#[derive(Debug)]
pub(super) struct AdminError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
    /// For `Allow`, with a 405.
    allow: Option<String>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    message: &'a str,
    request_id: &'a str,
}

impl AdminError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (status, code) = (status_of(kind), kind.as_str());
        Self { status, code, message: message.into(), retry_after: None, allow: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    pub(super) fn unauthenticated(was_presented: bool) -> Self {
        let message = match was_presented {
            true => "this is not the admin token of this server; keys of tenants open nothing here",
            false => "send the admin token as Authorization: Bearer TOKEN",
        };
        Self::new(ErrorKind::Unauthenticated, message)
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Overloaded | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Corrupted | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<ServiceError> for AdminError {
    fn from(error: ServiceError) -> Self {
        let retry_after = error.pause();
        Self { retry_after, ..Self::new(error.kind(), error.message()) }
    }
}

impl From<BodyError> for AdminError {
    fn from(error: BodyError) -> Self {
        let refused = Self::invalid(error.to_string());
        let status = match error {
            BodyError::MediaType | BodyError::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::Interrupted | BodyError::NotUtf8 { .. } | BodyError::TooDeep { .. } => {
                StatusCode::BAD_REQUEST
            }
        };
        Self { status, ..refused }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl ResponseError for AdminError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(pause) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, pause.as_secs().max(1)));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        let request_id = request_id::current();
        response.json(ErrorBody {
            error: self.code,
            message: &self.message,
            request_id: request_id.as_str(),
        })
    }
}

pub(super) fn render_failure(failure: &Failure) -> HttpResponse {
    let error = match failure {
        Failure::PathNotFound { .. } => AdminError::not_found("the admin API has no such path"),
        Failure::MethodNotAllowed { allow, .. } => AdminError {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "method_not_allowed",
            allow: Some(allow.clone()),
            ..AdminError::invalid(format!("this path answers {allow}"))
        },
        Failure::TooManyRequests { retry_after } => AdminError {
            retry_after: Some(*retry_after),
            ..AdminError::new(ErrorKind::QuotaExceeded, "too many requests from this address")
        },
        Failure::HandlerPanicked => {
            AdminError::new(ErrorKind::Internal, "the server made a mistake")
        }
    };
    error.error_response()
}
