//! What became of atoms since they were written: superseded, consolidated, protected, rated. Each
//! atom with such a standing has one small record; the large entry is never rewritten.

use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::domain::{Evidence, Row};
use super::open::damaged;
use super::{Place, Tenant, TenantError};
use crate::engine::atom::AtomKind;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{Id, StandingRecord};
use crate::storage::{AtomicBatch, encode};
use crate::types::{AtomId, AtomNo};

/// Whether reads may return a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Visibility {
    #[default]
    Shown,
    /// Another atom replaced it: only reads that ask for history return it.
    Superseded,
    /// A prototype stands for it.
    Consolidated,
    /// It waits for its enrichment.
    Staged,
}

/// How an atom is tied to others, or kept back. Few atoms are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ties {
    pub supersedes: Vec<AtomId>,
    pub superseded_by: Option<AtomId>,
    pub consolidated_into: Option<AtomId>,
    /// It waits for its enrichment.
    pub is_staged: bool,
    /// The atoms this one stands for; kept in memory only.
    pub members: Vec<AtomId>,
}

impl Ties {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn visibility(&self) -> Visibility {
        if self.superseded_by.is_some() {
            Visibility::Superseded
        } else if self.consolidated_into.is_some() {
            Visibility::Consolidated
        } else if self.is_staged {
            Visibility::Staged
        } else {
            Visibility::Shown
        }
    }
}

/// The ties of a tenant's atoms, kept in step in both directions.
#[derive(Debug, Default)]
pub(super) struct AllTies(FxHashMap<AtomId, Ties>);

impl AllTies {
    pub(super) fn get(&self, id: AtomId) -> Option<&Ties> {
        self.0.get(&id)
    }

    pub(super) fn superseded_by(&self, id: AtomId) -> Option<AtomId> {
        self.0.get(&id)?.superseded_by
    }

    pub(super) fn consolidated_into(&self, id: AtomId) -> Option<AtomId> {
        self.0.get(&id)?.consolidated_into
    }

    pub(super) fn members(&self, id: AtomId) -> &[AtomId] {
        self.0.get(&id).map_or(&[], |ties| ties.members.as_slice())
    }

    pub(super) fn change(&mut self, id: AtomId, change: impl FnOnce(&mut Ties)) {
        let ties = self.0.entry(id).or_default();
        change(ties);
        if ties.is_empty() {
            self.0.remove(&id);
        }
    }

    /// Ties a member to its prototype, or to none.
    pub(super) fn set_prototype(&mut self, member: AtomId, prototype: Option<AtomId>) {
        if let Some(former) = self.consolidated_into(member) {
            self.change(former, |ties| ties.members.retain(|id| *id != member));
        }
        self.change(member, |ties| ties.consolidated_into = prototype);
        if let Some(prototype) = prototype {
            self.change(prototype, |ties| ties.members.push(member));
        }
    }

    pub(super) fn remove(&mut self, id: AtomId) -> Ties {
        self.0.remove(&id).unwrap_or_default()
    }
}

impl Tenant {
    /// Writes an atom's standing as memory has it, with `change` made to it.
    pub(super) fn put_standing(
        &self,
        batch: &mut AtomicBatch,
        place: Place,
        change: impl FnOnce(&mut StandingRecord),
    ) -> Result<(), TenantError> {
        let row = self.row(place).ok_or_else(|| damaged("an atom's row"))?;
        let mut record = standing_of(row, self.ties.get(row.id));
        change(&mut record);
        batch.put(keys::by_atom(self.no, Kind::Standing, row.no), encode(&record)?);
        Ok(())
    }

    /// Keeps an atom back from reads, or lets them return it.
    pub(super) fn set_staged(
        &mut self,
        batch: &mut AtomicBatch,
        id: AtomId,
        is_staged: bool,
    ) -> Result<(), TenantError> {
        let place = self.atoms.get(&id).copied().ok_or_else(|| damaged("a staged atom"))?;
        self.put_standing(batch, place, |record| record.is_staged = is_staged)?;
        self.ties.change(id, |ties| ties.is_staged = is_staged);
        self.refresh_visibility(id);
        Ok(())
    }

    pub(super) fn find_row(&self, id: AtomId) -> Option<&Row> {
        self.row(*self.atoms.get(&id)?)
    }

    pub(super) fn row_mut(&mut self, place: Place) -> Option<&mut Row> {
        self.domains.get_mut(&place.domain_no)?.rows.get_mut(place.row as usize)
    }

    /// Makes what outcomes say of an atom follow from its own and those of its members: the sum of
    /// the outcomes, and the mean of the valences weighted by them. O(members).
    pub(super) fn refresh_evidence(&mut self, id: AtomId) {
        let Some(place) = self.atoms.get(&id).copied() else { return };
        let members = self.ties.members(id).iter();
        let rows = members.chain([&id]).filter_map(|id| self.find_row(*id));
        let (mut sum, mut count) = (0.0_f64, 0_u32);
        for row in rows {
            sum += f64::from(row.valence) * f64::from(row.outcome_count);
            count = count.saturating_add(row.outcome_count);
        }
        #[allow(clippy::cast_possible_truncation, reason = "a mean of values in [-1, 1]")]
        let mean = if count == 0 { 0.0 } else { (sum / f64::from(count)) as f32 };
        if let Some(row) = self.row_mut(place) {
            row.evidence = Evidence { valence: mean.clamp(-1.0, 1.0), outcome_count: count };
        }
    }

    /// Makes a row's visibility, and who represents it, what the ties say.
    pub(super) fn refresh_visibility(&mut self, id: AtomId) {
        let Some(place) = self.atoms.get(&id).copied() else { return };
        let visibility = self.ties.get(id).map_or(Visibility::Shown, Ties::visibility);
        let prototype = self.ties.consolidated_into(id).and_then(|id| self.atoms.get(&id)).copied();
        let Some(domain) = self.domains.get_mut(&place.domain_no) else { return };
        domain.set_visibility(place.row, visibility);
        let prototype = prototype.filter(|prototype| prototype.domain_no == place.domain_no);
        domain.memory.represent(place.row, prototype.map(|prototype| prototype.row));
    }
}

pub(super) fn standing_of(row: &Row, ties: Option<&Ties>) -> StandingRecord {
    let id_of = |id: AtomId| Id(*id.as_bytes());
    StandingRecord {
        kind: stored_kind(row.kind),
        valence: row.valence,
        outcome_count: row.outcome_count,
        is_protected: row.is_protected,
        superseded_by: ties.and_then(|ties| ties.superseded_by).map(id_of),
        consolidated_into: ties.and_then(|ties| ties.consolidated_into).map(id_of),
        supersedes: ties
            .map(|ties| ties.supersedes.iter().copied().map(id_of).collect())
            .unwrap_or_default(),
        is_staged: ties.is_some_and(|ties| ties.is_staged),
    }
}

/// A stored standing, made part of what is known of the atoms. For opening a tenant.
pub(super) fn restore(
    rows: &mut FxHashMap<AtomNo, StandingRecord>,
    row: &mut Row,
    ties: &mut AllTies,
) {
    let Some(record) = rows.remove(&row.no) else { return };
    let atom_id = |id: Id| AtomId(Uuid::from_bytes(id.0));
    row.kind = kind_from(record.kind);
    row.valence = record.valence;
    row.outcome_count = record.outcome_count;
    row.is_protected = record.is_protected;
    if let Some(prototype) = record.consolidated_into {
        ties.set_prototype(row.id, Some(atom_id(prototype)));
    }
    ties.change(row.id, |ties| {
        ties.superseded_by = record.superseded_by.map(atom_id);
        ties.supersedes = record.supersedes.into_iter().map(atom_id).collect();
        ties.is_staged = record.is_staged;
    });
}

pub(super) fn stored_kind(kind: AtomKind) -> u8 {
    match kind {
        AtomKind::Episode => 0,
        AtomKind::Prototype => 1,
        AtomKind::Singleton => 2,
    }
}

pub(super) fn kind_from(stored: u8) -> AtomKind {
    match stored {
        1 => AtomKind::Prototype,
        2 => AtomKind::Singleton,
        _ => AtomKind::Episode,
    }
}
