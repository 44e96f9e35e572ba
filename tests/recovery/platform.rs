//! `kill -9` while messages are written to sessions and sessions are deleted: whatever was
//! acknowledged is there in order, a deleted session is nowhere, and one whose deletion nobody was
//! told of is gone, or there and to be deleted again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::app::Patience;
use crate::caller::{Caller, UNCOUNTED, id_of};
use crate::process::{ServerProcess, credentials};
use crate::seed::seeded;

const KILLS: usize = 10;
const WRITERS: u64 = 4;

/// What one writer knows of a session of its own.
#[derive(Debug, Default)]
struct Told {
    /// Messages that were acknowledged, as they were written: id and text.
    messages: Vec<(String, String)>,
    /// Texts whose writing nobody acknowledged.
    unknown: BTreeSet<String>,
    fate: Fate,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Fate {
    #[default]
    Kept,
    /// Its deletion was asked for, and never answered.
    Doubtful,
    Deleted,
}

/// Sessions of one writer, by id.
type Ledger = BTreeMap<String, Told>;

fn text(rng: &mut SmallRng) -> String {
    format!("Keeper {:016x} of the lighthouse noted a ship.", rng.random::<u64>())
}

/// Writes and deletes until the connection breaks.
fn write(caller: &mut Caller, rng: &mut SmallRng, ledger: &mut Ledger, answers: &AtomicU64) {
    loop {
        let kept: Vec<String> = ledger
            .iter()
            .filter(|(_, it)| it.fate == Fate::Kept)
            .map(|(id, _)| id.clone())
            .collect();
        let answered = match rng.random_range(0..30) {
            _ if kept.is_empty() => begin(caller, ledger),
            0 => begin(caller, ledger),
            1 if kept.len() > 1 => {
                let session = &kept[rng.random_range(0..kept.len())];
                delete(caller, session, ledger.get_mut(session).unwrap())
            }
            _ => {
                // Few of them become long.
                let session = &kept[rng.random_range(0..kept.len().min(3))];
                say(caller, session, text(rng), ledger.get_mut(session).unwrap())
            }
        };
        if !answered {
            return;
        }
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

fn begin(caller: &mut Caller, ledger: &mut Ledger) -> bool {
    let body = json!({"metadata": {"by": "a writer"}});
    let Ok(answer) = caller.try_send("POST", "/sessions", Some(&body)) else { return false };
    ledger.insert(id_of(&answer.ok()), Told::default());
    true
}

fn say(caller: &mut Caller, session: &str, text: String, told: &mut Told) -> bool {
    let body = json!({"type": "user_message", "content": text});
    let path = format!("/sessions/{session}/messages");
    let Ok(answer) = caller.try_send("POST", &path, Some(&body)) else {
        told.unknown.insert(text);
        return false;
    };
    told.messages.push((id_of(&answer.ok()), text));
    true
}

fn delete(caller: &mut Caller, session: &str, told: &mut Told) -> bool {
    let Ok(answer) = caller.try_send("DELETE", &format!("/sessions/{session}"), None) else {
        told.fate = Fate::Doubtful;
        return false;
    };
    assert_eq!(answer.ok()["status"], "deleted");
    told.fate = Fate::Deleted;
    true
}

struct Town {
    data_dir: tempfile::TempDir,
    server: Option<ServerProcess>,
    caller: Caller,
}

impl Town {
    fn open() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = ServerProcess::start(data_dir.path(), UNCOUNTED);
        let known = &credentials(data_dir.path())["metorial"];
        let caller = Caller::new(&server.base_url, known["secret_key"].as_str().unwrap());
        Self { data_dir, server: Some(server), caller }
    }

    fn server(&self) -> &ServerProcess {
        self.server.as_ref().unwrap()
    }

    /// Kills it and starts it again.
    fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
        let server = ServerProcess::start(self.data_dir.path(), UNCOUNTED);
        self.caller = self.caller.at(&server.base_url);
        self.server = Some(server);
    }

    /// Lets writers run until so many answers came, and kills the server.
    fn write_until_killed(&mut self, rng: &mut SmallRng, ledgers: &mut [Ledger]) {
        let kill_after = rng.random_range(20..400_u64);
        let answers = AtomicU64::new(0);
        let server = self.server.take().unwrap();
        std::thread::scope(|scope| {
            for ledger in ledgers {
                let mut caller = self.caller.at(&server.base_url);
                let mut rng = SmallRng::seed_from_u64(rng.random());
                let answers = &answers;
                scope.spawn(move || write(&mut caller, &mut rng, ledger, answers));
            }
            let mut patience = Patience::begun();
            while answers.load(Ordering::Relaxed) < kill_after {
                patience.check("the server answers nothing");
            }
            server.kill();
        });
        self.restart();
    }

    /// What is there is what was acknowledged. Answers the ids of sessions that nobody knows of.
    fn check(&mut self, ledgers: &mut [Ledger]) -> Vec<String> {
        let sessions = self.caller.all("/sessions");
        let listed: BTreeMap<String, Value> =
            sessions.into_iter().map(|session| (id_of(&session), session)).collect();
        let mut by_session: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for message in self.caller.all("/session-messages") {
            let session = message["session_id"].as_str().unwrap().to_owned();
            let text = message["content"]["text"].as_str().unwrap().to_owned();
            by_session.entry(session).or_default().push((id_of(&message), text));
        }
        self.check_memories(&by_session);
        for (id, told) in ledgers.iter_mut().flatten() {
            let there = by_session.get(id).map_or(&[][..], Vec::as_slice);
            let is_there = self.check_one(id, told, listed.get(id), there);
            if told.fate == Fate::Doubtful && !is_there {
                told.fate = Fate::Deleted;
            }
        }
        let is_known = |id: &String| ledgers.iter().any(|ledger| ledger.contains_key(id));
        assert!(by_session.keys().all(|id| listed.contains_key(id)), "messages of no session");
        listed.into_keys().filter(|id| !is_known(id)).collect()
    }

    /// One session; answers whether it is there.
    fn check_one(
        &mut self,
        id: &str,
        told: &Told,
        listed: Option<&Value>,
        there: &[(String, String)],
    ) -> bool {
        let answer = self.caller.get(&format!("/sessions/{id}"));
        assert_eq!(answer.status == 200, listed.is_some(), "{answer:?}");
        let Some(session) = listed else {
            assert_ne!(told.fate, Fate::Kept, "the session {id} is lost: {told:?}");
            assert_eq!(answer.status, 404);
            assert_eq!(there, [], "messages of a session that is not there");
            for (message, _) in told.messages.iter().take(3) {
                let path = format!("/session-messages/{message}");
                assert_eq!(self.caller.get(&path).status, 404);
            }
            return false;
        };
        assert_ne!(told.fate, Fate::Deleted, "the session {id} is back");
        let count = &session["usage"]["total_productive_message_count"];
        assert_eq!(*count, there.len(), "{session}");
        let mut left = told.messages.iter();
        for (message, text) in there {
            if told.unknown.contains(text) {
                continue;
            }
            // In their order; of one that was to be deleted some are gone.
            let found = match told.fate {
                Fate::Kept => left.next(),
                _ => left.find(|(known, _)| known == message),
            };
            assert_eq!(found, Some(&(message.clone(), text.clone())), "in {id}");
        }
        if told.fate == Fate::Kept {
            assert_eq!(left.next(), None, "a message of {id} is lost");
        }
        true
    }

    /// Every message is a memory, and every memory a message.
    fn check_memories(&self, by_session: &BTreeMap<String, Vec<(String, String)>>) {
        let mut texts = BTreeSet::new();
        for (_, text) in by_session.values().flatten() {
            assert!(texts.insert(text.clone()), "it is there twice: {text}");
        }
        let mut memories = BTreeSet::new();
        for atom in self.server().client().export() {
            let text = atom["content"].as_str().unwrap().to_owned();
            assert!(memories.insert(text), "it is there twice: {atom}");
        }
        assert_eq!(memories, texts, "memories and messages");
    }
}

#[test]
fn messages_and_deletions_that_were_acknowledged_outlive_kills() {
    let mut rng = seeded("kills while messages are written");
    let mut town = Town::open();
    let mut ledgers: Vec<Ledger> = (0..WRITERS).map(|_| Ledger::new()).collect();
    let mut newest = String::new();
    for _ in 0..KILLS {
        town.write_until_killed(&mut rng, &mut ledgers);
        let strangers = town.check(&mut ledgers);
        // What was begun and never acknowledged is as good as any: it can be deleted.
        for id in strangers {
            assert_eq!(town.caller.delete(&format!("/sessions/{id}")).ok()["status"], "deleted");
        }
        for (id, told) in ledgers.iter_mut().flatten() {
            if told.fate == Fate::Doubtful {
                let answer = town.caller.delete(&format!("/sessions/{id}"));
                assert_eq!(answer.ok()["status"], "deleted");
                told.fate = Fate::Deleted;
            }
        }
        assert_eq!(town.check(&mut ledgers), [""; 0]);
        // Ids go on from where they were.
        let next = town.caller.create("/sessions", &json!({}));
        assert!(next > newest, "{next} after {newest}");
        newest = next.clone();
        ledgers[0].insert(next, Told::default());
    }
    town.restart();
    assert_eq!(town.check(&mut ledgers), [""; 0]);
    let messages: usize = ledgers.iter().flatten().map(|(_, told)| told.messages.len()).sum();
    let deleted = ledgers.iter().flatten().filter(|(_, told)| told.fate == Fate::Deleted).count();
    println!("{messages} messages acknowledged, {deleted} sessions deleted");
    assert!(deleted > 5 && messages > 200, "too little happened");
    town.server.take().unwrap().stop();
}

/// One long session, so that its deletion takes many steps, and a kill in the middle of them.
#[test]
fn a_deletion_that_was_cut_off_leaves_a_session_that_can_be_deleted_again() {
    let mut rng = seeded("kills while a session is deleted");
    let mut town = Town::open();
    for round in 0..4 {
        let session = town.caller.create("/sessions", &json!({"name": "long"}));
        let mut told = Told { fate: Fate::Doubtful, ..Told::default() };
        for _ in 0..300 {
            let text = text(&mut rng);
            told.messages.push((town.caller.say(&session, &text), text));
        }
        let server = town.server.take().unwrap();
        let pause = rng.random_range(0..30_usize);
        let answered = std::thread::scope(|scope| {
            let mut caller = town.caller.at(&server.base_url);
            let path = format!("/sessions/{session}");
            let deleting = scope.spawn(move || caller.try_send("DELETE", &path, None).is_ok());
            let mut watch = server.client();
            for _ in 0..pause {
                assert_eq!(watch.get("/health").status, 200);
            }
            server.kill();
            deleting.join().unwrap()
        });
        if answered {
            told.fate = Fate::Deleted;
        }
        town.restart();
        let mut ledgers = [Ledger::from([(session.clone(), told)])];
        assert_eq!(town.check(&mut ledgers), [""; 0]);
        let fate = ledgers[0][&session].fate;
        println!("round {round}: {fate:?} after {pause} moments");
        if fate == Fate::Doubtful {
            town.caller.delete(&format!("/sessions/{session}")).ok();
            ledgers[0].get_mut(&session).unwrap().fate = Fate::Deleted;
            assert_eq!(town.check(&mut ledgers), [""; 0]);
        }
    }
    town.server.take().unwrap().stop();
}
