//! Rounds of writing and `kill -9` on one data directory, checked after each restart against what
//! the writers were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::ServerProcess;
use crate::seed::seeded;

const ROUNDS: usize = 30;
const WRITERS: usize = 16;
/// A server that acknowledges nothing for this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// An atom a writer asked for.
#[derive(Debug, Clone)]
struct Asked {
    item: Value,
    /// Its batch and how many items that has; none for a single write.
    batch: Option<(u64, usize)>,
}

impl Asked {
    fn external_ref(&self) -> &str {
        self.item["external_ref"].as_str().unwrap()
    }
}

/// What the writers know. An external reference names an atom.
#[derive(Debug, Default)]
struct Ledger {
    /// Acknowledged, with the id they were given.
    stored: BTreeMap<String, (String, Asked)>,
    /// Whose delete was acknowledged, with their former id.
    deleted: BTreeMap<String, String>,
    /// Asked for, but the connection broke before the answer.
    unknown: BTreeMap<String, Asked>,
    /// Stored, and asked to be deleted, but the connection broke before the answer.
    maybe_deleted: BTreeSet<String>,
}

impl Ledger {
    fn absorb(&mut self, other: Self) {
        self.stored.extend(other.stored);
        self.deleted.extend(other.deleted);
        self.unknown.extend(other.unknown);
        self.maybe_deleted.extend(other.maybe_deleted);
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_half_done_remains_over_thirty_kills() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut rng = seeded("kills");
    let mut ledger = Ledger::default();
    let mut told = 0;
    for round in 0..ROUNDS {
        let server = ServerProcess::start(data_dir.path(), &[]);
        verify(&mut server.client(), &mut ledger, &mut rng);
        retry_unknown(&mut server.client(), &mut ledger);
        let kill_after = rng.random_range(0..60);
        told += write_until_killed(server, round, kill_after, &mut ledger, &mut rng);
        // Some caches are saved, and then grow old over the kills that follow.
        if round % 10 == 5 {
            stop_in_order(data_dir.path());
        }
    }
    let server = ServerProcess::start(data_dir.path(), &[]);
    verify(&mut server.client(), &mut ledger, &mut rng);
    println!(
        "{told} acknowledgements over {ROUNDS} kills; {} atoms, {} deleted",
        ledger.stored.len(),
        ledger.deleted.len()
    );
    assert!(ledger.stored.len() > ROUNDS && !ledger.deleted.is_empty());
    server.stop();
}

fn stop_in_order(data_dir: &Path) {
    let server = ServerProcess::start(data_dir, &[]);
    server.client().stats();
    server.stop();
}

/// Lets writers run until so many answers came, kills the server, and answers how many did.
fn write_until_killed(
    server: ServerProcess,
    round: usize,
    kill_after: u64,
    ledger: &mut Ledger,
    rng: &mut SmallRng,
) -> u64 {
    let answers = AtomicU64::new(0);
    let (answered, answering) = mpsc::channel();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (client, answered, answers) = (server.client(), answered.clone(), &answers);
                let rng = SmallRng::seed_from_u64(rng.random());
                let name = format!("{round}-{number}");
                let writer = Writer { name, client, rng, next: 0, ledger: Ledger::default() };
                scope.spawn(move || {
                    writer.run(|| {
                        answers.fetch_add(1, Ordering::Relaxed);
                        // The main thread listens until it kills.
                        let _killed = answered.send(());
                    })
                })
            })
            .collect();
        for _ in 0..kill_after {
            answering.recv_timeout(PATIENCE).expect("the server answers");
        }
        server.kill();
        for writer in writers {
            ledger.absorb(writer.join().unwrap());
        }
    });
    answers.into_inner()
}

struct Writer {
    name: String,
    client: Client,
    rng: SmallRng,
    next: u64,
    ledger: Ledger,
}

impl Writer {
    /// Works until the connection breaks.
    fn run(mut self, mut note_answer: impl FnMut()) -> Ledger {
        loop {
            let went_on = match self.rng.random_range(0..100) {
                0..50 => self.write_one(),
                50..75 => self.write_batch(),
                75..85 => self.write_again(),
                _ => self.delete(),
            };
            if !went_on {
                return self.ledger;
            }
            note_answer();
        }
    }

    fn ask(&mut self, batch: Option<(u64, usize)>) -> Asked {
        let external_ref = format!("{}-{}", self.name, self.next);
        self.next += 1;
        let token: u64 = self.rng.random();
        let padding = "pad ".repeat(self.rng.random_range(0..50));
        let item = json!({
            "content": format!("Observation {token:016x} of writer {}", self.name),
            "external_ref": external_ref,
            "domain": format!("kills:{}", self.rng.random_range(0..3)),
            "concepts": ["kill", format!("writer {}", self.name)],
            "metadata": {"token": token, "padding": padding, "session_id": self.name},
        });
        Asked { item, batch }
    }

    fn write_one(&mut self) -> bool {
        let asked = self.ask(None);
        let answer = self.client.send("POST", "/api/v1/memory/write", Some(&asked.item));
        let external_ref = asked.external_ref().to_owned();
        match answer {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!(answer["stored"], true, "{answer}");
                let id = answer["atom_id"].as_str().unwrap().to_owned();
                self.ledger.stored.insert(external_ref, (id, asked));
                true
            }
            Err(_) => {
                self.ledger.unknown.insert(external_ref, asked);
                false
            }
        }
    }

    fn write_batch(&mut self) -> bool {
        let size = self.rng.random_range(2..12);
        let batch = self.rng.random();
        let asked: Vec<Asked> = (0..size).map(|_| self.ask(Some((batch, size)))).collect();
        let items: Vec<&Value> = asked.iter().map(|asked| &asked.item).collect();
        let body = json!({ "items": items });
        let answer = self.client.send("POST", "/api/v1/memory/write-batch", Some(&body));
        let named = asked.into_iter().map(|asked| (asked.external_ref().to_owned(), asked));
        match answer {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!(answer["stored_count"], size, "{answer}");
                let results = answer["results"].as_array().unwrap();
                for ((external_ref, asked), result) in named.zip(results) {
                    let id = result["atom_id"].as_str().unwrap().to_owned();
                    self.ledger.stored.insert(external_ref, (id, asked));
                }
                true
            }
            Err(_) => {
                self.ledger.unknown.extend(named);
                false
            }
        }
    }

    /// What a client does that never saw the first answer: it is told the same id.
    fn write_again(&mut self) -> bool {
        let Some((id, asked)) = self.any_stored() else { return self.write_one() };
        match self.client.send("POST", "/api/v1/memory/write", Some(&asked.item)) {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!((&answer["stored"], &answer["atom_id"]), (&json!(true), &json!(id)));
                true
            }
            Err(_) => false,
        }
    }

    fn delete(&mut self) -> bool {
        let Some((id, asked)) = self.any_stored() else { return self.write_one() };
        let external_ref = asked.external_ref().to_owned();
        match self.client.send("DELETE", &format!("/api/v1/memory/atoms/{id}"), None) {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!(answer["deleted"], 1, "{answer}");
                self.ledger.stored.remove(&external_ref);
                self.ledger.deleted.insert(external_ref, id);
                true
            }
            Err(_) => {
                self.ledger.maybe_deleted.insert(external_ref);
                false
            }
        }
    }

    fn any_stored(&mut self) -> Option<(String, Asked)> {
        let count = self.ledger.stored.len();
        let position = (count > 0).then(|| self.rng.random_range(0..count))?;
        self.ledger.stored.values().nth(position).cloned()
    }
}

/// Compares everything the server has with the ledger, and notes in it what became of the
/// requests that had no answer.
fn verify(client: &mut Client, ledger: &mut Ledger, rng: &mut SmallRng) {
    let export = client.export();
    let mut by_ref: BTreeMap<String, &Value> = BTreeMap::new();
    for atom in &export {
        let external_ref = atom["external_ref"].as_str().unwrap().to_owned();
        assert!(by_ref.insert(external_ref, atom).is_none(), "twice: {atom}");
    }
    let ids: BTreeSet<&str> = export.iter().map(|atom| atom["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), export.len(), "an id twice");
    settle_unknown(ledger, &by_ref);

    assert_eq!(export.len(), ledger.stored.len(), "atoms nobody asked for, or too few");
    for (external_ref, (id, asked)) in &ledger.stored {
        let atom = by_ref.get(external_ref).unwrap_or_else(|| panic!("lost: {asked:?}"));
        assert_eq!(atom["id"], json!(id));
        assert_same(&asked.item, atom);
    }
    for (external_ref, id) in &ledger.deleted {
        assert!(!by_ref.contains_key(external_ref), "came back: {external_ref}");
        assert!(!ids.contains(id.as_str()), "came back: {id}");
    }
    assert_stats_agree(client, &export);
    look_up_some(client, ledger, rng);
}

/// A request without an answer may have happened, a batch only as a whole.
fn settle_unknown(ledger: &mut Ledger, by_ref: &BTreeMap<String, &Value>) {
    let mut batches: BTreeMap<(u64, usize), usize> = BTreeMap::new();
    for (external_ref, asked) in &ledger.unknown {
        if let Some(batch) = asked.batch {
            *batches.entry(batch).or_default() += usize::from(by_ref.contains_key(external_ref));
        }
    }
    for ((_, size), present) in batches {
        assert!(present == 0 || present == size, "{present} of a batch of {size}");
    }
    let (present, absent): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut ledger.unknown)
        .into_iter()
        .partition(|(external_ref, _)| by_ref.contains_key(external_ref));
    ledger.unknown = absent;
    for (external_ref, asked) in present {
        let id = by_ref[&external_ref]["id"].as_str().unwrap().to_owned();
        ledger.stored.insert(external_ref, (id, asked));
    }
    for external_ref in std::mem::take(&mut ledger.maybe_deleted) {
        if !by_ref.contains_key(&external_ref) {
            let (id, _) = ledger.stored.remove(&external_ref).unwrap();
            ledger.deleted.insert(external_ref, id);
        }
    }
}

fn assert_same(item: &Value, atom: &Value) {
    for field in ["content", "external_ref", "domain", "concepts", "metadata"] {
        assert_eq!(item[field], atom[field], "{atom}");
    }
}

fn assert_stats_agree(client: &mut Client, export: &[Value]) {
    let stats = client.stats();
    let distinct = |field: &str| -> BTreeSet<&str> {
        export.iter().map(|atom| atom[field].as_str().unwrap()).collect()
    };
    assert_eq!(stats["total_atoms"], export.len());
    assert_eq!(stats["episodes"], export.len());
    assert_eq!(stats["episodic_fingerprints"], distinct("content").len());
    assert_eq!(stats["domains"], json!(distinct("domain")));
}

/// By id, by external reference and by content: a sample of all, live and deleted.
fn look_up_some(client: &mut Client, ledger: &Ledger, rng: &mut SmallRng) {
    let step = (ledger.stored.len() / 30).max(1);
    let start = rng.random_range(0..step);
    for (external_ref, (id, asked)) in ledger.stored.iter().skip(start).step_by(step) {
        assert_same(&asked.item, &client.atom(id).expect("found by id"));
        let found = client.by_external_ref(external_ref).expect("found by reference");
        assert_eq!(found["id"], json!(id));
    }
    for (id, asked) in ledger.stored.values().skip(start).step_by(step * 10) {
        let found = client.read(&json!({"query": asked.item["content"], "top_k": 3}));
        assert_eq!(found["items"][0]["atom_id"], json!(id), "{asked:?}");
    }
    let step = (ledger.deleted.len() / 10).max(1);
    for (external_ref, id) in ledger.deleted.iter().step_by(step) {
        assert!(client.atom(id).is_none() && client.by_external_ref(external_ref).is_none());
    }
}

/// A client that had no answer sends its single writes again; none is doubled.
fn retry_unknown(client: &mut Client, ledger: &mut Ledger) {
    for (external_ref, asked) in std::mem::take(&mut ledger.unknown) {
        if asked.batch.is_some() {
            continue;
        }
        let answer = client.write(&asked.item);
        assert_eq!(answer["stored"], true, "{answer}");
        let id = answer["atom_id"].as_str().unwrap().to_owned();
        ledger.stored.insert(external_ref, (id, asked));
    }
}
