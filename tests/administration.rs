//! The admin API on a real server: who may use it, what it refuses, what revoking, moving and
//! deleting mean for those who are calling at that moment.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it counted"
)]

#[path = "administration/access.rs"]
mod access;
#[path = "administration/api.rs"]
mod api;
#[path = "recovery/client.rs"]
mod client;
#[path = "administration/deletion.rs"]
mod deletion;
#[path = "administration/moving.rs"]
mod moving;
#[path = "support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use client::{Answer, Client};
use hebbd::actors::settings::ShardEntry;
use hebbd::config::Config;
use hebbd::storage::keys::tenant_prefix;
use hebbd::types::{ShardNo, TenantId};
use secrecy::ExposeSecret;
use serde_json::Value;
use support::TestServer;

/// Calls the admin API with its token.
struct Admin {
    client: Client,
    token: String,
}

impl Admin {
    fn of(server: &TestServer) -> Self {
        Self { client: Client::new(&server.admin_url, ""), token: server.admin_token.clone() }
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let authorization = format!("Authorization: Bearer {}\r\n", self.token);
        let path = format!("/admin/v1{path}");
        self.client.send_with(method, &path, body, &authorization).unwrap()
    }

    fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    fn delete(&mut self, path: &str) -> Answer {
        self.call("DELETE", path, None)
    }
}

/// Tells threads to stop when it goes, also by a failed assertion: a test waits for them.
struct StopAtLast<'a>(&'a AtomicBool);

impl Drop for StopAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn two_shards(config: &mut Config) {
    let shard = |no| ShardEntry { no, ..ShardEntry::default() };
    config.shards.shard = vec![shard(0), shard(1)];
}

/// A tenant on the first shard and a client of it.
fn tenant_on(server: &TestServer, shard: ShardNo) -> (TenantId, Client) {
    let tenant = server.directory.create_tenant("test", "local", |_| shard).unwrap().id;
    let key = server.new_key(tenant);
    (tenant, Client::new(&server.base_url, key.secret.expose_secret()))
}

/// Records of a tenant number on a shard.
fn records_on(server: &TestServer, shard: ShardNo, no: hebbd::types::TenantNo) -> usize {
    let shard = server.registry.shards().get(shard).unwrap();
    shard.commit.store().scan(&tenant_prefix(no), None, usize::MAX).unwrap().len()
}
