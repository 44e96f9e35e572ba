//! Who is calling, as handlers take it for their first argument: whoever has another kind of key is
//! refused before anything else of the request is looked at.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::error::ApiError;
use super::version::Version;
use crate::api::extract::RequestDeadline;
use crate::control::keys::KeyKind;
use crate::service::Scope;
use crate::types::{Allowance, OrganizationId, TenantId};

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Environment(TenantId),
    Organization(OrganizationId),
}

/// A caller with a good key whose requests are not too many. The gate leaves it with the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) holder: Holder,
    pub(super) kind: KeyKind,
    pub(super) version: Version,
    pub(super) allowance: Allowance,
}

impl Caller {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let caller = request.extensions().get::<Self>().copied();
        // No route but the public ones is mounted outside of the gate.
        caller.ok_or_else(ApiError::internal)
    }

    /// The environment's memory, until the request's deadline.
    fn scope(&self, request: &HttpRequest) -> Result<Scope, ApiError> {
        let Holder::Environment(tenant) = self.holder else {
            return Err(ApiError::wrong_key(NEEDS_SECRET));
        };
        let deadline = RequestDeadline::of(request).0;
        Ok(Scope { tenant, deadline, allowance: self.allowance })
    }
}

const NEEDS_SECRET: &str = "Use a secret key of an environment";
const NEEDS_MANAGEMENT: &str = "Use a management key";

macro_rules! extract {
    ($name:ident, $of:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Ready<Result<Self, ApiError>>;

            fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
                let of: fn(&HttpRequest) -> Result<Self, ApiError> = $of;
                ready(of(request))
            }
        }
    };
}

/// Somebody with a secret key, who may do everything inside the key's environment.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) scope: Scope,
    pub(super) version: Version,
}

extract!(Secret, |request| {
    let caller = Caller::of(request)?;
    match caller.kind {
        KeyKind::MetorialSecret => {
            Ok(Self { scope: caller.scope(request)?, version: caller.version })
        }
        _ => Err(ApiError::wrong_key(NEEDS_SECRET)),
    }
});

/// Somebody with a key of an environment who reads what is public in it.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) scope: Scope,
    pub(super) version: Version,
    /// Whether the key is one that everybody may know, so only what is public is shown.
    pub(super) is_public: bool,
}

extract!(Reader, |request| {
    let caller = Caller::of(request)?;
    let is_public = caller.kind == KeyKind::MetorialPublishable;
    Ok(Self { scope: caller.scope(request)?, version: caller.version, is_public })
});

/// Somebody with a management key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manager {
    pub(super) organization: OrganizationId,
    pub(super) version: Version,
}

extract!(Manager, |request| {
    let caller = Caller::of(request)?;
    match caller.holder {
        Holder::Organization(organization) => Ok(Self { organization, version: caller.version }),
        Holder::Environment(_) => Err(ApiError::wrong_key(NEEDS_MANAGEMENT)),
    }
});

/// Somebody with any good key.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnyKey {
    pub(super) holder: Holder,
    pub(super) kind: KeyKind,
    pub(super) version: Version,
}

extract!(AnyKey, |request| {
    let Caller { holder, kind, version, .. } = Caller::of(request)?;
    Ok(Self { holder, kind, version })
});
