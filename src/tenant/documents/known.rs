//! Documents in memory, and between memory and their records.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::graph::KeptGraph;
use crate::engine::atom::Metadata;
use crate::engine::documents::{Document, FailureCause, Indexing, IndexingState, IndexingStep};
use crate::storage::BlobHash;
use crate::storage::records::{DocumentRecord, Id};
use crate::tenant::blobs::NamedBlobs;
use crate::types::{FileKind, JobNo, Timestamp};

const PROCESSING: u8 = 0;
const INDEXED: u8 = 1;
const FAILED: u8 = 2;
const OVER_PLAN: u8 = 3;
const FAILED_HERE: u8 = 4;

/// A document with what only its tenant needs to know.
#[derive(Debug, Clone)]
pub(in crate::tenant) struct Known {
    pub(super) document: Arc<Document>,
    /// The original.
    pub(super) blob: BlobHash,
    /// Its present run; every other run's result comes too late.
    pub(super) run: Uuid,
}

#[derive(Debug, Default)]
pub(in crate::tenant) struct Documents {
    /// Callers choose the ids, so their hashes are keyed.
    all: HashMap<String, Known>,
    /// The originals.
    blobs: NamedBlobs,
    /// The merged graph of all of them, until one changes.
    pub(super) graph: Option<KeptGraph>,
    /// Grows with every change, so that a graph merged meanwhile is not taken for the present one.
    pub(super) graph_version: u64,
}

impl Documents {
    pub(super) fn get(&self, id: &str) -> Option<&Known> {
        self.all.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.all.values()
    }

    pub(in crate::tenant) fn len(&self) -> usize {
        self.all.len()
    }

    /// Of all originals, those that several documents share counted for each.
    pub(in crate::tenant) fn size_bytes(&self) -> u64 {
        self.blobs.size_bytes()
    }

    /// Whether a document has this original.
    pub(in crate::tenant) fn names(&self, blob: BlobHash) -> bool {
        self.blobs.contains(blob)
    }

    pub(super) fn insert(&mut self, known: Known) {
        let id = known.document.id.clone();
        self.remove(&id);
        self.blobs.add(known.blob, known.document.size_bytes);
        self.all.insert(id, known);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Known> {
        let known = self.all.remove(id)?;
        self.blobs.remove(known.blob, known.document.size_bytes);
        Some(known)
    }

    /// Changes what is known of how far a document has come.
    pub(super) fn change(&mut self, id: &str, change: impl FnOnce(&mut Document)) {
        if let Some(known) = self.all.get_mut(id) {
            change(Arc::make_mut(&mut known.document));
        }
    }

    /// None yet, in this opening of the tenant: a graph merged in another one is not taken.
    pub(super) fn of_opening(epoch: u64) -> Self {
        Self { graph_version: epoch << 32, ..Self::default() }
    }

    pub(in crate::tenant) fn clear(&mut self) {
        let graph_version = self.graph_version + 1;
        *self = Self { graph_version, ..Self::default() };
    }

    pub(super) fn forget_graph(&mut self) {
        self.graph = None;
        self.graph_version += 1;
    }
}

const RUN_MARK: &str = "chunk of run ";

/// The caller's own fingerprint of a run's chunks. Nobody knows the run.
pub(super) fn run_mark(run: Uuid) -> String {
    format!("{RUN_MARK}{run}")
}

/// Whether a fingerprint is that of some run's chunks.
pub(super) fn is_run_mark(fingerprint: &str) -> bool {
    fingerprint.strip_prefix(RUN_MARK).is_some_and(|run| Uuid::parse_str(run).is_ok())
}

pub(super) fn record_of(known: &Known) -> DocumentRecord {
    let document = &known.document;
    let indexing = &document.indexing;
    let (state, reason) = match &indexing.state {
        IndexingState::Processing | IndexingState::GivenUp => (PROCESSING, None),
        IndexingState::Indexed => (INDEXED, None),
        IndexingState::Failed { reason, cause } => {
            let state = match cause {
                FailureCause::File => FAILED,
                FailureCause::Plan => OVER_PLAN,
                FailureCause::Server => FAILED_HERE,
            };
            (state, Some(reason.clone()))
        }
    };
    DocumentRecord {
        id: document.id.clone(),
        title: document.title.clone(),
        file_name: document.file_name.clone(),
        file_kind: document.kind.as_str().to_owned(),
        size_bytes: document.size_bytes,
        blob: known.blob.0,
        metadata: document.metadata.as_json().to_owned(),
        created_at_us: document.created_at.as_micros(),
        uploaded_at_us: document.uploaded_at.as_micros(),
        preview: document.preview.clone(),
        run: Id(*known.run.as_bytes()),
        job_no: indexing.job.0,
        state,
        reason,
        step: indexing.step.as_str().to_owned(),
        percent: indexing.percent,
        chunks_total: indexing.chunks_total,
        chunks_processed: indexing.chunks_processed,
        entity_count: indexing.entity_count,
        started_at_us: indexing.started_at.as_micros(),
        updated_at_us: indexing.updated_at.as_micros(),
        completed_at_us: indexing.completed_at.map(Timestamp::as_micros),
    }
}

/// `None` for a record that another version wrote.
pub(super) fn from_record(record: DocumentRecord) -> Option<Known> {
    let reason = record.reason.unwrap_or_default();
    let failed = |cause| IndexingState::Failed { reason, cause };
    let state = match record.state {
        PROCESSING => IndexingState::Processing,
        INDEXED => IndexingState::Indexed,
        FAILED => failed(FailureCause::File),
        OVER_PLAN => failed(FailureCause::Plan),
        FAILED_HERE => failed(FailureCause::Server),
        _ => return None,
    };
    let indexing = Indexing {
        state,
        step: IndexingStep::find(&record.step)?,
        percent: record.percent,
        chunks_total: record.chunks_total,
        chunks_processed: record.chunks_processed,
        entity_count: record.entity_count,
        started_at: Timestamp::from_micros(record.started_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
        completed_at: record.completed_at_us.map(Timestamp::from_micros),
        job: JobNo(record.job_no),
    };
    let document = Document {
        id: record.id,
        title: record.title,
        file_name: record.file_name,
        kind: FileKind::find(&record.file_kind)?,
        size_bytes: record.size_bytes,
        metadata: Metadata::from_checked(record.metadata),
        created_at: Timestamp::from_micros(record.created_at_us),
        uploaded_at: Timestamp::from_micros(record.uploaded_at_us),
        preview: record.preview,
        indexing,
    };
    Some(Known {
        document: Arc::new(document),
        blob: BlobHash(record.blob),
        run: Uuid::from_bytes(record.run.0),
    })
}
