//! TenantId -> handle. Opens tenants on demand, one at a time each; closes the idle; replaces
//! the crashed until they crash too often. actix's own supervisor does not restart an actor
//! after a panic, so this is the supervisor.
//!
//! Invariant: at most one actor exists for a tenant. A slot is opened and closed only under its
//! own lock, and leaves the map only under that lock, marked as retired.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix::Actor;
use dashmap::{DashMap, DashSet};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::error::ActorError;
use super::handle::{CallFailure, TenantHandle};
use super::jobs::JobSignals;
use super::relocation::Relocation;
use super::restart::{CrashHistory, Permission, RestartPolicy};
use super::settings::RegistrySettings;
use super::shards::{Shard, Shards};
use super::tenant::{TenantActor, TenantCommand};
use crate::control::Directory;
use crate::control::plans::Plan;
use crate::control::quotas::{RateExceeded, RateStatus, TokenBucket};
use crate::tenant::{OpenTenant, Tenant};
use crate::types::{Clock, Deadline, EmbedderIdentity, ShardNo, TenantId, Timestamp};

/// Calls that wait at one time for the same tenant to open; more are refused as overload.
const OPENING_WAITERS_MAX: usize = 256;

/// How many crashes of its tenant a call is sent again after, if it had not begun.
const CRASHES_OUTLIVED_MAX: usize = 3;

pub(super) struct SlotState {
    history: CrashHistory,
    /// The slot left the map; whoever waited for its lock must look the tenant up again.
    pub(super) retired: bool,
}

/// What the registry keeps of a tenant in use.
pub(super) struct Slot {
    bucket: RwLock<Allowance>,
    handle: RwLock<Option<TenantHandle>>,
    pub(super) state: Mutex<SlotState>,
    /// One for each call that waits for the tenant to open.
    waiting: Arc<Semaphore>,
}

/// A bucket and the rate it was made for.
struct Allowance {
    requests_per_minute: Option<u32>,
    bucket: Arc<TokenBucket>,
}

impl Allowance {
    fn new(plan: &Plan, clock: &Arc<dyn Clock>) -> Self {
        let bucket = Arc::new(TokenBucket::new(plan, Arc::clone(clock)));
        Self { requests_per_minute: plan.requests_per_minute, bucket }
    }
}

impl Slot {
    /// The tenant's bucket; a new one, and full, once its plan allows another rate.
    fn bucket(&self, plan: &Plan, clock: &Arc<dyn Clock>) -> Arc<TokenBucket> {
        let allowance = self.bucket.read().unwrap_or_else(PoisonError::into_inner);
        if allowance.requests_per_minute == plan.requests_per_minute {
            return Arc::clone(&allowance.bucket);
        }
        drop(allowance);
        let mut allowance = self.bucket.write().unwrap_or_else(PoisonError::into_inner);
        if allowance.requests_per_minute != plan.requests_per_minute {
            *allowance = Allowance::new(plan, clock);
        }
        Arc::clone(&allowance.bucket)
    }

    fn bucket_is_full(&self) -> bool {
        self.bucket.read().unwrap_or_else(PoisonError::into_inner).bucket.is_full()
    }

    fn open_handle(&self) -> Option<TenantHandle> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        handle.as_ref().filter(|handle| handle.is_open()).cloned()
    }

    pub(super) fn current(&self) -> Option<TenantHandle> {
        self.handle.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, handle: Option<TenantHandle>) {
        *self.handle.write().unwrap_or_else(PoisonError::into_inner) = handle;
    }
}

/// A tenant that may not be opened for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantinedTenant {
    pub tenant: TenantId,
    pub until: Timestamp,
}

pub struct Registry {
    directory: Arc<Directory>,
    shards: Shards,
    slots: DashMap<TenantId, Arc<Slot>>,
    policy: RestartPolicy,
    open_tenants_max: usize,
    open_timeout: Duration,
    embedder: EmbedderIdentity,
    clock: Arc<dyn Clock>,
    generations: AtomicU64,
    accepting: AtomicBool,
    /// Domains that are being consolidated.
    consolidating: Arc<DashSet<(TenantId, String)>>,
    /// Tenants whose bytes are being moved or erased.
    pub(super) relocating: Arc<DashMap<TenantId, Relocation>>,
    /// Told when there is something to erase.
    pub(super) erasure: Notify,
    jobs: Arc<JobSignals>,
}

/// A domain's consolidation in progress; ends when dropped.
pub struct RunningConsolidation {
    running: Arc<DashSet<(TenantId, String)>>,
    domain: (TenantId, String),
}

impl Drop for RunningConsolidation {
    fn drop(&mut self) {
        self.running.remove(&self.domain);
    }
}

impl Registry {
    #[must_use]
    pub fn new(
        directory: Arc<Directory>,
        shards: Shards,
        settings: &RegistrySettings,
        embedder: EmbedderIdentity,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            directory,
            shards,
            slots: DashMap::new(),
            policy: settings.restart_policy(),
            open_timeout: Duration::from_millis(settings.tenant_open_timeout_ms),
            open_tenants_max: settings.open_tenants_max,
            embedder,
            clock,
            generations: AtomicU64::new(1),
            accepting: AtomicBool::new(true),
            consolidating: Arc::default(),
            relocating: Arc::default(),
            erasure: Notify::new(),
            jobs: Arc::default(),
        }
    }

    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    #[must_use]
    pub fn shards(&self) -> &Shards {
        &self.shards
    }

    #[must_use]
    pub fn is_accepting(&self) -> bool {
        self.accepting.load(Ordering::Acquire)
    }

    /// Tenants that have an actor now.
    #[must_use]
    pub fn open_tenants(&self) -> Vec<TenantId> {
        let open = self.slots.iter().filter(|slot| slot.open_handle().is_some());
        open.map(|slot| *slot.key()).collect()
    }

    /// Whether a tenant has an actor now.
    #[must_use]
    pub fn is_open(&self, tenant: TenantId) -> bool {
        self.find_slot(tenant).is_some_and(|slot| slot.open_handle().is_some())
    }

    /// What tenants and whoever runs their jobs tell each other.
    pub(super) fn job_signals(&self) -> &Arc<JobSignals> {
        &self.jobs
    }

    /// Every tenant of the directory, oldest first.
    #[must_use]
    pub fn known_tenants(&self) -> Vec<TenantId> {
        self.directory.tenants().into_iter().map(|tenant| tenant.id).collect()
    }

    /// Marks a domain as being consolidated; `None` while it is already.
    #[must_use]
    pub fn begin_consolidation(
        &self,
        tenant: TenantId,
        domain: &str,
    ) -> Option<RunningConsolidation> {
        let domain = (tenant, domain.to_owned());
        let is_first = self.consolidating.insert(domain.clone());
        is_first.then(|| RunningConsolidation { running: Arc::clone(&self.consolidating), domain })
    }

    /// How many tenants have an actor now.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open_tenants().len()
    }

    /// Takes one request from the tenant's allowance. Costs no message and no I/O.
    ///
    /// # Errors
    /// When the allowance is used up.
    pub fn admit(&self, tenant: TenantId, plan: &Plan) -> Result<RateStatus, RateExceeded> {
        let slot = self.slot(tenant, plan);
        slot.bucket(plan, &self.clock).take()
    }

    /// Runs a command on a tenant, opening it first where needed. A command that a crashed or
    /// evicted actor had not begun is sent again; one that had begun is not.
    ///
    /// # Errors
    /// See [`ActorError`].
    pub async fn call<C: TenantCommand>(
        self: &Arc<Self>,
        tenant: TenantId,
        command: C,
        deadline: Deadline,
    ) -> Result<C::Reply, ActorError> {
        let mut command = command;
        let mut crashes = 0;
        while crashes < CRASHES_OUTLIVED_MAX {
            let handle = self.handle(tenant, deadline).await?;
            command = match handle.call(command, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(CallFailure::Failed(error)) => return Err(error),
                Err(CallFailure::Evicted(command)) => command,
                Err(CallFailure::Crashed(command)) => {
                    crashes += 1;
                    self.note_crash(&handle).await;
                    command.ok_or(ActorError::Crashed)?
                }
            };
            if deadline.remaining().is_zero() {
                return Err(ActorError::DeadlineExceeded);
            }
        }
        Err(ActorError::Crashed)
    }

    pub(super) fn find_slot(&self, tenant: TenantId) -> Option<Arc<Slot>> {
        self.slots.get(&tenant).map(|slot| Arc::clone(&slot))
    }

    pub(super) fn slot(&self, tenant: TenantId, plan: &Plan) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(&tenant) {
            return Arc::clone(&slot);
        }
        let slot = self.slots.entry(tenant).or_insert_with(|| {
            Arc::new(Slot {
                bucket: RwLock::new(Allowance::new(plan, &self.clock)),
                handle: RwLock::new(None),
                state: Mutex::new(SlotState { history: CrashHistory::default(), retired: false }),
                waiting: Arc::new(Semaphore::new(OPENING_WAITERS_MAX)),
            })
        });
        Arc::clone(&slot)
    }

    /// The tenant's handle; opens the tenant when it has none. The opening is a task of its own:
    /// a caller that gives up does not throw away what a slow disk has begun.
    async fn handle(
        self: &Arc<Self>,
        tenant: TenantId,
        deadline: Deadline,
    ) -> Result<TenantHandle, ActorError> {
        loop {
            if !self.is_accepting() {
                return Err(ActorError::ShuttingDown);
            }
            let known = self.directory.get_tenant(tenant)?;
            let slot = self.slot(tenant, &known.plan);
            if let Some(handle) = slot.open_handle() {
                return Ok(handle);
            }
            let permits = self.permits_to_wait(&slot, known.shard)?;
            let registry = Arc::clone(self);
            let opening = tokio::spawn(async move {
                let _permits = permits;
                let mut state = slot.state.lock().await;
                if state.retired {
                    return Ok(None);
                }
                // Whoever held the lock may have moved or deleted the tenant.
                let known = registry.directory.get_tenant(tenant)?;
                registry.open_locked(&slot, &mut state, known).await.map(Some)
            });
            let open_by = deadline.min(Deadline::after(self.open_timeout));
            match timeout_at(open_by.instant(), opening).await {
                Err(_) => return Err(ActorError::DeadlineExceeded),
                Ok(Err(_)) => return Err(ActorError::Crashed),
                Ok(Ok(Err(error))) => return Err(error),
                Ok(Ok(Ok(Some(handle)))) => return Ok(handle),
                Ok(Ok(Ok(None))) => {}
            }
        }
    }

    /// The right to wait until a tenant is open, which few may do at one time.
    fn permits_to_wait(
        &self,
        slot: &Slot,
        shard: ShardNo,
    ) -> Result<[OwnedSemaphorePermit; 2], ActorError> {
        let shard = self.shards.get(shard)?;
        let take = |semaphore: &Arc<Semaphore>, scope| {
            let permit = Arc::clone(semaphore).try_acquire_owned();
            permit.map_err(|_| {
                metrics::counter!("hebbd_overloaded_total", "scope" => scope).increment(1);
                ActorError::Overloaded { scope }
            })
        };
        Ok([take(&slot.waiting, "tenant")?, take(&shard.permits, "shard")?])
    }

    async fn open_locked(
        &self,
        slot: &Slot,
        state: &mut SlotState,
        known: crate::control::tenants::Tenant,
    ) -> Result<TenantHandle, ActorError> {
        if let Some(handle) = slot.open_handle() {
            return Ok(handle);
        }
        match state.history.permission(self.clock.now(), &self.policy) {
            Permission::Granted => {}
            Permission::BackOff { until } => return Err(ActorError::BackingOff { until }),
            Permission::Quarantined { until } => return Err(ActorError::Quarantined { until }),
        }
        let shard = Arc::clone(self.shards.get(known.shard)?);
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        let started = self.clock.monotonic_micros();
        let tenant = match self.open_tenant(&shard, &known, generation).await {
            Ok(tenant) => tenant,
            Err(error) => {
                if matches!(error, ActorError::Crashed) {
                    state.history.record_crash(self.clock.now(), &self.policy);
                }
                return Err(error);
            }
        };
        let elapsed_us = self.clock.monotonic_micros().saturating_sub(started);
        metrics::histogram!("hebbd_tenant_open_seconds").record(elapsed_us as f64 / 1e6);
        let capacity = shard.settings.mailbox_capacity;
        let gave_up = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&gave_up);
        let bell = self.jobs.bell_of(known.id);
        let address = TenantActor::start_in_arbiter(&shard.arbiter, move |_| {
            TenantActor::new(tenant, capacity, shared, bell)
        });
        let handle = TenantHandle::new(
            known.id,
            generation,
            address,
            gave_up,
            u32::try_from(shard.settings.tenant_permits).unwrap_or(u32::MAX),
            Arc::clone(&shard.permits),
            Arc::clone(&self.clock),
        );
        slot.replace(Some(handle.clone()));
        Ok(handle)
    }

    /// Rebuilds a tenant's memory on the blocking pool. A panic there counts as a crash.
    async fn open_tenant(
        &self,
        shard: &Shard,
        known: &crate::control::tenants::Tenant,
        generation: u64,
    ) -> Result<Tenant, ActorError> {
        let open = OpenTenant {
            no: known.no,
            epoch: generation,
            commit: shard.commit.clone(),
            embedder: self.embedder.clone(),
            index: shard.settings.index,
            index_dir: shard.index_dir.join(known.no.to_string()),
            blobs: shard.blobs_of(known.no),
            clock: Arc::clone(&self.clock),
        };
        match tokio::task::spawn_blocking(move || Tenant::open(open)).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Err(ActorError::Crashed),
        }
    }

    /// Many callers may report one crash; only the first for a generation counts.
    async fn note_crash(&self, crashed: &TenantHandle) {
        let Some(slot) = self.find_slot(crashed.tenant()) else { return };
        let mut state = slot.state.lock().await;
        if slot.current().is_none_or(|current| current.generation() != crashed.generation()) {
            return;
        }
        slot.replace(None);
        let quarantined = state.history.record_crash(self.clock.now(), &self.policy);
        metrics::counter!("hebbd_tenant_crashes_total").increment(1);
        tracing::error!(
            tenant.id = %crashed.tenant(),
            tenant.quarantined = quarantined,
            "tenant actor crashed; it is opened again from storage on its next request"
        );
    }

    /// Tenants that may not be opened for now, for operators and metrics. Waits for nobody: one
    /// whose slot is locked is being opened or closed.
    pub fn quarantined(&self) -> Vec<QuarantinedTenant> {
        let slots: Vec<_> =
            self.slots.iter().map(|slot| (*slot.key(), Arc::clone(slot.value()))).collect();
        let mut quarantined = Vec::new();
        for (tenant, slot) in slots {
            let Ok(state) = slot.state.try_lock() else { continue };
            let permission = state.history.permission(self.clock.now(), &self.policy);
            if let Permission::Quarantined { until } = permission {
                quarantined.push(QuarantinedTenant { tenant, until });
            }
        }
        quarantined
    }

    /// Lets a quarantined tenant be opened at once. Returns whether there was one to release.
    pub async fn release(&self, tenant: TenantId) -> bool {
        let Some(slot) = self.find_slot(tenant) else { return false };
        let mut state = slot.state.lock().await;
        let before = state.history.clone();
        state.history.release();
        before != state.history
    }

    /// Closes tenants that were idle for as long as their shard allows and, while more are open
    /// than may be, the longest idle of the others. Returns how many.
    pub async fn evict_idle(&self) -> usize {
        let mut slots: Vec<_> = self
            .slots
            .iter()
            .map(|slot| (*slot.key(), Arc::clone(slot.value())))
            .map(|(tenant, slot)| (slot.current().map_or(u64::MAX, |h| h.idle_us()), tenant, slot))
            .collect();
        slots.sort_unstable_by_key(|(idle_us, tenant, _)| (std::cmp::Reverse(*idle_us), *tenant));
        let mut open = self.open_count();
        let mut evicted = 0;
        for (_, tenant, slot) in slots {
            let too_many = open > self.open_tenants_max;
            if self.evict_if_idle(tenant, &slot, too_many).await {
                evicted += 1;
                open = open.saturating_sub(1);
            }
        }
        metrics::counter!("hebbd_tenant_evictions_total").increment(evicted as u64);
        metrics::gauge!("hebbd_tenants_open").set(self.open_count() as f64);
        metrics::gauge!("hebbd_tenants_quarantined").set(self.quarantined().len() as f64);
        evicted
    }

    /// `at_once`: close it even if it was used a moment ago, as long as no call is in flight.
    async fn evict_if_idle(&self, tenant: TenantId, slot: &Arc<Slot>, at_once: bool) -> bool {
        let Ok(known) = self.directory.get_tenant(tenant) else { return false };
        let Ok(shard) = self.shards.get(known.shard) else { return false };
        let idle_after_us = shard.settings.idle_evict_s.saturating_mul(1_000_000);
        let mut state = slot.state.lock().await;
        if state.retired {
            return false;
        }
        let closed = match slot.current() {
            None => false,
            Some(handle) => {
                let due = at_once || handle.idle_us() >= idle_after_us;
                let is_working = || self.jobs.is_working_for(tenant);
                if !due || !handle.close_if_idle(is_working).await {
                    return false;
                }
                slot.replace(None);
                true
            }
        };
        if state.history.is_clean(self.clock.now(), &self.policy) && slot.bucket_is_full() {
            self.retire(tenant, slot, &mut state);
        }
        closed
    }

    /// Takes a slot out of the map. Its lock must be held.
    pub(super) fn retire(&self, tenant: TenantId, slot: &Arc<Slot>, state: &mut SlotState) {
        state.retired = true;
        self.slots.remove_if(&tenant, |_, present| Arc::ptr_eq(present, slot));
    }

    /// Refuses new work, waits for what is in flight, closes every tenant, then stops the
    /// shards. Ends by itself within `limit` and a little.
    pub async fn shut_down(&self, limit: Duration) {
        self.accepting.store(false, Ordering::Release);
        let deadline = Deadline::after(limit);
        let slots: Vec<_> = self.slots.iter().map(|slot| Arc::clone(slot.value())).collect();
        let closing = slots.iter().map(|slot| async {
            let _state = slot.state.lock().await;
            if let Some(handle) = slot.open_handle() {
                handle.drain_and_close(deadline).await;
                slot.replace(None);
            }
        });
        futures_util::future::join_all(closing).await;
        self.shards.stop().await;
    }
}
