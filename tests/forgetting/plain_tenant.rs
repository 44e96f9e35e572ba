//! A tenant without its actor, on a store in memory and with the test embedder: every step of
//! its life happens when the test says so.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::Path;
use std::sync::Arc;

use hebbd::actors::tenant::data::{
    Depth, NewAtom, ReadQuery, ReadResult, RetrievalMode, TimeWindow,
};
use hebbd::embedding::{Embedder, FakeEmbedder, embed_blocking};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::index::IndexSettings;
use hebbd::storage::{CommitPolicy, GroupCommit, MemoryStore, Store};
use hebbd::tenant::{OpenTenant, Tenant, TenantError};
use hebbd::types::{
    AtomId, EmbedderIdentity, QuantizedVector, QueryEmbedding, SystemClock, TenantNo,
};

const DIMENSIONS: usize = 64;

pub(crate) fn commit_to(store: &MemoryStore) -> GroupCommit {
    let store: Arc<dyn Store> = Arc::new(store.clone());
    GroupCommit::start(store, "test", CommitPolicy::Fsync).unwrap()
}

pub(crate) fn open(
    store: &MemoryStore,
    index_dir: &Path,
    embedder: EmbedderIdentity,
) -> Result<Tenant, TenantError> {
    Tenant::open(OpenTenant {
        no: TenantNo(1),
        epoch: 1,
        commit: commit_to(store),
        embedder,
        // The fewest rows that may have a graph.
        index: IndexSettings { exact_rows_max: 256, ..IndexSettings::default() },
        index_dir: index_dir.to_owned(),
        blobs: hebbd::storage::Blobs::at(index_dir.join("blobs")),
        clock: Arc::new(SystemClock),
    })
}

pub(crate) fn identity() -> EmbedderIdentity {
    FakeEmbedder::new(DIMENSIONS).identity().clone()
}

pub(crate) fn vector_of(text: &str) -> QuantizedVector {
    let embedded = embed_blocking(&FakeEmbedder::new(DIMENSIONS), &[text]).unwrap();
    embedded.into_iter().next().flatten().unwrap()
}

pub(crate) fn new_atom(content: &str) -> NewAtom {
    NewAtom::of(content, "general")
}

/// Writes one atom that is new.
pub(crate) fn store(tenant: &mut Tenant, content: &str) -> Result<AtomId, TenantError> {
    let mut pending = tenant.begin(None);
    let outcome = tenant
        .store(&mut pending, PreparedAtom::new(new_atom(content), Some(vector_of(content))))?;
    tenant.commit(pending)?;
    Ok(outcome.atom_id.expect("a new content is stored"))
}

pub(crate) fn read(tenant: &mut Tenant, text: &str) -> ReadResult {
    let query = ReadQuery {
        text: text.to_owned(),
        concepts: Vec::new(),
        domains: None,
        top_k: 100,
        min_relevance: 0.0,
        include_associations: true,
        fingerprint: None,
        mode: RetrievalMode::Hybrid,
        window: TimeWindow::default(),
        include_history: false,
        conditions: Vec::new(),
        diversity: 0.0,
        depth: Depth::Active,
    };
    let embedding = QueryEmbedding { whole: Some(vector_of(text)), words: Vec::new() };
    tenant.retrieve(&query, &embedding).unwrap()
}
