//! What happened to sessions.

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::super::access::Secret;
use super::super::convert;
use super::super::fields::Query;
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, inner, kept, kept_within};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::EventFilter;

pub(in super::super) async fn list_events(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let (filter, page) = query.read(convert::event_list)?;
    let events = state.metorial.platform.events(caller.scope, filter, page).await?;
    let show = |event| convert::event_body(event, caller.version);
    Ok(reply(&List::of(allowed(events)?, show)))
}

pub(in super::super) async fn event(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::Event, &segment)?;
    let event = state.metorial.platform.event(caller.scope, id, None).await?;
    Ok(reply(&convert::event_body(kept(event, &segment)?, caller.version)))
}

pub(in super::super) async fn list_events_of_session(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let (base, page) = query.read(|fields| convert::record_list(fields, Prefix::Event))?;
    let segment = PathSegment::from_end(request.uri().path(), 1);
    let session = ids::addressed(Prefix::Session, &segment)?;
    let filter = EventFilter { base, within: Some(session), sessions: None };
    let events = state.metorial.platform.events(caller.scope, filter, page).await?;
    let show = |event| convert::event_body(event, caller.version);
    Ok(reply(&List::of(kept(events, &segment)?, show)))
}

pub(in super::super) async fn event_of_session(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
    segment: PathSegment,
) -> Reply {
    let outer = PathSegment::from_end(request.uri().path(), 2);
    let session = ids::addressed(Prefix::Session, &outer)?;
    let id = inner(Prefix::Event, &segment);
    let event = state.metorial.platform.event(caller.scope, id, Some(session)).await?;
    let event = kept_within(event, &outer, &segment)?;
    Ok(reply(&convert::event_body(event, caller.version)))
}
