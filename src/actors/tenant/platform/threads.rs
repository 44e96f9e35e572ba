//! Threads.

use super::{change, look};
use crate::actors::tenant::TenantCommand;
use crate::actors::tenant::data::{
    Kept, NewThread, Page, RecordPage, Thread, ThreadChange, ThreadFilter,
};
use crate::types::RecordId;

/// Makes a thread. Durable when its reply is given, as is every change here.
pub fn create_thread(new: NewThread) -> impl TenantCommand<Reply = Kept<Thread>> {
    change(|tenant, pending| tenant.create_thread(pending, new))
}

/// A thread, or `None` for an unknown one.
pub fn find_thread(id: RecordId) -> impl TenantCommand<Reply = Option<Thread>> {
    look(move |tenant| tenant.find_thread(id))
}

/// Changes a thread.
pub fn change_thread(id: RecordId, to: ThreadChange) -> impl TenantCommand<Reply = Kept<Thread>> {
    change(move |tenant, pending| tenant.change_thread(pending, id, to))
}

/// Deletes a thread. Replies with what it was; `None` for an unknown one.
pub fn delete_thread(id: RecordId) -> impl TenantCommand<Reply = Option<Thread>> {
    change(move |tenant, pending| tenant.delete_thread(pending, id))
}

/// A page of the threads that a filter lets through.
pub fn list_threads(
    filter: ThreadFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<Thread>>> {
    look(move |tenant| tenant.list_threads(&filter, page))
}
