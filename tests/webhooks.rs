//! Notices to webhooks from end to end: what arrives, in which order and how it is signed, what
//! failing receivers, restarts and moves cost, and where nothing is ever sent. The notices are those
//! of consolidations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "webhooks/delivering.rs"]
mod delivering;
#[path = "webhooks/operating.rs"]
mod operating;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "webhooks/targets.rs"]
mod targets;

#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client::Client;
use hebbd::actors::delivery::Courier;
use hebbd::actors::settings::{DeliverySettings, ShardEntry};
use hebbd::config::Config;
use hebbd::embedding::FakeEmbedder;
use hebbd::service::{
    DeadMessage, MemoryService, NewWebhook, NoticeKind, Scope, ServiceError, Webhook,
    WebhookService, WebhookStatus,
};
use hebbd::types::{Allowance, Clock, Deadline, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::TestServer;

const SECRET: &str = "a secret between two machines";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that may send to this machine and does not pause for long.
fn quick() -> DeliverySettings {
    DeliverySettings {
        allow_private_targets: true,
        timeout_ms: 5_000,
        retry_pauses_ms: [10, 20, 40],
    }
}

struct Scene {
    server: TestServer,
    settings: DeliverySettings,
}

impl Scene {
    fn start(data_dir: &Path, settings: DeliverySettings) -> Self {
        Self::start_with(data_dir, settings, |_| {})
    }

    fn start_with(
        data_dir: &Path,
        settings: DeliverySettings,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let server = TestServer::start_with(data_dir, clock, |config| {
            config.outbound_webhooks = settings.clone();
            let shard = |no| ShardEntry { no, ..ShardEntry::default() };
            config.shards.shard = vec![shard(0), shard(1)];
            change(config);
        });
        Self { server, settings }
    }

    fn app(&self) -> App {
        self.app_of(self.server.new_tenant("local"))
    }

    fn app_of(&self, tenant: TenantId) -> App {
        let key = self.server.new_key(tenant).secret.expose_secret().to_owned();
        let (directory, registry) = (&self.server.directory, &self.server.registry);
        let memory = MemoryService::new(
            Arc::clone(directory),
            Arc::clone(registry),
            Arc::new(FakeEmbedder::new(8)),
            Arc::new(SystemClock),
        );
        let courier = Arc::new(Courier::new(self.settings.courier()).unwrap());
        let service = WebhookService::new(memory, courier);
        App { tenant, client: Client::new(&self.server.base_url, &key), service }
    }
}

/// A tenant and those who speak for it.
struct App {
    tenant: TenantId,
    client: Client,
    service: WebhookService,
}

impl App {
    fn scope(&self) -> Scope {
        let deadline = Deadline::after(PATIENCE);
        Scope { tenant: self.tenant, deadline, allowance: Allowance::default() }
    }

    async fn try_register(&self, url: &str, secret: &str) -> Result<Webhook, ServiceError> {
        let events = vec![NoticeKind::MaintenanceCompleted];
        let new = NewWebhook { url: url.to_owned(), events, secret: secret.to_owned() };
        self.service.register(self.scope(), new).await
    }

    async fn register(&self, url: &str) -> Webhook {
        self.try_register(url, SECRET).await.unwrap()
    }

    async fn only_status(&self) -> WebhookStatus {
        let mut all = self.service.list(self.scope()).await.unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    async fn dead(&self) -> Vec<DeadMessage> {
        self.service.dead(self.scope()).await.unwrap()
    }

    /// Consolidates a domain of this name, which is told to webhooks.
    fn cause_notice(&mut self, domain: &str) {
        let atom = json!({"content": format!("Something of {domain}"), "domain": domain});
        assert_eq!(self.client.write(&atom)["stored"], true);
        self.client.post("/api/v1/memory/consolidate", &json!({ "domain": domain })).ok();
    }

    /// Looks until the messages are as wanted.
    async fn until(&self, is_so: impl Fn(&WebhookStatus) -> bool) {
        let clock = SystemClock;
        let ends_at_us = clock.monotonic_micros() + 30_000_000;
        while !is_so(&self.only_status().await) {
            assert!(clock.monotonic_micros() < ends_at_us, "{:?}", self.only_status().await);
            tokio::task::yield_now().await;
        }
    }
}

/// The domain that a notice speaks of.
fn domain_of(body: &Value) -> &str {
    body["data"]["domain"].as_str().unwrap()
}
