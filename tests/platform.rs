//! What applications keep in an environment, from end to end on a real server: what was deleted is
//! nowhere, and nothing else has lost anything by it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "platform/caller.rs"]
mod caller;
#[path = "recovery/client.rs"]
mod client;
#[path = "platform/deleting.rs"]
mod deleting;
#[path = "platform/doors.rs"]
mod doors;
#[path = "documents/kept.rs"]
mod kept;
#[path = "platform/logs.rs"]
mod logs;
#[path = "platform/memories.rs"]
mod memories;
#[path = "platform/moving.rs"]
mod moving;
#[path = "recovery/process.rs"]
mod process;
#[path = "platform/racing.rs"]
mod racing;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use client::Client;
use hebbd::types::{Bound, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::Value;
use support::TestServer;

/// A server that asks nobody to wait and lets everything be deleted.
fn start(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        config.metorial.ip_requests_max = Bound(None);
        config.metorial.production_requests_max = Bound(Some(1_000_000));
        config.server.allow_reset = true;
    })
}

/// A client of the mnemoverse dialect with a new key of a tenant.
fn mnemoverse(server: &TestServer, tenant: TenantId) -> Client {
    Client::new(&server.base_url, server.new_key(tenant).secret.expose_secret())
}

/// Asks the admin API with its token; the answer must be a 200.
#[track_caller]
fn administer(server: &TestServer, path: &str) -> Value {
    let authorization = format!("Authorization: Bearer {}\r\n", server.admin_token);
    let mut client = Client::new(&server.admin_url, "");
    client.send_with("GET", &format!("/admin/v1{path}"), None, &authorization).unwrap().ok()
}

/// A name that nobody ever had.
fn marker() -> String {
    format!("qv{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}
