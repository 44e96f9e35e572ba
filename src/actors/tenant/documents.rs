//! Documents: taking one with its original, indexing one anew, removing one, and asking what is
//! known of them.

use std::sync::Arc;

use futures_util::future::{FutureExt, ready};

use super::data::{Document, FoundChunk, IndexingProgress, NewDocument, ReadQuery};
use super::retrieve::QueryAllowance;
use super::{Answer, Done, TenantCell, TenantCommand, apply_all, blobs, shown};
use crate::engine::jobs::Lease;
use crate::engine::knowledge::KnowledgeGraph;
use crate::storage::SpooledFile;
use crate::tenant::{
    DocumentChange, DocumentLimits, FormerChunks, GraphPage, IndexingOrder, IndexingTask,
    KeptGraph, PlannedDocument, Tenant, TenantError,
};
use crate::types::QueryEmbedding;

/// Takes a document and its original, in place of an older document of its id, and sees to its
/// indexing. Replies with what is known of it, which is durable then.
#[derive(Debug)]
pub struct AddDocument {
    pub new: NewDocument,
    pub original: SpooledFile,
    pub limits: DocumentLimits,
}

impl TenantCommand for AddDocument {
    type Reply = Arc<Document>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let Self { new, original, limits } = self;
            let (blob, size_bytes) = (original.hash(), original.size_bytes());
            tenant.borrow().check_document(&new.id, size_bytes, &limits)?;
            blobs::keep(&tenant, original).await?;
            let planned = PlannedDocument { new, blob, size_bytes };
            let planned = tenant.borrow_mut().plan_document(planned);
            let change = match planned {
                Ok(change) => change,
                Err(error) => {
                    blobs::discard(&tenant, blob).await;
                    return Err(error);
                }
            };
            let document = change.document().ok_or(TenantError::Poisoned)?;
            let done = carry_out(&tenant, change).await?;
            Ok(Done { reply: document, ticket: done.ticket })
        }
        .boxed_local()
    }
}

/// Sees to it that a document is indexed anew. Replies whether there is one that can be: without its
/// original its chunks are all that is left of it, and stay.
#[derive(Debug)]
pub struct ReindexDocument {
    pub id: String,
}

impl TenantCommand for ReindexDocument {
    type Reply = bool;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let original = tenant.borrow().original_of(&self.id);
            let Some(original) = original else { return Ok(Done::read(false)) };
            if !tokio::task::spawn_blocking(move || original.exists()).await.unwrap_or(true) {
                return Ok(Done::read(false));
            }
            let planned = tenant.borrow_mut().plan_reindexing(&self.id)?;
            let Some(change) = planned else { return Ok(Done::read(false)) };
            carry_out(&tenant, change).await
        }
        .boxed_local()
    }
}

/// Removes a document with all that was made of it. Replies whether one was removed.
#[derive(Debug)]
pub struct RemoveDocument {
    pub id: String,
    /// One that is indexed, or on its way, stays.
    pub only_failed: bool,
}

impl TenantCommand for RemoveDocument {
    type Reply = bool;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let found = tenant.borrow().find_document(&self.id);
            if self.only_failed && !found.is_some_and(|document| document.has_failed()) {
                return Ok(Done::read(false));
            }
            let planned = tenant.borrow_mut().plan_document_removal(&self.id)?;
            let Some(change) = planned else { return Ok(Done::read(false)) };
            carry_out(&tenant, change).await
        }
        .boxed_local()
    }
}

/// Makes a change by one batch, and then forgets the chunks of the former run in slices. An original
/// that nothing names any more is removed at last.
async fn carry_out(tenant: &TenantCell, change: DocumentChange) -> Result<Done<bool>, TenantError> {
    let (pending, mut former, freed) = tenant.borrow_mut().finish_document(change)?;
    apply_all(tenant, pending).await?;
    if let Err(error) = forget(tenant, &mut former).await {
        // What is left belongs to no document: opening the tenant again removes it.
        tenant.borrow_mut().poison();
        return Err(error);
    }
    let ticket = tenant.borrow().ticket();
    if let Some(blob) = freed {
        blobs::remove(tenant, blob).await?;
    }
    Ok(Done { reply: true, ticket })
}

async fn forget(tenant: &TenantCell, former: &mut FormerChunks) -> Result<(), TenantError> {
    loop {
        let mut pending = tenant.borrow().begin(None);
        let has_more = tenant.borrow_mut().forget_chunks(&mut pending, former)?;
        apply_all(tenant, pending).await?;
        if !has_more {
            return tenant.borrow_mut().tidy_after_documents(former);
        }
        tokio::task::yield_now().await;
    }
}

/// Removes every document, one after the other: for a caller that forgets all chunks. Answers how
/// many chunks went, and the ids.
pub(super) async fn remove_all(tenant: &TenantCell) -> Result<(u64, Vec<String>), TenantError> {
    let documents = tenant.borrow().documents();
    let (mut chunks, mut ids) = (0, Vec::with_capacity(documents.len()));
    for document in documents {
        let planned = tenant.borrow_mut().plan_document_removal(&document.id)?;
        if let Some(change) = planned {
            carry_out(tenant, change).await?;
            chunks += u64::from(document.chunk_count());
            ids.push(document.id.clone());
        }
    }
    Ok((chunks, ids))
}

/// A document, or `None` for an unknown id.
#[derive(Debug)]
pub struct FindDocument {
    pub id: String,
}

impl TenantCommand for FindDocument {
    type Reply = Option<Arc<Document>>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(shown(&tenant, |tenant| tenant.find_document(&self.id))).boxed_local()
    }
}

/// Every document, the newest upload first.
#[derive(Debug)]
pub struct ListDocuments;

impl TenantCommand for ListDocuments {
    type Reply = Vec<Arc<Document>>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(shown(&tenant, Tenant::documents)).boxed_local()
    }
}

/// Asks the documents.
#[derive(Debug)]
pub struct SearchDocuments {
    pub query: ReadQuery,
    pub embedding: QueryEmbedding,
    /// `None`: not counted.
    pub spend: Option<QueryAllowance>,
}

impl TenantCommand for SearchDocuments {
    type Reply = Vec<FoundChunk>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let answer = || {
            if let Some(spend) = self.spend {
                tenant.spend_queries(spend.queries, spend.per_day)?;
            }
            Ok(Done::read(tenant.search_documents(self.query, &self.embedding)?))
        };
        ready(answer()).boxed_local()
    }
}

/// What an indexing job has to do; `None` when its run is not wanted any more. No use of the
/// tenant, as is all that such a job asks.
#[derive(Debug)]
pub struct FindIndexingTask {
    pub order: IndexingOrder,
}

impl TenantCommand for FindIndexingTask {
    type Reply = Option<IndexingTask>;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().indexing_task(&self.order)))).boxed_local()
    }
}

/// Notes how far an indexing job has come. The reply does not wait for a flush.
#[derive(Debug)]
pub struct NoteIndexing {
    pub lease: Lease,
    pub order: IndexingOrder,
    pub progress: IndexingProgress,
}

impl TenantCommand for NoteIndexing {
    type Reply = ();
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let noted = tenant.borrow_mut().note_indexing(&self.lease, &self.order, self.progress);
        ready(noted.map(Done::read)).boxed_local()
    }
}

/// The merged knowledge graph, if it is still the present one.
#[derive(Debug)]
pub struct FindKeptGraph;

impl TenantCommand for FindKeptGraph {
    type Reply = Option<KeptGraph>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().kept_graph()))).boxed_local()
    }
}

/// The next documents' parts of the knowledge graph.
#[derive(Debug)]
pub struct ReadGraphPage {
    pub after: Option<Vec<u8>>,
}

impl TenantCommand for ReadGraphPage {
    type Reply = GraphPage;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(tenant.borrow().graph_page(self.after.as_deref()).map(Done::read)).boxed_local()
    }
}

/// Keeps a merged graph; replies with it, or `None` when a document changed meanwhile.
#[derive(Debug)]
pub struct KeepGraph {
    pub graph: KnowledgeGraph,
    pub version: u64,
}

impl TenantCommand for KeepGraph {
    type Reply = Option<KeptGraph>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let kept = tenant.borrow_mut().keep_graph(self.graph, self.version);
        ready(Ok(Done::read(kept))).boxed_local()
    }
}
