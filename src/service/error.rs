//! The error of the service layer: what a dialect turns into its own status and body.

use std::time::Duration;

use thiserror::Error;

use crate::types::ErrorKind;

/// A failure with a message fit for the caller. What caused it inside is logged where it
/// happened and never part of the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ServiceError {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

impl ServiceError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
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
}
