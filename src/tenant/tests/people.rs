//! Actors of one tenant, rule by rule: their names, what deleting leaves, filters, and places in
//! lists. What actors, agents and threads share is here too.

use std::sync::Arc;
use std::time::Duration;

use super::agents::{change_agent, listed_agents};
use super::jobs::{Bench, NO};
use super::threads::{change_thread, make_thread};
use crate::engine::atom::Metadata;
use crate::engine::paging::{Cursor, ListOrder, Page, PageRequest};
use crate::engine::platform::{
    Actor, ActorChange, ActorFilter, ActorKey, ActorKind, ActorRef, Agent, AgentChange,
    AgentFilter, Collection, Kept, NewActor, NewAgent, NewThread, ParticipantRole, RecordStatus,
    Refusal, ThreadChange, TimeRange,
};
use crate::storage::keys::{self, Kind};
use crate::storage::{FaultPlan, MemoryStore, Store};
use crate::tenant::{Pending, Tenant, TenantError};
use crate::types::{Clock, ManualClock, RecordId, Timestamp};

/// Carries a change out as the tenant's actor does.
pub(super) fn carry_out<R>(
    bench: &mut Bench,
    plan: impl FnOnce(&mut Tenant, &mut Pending) -> Result<R, TenantError>,
) -> R {
    let mut pending = bench.tenant.begin(None);
    let reply = plan(&mut bench.tenant, &mut pending).unwrap();
    bench.tenant.commit(pending).unwrap();
    reply
}

pub(super) fn named(name: &str) -> ActorRef {
    ActorRef { text: name.to_owned(), id: None }
}

pub(super) fn with_id(id: RecordId) -> ActorRef {
    ActorRef { text: id.to_string(), id: Some(id) }
}

/// How an actor is addressed.
pub(super) fn address(key: &ActorKey) -> ActorRef {
    key.name.as_deref().map_or_else(|| with_id(key.id), named)
}

pub(super) fn first<C>(limit: usize) -> PageRequest<C> {
    PageRequest { cursor: Cursor::Start, order: ListOrder::Ascending, limit }
}

pub(super) fn metadata(json: &str) -> Option<Metadata> {
    Some(Metadata::from_checked(json.to_owned()))
}

pub(super) fn some_actor(name: &str) -> NewActor {
    NewActor { chosen: None, kind: ActorKind::User, name: name.to_owned(), metadata: None }
}

pub(super) fn some_agent(name: &str) -> NewAgent {
    NewAgent { slug: None, name: name.to_owned(), description: None, metadata: None, actor: None }
}

pub(super) fn make_actor(bench: &mut Bench, new: NewActor) -> Kept<Actor> {
    carry_out(bench, |tenant, pending| tenant.create_actor(pending, new))
}

/// An actor that is addressed by a name.
pub(super) fn make_named(bench: &mut Bench, name: &str) -> Kept<Actor> {
    make_actor(bench, NewActor { chosen: Some(named(name)), ..some_actor("somebody") })
}

pub(super) fn delete_actor(bench: &mut Bench, actor: &ActorRef) -> Option<Actor> {
    carry_out(bench, |tenant, pending| tenant.delete_actor(pending, actor))
}

pub(super) fn make_agent(bench: &mut Bench, new: NewAgent) -> Kept<Agent> {
    carry_out(bench, |tenant, pending| tenant.create_agent(pending, new))
}

pub(super) fn delete_agent(bench: &mut Bench, id: RecordId) -> Option<Agent> {
    carry_out(bench, |tenant, pending| tenant.delete_agent(pending, id))
}

pub(super) fn listed(bench: &Bench, filter: &ActorFilter) -> Vec<RecordId> {
    let page = bench.tenant.list_actors(filter, first(100)).unwrap().unwrap();
    page.items.into_iter().map(|actor| actor.key.id).collect()
}

fn actors_at(bench: &Bench, cursor: Cursor<ActorRef>) -> Kept<Page<RecordId>> {
    let request = PageRequest { cursor, ..first(1) };
    let page = bench.tenant.list_actors(&ActorFilter::default(), request).unwrap();
    page.map(|page| page.map(|actor| actor.key.id))
}

pub(super) fn later(bench: &Bench) -> Timestamp {
    bench.clock.advance(Duration::from_secs(1));
    bench.clock.now()
}

/// As many records of a kind are stored.
pub(super) fn count_stored(bench: &Bench, kind: Kind) -> usize {
    bench.store.scan(&keys::kind_prefix(NO, kind), None, usize::MAX).unwrap().len()
}

#[test]
fn a_chosen_name_is_taken_once_and_stands_for_the_id() {
    let mut bench = Bench::new();
    let new = NewActor {
        chosen: Some(named("alice@example.com")),
        kind: ActorKind::Assistant,
        name: "Alice".to_owned(),
        metadata: metadata(r#"{"b":1,"a":2.50}"#),
    };
    let alice = make_actor(&mut bench, new.clone()).unwrap();
    assert_eq!(alice.key.name.as_deref(), Some("alice@example.com"));
    assert_eq!((alice.kind, &alice.name, &alice.metadata), (new.kind, &new.name, &new.metadata));
    assert_eq!((alice.created_at, alice.updated_at), (bench.clock.now(), bench.clock.now()));
    for _ in 0..2 {
        let found = bench.tenant.find_actor(&named("alice@example.com")).unwrap();
        assert_eq!(found.as_ref(), Some(&alice));
        assert_eq!(bench.tenant.find_actor(&named("Alice@example.com")).unwrap(), None);
        assert_eq!(bench.tenant.find_actor(&with_id(alice.key.id)).unwrap(), None);
        assert_eq!(make_actor(&mut bench, new.clone()), Err(Refusal::NameTaken));
        bench.reopen();
    }
    assert_eq!(count_stored(&bench, Kind::Actor), 1);
}

/// Whoever is addressed by a text must not be hidden by another one.
#[test]
fn a_chosen_name_cannot_be_what_another_actor_is_addressed_by() {
    let mut bench = Bench::new();
    let generated = make_actor(&mut bench, some_actor("first")).unwrap().key.id;
    let hidden = make_named(&mut bench, "somebody").unwrap().key.id;
    let choose = |bench: &mut Bench, id| {
        let chosen = Some(with_id(id));
        make_actor(bench, NewActor { chosen, ..some_actor("sly") })
    };
    assert_eq!(choose(&mut bench, generated), Err(Refusal::NameTaken));
    // Nobody is addressed by this one.
    let sly = choose(&mut bench, hidden).unwrap();
    assert_eq!(bench.tenant.find_actor(&with_id(hidden)).unwrap(), Some(sly));
    delete_actor(&mut bench, &with_id(generated)).unwrap();
    let sly = choose(&mut bench, generated).unwrap();
    assert_eq!(bench.tenant.find_actor(&with_id(generated)).unwrap(), Some(sly));
}

#[test]
fn a_change_leaves_what_it_does_not_name_and_moves_the_time() {
    let mut bench = Bench::new();
    let new = NewActor { metadata: metadata(r#"{"a":1}"#), ..some_actor("before") };
    let made = make_actor(&mut bench, new).unwrap();
    let actor = with_id(made.key.id);
    let change = |bench: &mut Bench, change: ActorChange| {
        carry_out(bench, |tenant, pending| tenant.change_actor(pending, &actor, change))
    };
    let at = later(&bench);
    let renamed =
        change(&mut bench, ActorChange { name: Some("after".to_owned()), metadata: None }).unwrap();
    let expected = Actor { name: "after".to_owned(), updated_at: at, ..made.clone() };
    assert_eq!(renamed, expected);
    let cleared = ActorChange { name: None, metadata: Some(None) };
    assert_eq!(change(&mut bench, cleared).unwrap(), Actor { metadata: None, ..expected.clone() });
    bench.reopen();
    let set = ActorChange { name: None, metadata: Some(metadata(r#"{"b":2}"#)) };
    let changed = change(&mut bench, set).unwrap();
    assert_eq!(changed, Actor { metadata: metadata(r#"{"b":2}"#), ..expected });
    assert_eq!(bench.tenant.find_actor(&actor).unwrap(), Some(changed));
    delete_actor(&mut bench, &actor).unwrap();
    let gone = Err(Refusal::NoSuch(Collection::Actors));
    assert_eq!(change(&mut bench, ActorChange::default()), gone);
}

#[test]
fn nothing_is_changed_before_it_was_made_whatever_the_clock_says() {
    let mut bench = Bench::new();
    let slug = make_agent(&mut bench, some_agent("agent")).unwrap();
    let thread = make_thread(&mut bench, NewThread::default()).unwrap();
    let made = make_named(&mut bench, "ann").unwrap();
    bench.clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(5)));
    bench.reopen();
    let actor = carry_out(&mut bench, |tenant, pending| {
        tenant.change_actor(pending, &named("ann"), ActorChange::default())
    });
    assert_eq!(actor.unwrap(), made);
    let change = AgentChange { status: Some(RecordStatus::Archived), ..AgentChange::default() };
    let agent = change_agent(&mut bench, slug.id, change).unwrap();
    assert_eq!((agent.updated_at, agent.archived_at), (slug.created_at, Some(slug.created_at)));
    let participants = Some(vec![(named("ann"), ParticipantRole::ReadWrite)]);
    let change = ThreadChange { participants, ..ThreadChange::default() };
    let changed = change_thread(&mut bench, thread.id, change).unwrap();
    assert_eq!(changed.updated_at, thread.created_at);
    assert_eq!(changed.participants[0].joined_at, thread.created_at);
}

#[test]
fn a_deleted_actor_is_gone_and_its_name_makes_somebody_else() {
    let mut bench = Bench::new();
    let ann = make_named(&mut bench, "ann").unwrap();
    let agent =
        make_agent(&mut bench, NewAgent { actor: Some(named("ann")), ..some_agent("hers") })
            .unwrap();
    assert_eq!(agent.actor.as_ref(), Some(&ann.key));
    let participants = vec![(named("ann"), ParticipantRole::ReadWrite)];
    let thread = make_thread(&mut bench, NewThread { participants, ..NewThread::default() });
    let thread = thread.unwrap();
    assert_eq!(thread.participants[0].actor, ann);
    assert_eq!(delete_actor(&mut bench, &named("ann")), Some(ann.clone()));
    assert_eq!(delete_actor(&mut bench, &named("ann")), None);
    let again = make_named(&mut bench, "ann").unwrap();
    assert!(again.key.id > ann.key.id);
    for _ in 0..2 {
        assert_eq!(bench.tenant.find_agent(agent.id).unwrap().unwrap().actor, None);
        assert_eq!(bench.tenant.find_thread(thread.id).unwrap().unwrap().participants, []);
        assert_eq!(bench.tenant.find_actor(&named("ann")).unwrap().as_ref(), Some(&again));
        bench.reopen();
    }
}

#[test]
fn of_a_deleted_actor_no_word_is_kept() {
    let mut bench = Bench::new();
    let new = NewActor {
        chosen: Some(named("chosen-word")),
        metadata: metadata(r#"{"word":"metadata-word"}"#),
        ..some_actor("shown-word")
    };
    make_actor(&mut bench, new).unwrap();
    let stores = |bench: &Bench| {
        let all = bench.store.scan(&[], None, usize::MAX).unwrap();
        all.iter().any(|(_, value)| value.windows(5).any(|part| part == b"-word"))
    };
    assert!(stores(&bench));
    delete_actor(&mut bench, &named("chosen-word")).unwrap();
    assert!(!stores(&bench));
    assert_eq!(count_stored(&bench, Kind::Tombstone), 1);
}

#[test]
fn actors_are_filtered_by_address_kind_and_time() {
    let mut bench = Bench::new();
    let ann = make_named(&mut bench, "ann").unwrap();
    let at = later(&bench);
    let tool = make_actor(&mut bench, NewActor { kind: ActorKind::Tool, ..some_actor("a tool") });
    let tool = tool.unwrap();
    later(&bench);
    let ben = make_named(&mut bench, "ben").unwrap();
    let [ann, tool, ben] = [ann, tool, ben].map(|actor| actor.key.id);
    let check = |filter: ActorFilter, expected: &[RecordId]| {
        assert_eq!(listed(&bench, &filter), expected, "{filter:?}");
    };
    let all = ActorFilter::default;
    check(all(), &[ann, tool, ben]);
    let of = |actors: Vec<ActorRef>| ActorFilter { actors: Some(actors), ..all() };
    check(of(vec![named("ben"), with_id(tool), named("nobody")]), &[tool, ben]);
    check(of(vec![with_id(ann)]), &[]);
    check(of(Vec::new()), &[]);
    let kinds = |kinds: Vec<ActorKind>| ActorFilter { kinds: Some(kinds), ..all() };
    check(kinds(vec![ActorKind::User]), &[ann, ben]);
    check(kinds(vec![ActorKind::Tool, ActorKind::User]), &[ann, tool, ben]);
    check(kinds(vec![ActorKind::Assistant]), &[]);
    check(kinds(Vec::new()), &[]);
    let after = TimeRange { after: Some(at), before: None };
    let before = TimeRange { after: None, before: Some(at) };
    check(ActorFilter { created: after, ..all() }, &[ben]);
    check(ActorFilter { created: before, ..all() }, &[ann]);
    check(ActorFilter { updated: after, ..all() }, &[ben]);
    check(ActorFilter { created: after, updated: before, ..all() }, &[]);
}

#[test]
fn a_place_in_the_list_of_actors_outlives_its_actor() {
    let mut bench = Bench::new();
    let chosen = ["a", "b", "c"].map(|name| make_named(&mut bench, name).unwrap().key.id);
    let generated = make_actor(&mut bench, some_actor("d")).unwrap().key.id;
    let last = make_named(&mut bench, "e").unwrap().key.id;
    let agent = make_agent(&mut bench, some_agent("no actor")).unwrap().id;
    delete_actor(&mut bench, &named("b")).unwrap();
    delete_actor(&mut bench, &with_id(generated)).unwrap();
    delete_agent(&mut bench, agent).unwrap();
    for _ in 0..2 {
        let page = actors_at(&bench, Cursor::After(named("b"))).unwrap();
        assert_eq!(
            (page.items, page.has_more_before, page.has_more_after),
            (vec![chosen[2]], true, true)
        );
        let page = actors_at(&bench, Cursor::Before(named("b"))).unwrap();
        assert_eq!(
            (page.items, page.has_more_before, page.has_more_after),
            (vec![chosen[0]], false, true)
        );
        let page = actors_at(&bench, Cursor::After(with_id(generated))).unwrap();
        assert_eq!(page.items, [last]);
        for nowhere in [named("nobody"), with_id(chosen[0]), with_id(agent)] {
            assert_eq!(actors_at(&bench, Cursor::After(nowhere)), Err(Refusal::UnknownCursor));
        }
        bench.reopen();
    }
    let again = make_named(&mut bench, "b").unwrap().key.id;
    let page = actors_at(&bench, Cursor::Before(named("b"))).unwrap();
    assert_eq!(page.items, [last], "a name that is there is the place of who has it");
    delete_actor(&mut bench, &named("b")).unwrap();
    bench.reopen();
    let page = actors_at(&bench, Cursor::Before(named("b"))).unwrap();
    assert_eq!(page.items, [last], "and then of who had it last");
    assert!(again > last);
}

#[test]
fn a_reset_leaves_nobody_and_no_place() {
    let mut bench = Bench::new();
    make_named(&mut bench, "ann").unwrap();
    make_named(&mut bench, "ben").unwrap();
    delete_actor(&mut bench, &named("ben")).unwrap();
    make_agent(&mut bench, some_agent("one")).unwrap();
    make_thread(&mut bench, NewThread::default()).unwrap();
    let newest = bench.tenant.find_actor(&named("ann")).unwrap().unwrap().key.id;
    bench.reset();
    for _ in 0..2 {
        assert_eq!(listed(&bench, &ActorFilter::default()), []);
        assert_eq!(listed_agents(&bench, &AgentFilter::default()), []);
        for place in ["ann", "ben"] {
            let nowhere = actors_at(&bench, Cursor::After(named(place)));
            assert_eq!(nowhere, Err(Refusal::UnknownCursor));
        }
        for kind in [Kind::Actor, Kind::Agent, Kind::Thread, Kind::Tombstone] {
            assert_eq!(count_stored(&bench, kind), 0, "{kind:?}");
        }
        bench.reopen();
    }
    assert!(make_named(&mut bench, "ann").unwrap().key.id > newest, "no number is used twice");
    assert_eq!(make_agent(&mut bench, some_agent("one")).unwrap().slug, "one");
}

/// Memory already knows the actor, storage does not: nothing may be answered from that memory.
#[test]
fn an_actor_whose_write_fails_was_never_there() {
    let faults = FaultPlan { fail_apply_at: Some(3), ..FaultPlan::default() };
    let mut bench = Bench::on(MemoryStore::with_faults(faults));
    make_named(&mut bench, "ann").unwrap();
    let mut pending = bench.tenant.begin(None);
    let new = NewActor { chosen: Some(named("ben")), ..some_actor("Ben") };
    bench.tenant.create_actor(&mut pending, new).unwrap().unwrap();
    assert!(bench.tenant.commit(pending).is_err());
    let found = bench.tenant.find_actor(&named("ann"));
    assert!(matches!(found, Err(TenantError::Poisoned)));
    bench.reopen();
    assert_eq!(bench.tenant.find_actor(&named("ben")).unwrap(), None);
    assert!(bench.tenant.find_actor(&named("ann")).unwrap().is_some());
}
