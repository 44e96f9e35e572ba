//! A document comes, is replaced, is to be indexed anew, or goes: its record, its part of the graph and
//! its job change in one batch. What was made of it before goes then, in slices that are batches
//! of their own, since a document may have very many chunks. Until all of it is gone the command
//! answers nobody, and what a crash leaves of it is removed when the tenant is next opened.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use uuid::Uuid;

use super::indexing::IndexingOrder;
use super::known::{Known, is_run_mark, record_of};
use crate::engine::documents::{DOCUMENTS_DOMAIN, Document, Indexing, NewDocument};
use crate::engine::fingerprint::Fingerprint;
use crate::storage::keys::{self, Kind};
use crate::storage::{BlobHash, encode};
use crate::tenant::store::{Pending, print_of};
use crate::tenant::{Place, Tenant, TenantError};
use crate::types::{AtomId, JobNo};

/// Chunks removed in one slice: about a millisecond's worth.
const SLICE_CHUNKS: usize = 24;

/// What a tenant may hold of documents and files together; `None` for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DocumentLimits {
    pub documents_max: Option<u64>,
    /// Bytes of the documents' originals and of the files.
    pub bytes_max: Option<u64>,
}

/// A document with its original, which is kept already.
#[derive(Debug, Clone)]
pub struct PlannedDocument {
    pub new: NewDocument,
    pub blob: BlobHash,
    pub size_bytes: u64,
}

/// A change on its way.
#[must_use = "a change that is planned and not committed poisons the tenant"]
pub struct DocumentChange {
    pending: Pending,
    id: String,
    former: Option<Known>,
    next: Option<Known>,
}

/// The chunks of a run that is no document's any more.
pub struct FormerChunks {
    /// The last ones first: that costs least.
    chunks: std::vec::IntoIter<AtomId>,
    domain_no: Option<u32>,
}

impl DocumentChange {
    /// The document as it will be; `None` when it goes.
    #[must_use]
    pub fn document(&self) -> Option<Arc<Document>> {
        self.next.as_ref().map(|known| Arc::clone(&known.document))
    }
}

impl Tenant {
    /// Whether a document of so many bytes may come. The plan counts documents and files together.
    ///
    /// # Errors
    /// [`TenantError::DocumentLimit`], [`TenantError::DocumentBytesLimit`].
    pub fn check_document(
        &self,
        id: &str,
        size_bytes: u64,
        limits: &DocumentLimits,
    ) -> Result<(), TenantError> {
        self.check_usable()?;
        let former = self.documents.get(id).map(|known| known.document.size_bytes);
        self.check_blob_room(former, size_bytes, limits)
    }

    /// Begins to take a document, in place of an older one of its id. Its original must have been
    /// kept. Ask [`Tenant::check_document`] first.
    ///
    /// # Errors
    /// [`TenantError::JobLimit`]; nothing has changed then.
    pub fn plan_document(
        &mut self,
        planned: PlannedDocument,
    ) -> Result<DocumentChange, TenantError> {
        let PlannedDocument { new, blob, size_bytes } = planned;
        let former = self.documents.get(&new.id).cloned();
        let now = self.clock.now();
        let created_at = former.as_ref().map_or(now, |former| former.document.created_at);
        self.plan_run(former, blob, |job| Document {
            id: new.id,
            title: new.title,
            file_name: new.file_name,
            kind: new.kind,
            size_bytes,
            metadata: new.metadata,
            created_at,
            uploaded_at: now,
            preview: String::new(),
            indexing: Indexing::queued(job, now),
        })
    }

    /// Begins to index a document anew from its original; `None` for an unknown one.
    ///
    /// # Errors
    /// [`TenantError::JobLimit`]; nothing has changed then.
    pub fn plan_reindexing(&mut self, id: &str) -> Result<Option<DocumentChange>, TenantError> {
        let Some(former) = self.documents.get(id).cloned() else { return Ok(None) };
        let now = self.clock.now();
        let document = Document::clone(&former.document);
        let blob = former.blob;
        let change = self.plan_run(Some(former), blob, |job| Document {
            indexing: Indexing::queued(job, now),
            ..document
        })?;
        Ok(Some(change))
    }

    /// Begins to remove a document and all that was made of it; `None` for an unknown one.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn plan_document_removal(
        &mut self,
        id: &str,
    ) -> Result<Option<DocumentChange>, TenantError> {
        self.check_usable()?;
        let Some(former) = self.documents.get(id).cloned() else { return Ok(None) };
        let pending = self.begin(None);
        Ok(Some(DocumentChange { pending, id: id.to_owned(), former: Some(former), next: None }))
    }

    /// A new run, with its job. The job comes first: a refusal then harms nothing.
    fn plan_run(
        &mut self,
        former: Option<Known>,
        blob: BlobHash,
        document: impl FnOnce(JobNo) -> Document,
    ) -> Result<DocumentChange, TenantError> {
        let mut pending = self.begin(None);
        let run = Uuid::from_u128(rand::RngExt::random(&mut self.rng));
        let mut document = document(JobNo(0));
        let order = IndexingOrder { document: document.id.clone(), run };
        let enqueued = self.enqueue(&mut pending, order.into_job())?;
        document.indexing.job = enqueued.job;
        let id = document.id.clone();
        let next = Known { document: Arc::new(document), blob, run };
        Ok(DocumentChange { pending, id, former, next: Some(next) })
    }

    /// The chunks of a run that are there.
    fn chunks_of(&self, run: Uuid) -> Vec<AtomId> {
        let places = self.fingerprints.get(&Self::print_of_run(run)).into_iter().flatten();
        places.filter_map(|place| self.row(*place).map(|row| row.id)).collect()
    }

    /// Writes the document, or that it is gone. Answers the batch, what is left of its former run, to
    /// be forgotten with [`Tenant::forget_chunks`] once the batch was applied, and the original that
    /// nothing names any more once it is durable.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn finish_document(
        &mut self,
        change: DocumentChange,
    ) -> Result<(Pending, FormerChunks, Option<BlobHash>), TenantError> {
        let DocumentChange { mut pending, id, former, next } = change;
        self.check_before(&pending)?;
        if let Some(former) = &former {
            self.withdraw(&mut pending, former.document.indexing.job)?;
        }
        self.uncommitted = true;
        let print = print_of(&id).0;
        let key = keys::by_print(self.no, Kind::Document, &print);
        pending.batch.delete(keys::by_print(self.no, Kind::DocumentGraph, &print));
        match next {
            Some(known) => {
                pending.batch.put(key, encode(&record_of(&known))?);
                self.documents.insert(known);
            }
            None => {
                pending.batch.delete(key);
                self.documents.remove(&id);
            }
        }
        self.documents.forget_graph();
        let mut chunks = former.as_ref().map_or_else(Vec::new, |former| self.chunks_of(former.run));
        chunks.reverse();
        let domain_no = self.domain_numbers.get(DOCUMENTS_DOMAIN).copied();
        if let Some(number) = domain_no.filter(|_| !chunks.is_empty()) {
            self.remove_index_cache(number);
        }
        let freed = former.map(|former| former.blob).filter(|blob| !self.names_blob(*blob));
        Ok((pending, FormerChunks { chunks: chunks.into_iter(), domain_no }, freed))
    }

    /// Puts the deletion of some former chunks into a batch of its own. Says whether there are more.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant must be opened again then.
    pub fn forget_chunks(
        &mut self,
        pending: &mut Pending,
        former: &mut FormerChunks,
    ) -> Result<bool, TenantError> {
        let some: Vec<AtomId> = former.chunks.by_ref().take(SLICE_CHUNKS).collect();
        self.forget_atoms(pending, &some)?;
        Ok(!former.chunks.as_slice().is_empty())
    }

    /// Numbers the other chunks anew when too many are gone.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant is poisoned then.
    pub fn tidy_after_documents(&mut self, former: &FormerChunks) -> Result<(), TenantError> {
        former.domain_no.map_or(Ok(()), |number| self.tidy_after_forgetting(number))
    }

    /// Removes chunks of runs that no document has: a crash left them. A caller's own atoms among
    /// the chunks stay.
    pub(super) fn drop_orphan_chunks(&mut self) -> Result<(), TenantError> {
        let Some(domain_no) = self.domain_numbers.get(DOCUMENTS_DOMAIN).copied() else {
            return Ok(());
        };
        if self.commit.is_poisoned() {
            return Ok(());
        }
        let runs: FxHashSet<Fingerprint> =
            self.documents.iter().map(|known| Self::print_of_run(known.run)).collect();
        let others = self.fingerprints.iter().filter(|(print, _)| !runs.contains(print));
        let places: Vec<Place> = others
            .flat_map(|(_, places)| places)
            .filter(|it| it.domain_no == domain_no)
            .copied()
            .collect();
        let mut orphans = Vec::new();
        for place in places {
            let record = self.record_of(place)?;
            if record.fingerprint.as_deref().is_some_and(is_run_mark) {
                orphans.push(AtomId(Uuid::from_bytes(record.id)));
            }
        }
        if orphans.is_empty() {
            return Ok(());
        }
        tracing::info!(
            tenant.no = self.no.0,
            chunks = orphans.len(),
            "removing chunks of no document"
        );
        self.remove_index_cache(domain_no);
        let mut former = FormerChunks { chunks: orphans.into_iter(), domain_no: Some(domain_no) };
        loop {
            let mut pending = self.begin(None);
            let has_more = self.forget_chunks(&mut pending, &mut former)?;
            self.commit(pending)?;
            if !has_more {
                return self.tidy_after_documents(&former);
            }
        }
    }
}
