//! Jobs from end to end: when they are run, what failures, panics, restarts and `kill -9` cost,
//! and that each result counts once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its seed"
)]

#[path = "jobs/child.rs"]
mod child;
#[path = "supervision/commands.rs"]
mod commands;
#[path = "jobs/failures.rs"]
mod failures;
#[path = "jobs/kills.rs"]
mod kills;
#[path = "forgetting/plain_tenant.rs"]
mod plain_tenant;
#[path = "jobs/running.rs"]
mod running;
#[path = "jobs/scene.rs"]
mod scene;
#[path = "recovery/seed.rs"]
mod seed;
