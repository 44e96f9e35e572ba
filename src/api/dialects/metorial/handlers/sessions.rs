//! Sessions.

use actix_web::web::Data;

use super::super::access::Secret;
use super::super::convert;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, found, kept};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;

pub(in super::super) async fn list_sessions(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let version = caller.version;
    let (filter, page) = query.read(|fields| convert::session_list(fields, version))?;
    let sessions = state.metorial.platform.sessions(caller.scope, filter, page).await?;
    let show = |session| convert::session_body(session, version);
    Ok(reply(&List::of(allowed(sessions)?, show)))
}

pub(in super::super) async fn create_session(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let new = body.read(convert::new_session)?;
    let session = state.metorial.platform.create_session(caller.scope, new).await?;
    Ok(reply(&convert::session_body(allowed(session)?, caller.version)))
}

pub(in super::super) async fn session(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::Session, &segment)?;
    let session = state.metorial.platform.session(caller.scope, id).await?;
    let session = found(session, Prefix::Session, &segment)?;
    Ok(reply(&convert::session_body(session, caller.version)))
}

pub(in super::super) async fn change_session(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let change = body.read(convert::session_change)?;
    let id = ids::addressed(Prefix::Session, &segment)?;
    let session = state.metorial.platform.change_session(caller.scope, id, change).await?;
    Ok(reply(&convert::session_body(kept(session, &segment)?, caller.version)))
}

pub(in super::super) async fn delete_session(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::Session, &segment)?;
    let session = state.metorial.platform.delete_session(caller.scope, id).await?;
    let session = found(session, Prefix::Session, &segment)?;
    Ok(reply(&convert::deleted_session_body(session, caller.version)))
}
