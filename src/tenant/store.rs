//! Remembering. Each item is planned against memory that already holds the items before it, and
//! the whole command becomes one atomic batch.

use super::open::{damaged, row_from};
use super::{SealedBatch, Tenant, TenantError, ids};
use crate::engine::atom::{Enrichment, NewAtom, WriteDecision, WriteOutcome};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::gate::{self, Admission, Novelty};
use crate::engine::graph::{LinkPlan, fold_concept};
use crate::engine::prepared::PreparedAtom;
use crate::engine::text::hash_term;
use crate::index::QueryVector;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{
    AtomRecord, ConceptRecord, CountersRecord, DomainRecord, EdgeRecord, EntryRecord, Print,
    VectorRecord,
};
use crate::storage::{AtomicBatch, encode};
use crate::types::{AtomId, AtomNo, QuantizedVector, Timestamp};

/// A command's changes so far. Goes to [`Tenant::commit`], whatever the items' outcomes.
#[derive(Debug)]
#[must_use = "a pending batch that is not committed poisons the tenant"]
pub struct Pending {
    pub(super) batch: AtomicBatch,
    /// Atoms the tenant may hold; `None` for any number.
    atoms_max: Option<u64>,
}

impl Tenant {
    /// Begins a write command of a tenant that may hold so many atoms.
    pub fn begin(&self, atoms_max: Option<u64>) -> Pending {
        Pending { batch: AtomicBatch::new(self.epoch), atoms_max }
    }

    /// Decides on one atom and, if it is new, puts it into memory and into the pending batch.
    /// Costs one nearest-neighbour search, but for an atom that is certain.
    ///
    /// # Errors
    /// When it is to replace an atom that is not there or was replaced already, or when the
    /// tenant is full and nothing was stored by this command: nothing has changed then. When a
    /// structure refuses it; the tenant is poisoned then.
    pub fn store(
        &mut self,
        pending: &mut Pending,
        atom: PreparedAtom,
    ) -> Result<WriteOutcome, TenantError> {
        self.check_before(pending)?;
        let new = &atom.new;
        if let Some(outcome) = self.already_stored(new) {
            return Ok(outcome);
        }
        self.check_supersedable(&new.supersedes)?;
        let (importance, reason) = match self.judge(&atom)? {
            Admission::Admit { importance, reason } => (importance, reason),
            Admission::Reject { importance, .. } if !new.supersedes.is_empty() => {
                (importance, "stored: it supersedes what was known".to_owned())
            }
            Admission::Reject { importance, reason } => {
                return Ok(not_stored(WriteDecision::Refused, importance, reason));
            }
        };
        if let Some(limit) = pending.atoms_max.filter(|max| self.atoms.len() as u64 >= *max) {
            let full = TenantError::AtomLimit { limit };
            if pending.batch.is_empty() {
                return Err(full);
            }
            return Ok(not_stored(WriteDecision::OverLimit, importance, full.to_string()));
        }
        self.uncommitted = true;
        let superseded = new.supersedes.clone();
        let is_staged = new.enrichment == Enrichment::DeriveAndReveal;
        let id = self.admit(pending, atom, importance)?;
        if is_staged {
            self.set_staged(&mut pending.batch, id, true)?;
        }
        self.supersede(pending, id, &superseded)?;
        let decision = WriteDecision::Stored;
        Ok(WriteOutcome { decision, atom_id: Some(id), importance, reason, superseded })
    }

    /// [`Tenant::seal`], apply and [`Tenant::settle`] in one go.
    ///
    /// # Errors
    /// When storage refuses it; the tenant stays poisoned.
    pub fn commit(&mut self, pending: Pending) -> Result<(), TenantError> {
        self.seal(pending)?.apply()?;
        self.settle();
        Ok(())
    }

    /// Completes the command's batch. Once it was applied, and only then, [`Tenant::settle`] must
    /// follow; until then the tenant counts as poisoned if anything was stored.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant stays poisoned.
    pub fn seal(&self, pending: Pending) -> Result<SealedBatch, TenantError> {
        let mut batch = pending.batch;
        if batch.is_empty() {
            return Ok(SealedBatch::new(batch, &self.commit));
        }
        let counters = CountersRecord {
            next_atom_no: self.counters.next_atom_no.0,
            next_domain_no: self.counters.next_domain_no,
            last_created_at_us: self.counters.last_created_at_us,
        };
        batch.put(keys::single(self.no, Kind::Counters), encode(&counters)?);
        Ok(SealedBatch::new(batch, &self.commit))
    }

    /// Memory and storage agree: the command's batch was applied.
    pub fn settle(&mut self) {
        self.uncommitted = false;
    }

    fn already_stored(&self, new: &NewAtom) -> Option<WriteOutcome> {
        let print = Fingerprint::of_opaque(new.external_ref.as_deref()?);
        let row = self.row(*self.external_refs.get(&print)?)?;
        Some(WriteOutcome {
            decision: WriteDecision::AlreadyStored,
            atom_id: Some(row.id),
            importance: row.importance,
            reason: "already stored under this external reference; nothing changed".to_owned(),
            superseded: self.ties.get(row.id).map_or_else(Vec::new, |t| t.supersedes.clone()),
        })
    }

    /// What the gate says. An atom that is certain is not compared with others: the search would be
    /// most of what a write costs.
    fn judge(&self, atom: &PreparedAtom) -> Result<Admission, TenantError> {
        if atom.new.is_certain {
            let importance = self.params.gate.importance_unknown;
            let reason = "stored: its writer says that it is new".to_owned();
            return Ok(Admission::Admit { importance, reason });
        }
        Ok(gate::decide(&self.novelty(atom)?, &self.params.gate))
    }

    fn novelty(&self, atom: &PreparedAtom) -> Result<Novelty, TenantError> {
        let number = self.domain_numbers.get(&atom.new.domain);
        let Some(domain) = number.and_then(|number| self.domains.get(number)) else {
            return Ok(Novelty {
                is_first: true,
                nearest_similarity: None,
                same_content: false,
                same_wording: false,
            });
        };
        let nearest_similarity = match &atom.embedding {
            Some(embedding) => {
                let nearest = domain.vectors.nearest(&QueryVector::from(embedding), 1)?;
                nearest.first().map(|(_, similarity)| *similarity)
            }
            None => None,
        };
        Ok(Novelty {
            is_first: false,
            nearest_similarity,
            same_content: domain.contents.get(atom.content_print).is_some(),
            same_wording: domain.wordings.get(atom.wording_print).is_some(),
        })
    }

    fn admit(
        &mut self,
        pending: &mut Pending,
        atom: PreparedAtom,
        importance: f32,
    ) -> Result<AtomId, TenantError> {
        let PreparedAtom { new, embedding, analysis, has_given_concepts, .. } = atom;
        let created_at = self.next_creation_time();
        let no = self.counters.next_atom_no;
        self.counters.next_atom_no = AtomNo(no.0 + 1);
        let id = ids::make(created_at, no, &mut self.rng);
        let domain_no = self.domain_for(pending, &new.domain)?;
        let entry = EntryRecord {
            id: *id.as_bytes(),
            domain_no,
            session: new.session.clone(),
            occurred_at_us: new.occurred_at.map(Timestamp::as_micros),
            created_at_us: created_at.as_micros(),
            content_print: atom.content_print.0,
            wording_print: atom.wording_print.0,
            fingerprint: new.fingerprint.as_deref().map(print_of),
            external_ref: new.external_ref.as_deref().map(print_of),
            kind: 0,
            importance,
            valence: 0.0,
            outcome_count: 0,
            is_protected: false,
            concepts: hashes_of(&new.concepts),
            analysis: analysis.to_bytes(),
            vector: embedding.as_ref().map(vector_record),
        };
        let record = AtomRecord {
            id: *id.as_bytes(),
            domain_no,
            content: new.content,
            concepts: new.concepts,
            metadata: new.metadata.as_json().to_owned(),
            external_ref: new.external_ref,
            fingerprint: new.fingerprint,
            session: new.session,
            occurred_at_us: entry.occurred_at_us,
            created_at_us: entry.created_at_us,
            derives_facts: new.enrichment != Enrichment::None,
        };
        // Neither means anything until the counters say that the number was given.
        pending.batch.prepare(keys::by_atom(self.no, Kind::Atom, no), encode(&record)?);
        pending.batch.prepare(keys::by_atom(self.no, Kind::Entry, no), encode(&entry)?);
        if has_given_concepts {
            self.link(pending, &record.concepts, created_at)?;
        }
        let row = row_from(no, &entry, None);
        self.remember(&entry, row, &analysis, embedding.as_ref())?;
        Ok(id)
    }

    /// The clock's time, but never earlier than the last atom's, so that creation times, ids and
    /// atom numbers order atoms alike.
    pub(super) fn next_creation_time(&mut self) -> Timestamp {
        let now = self.clock.now().as_micros().max(self.counters.last_created_at_us);
        self.counters.last_created_at_us = now;
        Timestamp::from_micros(now)
    }

    fn domain_for(&mut self, pending: &mut Pending, name: &str) -> Result<u32, TenantError> {
        if let Some(number) = self.domain_numbers.get(name) {
            return Ok(*number);
        }
        let number = self.counters.next_domain_no;
        let next = number.checked_add(1).ok_or_else(|| damaged("the domain counter"))?;
        self.counters.next_domain_no = next;
        let record = DomainRecord { name: name.to_owned() };
        pending.batch.put(keys::by_number(self.no, Kind::Domain, number), encode(&record)?);
        self.add_domain(number, name.to_owned());
        Ok(number)
    }

    /// Links the concepts a caller gave. Extracted ones are not linked: what merely occurs
    /// together is noise, and the links would cost more than the atom.
    fn link(
        &mut self,
        pending: &mut Pending,
        concepts: &[String],
        now: Timestamp,
    ) -> Result<(), TenantError> {
        let plan = self.graph.plan_links(concepts, now, &self.params.graph);
        self.put_links(&mut pending.batch, &plan)?;
        self.graph.apply(&plan);
        Ok(())
    }

    /// Writes what a plan changes of the graph.
    pub(super) fn put_links(
        &self,
        batch: &mut AtomicBatch,
        plan: &LinkPlan,
    ) -> Result<(), TenantError> {
        for (number, name) in &plan.new_concepts {
            let record = ConceptRecord { name: name.clone() };
            batch.put(keys::by_number(self.no, Kind::Concept, *number), encode(&record)?);
        }
        for (one, other) in &plan.dropped {
            batch.delete(keys::edge(self.no, *one, *other));
        }
        for (one, other, edge) in &plan.edges {
            let record = EdgeRecord {
                weight: edge.weight,
                valence: edge.valence,
                count: edge.count,
                updated_at_us: edge.updated_at.as_micros(),
            };
            batch.put(keys::edge(self.no, *one, *other), encode(&record)?);
        }
        Ok(())
    }
}

fn not_stored(decision: WriteDecision, importance: f32, reason: String) -> WriteOutcome {
    WriteOutcome { decision, atom_id: None, importance, reason, superseded: Vec::new() }
}

pub(super) fn print_of(text: &str) -> Print {
    Print(Fingerprint::of_opaque(text).0)
}

fn hashes_of(concepts: &[String]) -> Vec<u8> {
    concepts.iter().flat_map(|concept| hash_term(&fold_concept(concept)).to_le_bytes()).collect()
}

pub(super) fn vector_record(vector: &QuantizedVector) -> VectorRecord {
    VectorRecord {
        scale: vector.scale,
        values: vector.values.iter().map(|value| value.cast_unsigned()).collect(),
    }
}
