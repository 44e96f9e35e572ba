//! The knowledge graph of all documents: what each document has of it is stored with the document;
//! the whole is merged elsewhere, page by page, and kept until a document changes.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::knowledge::{
    DocumentEntity, DocumentGraph, DocumentRef, DocumentRelation, EntityType, KnowledgeGraph,
};
use crate::storage::keys::{self, Kind};
use crate::storage::records::DocumentGraphRecord;
use crate::storage::{Visit, decode};
use crate::tenant::{Tenant, TenantError};
use crate::types::Timestamp;

/// Documents whose part is read at once: about half a millisecond.
const PAGE_DOCUMENTS: usize = 16;

/// How long a merged graph is given out.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// A merged graph, and when it was merged.
#[derive(Debug, Clone)]
pub struct KeptGraph {
    pub generated_at: Timestamp,
    pub graph: Arc<KnowledgeGraph>,
}

/// Some documents' parts.
#[derive(Debug)]
pub struct GraphPage {
    pub parts: Vec<(DocumentRef, DocumentGraph)>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Vec<u8>>,
    /// All pages must be of the same version.
    pub version: u64,
}

impl Tenant {
    /// The graph as it was merged last, unless a document changed since or it is too old.
    #[must_use]
    pub fn kept_graph(&self) -> Option<KeptGraph> {
        let now = self.clock.now();
        let is_fresh = |kept: &&KeptGraph| now < kept.generated_at.plus(KEPT_FOR);
        self.documents.graph.as_ref().filter(is_fresh).cloned()
    }

    /// Keeps a graph merged of pages of this version. Answers it with its time, or `None` when a
    /// document changed meanwhile.
    pub fn keep_graph(&mut self, graph: KnowledgeGraph, version: u64) -> Option<KeptGraph> {
        if version != self.documents.graph_version {
            return None;
        }
        let kept = KeptGraph { generated_at: self.clock.now(), graph: Arc::new(graph) };
        self.documents.graph = Some(kept.clone());
        Some(kept)
    }

    /// The next documents' parts of the graph.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn graph_page(&self, after: Option<&[u8]>) -> Result<GraphPage, TenantError> {
        self.check_usable()?;
        let prefix = keys::kind_prefix(self.no, Kind::DocumentGraph);
        let version = self.documents.graph_version;
        let mut page = GraphPage { parts: Vec::new(), next: None, version };
        let (mut outcome, mut last) = (Ok(()), None);
        self.commit.store().for_each(&prefix, after, &mut |key, value| {
            if page.parts.len() >= PAGE_DOCUMENTS {
                page.next = last.take();
                return Visit::Break(());
            }
            last = Some(key.to_vec());
            match decode::<DocumentGraphRecord>(value) {
                Ok(record) => page.parts.extend(self.part_from(record)),
                Err(error) => outcome = Err(TenantError::from(error)),
            }
            if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        outcome?;
        Ok(page)
    }

    fn part_from(&self, record: DocumentGraphRecord) -> Option<(DocumentRef, DocumentGraph)> {
        let document = &self.documents.get(&record.document)?.document;
        let reference = DocumentRef {
            id: document.id.clone(),
            title: document.title.clone(),
            uploaded_at: document.uploaded_at,
        };
        let entities = record.entities.into_iter().map(|entity| DocumentEntity {
            // A type of a later version is shown as the general one.
            entity_type: EntityType::find(&entity.entity_type).unwrap_or(EntityType::Concept),
            name: entity.name,
            summary: entity.summary,
            chunks: entity.chunks,
        });
        let relations = record.relations.into_iter().map(|relation| DocumentRelation {
            source: relation.source,
            target: relation.target,
            verb: relation.verb,
            chunks: relation.chunks,
        });
        let graph = DocumentGraph { entities: entities.collect(), relations: relations.collect() };
        Some((reference, graph))
    }
}
