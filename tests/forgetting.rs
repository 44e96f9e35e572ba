//! A deleted atom is gone from every answer and every structure, across restarts and rebuilds of
//! the index, and its vector is in no index cache on disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "forgetting/erasing.rs"]
mod erasing;
#[path = "forgetting/plain_tenant.rs"]
mod plain_tenant;
#[path = "forgetting/stored_bytes.rs"]
mod stored_bytes;
#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use client::Client;
use hebbd::storage::MemoryStore;
use hebbd::tenant::Tenant;
use hebbd::types::AtomId;
use plain_tenant::{identity, open, read, store, vector_of};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::TestServer;

const MARKER: &str = "Quizzaciously";
const SECRET: &str = "Quizzaciously the password of the vault is swordfish";

/// Atoms of one session around the one that will be deleted.
fn conversation() -> Vec<Value> {
    let texts = [
        "We should talk about the vault in the cellar",
        SECRET,
        "Thanks, I will write nothing of it down",
        "Lunch is at noon",
    ];
    let in_order = (0..).zip(texts).map(|(minute, text)| {
        json!({
            "content": text,
            "concepts": ["vault", format!("turn {minute}")],
            "metadata": {
                "session_id": "cellar",
                "occurred_at": format!("2026-03-01T10:{minute:02}:00Z"),
            },
        })
    });
    in_order.collect()
}

/// Everything that could lead to the deleted atom.
fn questions() -> Vec<Value> {
    let everything = |query: &str| json!({"query": query, "top_k": 100, "min_relevance": 0.0, "include_associations": true});
    let mut questions = vec![
        everything(MARKER),
        everything(SECRET),
        everything("What is the secret word that opens the vault?"),
        everything("We should talk about the vault in the cellar"),
        everything("Thanks, I will write nothing of it down"),
    ];
    let mut by_cosine = everything(SECRET);
    by_cosine["retrieval"] = json!({"mode": "cosine"});
    let mut by_concept = everything("anything");
    by_concept["concepts"] = json!(["vault", "turn 1"]);
    let mut by_print = everything("anything");
    by_print["fingerprint"] = json!("print of the secret");
    let mut by_domain = everything(SECRET);
    by_domain["domain"] = json!("secrets");
    questions.extend([by_cosine, by_concept, by_print, by_domain]);
    questions
}

/// No answer that a caller can get holds the marker or the id.
fn assert_forgotten(client: &mut Client, id: &str) {
    let batch = json!({ "queries": questions() });
    let mut answers =
        vec![client.post("/api/v1/memory/read-batch", &batch), client.get("/api/v1/memory/export")];
    for question in questions() {
        answers.push(client.post("/api/v1/memory/read", &question));
    }
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.text.contains(MARKER), "{answer:?}");
        assert!(!answer.text.contains(id), "{answer:?}");
    }
    assert!(client.atom(id).is_none());
    assert!(client.by_external_ref("the secret").is_none());
    assert_eq!(client.delete_atom(id), 0, "it is not there to be deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_atom_is_in_no_answer_before_and_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let key = server.new_key(server.new_tenant("local")).secret.expose_secret().to_owned();
    let mut client = Client::new(&server.base_url, &key);
    let mut items = conversation();
    items[1]["external_ref"] = json!("the secret");
    items[1]["fingerprint"] = json!("print of the secret");
    let stored = client.write_batch(&items);
    let id = stored["results"][1]["atom_id"].as_str().unwrap().to_owned();
    for question in questions().iter().take(8) {
        let found = client.read(question).to_string();
        assert!(found.contains(MARKER), "the test asks what finds it: {question}");
    }

    assert_eq!(client.delete_atom(&id), 1);
    assert_forgotten(&mut client, &id);
    let stats = client.stats();
    assert_eq!((&stats["total_atoms"], &stats["episodes"]), (&json!(3), &json!(3)));
    assert_eq!(stats["episodic_fingerprints"], 3);
    server.stop();

    let server = TestServer::start_at(data_dir.path());
    let mut client = Client::new(&server.base_url, &key);
    assert_forgotten(&mut client, &id);
    assert_eq!(client.stats()["total_atoms"], 3);

    let again = client.write(&items[1]);
    assert_eq!(again["stored"], true, "what was forgotten is new: {again}");
    assert_ne!(again["atom_id"], json!(id));
    assert_eq!(client.by_external_ref("the secret").unwrap()["id"], again["atom_id"]);
}

/// Associations used to answer the names of concepts whose last atom was gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_concept_that_only_a_deleted_atom_held_is_in_no_answer() {
    let server = TestServer::start().await;
    let mut client = Client::new(&server.base_url, &server.new_tenant_key().await);
    client.write(&json!({"content": "The harbour opens at six", "concepts": ["harbour", "six"]}));
    let item = json!({"content": "Meet me at the harbour", "concepts": ["harbour", MARKER]});
    let id = client.write(&item)["atom_id"].as_str().unwrap().to_owned();
    let question = json!({"query": "harbour", "concepts": ["harbour"], "min_relevance": 0.0});
    let marker = MARKER.to_lowercase();
    let expanded = |client: &mut Client| {
        client.read(&question)["expanded_concepts"].to_string().to_lowercase()
    };
    assert!(expanded(&mut client).contains(&marker), "the test asks what leads to it");
    assert_eq!(client.delete_atom(&id), 1);
    let left = expanded(&mut client);
    assert!(!left.contains(&marker) && left.contains("six"), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_goes_with_its_last_atom() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let key = server.new_key(server.new_tenant("local")).secret.expose_secret().to_owned();
    let mut client = Client::new(&server.base_url, &key);
    client.write(&json!({"content": "Something else", "domain": "kept"}));
    let ids: Vec<String> = [SECRET, "Another secret"]
        .iter()
        .map(|content| client.write(&json!({"content": content, "domain": "secrets"})))
        .map(|stored| stored["atom_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(client.delete_atom(&ids[0]), 1);
    assert_eq!(client.stats()["domains"], json!(["kept", "secrets"]));
    assert_eq!(client.delete_atom(&ids[1]), 1);
    assert_eq!(client.stats()["domains"], json!(["kept"]));
    assert_eq!(client.get("/api/v1/memory/domains").ok(), json!({"domains": ["kept"]}));
    server.stop();
    let server = TestServer::start_at(data_dir.path());
    let mut client = Client::new(&server.base_url, &key);
    assert_eq!(client.get("/api/v1/memory/domains").ok(), json!({"domains": ["kept"]}));
    assert_forgotten(&mut client, &ids[0]);
    let again = client.write(&json!({"content": SECRET, "domain": "secrets"}));
    assert_eq!(again["stored"], true);
    assert_eq!(client.stats()["domains"], json!(["kept", "secrets"]));
}

const ROWS: usize = 420;
/// Dead rows among them that are not yet too many: three in ten.
const DEAD_MAX: usize = ROWS * 3 / 10;

/// A tenant with a graph over all its atoms.
struct Indexed {
    store: MemoryStore,
    index_dir: tempfile::TempDir,
    tenant: Tenant,
    ids: Vec<AtomId>,
}

fn content(number: usize) -> String {
    let token = blake3::hash(&number.to_be_bytes()).to_hex();
    format!("Crate {} holds {} and {}", &token[..8], &token[8..16], &token[16..24])
}

impl Indexed {
    fn new() -> Self {
        let mut indexed = Self::without_graph();
        indexed.build();
        indexed
    }

    fn without_graph() -> Self {
        let memory = MemoryStore::default();
        let index_dir = tempfile::tempdir().unwrap();
        let mut tenant = open(&memory, index_dir.path(), identity()).unwrap();
        let ids = (0..ROWS).map(|number| store(&mut tenant, &content(number)).unwrap()).collect();
        Self { store: memory, index_dir, tenant, ids }
    }

    /// Builds what is due; there must be something.
    fn build(&mut self) {
        let build = self.tenant.plan_index_build().expect("a graph is due");
        self.tenant.adopt_index(build.run().unwrap());
    }

    fn delete(&mut self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            assert!(self.tenant.delete_atom(self.ids[number]).unwrap().was_there);
        }
    }

    fn reopen(self) -> Self {
        let Self { store, index_dir, tenant, ids } = self;
        tenant.close();
        let tenant = open(&store, index_dir.path(), identity()).unwrap();
        Self { store, index_dir, tenant, ids }
    }

    /// `deleted` is in no answer, everything else is found by its content.
    fn check(&mut self, deleted: &BTreeSet<usize>) {
        let exported: BTreeSet<AtomId> =
            self.tenant.export_page(None, usize::MAX).unwrap().iter().map(|atom| atom.id).collect();
        assert_eq!(exported.len(), ROWS - deleted.len());
        for number in (0..ROWS).step_by(7).chain(deleted.iter().copied()) {
            let gone = deleted.contains(&number);
            let id = self.ids[number];
            assert_eq!(exported.contains(&id), !gone);
            assert_eq!(self.tenant.find_atom(id).unwrap().is_none(), gone);
            let found = read(&mut self.tenant, &content(number));
            assert_eq!(found.episodic_hit, !gone, "{number}");
            assert_eq!(found.items.first().is_some_and(|item| item.atom.id == id), !gone);
            assert!(found.items.iter().all(|item| exported.contains(&item.atom.id)));
        }
    }

    fn caches(&self) -> Vec<PathBuf> {
        files_of(self.index_dir.path())
    }

    /// The files that hold the vector of an atom.
    fn caches_with(&self, number: usize) -> Vec<PathBuf> {
        let vector: Vec<u8> =
            vector_of(&content(number)).values.iter().map(|value| value.cast_unsigned()).collect();
        let holds = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(vector.len()).any(|window| window == vector)
        };
        self.caches().into_iter().filter(holds).collect()
    }
}

fn files_of(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn an_index_cache_that_held_a_deleted_vector_is_removed_with_the_atom() {
    let mut indexed = Indexed::new().reopen();
    assert_eq!(indexed.caches_with(5).len(), 1, "the cache holds what was not deleted");
    indexed.delete([5]);
    assert!(indexed.caches().is_empty(), "at once, not when the tenant is closed");
    indexed.check(&BTreeSet::from([5]));
    let mut indexed = indexed.reopen();
    assert!(indexed.caches_with(5).is_empty());
    indexed.check(&BTreeSet::from([5]));
}

#[test]
fn deleted_atoms_stay_away_through_compaction_and_a_rebuilt_graph() {
    let mut indexed = Indexed::new();
    // The last of them makes the dead too many, so the rows are numbered anew.
    let deleted: BTreeSet<usize> = (0..=DEAD_MAX).map(|number| number * 3).collect();
    indexed.delete(deleted.iter().copied());
    indexed.check(&deleted);
    indexed.build();
    indexed.check(&deleted);
    let mut indexed = indexed.reopen();
    assert!(!indexed.caches_with(1).is_empty(), "the new graph was saved");
    for number in &deleted {
        assert!(indexed.caches_with(*number).is_empty(), "{number}");
    }
    indexed.check(&deleted);
}

/// A graph whose build began before an atom was deleted holds its vector. It may answer, but it
/// must not be saved: a compaction in between leaves no dead row to tell by.
#[test]
fn a_graph_built_before_a_compaction_is_not_saved_with_the_vectors_of_deleted_atoms() {
    let mut indexed = Indexed::without_graph();
    indexed.delete(0..DEAD_MAX);
    let build = indexed.tenant.plan_index_build().expect("a graph is due");
    let built = build.run().unwrap();
    indexed.delete([DEAD_MAX]);
    indexed.tenant.adopt_index(built);
    let mut indexed = indexed.reopen();
    indexed.check(&(0..=DEAD_MAX).collect());
    assert!(indexed.caches_with(DEAD_MAX).is_empty(), "the vector of a deleted atom is on disk");
}

/// Killed after the delete was stored and before the cache was removed, the tenant finds a cache
/// with a vector that no row has.
#[test]
fn a_cache_older_than_a_delete_is_not_saved_again() {
    let mut indexed = Indexed::new().reopen();
    let cache = indexed.caches().pop().expect("a cache");
    let bytes = std::fs::read(&cache).unwrap();
    indexed.delete([5]);
    std::fs::write(&cache, bytes).unwrap();
    let Indexed { store, index_dir, tenant, ids } = indexed;
    // Killed: not closed.
    drop(tenant);
    let tenant = open(&store, index_dir.path(), identity()).unwrap();
    let mut indexed = Indexed { store, index_dir, tenant, ids };
    indexed.check(&BTreeSet::from([5]));
    let indexed = indexed.reopen();
    assert!(indexed.caches_with(5).is_empty(), "the vector of a deleted atom is on disk");
}
