//! A tenant's jobs in memory, in the orders they are asked for. Nothing here is durable and
//! nothing here decides; [`super`] writes first and then adopts.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::engine::fingerprint::Fingerprint;
use crate::engine::jobs::{JobState, JobView, JobsOverview, Lease};
use crate::storage::records::{JobMarkerRecord, JobRecord};
use crate::types::{JobNo, Timestamp};

pub(super) const WAITING: u8 = 0;
pub(super) const LEASED: u8 = 1;
pub(super) const DEAD: u8 = 2;

/// What is to be made of a job; `None` removes it.
pub(super) type JobChange = (JobNo, Option<JobRecord>);

/// A job's place in an order of time.
type Queued = (Timestamp, JobNo);

struct Job {
    record: JobRecord,
    /// The lease that holds. A leased job without one was leased by an earlier opening.
    lease: Option<u64>,
}

pub(in crate::tenant) struct JobQueue {
    pub(super) next_no: JobNo,
    jobs: BTreeMap<JobNo, Job>,
    /// By when they are due.
    waiting: BTreeSet<Queued>,
    /// By when their leases end.
    leased: BTreeSet<Queued>,
    /// By when they died.
    dead: BTreeSet<Queued>,
    /// Jobs that are there, by the print of their key.
    by_key: FxHashMap<Fingerprint, JobNo>,
    /// Completed jobs, by the print of their key, and by when they were completed.
    completed: FxHashMap<Fingerprint, (JobNo, Timestamp)>,
    completed_by_age: BTreeSet<(Timestamp, Fingerprint)>,
    next_serial: u64,
    /// Something changed that whoever runs jobs does not know of.
    pub(super) has_news: bool,
}

impl Default for JobQueue {
    fn default() -> Self {
        Self {
            next_no: JobNo(1),
            jobs: BTreeMap::new(),
            waiting: BTreeSet::new(),
            leased: BTreeSet::new(),
            dead: BTreeSet::new(),
            by_key: FxHashMap::default(),
            completed: FxHashMap::default(),
            completed_by_age: BTreeSet::new(),
            next_serial: 1,
            has_news: false,
        }
    }
}

impl JobQueue {
    /// Makes a change part of memory. A job that is leased must be given its lease afterwards.
    pub(super) fn adopt(&mut self, (no, record): JobChange) {
        if let Some(before) = self.jobs.remove(&no) {
            self.set_of(before.record.state).remove(&place_of(no, &before.record));
            // A dead letter that freed its key may have left it to another job.
            if let Some(key) = before.record.key.map(|key| Fingerprint(key.0))
                && self.by_key.get(&key) == Some(&no)
            {
                self.by_key.remove(&key);
            }
        }
        let Some(record) = record else { return };
        self.set_of(record.state).insert(place_of(no, &record));
        if let Some(key) = record.key {
            self.by_key.insert(Fingerprint(key.0), no);
        }
        self.jobs.insert(no, Job { record, lease: None });
    }

    fn set_of(&mut self, state: u8) -> &mut BTreeSet<Queued> {
        match state {
            WAITING => &mut self.waiting,
            LEASED => &mut self.leased,
            _ => &mut self.dead,
        }
    }

    /// Gives a leased job to whoever gets the returned number.
    pub(super) fn give_lease(&mut self, no: JobNo, epoch: u64) -> Lease {
        let serial = self.next_serial;
        self.next_serial += 1;
        if let Some(job) = self.jobs.get_mut(&no) {
            job.lease = Some(serial);
        }
        Lease { job: no, epoch, serial }
    }

    /// Lets a lease hold on after its job's record was changed.
    pub(super) fn renew_lease(&mut self, lease: &Lease) {
        if let Some(job) = self.jobs.get_mut(&lease.job) {
            job.lease = Some(lease.serial);
        }
    }

    /// Everything but the numbers, which go on.
    pub(in crate::tenant) fn clear(&mut self) {
        let (next_no, next_serial) = (self.next_no, self.next_serial);
        *self = Self { next_no, next_serial, has_news: true, ..Self::default() };
    }

    pub(super) fn get(&self, no: JobNo) -> Option<&JobRecord> {
        self.jobs.get(&no).map(|job| &job.record)
    }

    /// The job under a lease that holds.
    pub(super) fn under(&self, lease: &Lease) -> Option<&JobRecord> {
        let job = self.jobs.get(&lease.job)?;
        (job.record.state == LEASED && job.lease == Some(lease.serial)).then_some(&job.record)
    }

    pub(super) fn dead_record(&self, no: JobNo) -> Option<&JobRecord> {
        self.get(no).filter(|record| record.state == DEAD)
    }

    /// The job that has been due for longest.
    pub(super) fn first_due(&self, now: Timestamp) -> Option<JobNo> {
        self.waiting.first().filter(|(due_at, _)| *due_at <= now).map(|(_, no)| *no)
    }

    /// Jobs whose leases have ended, those of earlier openings among them.
    pub(super) fn lapsed(&self, now: Timestamp) -> impl Iterator<Item = JobNo> {
        self.leased.iter().take_while(move |(until, _)| *until <= now).map(|(_, no)| *no)
    }

    pub(super) fn oldest_dead(&self) -> impl Iterator<Item = JobNo> {
        self.dead.iter().map(|(_, no)| *no)
    }

    pub(super) fn unfinished_count(&self) -> usize {
        self.waiting.len() + self.leased.len()
    }

    pub(super) fn dead_count(&self) -> usize {
        self.dead.len()
    }

    /// What the marker says while so many jobs are there; no marker without any.
    pub(super) fn marker_of(unfinished: usize, dead: usize) -> Option<JobMarkerRecord> {
        let marker = JobMarkerRecord { has_unfinished: unfinished > 0, dead_count: dead as u64 };
        (unfinished + dead > 0).then_some(marker)
    }

    pub(super) fn overview(&self) -> JobsOverview {
        let times = [self.waiting.first(), self.leased.first()];
        JobsOverview {
            waiting: self.waiting.len(),
            running: self.leased.len(),
            dead: self.dead.len(),
            next_look: times.into_iter().flatten().map(|(at, _)| *at).min(),
        }
    }

    pub(super) fn view(&self, no: JobNo) -> Option<JobView> {
        let record = self.get(no)?;
        let at = Timestamp::from_micros(record.at_us);
        Some(JobView {
            job: no,
            kind: record.kind.clone(),
            state: match record.state {
                WAITING => JobState::Waiting { due_at: at },
                LEASED => JobState::Running { until: at },
                _ => JobState::Dead { since: at },
            },
            enqueued_at: Timestamp::from_micros(record.enqueued_at_us),
            attempts: record.attempts,
            last_error: record.last_error.clone(),
            stage: record.stage.clone(),
            percent: record.percent,
        })
    }

    /// Dead letters in order of their numbers.
    pub(super) fn dead_after(&self, after: Option<JobNo>) -> impl Iterator<Item = JobNo> {
        let from = after.map_or(JobNo(0), |no| JobNo(no.0.saturating_add(1)));
        let later = self.jobs.range(from..);
        later.filter(|(_, job)| job.record.state == DEAD).map(|(no, _)| *no)
    }

    pub(super) fn with_key(&self, key: Fingerprint) -> Option<JobNo> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn completed(&self, key: Fingerprint) -> Option<(JobNo, Timestamp)> {
        self.completed.get(&key).copied()
    }

    pub(super) fn complete_key(&mut self, key: Fingerprint, job: JobNo, at: Timestamp) {
        self.forget_key(key);
        self.completed.insert(key, (job, at));
        self.completed_by_age.insert((at, key));
    }

    pub(super) fn forget_key(&mut self, key: Fingerprint) {
        if let Some((_, at)) = self.completed.remove(&key) {
            self.completed_by_age.remove(&(at, key));
        }
    }

    pub(super) fn completed_keys_count(&self) -> usize {
        self.completed.len()
    }

    /// Keys of completed jobs, the oldest first, with when they were completed.
    pub(super) fn oldest_keys(&self) -> impl Iterator<Item = (Timestamp, Fingerprint)> {
        self.completed_by_age.iter().copied()
    }
}

fn place_of(no: JobNo, record: &JobRecord) -> Queued {
    (Timestamp::from_micros(record.at_us), no)
}
