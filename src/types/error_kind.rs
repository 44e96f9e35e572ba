//! The closed set of things that can go wrong, as a caller can act on them. Every layer's error
//! answers `kind()`; a dialect maps a kind to its own status and body in one exhaustive match.

/// What class of failure an error is. Adding a variant is a change to every dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; sending it again unchanged cannot help.
    InvalidInput,
    /// No credential, or one that is not (or no longer) valid.
    Unauthenticated,
    /// A valid credential without the permission the action needs.
    Forbidden,
    /// The named thing does not exist for this caller.
    NotFound,
    /// The request contradicts the present state.
    Conflict,
    /// A plan's allowance is used up.
    QuotaExceeded,
    /// Too much work is in flight; nothing was started, a retry may succeed soon.
    Overloaded,
    /// The answer did not come in time; a write may or may not have happened.
    DeadlineExceeded,
    /// A part of the server cannot serve now (quarantined tenant, shard that did not open).
    Unavailable,
    /// Stored data failed verification.
    Corrupted,
    /// A defect or a failed device on the server's side.
    Internal,
}

impl ErrorKind {
    /// A stable dotted-lower-case name for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Overloaded => "overloaded",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Unavailable => "unavailable",
            Self::Corrupted => "corrupted",
            Self::Internal => "internal",
        }
    }
}
