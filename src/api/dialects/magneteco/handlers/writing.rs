//! Handing over what is to be remembered: content and events, and how far either has come.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::convert::{self, Client};
use super::super::error::ApiError;
use super::super::limits::{Call, CallBody, Events, Follow, Memorize};
use super::{Reply, parse, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::resource_named;

pub(in super::super) async fn memorize(
    state: Data<ApiState>,
    call: CallBody<Memorize>,
    deadline: RequestDeadline,
) -> Reply {
    memorize_for(Client::Documented, &state, call, deadline).await
}

pub(super) async fn memorize_for(
    client: Client,
    state: &ApiState,
    CallBody { app, text, .. }: CallBody<Memorize>,
    deadline: RequestDeadline,
) -> Reply {
    let memorizing = parse(text, move |text| convert::memorize_request(text, client)).await?;
    app.check_named(memorizing.app_id.as_deref())?;
    let kind = memorizing.new.kind;
    let facts = &state.magneteco.facts;
    let taken = facts.memorize(app.scope(deadline), &memorizing.user, memorizing.new).await?;
    reply(StatusCode::ACCEPTED, &convert::memorize_response(kind, &taken))
}

pub(in super::super) async fn record_event(
    state: Data<ApiState>,
    call: CallBody<Events>,
    deadline: RequestDeadline,
) -> Reply {
    record_event_for(Client::Documented, &state, call, deadline).await
}

pub(super) async fn record_event_for(
    client: Client,
    state: &ApiState,
    CallBody { app, text, .. }: CallBody<Events>,
    deadline: RequestDeadline,
) -> Reply {
    let now = state.clock.now();
    let event = parse(text, move |text| convert::event_request(text, client, now)).await?;
    app.check_named(event.app_id.as_deref())?;
    let facts = &state.magneteco.facts;
    let taken = facts.record_event(app.scope(deadline), &event.user, event.new).await?;
    reply(StatusCode::ACCEPTED, &convert::event_response(&taken))
}

/// Of a resource or an event, by the id that either was answered with.
pub(in super::super) async fn resource_status(
    state: Data<ApiState>,
    request: HttpRequest,
    call: Call<Follow>,
    deadline: RequestDeadline,
) -> Reply {
    let segment = convert::resource_in(request.uri().path());
    let id = segment.text().and_then(resource_named).ok_or_else(ApiError::not_found)?;
    let status = state.magneteco.facts.resource(call.app.scope(deadline), id).await?;
    let status = status.ok_or_else(ApiError::not_found)?;
    reply(StatusCode::OK, &convert::status_response(status))
}
