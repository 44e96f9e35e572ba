//! Ids of documents, which callers may choose and which name one document of the whole server: who
//! has which. An id belongs to one tenant until that tenant gives it back or is deleted.

use std::collections::HashSet;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use uuid::Uuid;

use super::records::{self, DocumentIdRecord, Table};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::TenantId;
use crate::types::limits::DOCUMENT_ID_CHARS_MAX;

/// Ids that go in the same change as their tenant; a sweep removes the others.
const IDS_WITH_TENANT_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct DocumentIds {
    owners: DashMap<Arc<str>, TenantId>,
    of_tenant: DashMap<TenantId, HashSet<Arc<str>>>,
}

impl Directory {
    /// Makes an id the tenant's, unless it is already. Durable on return. Blocks for one fsync where
    /// it is new: for the blocking pool.
    ///
    /// # Errors
    /// [`ControlError::DocumentIdTaken`] when another tenant has it, [`ControlError::UnknownTenant`],
    /// for an id that is empty or too long, and when the store fails.
    pub fn claim_document_id(&self, id: &str, tenant: TenantId) -> Result<(), ControlError> {
        check_id(id)?;
        let _changing = self.changing();
        self.get_tenant(tenant)?;
        match self.owner_of_document(id) {
            Some(owner) if owner == tenant => return Ok(()),
            Some(_) => return Err(ControlError::DocumentIdTaken),
            None => {}
        }
        let mut batch = AtomicBatch::new(0);
        let record = DocumentIdRecord { id: id.to_owned(), tenant: *tenant.as_bytes() };
        batch.put(record_key(id), encode(&record)?);
        self.commit(&batch)?;
        self.show_document_id(id.into(), tenant);
        Ok(())
    }

    /// Gives an id of the tenant back; says whether it had it. Durable on return. Blocks for one
    /// fsync: for the blocking pool.
    ///
    /// # Errors
    /// When the store fails.
    pub fn release_document_id(&self, id: &str, tenant: TenantId) -> Result<bool, ControlError> {
        let _changing = self.changing();
        if self.owner_of_document(id) != Some(tenant) {
            return Ok(false);
        }
        let mut batch = AtomicBatch::new(0);
        batch.delete(record_key(id));
        self.commit(&batch)?;
        self.forget_document_ids(tenant, &[id.into()]);
        Ok(true)
    }

    /// Whose id this is. Costs two map look-ups.
    #[must_use]
    pub fn owner_of_document(&self, id: &str) -> Option<TenantId> {
        let owner = *self.document_ids.owners.get(id)?;
        self.get_tenant(owner).ok().map(|tenant| tenant.id)
    }

    /// Ids that are left of tenants which are gone.
    pub(super) fn ownerless_document_ids(&self) -> Vec<(TenantId, Vec<Arc<str>>)> {
        let of_tenants = self.document_ids.of_tenant.iter();
        let gone = of_tenants.filter(|ids| self.get_tenant(*ids.key()).is_err());
        gone.map(|ids| (*ids.key(), ids.iter().cloned().collect())).collect()
    }

    /// For a caller that is making a change. What another tenant claimed meanwhile stays.
    pub(super) fn drop_document_ids(
        &self,
        tenant: TenantId,
        ids: &[Arc<str>],
    ) -> Result<(), ControlError> {
        let mut batch = AtomicBatch::new(0);
        self.delete_document_ids(&mut batch, tenant, ids);
        self.commit(&batch)?;
        self.forget_document_ids(tenant, ids);
        Ok(())
    }

    /// Adds the deletion of a tenant's ids, at most so many as go with it; says which.
    pub(super) fn delete_document_ids_of(
        &self,
        batch: &mut AtomicBatch,
        tenant: TenantId,
    ) -> Vec<Arc<str>> {
        let ids: Vec<Arc<str>> = match self.document_ids.of_tenant.get(&tenant) {
            Some(ids) => ids.iter().take(IDS_WITH_TENANT_MAX).cloned().collect(),
            None => Vec::new(),
        };
        self.delete_document_ids(batch, tenant, &ids);
        ids
    }

    fn delete_document_ids(&self, batch: &mut AtomicBatch, tenant: TenantId, ids: &[Arc<str>]) {
        for id in ids {
            if self.document_ids.owners.get(id).is_some_and(|owner| *owner == tenant) {
                batch.delete(record_key(id));
            }
        }
    }

    pub(super) fn forget_document_ids(&self, tenant: TenantId, ids: &[Arc<str>]) {
        for id in ids {
            self.document_ids.owners.remove_if(id, |_, owner| *owner == tenant);
        }
        if let Entry::Occupied(mut known) = self.document_ids.of_tenant.entry(tenant) {
            for id in ids {
                known.get_mut().remove(id);
            }
            if known.get().is_empty() {
                known.remove();
            }
        }
    }

    fn show_document_id(&self, id: Arc<str>, tenant: TenantId) {
        self.document_ids.owners.insert(Arc::clone(&id), tenant);
        self.document_ids.of_tenant.entry(tenant).or_default().insert(id);
    }

    pub(super) fn load_document_ids(&self) -> Result<(), ControlError> {
        self.load(Table::DocumentId, |_: [u8; 32], record: DocumentIdRecord| {
            self.show_document_id(record.id.into(), TenantId(Uuid::from_bytes(record.tenant)));
            Ok(())
        })
    }
}

fn record_key(id: &str) -> Vec<u8> {
    records::key(Table::DocumentId, blake3::hash(id.as_bytes()).as_bytes())
}

fn check_id(id: &str) -> Result<(), ControlError> {
    let chars = id.chars().count();
    if (1..=DOCUMENT_ID_CHARS_MAX).contains(&chars) {
        return Ok(());
    }
    let problem = format!("must have 1 to {DOCUMENT_ID_CHARS_MAX} characters, not {chars}");
    Err(ControlError::Invalid { field: "document id", problem })
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::*;
    use crate::storage::{FaultPlan, MemoryStore};
    use crate::types::ErrorKind;

    #[test]
    fn an_id_is_one_tenant_s_until_it_is_given_back_also_after_a_power_cut() {
        let fixture = Fixture::new();
        let (one, other) = (fixture.tenant(), fixture.tenant());
        fixture.directory.claim_document_id("doc", one).unwrap();
        fixture.directory.claim_document_id("given back", one).unwrap();
        assert_eq!(fixture.directory.release_document_id("given back", other), Ok(false));
        assert_eq!(fixture.directory.release_document_id("given back", one), Ok(true));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let directory = &fixture.directory;
            assert_eq!(directory.owner_of_document("doc"), Some(one));
            assert_eq!(directory.owner_of_document("given back"), None);
            assert_eq!(directory.claim_document_id("doc", one), Ok(()));
            let refused = directory.claim_document_id("doc", other).unwrap_err();
            assert_eq!(refused, ControlError::DocumentIdTaken);
            assert_eq!(refused.kind(), ErrorKind::Forbidden);
            directory.claim_document_id("given back", other).unwrap();
            assert_eq!(directory.owner_of_document("given back"), Some(other));
        }
    }

    #[test]
    fn a_deleted_tenant_s_ids_are_free_at_once_and_gone_from_the_store() {
        let fixture = Fixture::new();
        let (gone, stays) = (fixture.tenant(), fixture.tenant());
        for (id, tenant) in [("taken over", gone), ("left", gone), ("kept", stays)] {
            fixture.directory.claim_document_id(id, tenant).unwrap();
        }
        fixture.directory.delete_tenant(gone).unwrap();
        assert_eq!(fixture.directory.owner_of_document("left"), None);
        fixture.directory.claim_document_id("taken over", stays).unwrap();
        assert!(fixture.directory.ownerless_document_ids().is_empty());
        fixture.directory.sweep_ended().unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(fixture.directory.owner_of_document("left"), None);
            assert!(!fixture.stores(b"left"));
            for id in ["taken over", "kept"] {
                assert_eq!(fixture.directory.owner_of_document(id), Some(stays), "{id}");
            }
        }
        let unknown = fixture.directory.claim_document_id("x", gone);
        assert_eq!(unknown, Err(ControlError::UnknownTenant(gone)));
    }

    #[test]
    fn what_does_not_go_with_its_tenant_is_swept_and_what_was_claimed_since_stays() {
        let fixture = Fixture::new();
        let (gone, stays) = (fixture.tenant(), fixture.tenant());
        let directory = &fixture.directory;
        directory.delete_tenant(gone).unwrap();
        // As if the tenant had had more than go with it.
        let mut batch = AtomicBatch::new(0);
        for id in ["swept", "claimed since"] {
            let record = DocumentIdRecord { id: id.to_owned(), tenant: *gone.as_bytes() };
            batch.put(record_key(id), encode(&record).unwrap());
            directory.show_document_id(id.into(), gone);
        }
        directory.commit(&batch).unwrap();
        directory.claim_document_id("claimed since", stays).unwrap();
        assert!(directory.sweep_ended().unwrap() > 0);
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(fixture.directory.ownerless_document_ids().is_empty());
            assert!(!fixture.stores(b"swept"));
            assert_eq!(fixture.directory.owner_of_document("claimed since"), Some(stays));
        }
    }

    #[test]
    fn an_id_has_a_length_and_may_be_of_any_characters() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        let most = "\u{e9}".repeat(DOCUMENT_ID_CHARS_MAX);
        for good in ["a", "a b/c\n", &most] {
            fixture.directory.claim_document_id(good, tenant).unwrap();
            assert_eq!(fixture.directory.owner_of_document(good), Some(tenant));
        }
        for bad in ["", &format!("{most}a")] {
            let refused = fixture.directory.claim_document_id(bad, tenant).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn of_many_who_claim_an_id_at_once_one_gets_it() {
        let fixture = Fixture::new();
        let tenants: Vec<_> = (0..8).map(|_| fixture.tenant()).collect();
        let barrier = std::sync::Barrier::new(tenants.len());
        let claim = |tenant| {
            barrier.wait();
            fixture.directory.claim_document_id("wanted", tenant).is_ok()
        };
        let claim = &claim;
        let claimed = std::thread::scope(|scope| {
            let threads: Vec<_> =
                tenants.iter().map(|tenant| scope.spawn(move || claim(*tenant))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(claimed, 1);
    }

    #[test]
    fn a_store_that_fails_gives_the_id_to_nobody() {
        // Two writes make the default project and the tenant.
        let faults = FaultPlan { fail_apply_at: Some(3), ..FaultPlan::default() };
        let fixture = Fixture::on(MemoryStore::with_faults(faults));
        let tenant = fixture.tenant();
        assert!(fixture.directory.claim_document_id("doc", tenant).is_err());
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(fixture.directory.owner_of_document("doc"), None);
        }
    }
}
