//! Usage as it is counted: exactly under many calls at once, by day and month, and for nothing that
//! failed.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Caller, ids, organization, scope, turn};
use super::server_for_cases;
use crate::scene::Scene;
use crate::support::TestServer;

/// Checklist line 60.
#[tokio::test(flavor = "multi_thread")]
async fn calls_at_the_same_time_lose_no_token() {
    const CALLS: usize = 24;
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_for_cases(data_dir.path());
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let other = Caller::of_a_new_organization(&server, "tex-free").await;
    // Another text each, of one token.
    let sessions: Vec<String> = (0..CALLS).map(|number| format!("s{number}")).collect();
    let writes = sessions.iter().map(|s| caller.remember(s, json!([turn("hello")])));
    for written in join_all(writes).await {
        assert_eq!(written["usage"], json!({"tokens_in": 1, "tokens_out": 0}));
    }
    assert_eq!(caller.used_today().await, (CALLS as u64, 0));

    let reads = sessions.iter().map(|s| caller.recall(s, "any food restrictions?", json!({})));
    let answers = join_all(reads).await;
    let output: u64 = answers.iter().map(|it| it["usage"]["tokens_out"].as_u64().unwrap()).sum();
    assert!(output > 0);
    let expected = (5 * CALLS as u64, output);
    assert_eq!(caller.used_today().await, expected);
    let month = caller.get("/usage/summary").await.with_status(200);
    assert_eq!((&month["tokens_in"], &month["tokens_out"]), (&json!(expected.0), &json!(output)));
    assert_eq!(other.used_today().await, (0, 0));
}

/// Checklist line 40, for callers who do not wait for each other.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_turn_sent_many_times_at_once_is_one_and_is_billed_once() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_for_cases(data_dir.path());
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let writes = (0..12).map(|_| caller.remember("s", json!([turn("I'm allergic to shellfish")])));
    let written = join_all(writes).await;
    let first = &written[0]["active_fragment_ids"];
    assert!(written.iter().all(|it| it["active_fragment_ids"] == *first), "{written:?}");
    let billed: u64 = written.iter().map(|it| it["usage"]["tokens_in"].as_u64().unwrap()).sum();
    assert_eq!(billed, 6);
    assert_eq!(caller.used_today().await, (6, 0));
    let recalled = caller.recall("s", "shellfish", json!({})).await;
    assert_eq!(json!(ids(&recalled, "turns")), *first);
}

/// Checklist line 60.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_costs_nothing() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &organization.token);
    let good = json!({"scope": scope("s"), "turns": [turn("hello")]});
    let question = json!({"scope": scope("s"), "q": "hello"});
    for (status, target, body) in [(401, "/ingestion/memory", &good), (401, "/recall", &question)] {
        Caller::nobody(&server).post(target, body.clone()).await.with_status(status);
    }
    let with = |body: &Value, name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    for (status, target, body) in [
        (422, "/ingestion/memory", with(&good, "turns", json!([turn("hello"), {"role": "user"}]))),
        (422, "/ingestion/memory", with(&good, "scope", json!({}))),
        (422, "/recall", with(&question, "top_k", json!(0))),
        (422, "/recall", with(&question, "mode", json!("fast"))),
        (404, "/recall/again", question.clone()),
    ] {
        caller.post(target, body).await.with_status(status);
    }
    for (method, target) in [(Method::PUT, "/recall"), (Method::GET, "/ingestion/memory")] {
        caller.send(method, target, &[], Some(good.to_string())).await.with_status(405);
    }
    caller.send(Method::POST, "/recall", &[], Some("{".to_owned())).await.with_status(400);
    assert_eq!(caller.used_today().await, (0, 0));
    let recalled = caller.recall("s", "hello", json!({})).await;
    assert_eq!(recalled["hits"]["turns"], json!([]), "nothing was stored either");
}

/// Checklist lines 57, 59 and 64: the day and the month turn at midnight in UTC.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_day_begins_at_zero_and_a_month_keeps_its_sum() {
    let scene = Scene::at("2026-05-30T12:00:00Z");
    let (clock, server) = (&scene.clock, &scene.server);
    let organization = organization(server, "tex-free").await;
    let caller = Caller::with(server, &organization.token);
    caller.remember("s", json!([turn("I'm allergic to shellfish")])).await;
    clock.advance(Duration::from_secs(12 * 3_600));
    caller.recall("s", "what does the user prefer?", json!({})).await;

    clock.advance(Duration::from_secs(86_399) - Duration::from_micros(1));
    let today = caller.get("/usage/today").await;
    // Its token has ended by then.
    today.with_status(401);
    let tokens = caller.refresh(&organization.refresh).await.with_status(200);
    let caller = Caller::with(server, tokens["access_token"].as_str().unwrap());
    let today = caller.get("/usage/today").await.with_status(200);
    assert_eq!(today["period_start"], "2026-05-31T00:00:00+00:00");
    assert_eq!(today["period_end"], "2026-06-01T00:00:00+00:00");
    assert_eq!(caller.used_today().await, (6, 27));

    clock.advance(Duration::from_secs(1) + Duration::from_micros(1));
    let today = caller.get("/usage/today").await.with_status(200);
    assert_eq!(today["period_start"], "2026-06-01T00:00:00+00:00");
    assert_eq!(today["period_end"], "2026-06-02T00:00:00+00:00");
    assert_eq!(caller.used_today().await, (0, 0));
    caller.remember("s", json!([turn("hello")])).await;
    for (target, start, end, tokens) in [
        ("", "2026-06-01T00:00:00+00:00", "2026-07-01T00:00:00+00:00", (1, 0)),
        ("?month=2026-05", "2026-05-01T00:00:00+00:00", "2026-06-01T00:00:00+00:00", (12, 27)),
        ("?month=2026-04", "2026-04-01T00:00:00+00:00", "2026-05-01T00:00:00+00:00", (0, 0)),
        ("?month=2027-02", "2027-02-01T00:00:00+00:00", "2027-03-01T00:00:00+00:00", (0, 0)),
    ] {
        let month = caller.get(&format!("/usage/summary{target}")).await.with_status(200);
        let (input, output) = tokens;
        let expected = json!({
            "period": "month", "start": start, "end": end,
            "tokens_in": input, "tokens_out": output,
        });
        assert_eq!(month, expected, "{target}");
    }
}

/// A token is good for a day and usage is counted for it, whatever the server does meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_usage_and_memory_outlive_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_for_cases(data_dir.path());
    let organization = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &organization.token);
    let written = caller.remember("s", json!([turn("I'm allergic to shellfish")])).await;
    caller.recall("s", "what does the user prefer?", json!({})).await;
    server.stop();

    let server = server_for_cases(data_dir.path());
    let caller = Caller::with(&server, &organization.token);
    let verified = caller.get("/auth/verify").await.with_status(200);
    assert_eq!(verified["tenant"]["org_id"], organization.handle);
    assert_eq!(caller.used_today().await, (12, 27));
    let again = caller.remember("s", json!([turn("I'm allergic to shellfish")])).await;
    assert_eq!(again["active_fragment_ids"], written["active_fragment_ids"]);
    assert_eq!(again["usage"]["tokens_in"], 0);
    caller.refresh(&organization.refresh).await.with_status(200);
    caller.exchange(&organization.api_key).await.with_status(200);
}
