//! What benches that drive a real server share: starting it, speaking HTTP to it, loads, texts
//! and the printed result. Each bench includes it with `mod support;`.
//!
//! The client is one blocking thread per connection with a minimal HTTP/1.1 of its own: client
//! and server share the machine, and an async client's timer has only millisecond steps.

#![allow(dead_code, reason = "each bench uses a part of it")]
#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench prints, rounds its figures, sleeps by its schedule and may stop on a defect"
)]

pub(crate) mod client;
pub(crate) mod load;
pub(crate) mod pdf;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod text;
