//! Indexing in the background: a document's original becomes text, the text becomes chunks, and
//! chunks and the entities found in them go into memory in the batch that completes the job. So a
//! document is indexed exactly once, whenever the process dies. A file that cannot be read is no
//! failed job: its document says why.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::indexing_settings::DocumentSettings;
use super::jobs::{JobContext, JobEffect, JobFailure, JobHandler, JobResult, JobRun};
use super::model_extraction::{self, Claims};
use super::preparing::{off_thread, prepare};
use super::tenant::data::{
    DOCUMENTS_DOMAIN, Document, IndexingProgress, IndexingStep, Metadata, NewAtom, PreparedAtom,
};
use super::tenant::documents::{FindIndexingTask, NoteIndexing};
use crate::embedding::Embedder;
use crate::engine::chunking::{ChunkRule, chunk};
use crate::engine::documents::{FailureCause, REPEATED_METADATA_BYTES_MAX};
use crate::engine::knowledge::{DocumentGraph, extract, from_claims};
use crate::extraction::{ExtractionError, Extractor};
use crate::llm::LanguageModel;
use crate::tenant::{INDEXING_KIND, IndexingOrder, IndexingTask, Pending, Tenant, TenantError};

/// Chunks stored between two yields to the shard's other tenants.
const SLICE: usize = 4;

/// Chunks embedded between two reports.
const EMBEDDED_AT_ONCE: usize = 128;

/// Where each step begins, in percent.
const CHUNKING_FROM: u8 = 20;
const EMBEDDING_FROM: u8 = 30;
const GRAPHING_FROM: u8 = 60;
const STORING_FROM: u8 = 90;

/// Does the jobs that index documents.
pub struct Indexing {
    embedder: Arc<dyn Embedder>,
    extractor: Arc<Extractor>,
    /// Reads the graph of a document where there is one; rules do where not.
    model: Option<Arc<dyn LanguageModel>>,
    settings: DocumentSettings,
}

/// Why there is no text, for the document's owner.
type Unreadable = (String, FailureCause);

/// A run that goes on, and what it is at.
struct Run<'a> {
    context: &'a JobContext,
    order: IndexingOrder,
}

impl Run<'_> {
    async fn note(
        &self,
        step: IndexingStep,
        percent: u8,
        chunks: (usize, usize),
    ) -> Result<(), JobFailure> {
        let count = |chunks: usize| u32::try_from(chunks).unwrap_or(u32::MAX);
        let (chunks_processed, chunks_total) = (count(chunks.0), count(chunks.1));
        let progress = IndexingProgress { step, percent, chunks_total, chunks_processed };
        let lease = self.context.lease();
        self.context.note(NoteIndexing { lease, order: self.order.clone(), progress }).await
    }

    /// Ends the run: the document cannot be indexed, and trying again would not help.
    fn failed(self, (reason, cause): Unreadable) -> JobResult {
        let order = self.order;
        JobResult::once(move |tenant, pending| {
            if tenant.awaits(&order) {
                tenant.fail_indexing(pending, &order, &reason, cause)?;
            }
            Ok(())
        })
    }
}

impl Indexing {
    #[must_use]
    pub fn new(
        embedder: Arc<dyn Embedder>,
        extractor: Arc<Extractor>,
        model: Option<Arc<dyn LanguageModel>>,
        settings: DocumentSettings,
    ) -> Self {
        Self { embedder, extractor, model, settings }
    }

    async fn index(&self, context: &JobContext) -> Result<JobResult, JobFailure> {
        let order = IndexingOrder::from_payload(context.payload())
            .ok_or_else(|| JobFailure::for_good("its payload names no document"))?;
        let task = context.call(FindIndexingTask { order: order.clone() }).await?;
        // Deleted, replaced or to be indexed anew: another run does it, or none.
        let Some(task) = task else { return Ok(JobResult::nothing()) };
        let run = Run { context, order };
        run.note(IndexingStep::Chunking, CHUNKING_FROM, (0, 0)).await?;
        let text = match self.text_of(&task).await? {
            Ok(text) => text,
            Err(unreadable) => return Ok(run.failed(unreadable)),
        };
        let rule = self.settings.chunk_rule();
        let (text, chunks) = off_thread(move || {
            let chunks = chunk(&text, rule);
            (text, chunks)
        })
        .await?;
        if chunks.len() > self.settings.chunks_max {
            let (found, max) = (chunks.len(), self.settings.chunks_max);
            let reason =
                format!("its text has {found} parts, more than {max}; upload it in pieces");
            return Ok(run.failed((reason, FailureCause::File)));
        }
        let prepared = self.prepare(&run, &task, &chunks).await?;
        let count = chunks.len();
        run.note(IndexingStep::Graphing, GRAPHING_FROM, (count, count)).await?;
        let graph = self.graph_of(&task.document.title, chunks).await;
        run.note(IndexingStep::Graphing, STORING_FROM, (count, count)).await?;
        let atoms_max = context.atoms_max();
        let indexed = Indexed {
            order: run.order,
            chunks: prepared.into_iter(),
            chunk_count: count,
            text,
            graph,
            atoms_max,
            is_begun: false,
        };
        Ok(JobResult::in_slices(indexed).with_atoms_max(atoms_max))
    }

    /// The document's text, or why there is none.
    async fn text_of(&self, task: &IndexingTask) -> Result<Result<String, Unreadable>, JobFailure> {
        let original: PathBuf = task.original.clone();
        let path = original.clone();
        if !off_thread(move || path.exists()).await? {
            let reason = "the server has lost its original; upload it again";
            return Ok(Err((reason.to_owned(), FailureCause::Server)));
        }
        match self.extractor.extract(task.document.kind, &original).await {
            Ok(text) => Ok(Ok(text)),
            Err(error) if error.is_the_files_fault() => {
                Ok(Err((error.reason(), FailureCause::File)))
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn prepare(
        &self,
        run: &Run<'_>,
        task: &IndexingTask,
        chunks: &[String],
    ) -> Result<Vec<PreparedAtom>, JobFailure> {
        let total = chunks.len();
        run.note(IndexingStep::Embedding, EMBEDDING_FROM, (0, total)).await?;
        let mut prepared = Vec::with_capacity(total);
        let mut index = 0_u32;
        for some in chunks.chunks(EMBEDDED_AT_ONCE) {
            let atoms = some.iter().map(|text| {
                let atom = chunk_atom(task, index, text);
                index += 1;
                atom
            });
            prepared.extend(prepare(&self.embedder, atoms.collect()).await?);
            let percent = between(EMBEDDING_FROM, GRAPHING_FROM, prepared.len(), total);
            run.note(IndexingStep::Embedding, percent, (prepared.len(), total)).await?;
        }
        Ok(prepared)
    }

    /// What the knowledge graph gets of a document: nothing where that fails, which is no reason
    /// not to index it.
    async fn graph_of(&self, title: &str, chunks: Vec<String>) -> DocumentGraph {
        let claims = match &self.model {
            Some(model) if !chunks.is_empty() => model_extraction::ask(model, title, &chunks).await,
            _ => Ok(Claims::default()),
        };
        let claims = claims.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "a language model gave no graph; rules find it instead");
            Claims::default()
        });
        let title = title.to_owned();
        let extracted = off_thread(move || {
            let claimed = from_claims(&claims.entities, &claims.relations, &chunks);
            if claimed.entities.is_empty() { extract(&title, &chunks) } else { claimed }
        })
        .await;
        extracted.unwrap_or_else(|_| {
            tracing::error!("the extraction of a document's graph crashed");
            DocumentGraph::default()
        })
    }
}

impl JobHandler for Indexing {
    fn kind(&self) -> &'static str {
        INDEXING_KIND
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> JobRun<'a> {
        Box::pin(self.index(context))
    }
}

fn unavailable(error: ExtractionError) -> JobFailure {
    JobFailure::retryable(error.to_string())
}

/// Percent between two marks, the second one excluded.
fn between(from: u8, to: u8, done: usize, total: usize) -> u8 {
    let width = usize::from(to.saturating_sub(from + 1));
    let gone = (done.min(total) * width).checked_div(total).unwrap_or(0);
    from.saturating_add(u8::try_from(gone).unwrap_or(0))
}

/// A part of a document as an atom: found as the document's run, beside the other parts in order.
fn chunk_atom(task: &IndexingTask, index: u32, text: &str) -> NewAtom {
    let document = &task.document;
    let step = std::time::Duration::from_micros(u64::from(index));
    NewAtom {
        metadata: chunk_metadata(document, index),
        fingerprint: Some(task.mark.clone()),
        session: Some(document.id.clone()),
        occurred_at: Some(document.uploaded_at.plus(step)),
        is_certain: true,
        ..NewAtom::of(text, DOCUMENTS_DOMAIN)
    }
}

/// The document's own metadata, unless that is long, and what it is a part of.
fn chunk_metadata(document: &Document, index: u32) -> Metadata {
    let own = document.metadata.as_json();
    let repeated = (own.len() <= REPEATED_METADATA_BYTES_MAX).then_some(own);
    let mut members: Map<String, Value> =
        repeated.and_then(|own| serde_json::from_str(own).ok()).unwrap_or_default();
    members.insert("document_id".to_owned(), json!(document.id));
    members.insert("document_title".to_owned(), json!(document.title));
    members.insert("chunk_index".to_owned(), json!(index));
    Metadata::from_checked(Value::Object(members).to_string())
}

/// What a run came to.
struct Indexed {
    order: IndexingOrder,
    chunks: std::vec::IntoIter<PreparedAtom>,
    chunk_count: usize,
    text: String,
    graph: DocumentGraph,
    /// Atoms that the tenant may hold.
    atoms_max: Option<u64>,
    is_begun: bool,
}

impl JobEffect for Indexed {
    fn apply_slice(
        &mut self,
        tenant: &mut Tenant,
        pending: &mut Pending,
    ) -> Result<bool, TenantError> {
        if !self.is_begun {
            self.is_begun = true;
            if !tenant.awaits(&self.order) {
                return Ok(false);
            }
            if !tenant.has_room_for(self.chunk_count, self.atoms_max) {
                let reason = "the plan's atoms are used up; delete documents and reindex this one";
                tenant.fail_indexing(pending, &self.order, reason, FailureCause::Plan)?;
                return Ok(false);
            }
        }
        for chunk in self.chunks.by_ref().take(SLICE) {
            tenant.store_chunk(pending, chunk)?;
        }
        if !self.chunks.as_slice().is_empty() {
            return Ok(true);
        }
        let count = u32::try_from(self.chunk_count).unwrap_or(u32::MAX);
        tenant.complete_indexing(pending, &self.order, &self.text, count, &self.graph)?;
        Ok(false)
    }
}

impl DocumentSettings {
    fn chunk_rule(&self) -> ChunkRule {
        ChunkRule { chars_max: self.chunk_chars_max, overlap_chars: self.chunk_overlap_chars }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::documents::Indexing as State;
    use crate::types::{FileKind, JobNo, Timestamp};

    fn task(metadata: &str) -> IndexingTask {
        let now = Timestamp::from_micros(1_000);
        let document = Document {
            id: "d7".to_owned(),
            title: "Notes".to_owned(),
            file_name: "notes.md".to_owned(),
            kind: FileKind::Markdown,
            size_bytes: 4,
            metadata: Metadata::from_checked(metadata.to_owned()),
            created_at: now,
            uploaded_at: now,
            preview: String::new(),
            indexing: State::queued(JobNo(1), now),
        };
        IndexingTask {
            document: Arc::new(document),
            original: PathBuf::new(),
            mark: "the mark".to_owned(),
        }
    }

    #[test]
    fn a_chunk_knows_its_place_and_its_document() {
        let atom = chunk_atom(&task(r#"{"author":"Ada","chunk_index":"mine"}"#), 3, "text");
        assert_eq!((atom.session.as_deref(), atom.domain.as_str()), (Some("d7"), "~documents"));
        assert_eq!(atom.occurred_at, Some(Timestamp::from_micros(1_003)));
        let metadata: Value = serde_json::from_str(atom.metadata.as_json()).unwrap();
        let expected = json!({"author": "Ada", "chunk_index": 3, "document_id": "d7", "document_title": "Notes"});
        assert_eq!(metadata, expected, "reserved names win");
    }

    #[test]
    fn long_metadata_is_not_repeated_in_every_chunk() {
        let long = json!({"text": "x".repeat(REPEATED_METADATA_BYTES_MAX)}).to_string();
        let metadata = chunk_metadata(&task(&long).document, 0);
        assert!(metadata.as_json().len() < 200, "{}", metadata.as_json().len());
    }

    #[test]
    fn progress_within_a_step_stays_below_the_next_one() {
        assert_eq!(between(30, 60, 0, 10), 30);
        assert_eq!(between(30, 60, 10, 10), 59);
        assert_eq!(between(30, 60, 0, 0), 30);
        assert!((0..=1_000).all(|done| (30..60).contains(&between(30, 60, done, 1_000))));
    }
}
