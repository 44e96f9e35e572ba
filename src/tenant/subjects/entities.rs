//! Entities: what the live facts of a subject name, and what those facts tell of it. Where they
//! differ, the newest is right.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{KnownEntity, KnownFact, Subject};
use crate::engine::ontology::Ontology;
use crate::engine::subjects::{
    Entities, EntityContext, EntityDetail, EntityPage, EntityRelation, EntitySummary,
};
use crate::tenant::{Tenant, TenantError};
use crate::types::AtomNo;

/// Facts that are looked at for what an entity is, and what is told of it: the newest.
const TELLING_MAX: usize = 1_000;

/// Facts that are looked at for an entity's type: the newest.
const TYPED_BY_MAX: usize = 16;

/// Relationships shown of one entity.
const RELATIONS_MAX: usize = 100;

/// Facts shown that name one entity.
const MENTIONS_MAX: usize = 50;

impl Subject {
    /// The newest of some facts, newest first. Numbers follow the order of writing, so among the
    /// newest written the time of what is said decides.
    fn newest(&self, facts: &BTreeSet<AtomNo>, count: usize) -> Vec<&KnownFact> {
        let facts = facts.iter().rev().take(count);
        let mut facts: Vec<_> = facts.filter_map(|no| self.facts.get(no)).collect();
        facts.sort_by_key(|fact| std::cmp::Reverse(fact.standing.created_at));
        facts
    }

    /// Its name as the newest fact spells it, and its type: one of the app's where a fact gives one.
    fn name_and_type<'a>(
        &'a self,
        known: &KnownEntity,
        folded: &str,
        ontology: &Ontology,
    ) -> (&'a str, &'a str) {
        let facts = self.newest(&known.facts, TYPED_BY_MAX);
        let mentions = facts.iter().flat_map(|fact| &fact.mentions);
        let mut mentions = mentions.filter(|mention| mention.name.to_lowercase() == folded);
        let is_typed =
            |entity_type: &str| ontology.entity_types.iter().any(|it| it.name == entity_type);
        let Some(newest) = mentions.next() else { return ("", "") };
        let typed = std::iter::once(newest).chain(mentions).find(|it| is_typed(&it.entity_type));
        (&newest.name, &typed.unwrap_or(newest).entity_type)
    }

    pub(super) fn properties_of<'a>(
        &'a self,
        name: &str,
        known: &KnownEntity,
    ) -> BTreeMap<&'a str, &'a str> {
        let folded = name.to_lowercase();
        let mut properties = BTreeMap::new();
        for fact in self.newest(&known.telling, TELLING_MAX) {
            let mentions = fact.mentions.iter();
            for mention in mentions.filter(|mention| mention.name.to_lowercase() == folded) {
                for (name, value) in &mention.properties {
                    properties.entry(name.as_str()).or_insert(value.as_str());
                }
            }
        }
        properties
    }

    fn relations_of(
        &self,
        folded: &str,
        known: &KnownEntity,
        ontology: &Ontology,
    ) -> Vec<EntityRelation> {
        let mut seen = BTreeSet::new();
        let mut relations = Vec::new();
        for fact in self.newest(&known.telling, TELLING_MAX) {
            for relation in &fact.relations {
                let (from, to) = (relation.from.to_lowercase(), relation.to.to_lowercase());
                let ends = [(true, &from, &relation.to), (false, &to, &relation.from)];
                for (is_outgoing, own, target) in ends {
                    let other = target.to_lowercase();
                    let is_new = || {
                        let key = (is_outgoing, relation.relation_type.as_str(), other.clone());
                        !seen.contains(&key)
                    };
                    if own != folded || !is_new() {
                        continue;
                    }
                    seen.insert((is_outgoing, relation.relation_type.as_str(), other.clone()));
                    let known = self.entity(&other);
                    let named = known.map(|known| self.name_and_type(known, &other, ontology));
                    relations.push(EntityRelation {
                        relation_type: relation.relation_type.clone(),
                        is_outgoing,
                        target: target.clone(),
                        target_type: named.map_or("", |(_, entity_type)| entity_type).to_owned(),
                        properties: relation.properties.clone(),
                    });
                }
            }
        }
        relations.sort();
        relations
    }

    /// Without the facts that name it.
    pub(super) fn entity_detail(&self, folded: &str, ontology: &Ontology) -> Option<EntityDetail> {
        let known = self.entity(folded)?;
        let (name, entity_type) = self.name_and_type(known, folded, ontology);
        let mut relationships = self.relations_of(folded, known, ontology);
        relationships.truncate(RELATIONS_MAX);
        Some(EntityDetail {
            name: name.to_owned(),
            entity_type: entity_type.to_owned(),
            properties: owned(self.properties_of(folded, known)),
            relationships,
            mentions: Vec::new(),
        })
    }

    fn entity_summary(
        &self,
        folded: &str,
        known: &KnownEntity,
        ontology: &Ontology,
    ) -> EntitySummary {
        let (name, entity_type) = self.name_and_type(known, folded, ontology);
        let (first_mentioned, last_mentioned) = known.named_within();
        EntitySummary {
            name: name.to_owned(),
            entity_type: entity_type.to_owned(),
            properties: owned(self.properties_of(folded, known)),
            relationship_count: self.relations_of(folded, known, ontology).len(),
            first_mentioned,
            last_mentioned,
        }
    }
}

fn owned(properties: BTreeMap<&str, &str>) -> Vec<(String, String)> {
    let properties = properties.into_iter();
    properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Tenant {
    /// A page of a subject's entities, the last mentioned first, then by name. Cost grows with
    /// the number of entities, not with that of facts.
    #[must_use]
    pub fn list_entities(&self, subject: &str, page: &EntityPage) -> Entities {
        let Some(subject) = self.subjects.find(subject) else {
            return Entities { entities: Vec::new(), total: 0 };
        };
        let ontology = &self.subjects.ontology;
        let all = subject.entities().filter_map(|(folded, known)| {
            let (name, entity_type) = subject.name_and_type(known, folded, ontology);
            let is_asked = page.entity_type.as_deref().is_none_or(|asked| asked == entity_type);
            let (_, last_mentioned) = known.named_within();
            is_asked.then_some((std::cmp::Reverse(last_mentioned), name, folded, known))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by(|one, other| (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)));
        let shown = all.iter().skip(page.offset).take(page.limit);
        let entities =
            shown.map(|(.., folded, known)| subject.entity_summary(folded, known, ontology));
        Entities { entities: entities.collect(), total: all.len() }
    }

    /// An entity with the newest facts that name it; `None` where no live fact does.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_entity(
        &self,
        subject: &str,
        name: &str,
    ) -> Result<Option<EntityDetail>, TenantError> {
        self.check_usable()?;
        let Some(subject) = self.subjects.find(subject) else { return Ok(None) };
        let folded = name.to_lowercase();
        let ontology = &self.subjects.ontology;
        let found = subject.entity_detail(&folded, ontology).zip(subject.entity(&folded));
        let Some((mut detail, known)) = found else { return Ok(None) };
        for fact in subject.newest(&known.facts, MENTIONS_MAX) {
            let record = self.record_of(self.place_of(fact.id)?)?;
            let at = fact.standing.created_at;
            detail.mentions.push(EntityContext { context: record.content, at });
        }
        Ok(Some(detail))
    }
}
