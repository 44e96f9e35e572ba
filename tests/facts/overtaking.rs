//! Forgetting overtakes what is still on its way: a content that waits, one that is being read, and
//! those that come meanwhile. Nothing of them ever appears.

use std::sync::atomic::{AtomicBool, Ordering};

use hebbd::storage::keys::Kind;
use hebbd::types::TenantId;

use crate::app::{App, said};
use crate::support::TestServer;
use crate::{administer, kept, marker, start_with};

const OTHER: &str = "bob";
/// Doublings of a content until it is caught at what it is waited for.
const TRIES: u32 = 6;

/// One content is read at a time.
fn start(data_dir: &std::path::Path) -> TestServer {
    start_with(data_dir, |config| {
        config.jobs.workers = 1;
        config.jobs.workers_per_tenant = 1;
    })
}

fn story(name: &str, sentences: usize) -> String {
    let sentence = |number| {
        format!("{name} the {number}th works at Mill {number} with Ann {number} since May. ")
    };
    (0..sentences).map(sentence).collect()
}

/// Nothing of a user is there, nor will be: what was taken after it is completed.
#[track_caller]
fn check_nothing_comes(server: &TestServer, tenant: TenantId, app: &mut App, marker: &str) {
    app.remember(OTHER, "I live in Rome.");
    let user = format!("user {marker}");
    assert_eq!(app.fact_count(&user), 0);
    let jobs = administer(server, "GET", &format!("/tenants/{tenant}/jobs"));
    assert_eq!((&jobs["waiting"], &jobs["running"]), (&0.into(), &0.into()), "{jobs}");
    let said = kept::records(server).to_lowercase();
    assert!(!said.contains(&marker.to_lowercase()), "a record holds it");
    let no = kept::number_of(server, tenant);
    let resources = kept::count_of(server, no, &[Kind::Resource]);
    assert_eq!(kept::count_of(server, no, &[Kind::ResourceContent]), resources);
    let mut others = 0;
    for what in ["context", "entities"] {
        others += usize::from(app.about(what, &user).text.contains(&format!("{marker} the")));
    }
    assert_eq!(others, 0);
}

#[test]
fn what_waits_to_be_read_when_its_user_is_forgotten_is_never_read() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let tenant = server.new_tenant("local");
    let mut app = App::of(&server, tenant);
    let marker = marker();
    let user = format!("user {marker}");
    let is_caught = (0..TRIES).any(|doublings| {
        let ahead = app.memorize(OTHER, &story("Bob", 200 << doublings));
        let waiting: Vec<String> =
            (0..5).map(|number| app.memorize(&user, &story(&marker, 1 + number))).collect();
        let deleted = app.forget(&user, None);
        assert_eq!((&deleted["resources"], &deleted["items"]), (&5.into(), &0.into()));
        for resource in &waiting {
            assert_eq!(app.status(resource).status, 404);
        }
        let is_caught = app.status(&ahead).ok()["status"] != "completed";
        app.completed(&ahead);
        is_caught
    });
    assert!(is_caught, "everything was always read before it was forgotten");
    check_nothing_comes(&server, tenant, &mut app, &marker);
    server.stop();
    server = start(data_dir.path());
    app = app.at(&server.base_url);
    check_nothing_comes(&server, tenant, &mut app, &marker);
}

#[test]
fn what_is_being_read_when_its_user_is_forgotten_brings_nothing() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let tenant = server.new_tenant("local");
    let mut app = App::of(&server, tenant);
    for stage in ["extracting", "writing"] {
        let marker = marker();
        let user = format!("user {marker}");
        let is_caught = (0..TRIES).any(|doublings| {
            let resource = app.memorize(&user, &story(&marker, 100 << doublings));
            let is_reached = loop {
                let status = app.status(&resource).ok();
                match &status["status"] {
                    state if *state == stage => break true,
                    state if *state == "completed" => break false,
                    _ => std::thread::yield_now(),
                }
            };
            let deleted = app.forget(&user, None);
            assert_eq!(deleted["resources"], 1);
            assert_eq!(app.status(&resource).status, 404);
            is_reached && deleted["items"] == 0
        });
        assert!(is_caught, "{stage} was never seen");
        check_nothing_comes(&server, tenant, &mut app, &marker);
    }
}

#[test]
fn of_a_user_who_is_forgotten_while_much_is_said_nothing_of_before_is_left() {
    const ROUNDS: usize = 12;
    let data_dir = tempfile::tempdir().unwrap();
    let server = start_with(data_dir.path(), |_| {});
    let tenant = server.new_tenant("local");
    let mut app = App::of(&server, tenant);
    let marker = marker();
    let user = format!("user {marker}");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (mut app, user, marker, stop) =
                    (app.at(&server.base_url), &user, &marker, &stop);
                scope.spawn(move || {
                    let mut taken = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let text = story(&format!("{marker} of {writer} and {taken}"), 2);
                        let answer = app.post("/v1/memorize", &said(user, &text));
                        assert_eq!(answer.status, 202, "{answer:?}");
                        taken += 1;
                    }
                    taken
                })
            })
            .collect();
        let mut forgotten = 0;
        for _ in 0..ROUNDS {
            let stays = app.remember(OTHER, "I live in Oslo.");
            forgotten += app.forget(&user, None)["resources"].as_u64().unwrap();
            assert_eq!(app.status(&stays).ok()["status"], "completed");
        }
        stop.store(true, Ordering::Relaxed);
        let taken: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        forgotten += app.forget(&user, None)["resources"].as_u64().unwrap();
        assert_eq!(forgotten, taken, "each is forgotten once");
    });
    check_nothing_comes(&server, tenant, &mut app, &marker);
    assert_eq!(app.fact_count(OTHER), 1, "the last that was said");
}
