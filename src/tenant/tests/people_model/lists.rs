//! Pages of the lists of people, against the positions that the model knows.

use std::collections::BTreeSet;

use rand::RngExt;

use super::{KINDS, Run, SEARCHES, STATUSES};
use crate::engine::paging::{Cursor, ListOrder, Page, PageRequest};
use crate::engine::platform::agents::fold_case;
use crate::engine::platform::{
    ActorFilter, ActorKind, AgentFilter, Collection, NewActor, RecordFilter, Refusal, ThreadFilter,
    TimeRange,
};
use crate::tenant::tests::people::{address, carry_out};
use crate::types::{Clock, RecordId, Timestamp};

impl Run {
    fn some_range(&mut self) -> TimeRange {
        if self.rng.random_bool(0.6) {
            return TimeRange::default();
        }
        let times = self.model.actors.values().map(|actor| actor.updated_at);
        let times: Vec<_> = times.chain([self.bench.clock.now()]).collect();
        let mut bound = || self.maybe(|run| run.one_of(&times));
        TimeRange { after: bound(), before: bound() }
    }

    fn some_request<C>(&mut self, place: impl FnOnce(&mut Self) -> C) -> PageRequest<C> {
        let cursor = match self.rng.random_range(0..3) {
            0 => Cursor::Start,
            1 => Cursor::After(place(self)),
            _ => Cursor::Before(place(self)),
        };
        let order = self.one_of(&[ListOrder::Ascending, ListOrder::Descending]);
        PageRequest { cursor, order, limit: self.rng.random_range(1..6) }
    }

    fn some_base(&mut self) -> RecordFilter {
        let is_few = self.rng.random_bool(0.3);
        RecordFilter {
            ids: is_few.then(|| (0..4).map(|_| self.some_id()).collect()),
            created: self.some_range(),
            updated: self.some_range(),
        }
    }

    pub(super) fn list_actors(&mut self) {
        let is_few = self.rng.random_bool(0.3);
        let filter = ActorFilter {
            actors: is_few.then(|| (0..4).map(|_| self.some_actor()).collect()),
            kinds: self.maybe(|run| vec![run.one_of(&KINDS), run.one_of(&KINDS)]),
            created: self.some_range(),
            updated: self.some_range(),
        };
        let request = self.some_request(Self::some_actor);
        let meant: Option<BTreeSet<_>> = filter
            .actors
            .as_ref()
            .map(|actors| actors.iter().filter_map(|actor| self.model.find_actor(actor)).collect());
        let shown = self.model.actors.values().filter(|actor| {
            meant.as_ref().is_none_or(|meant| meant.contains(&actor.key.id))
                && filter.kinds.as_ref().is_none_or(|kinds| kinds.contains(&actor.kind))
                && filter.created.contains(actor.created_at)
                && filter.updated.contains(actor.updated_at)
        });
        let shown = shown.map(|actor| (actor.key.id, actor.clone())).collect();
        let expected =
            request.clone().resolve(|it| self.model.place_of_actor(&it)).map(|it| cut(shown, &it));
        let found = self.bench.tenant.list_actors(&filter, request).unwrap();
        assert_eq!(found, expected.ok_or(Refusal::UnknownCursor));
    }

    pub(super) fn list_agents(&mut self) {
        let filter = AgentFilter {
            base: self.some_base(),
            statuses: self.maybe(|run| vec![run.one_of(&STATUSES)]),
            search: self.maybe(|run| run.one_of(&SEARCHES).to_owned()),
        };
        let request = self.some_request(Self::some_agent_id);
        let all = self.model.agents.keys().filter_map(|id| self.model.agent(*id));
        let shown = all.filter(|agent| {
            let texts = [&agent.slug, &agent.name].into_iter().chain(&agent.description);
            let mut texts = texts.map(|text| fold_case(text));
            passes(&filter.base, agent.id, agent.created_at, agent.updated_at)
                && filter.statuses.as_ref().is_none_or(|all| all.contains(&agent.status))
                && filter
                    .search
                    .as_deref()
                    .is_none_or(|search| texts.any(|text| text.contains(&fold_case(search))))
        });
        let shown = shown.map(|agent| (agent.id, agent)).collect();
        let place = |id| self.model.place_of(Collection::Agents, id);
        let expected = request.clone().resolve(place).map(|request| cut(shown, &request));
        let found = self.bench.tenant.list_agents(&filter, request).unwrap();
        assert_eq!(found, expected.ok_or(Refusal::UnknownCursor));
    }

    pub(super) fn list_threads(&mut self) {
        let filter = ThreadFilter {
            base: self.some_base(),
            agents: self.maybe(|run| vec![run.some_agent_id(), run.some_agent_id()]),
        };
        let request = self.some_request(Self::some_thread_id);
        let all = self.model.threads.keys().filter_map(|id| self.model.thread(*id));
        let shown = all.filter(|thread| {
            let is_of = |agents: &Vec<_>| thread.agent.is_some_and(|it| agents.contains(&it));
            passes(&filter.base, thread.id, thread.created_at, thread.updated_at)
                && filter.agents.as_ref().is_none_or(is_of)
        });
        let shown = shown.map(|thread| (thread.id, thread)).collect();
        let place = |id| self.model.place_of(Collection::Threads, id);
        let expected = request.clone().resolve(place).map(|request| cut(shown, &request));
        let found = self.bench.tenant.list_threads(&filter, request).unwrap();
        assert_eq!(found, expected.ok_or(Refusal::UnknownCursor));
    }

    /// Walks over all actors, while some that were met are deleted and, where they come at the end,
    /// some are made.
    pub(super) fn walk(&mut self) {
        let order = self.one_of(&[ListOrder::Ascending, ListOrder::Descending]);
        let limit = self.rng.random_range(1..4);
        let before: Vec<RecordId> = self.model.actors.keys().copied().collect();
        let mut met = Vec::new();
        let mut cursor = Cursor::Start;
        loop {
            let request = PageRequest { cursor, order, limit };
            let page = self.bench.tenant.list_actors(&ActorFilter::default(), request);
            let page = page.unwrap().unwrap();
            assert!(!page.has_more_before || !met.is_empty(), "nothing is before the first page");
            let Some(last) = page.items.last().map(|actor| address(&actor.key)) else { break };
            for actor in &page.items {
                met.push(actor.key.id);
                if self.rng.random_bool(0.3) {
                    self.delete_actor(&address(&actor.key));
                }
            }
            if order == ListOrder::Ascending && met.len() < 20 && self.rng.random_bool(0.2) {
                // A name that is given again moves the place that was called so.
                let new = NewActor {
                    chosen: None,
                    kind: ActorKind::User,
                    name: "late".to_owned(),
                    metadata: None,
                };
                let made = carry_out(&mut self.bench, |it, pending| it.create_actor(pending, new));
                let made = made.unwrap();
                self.note(made.key.id);
                self.model.actors.insert(made.key.id, made);
            }
            cursor = Cursor::After(last);
        }
        let mut once = met.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), met.len(), "each is met once");
        assert!(before.iter().all(|id| once.contains(id)), "and all are");
        assert!(self.model.actors.keys().all(|id| once.contains(id)), "the late ones too");
    }
}

fn passes(base: &RecordFilter, id: RecordId, created: Timestamp, updated: Timestamp) -> bool {
    base.ids.as_ref().is_none_or(|ids| ids.contains(&id))
        && base.created.contains(created)
        && base.updated.contains(updated)
}

/// The page of a list, which comes the oldest first: what its definition says, by positions.
fn cut<T>(mut shown: Vec<(RecordId, T)>, request: &PageRequest<RecordId>) -> Page<T> {
    let is_up = request.order == ListOrder::Ascending;
    if !is_up {
        shown.reverse();
    }
    let lies_before = |id: RecordId, place: RecordId| if is_up { id < place } else { id > place };
    let limit = request.limit;
    let count = shown.len();
    let (from, to) = match request.cursor {
        Cursor::Start => (0, limit),
        Cursor::After(place) => {
            let is_up_to = |it: &&(RecordId, T)| it.0 == place || lies_before(it.0, place);
            let from = shown.iter().filter(is_up_to).count();
            (from, from + limit)
        }
        Cursor::Before(place) => {
            let to = shown.iter().filter(|it| lies_before(it.0, place)).count();
            (to.saturating_sub(limit), to)
        }
    };
    let (from, to) = (from.min(count), to.min(count));
    let items = shown.drain(from..to).map(|(_, item)| item).collect();
    Page { items, has_more_before: from > 0, has_more_after: to < count }
}
