//! What was used. Never metered and never refused for quota: callers poll it.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::access::Authorized;
use super::super::convert;
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;

pub(in super::super) async fn today(
    state: Data<ApiState>,
    deadline: RequestDeadline,
    caller: Authorized,
) -> Reply {
    let scope = caller.0.caller.scope(deadline);
    let today = state.memory.tokens_today(scope).await?;
    reply(StatusCode::OK, &convert::today_response(&today, &scope.allowance))
}

pub(in super::super) async fn summary(
    state: Data<ApiState>,
    request: HttpRequest,
    deadline: RequestDeadline,
    caller: Authorized,
) -> Reply {
    let month = convert::month(request.query_string(), state.clock.now())?;
    let tokens = state.memory.tokens_of_month(caller.0.caller.scope(deadline), month).await?;
    reply(StatusCode::OK, &convert::summary_response(month, tokens))
}
