//! The limits of a minute, which an app's requests share.

use std::time::Duration;

use futures_util::future::join_all;
use hebbd::types::Clock;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::runner::Answer;
use crate::scene::Scene;

const START: &str = "2026-05-08T10:00:00.25Z";
const START_S: i64 = 1_778_234_400;

fn number(answer: &Answer, name: &str) -> i64 {
    answer.header(name).unwrap().parse().unwrap()
}

/// Limit, what is left, and the end of the window.
fn shown(answer: &Answer) -> [i64; 3] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
        .map(|name| number(answer, name))
}

fn malformed() -> Value {
    json!({})
}

/// Checklist line 58. A malformed request counts like any other.
#[tokio::test(flavor = "multi_thread")]
async fn the_101st_of_a_minute_is_refused_and_nobody_else_is() {
    let scene = Scene::at(START);
    let app = Caller::of_a_new_app(&scene.server, "tanda");
    let other = Caller::of_a_new_app(&scene.server, "other");
    let second_key = app.with_permissions(&scene.server, None);
    for left in (0..100).rev() {
        // All keys of the app are counted together, and so are both paths.
        let (key, path) = match left % 3 {
            0 => (&app, "/v1/memorize"),
            1 => (&second_key, "/api/memorize"),
            _ => (&app, "/v1/api/memorize"),
        };
        let answer = key.post(path, malformed()).await;
        assert_eq!(answer.status, 400);
        assert_eq!(shown(&answer), [100, left, START_S + 60]);
    }
    scene.clock.advance(Duration::from_secs(20));
    let refused = app.post("/v1/memorize", malformed()).await;
    refused.with_status(429);
    assert_eq!(shown(&refused), [100, 0, START_S + 60]);
    assert_eq!(number(&refused, "retry-after"), 40);
    assert_eq!(other.post("/v1/memorize", malformed()).await.status, 400);
    assert_eq!(app.post("/v1/retrieve", malformed()).await.status, 400);
    scene.clock.advance(Duration::from_millis(39_999));
    assert_eq!(app.post("/v1/memorize", malformed()).await.status, 429);
    scene.clock.advance(Duration::from_millis(1));
    let next = app.post("/v1/memorize", malformed()).await;
    assert_eq!((next.status, shown(&next)), (400, [100, 99, START_S + 120]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_150_at_once_exactly_100_are_let_through() {
    let scene = Scene::at(START);
    let app = Caller::of_a_new_app(&scene.server, "tanda");
    let sent = (0..150).map(|_| app.post("/v1/memorize", malformed()));
    let answers = join_all(sent).await;
    let mut left: Vec<i64> = Vec::new();
    for answer in answers.iter().filter(|answer| answer.status == 400) {
        left.push(number(answer, "x-ratelimit-remaining"));
    }
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| matches!(answer.status, 400 | 429)));
}

/// Checklist line 57, for all routes at once.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_has_the_documented_limit_and_all_gets_share_one() {
    let scene = Scene::at(START);
    let app = Caller::of_a_new_app(&scene.server, "tanda");
    for (path, limit) in [
        ("/v1/memorize", 100),
        ("/v1/retrieve", 200),
        ("/v1/events", 500),
        ("/v1/forget", 100),
        ("/v1/config/webhooks", 100),
    ] {
        let answer = app.post(path, malformed()).await;
        assert_eq!(shown(&answer), [limit, limit - 1, START_S + 60], "{path}");
    }
    let now_s = scene.clock.now().as_secs();
    for (count, path) in [
        "/v1/health",
        "/v1/context/tanda/u",
        "/v1/categories/tanda/u",
        "/v1/entities/tanda/u",
        "/v1/entities/tanda/u/e",
        "/v1/entities/other/u",
        "/v1/entities/tanda/u?limit=0",
        "/v1/memorize/res-1/status",
        "/api/retrieve/categories?userId=u",
        "/api/apps/tanda/domain-config",
    ]
    .into_iter()
    .enumerate()
    {
        let [limit, left, reset] = shown(&app.get(path).await);
        assert_eq!((limit, left), (500, 499 - count as i64), "{path}");
        assert!((now_s..=now_s + 60).contains(&reset), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_its_key_is_not_counted() {
    let scene = Scene::at(START);
    let app = Caller::of_a_new_app(&scene.server, "tanda");
    let reader = app.with_permissions(&scene.server, Some(&["retrieve"]));
    for _ in 0..3 {
        let refused = reader.post("/v1/memorize", malformed()).await;
        assert_eq!((refused.status, refused.header("x-ratelimit-limit")), (403, None));
    }
    assert_eq!(number(&app.post("/v1/memorize", malformed()).await, "x-ratelimit-remaining"), 99);
}
