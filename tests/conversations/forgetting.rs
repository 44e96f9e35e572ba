//! What is deleted of a conversation is gone everywhere, with what was derived from it: one turn,
//! or a whole session, deleted by another dialect's key of the same tenant; before and after a
//! restart.

use std::path::Path;
use std::sync::Arc;

use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::{Clock, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::TestServer;
use crate::{Caller, turn};

const MARKER: &str = "Qvoxelstad";
const KEPT: &str = "Brumholm";
const PATIENCE_US: u64 = 60_000_000;

fn start(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |_| {})
}

fn scope(session: &str) -> Value {
    json!({"org_id": "x", "user_id": "ana", "session_id": session})
}

/// Everything that the tenant can be made to say, by either dialect.
fn all_there_is(server: &TestServer, tenant: TenantId) -> String {
    let mut caller = Caller::of(server, tenant);
    let mut said = Vec::new();
    for session in ["one", "two"] {
        for mode in ["active", "deep"] {
            let body = json!({
                "q": "Where does the user live?", "scope": scope(session), "mode": mode,
                "top_k": 30, "include_timeline": true,
            });
            said.push(caller.post("/recall", &body).ok().to_string());
        }
    }
    let mut client = mnemoverse(server, tenant);
    let question = json!({"query": "Where does the user live?", "top_k": 100, "min_relevance": 0});
    said.push(client.post("/api/v1/memory/read", &question).ok().to_string());
    let history = json!({"include_history": true, "limit": 100});
    said.push(client.post("/api/v1/memory/recent", &history).ok().to_string());
    // The answer names its seeds only where it knows them.
    let seeds = json!({"seeds": [MARKER, KEPT, "user"], "depth": 3, "min_weight": 0});
    said.push(client.post("/api/v1/memory/graph", &seeds).ok().to_string());
    said.push(client.get("/api/v1/memory/stats").ok().to_string());
    said.extend(client.export().iter().map(Value::to_string));
    said.join("\n")
}

fn mnemoverse(server: &TestServer, tenant: TenantId) -> Client {
    let order = KeyOrder::for_tenant(tenant, KeyKind::Mnemoverse, "test");
    let key = server.directory.create_key(order).unwrap();
    Client::new(&server.base_url, key.secret.expose_secret())
}

fn remember(server: &TestServer, tenant: TenantId, session: &str, place: &str) {
    let text = format!("I live in {place} and my sister works at {place} Mills.");
    let body = json!({"scope": scope(session), "turns": [turn(&text, "2026-05-08T10:00:00Z")]});
    assert_eq!(Caller::of(server, tenant).post("/ingestion/memory", &body).status, 202);
}

fn facts(server: &TestServer, tenant: TenantId, place: &str) -> usize {
    let is_fact = |atom: &Value| {
        let text = |name: &str| atom[name].as_str().unwrap().to_owned();
        text("domain").ends_with("~facts") && text("content").contains(place)
    };
    mnemoverse(server, tenant).export().iter().filter(|atom| is_fact(atom)).count()
}

fn wait_for_facts(server: &TestServer, tenant: TenantId, place: &str) {
    let clock = SystemClock;
    let ends_at_us = clock.monotonic_micros() + PATIENCE_US;
    while facts(server, tenant, place) == 0 {
        assert!(clock.monotonic_micros() < ends_at_us, "the enrichment does not end");
        std::thread::yield_now();
    }
}

/// Deletes what is about the marker in `delete`'s way, and looks everywhere.
fn check(delete: impl FnOnce(&mut Client)) {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let tenant = server.new_tenant("local");
    remember(&server, tenant, "one", MARKER);
    remember(&server, tenant, "two", KEPT);
    wait_for_facts(&server, tenant, MARKER);
    wait_for_facts(&server, tenant, KEPT);
    assert!(all_there_is(&server, tenant).contains(MARKER), "there is something to forget");
    delete(&mut mnemoverse(&server, tenant));
    let said = all_there_is(&server, tenant);
    assert!(!said.contains(MARKER) && said.contains(KEPT), "{said}");
    server.stop();
    let server = start(data_dir.path());
    let said = all_there_is(&server, tenant);
    assert!(!said.contains(MARKER) && said.contains(KEPT), "{said}");
    // It was forgotten, so it is new again.
    remember(&server, tenant, "one", MARKER);
    wait_for_facts(&server, tenant, MARKER);
    assert!(all_there_is(&server, tenant).contains(MARKER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_takes_its_facts_along() {
    check(|client| {
        let answer = client.delete("/api/v1/memory/domain/tex%3Aana%2Fone").ok();
        assert_eq!(answer["deleted"], 1);
    });
}

/// Where facts live, a caller may have atoms of its own: any name of a domain can be written to.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_leaves_what_is_not_its_own_beside_its_facts() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let tenant = server.new_tenant("local");
    remember(&server, tenant, "one", MARKER);
    wait_for_facts(&server, tenant, MARKER);
    let mut client = mnemoverse(&server, tenant);
    let own =
        json!({"content": format!("The mill at {KEPT} is closed"), "domain": "tex:ana/one~facts"});
    assert_eq!(client.post("/api/v1/memory/write", &own).ok()["stored"], true);
    client.delete("/api/v1/memory/domain/tex%3Aana%2Fone").ok();
    server.stop();
    let server = start(data_dir.path());
    let said = all_there_is(&server, tenant);
    assert!(!said.contains(MARKER) && said.contains(KEPT), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_turn_s_facts_are_recalled_no_longer() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let tenant = server.new_tenant("local");
    remember(&server, tenant, "one", MARKER);
    wait_for_facts(&server, tenant, MARKER);
    let recall = |server: &TestServer| {
        let body = json!({"q": "Where does the user live?", "scope": scope("one"), "mode": "deep"});
        Caller::of(server, tenant).post("/recall", &body).ok().to_string()
    };
    assert!(recall(&server).contains(MARKER));
    let mut client = mnemoverse(&server, tenant);
    let turn = client.export().into_iter().find(|atom| atom["domain"] == "tex:ana/one").unwrap();
    let content = format!("The user lives in {KEPT}");
    let correction =
        json!({"content": content, "domain": "tex:ana/one", "supersedes": [turn["id"]]});
    assert_eq!(client.post("/api/v1/memory/write", &correction).ok()["stored"], true);
    for _ in 0..2 {
        let said = recall(&server);
        assert!(!said.contains(MARKER) && said.contains(KEPT), "{said}");
    }
    server.stop();
    let server = start(data_dir.path());
    assert!(!recall(&server).contains(MARKER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_turn_takes_its_facts_along() {
    check(|client| {
        let is_turn = |atom: &&Value| {
            let text = |name: &str| atom[name].as_str().unwrap();
            text("domain") == "tex:ana/one" && text("content").contains(MARKER)
        };
        let exported = client.export();
        let id = exported.iter().find(is_turn).unwrap()["id"].as_str().unwrap();
        assert_eq!(client.delete_atom(id), 1);
    });
}
