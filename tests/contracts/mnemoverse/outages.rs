//! Health and ordinary calls while the store of a shard cannot be opened.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::caller::Caller;
use crate::runner::client;
use crate::support::TestServer;

/// Checklist lines 73 and 74.
#[tokio::test(flavor = "multi_thread")]
async fn health_is_200_with_the_database_down_and_readiness_says_what_is_down() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let key = server.new_tenant_key().await;
    let caller = Caller::new(&server, key.clone());
    caller.post("memory/write", json!({"content": "Safe on disk"})).await.ok();
    server.stop();
    break_every_store(data_dir.path());

    let server = TestServer::start_at(data_dir.path());
    let health = public(&server, "health").await;
    assert_eq!((&health["status"], &health["database"]), (&json!("ok"), &json!(false)));
    assert!(health["version"].is_string(), "{health}");
    let ready = public(&server, "health/ready").await;
    assert_eq!(ready["ready"], false);
    assert_eq!(ready["checks"], json!({"database": false, "engine": true, "embedding": true}));

    let caller = Caller::new(&server, key);
    let error = caller.get("memory/stats").await.refused(503, "SERVICE_UNAVAILABLE");
    assert_eq!(error["retryable"], true);
}

/// Puts a file where the store's directory was, in every shard.
fn break_every_store(data_dir: &Path) {
    let shards: Vec<_> =
        fs::read_dir(data_dir.join("shards")).unwrap().map(|shard| shard.unwrap().path()).collect();
    assert!(!shards.is_empty());
    for shard in shards {
        fs::rename(shard.join("store"), shard.join("moved")).unwrap();
        fs::write(shard.join("store"), "no directory").unwrap();
    }
}

async fn public(server: &TestServer, route: &str) -> Value {
    let url = format!("{}/api/v1/{route}", server.base_url);
    let answer = client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{route}");
    answer.json().await.unwrap()
}
