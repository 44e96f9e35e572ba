//! What a plan allows a tenant and the server an address, at the edges: across midnight in UTC,
//! across a restart, and under many calls at once. The clock stands still unless a test moves it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "quotas/addresses.rs"]
mod addresses;
#[path = "recovery/client.rs"]
mod client;
#[path = "recovery/process.rs"]
mod process;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use client::{Answer, Client};
use hebbd::actors::quota_reset::begin_day;
use hebbd::api::extract::client_ip::TrustedProxies;
use hebbd::types::{Bound, Clock, ManualClock, Timestamp};
use process::ServerProcess;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::TestServer;

const CALLERS: usize = 64;
const HOUR: Duration = Duration::from_secs(3_600);
const PLANS: &str = "[daily]\nqueries_per_day = 50\n[small]\natoms_max = 40\n\
                     [slow]\nrequests_per_minute = 40\n";

/// Ten in the evening.
fn evening() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(Timestamp::parse("2026-03-01T22:00:00Z").unwrap()))
}

fn start(data_dir: &Path, clock: &Arc<ManualClock>) -> TestServer {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    TestServer::start_with(data_dir, clock, |config| {
        config.plans = toml::from_str(PLANS).unwrap();
        config.shards.defaults.idle_evict_s = 1;
    })
}

/// One tenant of a plan on a server that can be restarted.
struct Bench {
    data_dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    server: Option<TestServer>,
    key: String,
    client: Client,
}

impl Bench {
    fn new(plan: &str) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = evening();
        let server = start(data_dir.path(), &clock);
        let key = server.new_key(server.new_tenant(plan)).secret.expose_secret().to_owned();
        let client = Client::new(&server.base_url, &key);
        Self { data_dir, clock, server: Some(server), key, client }
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        let server = start(self.data_dir.path(), &self.clock);
        self.client = Client::new(&server.base_url, &self.key);
        self.server = Some(server);
    }

    fn read(&mut self) -> Answer {
        self.client.post("/api/v1/memory/read", &question())
    }

    fn read_batch(&mut self, entries: usize) -> Answer {
        let body = json!({"queries": vec![question(); entries]});
        self.client.post("/api/v1/memory/read-batch", &body)
    }

    /// Exactly so many questions are left of the day; asks them all.
    fn use_up(&mut self, left: usize) {
        if left < 50 {
            assert_refused(&self.read_batch(left + 1));
        }
        if left > 1 {
            assert_eq!(self.read_batch(left - 1).status, 200, "of {left} that are left");
        }
        if left > 0 {
            assert_eq!(self.read().status, 200, "the last of {left} that are left");
        }
        assert_refused(&self.read());
    }

    /// The statuses of as many calls at once as there are callers.
    fn all_at_once(
        &self,
        call: impl Fn(&mut Client, usize) -> Answer + Send + Sync,
    ) -> Vec<Answer> {
        let (together, call) = (Barrier::new(CALLERS), &call);
        let together = &together;
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|number| {
                    let mut client = Client::new(&self.server().base_url, &self.key);
                    scope.spawn(move || {
                        together.wait();
                        call(&mut client, number)
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        })
    }
}

fn question() -> Value {
    json!({"query": "what is there"})
}

fn fact(number: usize) -> Value {
    let token = blake3::hash(&number.to_be_bytes()).to_hex();
    json!({"content": format!("Parcel {} waits at counter {number}", &token[..12])})
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.json()["code"], "RATE_LIMITED", "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

/// How many were admitted; all others must have been refused for the plan.
fn admitted(answers: &[Answer]) -> usize {
    let (admitted, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    refused.iter().for_each(|answer| assert_refused(answer));
    admitted.len()
}

#[test]
fn a_used_up_day_is_full_again_at_midnight_and_not_before() {
    let mut bench = Bench::new("daily");
    bench.use_up(50);
    bench.clock.advance(HOUR * 2 - Duration::from_micros(1));
    assert_refused(&bench.read());
    bench.clock.advance(Duration::from_micros(1));
    bench.use_up(50);
    bench.clock.advance(HOUR * 24);
    assert_eq!(bench.read_batch(3).status, 200);
    bench.use_up(47);
}

/// What is left of a day is no more on the next.
#[test]
fn questions_that_were_not_asked_are_not_saved_up() {
    let mut bench = Bench::new("daily");
    assert_eq!(bench.read_batch(10).status, 200);
    bench.clock.advance(HOUR * 24 * 3);
    bench.use_up(50);
}

#[test]
fn the_day_s_count_survives_an_orderly_restart_and_midnight_passes_while_stopped() {
    let mut bench = Bench::new("daily");
    assert_eq!(bench.read_batch(30).status, 200);
    bench.restart();
    bench.use_up(20);
    bench.restart();
    assert_refused(&bench.read());
    bench.server.take().unwrap().stop();
    bench.clock.advance(HOUR * 2);
    let server = start(bench.data_dir.path(), &bench.clock);
    bench.client = Client::new(&server.base_url, &bench.key);
    bench.server = Some(server);
    bench.use_up(50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_closed_at_midnight_begins_its_day_when_it_is_next_used() {
    let mut bench = Bench::new("daily");
    bench.use_up(50);
    bench.clock.advance(HOUR);
    assert_eq!(bench.server().registry.evict_idle().await, 1);
    assert_refused(&bench.read());
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(bench.server().registry.evict_idle().await, 1);
    bench.clock.advance(HOUR);
    assert_eq!(begin_day(&bench.server().registry).await, 0, "no tenant is open");
    bench.use_up(50);
}

#[tokio::test(flavor = "multi_thread")]
async fn beginning_a_day_twice_or_on_the_same_day_gives_nothing_twice() {
    let mut bench = Bench::new("daily");
    assert_eq!(bench.read_batch(20).status, 200);
    assert_eq!(begin_day(&bench.server().registry).await, 1);
    bench.use_up(30);
    bench.clock.advance(HOUR * 2);
    for _ in 0..2 {
        assert_eq!(begin_day(&bench.server().registry).await, 1);
    }
    assert_eq!(bench.read_batch(49).status, 200);
    for _ in 0..2 {
        assert_eq!(begin_day(&bench.server().registry).await, 1);
    }
    bench.use_up(1);
}

/// A kill may forget questions that were answered a moment before; it never lets more be asked
/// than that, and never counts more than were asked.
#[test]
fn a_killed_server_counts_no_question_that_was_not_asked() {
    let data_dir = tempfile::tempdir().unwrap();
    let config = data_dir.path().join("config.toml");
    std::fs::write(&config, "[plans.local]\nqueries_per_day = 1000\n").unwrap();
    let config = config.to_str().unwrap();
    let data = data_dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let batch = json!({"queries": vec![question(); 50]});
    let mut asked = 0;
    for _ in 0..3 {
        let server = ServerProcess::start(&data, &["--config", config]);
        let mut client = server.client();
        for _ in 0..2 {
            assert_eq!(client.post("/api/v1/memory/read-batch", &batch).status, 200);
            asked += 50;
        }
        server.kill();
    }
    let server = ServerProcess::start(&data, &["--config", config]);
    let mut client = server.client();
    let mut left = 0;
    while client.post("/api/v1/memory/read-batch", &batch).status == 200 {
        left += 50;
        assert!(left <= 1_000, "the day has no end");
    }
    assert!(left >= 1_000 - asked, "{left} were left after {asked}");
    server.stop();
}

#[test]
fn many_reads_at_once_at_the_edge_of_a_day_admit_exactly_what_is_left() {
    let mut bench = Bench::new("daily");
    assert_eq!(bench.read_batch(31).status, 200);
    let answers = bench.all_at_once(|client, _| client.post("/api/v1/memory/read", &question()));
    assert_eq!(admitted(&answers), 19);
    assert_refused(&bench.read());
}

#[test]
fn many_read_batches_at_once_at_the_edge_of_a_day_are_admitted_whole_or_not_at_all() {
    let mut bench = Bench::new("daily");
    assert_eq!(bench.read_batch(12).status, 200);
    let body = json!({"queries": vec![question(); 7]});
    let answers = bench.all_at_once(|client, _| client.post("/api/v1/memory/read-batch", &body));
    assert_eq!(admitted(&answers), 5);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(answer.json()["results"].as_array().unwrap().len(), 7);
    }
    bench.use_up(3);
}

#[test]
fn many_writes_at_once_at_the_atom_limit_store_exactly_what_fits() {
    let mut bench = Bench::new("small");
    let first: Vec<Value> = (1_000..1_017).map(fact).collect();
    assert_eq!(bench.client.write_batch(&first)["stored_count"], 17);
    let answers =
        bench.all_at_once(|client, number| client.post("/api/v1/memory/write", &fact(number)));
    assert_eq!(admitted(&answers), 23);
    assert_eq!(bench.client.stats()["total_atoms"], 40);
    assert_refused(&bench.client.post("/api/v1/memory/write", &fact(2_000)));
    bench.restart();
    assert_eq!(bench.client.export().len(), 40);
    assert_refused(&bench.client.post("/api/v1/memory/write", &fact(2_000)));
}

#[test]
fn many_batches_at_once_at_the_atom_limit_store_exactly_what_fits() {
    let mut bench = Bench::new("small");
    let answers = bench.all_at_once(|client, number| {
        let items: Vec<Value> = (0..3).map(|at| fact(number * 3 + at)).collect();
        client.post("/api/v1/memory/write-batch", &json!({ "items": items }))
    });
    assert_eq!(admitted(&answers), 14, "13 whole ones and the first of the next");
    let stored = answers.iter().filter(|answer| answer.status == 200);
    let stored: u64 = stored.map(|answer| answer.json()["stored_count"].as_u64().unwrap()).sum();
    assert_eq!(stored, 40);
    assert_eq!(bench.client.stats()["total_atoms"], 40);
}

/// A place is free again with every deletion, also of many, and not with what only hides.
#[test]
fn superseded_and_consolidated_atoms_count_until_they_are_deleted() {
    let mut bench = Bench::new("small");
    let mut items: Vec<Value> = (0..39).map(fact).collect();
    for item in &mut items[..10] {
        item["domain"] = json!("away");
    }
    let stored = bench.client.write_batch(&items);
    assert_eq!(stored["stored_count"], 39);
    let mut correction = fact(100);
    correction["supersedes"] = json!([stored["results"][20]["atom_id"]]);
    assert_eq!(bench.client.write(&correction)["stored"], true);
    bench.client.post("/api/v1/memory/consolidate", &json!({})).ok();
    let mut next = fact(101);
    next["supersedes"] = json!([stored["results"][21]["atom_id"]]);
    assert_refused(&bench.client.post("/api/v1/memory/write", &next));
    let superseded = bench.client.atom(stored["results"][21]["atom_id"].as_str().unwrap());
    assert_eq!(superseded.unwrap()["superseded_by"], Value::Null, "refused as a whole");
    assert_eq!(bench.client.delete("/api/v1/memory/domain/away").ok()["deleted"], 10);
    let items: Vec<Value> = (200..220).map(fact).collect();
    let answer = bench.client.write_batch(&items);
    assert_eq!(answer["stored_count"], 10, "{answer}");
    assert_eq!(bench.client.stats()["total_atoms"], 40);
}

#[test]
fn many_calls_at_once_at_the_edge_of_a_minute_admit_exactly_what_is_left() {
    let mut bench = Bench::new("slow");
    for _ in 0..11 {
        assert_eq!(bench.client.get("/api/v1/memory/stats").status, 200);
    }
    let answers = bench.all_at_once(|client, number| match number % 3 {
        0 => client.get("/api/v1/memory/domains"),
        1 => client.post("/api/v1/memory/read", &question()),
        _ => client.post("/api/v1/memory/write", &fact(number)),
    });
    assert_eq!(admitted(&answers), 29);
    assert_refused(&bench.client.get("/api/v1/memory/stats"));
    bench.clock.advance(Duration::from_millis(1_500));
    assert_eq!(bench.client.get("/api/v1/memory/stats").status, 200);
    assert_refused(&bench.client.get("/api/v1/memory/stats"));
}
