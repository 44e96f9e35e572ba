//! Forgetting a subject, or one category of it. First goes what came in, with the jobs that would
//! read it; then the facts, in slices. What is said of entities and relationships goes with the
//! facts. When the last slice is in, nothing is left that names the subject.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::known::KnownFact;
use super::subject_domain;
use crate::engine::subjects::Forgotten;
use crate::storage::keys::{self, Kind};
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::AtomId;

/// Facts removed in one slice: about a millisecond's worth.
const SLICE_FACTS: usize = 24;

/// Something of a subject on its way out.
pub struct Forgetting {
    subject_no: u32,
    /// Of the domain of its facts, if it has any.
    domain_no: Option<u32>,
    /// `None`: all of it.
    category: Option<String>,
    /// The last ones first: that costs least.
    facts: std::vec::IntoIter<AtomId>,
    resources: Vec<Uuid>,
    counts: Forgotten,
    /// Entities and relationships there were before.
    entities_before: usize,
    relations_before: usize,
}

impl Tenant {
    /// Begins to forget a subject, or one category of it. `None` for an unknown subject.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn plan_forgetting(
        &mut self,
        subject: &str,
        category: Option<&str>,
    ) -> Result<Option<Forgetting>, TenantError> {
        self.check_usable()?;
        self.commit.check_writable()?;
        let Some(subject_no) = self.subjects.number_of(subject) else { return Ok(None) };
        let Some(known) = self.subjects.all.get(&subject_no) else { return Ok(None) };
        let goes = |fact: &KnownFact| category.is_none_or(|category| fact.category == category);
        let (going, staying): (Vec<_>, Vec<_>) = known.facts.values().partition(|it| goes(it));
        let sources = |facts: &[&KnownFact]| -> HashSet<Uuid> {
            facts.iter().map(|fact| fact.resource).collect()
        };
        let resources: Vec<Uuid> = match category {
            None => known.resources.iter().copied().collect(),
            Some(_) => sources(&going).difference(&sources(&staying)).copied().collect(),
        };
        let categories: BTreeSet<&str> = going.iter().map(|it| it.category.as_str()).collect();
        let mut facts: Vec<AtomId> = going.iter().map(|fact| fact.id).collect();
        facts.reverse();
        let counts = Forgotten {
            resources: resources.len(),
            facts: facts.len(),
            categories: categories.len(),
            entities: 0,
            relationships: 0,
            at: self.clock.now(),
        };
        Ok(Some(Forgetting {
            subject_no,
            domain_no: self.domain_numbers.get(&subject_domain(subject)).copied(),
            category: category.map(str::to_owned),
            facts: facts.into_iter(),
            resources,
            counts,
            entities_before: known.entity_count(),
            relations_before: known.relations().len(),
        }))
    }

    /// Puts the end of what came in, and of what was to be told of it, into the first batch.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn forget_sources(
        &mut self,
        pending: &mut Pending,
        forgetting: &mut Forgetting,
    ) -> Result<(), TenantError> {
        for resource in std::mem::take(&mut forgetting.resources) {
            self.forget_resource(pending, resource)?;
        }
        self.forget_messages_of(pending, forgetting.subject_no)
    }

    /// Puts the end of some facts into a batch of its own. Says whether there are more.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant must be opened again then.
    pub fn forget_facts(
        &mut self,
        pending: &mut Pending,
        forgetting: &mut Forgetting,
    ) -> Result<bool, TenantError> {
        let some: Vec<AtomId> = forgetting.facts.by_ref().take(SLICE_FACTS).collect();
        self.forget_atoms(pending, &some)?;
        let has_more = !forgetting.facts.as_slice().is_empty();
        if !has_more && forgetting.category.is_none() {
            self.uncommitted = true;
            let key = keys::by_number(self.no, Kind::Subject, forgetting.subject_no);
            pending.batch.delete(key);
        }
        Ok(has_more)
    }

    /// Ends it, once the last batch was applied: index caches that may hold vectors of what is gone
    /// are removed.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant is poisoned then.
    pub fn finish_forgetting(&mut self, forgetting: Forgetting) -> Result<Forgotten, TenantError> {
        let left = self.subjects.all.get(&forgetting.subject_no);
        let entities = left.map_or(0, super::known::Subject::entity_count);
        let relations = left.map_or(0, |subject| subject.relations().len());
        if forgetting.category.is_none() {
            self.subjects.remove(forgetting.subject_no);
        }
        if let Some(number) = forgetting.domain_no {
            self.tidy_after_forgetting(number)?;
        }
        Ok(Forgotten {
            entities: forgetting.entities_before.saturating_sub(entities),
            relationships: forgetting.relations_before.saturating_sub(relations),
            ..forgetting.counts
        })
    }
}
