//! A tenant moves from shard to shard while it is written to and read.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hebbd::types::{ShardNo, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::TestServer;
use crate::{Admin, StopAtLast, records_on, tenant_on, two_shards};

const WRITERS: usize = 4;
const MOVES: u16 = 6;

fn start(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), two_shards)
}

fn index_dir(data_dir: &Path, shard: u16, no: hebbd::types::TenantNo) -> std::path::PathBuf {
    data_dir.join(format!("shards/{shard}/index/{no}"))
}

#[test]
fn no_write_is_lost_and_nobody_refused_while_a_tenant_moves() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let (tenant, mut client) = tenant_on(&server, ShardNo(0));
    let no = server.directory.get_tenant(tenant).unwrap().no;
    let (neighbour, mut beside) = tenant_on(&server, ShardNo(0));
    beside.write(&json!({"content": "Stays where it is"}));
    let batch: Vec<_> =
        (0..500).map(|n| json!({"content": format!("Early fact number {n} of many")})).collect();
    client.write_batch(&batch);

    let key = server.new_key(tenant).secret.expose_secret().to_owned();
    let stop = AtomicBool::new(false);
    let written = AtomicUsize::new(0);
    let mut acknowledged = BTreeSet::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (server, key, stop, written) = (&server, &key, &stop, &written);
                scope.spawn(move || write_until(server, key, stop, writer, written))
            })
            .collect();
        let at_last = StopAtLast(&stop);
        let mut admin = Admin::of(&server);
        for round in 0..MOVES {
            let before = written.load(Ordering::Relaxed);
            let to = 1 - round % 2;
            let moved = admin.post(&format!("/tenants/{tenant}/move"), &json!({"shard": to})).ok();
            assert_eq!((&moved["state"], &moved["shard"]), (&json!("moved"), &json!(to)));
            println!("move {round}: {moved}");
            let left = ShardNo(1 - to);
            assert_eq!(records_on(&server, left, no), 0, "the old bytes are gone");
            assert!(!index_dir(data_dir.path(), left.0, no).exists());
            // The writers go on after each move.
            let is_over = || writers.iter().any(std::thread::ScopedJoinHandle::is_finished);
            until(|| written.load(Ordering::Relaxed) > before || is_over());
        }
        drop(at_last);
        for writer in writers {
            acknowledged.extend(writer.join().unwrap());
        }
    });
    assert_holds(&mut client, &acknowledged);
    assert_eq!(server.directory.leftovers(), []);
    assert_eq!(beside.stats()["total_atoms"], 1);
    assert_eq!(server.directory.get_tenant(neighbour).unwrap().shard, ShardNo(0));
    let found = client.read(&json!({"query": "Early fact number 77", "top_k": 1}));
    assert_eq!(found["items"][0]["content"], "Early fact number 77 of many");
    server.stop();

    let server = start(data_dir.path());
    assert_eq!(server.directory.get_tenant(tenant).unwrap().shard, ShardNo(0));
    let key = server.new_key(tenant);
    let mut client = Client::new(&server.base_url, key.secret.expose_secret());
    assert_holds(&mut client, &acknowledged);
}

/// Writes, reads its own write back, and answers the ids. Nothing may be refused.
fn write_until(
    server: &TestServer,
    key: &str,
    stop: &AtomicBool,
    writer: usize,
    written: &AtomicUsize,
) -> Vec<String> {
    let mut client = Client::new(&server.base_url, key);
    let mut ids = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = ids.len();
        let content = format!("Writer {writer} wrote line {number} while it moved");
        let answer = client.write(&json!({"content": content}));
        assert_eq!(answer["stored"], true, "{answer}");
        let id = answer["atom_id"].as_str().unwrap().to_owned();
        let atom = client.atom(&id).expect("a write is seen by the read after it");
        assert_eq!(atom["content"], content);
        ids.push(id);
        written.fetch_add(1, Ordering::Relaxed);
    }
    ids
}

fn assert_holds(client: &mut Client, acknowledged: &BTreeSet<String>) {
    assert!(acknowledged.len() > WRITERS * 2, "{}", acknowledged.len());
    let exported: Vec<Value> = client.export();
    let ids: BTreeSet<_> =
        exported.iter().map(|atom| atom["atom_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), exported.len(), "nothing is there twice");
    assert!(acknowledged.is_subset(&ids));
    assert_eq!(ids.len(), acknowledged.len() + 500);
}

#[test]
fn index_caches_move_with_their_tenant() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let (tenant, mut client) = tenant_on(&server, ShardNo(0));
    let no = server.directory.get_tenant(tenant).unwrap().no;
    client.write(&json!({"content": "Of no great size"}));
    let (from, to) = (index_dir(data_dir.path(), 0, no), index_dir(data_dir.path(), 1, no));
    std::fs::create_dir_all(&from).unwrap();
    std::fs::write(from.join("7.hnsw"), b"as if saved").unwrap();
    Admin::of(&server).post(&format!("/tenants/{tenant}/move"), &json!({"shard": 1})).ok();
    assert_eq!(std::fs::read(to.join("7.hnsw")).unwrap(), b"as if saved");
    assert!(!from.exists());
    assert_eq!(client.stats()["total_atoms"], 1, "a cache that does not fit does no harm");
}

#[test]
fn a_move_that_was_broken_off_leaves_nothing_on_the_other_shard_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let (tenant, mut client) = tenant_on(&server, ShardNo(0));
    client.write(&json!({"content": "At home"}));
    let known = server.directory.begin_move(tenant, ShardNo(1)).unwrap();
    // Half a copy, and then the process ended.
    let shards = server.registry.shards();
    let (from, to) = (shards.get(ShardNo(0)).unwrap(), shards.get(ShardNo(1)).unwrap());
    hebbd::tenant::keyspace::mirror(known.no, &from.commit, &to.commit, &Default::default())
        .unwrap();
    assert!(records_on(&server, ShardNo(1), known.no) > 0);
    server.stop();

    let server = start(data_dir.path());
    until(|| server.directory.leftovers().is_empty());
    assert_eq!(records_on(&server, ShardNo(1), known.no), 0);
    assert_eq!(server.directory.get_tenant(tenant).unwrap().shard, ShardNo(0));
    let key = server.new_key(tenant);
    let mut client = Client::new(&server.base_url, key.secret.expose_secret());
    assert_eq!(client.stats()["total_atoms"], 1);
}

#[test]
fn moves_to_nowhere_and_of_nobody_are_refused_and_change_nothing() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let (tenant, mut client) = tenant_on(&server, ShardNo(0));
    client.write(&json!({"content": "At home"}));
    let mut admin = Admin::of(&server);
    let mut refused = |id: TenantId, body: Value, status: u16, part: &str| {
        let answer = admin.post(&format!("/tenants/{id}/move"), &body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains(part), "{answer:?}");
    };
    refused(tenant, json!({"shard": 0}), 409, "already");
    refused(tenant, json!({"shard": 9}), 400, "shard 9");
    refused(tenant, json!({"shard": "one"}), 400, "invalid type");
    refused(tenant, json!({"to": 1}), 400, "unknown field `to`");
    refused(tenant, json!({}), 400, "shard");
    refused(TenantId(uuid::Uuid::nil()), json!({"shard": 1}), 404, "no tenant");
    assert_eq!(server.directory.get_tenant(tenant).unwrap().shard, ShardNo(0));
    assert_eq!(server.directory.leftovers(), []);
    assert_eq!(client.stats()["total_atoms"], 1);
}

/// Waits for what happens in the background, which is soon or never.
pub(crate) fn until(mut happened: impl FnMut() -> bool) {
    let clock = SystemClock;
    let begun = hebbd::types::Clock::monotonic_micros(&clock);
    while !happened() {
        let waited = hebbd::types::Clock::monotonic_micros(&clock) - begun;
        assert!(waited < 60_000_000, "it did not happen");
        std::thread::yield_now();
    }
}
