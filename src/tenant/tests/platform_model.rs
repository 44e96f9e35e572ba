//! Sessions, their messages and events against a naive model: random commands, deletions by every
//! way, pages in both directions and orders from places that are there, were there or never were,
//! with the tenant opened again or struck by a power cut in the middle. What was deleted is in no
//! stored record.

mod expected;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use self::expected::{Model, event_id, naive_page, passes};
use super::embed;
use super::jobs::{Bench, NO};
use crate::engine::atom::{Metadata, NewAtom};
use crate::engine::paging::{Cursor, ListOrder, PageRequest};
use crate::engine::platform::{
    Collection, EventFilter, FoundMessage, Message, MessageFilter, MessageKind, MessageQuery,
    NewMessage, NewSession, NewThread, RecordFilter, RecordPage, RecordStatus, Refusal,
    SESSIONS_DOMAIN, Session, SessionChange, SessionFilter, TimeRange, Within,
};
use crate::engine::prepared::PreparedAtom;
use crate::storage::Store;
use crate::storage::keys::{self, Kind};
use crate::tenant::{Tenant, message_search};
use crate::types::{AtomId, Clock, QueryEmbedding, RecordId, Timestamp};

const KINDS: [MessageKind; 4] =
    [MessageKind::User, MessageKind::Assistant, MessageKind::Tool, MessageKind::System];

struct Run {
    bench: Bench,
    model: Model,
    durable: Model,
    /// Everything that ever had an id, there or not.
    ids: Vec<RecordId>,
    said: u32,
    rng: SmallRng,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            bench: Bench::new(),
            model: Model::default(),
            durable: Model::default(),
            ids: vec![RecordId(Uuid::from_u128(7))],
            said: 0,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    fn next_word(&mut self) -> String {
        self.said += 1;
        format!("word{}end", self.said)
    }

    fn some_session(&mut self) -> RecordId {
        let sessions: Vec<RecordId> = self.model.sessions.keys().copied().collect();
        match sessions.is_empty() || self.rng.random_bool(0.1) {
            true => self.some_id(),
            false => sessions[self.rng.random_range(0..sessions.len())],
        }
    }

    fn some_thread(&mut self) -> RecordId {
        let threads: Vec<RecordId> = self.model.threads.iter().copied().collect();
        match threads.is_empty() || self.rng.random_bool(0.1) {
            true => self.some_id(),
            false => threads[self.rng.random_range(0..threads.len())],
        }
    }

    /// Of anything, there or not.
    fn some_id(&mut self) -> RecordId {
        let id = self.ids[self.rng.random_range(0..self.ids.len())];
        match self.rng.random_range(0..4) {
            0 => event_id(id, false),
            1 => event_id(id, true),
            _ => id,
        }
    }

    /// Whether the process dies before a batch is applied. The tenant is opened again then.
    fn dies(&mut self) -> bool {
        let dies = self.rng.random_bool(0.05);
        if dies {
            self.bench.reopen();
        }
        dies
    }

    fn create(&mut self) {
        let name = self.rng.random_bool(0.7).then(|| self.next_word());
        let thread = self.rng.random_bool(0.5).then(|| self.some_thread());
        let new = NewSession { name: name.clone(), thread, ..NewSession::default() };
        let mut pending = self.bench.tenant.begin(None);
        let created = self.bench.tenant.create_session(&mut pending, new).unwrap();
        if thread.is_some_and(|thread| !self.model.threads.contains(&thread)) {
            assert_eq!(created, Err(Refusal::NoReference(Collection::Threads)));
            return self.bench.tenant.commit(pending).unwrap();
        }
        let session = created.unwrap();
        assert_eq!(session.thread, thread);
        assert_eq!((session.status, &session.name), (RecordStatus::Active, &name));
        assert_eq!(session.created_at, session.updated_at);
        let newest = self.model.sessions.keys().chain(self.model.messages.keys()).max();
        assert!(newest.is_none_or(|newest| *newest < session.id), "ids sort as they were made");
        self.ids.push(session.id);
        if self.dies() {
            self.model.gone.extend(name);
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        self.model.sessions.insert(session.id, session);
    }

    /// Makes a thread, or deletes one. Its sessions stay.
    fn open_or_close_thread(&mut self) {
        let mut pending = self.bench.tenant.begin(None);
        if self.model.threads.len() < 3 || self.rng.random_bool(0.5) {
            let new = NewThread::default();
            let thread = self.bench.tenant.create_thread(&mut pending, new).unwrap().unwrap();
            self.bench.tenant.commit(pending).unwrap();
            self.ids.push(thread.id);
            self.model.threads.insert(thread.id);
            return;
        }
        let id = self.some_thread();
        let deleted = self.bench.tenant.delete_thread(&mut pending, id).unwrap();
        self.bench.tenant.commit(pending).unwrap();
        assert_eq!(deleted.is_some(), self.model.threads.remove(&id));
        if deleted.is_some() {
            self.model.graves.insert((Collection::Threads, id));
        }
    }

    fn change(&mut self) {
        let id = self.some_session();
        let name = self.rng.random_bool(0.5).then(|| self.rng.random_bool(0.8));
        let name = name.map(|is_some| is_some.then(|| self.next_word()));
        let status = self.rng.random_bool(0.5).then_some(RecordStatus::Archived);
        let metadata = Some(Some(Metadata::from_checked(format!("{{\"at\":{}}}", self.said))));
        let change = SessionChange { name: name.clone(), status, metadata, ..<_>::default() };
        let mut pending = self.bench.tenant.begin(None);
        let changed = self.bench.tenant.change_session(&mut pending, id, change.clone()).unwrap();
        let Some(known) = self.model.sessions.get(&id) else {
            assert_eq!(changed, Err(Refusal::NoSuch(Collection::Sessions)));
            return self.bench.tenant.commit(pending).unwrap();
        };
        let mut expected = known.clone();
        if self.dies() {
            self.model.gone.extend(name.flatten());
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        if let Some(name) = name {
            self.model.gone.extend(expected.name.take());
            expected.name = name;
        }
        expected.status = status.unwrap_or(expected.status);
        expected.metadata = change.metadata.flatten();
        expected.updated_at = self.bench.clock.now().max(expected.updated_at);
        self.model.sessions.insert(id, expected);
        assert_eq!(changed, Ok(self.model.session(id)));
    }

    fn say(&mut self) {
        let session = self.some_session();
        let text = format!("{} of topic{}", self.next_word(), self.said % 3);
        let is_past = self.rng.random_bool(0.3);
        let created_at = is_past.then(|| Timestamp::from_micros(self.rng.random_range(0..900_000)));
        let metadata = self.rng.random_bool(0.3).then(|| self.next_word());
        let metadata =
            metadata.map(|word| Metadata::from_checked(format!("{{\"of\":\"{word}\"}}")));
        let new = NewMessage {
            session,
            kind: KINDS[self.rng.random_range(0..KINDS.len())],
            text: text.clone(),
            attachments: Vec::new(),
            sender: None,
            metadata: metadata.clone(),
            created_at,
            atom_metadata: atom_metadata(session),
        };
        let mut pending = self.bench.tenant.begin(None);
        let added = self.bench.tenant.add_message(&mut pending, new.clone(), atom_of(&new));
        let added = added.unwrap();
        if !self.model.sessions.contains_key(&session) {
            assert_eq!(added, Err(Refusal::NoSuch(Collection::Sessions)));
            self.model.gone.insert(text);
            return self.bench.tenant.commit(pending).unwrap();
        }
        let added = added.unwrap();
        self.ids.push(added.id);
        if self.dies() {
            self.model.gone.insert(text);
            self.model.gone.extend(metadata.map(Metadata::into_json));
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        let stored_at =
            self.bench.tenant.find_atom(AtomId(added.id.0)).unwrap().unwrap().created_at;
        let expected = Message {
            id: added.id,
            session,
            thread: self.model.session(session).thread,
            kind: new.kind,
            text,
            attachments: Vec::new(),
            sender: None,
            metadata,
            created_at: created_at.unwrap_or(stored_at),
        };
        assert_eq!(added, expected);
        self.model.messages.insert(added.id, (expected, stored_at));
    }

    fn delete_session(&mut self) {
        let id = self.some_session();
        let planned = self.bench.tenant.plan_session_deletion(id).unwrap();
        assert_eq!(planned.is_some(), self.model.sessions.contains_key(&id));
        let Some(mut deletion) = planned else { return };
        let mut pending = self.bench.tenant.begin(None);
        let tenant = &mut self.bench.tenant;
        let has_more = tenant.delete_session_slice(&mut pending, &mut deletion).unwrap();
        assert!(!has_more, "few messages go in one slice");
        if self.dies() {
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        let session = self.bench.tenant.finish_session_deletion(deletion).unwrap();
        assert_eq!(session, self.model.session(id));
        self.model.bury_session(id);
    }

    /// As any other interface deletes atoms: one, all of the domain, or everything.
    fn delete_atoms(&mut self) {
        match self.rng.random_range(0..12) {
            0 => {
                self.bench.reset();
                let ids: Vec<RecordId> = self.model.sessions.keys().copied().collect();
                ids.into_iter().for_each(|id| self.model.bury_session(id));
                self.model.graves.clear();
                self.model.threads.clear();
            }
            1 => {
                let planned = self.bench.tenant.plan_domain_erasure(SESSIONS_DOMAIN).unwrap();
                assert_eq!(planned.is_some(), !self.model.messages.is_empty());
                let Some(mut erasure) = planned else { return };
                while self.bench.tenant.erase_slice(&mut erasure).unwrap() {}
                self.bench.tenant.finish_erasure(erasure).unwrap();
                let ids: Vec<RecordId> = self.model.messages.keys().copied().collect();
                ids.into_iter().for_each(|id| self.model.bury_message(id));
            }
            _ => {
                let id = self.some_id();
                let deleted = self.bench.tenant.delete_atom(AtomId(id.0)).unwrap();
                assert_eq!(deleted.was_there, self.model.messages.contains_key(&id));
                if deleted.was_there {
                    self.model.bury_message(id);
                }
            }
        }
    }

    fn some_page(&mut self) -> RecordPage {
        let id = self.some_id();
        let cursor = match self.rng.random_range(0..5) {
            0 => Cursor::Start,
            1 | 2 => Cursor::After(id),
            _ => Cursor::Before(id),
        };
        let order = match self.rng.random_bool(0.5) {
            true => ListOrder::Ascending,
            false => ListOrder::Descending,
        };
        PageRequest { cursor, order, limit: self.rng.random_range(1..8) }
    }

    fn some_ids(&mut self) -> Option<Vec<RecordId>> {
        let some = self.rng.random_bool(0.3);
        some.then(|| (0..self.rng.random_range(0..4)).map(|_| self.some_id()).collect())
    }

    fn some_sessions(&mut self) -> Option<Vec<RecordId>> {
        let some = self.rng.random_bool(0.4);
        some.then(|| (0..self.rng.random_range(0..4)).map(|_| self.some_session()).collect())
    }

    fn some_range(&mut self) -> TimeRange {
        let mut bound = || {
            let some = self.rng.random_bool(0.2);
            some.then(|| Timestamp::from_micros(self.rng.random_range(0..8_000_000)))
        };
        TimeRange { after: bound(), before: bound() }
    }

    fn some_filter(&mut self) -> RecordFilter {
        RecordFilter {
            ids: self.some_ids(),
            created: self.some_range(),
            updated: self.some_range(),
        }
    }

    fn check_sessions(&mut self) {
        let (page, base) = (self.some_page(), self.some_filter());
        let statuses = self.rng.random_bool(0.3).then(|| vec![RecordStatus::Archived]);
        let threads = self.rng.random_bool(0.3).then(|| vec![self.some_thread()]);
        let filter = SessionFilter { base, statuses, threads, ..SessionFilter::default() };
        let found = self.bench.tenant.sessions(&filter, page.clone()).unwrap();
        let list: Vec<(RecordId, Session)> = self
            .model
            .sessions
            .keys()
            .map(|id| (*id, self.model.session(*id)))
            .filter(|(id, it)| {
                passes(&filter.base, *id, it.created_at, it.updated_at)
                    && filter.statuses.as_ref().is_none_or(|all| all.contains(&it.status))
                    && (filter.threads.as_ref())
                        .is_none_or(|all| it.thread.is_some_and(|thread| all.contains(&thread)))
            })
            .collect();
        let is_known = |id: RecordId| {
            let is_known = self.model.sessions.contains_key(&id)
                || self.model.graves.contains(&(Collection::Sessions, id));
            is_known.then_some(id)
        };
        let Some(PageRequest { cursor, order, limit }) = page.resolve(is_known) else {
            return assert_eq!(found, Err(Refusal::UnknownCursor));
        };
        assert_eq!(found, Ok(naive_page(&list, &cursor, order, limit)));
    }

    fn check_messages(&mut self) {
        let (page, base, sessions) = (self.some_page(), self.some_filter(), self.some_sessions());
        let within = match self.rng.random_range(0..5) {
            0 | 1 => Some(Within::Session(self.some_session())),
            2 => Some(Within::Thread(self.some_thread())),
            _ => None,
        };
        let filter = MessageFilter { base, within, sessions };
        let found = self.bench.tenant.messages(&filter, page.clone()).unwrap();
        let list: Vec<(RecordId, Message)> = self
            .model
            .messages
            .keys()
            .map(|id| (*id, self.model.message(*id)))
            .filter(|(id, it)| {
                let is_within = |within| match within {
                    Within::Session(id) => id == it.session,
                    Within::Thread(id) => Some(id) == it.thread,
                };
                passes(&filter.base, *id, it.created_at, it.created_at)
                    && filter.within.is_none_or(is_within)
                    && filter.sessions.as_ref().is_none_or(|all| all.contains(&it.session))
            })
            .collect();
        let is_known = |id: RecordId| {
            let is_known = self.model.messages.contains_key(&id)
                || self.model.graves.contains(&(Collection::Messages, id));
            is_known.then_some(id)
        };
        let Some(PageRequest { cursor, order, limit }) = page.resolve(is_known) else {
            return assert_eq!(found, Err(Refusal::UnknownCursor));
        };
        match filter.within {
            Some(Within::Session(id)) if !self.model.sessions.contains_key(&id) => {
                assert_eq!(found, Err(Refusal::NoSuch(Collection::Sessions)));
            }
            Some(Within::Thread(id)) if !self.model.threads.contains(&id) => {
                assert_eq!(found, Err(Refusal::NoSuch(Collection::Threads)));
            }
            _ => assert_eq!(found, Ok(naive_page(&list, &cursor, order, limit))),
        }
    }

    fn check_events(&mut self) {
        let (page, base, sessions) = (self.some_page(), self.some_filter(), self.some_sessions());
        let within = self.rng.random_bool(0.4).then(|| self.some_session());
        let filter = EventFilter { base, within, sessions };
        let found = self.bench.tenant.events(&filter, page.clone());
        let mut list = self.model.events();
        list.retain(|(_, it)| {
            passes(&filter.base, it.id, it.created_at, it.created_at)
                && filter.within.is_none_or(|within| within == it.session)
                && filter.sessions.as_ref().is_none_or(|all| all.contains(&it.session))
        });
        let resolved = page.resolve(|id| self.model.place_of_event(id));
        let Some(PageRequest { cursor, order, limit }) = resolved else {
            return assert_eq!(found, Err(Refusal::UnknownCursor));
        };
        match filter.within {
            Some(id) if !self.model.sessions.contains_key(&id) => {
                assert_eq!(found, Err(Refusal::NoSuch(Collection::Sessions)));
            }
            _ => assert_eq!(found, Ok(naive_page(&list, &cursor, order, limit))),
        }
    }

    fn check_each(&mut self) {
        for id in self.model.sessions.keys() {
            let found = self.bench.tenant.find_session(*id).unwrap();
            assert_eq!(found, Some(self.model.session(*id)));
        }
        for (id, (message, _)) in &self.model.messages {
            let within = Some(message.session);
            let found = self.bench.tenant.find_session_message(*id, within).unwrap();
            assert_eq!(found, Ok(self.model.message(*id)));
        }
        for (_, event) in self.model.events() {
            let found = self.bench.tenant.find_event(event.id, Some(event.session));
            assert_eq!(found, Ok(event));
        }
        let (id, within) = (self.some_id(), self.some_session());
        let events: BTreeSet<RecordId> = self.model.events().iter().map(|it| it.1.id).collect();
        assert_eq!(self.bench.tenant.find_event(id, None).is_ok(), events.contains(&id));
        let message = self.bench.tenant.find_session_message(id, Some(within)).unwrap();
        let known = self.model.messages.get(&id).filter(|it| it.0.session == within);
        match known {
            Some(_) => assert_eq!(message, Ok(self.model.message(id))),
            None if !self.model.sessions.contains_key(&within) => {
                assert_eq!(message, Err(Refusal::NoSuch(Collection::Sessions)));
            }
            None => assert_eq!(message, Err(Refusal::NoSuch(Collection::Messages))),
        }
        assert_eq!(
            self.bench.tenant.find_session(id).unwrap().is_some(),
            self.model.sessions.contains_key(&id)
        );
    }

    /// A message is found by its own words, in its session and in no other.
    fn check_search(&mut self) {
        let messages = self.model.messages.keys().map(|id| self.model.message(*id));
        let messages: Vec<Message> = messages.collect();
        if messages.is_empty() {
            return;
        }
        let wanted = &messages[self.rng.random_range(0..messages.len())];
        let of = self.rng.random_bool(0.7).then(|| self.some_session());
        let found = search(&mut self.bench.tenant, &wanted.text, of);
        assert!(found.is_sorted_by(|one, other| one.relevance >= other.relevance));
        for found in &found {
            assert_eq!(Some(&found.message), messages.iter().find(|it| it.id == found.message.id));
            assert!(of.is_none_or(|of| of == found.message.session));
        }
        if of.is_none_or(|of| of == wanted.session) {
            assert_eq!(found.first().map(|it| it.message.id), Some(wanted.id));
        }
    }

    fn check_storage(&self) {
        for (kind, count) in [
            (Kind::Session, self.model.sessions.len()),
            (Kind::Message, self.model.messages.len()),
            (Kind::Atom, self.model.messages.len()),
            (Kind::Entry, self.model.messages.len()),
            (Kind::Thread, self.model.threads.len()),
            (Kind::Tombstone, self.model.graves.len()),
        ] {
            let prefix = keys::kind_prefix(NO, kind);
            let stored = self.bench.store.scan(&prefix, None, usize::MAX).unwrap().len();
            assert_eq!(stored, count, "{kind:?}");
        }
        assert_unsaid(&self.bench, &self.model.gone);
    }

    fn check(&mut self) {
        self.check_each();
        for _ in 0..3 {
            self.check_sessions();
            self.check_messages();
            self.check_events();
        }
        self.check_search();
        self.check_storage();
    }
}

/// No record that is stored holds any of the texts.
pub(super) fn assert_unsaid(bench: &Bench, gone: &BTreeSet<String>) {
    let stored = bench.store.scan(&keys::tenant_prefix(NO), None, usize::MAX).unwrap();
    for text in gone {
        let is_said = |bytes: &[u8]| bytes.windows(text.len()).any(|it| it == text.as_bytes());
        let said = stored.iter().find(|(_, value)| is_said(value));
        assert!(said.is_none(), "{text} is still in {said:?}");
    }
}

pub(super) fn atom_metadata(session: RecordId) -> Metadata {
    Metadata::from_checked(format!("{{\"session_id\":\"{session}\"}}"))
}

pub(super) fn atom_of(new: &NewMessage) -> PreparedAtom {
    let atom = NewAtom {
        metadata: new.atom_metadata.clone(),
        session: Some(new.session.to_string()),
        occurred_at: new.created_at,
        is_certain: true,
        ..NewAtom::of(&new.text, SESSIONS_DOMAIN)
    };
    PreparedAtom::new(atom, embed(&new.text))
}

pub(super) fn message(session: RecordId, text: &str) -> NewMessage {
    NewMessage {
        session,
        kind: MessageKind::User,
        text: text.to_owned(),
        attachments: Vec::new(),
        sender: None,
        metadata: None,
        created_at: None,
        atom_metadata: atom_metadata(session),
    }
}

pub(super) fn search(
    tenant: &mut Tenant,
    text: &str,
    session: Option<RecordId>,
) -> Vec<FoundMessage> {
    let query = MessageQuery {
        text: text.to_owned(),
        top_k: 100,
        min_relevance: 0.0,
        session_id: session.map(|session| session.to_string()),
    };
    let embedding = QueryEmbedding { whole: embed(text), words: Vec::new() };
    let found = tenant.retrieve(&message_search(&query), &embedding).unwrap();
    tenant.messages_among(found).unwrap()
}

fn run_random_commands(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..70 {
        run.bench.clock.advance(Duration::from_micros(run.rng.random_range(0..200_000)));
        match run.rng.random_range(0..21) {
            0..3 => run.create(),
            3..10 => run.say(),
            10 | 11 => run.change(),
            12 => run.delete_session(),
            13 | 14 => run.delete_atoms(),
            15 | 16 => run.bench.reopen(),
            17 | 18 => {
                run.bench.store.flush().unwrap();
                run.durable = run.model.clone();
            }
            19 => run.open_or_close_thread(),
            _ => {
                run.bench.store = run.bench.store.after_power_cut();
                run.model = run.durable.clone();
                run.bench.reopen();
            }
        }
        run.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn sessions_agree_with_a_naive_model_across_reopening_and_power_cuts(seed: u64) {
        run_random_commands(seed);
    }
}
