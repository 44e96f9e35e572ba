//! Deleting everything, where the operator allows it.

use std::sync::Arc;

use hebbd::types::SystemClock;
use serde_json::json;

use super::caller::Caller;
use crate::support::TestServer;

/// Checklist line 68.
#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_reset_deletes_one_tenant_s_memory_and_nothing_else() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.server.allow_reset = true;
    });
    let caller = Caller::of_a_new_tenant(&server, "local").await;
    let other = Caller::of_a_new_tenant(&server, "local").await;
    for caller in [&caller, &other] {
        let items = json!({"items": [
            {"content": "Whales sing in the deep sea", "concepts": ["whales", "sea"]},
            {"content": "The invoice was paid in March", "domain": "money", "external_ref": "r"},
            {"content": "Maria prefers tea over coffee"},
        ]});
        assert_eq!(caller.post("memory/write-batch", items).await.ok()["stored_count"], 3);
    }
    let before = caller.get("memory/stats").await.ok();

    let answer = caller.delete("memory/reset").await.ok();
    assert_eq!(answer, json!({"deleted": before["total_atoms"]}));
    let stats = caller.get("memory/stats").await.ok();
    let zeros = json!({
        "total_atoms": 0, "episodes": 0, "prototypes": 0, "singletons": 0, "hebbian_edges": 0,
        "episodic_fingerprints": 0, "domains": [], "avg_valence": 0.0, "avg_importance": 0.0,
    });
    assert_eq!(stats, zeros);
    assert_eq!(caller.get("memory/export").await.text, "");
    let graph = caller.post("memory/graph", json!({"seeds": ["whales"]})).await.ok();
    assert_eq!(graph["edges"], json!([]));
    let by_reference = json!({"external_ref": "r"});
    caller.post("memory/atoms/by-external-ref", by_reference).await.refused(404, "NOT_FOUND");

    assert_eq!(other.get("memory/stats").await.ok(), before);
    assert_eq!(caller.delete("memory/reset").await.ok(), json!({"deleted": 0}));
    let again = json!({"content": "Whales sing in the deep sea"});
    assert_eq!(caller.post("memory/write", again).await.ok()["stored"], true);
}

/// A reply kept from before names atoms that are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_a_key_from_before_a_reset_is_stored_anew() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.server.allow_reset = true;
    });
    let caller = Caller::of_a_new_tenant(&server, "local").await;
    let batch = json!({"items": [{"content": "Whales sing in the deep sea"}]});
    let write = || caller.post_under_key("memory/write-batch", batch.clone(), "once");
    let before = write().await.ok();
    assert_eq!(write().await.ok(), before);
    caller.delete("memory/reset").await.ok();
    let after = write().await.ok();
    assert_eq!(after["stored_count"], 1);
    assert_ne!(after["results"][0]["atom_id"], before["results"][0]["atom_id"]);
    assert_eq!(caller.get("memory/stats").await.ok()["total_atoms"], 1);
}
