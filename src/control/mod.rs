//! The control plane: who exists, which keys act for them, on which shard they live and what
//! they are allowed. It has its own store, knows nothing of memory, and keeps the whole
//! directory in memory (about 300 bytes a tenant) so that a request is admitted without I/O.

mod directory;
pub mod keys;
pub mod plans;
pub mod quotas;
mod records;
pub mod tenants;

pub use directory::{ControlError, Directory};
