//! Two tenants with the same contents, domains, references, sessions and idempotency keys, under
//! random operations, each against a plain list of what it wrote. Neither ever sees anything of
//! the other, and nothing either does changes the other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its seed"
)]

#[path = "facts/app.rs"]
mod app;
#[path = "platform/caller.rs"]
mod caller;
#[path = "recovery/client.rs"]
mod client;
#[path = "isolation/facts.rs"]
mod facts;
#[path = "isolation/model.rs"]
mod model;
#[path = "isolation/platform.rs"]
mod platform;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "recovery/seed.rs"]
mod seed;
#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use client::{Answer, Client};
use hebbd::actors::settings::ShardEntry;
use hebbd::config::Config;
use hebbd::types::SystemClock;
use model::{Kept, Side};
use rand::RngExt;
use rand::rngs::SmallRng;
use secrecy::ExposeSecret;
use seed::seeded;
use serde_json::{Value, json};
use support::TestServer;

const OPERATIONS: usize = 1_000;
/// Few, so that both tenants use all of them and a tenant meets its own again.
const CONTENTS: usize = 40;
const DOMAINS: [&str; 3] = ["general", "project:x", "user:ana"];

/// Words that occur in four contents only; those say the same in another order, so that a
/// consolidation has something to do.
fn content(number: usize) -> String {
    let token = blake3::hash(&(number / 4).to_be_bytes()).to_hex();
    let (person, plan) = (&token[..10], &token[10..18]);
    match number % 4 {
        0 => format!("Anna met {person} in Lisbon about plan {plan}"),
        1 => format!("In Lisbon Anna met {person} about plan {plan}"),
        2 => format!("About plan {plan} Anna met {person} in Lisbon"),
        _ => format!("Anna met {person} about plan {plan} in Lisbon"),
    }
}

fn new_side(server: &TestServer, own_concept: &'static str) -> Side {
    let key = server.new_key(server.new_tenant("local")).secret.expose_secret().to_owned();
    let client = Client::new(&server.base_url, &key);
    let (kept, ids, replies) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    Side { key, client, own_concept, kept, ids, replies }
}

fn any<'a>(rng: &mut SmallRng, kept: &'a [Kept]) -> Option<&'a Kept> {
    (!kept.is_empty()).then(|| &kept[rng.random_range(0..kept.len())])
}

fn any_domain(rng: &mut SmallRng) -> &'static str {
    DOMAINS[rng.random_range(0..DOMAINS.len())]
}

fn any_item(rng: &mut SmallRng, side: &Side) -> Value {
    let number = rng.random_range(0..CONTENTS);
    let mut item = json!({
        "content": content(number),
        "domain": any_domain(rng),
        "concepts": ["Anna", "Lisbon", side.own_concept],
        "metadata": {"session_id": format!("s{}", number % 4)},
    });
    if rng.random_bool(0.3) {
        item["external_ref"] = json!(format!("ref-{}", rng.random_range(0..CONTENTS)));
    }
    if rng.random_bool(0.3) {
        item["fingerprint"] = json!(format!("print-{}", number % 5));
    }
    item
}

fn any_query(rng: &mut SmallRng) -> Value {
    let domain = rng.random_bool(0.5).then(|| any_domain(rng));
    json!({
        "query": content(rng.random_range(0..CONTENTS)),
        "domain": domain,
        "top_k": 100,
        "min_relevance": 0.0,
        "include_associations": rng.random_bool(0.5),
        "include_history": rng.random_bool(0.3),
    })
}

/// One shard, so that both tenants are in one store.
fn start(data_dir: &Path) -> TestServer {
    start_with(data_dir, |_| {})
}

fn start_with(data_dir: &Path, change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        config.shards.shard = vec![ShardEntry { no: 0, ..ShardEntry::default() }];
        config.server.allow_reset = true;
        change(config);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_with_the_same_contents_never_see_each_other() {
    let mut rng = seeded("isolation");
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let mut sides = [new_side(&server, "first harbour"), new_side(&server, "second harbour")];
    let mut behind_prototypes = 0;
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
        assert!(!answer.text.contains(other.own_concept), "the other's concept in {answer:?}");
        for id in &other.ids {
            assert!(!answer.text.contains(id.as_str()), "{id} of the other in {answer:?}");
        }
        let members = side.kept.iter().filter(|kept| kept.consolidated_into.is_some());
        behind_prototypes = behind_prototypes.max(members.count());
    }
    for side in &mut sides {
        assert!(side.ids.len() > side.kept.len() && side.ids.len() > 50, "too little happened");
        side.check_all();
    }
    assert!(behind_prototypes > 0, "nothing was ever consolidated");
}

/// Does one random thing as `side` and answers what it was told.
fn operate(rng: &mut SmallRng, side: &mut Side, other: &mut Side) -> Answer {
    match rng.random_range(0..1_000) {
        0..200 => {
            let item = any_item(rng, side);
            let answer = side.client.post("/api/v1/memory/write", &item);
            side.expect_write(&item, &answer.ok());
            answer
        }
        200..260 => {
            let items: Vec<Value> =
                (0..rng.random_range(1..8)).map(|_| any_item(rng, side)).collect();
            let body = json!({ "items": items });
            let answer = side.client.post("/api/v1/memory/write-batch", &body);
            for (item, result) in items.iter().zip(answer.ok()["results"].as_array().unwrap()) {
                side.expect_write(item, result);
            }
            answer
        }
        260..320 => write_under_a_key(rng, side),
        320..390 => supersede(rng, side, other),
        390..470 => {
            let query = any_query(rng);
            let answer = side.client.post("/api/v1/memory/read", &query);
            side.expect_read(&query, &answer.ok());
            answer
        }
        470..500 => {
            let mut query = any_query(rng);
            query["domains"] = json!([any_domain(rng), any_domain(rng)]);
            let answer = side.client.post("/api/v1/memory/query", &query);
            side.expect_read(&query, &answer.ok());
            answer
        }
        500..530 => {
            let queries = [any_query(rng), any_query(rng)];
            let body = json!({ "queries": queries });
            let answer = side.client.post("/api/v1/memory/read-batch", &body);
            for (query, found) in queries.iter().zip(answer.ok()["results"].as_array().unwrap()) {
                side.expect_read(query, found);
            }
            answer
        }
        530..560 => {
            let domain = rng.random_bool(0.5).then(|| any_domain(rng));
            side.check_feed(domain, rng.random_bool(0.3))
        }
        560..600 => ask_for_an_atom(rng, side, other),
        600..640 => ask_for_a_chain(rng, side, other),
        640..680 => ask_for_a_reference(rng, side),
        680..700 => look_at_the_graph(rng, side),
        700..770 => give_feedback(rng, side, other),
        770..800 => {
            let domain = any_domain(rng);
            let body = json!({ "domain": domain });
            let answer = side.client.post("/api/v1/memory/consolidate", &body);
            side.expect_consolidation(domain, &answer.ok());
            answer
        }
        800..810 => {
            let domain = any_domain(rng);
            let body = json!({"domain": domain, "undo": true});
            let answer = side.client.post("/api/v1/memory/consolidate", &body);
            side.expect_undo(domain, &answer.ok());
            answer
        }
        810..920 => delete_an_atom(rng, side, other),
        920..930 => delete_a_domain(rng, side),
        930..933 => reset(side),
        933..960 => {
            let answer = side.client.get("/api/v1/memory/domains");
            let domains: BTreeSet<&str> =
                side.kept.iter().map(|kept| kept.domain.as_str()).collect();
            assert_eq!(answer.ok()["domains"], json!(domains));
            answer
        }
        _ => {
            side.check_all();
            side.client.get("/api/v1/memory/export")
        }
    }
}

fn path_of(id: &str) -> String {
    format!("/api/v1/memory/atoms/{id}")
}

/// Both use the same few keys. Whatever is sent under a key again is answered as the first time.
fn write_under_a_key(rng: &mut SmallRng, side: &mut Side) -> Answer {
    let key = format!("key-{}", rng.random_range(0..12));
    let items: Vec<Value> = (0..rng.random_range(1..5)).map(|_| any_item(rng, side)).collect();
    let answer = side.client.write_batch_once(&items, &key);
    let reply = answer.ok();
    if let Some(first) = side.replies.get(&key) {
        assert_eq!(&reply, first, "under {key}");
    } else {
        for (item, result) in items.iter().zip(reply["results"].as_array().unwrap()) {
            side.expect_write(item, result);
        }
        side.replies.insert(key, reply);
    }
    answer
}

fn supersede(rng: &mut SmallRng, side: &mut Side, other: &Side) -> Answer {
    let mut item = any_item(rng, side);
    // A known reference would be answered, whatever else the body says.
    item.as_object_mut().unwrap().remove("external_ref");
    if let Some(foreign) = any(rng, &other.kept) {
        item["supersedes"] = json!([foreign.id]);
        assert_eq!(side.client.post("/api/v1/memory/write", &item).status, 404);
        side.check_all();
    }
    let mut named = BTreeSet::new();
    for _ in 0..rng.random_range(1..3) {
        named.extend(any(rng, &side.kept).map(|kept| kept.id.clone()));
    }
    item["supersedes"] = json!(named);
    let answer = side.client.post("/api/v1/memory/write", &item);
    let is_taken = |id: &String| side.find(id).is_some_and(|kept| kept.superseded_by.is_some());
    if named.iter().any(is_taken) {
        assert_eq!(answer.status, 409, "{answer:?}");
        side.check_all();
    } else {
        side.expect_write(&item, &answer.ok());
        if answer.ok()["stored"] == true {
            assert_eq!(answer.ok()["superseded"], json!(named), "{answer:?}");
        }
    }
    answer
}

fn give_feedback(rng: &mut SmallRng, side: &mut Side, other: &mut Side) -> Answer {
    let outcome = f64::from(rng.random_range(-4_i32..=4)) / 4.0;
    if let Some(foreign) = any(rng, &other.kept).map(|kept| kept.id.clone()) {
        let body = json!({"atom_ids": [foreign], "outcome": outcome, "query_concepts": ["Anna"]});
        let answer = side.client.post("/api/v1/memory/feedback", &body).ok();
        assert_eq!(answer["updated_count"], 0, "{answer}");
        // Among them the valences.
        other.check_all();
    }
    let mut ids = Vec::new();
    for _ in 0..rng.random_range(0..4) {
        ids.extend(any(rng, &side.kept).map(|kept| kept.id.clone()));
    }
    let body = json!({
        "atom_ids": ids,
        "outcome": outcome,
        "concepts": ["Lisbon", side.own_concept],
        "query_concepts": ["Anna", format!("asked by the {}", side.own_concept)],
    });
    let answer = side.client.post("/api/v1/memory/feedback", &body);
    side.expect_feedback(&ids, outcome, &answer.ok());
    answer
}

/// What the other learned about the same concepts is not there.
fn look_at_the_graph(rng: &mut SmallRng, side: &mut Side) -> Answer {
    let body = json!({"seeds": ["Anna", "Lisbon"], "depth": rng.random_range(1..4), "limit": 500});
    let answer = side.client.post("/api/v1/memory/graph", &body);
    let known = ["anna", "lisbon"].map(str::to_owned);
    let own = [side.own_concept.to_owned(), format!("asked by the {}", side.own_concept)];
    for node in answer.ok()["nodes"].as_array().unwrap() {
        let concept = node["concept"].as_str().unwrap().to_owned();
        assert!(known.contains(&concept) || own.contains(&concept), "{node}");
    }
    answer
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

fn ask_for_a_chain(rng: &mut SmallRng, side: &mut Side, other: &Side) -> Answer {
    let chain_of = |id: &str| format!("{}/chain", path_of(id));
    if let Some(foreign) = any(rng, &other.kept) {
        assert_eq!(side.client.get(&chain_of(&foreign.id)).status, 404);
    }
    let superseded = side.kept.iter().filter(|kept| kept.superseded_by.is_some());
    let superseded: Vec<Kept> = superseded.cloned().collect();
    let Some(kept) = any(rng, &superseded).or_else(|| any(rng, &side.kept)).cloned() else {
        return side.client.get("/api/v1/memory/stats");
    };
    let answer = side.client.get(&chain_of(&kept.id));
    side.expect_chain(&kept.id, &answer.ok());
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
    side.expect_deletion(&kept.id, &answer.ok());
    assert_eq!(side.client.get(&path_of(&kept.id)).status, 404);
    answer
}

fn delete_a_domain(rng: &mut SmallRng, side: &mut Side) -> Answer {
    let domain = any_domain(rng);
    let answer = side.client.delete(&format!("/api/v1/memory/domain/{domain}"));
    let count = side.kept.len();
    side.kept.retain(|kept| kept.domain != domain);
    assert_eq!(answer.ok(), json!({"deleted": count - side.kept.len(), "domain": domain}));
    side.check_all();
    answer
}

fn reset(side: &mut Side) -> Answer {
    let answer = side.client.delete("/api/v1/memory/reset");
    assert_eq!(answer.ok(), json!({"deleted": side.kept.len()}));
    side.kept.clear();
    side.replies.clear();
    side.check_all();
    let graph = side.client.post("/api/v1/memory/graph", &json!({"seeds": ["Anna"], "depth": 3}));
    assert_eq!(graph.ok()["edges"], json!([]));
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
