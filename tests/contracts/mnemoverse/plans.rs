//! What a plan allows: requests a minute, atoms, questions a day.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hebbd::types::{Clock, ManualClock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::caller::{Caller, Reply};
use crate::support::TestServer;

const MINUTE_LIMIT: u64 = 60;

/// Checklist lines 75 and 76. The bucket refills while the test runs, so the refusal may come a
/// little after the 61st call, never before it.
#[tokio::test(flavor = "multi_thread")]
async fn the_sixty_first_call_of_a_free_plan_is_refused_with_a_pause() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_tenant(&server, "free").await;
    let mut remaining_before = u64::MAX;
    for call in 1..=600 {
        // Errors count and carry the headers like successes.
        let route = if call % 2 == 0 { "memory/stats" } else { "memory/nothing-here" };
        let answer = caller.get(route).await;
        check_rate_headers(&answer);
        if answer.status == 429 {
            assert!(call > MINUTE_LIMIT, "refused at call {call}");
            assert!(answer.number("retry-after") >= 1);
            let error = answer.refused(429, "RATE_LIMITED");
            assert_eq!(error["retryable"], true);
            assert!(error["message"].as_str().unwrap().contains("60/min"), "{error}");
            return;
        }
        // Refilling may give one back between two calls.
        let remaining = answer.number("x-ratelimit-remaining");
        assert!(remaining <= remaining_before.saturating_add(1));
        remaining_before = remaining;
    }
    panic!("600 calls and no refusal");
}

fn check_rate_headers(answer: &Reply) {
    assert_eq!(answer.number("x-ratelimit-limit"), MINUTE_LIMIT);
    let now = SystemClock.now().as_secs() as u64;
    let reset = answer.number("x-ratelimit-reset");
    assert!((now..=now + 62).contains(&reset), "reset {reset}, now {now}");
}

/// A server with one more plan.
fn server_with_plan(data_dir: &Path, clock: Arc<dyn Clock>, plan: &str) -> TestServer {
    TestServer::start_with(data_dir, clock, |config| {
        config.plans = toml::from_str(plan).unwrap();
    })
}

fn line(number: usize) -> Value {
    let texts = [
        "Whales sing in the deep sea",
        "The invoice was paid in March",
        "Maria prefers tea over coffee",
        "Deploys happen on Tuesday",
        "The night train leaves from platform nine",
    ];
    json!({"content": texts[number], "external_ref": format!("line-{number}")})
}

/// Waiting does not help, and a client reads the pause as a number all the same.
fn check_used_up(answer: &Reply) -> Value {
    let error = answer.refused(429, "RATE_LIMITED");
    assert_eq!(error["retryable"], false, "{error}");
    assert!(answer.number("retry-after") >= 1);
    error
}

/// Checklist line 77.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_atom_limit_writes_are_refused_and_everything_else_works() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_with_plan(data_dir.path(), Arc::new(SystemClock), "[tiny]\natoms_max = 3");
    let caller = Caller::of_a_new_tenant(&server, "tiny").await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(caller.post("memory/write", line(number)).await.ok()["atom_id"].clone());
    }

    let error = check_used_up(&caller.post("memory/write", line(3)).await);
    assert!(error["message"].as_str().unwrap().contains("3/3"), "{error}");
    let batch = json!({"items": [line(3), line(4)]});
    check_used_up(&caller.post("memory/write-batch", batch.clone()).await);

    let found = caller.post("memory/read", json!({"query": line(0)["content"]})).await.ok();
    assert_eq!(found["episodic_hit"], true);
    assert_eq!(caller.get("memory/export").await.text.lines().count(), 3);
    assert_eq!(caller.get("memory/stats").await.ok()["total_atoms"], 3);
    let rated = json!({"atom_ids": [ids[0]], "outcome": 1});
    assert_eq!(caller.post("memory/feedback", rated).await.ok()["updated_count"], 1);
    let known = caller.post("memory/write", line(1)).await.ok();
    assert_eq!((&known["stored"], &known["atom_id"]), (&json!(true), &ids[1]));

    let route = format!("memory/atoms/{}", ids[2].as_str().unwrap());
    assert_eq!(caller.delete(&route).await.ok()["deleted"], 1);
    let answer = caller.post("memory/write-batch", batch).await.ok();
    assert_eq!(answer["stored_count"], 1, "{answer}");
    assert_eq!(answer["results"][0]["error"], Value::Null, "{answer}");
    let over = &answer["results"][1];
    assert_eq!((&over["stored"], &over["atom_id"]), (&json!(false), &Value::Null), "{answer}");
    assert!(over["error"].as_str().is_some_and(|why| !why.is_empty()), "{answer}");
    check_used_up(&caller.post("memory/write", line(4)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_day_s_questions_reads_are_refused_until_midnight_in_utc() {
    let start = Timestamp::parse("2026-03-01T21:30:00.500Z").unwrap();
    let clock = Arc::new(ManualClock::starting_at(start));
    let data_dir = tempfile::tempdir().unwrap();
    let plan = "[curious]\nqueries_per_day = 3";
    let server = server_with_plan(data_dir.path(), Arc::clone(&clock) as Arc<dyn Clock>, plan);
    let caller = Caller::of_a_new_tenant(&server, "curious").await;
    let question = json!({"query": "what is there"});
    caller.post("memory/read", question.clone()).await.ok();
    caller.post("memory/query", question.clone()).await.ok();

    let two = json!({"queries": [question, question]});
    check_used_up(&caller.post("memory/read-batch", two).await);
    let one = json!({"queries": [question]});
    caller.post("memory/read-batch", one).await.ok();

    let answer = caller.post("memory/read", question.clone()).await;
    let error = check_used_up(&answer);
    assert!(error["message"].as_str().unwrap().contains("3/3"), "{error}");
    assert_eq!(answer.number("retry-after"), 9_000, "two and a half hours, rounded up");
    caller.post("memory/write", line(0)).await.ok();
    caller.post("memory/recent", json!({})).await.ok();
    caller.get("memory/stats").await.ok();
    assert_eq!(caller.get("memory/export").await.status, 200);

    clock.advance(Duration::from_secs(9_000));
    caller.post("memory/read", question).await.ok();
}
