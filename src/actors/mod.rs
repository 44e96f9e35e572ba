//! Mailboxes around tenants. An actor here receives, calls synchronous code in `tenant`, and
//! replies; no rule about memory lives here, and nothing here knows HTTP. The registry is the
//! supervisor: it opens tenants on demand, replaces the crashed and evicts the idle.

pub mod consolidation;
mod consolidation_settings;
pub mod delivery;
mod delivery_settings;
pub mod distilling;
pub mod enrichment;
pub mod erasure;
pub mod error;
pub mod eviction;
pub mod handle;
pub mod indexing;
mod indexing_settings;
pub mod jobs;
pub mod knowledge;
mod model_distil;
mod model_extraction;
pub mod placement;
mod preparing;
pub mod quota_reset;
pub mod registry;
pub mod relocation;
pub mod restart;
pub mod settings;
pub mod shards;
pub mod tenant;
pub mod uploads;

pub use crate::tenant::TenantError;
pub use error::ActorError;
pub use handle::TenantHandle;
pub use registry::Registry;
pub use shards::{Shard, Shards};
