//! hebbd: a memory server for AI agents. Modules in dependency order, each importing only those
//! above it (`tests/architecture.rs` enforces the exact table):
//!
//! - [`types`]: ids, time, limits, vectors, error kinds.
pub mod types;
