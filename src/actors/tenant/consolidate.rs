//! The tenant's part of consolidation: giving a snapshot, taking a plan back in slices, and
//! undoing. Clustering itself happens elsewhere, while the tenant serves.

use std::sync::Arc;

use futures_util::future::{FutureExt, ready};

use super::data::ConsolidationReport;
use super::{Answer, Done, TenantCell, TenantCommand};
use crate::tenant::{DomainSnapshot, PlannedConsolidation};
use crate::types::AtomId;

/// What clustering needs of a domain; `None` when it is empty or nothing changed since the last
/// run, with the number of atoms in search.
pub struct SnapshotDomain {
    pub domain: String,
}

impl TenantCommand for SnapshotDomain {
    type Reply = (Option<DomainSnapshot>, u64);

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let tenant = tenant.borrow();
        ready(tenant.snapshot_for_consolidation(&self.domain).map(Done::read)).boxed_local()
    }
}

/// Contents of atoms, in order; `None` for one that is gone.
pub struct ReadContents {
    pub ids: Vec<AtomId>,
}

/// Contents read between two yields to the shard's other tenants.
const CONTENTS_SLICE: usize = 64;

impl TenantCommand for ReadContents {
    type Reply = Vec<Option<String>>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let mut contents = Vec::with_capacity(self.ids.len());
            for slice in self.ids.chunks(CONTENTS_SLICE) {
                contents.extend(tenant.borrow().contents_of(slice)?);
                tokio::task::yield_now().await;
            }
            Ok(Done::read(contents))
        }
        .boxed_local()
    }
}

/// The domains to which at least so many atoms were written since they were last consolidated.
pub struct DueDomains {
    pub writes_min: u64,
}

impl TenantCommand for DueDomains {
    type Reply = Vec<String>;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(tenant.borrow().domains_due(self.writes_min).map(Done::read)).boxed_local()
    }
}

/// Puts a plan into effect as far as it still fits what the domain holds now.
pub struct ApplyConsolidation {
    pub plan: PlannedConsolidation,
    /// The tenant's name, for webhooks that are told of it.
    pub app: Arc<str>,
}

impl TenantCommand for ApplyConsolidation {
    type Reply = ConsolidationReport;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let mut work = tenant.borrow().begin_consolidation(self.plan).telling_as(self.app);
            while tenant.borrow_mut().apply_consolidation_slice(&mut work)? {
                tokio::task::yield_now().await;
            }
            Ok(Done { reply: work.into_report(), ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

/// Puts every consolidated atom of a domain back into search; replies how many.
pub struct UndoConsolidation {
    pub domain: String,
}

impl TenantCommand for UndoConsolidation {
    type Reply = u64;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let mut restored = 0;
            loop {
                // The borrow ends with the statement, before the yield.
                let slice = tenant.borrow_mut().undo_consolidation_slice(&self.domain)?;
                let Some(members) = slice else { break };
                restored += members;
                tokio::task::yield_now().await;
            }
            Ok(Done { reply: restored, ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}
