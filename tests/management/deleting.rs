//! A deleted environment: its keys are good for nothing from the next request on, and what it held
//! is erased, whatever happens to the server meanwhile.

use std::sync::Arc;

use hebbd::storage::keys::tenant_prefix;
use hebbd::types::{Clock, SystemClock, TenantNo};
use serde_json::json;

use crate::Managing;
use crate::caller::Caller;
use crate::support::TestServer;
use crate::support::environment::Environment;

fn start(data_dir: &std::path::Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |_| {})
}

/// Records of a tenant number on all shards.
fn records_of(server: &TestServer, no: TenantNo) -> usize {
    let shards = server.registry.shards();
    let count = |shard| {
        let store = shards.get(shard).unwrap().commit.store();
        store.scan(&tenant_prefix(no), None, usize::MAX).unwrap().len()
    };
    shards.numbers().into_iter().map(count).sum()
}

fn until(mut happened: impl FnMut() -> bool) {
    let begun = SystemClock.monotonic_micros();
    while !happened() {
        assert!(SystemClock.monotonic_micros() - begun < 60_000_000, "it did not happen");
        std::thread::yield_now();
    }
}

#[test]
fn its_keys_end_at_once_and_its_content_is_erased_also_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let (doomed, kept) = (Environment::new(&server, true), Environment::new(&server, true));
    let management_key = Environment::management_key(&server);
    let no_of =
        |environment: &Environment| server.directory.get_tenant(environment.tenant).unwrap().no;
    let (doomed_no, kept_no) = (no_of(&doomed), no_of(&kept));
    for environment in [&doomed, &kept] {
        let mut caller = Caller::new(&server.base_url, &environment.key);
        let session = crate::id_of(&caller.post("/sessions", &json!({"name": "x"})).ok());
        let message = json!({"type": "user_message", "content": "We deploy on Fridays"});
        caller.post(&format!("/sessions/{session}/messages"), &message).ok();
    }
    let kept_records = records_of(&server, kept_no);
    assert!(records_of(&server, doomed_no) > 0);

    let mut manager = Caller::new(&server.base_url, &management_key);
    let path = format!("/organization/instances/{}", doomed.id());
    let deleted = manager.delete(&path).ok();
    assert_eq!((&deleted["id"], &deleted["status"]), (&json!(doomed.id()), &json!("deleted")));
    let is_refused = |server: &TestServer| {
        for key in [&doomed.key, &doomed.public_key] {
            let answer = Caller::new(&server.base_url, key).get("/agents");
            assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("unauthorized")));
        }
        for key in [&kept.key, &kept.public_key] {
            Caller::new(&server.base_url, key).get("/agents").ok();
        }
    };
    is_refused(&server);
    until(|| server.directory.leftovers().is_empty());
    assert_eq!(records_of(&server, doomed_no), 0);
    assert_eq!(manager.get(&path).status, 404);
    server.stop();

    let server = start(data_dir.path());
    is_refused(&server);
    assert_eq!((records_of(&server, doomed_no), records_of(&server, kept_no)), (0, kept_records));
    let mut manager = Caller::new(&server.base_url, &management_key);
    assert_eq!(manager.delete(&path).status, 404);
    assert!(!manager.ids("/organization/instances").contains(&doomed.id()));
}

#[test]
fn a_deletion_that_was_cut_short_is_finished_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let doomed = Environment::new(&server, false);
    let no = server.directory.get_tenant(doomed.tenant).unwrap().no;
    Caller::new(&server.base_url, &doomed.key).post("/sessions", &json!({})).ok();
    // What the deletion does first; then the process ended.
    server.directory.delete_tenant(doomed.tenant).unwrap();
    server.stop();

    let server = start(data_dir.path());
    until(|| server.directory.leftovers().is_empty());
    assert_eq!(records_of(&server, no), 0);
    assert_eq!(Caller::new(&server.base_url, &doomed.key).get("/instance").status, 401);
}
