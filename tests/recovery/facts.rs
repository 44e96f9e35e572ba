//! `kill -9` while facts are drawn from what came in: whatever was acknowledged is read to its end
//! after the restart, its facts are there exactly once, and nothing that was shown of its way is
//! taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::app::{App, Patience, UNHURRIED, domain_of_notes, note, taken_id};
use crate::process::{ServerProcess, credentials};
use crate::seed::seeded;

const KILLS: usize = 14;
const WRITERS: usize = 4;
const USERS: [&str; 3] = ["ann", "ben", "carl"];

/// How far something has come, in order.
const STATES: [&str; 4] = ["queued", "extracting", "writing", "completed"];

/// A killed attempt counts as a failed one. An operator's patience, and no pauses.
pub(crate) const MANY_ATTEMPTS: &[&str] = &[
    "--set",
    "jobs.attempts_max=1000",
    "--set",
    "jobs.backoff_initial_ms=1",
    "--set",
    "jobs.backoff_max_ms=1",
];

/// A server with an app, killed and started again on the same directory.
pub(crate) struct Town {
    data_dir: tempfile::TempDir,
    flags: Vec<&'static str>,
    /// `None` between a kill and the next start.
    server: Option<ServerProcess>,
    pub(crate) app: App,
}

impl Town {
    pub(crate) fn open(flags: &[&[&'static str]]) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let flags = [&[UNHURRIED, MANY_ATTEMPTS], flags].concat().concat();
        let server = ServerProcess::start(data_dir.path(), &flags);
        let known = &credentials(data_dir.path())["magneteco"];
        let [id, key] = ["app_id", "api_key"].map(|name| known[name].as_str().unwrap());
        let mut app = App::new(&server.base_url, id, key);
        app.configure(&domain_of_notes(&["general"]));
        Self { data_dir, flags, server: Some(server), app }
    }

    pub(crate) fn server(&self) -> &ServerProcess {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    pub(crate) fn start(&mut self) {
        let server = ServerProcess::start(self.data_dir.path(), &self.flags);
        self.app = self.app.at(&server.base_url);
        self.server = Some(server);
    }

    /// Lets so many moments pass: answers of a route that no app has a part in.
    pub(crate) fn pass(&self, moments: usize) {
        let mut client = self.server().client();
        for _ in 0..moments {
            assert_eq!(client.get("/health").status, 200);
        }
    }

    pub(crate) fn stop(mut self) {
        self.server.take().unwrap().stop();
    }
}

/// Something that is sent to be remembered, with words that nothing else has.
#[derive(Debug, Clone)]
struct Sent {
    user: &'static str,
    path: &'static str,
    body: Value,
}

impl Sent {
    fn any(rng: &mut SmallRng) -> (String, Self) {
        let token = format!("T{:016x}", rng.random::<u64>());
        let user = USERS[rng.random_range(0..USERS.len())];
        let (path, body) = match rng.random_range(0..4) {
            0 => ("/v1/memorize", document(user, &token, rng.random_range(1..60))),
            1 => {
                let mut delivery = note(user, "general", &text(&token, 0), &[&token]);
                delivery["eventId"] = json!(token);
                ("/v1/webhooks/custom", delivery)
            }
            _ => ("/v1/events", note(user, "general", &text(&token, 0), &[&token])),
        };
        (token, Self { user, path, body })
    }

    /// Whether it is the same when it is sent again.
    fn is_known_again(&self) -> bool {
        self.path.ends_with("custom")
    }

    fn is_one_fact(&self) -> bool {
        self.body["contentType"].is_null()
    }
}

fn text(token: &str, number: usize) -> String {
    format!("Keeper {token} of the lighthouse noted ship {number} of Farholm Shipping.")
}

pub(crate) fn document(user: &str, token: &str, sentences: usize) -> Value {
    let content: Vec<String> = (0..sentences).map(|number| text(token, number)).collect();
    json!({"userId": user, "content": content.join("\n\n"), "contentType": "document"})
}

/// What the writers know, by token.
#[derive(Debug, Default)]
struct Ledger {
    /// With the ids that were answered.
    acknowledged: BTreeMap<String, (Sent, String)>,
    /// Sent, but the connection broke before the answer.
    unknown: BTreeMap<String, Sent>,
    /// How far each id was shown to have come.
    shown: BTreeMap<String, usize>,
}

/// Sends until the connection breaks.
fn write(app: &mut App, rng: &mut SmallRng, ledger: &Mutex<Ledger>, answers: &AtomicU64) {
    loop {
        let (token, sent) = Sent::any(rng);
        let Ok(answer) = app.try_post(sent.path, &sent.body) else {
            ledger.lock().unwrap().unknown.insert(token, sent);
            return;
        };
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        let id = taken_id(&answer);
        ledger.lock().unwrap().acknowledged.insert(token, (sent, id));
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks how far anything has come until the connection breaks.
fn watch(app: &mut App, rng: &mut SmallRng, ledger: &Mutex<Ledger>) {
    loop {
        let known = ledger.lock().unwrap();
        let ids: Vec<&String> = known.acknowledged.values().map(|(_, id)| id).collect();
        let id = (!ids.is_empty()).then(|| ids[rng.random_range(0..ids.len())].clone());
        drop(known);
        let path = id.as_ref().map(|id| format!("/v1/memorize/{id}/status"));
        let Ok(answer) = app.try_send("GET", path.as_deref().unwrap_or("/health"), None) else {
            return;
        };
        if let Some(id) = id {
            let stage = stage_of(&answer.ok());
            let mut ledger = ledger.lock().unwrap();
            let shown = ledger.shown.entry(id).or_default();
            *shown = stage.max(*shown);
        }
    }
}

fn stage_of(status: &Value) -> usize {
    let stage = STATES.iter().position(|state| status["status"] == *state);
    stage.unwrap_or_else(|| panic!("{status}"))
}

/// Lets writers and a watcher run until so many answers came, and kills the server.
fn write_until_killed(town: &mut Town, rng: &mut SmallRng, ledger: &mut Ledger) {
    let (kill_after, moments) = (rng.random_range(0..40_u64), rng.random_range(0..20_usize));
    let shared = Mutex::new(std::mem::take(ledger));
    let answers = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            let mut app = town.app.at(&town.server().base_url);
            let mut rng = SmallRng::seed_from_u64(rng.random());
            let (shared, answers) = (&shared, &answers);
            scope.spawn(move || write(&mut app, &mut rng, shared, answers));
        }
        let mut app = town.app.at(&town.server().base_url);
        let mut own = SmallRng::seed_from_u64(rng.random());
        let watched = &shared;
        scope.spawn(move || watch(&mut app, &mut own, watched));
        let mut patience = Patience::begun();
        while answers.load(Ordering::Relaxed) < kill_after {
            patience.check("the server answers nothing");
        }
        town.pass(moments);
        town.kill();
    });
    *ledger = shared.into_inner().unwrap();
}

/// What is there of each token: every text once.
fn facts(town: &Town) -> BTreeMap<String, BTreeSet<String>> {
    let mut facts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for atom in town.server().client().export() {
        assert_eq!(atom["superseded_by"], Value::Null, "{atom}");
        let text = atom["content"].as_str().unwrap();
        let token = text.split_whitespace().find(|word| word.starts_with('T')).unwrap();
        let is_new = facts.entry(token.to_owned()).or_default().insert(text.to_owned());
        assert!(is_new, "it is there twice: {text}");
    }
    facts
}

/// What was acknowledged is there, and no less far than it was shown to be.
fn check_after_restart(town: &mut Town, ledger: &mut Ledger) -> usize {
    let mut unfinished = 0;
    for (_, id) in ledger.acknowledged.values() {
        let stage = stage_of(&town.app.status(id).ok());
        let shown = ledger.shown.entry(id.clone()).or_default();
        assert!(stage >= *shown, "{id} fell from {} to {}", STATES[*shown], STATES[stage]);
        *shown = stage;
        unfinished += usize::from(stage + 1 < STATES.len());
    }
    facts(town);
    unfinished
}

#[test]
fn what_was_acknowledged_is_read_exactly_once_over_kills() {
    let mut rng = seeded("kills while facts are drawn");
    let mut town = Town::open(&[]);
    let mut ledger = Ledger::default();
    let mut interrupted = 0;
    for round in 0..KILLS {
        if round % 3 == 2 {
            // Nobody writes; what waits is read.
            town.pass(rng.random_range(0..40));
            town.kill();
        } else {
            write_until_killed(&mut town, &mut rng, &mut ledger);
        }
        town.start();
        interrupted += usize::from(check_after_restart(&mut town, &mut ledger) > 0);
        // A provider that was not answered delivers again.
        let again: Vec<String> = ledger.unknown.keys().cloned().collect();
        for token in again {
            if ledger.unknown[&token].is_known_again() {
                let sent = ledger.unknown.remove(&token).unwrap();
                let id = town.app.take(sent.path, &sent.body);
                ledger.acknowledged.insert(token, (sent, id));
            }
        }
    }
    println!(
        "{} acknowledged, {} unknown; {interrupted} of {KILLS} kills came before the end",
        ledger.acknowledged.len(),
        ledger.unknown.len()
    );
    assert!(interrupted > 0, "no kill came before the end");
    check_the_end(&mut town, &ledger);
    town.kill();
    town.start();
    check_the_end(&mut town, &ledger);
    town.stop();
}

/// Everything is completed, and the facts are those that the resources say they brought.
fn check_the_end(town: &mut Town, ledger: &Ledger) {
    let mut written = BTreeMap::new();
    for (token, (sent, id)) in &ledger.acknowledged {
        let status = town.app.completed(id);
        assert_eq!(status["factsWritten"], status["factsExtracted"], "{status}");
        let count = status["factsWritten"].as_u64().unwrap();
        assert!(count > 0 && (!sent.is_one_fact() || count == 1), "{status}");
        written.insert(token.clone(), count);
    }
    // What was taken without an answer is read to its end too; it is as much as anybody's.
    town.app.remember("last", &text("Tlast", 0));
    let found = facts(town);
    for (token, sent) in &ledger.unknown {
        if found.contains_key(token) {
            let mut again = sent.body.clone();
            again["userId"] = json!("again");
            let id = town.app.take(sent.path, &again);
            let expected = town.app.completed(&id)["factsWritten"].as_u64().unwrap();
            written.insert(token.clone(), expected);
            town.app.forget("again", None);
        }
    }
    for (token, count) in &written {
        let there = found.get(token).map_or(0, BTreeSet::len);
        assert_eq!(there as u64, *count, "facts of {token}");
    }
    let mut by_user: BTreeMap<&str, u64> = BTreeMap::new();
    let all = ledger.acknowledged.iter().map(|(token, (sent, _))| (token, sent));
    for (token, sent) in all.chain(&ledger.unknown) {
        *by_user.entry(sent.user).or_default() += written.get(token).copied().unwrap_or(0);
    }
    for (user, count) in by_user {
        assert_eq!(town.app.fact_count(user), count, "facts of {user}");
    }
    town.app.forget("last", None);
}
