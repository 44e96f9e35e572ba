//! The only way to reach a tenant. A call takes a permit of the tenant and one of its shard (or
//! is refused at once), sends with a deadline, waits for the covering flush, and tells a crash
//! from an eviction. A command that the actor never took out of its envelope comes back to the
//! caller, who may send it again; one that was taken may have happened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::{Addr, MailboxError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout_at;

use super::error::ActorError;
use super::tenant::{Close, Run, TenantActor, TenantCommand};
use crate::tenant::TenantError;
use crate::types::{Clock, Deadline, TenantId};

/// How long a tenant may take to save its caches when the server stops. They can be rebuilt.
const CLOSE_MAX: Duration = Duration::from_secs(3);

/// A command on its way. The actor takes it when it starts on it.
#[derive(Debug)]
pub struct Envelope<C>(Arc<Mutex<Option<C>>>);

impl<C> Clone for Envelope<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Envelope<C> {
    fn new(command: C) -> Self {
        Self(Arc::new(Mutex::new(Some(command))))
    }

    /// The command, once.
    pub(super) fn take(&self) -> Option<C> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// How a call can end without a reply.
#[derive(Debug)]
pub enum CallFailure<C> {
    /// The actor was closed, or gave up, before it took the command.
    Evicted(C),
    /// The actor crashed. The command comes back if it had not been taken.
    Crashed(Option<C>),
    Failed(ActorError),
}

struct Inner {
    tenant: TenantId,
    generation: u64,
    address: Addr<TenantActor>,
    gave_up: Arc<AtomicBool>,
    /// Somebody is trying to take all permits, so having none does not mean being overloaded.
    closing: AtomicBool,
    permits: Arc<Semaphore>,
    permits_total: u32,
    shard_permits: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    last_used_us: AtomicU64,
}

/// Cheap to clone; all clones share the permits.
#[derive(Clone)]
pub struct TenantHandle(Arc<Inner>);

impl TenantHandle {
    pub(super) fn new(
        tenant: TenantId,
        generation: u64,
        address: Addr<TenantActor>,
        gave_up: Arc<AtomicBool>,
        permits_total: u32,
        shard_permits: Arc<Semaphore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let last_used_us = AtomicU64::new(clock.monotonic_micros());
        Self(Arc::new(Inner {
            tenant,
            generation,
            address,
            gave_up,
            closing: AtomicBool::new(false),
            permits: Arc::new(Semaphore::new(permits_total as usize)),
            permits_total,
            shard_permits,
            clock,
            last_used_us,
        }))
    }

    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// Which opening of the tenant this is; grows with every one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// Whether a call may still succeed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.address.connected()
            && !self.0.closing.load(Ordering::SeqCst)
            && !self.0.permits.is_closed()
            && !self.0.gave_up.load(Ordering::Acquire)
    }

    #[must_use]
    pub fn idle_us(&self) -> u64 {
        let last_used = self.0.last_used_us.load(Ordering::Relaxed);
        self.0.clock.monotonic_micros().saturating_sub(last_used)
    }

    /// Sends a command and waits for its reply and, after a write, for durability.
    ///
    /// # Errors
    /// See [`CallFailure`]. After [`ActorError::DeadlineExceeded`] a write may have happened.
    pub async fn call<C: TenantCommand>(
        &self,
        command: C,
        deadline: Deadline,
    ) -> Result<C::Reply, CallFailure<C>> {
        let _permits = match self.permits() {
            Ok(permits) => permits,
            Err(Refusal::Closed) => return Err(CallFailure::Evicted(command)),
            Err(Refusal::Full(scope)) => {
                metrics::counter!("hebbd_overloaded_total", "scope" => scope).increment(1);
                return Err(CallFailure::Failed(ActorError::Overloaded { scope }));
            }
        };
        if C::IS_USE {
            self.0.last_used_us.store(self.0.clock.monotonic_micros(), Ordering::Relaxed);
        }
        let envelope = Envelope::new(command);
        let sent = self.0.address.send(Run(envelope.clone()));
        let done = match timeout_at(deadline.instant(), sent).await {
            Err(_) | Ok(Err(MailboxError::Timeout)) => {
                // Whatever was not taken yet shall not be.
                drop(envelope.take());
                return Err(CallFailure::Failed(ActorError::DeadlineExceeded));
            }
            Ok(Err(MailboxError::Closed)) => {
                let gave_up = self.0.gave_up.load(Ordering::Acquire);
                return Err(match envelope.take() {
                    Some(command) if gave_up => CallFailure::Evicted(command),
                    None if gave_up => CallFailure::Failed(TenantError::Poisoned.into()),
                    command => CallFailure::Crashed(command),
                });
            }
            Ok(Ok(result)) => result.map_err(|e| CallFailure::Failed(e.into()))?,
        };
        match timeout_at(deadline.instant(), done.ticket.durable()).await {
            Err(_) => Err(CallFailure::Failed(ActorError::DeadlineExceeded)),
            Ok(Err(error)) => Err(CallFailure::Failed(ActorError::NotDurable(error))),
            Ok(Ok(())) => Ok(done.reply),
        }
    }

    fn permits(&self) -> Result<[OwnedSemaphorePermit; 2], Refusal> {
        let take = |semaphore: &Arc<Semaphore>, scope| {
            Arc::clone(semaphore).try_acquire_owned().map_err(|refusal| match refusal {
                TryAcquireError::Closed => Refusal::Closed,
                TryAcquireError::NoPermits if self.0.closing.load(Ordering::SeqCst) => {
                    Refusal::Closed
                }
                TryAcquireError::NoPermits => Refusal::Full(scope),
            })
        };
        Ok([take(&self.0.permits, "tenant")?, take(&self.0.shard_permits, "shard")?])
    }

    /// Closes the actor if no call is in flight and nobody works for the tenant between calls: from
    /// here on every call is told `Evicted`. Returns whether it closed; on return the tenant's
    /// caches are saved.
    pub(super) async fn close_if_idle(&self, is_working: impl Fn() -> bool) -> bool {
        self.0.closing.store(true, Ordering::SeqCst);
        let all = Arc::clone(&self.0.permits).try_acquire_many_owned(self.0.permits_total);
        // Asked with all permits in hand: whoever begins to work now finds the tenant closed.
        let all = all.ok().filter(|_| !is_working());
        let Some(all) = all else {
            self.0.closing.store(false, Ordering::SeqCst);
            return false;
        };
        self.close().await;
        drop(all);
        true
    }

    /// Lets the calls in flight finish and closes the actor; new calls are told `Evicted`
    /// meanwhile. False, and open again, if they have not finished by `deadline`. On return no
    /// command of this opening writes any more.
    pub(super) async fn close_when_drained(&self, deadline: Deadline) -> bool {
        self.0.closing.store(true, Ordering::SeqCst);
        let all = Arc::clone(&self.0.permits).acquire_many_owned(self.0.permits_total);
        let Ok(all) = timeout_at(deadline.instant(), all).await else {
            self.0.closing.store(false, Ordering::SeqCst);
            return false;
        };
        self.close().await;
        drop(all);
        true
    }

    /// Refuses new calls, lets those in flight finish, then closes the actor.
    pub(super) async fn drain_and_close(&self, deadline: Deadline) {
        let permits = Arc::clone(&self.0.permits);
        let drained =
            timeout_at(deadline.instant(), permits.acquire_many_owned(self.0.permits_total)).await;
        if drained.is_err() {
            tracing::warn!(tenant.id = %self.0.tenant, "closing a tenant with calls in flight");
        }
        if tokio::time::timeout(CLOSE_MAX, self.close()).await.is_err() {
            tracing::warn!(tenant.id = %self.0.tenant, "gave up waiting for a tenant's caches");
        }
    }

    async fn close(&self) {
        self.0.permits.close();
        // A closed mailbox here means that the actor is gone already.
        let _ = self.0.address.send(Close).await;
    }
}

enum Refusal {
    Closed,
    Full(&'static str),
}
