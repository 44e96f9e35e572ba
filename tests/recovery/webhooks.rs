//! `kill -9` while notices are being sent to a webhook: each acknowledged change is told at least
//! once, always under the same id, and the first arrivals are in the order of the changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hebbd::actors::delivery::{Courier, DeliverySettings};
use hebbd::control::keys::Dialect;
use hebbd::embedding::FakeEmbedder;
use hebbd::service::{MemoryService, NewWebhook, NoticeKind, Scope, WebhookService};
use hebbd::types::{Allowance, Deadline, SystemClock};
use rand::RngExt;
use serde_json::json;

use crate::process::ServerProcess;
use crate::receiver::Receiver;
use crate::seed::seeded;
use crate::support::TestServer;

const KILLS: usize = 8;
const SECRET: &str = "a secret between two machines";
const PATIENCE: Duration = Duration::from_secs(30);

const SETTINGS: [&str; 6] = [
    "--set",
    "outbound_webhooks.allow_private_targets=true",
    "--set",
    "jobs.backoff_initial_ms=1",
    "--set",
    "jobs.backoff_max_ms=2",
];

/// Gives the app behind a key a webhook.
fn register(data_dir: &Path, key: &str, url: String) {
    let server = TestServer::start_at(data_dir);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (directory, registry) = (Arc::clone(&server.directory), Arc::clone(&server.registry));
        let principal = directory.authenticate(Dialect::Mnemoverse, key).unwrap();
        let tenant = principal.tenant;
        let embedder = Arc::new(FakeEmbedder::new(8));
        let memory = MemoryService::new(directory, registry, embedder, Arc::new(SystemClock));
        let settings =
            DeliverySettings { allow_private_targets: true, ..DeliverySettings::default() };
        let courier = Arc::new(Courier::new(settings.courier()).unwrap());
        let deadline = Deadline::after(PATIENCE);
        let scope = Scope { tenant, deadline, allowance: Allowance::default() };
        let events = vec![NoticeKind::MaintenanceCompleted];
        let new = NewWebhook { url, events, secret: SECRET.to_owned() };
        WebhookService::new(memory, courier).register(scope, new).await.unwrap();
    });
}

#[test]
fn every_acknowledged_change_is_told_at_least_once_under_one_id_whatever_is_killed() {
    let mut rng = seeded("webhooks");
    let data_dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::taking_all();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let key = server.key.clone();
    server.stop();
    register(data_dir.path(), &key, receiver.url());

    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut arrived = Vec::new();
    for life in 0..=KILLS {
        let server = ServerProcess::start(data_dir.path(), &SETTINGS);
        let mut client = server.client();
        for number in 0..rng.random_range(3..10) {
            let domain = format!("{life}-{number}");
            let atom = json!({"content": format!("Something of {domain}"), "domain": domain});
            client.write(&atom);
            client.post("/api/v1/memory/consolidate", &json!({ "domain": domain })).ok();
            acknowledged.insert(domain);
        }
        if life == KILLS {
            let missing = |arrived: &[crate::receiver::Arrived]| {
                let told: BTreeSet<_> = arrived.iter().map(domain_of).collect();
                acknowledged.iter().any(|domain| !told.contains(domain))
            };
            while missing(&arrived) {
                arrived.push(receiver.next());
            }
            server.stop();
            break;
        }
        // Some arrive, and the kill comes in the midst of the others.
        for _ in 0..rng.random_range(1..3) {
            arrived.push(receiver.next());
        }
        server.kill();
    }
    arrived.extend(receiver.rest());

    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut firsts: Vec<String> = Vec::new();
    for it in &arrived {
        assert!(it.is_signed_with(SECRET));
        let known = texts.entry(it.id()).or_default();
        if known.is_empty() {
            firsts.push(it.id());
        }
        known.insert(it.text.clone());
    }
    assert!(texts.values().all(|texts| texts.len() == 1), "an id has one message: {texts:?}");
    assert_eq!(texts.len(), acknowledged.len(), "a change has one id");
    assert!(firsts.is_sorted(), "ids grow, and first arrivals are in their order: {firsts:?}");
    println!("{} messages arrived {} times", texts.len(), arrived.len());
}

fn domain_of(arrived: &crate::receiver::Arrived) -> String {
    arrived.body()["data"]["domain"].as_str().unwrap().to_owned()
}
