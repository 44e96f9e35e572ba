//! A tenant with documents moves from shard to shard, its originals with it, while its owner
//! searches and uploads.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hebbd::types::{ShardNo, TenantNo};
use serde_json::{Value, json};

use crate::owner::{Owner, Upload, story_of};
use crate::support::TestServer;
use crate::{administer, kept, start, until};

const MOVES: usize = 4;
const NAME: &str = "Ottilie";

/// Tells threads to stop when it goes, also by a failed assertion: a test waits for them.
struct StopAtLast<'a>(&'a AtomicBool);

impl Drop for StopAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn shard_of(server: &TestServer, owner: &Owner) -> ShardNo {
    server.directory.get_tenant(owner.tenant).unwrap().shard
}

/// Moves the tenant to the other shard; answers the one it left.
fn move_away(server: &TestServer, owner: &Owner) -> ShardNo {
    let from = shard_of(server, owner);
    let to = json!({"shard": 1 - from.0});
    let path = format!("/tenants/{}/move", owner.tenant);
    let moved = administer(server, "POST", &path, Some(&to));
    assert_eq!(moved["state"], "moved", "{moved}");
    assert_ne!(shard_of(server, owner), from);
    from
}

/// Everything is where the tenant is: as many originals as documents, each whole.
fn check_originals(server: &TestServer, data_dir: &Path, owner: &Owner, left: ShardNo) {
    let no: TenantNo = kept::number_of(server, owner.tenant);
    let directory = data_dir.join(format!("shards/{left}/blobs/{no}"));
    assert!(!directory.exists(), "{directory:?} is left behind");
    let originals = kept::originals(data_dir, shard_of(server, owner), no);
    for path in &originals {
        let hash = blake3::hash(&std::fs::read(path).unwrap()).to_hex();
        assert_eq!(path.file_name().unwrap().to_str(), Some(hash.as_str()), "it is not whole");
    }
    assert_eq!(originals.len(), owner.documents().len());
}

/// Searches until told to stop. The document must be found first each time.
fn search_until(owner: &Owner, id: &str, stop: &AtomicBool, count: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let found = owner.search(&format!("What did Anna {NAME} build in 1931?"), 3);
        assert_eq!(found.first().map(|first| &first["documentId"]), Some(&json!(id)), "{found:?}");
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Uploads one document after the other, each of which must be found at once; answers the ids.
fn upload_until(owner: &Owner, stop: &AtomicBool, count: &AtomicUsize) -> Vec<String> {
    let mut ids = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let word = format!("Zeppelin{}", ids.len());
        let text = format!("The hangar of {word} lies behind the school.");
        let id = owner.upload(&Upload::of(&format!("{word}.txt"), text));
        let found = owner.search(&format!("Where is the hangar of {word}?"), 1);
        assert_eq!(found[0]["documentId"], id.as_str(), "{found:?}");
        ids.push(id);
        count.fetch_add(1, Ordering::Relaxed);
    }
    ids
}

#[test]
fn a_tenant_moves_with_its_originals_while_it_is_searched_and_uploaded_to() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let (owner, neighbour) = (Owner::new(&server), Owner::new(&server));
    let id = owner.upload(&Upload::of("story.md", story_of(NAME)));
    let twin = owner.upload(&Upload::of("brumholm.md", story_of("Brumholm")));
    let beside = neighbour.upload(&Upload::of("story.md", story_of(NAME)));
    let chunks = owner.document(&id)["chunkCount"].clone();
    let stop = AtomicBool::new(false);
    let (searched, uploaded) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut left = shard_of(&server, &owner);
    let mut added = Vec::new();
    std::thread::scope(|scope| {
        let searcher = scope.spawn(|| search_until(&owner, &id, &stop, &searched));
        let uploader = scope.spawn(|| upload_until(&owner, &stop, &uploaded));
        let at_last = StopAtLast(&stop);
        for _ in 0..MOVES {
            let before = [&searched, &uploaded].map(|count| count.load(Ordering::Relaxed));
            left = move_away(&server, &owner);
            // Both go on after each move.
            until(|| {
                let now = [&searched, &uploaded].map(|count| count.load(Ordering::Relaxed));
                let is_over = searcher.is_finished() || uploader.is_finished();
                is_over || now.iter().zip(before).all(|(now, before)| *now > before)
            });
        }
        drop(at_last);
        searcher.join().unwrap();
        added = uploader.join().unwrap();
    });
    assert_eq!(owner.documents().len(), added.len() + 2);
    check_originals(&server, data_dir.path(), &owner, left);

    assert_eq!(owner.reindex(), added.len() as u64 + 2);
    for document in owner.documents() {
        assert_eq!((&document["status"], &document["progress"]), (&json!("indexed"), &json!(100)));
    }
    assert_eq!(owner.document(&id)["chunkCount"], chunks);
    search_once(&owner, &id);
    for id in added.iter().chain([&twin]) {
        owner.delete(id).ok();
    }
    check_originals(&server, data_dir.path(), &owner, left);
    search_once(&owner, &id);
    assert_eq!(neighbour.search(NAME, 1)[0]["documentId"], beside.as_str());
    server.stop();

    let server = start(data_dir.path());
    let owner = owner.at(&server);
    check_originals(&server, data_dir.path(), &owner, left);
    assert_eq!(owner.reindex(), 1);
    search_once(&owner, &id);
    owner.delete(&id).ok();
    check_originals(&server, data_dir.path(), &owner, left);
    assert_eq!(owner.search(NAME, 100), Vec::<Value>::new());
}

fn search_once(owner: &Owner, id: &str) {
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let searcher = scope.spawn(|| search_until(owner, id, &stop, &count));
        until(|| count.load(Ordering::Relaxed) > 0 || searcher.is_finished());
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_document_that_is_being_indexed_when_its_tenant_moves_is_indexed_where_it_went() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let owner = Owner::new(&server);
    let long: String = (0..60).map(|number| story_of(&format!("{NAME} the {number}th"))).collect();
    let upload = Upload::of("long.md", long);
    let (id, left) = std::thread::scope(|scope| {
        let uploader = scope.spawn(|| owner.upload(&upload));
        until(|| !owner.documents().is_empty());
        let left = move_away(&server, &owner);
        (uploader.join().unwrap(), left)
    });
    check_originals(&server, data_dir.path(), &owner, left);
    let document = owner.document(&id);
    assert_eq!(document["status"], "indexed");
    search_once(&owner, &id);
    assert_eq!(owner.reindex(), 1);
    assert_eq!(owner.document(&id)["chunkCount"], document["chunkCount"]);
}
