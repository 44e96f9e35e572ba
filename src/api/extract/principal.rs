//! The authenticated caller as a handler's argument. The authentication middleware has put it
//! there; a route mounted outside of it answers 500 rather than serving an unknown caller.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::ErrorInternalServerError;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::RequestDeadline;
use crate::control::keys::Principal;
use crate::service::Scope;

/// Who the request acts for.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl Caller {
    /// The caller's tenant, until `deadline`.
    #[must_use]
    pub fn scope(&self, deadline: RequestDeadline) -> Scope {
        Scope { tenant: self.0.tenant, deadline: deadline.0, allowance: self.0.plan.allowance() }
    }
}

impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let principal = request.extensions().get::<Principal>().cloned();
        ready(principal.map(Self).ok_or_else(|| {
            ErrorInternalServerError("the route is mounted outside of authentication")
        }))
    }
}
