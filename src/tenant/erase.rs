//! Forgetting a whole domain, and everything learned. In slices, each an atomic batch; memory
//! follows at the end. While it lasts the tenant counts as poisoned, so that one that is stopped
//! half-way is opened again from what storage then holds.

use super::open::{concept_hashes, damaged};
use super::{Place, Tenant, TenantError, remove_one};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::ConceptGraph;
use crate::storage::AtomicBatch;
use crate::storage::keys::{self, Kind};
use crate::storage::records::EntryRecord;
use crate::types::{AtomId, AtomNo};

/// Atoms removed in one slice: about a millisecond's worth.
const SLICE_ATOMS: usize = 24;
/// Keys removed in one slice when nothing has to be read.
const SLICE_KEYS: usize = 512;

/// What a tenant stores besides atoms, domains and its numbers.
const FORGOTTEN_KINDS: [Kind; 25] = [
    Kind::Edge,
    Kind::Concept,
    Kind::Cue,
    Kind::Reply,
    Kind::OutboxMessage,
    Kind::DeadMessage,
    Kind::Standing,
    Kind::Job,
    Kind::JobPayload,
    Kind::JobKey,
    Kind::Document,
    Kind::DocumentGraph,
    Kind::Resource,
    Kind::ResourceContent,
    Kind::Fact,
    Kind::Delivery,
    Kind::Subject,
    Kind::Message,
    Kind::Session,
    Kind::Thread,
    Kind::Actor,
    Kind::Agent,
    Kind::FileLink,
    Kind::File,
    Kind::Tombstone,
];

/// What is stored under an atom's number.
const ATOM_KINDS: [Kind; 6] =
    [Kind::Atom, Kind::Entry, Kind::Access, Kind::Standing, Kind::Fact, Kind::Message];

/// A domain being erased.
pub struct DomainErasure {
    domain_no: u32,
    atoms: Vec<(AtomId, AtomNo, u32)>,
    done: usize,
}

impl DomainErasure {
    #[must_use]
    pub fn atom_count(&self) -> u64 {
        self.atoms.len() as u64
    }
}

impl Tenant {
    /// The names of the domains that hold an atom.
    #[must_use]
    pub fn domain_names(&self) -> Vec<String> {
        self.domains.values().map(|domain| domain.name.clone()).collect()
    }

    /// Begins to erase a domain; `None` for an unknown one.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn plan_domain_erasure(
        &mut self,
        name: &str,
    ) -> Result<Option<DomainErasure>, TenantError> {
        self.check_usable()?;
        self.commit.check_writable()?;
        let Some(number) = self.domain_numbers.get(name).copied() else { return Ok(None) };
        let domain = self.domains.get(&number).ok_or_else(|| damaged("a domain"))?;
        let mut atoms: Vec<_> =
            domain.live_rows().map(|(row, known)| (known.id, known.no, row)).collect();
        // Prototypes last: whatever a crash leaves is not hidden behind one that is gone.
        atoms.sort_by_key(|(id, ..)| !self.ties.members(*id).is_empty());
        self.remove_index_cache(number);
        self.uncommitted = true;
        Ok(Some(DomainErasure { domain_no: number, atoms, done: 0 }))
    }

    /// Erases some atoms. Says whether there is more to do.
    ///
    /// # Errors
    /// When storage fails; the tenant is poisoned then.
    pub fn erase_slice(&mut self, erasure: &mut DomainErasure) -> Result<bool, TenantError> {
        let end = (erasure.done + SLICE_ATOMS).min(erasure.atoms.len());
        let slice = erasure.atoms.get(erasure.done..end).unwrap_or_default();
        let mut batch = AtomicBatch::new(self.epoch);
        for (id, no, row) in slice {
            let entry = self.entry_of(*no)?;
            self.delete_atom_keys(&mut batch, *no);
            let place = Place { domain_no: erasure.domain_no, row: *row };
            self.forget_across_domains(*id, place, &entry);
            self.forget_message(&mut batch, *id)?;
        }
        let numbers: Vec<AtomNo> = slice.iter().map(|(_, no, _)| *no).collect();
        let cues = self.plan_cues_without(&mut batch, &numbers)?;
        erasure.done = end;
        let is_last = end == erasure.atoms.len();
        if is_last {
            self.delete_domain_keys(&mut batch, erasure.domain_no);
        }
        self.commit.apply(&batch)?;
        self.cues.apply(cues);
        Ok(!is_last)
    }

    /// Takes the erased domain out of memory.
    ///
    /// # Errors
    /// When it is not there; the tenant stays poisoned then.
    pub fn finish_erasure(&mut self, erasure: DomainErasure) -> Result<(), TenantError> {
        debug_assert_eq!(erasure.done, erasure.atoms.len(), "erased to the end");
        let domain = self.domains.remove(&erasure.domain_no);
        let domain = domain.ok_or_else(|| damaged("an erased domain"))?;
        self.domain_numbers.remove(&domain.name);
        self.uncommitted = false;
        Ok(())
    }

    /// Takes an atom out of every structure that is not its domain's.
    pub(super) fn forget_across_domains(&mut self, id: AtomId, place: Place, entry: &EntryRecord) {
        self.atoms.remove(&id);
        self.ties.set_prototype(id, None);
        self.ties.remove(id);
        self.cues.forget_returned(id);
        self.subjects.forget_atom(id);
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
            remove_one(&mut self.fingerprints, Fingerprint(print.0), place);
        }
        for concept in concept_hashes(entry) {
            remove_one(&mut self.concept_atoms, concept, place);
        }
    }

    /// Erases some of what was learned or kept besides atoms: concepts, links, cues, replies, jobs,
    /// documents, subjects, messages to webhooks. The documents' originals are the caller's business.
    /// Says whether there is more to do. For a tenant without atoms.
    ///
    /// # Errors
    /// When storage fails; what is left can be erased by trying again.
    pub fn forget_learned_slice(&mut self) -> Result<bool, TenantError> {
        self.check_usable()?;
        for kind in FORGOTTEN_KINDS {
            let prefix = keys::kind_prefix(self.no, kind);
            if self.commit.delete_prefix(&prefix, None, self.epoch, SLICE_KEYS)? == 0 {
                continue;
            }
            // Memory forgets with the first slice; what it then lacks is on its way out.
            self.graph = ConceptGraph::default();
            self.cues.clear();
            self.replies.clear();
            self.jobs.clear();
            self.documents.clear();
            self.subjects.clear();
            self.outbox.clear_messages();
            self.platform.clear();
            return Ok(true);
        }
        self.forget_job_marker()
    }

    /// Deletes everything stored under an atom's number.
    pub(super) fn delete_atom_keys(&self, batch: &mut AtomicBatch, no: AtomNo) {
        for kind in ATOM_KINDS {
            batch.delete(keys::by_atom(self.no, kind, no));
        }
    }

    /// Deletes everything stored under a domain's number.
    pub(super) fn delete_domain_keys(&self, batch: &mut AtomicBatch, domain_no: u32) {
        for kind in [Kind::Domain, Kind::Consolidated] {
            batch.delete(keys::by_number(self.no, kind, domain_no));
        }
    }
}
