//! Agents, which publishable keys may read.

use actix_web::web::Data;

use super::super::access::{Reader, Secret};
use super::super::convert;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, found, kept};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;

pub(in super::super) async fn list_agents(
    caller: Reader,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let Reader { scope, version, is_public } = caller;
    let (filter, page) = query.read(|fields| convert::agent_list(fields, is_public))?;
    let agents = state.metorial.platform.agents(scope, filter, page).await?;
    let show = |agent| convert::agent_body(agent, version, is_public);
    Ok(reply(&List::of(allowed(agents)?, show)))
}

pub(in super::super) async fn create_agent(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let new = body.read(convert::new_agent)?;
    let agent = state.metorial.platform.create_agent(caller.scope, new).await?;
    Ok(reply(&convert::agent_body(allowed(agent)?, caller.version, false)))
}

pub(in super::super) async fn agent(
    caller: Reader,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let Reader { scope, version, is_public } = caller;
    let id = ids::addressed(Prefix::Agent, &segment)?;
    let agent = state.metorial.platform.agent(scope, id).await?;
    let agent = agent.filter(|agent| convert::is_shown(agent, is_public));
    let agent = found(agent, Prefix::Agent, &segment)?;
    Ok(reply(&convert::agent_body(agent, version, is_public)))
}

pub(in super::super) async fn change_agent(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let change = body.read(convert::agent_change)?;
    let id = ids::addressed(Prefix::Agent, &segment)?;
    let agent = state.metorial.platform.change_agent(caller.scope, id, change).await?;
    Ok(reply(&convert::agent_body(kept(agent, &segment)?, caller.version, false)))
}

pub(in super::super) async fn delete_agent(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::Agent, &segment)?;
    let agent = state.metorial.platform.delete_agent(caller.scope, id).await?;
    let agent = found(agent, Prefix::Agent, &segment)?;
    Ok(reply(&convert::deleted_agent_body(agent, caller.version)))
}
