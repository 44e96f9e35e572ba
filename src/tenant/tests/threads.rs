//! Threads of one tenant, rule by rule: who takes part since when, and what they refer to.

use super::jobs::Bench;
use super::people::{
    carry_out, delete_agent, first, later, make_agent, make_named, metadata, named, some_agent,
};
use crate::engine::platform::{
    ActorRef, Collection, Kept, NewThread, ParticipantRole, Refusal, Thread, ThreadChange,
    ThreadFilter, ThreadPlace,
};
use crate::types::{Clock, RecordId};

use ParticipantRole::{ReadOnly, ReadWrite};

pub(super) fn make_thread(bench: &mut Bench, new: NewThread) -> Kept<Thread> {
    carry_out(bench, |tenant, pending| tenant.create_thread(pending, new))
}

pub(super) fn change_thread(bench: &mut Bench, id: RecordId, change: ThreadChange) -> Kept<Thread> {
    carry_out(bench, |tenant, pending| tenant.change_thread(pending, id, change))
}

#[test]
fn those_who_stay_in_a_thread_keep_the_time_they_joined() {
    let mut bench = Bench::new();
    for name in ["ann", "ben", "carl"] {
        make_named(&mut bench, name).unwrap();
    }
    let seen = |thread: &Thread| {
        let participants = thread.participants.iter();
        let seen = participants
            .map(|it| (it.actor.key.name.clone().unwrap_or_default(), it.role, it.joined_at));
        seen.collect::<Vec<_>>()
    };
    let there = |name: &str, role, at| (name.to_owned(), role, at);
    let begun = bench.clock.now();
    // Who is named twice takes part once.
    let participants =
        vec![(named("ben"), ReadOnly), (named("ann"), ReadWrite), (named("ben"), ReadWrite)];
    let thread = make_thread(&mut bench, NewThread { participants, ..NewThread::default() });
    let thread = thread.unwrap();
    let both = [there("ben", ReadOnly, begun), there("ann", ReadWrite, begun)];
    assert_eq!(seen(&thread), both);

    let at = later(&bench);
    let change = |participants: Vec<(ActorRef, ParticipantRole)>| ThreadChange {
        participants: Some(participants),
        ..ThreadChange::default()
    };
    let to = change(vec![(named("carl"), ReadWrite), (named("ben"), ReadWrite)]);
    let changed = change_thread(&mut bench, thread.id, to).unwrap();
    let others = [there("carl", ReadWrite, at), there("ben", ReadWrite, begun)];
    assert_eq!((seen(&changed), changed.updated_at), (others.to_vec(), at));

    // Who left and comes again has joined anew.
    let again = later(&bench);
    let to = change(vec![(named("ann"), ReadWrite)]);
    let changed = change_thread(&mut bench, thread.id, to).unwrap();
    assert_eq!(seen(&changed), [there("ann", ReadWrite, again)]);
    let unknown = change(vec![(named("ann"), ReadWrite), (named("nobody"), ReadWrite)]);
    let refused = change_thread(&mut bench, thread.id, unknown);
    assert_eq!(refused, Err(Refusal::NoReference(Collection::Actors)));
    bench.reopen();
    assert_eq!(bench.tenant.find_thread(thread.id).unwrap(), Some(changed));
}

#[test]
fn a_thread_refers_to_an_agent_that_is_there_and_is_found_by_it() {
    let mut bench = Bench::new();
    let agent = make_agent(&mut bench, some_agent("one")).unwrap().id;
    let no_thread = make_thread(&mut bench, NewThread::default()).unwrap();
    let of = |agent| NewThread { agent: Some(agent), ..NewThread::default() };
    let no_agent = Err(Refusal::NoReference(Collection::Agents));
    assert_eq!(make_thread(&mut bench, of(no_thread.id)), no_agent);
    let thread = make_thread(&mut bench, of(agent)).unwrap();
    assert_eq!(thread.agent, Some(agent));
    let found = |bench: &Bench, agents: Vec<RecordId>| {
        let filter = ThreadFilter { agents: Some(agents), ..ThreadFilter::default() };
        let page = bench.tenant.list_threads(&filter, first(10)).unwrap().unwrap();
        page.items.into_iter().map(|thread| thread.id).collect::<Vec<_>>()
    };
    assert_eq!(found(&bench, vec![no_thread.id, agent]), [thread.id]);
    assert_eq!(found(&bench, Vec::new()), []);
    let to = |agent| ThreadChange { agent: Some(agent), ..ThreadChange::default() };
    assert_eq!(change_thread(&mut bench, thread.id, to(Some(thread.id))), no_agent);
    assert_eq!(change_thread(&mut bench, thread.id, to(None)).unwrap().agent, None);
    assert_eq!(found(&bench, vec![agent]), []);
    assert_eq!(change_thread(&mut bench, thread.id, to(Some(agent))).unwrap().agent, Some(agent));
    delete_agent(&mut bench, agent).unwrap();
    for _ in 0..2 {
        assert_eq!(bench.tenant.find_thread(thread.id).unwrap().unwrap().agent, None);
        assert_eq!(found(&bench, vec![agent]), []);
        bench.reopen();
    }
    let gone = delete_agent(&mut bench, agent);
    assert_eq!(gone, None);
}

#[test]
fn a_thread_keeps_what_its_maker_says_of_its_place() {
    let mut bench = Bench::new();
    let code = |code: &str| Some(code.to_owned());
    let place =
        ThreadPlace { timezone: code("Europe/Vienna"), country: code("AT"), language: None };
    let new = NewThread { place: place.clone(), metadata: metadata("{}"), ..NewThread::default() };
    let thread = make_thread(&mut bench, new).unwrap();
    assert_eq!((&thread.place, &thread.metadata), (&place, &metadata("{}")));
    let change = ThreadChange {
        country: Some(None),
        language: Some(code("de")),
        metadata: Some(None),
        ..ThreadChange::default()
    };
    let changed = change_thread(&mut bench, thread.id, change).unwrap();
    let expected = ThreadPlace { country: None, language: code("de"), ..place };
    assert_eq!((&changed.place, &changed.metadata), (&expected, &None));
    bench.reopen();
    assert_eq!(bench.tenant.find_thread(thread.id).unwrap(), Some(changed.clone()));
    let deleted = carry_out(&mut bench, |tenant, pending| tenant.delete_thread(pending, thread.id));
    assert_eq!(deleted, Some(changed));
    assert_eq!(bench.tenant.find_thread(thread.id).unwrap(), None);
    let again = carry_out(&mut bench, |tenant, pending| tenant.delete_thread(pending, thread.id));
    assert_eq!(again, None);
    let gone = change_thread(&mut bench, thread.id, ThreadChange::default());
    assert_eq!(gone, Err(Refusal::NoSuch(Collection::Threads)));
}
