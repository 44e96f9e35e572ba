//! Documents against a naive model: random uploads, replacements, reindexing, deletions, runs that
//! succeed, fail or die, with the tenant opened again or struck by a power cut in the middle.
//! A document's chunks are there exactly while it is indexed, its original exactly while a
//! document names it, and its part of the graph exactly as long as its chunks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::embed;
use super::jobs::{Bench, LEASE};
use crate::engine::atom::{Metadata, NewAtom, ReadQuery};
use crate::engine::documents::{
    DOCUMENTS_DOMAIN, FailureCause, IndexingProgress, IndexingState, IndexingStep, NewDocument,
};
use crate::engine::jobs::Lease;
use crate::engine::knowledge::{DocumentEntity, DocumentGraph, EntityType};
use crate::engine::prepared::PreparedAtom;
use crate::storage::{BlobHash, Spool, Store};
use crate::tenant::{DocumentChange, DocumentLimits, IndexingOrder, PlannedDocument, TenantError};
use crate::types::{FileKind, QueryEmbedding};

const ROOM: DocumentLimits = DocumentLimits { documents_max: Some(4), bytes_max: Some(60) };

#[derive(Debug, Clone, PartialEq)]
enum State {
    Processing,
    Indexed,
    Failed,
}

/// By id: which content it has, and how far it has come.
type Model = BTreeMap<String, (usize, State)>;

struct Run {
    bench: Bench,
    spool: Spool,
    _spool_dir: tempfile::TempDir,
    model: Model,
    durable: Model,
    rng: SmallRng,
}

fn content_of(content: usize) -> String {
    format!("content {content} {}", "x".repeat(content))
}

fn chunks_of(content: usize) -> Vec<String> {
    (0..content % 4).map(|index| format!("word{content} part{index}")).collect()
}

fn graph_of(content: usize) -> DocumentGraph {
    let entity = |name: String| DocumentEntity {
        name,
        entity_type: EntityType::Concept,
        summary: String::new(),
        chunks: 1,
    };
    let entities = chunks_of(content).into_iter().map(entity).collect();
    DocumentGraph { entities, relations: Vec::new() }
}

impl Run {
    fn new(seed: u64) -> Self {
        let spool_dir = tempfile::tempdir().unwrap();
        Self {
            bench: Bench::new(),
            spool: Spool::open(spool_dir.path()).unwrap(),
            _spool_dir: spool_dir,
            model: Model::new(),
            durable: Model::new(),
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    fn upload(&mut self) {
        let id = format!("d{}", self.rng.random_range(0..6));
        let content = self.rng.random_range(0..12);
        let mut writer = self.spool.begin().unwrap();
        writer.write(content_of(content).as_bytes()).unwrap();
        let file = writer.finish().unwrap();
        let (blob, size_bytes) = (file.hash(), file.size_bytes());
        let others = self.model.iter().filter(|(other, _)| **other != id);
        let sizes = others.clone().map(|(_, (content, _))| content_of(*content).len() as u64);
        let fits = others.count() < 4 && sizes.sum::<u64>() + size_bytes <= 60;
        match self.bench.tenant.check_document(&id, size_bytes, &ROOM) {
            Ok(()) => assert!(fits),
            Err(TenantError::DocumentLimit { .. } | TenantError::DocumentBytesLimit { .. }) => {
                assert!(!fits);
                return;
            }
            Err(error) => panic!("{error}"),
        }
        self.bench.tenant.blobs().keep(&file).unwrap();
        let new = NewDocument {
            id: id.clone(),
            title: format!("title of {id}"),
            file_name: format!("{id}.txt"),
            kind: FileKind::Text,
            metadata: Metadata::default(),
        };
        let planned = PlannedDocument { new, blob, size_bytes };
        let change = self.bench.tenant.plan_document(planned).unwrap();
        self.carry_out(change, |model| {
            model.insert(id, (content, State::Processing));
        });
    }

    fn reindex(&mut self) {
        let id = self.some_id();
        let change = self.bench.tenant.plan_reindexing(&id).unwrap();
        assert_eq!(change.is_some(), self.model.contains_key(&id));
        let Some(change) = change else { return };
        let content = self.model[&id].0;
        self.carry_out(change, |model| {
            model.insert(id, (content, State::Processing));
        });
    }

    fn remove(&mut self) {
        let id = self.some_id();
        let change = self.bench.tenant.plan_document_removal(&id).unwrap();
        assert_eq!(change.is_some(), self.model.contains_key(&id));
        let Some(change) = change else { return };
        self.carry_out(change, |model| {
            model.remove(&id);
        });
    }

    fn some_id(&mut self) -> String {
        format!("d{}", self.rng.random_range(0..6))
    }

    fn carry_out(&mut self, change: DocumentChange, apply: impl FnOnce(&mut Model)) {
        let (pending, mut former, freed) = self.bench.tenant.finish_document(change).unwrap();
        if self.rng.random_bool(0.1) {
            // The process dies before the batch is applied.
            drop(pending);
            self.reopen();
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        apply(&mut self.model);
        if self.rng.random_bool(0.1) {
            // It dies before the former chunks are gone: the next opening removes them.
            self.reopen();
            return;
        }
        loop {
            let mut pending = self.bench.tenant.begin(None);
            let has_more = self.bench.tenant.forget_chunks(&mut pending, &mut former).unwrap();
            self.bench.tenant.commit(pending).unwrap();
            if !has_more {
                break;
            }
        }
        self.bench.tenant.tidy_after_documents(&former).unwrap();
        let Some(blob) = freed else { return };
        self.flush();
        if self.rng.random_bool(0.3) {
            // It dies before the original is removed: the next opening does it.
            self.reopen();
        } else {
            self.bench.tenant.blobs().remove(blob).unwrap();
        }
    }

    /// Opening flushes when it finds files of no document.
    fn reopen(&mut self) {
        self.bench.reopen();
        self.flush();
    }

    fn flush(&mut self) {
        self.bench.store.flush().unwrap();
        self.durable = self.model.clone();
    }

    /// Does the job that is due, or dies over it. Says whether there was one.
    fn index(&mut self, may_die: bool) -> bool {
        let Some(leased) = self.bench.lease() else { return false };
        let order = IndexingOrder::from_payload(&leased.payload).unwrap();
        let task = self.bench.tenant.indexing_task(&order).expect("its run is the present one");
        let id = order.document.clone();
        let original = std::fs::read_to_string(&task.original).expect("the original is there");
        let content = self.model[&id].0;
        assert_eq!(original, content_of(content));
        self.report(&leased.lease, &order, content);
        if may_die && self.rng.random_bool(0.4) {
            self.reopen();
            return true;
        }
        let mut pending = self.bench.tenant.begin(None);
        self.bench.tenant.check_lease(&leased.lease).unwrap();
        let fails = self.rng.random_bool(0.2);
        if fails {
            self.bench
                .tenant
                .fail_indexing(&mut pending, &order, "cannot be read", FailureCause::File)
                .unwrap();
        } else {
            for text in chunks_of(content) {
                let atom = NewAtom {
                    fingerprint: Some(task.mark.clone()),
                    session: Some(id.clone()),
                    is_certain: true,
                    metadata: Metadata::from_checked(r#"{"chunk_index":0}"#.to_owned()),
                    ..NewAtom::of(&text, DOCUMENTS_DOMAIN)
                };
                let embedding = embed(&text);
                let chunk = PreparedAtom::new(atom, embedding);
                self.bench.tenant.store_chunk(&mut pending, chunk).unwrap();
            }
            let count = u32::try_from(chunks_of(content).len()).unwrap();
            let (tenant, graph) = (&mut self.bench.tenant, graph_of(content));
            tenant.complete_indexing(&mut pending, &order, &original, count, &graph).unwrap();
        }
        self.bench.tenant.complete(&mut pending, &leased.lease).unwrap();
        if may_die && self.rng.random_bool(0.2) {
            drop(pending);
            self.reopen();
            return true;
        }
        self.bench.tenant.commit(pending).unwrap();
        let state = if fails { State::Failed } else { State::Indexed };
        self.model.insert(id, (content, state));
        true
    }

    fn report(&mut self, lease: &Lease, order: &IndexingOrder, content: usize) {
        let before = self.bench.tenant.find_document(&order.document).unwrap().indexing.percent;
        let percent = self.rng.random_range(0..100);
        let chunks_total = u32::try_from(content % 4).unwrap();
        let step = IndexingStep::Embedding;
        let progress = IndexingProgress { step, percent, chunks_total, chunks_processed: 0 };
        self.bench.tenant.note_indexing(lease, order, progress).unwrap();
        let after = self.bench.tenant.find_document(&order.document).unwrap();
        assert_eq!(after.indexing.percent, before.max(percent), "it never falls");
        // A report asks for a flush that comes by itself: waited for, so that no later one is in
        // the way of the power cut.
        let flushed = self.bench.tenant.flush_ticket();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(flushed.durable()).unwrap();
        self.durable = self.model.clone();
    }

    fn check(&mut self) {
        let documents = self.bench.tenant.documents();
        let ids: BTreeSet<_> = documents.iter().map(|document| document.id.clone()).collect();
        assert_eq!(ids, self.model.keys().cloned().collect());
        let uploads: Vec<_> = documents.iter().map(|document| document.uploaded_at).collect();
        assert!(uploads.is_sorted_by(|one, other| one >= other), "the newest first");
        for document in &documents {
            let (content, state) = &self.model[&document.id];
            let given_up =
                self.bench.tenant.find_job(document.indexing.job).is_none_or(|job| {
                    matches!(job.state, crate::engine::jobs::JobState::Dead { .. })
                });
            let expected = match state {
                State::Processing if given_up => "failed",
                State::Processing => "processing",
                State::Indexed => "indexed",
                State::Failed => "failed",
            };
            let found = match &document.indexing.state {
                IndexingState::Processing => "processing",
                IndexingState::Indexed => "indexed",
                IndexingState::Failed { .. } | IndexingState::GivenUp => "failed",
            };
            assert_eq!(found, expected);
            let chunks = if expected == "indexed" { content % 4 } else { 0 };
            assert_eq!(document.chunk_count() as usize, chunks);
            assert_eq!(document.indexing.percent == 100, expected == "indexed");
        }
        self.check_chunks();
        self.check_graph();
        self.check_originals();
    }

    fn indexed(&self) -> impl Iterator<Item = (&String, usize)> {
        let indexed = self.model.iter().filter(|(_, (_, state))| *state == State::Indexed);
        indexed.map(|(id, (content, _))| (id, *content))
    }

    fn check_chunks(&mut self) {
        let expected: usize = self.indexed().map(|(_, content)| content % 4).sum();
        assert_eq!(self.bench.tenant.stats().total_atoms, expected as u64);
        let query = ReadQuery::about("part0", 100);
        let embedding = QueryEmbedding { whole: embed("part0"), words: Vec::new() };
        let found = self.bench.tenant.search_documents(query, &embedding).unwrap();
        let found: BTreeSet<_> =
            found.into_iter().map(|chunk| (chunk.document.id.clone(), chunk.text)).collect();
        let chunks = |(id, content): (&String, usize)| {
            let id = id.clone();
            chunks_of(content).into_iter().map(move |text| (id.clone(), text))
        };
        assert_eq!(found, self.indexed().flat_map(chunks).collect());
    }

    fn check_graph(&self) {
        let page = self.bench.tenant.graph_page(None).unwrap();
        assert!(page.next.is_none());
        let found: BTreeMap<_, _> =
            page.parts.into_iter().map(|(document, graph)| (document.id, graph)).collect();
        let has_part = |(_, content): &(&String, usize)| content % 4 > 0;
        let expected = self.indexed().filter(has_part);
        assert_eq!(found, expected.map(|(id, content)| (id.clone(), graph_of(content))).collect());
    }

    fn check_originals(&self) {
        let blob =
            |content: &usize| BlobHash(*blake3::hash(content_of(*content).as_bytes()).as_bytes());
        for content in self.model.values().map(|(content, _)| content) {
            assert!(self.bench.tenant.blobs().path(blob(content)).exists());
        }
        let named: BTreeSet<_> = self.model.values().map(|(content, _)| blob(content)).collect();
        let is_named = |blob: BlobHash| named.contains(&blob);
        assert!(!self.bench.tenant.blobs().has_others(is_named).unwrap(), "a file of no document");
    }
}

fn run_random_commands(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..60 {
        run.bench.clock.advance(Duration::from_secs(run.rng.random_range(1..2_000)));
        match run.rng.random_range(0..14) {
            0..4 => run.upload(),
            4..9 => drop(run.index(true)),
            9 => run.reindex(),
            10 => run.remove(),
            11 => run.reopen(),
            12 => run.flush(),
            _ => {
                run.bench.store = run.bench.store.after_power_cut();
                run.model = run.durable.clone();
                run.reopen();
            }
        }
        run.check();
    }
    // Whatever was interrupted ends; a job interrupted too often is tried again by an operator.
    while run.bench.tenant.jobs_overview() != crate::engine::jobs::JobsOverview::default() {
        for letter in run.bench.tenant.dead_letters(None, usize::MAX) {
            run.bench.tenant.retry_dead(letter.job).unwrap();
        }
        run.bench.clock.advance(LEASE);
        run.index(false);
        run.check();
    }
    assert!(run.model.values().all(|(_, state)| *state != State::Processing));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn documents_agree_with_a_naive_model_across_reopening_and_power_cuts(seed: u64) {
        run_random_commands(seed);
    }
}
