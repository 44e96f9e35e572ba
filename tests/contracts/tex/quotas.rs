//! Refusals for a spent quota, to the letter, until midnight in UTC and not beyond.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Caller, organization, scope, turn};
use crate::runner::Answer;
use crate::scene::Scene;

const CORRELATION: &str = "4f1d8e3c-2a9b-4c0d-9e6f-1a2b3c4d5e6f";

fn two_hours_to_midnight() -> Scene {
    let start = "2026-05-08T22:00:00Z";
    Scene::with(start, |config| config.plans = toml::from_str(super::PLANS).unwrap())
}

fn six_tokens() -> Value {
    json!({"scope": scope("s"), "turns": [turn("I'm allergic to shellfish")]})
}

fn question() -> Value {
    json!({"scope": scope("s"), "q": "what does the user prefer?"})
}

async fn ask(caller: &Caller, target: &str, body: &Value) -> Answer {
    let headers = [("X-Correlation-ID", CORRELATION)];
    caller.send(Method::POST, target, &headers, Some(body.to_string())).await
}

/// The documented body, with what tells newer clients not to try again.
fn refusal(direction: &str, used: u64, limit: u64) -> Value {
    let message = format!("Daily {direction} quota exceeded. Resets at 00:00 UTC.");
    json!({
        "error": "HTTP 429",
        "message": message,
        "details": {
            "error": "quota_exceeded",
            "kind": format!("{direction}_daily"),
            "used": used,
            "limit": limit,
            "period": "day_utc",
            "period_start": "2026-05-08T00:00:00+00:00",
            "message": message,
            "retryable": false,
            "resets_at": "2026-05-09T00:00:00+00:00",
        },
        "timestamp": "2026-05-08T22:00:00Z",
        "request_id": CORRELATION,
    })
}

/// Checklist lines 61, 63 and 64.
#[tokio::test(flavor = "multi_thread")]
async fn spent_tokens_in_refuse_memory_calls_until_midnight_and_nothing_else() {
    let scene = two_hours_to_midnight();
    let (clock, server) = (&scene.clock, &scene.server);
    let organization = organization(server, "sips-in").await;
    let caller = Caller::with(server, &organization.token);
    caller.post("/ingestion/memory", six_tokens()).await.with_status(202);
    caller.post("/recall", question()).await.with_status(200);
    let used = caller.used_today().await;
    assert_eq!(used, (12, 27), "the call that crosses the line is served");

    for _ in 0..3 {
        for (target, body) in [("/ingestion/memory", six_tokens()), ("/recall", question())] {
            let answer = ask(&caller, target, &body).await;
            assert_eq!(answer.header("retry-after"), None);
            assert_eq!(answer.with_status(429), refusal("tokens_in", 12, 10));
        }
    }
    assert_eq!(caller.used_today().await, used, "attempts are not counted");
    caller.get("/usage/summary").await.with_status(200);
    caller.get("/me").await.with_status(200);
    caller.get("/me/api-keys").await.with_status(200);
    caller.get("/auth/verify").await.with_status(200);
    caller.refresh(&organization.refresh).await.with_status(200);
    caller.exchange(&organization.api_key).await.with_status(200);
    caller.post("/me/api-keys", json!({})).await.with_status(201);
    // What is wrong with a request is said first.
    caller.post("/recall", json!({"scope": scope("s")})).await.with_status(422);

    clock.advance(Duration::from_secs(7_200) - Duration::from_micros(1));
    ask(&caller, "/recall", &question()).await.with_status(429);
    clock.advance(Duration::from_micros(1));
    assert_eq!(caller.used_today().await, (0, 0));
    ask(&caller, "/recall", &question()).await.with_status(200);
    let again = ask(&caller, "/ingestion/memory", &six_tokens()).await.with_status(202);
    assert_eq!(again["usage"]["tokens_in"], 0, "what was remembered yesterday is known today");
    assert_eq!(caller.used_today().await, (6, 27));
}

/// Checklist lines 62 and 63.
#[tokio::test(flavor = "multi_thread")]
async fn spent_tokens_out_refuse_recalls_and_no_ingestion() {
    let scene = two_hours_to_midnight();
    let server = &scene.server;
    let caller = Caller::of_a_new_organization(server, "sips-out").await;
    caller.post("/ingestion/memory", six_tokens()).await.with_status(202);
    caller.post("/recall", question()).await.with_status(200);
    let answer = ask(&caller, "/recall", &question()).await;
    assert_eq!(answer.with_status(429), refusal("tokens_out", 27, 20));
    caller.remember("s", json!([turn("hello")])).await;
    assert_eq!(caller.used_today().await, (13, 27));
}

/// However many ask at once, only one request crosses the line.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_exact_when_many_call_at_once() {
    let scene = two_hours_to_midnight();
    let server = &scene.server;
    let caller = Caller::of_a_new_organization(server, "sips-in").await;
    let bodies: Vec<Value> = (0..12)
        .map(|number| {
            let session = format!("s{number}");
            json!({"scope": scope(&session), "turns": [turn("I'm allergic to shellfish")]})
        })
        .collect();
    let calls = bodies.iter().map(|body| caller.post("/ingestion/memory", body.clone()));
    let mut statuses: Vec<_> = join_all(calls).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[..3], [202, 202, 429], "6 and 6 of 10");
    assert!(statuses[2..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(caller.used_today().await, (12, 0));
}

/// Limits are the operator's, for each organization, and hold from the next call on.
#[tokio::test(flavor = "multi_thread")]
async fn another_plan_holds_at_once() {
    let scene = two_hours_to_midnight();
    let server = &scene.server;
    let organization = organization(server, "exactly-six-in").await;
    let caller = Caller::with(server, &organization.token);
    caller.post("/ingestion/memory", six_tokens()).await.with_status(202);
    caller.post("/recall", question()).await.with_status(429);
    for (plan, limit, status) in
        [("sips-in", 10, 200), ("tex-free", 1_000_000, 200), ("sips-in", 10, 429)]
    {
        server.directory.set_plan(organization.tenant, plan).unwrap();
        let today = caller.get("/usage/today").await.with_status(200);
        assert_eq!(today["tokens_in_limit"], limit);
        caller.post("/recall", question()).await.with_status(status);
    }
}
