//! A client that writes, rates, corrects, tidies and deletes until its server is killed, and keeps
//! account of what it was told.

use std::io;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::consolidation::{WORDINGS, report};
use crate::kills::{Asked, Ledger};

pub(crate) struct Writer {
    name: String,
    client: Client,
    rng: SmallRng,
    next: u64,
    /// Wordings used so far.
    reported: usize,
    ledger: Ledger,
}

impl Writer {
    pub(crate) fn new(name: String, client: Client, rng: SmallRng) -> Self {
        Self { name, client, rng, next: 0, reported: 0, ledger: Ledger::default() }
    }

    /// Works until the connection breaks.
    pub(crate) fn run(mut self, mut note_answer: impl FnMut()) -> Ledger {
        // So that there is something to rate, to supersede, to consolidate and to delete.
        if !self.write_batch() || !self.write_reports() {
            return self.ledger;
        }
        loop {
            let went_on = match self.rng.random_range(0..100) {
                0..30 => self.write_one(),
                30..35 => self.write_batch(),
                35..45 => self.write_batch_once(),
                45..50 => self.write_again(),
                50..60 => self.rate(),
                60..70 => self.supersede(),
                70..73 => self.write_reports(),
                73..81 => self.consolidate(),
                81..85 => self.delete_reports(),
                _ => self.delete(),
            };
            if !went_on {
                return self.ledger;
            }
            note_answer();
        }
    }

    /// A domain whose atoms are near-duplicates, and nobody else's.
    fn reports(&self) -> String {
        format!("reports:{}", self.name)
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

    fn ask_batch(&mut self) -> Vec<Asked> {
        let size = self.rng.random_range(3..8);
        let batch = self.rng.random();
        (0..size).map(|_| self.ask(Some((batch, size)))).collect()
    }

    fn send_item(&mut self, asked: Asked) -> bool {
        match self.client.send("POST", "/api/v1/memory/write", Some(&asked.item)) {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!(answer["stored"], true, "{answer}");
                self.ledger.store(answer["atom_id"].as_str().unwrap(), asked);
                true
            }
            Err(_) => {
                self.ledger.unknown.insert(asked.external_ref().to_owned(), asked);
                false
            }
        }
    }

    fn write_one(&mut self) -> bool {
        let asked = self.ask(None);
        self.send_item(asked)
    }

    /// The reply, if there was one.
    fn take_batch(&mut self, batch: Vec<Asked>, answer: io::Result<Answer>) -> Option<Value> {
        let Ok(answer) = answer else {
            let named = batch.into_iter().map(|asked| (asked.external_ref().to_owned(), asked));
            self.ledger.unknown.extend(named);
            return None;
        };
        let reply = answer.ok();
        assert_eq!(reply["stored_count"], batch.len(), "{reply}");
        for (asked, result) in batch.into_iter().zip(reply["results"].as_array().unwrap()) {
            self.ledger.store(result["atom_id"].as_str().unwrap(), asked);
        }
        Some(reply)
    }

    fn send_batch(&mut self, batch: Vec<Asked>) -> bool {
        let items: Vec<&Value> = batch.iter().map(|asked| &asked.item).collect();
        let body = json!({ "items": items });
        let answer = self.client.send("POST", "/api/v1/memory/write-batch", Some(&body));
        self.take_batch(batch, answer).is_some()
    }

    fn write_batch(&mut self) -> bool {
        let batch = self.ask_batch();
        self.send_batch(batch)
    }

    fn write_batch_once(&mut self) -> bool {
        let batch = self.ask_batch();
        let key = format!("key {}-{}", self.name, self.next);
        let items: Vec<&Value> = batch.iter().map(|asked| &asked.item).collect();
        let answer = self.client.send_once(&json!({ "items": items }), &key);
        match self.take_batch(batch.clone(), answer) {
            Some(reply) => {
                self.ledger.replies.insert(key, reply);
                true
            }
            None => {
                self.ledger.unknown_batches.insert(key, batch);
                false
            }
        }
    }

    /// All of them say the same in other words.
    fn write_reports(&mut self) -> bool {
        let mut batch = self.ask_batch();
        if self.reported + batch.len() > WORDINGS {
            return self.send_batch(batch);
        }
        for asked in &mut batch {
            asked.item["content"] = json!(report(0, self.reported));
            asked.item["domain"] = json!(self.reports());
            self.reported += 1;
        }
        self.send_batch(batch)
    }

    /// What a client does that never saw the first answer: it is told the same id.
    fn write_again(&mut self) -> bool {
        let Some(external_ref) = self.any_stored(|_| true) else { return self.write_one() };
        let stored = &self.ledger.stored[&external_ref];
        match self.client.send("POST", "/api/v1/memory/write", Some(&stored.asked.item)) {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!(
                    (&answer["stored"], &answer["atom_id"]),
                    (&json!(true), &json!(stored.id))
                );
                true
            }
            Err(_) => false,
        }
    }

    /// Reports are not rated: a prototype gathers the outcomes of what it stands for.
    fn rate(&mut self) -> bool {
        let is_rated = |domain: &str| !domain.starts_with("reports");
        let Some(external_ref) = self.any_stored(is_rated) else { return self.write_one() };
        let outcome = f64::from(self.rng.random_range(-4_i32..=4)) / 4.0;
        let stored = self.ledger.stored.get_mut(&external_ref).unwrap();
        let body = json!({"atom_ids": [stored.id], "outcome": outcome, "query_concepts": ["kill"]});
        match self.client.send("POST", "/api/v1/memory/feedback", Some(&body)) {
            Ok(answer) => {
                let answer = answer.ok();
                assert_eq!(answer["updated_count"], 1, "{answer}");
                stored.rate(outcome);
                let answered = answer["avg_valence"].as_f64().unwrap();
                assert!((answered - stored.valence).abs() < 1e-4, "{answer}");
                true
            }
            Err(_) => {
                stored.maybe_rated = Some(outcome);
                false
            }
        }
    }

    fn supersede(&mut self) -> bool {
        let may_be = |domain: &str| !domain.starts_with("reports");
        let Some(external_ref) = self.any_stored(may_be) else { return self.write_one() };
        let stored = &self.ledger.stored[&external_ref];
        if stored.superseded_by.is_some() {
            return self.write_one();
        }
        let id = stored.id.clone();
        let mut asked = self.ask(None);
        asked.item["supersedes"] = json!([id]);
        self.send_item(asked)
    }

    /// Now and then it is taken back.
    fn consolidate(&mut self) -> bool {
        let body = json!({"domain": self.reports(), "undo": self.rng.random_bool(0.2)});
        match self.client.send("POST", "/api/v1/memory/consolidate", Some(&body)) {
            Ok(answer) => {
                answer.ok();
                true
            }
            Err(_) => false,
        }
    }

    fn delete_reports(&mut self) -> bool {
        let domain = self.reports();
        let in_domain = self.ledger.stored.iter().filter(|(_, stored)| stored.domain() == domain);
        let refs: Vec<String> = in_domain.map(|(external_ref, _)| external_ref.clone()).collect();
        match self.client.send("DELETE", &format!("/api/v1/memory/domain/{domain}"), None) {
            Ok(answer) => {
                assert_eq!(answer.ok()["deleted"], refs.len(), "{answer:?}");
                for external_ref in refs {
                    let stored = self.ledger.stored.remove(&external_ref).unwrap();
                    self.ledger.deleted.insert(external_ref, stored.id);
                }
                true
            }
            Err(_) => {
                self.ledger.maybe_deleted.extend(refs);
                false
            }
        }
    }

    fn delete(&mut self) -> bool {
        let Some(external_ref) = self.any_stored(|_| true) else { return self.write_one() };
        let id = self.ledger.stored[&external_ref].id.clone();
        match self.client.send("DELETE", &format!("/api/v1/memory/atoms/{id}"), None) {
            Ok(answer) => {
                assert_eq!(answer.ok()["deleted"], 1, "{answer:?}");
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

    fn any_stored(&mut self, in_domain: impl Fn(&str) -> bool) -> Option<String> {
        let stored = self.ledger.stored.iter().filter(|(_, stored)| in_domain(stored.domain()));
        let refs: Vec<&String> = stored.map(|(external_ref, _)| external_ref).collect();
        let position = (!refs.is_empty()).then(|| self.rng.random_range(0..refs.len()))?;
        Some(refs[position].clone())
    }
}
