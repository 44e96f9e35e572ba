//! What a kind of job is: the code that does it outside of its tenant, and how its result comes
//! back. A handler changes nothing of its tenant while it runs; what it returns is applied inside
//! the tenant, in the batch that completes the job. So it may run more than once, and its result
//! counts once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::actors::error::ActorError;
use crate::actors::registry::Registry;
use crate::actors::tenant::TenantCommand;
use crate::actors::tenant::jobs::ReportProgress;
use crate::control::Directory;
use crate::engine::jobs::{Lease, LeasedJob, NewJob};
use crate::tenant::{Pending, Tenant, TenantError};
use crate::types::{Deadline, JobNo, TenantId};

/// How long the tenant may take for what a running job asks of it.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// One attempt at a job.
pub type JobRun<'a> = BoxFuture<'a, Result<JobResult, JobFailure>>;

/// Does the jobs of one kind.
pub trait JobHandler: Send + Sync + 'static {
    /// The kind as it is stored with the jobs; never given to other work later.
    fn kind(&self) -> &'static str;

    /// Whether nearly all of its time is waiting for others. Such a job then takes no worker from
    /// those that compute, as long as not very many of them run.
    fn mostly_waits(&self) -> bool {
        false
    }

    /// Does one job. Polled on a thread that others need: what computes for longer than half a
    /// millisecond belongs on the blocking pool. Dropped when the server stops or the attempt takes
    /// too long. Whatever it does to the outside (a request sent) may be done again by a later
    /// attempt.
    fn run<'a>(&'a self, context: &'a JobContext) -> JobRun<'a>;
}

/// The kinds of jobs that this server can do.
#[derive(Default, Clone)]
pub struct JobHandlers(HashMap<&'static str, Arc<dyn JobHandler>>);

impl JobHandlers {
    /// Adds a handler.
    ///
    /// # Panics
    /// When its kind has one already.
    #[must_use]
    pub fn with(mut self, handler: Arc<dyn JobHandler>) -> Self {
        let before = self.0.insert(handler.kind(), handler);
        assert!(before.is_none(), "two handlers for one kind of job");
        self
    }

    pub(super) fn find(&self, kind: &str) -> Option<&Arc<dyn JobHandler>> {
        self.0.get(kind)
    }
}

/// What an attempt is about, and its line to the tenant.
pub struct JobContext {
    registry: Arc<Registry>,
    tenant: TenantId,
    leased: LeasedJob,
}

impl JobContext {
    pub(super) fn new(registry: Arc<Registry>, tenant: TenantId, leased: LeasedJob) -> Self {
        Self { registry, tenant, leased }
    }

    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What the control plane knows: the tenant's secrets among it.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        self.registry.directory()
    }

    /// What the tenant is called; `None` when it was deleted meanwhile.
    #[must_use]
    pub fn tenant_name(&self) -> Option<Arc<str>> {
        Some(self.registry.directory().get_tenant(self.tenant).ok()?.spoken_name().into())
    }

    #[must_use]
    pub fn job(&self) -> JobNo {
        self.leased.lease.job
    }

    /// 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.leased.attempt
    }

    /// What was enqueued.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.leased.payload
    }

    /// The right to this attempt.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.leased.lease
    }

    /// Atoms that the tenant's plan lets it hold; `None` for any number.
    #[must_use]
    pub fn atoms_max(&self) -> Option<u64> {
        self.registry.directory().get_tenant(self.tenant).ok()?.plan.atoms_max
    }

    /// Asks the job's tenant something.
    ///
    /// # Errors
    /// As [`Registry::call`].
    pub async fn call<C: TenantCommand>(&self, command: C) -> Result<C::Reply, ActorError> {
        self.registry.call(self.tenant, command, Deadline::after(COMMAND_MAX)).await
    }

    /// Says how far the attempt has come, for whoever asks after the job. Progress that cannot be
    /// noted is no reason to stop.
    ///
    /// # Errors
    /// When the job is not this attempt's any more, so that nothing it does will count.
    pub async fn progress(&self, stage: &str, percent: u8) -> Result<(), JobFailure> {
        let stage = stage.to_owned();
        self.note(ReportProgress { lease: self.lease(), stage, percent }).await
    }

    /// As [`JobContext::progress`], said in a command of the job's own.
    ///
    /// # Errors
    /// As [`JobContext::progress`].
    pub async fn note<C: TenantCommand>(&self, report: C) -> Result<(), JobFailure> {
        match self.call(report).await {
            Err(ActorError::Tenant(error @ TenantError::StaleLease(_))) => {
                Err(JobFailure::retryable(error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// Changes that a job's result makes to its tenant.
pub trait JobEffect: Send + 'static {
    /// Does a part of about half a millisecond, and says whether there is more to do. The tenant
    /// answers nobody else in between; its shard's other tenants are served.
    ///
    /// # Errors
    /// Then nothing of the result is applied, and the attempt has failed. One that changed memory
    /// already costs the tenant its opening.
    fn apply_slice(
        &mut self,
        tenant: &mut Tenant,
        pending: &mut Pending,
    ) -> Result<bool, TenantError>;

    /// The job that follows, enqueued in the batch that completes this one. Asked once the
    /// effect is applied, when this job's key is free again.
    fn next_job(&self, _tenant: &Tenant) -> Option<NewJob> {
        None
    }
}

struct Once<F>(Option<F>);

impl<F> JobEffect for Once<F>
where
    F: FnOnce(&mut Tenant, &mut Pending) -> Result<(), TenantError> + Send + 'static,
{
    fn apply_slice(
        &mut self,
        tenant: &mut Tenant,
        pending: &mut Pending,
    ) -> Result<bool, TenantError> {
        match self.0.take() {
            Some(effect) => effect(tenant, pending).map(|()| false),
            None => Ok(false),
        }
    }
}

/// What a job came to.
pub struct JobResult {
    pub(in crate::actors) effect: Box<dyn JobEffect>,
    /// Atoms the tenant may hold when the effect stores some; `None` for any number.
    pub(in crate::actors) atoms_max: Option<u64>,
}

impl JobResult {
    /// A result that changes nothing of the tenant.
    #[must_use]
    pub fn nothing() -> Self {
        Self::once(|_, _| Ok(()))
    }

    /// A result that is applied in one go.
    #[must_use]
    pub fn once<F>(effect: F) -> Self
    where
        F: FnOnce(&mut Tenant, &mut Pending) -> Result<(), TenantError> + Send + 'static,
    {
        Self::in_slices(Once(Some(effect)))
    }

    /// A result that is applied bit by bit, into one batch.
    #[must_use]
    pub fn in_slices(effect: impl JobEffect) -> Self {
        Self { effect: Box::new(effect), atoms_max: None }
    }

    /// With the number of atoms that the tenant's plan allows.
    #[must_use]
    pub fn with_atoms_max(self, atoms_max: Option<u64>) -> Self {
        Self { atoms_max, ..self }
    }
}

/// A result on its way into the tenant. It can be handed over again as long as it was not taken.
#[derive(Clone)]
pub struct ResultSlot(Arc<Mutex<Option<JobResult>>>);

impl ResultSlot {
    pub(super) fn new(result: JobResult) -> Self {
        Self(Arc::new(Mutex::new(Some(result))))
    }

    pub(in crate::actors) fn take(&self) -> Option<JobResult> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Why an attempt did not succeed. The message is kept with the job for the operator and is not
/// logged; still it should name what went wrong and not quote what the job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    pub message: String,
    /// Whether a later attempt may succeed.
    pub is_retryable: bool,
}

impl JobFailure {
    #[must_use]
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_retryable: true }
    }

    /// A failure that trying again cannot mend.
    #[must_use]
    pub fn for_good(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_retryable: false }
    }
}

impl From<ActorError> for JobFailure {
    fn from(error: ActorError) -> Self {
        Self::retryable(error.to_string())
    }
}
