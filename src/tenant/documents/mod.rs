//! Documents: files that a tenant was given, whose text is cut into atoms, the chunks. A document
//! comes, is replaced, is to be indexed anew, and goes; each is one atomic batch. The work between,
//! reading and cutting the text, is a job: see [`indexing`].
//!
//! Invariants: no reader finds a chunk whose document is not indexed. A run's chunks are found
//! by a fingerprint that no caller knows, so they are removed whatever became of them. The original
//! is kept before the record that names it, and removed after the record is gone for good: see
//! [`super::blobs`].

mod changes;
mod graph;
mod indexing;
mod known;
mod search;

use std::path::PathBuf;
use std::sync::Arc;

use super::open::damaged;
use super::{Tenant, TenantError};
use crate::engine::documents::{Document, IndexingState};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::jobs::JobState;
use crate::storage::keys::Kind;
use crate::storage::records::DocumentRecord;

pub use changes::{DocumentChange, DocumentLimits, FormerChunks, PlannedDocument};
pub use graph::{GraphPage, KeptGraph};
pub use indexing::{INDEXING_KIND, IndexingOrder, IndexingTask};
pub(super) use known::Documents;
pub use search::FoundChunk;

impl Tenant {
    /// Where the original of a document should be, if there is such a document.
    #[must_use]
    pub fn original_of(&self, id: &str) -> Option<PathBuf> {
        Some(self.blobs.path(self.documents.get(id)?.blob))
    }

    /// A document, if there is one of this id.
    #[must_use]
    pub fn find_document(&self, id: &str) -> Option<Arc<Document>> {
        self.documents.get(id).map(|known| self.seen(&known.document))
    }

    /// Every document, the newest upload first. O(documents).
    #[must_use]
    pub fn documents(&self) -> Vec<Arc<Document>> {
        let all = self.documents.iter().map(|known| self.seen(&known.document));
        let mut documents: Vec<_> = all.collect();
        documents.sort_unstable_by(|one, other| {
            other.uploaded_at.cmp(&one.uploaded_at).then_with(|| other.id.cmp(&one.id))
        });
        documents
    }

    /// A document as its owner sees it: its job may have been given up.
    fn seen(&self, document: &Arc<Document>) -> Arc<Document> {
        if document.indexing.state != IndexingState::Processing || self.is_under_way(document) {
            return Arc::clone(document);
        }
        let mut given_up = Document::clone(document);
        given_up.indexing.state = IndexingState::GivenUp;
        Arc::new(given_up)
    }

    fn is_under_way(&self, document: &Document) -> bool {
        let job = self.find_job(document.indexing.job);
        job.is_some_and(|job| !matches!(job.state, JobState::Dead { .. }))
    }

    /// Reads what is stored of documents.
    pub(super) fn load_documents(&mut self) -> Result<(), TenantError> {
        let mut documents = Documents::of_opening(self.epoch);
        self.visit(Kind::Document, |_, record: DocumentRecord| {
            let known = known::from_record(record).ok_or_else(|| damaged("a document"))?;
            documents.insert(known);
            Ok(())
        })?;
        self.documents = documents;
        self.drop_orphan_chunks()
    }

    /// The fingerprint under which the chunks of a run are known.
    fn print_of_run(run: uuid::Uuid) -> Fingerprint {
        Fingerprint::of_opaque(&known::run_mark(run))
    }
}
