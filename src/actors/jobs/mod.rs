//! Runs the jobs of all tenants: a worker leases one, lets its handler run outside of the tenant,
//! and brings the result back. So many workers in all, so many for one tenant.
//!
//! A tenant rings when a command left it a job, and the runner looks at once; else it sleeps until
//! the next job is due. At start the markers in each shard name the tenants whose jobs a former
//! process left. Looking at jobs is no use of a tenant; one with a running job is not closed as
//! idle.
//!
//! Invariant: whatever happens here, a job's result is applied at most once, since the tenant
//! decides; and it is tried until it is applied or dead, since the job is stored until then.

mod handler;
mod schedule;
mod settings;
mod signals;
mod worker;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

pub use handler::{
    JobContext, JobEffect, JobFailure, JobHandler, JobHandlers, JobResult, JobRun, ResultSlot,
};
pub use settings::JobSettings;
pub use signals::{JobBell, JobSignals};

use super::registry::Registry;
use crate::tenant::marked_tenants;
use crate::types::{Clock, ShardNo, TenantId, TenantNo, Timestamp};
use schedule::Schedule;
use worker::{Found, Leased, WorkerNo, Workshop};

/// The clock is looked at this often at least, since it may be set.
const CLOCK_LOOK_MAX: Duration = Duration::from_secs(15);
/// Before a shard whose markers could not be read is asked again.
const SCAN_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How long running jobs may take to be given back when the server stops.
const STOP_MAX: Duration = Duration::from_secs(2);

/// What the runner is at, for tests and operators.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobsObserved {
    /// Workers that are out.
    pub running: usize,
    /// Jobs that wait, as far as is known here.
    pub waiting: usize,
    /// Dead letters, as far as is known here.
    pub dead: usize,
    /// When the next look is due.
    pub next_look: Option<Timestamp>,
}

/// Runs jobs until it is stopped or dropped.
pub struct JobRunner {
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    observed: watch::Receiver<JobsObserved>,
    task: JoinHandle<()>,
}

impl JobRunner {
    /// Starts it. Must run inside a tokio runtime.
    #[must_use]
    pub fn start(
        registry: Arc<Registry>,
        handlers: JobHandlers,
        settings: JobSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (observed_by, observed) = watch::channel(JobsObserved::default());
        let (leased, hears_leased) = mpsc::unbounded_channel();
        let schedule = Schedule::new(settings.workers, settings.workers_per_tenant);
        let workshop = Workshop {
            registry: Arc::clone(&registry),
            handlers,
            settings,
            clock,
            leased,
            stopping,
        };
        let office = Office {
            workshop: Arc::new(workshop),
            schedule,
            workers: JoinSet::new(),
            next_worker: WorkerNo(0),
            waiting: HashSet::new(),
            hears_leased,
            observed_by,
            scan_at: Some(Instant::now()),
        };
        Self { registry, stop, observed, task: tokio::spawn(office.run()) }
    }

    /// Follows what it is at. Changes with everything it does.
    #[must_use]
    pub fn observe(&self) -> watch::Receiver<JobsObserved> {
        self.observed.clone()
    }

    /// Makes it look at its clock, which may have been set.
    pub fn wake(&self) {
        self.registry.job_signals().wake();
    }

    /// Begins no more jobs and gives back those that run, so that they are due at the next start
    /// and no attempt is counted. Ends within two seconds or so; what does not let itself be
    /// stopped is a failed attempt by then.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if timeout(STOP_MAX + Duration::from_secs(1), &mut self.task).await.is_err() {
            tracing::warn!("gave up waiting for running jobs");
        }
    }
}

impl Drop for JobRunner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends the workers out.
struct Office {
    workshop: Arc<Workshop>,
    schedule: Schedule,
    workers: JoinSet<(WorkerNo, TenantId, Found)>,
    next_worker: WorkerNo,
    /// Workers that only wait for others, and left their places.
    waiting: HashSet<WorkerNo>,
    hears_leased: mpsc::UnboundedReceiver<Leased>,
    observed_by: watch::Sender<JobsObserved>,
    /// When the markers are to be read, again if a shard's could not be.
    scan_at: Option<Instant>,
}

impl Office {
    async fn run(mut self) {
        let mut stopping = self.workshop.stopping.clone();
        let signals = Arc::clone(self.workshop.registry.job_signals());
        loop {
            if self.scan_at.is_some_and(|at| at <= Instant::now()) {
                self.find_marked().await;
            }
            let now = self.workshop.clock.now();
            for tenant in signals.take_rung() {
                self.schedule.look_at(tenant, now);
            }
            while let Some(tenant) = self.schedule.begin_next(now) {
                self.send_out(tenant);
            }
            self.publish();
            tokio::select! {
                // In order, so that what a worker said before it came back is heard before.
                biased;
                _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
                Some(leased) = self.hears_leased.recv() => self.note_leased(&leased, now),
                Some(joined) = self.workers.join_next() => {
                    if let Ok((worker, tenant, found)) = joined {
                        self.take_back(worker, tenant, found);
                    }
                }
                () = signals.rung() => {}
                () = wait_until(self.schedule.next_look(), now) => {}
                () = wait_for_scan(self.scan_at) => {}
            }
        }
        self.call_back().await;
    }

    fn send_out(&mut self, tenant: TenantId) {
        let workshop = Arc::clone(&self.workshop);
        let worker = self.next_worker;
        self.next_worker = WorkerNo(worker.0.wrapping_add(1));
        self.workers.spawn(async move {
            // A worker always comes back: else its place would be lost.
            let found = AssertUnwindSafe(workshop.work(worker, tenant)).catch_unwind().await;
            (worker, tenant, found.unwrap_or(Found::Unclear))
        });
    }

    fn note_leased(&mut self, leased: &Leased, now: Timestamp) {
        if leased.mostly_waits && self.schedule.begin_waiting(leased.tenant, now) {
            self.waiting.insert(leased.worker);
        }
        self.schedule.note(leased.tenant, &leased.overview, now);
    }

    fn take_back(&mut self, worker: WorkerNo, tenant: TenantId, found: Found) {
        let now = self.workshop.clock.now();
        match self.waiting.remove(&worker) {
            true => self.schedule.end_waiting(tenant),
            false => self.schedule.end(tenant, now),
        }
        match found {
            Found::Jobs(overview) => self.schedule.note(tenant, &overview, now),
            Found::Gone => self.schedule.forget(tenant),
            Found::Unclear => {
                self.schedule.note_unreachable(tenant, None, now);
            }
            Found::Unreachable { until, error } => {
                if self.schedule.note_unreachable(tenant, until, now) {
                    tracing::warn!(
                        tenant.id = %tenant,
                        error.kind = error.kind().as_str(),
                        "a tenant's jobs wait, since it cannot be reached"
                    );
                }
            }
        }
    }

    /// Waits for the workers, who have heard that the runner stops.
    async fn call_back(&mut self) {
        let all_back = async { while self.workers.join_next().await.is_some() {} };
        if timeout(STOP_MAX, all_back).await.is_err() {
            self.workers.shutdown().await;
        }
    }

    fn publish(&self) {
        let running = self.schedule.workers();
        let (waiting, dead) = self.schedule.counts();
        metrics::gauge!("hebbd_jobs_running").set(running as f64);
        metrics::gauge!("hebbd_jobs_queued").set(waiting as f64);
        metrics::gauge!("hebbd_jobs_dead").set(dead as f64);
        let next_look = self.schedule.next_look();
        self.observed_by.send_replace(JobsObserved { running, waiting, dead, next_look });
    }

    /// Reads which tenants have jobs. A tenant that rang meanwhile is known already.
    async fn find_marked(&mut self) {
        self.scan_at = None;
        let registry = Arc::clone(&self.workshop.registry);
        let tenants: HashMap<(ShardNo, TenantNo), TenantId> = registry
            .directory()
            .tenants()
            .into_iter()
            .map(|tenant| ((tenant.shard, tenant.no), tenant.id))
            .collect();
        let now = self.workshop.clock.now();
        for shard in registry.shards().open_ones() {
            let commit = shard.commit.clone();
            let marked = tokio::task::spawn_blocking(move || marked_tenants(&commit)).await;
            let Ok(Ok(marked)) = marked else {
                tracing::error!(shard.no = shard.no.0, "cannot read which tenants have jobs");
                self.scan_at = Some(Instant::now() + SCAN_AGAIN_AFTER);
                continue;
            };
            for marked in marked {
                // A tenant that was deleted, or that lives elsewhere now.
                let Some(id) = tenants.get(&(shard.no, marked.tenant)) else { continue };
                self.schedule.note_dead(*id, usize::try_from(marked.dead_count).unwrap_or(0));
                if marked.has_unfinished {
                    self.schedule.look_at(*id, now);
                }
            }
        }
    }
}

async fn wait_until(look: Option<Timestamp>, now: Timestamp) {
    match look {
        Some(at) if at > now => {
            sleep(Duration::from_micros(at.abs_diff_micros(now)).min(CLOCK_LOOK_MAX)).await;
        }
        Some(_) => {}
        None => std::future::pending().await,
    }
}

async fn wait_for_scan(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
