//! One worker's errand: lease a job of a tenant, let its handler run outside of it, and bring back
//! what came of that. Log lines name the job and what became of it, never its payload or what a
//! handler said.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::handler::{JobContext, JobFailure, JobHandler, JobHandlers, JobResult, ResultSlot};
use super::settings::JobSettings;
use crate::actors::error::ActorError;
use crate::actors::registry::Registry;
use crate::actors::tenant::TenantCommand;
use crate::actors::tenant::jobs::{CompleteJob, FailJob, LeaseJob, ReleaseJob};
use crate::control::ControlError;
use crate::engine::jobs::{JobFate, JobsOverview, Lease, LeasedJob};
use crate::tenant::TenantError;
use crate::types::{Clock, Deadline, TenantId, Timestamp};

/// How long the tenant may take for its part.
const COMMAND_MAX: Duration = Duration::from_secs(60);
/// A lease outlives the attempt by this, so that a result that just came can be taken.
const LEASE_GRACE: Duration = Duration::from_secs(60);
/// Before an overloaded tenant is asked again.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(100);

/// How long a worker waits for an overloaded tenant before it goes to others.
const OVERLOADED_MAX: Duration = Duration::from_secs(1);

/// What all workers share.
pub(super) struct Workshop {
    pub(super) registry: Arc<Registry>,
    pub(super) handlers: JobHandlers,
    pub(super) settings: JobSettings,
    pub(super) clock: Arc<dyn Clock>,
    /// Hears of each job that was leased, so that another worker can look for more.
    pub(super) leased: mpsc::UnboundedSender<Leased>,
    pub(super) stopping: watch::Receiver<bool>,
}

/// Tells one errand of a worker from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WorkerNo(pub(super) u64);

/// That a worker has a job now.
pub(super) struct Leased {
    pub(super) worker: WorkerNo,
    pub(super) tenant: TenantId,
    /// The tenant's jobs as they are then.
    pub(super) overview: JobsOverview,
    pub(super) mostly_waits: bool,
}

/// What a worker found.
pub(super) enum Found {
    /// The tenant's jobs as they were at the end.
    Jobs(JobsOverview),
    /// What became of the job is not known; worth another look.
    Unclear,
    /// The tenant cannot be asked for now.
    Unreachable { until: Option<Timestamp>, error: ActorError },
    /// There is no such tenant, or no more work is taken.
    Gone,
}

/// How an attempt ended.
enum Attempt {
    Done(JobResult),
    Failed(JobFailure),
    /// The server is stopping.
    Stopped,
}

impl Workshop {
    /// Looks for a job of the tenant and, if one is due, does it.
    pub(super) async fn work(&self, worker: WorkerNo, tenant: TenantId) -> Found {
        let _working = self.registry.job_signals().work_for(tenant);
        let lease = LeaseJob {
            duration: self.settings.lease() + LEASE_GRACE,
            retry: self.settings.retry_policy(),
        };
        let ends_at = Instant::now() + OVERLOADED_MAX;
        match self.insist(tenant, ends_at, || lease).await {
            Ok((None, overview)) => Found::Jobs(overview),
            Ok((Some(leased), overview)) => {
                let handler = self.handlers.find(&leased.kind);
                let mostly_waits = handler.is_some_and(|handler| handler.mostly_waits());
                // The receiver is gone when everything is.
                let _ = self.leased.send(Leased { worker, tenant, overview, mostly_waits });
                self.run(tenant, leased).await
            }
            Err(ActorError::Control(ControlError::UnknownTenant(_)) | ActorError::ShuttingDown) => {
                Found::Gone
            }
            Err(error) => Found::Unreachable { until: until_of(&error), error },
        }
    }

    async fn call<C: TenantCommand>(
        &self,
        tenant: TenantId,
        command: C,
    ) -> Result<C::Reply, ActorError> {
        self.registry.call(tenant, command, Deadline::after(COMMAND_MAX)).await
    }

    async fn run(&self, tenant: TenantId, leased: LeasedJob) -> Found {
        let Some(handler) = self.handlers.find(&leased.kind) else {
            let message = format!(
                "this build of hebbd ({}) knows no jobs of kind `{}`",
                env!("CARGO_PKG_VERSION"),
                leased.kind
            );
            return self.fail(tenant, &leased, "unknown", JobFailure::for_good(message)).await;
        };
        let kind = handler.kind();
        let ends_at = Instant::now() + self.settings.lease();
        let started = self.clock.monotonic_micros();
        let registry = Arc::clone(&self.registry);
        let context = JobContext::new(registry, tenant, leased.clone());
        let attempt = self.attempt(handler.as_ref(), &context, ends_at).await;
        let elapsed_us = self.clock.monotonic_micros().saturating_sub(started);
        metrics::histogram!("hebbd_job_run_seconds", "kind" => kind)
            .record(elapsed_us as f64 / 1e6);
        match attempt {
            Attempt::Done(result) => self.complete(tenant, &leased, kind, result, ends_at).await,
            Attempt::Failed(failure) => self.fail(tenant, &leased, kind, failure).await,
            Attempt::Stopped => {
                count(kind, "released");
                let lease = leased.lease;
                self.insist(tenant, ends_at + LEASE_GRACE, || ReleaseJob { lease })
                    .await
                    .map_or_else(|error| found_after(&error), Found::Jobs)
            }
        }
    }

    async fn attempt(
        &self,
        handler: &dyn JobHandler,
        context: &JobContext,
        ends_at: Instant,
    ) -> Attempt {
        let mut stopping = self.stopping.clone();
        // Also what panics before the first poll is caught.
        let run = AssertUnwindSafe(async { handler.run(context).await }).catch_unwind();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|is_stopping| *is_stopping) => Attempt::Stopped,
            ran = timeout_at(ends_at, run) => match ran {
                Ok(Ok(Ok(result))) => Attempt::Done(result),
                Ok(Ok(Err(failure))) => Attempt::Failed(failure),
                Ok(Err(_)) => Attempt::Failed(JobFailure::retryable("its handler panicked")),
                Err(_) => {
                    let seconds = self.settings.lease_s;
                    let message = format!("it took longer than {seconds} s and was stopped");
                    Attempt::Failed(JobFailure::retryable(message))
                }
            },
        }
    }

    /// Hands a result over until the tenant has taken it, or the lease is over.
    async fn complete(
        &self,
        tenant: TenantId,
        leased: &LeasedJob,
        kind: &'static str,
        result: JobResult,
        ends_at: Instant,
    ) -> Found {
        let (slot, lease) = (ResultSlot::new(result), leased.lease);
        let completed = self
            .insist(tenant, ends_at + LEASE_GRACE, || CompleteJob { lease, result: slot.clone() })
            .await;
        match completed {
            Ok(overview) => {
                count(kind, "done");
                Found::Jobs(overview)
            }
            Err(ActorError::Tenant(TenantError::StaleLease(_))) => {
                count(kind, "stale");
                tracing::info!(
                    tenant.id = %tenant,
                    job.no = lease.job.0,
                    job.kind = kind,
                    "a job's result came too late and was not taken"
                );
                Found::Unclear
            }
            Err(ActorError::Tenant(error)) => {
                let message = format!("its result cannot be taken: {error}");
                self.fail(tenant, leased, kind, JobFailure::retryable(message)).await
            }
            Err(error) if slot.is_full() => {
                let message = format!("its result could not be handed over: {error}");
                self.fail(tenant, leased, kind, JobFailure::retryable(message)).await
            }
            Err(error) => {
                count(kind, "unclear");
                warn_unclear(tenant, lease, kind, &error);
                found_after(&error)
            }
        }
    }

    async fn fail(
        &self,
        tenant: TenantId,
        leased: &LeasedJob,
        kind: &'static str,
        failure: JobFailure,
    ) -> Found {
        let command = FailJob {
            lease: leased.lease,
            error: failure.message,
            is_retryable: failure.is_retryable,
            retry: self.settings.retry_policy(),
        };
        let ends_at = Instant::now() + COMMAND_MAX;
        match self.insist(tenant, ends_at, || command.clone()).await {
            Ok((fate, overview)) => {
                let is_dead = fate == JobFate::Dead;
                count(kind, if is_dead { "dead" } else { "failed" });
                tracing::warn!(
                    tenant.id = %tenant,
                    job.no = leased.lease.job.0,
                    job.kind = kind,
                    job.attempt = leased.attempt,
                    job.dead = is_dead,
                    "an attempt at a job failed"
                );
                Found::Jobs(overview)
            }
            Err(error) => {
                count(kind, "unclear");
                warn_unclear(tenant, leased.lease, kind, &error);
                found_after(&error)
            }
        }
    }

    /// Sends a command, again while the tenant has no room for it.
    async fn insist<C: TenantCommand>(
        &self,
        tenant: TenantId,
        ends_at: Instant,
        command: impl Fn() -> C,
    ) -> Result<C::Reply, ActorError> {
        loop {
            match self.call(tenant, command()).await {
                Err(ActorError::Overloaded { .. }) if Instant::now() < ends_at => {
                    sleep(OVERLOAD_PAUSE).await;
                }
                result => return result,
            }
        }
    }
}

fn count(kind: &'static str, outcome: &'static str) {
    metrics::counter!("hebbd_job_attempts_total", "kind" => kind, "outcome" => outcome)
        .increment(1);
}

fn warn_unclear(tenant: TenantId, lease: Lease, kind: &'static str, error: &ActorError) {
    tracing::warn!(
        tenant.id = %tenant,
        job.no = lease.job.0,
        job.kind = kind,
        error.kind = error.kind().as_str(),
        "what became of a job is not known; it is looked at again"
    );
}

fn found_after(error: &ActorError) -> Found {
    match error {
        ActorError::Control(ControlError::UnknownTenant(_)) | ActorError::ShuttingDown => {
            Found::Gone
        }
        _ => Found::Unclear,
    }
}

fn until_of(error: &ActorError) -> Option<Timestamp> {
    match error {
        ActorError::BackingOff { until } | ActorError::Quarantined { until } => Some(*until),
        _ => None,
    }
}
