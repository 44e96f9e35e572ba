//! The built binary, killed and restarted: what was acknowledged is there, what was not is there
//! whole or not at all, and damage to what can be made again costs nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its seed"
)]

#[path = "facts/app.rs"]
mod app;
#[path = "recovery/caches.rs"]
mod caches;
#[path = "platform/caller.rs"]
mod caller;
#[path = "recovery/client.rs"]
mod client;
#[path = "recovery/consolidation.rs"]
mod consolidation;
#[path = "recovery/documents.rs"]
mod documents;
#[path = "recovery/enrichment.rs"]
mod enrichment;
#[path = "recovery/facts.rs"]
mod facts;
#[path = "recovery/forgotten.rs"]
mod forgotten;
#[path = "recovery/kills.rs"]
mod kills;
#[path = "recovery/notices.rs"]
mod notices;
#[path = "recovery/older_format.rs"]
mod older_format;
#[path = "forgetting/plain_tenant.rs"]
mod plain_tenant;
#[path = "recovery/platform.rs"]
mod platform;
#[path = "recovery/process.rs"]
mod process;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "recovery/seed.rs"]
mod seed;
#[path = "recovery/start_and_stop.rs"]
mod start_and_stop;
#[path = "support/mod.rs"]
mod support;
#[path = "recovery/taking_back.rs"]
mod taking_back;
#[path = "recovery/webhooks.rs"]
mod webhooks;
#[path = "recovery/writer.rs"]
mod writer;
