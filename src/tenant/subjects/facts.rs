//! Facts come: what a resource says is held against what its subject's facts say already. What is
//! said again is not kept twice, and of two facts that contradict each other the older is archived.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::known::{KnownFact, folded};
use super::resources::DistilOrder;
use crate::engine::distil::{DistilledFact, Relation};
use crate::engine::notices::{NewMessage, NoticeKind, body_of};
use crate::engine::prepared::PreparedAtom;
use crate::engine::resources::ImportanceLevel;
use crate::engine::subjects::{FactStanding, fact_name, resource_name};
use crate::storage::encode;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{FactRecord, FactRelationRecord, Id, MentionRecord, SlotRecord};
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::{AtomId, AtomNo, Timestamp};

/// A fact that is ready to be stored: its atom lies in [`super::subject_domain`], and is certain.
pub struct PreparedFact {
    pub fact: DistilledFact,
    pub atom: PreparedAtom,
}

/// The facts of a resource on their way into memory.
pub struct ResourceWriting {
    pub order: DistilOrder,
    /// The app's name, for those who are told.
    pub app: String,
    /// When it was said, or happened.
    pub at: Timestamp,
    pub importance: ImportanceLevel,
    /// What is said again in the same words counts as known. Events are told apart by their time.
    pub merges: bool,
    pub extracted: u32,
    pub written: u32,
}

impl Tenant {
    /// Whether a resource is still there to be read.
    #[must_use]
    pub fn awaits_distilling(&self, order: DistilOrder) -> bool {
        self.subjects.resources.contains_key(&order.resource)
    }

    /// Stores a fact of a resource, unless its subject's facts say the same already. Ask
    /// [`Tenant::awaits_distilling`] first.
    ///
    /// # Errors
    /// As [`Tenant::store`].
    pub fn write_fact(
        &mut self,
        pending: &mut Pending,
        writing: &mut ResourceWriting,
        prepared: PreparedFact,
    ) -> Result<(), TenantError> {
        let resource = writing.order.resource;
        let subject_no = self.subject_of(resource)?;
        let PreparedFact { fact, mut atom } = prepared;
        if writing.merges && self.is_said(&fact, &atom) {
            return Ok(());
        }
        let (older, newer) = self.contradicted(subject_no, &fact, writing.at);
        let news = self.news_of(subject_no, &fact);
        atom.new.supersedes = older.iter().filter(|known| known.1).map(|known| known.0).collect();
        let stored = self.store(pending, atom)?;
        let id = stored.atom_id.ok_or_else(|| damaged("a fact that was not stored"))?;
        let row = self.find_row(id).ok_or_else(|| damaged("a fact's row"))?;
        let (no, written_at) = (row.no, row.created_at);
        let category = fact.category.clone();
        let known = KnownFact {
            id,
            resource,
            category: fact.category,
            standing: FactStanding {
                confidence: fact.confidence,
                importance: writing.importance,
                created_at: writing.at,
            },
            written_at,
            is_archived: false,
            mentions: fact.mentions.into(),
            relations: fact.relations.into(),
            slot: fact.slot,
        };
        let key = keys::by_atom(self.no, Kind::Fact, no);
        pending.batch.put(key, encode(&record_of(subject_no, &known))?);
        self.subjects.insert_fact(subject_no, no, known);
        if let Some(newer) = newer
            && writing.importance != ImportanceLevel::Critical
        {
            self.supersede(pending, newer, &[id])?;
        }
        writing.written += 1;
        self.tell_of_fact(pending, writing, subject_no, news)?;
        for (old, new) in
            older.into_iter().map(|known| (known.0, id)).chain(newer.map(|by| (id, by)))
        {
            let data = data_of([
                ("category", json!(category)),
                ("oldItemId", json!(fact_name(old.0))),
                ("newItemId", json!(fact_name(new.0))),
            ]);
            self.tell(pending, writing, subject_no, NoticeKind::ConflictDetected, data)?;
        }
        Ok(())
    }

    /// Marks a resource as completed, all its facts being stored.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn finish_writing(
        &mut self,
        pending: &mut Pending,
        writing: &ResourceWriting,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        let resource = writing.order.resource;
        let subject_no = self.subject_of(resource)?;
        let kind = self.subjects.resources.get(&resource).map(|known| known.kind);
        let kind = kind.ok_or_else(|| damaged("a resource"))?;
        self.uncommitted = true;
        self.complete_resource(pending, resource, (writing.extracted, writing.written))?;
        let data = data_of([
            ("resourceId", json!(resource_name(kind, resource))),
            ("factsExtracted", json!(writing.extracted)),
            ("factsWritten", json!(writing.written)),
        ]);
        self.tell(pending, writing, subject_no, NoticeKind::MemoryProcessed, data)
    }

    fn subject_of(&self, resource: Uuid) -> Result<u32, TenantError> {
        let known = self.subjects.resources.get(&resource);
        known.map(|known| known.subject_no).ok_or_else(|| damaged("a resource"))
    }

    /// Whether a live fact of the same category has the same wording.
    fn is_said(&self, fact: &DistilledFact, atom: &PreparedAtom) -> bool {
        let number = self.domain_numbers.get(&atom.new.domain);
        let domain = number.and_then(|number| self.domains.get(number));
        let Some(domain) = domain else { return false };
        let rows = domain.wordings.all(atom.wording_print);
        let rows = rows.filter_map(|row| domain.rows.get(row as usize));
        let mut known = rows.filter_map(|row| self.subjects.fact(row.id));
        known.any(|(_, known)| !known.is_archived && known.category == fact.category)
    }

    /// Live facts that a new one contradicts: the older ones, each with whether it may be archived,
    /// and the newest one that is newer.
    fn contradicted(
        &self,
        subject_no: u32,
        fact: &DistilledFact,
        at: Timestamp,
    ) -> (Vec<(AtomId, bool)>, Option<AtomId>) {
        let (mut older, mut newer) = (Vec::new(), None::<(Timestamp, AtomId)>);
        let subject = self.subjects.all.get(&subject_no);
        let (Some(subject), Some(slot)) = (subject, &fact.slot) else { return (older, None) };
        for no in subject.facts_in(slot) {
            let Some(known) = subject.facts.get(&no) else { continue };
            // The print of a slot may be shared.
            let contradicts = known.slot.as_ref().is_some_and(|other| {
                (&other.subject, &other.attribute) == (&slot.subject, &slot.attribute)
                    && other.value != slot.value
            });
            if !contradicts {
                continue;
            }
            if known.standing.created_at <= at {
                let may_go = known.standing.importance != ImportanceLevel::Critical;
                older.push((known.id, may_go));
            } else {
                newer = newer.max(Some((known.standing.created_at, known.id)));
            }
        }
        (older, newer.map(|(_, id)| id))
    }

    /// What a fact brings that those who want to be told do not know.
    fn news_of(
        &self,
        subject_no: u32,
        fact: &DistilledFact,
    ) -> Vec<(NoticeKind, Map<String, Value>)> {
        let mut news = Vec::new();
        let Some(subject) = self.subjects.all.get(&subject_no) else { return news };
        let wants = |kind| self.wants(kind);
        if wants(NoticeKind::EntityCreated) || wants(NoticeKind::EntityUpdated) {
            for mention in &fact.mentions {
                let kind = match subject.entity(&mention.name) {
                    None => NoticeKind::EntityCreated,
                    Some(known) => {
                        let properties = subject.properties_of(&mention.name, known);
                        let is_known = |(name, value): &(String, String)| {
                            properties.get(name.as_str()) == Some(&value.as_str())
                        };
                        if mention.properties.iter().all(is_known) {
                            continue;
                        }
                        NoticeKind::EntityUpdated
                    }
                };
                let data = data_of([
                    ("name", json!(mention.name)),
                    ("type", json!(mention.entity_type)),
                    ("properties", json!(object_of(&mention.properties))),
                ]);
                news.push((kind, data));
            }
        }
        if wants(NoticeKind::RelationshipCreated) {
            let is_new = |it: &&Relation| !subject.has_relation(it);
            for relation in fact.relations.iter().filter(is_new) {
                let data = data_of([
                    ("type", json!(relation.relation_type)),
                    ("from", json!(relation.from)),
                    ("to", json!(relation.to)),
                ]);
                news.push((NoticeKind::RelationshipCreated, data));
            }
        }
        news
    }

    fn tell_of_fact(
        &mut self,
        pending: &mut Pending,
        writing: &ResourceWriting,
        subject_no: u32,
        news: Vec<(NoticeKind, Map<String, Value>)>,
    ) -> Result<(), TenantError> {
        for (kind, data) in news {
            self.tell(pending, writing, subject_no, kind, data)?;
        }
        Ok(())
    }

    fn tell(
        &mut self,
        pending: &mut Pending,
        writing: &ResourceWriting,
        subject_no: u32,
        kind: NoticeKind,
        data: Map<String, Value>,
    ) -> Result<(), TenantError> {
        if !self.wants(kind) {
            return Ok(());
        }
        let subject = self.subjects.all.get(&subject_no).ok_or_else(|| damaged("a subject"))?;
        let body = body_of(kind, self.clock.now(), &writing.app, Some(&subject.name), data);
        self.emit(pending, NewMessage { kind, subject_no: Some(subject_no), body })
    }
}

fn data_of<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn object_of(properties: &[(String, String)]) -> Value {
    properties.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}

impl super::known::Subject {
    /// Whether a live fact states a relationship.
    fn has_relation(&self, relation: &Relation) -> bool {
        let wanted = folded(relation);
        let known = self.entity(&relation.from);
        let facts = known.into_iter().flat_map(|known| &known.telling);
        let mut stated = facts.filter_map(|no: &AtomNo| self.facts.get(no));
        stated.any(|fact| fact.relations.iter().any(|it| folded(it) == wanted))
    }
}

fn record_of(subject_no: u32, known: &KnownFact) -> FactRecord {
    let mentions = known.mentions.iter().map(|mention| MentionRecord {
        name: mention.name.clone(),
        entity_type: mention.entity_type.clone(),
        properties: mention.properties.clone(),
    });
    let relations = known.relations.iter().map(|relation| FactRelationRecord {
        relation_type: relation.relation_type.clone(),
        from: relation.from.clone(),
        to: relation.to.clone(),
        properties: relation.properties.clone(),
    });
    FactRecord {
        subject_no,
        resource: Id(*known.resource.as_bytes()),
        created_at_us: known.standing.created_at.as_micros(),
        category: known.category.clone(),
        confidence: known.standing.confidence,
        importance: known.standing.importance.as_str().to_owned(),
        mentions: mentions.collect(),
        relations: relations.collect(),
        slot: known.slot.as_ref().map(|slot| SlotRecord {
            subject: slot.subject.clone(),
            attribute: slot.attribute.clone(),
            value: slot.value.clone(),
        }),
    }
}
