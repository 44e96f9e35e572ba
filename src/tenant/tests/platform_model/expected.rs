//! What sessions, messages and events should be, and what a page of them is.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::engine::atom::Metadata;
use crate::engine::paging::{Cursor, ListOrder, Page};
use crate::engine::platform::{
    Collection, Event, EventKind, Message, MessageKind, RecordFilter, Session,
};
use crate::types::{RecordId, Timestamp};

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// As they were last changed, without their messages. The thread may be gone.
    pub(super) sessions: BTreeMap<RecordId, Session>,
    pub(super) threads: BTreeSet<RecordId>,
    /// With when they were stored.
    pub(super) messages: BTreeMap<RecordId, (Message, Timestamp)>,
    pub(super) graves: BTreeSet<(Collection, RecordId)>,
    /// Texts, names and metadata of what is deleted, and of what never came to be.
    pub(super) gone: BTreeSet<String>,
}

/// Where an event is: of which session or message, and whether it is the second.
pub(super) type EventPlace = (RecordId, bool);

impl Model {
    pub(super) fn session(&self, id: RecordId) -> Session {
        let messages: Vec<_> = self.messages.values().filter(|it| it.0.session == id).collect();
        let assistant =
            messages.iter().filter(|it| it.0.kind == MessageKind::Assistant).count() as u64;
        let session = self.sessions[&id].clone();
        let updated_at = messages.last().map_or(session.updated_at, |it| it.1);
        Session {
            client_messages: messages.len() as u64 - assistant,
            assistant_messages: assistant,
            updated_at: updated_at.max(session.updated_at),
            thread: session.thread.filter(|thread| self.threads.contains(thread)),
            ..session
        }
    }

    pub(super) fn message(&self, id: RecordId) -> Message {
        let message = self.messages[&id].0.clone();
        Message { thread: self.session(message.session).thread, ..message }
    }

    pub(super) fn events(&self) -> Vec<(EventPlace, Event)> {
        let mut events: Vec<(EventPlace, Event)> = Vec::new();
        for session in self.sessions.values() {
            let event = Event {
                id: event_id(session.id, false),
                kind: EventKind::SessionCreated,
                session: session.id,
                message: None,
                created_at: session.created_at,
            };
            events.push(((session.id, false), event));
        }
        for (message, stored_at) in self.messages.values() {
            let kinds = [(EventKind::MessageCreated, false), (EventKind::MessageProcessed, true)];
            for (kind, is_second) in kinds {
                let event = Event {
                    id: event_id(message.id, is_second),
                    kind,
                    session: message.session,
                    message: Some(message.id),
                    created_at: *stored_at,
                };
                events.push(((message.id, is_second), event));
            }
        }
        events.sort_by_key(|(place, _)| *place);
        events
    }

    /// Where an event is, or was.
    pub(super) fn place_of_event(&self, id: RecordId) -> Option<EventPlace> {
        let sessions = self.sessions.keys().map(|of| (*of, false));
        let messages = self.messages.keys().flat_map(|of| [(*of, false), (*of, true)]);
        let graves = self.graves.iter().flat_map(|(collection, of)| match collection {
            Collection::Messages => vec![(*of, false), (*of, true)],
            Collection::Sessions => vec![(*of, false)],
            _ => Vec::new(),
        });
        let mut all = sessions.chain(messages).chain(graves);
        all.find(|(of, is_second)| event_id(*of, *is_second) == id)
    }

    pub(super) fn bury_message(&mut self, id: RecordId) {
        let (message, _) = self.messages.remove(&id).unwrap();
        self.graves.insert((Collection::Messages, id));
        self.gone.insert(message.text);
        self.gone.extend(message.metadata.map(Metadata::into_json));
    }

    pub(super) fn bury_session(&mut self, id: RecordId) {
        let messages = self.messages.values().filter(|it| it.0.session == id);
        let messages: Vec<RecordId> = messages.map(|it| it.0.id).collect();
        for message in messages {
            self.bury_message(message);
        }
        let session = self.sessions.remove(&id).unwrap();
        self.graves.insert((Collection::Sessions, id));
        self.gone.extend(session.name);
    }
}

pub(super) fn event_id(of: RecordId, is_second: bool) -> RecordId {
    let bits = of.0.as_u128();
    RecordId(Uuid::from_u128(if is_second { bits | 1 } else { bits & !1 }))
}

/// What the definition says: the list as it is shown, and the place's position in it.
pub(super) fn naive_page<P: Ord + Copy, T: Clone>(
    list: &[(P, T)],
    cursor: &Cursor<P>,
    order: ListOrder,
    limit: usize,
) -> Page<T> {
    let mut shown: Vec<&(P, T)> = list.iter().collect();
    if order == ListOrder::Descending {
        shown.reverse();
    }
    let lies_before = |one: P, other: P| match order {
        ListOrder::Ascending => one < other,
        ListOrder::Descending => one > other,
    };
    let (from, to) = match cursor {
        Cursor::Start => (0, limit),
        Cursor::After(place) => {
            let from = shown.iter().filter(|it| it.0 == *place || lies_before(it.0, *place));
            let from = from.count();
            (from, from + limit)
        }
        Cursor::Before(place) => {
            let to = shown.iter().filter(|it| lies_before(it.0, *place)).count();
            (to.saturating_sub(limit), to)
        }
    };
    let (from, to) = (from.min(shown.len()), to.min(shown.len()));
    Page {
        items: shown[from..to].iter().map(|it| it.1.clone()).collect(),
        has_more_before: from > 0,
        has_more_after: to < shown.len(),
    }
}

pub(super) fn passes(
    filter: &RecordFilter,
    id: RecordId,
    created_at: Timestamp,
    updated_at: Timestamp,
) -> bool {
    filter.ids.as_ref().is_none_or(|ids| ids.contains(&id))
        && filter.created.contains(created_at)
        && filter.updated.contains(updated_at)
}
