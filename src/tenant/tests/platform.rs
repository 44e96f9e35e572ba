//! Sessions and their messages, step by step: long ones that go, strangers among messages, what they
//! refer to, the plan's atoms, and how many deleted records leave their places.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::embed;
use super::jobs::{Bench, NO};
use super::platform_model::{assert_unsaid, atom_metadata, atom_of, message, search};
use crate::engine::atom::NewAtom;
use crate::engine::paging::{Cursor, ListOrder, PageRequest};
use crate::engine::platform::{
    ActorKind, ActorRef, Collection, FilePurpose, MessageFilter, NewActor, NewFile, NewFileLink,
    NewMessage, NewSession, Refusal, SESSIONS_DOMAIN, SessionFilter,
};
use crate::engine::prepared::PreparedAtom;
use crate::storage::keys::{self, Kind};
use crate::storage::{BlobHash, Store};
use crate::tenant::{PlannedFile, TenantError, ids};
use crate::types::limits::TOMBSTONES_MAX;
use crate::types::{AtomNo, RecordId, Timestamp};

fn create_session(bench: &mut Bench) -> RecordId {
    let mut pending = bench.tenant.begin(None);
    let created = bench.tenant.create_session(&mut pending, NewSession::default());
    bench.tenant.commit(pending).unwrap();
    created.unwrap().unwrap().id
}

fn say(bench: &mut Bench, session: RecordId, text: &str) -> RecordId {
    let new = message(session, text);
    let mut pending = bench.tenant.begin(None);
    let added = bench.tenant.add_message(&mut pending, new.clone(), atom_of(&new));
    bench.tenant.commit(pending).unwrap();
    added.unwrap().unwrap().id
}

#[test]
fn a_long_session_goes_in_slices_of_which_a_crash_leaves_whole_messages() {
    let mut bench = Bench::new();
    let (session, other) = (create_session(&mut bench), create_session(&mut bench));
    let texts: Vec<String> = (0..60).map(|no| format!("number{no}of this")).collect();
    let ids: Vec<RecordId> = texts.iter().map(|text| say(&mut bench, session, text)).collect();
    let kept = say(&mut bench, other, "of another session");
    let mut deletion = bench.tenant.plan_session_deletion(session).unwrap().unwrap();
    let mut pending = bench.tenant.begin(None);
    assert!(bench.tenant.delete_session_slice(&mut pending, &mut deletion).unwrap());
    bench.tenant.commit(pending).unwrap();
    bench.reopen();

    let left = bench.tenant.find_session(session).unwrap().unwrap().client_messages;
    assert!((1..60).contains(&left), "{left} of 60 are left");
    let mut deletion = bench.tenant.plan_session_deletion(session).unwrap().unwrap();
    loop {
        let mut pending = bench.tenant.begin(None);
        let has_more = bench.tenant.delete_session_slice(&mut pending, &mut deletion).unwrap();
        bench.tenant.commit(pending).unwrap();
        if !has_more {
            break;
        }
    }
    let deleted = bench.tenant.finish_session_deletion(deletion).unwrap();
    assert_eq!((deleted.id, deleted.client_messages), (session, left));

    for _ in 0..2 {
        assert_eq!(bench.tenant.find_session(session).unwrap(), None);
        let cursor = Cursor::After(ids[30]);
        let page = PageRequest { cursor, order: ListOrder::Ascending, limit: 5 };
        let found = bench.tenant.messages(&MessageFilter::default(), page).unwrap().unwrap();
        let found: Vec<RecordId> = found.items.iter().map(|message| message.id).collect();
        assert_eq!(found, [kept], "a deleted message still says where it was");
        assert_unsaid(&bench, &texts.iter().cloned().collect());
        bench.reopen();
    }
}

#[test]
fn what_a_caller_puts_among_the_messages_is_none() {
    let mut bench = Bench::new();
    let session = create_session(&mut bench);
    let said = say(&mut bench, session, "the kettle is blue");
    let atom = NewAtom {
        metadata: atom_metadata(session),
        is_certain: true,
        ..NewAtom::of("the kettle is red", SESSIONS_DOMAIN)
    };
    let mut pending = bench.tenant.begin(None);
    let atom = PreparedAtom::new(atom, embed("the kettle is red"));
    let stranger = bench.tenant.store(&mut pending, atom).unwrap().atom_id.unwrap();
    bench.tenant.commit(pending).unwrap();
    bench.reopen();

    let found = search(&mut bench.tenant, "the kettle is red", Some(session));
    assert_eq!(found.iter().map(|it| it.message.id).collect::<Vec<_>>(), [said]);
    let id = RecordId(stranger.0);
    let found = bench.tenant.find_session_message(id, None).unwrap();
    assert_eq!(found, Err(Refusal::NoSuch(Collection::Messages)));
    bench.tenant.delete_atom(stranger).unwrap();
    let prefix = keys::kind_prefix(NO, Kind::Tombstone);
    assert!(bench.store.scan(&prefix, None, 1).unwrap().is_empty());
}

#[test]
fn messages_count_as_atoms_of_the_plan_and_are_never_merged() {
    let mut bench = Bench::new();
    let session = create_session(&mut bench);
    for _ in 0..3 {
        say(&mut bench, session, "yes");
    }
    let new = message(session, "no");
    let mut pending = bench.tenant.begin(Some(3));
    let refused = bench.tenant.add_message(&mut pending, new.clone(), atom_of(&new));
    assert!(matches!(refused, Err(TenantError::AtomLimit { limit: 3 })));
    bench.tenant.commit(pending).unwrap();
    let (snapshot, count) = bench.tenant.snapshot_for_consolidation(SESSIONS_DOMAIN).unwrap();
    assert!(snapshot.is_none());
    assert_eq!(count, 3, "the same is said as often as it is said");
}

fn actor(name: &str) -> ActorRef {
    ActorRef { text: name.to_owned(), id: None }
}

#[test]
fn what_a_message_refers_to_is_shown_while_it_is_there() {
    let mut bench = Bench::new();
    let session = create_session(&mut bench);
    let mut pending = bench.tenant.begin(None);
    let new = NewActor {
        chosen: Some(actor("ann")),
        kind: ActorKind::User,
        name: "Ann".to_owned(),
        metadata: None,
    };
    bench.tenant.create_actor(&mut pending, new).unwrap().unwrap();
    let files = [1, 2].map(|byte| {
        let new = NewFile {
            file_name: format!("{byte}.txt"),
            media_type: "text/plain".to_owned(),
            title: None,
            purpose: FilePurpose::Attachment,
        };
        let planned = PlannedFile { new, blob: BlobHash([byte; 32]), size_bytes: 1 };
        bench.tenant.add_file(&mut pending, planned).unwrap().id
    });
    let link = NewFileLink { file: files[1], expires_at: None };
    bench.tenant.commit(pending).unwrap();
    let mut pending = bench.tenant.begin(None);
    let link = bench.tenant.create_link(&mut pending, &link, "s".repeat(43)).unwrap().unwrap();
    bench.tenant.commit(pending).unwrap();
    let mut pending = bench.tenant.begin(None);
    let new = NewMessage {
        sender: Some(actor("ann")),
        attachments: files.to_vec(),
        ..message(session, "see what I have")
    };
    let added = bench.tenant.add_message(&mut pending, new.clone(), atom_of(&new));
    let added = added.unwrap().unwrap();
    assert_eq!(added.sender.as_ref().map(|sender| sender.name.as_str()), Some("Ann"));
    let places: Vec<_> = added.attachments.iter().map(|it| (it.index, it.file)).collect();
    assert_eq!(places, [(0, files[0]), (1, files[1])]);
    assert_eq!(added.attachments[1].link, Some(link));

    bench.tenant.commit(pending).unwrap();
    let mut removal = bench.tenant.plan_file_removal(files[0]).unwrap().unwrap();
    let mut pending = bench.tenant.begin(None);
    bench.tenant.delete_actor(&mut pending, &actor("ann")).unwrap().unwrap();
    assert!(!bench.tenant.remove_file_slice(&mut pending, &mut removal).unwrap());
    bench.tenant.commit(pending).unwrap();
    bench.reopen();
    let found = bench.tenant.find_session_message(added.id, None).unwrap().unwrap();
    assert_eq!(found.sender, None);
    assert_eq!(found.attachments, added.attachments[1..], "the other keeps its place");
}

#[test]
fn nothing_is_made_that_refers_to_what_is_not_there() {
    let mut bench = Bench::new();
    let session = create_session(&mut bench);
    let mut pending = bench.tenant.begin(None);
    for (new, missing) in [
        (NewSession { agent: Some(session), ..NewSession::default() }, Collection::Agents),
        (NewSession { actor: Some(actor("ann")), ..NewSession::default() }, Collection::Actors),
        (NewSession { thread: Some(session), ..NewSession::default() }, Collection::Threads),
    ] {
        let refused = bench.tenant.create_session(&mut pending, new).unwrap();
        assert_eq!(refused, Err(Refusal::NoReference(missing)));
    }
    for (new, missing) in [
        (NewMessage { sender: Some(actor("ann")), ..message(session, "a") }, Collection::Actors),
        (NewMessage { attachments: vec![session], ..message(session, "a") }, Collection::Files),
    ] {
        let refused = bench.tenant.add_message(&mut pending, new.clone(), atom_of(&new)).unwrap();
        assert_eq!(refused, Err(Refusal::NoReference(missing)));
    }
    bench.tenant.commit(pending).unwrap();
    assert!(!bench.tenant.is_poisoned());
    let found = bench.tenant.find_session(session).unwrap().unwrap();
    assert_eq!((found.client_messages, found.updated_at), (0, found.created_at));
}

#[test]
fn of_too_many_deleted_records_the_first_deleted_lose_their_places() {
    let mut bench = Bench::new();
    let mut rng = SmallRng::seed_from_u64(1);
    let mut pending = bench.tenant.begin(None);
    // The later made are deleted first.
    let ids: Vec<RecordId> = (0..TOMBSTONES_MAX as u64 + 2)
        .map(|no| {
            RecordId(ids::make(Timestamp::from_micros(1), AtomNo(1_000_000 - no), &mut rng).0)
        })
        .collect();
    for id in &ids {
        bench.tenant.bury(&mut pending.batch, Collection::Sessions, *id, None).unwrap();
    }
    bench.tenant.commit(pending).unwrap();
    for _ in 0..2 {
        let is_known = |id: RecordId| {
            let page =
                PageRequest { cursor: Cursor::After(id), order: ListOrder::Ascending, limit: 1 };
            bench.tenant.sessions(&SessionFilter::default(), page).unwrap().is_ok()
        };
        assert_eq!(
            [0, 1, 2, ids.len() - 1].map(|at| is_known(ids[at])),
            [false, false, true, true]
        );
        let prefix = keys::kind_prefix(NO, Kind::Tombstone);
        let stored = bench.store.scan(&prefix, None, usize::MAX).unwrap().len();
        assert_eq!(stored, TOMBSTONES_MAX);
        bench.reopen();
    }
}
