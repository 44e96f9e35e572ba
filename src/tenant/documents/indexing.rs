//! The job that indexes a document, as its tenant sees it: what it is about, how far it has come,
//! and what it brings. A run that is not the document's present one changes nothing.

use std::mem::size_of;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::known::{self, record_of};
use crate::engine::documents::{Document, FailureCause, IndexingProgress, PREVIEW_CHARS};
use crate::engine::jobs::{Lease, NewJob};
use crate::engine::knowledge::DocumentGraph;
use crate::engine::prepared::PreparedAtom;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{DocumentGraphRecord, EntityRecord, RelationRecord};
use crate::storage::{AtomicBatch, encode};
use crate::tenant::open::damaged;
use crate::tenant::store::{Pending, print_of};
use crate::tenant::{Tenant, TenantError};

/// What the jobs are called. Stored with them.
pub const INDEXING_KIND: &str = "index-document";

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexingOrder {
    pub document: String,
    /// Which run of it.
    pub run: Uuid,
}

/// What there is to do.
#[derive(Debug, Clone)]
pub struct IndexingTask {
    pub document: Arc<Document>,
    pub original: PathBuf,
    /// What its chunks must carry as their own fingerprint.
    pub mark: String,
}

impl IndexingOrder {
    pub(super) fn into_job(self) -> NewJob {
        let payload = [self.run.as_bytes().as_slice(), self.document.as_bytes()].concat();
        NewJob::new(INDEXING_KIND, payload)
    }

    /// `None` for another payload.
    #[must_use]
    pub fn from_payload(payload: &[u8]) -> Option<Self> {
        let (run, document) = payload.split_first_chunk::<{ size_of::<Uuid>() }>()?;
        let document = String::from_utf8(document.to_vec()).ok()?;
        Some(Self { document, run: Uuid::from_bytes(*run) })
    }
}

impl Tenant {
    /// Whether this is still the document's run.
    #[must_use]
    pub fn awaits(&self, order: &IndexingOrder) -> bool {
        self.documents.get(&order.document).is_some_and(|known| known.run == order.run)
    }

    /// What a run has to do; `None` when the document is gone or has another run.
    #[must_use]
    pub fn indexing_task(&self, order: &IndexingOrder) -> Option<IndexingTask> {
        let known = self.documents.get(&order.document).filter(|known| known.run == order.run)?;
        Some(IndexingTask {
            document: Arc::clone(&known.document),
            original: self.blobs.path(known.blob),
            mark: known::run_mark(known.run),
        })
    }

    /// Notes how far a run has come, for whoever asks after the document or the job. Durable a
    /// moment later.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`], or when storage cannot write.
    pub fn note_indexing(
        &mut self,
        lease: &Lease,
        order: &IndexingOrder,
        progress: IndexingProgress,
    ) -> Result<(), TenantError> {
        self.note_progress(lease, progress.step.as_str(), progress.percent)?;
        if !self.awaits(order) {
            return Err(TenantError::StaleLease(lease.job));
        }
        let now = self.clock.now();
        let mut known =
            self.documents.get(&order.document).ok_or_else(|| damaged("a document"))?.clone();
        Arc::make_mut(&mut known.document).indexing.note(progress, now);
        let mut batch = AtomicBatch::new(self.epoch);
        let key = keys::by_print(self.no, Kind::Document, &print_of(&order.document).0);
        batch.put(key, encode(&record_of(&known))?);
        self.commit.apply(&batch)?;
        self.documents.insert(known);
        drop(self.ticket());
        Ok(())
    }

    /// Whether so many more atoms fit into what the tenant may hold.
    #[must_use]
    pub fn has_room_for(&self, chunks: usize, atoms_max: Option<u64>) -> bool {
        atoms_max.is_none_or(|max| (self.atoms.len() + chunks) as u64 <= max)
    }

    /// Stores a chunk of a run. Ask [`Tenant::awaits`] first.
    ///
    /// # Errors
    /// As [`Tenant::store`].
    pub fn store_chunk(
        &mut self,
        pending: &mut Pending,
        chunk: PreparedAtom,
    ) -> Result<(), TenantError> {
        self.store(pending, chunk).map(drop)
    }

    /// Writes that a run's chunks, all of them stored, and its graph are the document's. Ask
    /// [`Tenant::awaits`] first.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn complete_indexing(
        &mut self,
        pending: &mut Pending,
        order: &IndexingOrder,
        text: &str,
        chunk_count: u32,
        graph: &DocumentGraph,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        self.uncommitted = true;
        let entity_count = u32::try_from(graph.entities.len()).unwrap_or(u32::MAX);
        if entity_count > 0 {
            let key = keys::by_print(self.no, Kind::DocumentGraph, &print_of(&order.document).0);
            pending.batch.put(key, encode(&graph_record(&order.document, graph))?);
        }
        let now = self.clock.now();
        self.end_run(pending, order, |document| {
            document.preview = text.chars().take(PREVIEW_CHARS).collect();
            document.indexing.complete(chunk_count, entity_count, now);
        })
    }

    /// Writes that a document cannot be indexed, and why. Ask [`Tenant::awaits`] first.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn fail_indexing(
        &mut self,
        pending: &mut Pending,
        order: &IndexingOrder,
        reason: &str,
        cause: FailureCause,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        self.uncommitted = true;
        let now = self.clock.now();
        self.end_run(pending, order, |document| {
            document.indexing.fail(reason.to_owned(), cause, now);
        })
    }

    fn end_run(
        &mut self,
        pending: &mut Pending,
        order: &IndexingOrder,
        end: impl FnOnce(&mut Document),
    ) -> Result<(), TenantError> {
        self.documents.change(&order.document, end);
        let known = self.documents.get(&order.document).ok_or_else(|| damaged("a document"))?;
        let key = keys::by_print(self.no, Kind::Document, &print_of(&order.document).0);
        pending.batch.put(key, encode(&record_of(known))?);
        self.documents.forget_graph();
        Ok(())
    }
}

fn graph_record(document: &str, graph: &DocumentGraph) -> DocumentGraphRecord {
    let entities = graph.entities.iter().map(|entity| EntityRecord {
        name: entity.name.clone(),
        entity_type: entity.entity_type.as_str().to_owned(),
        summary: entity.summary.clone(),
        chunks: entity.chunks,
    });
    let relations = graph.relations.iter().map(|relation| RelationRecord {
        source: relation.source,
        target: relation.target,
        verb: relation.verb.clone(),
        chunks: relation.chunks,
    });
    DocumentGraphRecord {
        document: document.to_owned(),
        entities: entities.collect(),
        relations: relations.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_comes_back_from_its_job() {
        for document in ["", "a", "Übersicht 7"] {
            let order = IndexingOrder { document: document.to_owned(), run: Uuid::from_u128(5) };
            let job = order.clone().into_job();
            assert_eq!(IndexingOrder::from_payload(&job.payload), Some(order));
        }
        assert_eq!(IndexingOrder::from_payload(&[1; 15]), None);
        assert_eq!(IndexingOrder::from_payload(&[0xff; 20]), None);
    }
}
