//! Documents from end to end, on a real server: real files are found by what they say, what was
//! deleted is nowhere, users never meet, a tenant moves with its originals, and a long text keeps
//! its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "documents/forgetting.rs"]
mod forgetting;
#[path = "documents/index_caches.rs"]
mod index_caches;
#[path = "documents/isolation.rs"]
mod isolation;
#[path = "documents/kept.rs"]
mod kept;
#[path = "documents/moving.rs"]
mod moving;
#[path = "documents/neighbours.rs"]
mod neighbours;
#[path = "documents/owner.rs"]
mod owner;
#[path = "documents/pipeline.rs"]
mod pipeline;
#[path = "documents/real.rs"]
mod real;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use client::Client;
use hebbd::actors::settings::ShardEntry;
use hebbd::config::Config;
use hebbd::types::{Bound, Clock, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::Value;
use support::TestServer;

/// What happens in the background happens within this time or never: a long text is indexed by an
/// unoptimised server, perhaps beside much else.
const PATIENCE_US: u64 = 900_000_000;

fn start(data_dir: &Path) -> TestServer {
    start_with(data_dir, |_| {})
}

/// A server of two shards that asks nobody to wait and lets everything be deleted.
fn start_with(data_dir: &Path, change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        let shard = |no| ShardEntry { no, ..ShardEntry::default() };
        config.shards.shard = vec![shard(0), shard(1)];
        config.metacogna.search_per_minute = Bound(None);
        config.metacogna.chat_per_minute = Bound(None);
        config.metacogna.ingest_timeout_s = PATIENCE_US / 1_000_000;
        config.server.request_timeout_ms = PATIENCE_US / 1_000;
        config.server.allow_reset = true;
        change(config);
    })
}

/// A client of the mnemoverse dialect with a new key of a tenant.
fn mnemoverse(server: &TestServer, tenant: TenantId) -> Client {
    Client::new(&server.base_url, server.new_key(tenant).secret.expose_secret())
}

/// Calls the admin API with its token; the answer must be a 200.
fn administer(server: &TestServer, method: &str, path: &str, body: Option<&Value>) -> Value {
    let authorization = format!("Authorization: Bearer {}\r\n", server.admin_token);
    let mut client = Client::new(&server.admin_url, "");
    client.send_with(method, &format!("/admin/v1{path}"), body, &authorization).unwrap().ok()
}

fn until(mut happened: impl FnMut() -> bool) {
    let clock = SystemClock;
    let ends_at_us = clock.monotonic_micros() + PATIENCE_US;
    while !happened() {
        assert!(clock.monotonic_micros() < ends_at_us, "it did not happen");
        std::thread::yield_now();
    }
}
