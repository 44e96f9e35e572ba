//! Documents for a tenant: received, indexed in the background, searched, and seen as a graph.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHasher;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::{
    Document, FoundChunk, IndexingState, KeptGraph, MemoryService, NewDocument, ReadQuery, Scope,
    ServiceError, change,
};
use crate::actors::knowledge;
use crate::actors::tenant::data::{DocumentLimits, asked_part, query_words};
use crate::actors::tenant::documents::{
    AddDocument, FindDocument, ListDocuments, ReindexDocument, RemoveDocument, SearchDocuments,
};
use crate::actors::tenant::retrieve::QueryAllowance;
use crate::actors::uploads::{Spool, SpoolWriter, SpooledFile};
use crate::types::ErrorKind;

/// Pauses between two looks at a document that is being indexed: the first, and the longest.
const LOOK_AFTER: Duration = Duration::from_millis(4);
const LOOK_AFTER_MAX: Duration = Duration::from_millis(100);

/// More than there are changes of documents at one time.
const LOCKS: usize = 64;

/// Cheap to clone.
#[derive(Clone)]
pub struct DocumentService {
    memory: MemoryService,
    spool: Spool,
    locks: Arc<[Mutex<()>; LOCKS]>,
}

/// A file being received. What was received goes with it, unless it becomes a document.
pub struct Upload {
    /// `None` while a piece is being written.
    writer: Option<SpoolWriter>,
}

/// A file that was received whole.
#[derive(Debug)]
pub struct UploadedFile(SpooledFile);

impl UploadedFile {
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    pub(super) fn into_spooled(self) -> SpooledFile {
        self.0
    }
}

impl Upload {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the disk fails; the file is of no use then.
    pub async fn write(
        &mut self,
        piece: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let mut writer = self.writer.take().ok_or_else(ServiceError::crashed)?;
        let written = on_disk(move || writer.write(piece.as_ref()).map(|()| writer)).await?;
        self.writer = Some(written);
        Ok(())
    }

    /// Ends the file. Its bytes are durable on return.
    ///
    /// # Errors
    /// As [`Upload::write`].
    pub async fn finish(self) -> Result<UploadedFile, ServiceError> {
        let writer = self.writer.ok_or_else(ServiceError::crashed)?;
        on_disk(move || writer.finish()).await.map(UploadedFile)
    }
}

impl DocumentService {
    #[must_use]
    pub fn new(memory: MemoryService, spool: Spool) -> Self {
        Self { memory, spool, locks: Arc::new(std::array::from_fn(|_| Mutex::default())) }
    }

    /// Begins to receive a file.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the disk fails.
    pub async fn begin_upload(&self) -> Result<Upload, ServiceError> {
        let spool = self.spool.clone();
        let writer = on_disk(move || spool.begin()).await?;
        Ok(Upload { writer: Some(writer) })
    }

    /// An id that no document has.
    #[must_use]
    pub fn new_id(&self) -> String {
        Uuid::new_v4().to_string()
    }

    /// Takes a document, in place of the caller's older one of its id, and begins to index it in
    /// the background. Durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for the id of another tenant's document,
    /// [`ErrorKind::QuotaExceeded`] when the plan has no room for it.
    pub async fn add(
        &self,
        scope: Scope,
        new: NewDocument,
        file: UploadedFile,
    ) -> Result<Arc<Document>, ServiceError> {
        let (id, tenant) = (new.id.clone(), scope.tenant);
        let claimed = id.clone();
        let _lock = self.lock(scope, &id).await;
        change(&self.memory.registry, move |d| d.claim_document_id(&claimed, tenant)).await?;
        let limits = DocumentLimits {
            documents_max: scope.allowance.documents_max,
            bytes_max: scope.allowance.document_bytes_max,
        };
        let added = self.memory.call(scope, AddDocument { new, original: file.0, limits }).await;
        // A document that it was to replace keeps its id.
        if added.is_err() && matches!(self.find(scope, &id).await, Ok(None)) {
            self.memory.release_documents(scope, vec![id]).await;
        }
        added
    }

    /// Waits until a document was indexed or failed. What was asked for last counts: one that is
    /// replaced meanwhile is waited for anew.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is deleted meanwhile, [`ErrorKind::DeadlineExceeded`] when
    /// it takes longer than `scope` allows; it goes on all the same.
    pub async fn indexed(&self, scope: Scope, id: &str) -> Result<Arc<Document>, ServiceError> {
        let mut pause = LOOK_AFTER;
        loop {
            let document = self.get(scope, id).await?;
            if document.indexing.state != IndexingState::Processing {
                return Ok(document);
            }
            if scope.deadline.remaining() <= pause {
                let message = "the document is still being indexed; ask for its status";
                return Err(ServiceError::new(ErrorKind::DeadlineExceeded, message));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_AFTER_MAX);
        }
    }

    /// A document of this id, if there is one.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn find(
        &self,
        scope: Scope,
        id: &str,
    ) -> Result<Option<Arc<Document>>, ServiceError> {
        self.memory.call(scope, FindDocument { id: id.to_owned() }).await
    }

    async fn get(&self, scope: Scope, id: &str) -> Result<Arc<Document>, ServiceError> {
        let found = self.find(scope, id).await?;
        found.ok_or_else(|| ServiceError::new(ErrorKind::NotFound, "there is no such document"))
    }

    /// Every document, the newest upload first.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn list(&self, scope: Scope) -> Result<Vec<Arc<Document>>, ServiceError> {
        self.memory.call(scope, ListDocuments).await
    }

    /// Removes a document with all that was made of it; says whether there was one. Durable on
    /// return, and nothing of it is left.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn remove(&self, scope: Scope, id: &str) -> Result<bool, ServiceError> {
        self.remove_if(scope, id, false).await
    }

    async fn remove_if(
        &self,
        scope: Scope,
        id: &str,
        only_failed: bool,
    ) -> Result<bool, ServiceError> {
        let _lock = self.lock(scope, id).await;
        let command = RemoveDocument { id: id.to_owned(), only_failed };
        let removed = self.memory.call(scope, command).await?;
        // Also where an earlier removal did not come so far.
        if removed || self.find(scope, id).await?.is_none() {
            self.memory.release_documents(scope, vec![id.to_owned()]).await;
        }
        Ok(removed)
    }

    /// Removes the documents that could not be indexed; says how many. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; some may be removed then.
    pub async fn purge_failed(&self, scope: Scope) -> Result<usize, ServiceError> {
        let mut purged = 0;
        for document in self.list(scope).await? {
            if document.has_failed() {
                purged += usize::from(self.remove_if(scope, &document.id, true).await?);
            }
        }
        Ok(purged)
    }

    /// Begins to index every document anew; says how many. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; some may be begun then.
    pub async fn reindex_all(&self, scope: Scope) -> Result<usize, ServiceError> {
        let mut queued = 0;
        for document in self.list(scope).await? {
            let again = ReindexDocument { id: document.id.clone() };
            queued += usize::from(self.memory.call(scope, again).await?);
        }
        Ok(queued)
    }

    /// The chunks of indexed documents that answer a question, best first.
    ///
    /// # Errors
    /// When the embedder or the tenant cannot serve.
    pub async fn search(
        &self,
        scope: Scope,
        text: &str,
        top_k: usize,
        min_relevance: f32,
    ) -> Result<Vec<FoundChunk>, ServiceError> {
        let text = asked_part(text);
        let words = query_words(text, &[]);
        let embedding = self.memory.embedder.embed_query(text, &words).await?;
        let query = ReadQuery { min_relevance, ..ReadQuery::about(text, top_k) };
        let spend = QueryAllowance::of(scope.allowance.queries_per_day, 1);
        self.memory.call(scope, SearchDocuments { query, embedding, spend }).await
    }

    /// What the documents say of whom and what, and whether that was known already.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn graph(&self, scope: Scope) -> Result<(KeptGraph, bool), ServiceError> {
        let found =
            knowledge::knowledge_graph(&self.memory.registry, scope.tenant, scope.deadline).await;
        found.map_err(|error| self.memory.wrap(&error))
    }

    /// Whoever claims an id or gives it back holds this meanwhile, so that no document is ever without
    /// its claim. Ids may share a lock.
    async fn lock(&self, scope: Scope, id: &str) -> MutexGuard<'_, ()> {
        let mut hasher = FxHasher::default();
        (scope.tenant, id).hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or(0);
        match self.locks.get(at) {
            Some(lock) => lock.lock().await,
            None => unreachable!("there are {LOCKS} locks"),
        }
    }
}

/// Work of the spool, on the blocking pool.
async fn on_disk<R: Send + 'static, E: std::fmt::Display + Send + 'static>(
    work: impl FnOnce() -> Result<R, E> + Send + 'static,
) -> Result<R, ServiceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "a file could not be received");
            Err(ServiceError::new(ErrorKind::Internal, "the server could not store the file"))
        }
        Err(_) => Err(ServiceError::crashed()),
    }
}
