//! Forgetting one atom: storage first, in one batch, then every structure in memory, then the
//! index caches on disk that may still hold its vector.

use super::open::damaged;
use super::{Tenant, TenantError};
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
    /// When storage fails; then the atom itself was not removed.
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
        let no = self.row(place).ok_or_else(|| damaged("an atom's row"))?.no;
        let entry = self.entry_of(no)?;

        let mut batch = AtomicBatch::new(self.epoch);
        self.delete_atom_keys(&mut batch, no);
        let cues = self.plan_cues_without(&mut batch, &[no])?;
        let freed = self.put_freed(&mut batch, id, place.domain_no)?;
        let empties_domain =
            self.domains.get(&place.domain_no).is_some_and(|domain| domain.live_count == 1);
        if empties_domain {
            self.delete_domain_keys(&mut batch, place.domain_no);
        }
        self.commit.apply(&batch)?;

        let supersedes = self.ties.get(id).map_or_else(Vec::new, |ties| ties.supersedes.clone());
        self.cues.apply(cues);
        self.restore_all(&freed);
        let prototype = self.ties.consolidated_into(id);
        self.forget_across_domains(id, place, &entry);
        if let Some(prototype) = prototype {
            self.refresh_evidence(prototype);
        }
        if let Some(domain) = self.domains.get_mut(&place.domain_no) {
            let (content, wording) = (entry.content_print, entry.wording_print);
            domain.remove(place.row, Fingerprint(content), Fingerprint(wording));
        }
        self.remove_index_cache(place.domain_no);
        if empties_domain {
            if let Some(domain) = self.domains.remove(&place.domain_no) {
                self.domain_numbers.remove(&domain.name);
            }
        } else if self.needs_rebuild(place.domain_no) {
            self.rebuild_domain(place.domain_no)?;
        }
        let left_hidden = supersedes.into_iter().filter(|id| self.atoms.contains_key(id));
        Ok(AtomDeletion { was_there: true, left_hidden: left_hidden.collect() })
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
