//! What every handler may reach: the service, the clock, the limit by address and some facts about
//! the process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::dialects::magneteco::MagnetecoState;
use super::dialects::metacogna::MetacognaState;
use super::dialects::metorial::MetorialState;
use super::dialects::tex::TexState;
use super::extract::client_ip::TrustedProxies;
use super::middleware::ip_limit::IpLimit;
use crate::service::{AccountService, ChatService, DocumentService, MemoryService, WebhookService};
use crate::types::Clock;

/// Shared by all workers; cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub memory: MemoryService,
    pub documents: DocumentService,
    pub chat: ChatService,
    pub accounts: AccountService,
    pub webhooks: WebhookService,
    pub clock: Arc<dyn Clock>,
    /// How often one client address may call.
    pub ip_limit: Arc<IpLimit>,
    /// Whose word for a client's address is taken.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// The version the health answers report.
    pub version: String,
    /// Renders the metrics in Prometheus' text format.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// From the request's head to its answer, the body's arrival included.
    pub request_timeout: Duration,
    /// Whether a tenant may delete all it remembers in one call.
    pub allow_reset: bool,
    pub magneteco: Arc<MagnetecoState>,
    pub metacogna: Arc<MetacognaState>,
    pub metorial: Arc<MetorialState>,
    pub tex: Arc<TexState>,
}

/// What everything around a handler needs to know of time.
#[derive(Clone)]
pub(super) struct Timing {
    pub clock: Arc<dyn Clock>,
    /// From the request's head to its answer, the body's arrival included.
    pub request_timeout: Duration,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("version", &self.version).finish_non_exhaustive()
    }
}
