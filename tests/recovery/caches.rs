//! Damage to what can be made again: index caches, their directory, storage snapshots.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hebbd::types::{Clock, ManualClock, SystemClock};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::TestServer;

const ATOMS: usize = 270;
/// Requests made at most while a graph is built in the background.
const REQUESTS_MAX: u32 = 1 << 16;

fn start(data_dir: &Path, clock: &Arc<ManualClock>) -> TestServer {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    TestServer::start_with(data_dir, clock, |config| {
        config.index.exact_rows_max = 256;
        config.shards.defaults.idle_evict_s = 1;
    })
}

/// A name, and what it does given the path of the index cache.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path));

/// Every file below a directory whose name has this end.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    found
}

fn content(number: usize) -> String {
    let token = blake3::hash(&number.to_be_bytes()).to_hex();
    format!("Parcel {} waits at counter {number}", &token[..12])
}

/// What the server says of everything, without what reading itself changes.
fn answers(client: &mut Client) -> Value {
    let mut export = client.export();
    for atom in &mut export {
        let atom = atom.as_object_mut().unwrap();
        atom.remove("access_count");
        atom.remove("last_accessed_at");
    }
    let best: Vec<Value> = (0..ATOMS)
        .step_by(29)
        .map(|number| {
            let token = content(number);
            let found = client.read(&json!({"query": &token[..19], "top_k": 1}));
            found["items"][0]["content"].clone()
        })
        .collect();
    json!({"stats": client.stats(), "export": export, "best": best})
}

/// Uses and closes the tenant until it was closed with a graph. Whether one is built cannot be
/// seen from outside, so each try uses the tenant for longer before it is closed.
async fn save_a_cache(
    server: &TestServer,
    client: &mut Client,
    clock: &ManualClock,
    data_dir: &Path,
) {
    for requests in (4..).map(|doublings| 1 << doublings).take_while(|n| *n < REQUESTS_MAX) {
        for _ in 0..requests {
            client.stats();
        }
        clock.advance(Duration::from_secs(2));
        server.registry.evict_idle().await;
        if !files(data_dir, "hnsw").is_empty() {
            return;
        }
    }
    panic!("no index cache was ever saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_caches_and_snapshots_change_no_answer() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path();
    let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
    let server = start(path, &clock);
    let key = server.new_key(server.new_tenant("local")).secret.expose_secret().to_owned();
    let mut client = Client::new(&server.base_url, &key);
    let items: Vec<Value> = (0..ATOMS).map(|number| json!({"content": content(number)})).collect();
    assert_eq!(client.write_batch(&items)["stored_count"], ATOMS);
    let expected = answers(&mut client);
    assert_eq!(expected["best"][3], json!(content(87)));
    save_a_cache(&server, &mut client, &clock, path).await;
    server.stop();
    let cache = files(path, "hnsw").pop().expect("a cache was saved");
    let sound = fs::read(&cache).unwrap();

    let damages: [Damage<'_>; 7] = [
        ("no damage", &|_| {}),
        ("one bit of the cache", &|cache| {
            let mut bytes = fs::read(cache).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(cache, bytes).unwrap();
        }),
        ("a cache cut short", &|cache| {
            let bytes = fs::read(cache).unwrap();
            fs::write(cache, &bytes[..bytes.len() - 100]).unwrap();
        }),
        ("an empty cache", &|cache| fs::write(cache, b"").unwrap()),
        ("no index directory", &|cache| {
            fs::remove_dir_all(cache.parent().unwrap().parent().unwrap()).unwrap();
        }),
        ("a file in place of the tenant's index directory", &|cache| {
            fs::remove_dir_all(cache.parent().unwrap()).unwrap();
            fs::write(cache.parent().unwrap(), b"in the way").unwrap();
        }),
        ("damaged snapshots", &|cache| {
            let shard = cache.parent().unwrap().parent().unwrap().parent().unwrap();
            let store = shard.join("store");
            for entry in fs::read_dir(&store).unwrap() {
                let entry = entry.unwrap().path();
                if entry.file_name().unwrap().to_string_lossy().starts_with("snap.") {
                    fs::write(entry, b"damaged").unwrap();
                }
            }
            fs::write(store.join("snap.00000000000000AA.generating"), b"half").unwrap();
        }),
    ];
    for (damage, apply) in damages {
        fs::create_dir_all(cache.parent().unwrap()).unwrap();
        fs::write(&cache, &sound).unwrap();
        apply(&cache);
        let server = start(path, &clock);
        let mut client = Client::new(&server.base_url, &key);
        assert!(answers(&mut client) == expected, "after {damage}");
        server.stop();
        if cache.parent().unwrap().is_file() {
            // The operator's to remove; the server never deletes what it does not know.
            fs::remove_file(cache.parent().unwrap()).unwrap();
        }
    }
}
