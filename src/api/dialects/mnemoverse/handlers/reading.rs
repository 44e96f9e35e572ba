//! Finding atoms: reads, queries, the feed of recent ones, and the graph behind them.

use actix_web::web::Data;

use super::super::convert;
use super::super::error::ApiError;
use super::{Body, Reply, reply};
use crate::api::extract::{Caller, RequestDeadline};
use crate::api::state::ApiState;

pub(in super::super) async fn read(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let plan = convert::read_request(body.text())?;
    let mut result = state.memory.read(caller.scope(deadline), plan.query.clone()).await?;
    plan.arrange(&mut result.items);
    reply(&convert::read_response(&result))
}

pub(in super::super) async fn query(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let plan = convert::query_request(body.text())?;
    let mut result = state.memory.read(caller.scope(deadline), plan.query.clone()).await?;
    plan.arrange(&mut result.items);
    reply(&convert::read_response(&result))
}

pub(in super::super) async fn read_batch(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let plans = convert::read_batch_request(body.text())?;
    let queries = plans.iter().map(|plan| plan.query.clone()).collect();
    let mut results = state.memory.read_batch(caller.scope(deadline), queries).await?;
    for (plan, result) in plans.iter().zip(&mut results) {
        plan.arrange(&mut result.items);
    }
    reply(&convert::read_batch_response(&results))
}

pub(in super::super) async fn recent(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let (mut query, cursor) = convert::recent_request(body.text())?;
    if let Some(cursor) = cursor {
        query.before = Some(convert::position_of(&cursor).map_err(ApiError::refused)?);
    }
    let page = state.memory.recent(caller.scope(deadline), query).await?;
    reply(&convert::recent_response(&page))
}

pub(in super::super) async fn graph(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let (query, weight_min) = convert::graph_request(body.text())?;
    let view = state.memory.graph(caller.scope(deadline), query).await?;
    reply(&convert::graph_response(&view, weight_min))
}
