//! Looking at single atoms and walking over all of them.

use super::domain::Row;
use super::open::damaged;
use super::store::Pending;
use super::{Place, Tenant, TenantError, ids};
use crate::engine::atom::{Atom, Metadata};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::fold_concept;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{AtomRecord, EntryRecord};
use crate::storage::{Visit, decode};
use crate::types::limits::{ATOM_CONCEPTS_MAX, EXPORT_PAGE_BYTES};
use crate::types::{AtomId, AtomNo, Timestamp};

/// Members of a prototype whose concepts are shown as its own; each costs a look-up.
const MERGED_MEMBERS_MAX: usize = 16;

impl Tenant {
    /// # Errors
    /// When storage cannot be read.
    pub fn find_atom(&self, id: AtomId) -> Result<Option<Atom>, TenantError> {
        self.check_usable()?;
        self.atoms.get(&id).map(|place| self.load(*place)).transpose()
    }

    /// The atom written with this external reference, in any domain.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_by_external_ref(&self, external_ref: &str) -> Result<Option<Atom>, TenantError> {
        self.check_usable()?;
        let place = self.external_refs.get(&Fingerprint::of_opaque(external_ref));
        place.map(|place| self.load(*place)).transpose()
    }

    /// Up to `limit` atoms in order of creation, beginning after `after`, which may be gone. Ends
    /// early after about a megabyte, so that a page is never long work; empty only at the end.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn export_page(
        &self,
        after: Option<AtomId>,
        limit: usize,
    ) -> Result<Vec<Atom>, TenantError> {
        self.check_usable()?;
        let after = after.map(|id| keys::by_atom(self.no, Kind::Atom, ids::number_in(id)));
        let prefix = keys::kind_prefix(self.no, Kind::Atom);
        let mut records = Vec::new();
        let mut outcome = Ok(());
        let mut bytes = 0;
        self.commit.store().for_each(&prefix, after.as_deref(), &mut |_, value| {
            match decode::<AtomRecord>(value) {
                Ok(record) => {
                    bytes += value.len();
                    records.push(record);
                }
                Err(error) => outcome = Err(TenantError::from(error)),
            }
            let more = outcome.is_ok() && records.len() < limit && bytes < EXPORT_PAGE_BYTES;
            if more { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        outcome?;
        records.into_iter().filter_map(|record| self.join(record)).collect()
    }

    /// Reads an atom's stored part and joins it with what memory knows.
    pub(super) fn load(&self, place: Place) -> Result<Atom, TenantError> {
        let row = self.row(place).ok_or_else(|| damaged("an atom's row"))?;
        let record = self.record_of(place)?;
        let domain = self.domains.get(&place.domain_no);
        let domain = domain.ok_or_else(|| damaged("an atom's domain"))?;
        self.atom_from(record, row, &domain.name)
    }

    /// The concepts that an atom was written with, or those found in it.
    pub(super) fn own_concepts(&self, place: Place) -> Result<Vec<String>, TenantError> {
        Ok(self.record_of(place)?.concepts)
    }

    /// What was written, as it is stored.
    pub(super) fn record_of(&self, place: Place) -> Result<AtomRecord, TenantError> {
        let row = self.row(place).ok_or_else(|| damaged("an atom's row"))?;
        let bytes = self.commit.store().get(&keys::by_atom(self.no, Kind::Atom, row.no))?;
        Ok(decode::<AtomRecord>(&bytes.ok_or_else(|| damaged("an atom"))?)?)
    }

    /// What the structures in memory were made of.
    pub(super) fn entry_of(&self, no: AtomNo) -> Result<EntryRecord, TenantError> {
        let bytes = self.commit.store().get(&keys::by_atom(self.no, Kind::Entry, no))?;
        Ok(decode(&bytes.ok_or_else(|| damaged("an atom's entry"))?)?)
    }

    /// As [`Tenant::entry_of`], for an atom that may have been stored by the same command.
    pub(super) fn entry_in(
        &self,
        pending: &Pending,
        no: AtomNo,
    ) -> Result<EntryRecord, TenantError> {
        let key = keys::by_atom(self.no, Kind::Entry, no);
        let prepared = pending.batch.prepared.iter().rev().find(|(prepared, _)| *prepared == key);
        match prepared {
            Some((_, value)) => Ok(decode(value)?),
            None => self.entry_of(no),
        }
    }

    /// `None` for a record whose atom is not in memory, which a half-applied delete cannot leave.
    fn join(&self, record: AtomRecord) -> Option<Result<Atom, TenantError>> {
        let place = *self.atoms.get(&AtomId(uuid::Uuid::from_bytes(record.id)))?;
        let domain = self.domains.get(&place.domain_no)?;
        let row = domain.rows.get(place.row as usize)?;
        Some(self.atom_from(record, row, &domain.name))
    }

    fn atom_from(&self, record: AtomRecord, row: &Row, domain: &str) -> Result<Atom, TenantError> {
        let mut atom = atom_alone(record, row, domain);
        let Some(ties) = self.ties.get(row.id) else { return Ok(atom) };
        atom.supersedes.clone_from(&ties.supersedes);
        atom.superseded_by = ties.superseded_by;
        atom.consolidated_into = ties.consolidated_into;
        // A prototype is about what its members are about, too.
        for member in ties.members.iter().take(MERGED_MEMBERS_MAX) {
            let Some(place) = self.atoms.get(member) else { continue };
            for concept in self.own_concepts(*place)? {
                let folded = fold_concept(&concept);
                let is_known = atom.concepts.iter().any(|known| fold_concept(known) == folded);
                if !is_known && atom.concepts.len() < ATOM_CONCEPTS_MAX {
                    atom.concepts.push(concept);
                }
            }
        }
        Ok(atom)
    }
}

fn atom_alone(record: AtomRecord, row: &Row, domain: &str) -> Atom {
    Atom {
        id: row.id,
        no: row.no,
        kind: row.kind,
        domain: domain.to_owned(),
        content: record.content,
        concepts: record.concepts,
        metadata: Metadata::from_checked(record.metadata),
        external_ref: record.external_ref,
        fingerprint: record.fingerprint,
        session: record.session,
        occurred_at: record.occurred_at_us.map(Timestamp::from_micros),
        created_at: row.created_at,
        last_accessed_at: row.last_accessed_at,
        access_count: row.access_count,
        importance: row.importance,
        valence: row.evidence.valence,
        outcome_count: row.evidence.outcome_count,
        is_protected: row.is_protected,
        supersedes: Vec::new(),
        superseded_by: None,
        consolidated_into: None,
    }
}
