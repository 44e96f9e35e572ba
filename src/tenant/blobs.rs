//! What a tenant keeps as files beside its records: the originals of documents, and the files of
//! applications. One set of bytes is one file there, however many documents and files have it.
//!
//! Invariant: bytes are kept before the record that names them is written, and removed after it is
//! gone for good. What a crash leaves in between is removed when the tenant is next opened.

use rustc_hash::FxHashMap;

use super::{DocumentLimits, Tenant, TenantError};
use crate::storage::{BlobHash, Blobs, StorageError};

/// The bytes that the records of one kind name.
#[derive(Debug, Default)]
pub(super) struct NamedBlobs {
    /// How many records name them.
    counts: FxHashMap<BlobHash, u32>,
    /// The records.
    record_count: u64,
    /// Those that several records name counted for each.
    size_bytes: u64,
}

impl NamedBlobs {
    pub(super) fn contains(&self, blob: BlobHash) -> bool {
        self.counts.contains_key(&blob)
    }

    pub(super) fn record_count(&self) -> u64 {
        self.record_count
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// One more record names them.
    pub(super) fn add(&mut self, blob: BlobHash, size_bytes: u64) {
        *self.counts.entry(blob).or_default() += 1;
        self.record_count += 1;
        self.size_bytes += size_bytes;
    }

    /// One that did does not any more.
    pub(super) fn remove(&mut self, blob: BlobHash, size_bytes: u64) {
        self.record_count -= 1;
        self.size_bytes -= size_bytes;
        if let Some(count) = self.counts.get_mut(&blob) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&blob);
            }
        }
    }
}

impl Tenant {
    /// The bytes of its documents and files.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Whether a document or a file has these bytes.
    #[must_use]
    pub fn names_blob(&self, blob: BlobHash) -> bool {
        self.documents.names(blob) || self.file_blobs().contains(blob)
    }

    /// Whether so many bytes may come, in place of so many others or beside what is there: the plan
    /// counts documents and files together.
    pub(super) fn check_blob_room(
        &self,
        former: Option<u64>,
        size_bytes: u64,
        limits: &DocumentLimits,
    ) -> Result<(), TenantError> {
        let (documents, files) = (&self.documents, self.file_blobs());
        let count = documents.len() as u64 + files.record_count() + u64::from(former.is_none());
        if let Some(limit) = limits.documents_max.filter(|max| count > *max) {
            return Err(TenantError::DocumentLimit { limit });
        }
        let others = documents.size_bytes() + files.size_bytes() - former.unwrap_or(0);
        if let Some(limit) = limits.bytes_max.filter(|max| others + size_bytes > *max) {
            return Err(TenantError::DocumentBytesLimit { limit });
        }
        Ok(())
    }

    /// Removes what no record names, as far as that can be done now: nobody reads it, and the next
    /// opening tries again. Documents and files must have been read.
    pub(super) fn sweep_blobs(&self) {
        if let Err(error) = self.try_to_sweep_blobs() {
            tracing::warn!(tenant.no = self.no.0, error = %error, "files were not looked at");
        }
    }

    /// Once it is durable that no record names them.
    fn try_to_sweep_blobs(&self) -> Result<(), StorageError> {
        let is_named = |blob: BlobHash| self.names_blob(blob);
        if self.commit.is_poisoned() || !self.blobs.has_others(is_named)? {
            return Ok(());
        }
        self.commit.store().flush()?;
        let removed = self.blobs.sweep(is_named)?;
        tracing::info!(tenant.no = self.no.0, removed, "removed files that no record names");
        Ok(())
    }
}
