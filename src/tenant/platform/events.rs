//! Events: what happened to sessions. Each follows from a session or a message, whose number is its
//! place; a message's second event comes directly behind its first. An event's id is that of the
//! session or message but for the lowest bit, which says which event it is: ids are random there.

use std::collections::BTreeSet;
use std::ops::Bound;

use uuid::Uuid;

use super::messages::KnownMessage;
use super::numbers::Merged;
use super::sessions::KnownSession;
use super::{Identified, Records, number_of};
use crate::engine::paging::{Page, Walk, page};
use crate::engine::platform::{
    Collection, Event, EventFilter, EventKind, Kept, RecordPage, Refusal,
};
use crate::tenant::Tenant;
use crate::types::{AtomNo, RecordId};

/// Where an event is among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EventPlace {
    /// Of the session or message that it is of.
    no: AtomNo,
    /// Whether it is the second of its number.
    is_second: bool,
}

/// Events that pass a filter.
struct Listed<'a, F> {
    sessions: &'a Records<KnownSession>,
    messages: &'a Records<KnownMessage>,
    numbers: Merged<'a>,
    passes: F,
}

impl<F: Fn(&Event) -> bool> Listed<'_, F> {
    fn events_at(&self, no: AtomNo) -> Vec<(EventPlace, Event)> {
        let is_session = self.sessions.get(no).is_some();
        let places = [false, true].map(|is_second| EventPlace { no, is_second });
        let places = places.into_iter().filter(|place| !(is_session && place.is_second));
        let found = places.filter_map(|place| {
            let event = event_at(self.sessions, self.messages, place)?;
            Some((place, event))
        });
        found.filter(|(_, event)| (self.passes)(event)).collect()
    }
}

impl<F: Fn(&Event) -> bool> Walk<EventPlace> for Listed<'_, F> {
    type Item = Event;

    fn upwards(&self, from: Bound<&EventPlace>) -> impl Iterator<Item = Event> {
        let range = (from.cloned(), Bound::Unbounded);
        let numbers = self.numbers.upwards(number_at(&range.0));
        let events = numbers.flat_map(|no| self.events_at(no));
        events.filter_map(move |(place, event)| contains(range, place).then_some(event))
    }

    fn downwards(&self, to: Bound<&EventPlace>) -> impl Iterator<Item = Event> {
        let range = (Bound::Unbounded, to.cloned());
        let numbers = self.numbers.downwards(number_at(&range.1));
        let events = numbers.flat_map(|no| self.events_at(no).into_iter().rev());
        events.filter_map(move |(place, event)| contains(range, place).then_some(event))
    }
}

/// The bound of numbers whose events may lie within a bound of events.
fn number_at(bound: &Bound<EventPlace>) -> Bound<AtomNo> {
    match bound {
        Bound::Included(place) | Bound::Excluded(place) => Bound::Included(place.no),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn contains(range: (Bound<EventPlace>, Bound<EventPlace>), place: EventPlace) -> bool {
    std::ops::RangeBounds::contains(&range, &place)
}

fn event_at(
    sessions: &Records<KnownSession>,
    messages: &Records<KnownMessage>,
    place: EventPlace,
) -> Option<Event> {
    if let Some(session) = sessions.get(place.no) {
        return Some(Event {
            id: event_id(session.id(), false),
            kind: EventKind::SessionCreated,
            session: session.id(),
            message: None,
            created_at: session.created_at,
        });
    }
    let message = messages.get(place.no)?;
    Some(Event {
        id: event_id(message.id(), place.is_second),
        kind: match place.is_second {
            false => EventKind::MessageCreated,
            true => EventKind::MessageProcessed,
        },
        session: sessions.get(message.session)?.id(),
        message: Some(message.id()),
        created_at: message.stored_at,
    })
}

fn event_id(of: RecordId, is_second: bool) -> RecordId {
    let bits = (of.0.as_u128() & !1) | u128::from(is_second);
    RecordId(Uuid::from_u128(bits))
}

/// Where an event of this id would be, and the id that belongs there if it is one.
fn place_said(id: RecordId) -> EventPlace {
    EventPlace { no: number_of(id), is_second: id.0.as_u128() & 1 == 1 }
}

impl Tenant {
    /// An event of this id; with `within`, of that session only.
    pub fn find_event(&self, id: RecordId, within: Option<RecordId>) -> Kept<Event> {
        let (sessions, messages) = (&self.platform.sessions.all, &self.platform.messages.all);
        if within.is_some_and(|within| !sessions.has(within)) {
            return Err(Refusal::NoSuch(Collection::Sessions));
        }
        let found = event_at(sessions, messages, place_said(id));
        let found = found
            .filter(|event| event.id == id && within.is_none_or(|within| event.session == within));
        found.ok_or(Refusal::NoSuch(Collection::Events))
    }

    /// A page of the events that pass a filter. Those of one session are found without looking at
    /// others.
    pub fn events(&self, filter: &EventFilter, request: RecordPage) -> Kept<Page<Event>> {
        let request = request.resolve(|id| self.place_of_event(id));
        let request = request.ok_or(Refusal::UnknownCursor)?;
        let (sessions, messages) = (&self.platform.sessions.all, &self.platform.messages.all);
        let chosen: Option<BTreeSet<AtomNo>> =
            filter.base.ids.as_ref().map(|ids| ids.iter().map(|id| number_of(*id)).collect());
        let of_sessions = filter.sessions.as_ref().map(|ids| sessions.numbers(ids));
        let within = match filter.within {
            Some(id) => {
                let (no, _) = sessions.find(id).ok_or(Refusal::NoSuch(Collection::Sessions))?;
                Some(BTreeSet::from([no]))
            }
            None => None,
        };
        let mut numbers = Merged::default();
        match (&within, &chosen, &of_sessions) {
            (Some(of), ..) | (None, None, Some(of)) => {
                numbers.push(of);
                for session in of.iter().filter_map(|no| sessions.get(*no)) {
                    numbers.push(&session.messages);
                }
            }
            (None, Some(chosen), _) => numbers.push(chosen),
            (None, None, None) => {
                numbers.push(sessions);
                numbers.push(messages);
            }
        }
        let passes = |event: &Event| {
            filter.base.ids.as_ref().is_none_or(|ids| ids.contains(&event.id))
                && filter.sessions.as_ref().is_none_or(|ids| ids.contains(&event.session))
                && filter.base.created.contains(event.created_at)
                && filter.base.updated.contains(event.created_at)
        };
        Ok(page(&Listed { sessions, messages, numbers, passes }, &request))
    }

    /// Where an event is, or was before what it is of was deleted.
    fn place_of_event(&self, id: RecordId) -> Option<EventPlace> {
        let place = place_said(id);
        let (sessions, messages) = (&self.platform.sessions.all, &self.platform.messages.all);
        if let Some(event) = event_at(sessions, messages, place) {
            return (event.id == id).then_some(place);
        }
        let has_place = match self.platform.tombstones.buried_at(place.no)? {
            (Collection::Sessions, of) => event_id(of, false) == id,
            (Collection::Messages, of) => event_id(of, place.is_second) == id,
            _ => false,
        };
        has_place.then_some(place)
    }
}
