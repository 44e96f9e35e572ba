//! Agents of one tenant, rule by rule: slugs, the archive, searches, and what they refer to.

use super::jobs::Bench;
use super::people::{
    carry_out, count_stored, delete_agent, first, later, make_actor, make_agent, named, some_actor,
    some_agent, with_id,
};
use crate::engine::paging::{Cursor, PageRequest};
use crate::engine::platform::{
    ActorRef, Agent, AgentChange, AgentFilter, Collection, Kept, NewAgent, RecordFilter,
    RecordStatus, Refusal, TimeRange,
};
use crate::storage::keys::Kind;
use crate::types::limits::AGENTS_MAX;
use crate::types::{Clock, RecordId};

fn with_slug(slug: &str) -> NewAgent {
    NewAgent { slug: Some(slug.to_owned()), ..some_agent("An agent") }
}

pub(super) fn change_agent(bench: &mut Bench, id: RecordId, change: AgentChange) -> Kept<Agent> {
    carry_out(bench, |tenant, pending| tenant.change_agent(pending, id, change))
}

pub(super) fn listed_agents(bench: &Bench, filter: &AgentFilter) -> Vec<RecordId> {
    let page = bench.tenant.list_agents(filter, first(100)).unwrap().unwrap();
    page.items.into_iter().map(|agent| agent.id).collect()
}

#[test]
fn a_slug_follows_from_the_name_and_is_made_unique() {
    let mut bench = Bench::new();
    let mut slugs = Vec::new();
    for name in ["Support Bot", "support bot!", "客服", "Support-Bot", "?"] {
        slugs.push(make_agent(&mut bench, some_agent(name)).unwrap().slug);
        bench.reopen();
    }
    assert_eq!(slugs, ["support-bot", "support-bot-2", "agent", "support-bot-3", "agent-2"]);
}

#[test]
fn a_chosen_slug_is_refused_while_another_agent_has_it() {
    let mut bench = Bench::new();
    let bot = make_agent(&mut bench, with_slug("bot")).unwrap();
    assert_eq!((bot.slug.as_str(), bot.name.as_str()), ("bot", "An agent"));
    assert_eq!(make_agent(&mut bench, with_slug("bot")), Err(Refusal::NameTaken));
    let other = make_agent(&mut bench, with_slug("other")).unwrap();
    let to = |slug: &str| AgentChange { slug: Some(slug.to_owned()), ..AgentChange::default() };
    assert_eq!(change_agent(&mut bench, other.id, to("bot")), Err(Refusal::NameTaken));
    assert!(change_agent(&mut bench, bot.id, to("bot")).is_ok(), "it has it itself");
    assert_eq!(change_agent(&mut bench, bot.id, to("moved")).unwrap().slug, "moved");
    assert_eq!(change_agent(&mut bench, other.id, to("bot")).unwrap().slug, "bot");
    delete_agent(&mut bench, other.id).unwrap();
    make_agent(&mut bench, with_slug("bot")).unwrap();
    let archive = AgentChange { status: Some(RecordStatus::Archived), ..AgentChange::default() };
    change_agent(&mut bench, bot.id, archive).unwrap();
    bench.reopen();
    assert_eq!(make_agent(&mut bench, with_slug("moved")), Err(Refusal::NameTaken));
    let renamed = AgentChange { name: Some("New name".to_owned()), ..AgentChange::default() };
    assert_eq!(change_agent(&mut bench, bot.id, renamed).unwrap().slug, "moved");
}

#[test]
fn an_archived_agent_says_since_when() {
    let mut bench = Bench::new();
    let made = make_agent(&mut bench, some_agent("one")).unwrap();
    assert_eq!((made.status, made.archived_at), (RecordStatus::Active, None));
    let to = |status| AgentChange { status: Some(status), ..AgentChange::default() };
    let at = later(&bench);
    let archived = change_agent(&mut bench, made.id, to(RecordStatus::Archived)).unwrap();
    assert_eq!((archived.status, archived.archived_at), (RecordStatus::Archived, Some(at)));
    later(&bench);
    let again = change_agent(&mut bench, made.id, to(RecordStatus::Archived)).unwrap();
    assert_eq!((again.archived_at, again.updated_at), (Some(at), bench.clock.now()));
    bench.reopen();
    let of = |status| AgentFilter { statuses: Some(vec![status]), ..AgentFilter::default() };
    assert_eq!(listed_agents(&bench, &of(RecordStatus::Archived)), [made.id]);
    assert_eq!(listed_agents(&bench, &of(RecordStatus::Active)), []);
    let active = change_agent(&mut bench, made.id, to(RecordStatus::Active)).unwrap();
    assert_eq!((active.status, active.archived_at), (RecordStatus::Active, None));
    assert_eq!(listed_agents(&bench, &of(RecordStatus::Active)), [made.id]);
}

#[test]
fn an_agent_refers_to_an_actor_that_is_there() {
    let mut bench = Bench::new();
    let no_reference = || Err(Refusal::NoReference(Collection::Actors));
    let of = |actor: ActorRef| NewAgent { actor: Some(actor), ..some_agent("one") };
    assert_eq!(make_agent(&mut bench, of(named("nobody"))), no_reference());
    assert_eq!(count_stored(&bench, Kind::Agent), 0);
    let actor = make_actor(&mut bench, some_actor("somebody")).unwrap().key;
    let agent = make_agent(&mut bench, of(with_id(actor.id))).unwrap();
    assert_eq!((agent.slug.as_str(), agent.actor.as_ref()), ("one", Some(&actor)));
    let to = |actor: Option<ActorRef>| AgentChange {
        slug: Some("two".to_owned()),
        actor: Some(actor),
        ..AgentChange::default()
    };
    let refused = change_agent(&mut bench, agent.id, to(Some(named("nobody"))));
    assert_eq!(refused, no_reference());
    assert_eq!(bench.tenant.find_agent(agent.id).unwrap(), Some(agent.clone()));
    let cleared = change_agent(&mut bench, agent.id, to(None)).unwrap();
    assert_eq!((cleared.slug.as_str(), cleared.actor), ("two", None));
}

#[test]
fn agents_are_searched_by_name_slug_and_description_in_any_case() {
    let mut bench = Bench::new();
    let mut make = |name: &str, slug: &str, description: Option<&str>| {
        let description = description.map(str::to_owned);
        let new = NewAgent { description, ..with_slug(slug) };
        make_agent(&mut bench, NewAgent { name: name.to_owned(), ..new }).unwrap().id
    };
    let one = make("ΟΔΟΣ Ärger", "first", Some("Answers the PHONE"));
    let two = make("Straße", "second", None);
    let three = make("plain", "third", Some("of the first"));
    let searched = |bench: &Bench, text: &str| {
        let search = Some(text.to_owned());
        listed_agents(bench, &AgentFilter { search, ..AgentFilter::default() })
    };
    for (text, expected) in [
        ("οδος", vec![one]),
        ("äRGER", vec![one]),
        ("STRASSE", vec![two]),
        ("first", vec![one, three]),
        ("phone", vec![one]),
        ("THE", vec![one, three]),
        ("", vec![one, two, three]),
        ("nothing of it", vec![]),
        // Not across where one ends and the next begins.
        ("ärgeranswers", vec![]),
    ] {
        assert_eq!(searched(&bench, text), expected, "{text}");
    }
    let description = Some(None);
    let change = AgentChange { description, ..AgentChange::default() };
    change_agent(&mut bench, three, change).unwrap();
    assert_eq!(searched(&bench, "first"), [one]);
}

#[test]
fn agents_are_filtered_by_id_and_time_and_paged_past_deleted_ones() {
    let mut bench = Bench::new();
    let one = make_agent(&mut bench, some_agent("one")).unwrap();
    later(&bench);
    let two = make_agent(&mut bench, some_agent("two")).unwrap();
    let actor = make_actor(&mut bench, some_actor("no agent")).unwrap().key.id;
    let by = |base: RecordFilter| AgentFilter { base, ..AgentFilter::default() };
    let ids = |ids: Vec<RecordId>| by(RecordFilter { ids: Some(ids), ..RecordFilter::default() });
    assert_eq!(listed_agents(&bench, &ids(vec![two.id, actor])), [two.id]);
    assert_eq!(listed_agents(&bench, &ids(Vec::new())), []);
    let after = TimeRange { after: Some(one.created_at), before: None };
    for base in [
        RecordFilter { created: after, ..RecordFilter::default() },
        RecordFilter { updated: after, ..RecordFilter::default() },
    ] {
        assert_eq!(listed_agents(&bench, &by(base)), [two.id]);
    }
    delete_agent(&mut bench, one.id).unwrap();
    let at = |cursor| PageRequest { cursor: Cursor::After(cursor), ..first(10) };
    let list = |cursor| bench.tenant.list_agents(&AgentFilter::default(), at(cursor)).unwrap();
    assert_eq!(list(one.id).unwrap().items, [two]);
    assert_eq!(list(actor), Err(Refusal::UnknownCursor));
}

#[test]
fn a_tenant_has_so_many_agents_and_no_more() {
    let mut bench = Bench::new();
    let mut pending = bench.tenant.begin(None);
    for number in 0..AGENTS_MAX {
        let new = with_slug(&format!("agent-{number}"));
        bench.tenant.create_agent(&mut pending, new).unwrap().unwrap();
    }
    bench.tenant.commit(pending).unwrap();
    let full = Refusal::Full { collection: Collection::Agents, limit: AGENTS_MAX };
    assert_eq!(make_agent(&mut bench, some_agent("too many")), Err(full));
    let first = listed_agents(&bench, &AgentFilter::default())[0];
    delete_agent(&mut bench, first).unwrap();
    assert!(make_agent(&mut bench, some_agent("fits")).is_ok());
}
