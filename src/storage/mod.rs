//! Durable keys and values, and the only code that names sled. An engine here is narrow: get,
//! scan a prefix, apply an atomic batch, flush, delete a prefix. It takes no decision about
//! memory; what the bytes mean to a tenant is said in `records` and `keys`.
//!
//! Invariant: [`Store::apply`] is all or nothing across a crash (but for prepared records, which
//! mean nothing by themselves), and durable only once a later
//! [`Store::flush`] returned. Whoever acknowledges work waits for that flush through a
//! [`GroupCommit`].

mod blobs;
mod codec;
mod engine_memory;
mod engine_sled;
mod group_commit;
pub mod keys;
pub mod private_file;
pub mod records;

use std::ops::{Bound, ControlFlow};

use thiserror::Error;

use crate::types::ErrorKind;

pub use blobs::{BlobHash, Blobs, Spool, SpoolWriter, SpooledFile};
pub use codec::{CodecError, Record, decode, encode};
pub use engine_memory::{FaultPlan, MemoryStore};
pub use engine_sled::{SledSettings, SledStore};
pub use group_commit::{CommitPolicy, CommitTicket, GroupCommit};

/// What can go wrong below the tenant. Never holds a value's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageError {
    #[error("storage at {path} is in use by another process")]
    Locked { path: String },
    #[error("storage at {path} is damaged: {detail}")]
    Damaged { path: String, detail: String },
    #[error("storage input/output failed: {detail}")]
    Io { detail: String },
    #[error("the shard refuses writes since an earlier flush failed; restart the server")]
    Poisoned,
    #[error("stored record cannot be read: {0}")]
    Codec(#[from] CodecError),
}

impl StorageError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Locked { .. } | Self::Poisoned => ErrorKind::Unavailable,
            Self::Damaged { .. } | Self::Codec(_) => ErrorKind::Corrupted,
            Self::Io { .. } => ErrorKind::Internal,
        }
    }
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Put { key: Vec<u8>, value: Vec<u8> },
    Delete { key: Vec<u8> },
}

/// A command's whole effect, as plain data: applying the same batches in the same order gives
/// the same bytes anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtomicBatch {
    /// Which opening of the tenant made it. A replica refuses batches of an older owner.
    pub epoch: u64,
    /// Records that mean nothing until `changes` are there; see [`AtomicBatch::prepare`].
    pub prepared: Vec<Pair>,
    pub changes: Vec<Change>,
}

impl AtomicBatch {
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self { epoch, prepared: Vec::new(), changes: Vec::new() }
    }

    /// Adds a record whose key means nothing before the batch's `changes` are applied. An engine
    /// may apply such records ahead, in pieces, so that a large batch does not keep readers out;
    /// a crash in between leaves some of them. Whoever prepares must be able to tell from what
    /// `changes` write which of them count, and clear away the others.
    pub fn prepare(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.prepared.push((key, value));
    }

    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.push(Change::Put { key, value });
    }

    pub fn delete(&mut self, key: Vec<u8>) {
        self.changes.push(Change::Delete { key });
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records it changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prepared.len() + self.changes.len()
    }

    /// Bytes of the values it writes.
    #[must_use]
    pub fn value_bytes(&self) -> usize {
        let prepared = self.prepared.iter().map(|(_, value)| value.len());
        let put = self.changes.iter().map(|change| match change {
            Change::Put { value, .. } => value.len(),
            Change::Delete { .. } => 0,
        });
        prepared.chain(put).sum()
    }
}

/// What a visitor of [`Store::for_each`] answers: `Break` stops the scan.
pub type Visit = ControlFlow<()>;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Where a scan of `prefix` begins: behind `after`, unless that sorts before the prefix.
fn scan_start<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> Bound<&'a [u8]> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}

/// An ordered, durable map of byte strings.
pub trait Store: Send + Sync + 'static {
    /// # Errors
    /// When the engine cannot read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// Visits the pairs whose keys begin with `prefix` and sort after `after`, in key order.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn for_each(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit,
    ) -> Result<(), StorageError>;

    /// Makes every change of the batch, or none of them; of the prepared records some may be left
    /// by a failure or a crash. Not durable on return.
    ///
    /// # Errors
    /// When the engine cannot write; then none of the batch's changes will ever be seen.
    fn apply(&self, batch: &AtomicBatch) -> Result<(), StorageError>;

    /// Returns once everything applied before the call is durable. Blocks; costs one fsync.
    ///
    /// # Errors
    /// When the device fails; what was applied since the last flush may be lost.
    fn flush(&self) -> Result<(), StorageError>;

    /// Bytes the engine occupies on disk. May walk the file system; not for hot paths.
    fn disk_bytes(&self) -> u64;

    /// At most `limit` pairs of [`Store::for_each`], copied.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        let mut pairs = Vec::new();
        if limit == 0 {
            return Ok(pairs);
        }
        self.for_each(prefix, after, &mut |key, value| {
            pairs.push((key.to_vec(), value.to_vec()));
            if pairs.len() < limit { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        Ok(pairs)
    }

    /// Deletes up to `limit` keys that begin with `prefix` and sort after `after`, atomically, and
    /// says how many it deleted. Call until it answers less than `limit`: slices keep other
    /// tenants served.
    ///
    /// # Errors
    /// When the engine cannot read or write.
    fn delete_prefix(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        epoch: u64,
        limit: usize,
    ) -> Result<usize, StorageError> {
        let mut batch = AtomicBatch::new(epoch);
        self.for_each(prefix, after, &mut |key, _| {
            batch.delete(key.to_vec());
            if batch.changes.len() < limit { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        let count = batch.changes.len();
        if count > 0 {
            self.apply(&batch)?;
        }
        Ok(count)
    }
}
