//! Subjects against a naive model: random resources, runs that finish or die, contradictions, what is
//! said twice, forgetting of subjects and categories, with the tenant opened again or struck by a
//! power cut in the middle. A resource brings its facts exactly once, and what is forgotten leaves
//! no record behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::embed;
use super::jobs::{Bench, LEASE, NO};
use crate::engine::atom::{Metadata, NewAtom};
use crate::engine::distil::{DistilledFact, EntityMention, Relation, Slot};
use crate::engine::prepared::PreparedAtom;
use crate::engine::resources::{ImportanceLevel, ResourceKind, ResourceState, SuggestedEntity};
use crate::engine::subjects::{EntityPage, FactQuery, NewEvent, NewResource, ResourceContent};
use crate::storage::Store;
use crate::storage::keys::{self, Kind};
use crate::tenant::{DistilOrder, PreparedFact, ResourceWriting, TenantError, subject_domain};
use crate::types::{QueryEmbedding, Timestamp};

const SUBJECTS: [&str; 3] = ["ann", "ben", "#carl"];
const CATEGORIES: [&str; 2] = ["work", "home"];

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    text: String,
    category: &'static str,
    at: Timestamp,
    resource: Uuid,
    is_archived: bool,
    /// Owner and place: a person lives in one place at a time.
    lives: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Subject {
    /// Whether it is an event, and whether it is done.
    resources: BTreeMap<Uuid, (bool, bool)>,
    facts: Vec<Known>,
}

type Model = BTreeMap<&'static str, Subject>;

struct Run {
    bench: Bench,
    model: Model,
    durable: Model,
    /// What deliveries became; forgetting does not reach them.
    deliveries: BTreeMap<u32, Uuid>,
    durable_deliveries: BTreeMap<u32, Uuid>,
    rng: SmallRng,
}

/// Text, category, and who lives where.
type Said = (String, &'static str, Option<(String, String)>);

/// The facts that a content stands for: a place somebody lives in, and a remark.
fn facts_of(content: u32) -> Vec<Said> {
    let person = format!("person{}", content % 2);
    let place = format!("place{}", content % 3);
    let home = (format!("{person} lives in {place}"), CATEGORIES[1], Some((person, place)));
    let remark = (format!("remark{}", content % 5), CATEGORIES[content as usize % 2], None);
    match content % 4 {
        0 => vec![home],
        1 => vec![remark],
        2 => vec![home, remark],
        _ => Vec::new(),
    }
}

fn distilled(text: &str, category: &str, lives: Option<&(String, String)>) -> DistilledFact {
    let names = lives.map_or_else(Vec::new, |(person, place)| vec![person, place]);
    let mentions = names.into_iter().map(|name| EntityMention {
        name: name.clone(),
        entity_type: "Thing".to_owned(),
        properties: Vec::new(),
    });
    let relations = lives.map(|(person, place)| Relation {
        relation_type: "LIVES_IN".to_owned(),
        from: person.clone(),
        to: place.clone(),
        properties: Vec::new(),
    });
    DistilledFact {
        text: text.to_owned(),
        category: category.to_owned(),
        confidence: 0.9,
        mentions: mentions.collect(),
        relations: relations.into_iter().collect(),
        slot: lives.map(|(person, place)| Slot {
            subject: person.clone(),
            attribute: "lives in".to_owned(),
            value: place.clone(),
        }),
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            bench: Bench::new(),
            model: Model::new(),
            durable: Model::new(),
            deliveries: BTreeMap::new(),
            durable_deliveries: BTreeMap::new(),
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    fn some_subject(&mut self) -> &'static str {
        SUBJECTS[self.rng.random_range(0..SUBJECTS.len())]
    }

    fn take(&mut self) {
        let subject = self.some_subject();
        let content = self.rng.random_range(0..60_u32);
        let is_event = self.rng.random_bool(0.3);
        let delivery = is_event.then(|| self.rng.random_range(0..6_u32));
        let taken = match delivery {
            Some(delivery) => ResourceContent::Event(NewEvent {
                kind: ResourceKind::Webhook,
                event_type: "moved".to_owned(),
                source: "test".to_owned(),
                occurred_at: self.some_time(),
                data: format!("{{\"n\":{content}}}"),
                category: None,
                entities: vec![SuggestedEntity {
                    name: "x".to_owned(),
                    entity_type: "Y".to_owned(),
                }],
                importance: ImportanceLevel::Medium,
                delivery: Some(delivery.to_string()),
            }),
            None => ResourceContent::Text(NewResource {
                kind: ResourceKind::Document,
                content: content.to_string(),
                thread: None,
                metadata: Metadata::default(),
            }),
        };
        let mut pending = self.bench.tenant.begin(None);
        let id = self.bench.tenant.take_resource(&mut pending, subject, &taken).unwrap();
        if self.rng.random_bool(0.1) {
            // The process dies before the batch is applied.
            drop(pending);
            self.bench.reopen();
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        if let Some(delivery) = delivery {
            if let Some(before) = self.deliveries.get(&delivery) {
                assert_eq!(*before, id, "a delivery is taken once");
                return;
            }
            self.deliveries.insert(delivery, id);
        }
        self.model.entry(subject).or_default().resources.insert(id, (is_event, false));
    }

    fn some_time(&mut self) -> Timestamp {
        Timestamp::from_micros(self.rng.random_range(0..5_000_000))
    }

    /// Does the job that is due, or dies over it. Says whether there was one.
    fn distil(&mut self, may_die: bool) -> bool {
        let Some(leased) = self.bench.lease() else { return false };
        let order = DistilOrder::from_payload(&leased.payload).unwrap();
        let task = self.bench.tenant.distil_task(order).unwrap().expect("its resource is there");
        let subject = *SUBJECTS.iter().find(|name| **name == task.subject).unwrap();
        let (content, at, merges) = match &task.content {
            ResourceContent::Text(new) => (new.content.clone(), task.received_at, true),
            ResourceContent::Event(event) => {
                let digits = event.data.trim_matches(|c: char| !c.is_ascii_digit());
                (digits.to_owned(), event.occurred_at, false)
            }
        };
        let facts = facts_of(content.parse().unwrap());
        let extracted = u32::try_from(facts.len()).unwrap();
        let tenant = &mut self.bench.tenant;
        tenant.note_distilling(&leased.lease, order, ResourceState::Writing, extracted).unwrap();
        self.flush_report();
        if may_die && self.rng.random_bool(0.3) {
            self.bench.reopen();
            return true;
        }
        let mut pending = self.bench.tenant.begin(None);
        self.bench.tenant.check_lease(&leased.lease).unwrap();
        let mut writing = ResourceWriting {
            order,
            app: "app".to_owned(),
            at,
            importance: ImportanceLevel::Medium,
            merges,
            extracted,
            written: 0,
        };
        let before = self.model.clone();
        for (text, category, lives) in facts {
            let atom = NewAtom {
                occurred_at: Some(at),
                is_certain: true,
                ..NewAtom::of(&text, &subject_domain(subject))
            };
            let atom = PreparedAtom::new(atom, embed(&text));
            let fact = distilled(&text, category, lives.as_ref());
            let prepared = PreparedFact { fact, atom };
            self.bench.tenant.write_fact(&mut pending, &mut writing, prepared).unwrap();
            let known =
                Known { text, category, at, resource: order.resource, is_archived: false, lives };
            self.model.get_mut(subject).unwrap().learn(known, merges);
        }
        self.bench.tenant.finish_writing(&mut pending, &writing).unwrap();
        self.bench.tenant.complete(&mut pending, &leased.lease).unwrap();
        if may_die && self.rng.random_bool(0.2) {
            drop(pending);
            self.model = before;
            self.bench.reopen();
            return true;
        }
        self.bench.tenant.commit(pending).unwrap();
        self.model.get_mut(subject).unwrap().resources.get_mut(&order.resource).unwrap().1 = true;
        true
    }

    /// A report asks for a flush that comes by itself: waited for, so that no later one is in the
    /// way of the power cut.
    fn flush_report(&mut self) {
        let flushed = self.bench.tenant.flush_ticket();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(flushed.durable()).unwrap();
        self.note_durable();
    }

    fn note_durable(&mut self) {
        self.durable = self.model.clone();
        self.durable_deliveries = self.deliveries.clone();
    }

    fn forget(&mut self) {
        let subject = self.some_subject();
        let category = self.rng.random_bool(0.5).then(|| CATEGORIES[self.rng.random_range(0..2)]);
        let planned = self.bench.tenant.plan_forgetting(subject, category).unwrap();
        assert_eq!(planned.is_some(), self.model.contains_key(subject));
        let Some(mut forgetting) = planned else { return };
        let mut pending = self.bench.tenant.begin(None);
        self.bench.tenant.forget_sources(&mut pending, &mut forgetting).unwrap();
        self.bench.tenant.commit(pending).unwrap();
        loop {
            let mut pending = self.bench.tenant.begin(None);
            let more = self.bench.tenant.forget_facts(&mut pending, &mut forgetting).unwrap();
            self.bench.tenant.commit(pending).unwrap();
            if !more {
                break;
            }
        }
        let receipt = self.bench.tenant.finish_forgetting(forgetting).unwrap();
        let before = self.model[subject].clone();
        match category {
            None => drop(self.model.remove(subject)),
            Some(category) => self.model.get_mut(subject).unwrap().forget(category),
        }
        let after = self.model.get(subject).cloned().unwrap_or_default();
        assert_eq!(receipt.facts, before.facts.len() - after.facts.len());
        assert_eq!(receipt.resources, before.resources.len() - after.resources.len());
        assert_eq!(receipt.entities, before.entities().len() - after.entities().len());
        assert_eq!(receipt.relationships, before.homes().len() - after.homes().len());
    }

    fn check(&mut self) {
        for name in SUBJECTS {
            let subject = self.model.get(name).cloned().unwrap_or_default();
            for (id, (is_event, is_done)) in &subject.resources {
                let status = self.bench.tenant.resource_status(*id).expect("it is known");
                assert_eq!(matches!(status.kind, ResourceKind::Webhook), *is_event);
                assert_eq!(status.state == ResourceState::Completed, *is_done);
                assert_eq!(status.completed_at.is_some(), *is_done);
            }
            self.check_facts(name, &subject);
            self.check_categories(name, &subject);
            self.check_entities(name, &subject);
        }
        let resources: usize = self.model.values().map(|subject| subject.resources.len()).sum();
        let facts: usize = self.model.values().map(|subject| subject.facts.len()).sum();
        for (kind, count) in [
            (Kind::Subject, self.model.len()),
            (Kind::Resource, resources),
            (Kind::ResourceContent, resources),
            (Kind::Fact, facts),
            (Kind::Atom, facts),
            (Kind::Delivery, self.deliveries.len()),
        ] {
            let prefix = keys::kind_prefix(NO, kind);
            let stored = self.bench.store.scan(&prefix, None, usize::MAX).unwrap().len();
            assert_eq!(stored, count, "{kind:?}");
        }
    }

    fn check_facts(&mut self, name: &str, subject: &Subject) {
        let query = FactQuery {
            text: "remark".to_owned(),
            tokens_max: 1_000_000,
            with_graph: true,
            categories: None,
            half_life_days: 30.0,
            confidence_min: 0.0,
        };
        let embedding = QueryEmbedding { whole: embed("remark"), words: Vec::new() };
        let found = self.bench.tenant.retrieve_facts(name, &query, &embedding).unwrap();
        assert!(found.facts.is_sorted_by(|one, other| one.score >= other.score));
        let live = subject.live().count();
        assert_eq!(found.facts.len(), live.min(20));
        let known: BTreeSet<_> =
            subject.live().map(|fact| (fact.text.as_str(), fact.category, fact.at)).collect();
        for fact in &found.facts {
            let key = (fact.content.as_str(), fact.category.as_str(), fact.created_at);
            assert!(known.contains(&key), "{key:?} of {known:?}");
        }
    }

    fn check_categories(&mut self, name: &str, subject: &Subject) {
        let views = self.bench.tenant.categories_of(name).unwrap();
        for category in CATEGORIES {
            let count = subject.live().filter(|fact| fact.category == category).count();
            let view = views.iter().find(|view| view.name == category);
            assert_eq!(view.map_or(0, |view| view.fact_count), count as u64);
            assert_eq!(view.is_some_and(|view| view.summary.is_some()), count > 0);
        }
    }

    fn check_entities(&self, name: &str, subject: &Subject) {
        let page = EntityPage { entity_type: None, offset: 0, limit: 100 };
        let listed = self.bench.tenant.list_entities(name, &page);
        let names: BTreeSet<_> = listed.entities.iter().map(|it| it.name.clone()).collect();
        assert_eq!((listed.total, names), (listed.entities.len(), subject.entities()));
        for entity in &listed.entities {
            let detail = self.bench.tenant.find_entity(name, &entity.name).unwrap().unwrap();
            let homes = subject.homes();
            let own = homes.iter().filter(|(from, to)| [from, to].contains(&&entity.name)).count();
            assert_eq!((detail.relationships.len(), entity.relationship_count), (own, own));
        }
    }
}

impl Subject {
    fn live(&self) -> impl Iterator<Item = &Known> {
        self.facts.iter().filter(|fact| !fact.is_archived)
    }

    fn entities(&self) -> BTreeSet<String> {
        self.live().filter_map(|it| it.lives.clone()).flat_map(|(a, b)| [a, b]).collect()
    }

    fn homes(&self) -> BTreeSet<(String, String)> {
        self.live().filter_map(|fact| fact.lives.clone()).collect()
    }

    fn learn(&mut self, mut new: Known, merges: bool) {
        let is_same = |it: &&Known| it.text == new.text && it.category == new.category;
        if merges && self.live().any(|it| is_same(&it)) {
            return;
        }
        if let Some((person, place)) = new.lives.clone() {
            for known in &mut self.facts {
                let differs =
                    known.lives.as_ref().is_some_and(|(of, at)| *of == person && *at != place);
                if !differs || known.is_archived {
                    continue;
                }
                if known.at <= new.at {
                    known.is_archived = true;
                } else {
                    new.is_archived = true;
                }
            }
        }
        self.facts.push(new);
    }

    fn forget(&mut self, category: &str) {
        let sources = |goes: bool, facts: &[Known]| -> BTreeSet<Uuid> {
            let facts = facts.iter().filter(|it| (it.category == category) == goes);
            facts.map(|it| it.resource).collect()
        };
        let (going, staying) = (sources(true, &self.facts), sources(false, &self.facts));
        self.resources.retain(|id, _| !going.contains(id) || staying.contains(id));
        self.facts.retain(|fact| fact.category != category);
    }
}

fn run_random_commands(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..70 {
        run.bench.clock.advance(Duration::from_millis(run.rng.random_range(1..400)));
        match run.rng.random_range(0..16) {
            0..5 => run.take(),
            5..11 => drop(run.distil(true)),
            11 | 12 => run.forget(),
            13 => run.bench.reopen(),
            14 => {
                run.bench.store.flush().unwrap();
                run.note_durable();
            }
            _ => {
                run.bench.store = run.bench.store.after_power_cut();
                run.model = run.durable.clone();
                run.deliveries = run.durable_deliveries.clone();
                run.bench.reopen();
            }
        }
        run.check();
    }
    // Whatever was interrupted ends; a job interrupted too often is tried again by an operator.
    while run.bench.tenant.jobs_overview() != crate::engine::jobs::JobsOverview::default() {
        for letter in run.bench.tenant.dead_letters(None, usize::MAX) {
            run.bench.tenant.retry_dead(letter.job).unwrap();
        }
        run.bench.clock.advance(LEASE);
        run.distil(false);
        run.check();
    }
    assert!(run.model.values().all(|it| it.resources.values().all(|(_, is_done)| *is_done)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn subjects_agree_with_a_naive_model_across_reopening_and_power_cuts(seed: u64) {
        run_random_commands(seed);
    }
}

/// The same words in another category, said since, do not hide that they are known in this one.
#[test]
fn what_was_said_in_two_categories_is_known_in_both() {
    run_random_commands(14_114_404_644_465_906_926);
}

#[test]
fn a_run_that_was_overtaken_by_forgetting_brings_nothing() {
    let mut run = Run::new(1);
    let content = ResourceContent::Text(NewResource {
        kind: ResourceKind::Document,
        content: "1".to_owned(),
        thread: None,
        metadata: Metadata::default(),
    });
    let mut pending = run.bench.tenant.begin(None);
    let id = run.bench.tenant.take_resource(&mut pending, "ann", &content).unwrap();
    run.bench.tenant.commit(pending).unwrap();
    let leased = run.bench.lease().unwrap();
    let order = DistilOrder::from_payload(&leased.payload).unwrap();
    let mut forgetting = run.bench.tenant.plan_forgetting("ann", None).unwrap().unwrap();
    let mut pending = run.bench.tenant.begin(None);
    run.bench.tenant.forget_sources(&mut pending, &mut forgetting).unwrap();
    run.bench.tenant.forget_facts(&mut pending, &mut forgetting).unwrap();
    run.bench.tenant.commit(pending).unwrap();
    run.bench.tenant.finish_forgetting(forgetting).unwrap();
    assert!(matches!(run.bench.tenant.check_lease(&leased.lease), Err(TenantError::StaleLease(_))));
    assert!(!run.bench.tenant.awaits_distilling(order));
    assert_eq!(run.bench.tenant.resource_status(id), None);
    run.check();
}
