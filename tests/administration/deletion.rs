//! A deleted tenant: unknown at once, erased for good, whatever happens meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hebbd::types::{ShardNo, SystemClock};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::client::Client;
use crate::moving::until;
use crate::support::TestServer;
use crate::{Admin, StopAtLast, records_on, tenant_on, two_shards};

#[test]
fn a_tenant_deleted_under_traffic_is_gone_and_its_neighbour_is_not() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), two_shards);
    let (tenant, client) = tenant_on(&server, ShardNo(0));
    let (_, mut beside) = tenant_on(&server, ShardNo(0));
    beside.write(&json!({"content": "Not to be touched"}));
    let no = server.directory.get_tenant(tenant).unwrap().no;
    let key = server.new_key(tenant).secret.expose_secret().to_owned();
    drop(client);
    let (begun, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (server, key, begun, stop) = (&server, &key, &begun, &stop);
                scope.spawn(move || write_until_refused(server, key, writer, begun, stop))
            })
            .collect();
        let _at_last = StopAtLast(&stop);
        until(|| begun.load(Ordering::Relaxed));
        let answer = Admin::of(&server).delete(&format!("/tenants/{tenant}"));
        assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("deleted")));
        // The first request after the answer, on a connection that never saw a refusal.
        let mut client = Client::new(&server.base_url, &key);
        assert_eq!(client.get("/api/v1/memory/stats").status, 401);
        assert_eq!(records_on(&server, ShardNo(0), no), 0);
        assert!(!server.registry.is_open(tenant), "nobody is left who could write");
        for writer in writers {
            let statuses = writer.join().unwrap();
            assert_eq!(statuses.last(), Some(&401), "{statuses:?}");
            // A write in flight may have met the deletion; it was told that nothing is there.
            let odd: Vec<_> = statuses.iter().filter(|s| !matches!(s, 200 | 401 | 404)).collect();
            assert!(odd.is_empty(), "{odd:?}");
        }
    });
    assert_eq!(records_on(&server, ShardNo(0), no), 0, "no late write came back");
    assert!(!data_dir.path().join(format!("shards/0/index/{no}")).exists());
    assert_eq!(beside.stats()["total_atoms"], 1);
    let mut admin = Admin::of(&server);
    assert_eq!(admin.get(&format!("/tenants/{tenant}")).status, 404);
    assert_eq!(admin.delete(&format!("/tenants/{tenant}")).status, 404);
    assert_eq!(admin.get(&format!("/keys?tenant={tenant}")).ok()["items"], json!([]));
}

fn write_until_refused(
    server: &TestServer,
    key: &str,
    writer: usize,
    begun: &AtomicBool,
    stop: &AtomicBool,
) -> Vec<u16> {
    let mut client = Client::new(&server.base_url, key);
    let mut statuses = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = statuses.len();
        let body = json!({"content": format!("Line {number} of writer {writer}")});
        let answer = client.post("/api/v1/memory/write", &body);
        begun.store(true, Ordering::Relaxed);
        statuses.push(answer.status);
        if answer.status == 401 {
            break;
        }
    }
    statuses
}

#[test]
fn a_deletion_that_was_broken_off_is_finished_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), two_shards);
    let (tenant, mut client) = tenant_on(&server, ShardNo(1));
    let no = server.directory.get_tenant(tenant).unwrap().no;
    client.write(&json!({"content": "To be erased"}));
    // Noted, as the deletion does first; then the process ended.
    server.directory.delete_tenant(tenant).unwrap();
    assert_eq!(client.get("/api/v1/memory/stats").status, 401);
    server.stop();

    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), two_shards);
    until(|| server.directory.leftovers().is_empty());
    assert_eq!(records_on(&server, ShardNo(1), no), 0);
    assert_eq!(server.directory.tenant_count(), 0);
}
