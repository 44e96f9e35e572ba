//! How a command ends when it does not succeed: a message for people and one of a few exit codes
//! for scripts.

use std::fmt;
use std::process::ExitCode;

use crate::storage::StorageError;

/// Why a command failed, as far as a script may care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Anything else.
    Failed,
    /// The arguments or the configuration are wrong.
    Usage,
    /// What it names does not exist.
    NotFound,
    /// It contradicts the present state, or was not confirmed.
    Refused,
    /// No server answers and the data directory cannot be opened either.
    Unreachable,
}

impl Cause {
    fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
        }
    }
}

#[derive(Debug)]
pub(super) struct Failure {
    cause: Cause,
    message: String,
}

impl Failure {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Why any command failed.
pub(super) fn cause(error: &anyhow::Error) -> Cause {
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.cause,
        None if is_locked(error) => Cause::Unreachable,
        None => Cause::Failed,
    }
}

/// Whether another process has the data directory.
pub(super) fn is_locked(error: &anyhow::Error) -> bool {
    let locked = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(StorageError::Locked { .. }))
    };
    error.chain().any(locked)
}

/// The exit code for an error of any command.
pub(super) fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(cause(error).code())
}
