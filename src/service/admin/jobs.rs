//! Background work of tenants as operators see it: how much there is, and what was given up.

use std::time::Duration;

use super::AdminService;
use crate::actors::tenant::TenantCommand;
use crate::actors::tenant::jobs::{DeadLetters, DiscardDead, JobsInNumbers, RetryDead};
use crate::service::ServiceError;
use crate::types::{Deadline, ErrorKind, JobNo, TenantId, Timestamp};

/// Dead letters shown at one time.
const LETTERS_MAX: usize = 1_000;

/// How long a tenant may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tenant's jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsView {
    pub waiting: usize,
    pub running: usize,
    pub dead: usize,
    /// The oldest of the dead, at most 1,000.
    pub dead_letters: Vec<DeadLetter>,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub job: JobNo,
    pub kind: String,
    pub attempts: u32,
    pub enqueued_at: Timestamp,
    pub last_error: Option<String>,
}

impl AdminService {
    /// # Errors
    /// [`ErrorKind::NotFound`], or when the tenant cannot be opened.
    pub async fn jobs(&self, tenant: TenantId) -> Result<JobsView, ServiceError> {
        let numbers = self.ask(tenant, JobsInNumbers).await?;
        let letters = self.ask(tenant, DeadLetters { after: None, limit: LETTERS_MAX }).await?;
        let dead_letters = letters.into_iter().map(|letter| DeadLetter {
            job: letter.job,
            kind: letter.kind,
            attempts: letter.attempts,
            enqueued_at: letter.enqueued_at,
            last_error: letter.last_error,
        });
        Ok(JobsView {
            waiting: numbers.waiting,
            running: numbers.running,
            dead: numbers.dead,
            dead_letters: dead_letters.collect(),
        })
    }

    /// Has a job tried again that was given up. Durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for the tenant, or when that job was not given up.
    pub async fn retry_job(&self, tenant: TenantId, job: JobNo) -> Result<(), ServiceError> {
        let found = self.ask(tenant, RetryDead { job }).await?;
        found_dead(found, job)
    }

    /// Forgets a job that was given up. Durable on return.
    ///
    /// # Errors
    /// As [`AdminService::retry_job`].
    pub async fn discard_job(&self, tenant: TenantId, job: JobNo) -> Result<(), ServiceError> {
        let found = self.ask(tenant, DiscardDead { job }).await?;
        found_dead(found, job)
    }

    pub(super) async fn ask<C: TenantCommand>(
        &self,
        tenant: TenantId,
        command: C,
    ) -> Result<C::Reply, ServiceError> {
        let answer = self.registry.call(tenant, command, Deadline::after(PATIENCE)).await;
        answer.map_err(|error| ServiceError::from_actor(&error))
    }
}

fn found_dead(found: bool, job: JobNo) -> Result<(), ServiceError> {
    if found {
        return Ok(());
    }
    let message = format!("no job {} was given up; it may be done or gone", job.0);
    Err(ServiceError::new(ErrorKind::NotFound, message))
}
