//! The moment by which a request must be answered. Fixed when it is first asked for, which is
//! before the body is read: a slow upload spends from the same allowance as the work.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use crate::api::state::Timing;
use crate::types::Deadline;

/// The same value for every extractor of one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestDeadline(pub Deadline);

impl RequestDeadline {
    /// The request's deadline, set now if nobody has asked before.
    #[must_use]
    pub(in crate::api) fn of(request: &HttpRequest) -> Self {
        let timeout = request
            .app_data::<web::Data<Timing>>()
            .map(|timing| timing.request_timeout)
            .unwrap_or_default();
        let mut extensions = request.extensions_mut();
        if let Some(known) = extensions.get::<Self>() {
            return *known;
        }
        let deadline = Self(Deadline::after(timeout));
        extensions.insert(deadline);
        deadline
    }
}

impl FromRequest for RequestDeadline {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}
