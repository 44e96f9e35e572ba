//! Threads.

use super::PlatformService;
use crate::actors::tenant::platform::threads as commands;
use crate::service::{
    Kept, NewThread, Page, RecordPage, Scope, ServiceError, Thread, ThreadChange, ThreadFilter,
};
use crate::types::RecordId;

impl PlatformService {
    /// Makes a thread. Refused when its agent or a participant is not there, or there
    /// are too many. Durable on return, as every change here.
    ///
    /// # Errors
    /// When the tenant cannot serve; nothing has changed then, except after
    /// [`crate::types::ErrorKind::DeadlineExceeded`], when it may have.
    pub async fn create_thread(
        &self,
        scope: Scope,
        new: NewThread,
    ) -> Result<Kept<Thread>, ServiceError> {
        self.memory.call(scope, commands::create_thread(new)).await
    }

    /// A thread, or `None` for an unknown one.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn thread(&self, scope: Scope, id: RecordId) -> Result<Option<Thread>, ServiceError> {
        self.memory.call(scope, commands::find_thread(id)).await
    }

    /// Changes a thread. Refused when it, its new agent or a new participant is not there.
    ///
    /// # Errors
    /// As [`PlatformService::create_thread`].
    pub async fn change_thread(
        &self,
        scope: Scope,
        id: RecordId,
        change: ThreadChange,
    ) -> Result<Kept<Thread>, ServiceError> {
        self.memory.call(scope, commands::change_thread(id, change)).await
    }

    /// Deletes a thread, and answers what it was; `None` for an unknown one. The sessions
    /// in it stay.
    ///
    /// # Errors
    /// As [`PlatformService::create_thread`].
    pub async fn delete_thread(
        &self,
        scope: Scope,
        id: RecordId,
    ) -> Result<Option<Thread>, ServiceError> {
        self.memory.call(scope, commands::delete_thread(id)).await
    }

    /// A page of the threads that a filter lets through. Refused when its place is no place of the list.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn threads(
        &self,
        scope: Scope,
        filter: ThreadFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<Thread>>, ServiceError> {
        self.memory.call(scope, commands::list_threads(filter, page)).await
    }
}
