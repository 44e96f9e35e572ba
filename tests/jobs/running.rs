//! When jobs are run, how many at a time, and how the runner and the rest of the server keep out
//! of each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::FutureExt;
use hebbd::actors::jobs::{JobHandlers, JobSettings};
use hebbd::actors::tenant::atoms::Stats;
use hebbd::engine::jobs::JobState;
use hebbd::types::Clock;
use tokio::sync::Semaphore;

use crate::commands::call;
use crate::scene::{Fake, Scene, Turnstile, gated, handlers, in_system, job, remember, text};

/// The clock stands still, so no timer of the runner's could have helped.
#[test]
fn a_job_is_run_at_once_and_its_effects_can_be_read() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let mut runner = scene.run(
            handlers(|context| async { remember(text(context)) }.boxed()),
            JobSettings::default(),
        );
        for number in 0..20 {
            scene.enqueue(tenant, job(&format!("note {number}"))).await;
            runner.until_empty(&scene, tenant).await;
            assert_eq!(scene.effects(tenant).await.len(), number + 1);
        }
        runner.runner.stop().await;
    });
}

/// Jobs that run now, of one tenant or of all.
#[derive(Default)]
struct Present {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Present {
    fn come(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn go(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

#[test]
fn as_many_jobs_run_at_a_time_as_allowed_in_all_and_for_one_tenant_and_no_more() {
    const JOBS: usize = 12;
    in_system(async {
        for (tenants, together) in [(1, 2), (5, 3)] {
            let scene = Scene::new();
            let all = Arc::new(Present::default());
            let of_each: Arc<Vec<Present>> =
                Arc::new((0..tenants).map(|_| Present::default()).collect());
            let (turnstile, mut runs) = Turnstile::new();
            let (everybody, each) = (Arc::clone(&all), Arc::clone(&of_each));
            let before = turnstile.clone();
            let act = handlers(move |context| {
                let (all, each) = (everybody.clone(), each.clone());
                let before = before.clone();
                async move {
                    let at: usize = text(context)[..1].parse().unwrap();
                    all.come();
                    each[at].come();
                    before.pass(text(context)).await;
                    all.go();
                    each[at].go();
                    remember(text(context))
                }
                .boxed()
            });
            let ids: Vec<_> = (0..tenants).map(|_| scene.tenant()).collect();
            for number in 0..JOBS {
                for (at, tenant) in ids.iter().enumerate() {
                    scene.enqueue(*tenant, job(&format!("{at} {number}"))).await;
                }
            }
            let settings =
                JobSettings { workers: 3, workers_per_tenant: 2, ..JobSettings::default() };
            let mut runner = scene.run(act, settings);
            for _ in 0..together {
                runs.recv().await.unwrap();
            }
            turnstile.let_through(tenants * JOBS);
            for tenant in ids {
                runner.until_empty(&scene, tenant).await;
                assert_eq!(scene.effects(tenant).await.len(), JOBS);
            }
            assert_eq!(all.most(), together);
            assert!(of_each.iter().all(|one| one.most() <= 2));
            runner.runner.stop().await;
        }
    });
}

#[test]
fn a_tenant_with_many_jobs_does_not_keep_another_waiting() {
    in_system(async {
        let scene = Scene::new();
        let (busy, quiet) = (scene.tenant(), scene.tenant());
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        let gate = Arc::new(Semaphore::new(0));
        let wait = Arc::clone(&gate);
        let act = handlers(move |context| {
            let (seen, wait) = (Arc::clone(&seen), Arc::clone(&wait));
            async move {
                seen.lock().unwrap().push(text(context));
                wait.acquire().await.unwrap().forget();
                remember(text(context))
            }
            .boxed()
        });
        for number in 0..50 {
            scene.enqueue(busy, job(&format!("busy {number}"))).await;
        }
        let settings = JobSettings { workers: 1, workers_per_tenant: 1, ..JobSettings::default() };
        let mut runner = scene.run(act, settings);
        runner.until(&scene, busy, |jobs| jobs.running == 1).await;
        scene.enqueue(quiet, job("quiet")).await;
        gate.add_permits(51);
        runner.until_empty(&scene, quiet).await;
        runner.until_empty(&scene, busy).await;
        let at = order.lock().unwrap().iter().position(|text| text == "quiet").unwrap();
        assert!(at <= 2, "it was number {at}");
        runner.runner.stop().await;
    });
}

#[test]
fn after_a_restart_only_the_tenants_with_unfinished_jobs_are_opened() {
    in_system(async {
        let scene = Scene::new();
        let tenants: Vec<_> = (0..8).map(|_| scene.tenant()).collect();
        for tenant in &tenants {
            call(&scene.registry, *tenant, Stats).await.unwrap();
        }
        scene.enqueue(tenants[5], job("left behind")).await;
        let dead = scene.enqueue(tenants[2], hebbd::engine::jobs::NewJob::new("gone", Vec::new()));
        dead.await;
        let mut runner = scene.run(JobHandlers::default(), JobSettings::default());
        runner.until(&scene, tenants[2], |jobs| jobs.dead == 1).await;
        runner.until(&scene, tenants[5], |jobs| jobs.dead == 1).await;
        let letter = scene.find(tenants[5], hebbd::types::JobNo(1)).await.unwrap();
        assert!(letter.last_error.unwrap().contains("knows no jobs of kind `test`"));
        let retry = hebbd::actors::tenant::jobs::RetryDead { job: hebbd::types::JobNo(1) };
        runner.runner.stop().await;
        assert!(call(&scene.registry, tenants[5], retry).await.unwrap());

        let scene = scene.restart().await;
        let act = handlers(|context| async { remember(text(context)) }.boxed());
        let mut runner = scene.run(act, JobSettings::default());
        runner.observed.wait_for(|jobs| jobs.dead == 1 && jobs.running == 1).await.unwrap();
        runner.observed.wait_for(|jobs| jobs.running == 0).await.unwrap();
        assert_eq!(scene.registry.open_tenants(), [tenants[5]]);
        assert_eq!(scene.effects(tenants[5]).await, ["left behind"]);
        runner.runner.stop().await;
    });
}

#[test]
fn a_tenant_is_not_closed_under_its_running_job_but_soon_after_it() {
    in_system(async {
        let scene = Scene::with(|settings| settings.idle_evict_s = 60);
        let tenant = scene.tenant();
        let (turnstile, mut runs) = Turnstile::new();
        let mut runner = scene.run(gated(&turnstile), JobSettings::default());
        scene.enqueue(tenant, job("slow")).await;
        runs.recv().await.unwrap();
        scene.clock.advance(Duration::from_secs(60));
        assert_eq!(scene.registry.evict_idle().await, 0, "its job runs");
        turnstile.let_through(1);
        runner.observed.wait_for(|jobs| jobs.running == 0 && jobs.waiting == 0).await.unwrap();
        assert_eq!(scene.registry.evict_idle().await, 1, "what the runner did is no use of it");
        assert_eq!(scene.effects(tenant).await, ["slow"]);
        runner.runner.stop().await;
    });
}

#[test]
fn a_tenant_is_opened_again_when_its_job_is_due() {
    in_system(async {
        let scene = Scene::with(|settings| settings.idle_evict_s = 60);
        let tenant = scene.tenant();
        let act = handlers(|context| async { remember(text(context)) }.boxed());
        let mut runner = scene.run(act, JobSettings::default());
        let mut later = job("later");
        later.not_before = Some(scene.clock.now().plus(Duration::from_secs(600)));
        scene.enqueue(tenant, later.clone()).await;
        runner.observed.wait_for(|jobs| jobs.next_look == later.not_before).await.unwrap();
        scene.clock.advance(Duration::from_secs(60));
        assert_eq!(scene.registry.evict_idle().await, 1);
        scene.advance(&runner, Duration::from_secs(539));
        runner.observed.changed().await.unwrap();
        assert_eq!(scene.registry.open_count(), 0, "it is not opened to be looked at");
        scene.advance(&runner, Duration::from_secs(1));
        runner.observed.wait_for(|jobs| jobs.next_look.is_none()).await.unwrap();
        runner.until_empty(&scene, tenant).await;
        assert_eq!(scene.effects(tenant).await, ["later"]);
        runner.runner.stop().await;
    });
}

/// The runner took a deleted tenant for one that cannot be reached now, and asked for it for ever.
#[test]
fn a_deleted_tenant_is_forgotten() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let act = handlers(|context| async { remember(text(context)) }.boxed());
        let mut runner = scene.run(act, JobSettings::default());
        let mut later = job("later");
        later.not_before = Some(scene.clock.now().plus(Duration::from_secs(600)));
        scene.enqueue(tenant, later.clone()).await;
        runner.observed.wait_for(|jobs| jobs.next_look == later.not_before).await.unwrap();
        scene.directory.delete_tenant(tenant).unwrap();
        scene.advance(&runner, Duration::from_secs(600));
        let looked = runner.observed.wait_for(|jobs| jobs.next_look != later.not_before);
        assert_eq!(looked.await.unwrap().next_look, None);
        assert_eq!(runner.observed.borrow().waiting, 0);
        runner.runner.stop().await;
    });
}

#[test]
fn a_stop_gives_running_jobs_back_and_takes_no_attempt() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let (turnstile, mut runs) = Turnstile::new();
        let runner = scene.run(gated(&turnstile), JobSettings::default());
        let enqueued = scene.enqueue(tenant, job("interrupted")).await;
        runs.recv().await.unwrap();
        runner.runner.stop().await;
        let view = scene.find(tenant, enqueued.job).await.unwrap();
        assert!(matches!(view.state, JobState::Waiting { .. }), "{view:?}");
        assert_eq!((view.attempts, view.last_error), (0, None));
        scene.enqueue(tenant, job("after the stop")).await;
        let scene = scene.restart().await;
        let act = handlers(|context| async { remember(text(context)) }.boxed());
        let mut runner = scene.run(act, JobSettings::default());
        runner.until_empty(&scene, tenant).await;
        // They run at the same time, so either may be the first to end.
        let mut effects = scene.effects(tenant).await;
        effects.sort_unstable();
        assert_eq!(effects, ["after the stop", "interrupted"]);
        runner.runner.stop().await;
    });
}

#[test]
fn progress_is_seen_while_a_job_runs() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let (turnstile, mut runs) = Turnstile::new();
        let before = turnstile.clone();
        let act = handlers(move |context| {
            let before = before.clone();
            async move {
                context.progress("Embedding", 30).await?;
                before.pass(text(context)).await;
                remember(text(context))
            }
            .boxed()
        });
        let mut runner = scene.run(act, JobSettings::default());
        let enqueued = scene.enqueue(tenant, job("document")).await;
        runs.recv().await.unwrap();
        let view = scene.find(tenant, enqueued.job).await.unwrap();
        assert_eq!((view.stage.as_str(), view.percent, view.attempts), ("Embedding", 30, 1));
        turnstile.let_through(1);
        runner.until_empty(&scene, tenant).await;
        assert_eq!(scene.find(tenant, enqueued.job).await, None);
        runner.runner.stop().await;
    });
}

#[test]
fn kinds_have_their_own_handlers() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let counts: [Arc<AtomicUsize>; 2] = Default::default();
        let counting = |kind, count: &Arc<AtomicUsize>| {
            let count = Arc::clone(count);
            Fake::of(kind, move |context| {
                count.fetch_add(1, Ordering::SeqCst);
                async { remember(text(context)) }.boxed()
            })
        };
        let handlers = JobHandlers::default()
            .with(counting("one", &counts[0]))
            .with(counting("two", &counts[1]));
        let mut runner = scene.run(handlers, JobSettings::default());
        for kind in ["one", "two", "two"] {
            let payload = format!("{kind} {}", counts[1].load(Ordering::SeqCst));
            let new = hebbd::engine::jobs::NewJob::new(kind, payload.into_bytes());
            scene.enqueue(tenant, new).await;
            runner.until_empty(&scene, tenant).await;
        }
        assert_eq!(counts.each_ref().map(|count| count.load(Ordering::SeqCst)), [1, 2]);
        runner.runner.stop().await;
    });
}
