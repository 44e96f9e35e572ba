//! Subjects in memory. What the facts of a subject say together (its entities, its categories, what
//! contradicts what) follows from the facts alone, so it is never stored and goes with them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::engine::distil::{EntityMention, Relation, Slot};
use crate::engine::ontology::Ontology;
use crate::engine::resources::{ImportanceLevel, ResourceKind, ResourceState};
use crate::engine::subjects::FactStanding;
use crate::engine::text::hash_term;
use crate::types::{AtomId, AtomNo, JobNo, Timestamp};

/// A resource without its content.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KnownResource {
    pub(super) subject_no: u32,
    pub(super) kind: ResourceKind,
    pub(super) state: ResourceState,
    pub(super) job: JobNo,
    pub(super) facts_extracted: u32,
    pub(super) facts_written: u32,
    pub(super) received_at: Timestamp,
    pub(super) completed_at: Option<Timestamp>,
    /// Why nothing was drawn from it.
    pub(super) failure: Option<String>,
}

/// What a fact says besides its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KnownFact {
    pub(super) id: AtomId,
    pub(super) resource: Uuid,
    pub(super) category: String,
    pub(super) standing: FactStanding,
    pub(super) written_at: Timestamp,
    /// Superseded: kept, and part of nothing else here.
    pub(super) is_archived: bool,
    pub(super) mentions: Box<[EntityMention]>,
    pub(super) relations: Box<[Relation]>,
    pub(super) slot: Option<Slot>,
}

/// A subject and what its facts say together.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) facts: BTreeMap<AtomNo, KnownFact>,
    pub(super) resources: HashSet<Uuid>,
    /// No live fact stands higher in any way; it is not lowered when facts go.
    pub(super) highest: Option<FactStanding>,
    /// Live facts by category.
    categories: BTreeMap<String, KnownCategory>,
    /// What live facts name, in lower case.
    entities: HashMap<String, KnownEntity>,
    /// Live facts by what they say of which only one can be true.
    slots: FxHashMap<u64, Vec<AtomNo>>,
}

#[derive(Debug, Default)]
pub(super) struct KnownCategory {
    pub(super) facts: BTreeSet<AtomNo>,
    /// Of these facts, until one comes or goes.
    pub(super) summary: Option<Arc<str>>,
}

/// The live facts that name an entity; never empty.
#[derive(Debug, Default)]
pub(super) struct KnownEntity {
    pub(super) facts: BTreeSet<AtomNo>,
    /// Those of them that tell a property or a relationship of it.
    pub(super) telling: BTreeSet<AtomNo>,
    /// When it was named, and by how many facts then: pages of entities go by the last of these.
    times: BTreeMap<Timestamp, u32>,
}

impl KnownEntity {
    /// When it was named first and last.
    pub(super) fn named_within(&self) -> (Timestamp, Timestamp) {
        let mut times = self.times.keys().copied();
        // What no fact names is not kept.
        let first = times.next().unwrap_or(Timestamp::from_micros(0));
        (first, times.next_back().unwrap_or(first))
    }

    fn take_up(&mut self, no: AtomNo, at: Timestamp) {
        // One fact may name it twice, in different spellings.
        if self.facts.insert(no) {
            *self.times.entry(at).or_default() += 1;
        }
    }

    fn let_go(&mut self, no: AtomNo, at: Timestamp) {
        self.telling.remove(&no);
        if self.facts.remove(&no)
            && let Some(count) = self.times.get_mut(&at)
        {
            *count -= 1;
            if *count == 0 {
                self.times.remove(&at);
            }
        }
    }
}

pub(in crate::tenant) struct Subjects {
    pub(super) next_no: u32,
    /// Callers choose the names, so their hashes are keyed.
    numbers: HashMap<String, u32>,
    pub(super) all: FxHashMap<u32, Subject>,
    pub(super) resources: FxHashMap<Uuid, KnownResource>,
    /// Whose fact an atom is.
    facts: FxHashMap<AtomId, (u32, AtomNo)>,
    pub(super) deliveries: super::deliveries::Deliveries,
    pub(super) ontology: Arc<Ontology>,
    /// As it came; `None` where the app has none.
    pub(super) ontology_json: Option<String>,
}

impl Default for Subjects {
    fn default() -> Self {
        Self {
            next_no: 1,
            numbers: HashMap::new(),
            all: FxHashMap::default(),
            resources: FxHashMap::default(),
            facts: FxHashMap::default(),
            deliveries: super::deliveries::Deliveries::default(),
            ontology: Arc::new(Ontology::default()),
            ontology_json: None,
        }
    }
}

impl Subjects {
    pub(super) fn number_of(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Subject> {
        self.all.get(&self.number_of(name)?)
    }

    pub(super) fn insert(&mut self, no: u32, name: String) {
        self.numbers.insert(name.clone(), no);
        self.all.insert(no, Subject { name, ..Subject::default() });
    }

    pub(super) fn insert_resource(&mut self, id: Uuid, resource: KnownResource) {
        if let Some(subject) = self.all.get_mut(&resource.subject_no) {
            subject.resources.insert(id);
        }
        self.resources.insert(id, resource);
    }

    pub(super) fn remove_resource(&mut self, id: Uuid) -> Option<KnownResource> {
        let resource = self.resources.remove(&id)?;
        if let Some(subject) = self.all.get_mut(&resource.subject_no) {
            subject.resources.remove(&id);
        }
        Some(resource)
    }

    pub(super) fn insert_fact(&mut self, subject_no: u32, no: AtomNo, fact: KnownFact) {
        let Some(subject) = self.all.get_mut(&subject_no) else { return };
        self.facts.insert(fact.id, (subject_no, no));
        if !fact.is_archived {
            subject.take_up(no, &fact);
        }
        subject.facts.insert(no, fact);
    }

    /// The fact that an atom is, and its number.
    pub(super) fn fact(&self, id: AtomId) -> Option<(AtomNo, &KnownFact)> {
        let (subject, no) = self.facts.get(&id)?;
        Some((*no, self.all.get(subject)?.facts.get(no)?))
    }

    /// An atom is gone, a fact or not.
    pub(in crate::tenant) fn forget_atom(&mut self, id: AtomId) {
        let Some((subject, no)) = self.facts.remove(&id) else { return };
        let Some(subject) = self.all.get_mut(&subject) else { return };
        if let Some(fact) = subject.facts.remove(&no)
            && !fact.is_archived
        {
            subject.let_go(no, &fact);
        }
    }

    /// An atom was superseded, a fact or not.
    pub(in crate::tenant) fn archive(&mut self, id: AtomId) {
        let Some((subject, no)) = self.facts.get(&id).copied() else { return };
        let Some(subject) = self.all.get_mut(&subject) else { return };
        let Some(fact) = subject.facts.get_mut(&no).filter(|fact| !fact.is_archived) else {
            return;
        };
        fact.is_archived = true;
        let fact = fact.clone();
        subject.let_go(no, &fact);
    }

    /// Without a subject, and all that is known of it. The numbers stay given.
    pub(super) fn remove(&mut self, no: u32) {
        let Some(subject) = self.all.remove(&no) else { return };
        self.numbers.remove(&subject.name);
        for id in &subject.resources {
            self.resources.remove(id);
        }
        for fact in subject.facts.values() {
            self.facts.remove(&fact.id);
        }
    }

    /// Without any subject; what the app is about stays.
    pub(in crate::tenant) fn clear(&mut self) {
        let next_no = self.next_no;
        let ontology = Arc::clone(&self.ontology);
        let ontology_json = self.ontology_json.take();
        *self = Self { next_no, ontology, ontology_json, ..Self::default() };
    }

    /// Summaries are made anew: what bounds them has changed.
    pub(super) fn forget_summaries(&mut self) {
        for subject in self.all.values_mut() {
            for category in subject.categories.values_mut() {
                category.summary = None;
            }
        }
    }
}

impl KnownFact {
    /// Whether it tells more of an entity than that it is named; `name` in lower case.
    fn tells_of(&self, mention: &EntityMention, name: &str) -> bool {
        let is_end = |end: &str| end.to_lowercase() == name;
        !mention.properties.is_empty()
            || self.relations.iter().any(|it| is_end(&it.from) || is_end(&it.to))
    }
}

impl Subject {
    pub(super) fn live_facts(&self) -> impl Iterator<Item = &KnownFact> {
        self.facts.values().filter(|fact| !fact.is_archived)
    }

    pub(super) fn categories(&self) -> impl Iterator<Item = (&String, &KnownCategory)> {
        self.categories.iter()
    }

    pub(super) fn category(&self, name: &str) -> Option<&KnownCategory> {
        self.categories.get(name)
    }

    pub(super) fn keep_summary(&mut self, category: &str, summary: &Arc<str>) {
        if let Some(known) = self.categories.get_mut(category) {
            known.summary = Some(Arc::clone(summary));
        }
    }

    /// Everything that live facts name, in lower case.
    pub(super) fn entities(&self) -> impl Iterator<Item = (&String, &KnownEntity)> {
        self.entities.iter()
    }

    pub(super) fn entity_count(&self) -> usize {
        self.entities.len()
    }

    /// What is known of an entity, however its name is spelled.
    pub(super) fn entity(&self, name: &str) -> Option<&KnownEntity> {
        self.entities.get(&name.to_lowercase())
    }

    /// Live facts that fill a slot, whatever they fill it with.
    pub(super) fn facts_in(&self, slot: &Slot) -> Vec<AtomNo> {
        self.slots.get(&print_of(slot)).cloned().unwrap_or_default()
    }

    /// Every distinct relationship that live facts state.
    pub(super) fn relations(&self) -> BTreeSet<(String, String, String)> {
        let relations = self.live_facts().flat_map(|fact| &fact.relations);
        relations.map(folded).collect()
    }

    fn take_up(&mut self, no: AtomNo, fact: &KnownFact) {
        let highest = self.highest.get_or_insert(fact.standing);
        *highest = highest.or_higher(&fact.standing);
        let category = self.categories.entry(fact.category.clone()).or_default();
        category.facts.insert(no);
        category.summary = None;
        for mention in &fact.mentions {
            let name = mention.name.to_lowercase();
            let is_telling = fact.tells_of(mention, &name);
            let entity = self.entities.entry(name).or_default();
            entity.take_up(no, fact.standing.created_at);
            if is_telling {
                entity.telling.insert(no);
            }
        }
        if let Some(slot) = &fact.slot {
            self.slots.entry(print_of(slot)).or_default().push(no);
        }
    }

    fn let_go(&mut self, no: AtomNo, fact: &KnownFact) {
        if let Some(category) = self.categories.get_mut(&fact.category) {
            category.facts.remove(&no);
            category.summary = None;
            if category.facts.is_empty() {
                self.categories.remove(&fact.category);
            }
        }
        for mention in &fact.mentions {
            let name = mention.name.to_lowercase();
            if let Some(entity) = self.entities.get_mut(&name) {
                entity.let_go(no, fact.standing.created_at);
                if entity.facts.is_empty() {
                    self.entities.remove(&name);
                }
            }
        }
        if let Some(slot) = &fact.slot {
            crate::tenant::remove_one(&mut self.slots, print_of(slot), no);
        }
    }
}

/// A relationship without its spelling.
pub(super) fn folded(relation: &Relation) -> (String, String, String) {
    let ends = (relation.from.to_lowercase(), relation.to.to_lowercase());
    (relation.relation_type.clone(), ends.0, ends.1)
}

fn print_of(slot: &Slot) -> u64 {
    // No subject or attribute has this character: they are words.
    hash_term(&format!("{}\u{1f}{}", slot.subject, slot.attribute))
}

/// Names as they are stored; a later version's importance counts as the ordinary one.
pub(super) fn importance_from(stored: &str) -> ImportanceLevel {
    ImportanceLevel::find(stored).unwrap_or(ImportanceLevel::Medium)
}
