//! A tenant that was stored before there were standings, cues, replies and day's counts. The
//! fixture holds its keys and values as hexadecimal digits; the test embedder made its vectors.

use hebbd::actors::tenant::data::{Atom, AtomKind, Feedback, GraphQuery};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::storage::{AtomicBatch, MemoryStore, Store};
use hebbd::tenant::Tenant;
use hebbd::types::Timestamp;
use serde_json::Value;

use crate::plain_tenant::{identity, new_atom, open, read, vector_of};

const CONTENTS: [&str; 5] = [
    "Anna moved from Lisbon to Porto in May",
    "Anna plays the cello in Porto",
    "Die Brücke über den Fluß wird im Juni gesperrt",
    "The invoice was paid in March",
    "?!",
];

fn bytes_of(digits: &Value) -> Vec<u8> {
    let digits = digits.as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn stored() -> MemoryStore {
    let text = include_str!("../fixtures/keyspace-1.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let store = MemoryStore::default();
    let mut batch = AtomicBatch::new(1);
    let mut kinds = Vec::new();
    for pair in fixture["pairs"].as_array().unwrap() {
        let (key, value) = (bytes_of(&pair[0]), bytes_of(&pair[1]));
        kinds.push(key[8]);
        batch.put(key, value);
    }
    kinds.dedup();
    assert_eq!(kinds, [0x01, 0x02, 0x08, 0x10, 0x11, 0x12, 0x20, 0x21], "and of no other kind");
    store.apply(&batch).unwrap();
    store.flush().unwrap();
    store
}

fn check(tenant: &mut Tenant) -> Vec<Atom> {
    let atoms = tenant.export_page(None, usize::MAX).unwrap();
    let contents: Vec<&str> = atoms.iter().map(|atom| atom.content.as_str()).collect();
    assert_eq!(contents, CONTENTS);
    let domains: Vec<&str> = atoms.iter().map(|atom| atom.domain.as_str()).collect();
    assert_eq!(domains, ["people", "people", "general", "general", "marks"]);
    for atom in &atoms {
        assert_eq!((atom.kind, atom.is_protected), (AtomKind::Episode, false));
        assert_eq!((atom.superseded_by, atom.consolidated_into), (None, None));
        assert!(atom.supersedes.is_empty());
    }
    let first = &atoms[0];
    assert_eq!(first.concepts, ["Anna", "Lisbon", "Porto"]);
    assert_eq!(first.metadata.as_json(), "{\"session_id\":\"chat-1\",\"score\":1.50}");
    assert_eq!(first.external_ref.as_deref(), Some("note-1"));
    let found = tenant.find_by_external_ref("note-1").unwrap().unwrap();
    assert_eq!(found.id, first.id);
    for (content, atom) in CONTENTS.iter().zip(&atoms).take(4) {
        let found = read(tenant, content);
        assert!(found.episodic_hit, "{content}");
        assert_eq!(found.items[0].atom.id, atom.id, "{content}");
    }
    let question =
        GraphQuery { seeds: vec!["anna".to_owned()], depth: 1, limit: 100, weight_min: 0.0 };
    let graph = tenant.view_graph(&question);
    let mut edges: Vec<(&str, u32)> =
        graph.edges.iter().map(|edge| (edge.target.as_str(), edge.count)).collect();
    edges.sort_unstable();
    assert_eq!(edges, [("cello", 1), ("lisbon", 1), ("porto", 2)]);
    atoms
}

#[test]
fn a_tenant_stored_before_there_were_standings_opens_with_all_it_had() {
    let (store, index_dir) = (stored(), tempfile::tempdir().unwrap());
    let mut tenant = open(&store, index_dir.path(), identity()).unwrap();
    let atoms = tenant.export_page(None, usize::MAX).unwrap();
    // As the access records have it.
    assert!(atoms[1].access_count == 2 && atoms[1].last_accessed_at > atoms[1].created_at);
    assert!(atoms.iter().all(|atom| atom.created_at > Timestamp::from_micros(0)));
    check(&mut tenant);
    let stats = tenant.stats();
    assert_eq!((stats.total_atoms, stats.episodes), (5, 5));
    assert_eq!(stats.domains, ["general", "marks", "people"]);
    assert!(stats.avg_valence.abs() < f64::EPSILON);
    tenant.close();
    check(&mut open(&store, index_dir.path(), identity()).unwrap());
}

#[test]
fn what_came_later_works_on_a_tenant_stored_before_it() {
    let (store, index_dir) = (stored(), tempfile::tempdir().unwrap());
    let mut tenant = open(&store, index_dir.path(), identity()).unwrap();
    let atoms = check(&mut tenant);
    let feedback = Feedback {
        atom_ids: vec![atoms[3].id],
        outcome: 1.0,
        concepts: Vec::new(),
        query_concepts: vec!["money".to_owned()],
    };
    assert_eq!(tenant.give_feedback(&feedback).unwrap().updated_count, 1);
    let content = "Anna moved from Porto to Braga in June";
    let mut correction = new_atom(content);
    "people".clone_into(&mut correction.domain);
    correction.supersedes = vec![atoms[0].id];
    let mut pending = tenant.begin(None);
    let outcome = tenant
        .store(&mut pending, PreparedAtom::new(correction, Some(vector_of(content))))
        .unwrap();
    tenant.keep_reply(&mut pending, "a key", std::slice::from_ref(&outcome)).unwrap();
    tenant.commit(pending).unwrap();
    tenant.spend_queries(1, 1).unwrap();
    assert!(tenant.delete_atom(atoms[2].id).unwrap().was_there);
    tenant.close();

    let mut tenant = open(&store, index_dir.path(), identity()).unwrap();
    let superseded = tenant.find_atom(atoms[0].id).unwrap().unwrap();
    assert_eq!(superseded.superseded_by, outcome.atom_id);
    let rated = tenant.find_atom(atoms[3].id).unwrap().unwrap();
    assert!(rated.outcome_count == 1 && rated.valence > 0.0);
    assert!(tenant.find_atom(atoms[2].id).unwrap().is_none());
    let reply = tenant.kept_reply("a key").unwrap().unwrap();
    assert_eq!(reply[0].atom_id, outcome.atom_id);
    assert!(tenant.spend_queries(1, 1).is_err());
    assert!(!read(&mut tenant, CONTENTS[0]).episodic_hit, "superseded");
}
