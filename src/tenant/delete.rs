//! Forgetting atoms: every structure in memory, and storage in one batch; then the index caches on
//! disk that may still hold their vectors.

use super::open::damaged;
use super::store::Pending;
use super::{Place, Tenant, TenantError};
use crate::engine::atom::AtomDeletion;
use crate::engine::fingerprint::Fingerprint;
use crate::storage::AtomicBatch;
use crate::types::AtomId;

/// Live rows up to which a domain is rebuilt within a delete: some 50 ms. A larger one keeps its
/// dead rows, which cost a little time in every scan, until the tenant is next opened.
const INLINE_REBUILD_ROWS_MAX: u32 = 5_000;

impl Tenant {
    /// Removes an atom, and before it what was derived from it. Durable when a ticket taken
    /// afterwards is. Hebbian edges stay: an edge belongs to a pair of concepts, not to an atom.
    /// What it superseded stays out of search; what it stood for comes back.
    ///
    /// # Errors
    /// When storage fails; the tenant is poisoned if anything was changed in memory.
    pub fn delete_atom(&mut self, id: AtomId) -> Result<AtomDeletion, TenantError> {
        for derived in self.derived_atoms(id) {
            self.delete_one(derived)?;
        }
        self.delete_one(id)
    }

    fn delete_one(&mut self, id: AtomId) -> Result<AtomDeletion, TenantError> {
        self.check_usable()?;
        let Some(place) = self.atoms.get(&id).copied() else {
            return Ok(AtomDeletion::default());
        };
        let supersedes = self.ties.get(id).map_or_else(Vec::new, |ties| ties.supersedes.clone());
        let mut pending = self.begin(None);
        self.forget_atoms(&mut pending, &[id])?;
        self.commit(pending)?;
        self.tidy_after_forgetting(place.domain_no)?;
        let left_hidden = supersedes.into_iter().filter(|id| self.atoms.contains_key(id));
        Ok(AtomDeletion { was_there: true, left_hidden: left_hidden.collect() })
    }

    /// Takes atoms out of memory and puts their deletion into a command's batch; unknown ones are
    /// left out. What was derived from them is the caller's business. Once the batch was applied
    /// [`Tenant::tidy_after_forgetting`] should follow.
    ///
    /// # Errors
    /// When storage cannot be read or a record not encoded; the tenant may be poisoned then.
    pub(super) fn forget_atoms(
        &mut self,
        pending: &mut Pending,
        ids: &[AtomId],
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        for id in ids {
            let Some(place) = self.atoms.get(id).copied() else { continue };
            self.forget_atom(pending, *id, place)?;
        }
        Ok(())
    }

    fn forget_atom(
        &mut self,
        pending: &mut Pending,
        id: AtomId,
        place: Place,
    ) -> Result<(), TenantError> {
        let no = self.row(place).ok_or_else(|| damaged("an atom's row"))?.no;
        let entry = self.entry_of(no)?;
        self.uncommitted = true;
        let batch = &mut pending.batch;
        self.delete_atom_keys(batch, no);
        let cues = self.plan_cues_without(batch, &[no])?;
        let freed = self.put_freed(batch, id, place.domain_no)?;
        self.cues.apply(cues);
        self.restore_all(&freed);
        let prototype = self.ties.consolidated_into(id);
        self.forget_across_domains(id, place, &entry);
        self.forget_message(&mut pending.batch, id)?;
        if let Some(prototype) = prototype {
            self.refresh_evidence(prototype);
        }
        let Some(domain) = self.domains.get_mut(&place.domain_no) else { return Ok(()) };
        let (content, wording) = (entry.content_print, entry.wording_print);
        domain.remove(place.row, Fingerprint(content), Fingerprint(wording));
        if domain.live_count == 0 {
            self.delete_domain_keys(&mut pending.batch, place.domain_no);
            if let Some(domain) = self.domains.remove(&place.domain_no) {
                self.domain_numbers.remove(&domain.name);
            }
        }
        Ok(())
    }

    /// Removes a domain's index cache, which may still hold a vector of a forgotten atom, and
    /// numbers its rows anew when too many are dead.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant is poisoned then.
    pub(super) fn tidy_after_forgetting(&mut self, domain_no: u32) -> Result<(), TenantError> {
        self.remove_index_cache(domain_no);
        if self.needs_rebuild(domain_no) {
            self.rebuild_domain(domain_no)?;
        }
        Ok(())
    }

    /// Writes what the deletion of an atom frees: the members of a prototype, or a prototype whose
    /// last member it is. They are consolidated anew with the next run.
    fn put_freed(
        &self,
        batch: &mut AtomicBatch,
        id: AtomId,
        domain_no: u32,
    ) -> Result<Vec<AtomId>, TenantError> {
        let mut freed = self.ties.members(id).to_vec();
        if let Some(prototype) = self.ties.consolidated_into(id)
            && self.ties.members(prototype).len() == 1
        {
            freed.push(prototype);
        }
        self.put_restored(batch, domain_no, &freed)?;
        Ok(freed)
    }

    fn needs_rebuild(&self, domain_no: u32) -> bool {
        self.domains.get(&domain_no).is_some_and(|domain| {
            domain.live_count <= INLINE_REBUILD_ROWS_MAX && domain.vectors.needs_compaction()
        })
    }
}
