//! Asking a user's memory.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::convert::{self, Client};
use super::super::limits::{CallBody, Retrieve};
use super::{Reply, parse, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;

pub(in super::super) async fn retrieve(
    state: Data<ApiState>,
    call: CallBody<Retrieve>,
    deadline: RequestDeadline,
) -> Reply {
    retrieve_for(Client::Documented, &state, call, deadline).await
}

pub(super) async fn retrieve_for(
    client: Client,
    state: &ApiState,
    CallBody { app, text, .. }: CallBody<Retrieve>,
    deadline: RequestDeadline,
) -> Reply {
    let asked = parse(text, move |text| convert::retrieve_request(text, client)).await?;
    app.check_named(asked.app_id.as_deref())?;
    let (user, query) = (asked.user, asked.query.text.clone());
    let facts = &state.magneteco.facts;
    let retrieved = facts.retrieve(app.scope(deadline), &user, asked.query).await?;
    match client {
        Client::Documented => {
            reply(StatusCode::OK, &convert::retrieve_response(app.id(), &user, query, retrieved))
        }
        Client::Older => reply(
            StatusCode::OK,
            &convert::older_retrieve_response(app.id(), &user, query, retrieved),
        ),
    }
}
