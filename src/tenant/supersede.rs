//! Replacing atoms: the old ones, and what was derived from them, stay readable by id, name the new
//! one, and leave search. All of it is part of the batch that stores the new one.

use super::open::damaged;
use super::store::Pending;
use super::{Tenant, TenantError};
use crate::engine::atom::{Atom, RevisionChain};
use crate::engine::fingerprint::Fingerprint;
use crate::storage::records::Id;
use crate::types::AtomId;
use crate::types::limits::CHAIN_REVISIONS_MAX;

impl Tenant {
    /// Whether all of them are there and none was replaced before.
    pub(super) fn check_supersedable(&self, ids: &[AtomId]) -> Result<(), TenantError> {
        for id in ids {
            if !self.atoms.contains_key(id) {
                return Err(TenantError::UnknownSuperseded(*id));
            }
            if let Some(by) = self.ties.superseded_by(*id) {
                return Err(TenantError::AlreadySuperseded { id: *id, by });
            }
        }
        Ok(())
    }

    pub(super) fn supersede(
        &mut self,
        pending: &mut Pending,
        by: AtomId,
        superseded: &[AtomId],
    ) -> Result<(), TenantError> {
        if superseded.is_empty() {
            return Ok(());
        }
        let place = self.place_of(by)?;
        let ids = superseded.iter().map(|id| Id(*id.as_bytes()));
        self.put_standing(&mut pending.batch, place, |record| record.supersedes.extend(ids))?;
        self.ties.change(by, |ties| ties.supersedes.extend(superseded));
        let derived = superseded.iter().flat_map(|id| self.derived_atoms(*id));
        let derived = derived.filter(|id| self.ties.superseded_by(*id).is_none());
        for id in superseded.iter().copied().chain(derived.collect::<Vec<_>>()) {
            let place = self.place_of(id)?;
            let replaced_by = Some(Id(*by.as_bytes()));
            self.put_standing(&mut pending.batch, place, |record| {
                record.superseded_by = replaced_by;
            })?;
            self.ties.change(id, |ties| ties.superseded_by = Some(by));
            self.refresh_visibility(id);
            self.subjects.archive(id);
            self.free_members(pending, id)?;
            self.admit_again(pending, id)?;
        }
        Ok(())
    }

    /// What a prototype stood for is no longer hidden once the prototype is.
    fn free_members(
        &mut self,
        pending: &mut Pending,
        prototype: AtomId,
    ) -> Result<(), TenantError> {
        let domain_no = self.place_of(prototype)?.domain_no;
        let members = self.ties.members(prototype).to_vec();
        if members.is_empty() {
            return Ok(());
        }
        let freed = [members, vec![prototype]].concat();
        self.put_restored(&mut pending.batch, domain_no, &freed)?;
        self.restore_all(&freed);
        Ok(())
    }

    /// What was superseded may be said again: the gate no longer knows it.
    fn admit_again(&mut self, pending: &Pending, id: AtomId) -> Result<(), TenantError> {
        let place = self.place_of(id)?;
        let row = self.row(place).ok_or_else(|| damaged("an atom's row"))?;
        let entry = self.entry_in(pending, row.no)?;
        if let Some(domain) = self.domains.get_mut(&place.domain_no) {
            let (content, wording) = (entry.content_print, entry.wording_print);
            domain.forget_prints(place.row, Fingerprint(content), Fingerprint(wording));
        }
        Ok(())
    }

    /// Everything that an atom replaced, or that replaced it, however many steps away: oldest
    /// first. `None` when there is no such atom.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_chain(&self, id: AtomId) -> Result<Option<RevisionChain>, TenantError> {
        self.check_usable()?;
        if !self.atoms.contains_key(&id) {
            return Ok(None);
        }
        let mut reached = vec![id];
        let mut dangling = Vec::new();
        let mut is_truncated = false;
        let mut at = 0;
        while let Some(next) = reached.get(at).copied() {
            at += 1;
            let Some(ties) = self.ties.get(next) else { continue };
            for tied in ties.supersedes.iter().copied().chain(ties.superseded_by) {
                if reached.contains(&tied) || dangling.contains(&tied) {
                    continue;
                }
                if reached.len() + dangling.len() >= CHAIN_REVISIONS_MAX {
                    is_truncated = true;
                } else if self.atoms.contains_key(&tied) {
                    reached.push(tied);
                } else {
                    dangling.push(tied);
                }
            }
        }
        // Ids sort as their atoms were created.
        reached.sort_unstable();
        let mut revisions: Vec<Atom> = Vec::with_capacity(reached.len());
        for id in reached {
            revisions.extend(self.find_atom(id)?);
        }
        Ok(Some(RevisionChain { revisions, dangling, is_truncated }))
    }
}
