//! Rounds of work and `kill -9` on one data directory, checked after each restart against what
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
use crate::writer::Writer;

const ROUNDS: usize = 30;
const WRITERS: usize = 8;
/// A server that acknowledges nothing for this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What floats may differ by.
const TOLERANCE: f64 = 1e-4;

/// An atom a writer asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) item: Value,
    /// Its batch and how many items that has; none for a single write.
    pub(crate) batch: Option<(u64, usize)>,
}

impl Asked {
    pub(crate) fn external_ref(&self) -> &str {
        self.item["external_ref"].as_str().unwrap()
    }

    pub(crate) fn superseded(&self) -> impl Iterator<Item = &str> {
        let ids = self.item["supersedes"].as_array();
        ids.into_iter().flatten().map(|id| id.as_str().unwrap())
    }
}

/// An atom that is there.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) asked: Asked,
    pub(crate) valence: f64,
    pub(crate) outcome_count: u64,
    /// An outcome that was reported, but the connection broke before the answer.
    pub(crate) maybe_rated: Option<f64>,
    pub(crate) superseded_by: Option<String>,
}

impl Stored {
    pub(crate) fn new(id: &str, asked: Asked) -> Self {
        Self {
            id: id.to_owned(),
            asked,
            valence: 0.0,
            outcome_count: 0,
            maybe_rated: None,
            superseded_by: None,
        }
    }

    /// One outcome moves a valence by a fifth of what is left.
    pub(crate) fn rate(&mut self, outcome: f64) {
        self.valence += 0.2 * (outcome - self.valence);
        self.outcome_count += 1;
    }

    pub(crate) fn domain(&self) -> &str {
        self.asked.item["domain"].as_str().unwrap()
    }
}

/// What the writers know. An external reference names an atom.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Acknowledged.
    pub(crate) stored: BTreeMap<String, Stored>,
    /// Whose delete was acknowledged, with their former id.
    pub(crate) deleted: BTreeMap<String, String>,
    /// Asked for, but the connection broke before the answer.
    pub(crate) unknown: BTreeMap<String, Asked>,
    /// Stored, and asked to be deleted, but the connection broke before the answer.
    pub(crate) maybe_deleted: BTreeSet<String>,
    /// What was answered to a batch under an idempotency key.
    pub(crate) replies: BTreeMap<String, Value>,
    /// Batches under a key, but the connection broke before the answer.
    pub(crate) unknown_batches: BTreeMap<String, Vec<Asked>>,
}

impl Ledger {
    fn absorb(&mut self, other: Self) {
        self.stored.extend(other.stored);
        self.deleted.extend(other.deleted);
        self.unknown.extend(other.unknown);
        self.maybe_deleted.extend(other.maybe_deleted);
        self.replies.extend(other.replies);
        self.unknown_batches.extend(other.unknown_batches);
    }

    /// Notes an atom that was stored, and what it superseded.
    pub(crate) fn store(&mut self, id: &str, asked: Asked) {
        for superseded in asked.superseded() {
            let stored = self.stored.values_mut().find(|stored| stored.id == superseded);
            stored.unwrap().superseded_by = Some(id.to_owned());
        }
        self.stored.insert(asked.external_ref().to_owned(), Stored::new(id, asked));
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
        replay_some(&mut server.client(), &ledger, &mut rng);
        let kill_after = rng.random_range(0..80);
        told += write_until_killed(server, round, kill_after, &mut ledger, &mut rng);
        // Some caches are saved, and then grow old over the kills that follow.
        if round % 10 == 5 {
            stop_in_order(data_dir.path());
        }
    }
    let server = ServerProcess::start(data_dir.path(), &[]);
    verify(&mut server.client(), &mut ledger, &mut rng);
    let count = |is: fn(&Stored) -> bool| ledger.stored.values().filter(|s| is(s)).count();
    let rated = count(|stored| stored.outcome_count > 0);
    let superseded = count(|stored| stored.superseded_by.is_some());
    let export = server.client().export();
    let merged = export.iter().filter(|atom| !atom["consolidated_into"].is_null()).count();
    println!(
        "{told} acknowledgements over {ROUNDS} kills; {} atoms, {} deleted, {rated} rated, \
         {superseded} superseded, {merged} behind prototypes, {} batches under keys",
        ledger.stored.len(),
        ledger.deleted.len(),
        ledger.replies.len()
    );
    assert!(ledger.stored.len() > ROUNDS && !ledger.deleted.is_empty());
    assert!(rated > 0 && superseded > 0 && merged > 0 && !ledger.replies.is_empty());
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
                let writer = Writer::new(name, client, rng);
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
    for (external_ref, stored) in &ledger.stored {
        let atom = by_ref.get(external_ref).unwrap_or_else(|| panic!("lost: {stored:?}"));
        assert_eq!(atom["id"], json!(stored.id));
        assert_same(&stored.asked.item, atom);
        assert_eq!(atom["superseded_by"], json!(stored.superseded_by), "{atom}");
        let named: Vec<&str> = stored.asked.superseded().collect();
        assert_eq!(atom["supersedes"], json!(named), "{atom}");
        // A prototype has gathered the outcomes of what it stands for; none of those was rated.
        assert_eq!(atom["outcome_count"], stored.outcome_count, "{atom}");
        let valence = atom["valence"].as_f64().unwrap();
        assert!((valence - stored.valence).abs() < TOLERANCE, "{atom}, not {}", stored.valence);
    }
    assert_prototypes_are_there(&export);
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
        ledger.store(by_ref[&external_ref]["id"].as_str().unwrap(), asked);
    }
    for external_ref in std::mem::take(&mut ledger.maybe_deleted) {
        if !by_ref.contains_key(&external_ref) {
            let stored = ledger.stored.remove(&external_ref).unwrap();
            ledger.deleted.insert(external_ref, stored.id);
        }
    }
    for (external_ref, stored) in &mut ledger.stored {
        let Some(outcome) = stored.maybe_rated.take() else { continue };
        if by_ref[external_ref]["outcome_count"] != stored.outcome_count {
            stored.rate(outcome);
        }
    }
}

/// Whatever is behind a prototype names one that is there, in its domain and in reads.
fn assert_prototypes_are_there(export: &[Value]) {
    for atom in export {
        let Some(into) = atom["consolidated_into"].as_str() else { continue };
        let prototype = export.iter().find(|atom| atom["id"] == into);
        let prototype = prototype.unwrap_or_else(|| panic!("no prototype of {atom}"));
        assert_eq!(prototype["atom_type"], "prototype", "{prototype}");
        assert_eq!(prototype["domain"], atom["domain"]);
        for tie in ["consolidated_into", "superseded_by"] {
            assert_eq!(prototype[tie], Value::Null, "{prototype}");
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
    let of_kind = |kind: &str| export.iter().filter(|atom| atom["atom_type"] == kind).count();
    assert_eq!(stats["episodes"], of_kind("episode"));
    assert_eq!(stats["prototypes"], of_kind("prototype"));
    assert_eq!(stats["episodic_fingerprints"], distinct("content").len());
    assert_eq!(stats["domains"], json!(distinct("domain")));
}

/// By id, by external reference and by content: a sample of all, live and deleted.
fn look_up_some(client: &mut Client, ledger: &Ledger, rng: &mut SmallRng) {
    let step = (ledger.stored.len() / 30).max(1);
    let start = rng.random_range(0..step);
    for (external_ref, Stored { id, asked, .. }) in ledger.stored.iter().skip(start).step_by(step) {
        assert_same(&asked.item, &client.atom(id).expect("found by id"));
        let found = client.by_external_ref(external_ref).expect("found by reference");
        assert_eq!(found["id"], json!(id));
    }
    let is_shown = |stored: &&Stored| {
        stored.superseded_by.is_none() && !stored.domain().starts_with("reports")
    };
    let shown = ledger.stored.values().filter(is_shown);
    for Stored { id, asked, .. } in shown.skip(start).step_by(step * 10) {
        let found = client.read(&json!({"query": asked.item["content"], "top_k": 3}));
        assert_eq!(found["items"][0]["atom_id"], json!(id), "{asked:?}");
    }
    let step = (ledger.deleted.len() / 10).max(1);
    for (external_ref, id) in ledger.deleted.iter().step_by(step) {
        assert!(client.atom(id).is_none() && client.by_external_ref(external_ref).is_none());
    }
}

/// A client that had no answer sends its single writes and its batches under a key again; none is
/// doubled. Whatever was stored of the others is known by now.
fn retry_unknown(client: &mut Client, ledger: &mut Ledger) {
    for (key, batch) in std::mem::take(&mut ledger.unknown_batches) {
        let items: Vec<Value> = batch.iter().map(|asked| asked.item.clone()).collect();
        let reply = client.write_batch_once(&items, &key).ok();
        assert_eq!(reply["stored_count"], items.len(), "{reply}");
        for (asked, result) in batch.into_iter().zip(reply["results"].as_array().unwrap()) {
            let id = result["atom_id"].as_str().unwrap();
            match ledger.stored.get(asked.external_ref()) {
                Some(stored) => assert_eq!(stored.id, id, "another id under {key}"),
                None => ledger.store(id, asked),
            }
        }
        ledger.replies.insert(key, reply);
    }
    for (_, asked) in std::mem::take(&mut ledger.unknown) {
        if asked.batch.is_some() {
            continue;
        }
        let answer = client.write(&asked.item);
        assert_eq!(answer["stored"], true, "{answer}");
        ledger.store(answer["atom_id"].as_str().unwrap(), asked);
    }
}

/// A batch under a key is answered as the first time, whatever it says and whatever became of its
/// atoms; it stores nothing.
fn replay_some(client: &mut Client, ledger: &Ledger, rng: &mut SmallRng) {
    let step = (ledger.replies.len() / 10).max(1);
    let start = rng.random_range(0..step);
    let before = client.stats()["total_atoms"].clone();
    for (key, reply) in ledger.replies.iter().skip(start).step_by(step) {
        let item = json!({"content": format!("Sent under {key} by mistake")});
        assert_eq!(&client.write_batch_once(&[item], key).ok(), reply, "under {key}");
    }
    assert_eq!(client.stats()["total_atoms"], before);
}
