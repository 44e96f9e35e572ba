//! Tenants as the control plane sees them: a name, a plan, a place.

use std::sync::Arc;

use super::plans::Plan;
use crate::types::{ShardNo, TenantId, TenantNo, Timestamp};

#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: TenantId,
    /// Prefix of all its storage keys.
    pub no: TenantNo,
    /// The operator's label; not unique.
    pub name: Arc<str>,
    pub plan: Arc<Plan>,
    /// Chosen once, at creation, and kept: editing the shard file moves nobody.
    pub shard: ShardNo,
    pub created_at: Timestamp,
}
