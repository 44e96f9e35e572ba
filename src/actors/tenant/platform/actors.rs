//! Actors and agents.

use super::{change, look};
use crate::actors::tenant::TenantCommand;
use crate::actors::tenant::data::{
    Actor, ActorChange, ActorFilter, ActorRef, Agent, AgentChange, AgentFilter, Kept, NewActor,
    NewAgent, Page, PageRequest, RecordPage,
};
use crate::types::RecordId;

/// Makes an actor. Durable when its reply is given, as is every change here.
pub fn create_actor(new: NewActor) -> impl TenantCommand<Reply = Kept<Actor>> {
    change(|tenant, pending| tenant.create_actor(pending, new))
}

/// An actor, or `None` for an unknown one.
pub fn find_actor(actor: ActorRef) -> impl TenantCommand<Reply = Option<Actor>> {
    look(move |tenant| tenant.find_actor(&actor))
}

/// Changes an actor.
pub fn change_actor(actor: ActorRef, to: ActorChange) -> impl TenantCommand<Reply = Kept<Actor>> {
    change(move |tenant, pending| tenant.change_actor(pending, &actor, to))
}

/// Deletes an actor. Replies with what it was; `None` for an unknown one.
pub fn delete_actor(actor: ActorRef) -> impl TenantCommand<Reply = Option<Actor>> {
    change(move |tenant, pending| tenant.delete_actor(pending, &actor))
}

/// A page of the actors that a filter lets through.
pub fn list_actors(
    filter: ActorFilter,
    page: PageRequest<ActorRef>,
) -> impl TenantCommand<Reply = Kept<Page<Actor>>> {
    look(move |tenant| tenant.list_actors(&filter, page))
}

/// Makes an agent.
pub fn create_agent(new: NewAgent) -> impl TenantCommand<Reply = Kept<Agent>> {
    change(|tenant, pending| tenant.create_agent(pending, new))
}

/// An agent, or `None` for an unknown one.
pub fn find_agent(id: RecordId) -> impl TenantCommand<Reply = Option<Agent>> {
    look(move |tenant| tenant.find_agent(id))
}

/// Changes an agent.
pub fn change_agent(id: RecordId, to: AgentChange) -> impl TenantCommand<Reply = Kept<Agent>> {
    change(move |tenant, pending| tenant.change_agent(pending, id, to))
}

/// Deletes an agent. Replies with what it was; `None` for an unknown one.
pub fn delete_agent(id: RecordId) -> impl TenantCommand<Reply = Option<Agent>> {
    change(move |tenant, pending| tenant.delete_agent(pending, id))
}

/// A page of the agents that a filter lets through.
pub fn list_agents(
    filter: AgentFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<Agent>>> {
    look(move |tenant| tenant.list_agents(&filter, page))
}
