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
use crate::service::{compute, count_tokens};
use crate::types::TokenDirection;

/// The answer is made where it is counted, on the tenant's thread: what is charged is what is
/// sent.
pub(in super::super) async fn recall(
    state: Data<ApiState>,
    deadline: RequestDeadline,
    body: AuthorizedBody,
) -> Reply {
    let AuthorizedBody { identity, json } = body;
    let (speaker, scope, size) = (identity.speaker(), identity.caller.scope(deadline), json.len());
    let question = compute(size, move || convert::recall_request(&json, &speaker)).await??;
    // Looked at again where it is charged; here it keeps refusals cheap.
    state.memory.check_tokens(scope, &[TokenDirection::Input, TokenDirection::Output]).await?;
    let convert::Question { query, with_timeline } = question;
    let (depth, text) = (query.depth, query.text.clone());
    let tokens = compute(size, move || count_tokens(&text)).await?;
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
