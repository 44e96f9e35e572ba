//! The markers that tell, without opening any tenant, which of a shard's tenants have jobs.

use crate::storage::keys;
use crate::storage::records::JobMarkerRecord;
use crate::storage::{GroupCommit, Visit, decode};
use crate::tenant::TenantError;
use crate::tenant::open::damaged;
use crate::types::TenantNo;

/// A tenant with jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkedTenant {
    pub tenant: TenantNo,
    /// Jobs wait, or were running when the tenant was last open.
    pub has_unfinished: bool,
    pub dead_count: u64,
}

/// The tenants of a shard that have jobs. Blocks; costs one scan over as many keys.
///
/// # Errors
/// When storage cannot be read.
pub fn marked_tenants(commit: &GroupCommit) -> Result<Vec<MarkedTenant>, TenantError> {
    let mut marked = Vec::new();
    let mut outcome = Ok(());
    commit.store().for_each(&keys::job_marker_prefix(), None, &mut |key, value| {
        match read(key, value) {
            Ok(tenant) => marked.push(tenant),
            Err(error) => outcome = Err(error),
        }
        if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
    })?;
    outcome?;
    Ok(marked)
}

fn read(key: &[u8], value: &[u8]) -> Result<MarkedTenant, TenantError> {
    let tenant = keys::tenant_in(key).ok_or_else(|| damaged("a job marker's key"))?;
    let JobMarkerRecord { has_unfinished, dead_count } = decode(value)?;
    Ok(MarkedTenant { tenant, has_unfinished, dead_count })
}
