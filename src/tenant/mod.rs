//! One tenant's state: what is stored, the vector index, the lexical index, the timeline and the
//! graph, kept in step by one command at a time. Synchronous; knows no actor, no HTTP and no
//! other tenant.
//!
//! Invariant: a command changes storage by one atomic batch. Where memory is changed before that
//! batch is applied (a write batch, whose items must see each other), the tenant counts as
//! poisoned until the batch is in, and whoever finds it so discards it and opens it again.

mod atoms;
mod blobs;
mod close;
mod consolidate;
mod cues;
mod delete;
mod documents;
mod domain;
mod enrich;
mod erase;
mod error;
mod feed;
mod feedback;
mod ids;
mod index_build;
mod ingest;
mod jobs;
pub mod keyspace;
mod open;
mod outbox;
mod platform;
mod recall;
mod reembed;
mod replies;
mod retrieve;
mod sealed;
mod standing;
mod stats;
mod store;
mod subjects;
mod supersede;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rustc_hash::FxHashMap;

use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::ConceptGraph;
use crate::engine::params::EngineParams;
use crate::index::IndexSettings;
use crate::storage::{Blobs, CommitTicket, GroupCommit};
use crate::types::{AtomId, AtomNo, Clock, EmbedderIdentity, TenantNo, Timestamp};

pub use consolidate::{ConsolidationWork, DomainSnapshot, PlannedConsolidation};
use cues::Cues;
use documents::Documents;
pub use documents::{
    DocumentChange, DocumentLimits, FormerChunks, FoundChunk, GraphPage, INDEXING_KIND,
    IndexingOrder, IndexingTask, KeptGraph, PlannedDocument,
};
use domain::Domain;
pub use enrich::{
    EnrichedAtom, EnrichmentPage, JOB_KIND as ENRICHMENT_KIND, derived_from, enrichment_start,
};
pub use erase::DomainErasure;
pub use error::TenantError;
pub use feedback::PlannedFeedback;
pub use index_build::{BuiltIndex, IndexBuild};
pub use ingest::{IngestionRun, PreparedFragment};
use jobs::JobQueue;
pub use jobs::{MarkedTenant, marked_tenants};
pub use outbox::DELIVERY_KIND;
use outbox::Outbox;
use platform::Platform;
pub use platform::{FileRemoval, PlannedFile};
pub use platform::{SessionDeletion, message_search};
pub use reembed::Reembedding;
pub use retrieve::Ranking;
pub use sealed::SealedBatch;
use standing::AllTies;
pub use store::Pending;
use subjects::Subjects;
pub use subjects::{
    DISTIL_KIND, DistilOrder, DistilTask, Forgetting, PreparedFact, ResourceWriting, subject_domain,
};
use usage::Usage;
pub use usage::{DayTokens, TokenAllowance};

/// Everything needed to open a tenant.
pub struct OpenTenant {
    pub no: TenantNo,
    /// Which opening this is; marks every batch.
    pub epoch: u64,
    pub commit: GroupCommit,
    /// The running embedder. A tenant made with another one refuses to open.
    pub embedder: EmbedderIdentity,
    pub index: IndexSettings,
    /// Directory of this tenant's index caches; may be missing, stale or damaged.
    pub index_dir: PathBuf,
    /// The originals of this tenant's documents.
    pub blobs: Blobs,
    pub clock: Arc<dyn Clock>,
}

/// Where an atom is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    domain_no: u32,
    row: u32,
}

/// Numbers that only grow; mirrored in storage by every batch that changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    next_atom_no: AtomNo,
    next_domain_no: u32,
    last_created_at_us: i64,
}

pub struct Tenant {
    no: TenantNo,
    epoch: u64,
    commit: GroupCommit,
    embedder: EmbedderIdentity,
    index_settings: IndexSettings,
    index_dir: PathBuf,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    params: EngineParams,
    rng: SmallRng,

    counters: Counters,
    /// Domains that hold an atom, by number.
    domains: FxHashMap<u32, Domain>,
    /// Callers choose the names, so their hashes are keyed.
    domain_numbers: HashMap<String, u32>,
    atoms: FxHashMap<AtomId, Place>,
    external_refs: FxHashMap<Fingerprint, Place>,
    /// The callers' own fingerprints.
    fingerprints: FxHashMap<Fingerprint, Vec<Place>>,
    /// How many live atoms have a content, across domains.
    content_counts: FxHashMap<Fingerprint, u32>,
    /// Live atoms by folded concept.
    concept_atoms: FxHashMap<u64, Vec<Place>>,
    graph: ConceptGraph,
    ties: AllTies,
    cues: Cues,
    usage: Usage,
    /// When the replies kept for idempotency keys were given, by the key's print.
    replies: FxHashMap<Fingerprint, Timestamp>,
    jobs: JobQueue,
    documents: Documents,
    subjects: Subjects,
    outbox: Outbox,
    platform: Platform,
    buffers: retrieve::RetrieveBuffers,
    /// Memory is ahead of storage. Set while a batch is being planned.
    uncommitted: bool,
}

impl Tenant {
    /// Memory and storage disagree, since a write failed half-way: discard and open again.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.uncommitted
    }

    /// Covers everything this tenant applied so far.
    pub fn ticket(&self) -> CommitTicket {
        self.commit.ticket()
    }

    /// As [`Tenant::ticket`], but waits for a flush even where answers do not.
    pub fn flush_ticket(&self) -> CommitTicket {
        self.commit.flush_ticket()
    }

    /// For a reply that shows what may have changed a moment ago and must not be taken back by a
    /// crash. Where flushes fail it is given all the same: reads go on.
    pub fn ticket_to_show(&self) -> CommitTicket {
        match self.commit.is_poisoned() {
            true => CommitTicket::already_durable(),
            false => self.commit.ticket(),
        }
    }

    /// Gives up: memory can no longer be trusted to be what storage says.
    pub fn poison(&mut self) {
        self.uncommitted = true;
    }

    /// Asked before a command changes anything: later, memory is ahead of storage on purpose.
    fn check_before(&self, pending: &Pending) -> Result<(), TenantError> {
        if pending.batch.is_empty() {
            self.check_usable()?;
            self.commit.check_writable()?;
        }
        Ok(())
    }

    fn check_usable(&self) -> Result<(), TenantError> {
        if self.uncommitted { Err(TenantError::Poisoned) } else { Ok(()) }
    }

    fn row(&self, place: Place) -> Option<&domain::Row> {
        self.domains.get(&place.domain_no)?.rows.get(place.row as usize)
    }
}

/// Removes one value from a multimap and drops the entry when it was the last.
fn remove_one<K, V>(map: &mut FxHashMap<K, Vec<V>>, key: K, value: V)
where
    K: std::hash::Hash + Eq,
    V: PartialEq,
{
    if let std::collections::hash_map::Entry::Occupied(mut entry) = map.entry(key) {
        // What came last goes first most often, when many go.
        if let Some(at) = entry.get().iter().rposition(|kept| *kept == value) {
            entry.get_mut().remove(at);
        }
        if entry.get().is_empty() {
            entry.remove();
        }
    }
}
