//! Jobs of one tenant, step by step: leases and who may use them, keys, limits, dead letters,
//! failing writes, and what a reset leaves.

use std::sync::Arc;
use std::time::Duration;

use super::{atom, embed, identity};
use crate::engine::jobs::{
    Enqueued, JobFate, JobState, JobView, Lease, LeasedJob, NewJob, RetryPolicy,
};
use crate::engine::prepared::PreparedAtom;
use crate::index::IndexSettings;
use crate::storage::keys::{self, Kind};
use crate::storage::records::JobMarkerRecord;
use crate::storage::{CommitPolicy, FaultPlan, GroupCommit, MemoryStore, Store, decode};
use crate::tenant::{MarkedTenant, OpenTenant, Tenant, TenantError, marked_tenants};
use crate::types::limits::{
    DEAD_JOBS_MAX, JOB_ERROR_CHARS_MAX, JOB_PAYLOAD_BYTES_MAX, UNFINISHED_JOBS_MAX,
};
use crate::types::{Clock, JobNo, ManualClock, TenantNo, Timestamp};

pub(super) const NO: TenantNo = TenantNo(7);
pub(super) const LEASE: Duration = Duration::from_secs(60);
pub(super) const RETRY: RetryPolicy =
    RetryPolicy { attempts_max: 3, backoff_initial_ms: 2_000, backoff_max_ms: 30_000 };
/// Longer than any pause, and than the first.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(2);

pub(super) fn pause_after(attempts: u32, job: JobNo) -> Duration {
    Duration::from_micros(RETRY.pause_after_us(attempts, job))
}

/// A tenant that can be opened again and again, each time as another opening.
pub(super) struct Bench {
    pub(super) store: MemoryStore,
    pub(super) clock: Arc<ManualClock>,
    pub(super) tenant: Tenant,
    dir: tempfile::TempDir,
    epoch: u64,
}

fn commit_to(store: &MemoryStore) -> GroupCommit {
    let store: Arc<dyn Store> = Arc::new(store.clone());
    GroupCommit::start(store, "test", CommitPolicy::Fsync).unwrap()
}

fn open(
    store: &MemoryStore,
    clock: &Arc<ManualClock>,
    dir: &std::path::Path,
    epoch: u64,
) -> Tenant {
    let clock: Arc<ManualClock> = Arc::clone(clock);
    let opened = Tenant::open(OpenTenant {
        no: NO,
        epoch,
        commit: commit_to(store),
        embedder: identity("test"),
        index: IndexSettings::default(),
        index_dir: dir.to_owned(),
        blobs: crate::storage::Blobs::at(dir.join("blobs")),
        clock,
    });
    opened.unwrap()
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::on(MemoryStore::default())
    }

    pub(super) fn on(store: MemoryStore) -> Self {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(1_000_000)));
        let dir = tempfile::tempdir().unwrap();
        let tenant = open(&store, &clock, dir.path(), 1);
        Self { store, clock, tenant, dir, epoch: 1 }
    }

    pub(super) fn reopen(&mut self) {
        self.epoch += 1;
        self.tenant = open(&self.store, &self.clock, self.dir.path(), self.epoch);
    }

    pub(super) fn enqueue(&mut self, job: NewJob) -> Result<Enqueued, TenantError> {
        let mut pending = self.tenant.begin(None);
        let enqueued = self.tenant.enqueue(&mut pending, job)?;
        self.tenant.commit(pending)?;
        Ok(enqueued)
    }

    pub(super) fn lease(&mut self) -> Option<LeasedJob> {
        self.tenant.lease_job(LEASE, &RETRY).unwrap()
    }

    /// With the job's number and a token as the effect.
    pub(super) fn complete(&mut self, lease: &Lease, token: u64) -> Result<(), TenantError> {
        self.tenant.check_lease(lease)?;
        let mut pending = self.tenant.begin(None);
        let effect = format!("job {} left {token:016x}", lease.job);
        let vector = embed(&effect);
        self.tenant.store(&mut pending, PreparedAtom::new(atom(&effect, "effects"), vector))?;
        self.tenant.complete(&mut pending, lease)?;
        self.tenant.commit(pending)
    }

    pub(super) fn reset(&mut self) {
        for name in self.tenant.domain_names() {
            let mut erasure = self.tenant.plan_domain_erasure(&name).unwrap().unwrap();
            while self.tenant.erase_slice(&mut erasure).unwrap() {}
            self.tenant.finish_erasure(erasure).unwrap();
        }
        while self.tenant.forget_learned_slice().unwrap() {}
    }

    /// What the effects that are stored say, in order.
    pub(super) fn effects(&self) -> Vec<String> {
        let atoms = self.tenant.export_page(None, usize::MAX).unwrap();
        atoms.into_iter().map(|atom| atom.content).collect()
    }

    pub(super) fn marker(&self) -> Option<JobMarkerRecord> {
        let bytes = self.store.get(&keys::job_marker(NO)).unwrap();
        bytes.map(|bytes| decode(&bytes).unwrap())
    }

    fn records(&self, kind: Kind) -> usize {
        self.store.scan(&keys::kind_prefix(NO, kind), None, usize::MAX).unwrap().len()
    }

    fn view(&self, job: u64) -> JobView {
        self.tenant.find_job(JobNo(job)).unwrap()
    }
}

fn job(payload: &str) -> NewJob {
    NewJob::new("test", payload.as_bytes().to_vec())
}

fn keyed(key: &str) -> NewJob {
    NewJob { key: Some(key.to_owned()), ..job("with a key") }
}

fn is_stale<T>(result: &Result<T, TenantError>) -> bool {
    matches!(result, Err(TenantError::StaleLease(_)))
}

#[test]
fn a_job_is_leased_in_order_reports_and_is_gone_with_its_result() {
    let mut bench = Bench::new();
    assert_eq!(bench.marker(), None);
    let mut later = job("later");
    later.not_before = Some(bench.clock.now().plus(Duration::from_secs(5)));
    for new in [later, job("one"), job("two")] {
        bench.enqueue(new).unwrap();
    }
    assert_eq!(bench.marker().map(|marker| marker.has_unfinished), Some(true));
    let one = bench.lease().unwrap();
    assert_eq!((one.payload.as_slice(), one.attempt, one.lease.job.0), (&b"one"[..], 1, 2));
    assert_eq!(bench.view(2).state, JobState::Running { until: bench.clock.now().plus(LEASE) });
    bench.tenant.note_progress(&one.lease, "Embedding", 30).unwrap();
    bench.tenant.note_progress(&one.lease, "Extraction", 20).unwrap();
    let view = bench.view(2);
    assert_eq!((view.stage.as_str(), view.percent), ("Extraction", 30), "never falls");
    assert_eq!(bench.lease().unwrap().payload, b"two");
    assert_eq!(bench.lease(), None, "the other is not due");
    bench.complete(&one.lease, 1).unwrap();
    assert_eq!((bench.tenant.find_job(JobNo(2)), bench.effects().len()), (None, 1));
    assert!(is_stale(&bench.complete(&one.lease, 2)), "a second time");
    assert_eq!(bench.effects().len(), 1);
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(bench.lease().unwrap().payload, b"later");
    let overview = bench.tenant.jobs_overview();
    assert_eq!((overview.waiting, overview.running, overview.dead), (0, 2, 0));
}

#[test]
fn the_marker_goes_with_the_last_job_and_is_in_the_same_batch() {
    let mut bench = Bench::new();
    bench.enqueue(job("one")).unwrap();
    bench.enqueue(job("two")).unwrap();
    for left in [1, 0] {
        let lease = bench.lease().unwrap().lease;
        bench.store.flush().unwrap();
        bench.complete(&lease, left).unwrap();
        let unflushed = bench.store.after_power_cut();
        assert!(unflushed.get(&keys::job_marker(NO)).unwrap().is_some());
        assert_eq!(bench.marker().is_some(), left > 0);
        assert_eq!(bench.records(Kind::Job) as u64, left);
        assert_eq!(bench.records(Kind::JobPayload) as u64, left);
    }
    assert_eq!(marked_tenants(&commit_to(&bench.store)).unwrap(), []);
}

#[test]
fn a_lease_that_ended_holds_until_another_is_given() {
    let mut bench = Bench::new();
    bench.enqueue(job("slow")).unwrap();
    let first = bench.lease().unwrap().lease;
    bench.clock.advance(LEASE);
    bench.tenant.note_progress(&first, "still at it", 50).unwrap();
    assert_eq!(bench.lease(), None, "it pauses after the failed attempt");
    assert!(is_stale(&bench.tenant.note_progress(&first, "late", 60)), "it was put back");
    bench.clock.advance(FIRST_PAUSE);
    let second = bench.lease().unwrap();
    assert_eq!(second.attempt, 2);
    assert_eq!(bench.view(1).percent, 0, "a new attempt begins anew");
    assert!(is_stale(&bench.complete(&first, 1)));
    assert!(is_stale(&bench.tenant.fail_job(&first, "late", true, &RETRY)));
    assert!(is_stale(&bench.tenant.note_progress(&first, "late", 70)));
    assert!(is_stale(&bench.tenant.release_job(&first)));
    assert!(bench.effects().is_empty() && !bench.tenant.is_poisoned());
    bench.clock.advance(LEASE);
    bench.complete(&second.lease, 2).unwrap();
    assert_eq!(bench.effects().len(), 1);
}

#[test]
fn a_lease_of_an_earlier_opening_is_stale_and_its_attempt_has_failed() {
    let mut bench = Bench::new();
    bench.enqueue(job("interrupted")).unwrap();
    let first = bench.lease().unwrap().lease;
    bench.reopen();
    assert!(is_stale(&bench.complete(&first, 1)));
    assert_eq!(bench.lease(), None, "a job that kills the process is not begun again at once");
    let view = bench.view(1);
    assert!(view.last_error.unwrap().contains("ended without an answer"));
    bench.clock.advance(FIRST_PAUSE);
    let second = bench.lease().unwrap();
    assert_eq!((second.attempt, second.lease.serial), (2, first.serial), "the epoch differs");
    assert!(is_stale(&bench.complete(&first, 1)));
    bench.complete(&second.lease, 2).unwrap();
}

/// The attempt is durable before the work begins, so each power cut costs one.
#[test]
fn a_job_that_ends_the_process_ends_as_a_dead_letter() {
    let mut bench = Bench::new();
    bench.enqueue(job("deadly")).unwrap();
    bench.store.flush().unwrap();
    for attempt in 1..=RETRY.attempts_max {
        if attempt > 1 {
            assert_eq!(bench.lease(), None, "the interrupted attempt is put back, with a pause");
            bench.clock.advance(LONGEST_PAUSE);
        }
        assert!(bench.lease().is_some());
        assert_eq!(bench.view(1).attempts, attempt);
        // What the runner waits for before it begins.
        bench.store.flush().unwrap();
        bench.store = bench.store.after_power_cut();
        bench.reopen();
    }
    assert_eq!(bench.lease(), None);
    assert!(matches!(bench.view(1).state, JobState::Dead { .. }));
    assert_eq!(bench.marker().unwrap().dead_count, 1);
    assert!(!bench.marker().unwrap().has_unfinished, "no start opens the tenant for it");
}

#[test]
fn failures_pause_longer_and_longer_until_the_job_is_dead_and_can_be_tried_again() {
    let mut bench = Bench::new();
    bench.enqueue(job("failing")).unwrap();
    for attempt in 1..RETRY.attempts_max {
        let lease = bench.lease().unwrap().lease;
        let fate = bench.tenant.fail_job(&lease, "no luck", true, &RETRY).unwrap();
        let due_at = bench.clock.now().plus(pause_after(attempt, JobNo(1)));
        assert_eq!(fate, JobFate::RetryAt(due_at));
        assert_eq!(bench.lease(), None);
        assert_eq!(bench.tenant.jobs_overview().next_look, Some(due_at));
        bench.reopen();
        bench.clock.advance(pause_after(attempt, JobNo(1)));
    }
    let lease = bench.lease().unwrap().lease;
    bench.tenant.note_progress(&lease, "Graph Extraction", 60).unwrap();
    let long = "x".repeat(JOB_ERROR_CHARS_MAX + 1);
    assert_eq!(bench.tenant.fail_job(&lease, &long, true, &RETRY).unwrap(), JobFate::Dead);
    bench.reopen();
    let letters = bench.tenant.dead_letters(None, 10);
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].kind.as_str(), letters[0].attempts), ("test", 3));
    assert_eq!((letters[0].stage.as_str(), letters[0].percent), ("Graph Extraction", 60));
    assert_eq!(letters[0].last_error.as_ref().unwrap().len(), JOB_ERROR_CHARS_MAX);
    assert_eq!(letters[0].state, JobState::Dead { since: bench.clock.now() });
    assert!(bench.tenant.dead_letters(Some(JobNo(1)), 10).is_empty());

    assert!(bench.tenant.retry_dead(JobNo(1)).unwrap());
    assert!(!bench.tenant.retry_dead(JobNo(1)).unwrap(), "it waits");
    assert!(bench.marker().unwrap().has_unfinished);
    let again = bench.lease().unwrap();
    assert_eq!((again.attempt, again.payload.as_slice()), (1, &b"failing"[..]));
    bench.tenant.fail_job(&again.lease, "never", false, &RETRY).unwrap();
    assert!(bench.tenant.discard_dead(JobNo(1)).unwrap());
    assert!(!bench.tenant.discard_dead(JobNo(1)).unwrap());
    assert_eq!((bench.marker(), bench.records(Kind::JobPayload)), (None, 0));
}

#[test]
fn a_job_s_own_number_of_attempts_holds_and_a_release_takes_none() {
    let mut bench = Bench::new();
    bench.enqueue(NewJob { attempts_max: Some(1), ..job("once") }).unwrap();
    for _ in 0..5 {
        let lease = bench.lease().unwrap().lease;
        bench.tenant.release_job(&lease).unwrap();
        assert!(is_stale(&bench.complete(&lease, 1)), "it was given back");
    }
    let lease = bench.lease().unwrap().lease;
    assert_eq!(bench.tenant.fail_job(&lease, "no", true, &RETRY).unwrap(), JobFate::Dead);
}

#[test]
fn a_key_keeps_a_job_from_being_enqueued_twice_for_a_day_after_it_was_done() {
    let mut bench = Bench::new();
    let first = bench.enqueue(keyed("upload 1")).unwrap();
    assert!(first.is_new);
    let again = Enqueued { job: first.job, is_new: false };
    assert_eq!(bench.enqueue(keyed("upload 1")).unwrap(), again, "while it waits");
    assert!(!bench.tenant.is_poisoned());
    let lease = bench.lease().unwrap().lease;
    assert_eq!(bench.enqueue(keyed("upload 1")).unwrap(), again, "while it runs");
    assert!(bench.enqueue(keyed("upload 2")).unwrap().is_new);
    bench.complete(&lease, 1).unwrap();
    bench.reopen();
    assert_eq!(bench.enqueue(keyed("upload 1")).unwrap(), again, "when it is done");
    bench.clock.advance(Duration::from_secs(86_399));
    bench.tenant.begin_day().unwrap();
    assert_eq!(bench.enqueue(keyed("upload 1")).unwrap(), again);
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.enqueue(keyed("upload 1")).unwrap().is_new);
    bench.tenant.begin_day().unwrap();
    assert_eq!(bench.records(Kind::JobKey), 0);
    let mut pending = bench.tenant.begin(None);
    let twice: Vec<_> =
        (0..2).map(|_| bench.tenant.enqueue(&mut pending, keyed("both")).unwrap().job).collect();
    assert_eq!(twice[0], twice[1], "within one batch");
    bench.tenant.commit(pending).unwrap();
}

#[test]
fn what_is_too_much_is_refused_without_harm() {
    let mut bench = Bench::new();
    let large = NewJob::new("test", vec![0; JOB_PAYLOAD_BYTES_MAX + 1]);
    for invalid in [
        large,
        NewJob::new("", Vec::new()),
        keyed(""),
        NewJob { attempts_max: Some(0), ..job("never") },
    ] {
        let refused = bench.enqueue(invalid);
        assert!(matches!(refused, Err(TenantError::InvalidJob(_))), "{refused:?}");
    }
    let mut pending = bench.tenant.begin(None);
    for number in 0..UNFINISHED_JOBS_MAX {
        bench.tenant.enqueue(&mut pending, job(&number.to_string())).unwrap();
    }
    bench.tenant.commit(pending).unwrap();
    let refused = bench.enqueue(job("one more"));
    assert!(matches!(refused, Err(TenantError::JobLimit { .. })), "{refused:?}");
    assert!(!bench.tenant.is_poisoned());
    for _ in 0..=DEAD_JOBS_MAX {
        let lease = bench.lease().unwrap().lease;
        bench.tenant.fail_job(&lease, "no", false, &RETRY).unwrap();
        bench.clock.advance(Duration::from_micros(1));
    }
    assert_eq!(bench.tenant.find_job(JobNo(1)), None, "the oldest made room");
    assert_eq!(bench.tenant.dead_letters(None, usize::MAX).len(), DEAD_JOBS_MAX);
    assert_eq!(bench.marker().unwrap().dead_count, DEAD_JOBS_MAX as u64);
    assert_eq!(bench.records(Kind::Job), bench.records(Kind::JobPayload));
    assert_eq!(bench.records(Kind::Job), UNFINISHED_JOBS_MAX - 1);
}

#[test]
fn a_reset_leaves_nothing_of_any_job_and_refuses_what_runs() {
    let mut bench = Bench::new();
    for number in 0..700 {
        bench.enqueue(keyed(&number.to_string())).unwrap();
    }
    let done = bench.lease().unwrap().lease;
    bench.complete(&done, 1).unwrap();
    let dead = bench.lease().unwrap().lease;
    bench.tenant.fail_job(&dead, "quotes the payload", false, &RETRY).unwrap();
    let running = bench.lease().unwrap().lease;
    bench.reset();
    for kind in [Kind::Job, Kind::JobPayload, Kind::JobKey] {
        assert_eq!(bench.records(kind), 0, "{kind:?}");
    }
    assert_eq!(bench.marker(), None);
    assert_eq!(bench.tenant.jobs_overview(), crate::engine::jobs::JobsOverview::default());
    assert!(is_stale(&bench.complete(&running, 2)));
    assert!(bench.effects().is_empty());
    let again = bench.enqueue(keyed("0")).unwrap();
    assert_eq!((again.is_new, again.job), (true, JobNo(701)), "numbers are not used again");
    bench.reopen();
    assert_eq!(bench.enqueue(job("next")).unwrap().job, JobNo(702));
}

/// A reset that was struck by a crash may have removed the jobs and not the marker, or the other
/// way round where a store was repaired by hand.
#[test]
fn a_marker_that_disagrees_with_the_jobs_is_corrected_when_the_tenant_is_opened() {
    let mut bench = Bench::new();
    bench.enqueue(job("one")).unwrap();
    let right = bench.marker();
    let mut batch = crate::storage::AtomicBatch::new(0);
    batch.delete(keys::job_marker(NO));
    bench.store.apply(&batch).unwrap();
    bench.reopen();
    assert_eq!(bench.marker(), right);
    let marked = marked_tenants(&commit_to(&bench.store)).unwrap();
    assert_eq!(marked, [MarkedTenant { tenant: NO, has_unfinished: true, dead_count: 0 }]);
}

#[test]
fn a_job_that_is_withdrawn_is_gone_with_what_made_it_pointless() {
    let mut bench = Bench::new();
    bench.enqueue(job("pointless")).unwrap();
    let lease = bench.lease().unwrap().lease;
    let mut pending = bench.tenant.begin(None);
    bench
        .tenant
        .store(&mut pending, PreparedAtom::new(atom("the document was deleted", "a"), None))
        .unwrap();
    assert!(bench.tenant.withdraw(&mut pending, JobNo(1)).unwrap());
    assert!(!bench.tenant.withdraw(&mut pending, JobNo(1)).unwrap());
    bench.tenant.commit(pending).unwrap();
    assert!(is_stale(&bench.complete(&lease, 1)));
    assert_eq!((bench.marker(), bench.effects().len()), (None, 1));
}

#[test]
fn a_payload_that_cannot_be_read_goes_out_of_the_way_of_the_others() {
    let mut bench = Bench::new();
    bench.enqueue(job("of a newer build")).unwrap();
    bench.enqueue(job("readable")).unwrap();
    let mut batch = crate::storage::AtomicBatch::new(0);
    batch.put(keys::by_job(NO, Kind::JobPayload, JobNo(1)), vec![99, 0]);
    bench.store.apply(&batch).unwrap();
    assert_eq!(bench.lease().unwrap().payload, b"readable");
    let letters = bench.tenant.dead_letters(None, 10);
    assert!(letters[0].last_error.as_ref().unwrap().contains("format version 99"), "{letters:?}");
}

/// Each write of a job's life fails in turn. What failed did not happen, also not after a reopening,
/// and doing it again does it.
#[test]
fn a_failed_write_changes_nothing_and_can_be_repeated() {
    for fail_apply_at in 2..=9 {
        let faults = FaultPlan { fail_apply_at: Some(fail_apply_at), ..FaultPlan::default() };
        let mut bench = Bench::on(MemoryStore::with_faults(faults));
        let mut failures = 0;
        let mut twice =
            |bench: &mut Bench, step: &dyn Fn(&mut Bench) -> Result<(), TenantError>| {
                if step(bench).is_ok() {
                    return;
                }
                failures += 1;
                if bench.tenant.is_poisoned() {
                    bench.reopen();
                }
                step(bench).unwrap();
            };
        twice(&mut bench, &|bench| bench.enqueue(keyed("a")).map(drop));
        twice(&mut bench, &|bench| bench.enqueue(keyed("b")).map(drop));
        let lease = |bench: &mut Bench| bench.tenant.lease_job(LEASE, &RETRY);
        twice(&mut bench, &|bench| lease(bench).map(drop));
        bench.clock.advance(LEASE);
        twice(&mut bench, &|bench| lease(bench).map(drop));
        bench.clock.advance(LONGEST_PAUSE);
        twice(&mut bench, &|bench| {
            // After a poisoning the leases are those of an earlier opening.
            let Some(leased) = lease(bench)? else { return Ok(()) };
            bench.tenant.fail_job(&leased.lease, "no", false, &RETRY).map(drop)
        });
        assert_eq!(failures, usize::from(fail_apply_at <= 8), "at {fail_apply_at}");
        let before: Vec<_> = (1..=2).map(|no| bench.tenant.find_job(JobNo(no))).collect();
        let overview = bench.tenant.jobs_overview();
        assert_eq!(overview.waiting + overview.running + overview.dead, 2);
        bench.reopen();
        let marker = bench.marker().unwrap();
        assert_eq!(marker.dead_count, overview.dead as u64);
        for (no, before) in (1..).zip(before) {
            let (before, after) = (before.unwrap(), bench.view(no));
            assert_eq!((before.attempts, before.last_error), (after.attempts, after.last_error));
        }
    }
}
