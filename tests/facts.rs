//! Facts of an app's users from end to end, on a real server: what was forgotten is nowhere, and
//! nobody else loses anything by it; and of requests at once exactly so many are taken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "facts/app.rs"]
mod app;
#[path = "facts/categories.rs"]
mod categories;
#[path = "recovery/client.rs"]
mod client;
#[path = "facts/counting.rs"]
mod counting;
#[path = "facts/doors.rs"]
mod doors;
#[path = "facts/forgetting.rs"]
mod forgetting;
#[path = "facts/index_caches.rs"]
mod index_caches;
#[path = "documents/kept.rs"]
mod kept;
#[path = "facts/logs.rs"]
mod logs;
#[path = "facts/moving.rs"]
mod moving;
#[path = "facts/neighbours.rs"]
mod neighbours;
#[path = "facts/other_ways.rs"]
mod other_ways;
#[path = "facts/overtaking.rs"]
mod overtaking;
#[path = "recovery/process.rs"]
mod process;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use client::Client;
use hebbd::config::Config;
use hebbd::types::{SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::Value;
use support::TestServer;

/// A server that asks nobody to wait and lets everything be deleted.
fn start_with(data_dir: &Path, change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        app::unhurried(config);
        config.server.allow_reset = true;
        change(config);
    })
}

/// A client of the mnemoverse dialect with a new key of a tenant.
fn mnemoverse(server: &TestServer, tenant: TenantId) -> Client {
    Client::new(&server.base_url, server.new_key(tenant).secret.expose_secret())
}

/// Calls the admin API with its token; the answer must be a 200.
#[track_caller]
fn administer(server: &TestServer, method: &str, path: &str) -> Value {
    administer_with(server, method, path, None)
}

#[track_caller]
fn administer_with(server: &TestServer, method: &str, path: &str, body: Option<&Value>) -> Value {
    let authorization = format!("Authorization: Bearer {}\r\n", server.admin_token);
    let mut client = Client::new(&server.admin_url, "");
    client.send_with(method, &format!("/admin/v1{path}"), body, &authorization).unwrap().ok()
}

/// A name that nobody ever had.
fn marker() -> String {
    format!("Qv{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}
