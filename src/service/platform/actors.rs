//! Actors and agents.

use super::PlatformService;
use crate::actors::tenant::platform::actors as commands;
use crate::service::{
    Actor, ActorChange, ActorFilter, ActorRef, Agent, AgentChange, AgentFilter, Kept, NewActor,
    NewAgent, Page, PageRequest, RecordPage, Scope, ServiceError,
};
use crate::types::RecordId;

impl PlatformService {
    /// Makes an actor. Refused when its chosen name is taken, or there are too
    /// many. Durable on return, as every change here.
    ///
    /// # Errors
    /// When the tenant cannot serve; nothing has changed then, except after
    /// [`crate::types::ErrorKind::DeadlineExceeded`], when it may have.
    pub async fn create_actor(
        &self,
        scope: Scope,
        new: NewActor,
    ) -> Result<Kept<Actor>, ServiceError> {
        self.memory.call(scope, commands::create_actor(new)).await
    }

    /// An actor, or `None` for an unknown one.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn actor(
        &self,
        scope: Scope,
        actor: ActorRef,
    ) -> Result<Option<Actor>, ServiceError> {
        self.memory.call(scope, commands::find_actor(actor)).await
    }

    /// Changes an actor. Refused when it is not there.
    ///
    /// # Errors
    /// As [`PlatformService::create_actor`].
    pub async fn change_actor(
        &self,
        scope: Scope,
        actor: ActorRef,
        change: ActorChange,
    ) -> Result<Kept<Actor>, ServiceError> {
        self.memory.call(scope, commands::change_actor(actor, change)).await
    }

    /// Deletes an actor, and answers what it was; `None` for an unknown one. What refers to it
    /// stays, and its name is free.
    ///
    /// # Errors
    /// As [`PlatformService::create_actor`].
    pub async fn delete_actor(
        &self,
        scope: Scope,
        actor: ActorRef,
    ) -> Result<Option<Actor>, ServiceError> {
        self.memory.call(scope, commands::delete_actor(actor)).await
    }

    /// A page of the actors that a filter lets through. Refused when its place is no place of the list.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn actors(
        &self,
        scope: Scope,
        filter: ActorFilter,
        page: PageRequest<ActorRef>,
    ) -> Result<Kept<Page<Actor>>, ServiceError> {
        self.memory.call(scope, commands::list_actors(filter, page)).await
    }

    /// Makes an agent. Refused when its actor is not there, the slug that was chosen
    /// is taken, or there are too many. Durable on return, as every change here.
    ///
    /// # Errors
    /// When the tenant cannot serve; nothing has changed then, except after
    /// [`crate::types::ErrorKind::DeadlineExceeded`], when it may have.
    pub async fn create_agent(
        &self,
        scope: Scope,
        new: NewAgent,
    ) -> Result<Kept<Agent>, ServiceError> {
        self.memory.call(scope, commands::create_agent(new)).await
    }

    /// An agent, or `None` for an unknown one.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn agent(&self, scope: Scope, id: RecordId) -> Result<Option<Agent>, ServiceError> {
        self.memory.call(scope, commands::find_agent(id)).await
    }

    /// Changes an agent. Refused when it or its new actor is not there, or its new slug is taken.
    ///
    /// # Errors
    /// As [`PlatformService::create_agent`].
    pub async fn change_agent(
        &self,
        scope: Scope,
        id: RecordId,
        change: AgentChange,
    ) -> Result<Kept<Agent>, ServiceError> {
        self.memory.call(scope, commands::change_agent(id, change)).await
    }

    /// Deletes an agent, and answers what it was; `None` for an unknown one. What refers to it
    /// stays, and its slug is free.
    ///
    /// # Errors
    /// As [`PlatformService::create_agent`].
    pub async fn delete_agent(
        &self,
        scope: Scope,
        id: RecordId,
    ) -> Result<Option<Agent>, ServiceError> {
        self.memory.call(scope, commands::delete_agent(id)).await
    }

    /// A page of the agents that a filter lets through. Refused when its place is no place of the list.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn agents(
        &self,
        scope: Scope,
        filter: AgentFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<Agent>>, ServiceError> {
        self.memory.call(scope, commands::list_agents(filter, page)).await
    }
}
