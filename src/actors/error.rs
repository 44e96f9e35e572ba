//! What can go wrong between a caller and a tenant.

use thiserror::Error;

use crate::control::ControlError;
use crate::storage::StorageError;
use crate::tenant::TenantError;
use crate::types::{ErrorKind, ShardNo, Timestamp};

#[derive(Debug, Error)]
pub enum ActorError {
    #[error("too many requests are in flight for this {scope}")]
    Overloaded { scope: &'static str },
    #[error("the answer did not come in time")]
    DeadlineExceeded,
    #[error("the tenant's actor crashed while it served this request")]
    Crashed,
    #[error("the tenant crashed a moment ago and is being restarted")]
    BackingOff { until: Timestamp },
    #[error("the tenant keeps crashing and is quarantined until {until}")]
    Quarantined { until: Timestamp },
    #[error("shard {shard} is not available: {reason}")]
    ShardUnavailable { shard: ShardNo, reason: String },
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the tenant is being moved or erased, or is too busy to be; try again later")]
    Busy,
    #[error("domain `{domain}` is being consolidated already; try again when that has ended")]
    ConsolidationRunning { domain: String },
    #[error("the write could not be made durable: {0}")]
    NotDurable(StorageError),
    #[error(transparent)]
    Tenant(#[from] TenantError),
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl ActorError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Overloaded { .. } => ErrorKind::Overloaded,
            Self::DeadlineExceeded => ErrorKind::DeadlineExceeded,
            Self::Crashed => ErrorKind::Internal,
            Self::BackingOff { .. }
            | Self::Quarantined { .. }
            | Self::ShardUnavailable { .. }
            | Self::ShuttingDown => ErrorKind::Unavailable,
            Self::Busy | Self::ConsolidationRunning { .. } => ErrorKind::Conflict,
            Self::NotDurable(error) => error.kind(),
            Self::Tenant(error) => error.kind(),
            Self::Control(error) => error.kind(),
        }
    }
}
