//! The control plane: who exists, which keys act for them, on which shard they live and what
//! they are allowed. It has its own store, knows nothing of memory, and keeps the whole
//! directory in memory (about a kilobyte a tenant with a key) so that a request is admitted
//! without I/O.

mod directory;
mod document_ids;
pub mod environments;
mod error;
pub mod handles;
#[cfg(test)]
mod identity_fixture;
mod issued_keys;
mod key_ids;
pub mod keys;
pub mod organizations;
pub mod passwords;
pub mod plans;
pub mod quotas;
mod records;
pub mod refresh_tokens;
mod sealed;
pub mod sessions;
mod sign_up;
pub mod signing;
pub mod signing_keys;
mod sweep;
pub mod tenants;
#[cfg(test)]
mod tests;
mod tombstones;
pub mod users;
pub mod vault;
pub mod webhook_secrets;
pub mod webhook_signatures;
pub mod webhook_sources;

pub use directory::Directory;
pub use error::ControlError;
