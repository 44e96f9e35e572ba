//! Forgetting one atom: storage first, in one batch, then every structure in memory, then the
//! index caches on disk that may still hold its vector.

use super::open::{concept_hashes, damaged};
use super::{Place, Tenant, TenantError, remove_place};
use crate::engine::fingerprint::Fingerprint;
use crate::storage::keys::{self, Kind};
use crate::storage::records::EntryRecord;
use crate::storage::{AtomicBatch, decode};
use crate::types::AtomId;

/// Live rows up to which a domain is rebuilt within a delete: some 50 ms. A larger one keeps its
/// dead rows, which cost a little time in every scan, until the tenant is next opened.
const INLINE_REBUILD_ROWS_MAX: u32 = 5_000;

impl Tenant {
    /// Removes an atom; says whether there was one. Durable when a ticket taken afterwards is.
    /// Hebbian edges stay: an edge belongs to a pair of concepts, not to an atom.
    ///
    /// # Errors
    /// When storage fails; then nothing was removed.
    pub fn delete_atom(&mut self, id: AtomId) -> Result<bool, TenantError> {
        self.check_usable()?;
        let Some(place) = self.atoms.get(&id).copied() else { return Ok(false) };
        let row = self.row(place).ok_or_else(|| damaged("an atom's row"))?;
        let no = row.no;
        let entry_key = keys::by_atom(self.no, Kind::Entry, no);
        let bytes = self.commit.store().get(&entry_key)?;
        let entry = decode::<EntryRecord>(&bytes.ok_or_else(|| damaged("an atom's entry"))?)?;

        let mut batch = AtomicBatch::new(self.epoch);
        batch.delete(entry_key);
        batch.delete(keys::by_atom(self.no, Kind::Atom, no));
        batch.delete(keys::by_atom(self.no, Kind::Access, no));
        let empties_domain =
            self.domains.get(&place.domain_no).is_some_and(|domain| domain.live_count == 1);
        if empties_domain {
            batch.delete(keys::by_number(self.no, Kind::Domain, place.domain_no));
        }
        self.commit.apply(&batch)?;

        self.forget(id, place, &entry);
        self.remove_index_cache(place.domain_no);
        if empties_domain {
            if let Some(domain) = self.domains.remove(&place.domain_no) {
                self.domain_numbers.remove(&domain.name);
            }
        } else if self.needs_rebuild(place.domain_no) {
            self.rebuild_domain(place.domain_no)?;
        }
        Ok(true)
    }

    /// Takes an atom out of every structure in memory.
    fn forget(&mut self, id: AtomId, place: Place, entry: &EntryRecord) {
        self.atoms.remove(&id);
        let content_print = Fingerprint(entry.content_print);
        if let Some(count) = self.content_counts.get_mut(&content_print) {
            *count -= 1;
            if *count == 0 {
                self.content_counts.remove(&content_print);
            }
        }
        if let Some(print) = entry.external_ref {
            self.external_refs.remove(&Fingerprint(print.0));
        }
        if let Some(print) = entry.fingerprint {
            remove_place(&mut self.fingerprints, Fingerprint(print.0), place);
        }
        for concept in concept_hashes(entry) {
            remove_place(&mut self.concept_atoms, concept, place);
        }
        if let Some(domain) = self.domains.get_mut(&place.domain_no) {
            let wording_print = Fingerprint(entry.wording_print);
            domain.remove(place.row, content_print, wording_print);
        }
    }

    fn needs_rebuild(&self, domain_no: u32) -> bool {
        self.domains.get(&domain_no).is_some_and(|domain| {
            domain.live_count <= INLINE_REBUILD_ROWS_MAX && domain.vectors.needs_compaction()
        })
    }
}
