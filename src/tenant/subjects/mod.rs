//! Subjects: the users of an app, and what is remembered of each. What comes in is a *resource*,
//! kept as it came; a job draws *facts* from it. A fact is an atom of the subject's domain with a
//! record of its own: category, confidence, what it names and relates. Everything else (entities,
//! relationships, categories, summaries) is what the facts of a subject say together.
//!
//! Invariants: a resource is stored with its job, in one batch. Its facts are stored in the batch
//! that completes the job. Nothing that is said of a subject outlives the facts it follows from.
//! A subject that is forgotten leaves no record that names it.

mod deliveries;
mod entities;
mod facts;
mod forget;
mod known;
mod recall;
mod resources;
mod summaries;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::open::damaged;
use super::store::Pending;
use super::{Tenant, TenantError};
use crate::engine::distil::{EntityMention, Relation, Slot};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::ontology::{Ontology, OntologyProblem};
use crate::engine::subjects::FactStanding;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{
    FactRecord, OntologyRecord, ResourceRecord, SubjectCounterRecord, SubjectRecord,
};
use crate::storage::{decode, encode};
use crate::types::{AtomId, AtomNo, Timestamp};

pub use facts::{PreparedFact, ResourceWriting};
pub use forget::Forgetting;
pub(super) use known::Subjects;
pub use resources::{DISTIL_KIND, DistilOrder, DistilTask};

/// How the domains of subjects begin.
const DOMAIN_HEAD: &str = "subject:";

/// Marks a domain whose subject's name is too long for one.
const HASHED: char = '#';

/// Bytes of a name that its domain bears.
const NAME_BYTES_MAX: usize = 80;

/// Where the facts of a subject are.
#[must_use]
pub fn subject_domain(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX && !name.starts_with(HASHED) {
        return format!("{DOMAIN_HEAD}{name}");
    }
    let print = u128::from_be_bytes(Fingerprint::of_opaque(name).0);
    format!("{DOMAIN_HEAD}{HASHED}{print:032x}")
}

/// Whether a domain is that of a subject.
#[must_use]
pub(super) fn is_subject_domain(domain: &str) -> bool {
    domain.starts_with(DOMAIN_HEAD)
}

impl Tenant {
    /// What the app is about.
    #[must_use]
    pub fn ontology(&self) -> Arc<Ontology> {
        Arc::clone(&self.subjects.ontology)
    }

    /// The app's domain configuration as it came, if it has one.
    #[must_use]
    pub fn ontology_json(&self) -> Option<String> {
        self.subjects.ontology_json.clone()
    }

    /// Replaces the app's domain configuration. What was remembered before stays as it is; from now
    /// on resources are read by the new one.
    ///
    /// # Errors
    /// [`OntologyProblem`] for one that cannot be used; nothing has changed then. When the tenant
    /// cannot write.
    pub fn set_ontology(
        &mut self,
        pending: &mut Pending,
        json: String,
    ) -> Result<Result<(), OntologyProblem>, TenantError> {
        self.check_before(pending)?;
        let ontology = match Ontology::parse(&json) {
            Ok(ontology) => ontology,
            Err(problem) => return Ok(Err(problem)),
        };
        self.uncommitted = true;
        let record = OntologyRecord { json: json.clone() };
        pending.batch.put(keys::single(self.no, Kind::Ontology), encode(&record)?);
        self.subjects.ontology = Arc::new(ontology);
        self.subjects.ontology_json = Some(json);
        self.subjects.forget_summaries();
        Ok(Ok(()))
    }

    /// The subject whose facts are in a domain. O(subjects).
    #[must_use]
    pub fn subject_in(&self, domain: &str) -> Option<String> {
        if !is_subject_domain(domain) {
            return None;
        }
        let mut names = self.subjects.all.values().map(|subject| &subject.name);
        names.find(|name| subject_domain(name) == domain).cloned()
    }

    /// The number of a subject, which is made known if it was not.
    fn subject_for(&mut self, pending: &mut Pending, name: &str) -> Result<u32, TenantError> {
        if let Some(no) = self.subjects.number_of(name) {
            return Ok(no);
        }
        let no = self.subjects.next_no;
        let next = no.checked_add(1).ok_or_else(|| damaged("the subject counter"))?;
        let counter = SubjectCounterRecord { next_subject_no: next };
        pending.batch.put(keys::single(self.no, Kind::SubjectCounter), encode(&counter)?);
        let created_at_us = self.clock.now().as_micros();
        let record = SubjectRecord { name: name.to_owned(), created_at_us };
        pending.batch.put(keys::by_number(self.no, Kind::Subject, no), encode(&record)?);
        self.subjects.next_no = next;
        self.subjects.insert(no, name.to_owned());
        Ok(no)
    }

    /// Reads what is stored of subjects. The atoms must be known already.
    pub(super) fn load_subjects(&mut self) -> Result<(), TenantError> {
        let mut subjects = Subjects::default();
        let store = self.commit.store();
        if let Some(bytes) = store.get(&keys::single(self.no, Kind::SubjectCounter))? {
            subjects.next_no = decode::<SubjectCounterRecord>(&bytes)?.next_subject_no;
        }
        if let Some(bytes) = store.get(&keys::single(self.no, Kind::Ontology))? {
            let json = decode::<OntologyRecord>(&bytes)?.json;
            let ontology =
                Ontology::parse(&json).map_err(|_| damaged("the app's domain configuration"))?;
            subjects.ontology = Arc::new(ontology);
            subjects.ontology_json = Some(json);
        }
        self.visit(Kind::Subject, |key, record: SubjectRecord| {
            let no = keys::number_in(key).ok_or_else(|| damaged("a subject's key"))?;
            subjects.insert(no, record.name);
            Ok(())
        })?;
        self.visit(Kind::Resource, |key, record: ResourceRecord| {
            let id = keys::print_in(key).ok_or_else(|| damaged("a resource's key"))?;
            let known =
                resources::from_record(&record).ok_or_else(|| damaged("a resource's record"))?;
            subjects.insert_resource(Uuid::from_bytes(id), known);
            Ok(())
        })?;
        let places: FxHashMap<AtomNo, AtomId> = self
            .domains
            .values()
            .filter(|domain| is_subject_domain(&domain.name))
            .flat_map(|domain| domain.live_rows().map(|(_, row)| (row.no, row.id)))
            .collect();
        self.visit(Kind::Fact, |key, record: FactRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a fact's key"))?;
            let id = *places.get(&no).ok_or_else(|| damaged("a fact without its atom"))?;
            let row = self.find_row(id).ok_or_else(|| damaged("a fact's row"))?;
            let subject_no = record.subject_no;
            let is_archived = self.ties.superseded_by(id).is_some();
            let fact = fact_from(record, id, row.created_at, is_archived);
            subjects.insert_fact(subject_no, no, fact);
            Ok(())
        })?;
        self.subjects = subjects;
        self.load_deliveries()
    }
}

fn fact_from(
    record: FactRecord,
    id: AtomId,
    written_at: Timestamp,
    is_archived: bool,
) -> known::KnownFact {
    let mentions = record.mentions.into_iter().map(|mention| EntityMention {
        name: mention.name,
        entity_type: mention.entity_type,
        properties: mention.properties,
    });
    let relations = record.relations.into_iter().map(|relation| Relation {
        relation_type: relation.relation_type,
        from: relation.from,
        to: relation.to,
        properties: relation.properties,
    });
    known::KnownFact {
        id,
        resource: Uuid::from_bytes(record.resource.0),
        category: record.category,
        standing: FactStanding {
            confidence: record.confidence,
            importance: known::importance_from(&record.importance),
            created_at: Timestamp::from_micros(record.created_at_us),
        },
        written_at,
        is_archived,
        mentions: mentions.collect(),
        relations: relations.collect(),
        slot: record.slot.map(|slot| Slot {
            subject: slot.subject,
            attribute: slot.attribute,
            value: slot.value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_has_a_domain_of_its_own_and_a_short_one() {
        assert_eq!(subject_domain("u1"), "subject:u1");
        let long = "x".repeat(255);
        let hashed = subject_domain(&long);
        assert!(hashed.starts_with("subject:#") && hashed.len() < 100, "{hashed}");
        // Nobody gets into another's domain by a name that looks like a hash.
        let sly = hashed.strip_prefix(DOMAIN_HEAD).unwrap();
        assert_ne!(subject_domain(sly), hashed);
    }
}
