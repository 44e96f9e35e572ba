//! Forgetting a user, or one category of what is known of them.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::convert;
use super::super::limits::{CallBody, Forget};
use super::{Reply, parse, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::Forgotten;
use crate::types::Timestamp;

pub(in super::super) async fn forget(
    state: Data<ApiState>,
    CallBody { app, text, .. }: CallBody<Forget>,
    deadline: RequestDeadline,
) -> Reply {
    let forgetting = parse(text, convert::forget_request).await?;
    app.check_named(forgetting.app_id.as_deref())?;
    let category = forgetting.category.as_deref();
    let facts = &state.magneteco.facts;
    let forgotten = facts.forget(app.scope(deadline), &forgetting.user, category).await?;
    let forgotten = forgotten.unwrap_or_else(|| nothing(state.clock.now()));
    reply(StatusCode::OK, &convert::forget_response(app.id(), forgetting, &forgotten))
}

/// There was nothing to forget.
fn nothing(at: Timestamp) -> Forgotten {
    Forgotten { resources: 0, facts: 0, categories: 0, entities: 0, relationships: 0, at }
}
