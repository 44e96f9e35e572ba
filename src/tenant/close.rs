//! Closing: what is kept only for convenience (access counts, index caches) is saved; what
//! matters was durable before it was acknowledged.

use super::{Tenant, TenantError};
use crate::storage::keys::{self, Kind};
use crate::storage::records::AccessRecord;
use crate::storage::{AtomicBatch, encode};

impl Tenant {
    /// Saves access counts and index caches. Blocks: for the blocking pool. A poisoned tenant
    /// saves nothing.
    pub fn close(mut self) {
        if self.uncommitted {
            return;
        }
        if let Err(error) = self.store_access_counts() {
            tracing::warn!(tenant.no = self.no.0, error = %error, "access counts not saved");
        }
        self.save_index_caches();
    }

    fn store_access_counts(&mut self) -> Result<(), TenantError> {
        let mut batch = AtomicBatch::new(self.epoch);
        for domain in self.domains.values() {
            for (_, row) in domain.live_rows().filter(|(_, row)| row.access_dirty) {
                let record = AccessRecord {
                    count: row.access_count,
                    last_us: row.last_accessed_at.as_micros(),
                };
                batch.put(keys::by_atom(self.no, Kind::Access, row.no), encode(&record)?);
            }
        }
        if !batch.is_empty() {
            self.commit.apply(&batch)?;
        }
        Ok(())
    }
}
