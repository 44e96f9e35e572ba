//! Bodies that are large: taken up to the limit from who may send them, and not even read from who
//! may not.

#[allow(dead_code, reason = "its other users need all of it")]
#[path = "../../api/raw.rs"]
mod raw;

use std::sync::Arc;

use hebbd::config::Config;
use hebbd::types::SystemClock;
use serde_json::{Value, json};

use self::raw::Connection;
use super::caller::{Caller, organization, scope, turn};
use crate::support::TestServer;

const KIB: usize = 1_024;

fn ingestion(text: &str) -> Value {
    json!({"scope": scope("s"), "turns": [turn(text)]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_in_the_usual_form_and_stores_nothing() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.server.body_bytes_max = 256 * KIB;
    });
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let answer = caller.post("/ingestion/memory", ingestion(&"heron ".repeat(50_000))).await;
    answer.with_status(413);
    assert_eq!(caller.used_today().await, (0, 0));
    let written = caller.post("/ingestion/memory", ingestion(&"heron ".repeat(40_000))).await;
    written.with_status(202);
}

/// The limit is 50 MiB, and an announced body beyond it is refused before it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_fifty_mebibytes_and_announcing_more_is_enough_to_be_refused() {
    assert_eq!(Config::default().server.body_bytes_max, 52_428_800);
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let announce = |token: &str, target: &str, length: usize| {
        let mut connection = Connection::to(&server);
        connection.send(format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n{{"
        ));
        connection.answer()
    };
    for (token, target, length, status) in [
        (organization.token.as_str(), "/ingestion/memory", 52_428_801, 413),
        ("garbage", "/ingestion/memory", 64 * KIB + 1, 401),
        ("", "/recall", 64 * KIB + 1, 401),
        ("", "/signup", 64 * KIB + 1, 413),
        ("", "/auth/token-exchange", 64 * KIB + 1, 413),
        ("", "/auth/refresh", 64 * KIB + 1, 413),
        ("", "/auth/login", 64 * KIB + 1, 413),
    ] {
        let answer = announce(token, target, length);
        assert_eq!(answer.status, status, "{target}: {answer:?}");
        assert_eq!(answer.json()["error"], format!("HTTP {status}"), "{answer:?}");
    }
}

/// Without a documented maximum, a long text is a text, and comes back whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_of_a_megabyte_comes_back_whole() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let text = format!("The heron's diary: {}", "it stood in the lake all day. ".repeat(35_000));
    let written = caller.post("/ingestion/memory", ingestion(&text)).await.with_status(202);
    assert_eq!(written["usage"]["tokens_in"], hebbd::service::count_tokens(&text));
    let recalled = caller.recall("s", "where did the heron stand?", json!({})).await;
    let expected = format!("[Date: 2026-05-08T14:00:00Z] [user] {text}");
    assert!(recalled["hits"]["turns"][0]["text"] == expected, "the text comes back changed");
}

/// Whole histories arrive in one call.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_hundreds_of_turns_is_one_call() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let turns: Vec<Value> =
        (0..400).map(|number| turn(&format!("On day {number} the heron came back"))).collect();
    let written = caller.remember("s", json!(turns)).await;
    let ids = written["active_fragment_ids"].as_array().unwrap();
    assert_eq!(ids.len(), 400);
    let again = caller.remember("s", json!([turns[399], turns[0]])).await;
    assert_eq!(again["active_fragment_ids"], json!([ids[399], ids[0]]));
    assert_eq!(again["usage"]["tokens_in"], 0);
}
