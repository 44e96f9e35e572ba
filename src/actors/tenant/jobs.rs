//! Jobs, as the runner and operators ask of them. None counts as use of the tenant but enqueueing
//! and what an operator does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::future::{FutureExt, ready};

use super::{Answer, Done, TenantCell, TenantCommand, apply};
use crate::actors::jobs::ResultSlot;
use crate::engine::jobs::{
    Enqueued, JobFate, JobView, JobsOverview, Lease, LeasedJob, NewJob, RetryPolicy,
};
use crate::tenant::{Tenant, TenantError};
use crate::types::JobNo;

/// The reply of a command that has changed storage already.
fn changed<R: 'static>(
    tenant: &TenantCell,
    change: impl FnOnce(&mut Tenant) -> Result<R, TenantError>,
) -> Answer<R> {
    let mut tenant = tenant.borrow_mut();
    let result = change(&mut tenant);
    ready(result.map(|reply| Done { reply, ticket: tenant.ticket() })).boxed_local()
}

/// Enqueues a job that no other change of the tenant causes.
pub struct EnqueueJob {
    pub job: NewJob,
}

impl TenantCommand for EnqueueJob {
    type Reply = Enqueued;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        changed(&tenant, |tenant| {
            let mut pending = tenant.begin(None);
            let enqueued = tenant.enqueue(&mut pending, self.job)?;
            tenant.commit(pending)?;
            Ok(enqueued)
        })
    }
}

/// Takes the job that has been due for longest. It may be begun once the reply is there: the
/// attempt is durable then, whatever the shard's durability.
#[derive(Clone, Copy)]
pub struct LeaseJob {
    pub duration: Duration,
    pub retry: RetryPolicy,
}

impl TenantCommand for LeaseJob {
    type Reply = (Option<LeasedJob>, JobsOverview);
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let result = tenant.lease_job(self.duration, &self.retry).map(|leased| {
            let reply = (leased, tenant.jobs_overview());
            if reply.0.is_none() { Done::read(reply) } else { durably(reply, &tenant) }
        });
        ready(result).boxed_local()
    }
}

fn durably<R>(reply: R, tenant: &Tenant) -> Done<R> {
    Done { reply, ticket: tenant.flush_ticket() }
}

/// Notes how far an attempt has come. The reply does not wait for a flush.
pub struct ReportProgress {
    pub lease: Lease,
    pub stage: String,
    pub percent: u8,
}

impl TenantCommand for ReportProgress {
    type Reply = ();
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let result = tenant.borrow_mut().note_progress(&self.lease, &self.stage, self.percent);
        ready(result.map(Done::read)).boxed_local()
    }
}

/// Applies a job's result and completes the job, in one batch.
pub struct CompleteJob {
    pub lease: Lease,
    pub result: ResultSlot,
}

impl TenantCommand for CompleteJob {
    type Reply = JobsOverview;
    const IS_USE: bool = false;

    /// In slices. A panic in the result's code is a failed write: memory may be half changed, and
    /// the tenant is opened again.
    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            tenant.borrow().check_lease(&self.lease)?;
            let Some(mut result) = self.result.take() else { return Err(TenantError::Abandoned) };
            let mut pending = tenant.borrow().begin(result.atoms_max);
            loop {
                let slice = catch_unwind(AssertUnwindSafe(|| {
                    result.effect.apply_slice(&mut tenant.borrow_mut(), &mut pending)
                }));
                let Ok(slice) = slice else {
                    tenant.borrow_mut().poison();
                    return Err(TenantError::Poisoned);
                };
                if !slice? {
                    break;
                }
                tokio::task::yield_now().await;
            }
            tenant.borrow_mut().complete(&mut pending, &self.lease)?;
            let next = result.effect.next_job(&tenant.borrow());
            if let Some(next) = next {
                tenant.borrow_mut().enqueue(&mut pending, next)?;
            }
            let batch = tenant.borrow().seal(pending)?;
            apply(batch).await?;
            let mut tenant = tenant.borrow_mut();
            tenant.settle();
            Ok(Done { reply: tenant.jobs_overview(), ticket: tenant.ticket() })
        }
        .boxed_local()
    }
}

/// Ends an attempt that did not succeed.
#[derive(Clone)]
pub struct FailJob {
    pub lease: Lease,
    pub error: String,
    pub is_retryable: bool,
    pub retry: RetryPolicy,
}

impl TenantCommand for FailJob {
    type Reply = (JobFate, JobsOverview);
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        changed(&tenant, |tenant| {
            let fate = tenant.fail_job(&self.lease, &self.error, self.is_retryable, &self.retry)?;
            Ok((fate, tenant.jobs_overview()))
        })
    }
}

/// Gives a job back as if it had not been begun.
#[derive(Clone)]
pub struct ReleaseJob {
    pub lease: Lease,
}

impl TenantCommand for ReleaseJob {
    type Reply = JobsOverview;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        changed(&tenant, |tenant| {
            tenant.release_job(&self.lease)?;
            Ok(tenant.jobs_overview())
        })
    }
}

/// How many jobs wait, run and are dead.
pub struct JobsInNumbers;

impl TenantCommand for JobsInNumbers {
    type Reply = JobsOverview;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().jobs_overview()))).boxed_local()
    }
}

/// One job, or `None` once it is completed or gone.
pub struct FindJob {
    pub job: JobNo,
}

impl TenantCommand for FindJob {
    type Reply = Option<JobView>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().find_job(self.job)))).boxed_local()
    }
}

/// Jobs that were given up, in order of their numbers, after one of them.
pub struct DeadLetters {
    pub after: Option<JobNo>,
    pub limit: usize,
}

impl TenantCommand for DeadLetters {
    type Reply = Vec<JobView>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let letters = tenant.borrow().dead_letters(self.after, self.limit);
        ready(Ok(Done::read(letters))).boxed_local()
    }
}

/// Tries a dead letter again; replies whether there was one.
pub struct RetryDead {
    pub job: JobNo,
}

impl TenantCommand for RetryDead {
    type Reply = bool;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        changed(&tenant, |tenant| tenant.retry_dead(self.job))
    }
}

/// Removes a dead letter; replies whether there was one.
pub struct DiscardDead {
    pub job: JobNo,
}

impl TenantCommand for DiscardDead {
    type Reply = bool;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        changed(&tenant, |tenant| tenant.discard_dead(self.job))
    }
}
