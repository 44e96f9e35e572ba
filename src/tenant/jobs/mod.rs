//! Jobs: work that a command causes and that is done later, outside of the tenant. A job is
//! enqueued in the batch of its cause and completed in the batch of its result, so either has
//! happened exactly when the other has.
//!
//! Invariants: an attempt is counted before it begins. Only the lease given last acts on a job,
//! and only in the opening that gave it. The tenant's marker, in the shard's own records, says what
//! memory says once every batch is applied.

mod lapse;
mod marker;
mod queue;

use std::time::Duration;

use super::open::damaged;
use super::outbox::DELIVERY_KIND;
use super::store::{Pending, print_of};
use super::{Tenant, TenantError};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::jobs::{
    Enqueued, JobFate, JobView, JobsOverview, Lease, LeasedJob, NewJob, RetryPolicy,
};
use crate::storage::keys::{self, Kind};
use crate::storage::records::{
    JobCounterRecord, JobKeyRecord, JobMarkerRecord, JobPayloadRecord, JobRecord,
};
use crate::storage::{AtomicBatch, StorageError, decode, encode};
use crate::types::limits::{
    DEAD_JOBS_MAX, JOB_ERROR_CHARS_MAX, JOB_KEY_CHARS_MAX, JOB_KIND_CHARS_MAX,
    JOB_PAYLOAD_BYTES_MAX, JOB_STAGE_CHARS_MAX, KEPT_JOB_KEYS_MAX, UNFINISHED_JOBS_MAX,
    WEBHOOKS_MAX,
};
use crate::types::{JobNo, Timestamp};

pub use marker::{MarkedTenant, marked_tenants};
pub(super) use queue::JobQueue;
use queue::{DEAD, JobChange, LEASED, WAITING};

/// How long the key of a completed job is remembered.
const KEY_KEPT_FOR: Duration = Duration::from_secs(86_400);

impl Tenant {
    /// Puts a job into a command's batch. It is there exactly if the batch is.
    ///
    /// # Errors
    /// [`TenantError::JobLimit`] and [`TenantError::InvalidJob`] change nothing by themselves; a
    /// command that enqueues before it stores is then refused without harm. When a record cannot
    /// be encoded the tenant is poisoned.
    pub fn enqueue(&mut self, pending: &mut Pending, new: NewJob) -> Result<Enqueued, TenantError> {
        self.check_before(pending)?;
        check_job(&new)?;
        let key = new.key.as_deref().map(print_of);
        if let Some(job) = key.and_then(|key| self.known_job(Fingerprint(key.0))) {
            return Ok(Enqueued { job, is_new: false });
        }
        let limit = unfinished_max(&new.kind);
        if self.jobs.unfinished_count() >= limit {
            return Err(TenantError::JobLimit { limit });
        }
        self.uncommitted = true;
        let now = self.clock.now();
        let no = self.jobs.next_no;
        let next = no.0.checked_add(1).ok_or_else(|| damaged("the job counter"))?;
        let record = JobRecord {
            kind: new.kind,
            state: WAITING,
            at_us: new.not_before.map_or(now, |at| at.max(now)).as_micros(),
            enqueued_at_us: now.as_micros(),
            attempts: 0,
            attempts_max: new.attempts_max,
            last_error: None,
            stage: String::new(),
            percent: 0,
            key,
            frees_key: new.frees_key,
        };
        let counter = JobCounterRecord { next_job_no: next };
        let payload = JobPayloadRecord { payload: new.payload };
        pending.batch.put(keys::single(self.no, Kind::JobCounter), encode(&counter)?);
        pending.batch.put(keys::by_job(self.no, Kind::JobPayload, no), encode(&payload)?);
        let change = (no, Some(record));
        self.put_changes(&mut pending.batch, std::slice::from_ref(&change))?;
        self.jobs.next_no = JobNo(next);
        self.jobs.adopt(change);
        self.jobs.has_news = true;
        Ok(Enqueued { job: no, is_new: true })
    }

    /// Gives the job that has been due for longest to the caller, and counts the attempt. Work
    /// may begin once [`Tenant::flush_ticket`], taken afterwards, is durable. Jobs whose leases
    /// ended are failed attempts and are put back, or given up, first.
    ///
    /// # Errors
    /// When storage cannot be read or written; then nothing was leased.
    pub fn lease_job(
        &mut self,
        duration: Duration,
        retry: &RetryPolicy,
    ) -> Result<Option<LeasedJob>, TenantError> {
        self.check_usable()?;
        self.put_back_lapsed(retry)?;
        let now = self.clock.now();
        while let Some(no) = self.jobs.first_due(now) {
            let mut record = self.jobs.get(no).ok_or_else(|| damaged("a waiting job"))?.clone();
            let payload = match self.job_payload(no) {
                Ok(payload) => payload,
                // Another version's, perhaps: kept for whoever can read it, out of the way of
                // the others.
                Err(
                    error
                    @ (TenantError::Damaged(_) | TenantError::Storage(StorageError::Codec(_))),
                ) => {
                    let error = format!("its payload cannot be read: {error}");
                    self.change_job(no, buried(record, &error, now))?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            record.attempts = record.attempts.saturating_add(1);
            record.state = LEASED;
            record.at_us = now.plus(duration).as_micros();
            record.stage.clear();
            record.percent = 0;
            let (kind, attempt) = (record.kind.clone(), record.attempts);
            self.change_job(no, Some(record))?;
            let lease = self.jobs.give_lease(no, self.epoch);
            let until = now.plus(duration);
            return Ok(Some(LeasedJob { lease, kind, payload, attempt, until }));
        }
        Ok(None)
    }

    /// Notes how far an attempt has come; durable a moment later. What is lower than what was
    /// noted before changes the stage only.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`], or when storage cannot write.
    pub fn note_progress(
        &mut self,
        lease: &Lease,
        stage: &str,
        percent: u8,
    ) -> Result<(), TenantError> {
        self.check_usable()?;
        let mut record = self.leased(lease)?.clone();
        record.stage = cut(stage, JOB_STAGE_CHARS_MAX);
        record.percent = record.percent.max(percent.min(100));
        self.change_job(lease.job, Some(record))?;
        self.jobs.renew_lease(lease);
        // Asks for the flush without waiting for it.
        drop(self.ticket());
        Ok(())
    }

    /// Whether a result under this lease would be taken now. A lease that ended and was not given
    /// again still holds.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`].
    pub fn check_lease(&self, lease: &Lease) -> Result<(), TenantError> {
        self.check_usable()?;
        self.leased(lease).map(drop)
    }

    /// Removes the job in the batch that holds its result. Ask [`Tenant::check_lease`] before the
    /// result is put into the batch.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`]; a batch that holds anything must not be applied then.
    pub fn complete(&mut self, pending: &mut Pending, lease: &Lease) -> Result<(), TenantError> {
        self.check_before(pending)?;
        let record = self.leased(lease)?;
        let key = record.key.filter(|_| !record.frees_key);
        self.uncommitted = true;
        self.remove_job(&mut pending.batch, lease.job)?;
        if let Some(key) = key {
            let now = self.clock.now();
            let record = JobKeyRecord { job_no: lease.job.0, completed_at_us: now.as_micros() };
            pending.batch.put(keys::by_print(self.no, Kind::JobKey, &key.0), encode(&record)?);
            self.jobs.complete_key(Fingerprint(key.0), lease.job, now);
            let surplus = self.jobs.completed_keys_count().saturating_sub(KEPT_JOB_KEYS_MAX);
            let oldest: Vec<_> = self.jobs.oldest_keys().take(surplus).collect();
            for (_, key) in oldest {
                pending.batch.delete(keys::by_print(self.no, Kind::JobKey, &key.0));
                self.jobs.forget_key(key);
            }
        }
        Ok(())
    }

    /// Ends an attempt that did not succeed.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`], or when storage cannot write.
    pub fn fail_job(
        &mut self,
        lease: &Lease,
        error: &str,
        is_retryable: bool,
        retry: &RetryPolicy,
    ) -> Result<JobFate, TenantError> {
        self.check_usable()?;
        let now = self.clock.now();
        let record = self.leased(lease)?.clone();
        let (record, fate) = match is_retryable {
            true => after_failure(lease.job, record, error, now, retry),
            false => (buried(record, error, now), JobFate::Dead),
        };
        self.change_job(lease.job, record)?;
        Ok(fate)
    }

    /// Gives a job back that was not tried after all: it is due at once and the attempt does not
    /// count.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`], or when storage cannot write.
    pub fn release_job(&mut self, lease: &Lease) -> Result<(), TenantError> {
        self.check_usable()?;
        let mut record = self.leased(lease)?.clone();
        record.attempts = record.attempts.saturating_sub(1);
        record.state = WAITING;
        record.at_us = self.clock.now().as_micros();
        self.change_job(lease.job, Some(record))
    }

    /// Removes a job, whatever its state, in the batch of whatever makes it pointless. What a run
    /// of it brings is refused from then on. Says whether there was one.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn withdraw(&mut self, pending: &mut Pending, job: JobNo) -> Result<bool, TenantError> {
        self.check_before(pending)?;
        if self.jobs.get(job).is_none() {
            return Ok(false);
        }
        self.uncommitted = true;
        self.remove_job(&mut pending.batch, job)?;
        self.jobs.has_news = true;
        Ok(true)
    }

    /// Gives a dead letter all its attempts again, beginning at once. Says whether there was one.
    ///
    /// # Errors
    /// [`TenantError::JobLimit`], or when storage cannot write.
    pub fn retry_dead(&mut self, job: JobNo) -> Result<bool, TenantError> {
        self.check_usable()?;
        let Some(record) = self.jobs.dead_record(job) else { return Ok(false) };
        if self.jobs.unfinished_count() >= UNFINISHED_JOBS_MAX {
            return Err(TenantError::JobLimit { limit: UNFINISHED_JOBS_MAX });
        }
        let at_us = self.clock.now().as_micros();
        let record = JobRecord { state: WAITING, at_us, attempts: 0, ..record.clone() };
        self.change_job(job, Some(record))?;
        self.jobs.has_news = true;
        Ok(true)
    }

    /// Removes a dead letter. Says whether there was one.
    ///
    /// # Errors
    /// When storage cannot write.
    pub fn discard_dead(&mut self, job: JobNo) -> Result<bool, TenantError> {
        self.check_usable()?;
        if self.jobs.dead_record(job).is_none() {
            return Ok(false);
        }
        self.change_job(job, None)?;
        self.jobs.has_news = true;
        Ok(true)
    }

    #[must_use]
    pub fn jobs_overview(&self) -> JobsOverview {
        self.jobs.overview()
    }

    /// A job that waits, runs or is dead; `None` once it is completed or gone.
    #[must_use]
    pub fn find_job(&self, job: JobNo) -> Option<JobView> {
        self.jobs.view(job)
    }

    /// Dead letters in order of their numbers, after one of them.
    #[must_use]
    pub fn dead_letters(&self, after: Option<JobNo>, limit: usize) -> Vec<JobView> {
        self.jobs.dead_after(after).take(limit).filter_map(|no| self.jobs.view(no)).collect()
    }

    /// Whether jobs changed, since this was last asked, in a way that whoever runs them does not
    /// know of.
    pub fn take_job_news(&mut self) -> bool {
        std::mem::take(&mut self.jobs.has_news)
    }

    /// The job under a key, if it is there or was completed not long ago.
    fn known_job(&self, key: Fingerprint) -> Option<JobNo> {
        let is_kept = |at: Timestamp| at.plus(KEY_KEPT_FOR) > self.clock.now();
        let completed = self.jobs.completed(key).filter(|(_, at)| is_kept(*at));
        let holds_key =
            |no: &JobNo| self.jobs.get(*no).is_some_and(|job| job.state != DEAD || !job.frees_key);
        self.jobs.with_key(key).filter(holds_key).or(completed.map(|(job, _)| job))
    }

    /// The dead letter that was the last job under a key, with its payload; one whose payload
    /// cannot be read counts as none.
    pub(super) fn dead_job_of(&self, key: &str) -> Result<Option<(JobNo, Vec<u8>)>, TenantError> {
        let job = self.jobs.with_key(Fingerprint(print_of(key).0));
        let Some(no) = job.filter(|no| self.jobs.dead_record(*no).is_some()) else {
            return Ok(None);
        };
        match self.job_payload(no) {
            Ok(payload) => Ok(Some((no, payload))),
            Err(TenantError::Damaged(_) | TenantError::Storage(StorageError::Codec(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn leased(&self, lease: &Lease) -> Result<&JobRecord, TenantError> {
        let record = self.jobs.under(lease).filter(|_| lease.epoch == self.epoch);
        record.ok_or(TenantError::StaleLease(lease.job))
    }

    fn job_payload(&self, no: JobNo) -> Result<Vec<u8>, TenantError> {
        let bytes = self.commit.store().get(&keys::by_job(self.no, Kind::JobPayload, no))?;
        let bytes = bytes.ok_or_else(|| damaged("a job's payload"))?;
        Ok(decode::<JobPayloadRecord>(&bytes)?.payload)
    }

    /// Makes one change by a batch of its own.
    fn change_job(&mut self, no: JobNo, record: Option<JobRecord>) -> Result<(), TenantError> {
        self.change_jobs(vec![(no, record)])
    }

    fn change_jobs(&mut self, changes: Vec<JobChange>) -> Result<(), TenantError> {
        let mut batch = AtomicBatch::new(self.epoch);
        let changes = self.with_room_for_dead(changes);
        self.put_changes(&mut batch, &changes)?;
        self.commit.apply(&batch)?;
        for change in changes {
            self.jobs.adopt(change);
        }
        Ok(())
    }

    fn remove_job(&mut self, batch: &mut AtomicBatch, no: JobNo) -> Result<(), TenantError> {
        self.put_changes(batch, &[(no, None)])?;
        self.jobs.adopt((no, None));
        Ok(())
    }

    /// Drops the oldest dead letters where new ones would be too many.
    fn with_room_for_dead(&self, mut changes: Vec<JobChange>) -> Vec<JobChange> {
        let is_dead = |record: &JobRecord| record.state == DEAD;
        let more = changes.iter().filter(|(_, record)| record.as_ref().is_some_and(is_dead));
        let count = self.jobs.dead_count() + more.count();
        let surplus: Vec<JobNo> =
            self.jobs.oldest_dead().take(count.saturating_sub(DEAD_JOBS_MAX)).collect();
        if !surplus.is_empty() {
            tracing::warn!(
                tenant.no = self.no.0,
                jobs.dropped = surplus.len(),
                "the oldest dead letters were dropped; {DEAD_JOBS_MAX} are kept"
            );
        }
        changes.extend(surplus.into_iter().map(|no| (no, None)));
        changes
    }

    /// Writes changes of different jobs, and the marker when they change what it says.
    fn put_changes(
        &self,
        batch: &mut AtomicBatch,
        changes: &[JobChange],
    ) -> Result<(), TenantError> {
        let (mut unfinished, mut dead) = (self.jobs.unfinished_count(), self.jobs.dead_count());
        let before = JobQueue::marker_of(unfinished, dead);
        for (no, record) in changes {
            match self.jobs.get(*no) {
                Some(record) if record.state == DEAD => dead -= 1,
                Some(_) => unfinished -= 1,
                None => {}
            }
            let key = keys::by_job(self.no, Kind::Job, *no);
            match record {
                Some(record) => {
                    *(if record.state == DEAD { &mut dead } else { &mut unfinished }) += 1;
                    batch.put(key, encode(record)?);
                }
                None => {
                    batch.delete(key);
                    batch.delete(keys::by_job(self.no, Kind::JobPayload, *no));
                }
            }
        }
        let after = JobQueue::marker_of(unfinished, dead);
        if after != before {
            self.put_marker(batch, after)?;
        }
        Ok(())
    }

    fn put_marker(
        &self,
        batch: &mut AtomicBatch,
        marker: Option<JobMarkerRecord>,
    ) -> Result<(), TenantError> {
        let key = keys::job_marker(self.no);
        match marker {
            Some(marker) => batch.put(key, encode(&marker)?),
            None => batch.delete(key),
        }
        Ok(())
    }
}

/// What becomes of a job whose attempt failed and may be repeated.
fn after_failure(
    no: JobNo,
    record: JobRecord,
    error: &str,
    now: Timestamp,
    retry: &RetryPolicy,
) -> (Option<JobRecord>, JobFate) {
    if record.attempts >= record.attempts_max.unwrap_or(retry.attempts_max) {
        return (buried(record, error, now), JobFate::Dead);
    }
    let pause = Duration::from_micros(retry.pause_after_us(record.attempts, no));
    let due_at = now.plus(pause);
    let last_error = Some(cut(error, JOB_ERROR_CHARS_MAX));
    let record = JobRecord { state: WAITING, at_us: due_at.as_micros(), last_error, ..record };
    (Some(record), JobFate::RetryAt(due_at))
}

/// Of the jobs that wait or run. Those that send messages have places of their own, one for each
/// webhook: what causes a message is not refused for the sake of the message.
fn unfinished_max(kind: &str) -> usize {
    match kind {
        DELIVERY_KIND => UNFINISHED_JOBS_MAX + WEBHOOKS_MAX,
        _ => UNFINISHED_JOBS_MAX,
    }
}

/// A job that is given up.
fn buried(record: JobRecord, error: &str, now: Timestamp) -> Option<JobRecord> {
    let last_error = Some(cut(error, JOB_ERROR_CHARS_MAX));
    Some(JobRecord { state: DEAD, at_us: now.as_micros(), last_error, ..record })
}

fn check_job(new: &NewJob) -> Result<(), TenantError> {
    let invalid = |what: &str, max: usize| {
        Err(TenantError::InvalidJob(format!("{what} is empty or longer than {max}")))
    };
    let is_within = |text: &str, max| !text.is_empty() && text.chars().count() <= max;
    if !is_within(&new.kind, JOB_KIND_CHARS_MAX) {
        return invalid("its kind", JOB_KIND_CHARS_MAX);
    }
    if new.key.as_deref().is_some_and(|key| !is_within(key, JOB_KEY_CHARS_MAX)) {
        return invalid("its key", JOB_KEY_CHARS_MAX);
    }
    if new.payload.len() > JOB_PAYLOAD_BYTES_MAX {
        let size = new.payload.len();
        let text = format!("its payload has {size} bytes, more than {JOB_PAYLOAD_BYTES_MAX}");
        return Err(TenantError::InvalidJob(text));
    }
    if new.attempts_max == Some(0) {
        return Err(TenantError::InvalidJob("it may not be tried at all".to_owned()));
    }
    Ok(())
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
