//! Threads, and the messages of their sessions.

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::super::access::Secret;
use super::super::convert;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, found, kept, link_urls};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::{MessageFilter, Within};

pub(in super::super) async fn list_threads(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let tenant = caller.scope.tenant;
    let (filter, page) = query.read(convert::thread_list)?;
    let threads = state.metorial.platform.threads(caller.scope, filter, page).await?;
    let show = |thread| convert::thread_body(thread, tenant);
    Ok(reply(&List::of(allowed(threads)?, show)))
}

pub(in super::super) async fn create_thread(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let tenant = caller.scope.tenant;
    let new = body.read(convert::new_thread)?;
    let thread = state.metorial.platform.create_thread(caller.scope, new).await?;
    Ok(reply(&convert::thread_body(allowed(thread)?, tenant)))
}

pub(in super::super) async fn thread(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let tenant = caller.scope.tenant;
    let id = ids::addressed(Prefix::Thread, &segment)?;
    let thread = state.metorial.platform.thread(caller.scope, id).await?;
    Ok(reply(&convert::thread_body(found(thread, Prefix::Thread, &segment)?, tenant)))
}

pub(in super::super) async fn change_thread(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let tenant = caller.scope.tenant;
    let change = body.read(convert::thread_change)?;
    let id = ids::addressed(Prefix::Thread, &segment)?;
    let thread = state.metorial.platform.change_thread(caller.scope, id, change).await?;
    Ok(reply(&convert::thread_body(kept(thread, &segment)?, tenant)))
}

/// The object has no status to tell of it.
pub(in super::super) async fn delete_thread(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let tenant = caller.scope.tenant;
    let id = ids::addressed(Prefix::Thread, &segment)?;
    let thread = state.metorial.platform.delete_thread(caller.scope, id).await?;
    Ok(reply(&convert::thread_body(found(thread, Prefix::Thread, &segment)?, tenant)))
}

/// Each in a group of its own, which is what is addressed in this list.
pub(in super::super) async fn list_messages_of_thread(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
    request: HttpRequest,
) -> Reply {
    let (base, page) = query.read(|fields| convert::record_list(fields, Prefix::MessageGroup))?;
    let segment = PathSegment::from_end(request.uri().path(), 1);
    let thread = ids::addressed(Prefix::Thread, &segment)?;
    let filter = MessageFilter { base, within: Some(Within::Thread(thread)), sessions: None };
    let url_of = link_urls(&request, &state, caller.scope.tenant);
    let messages = state.metorial.platform.messages(caller.scope, filter, page).await?;
    let show = |message| convert::group_body(message, thread, &url_of);
    Ok(reply(&List::of(kept(messages, &segment)?, show)))
}
