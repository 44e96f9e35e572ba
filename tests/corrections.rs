//! The gate over short facts and their corrections in three languages: a correction is stored,
//! however little it changes, and both are found; the same thing said again is refused.
//!
//! `tests/fixtures/corrections.json` has the pairs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "support/mod.rs"]
mod support;

use client::Client;
use serde_json::{Value, json};
use support::TestServer;

struct Correction {
    changed: String,
    first: String,
    then: String,
}

fn corrections() -> Vec<Correction> {
    let data: Value = serde_json::from_str(include_str!("fixtures/corrections.json")).unwrap();
    let text = |pair: &Value, name: &str| pair[name].as_str().unwrap().to_owned();
    let pairs = data["corrections"].as_array().unwrap();
    let corrections: Vec<_> = pairs
        .iter()
        .map(|pair| Correction {
            changed: format!("{}, {}", text(pair, "language"), text(pair, "changed")),
            first: text(pair, "first"),
            then: text(pair, "then"),
        })
        .collect();
    assert_eq!(corrections.len(), 40);
    corrections
}

/// What says the same: exactly, in other case, with other spacing, with another full stop.
fn repetitions(content: &str) -> Vec<String> {
    let stopped = match content.strip_suffix('.') {
        Some(content) => content.to_owned(),
        None => format!("{content}."),
    };
    let mut repetitions = vec![
        content.to_owned(),
        content.to_uppercase(),
        content.to_lowercase(),
        format!("  {}\n", content.replace(' ', "   ")),
        content.replace(' ', "\u{a0}"),
    ];
    // After a question mark a full stop ends nothing.
    if !content.ends_with('?') {
        repetitions.push(format!("{} ", stopped.to_lowercase()));
        repetitions.push(stopped);
    }
    repetitions
}

/// Runs a check with every pair on one server and fails with all that failed.
async fn for_each_pair(check: impl Fn(&mut Client, &Correction, &str) -> Result<(), String>) {
    let server = TestServer::start().await;
    let mut client = Client::new(&server.base_url, &server.new_tenant_key().await);
    let mut failures = Vec::new();
    for (number, correction) in corrections().iter().enumerate() {
        // Each pair in a domain of its own, so that only its own two are near.
        if let Err(what) = check(&mut client, correction, &format!("pair:{number}")) {
            failures.push(format!("{}: {what}", correction.changed));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn write(client: &mut Client, content: &str, domain: &str) -> Value {
    client.write(&json!({"content": content, "domain": domain}))
}

fn write_both(client: &mut Client, pair: &Correction, domain: &str) -> Result<[String; 2], String> {
    let mut ids = Vec::new();
    for content in [&pair.first, &pair.then] {
        let answer = write(client, content, domain);
        let id = answer["atom_id"].as_str().filter(|_| answer["stored"] == true);
        ids.push(id.ok_or(format!("{content:?} was not stored: {answer}"))?.to_owned());
    }
    Ok(ids.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_stored_and_both_are_found() {
    for_each_pair(|client, pair, domain| {
        let ids = write_both(client, pair, domain)?;
        for (content, id) in [&pair.first, &pair.then].into_iter().zip(&ids) {
            let query = json!({"query": content, "domain": domain});
            let found = client.read(&query);
            let items = found["items"].as_array().unwrap();
            if items.first().is_none_or(|item| item["atom_id"] != json!(id)) {
                return Err(format!("{content:?} does not find itself first: {found}"));
            }
            if found["episodic_hit"] != true {
                return Err(format!("{content:?} is no exact match: {found}"));
            }
            if !ids.iter().all(|id| items.iter().any(|item| item["atom_id"] == json!(id))) {
                return Err(format!("{content:?} does not find the other: {found}"));
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_said_again_is_refused() {
    for_each_pair(|client, pair, domain| {
        write_both(client, pair, domain)?;
        for content in [&pair.first, &pair.then] {
            for repetition in repetitions(content) {
                let answer = write(client, &repetition, domain);
                if answer["stored"] != false || !answer["atom_id"].is_null() {
                    return Err(format!("{repetition:?} was stored after {content:?}: {answer}"));
                }
            }
        }
        Ok(())
    })
    .await;
}

/// Through the batch, with all pairs in one domain.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_them_in_one_batch_and_one_domain_are_stored_once() {
    let server = TestServer::start().await;
    let mut client = Client::new(&server.base_url, &server.new_tenant_key().await);
    let contents: Vec<String> =
        corrections().into_iter().flat_map(|pair| [pair.first, pair.then]).collect();
    let mut items: Vec<Value> =
        contents.iter().map(|content| json!({ "content": content })).collect();
    items.extend(contents.iter().map(|content| json!({"content": content.to_uppercase()})));
    let answer = client.write_batch(&items);
    for (position, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        let is_first = position < contents.len();
        assert_eq!(result["stored"], is_first, "{} {result}", items[position]);
        assert_eq!(result["error"], Value::Null, "{result}");
    }
    assert_eq!(client.stats()["total_atoms"], contents.len());
}
