//! The control plane: who exists, which keys act for them, on which shard they live and what
//! they are allowed. It has its own store, knows nothing of memory, and keeps the whole
//! directory in memory (about 600 bytes a tenant with a key) so that a request is admitted
//! without I/O.

mod directory;
mod error;
mod issued_keys;
pub mod keys;
pub mod organizations;
pub mod passwords;
pub mod plans;
pub mod quotas;
mod records;
pub mod signing;
pub mod tenants;
#[cfg(test)]
mod tests;
pub mod vault;

pub use directory::Directory;
pub use error::ControlError;
