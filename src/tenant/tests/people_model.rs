//! Actors, agents and threads against a naive model: random making, changing and deleting, names
//! that are given again, with the tenant opened again or struck by a power cut in the middle. All
//! is found as the model says, and every page of every list holds what its positions say, also when
//! its place is that of something deleted.

mod lists;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::jobs::Bench;
use super::people::{address, carry_out, count_stored, named, with_id};
use crate::engine::atom::Metadata;
use crate::engine::platform::agents::slug_of;
use crate::engine::platform::{
    Actor, ActorChange, ActorKind, ActorRef, Agent, AgentChange, Collection, NewActor, NewAgent,
    NewThread, Participant, ParticipantRole, RecordStatus, Refusal, Thread, ThreadChange,
    ThreadPlace,
};
use crate::storage::Store;
use crate::storage::keys::Kind;
use crate::types::{Clock, RecordId, Timestamp};

const NAMES: [&str; 4] = ["ann", "ben@example.com", "carl", "dora"];
const AGENT_NAMES: [&str; 4] = ["Support Bot", "support bot", "Büro", "?"];
const SLUGS: [&str; 3] = ["support-bot-2", "desk", "agent"];
const SEARCHES: [&str; 4] = ["BOT", "büro", "desk", "nothing"];
const KINDS: [ActorKind; 3] = [ActorKind::User, ActorKind::Assistant, ActorKind::Tool];
const ROLES: [ParticipantRole; 2] = [ParticipantRole::ReadWrite, ParticipantRole::ReadOnly];
const STATUSES: [RecordStatus; 2] = [RecordStatus::Active, RecordStatus::Archived];

/// Who is in a thread, how, and since when.
type Joined = (RecordId, ParticipantRole, Timestamp);

/// What is there, with what it refers to whether that is there or not.
#[derive(Debug, Clone, Default)]
struct Model {
    actors: BTreeMap<RecordId, Actor>,
    agents: BTreeMap<RecordId, (Agent, Option<RecordId>)>,
    threads: BTreeMap<RecordId, (Thread, Vec<Joined>)>,
    /// In the order of their deletion, actors with the names they were addressed by.
    gone: Vec<(Collection, RecordId, Option<String>)>,
}

impl Model {
    fn find_actor(&self, actor: &ActorRef) -> Option<RecordId> {
        let mut all = self.actors.values();
        let by_name = all.clone().find(|it| it.key.name.as_deref() == Some(actor.text.as_str()));
        let by_id = || all.find(|it| it.key.name.is_none() && Some(it.key.id) == actor.id);
        by_name.or_else(by_id).map(|found| found.key.id)
    }

    fn place_of_actor(&self, actor: &ActorRef) -> Option<RecordId> {
        let gone = || self.gone.iter().rev().filter(|it| it.0 == Collection::Actors);
        let by_name = || gone().find(|it| it.2.as_deref() == Some(actor.text.as_str()));
        let by_id = || gone().find(|it| Some(it.1) == actor.id);
        self.find_actor(actor).or_else(|| by_name().or_else(by_id).map(|it| it.1))
    }

    fn place_of(&self, collection: Collection, id: RecordId) -> Option<RecordId> {
        let is_there = match collection {
            Collection::Agents => self.agents.contains_key(&id),
            _ => self.threads.contains_key(&id),
        };
        let is_gone = || self.gone.iter().any(|it| (it.0, it.1) == (collection, id));
        (is_there || is_gone()).then_some(id)
    }

    fn agent(&self, id: RecordId) -> Option<Agent> {
        let (agent, actor) = self.agents.get(&id)?;
        let actor = actor.and_then(|actor| self.actors.get(&actor));
        Some(Agent { actor: actor.map(|actor| actor.key.clone()), ..agent.clone() })
    }

    fn thread(&self, id: RecordId) -> Option<Thread> {
        let (thread, participants) = self.threads.get(&id)?;
        let participants = participants.iter().filter_map(|(actor, role, joined_at)| {
            let actor = self.actors.get(actor)?.clone();
            Some(Participant { actor, role: *role, joined_at: *joined_at })
        });
        let agent = thread.agent.filter(|agent| self.agents.contains_key(agent));
        Some(Thread { agent, participants: participants.collect(), ..thread.clone() })
    }

    fn has_slug(&self, slug: &str) -> Option<RecordId> {
        self.agents.values().find(|(agent, _)| agent.slug == slug).map(|(agent, _)| agent.id)
    }

    /// Those who are named, each once; `None` when one is not there.
    fn participants(
        &self,
        named: &[(ActorRef, ParticipantRole)],
    ) -> Option<Vec<(RecordId, ParticipantRole)>> {
        let mut found: Vec<(RecordId, ParticipantRole)> = Vec::new();
        for (actor, role) in named {
            let id = self.find_actor(actor)?;
            if found.iter().all(|(other, _)| *other != id) {
                found.push((id, *role));
            }
        }
        Some(found)
    }
}

struct Run {
    bench: Bench,
    model: Model,
    durable: Model,
    /// Every id that was ever given, also those that a power cut took back.
    seen: Vec<RecordId>,
    rng: SmallRng,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            bench: Bench::new(),
            model: Model::default(),
            durable: Model::default(),
            seen: Vec::new(),
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.rng.random_range(0..all.len())].clone()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.random_bool(0.5).then(|| make(self))
    }

    fn some_metadata(&mut self) -> Option<Metadata> {
        self.maybe(|run| {
            let number = run.rng.random_range(0..100);
            Metadata::from_checked(format!("{{\"n\":{number}}}"))
        })
    }

    /// Any id that was ever given, or none of ours.
    fn some_id(&mut self) -> RecordId {
        let all = self.seen.clone();
        match all.is_empty() || self.rng.random_bool(0.05) {
            true => RecordId(uuid::Uuid::from_u128(self.rng.random())),
            false => self.one_of(&all),
        }
    }

    fn some_actor(&mut self) -> ActorRef {
        match self.rng.random_bool(0.6) {
            true => named(self.one_of(&NAMES)),
            false => {
                let id = self.some_id();
                // Nobody is told the id of somebody who has a name.
                let has_name = |it: &&(Collection, RecordId, Option<String>)| it.2.is_some();
                let gone = self.model.gone.iter().find(|it| it.1 == id).filter(has_name);
                gone.and_then(|it| it.2.as_deref()).map_or_else(|| with_id(id), named)
            }
        }
    }

    fn some_participants(&mut self) -> Vec<(ActorRef, ParticipantRole)> {
        let there: Vec<_> = self.model.actors.values().map(|it| address(&it.key)).collect();
        let count = self.rng.random_range(0..4);
        let mut some = || {
            let is_known = !there.is_empty() && self.rng.random_bool(0.9);
            let actor = if is_known { self.one_of(&there) } else { self.some_actor() };
            (actor, self.one_of(&ROLES))
        };
        (0..count).map(|_| some()).collect()
    }

    fn some_agent_id(&mut self) -> RecordId {
        let there: Vec<_> = self.model.agents.keys().copied().collect();
        let is_known = !there.is_empty() && self.rng.random_bool(0.8);
        if is_known { self.one_of(&there) } else { self.some_id() }
    }

    fn some_thread_id(&mut self) -> RecordId {
        let there: Vec<_> = self.model.threads.keys().copied().collect();
        let is_known = !there.is_empty() && self.rng.random_bool(0.8);
        if is_known { self.one_of(&there) } else { self.some_id() }
    }

    /// A change that the process dies before applying has not happened.
    fn dies(&mut self) -> bool {
        self.rng.random_bool(0.04)
    }

    fn create_actor(&mut self) {
        let chosen = self.maybe(Self::some_actor);
        let (kind, name) = (self.one_of(&KINDS), format!("n{}", self.rng.random_range(0..9)));
        let new = NewActor { chosen, kind, name, metadata: self.some_metadata() };
        if self.dies() {
            let mut pending = self.bench.tenant.begin(None);
            drop(self.bench.tenant.create_actor(&mut pending, new).unwrap());
            self.bench.reopen();
            return;
        }
        let is_taken = new.chosen.as_ref().is_some_and(|it| self.model.find_actor(it).is_some());
        let asked = new.clone();
        let made = carry_out(&mut self.bench, |it, pending| it.create_actor(pending, asked));
        match made {
            Err(refusal) => assert!(is_taken && refusal == Refusal::NameTaken, "{refusal:?}"),
            Ok(actor) => {
                assert!(!is_taken);
                let now = self.bench.clock.now();
                assert_eq!(actor.key.name, new.chosen.map(|chosen| chosen.text));
                assert_eq!((actor.kind, &actor.name), (new.kind, &new.name));
                assert_eq!((actor.created_at, actor.updated_at), (now, now));
                assert_eq!(actor.metadata, new.metadata);
                self.note(actor.key.id);
                self.model.actors.insert(actor.key.id, actor);
            }
        }
    }

    /// A new id is above all others that are known.
    fn note(&mut self, id: RecordId) {
        let gone = self.model.gone.iter().map(|it| it.1);
        let all = self.model.actors.keys().chain(self.model.agents.keys());
        let all = all.chain(self.model.threads.keys()).copied().chain(gone);
        assert!(all.max().is_none_or(|newest| newest < id));
        self.seen.push(id);
    }

    fn change_actor(&mut self) {
        let actor = self.some_actor();
        let name = self.maybe(|run| format!("m{}", run.rng.random_range(0..9)));
        let metadata = self.maybe(Self::some_metadata);
        let change = ActorChange { name: name.clone(), metadata: metadata.clone() };
        let changed =
            carry_out(&mut self.bench, |it, pending| it.change_actor(pending, &actor, change));
        let found = self.model.find_actor(&actor).and_then(|id| self.model.actors.get_mut(&id));
        let Some(known) = found else {
            assert_eq!(changed, Err(Refusal::NoSuch(Collection::Actors)));
            return;
        };
        known.name = name.unwrap_or_else(|| known.name.clone());
        known.metadata = metadata.unwrap_or_else(|| known.metadata.clone());
        known.updated_at = self.bench.clock.now();
        assert_eq!(changed.as_ref(), Ok(&*known));
    }

    fn delete_actor(&mut self, actor: &ActorRef) {
        let deleted = carry_out(&mut self.bench, |it, pending| it.delete_actor(pending, actor));
        let known = self.model.find_actor(actor).and_then(|id| self.model.actors.remove(&id));
        assert_eq!(deleted, known);
        if let Some(known) = known {
            self.model.gone.push((Collection::Actors, known.key.id, known.key.name));
        }
    }

    fn create_agent(&mut self) {
        let new = NewAgent {
            slug: self.maybe(|run| run.one_of(&SLUGS).to_owned()),
            name: self.one_of(&AGENT_NAMES).to_owned(),
            description: self.maybe(|run| run.one_of(&SEARCHES).to_owned()),
            metadata: self.some_metadata(),
            actor: self.maybe(Self::some_actor),
        };
        let asked = new.clone();
        let made = carry_out(&mut self.bench, |it, pending| it.create_agent(pending, asked));
        let actor = new.actor.as_ref().map(|actor| self.model.find_actor(actor));
        if actor == Some(None) {
            assert_eq!(made, Err(Refusal::NoReference(Collection::Actors)));
            return;
        }
        let derived = slug_of(&new.name);
        let mut free = std::iter::once(derived.clone())
            .chain((2..).map(|number| format!("{derived}-{number}")));
        let slug = match &new.slug {
            Some(slug) => self.model.has_slug(slug).is_none().then(|| slug.clone()),
            None => free.find(|slug| self.model.has_slug(slug).is_none()),
        };
        let Some(slug) = slug else {
            assert_eq!(made, Err(Refusal::NameTaken));
            return;
        };
        let made = made.unwrap();
        let now = self.bench.clock.now();
        let agent = Agent {
            id: made.id,
            slug,
            name: new.name,
            description: new.description,
            metadata: new.metadata,
            status: RecordStatus::Active,
            actor: None,
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        self.note(made.id);
        self.model.agents.insert(made.id, (agent, actor.flatten()));
        assert_eq!(Some(made.clone()), self.model.agent(made.id));
    }

    fn change_agent(&mut self) {
        let id = self.some_agent_id();
        let change = AgentChange {
            slug: self.maybe(|run| run.one_of(&SLUGS).to_owned()),
            name: self.maybe(|run| run.one_of(&AGENT_NAMES).to_owned()),
            description: self.maybe(|run| run.maybe(|run| run.one_of(&SEARCHES).to_owned())),
            metadata: self.maybe(Self::some_metadata),
            actor: self.maybe(|run| run.maybe(Self::some_actor)),
            status: self.maybe(|run| run.one_of(&STATUSES)),
        };
        let asked = change.clone();
        let changed = carry_out(&mut self.bench, |it, pending| it.change_agent(pending, id, asked));
        if !self.model.agents.contains_key(&id) {
            assert_eq!(changed, Err(Refusal::NoSuch(Collection::Agents)));
            return;
        }
        let actor = change.actor.map(|actor| actor.map(|actor| self.model.find_actor(&actor)));
        if actor == Some(Some(None)) {
            assert_eq!(changed, Err(Refusal::NoReference(Collection::Actors)));
            return;
        }
        let holder = change.slug.as_ref().and_then(|slug| self.model.has_slug(slug));
        if holder.is_some_and(|holder| holder != id) {
            assert_eq!(changed, Err(Refusal::NameTaken));
            return;
        }
        let now = self.bench.clock.now();
        let (known, known_actor) = self.model.agents.get_mut(&id).unwrap();
        known.slug = change.slug.unwrap_or_else(|| known.slug.clone());
        known.name = change.name.unwrap_or_else(|| known.name.clone());
        known.description = change.description.unwrap_or_else(|| known.description.clone());
        known.metadata = change.metadata.unwrap_or_else(|| known.metadata.clone());
        known.status = change.status.unwrap_or(known.status);
        known.archived_at = match known.status {
            RecordStatus::Active => None,
            RecordStatus::Archived => known.archived_at.or(Some(now)),
        };
        known.updated_at = now;
        if let Some(actor) = actor {
            *known_actor = actor.flatten();
        }
        assert_eq!(changed.ok(), self.model.agent(id));
    }

    fn delete_agent(&mut self) {
        let id = self.some_agent_id();
        let deleted = carry_out(&mut self.bench, |it, pending| it.delete_agent(pending, id));
        assert_eq!(deleted, self.model.agent(id));
        if self.model.agents.remove(&id).is_some() {
            self.model.gone.push((Collection::Agents, id, None));
        }
    }

    fn create_thread(&mut self) {
        let new = NewThread {
            agent: self.maybe(Self::some_agent_id),
            metadata: self.some_metadata(),
            participants: self.some_participants(),
            place: ThreadPlace { timezone: self.some_code(), ..ThreadPlace::default() },
        };
        let asked = new.clone();
        let made = carry_out(&mut self.bench, |it, pending| it.create_thread(pending, asked));
        if new.agent.is_some_and(|agent| !self.model.agents.contains_key(&agent)) {
            assert_eq!(made, Err(Refusal::NoReference(Collection::Agents)));
            return;
        }
        let Some(participants) = self.model.participants(&new.participants) else {
            assert_eq!(made, Err(Refusal::NoReference(Collection::Actors)));
            return;
        };
        let made = made.unwrap();
        let now = self.bench.clock.now();
        let participants = participants.into_iter().map(|(actor, role)| (actor, role, now));
        let thread = Thread {
            id: made.id,
            agent: new.agent,
            metadata: new.metadata,
            participants: Vec::new(),
            place: new.place,
            created_at: now,
            updated_at: now,
        };
        self.note(made.id);
        self.model.threads.insert(made.id, (thread, participants.collect()));
        assert_eq!(Some(made.clone()), self.model.thread(made.id));
    }

    fn some_code(&mut self) -> Option<String> {
        self.maybe(|run| format!("z{}", run.rng.random_range(0..3)))
    }

    fn change_thread(&mut self) {
        let id = self.some_thread_id();
        let change = ThreadChange {
            agent: self.maybe(|run| run.maybe(Self::some_agent_id)),
            metadata: self.maybe(Self::some_metadata),
            participants: self.maybe(Self::some_participants),
            timezone: self.maybe(Self::some_code),
            country: self.maybe(Self::some_code),
            language: self.maybe(Self::some_code),
        };
        let asked = change.clone();
        let changed =
            carry_out(&mut self.bench, |it, pending| it.change_thread(pending, id, asked));
        if !self.model.threads.contains_key(&id) {
            assert_eq!(changed, Err(Refusal::NoSuch(Collection::Threads)));
            return;
        }
        let agent = change.agent.flatten();
        if agent.is_some_and(|agent| !self.model.agents.contains_key(&agent)) {
            assert_eq!(changed, Err(Refusal::NoReference(Collection::Agents)));
            return;
        }
        let participants = change.participants.map(|named| self.model.participants(&named));
        if participants == Some(None) {
            assert_eq!(changed, Err(Refusal::NoReference(Collection::Actors)));
            return;
        }
        let now = self.bench.clock.now();
        let (known, known_participants) = self.model.threads.get_mut(&id).unwrap();
        known.agent = change.agent.unwrap_or(known.agent);
        known.metadata = change.metadata.unwrap_or_else(|| known.metadata.clone());
        let place = &mut known.place;
        place.timezone = change.timezone.unwrap_or_else(|| place.timezone.clone());
        place.country = change.country.unwrap_or_else(|| place.country.clone());
        place.language = change.language.unwrap_or_else(|| place.language.clone());
        known.updated_at = now;
        if let Some(participants) = participants.flatten() {
            let before: BTreeMap<_, _> = known_participants.iter().map(|it| (it.0, it.2)).collect();
            let joined = |actor| before.get(&actor).copied().unwrap_or(now);
            let participants = participants.into_iter();
            *known_participants =
                participants.map(|(actor, role)| (actor, role, joined(actor))).collect();
        }
        assert_eq!(changed.ok(), self.model.thread(id));
    }

    fn delete_thread(&mut self) {
        let id = self.some_thread_id();
        let deleted = carry_out(&mut self.bench, |it, pending| it.delete_thread(pending, id));
        assert_eq!(deleted, self.model.thread(id));
        if self.model.threads.remove(&id).is_some() {
            self.model.gone.push((Collection::Threads, id, None));
        }
    }

    fn check(&mut self) {
        for id in self.seen.clone() {
            let tenant = &self.bench.tenant;
            assert_eq!(tenant.find_agent(id).unwrap(), self.model.agent(id));
            assert_eq!(tenant.find_thread(id).unwrap(), self.model.thread(id));
            let actor =
                self.model.find_actor(&with_id(id)).map(|id| self.model.actors[&id].clone());
            assert_eq!(tenant.find_actor(&with_id(id)).unwrap(), actor);
        }
        for name in NAMES {
            let actor = self.model.find_actor(&named(name));
            let found = self.bench.tenant.find_actor(&named(name)).unwrap();
            assert_eq!(found.as_ref(), actor.map(|id| &self.model.actors[&id]));
        }
        for (kind, count) in [
            (Kind::Actor, self.model.actors.len()),
            (Kind::Agent, self.model.agents.len()),
            (Kind::Thread, self.model.threads.len()),
            (Kind::Tombstone, self.model.gone.len()),
        ] {
            assert_eq!(count_stored(&self.bench, kind), count, "{kind:?}");
        }
        self.list_actors();
        self.list_agents();
        self.list_threads();
    }

    fn step(&mut self) {
        match self.rng.random_range(0..26) {
            0..5 => self.create_actor(),
            5 | 6 => self.change_actor(),
            7 | 8 => {
                let actor = self.some_actor();
                self.delete_actor(&actor);
            }
            9..12 => self.create_agent(),
            12 | 13 => self.change_agent(),
            14 => self.delete_agent(),
            15..18 => self.create_thread(),
            18 | 19 => self.change_thread(),
            20 => self.delete_thread(),
            21 => self.walk(),
            22 => self.bench.reopen(),
            23 | 24 => {
                self.bench.store.flush().unwrap();
                self.durable = self.model.clone();
            }
            _ => {
                self.bench.store = self.bench.store.after_power_cut();
                self.model = self.durable.clone();
                self.bench.reopen();
            }
        }
    }
}

fn run_random_commands(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..90 {
        // Several things happen within one microsecond, too.
        run.bench.clock.advance(Duration::from_micros(run.rng.random_range(0..4_000)));
        run.step();
        run.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn people_agree_with_a_naive_model_across_reopening_and_power_cuts(seed: u64) {
        run_random_commands(seed);
    }
}
