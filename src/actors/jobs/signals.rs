//! What tenants and the runner of jobs tell each other: a tenant rings when a command left it a
//! job, and the runner says for which tenants it works, so that none of them is closed as idle.

use std::sync::Arc;

use dashmap::{DashMap, DashSet};
use tokio::sync::Notify;

use crate::types::TenantId;

#[derive(Default)]
pub struct JobSignals {
    rung: DashSet<TenantId>,
    wake: Notify,
    /// How many workers work for a tenant; none at all is not listed.
    working: DashMap<TenantId, usize>,
}

impl JobSignals {
    /// The bell of one tenant.
    pub(in crate::actors) fn bell_of(self: &Arc<Self>, tenant: TenantId) -> JobBell {
        JobBell { signals: Arc::clone(self), tenant }
    }

    /// Whether a worker is at a job of this tenant, or about to lease one.
    pub(in crate::actors) fn is_working_for(&self, tenant: TenantId) -> bool {
        self.working.contains_key(&tenant)
    }

    /// Keeps a tenant from being closed as idle until the answer is dropped.
    pub(super) fn work_for(self: &Arc<Self>, tenant: TenantId) -> Working {
        *self.working.entry(tenant).or_default() += 1;
        Working { signals: Arc::clone(self), tenant }
    }

    /// The tenants that rang since this was last asked.
    pub(super) fn take_rung(&self) -> Vec<TenantId> {
        let rung: Vec<TenantId> = self.rung.iter().map(|tenant| *tenant).collect();
        rung.into_iter().filter(|tenant| self.rung.remove(tenant).is_some()).collect()
    }

    /// Returns when a tenant rang, or did since the last time.
    pub(super) async fn rung(&self) {
        self.wake.notified().await;
    }

    /// Makes the runner look at its clock.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// One tenant's bell.
pub struct JobBell {
    signals: Arc<JobSignals>,
    tenant: TenantId,
}

impl JobBell {
    /// Lets the runner look at the tenant's jobs. Costs no message and waits for nobody.
    pub fn ring(&self) {
        self.signals.rung.insert(self.tenant);
        self.signals.wake.notify_one();
    }
}

/// Somebody works for a tenant.
pub(super) struct Working {
    signals: Arc<JobSignals>,
    tenant: TenantId,
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(mut count) = self.signals.working.get_mut(&self.tenant) {
            *count -= 1;
        }
        self.signals.working.remove_if(&self.tenant, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_kept_open_until_the_last_worker_is_done() {
        let signals = Arc::<JobSignals>::default();
        let tenant = TenantId(uuid::Uuid::nil());
        let (one, other) = (signals.work_for(tenant), signals.work_for(tenant));
        drop(one);
        assert!(signals.is_working_for(tenant));
        drop(other);
        assert!(!signals.is_working_for(tenant));
    }

    #[test]
    fn a_ring_is_taken_once() {
        let signals = Arc::<JobSignals>::default();
        let tenant = TenantId(uuid::Uuid::nil());
        let bell = signals.bell_of(tenant);
        bell.ring();
        bell.ring();
        assert_eq!(signals.take_rung(), [tenant]);
        assert!(signals.take_rung().is_empty());
    }
}
