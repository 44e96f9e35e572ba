//! Recalling.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use tokio::sync::oneshot;

use super::super::access::AuthorizedBody;
use super::super::convert;
use super::super::error::ApiError;
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::compute;

/// The answer is made where it is counted, on the tenant's thread: what is charged is what is
/// sent.
pub(in super::super) async fn recall(
    state: Data<ApiState>,
    deadline: RequestDeadline,
    body: AuthorizedBody,
) -> Reply {
    let AuthorizedBody { identity, json } = body;
    let speaker = identity.speaker();
    let reading = compute(json.len(), move || convert::recall_request(&json, &speaker));
    let convert::Question { query, tokens, with_timeline } = reading.await??;
    let (depth, scope) = (query.depth, identity.caller.scope(deadline));
    let (made, wait) = oneshot::channel();
    let make = move |recollection: &_| {
        let recalled = convert::recalled(recollection, with_timeline);
        let tokens = recalled.tokens;
        // Nobody waits when the caller has gone.
        let _ = made.send(recalled);
        tokens
    };
    let (_, tokens) = state.memory.recall(scope, query, tokens, make).await?;
    let recalled = wait.await.map_err(|_dropped| ApiError::internal())?;
    reply(StatusCode::OK, &convert::recall_response(recalled, depth, tokens))
}
