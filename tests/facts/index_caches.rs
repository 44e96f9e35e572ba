//! A graph over the vectors of a user's facts is kept in a file; what was forgotten is in none.

use std::collections::HashSet;
use std::path::Path;

use hebbd::storage::decode;
use hebbd::storage::keys::Kind;
use hebbd::storage::records::EntryRecord;
use hebbd::types::TenantId;

use crate::app::{App, Patience, domain_of_notes, note, question};
use crate::support::TestServer;
use crate::{kept, start_with};

const USER: &str = "ada";
/// The fewest rows that may have a graph.
const EXACT_ROWS_MAX: usize = 256;
const FACTS: usize = 300;

fn start(data_dir: &Path) -> TestServer {
    start_with(data_dir, |config| {
        config.shards.defaults.index.exact_rows_max = Some(EXACT_ROWS_MAX);
    })
}

/// The vectors of all facts, as an index holds them.
fn vectors(server: &TestServer, tenant: TenantId) -> Vec<Vec<u8>> {
    let records = kept::records_of(server, kept::number_of(server, tenant));
    let entries = records.iter().filter(|(key, _)| key[8] == Kind::Entry as u8);
    let vectors = entries.map(|(_, value)| decode::<EntryRecord>(value).unwrap().vector.unwrap());
    vectors.map(|vector| vector.values).collect()
}

fn hold_any(data_dir: &Path, vectors: &[Vec<u8>]) -> bool {
    let length = vectors[0].len();
    let beginnings: HashSet<&[u8]> = vectors.iter().map(|vector| &vector[..8]).collect();
    let is_one = |window: &[u8]| {
        beginnings.contains(&window[..8]) && vectors.iter().any(|vector| vector == window)
    };
    let files = kept::files_of(data_dir, "index");
    let mut caches = files.iter().map(|path| std::fs::read(path).unwrap());
    caches.any(|cache| cache.windows(length).any(is_one))
}

/// Has a graph over a user's facts saved and forgets those at work: no file holds one of their
/// vectors, at once and after a restart.
fn check(at_home: usize, category: Option<&str>) {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = Some(start(data_dir.path()));
    let tenant = server.as_ref().unwrap().new_tenant("local");
    let mut app = App::of(server.as_ref().unwrap(), tenant);
    app.configure(&domain_of_notes(&["work", "home"]));
    let tell = |app: &mut App, category: &str, count: usize| {
        let texts = (0..count).map(|number| {
            let token = blake3::hash(format!("{category} {number}").as_bytes()).to_hex();
            format!("Crate {} holds {} and {}", &token[..8], &token[8..16], &token[16..24])
        });
        let taken: Vec<_> =
            texts.map(|text| app.record(&note(USER, category, &text, &[]))).collect();
        taken.iter().for_each(|resource| drop(app.completed(resource)));
        vectors(server.as_ref().unwrap(), tenant)
    };
    let before = tell(&mut app, "home", at_home);
    let mut gone = tell(&mut app, "work", FACTS);
    gone.retain(|vector| !before.contains(vector));
    assert_eq!(gone.len(), FACTS);
    // It is saved as the server stops, provided that it was built by then: each try leaves it
    // twice the time of the one before.
    let (mut questions, mut patience) = (16, Patience::begun());
    loop {
        for _ in 0..questions {
            app.post("/v1/retrieve", &question(USER, "What does the crate hold?")).ok();
        }
        questions *= 2;
        server.take().unwrap().stop();
        let is_saved = hold_any(data_dir.path(), &gone);
        server = Some(start(data_dir.path()));
        app = app.at(&server.as_ref().unwrap().base_url);
        if is_saved {
            break;
        }
        patience.check("no graph is ever saved");
    }
    assert_eq!(app.forget(USER, category)["items"], FACTS);
    assert!(!hold_any(data_dir.path(), &gone), "at once");
    server.take().unwrap().stop();
    assert!(!hold_any(data_dir.path(), &gone), "after a restart");
    let server = start(data_dir.path());
    app = app.at(&server.base_url);
    assert_eq!(app.fact_count(USER), at_home as u64);
}

#[test]
fn no_index_cache_holds_facts_of_a_forgotten_user() {
    check(0, None);
}

#[test]
fn no_index_cache_holds_facts_of_a_forgotten_category() {
    check(40, Some("work"));
}
