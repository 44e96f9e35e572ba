//! What is deleted, alone or with its domain or with everything, is in no answer of any route,
//! whatever it was: a correction or what it corrected, a prototype or what it stood for.

use std::sync::Arc;
use std::time::Duration;

use hebbd::types::{Clock, ManualClock, SystemClock};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::support::TestServer;

const BATCH_KEY: &str = "the batch with the secrets";
const DOMAIN: &str = "secrets";
/// Near-duplicates, so that a consolidation puts all but one behind that one.
const REPORTS: [&str; 6] = [
    "The nightly backup of the orders database to the archive in Frankfurt finishes without errors",
    "A nightly backup of the orders database to the archive in Frankfurt finishes without errors",
    "The nightly backup of our orders database to the archive in Frankfurt finishes without errors",
    "This nightly backup of the orders database to the archive in Frankfurt finishes without errors",
    "The nightly backup of the orders database to our archive in Frankfurt finishes without errors",
    "A nightly backup of our orders database to the archive in Frankfurt finishes without errors",
];

/// A server that can be restarted, a tenant in it, and every secret that was written.
struct Vault {
    data_dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    server: Option<TestServer>,
    key: String,
    client: Client,
    /// Ids with the word that only the atom has.
    secrets: Vec<(String, String)>,
}

fn start(data_dir: &tempfile::TempDir, clock: &Arc<ManualClock>) -> TestServer {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    TestServer::start_with(data_dir.path(), clock, |config| {
        config.server.allow_reset = true;
        config.shards.defaults.idle_evict_s = 1;
    })
}

fn marker(number: usize) -> String {
    format!("Quizzaciously{number:03}")
}

/// A read that finds everything there is.
fn everything(text: &str) -> Value {
    json!({"query": text, "top_k": 100, "min_relevance": 0.0, "include_history": true})
}

impl Vault {
    /// Two corrections of one fact, a group of near-duplicates, some atoms in two domains, all of
    /// it rated and one batch under a key. The word of an atom is in its metadata, and in the
    /// content where contents need not be alike.
    fn filled() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
        let server = start(&data_dir, &clock);
        let key = server.new_key(server.new_tenant("local")).secret.expose_secret().to_owned();
        let client = Client::new(&server.base_url, &key);
        let secrets = Vec::new();
        let mut vault = Self { data_dir, clock, server: Some(server), key, client, secrets };
        vault.fill();
        vault
    }

    fn fill(&mut self) {
        let item = |number: usize, content: &str| {
            json!({
                "content": content,
                "domain": DOMAIN,
                "concepts": ["vault", "keeper"],
                "metadata": {"note": marker(number), "session_id": "cellar"},
                "external_ref": format!("secret {number}"),
                "fingerprint": "print of the secrets",
            })
        };
        let mut items: Vec<Value> = (0..).zip(REPORTS).map(|(at, text)| item(at, text)).collect();
        items.push(item(6, &format!("The code of the vault is {} four", marker(6))));
        items.push(item(7, &format!("Only {} may enter the cellar", marker(7))));
        let answer = self.client.write_batch_once(&items, BATCH_KEY).ok();
        assert_eq!(answer["stored_count"], items.len(), "{answer}");
        for (number, result) in answer["results"].as_array().unwrap().iter().enumerate() {
            self.keep(number, result);
        }
        for number in [8, 9] {
            let content = format!("The code of the vault is now {} {number}", marker(number));
            let mut item = item(number, &content);
            item["supersedes"] = json!([self.id(number - if number == 8 { 2 } else { 1 })]);
            let stored = self.client.write(&item);
            self.keep(number, &stored);
        }
        self.client.write(&json!({"content": "Lunch is at noon", "concepts": ["vault", "noon"]}));
        let ids: Vec<&String> = self.secrets.iter().map(|(id, _)| id).collect();
        let rated = json!({"atom_ids": ids, "outcome": 1, "query_concepts": ["code", "vault"]});
        assert_eq!(self.client.post("/api/v1/memory/feedback", &rated).ok()["updated_count"], 10);
        let body = json!({ "domain": DOMAIN });
        let report = self.client.post("/api/v1/memory/consolidate", &body).ok();
        assert_eq!(report["prototypes_created"], 1, "{report}");
    }

    fn keep(&mut self, number: usize, stored: &Value) {
        let id = stored["atom_id"].as_str().unwrap_or_else(|| panic!("{stored}")).to_owned();
        self.secrets.push((id, marker(number)));
    }

    fn id(&self, number: usize) -> String {
        self.secrets[number].0.clone()
    }

    /// Every answer that is made from atoms.
    fn answers(&mut self) -> Vec<Answer> {
        let client = &mut self.client;
        let words = ["Lunch is at noon", "the code of the vault", REPORTS[0], REPORTS[4]];
        let mut queries: Vec<Value> = words.iter().map(|text| everything(text)).collect();
        queries.extend(self.secrets.iter().map(|(_, marker)| everything(marker)));
        let mut by_print = everything("anything");
        by_print["fingerprint"] = json!("print of the secrets");
        let mut by_concept = everything("anything");
        by_concept["concepts"] = json!(["vault", "keeper"]);
        queries.extend([by_print, by_concept]);
        let mut answers = Vec::new();
        for query in &queries {
            answers.push(client.post("/api/v1/memory/read", query));
            let mut filtered = query.clone();
            filtered["domains"] = json!([DOMAIN, "general"]);
            answers.push(client.post("/api/v1/memory/query", &filtered));
            filtered["metadata_filter"] =
                json!([{"key": "note", "op": "contains", "value": "Quizzaciously"}]);
            answers.push(client.post("/api/v1/memory/query", &filtered));
        }
        let batch = json!({ "queries": queries });
        answers.push(client.post("/api/v1/memory/read-batch", &batch));
        for with_history in [false, true] {
            let body = json!({"limit": 100, "include_history": with_history});
            answers.push(client.post("/api/v1/memory/recent", &body));
        }
        let graph = json!({"seeds": ["vault", "code", "keeper"], "depth": 3, "limit": 500});
        answers.push(client.post("/api/v1/memory/graph", &graph));
        for path in ["export", "stats", "domains"] {
            answers.push(client.get(&format!("/api/v1/memory/{path}")));
        }
        for (number, (id, _)) in self.secrets.iter().enumerate() {
            answers.push(client.get(&format!("/api/v1/memory/atoms/{id}")));
            answers.push(client.get(&format!("/api/v1/memory/atoms/{id}/chain")));
            let path = "/api/v1/memory/atoms/by-external-ref";
            let body = json!({"external_ref": format!("secret {number}")});
            answers.push(client.post(path, &body));
        }
        answers
    }

    /// The words that some answer still holds.
    fn found(&mut self) -> Vec<usize> {
        let answers = self.answers();
        let known = self.secrets.iter().enumerate().filter(|(_, (id, marker))| {
            let as_atom = [format!("\"id\":\"{id}\""), format!("\"atom_id\":\"{id}\"")];
            // A chain repeats the id that was asked for, where it is there.
            answers.iter().any(|answer| {
                answer.text.contains(marker)
                    || answer.status == 200
                        && as_atom.iter().any(|shown| answer.text.contains(shown))
            })
        });
        known.map(|(number, _)| number).collect()
    }

    /// The deleted are in no answer and the others are, now, after the tenant was closed and
    /// opened, and after a restart.
    fn check_gone(&mut self, deleted: &[usize]) {
        let kept: Vec<usize> =
            (0..self.secrets.len()).filter(|number| !deleted.contains(number)).collect();
        assert_eq!(self.found(), kept, "after deleting {deleted:?}");
        self.evict();
        assert_eq!(self.found(), kept, "after deleting {deleted:?} and closing the tenant");
        self.restart();
        assert_eq!(self.found(), kept, "after deleting {deleted:?} and a restart");
        for number in deleted {
            let id = self.id(*number);
            assert!(self.client.atom(&id).is_none());
            assert_eq!(self.client.delete_atom(&id), 0);
        }
    }

    fn evict(&self) {
        self.clock.advance(Duration::from_secs(5));
        let registry = Arc::clone(&self.server.as_ref().unwrap().registry);
        let evict = async move { registry.evict_idle().await };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(evict), 1, "the tenant was idle");
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        let server = start(&self.data_dir, &self.clock);
        self.client = Client::new(&server.base_url, &self.key);
        self.server = Some(server);
    }

    fn prototype(&mut self) -> usize {
        let ids: Vec<String> = self.secrets.iter().map(|(id, _)| id.clone()).collect();
        let member = ids.iter().find_map(|id| {
            self.client.atom(id).unwrap()["consolidated_into"].as_str().map(str::to_owned)
        });
        ids.iter().position(|id| Some(id) == member.as_ref()).expect("there is a prototype")
    }

    /// A batch sent again names what it stored then, and nothing of what it said.
    fn check_replay(&mut self) {
        let items = [json!({"content": "Whatever this says"})];
        let answer = self.client.write_batch_once(&items, BATCH_KEY);
        let results = answer.ok()["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), REPORTS.len() + 2);
        assert_eq!(results[6]["atom_id"], json!(self.id(6)));
        assert!(!answer.text.contains("Quizzaciously"), "{answer:?}");
    }
}

#[test]
fn a_superseded_atom_is_gone_from_every_answer_and_its_correction_stays() {
    let mut vault = Vault::filled();
    assert_eq!(vault.found(), (0..10).collect::<Vec<_>>(), "the test asks what finds them");
    let id = vault.id(6);
    assert_eq!(vault.client.delete_atom(&id), 1);
    vault.check_gone(&[6]);
    vault.check_replay();
    let correction = vault.id(8);
    let chain = vault.client.get(&format!("/api/v1/memory/atoms/{correction}/chain")).ok();
    assert_eq!(chain["dangling"], json!([id]));
    assert_eq!(chain["revisions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_correction_is_gone_from_every_answer_and_what_it_corrected_stays_hidden() {
    let mut vault = Vault::filled();
    for number in [8, 9] {
        let id = vault.id(number);
        let answer = vault.client.delete(&format!("/api/v1/memory/atoms/{id}")).ok();
        let left = [vault.id(number - if number == 8 { 2 } else { 1 })];
        let left = if number == 8 { json!(left) } else { Value::Null };
        assert_eq!(answer["superseded_predecessors_left_hidden"], left, "{answer}");
    }
    vault.check_gone(&[8, 9]);
    let mut now = everything("the code of the vault");
    now["include_history"] = json!(false);
    let found = vault.client.read(&now).to_string();
    assert!(!found.contains(&vault.id(6)), "what was corrected does not come true again: {found}");
}

#[test]
fn a_consolidated_member_is_gone_and_its_prototype_no_longer_answers_for_it() {
    let mut vault = Vault::filled();
    let prototype = vault.prototype();
    let members: Vec<usize> = (0..REPORTS.len()).filter(|number| *number != prototype).collect();
    let mut deleted = Vec::new();
    for number in members {
        assert!(vault.client.read(&everything(REPORTS[number]))["episodic_hit"] == true);
        let id = vault.id(number);
        assert_eq!(vault.client.delete_atom(&id), 1);
        deleted.push(number);
        let found = vault.client.read(&everything(REPORTS[number]));
        assert_eq!(found["episodic_hit"], false, "{found}");
    }
    vault.check_gone(&deleted);
    let id = vault.id(prototype);
    assert_eq!(vault.client.atom(&id).unwrap()["atom_type"], "episode", "it stands for nothing");
}

#[test]
fn a_prototype_is_gone_from_every_answer_and_what_it_stood_for_is_back() {
    let mut vault = Vault::filled();
    let prototype = vault.prototype();
    let id = vault.id(prototype);
    assert_eq!(vault.client.delete_atom(&id), 1);
    for is_restarted in [false, true] {
        if is_restarted {
            vault.check_gone(&[prototype]);
        }
        let found = vault.client.read(&everything(REPORTS[0])).to_string();
        for number in (0..REPORTS.len()).filter(|number| *number != prototype) {
            assert!(found.contains(&vault.id(number)), "{number} is not back: {found}");
        }
    }
}

#[test]
fn nothing_of_a_deleted_domain_is_in_any_answer() {
    let mut vault = Vault::filled();
    let path = format!("/api/v1/memory/domain/{DOMAIN}");
    assert_eq!(vault.client.delete(&path).ok(), json!({"deleted": 10, "domain": DOMAIN}));
    vault.check_gone(&(0..10).collect::<Vec<_>>());
    vault.check_replay();
    assert_eq!(vault.client.export().len(), 1, "the other domain stays");
    assert_eq!(vault.client.delete(&path).ok()["deleted"], 0);
    let mut again = everything(REPORTS[0]);
    again["content"] = json!(REPORTS[0]);
    again["domain"] = json!(DOMAIN);
    assert_eq!(vault.client.write(&again)["stored"], true, "what was forgotten is new");
}

#[test]
fn nothing_at_all_is_in_any_answer_after_a_reset() {
    let mut vault = Vault::filled();
    assert_eq!(vault.client.delete("/api/v1/memory/reset").ok(), json!({"deleted": 11}));
    vault.check_gone(&(0..10).collect::<Vec<_>>());
    let seeds = json!({"seeds": ["vault", "code", "keeper", "noon"], "depth": 3});
    let graph = vault.client.post("/api/v1/memory/graph", &seeds).ok();
    assert_eq!(graph["edges"], json!([]), "{graph}");
    assert_eq!(vault.client.export().len(), 0);
    let items = [json!({"content": "Written after everything was forgotten"})];
    let answer = vault.client.write_batch_once(&items, BATCH_KEY).ok();
    assert_eq!(answer["stored_count"], 1, "the key is free again: {answer}");
}
