//! What data files cannot say: requests that are slow, broken, enormous or random, clients that
//! go away, and many at once. One real server per test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

mod bodies;
mod clients;
mod concurrency;
mod export;
mod fuzz;
mod headers;
mod raw;
#[path = "../support/mod.rs"]
mod support;
