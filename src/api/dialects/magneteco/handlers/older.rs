//! What the older client asks in other words: it names no app, and reads other members.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::convert::{self, Client};
use super::super::limits::{Call, CallBody, Events, Memorize, Read, Retrieve};
use super::retrieving::retrieve_for;
use super::writing::{memorize_for, record_event_for};
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;

pub(in super::super) async fn memorize(
    state: Data<ApiState>,
    call: CallBody<Memorize>,
    deadline: RequestDeadline,
) -> Reply {
    memorize_for(Client::Older, &state, call, deadline).await
}

pub(in super::super) async fn record_event(
    state: Data<ApiState>,
    call: CallBody<Events>,
    deadline: RequestDeadline,
) -> Reply {
    record_event_for(Client::Older, &state, call, deadline).await
}

pub(in super::super) async fn retrieve(
    state: Data<ApiState>,
    call: CallBody<Retrieve>,
    deadline: RequestDeadline,
) -> Reply {
    retrieve_for(Client::Older, &state, call, deadline).await
}

pub(in super::super) async fn categories(
    state: Data<ApiState>,
    request: HttpRequest,
    call: Call<Read>,
    deadline: RequestDeadline,
) -> Reply {
    let user = convert::user_in_query(request.query_string())?;
    let categories = state.magneteco.facts.categories(call.app.scope(deadline), &user).await?;
    reply(StatusCode::OK, &convert::named_categories(categories))
}
