//! Sessions, their messages and events.

use super::PlatformService;
use crate::actors::tenant::data::{asked_part, query_words};
use crate::actors::tenant::platform::sessions::{
    DeleteSession, SearchMessages, add_message, atom_of, change_session, create_session,
    find_event, find_message, find_session, list_events, list_messages, list_sessions,
};
use crate::actors::tenant::retrieve::QueryAllowance;
use crate::service::{
    Event, EventFilter, FoundMessage, Kept, Message, MessageFilter, MessageQuery, NewMessage,
    NewSession, Page, RecordPage, Scope, ServiceError, Session, SessionChange, SessionFilter,
};
use crate::types::{ErrorKind, RecordId};

impl PlatformService {
    /// Makes a session. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; nothing was made then, except after
    /// [`ErrorKind::DeadlineExceeded`], when it may have been.
    pub async fn create_session(
        &self,
        scope: Scope,
        new: NewSession,
    ) -> Result<Kept<Session>, ServiceError> {
        self.memory.call(scope, create_session(new)).await
    }

    /// A session, if there is one of this id.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn session(
        &self,
        scope: Scope,
        id: RecordId,
    ) -> Result<Option<Session>, ServiceError> {
        self.memory.call(scope, find_session(id)).await
    }

    /// A page of sessions.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn sessions(
        &self,
        scope: Scope,
        filter: SessionFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<Session>>, ServiceError> {
        self.memory.call(scope, list_sessions(filter, page)).await
    }

    /// Changes what a session says of itself. Durable on return.
    ///
    /// # Errors
    /// As [`PlatformService::create_session`].
    pub async fn change_session(
        &self,
        scope: Scope,
        id: RecordId,
        change: SessionChange,
    ) -> Result<Kept<Session>, ServiceError> {
        self.memory.call(scope, change_session(id, change)).await
    }

    /// Deletes a session with its messages; answers what it was. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; some messages may be gone then, or all of it.
    pub async fn delete_session(
        &self,
        scope: Scope,
        id: RecordId,
    ) -> Result<Option<Session>, ServiceError> {
        self.memory.call(scope, DeleteSession { id }).await
    }

    /// Keeps a message of a session, and remembers it. Durable on return, and found from then on.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`] when the plan has no room for another atom. Otherwise as
    /// [`PlatformService::create_session`].
    pub async fn add_message(
        &self,
        scope: Scope,
        new: NewMessage,
    ) -> Result<Kept<Message>, ServiceError> {
        let atom = self.memory.prepare(vec![atom_of(&new)]).await?.pop();
        let atom =
            atom.ok_or_else(|| ServiceError::new(ErrorKind::Internal, "nothing to store"))?;
        let atoms_max = scope.allowance.atoms_max;
        self.memory.call(scope, add_message(new, atom, atoms_max)).await
    }

    /// A message of this id; with `within`, of that session only.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn message(
        &self,
        scope: Scope,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<Message>, ServiceError> {
        self.memory.call(scope, find_message(id, within)).await
    }

    /// A page of messages.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn messages(
        &self,
        scope: Scope,
        filter: MessageFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<Message>>, ServiceError> {
        self.memory.call(scope, list_messages(filter, page)).await
    }

    /// The messages that answer a question, best first. Counts as a query of the plan.
    ///
    /// # Errors
    /// When the embedder or the tenant cannot serve, or the day's queries are used up.
    pub async fn search_messages(
        &self,
        scope: Scope,
        query: MessageQuery,
    ) -> Result<Vec<FoundMessage>, ServiceError> {
        let text = asked_part(&query.text).to_owned();
        let embedding = self.memory.embedder.embed_query(&text, &query_words(&text, &[])).await?;
        let spend = QueryAllowance::of(scope.allowance.queries_per_day, 1);
        let query = MessageQuery { text, ..query };
        self.memory.call(scope, SearchMessages { query, embedding, spend }).await
    }

    /// An event of this id; with `within`, of that session only.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn event(
        &self,
        scope: Scope,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<Event>, ServiceError> {
        self.memory.call(scope, find_event(id, within)).await
    }

    /// A page of events.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn events(
        &self,
        scope: Scope,
        filter: EventFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<Event>>, ServiceError> {
        self.memory.call(scope, list_events(filter, page)).await
    }
}
