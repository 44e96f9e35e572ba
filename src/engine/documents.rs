//! Documents as data: what a tenant knows of a file it was given, and how far it has come on its
//! way into memory. The parts that reads return are atoms, the document's *chunks*.

use super::atom::Metadata;
use crate::types::{FileKind, JobNo, Timestamp};

/// The domain of all chunks. No caller's own: its name begins like no other's.
pub const DOCUMENTS_DOMAIN: &str = "~documents";

/// Characters of a document's text that are kept with it for lists.
pub const PREVIEW_CHARS: usize = 500;

/// A document's metadata is repeated in its chunks up to so many bytes of compact JSON.
pub const REPEATED_METADATA_BYTES_MAX: usize = 2_048;

/// A file to be remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDocument {
    /// Unique within the tenant; an older document of this id is replaced.
    pub id: String,
    pub title: String,
    pub file_name: String,
    pub kind: FileKind,
    pub metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub id: String,
    pub title: String,
    pub file_name: String,
    pub kind: FileKind,
    pub size_bytes: u64,
    /// The caller's own.
    pub metadata: Metadata,
    /// When it first came, whatever replaced it since.
    pub created_at: Timestamp,
    /// When its present content came.
    pub uploaded_at: Timestamp,
    /// The beginning of its text, [`PREVIEW_CHARS`] at most; empty until that was read.
    pub preview: String,
    pub indexing: Indexing,
}

/// How far a document has come since it was last given, or was to be indexed anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexing {
    pub state: IndexingState,
    pub step: IndexingStep,
    /// 0 to 100; never falls within one run, and is 100 exactly when the document is indexed.
    pub percent: u8,
    /// 0 until they are counted.
    pub chunks_total: u32,
    pub chunks_processed: u32,
    /// Entities found in it.
    pub entity_count: u32,
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it was indexed, or failed for good.
    pub completed_at: Option<Timestamp>,
    /// The job that does it, or did.
    pub job: JobNo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexingState {
    /// It waits, or is being worked on. Reads return nothing of it.
    Processing,
    /// All of its chunks are there.
    Indexed,
    /// Why none of it is there, for its owner.
    Failed { reason: String, cause: FailureCause },
    /// Its job failed too often, which is not its own fault. Never stored: the job says it.
    GivenUp,
}

/// Whose business a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCause {
    /// The file cannot be read as it is.
    File,
    /// The tenant's plan has no room for it.
    Plan,
    /// The server lacks what it needs.
    Server,
}

/// What is being done to a document, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexingStep {
    /// Nothing yet.
    Queued,
    /// Its text is read and cut.
    Chunking,
    /// Its chunks are embedded.
    Embedding,
    /// Its entities and relations are found.
    Graphing,
    /// It has come to its end.
    Done,
}

impl IndexingStep {
    /// In order.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Chunking, Self::Embedding, Self::Graphing, Self::Done];

    /// As it is stored: never given to another step later.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Chunking => "chunking",
            Self::Embedding => "embedding",
            Self::Graphing => "graphing",
            Self::Done => "done",
        }
    }

    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

/// A report of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexingProgress {
    pub step: IndexingStep,
    /// At most 99: the end is told by what completes the run.
    pub percent: u8,
    pub chunks_total: u32,
    pub chunks_processed: u32,
}

impl Document {
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.indexing.state == IndexingState::Indexed
    }

    /// None of it is there, and nobody is at it.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.indexing.state, IndexingState::Failed { .. } | IndexingState::GivenUp)
    }

    /// Chunks that reads may return.
    #[must_use]
    pub fn chunk_count(&self) -> u32 {
        if self.is_indexed() { self.indexing.chunks_total } else { 0 }
    }
}

impl Indexing {
    /// Nothing done yet.
    #[must_use]
    pub fn queued(job: JobNo, now: Timestamp) -> Self {
        Self {
            state: IndexingState::Processing,
            step: IndexingStep::Queued,
            percent: 0,
            chunks_total: 0,
            chunks_processed: 0,
            entity_count: 0,
            started_at: now,
            updated_at: now,
            completed_at: None,
            job,
        }
    }

    /// Takes a report. What an earlier attempt had reached stands: nothing falls within a run.
    pub fn note(&mut self, progress: IndexingProgress, now: Timestamp) {
        self.step = self.step.max(progress.step);
        self.percent = self.percent.max(progress.percent.min(99));
        self.chunks_total = self.chunks_total.max(progress.chunks_total);
        self.chunks_processed = self.chunks_processed.max(progress.chunks_processed);
        self.updated_at = self.updated_at.max(now);
    }

    /// All chunks are there.
    pub fn complete(&mut self, chunk_count: u32, entity_count: u32, now: Timestamp) {
        self.state = IndexingState::Indexed;
        self.step = IndexingStep::Done;
        self.percent = 100;
        self.chunks_total = chunk_count;
        self.chunks_processed = chunk_count;
        self.entity_count = entity_count;
        self.end(now);
    }

    /// It will not be indexed as it is. What it had reached stands.
    pub fn fail(&mut self, reason: String, cause: FailureCause, now: Timestamp) {
        self.state = IndexingState::Failed { reason, cause };
        self.end(now);
    }

    fn end(&mut self, now: Timestamp) {
        self.updated_at = self.updated_at.max(now);
        self.completed_at = Some(self.updated_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_step_is_found_by_its_stored_name() {
        for step in IndexingStep::ALL {
            assert_eq!(IndexingStep::find(step.as_str()), Some(step));
        }
        assert_eq!(IndexingStep::find("completed"), None);
    }

    proptest! {
        #[test]
        fn progress_never_falls_and_is_complete_only_at_the_end(
            reports in proptest::collection::vec((0_usize..5, any::<u8>(), 0_u32..9, any::<i32>()), 1..20)
        ) {
            let mut indexing = Indexing::queued(JobNo(1), Timestamp::from_micros(0));
            for (step, percent, chunks, at) in reports {
                let before = indexing.clone();
                let step = IndexingStep::ALL[step];
                let progress =
                    IndexingProgress { step, percent, chunks_total: chunks, chunks_processed: chunks };
                indexing.note(progress, Timestamp::from_micros(i64::from(at)));
                prop_assert!(indexing.percent >= before.percent && indexing.percent < 100);
                prop_assert!(indexing.step >= before.step);
                prop_assert!(indexing.updated_at >= before.updated_at);
            }
            indexing.complete(3, 2, Timestamp::from_micros(0));
            prop_assert_eq!(indexing.percent, 100);
            prop_assert!(indexing.completed_at >= Some(indexing.started_at));
        }
    }
}
