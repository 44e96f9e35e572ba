//! How often a user may chat and search in a minute, on a clock that only the test moves.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use hebbd::types::Clock;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::runner::Answer;
use crate::scene::Scene;
use crate::support::Member;

const START: &str = "2026-05-08T10:00:00Z";
const MINUTE: Duration = Duration::from_secs(60);
const SEARCH: &str = "/api/search?query=heron";

fn scene() -> Scene {
    Scene::with(START, |_| {})
}

fn somebody(scene: &Scene) -> Caller {
    Caller::with(&scene.server, &scene.server.new_session(false))
}

fn now_ms(scene: &Scene) -> i64 {
    scene.clock.now().as_micros() / 1_000
}

async fn chat(caller: &Caller) -> Answer {
    caller.post("/api/chat", json!({"query": "Where does the heron nest?"})).await
}

/// The two headers: what is left, and when the window ends.
fn window(answer: &Answer) -> (i64, i64) {
    let number = |name: &str| answer.header(name).unwrap().parse().unwrap();
    (number("x-ratelimit-remaining"), number("x-ratelimit-reset"))
}

#[track_caller]
fn check_refused(answer: &Answer, reset: i64, message: &str) {
    let expected = json!({
        "success": false,
        "error": "Rate limit exceeded",
        "message": message,
        "resetAt": reset,
    });
    assert_eq!(answer.with_status(429), expected);
    assert_eq!(window(answer), (0, reset));
}

const TOO_MANY_CHATS: &str = "Too many chat requests. Please try again later.";
const TOO_MANY_SEARCHES: &str = "Too many search requests. Please try again later.";

/// Checklist lines 58 and 59.
#[tokio::test(flavor = "multi_thread")]
async fn ten_chats_fit_into_a_window_that_the_first_begins_and_the_eleventh_waits_for_its_end() {
    let scene = scene();
    let (caller, another) = (somebody(&scene), somebody(&scene));
    scene.clock.advance(Duration::from_millis(12_345));
    let reset = now_ms(&scene) + 60_000;
    for left in (0..10).rev() {
        let answer = chat(&caller).await;
        answer.with_status(200);
        assert_eq!(window(&answer), (left, reset));
        scene.clock.advance(Duration::from_millis(1_500));
    }
    // Refused requests neither count nor move the window.
    for _ in 0..2 {
        check_refused(&chat(&caller).await, reset, TOO_MANY_CHATS);
        scene.clock.advance(Duration::from_secs(20));
    }
    chat(&another).await.with_status(200);
    caller.get(SEARCH).await.with_status(200);
    let rest = u64::try_from(reset - now_ms(&scene) - 1).unwrap();
    scene.clock.advance(Duration::from_millis(rest));
    let refused = chat(&caller).await;
    check_refused(&refused, reset, TOO_MANY_CHATS);
    assert_eq!(refused.header("retry-after"), Some("1"));
    scene.clock.advance(Duration::from_millis(1));
    let answer = chat(&caller).await;
    answer.with_status(200);
    assert_eq!(window(&answer), (9, reset + 60_000));
}

/// Checklist line 60.
#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_chats_at_once_exactly_ten_are_answered() {
    let scene = scene();
    let caller = somebody(&scene);
    let answers = join_all((0..20).map(|_| chat(&caller))).await;
    let mut left = Vec::new();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for answer in &answers {
        *statuses.entry(answer.status).or_default() += 1;
        left.extend((answer.status == 200).then(|| window(answer).0));
    }
    assert_eq!(statuses, BTreeMap::from([(200, 10), (429, 10)]));
    left.sort_unstable();
    assert_eq!(left, (0..10).collect::<Vec<_>>(), "each number once");
}

/// Checklist line 60.
#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_one_searches_by_get_and_post_only_the_last_is_refused() {
    let scene = scene();
    let caller = somebody(&scene);
    let reset = now_ms(&scene) + 60_000;
    let search = async |number: usize| match number % 2 {
        0 => caller.get(SEARCH).await,
        _ => caller.post("/api/search", json!({"query": "heron"})).await,
    };
    for number in 0..20 {
        let answer = search(number).await;
        assert_eq!(answer.with_status(200), json!({"results": []}));
        assert_eq!(window(&answer), (19 - number as i64, reset));
    }
    for number in 20..22 {
        check_refused(&search(number).await, reset, TOO_MANY_SEARCHES);
    }
    chat(&caller).await.with_status(200);
    scene.clock.advance(MINUTE);
    search(0).await.with_status(200);
}

/// One that is malformed, or about somebody else, counts; one without a session does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_counts_is_a_request_of_a_known_caller_good_or_bad() {
    let scene = scene();
    let member = Member::new(&scene.server, "metacogna", false);
    let caller = Caller::with(&scene.server, &member.session);
    let nobody = Caller::nobody(&scene.server);
    let left = |answer: &Answer, status: u16| {
        answer.with_status(status);
        window(answer).0
    };
    for (body, status) in [
        (Value::Null, 400),
        (json!({}), 400),
        (json!({"query": "q", "userId": "somebody else"}), 403),
    ] {
        nobody.post("/api/search", body.clone()).await.with_status(401);
        nobody.post("/api/chat", body.clone()).await.with_status(401);
        caller.post("/api/search", body.clone()).await.with_status(status);
        caller.post("/api/chat", body).await.with_status(status);
    }
    caller.get("/api/search").await.with_status(400);
    assert_eq!(left(&caller.get(SEARCH).await, 200), 20 - 3 - 1 - 1);
    assert_eq!(left(&chat(&caller).await, 200), 10 - 3 - 1);
    // A second session of the same user has the same allowance.
    let body = json!({"username": member.username, "password": member.hash});
    let login = nobody.post("/api/auth/login", body).await.with_status(200);
    let again = Caller::with(&scene.server, login["token"].as_str().unwrap());
    assert_eq!(left(&chat(&again).await, 200), 10 - 3 - 2);
}
