//! A graph over the chunks' vectors is kept in a file; what was deleted is in none.

use std::collections::HashSet;
use std::path::Path;

use hebbd::storage::decode;
use hebbd::storage::keys::Kind;
use hebbd::storage::records::EntryRecord;
use serde_json::json;

use crate::owner::{Owner, Upload};
use crate::support::TestServer;
use crate::{kept, mnemoverse, start_with, until};

/// The fewest rows that may have a graph.
const EXACT_ROWS_MAX: usize = 256;
const CHUNKS: usize = 400;

fn start(data_dir: &Path) -> TestServer {
    start_with(data_dir, |config| {
        config.shards.defaults.index.exact_rows_max = Some(EXACT_ROWS_MAX);
    })
}

/// A text whose sentences are a chunk each.
fn text_of(chunks: usize, seed: &str) -> String {
    let sentences = (0..chunks).map(|number| {
        let words: String = blake3::hash(format!("{seed} {number}").as_bytes())
            .as_bytes()
            .chunks(2)
            .flat_map(|two| [WORDS[usize::from(two[0]) % WORDS.len()], " "])
            .collect();
        format!("{} {words} {}.", words.repeat(2), "a".repeat(200))
    });
    sentences.collect::<Vec<_>>().join("\n")
}

const WORDS: [&str; 16] = [
    "harbour",
    "lighthouse",
    "tenant",
    "violin",
    "orchard",
    "glacier",
    "senate",
    "kettle",
    "telescope",
    "carpet",
    "volcano",
    "ledger",
    "falcon",
    "monastery",
    "turbine",
    "saffron",
];

/// The vectors of all atoms, as an index holds them.
fn vectors(server: &TestServer, owner: &Owner) -> Vec<Vec<u8>> {
    let records = kept::records_of(server, kept::number_of(server, owner.tenant));
    let entries = records.iter().filter(|(key, _)| key[8] == Kind::Entry as u8);
    let vectors = entries.filter_map(|(_, value)| {
        decode::<EntryRecord>(value).unwrap().vector.map(|vector| vector.values)
    });
    vectors.collect()
}

fn caches(data_dir: &Path) -> Vec<Vec<u8>> {
    let files = kept::files_of(data_dir, "index");
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn hold_any(caches: &[Vec<u8>], vectors: &[Vec<u8>]) -> bool {
    let length = vectors[0].len();
    let beginnings: HashSet<&[u8]> = vectors.iter().map(|vector| &vector[..8]).collect();
    let is_one = |window: &[u8]| {
        beginnings.contains(&window[..8]) && vectors.iter().any(|vector| vector == window)
    };
    caches.iter().any(|cache| cache.windows(length).any(is_one))
}

/// Saves a graph over the documents' chunks and deletes in `delete`'s way the one with the many
/// chunks: no file holds one of its vectors, at once and after a restart.
fn check(delete: impl FnOnce(&TestServer, &Owner, &str), others: usize) {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = Some(start(data_dir.path()));
    let mut owner = Owner::new(server.as_ref().unwrap());
    for number in 0..others {
        let text = text_of(3, &format!("other {number}"));
        owner.upload(&Upload::of(&format!("other {number}.txt"), text));
    }
    let before = vectors(server.as_ref().unwrap(), &owner);
    owner.ingest("many", "Many", &text_of(CHUNKS, "many"), &json!({})).ok();
    let mut gone = vectors(server.as_ref().unwrap(), &owner);
    gone.retain(|vector| !before.contains(vector));
    assert!(gone.len() > EXACT_ROWS_MAX, "{}", gone.len());
    // It is saved as the server stops, provided that it was built by then: each try leaves it
    // twice the time of the one before.
    let mut searches = 16;
    until(|| {
        for _ in 0..searches {
            owner.search("violin and telescope", 5);
        }
        searches *= 2;
        server.take().unwrap().stop();
        let is_saved = hold_any(&caches(data_dir.path()), &gone);
        server = Some(start(data_dir.path()));
        owner = owner.at(server.as_ref().unwrap());
        is_saved
    });
    delete(server.as_ref().unwrap(), &owner, "many");
    assert!(!hold_any(&caches(data_dir.path()), &gone), "at once");
    server.take().unwrap().stop();
    assert!(!hold_any(&caches(data_dir.path()), &gone), "after a restart");
    let server = start(data_dir.path());
    let owner = owner.at(&server);
    assert!(owner.search("violin", 100).iter().all(|result| result["documentId"] != "many"));
}

fn delete_one(_: &TestServer, owner: &Owner, id: &str) {
    owner.delete(id).ok();
}

#[test]
fn no_index_cache_holds_a_deleted_document_among_others() {
    check(delete_one, 2);
}

#[test]
fn no_index_cache_holds_the_last_document_that_was_deleted() {
    check(delete_one, 0);
}

#[test]
fn no_index_cache_holds_what_was_replaced() {
    check(
        |_, owner, id| {
            owner.ingest(id, "Few", "", &json!({})).ok();
        },
        0,
    );
}

#[test]
fn no_index_cache_holds_documents_of_a_deleted_domain() {
    check(
        |server, owner, _| {
            let mut client = mnemoverse(server, owner.tenant);
            client.delete("/api/v1/memory/domain/~documents").ok();
        },
        1,
    );
}
