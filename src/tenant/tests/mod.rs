//! One tenant against a naive model: random commands, each effect checked, with the tenant closed
//! and opened again, or struck by a power cut, in the middle.

mod agents;
mod consolidation;
mod conversation_model;
mod depth;
mod document_model;
mod files_model;
mod job_model;
mod jobs;
mod learning;
mod outbox;
mod outbox_model;
mod people;
mod people_model;
mod platform;
mod platform_model;
mod standing_model;
mod subject_model;
mod threads;
mod usage;
mod weighing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::{OpenTenant, Reembedding, Tenant, TenantError};
use crate::engine::atom::{NewAtom, ReadQuery, Source, WriteDecision, WriteOutcome};
use crate::engine::feedback::Feedback;
use crate::engine::prepared::PreparedAtom;
use crate::index::IndexSettings;
use crate::storage::keys::{self, Kind};
use crate::storage::records::CueRecord;
use crate::storage::{CommitPolicy, FaultPlan, GroupCommit, MemoryStore, Store, decode};
use crate::types::{
    AtomId, EmbedderIdentity, ManualClock, QuantizedVector, QueryEmbedding, TenantNo, Timestamp,
};

const DIMENSIONS: usize = 16;

fn identity(name: &str) -> EmbedderIdentity {
    EmbedderIdentity {
        name: name.to_owned(),
        dimensions: DIMENSIONS,
        hash: *blake3::hash(name.as_bytes()).as_bytes(),
    }
}

/// A direction that depends on the text alone.
fn embed(text: &str) -> Option<QuantizedVector> {
    let mut bytes = [0_u8; DIMENSIONS];
    blake3::Hasher::new().update(text.as_bytes()).finalize_xof().fill(&mut bytes);
    let vector: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte) - 127.5).collect();
    QuantizedVector::quantize(&vector).unwrap()
}

struct Bench {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
    tenant: Tenant,
}

fn open(store: &MemoryStore, clock: &Arc<ManualClock>, dir: &Path) -> Result<Tenant, TenantError> {
    open_as(store, clock, dir, "test")
}

fn open_as(
    store: &MemoryStore,
    clock: &Arc<ManualClock>,
    dir: &Path,
    embedder: &str,
) -> Result<Tenant, TenantError> {
    let store: Arc<dyn Store> = Arc::new(store.clone());
    let clock: Arc<ManualClock> = Arc::clone(clock);
    Tenant::open(OpenTenant {
        no: TenantNo(7),
        epoch: 1,
        commit: GroupCommit::start(store, "test", CommitPolicy::Fsync).unwrap(),
        embedder: identity(embedder),
        index: IndexSettings::default(),
        index_dir: dir.to_owned(),
        blobs: crate::storage::Blobs::at(dir.join("blobs")),
        clock,
    })
}

impl Bench {
    fn new() -> Self {
        Self::on(MemoryStore::default())
    }

    fn on(store: MemoryStore) -> Self {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(1_000_000)));
        let dir = tempfile::tempdir().unwrap();
        let tenant = open(&store, &clock, dir.path()).unwrap();
        Self { store, clock, dir, tenant }
    }

    fn reopen(&mut self) {
        self.tenant = open(&self.store, &self.clock, self.dir.path()).unwrap();
    }

    fn write(&mut self, atoms: Vec<NewAtom>) -> Vec<WriteOutcome> {
        let mut pending = self.tenant.begin(None);
        let outcomes = atoms
            .into_iter()
            .map(|atom| {
                let vector = embed(&atom.content);
                self.tenant.store(&mut pending, PreparedAtom::new(atom, vector)).unwrap()
            })
            .collect();
        self.tenant.commit(pending).unwrap();
        outcomes
    }

    fn write_one(&mut self, atom: NewAtom) -> WriteOutcome {
        self.write(vec![atom]).remove(0)
    }

    fn ask(&mut self, query: &ReadQuery) -> Vec<(AtomId, f32)> {
        let embedding = QueryEmbedding { whole: embed(&query.text), words: Vec::new() };
        let result = self.tenant.retrieve(query, &embedding).unwrap();
        result.items.iter().map(|item| (item.atom.id, item.relevance)).collect()
    }
}

fn atom(content: &str, domain: &str) -> NewAtom {
    NewAtom::of(content, domain)
}

fn query(text: &str) -> ReadQuery {
    ReadQuery::about(text, 10)
}

/// What the model knows of an atom.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    content: String,
    domain: String,
    external_ref: Option<String>,
}

#[derive(Default)]
struct Model {
    atoms: BTreeMap<AtomId, Known>,
}

impl Model {
    fn expected(&self, new: &NewAtom) -> WriteDecision {
        let mut atoms = self.atoms.values();
        let has_ref =
            |known: &Known| known.external_ref.is_some() && known.external_ref == new.external_ref;
        if atoms.clone().any(has_ref) {
            return WriteDecision::AlreadyStored;
        }
        let same = |known: &Known| known.domain == new.domain && known.content == new.content;
        if atoms.any(same) { WriteDecision::Refused } else { WriteDecision::Stored }
    }

    fn domains(&self) -> Vec<String> {
        let names: BTreeSet<_> = self.atoms.values().map(|known| known.domain.clone()).collect();
        names.into_iter().collect()
    }
}

/// Everything a tenant can tell must agree with the model.
fn check(bench: &mut Bench, model: &Model) {
    let stats = bench.tenant.stats();
    assert_eq!(stats.total_atoms, model.atoms.len() as u64);
    assert_eq!(stats.domains, model.domains());
    let contents: BTreeSet<_> = model.atoms.values().map(|known| &known.content).collect();
    assert_eq!(stats.episodic_fingerprints, contents.len() as u64);

    let mut exported = Vec::new();
    loop {
        let page = bench.tenant.export_page(exported.last().copied(), 3).unwrap();
        if page.is_empty() {
            break;
        }
        exported.extend(page.iter().map(|atom| atom.id));
    }
    assert_eq!(exported, model.atoms.keys().copied().collect::<Vec<_>>(), "ids ascend as created");

    for (id, known) in &model.atoms {
        let found = bench.tenant.find_atom(*id).unwrap().expect("a live atom is found");
        assert_eq!((&found.content, &found.domain), (&known.content, &known.domain));
        if let Some(external_ref) = &known.external_ref {
            let found = bench.tenant.find_by_external_ref(external_ref).unwrap();
            assert_eq!(found.map(|atom| atom.id), Some(*id));
        }
        let mut exact = query(&known.content);
        exact.domains = Some(vec![known.domain.clone()]);
        let answer = bench.ask(&exact);
        assert_eq!(answer.first().map(|(id, _)| *id), Some(*id), "its own content finds it first");
        for (other, _) in answer {
            assert_eq!(model.atoms.get(&other).map(|k| &k.domain), Some(&known.domain));
        }
    }
}

fn random_atom(rng: &mut impl Rng) -> NewAtom {
    let words = ["deploy", "friday", "anna", "berlin", "database", "cat"];
    let mut pick = || words[rng.random_range(0..words.len())];
    let content = format!("{} {} {}", pick(), pick(), pick());
    let mut new = atom(&content, ["a", "b", "c"][rng.random_range(0..3)]);
    if rng.random_bool(0.3) {
        new.external_ref = Some(format!("ref-{}", rng.random_range(0..8)));
    }
    if rng.random_bool(0.5) {
        new.session = Some(format!("s{}", rng.random_range(0..2)));
    }
    new
}

fn run_random_commands(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut bench = Bench::new();
    let mut model = Model::default();
    let mut deleted = Vec::new();
    for _ in 0..40 {
        bench.clock.advance(Duration::from_millis(rng.random_range(0..100_000)));
        match rng.random_range(0..10) {
            0..6 => {
                let atoms: Vec<_> =
                    (0..rng.random_range(1..4)).map(|_| random_atom(&mut rng)).collect();
                let outcomes = bench.write(atoms.clone());
                for (new, outcome) in atoms.into_iter().zip(outcomes) {
                    assert_eq!(outcome.decision, model.expected(&new), "{new:?}");
                    assert_eq!(
                        outcome.atom_id.is_none(),
                        outcome.decision == WriteDecision::Refused
                    );
                    if outcome.decision == WriteDecision::Stored {
                        let NewAtom { content, domain, external_ref, .. } = new;
                        let known = Known { content, domain, external_ref };
                        model.atoms.insert(outcome.atom_id.unwrap(), known);
                    }
                }
            }
            6..8 => {
                let ids: Vec<_> = model.atoms.keys().copied().collect();
                if let Some(id) = ids.get(rng.random_range(0..ids.len().max(1))) {
                    assert!(bench.tenant.delete_atom(*id).unwrap().was_there);
                    assert!(!bench.tenant.delete_atom(*id).unwrap().was_there);
                    model.atoms.remove(id);
                    deleted.push(*id);
                }
            }
            _ => bench.reopen(),
        }
    }
    check(&mut bench, &model);
    bench.reopen();
    check(&mut bench, &model);
    for id in deleted {
        assert_eq!(bench.tenant.find_atom(id).unwrap(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tenant_agrees_with_a_naive_model_across_reopening(seed: u64) {
        run_random_commands(seed);
    }
}

#[test]
fn a_write_is_whole_after_a_power_cut_or_not_there_at_all() {
    for flushed in [false, true] {
        let mut bench = Bench::new();
        bench.write_one(atom("kept from before", "a"));
        bench.store.flush().unwrap();
        bench.write(vec![atom("one of two", "a"), atom("two of two", "b")]);
        if flushed {
            bench.store.flush().unwrap();
        }
        bench.store = bench.store.after_power_cut();
        bench.reopen();
        let stats = bench.tenant.stats();
        assert_eq!(stats.total_atoms, if flushed { 3 } else { 1 });
        assert_eq!(stats.domains.len(), if flushed { 2 } else { 1 });
    }
}

/// A write fails half-way: memory already knows the atom, storage does not. The tenant must not
/// serve from that memory, and the next opening must not know the atom.
#[test]
fn a_failed_write_poisons_the_tenant_until_it_is_opened_again() {
    let faults = FaultPlan { fail_apply_at: Some(3), ..FaultPlan::default() };
    let mut bench = Bench::on(MemoryStore::with_faults(faults));
    bench.write_one(atom("first", "a"));
    let mut pending = bench.tenant.begin(None);
    bench.tenant.store(&mut pending, PreparedAtom::new(atom("second", "a"), None)).unwrap();
    assert!(bench.tenant.commit(pending).is_err());
    assert!(bench.tenant.is_poisoned());
    let answer = bench.tenant.retrieve(&query("first"), &QueryEmbedding::default());
    assert!(matches!(answer, Err(TenantError::Poisoned)));
    bench.reopen();
    assert_eq!(bench.tenant.stats().total_atoms, 1);
}

#[test]
fn another_embedder_is_refused_and_told_what_to_do() {
    let mut bench = Bench::new();
    bench.write_one(atom("first", "a"));
    let reopened = open_as(&bench.store, &bench.clock, bench.dir.path(), "other");
    let error = reopened.err().expect("another embedder's vectors are never mixed in");
    assert!(error.to_string().contains("hebbd reembed"), "{error}");
    assert!(open(&bench.store, &bench.clock, bench.dir.path()).is_ok());
}

#[test]
fn a_tenant_whose_reembedding_was_interrupted_opens_with_neither_embedder() {
    let mut bench = Bench::new();
    let outcomes = bench.write(vec![atom("first", "a"), atom("second", "b")]);
    bench.ask(&query("second"));
    let praise = Feedback {
        atom_ids: outcomes.into_iter().filter_map(|outcome| outcome.atom_id).collect(),
        outcome: 1.0,
        concepts: Vec::new(),
        query_concepts: Vec::new(),
    };
    bench.tenant.give_feedback(&praise).unwrap();
    let commit = || {
        let store: Arc<dyn Store> = Arc::new(bench.store.clone());
        GroupCommit::start(store, "test", CommitPolicy::Fsync).unwrap()
    };
    let begin = |name| Reembedding::begin(TenantNo(7), commit(), &identity(name)).unwrap();
    assert!(begin("test").is_none(), "nothing to do");
    let mut half = begin("other").unwrap();
    let page = half.next_page(1).unwrap();
    half.replace(vec![(page[0].0, embed("something else"))]).unwrap();
    drop(half);
    for name in ["test", "other"] {
        assert!(open_as(&bench.store, &bench.clock, bench.dir.path(), name).is_err());
    }
    let mut whole = begin("other").unwrap();
    let mut contents = Vec::new();
    loop {
        let page = whole.next_page(1).unwrap();
        let Some((no, content)) = page.into_iter().next() else { break };
        whole.replace(vec![(no, embed(&content))]).unwrap();
        contents.push(content);
    }
    whole.finish().unwrap();
    assert_eq!(contents, ["first", "second"]);
    let reopened = open_as(&bench.store, &bench.clock, bench.dir.path(), "other").unwrap();
    assert_eq!(reopened.stats().total_atoms, 2);
    let cues = keys::kind_prefix(TenantNo(7), Kind::Cue);
    let cues = bench.store.scan(&cues, None, 10).unwrap();
    let cues: Vec<CueRecord> = cues.iter().map(|(_, value)| decode(value).unwrap()).collect();
    assert!(cues.len() == 1 && cues[0].vector.is_none(), "its text is not kept");
}

#[test]
fn atom_numbers_are_not_used_again_after_the_newest_atom_is_deleted() {
    let mut bench = Bench::new();
    let first = bench.write_one(atom("first", "a")).atom_id.unwrap();
    assert!(bench.tenant.delete_atom(first).unwrap().was_there);
    bench.reopen();
    let second = bench.write_one(atom("first", "a")).atom_id.unwrap();
    assert!(second > first);
    assert_eq!(super::ids::number_in(second).0, 2);
}

#[test]
fn neighbours_in_a_session_lift_each_other_only_with_associations() {
    let mut bench = Bench::new();
    let mut ids = Vec::new();
    for content in ["Where did you travel in the end?", "Lisbon, it was lovely", "Good night"] {
        let mut new = atom(content, "a");
        new.session = Some("s".to_owned());
        bench.clock.advance(Duration::from_secs(1));
        ids.push(bench.write_one(new).atom_id.unwrap());
    }
    for filler in 0..30 {
        bench.write_one(atom(&format!("unrelated filler number {filler} about gardens"), "a"));
    }
    let mut asked = query("travel");
    let relevance = |answer: &[(AtomId, f32)], id| {
        answer.iter().find(|(found, _)| *found == id).map_or(0.0, |(_, relevance)| *relevance)
    };
    let with = bench.ask(&asked);
    asked.include_associations = false;
    let without = bench.ask(&asked);
    assert!(relevance(&with, ids[1]) > relevance(&without, ids[1]) + 0.2, "the answer is lifted");
}

#[test]
fn a_linked_concept_brings_in_what_the_words_do_not() {
    let mut bench = Bench::new();
    let mut one = atom("the release train leaves weekly", "a");
    one.concepts = vec!["deploy".to_owned(), "release train".to_owned()];
    let mut other = atom("Anna holds the keys", "a");
    other.concepts = vec!["release train".to_owned(), "Anna".to_owned()];
    bench.write_one(one);
    let other = bench.write_one(other).atom_id.unwrap();
    let embedding = QueryEmbedding::default();
    let mut asked = query("deploy");
    asked.min_relevance = 0.3;
    let result = bench.tenant.retrieve(&asked, &embedding).unwrap();
    let item = result.items.iter().find(|item| item.atom.id == other).expect("it is brought in");
    assert_eq!(item.source, Source::Hebbian);
    assert!(result.expanded_concepts.iter().any(|concept| concept == "release train"));
    asked.include_associations = false;
    let result = bench.tenant.retrieve(&asked, &embedding).unwrap();
    assert!(result.items.iter().all(|item| item.source != Source::Hebbian));
    assert_eq!(result.expanded_concepts, result.query_concepts);
}

#[test]
fn access_counts_survive_closing() {
    let mut bench = Bench::new();
    let id = bench.write_one(atom("first", "a")).atom_id.unwrap();
    bench.ask(&query("first"));
    bench.ask(&query("first"));
    assert_eq!(bench.tenant.find_atom(id).unwrap().unwrap().access_count, 2);
    let tenant = std::mem::replace(
        &mut bench.tenant,
        open(&MemoryStore::default(), &bench.clock, bench.dir.path()).unwrap(),
    );
    tenant.close();
    bench.reopen();
    assert_eq!(bench.tenant.find_atom(id).unwrap().unwrap().access_count, 2);
}

/// Deleting most of a domain numbers its rows anew; nothing may be lost or doubled by it.
#[test]
fn a_domain_whose_rows_are_mostly_dead_is_rebuilt_without_loss() {
    let mut bench = Bench::new();
    let atoms = (0..900).map(|number| {
        let mut new = atom(&format!("note {number} about topic {}", number % 7), "a");
        new.external_ref = Some(format!("ref-{number}"));
        new.concepts = vec![format!("topic {}", number % 7), "note".to_owned()];
        new
    });
    let outcomes = bench.write(atoms.collect());
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.atom_id.unwrap()).collect();
    let mut model = Model::default();
    for (number, id) in ids.iter().enumerate() {
        if number % 3 == 0 {
            let content = format!("note {number} about topic {}", number % 7);
            let external_ref = Some(format!("ref-{number}"));
            model.atoms.insert(*id, Known { content, domain: "a".to_owned(), external_ref });
        } else {
            assert!(bench.tenant.delete_atom(*id).unwrap().was_there);
        }
    }
    let rows = bench.tenant.domains.values().map(|domain| domain.rows.len()).sum::<usize>();
    assert!(rows < 900, "dead rows were dropped, {rows} are left");
    check(&mut bench, &model);
}

/// A process that is killed while a large batch is applied leaves some of its records. They count
/// for nothing, and the next opening removes them.
#[test]
fn what_an_unfinished_batch_left_is_never_seen_and_is_removed() {
    for left in 0..=6 {
        let mut bench = Bench::new();
        bench.write_one(atom("kept", "a"));
        let store = bench.store.clone();
        let stored = || store.scan(b"", None, 1_000).unwrap().len();
        let before = stored();
        let mut pending = bench.tenant.begin(None);
        for content in ["one", "two", "three"] {
            bench
                .tenant
                .store(&mut pending, PreparedAtom::new(atom(content, "a"), embed(content)))
                .unwrap();
        }
        let mut broken_off = pending.batch;
        assert_eq!(broken_off.prepared.len(), 6);
        broken_off.prepared.truncate(left);
        broken_off.changes.clear();
        bench.store.apply(&broken_off).unwrap();
        assert_eq!(stored(), before + left);

        bench.reopen();
        assert_eq!(stored(), before, "nothing of it is left");
        assert_eq!(bench.tenant.stats().total_atoms, 1);
        assert_eq!(bench.tenant.export_page(None, 10).unwrap().len(), 1);
        let again = bench.write(vec![atom("two", "a"), atom("one", "a")]);
        assert!(again.iter().all(|outcome| outcome.decision == WriteDecision::Stored));
        bench.reopen();
        assert_eq!(bench.tenant.stats().total_atoms, 3);
    }
}
