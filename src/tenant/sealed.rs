//! A command's batch, complete and on its way to storage. Applying one record costs storage some
//! 10 us, and long ones cost by their bytes besides, so a large batch belongs on the blocking
//! pool; the command waits for it there, and its tenant with it.

use super::TenantError;
use crate::storage::{AtomicBatch, GroupCommit};

/// Changes that a shard's thread applies itself: about half a millisecond.
const SMALL_CHANGES_MAX: usize = 48;
/// Bytes of values that it writes itself.
const SMALL_BYTES_MAX: usize = 128 * 1024;

#[derive(Clone)]
#[must_use = "a sealed batch that is not applied changes nothing"]
pub struct SealedBatch {
    batch: AtomicBatch,
    commit: GroupCommit,
}

impl SealedBatch {
    pub(super) fn new(batch: AtomicBatch, commit: &GroupCommit) -> Self {
        Self { batch, commit: commit.clone() }
    }

    /// Whether applying it takes long enough to be done elsewhere.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.batch.len() > SMALL_CHANGES_MAX || self.batch.value_bytes() > SMALL_BYTES_MAX
    }

    /// Applies it whole. Visible and atomic on return; durable when a ticket taken afterwards is.
    ///
    /// # Errors
    /// When storage refuses it; then none of it will ever be seen.
    pub fn apply(&self) -> Result<(), TenantError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        Ok(self.commit.apply(&self.batch)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{CommitPolicy, MemoryStore};
    use std::sync::Arc;

    #[test]
    fn many_records_are_large_and_so_is_a_long_one() {
        let store = Arc::new(MemoryStore::default());
        let commit = GroupCommit::start(store, "test", CommitPolicy::Fsync).unwrap();
        let is_large = |records: u8, bytes: usize| {
            let mut batch = AtomicBatch::new(1);
            for no in 0..records {
                batch.put(vec![no], vec![0; bytes]);
                batch.delete(vec![no, 0]);
            }
            SealedBatch::new(batch, &commit).is_large()
        };
        assert!(!is_large(20, 1_000));
        assert!(is_large(40, 0));
        assert!(is_large(1, 1_000_000));
    }
}
