//! Messages of sessions, and the search among them.

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::super::access::Secret;
use super::super::convert;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, inner, kept, kept_within, link_urls};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::{MessageFilter, Within};

pub(in super::super) async fn list_messages(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let (filter, page) = query.read(convert::message_list)?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let messages = state.metorial.platform.messages(caller.scope, filter, page).await?;
    let show = |message| convert::message_body(message, caller.version, &url_of);
    Ok(reply(&List::of(allowed(messages)?, show)))
}

pub(in super::super) async fn message(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::Message, &segment)?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let message = state.metorial.platform.message(caller.scope, id, None).await?;
    let message = kept(message, &segment)?;
    Ok(reply(&convert::message_body(message, caller.version, &url_of)))
}

pub(in super::super) async fn list_messages_of_session(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let (base, page) = query.read(|fields| convert::record_list(fields, Prefix::Message))?;
    let segment = PathSegment::from_end(request.uri().path(), 1);
    let session = ids::addressed(Prefix::Session, &segment)?;
    let filter = MessageFilter { base, within: Some(Within::Session(session)), sessions: None };
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let messages = state.metorial.platform.messages(caller.scope, filter, page).await?;
    let show = |message| convert::message_body(message, caller.version, &url_of);
    Ok(reply(&List::of(kept(messages, &segment)?, show)))
}

pub(in super::super) async fn message_of_session(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
    segment: PathSegment,
) -> Reply {
    let outer = PathSegment::from_end(request.uri().path(), 2);
    let session = ids::addressed(Prefix::Session, &outer)?;
    let id = inner(Prefix::Message, &segment);
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let message = state.metorial.platform.message(caller.scope, id, Some(session)).await?;
    let message = kept_within(message, &outer, &segment)?;
    Ok(reply(&convert::message_body(message, caller.version, &url_of)))
}

pub(in super::super) async fn add_message(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let now = state.clock.now();
    let new = body.read(|fields| convert::new_message(fields, now))?;
    let segment = PathSegment::from_end(request.uri().path(), 1);
    let session = ids::addressed(Prefix::Session, &segment)?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let message = state.metorial.platform.add_message(caller.scope, new(session)).await?;
    let message = kept(message, &segment)?;
    Ok(reply(&convert::message_body(message, caller.version, &url_of)))
}

pub(in super::super) async fn search_messages(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let asked = body.read(convert::message_query)?;
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let found = state.metorial.platform.search_messages(caller.scope, asked).await?;
    let show = |found| convert::match_body(found, caller.version, &url_of);
    Ok(reply(&List::whole(found.into_iter().map(show).collect())))
}
