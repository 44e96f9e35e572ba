//! The keys of the organization that a management key acts for, and of its environments. A secret
//! is in the answer that made it and in no other.

use actix_web::HttpRequest;
use actix_web::web::Data;
use secrecy::ExposeSecret;

use super::super::access::Manager;
use super::super::convert;
use super::super::error::ApiError;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::version::Version;
use super::super::wire::{KeyBody, reply};
use super::{Reply, found};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::management::{IssuedKeyView, KeyOwners, NoKeys};
use crate::types::KeyId;

pub(in super::super) async fn list_keys(
    caller: Manager,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let (filter, request) = query.read(convert::key_list)?;
    let keys = state.metorial.management.keys(caller.organization, &filter, request);
    let keys = keys.map_err(|cause| match cause {
        NoKeys::UnknownEnvironment => no_owner(filter.owners),
        NoKeys::UnknownPlace => ApiError::invalid_cursor(),
    })?;
    Ok(reply(&List::of(keys, |view| convert::key_body(&view, None, caller.version))))
}

pub(in super::super) async fn create_key(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let now = state.clock.now();
    let new = body.read(|fields| convert::new_key(fields, now))?;
    let owner = new.owner;
    let issued = state.metorial.management.create_key(caller.organization, new).await?;
    Ok(reply(&with_secret(&issued.ok_or_else(|| no_owner(owner))?, caller.version)))
}

pub(in super::super) async fn key(
    caller: Manager,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = key_in(&segment)?;
    let view = state.metorial.management.find_key(caller.organization, id);
    let view = found(view, Prefix::ApiKey, &segment)?;
    Ok(reply(&convert::key_body(&view, None, caller.version)))
}

pub(in super::super) async fn change_key(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let now = state.clock.now();
    let change = body.read(|fields| convert::key_change(fields, now))?;
    let id = key_in(&segment)?;
    let view = state.metorial.management.update_key(caller.organization, id, change).await?;
    let view = found(view, Prefix::ApiKey, &segment)?;
    Ok(reply(&convert::key_body(&view, None, caller.version)))
}

/// A management key may revoke itself; this answer is the last that it gets.
pub(in super::super) async fn revoke_key(
    caller: Manager,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = key_in(&segment)?;
    let view = state.metorial.management.revoke_key(caller.organization, id).await?;
    let view = found(view, Prefix::ApiKey, &segment)?;
    Ok(reply(&convert::key_body(&view, None, caller.version)))
}

pub(in super::super) async fn rotate_key(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let now = state.clock.now();
    let until = body.read(|fields| convert::rotation(fields, now))?.former_until;
    let segment = PathSegment::from_end(request.path(), 1);
    let id = key_in(&segment)?;
    let issued = state.metorial.management.rotate_key(caller.organization, id, until).await?;
    let issued = found(issued, Prefix::ApiKey, &segment)?;
    Ok(reply(&with_secret(&issued, caller.version)))
}

fn with_secret(issued: &IssuedKeyView, version: Version) -> KeyBody {
    convert::key_body(&issued.key, Some(issued.secret.expose_secret()), version)
}

fn key_in(segment: &PathSegment) -> Result<KeyId, ApiError> {
    ids::addressed(Prefix::ApiKey, segment).map(|id| KeyId(id.0))
}

/// For an owner that is not the caller's.
fn no_owner(owner: KeyOwners) -> ApiError {
    let instance = match owner {
        KeyOwners::Environment(id) => Some(ids::wire(Prefix::Instance, id.0)),
        KeyOwners::Organization => None,
    };
    ApiError::not_found(Prefix::Instance.entity(), instance.as_deref())
}
