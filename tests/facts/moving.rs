//! An app moves from shard to shard with its users, while they are spoken of: whatever was
//! acknowledged is read once, wherever, and forgetting reaches everything afterwards.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hebbd::actors::settings::ShardEntry;
use hebbd::storage::keys::Kind;
use serde_json::json;

use crate::app::{App, Patience, domain_of_notes, note};
use crate::{administer_with, kept, marker, start_with};

const MOVES: usize = 4;
const WRITERS: usize = 2;

/// Tells writers to stop when it goes, also by a failed assertion.
struct StopAtLast<'a>(&'a AtomicBool);

impl Drop for StopAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_app_moves_with_its_users_while_they_are_spoken_of() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start_with(data_dir.path(), |config| {
        let shard = |no| ShardEntry { no, ..ShardEntry::default() };
        config.shards.shard = vec![shard(0), shard(1)];
    });
    let tenant = server.new_tenant("local");
    let mut app = App::of(&server, tenant);
    app.configure(&domain_of_notes(&["general"]));
    let marker = marker();
    let user = |writer: usize| format!("user {writer} {marker}");
    app.remember("stays", "I live in Rome and work at Farholm Labs.");
    let mut answers =
        || ["context", "categories", "entities"].map(|what| app.about(what, "stays").ok());
    let before = answers();
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mut app = App::of(&server, tenant);
                let (user, marker, stop, count) = (user(writer), &marker, &stop, &count);
                scope.spawn(move || {
                    let mut taken = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let text = format!("{marker} noted ship {}", taken.len());
                        taken.push(app.record(&note(&user, "general", &text, &[marker])));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    taken
                })
            })
            .collect();
        let _at_last = StopAtLast(&stop);
        for _ in 0..MOVES {
            let (seen, mut patience) = (count.load(Ordering::Relaxed), Patience::begun());
            while count.load(Ordering::Relaxed) < seen + 10 {
                patience.check("nothing is taken");
            }
            let from = server.directory.get_tenant(tenant).unwrap().shard;
            let to = json!({"shard": 1 - from.0});
            let path = format!("/tenants/{tenant}/move");
            let moved = administer_with(&server, "POST", &path, Some(&to));
            assert_eq!(moved["state"], "moved", "{moved}");
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(answers(), before);
    for (writer, taken) in taken.iter().enumerate() {
        for resource in taken {
            assert_eq!(app.completed(resource)["factsWritten"], 1);
        }
        assert_eq!(app.fact_count(&user(writer)), taken.len() as u64);
    }
    let no = kept::number_of(&server, tenant);
    let facts = kept::count_of(&server, no, &[Kind::Fact]) as u64;
    let total = taken.iter().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(facts, total + app.fact_count("stays"), "on both shards together");
    for writer in 0..WRITERS {
        app.forget(&user(writer), None);
    }
    assert!(!kept::records(&server).to_lowercase().contains(&marker.to_lowercase()));
    assert_eq!(
        ["context", "categories", "entities"].map(|what| app.about(what, "stays").ok()),
        before
    );
}
