//! The error of the service layer: what a dialect turns into its own status and body.

use std::time::Duration;

use thiserror::Error;

use crate::actors::{ActorError, TenantError};
use crate::control::ControlError;
use crate::embedding::EmbedError;
use crate::types::{ErrorKind, Timestamp, TokenDirection};

/// A failure with a message fit for the caller. What caused it inside is logged where it
/// happened and never part of the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ServiceError {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
    spent: Option<SpentAllowance>,
}

/// A day's allowance of which nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpentAllowance {
    /// `None` for questions.
    pub tokens: Option<TokenDirection>,
    pub used: u64,
    pub limit: u64,
    /// When it starts anew.
    pub until: Timestamp,
}

impl SpentAllowance {
    /// How long until it starts anew.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Duration {
        Duration::from_micros(self.until.abs_diff_micros(now))
    }

    fn of(error: &ActorError) -> Option<Self> {
        match error {
            ActorError::Tenant(TenantError::TokenLimit { direction, used, limit, until }) => {
                let tokens = Some(*direction);
                Some(Self { tokens, used: *used, limit: *limit, until: *until })
            }
            ActorError::Tenant(TenantError::DailyLimit { used, limit, until }) => {
                Some(Self { tokens: None, used: *used, limit: *limit, until: *until })
            }
            _ => None,
        }
    }
}

impl ServiceError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, spent: None }
    }

    /// Work on the blocking pool panicked.
    pub(super) fn crashed() -> Self {
        Self::new(ErrorKind::Internal, "the server failed to serve this request")
    }

    /// Tells the caller when trying again may help.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The day's allowance that was used up, where that is the failure.
    #[must_use]
    pub fn spent(&self) -> Option<&SpentAllowance> {
        self.spent.as_ref()
    }
}

impl ServiceError {
    /// The refusal of a key that was good once.
    #[must_use]
    pub fn unauthenticated_revoked() -> Self {
        Self::new(ErrorKind::Unauthenticated, ControlError::RevokedKey.to_string())
    }

    /// Whether a key was refused because it had been revoked.
    #[must_use]
    pub fn is_revoked_key(&self) -> bool {
        *self == Self::unauthenticated_revoked()
    }

    /// What a caller may know of a failure below; the cause is logged here, once.
    #[must_use]
    pub fn from_actor(error: &ActorError) -> Self {
        let kind = error.kind();
        let message = match kind {
            ErrorKind::Internal => {
                tracing::error!(error = %error, "request failed inside");
                "the server failed to serve this request".to_owned()
            }
            ErrorKind::Corrupted => {
                tracing::error!(error = %error, "stored data failed verification");
                "stored data of this tenant failed verification".to_owned()
            }
            _ => match error {
                // The cause names files of the server.
                ActorError::ShardUnavailable { shard, .. } => {
                    tracing::warn!(error = %error, "request for a shard that is not available");
                    format!("shard {shard} is not available")
                }
                ActorError::NotDurable(_) | ActorError::Tenant(TenantError::Storage(_)) => {
                    tracing::error!(error = %error, "storage failed");
                    "storage cannot write now; nothing was acknowledged".to_owned()
                }
                _ => error.to_string(),
            },
        };
        Self { kind, message, retry_after: None, spent: SpentAllowance::of(error) }
    }
}

impl From<ControlError> for ServiceError {
    fn from(error: ControlError) -> Self {
        Self::from_actor(&error.into())
    }
}

impl From<EmbedError> for ServiceError {
    fn from(error: EmbedError) -> Self {
        tracing::warn!(error = %error, "embedding failed");
        let message = match error.kind() {
            // The cause names an address in the operator's network.
            ErrorKind::Unavailable => "embedding is not available now; try again",
            _ => "embedding failed",
        };
        Self::new(error.kind(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_s_address_stays_with_the_operator() {
        let endpoint = "http://10.0.0.5:8080/v1".to_owned();
        let error = ServiceError::from(EmbedError::TimedOut { endpoint, waited_ms: 5 });
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(error.message, "embedding is not available now; try again");
    }
}
