//! `kill -9` between the answer to an ingestion and the end of its enrichment: after restarts
//! every turn is there, and every fact was derived from it exactly once.

use std::collections::BTreeMap;

use hebbd::types::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::process::{ServerProcess, credentials};

/// More than one page of enrichment, so that some of it is always left after an answer.
const TURNS: usize = 320;
const KILLS: usize = 6;
const SESSION: &str = "a session";
/// Nothing here takes this long unless it hangs.
const PATIENCE_US: u64 = 60_000_000;

fn turn(number: usize) -> Value {
    json!({
        "role": "user",
        "text": format!("I work at Factory{number:03} and I live in Town{number:03}."),
        "timestamp": format!("2026-05-08T{:02}:{:02}:00Z", number / 60, number % 60),
    })
}

/// A client that speaks the tex dialect.
struct Tex {
    client: Client,
    token: String,
}

impl Tex {
    fn of(server: &ServerProcess, data_dir: &std::path::Path) -> Self {
        let api_key = credentials(data_dir)["tex"]["api_key"].as_str().unwrap().to_owned();
        let mut client = Client::new(&server.base_url, "");
        let exchanged = client.post("/auth/token-exchange", &json!({"api_key": api_key})).ok();
        let token = exchanged["access_token"].as_str().unwrap().to_owned();
        Self { client, token }
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Authorization: Bearer {}\r\n", self.token);
        self.client.send_with(method, path, body, &bearer).unwrap()
    }

    fn ingest(&mut self, turns: &[Value]) -> Vec<String> {
        let scope = json!({"org_id": null, "session_id": SESSION});
        let body = json!({"scope": scope, "turns": turns});
        let answer = self.call("POST", "/ingestion/memory", Some(&body));
        assert_eq!(answer.status, 202, "{answer:?}");
        let ids = answer.json()["active_fragment_ids"].as_array().unwrap().clone();
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    fn tokens_in(&mut self) -> u64 {
        self.call("GET", "/usage/today", None).ok()["tokens_in_used"].as_u64().unwrap()
    }
}

/// What is remembered, turns and facts apart, each text with how often it is there.
fn remembered(server: &ServerProcess) -> [BTreeMap<String, usize>; 2] {
    let mut found = [BTreeMap::new(), BTreeMap::new()];
    for atom in server.client().export() {
        let is_fact = atom["domain"].as_str().unwrap().ends_with("~facts");
        let text = atom["content"].as_str().unwrap().to_owned();
        *found[usize::from(is_fact)].entry(text).or_default() += 1;
    }
    found
}

/// Looks until every fact is there.
fn wait_for_enrichment(server: &ServerProcess) {
    let clock = SystemClock;
    let ends_at_us = clock.monotonic_micros() + PATIENCE_US;
    while remembered(server)[1].len() < 2 * TURNS {
        assert!(clock.monotonic_micros() < ends_at_us, "the enrichment does not end");
        std::thread::yield_now();
    }
}

#[test]
fn enrichment_that_kills_interrupt_is_done_once_after_the_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let turns: Vec<Value> = (0..TURNS).map(turn).collect();
    let mut server = ServerProcess::start(data_dir.path(), &[]);
    let mut tex = Tex::of(&server, data_dir.path());
    let ids = tex.ingest(&turns);
    let mut interrupted = 0;
    for _ in 0..KILLS {
        server.kill();
        server = ServerProcess::start(data_dir.path(), &[]);
        let [said, facts] = remembered(&server);
        assert_eq!(said.len(), TURNS, "an acknowledged turn is lost");
        assert!(facts.values().all(|count| *count == 1), "a fact was derived twice");
        interrupted += usize::from(facts.len() < 2 * TURNS);
    }
    assert!(interrupted > 0, "no kill came before the end of the enrichment");
    wait_for_enrichment(&server);
    server.stop();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let [said, facts] = remembered(&server);
    assert!(said.values().all(|count| *count == 1), "{said:?}");
    for number in 0..TURNS {
        for fact in
            [format!("user works at Factory{number:03}"), format!("user lives in Town{number:03}")]
        {
            assert_eq!(facts.get(&fact), Some(&1), "{fact}: {facts:?}");
        }
    }
    assert_eq!(facts.len(), 2 * TURNS);
    let mut tex = Tex::of(&server, data_dir.path());
    let charged = tex.tokens_in();
    assert_eq!(tex.ingest(&turns), ids, "a turn that is sent again is the same");
    assert_eq!(tex.tokens_in(), charged, "and is not charged again");
    server.stop();
}
