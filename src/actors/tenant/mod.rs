//! The tenant actor: a mailbox around one tenant's synchronous state. It owns that state alone;
//! when it panics the state is gone with it and the registry opens the tenant again from
//! storage.

pub mod atoms;
mod blobs;
pub mod consolidate;
pub mod conversation;
pub mod data;
pub mod documents;
pub mod enrich;
pub mod erase;
pub mod feedback;
pub mod graph;
pub mod jobs;
pub mod outbox;
pub mod platform;
pub mod retrieve;
pub mod store;
pub mod subjects;
mod upkeep;
pub mod usage;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;

use super::handle::Envelope;
use super::jobs::JobBell;
use crate::storage::CommitTicket;
use crate::tenant::{Pending, SealedBatch, Tenant, TenantError};

/// What a command leaves: its reply, and the proof of durability to wait for before it is given.
#[derive(Debug)]
pub struct Done<R> {
    pub reply: R,
    pub ticket: CommitTicket,
}

impl<R> Done<R> {
    /// The reply of a command that changed nothing.
    pub fn read(reply: R) -> Self {
        Self { reply, ticket: CommitTicket::already_durable() }
    }
}

/// The actor's state as a command sees it. Borrow it between awaits, never across one.
pub type TenantCell = Rc<RefCell<Tenant>>;

/// A command at work.
pub type Answer<R> = LocalBoxFuture<'static, Result<Done<R>, TenantError>>;

/// A verb a tenant understands.
pub trait TenantCommand: Send + 'static {
    type Reply: Send + 'static;

    /// Whether the tenant counts as used by it. A background actor's look at a tenant must not
    /// keep an idle one open.
    const IS_USE: bool = true;

    /// Does the work. Short commands finish in one go; long ones do slices of about half a
    /// millisecond and yield between them, so that the shard's other tenants are served. This
    /// tenant's own mailbox waits until the future ends.
    fn run(self, tenant: TenantCell) -> Answer<Self::Reply>;
}

/// Applies a command's batch, a large one on the blocking pool: other tenants of the shard are
/// served meanwhile. Do not hold a borrow of the tenant.
async fn apply(batch: SealedBatch) -> Result<(), TenantError> {
    if !batch.is_large() {
        return batch.apply();
    }
    // A panic there leaves storage in an unknown state, as a failed write does.
    let applied = tokio::task::spawn_blocking(move || batch.apply()).await;
    applied.unwrap_or(Err(TenantError::Poisoned))
}

/// Applies what a command has planned so far; storage and memory agree again then.
async fn apply_all(tenant: &TenantCell, pending: Pending) -> Result<(), TenantError> {
    let batch = tenant.borrow().seal(pending)?;
    apply(batch).await?;
    tenant.borrow_mut().settle();
    Ok(())
}

/// The reply of a command that shows what must stand, whatever happens next: that something is done,
/// or progress, which never falls.
fn shown<R>(tenant: &TenantCell, show: impl FnOnce(&Tenant) -> R) -> Result<Done<R>, TenantError> {
    let tenant = tenant.borrow();
    Ok(Done { reply: show(&tenant), ticket: tenant.ticket_to_show() })
}

/// A command in its envelope.
pub struct Run<C: TenantCommand>(pub(super) Envelope<C>);

impl<C: TenantCommand> Message for Run<C> {
    type Result = Result<Done<C::Reply>, TenantError>;
}

/// Saves caches and stops.
pub struct Close;

impl Message for Close {
    type Result = ();
}

pub struct TenantActor {
    /// `None` once the tenant is being closed.
    tenant: Option<TenantCell>,
    mailbox_capacity: usize,
    /// Set before the actor stops of its own accord, so that its handle does not take that for a
    /// crash.
    gave_up: Arc<AtomicBool>,
    job_bell: JobBell,
    /// An index is being built for this tenant.
    building: bool,
}

impl TenantActor {
    #[must_use]
    pub fn new(
        tenant: Tenant,
        mailbox_capacity: usize,
        gave_up: Arc<AtomicBool>,
        job_bell: JobBell,
    ) -> Self {
        let tenant = Some(Rc::new(RefCell::new(tenant)));
        Self { tenant, mailbox_capacity, gave_up, job_bell, building: false }
    }

    /// After a command: give up a poisoned tenant, or start what its change made due.
    fn settle(&mut self, context: &mut Context<Self>) {
        let poisoned = self.tenant.as_ref().is_some_and(|tenant| tenant.borrow().is_poisoned());
        if poisoned {
            // Memory and storage disagree; the registry opens the tenant again from storage.
            self.gave_up.store(true, Ordering::Release);
            context.stop();
        } else {
            self.start_due_builds(context);
            self.tell_of_jobs();
        }
    }

    /// Wakes whoever runs jobs when a command left one.
    fn tell_of_jobs(&self) {
        if self.tenant.as_ref().is_some_and(|tenant| tenant.borrow_mut().take_job_news()) {
            self.job_bell.ring();
        }
    }
}

impl Actor for TenantActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(self.mailbox_capacity);
        self.start_due_builds(context);
        self.tell_of_jobs();
    }
}

/// Atomic: commands of one tenant never interleave, so each sees the state the last one left.
impl<C: TenantCommand> Handler<Run<C>> for TenantActor {
    type Result = AtomicResponse<Self, Result<Done<C::Reply>, TenantError>>;

    fn handle(&mut self, message: Run<C>, _: &mut Self::Context) -> Self::Result {
        let tenant = self.tenant.clone();
        let work = async move {
            match (tenant, message.0.take()) {
                (Some(tenant), Some(command)) => command.run(tenant).await,
                // Its caller gave up while it waited in the mailbox, or the tenant is closing.
                _ => Err(TenantError::Abandoned),
            }
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|result, actor, context| {
            actor.settle(context);
            result
        })))
    }
}

/// Atomic: nothing else runs while caches are saved on the blocking pool.
impl Handler<Close> for TenantActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Close, _: &mut Self::Context) -> Self::Result {
        let tenant = self.tenant.take().and_then(Rc::into_inner).map(RefCell::into_inner);
        let work = async move {
            if let Some(tenant) = tenant {
                // A panic there loses caches only.
                let _ = tokio::task::spawn_blocking(move || tenant.close()).await;
            }
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|(), _, context| context.stop())))
    }
}
