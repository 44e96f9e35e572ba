//! The other process of the `kill -9` tests: this test binary again, told by its environment to
//! enqueue and run jobs on a real store in a directory, to say what it does on standard output,
//! and to stand still at a named step so that it can be killed there.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::FutureExt;
use hebbd::actors::jobs::{JobHandlers, JobResult, JobRunner, JobSettings};
use hebbd::actors::settings::ShardSettings;
use hebbd::actors::tenant::jobs::{EnqueueJob, JobsInNumbers};
use hebbd::engine::jobs::NewJob;
use hebbd::engine::prepared::PreparedAtom;
use hebbd::storage::{
    AtomicBatch, Change, MemoryStore, SledSettings, SledStore, StorageError, Store, Visit,
};
use hebbd::types::{Clock, ShardNo, SystemClock};

use crate::commands::call;
use crate::plain_tenant::new_atom;
use crate::scene::{Fake, in_system, registry_on};

/// Variables that make a child of this binary.
pub(crate) const DIRECTORY: &str = "HEBBD_JOBS_DIRECTORY";
pub(crate) const ASK_FOR: &str = "HEBBD_JOBS_ASK_FOR";
pub(crate) const STAND_STILL_AT: &str = "HEBBD_JOBS_STAND_STILL_AT";

/// The payload of a job that ends its process.
pub(crate) const DEADLY: &str = "deadly";
/// Attempts that one may have.
pub(crate) const DEADLY_ATTEMPTS: u32 = 3;

/// Kinds of records, as `docs/storage-format.md` has them.
const JOB_COUNTER: u8 = 0x40;
const JOB: u8 = 0x41;

/// Says each step, and does not come back from the one it is to stand still at.
#[derive(Clone)]
struct Steps(Arc<Mutex<Option<(String, usize)>>>);

impl Steps {
    fn reach(&self, step: &str) {
        let is_the_one = {
            let mut target = self.0.lock().unwrap();
            match target.as_mut() {
                Some((name, left)) if name == step => {
                    *left -= 1;
                    *left == 0
                }
                _ => false,
            }
        };
        say(&format!("step {step}"));
        if is_the_one {
            say("standing still");
            loop {
                std::thread::park();
            }
        }
    }
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    // In one write, so that a killed process leaves no half of a line but at the end.
    stdout.write_all(format!("{line}\n").as_bytes()).unwrap();
    stdout.flush().unwrap();
}

/// A store whose steps can be seen.
struct Stepping {
    store: SledStore,
    steps: Steps,
}

/// What a batch is about, as far as jobs go.
fn name_of(batch: &AtomicBatch) -> Option<&'static str> {
    let has = |wanted: u8, is_put: bool| {
        batch.changes.iter().any(|change| match change {
            Change::Put { key, .. } => is_put && key.get(8) == Some(&wanted),
            Change::Delete { key } => !is_put && key.get(8) == Some(&wanted),
        })
    };
    if has(JOB, false) {
        Some("result")
    } else if has(JOB_COUNTER, true) {
        Some("enqueue")
    } else {
        has(JOB, true).then_some("job")
    }
}

impl Store for Stepping {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.get(key)
    }

    fn for_each(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit,
    ) -> Result<(), StorageError> {
        self.store.for_each(prefix, after, visit)
    }

    fn apply(&self, batch: &AtomicBatch) -> Result<(), StorageError> {
        let name = name_of(batch);
        if let Some(name) = name {
            self.steps.reach(&format!("{name} begins"));
        }
        self.store.apply(batch)?;
        if let Some(name) = name {
            self.steps.reach(&format!("{name} applied"));
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.steps.reach("flush begins");
        self.store.flush()?;
        self.steps.reach("flush ended");
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        self.store.disk_bytes()
    }
}

#[allow(clippy::disallowed_methods, reason = "how the parent speaks to this process")]
fn told(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

pub(crate) fn settings_of(directory: &Path) -> SledSettings {
    SledSettings { path: directory.join("store"), cache_bytes: 1 << 20 }
}

/// Does nothing unless it is run by the tests that kill.
#[test]
fn child_process() {
    let Some(directory) = told(DIRECTORY).map(PathBuf::from) else { return };
    let target = told(STAND_STILL_AT).map(|text| {
        let (name, count) = text.rsplit_once('#').unwrap();
        (name.to_owned(), count.parse().unwrap())
    });
    // The test harness has begun a line.
    say("");
    // It does not outlive its parent.
    std::thread::spawn(|| {
        let _broken = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
    let steps = Steps(Arc::new(Mutex::new(target)));
    let store = SledStore::open(&settings_of(&directory)).unwrap();
    let store = Stepping { store, steps: steps.clone() };
    in_system(work(store, steps));
}

async fn work(store: Stepping, steps: Steps) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let control = Arc::new(MemoryStore::default());
    let settings = ShardSettings::default();
    let (directory, registry) = registry_on(Arc::new(store), control, Arc::clone(&clock), settings);
    // The first one there is: the same number in each life.
    let tenant = directory.create_tenant("test", "local", |_| ShardNo(0)).unwrap().id;
    let settings = JobSettings {
        attempts_max: 1_000,
        backoff_initial_ms: 1,
        backoff_max_ms: 2,
        ..JobSettings::default()
    };
    let runner =
        JobRunner::start(Arc::clone(&registry), handlers(&steps), settings, Arc::clone(&clock));
    let mut observed = runner.observe();
    let asked = told(ASK_FOR).unwrap_or_default();
    for key in asked.split(',').filter(|key| !key.is_empty()) {
        let job = NewJob {
            key: Some(key.to_owned()),
            attempts_max: (key == DEADLY).then_some(DEADLY_ATTEMPTS),
            ..NewJob::new("effect", key.as_bytes().to_vec())
        };
        call(&registry, tenant, EnqueueJob { job }).await.unwrap();
        say(&format!("acknowledged {key}"));
        steps.reach("enqueue acknowledged");
    }
    loop {
        observed.mark_unchanged();
        let jobs = call(&registry, tenant, JobsInNumbers).await.unwrap();
        if jobs.waiting + jobs.running == 0 {
            break;
        }
        observed.changed().await.unwrap();
    }
    runner.stop().await;
    registry.shut_down(Duration::from_secs(5)).await;
    say("done");
}

/// One atom for each job, and for some jobs another job. Whatever runs twice leaves two atoms.
fn handlers(steps: &Steps) -> JobHandlers {
    let steps = steps.clone();
    JobHandlers::default().with(Fake::of("effect", move |context| {
        let steps = steps.clone();
        async move {
            steps.reach("run begins");
            let key = String::from_utf8(context.payload().to_vec()).unwrap();
            if key == DEADLY {
                std::process::abort();
            }
            context.progress("half", 50).await?;
            steps.reach("run half done");
            let token = uuid::Uuid::now_v7().simple().to_string();
            Ok(JobResult::once(move |tenant, pending| {
                let content = format!("{key} left {token}");
                assert!(
                    tenant
                        .store(pending, PreparedAtom::new(new_atom(&content), None))?
                        .atom_id
                        .is_some()
                );
                let has_next = key.ends_with(['0', '3', '6']);
                if has_next {
                    let next = format!("{key}-next");
                    tenant.enqueue(pending, NewJob::new("effect", next.into_bytes()))?;
                }
                Ok(())
            }))
        }
        .boxed()
    }))
}
