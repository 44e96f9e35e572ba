//! What time and crashes do to jobs: memory is rebuilt when a tenant is opened, leases end, keys
//! of completed jobs grow old, and a reset forgets them all.

use super::{JobQueue, KEY_KEPT_FOR, LEASED, after_failure};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::jobs::RetryPolicy;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{JobCounterRecord, JobKeyRecord, JobMarkerRecord, JobRecord};
use crate::storage::{AtomicBatch, decode};
use crate::tenant::open::damaged;
use crate::tenant::{Tenant, TenantError};
use crate::types::{JobNo, Timestamp};

/// Jobs put back at a time.
const LAPSE_SLICE: usize = 64;

/// What is said of an attempt that nobody ended.
const NO_ANSWER: &str = "the attempt ended without an answer: it took too long, or the server or \
                         the tenant stopped while it ran";

impl Tenant {
    pub(in crate::tenant) fn load_jobs(&mut self) -> Result<(), TenantError> {
        let store = self.commit.store();
        if let Some(bytes) = store.get(&keys::single(self.no, Kind::JobCounter))? {
            self.jobs.next_no = JobNo(decode::<JobCounterRecord>(&bytes)?.next_job_no);
        }
        let mut found = Vec::new();
        self.visit(Kind::Job, |key, record: JobRecord| {
            let no = keys::job_in(key).ok_or_else(|| damaged("a job's key"))?;
            found.push((no, record));
            Ok(())
        })?;
        for (no, mut record) in found {
            if record.state == LEASED {
                // Its lease was given by an earlier opening and holds no more.
                record.at_us = i64::MIN;
            }
            self.jobs.adopt((no, Some(record)));
        }
        let mut completed = Vec::new();
        self.visit(Kind::JobKey, |key, record: JobKeyRecord| {
            let print = keys::print_in(key).ok_or_else(|| damaged("the key of a job's key"))?;
            completed.push((Fingerprint(print), record));
            Ok(())
        })?;
        for (print, record) in completed {
            let at = Timestamp::from_micros(record.completed_at_us);
            self.jobs.complete_key(print, JobNo(record.job_no), at);
        }
        self.jobs.has_news = self.jobs.unfinished_count() + self.jobs.dead_count() > 0;
        self.correct_marker()
    }

    /// A reset that was interrupted can leave jobs and marker in disagreement.
    fn correct_marker(&self) -> Result<(), TenantError> {
        let stored = self.commit.store().get(&keys::job_marker(self.no))?;
        let stored = stored.map(|bytes| decode::<JobMarkerRecord>(&bytes)).transpose()?;
        let right = JobQueue::marker_of(self.jobs.unfinished_count(), self.jobs.dead_count());
        if stored == right || self.commit.is_poisoned() {
            return Ok(());
        }
        let mut batch = AtomicBatch::new(self.epoch);
        self.put_marker(&mut batch, right)?;
        Ok(self.commit.apply(&batch)?)
    }

    /// Ends the attempts whose leases have ended, some at a time.
    pub(super) fn put_back_lapsed(&mut self, retry: &RetryPolicy) -> Result<(), TenantError> {
        let now = self.clock.now();
        let lapsed: Vec<JobNo> = self.jobs.lapsed(now).take(LAPSE_SLICE).collect();
        if lapsed.is_empty() {
            return Ok(());
        }
        let mut changes = Vec::with_capacity(lapsed.len());
        for no in lapsed {
            let record = self.jobs.get(no).ok_or_else(|| damaged("a leased job"))?.clone();
            changes.push((no, after_failure(no, record, NO_ANSWER, now, retry).0));
        }
        self.change_jobs(changes)
    }

    /// Forgets the keys of jobs completed long ago.
    pub(in crate::tenant) fn drop_old_job_keys(&mut self) -> Result<(), TenantError> {
        let now = self.clock.now();
        let is_old = |at: Timestamp| at.plus(KEY_KEPT_FOR) <= now;
        let old: Vec<_> = self.jobs.oldest_keys().take_while(|(at, _)| is_old(*at)).collect();
        if old.is_empty() {
            return Ok(());
        }
        let mut batch = AtomicBatch::new(self.epoch);
        for (_, key) in &old {
            batch.delete(keys::by_print(self.no, Kind::JobKey, &key.0));
        }
        self.commit.apply(&batch)?;
        for (_, key) in old {
            self.jobs.forget_key(key);
        }
        Ok(())
    }

    /// The last step of forgetting all jobs: the marker stays until their records are gone, so
    /// that whatever a crash leaves is found. Says whether there was one.
    pub(in crate::tenant) fn forget_job_marker(&mut self) -> Result<bool, TenantError> {
        let key = keys::job_marker(self.no);
        if self.commit.store().get(&key)?.is_none() {
            return Ok(false);
        }
        let mut batch = AtomicBatch::new(self.epoch);
        batch.delete(key);
        self.commit.apply(&batch)?;
        Ok(true)
    }
}
