//! A command's batch, complete and on its way to storage. Applying one record costs storage some
//! 10 us, so a large batch belongs on the blocking pool; the command waits for it there, and its
//! tenant with it.

use super::TenantError;
use crate::storage::{AtomicBatch, GroupCommit};

/// Changes that a shard's thread applies itself: about half a millisecond.
const SMALL_CHANGES_MAX: usize = 48;

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
        self.batch.len() > SMALL_CHANGES_MAX
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
