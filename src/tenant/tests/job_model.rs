//! Jobs against a naive model: random commands of everybody who has to do with them, stale leases
//! among them, with the tenant opened again, struck by a power cut, or refused a write, in the
//! middle.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::jobs::{Bench, LEASE, RETRY, pause_after};
use crate::engine::jobs::{JobState, Lease, NewJob};
use crate::storage::records::JobMarkerRecord;
use crate::storage::{FaultPlan, MemoryStore, Store};
use crate::tenant::TenantError;
use crate::types::{Clock, JobNo, Timestamp};

#[derive(Debug, Clone, PartialEq)]
enum State {
    Waiting(Timestamp),
    /// `None`: leased by an earlier opening.
    Leased(Timestamp, Option<Lease>),
    Dead(Timestamp),
}

#[derive(Debug, Clone)]
struct Known {
    state: State,
    payload: Vec<u8>,
    key: Option<String>,
    attempts: u32,
    attempts_max: u32,
    percent: u8,
}

impl Known {
    fn fail(&mut self, no: JobNo, now: Timestamp) {
        self.state = match self.attempts >= self.attempts_max {
            true => State::Dead(now),
            false => State::Waiting(now.plus(pause_after(self.attempts, no))),
        };
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    jobs: BTreeMap<JobNo, Known>,
    completed: BTreeMap<String, (JobNo, Timestamp)>,
    last_no: u64,
    /// Of completed jobs.
    effects: Vec<String>,
}

impl Model {
    fn unfinished(&self) -> usize {
        self.jobs.values().filter(|job| !matches!(job.state, State::Dead(_))).count()
    }

    /// The tenant was opened anew.
    fn forget_leases(&mut self) {
        for job in self.jobs.values_mut() {
            if let State::Leased(_, lease) = &mut job.state {
                *lease = None;
            }
        }
    }

    fn under(&mut self, lease: &Lease) -> Option<&mut Known> {
        let job = self.jobs.get_mut(&lease.job)?;
        matches!(&job.state, State::Leased(_, Some(held)) if held == lease).then_some(job)
    }

    fn known_key(&self, key: &str, now: Timestamp) -> Option<JobNo> {
        let there = self.jobs.iter().find(|(_, job)| job.key.as_deref() == Some(key));
        let day = Duration::from_secs(86_400);
        let completed = self.completed.get(key).filter(|(_, at)| at.plus(day) > now);
        there.map(|(no, _)| *no).or(completed.map(|(no, _)| *no))
    }

    fn put_back_lapsed(&mut self, now: Timestamp) {
        for (no, job) in &mut self.jobs {
            if let State::Leased(until, lease) = &job.state
                && (lease.is_none() || *until <= now)
            {
                job.fail(*no, now);
            }
        }
    }

    fn first_due(&self, now: Timestamp) -> Option<JobNo> {
        let due = self.jobs.iter().filter_map(|(no, job)| match job.state {
            State::Waiting(at) if at <= now => Some((at, *no)),
            _ => None,
        });
        due.min().map(|(_, no)| no)
    }
}

struct Run {
    bench: Bench,
    model: Model,
    /// The model as it was at the last flush.
    durable: Model,
    leases: Vec<Lease>,
    rng: SmallRng,
    tokens: u64,
    /// A write may still be refused.
    is_faulty: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let fail_apply_at = rng.random_bool(0.5).then(|| rng.random_range(2..60));
        let faults = FaultPlan { fail_apply_at, ..FaultPlan::default() };
        let bench = Bench::on(MemoryStore::with_faults(faults));
        let (model, durable) = (Model::default(), Model::default());
        let is_faulty = fail_apply_at.is_some();
        Self { bench, model, durable, leases: Vec::new(), rng, tokens: 0, is_faulty }
    }

    fn now(&self) -> Timestamp {
        self.bench.clock.now()
    }

    /// Whether a command had its effect. A failed write has none.
    fn happened<T>(&mut self, result: Result<T, TenantError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(TenantError::Storage(error)) => {
                assert!(error.to_string().contains("injected"), "{error}");
                self.is_faulty = false;
                if self.bench.tenant.is_poisoned() {
                    self.reopen();
                }
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn reopen(&mut self) {
        self.bench.reopen();
        self.model.forget_leases();
    }

    fn enqueue(&mut self) {
        let key = self.rng.random_bool(0.4).then(|| format!("k{}", self.rng.random_range(0..4)));
        let delay = Duration::from_secs(self.rng.random_range(0..4));
        let not_before = self.rng.random_bool(0.3).then(|| self.now().plus(delay));
        let attempts_max = self.rng.random_bool(0.3).then(|| self.rng.random_range(1..4));
        let payload = self.rng.random::<u64>().to_le_bytes().to_vec();
        let new = NewJob {
            kind: "test".to_owned(),
            payload: payload.clone(),
            key: key.clone(),
            frees_key: false,
            not_before,
            attempts_max,
        };
        let known = key.as_ref().and_then(|key| self.model.known_key(key, self.now()));
        let result = self.bench.enqueue(new);
        let Some(enqueued) = self.happened(result) else { return };
        assert_eq!(enqueued.is_new, known.is_none());
        match known {
            Some(known) => assert_eq!(enqueued.job, known),
            None => {
                self.model.last_no += 1;
                assert_eq!(enqueued.job, JobNo(self.model.last_no));
                let job = Known {
                    state: State::Waiting(not_before.unwrap_or(self.now())),
                    payload,
                    key,
                    attempts: 0,
                    attempts_max: attempts_max.unwrap_or(RETRY.attempts_max),
                    percent: 0,
                };
                self.model.jobs.insert(enqueued.job, job);
            }
        }
    }

    fn lease(&mut self) {
        let now = self.now();
        let before = self.bench.tenant.jobs_overview();
        let result = self.bench.tenant.lease_job(LEASE, &RETRY);
        if result.is_err() && self.bench.tenant.jobs_overview() != before {
            // What had lapsed was put back; the lease itself failed.
            self.model.put_back_lapsed(now);
        }
        let Some(leased) = self.happened(result) else { return };
        self.model.put_back_lapsed(now);
        let expected = self.model.first_due(now);
        assert_eq!(leased.as_ref().map(|leased| leased.lease.job), expected);
        let Some(leased) = leased else { return };
        let job = self.model.jobs.get_mut(&leased.lease.job).unwrap();
        job.attempts += 1;
        job.percent = 0;
        job.state = State::Leased(now.plus(LEASE), Some(leased.lease));
        assert_eq!((&leased.payload, leased.attempt), (&job.payload, job.attempts));
        self.leases.push(leased.lease);
    }

    /// One of all leases ever given, the later ones more likely.
    fn any_lease(&mut self) -> Option<Lease> {
        let back = self.rng.random_range(0..4_usize);
        self.leases.iter().rev().nth(back).copied()
    }

    fn use_lease(&mut self) {
        let Some(lease) = self.any_lease() else { return };
        let now = self.now();
        let holds = self.model.under(&lease).is_some();
        let action = self.rng.random_range(0..6);
        self.tokens += 1;
        let (token, percent) = (self.tokens, self.rng.random_range(0..100));
        let tenant = &mut self.bench.tenant;
        let result = match action {
            0..3 => self.bench.complete(&lease, token),
            3 => tenant.fail_job(&lease, "on purpose", percent < 80, &RETRY).map(drop),
            4 => tenant.note_progress(&lease, "somewhere", percent),
            _ => tenant.release_job(&lease),
        };
        if !holds {
            assert!(matches!(result, Err(TenantError::StaleLease(_))), "{result:?} {action}");
            assert!(!self.bench.tenant.is_poisoned());
            return;
        }
        if action == 4 {
            self.settle_flushes();
        }
        if self.happened(result).is_none() {
            return;
        }
        let job = self.model.under(&lease).unwrap();
        match action {
            0..3 => {
                if let Some(key) = job.key.take() {
                    self.model.completed.insert(key, (lease.job, now));
                }
                self.model.jobs.remove(&lease.job);
                self.model.effects.push(format!("job {} left {token:016x}", lease.job));
            }
            3 if percent < 80 => job.fail(lease.job, now),
            3 => job.state = State::Dead(now),
            4 => {
                job.percent = job.percent.max(percent);
                self.durable = self.model.clone();
            }
            _ => {
                job.attempts -= 1;
                job.state = State::Waiting(now);
            }
        }
    }

    /// Progress asks for a flush in the background; waits until it has been.
    fn settle_flushes(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.bench.tenant.flush_ticket().durable()).unwrap();
        self.durable = self.model.clone();
    }

    fn tend_dead(&mut self) {
        let no = JobNo(self.rng.random_range(0..=self.model.last_no));
        let known = self.model.jobs.get(&no);
        let is_dead = known.is_some_and(|job| matches!(job.state, State::Dead(_)));
        let is_retry = self.rng.random_bool(0.5);
        let now = self.now();
        let result = match is_retry {
            true => self.bench.tenant.retry_dead(no),
            false => self.bench.tenant.discard_dead(no),
        };
        let Some(was_there) = self.happened(result) else { return };
        assert_eq!(was_there, is_dead);
        match self.model.jobs.get_mut(&no).filter(|_| is_dead) {
            Some(job) if is_retry => {
                job.attempts = 0;
                job.state = State::Waiting(now);
            }
            Some(_) => drop(self.model.jobs.remove(&no)),
            None => {}
        }
    }

    fn withdraw(&mut self) {
        let no = JobNo(self.rng.random_range(0..=self.model.last_no));
        let mut pending = self.bench.tenant.begin(None);
        let was_there = self.bench.tenant.withdraw(&mut pending, no).unwrap();
        assert_eq!(was_there, self.model.jobs.contains_key(&no));
        let result = self.bench.tenant.commit(pending);
        if self.happened(result).is_some() {
            self.model.jobs.remove(&no);
        }
    }

    fn step(&mut self) {
        self.bench.clock.advance(Duration::from_millis(self.rng.random_range(1..3_000)));
        match self.rng.random_range(0..40) {
            0..10 => self.enqueue(),
            10..18 => self.lease(),
            18..28 => self.use_lease(),
            28..30 => self.tend_dead(),
            30 => self.withdraw(),
            31 => self.bench.clock.advance(LEASE),
            32..35 => {
                self.bench.store.flush().unwrap();
                self.durable = self.model.clone();
            }
            35..37 => {
                self.bench.store = self.bench.store.after_power_cut();
                self.is_faulty = false;
                self.model = self.durable.clone();
                self.reopen();
            }
            37 if !self.is_faulty && self.rng.random_bool(0.1) => {
                self.bench.reset();
                let last_no = self.model.last_no;
                self.model = Model { last_no, ..Model::default() };
            }
            _ => self.reopen(),
        }
        self.check();
    }

    /// Everything that can be told of jobs agrees with the model.
    fn check(&self) {
        let tenant = &self.bench.tenant;
        let mut dead = Vec::new();
        for no in (1..=self.model.last_no).map(JobNo) {
            let (view, known) = (tenant.find_job(no), self.model.jobs.get(&no));
            assert_eq!(view.is_some(), known.is_some(), "{no}");
            let (Some(view), Some(known)) = (view, known) else { continue };
            match known.state {
                State::Waiting(due_at) => assert_eq!(view.state, JobState::Waiting { due_at }),
                State::Leased(until, Some(_)) => {
                    assert_eq!(view.state, JobState::Running { until });
                }
                State::Leased(_, None) => assert!(matches!(view.state, JobState::Running { .. })),
                State::Dead(since) => {
                    assert_eq!(view.state, JobState::Dead { since });
                    dead.push(view.clone());
                }
            }
            assert_eq!((view.attempts, view.percent), (known.attempts, known.percent));
        }
        assert_eq!(tenant.dead_letters(None, usize::MAX), dead);
        let overview = tenant.jobs_overview();
        assert_eq!(overview.waiting + overview.running, self.model.unfinished());
        let marker = JobMarkerRecord {
            has_unfinished: self.model.unfinished() > 0,
            dead_count: dead.len() as u64,
        };
        let expected = (!self.model.jobs.is_empty()).then_some(marker);
        assert_eq!(self.bench.marker(), expected);
        assert_eq!(self.bench.effects(), self.model.effects);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn jobs_agree_with_a_naive_model_across_reopening_power_cuts_and_failed_writes(seed: u64) {
        let mut run = Run::new(seed);
        for _ in 0..120 {
            run.step();
        }
    }
}
