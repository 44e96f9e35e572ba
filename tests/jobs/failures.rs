//! What can go wrong with a job, and what it costs: a pause, an attempt, a dead letter; never a
//! second effect, and never the runner.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::FutureExt;
use hebbd::actors::jobs::{JobFailure, JobResult, JobSettings};
use hebbd::actors::tenant::erase::Reset;
use hebbd::actors::tenant::jobs::{DeadLetters, DiscardDead, LeaseJob, RetryDead};
use hebbd::engine::jobs::{JobState, NewJob};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::storage::Store;
use hebbd::types::{Clock, JobNo};
use tokio::sync::watch;

use crate::commands::{call, hold};
use crate::plain_tenant::new_atom;
use crate::scene::{Scene, Turnstile, gated, handlers, in_system, job, remember, text};

fn impatient() -> JobSettings {
    JobSettings {
        attempts_max: 4,
        backoff_initial_ms: 1_000,
        backoff_max_ms: 4_000,
        ..JobSettings::default()
    }
}

/// Waits until the failure of the so-manieth attempt is stored and the next look is planned.
async fn until_failed(
    runner: &mut crate::scene::Runner,
    scene: &Scene,
    tenant: hebbd::types::TenantId,
    attempts: u32,
) -> hebbd::types::Timestamp {
    loop {
        runner.observed.mark_unchanged();
        let view = scene.find(tenant, JobNo(1)).await.unwrap();
        if let JobState::Waiting { due_at } = view.state
            && view.attempts == attempts
            && runner.observed.borrow().next_look == Some(due_at)
            && runner.observed.borrow().running == 0
        {
            return due_at;
        }
        runner.observed.changed().await.unwrap();
    }
}

#[test]
fn a_failing_job_is_tried_after_growing_pauses_then_dead_and_can_be_retried_or_discarded() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let attempts = Arc::new(AtomicU32::new(0));
        let tried = Arc::clone(&attempts);
        let act = handlers(move |context| {
            let tried = tried.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                match tried {
                    // The second four make the retry succeed at last.
                    ..=6 => Err(JobFailure::retryable(format!("failure {tried}"))),
                    _ => remember(text(context)),
                }
            }
            .boxed()
        });
        let settings = impatient();
        let policy = settings.retry_policy();
        let pause_after =
            |attempts| Duration::from_micros(policy.pause_after_us(attempts, JobNo(1)));
        let mut runner = scene.run(act, settings);
        scene.enqueue(tenant, job("unlucky")).await;
        for attempt in 1..4 {
            let due_at = until_failed(&mut runner, &scene, tenant, attempt).await;
            assert_eq!(due_at, scene.clock.now().plus(pause_after(attempt)));
            let pause = pause_after(attempt);
            scene.advance(&runner, pause - Duration::from_micros(1));
            runner.observed.changed().await.unwrap();
            assert_eq!(attempts.load(Ordering::SeqCst), attempt, "not before it is due");
            scene.advance(&runner, Duration::from_micros(1));
        }
        runner.until(&scene, tenant, |jobs| jobs.dead == 1).await;
        let list = DeadLetters { after: None, limit: 10 };
        let letters = call(&scene.registry, tenant, list).await.unwrap();
        assert_eq!((letters.len(), letters[0].attempts, letters[0].kind.as_str()), (1, 4, "test"));
        assert_eq!(letters[0].last_error.as_deref(), Some("failure 4"));
        assert_eq!(letters[0].state, JobState::Dead { since: scene.clock.now() });
        runner.observed.wait_for(|jobs| jobs.dead == 1).await.unwrap();

        assert!(call(&scene.registry, tenant, RetryDead { job: JobNo(1) }).await.unwrap());
        for attempt in 1..3 {
            until_failed(&mut runner, &scene, tenant, attempt).await;
            scene.advance(&runner, pause_after(attempt));
        }
        runner.until_empty(&scene, tenant).await;
        assert_eq!(scene.effects(tenant).await, ["unlucky"]);

        let enqueued = scene.enqueue(tenant, NewJob::new("unknown", b"payload".to_vec())).await;
        runner.until(&scene, tenant, |jobs| jobs.dead == 1).await;
        let letter = scene.find(tenant, enqueued.job).await.unwrap();
        assert!(letter.last_error.unwrap().contains("knows no jobs of kind `unknown`"));
        let discard = DiscardDead { job: enqueued.job };
        assert!(call(&scene.registry, tenant, discard).await.unwrap());
        runner.observed.wait_for(|jobs| jobs.dead == 0).await.unwrap();
        runner.runner.stop().await;
    });
}

#[test]
fn a_failure_for_good_is_not_repeated_and_a_panic_is_a_failed_attempt() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let act = handlers(|context| match text(context).as_str() {
            "panic before" => panic!("on purpose"),
            "panic within" => async { panic!("on purpose") }.boxed(),
            "hopeless" => async { Err(JobFailure::for_good("hopeless")) }.boxed(),
            _ => async { remember(text(context)) }.boxed(),
        });
        let mut runner = scene.run(act, JobSettings { attempts_max: 1, ..impatient() });
        for payload in ["panic before", "panic within", "hopeless", "fine"] {
            scene.enqueue(tenant, job(payload)).await;
        }
        runner.until(&scene, tenant, |jobs| jobs.dead == 3 && jobs.running == 0).await;
        runner.until_empty(&scene, tenant).await;
        let list = DeadLetters { after: None, limit: 10 };
        let letters = call(&scene.registry, tenant, list).await.unwrap();
        let errors: Vec<_> = letters.into_iter().map(|dead| dead.last_error.unwrap()).collect();
        assert_eq!(errors, ["its handler panicked", "its handler panicked", "hopeless"]);
        assert_eq!(scene.effects(tenant).await, ["fine"]);
        runner.runner.stop().await;
    });
}

#[test]
fn a_result_that_cannot_be_applied_leaves_nothing_and_fails_the_attempt() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        // A second attempt waits until the first was looked at.
        let (go_on, may_go_on) = watch::channel("");
        let act = handlers(move |context| {
            let (attempt, text) = (context.attempt(), text(context));
            let mut may_go_on = may_go_on.clone();
            async move {
                if attempt > 1 {
                    may_go_on.wait_for(|payload| *payload == text).await.unwrap();
                }
                Ok(JobResult::once(move |tenant, pending| {
                    tenant.store(pending, PreparedAtom::new(new_atom(&text), None))?;
                    assert!(attempt > 1 || text != "panics", "on purpose");
                    if attempt == 1 && text == "fails" {
                        tenant.enqueue(pending, NewJob::new("", Vec::new()))?;
                    }
                    Ok(())
                })
                .with_atoms_max((text_is_full(context, attempt)).then_some(0)))
            }
            .boxed()
        });
        let mut runner = scene.run(act, impatient());
        for (number, payload) in ["full", "fails", "panics"].into_iter().enumerate() {
            let enqueued = scene.enqueue(tenant, job(payload)).await;
            loop {
                runner.observed.mark_unchanged();
                let view = scene.find(tenant, enqueued.job).await.unwrap();
                if view.last_error.is_some() {
                    break;
                }
                // A tenant that was given up is looked at again after a moment.
                scene.advance(&runner, Duration::from_secs(1));
                tokio::select! {
                    changed = runner.observed.changed() => changed.unwrap(),
                    () = tokio::task::yield_now() => {}
                }
            }
            assert_eq!(scene.effects(tenant).await.len(), number, "nothing of {payload}");
            go_on.send(payload).unwrap();
            loop {
                runner.observed.mark_unchanged();
                if scene.overview(tenant).await.waiting + scene.overview(tenant).await.running == 0
                {
                    break;
                }
                scene.advance(&runner, Duration::from_secs(4));
                runner.observed.changed().await.unwrap();
            }
            assert_eq!(scene.effects(tenant).await.len(), number + 1, "once {payload}");
        }
        runner.runner.stop().await;
    });
}

fn text_is_full(context: &hebbd::actors::jobs::JobContext, attempt: u32) -> bool {
    attempt == 1 && text(context) == "full"
}

#[test]
fn what_ran_while_its_tenant_was_reset_leaves_nothing() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let (turnstile, mut runs) = Turnstile::new();
        let before = turnstile.clone();
        let act = handlers(move |context| {
            let before = before.clone();
            async move {
                before.pass(text(context)).await;
                let told = context.progress("late", 99).await;
                assert_eq!(told.is_err(), text(context) == "secret", "{told:?}");
                remember(text(context))
            }
            .boxed()
        });
        let mut runner = scene.run(act, impatient());
        scene.enqueue(tenant, job("secret")).await;
        runs.recv().await.unwrap();
        call(&scene.registry, tenant, Reset).await.unwrap();
        assert_eq!(scene.store.scan(b"\0\0\0\0\0\0\0\0", None, 10).unwrap(), []);
        scene.enqueue(tenant, job("afterwards")).await;
        turnstile.let_through(2);
        runner.until_empty(&scene, tenant).await;
        runner.observed.wait_for(|jobs| jobs.running == 0).await.unwrap();
        assert_eq!(scene.effects(tenant).await, ["afterwards"]);
        for (_, value) in scene.store.scan(b"", None, usize::MAX).unwrap() {
            assert!(!value.windows(6).any(|bytes| bytes == b"secret"));
        }
        runner.runner.stop().await;
    });
}

/// Someone else leases the job when the runner's lease has ended; the runner's result is refused.
#[test]
fn a_result_under_a_lease_that_was_given_again_is_refused() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let (turnstile, mut runs) = Turnstile::new();
        let settings = JobSettings { workers: 1, workers_per_tenant: 1, ..impatient() };
        let retry = settings.retry_policy();
        let mut runner = scene.run(gated(&turnstile), settings);
        scene.enqueue(tenant, job("slow")).await;
        runs.recv().await.unwrap();
        scene.clock.advance(Duration::from_secs(3_600));
        let mut leased = None;
        for _ in 0..2 {
            let lease = LeaseJob { duration: Duration::from_secs(60), retry };
            leased = call(&scene.registry, tenant, lease).await.unwrap().0;
            scene.clock.advance(Duration::from_secs(10));
        }
        assert_eq!(leased.unwrap().attempt, 2);
        turnstile.let_through(1);
        runner.observed.wait_for(|jobs| jobs.running == 0).await.unwrap();
        assert!(scene.effects(tenant).await.is_empty());
        assert_eq!(scene.overview(tenant).await.running, 1, "the other's lease holds");
        runner.runner.stop().await;
    });
}

#[test]
fn an_attempt_that_takes_too_long_is_stopped() {
    in_system(async {
        let scene = Scene::new();
        let tenant = scene.tenant();
        let act = handlers(|context| match text(context).as_str() {
            "endless" => std::future::pending().boxed(),
            _ => async { remember(text(context)) }.boxed(),
        });
        let settings = JobSettings {
            lease_s: 1,
            attempts_max: 1,
            workers: 1,
            workers_per_tenant: 1,
            ..impatient()
        };
        let mut runner = scene.run(act, settings);
        let endless = scene.enqueue(tenant, job("endless")).await;
        scene.enqueue(tenant, job("behind it")).await;
        runner.until_empty(&scene, tenant).await;
        let letter = scene.find(tenant, endless.job).await.unwrap();
        assert!(letter.last_error.unwrap().contains("longer than 1 s"));
        assert_eq!(scene.effects(tenant).await, ["behind it"]);
        runner.runner.stop().await;
    });
}

#[test]
fn a_result_waits_for_a_tenant_that_has_no_room_for_it() {
    in_system(async {
        let scene = Scene::with(|settings| settings.tenant_permits = 1);
        let tenant = scene.tenant();
        let (turnstile, mut runs) = Turnstile::new();
        let before = turnstile.clone();
        let runs_counted = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs_counted);
        let act = handlers(move |context| {
            counted.fetch_add(1, Ordering::SeqCst);
            let before = before.clone();
            async move {
                before.pass(text(context)).await;
                remember(text(context))
            }
            .boxed()
        });
        let settings = JobSettings { workers_per_tenant: 1, ..impatient() };
        let runner = scene.run(act, settings);
        scene.enqueue(tenant, job("expensive")).await;
        runs.recv().await.unwrap();
        let (command, mut grip) = hold(false);
        let registry = Arc::clone(&scene.registry);
        let held = tokio::spawn(async move { call(&registry, tenant, command).await });
        grip.until_running().await;
        turnstile.let_through(1);
        // The permit is taken in the moment in which the handler ends.
        while turnstile.holds_permits() {
            tokio::task::yield_now().await;
        }
        grip.let_go();
        held.await.unwrap().unwrap();
        let mut observed = runner.observed.clone();
        observed.wait_for(|jobs| jobs.running == 0).await.unwrap();
        assert_eq!(scene.effects(tenant).await, ["expensive"]);
        assert_eq!(runs_counted.load(Ordering::SeqCst), 1, "it was not done again");
        runner.runner.stop().await;
    });
}
