//! Actors: addressed by whatever name their maker chose, or by ids of ours.

use actix_web::web::Data;

use super::super::access::Secret;
use super::super::convert;
use super::super::error::ApiError;
use super::super::fields::{Body, Query};
use super::super::ids::Prefix;
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, found, kept};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::ActorRef;

/// # Errors
/// 404 for what is no text, and so nobody's name.
fn addressed(segment: &PathSegment) -> Result<ActorRef, ApiError> {
    found(segment.text().map(convert::actor_named), Prefix::Actor, segment)
}

pub(in super::super) async fn list_actors(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let (filter, page) = query.read(convert::actor_list)?;
    let actors = state.metorial.platform.actors(caller.scope, filter, page).await?;
    Ok(reply(&List::of(allowed(actors)?, convert::actor_body)))
}

pub(in super::super) async fn create_actor(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let new = body.read(convert::new_actor)?;
    let actor = state.metorial.platform.create_actor(caller.scope, new).await?;
    Ok(reply(&convert::actor_body(allowed(actor)?)))
}

pub(in super::super) async fn actor(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let actor = state.metorial.platform.actor(caller.scope, addressed(&segment)?).await?;
    Ok(reply(&convert::actor_body(found(actor, Prefix::Actor, &segment)?)))
}

pub(in super::super) async fn change_actor(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let change = body.read(convert::actor_change)?;
    let named = addressed(&segment)?;
    let actor = state.metorial.platform.change_actor(caller.scope, named, change).await?;
    Ok(reply(&convert::actor_body(kept(actor, &segment)?)))
}

/// The object has no status to tell of it.
pub(in super::super) async fn delete_actor(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let actor = state.metorial.platform.delete_actor(caller.scope, addressed(&segment)?).await?;
    Ok(reply(&convert::actor_body(found(actor, Prefix::Actor, &segment)?)))
}
