//! Two tenants with the same contents, domains, references and sessions, under random operations,
//! each against a plain list of what it wrote. Neither ever sees anything of the other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its seed"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "recovery/seed.rs"]
mod seed;
#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use client::{Answer, Client};
use hebbd::actors::settings::ShardEntry;
use hebbd::types::SystemClock;
use rand::RngExt;
use rand::rngs::SmallRng;
use secrecy::ExposeSecret;
use seed::seeded;
use serde_json::{Value, json};
use support::TestServer;

const OPERATIONS: usize = 700;
/// Few, so that both tenants use all of them and a tenant meets its own again.
const CONTENTS: usize = 40;
const DOMAINS: [&str; 3] = ["general", "project:x", "user:ana"];

/// Words that occur in one content only make its wording its own.
fn content(number: usize) -> String {
    let token = blake3::hash(&number.to_be_bytes()).to_hex();
    format!("Anna met {} in Lisbon about plan {}", &token[..10], &token[10..18])
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    id: String,
    content: String,
    domain: String,
    external_ref: Option<String>,
}

/// One tenant: how to reach it, and what it must hold, in order of creation.
struct Side {
    key: String,
    client: Client,
    kept: Vec<Kept>,
    /// Every id it was ever given.
    ids: BTreeSet<String>,
}

impl Side {
    fn new(server: &TestServer) -> Self {
        let key = server.new_key(server.new_tenant("local")).secret.expose_secret().to_owned();
        let client = Client::new(&server.base_url, &key);
        Self { key, client, kept: Vec::new(), ids: BTreeSet::new() }
    }

    fn in_domains(&self, domain: Option<&str>) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(move |kept| domain.is_none_or(|domain| kept.domain == domain))
    }

    /// What the server must answer to a write, and the change it makes.
    fn expect_write(&mut self, item: &Value, result: &Value) {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let (content, domain) = (text("content").unwrap(), text("domain").unwrap());
        let external_ref = text("external_ref");
        let same_ref = self
            .kept
            .iter()
            .find(|kept| external_ref.is_some() && kept.external_ref == external_ref);
        if let Some(known) = same_ref {
            assert_eq!(result["stored"], true, "{item} {result}");
            assert_eq!(result["atom_id"], json!(known.id), "{item}");
        } else if self.in_domains(Some(&domain)).any(|kept| kept.content == content) {
            assert_eq!(result["stored"], false, "{item} {result}");
            assert_eq!(result["atom_id"], Value::Null);
        } else {
            assert_eq!(result["stored"], true, "{item} {result}");
            let id = result["atom_id"].as_str().unwrap().to_owned();
            assert!(self.ids.insert(id.clone()), "an id given twice: {id}");
            self.kept.push(Kept { id, content, domain, external_ref });
        }
    }

    /// `found` must be exactly what is kept in the domain, and the exact match comes first.
    fn expect_read(&self, query: &Value, found: &Value) {
        let domain = query["domain"].as_str();
        let items = found["items"].as_array().unwrap();
        let ids: BTreeSet<&str> =
            items.iter().map(|item| item["atom_id"].as_str().unwrap()).collect();
        let expected: BTreeSet<&str> =
            self.in_domains(domain).map(|kept| kept.id.as_str()).collect();
        assert_eq!(ids.len(), items.len(), "an atom twice");
        assert_eq!(ids, expected, "{query}");
        let exact: Vec<&Kept> =
            self.in_domains(domain).filter(|kept| query["query"] == kept.content).collect();
        assert_eq!(found["episodic_hit"], !exact.is_empty(), "{query}");
        for (item, _) in items.iter().zip(&exact) {
            assert_eq!(item["content"], query["query"], "exact matches come first");
        }
    }
}

fn any<'a>(rng: &mut SmallRng, kept: &'a [Kept]) -> Option<&'a Kept> {
    (!kept.is_empty()).then(|| &kept[rng.random_range(0..kept.len())])
}

fn any_item(rng: &mut SmallRng) -> Value {
    let number = rng.random_range(0..CONTENTS);
    let mut item = json!({
        "content": content(number),
        "domain": DOMAINS[rng.random_range(0..DOMAINS.len())],
        "concepts": ["Anna", "Lisbon"],
        "metadata": {"session_id": format!("s{}", number % 4)},
    });
    if rng.random_bool(0.5) {
        item["external_ref"] = json!(format!("ref-{}", rng.random_range(0..CONTENTS)));
    }
    if rng.random_bool(0.3) {
        item["fingerprint"] = json!(format!("print-{}", number % 5));
    }
    item
}

fn any_query(rng: &mut SmallRng) -> Value {
    let domain = rng.random_bool(0.5).then(|| DOMAINS[rng.random_range(0..DOMAINS.len())]);
    json!({
        "query": content(rng.random_range(0..CONTENTS)),
        "domain": domain,
        "top_k": 100,
        "min_relevance": 0.0,
        "include_associations": rng.random_bool(0.5),
    })
}

/// One shard, so that both tenants are in one store.
fn start(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        config.shards.shard = vec![ShardEntry { no: 0, ..ShardEntry::default() }];
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_with_the_same_contents_never_see_each_other() {
    let mut rng = seeded("isolation");
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let mut sides = [Side::new(&server), Side::new(&server)];
    for operation in 0..OPERATIONS {
        if operation == OPERATIONS / 2 {
            server.stop();
            server = start(data_dir.path());
            for side in &mut sides {
                side.client = Client::new(&server.base_url, &side.key);
            }
        }
        let [one, two] = &mut sides;
        let (side, other) = if rng.random_bool(0.5) { (one, two) } else { (two, one) };
        let answer = operate(&mut rng, side, other);
        for id in &other.ids {
            assert!(!answer.text.contains(id.as_str()), "{id} of the other in {answer:?}");
        }
    }
    for side in &mut sides {
        assert!(side.ids.len() > side.kept.len() && side.kept.len() > 5, "too little happened");
        check_all(side);
    }
}

/// Does one random thing as `side` and answers what it was told.
fn operate(rng: &mut SmallRng, side: &mut Side, other: &Side) -> Answer {
    match rng.random_range(0..100) {
        0..25 => {
            let item = any_item(rng);
            let answer = side.client.post("/api/v1/memory/write", &item);
            side.expect_write(&item, &answer.ok());
            answer
        }
        25..35 => {
            let items: Vec<Value> = (0..rng.random_range(1..8)).map(|_| any_item(rng)).collect();
            let body = json!({ "items": items });
            let answer = side.client.post("/api/v1/memory/write-batch", &body);
            for (item, result) in items.iter().zip(answer.ok()["results"].as_array().unwrap()) {
                side.expect_write(item, result);
            }
            answer
        }
        35..50 => {
            let query = any_query(rng);
            let answer = side.client.post("/api/v1/memory/read", &query);
            side.expect_read(&query, &answer.ok());
            answer
        }
        50..55 => {
            let queries = [any_query(rng), any_query(rng)];
            let body = json!({ "queries": queries });
            let answer = side.client.post("/api/v1/memory/read-batch", &body);
            for (query, found) in queries.iter().zip(answer.ok()["results"].as_array().unwrap()) {
                side.expect_read(query, found);
            }
            answer
        }
        55..62 => ask_for_an_atom(rng, side, other),
        62..80 => delete_an_atom(rng, side, other),
        80..87 => ask_for_a_reference(rng, side),
        87..92 => {
            let answer = side.client.get("/api/v1/memory/domains");
            let domains: BTreeSet<&str> =
                side.kept.iter().map(|kept| kept.domain.as_str()).collect();
            assert_eq!(answer.ok()["domains"], json!(domains));
            answer
        }
        _ => {
            check_all(side);
            side.client.get("/api/v1/memory/export")
        }
    }
}

fn path_of(id: &str) -> String {
    format!("/api/v1/memory/atoms/{id}")
}

fn ask_for_an_atom(rng: &mut SmallRng, side: &mut Side, other: &Side) -> Answer {
    if let Some(foreign) = any(rng, &other.kept) {
        // The answer repeats the path in no field, so nothing of it needs to be looked at.
        assert_eq!(side.client.get(&path_of(&foreign.id)).status, 404);
    }
    let Some(kept) = any(rng, &side.kept).cloned() else {
        return side.client.get("/api/v1/memory/stats");
    };
    let answer = side.client.get(&path_of(&kept.id));
    let atom = answer.ok();
    assert_eq!(atom["content"], json!(kept.content));
    assert_eq!(atom["external_ref"], json!(kept.external_ref));
    answer
}

fn delete_an_atom(rng: &mut SmallRng, side: &mut Side, other: &Side) -> Answer {
    if let Some(foreign) = any(rng, &other.kept) {
        assert_eq!(side.client.delete_atom(&foreign.id), 0);
    }
    let Some(kept) = any(rng, &side.kept).cloned() else {
        return side.client.get("/api/v1/memory/stats");
    };
    let answer = side.client.delete(&path_of(&kept.id));
    assert_eq!(answer.ok()["deleted"], 1);
    side.kept.retain(|other| other.id != kept.id);
    assert_eq!(side.client.get(&path_of(&kept.id)).status, 404);
    answer
}

fn ask_for_a_reference(rng: &mut SmallRng, side: &mut Side) -> Answer {
    let external_ref = format!("ref-{}", rng.random_range(0..CONTENTS));
    let body = json!({ "external_ref": external_ref });
    let answer = side.client.post("/api/v1/memory/atoms/by-external-ref", &body);
    let kept = side.kept.iter().find(|kept| kept.external_ref.as_deref() == Some(&*external_ref));
    match kept {
        Some(kept) => assert_eq!(answer.ok()["id"], json!(kept.id)),
        None => assert_eq!(answer.status, 404, "{answer:?}"),
    }
    answer
}

/// Export and counts are exactly what is kept.
fn check_all(side: &mut Side) {
    let export: Vec<Kept> = side
        .client
        .export()
        .iter()
        .map(|atom| Kept {
            id: atom["id"].as_str().unwrap().to_owned(),
            content: atom["content"].as_str().unwrap().to_owned(),
            domain: atom["domain"].as_str().unwrap().to_owned(),
            external_ref: atom["external_ref"].as_str().map(str::to_owned),
        })
        .collect();
    assert_eq!(export, side.kept);
    let stats = side.client.stats();
    let contents: BTreeSet<&str> = export.iter().map(|kept| kept.content.as_str()).collect();
    let domains: BTreeSet<&str> = export.iter().map(|kept| kept.domain.as_str()).collect();
    assert_eq!(stats["total_atoms"], export.len());
    assert_eq!(stats["episodic_fingerprints"], contents.len());
    assert_eq!(stats["domains"], json!(domains));
}
