//! How many requests a key and an address may send in a window that slides.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::join_all;
use hebbd::types::{Bound, Clock};
use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::runner::Answer;
use crate::scene::Scene;
use crate::seed::seeded;
use crate::support::environment::Environment;

const START: &str = "2026-05-08T10:00:00.25Z";

fn number(answer: &Answer, name: &str) -> i64 {
    answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}")).parse().unwrap()
}

/// Limit and what is left of it.
fn shown(answer: &Answer) -> [i64; 2] {
    ["ratelimit-limit", "ratelimit-remaining"].map(|name| number(answer, name))
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.with_status(429)["code"], "rate_limit_exceeded");
}

/// In this second, of which a quarter has passed, or at its end.
fn assert_resets(answer: &Answer, second: i64) {
    let reset = number(answer, "ratelimit-reset");
    assert!((second..=second + 1).contains(&reset), "{reset}, not {second}");
}

/// Checklist line 15.
#[tokio::test(flavor = "multi_thread")]
async fn the_101st_of_a_development_key_in_ten_minutes_is_refused() {
    let scene = Scene::at(START);
    let dev = Caller::of_development(&scene.server);
    for left in (0..100).rev() {
        let answer = dev.get("/sessions").await;
        assert_eq!(answer.status, 200);
        assert_eq!(shown(&answer), [100, left]);
        scene.clock.advance(Duration::from_secs(5));
    }
    // Of the window 500 seconds have passed.
    let refused = dev.get("/sessions").await;
    assert_refused(&refused);
    assert_eq!(shown(&refused), [100, 0]);
    assert_eq!(number(&refused, "retry-after"), 100);
    assert_resets(&refused, scene.clock.now().as_secs() + 100);
    scene.clock.advance(Duration::from_secs(99));
    assert_refused(&dev.get("/sessions").await);
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(dev.get("/sessions").await.status, 200);
    // The next one leaves five seconds later.
    let refused = dev.get("/sessions").await;
    assert_refused(&refused);
    assert_eq!(number(&refused, "retry-after"), 5);
}

/// Checklist line 16.
#[tokio::test(flavor = "multi_thread")]
async fn a_production_key_may_send_5000_in_ten_minutes_or_what_is_configured() {
    let scene = Scene::at(START);
    let prod = Caller::of_production(&scene.server);
    assert_eq!(shown(&prod.get("/instance").await), [5_000, 4_999]);
    let manager = Caller::manager(&scene.server);
    assert_eq!(shown(&manager.get("/token").await), [5_000, 4_999]);
    let scene = Scene::with(START, |config| {
        config.metorial.production_requests_max = Bound(Some(30));
        config.metorial.development_requests_max = Bound(Some(20));
        config.metorial.management_requests_max = Bound(Some(10));
    });
    for (caller, limit, path) in [
        (Caller::of_production(&scene.server), 30, "/instance"),
        (Caller::of_development(&scene.server), 20, "/instance"),
        (Caller::manager(&scene.server), 10, "/token"),
    ] {
        for left in (0..limit).rev() {
            assert_eq!(shown(&caller.get(path).await), [limit, left]);
        }
        assert_refused(&caller.get(path).await);
        scene.clock.advance(Duration::from_millis(599_999));
        assert_refused(&caller.get(path).await);
        scene.clock.advance(Duration::from_millis(1));
        assert_eq!(caller.get(path).await.status, 200);
    }
}

/// Checklist line 17. Time stands still, so these are a thousand in ten seconds on any machine.
#[tokio::test(flavor = "multi_thread")]
async fn the_1001st_of_an_address_in_ten_seconds_is_refused_with_a_key_or_without() {
    let scene = Scene::at(START);
    let environment = Environment::new(&scene.server, false);
    let keyed = Caller::with(&scene.server, &environment.key);
    let nobody = Caller::nobody(&scene.server);
    let stranger = Caller::with(&scene.server, "metorial_sk_nobody");
    let mut sent = 0;
    while sent < 1_000 {
        let (all, one) = (&[&keyed, &nobody, &stranger], sent / 50 % 4);
        let answers = join_all((0..50).map(|_| async move {
            match all.get(one) {
                Some(caller) => caller.get("/sessions").await,
                None => all[1].send(Method::OPTIONS, "/sessions", None).await,
            }
        }));
        for answer in answers.await {
            assert_eq!(answer.status, [200, 401, 401, 204][one]);
        }
        sent += 50;
    }
    // The key has room, but the address has not.
    for caller in [&nobody, &stranger, &keyed] {
        let refused = caller.get("/sessions").await;
        assert_refused(&refused);
        assert_eq!(shown(&refused), [1_000, 0]);
        assert_eq!(number(&refused, "retry-after"), 10);
        assert_resets(&refused, scene.clock.now().as_secs() + 10);
    }
    scene.clock.advance(Duration::from_millis(9_999));
    assert_refused(&nobody.get("/sessions").await);
    scene.clock.advance(Duration::from_millis(1));
    assert_eq!(nobody.get("/sessions").await.status, 401);
    // What the address was refused did not count against the key: 250 did, and this one.
    assert_eq!(shown(&keyed.get("/sessions").await), [5_000, 4_749]);
}

/// Checklist line 18.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_falls_by_one_and_whoever_waits_as_told_is_let_in() {
    let scene = Scene::with(START, |config| {
        config.metorial.development_requests_max = Bound(Some(7));
        config.metorial.key_window_s = 30;
    });
    let dev = Caller::of_development(&scene.server);
    let begun_s = scene.clock.now().as_secs();
    for (left, target) in (0..7).rev().zip(["/sessions", "/actors", "/nothing"].iter().cycle()) {
        let answer = dev.get(target).await;
        assert_eq!(shown(&answer), [7, left]);
        assert_resets(&answer, begun_s + 30);
        scene.clock.advance(Duration::from_millis(700));
    }
    for _ in 0..20 {
        let refused = dev.get("/sessions").await;
        assert_refused(&refused);
        let wait = number(&refused, "retry-after");
        assert!((1..=30).contains(&wait), "{wait}");
        scene.clock.advance(Duration::from_secs(wait as u64));
        assert_eq!(dev.get("/sessions").await.status, 200);
        // Until none is left again.
        while dev.get("/sessions").await.status == 200 {}
    }
}

/// Checklist line 19.
#[tokio::test(flavor = "multi_thread")]
async fn each_key_has_a_window_of_its_own_and_keeps_it_when_it_is_rotated() {
    let scene = Scene::with(START, |config| {
        config.metorial.development_requests_max = Bound(Some(5));
        config.metorial.production_requests_max = Bound(Some(5));
    });
    let server = &scene.server;
    let (dev, prod) = (Environment::new(server, true), Environment::new(server, false));
    let manager = Caller::manager(server);
    let order =
        json!({"type": "instance_access_token_secret", "instance_id": dev.id(), "name": "x"});
    let second = manager.post("/organization/api-keys", order).await.with_status(200);
    let callers = [&dev.key, &dev.public_key, &prod.key, &prod.public_key];
    let mut callers = callers.map(|key| Caller::with(server, key)).to_vec();
    callers.push(Caller::with(server, second["secret"].as_str().unwrap()));
    for caller in &callers {
        for left in (0..5).rev() {
            assert_eq!(shown(&caller.get("/agents").await), [5, left]);
        }
        assert_refused(&caller.get("/agents").await);
    }
    let path = format!("/organization/api-keys/{}/rotate", second["id"].as_str().unwrap());
    let rotated = manager.post(&path, json!({})).await.with_status(200);
    let rotated = Caller::with(server, rotated["secret"].as_str().unwrap());
    assert_refused(&rotated.get("/agents").await);
    assert_eq!(callers[4].get("/agents").await.status, 401);
}

/// Checklist line 20.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_answered_counts_but_for_what_was_refused() {
    let scene = Scene::with(START, |config| {
        config.metorial.development_requests_max = Bound(Some(8));
    });
    let dev = Caller::of_development(&scene.server);
    let requests: [(Method, &str, Option<Value>, u16); 8] = [
        (Method::GET, "/sessions", None, 200),
        (Method::GET, "/sessions/ses_x", None, 404),
        (Method::GET, "/nothing", None, 404),
        (Method::GET, "/sessions?limit=0", None, 422),
        (Method::GET, "/sessions?cursor=x", None, 400),
        (Method::POST, "/actors", Some(json!({})), 422),
        (Method::GET, "/organization/projects", None, 403),
        (Method::POST, "/sessions", Some(json!([])), 422),
    ];
    for (index, (method, target, body, status)) in requests.into_iter().enumerate() {
        let answer = dev.send(method, target, body).await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(number(&answer, "ratelimit-remaining"), 7 - index as i64, "{target}");
        scene.clock.advance(Duration::from_secs(10));
    }
    // Preflights and refusals postpone nothing.
    for _ in 0..30 {
        assert_refused(&dev.get("/sessions").await);
        dev.send(Method::OPTIONS, "/sessions", None).await;
    }
    scene.clock.advance(Duration::from_secs(519));
    assert_refused(&dev.get("/sessions").await);
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(dev.get("/sessions").await.status, 200);
    assert_refused(&dev.get("/sessions").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_refused_counts_and_what_its_key_was_refused_counts_for_the_address() {
    let scene = Scene::with(START, |config| {
        config.metorial.development_requests_max = Bound(Some(2));
        config.metorial.ip_requests_max = Bound(Some(6));
    });
    let dev = Caller::of_development(&scene.server);
    let answer = dev.speaking("1999-01-01").get("/sessions").await;
    assert_eq!((answer.status, shown(&answer)), (400, [2, 1]));
    assert_eq!(shown(&dev.get("/sessions").await), [2, 0]);
    for _ in 0..4 {
        let refused = dev.get("/sessions").await;
        assert_refused(&refused);
        assert_eq!(shown(&refused), [2, 0]);
    }
    let refused = dev.get("/sessions").await;
    assert_refused(&refused);
    assert_eq!(shown(&refused), [6, 0]);
    assert_refused(&Caller::nobody(&scene.server).get("/sessions").await);
}

/// Checklist line 21: bursts at any time, against a plain list of when requests were let in.
#[tokio::test(flavor = "multi_thread")]
async fn no_window_holds_more_than_its_capacity_wherever_it_begins() {
    const CAPACITY: usize = 9;
    const WINDOW_MS: i64 = 20_000;
    let mut rng = seeded("windows of a key");
    let scene = Scene::with(START, |config| {
        config.metorial.ip_requests_max = Bound(None);
        config.metorial.development_requests_max = Bound(Some(CAPACITY as u32));
        config.metorial.key_window_s = WINDOW_MS as u64 / 1_000;
    });
    let dev = Caller::of_development(&scene.server);
    let mut admitted: VecDeque<i64> = VecDeque::new();
    let mut refused = 0;
    for _ in 0..120 {
        let pause_ms = match rng.random_range(0..4) {
            0 => 0,
            1 => rng.random_range(1..2_000),
            2 => WINDOW_MS / CAPACITY as i64,
            _ => rng.random_range(0..WINDOW_MS + 2),
        };
        scene.clock.advance(Duration::from_millis(pause_ms as u64));
        let now = scene.clock.now().as_millis();
        while admitted.front().is_some_and(|at| at + WINDOW_MS <= now) {
            admitted.pop_front();
        }
        for _ in 0..rng.random_range(1..8) {
            let answer = dev.get("/agents").await;
            if admitted.len() < CAPACITY {
                admitted.push_back(now);
                let left = (CAPACITY - admitted.len()) as i64;
                assert_eq!((answer.status, shown(&answer)), (200, [CAPACITY as i64, left]));
                continue;
            }
            refused += 1;
            assert_refused(&answer);
            let wait_ms = admitted[0] + WINDOW_MS - now;
            let wait_s = wait_ms.div_euclid(1_000) + i64::from(wait_ms % 1_000 != 0);
            assert_eq!(number(&answer, "retry-after"), wait_s.max(1));
        }
    }
    assert!(refused > 20, "the capacity was hardly ever reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_the_capacity_is_let_in() {
    let scene = Scene::at(START);
    let dev = Caller::of_development(&scene.server);
    let answers = join_all((0..160).map(|_| dev.get("/agents"))).await;
    let let_in = answers.iter().filter(|answer| answer.status == 200);
    let mut left: Vec<i64> = let_in.map(|one| number(one, "ratelimit-remaining")).collect();
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 429)));
}
