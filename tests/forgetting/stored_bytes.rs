//! What is deleted is in no stored key or value either. A tenant on a store in memory, whose
//! every byte can be looked at.

use std::path::Path;

use hebbd::actors::tenant::data::{Feedback, Metadata};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::storage::{MemoryStore, Store};
use hebbd::tenant::Tenant;
use hebbd::types::AtomId;

use crate::plain_tenant::{identity, new_atom, open, read, vector_of};

const MARKER: &str = "Quizzaciously";
const DOMAIN: &str = "secrets";

/// Kinds of records, as `docs/storage-format.md` has them.
const HEADER: u8 = 0x01;
const COUNTERS: u8 = 0x02;
const USAGE: u8 = 0x03;
const CONCEPT: u8 = 0x20;
const EDGE: u8 = 0x21;
const REPLY: u8 = 0x30;

struct Vault {
    store: MemoryStore,
    index_dir: tempfile::TempDir,
    tenant: Tenant,
    /// Three near-duplicates, a fact, and two corrections of it, each of the one before.
    ids: Vec<AtomId>,
}

fn content(number: usize) -> String {
    match number {
        // Long, so that one word makes little difference to the direction.
        0..3 => format!(
            "{MARKER} nightly backup number {number} of the orders database to the archive in \
             Frankfurt on the river Main finished at noon without any errors at all"
        ),
        _ => format!("{MARKER} is the password of vault {number}, says {}", "x".repeat(number)),
    }
}

fn pairs_of(store: &MemoryStore) -> Vec<(Vec<u8>, Vec<u8>)> {
    store.scan(&[], None, usize::MAX).unwrap()
}

/// The kind of a record follows the number of its tenant.
fn kind_of(key: &[u8]) -> u8 {
    key[8]
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl Vault {
    /// Everything that a tenant can store is stored: concepts, edges, cues, standings, access
    /// counts, a kept reply, a day's count, what a consolidation notes of a domain.
    fn filled() -> Self {
        let store = MemoryStore::default();
        let index_dir = tempfile::tempdir().unwrap();
        let tenant = open(&store, index_dir.path(), identity()).unwrap();
        let mut vault = Self { store, index_dir, tenant, ids: Vec::new() };
        for number in 0..6 {
            vault.write(number);
        }
        let feedback = Feedback {
            atom_ids: vault.ids.clone(),
            outcome: 1.0,
            concepts: vec!["keeper".to_owned(), MARKER.to_owned()],
            query_concepts: vec![format!("{MARKER} asked"), "vault".to_owned()],
        };
        assert_eq!(vault.tenant.give_feedback(&feedback).unwrap().updated_count, 6);
        vault.consolidate();
        read(&mut vault.tenant, MARKER);
        vault.tenant.spend_queries(1, 10).unwrap();
        let vault = vault.reopen();
        let mut kinds: Vec<u8> = pairs_of(&vault.store).iter().map(|(k, _)| kind_of(k)).collect();
        kinds.dedup();
        let all = [1, 2, 3, 8, 9, 0x10, 0x11, 0x12, 0x13, CONCEPT, EDGE, 0x22, REPLY];
        assert_eq!(kinds, all, "the test stores a record of each kind");
        vault
    }

    fn write(&mut self, number: usize) {
        let mut atom = new_atom(&content(number));
        DOMAIN.clone_into(&mut atom.domain);
        atom.concepts = vec![MARKER.to_owned(), "vault".to_owned()];
        atom.metadata = Metadata::from_checked(format!("{{\"note\":\"{MARKER}\"}}"));
        atom.external_ref = Some(format!("{MARKER} {number}"));
        atom.fingerprint = Some(format!("print of {MARKER}"));
        atom.session = Some(format!("session {MARKER}"));
        if number > 3 {
            atom.supersedes = vec![self.ids[number - 1]];
        }
        let mut pending = self.tenant.begin(None);
        let vector = vector_of(&content(number));
        let outcome =
            self.tenant.store(&mut pending, PreparedAtom::new(atom, Some(vector))).unwrap();
        let key = format!("key of {MARKER} {number}");
        self.tenant.keep_reply(&mut pending, &key, std::slice::from_ref(&outcome)).unwrap();
        self.tenant.commit(pending).unwrap();
        self.ids.push(outcome.atom_id.unwrap());
    }

    fn consolidate(&mut self) {
        let (snapshot, _) = self.tenant.snapshot_for_consolidation(DOMAIN).unwrap();
        let mut snapshot = snapshot.unwrap();
        let ids = snapshot.ids_without_words(100);
        snapshot.take_contents(self.tenant.contents_of(&ids).unwrap());
        let plan = snapshot.plan(&|| true).unwrap();
        let mut work = self.tenant.begin_consolidation(plan);
        while self.tenant.apply_consolidation_slice(&mut work).unwrap() {}
        assert_eq!(work.into_report().prototypes_created, 1);
    }

    fn reopen(self) -> Self {
        let Self { store, index_dir, tenant, ids } = self;
        tenant.close();
        let tenant = open(&store, index_dir.path(), identity()).unwrap();
        Self { store, index_dir, tenant, ids }
    }

    fn erase_domain(&mut self) {
        let mut erasure = self.tenant.plan_domain_erasure(DOMAIN).unwrap().unwrap();
        while self.tenant.erase_slice(&mut erasure).unwrap() {}
        self.tenant.finish_erasure(erasure).unwrap();
    }

    /// Nothing of the atom is stored, but that records of others may name its id.
    fn check_gone(&self, number: usize) {
        let vector: Vec<u8> =
            vector_of(&content(number)).values.iter().map(|value| value.cast_unsigned()).collect();
        let own = [content(number).into_bytes(), format!("{MARKER} {number}").into_bytes(), vector];
        for (key, value) in pairs_of(&self.store) {
            for bytes in &own {
                assert!(!contains(&value, bytes) && !contains(&key, bytes), "{number}: {key:?}");
            }
        }
        assert!(!holds(self.index_dir.path(), &own[2]), "an index cache holds the vector");
    }

    /// Values with the marker, by kind.
    fn kinds_with_the_marker(&self) -> Vec<u8> {
        let marker = MARKER.to_lowercase().into_bytes();
        let pairs = pairs_of(&self.store).into_iter();
        let mut kinds: Vec<u8> = pairs
            .filter(|(key, value)| {
                contains(&value.to_ascii_lowercase(), &marker)
                    || contains(&key.to_ascii_lowercase(), &marker)
            })
            .map(|(key, _)| kind_of(&key))
            .collect();
        kinds.dedup();
        kinds
    }
}

fn holds(directory: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().any(|path| contains(&std::fs::read(path).unwrap(), bytes))
}

#[test]
fn nothing_stored_holds_a_deleted_atom_whatever_it_was_to_others() {
    let count = Vault::filled().ids.len();
    for number in 0..count {
        let mut vault = Vault::filled();
        assert!(vault.tenant.delete_atom(vault.ids[number]).unwrap().was_there);
        vault.check_gone(number);
        let vault = vault.reopen();
        vault.check_gone(number);
        let left = vault.tenant.export_page(None, usize::MAX).unwrap().len();
        assert_eq!(left, count - 1);
    }
}

/// Before and after reopening: the marker is in names of concepts alone, and no atom left a record.
fn check_only_concepts_are_left(mut vault: Vault) {
    for _ in 0..2 {
        assert_eq!(vault.kinds_with_the_marker(), [CONCEPT]);
        let allowed = [HEADER, COUNTERS, USAGE, CONCEPT, EDGE, REPLY];
        for (key, _) in pairs_of(&vault.store) {
            assert!(allowed.contains(&kind_of(&key)), "{key:?} is left");
        }
        vault = vault.reopen();
    }
}

/// Concepts stay: an edge belongs to a pair of them, not to an atom. Nothing else does.
#[test]
fn only_names_of_concepts_are_left_when_every_atom_was_deleted() {
    let mut vault = Vault::filled();
    assert!(vault.kinds_with_the_marker().len() > 1, "the test stores the marker");
    for id in vault.ids.clone() {
        vault.tenant.delete_atom(id).unwrap();
    }
    check_only_concepts_are_left(vault);
}

#[test]
fn only_names_of_concepts_are_left_of_a_deleted_domain() {
    let mut vault = Vault::filled();
    vault.erase_domain();
    check_only_concepts_are_left(vault);
}

#[test]
fn nothing_is_left_of_a_tenant_that_was_reset_but_what_counts() {
    let mut vault = Vault::filled();
    vault.erase_domain();
    while vault.tenant.forget_learned_slice().unwrap() {}
    for _ in 0..2 {
        assert_eq!(vault.kinds_with_the_marker(), [0_u8; 0]);
        let kinds: Vec<u8> = pairs_of(&vault.store).iter().map(|(key, _)| kind_of(key)).collect();
        assert_eq!(kinds, [HEADER, COUNTERS, USAGE]);
        let ids: Vec<&[u8; 16]> = vault.ids.iter().map(AtomId::as_bytes).collect();
        for (_, value) in pairs_of(&vault.store) {
            assert!(ids.iter().all(|id| !contains(&value, id.as_slice())), "an id is left");
        }
        vault = vault.reopen();
    }
}

/// Stopped half-way, a domain's deletion leaves whole atoms, and none of them waits for a
/// prototype that is gone.
#[test]
fn what_a_broken_off_deletion_of_a_domain_leaves_is_all_there_to_be_read() {
    const REPORTS: usize = 90;
    let store = MemoryStore::default();
    let index_dir = tempfile::tempdir().unwrap();
    let mut tenant = open(&store, index_dir.path(), identity()).unwrap();
    let mut pending = tenant.begin(None);
    for number in 0..REPORTS {
        let content = format!("The nightly backup number {number} of orders finished on time");
        let mut atom = new_atom(&content);
        DOMAIN.clone_into(&mut atom.domain);
        tenant
            .store(&mut pending, PreparedAtom::new(atom, Some(vector_of("backup of orders"))))
            .unwrap();
    }
    tenant.commit(pending).unwrap();
    let mut vault = Vault { store, index_dir, tenant, ids: Vec::new() };
    vault.consolidate();
    let mut erasure = vault.tenant.plan_domain_erasure(DOMAIN).unwrap().unwrap();
    assert!(vault.tenant.erase_slice(&mut erasure).unwrap(), "there is more to do");
    // Killed: not closed.
    let Vault { store, index_dir, tenant, .. } = vault;
    drop(tenant);
    let mut tenant = open(&store, index_dir.path(), identity()).unwrap();
    let left = tenant.export_page(None, usize::MAX).unwrap();
    assert!(!left.is_empty() && left.len() < REPORTS);
    for atom in &left {
        let prototype = atom.consolidated_into;
        assert!(
            prototype.is_none_or(|id| left.iter().any(|atom| atom.id == id)),
            "{} waits for a prototype that is gone",
            atom.content
        );
    }
    assert!(!read(&mut tenant, "backup of orders").items.is_empty(), "none of them is found");
}
