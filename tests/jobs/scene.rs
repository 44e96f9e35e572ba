//! A registry on one shard whose store the test brings, a runner on it, and handlers that do what
//! the test says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use hebbd::actors::jobs::{
    JobContext, JobFailure, JobHandler, JobHandlers, JobResult, JobRun, JobRunner, JobSettings,
};
use hebbd::actors::settings::{RegistrySettings, ResolvedShard, ShardSettings};
use hebbd::actors::tenant::atoms::ExportPage;
use hebbd::actors::tenant::jobs::{EnqueueJob, FindJob, JobsInNumbers};
use hebbd::actors::{Registry, Shard, Shards};
use hebbd::control::Directory;
use hebbd::control::plans::Plans;
use hebbd::engine::jobs::{Enqueued, JobView, JobsOverview, NewJob};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::storage::{MemoryStore, Store};
use hebbd::types::{Clock, JobNo, ManualClock, ShardNo, SystemClock, TenantId};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::commands::call;
use crate::plain_tenant::{identity, new_atom};

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Scene {
    pub(crate) registry: Arc<Registry>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: MemoryStore,
    control: MemoryStore,
}

/// A registry on one shard.
pub(crate) fn registry_on(
    store: Arc<dyn Store>,
    control: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: ShardSettings,
) -> (Arc<Directory>, Arc<Registry>) {
    let directory = Directory::open(control, Arc::clone(&clock), Plans::default()).unwrap();
    let directory = Arc::new(directory);
    let plan = ResolvedShard {
        no: ShardNo(0),
        path: std::env::temp_dir().join("hebbd-no-such-shard"),
        settings,
        takes_new_tenants: true,
    };
    let shards = Shards::from_open(vec![Shard::start(plan, store).unwrap()]);
    let settings = RegistrySettings::default();
    let registry = Registry::new(Arc::clone(&directory), shards, &settings, identity(), clock);
    (directory, Arc::new(registry))
}

/// Runs a test inside an actix system: shards need one.
pub(crate) fn in_system(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(async {
        tokio::time::timeout(PATIENCE, test).await.expect("the test does not hang");
    });
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut ShardSettings)) -> Self {
        let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
        Self::on(MemoryStore::default(), MemoryStore::default(), clock, change)
    }

    fn on(
        store: MemoryStore,
        control: MemoryStore,
        clock: Arc<ManualClock>,
        change: impl FnOnce(&mut ShardSettings),
    ) -> Self {
        let mut settings = ShardSettings::default();
        change(&mut settings);
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let stores = (Arc::new(store.clone()), Arc::new(control.clone()));
        let (directory, registry) = registry_on(stores.0, stores.1, shared, settings);
        Self { registry, directory, clock, store, control }
    }

    /// Stops in order and starts anew on what was stored.
    pub(crate) async fn restart(self) -> Self {
        self.registry.shut_down(Duration::from_secs(1)).await;
        Self::on(self.store, self.control, self.clock, |_| {})
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.directory.create_tenant("test", "local", |_| ShardNo(0)).unwrap().id
    }

    pub(crate) fn run(&self, handlers: JobHandlers, settings: JobSettings) -> Runner {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&self.clock);
        let runner = JobRunner::start(Arc::clone(&self.registry), handlers, settings, clock);
        Runner { observed: runner.observe(), runner }
    }

    pub(crate) async fn enqueue(&self, tenant: TenantId, job: NewJob) -> Enqueued {
        call(&self.registry, tenant, EnqueueJob { job }).await.unwrap()
    }

    pub(crate) async fn overview(&self, tenant: TenantId) -> JobsOverview {
        call(&self.registry, tenant, JobsInNumbers).await.unwrap()
    }

    pub(crate) async fn find(&self, tenant: TenantId, job: JobNo) -> Option<JobView> {
        call(&self.registry, tenant, FindJob { job }).await.unwrap()
    }

    /// What the results that were applied left, in order.
    pub(crate) async fn effects(&self, tenant: TenantId) -> Vec<String> {
        let page = ExportPage { after: None, limit: usize::MAX };
        let atoms = call(&self.registry, tenant, page).await.unwrap();
        atoms.into_iter().map(|atom| atom.content).collect()
    }

    pub(crate) fn advance(&self, runner: &Runner, by: Duration) {
        self.clock.advance(by);
        runner.runner.wake();
    }
}

pub(crate) struct Runner {
    pub(crate) runner: JobRunner,
    pub(crate) observed: watch::Receiver<hebbd::actors::jobs::JobsObserved>,
}

impl Runner {
    /// Waits until the tenant's jobs are as wanted. Asked anew with each thing the runner does.
    pub(crate) async fn until(
        &mut self,
        scene: &Scene,
        tenant: TenantId,
        is_so: impl Fn(&JobsOverview) -> bool,
    ) {
        loop {
            self.observed.mark_unchanged();
            if is_so(&scene.overview(tenant).await) {
                return;
            }
            self.observed.changed().await.unwrap();
        }
    }

    pub(crate) async fn until_empty(&mut self, scene: &Scene, tenant: TenantId) {
        self.until(scene, tenant, |jobs| jobs.waiting + jobs.running == 0).await;
    }
}

type Act = dyn for<'a> Fn(&'a JobContext) -> JobRun<'a> + Send + Sync;

/// A handler that does what it was made with.
pub(crate) struct Fake {
    kind: &'static str,
    act: Box<Act>,
}

impl Fake {
    pub(crate) fn of(
        kind: &'static str,
        act: impl for<'a> Fn(&'a JobContext) -> JobRun<'a> + Send + Sync + 'static,
    ) -> Arc<dyn JobHandler> {
        Arc::new(Self { kind, act: Box::new(act) })
    }
}

impl JobHandler for Fake {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> JobRun<'a> {
        (self.act)(context)
    }
}

/// One handler, of kind `test`.
pub(crate) fn handlers(
    act: impl for<'a> Fn(&'a JobContext) -> JobRun<'a> + Send + Sync + 'static,
) -> JobHandlers {
    JobHandlers::default().with(Fake::of("test", act))
}

pub(crate) fn job(payload: &str) -> NewJob {
    NewJob::new("test", payload.as_bytes().to_vec())
}

pub(crate) fn text(context: &JobContext) -> String {
    String::from_utf8(context.payload().to_vec()).unwrap()
}

/// A result that stores one atom.
pub(crate) fn remember(content: String) -> Result<JobResult, JobFailure> {
    Ok(JobResult::once(move |tenant, pending| {
        let outcome = tenant.store(pending, PreparedAtom::new(new_atom(&content), None))?;
        assert!(outcome.atom_id.is_some(), "{outcome:?}");
        Ok(())
    }))
}

/// Where running jobs say that they run, and wait until they are let through.
#[derive(Clone)]
pub(crate) struct Turnstile {
    arrived: mpsc::UnboundedSender<String>,
    gate: Arc<Semaphore>,
}

impl Turnstile {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        (Self { arrived, gate: Arc::new(Semaphore::new(0)) }, arrivals)
    }

    pub(crate) async fn pass(&self, payload: String) {
        self.arrived.send(payload).unwrap();
        self.gate.acquire().await.unwrap().forget();
    }

    /// Whether more were let through than came.
    pub(crate) fn holds_permits(&self) -> bool {
        self.gate.available_permits() > 0
    }

    pub(crate) fn let_through(&self, jobs: usize) {
        self.gate.add_permits(jobs);
    }
}

/// A handler that says when it runs and goes on when it is let.
pub(crate) fn gated(turnstile: &Turnstile) -> JobHandlers {
    let turnstile = turnstile.clone();
    handlers(move |context| {
        let turnstile = turnstile.clone();
        async move {
            turnstile.pass(text(context)).await;
            remember(text(context))
        }
        .boxed()
    })
}
