//! Enrichment: which atoms facts are still to be derived from, and what becomes of the facts. One
//! job at a time goes over a tenant's atoms in the order of their numbers; when it is done and
//! there are later atoms, the next one follows.

use std::mem::size_of;

use super::store::Pending;
use super::{Tenant, TenantError};
use crate::engine::atom::WriteDecision;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::jobs::NewJob;
use crate::engine::prepared::PreparedAtom;
use crate::storage::keys::{self, Kind};
use crate::storage::records::AtomRecord;
use crate::storage::{Visit, decode};
use crate::types::{AtomId, AtomNo, Timestamp};
use uuid::Uuid;

/// What the jobs of enrichment are called. Stored with them.
pub const JOB_KIND: &str = "enrich";

/// Atoms looked at for one page, those that nothing is derived from included.
const PAGE_SCAN_MAX: usize = 1_024;
/// Atoms in one page, and stored bytes read after which it ends.
const PAGE_ATOMS_MAX: usize = 64;
const PAGE_BYTES_MAX: usize = 256 * 1024;

/// An atom that facts are to be derived from.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrichedAtom {
    pub id: AtomId,
    pub content: String,
    pub domain: String,
    pub session: Option<String>,
    /// When it happened, or else was written.
    pub event_time: Timestamp,
    /// Reads return it only from its enrichment on.
    pub is_staged: bool,
}

/// Atoms to be enriched together.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrichmentPage {
    pub atoms: Vec<EnrichedAtom>,
    /// The number after the last one looked at.
    pub next: AtomNo,
}

/// The caller's own fingerprint of whatever was derived from an atom, so that it goes with it.
#[must_use]
pub fn derived_from(source: AtomId) -> String {
    format!("derived from {source}")
}

/// The job that enriches the atoms from a number on.
#[must_use]
fn enrichment_job(from: AtomNo) -> NewJob {
    NewJob {
        key: Some(JOB_KIND.to_owned()),
        frees_key: true,
        ..NewJob::new(JOB_KIND, from.0.to_be_bytes().to_vec())
    }
}

/// Where a job of enrichment begins; `None` for another payload.
#[must_use]
pub fn enrichment_start(payload: &[u8]) -> Option<AtomNo> {
    let bytes: [u8; size_of::<u64>()] = payload.try_into().ok()?;
    Some(AtomNo(u64::from_be_bytes(bytes)))
}

impl Tenant {
    /// Sees to it that what a command is about to store will be enriched. Where the last job was
    /// given up, the new one begins: one chain of jobs goes over all atoms, and none is left out
    /// because the embedder was away for an hour. Call it before anything is stored: a refusal
    /// then harms nothing.
    pub(super) fn enqueue_enrichment(&mut self, pending: &mut Pending) -> Result<(), TenantError> {
        let given_up = self.dead_job_of(JOB_KIND)?;
        let missed = given_up.as_ref().and_then(|(_, payload)| enrichment_start(payload));
        let next = self.counters.next_atom_no;
        self.enqueue(pending, enrichment_job(missed.map_or(next, |missed| missed.min(next))))?;
        if let Some((job, _)) = given_up.filter(|_| missed.is_some()) {
            self.withdraw(pending, job)?;
        }
        Ok(())
    }

    /// The job that goes on where one ended, if there are later atoms.
    #[must_use]
    pub fn enrichment_after(&self, next: AtomNo) -> Option<NewJob> {
        (next < self.counters.next_atom_no).then(|| enrichment_job(next))
    }

    /// The next atoms to enrich. Deleted ones are left out.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn enrichment_page(&self, from: AtomNo) -> Result<EnrichmentPage, TenantError> {
        self.check_usable()?;
        let prefix = keys::kind_prefix(self.no, Kind::Atom);
        let after = keys::by_atom(self.no, Kind::Atom, AtomNo(from.0.saturating_sub(1)));
        let mut page = EnrichmentPage { atoms: Vec::new(), next: self.counters.next_atom_no };
        let (mut scanned, mut bytes) = (0, 0);
        let mut outcome = Ok(());
        self.commit.store().for_each(&prefix, Some(&after), &mut |key, value| {
            let Some(no) = keys::atom_in(key) else { return Visit::Continue(()) };
            if scanned >= PAGE_SCAN_MAX
                || page.atoms.len() >= PAGE_ATOMS_MAX
                || bytes >= PAGE_BYTES_MAX
            {
                page.next = no;
                return Visit::Break(());
            }
            scanned += 1;
            bytes += value.len();
            match decode::<AtomRecord>(value) {
                Ok(record) if record.derives_facts => page.atoms.extend(self.enriched(record)),
                Ok(_) => {}
                Err(error) => outcome = Err(TenantError::from(error)),
            }
            if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        outcome?;
        Ok(page)
    }

    fn enriched(&self, record: AtomRecord) -> Option<EnrichedAtom> {
        let id = AtomId(Uuid::from_bytes(record.id));
        let place = self.atoms.get(&id)?;
        let event_time_us = record.occurred_at_us.unwrap_or(record.created_at_us);
        Some(EnrichedAtom {
            id,
            content: record.content,
            domain: self.domains.get(&place.domain_no)?.name.clone(),
            session: record.session,
            event_time: Timestamp::from_micros(event_time_us),
            is_staged: self.ties.get(id).is_some_and(|ties| ties.is_staged),
        })
    }

    /// Stores a fact, unless its source is gone or superseded, the source's domain says the same
    /// already, or the tenant is full. Whether the derived domain says it already is the gate's business.
    ///
    /// # Errors
    /// As [`Tenant::store`].
    pub fn store_fact(
        &mut self,
        pending: &mut Pending,
        source: AtomId,
        fact: PreparedAtom,
    ) -> Result<bool, TenantError> {
        let Some(place) = self.atoms.get(&source) else { return Ok(false) };
        if self.ties.superseded_by(source).is_some() {
            return Ok(false);
        }
        let domain = self.domains.get(&place.domain_no);
        if domain.is_some_and(|domain| domain.wordings.get(fact.wording_print).is_some()) {
            return Ok(false);
        }
        match self.store(pending, fact) {
            Ok(outcome) => Ok(outcome.decision == WriteDecision::Stored),
            Err(TenantError::AtomLimit { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lets reads return a staged atom. One that is gone, or is not staged, is left as it is.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn reveal(&mut self, pending: &mut Pending, id: AtomId) -> Result<(), TenantError> {
        if !self.ties.get(id).is_some_and(|ties| ties.is_staged) {
            return Ok(());
        }
        self.check_before(pending)?;
        self.uncommitted = true;
        self.set_staged(&mut pending.batch, id, false)
    }

    /// Atoms that were derived from another.
    #[must_use]
    pub fn derived_atoms(&self, source: AtomId) -> Vec<AtomId> {
        let print = Fingerprint::of_opaque(&derived_from(source));
        let places = self.fingerprints.get(&print).into_iter().flatten();
        places.filter_map(|place| self.row(*place).map(|row| row.id)).collect()
    }

    /// The ids of a domain's atoms; empty for an unknown one.
    #[must_use]
    pub fn atoms_in(&self, domain: &str) -> Vec<AtomId> {
        let domain = self.domain_numbers.get(domain).and_then(|number| self.domains.get(number));
        domain.map_or_else(Vec::new, |domain| domain.live_rows().map(|(_, row)| row.id).collect())
    }

    /// Whether an atom was written with this external reference.
    pub(super) fn knows_external_ref(&self, external_ref: &str) -> bool {
        self.external_refs.contains_key(&Fingerprint::of_opaque(external_ref))
    }
}
