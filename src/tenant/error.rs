//! What can go wrong inside one tenant.

use thiserror::Error;

use crate::index::IndexError;
use crate::storage::{CodecError, StorageError};
use crate::types::{AtomId, ErrorKind, JobNo, Timestamp, TokenDirection, VectorError};

#[derive(Debug, Error)]
pub enum TenantError {
    #[error(
        "this tenant's vectors were made by embedder `{stored}`, the server runs `{running}`; \
         run `hebbd reembed` or configure the former embedder"
    )]
    EmbedderMismatch { stored: String, running: String },
    #[error("stored data of this tenant is damaged: {0}")]
    Damaged(String),
    #[error("the tenant refuses work since a write failed; it is being opened again")]
    Poisoned,
    #[error("there is no atom {0} to supersede; nothing was stored")]
    UnknownSuperseded(AtomId),
    #[error("atom {id} was superseded by {by} already; supersede that one. Nothing was stored")]
    AlreadySuperseded { id: AtomId, by: AtomId },
    #[error("Daily limit reached ({used}/{limit}); it starts anew at {until}")]
    DailyLimit { used: u64, limit: u64, until: Timestamp },
    /// Nothing is left of a day's metered tokens.
    #[error("the day's tokens are used up ({used}/{limit}); they start anew at {until}")]
    TokenLimit { direction: TokenDirection, used: u64, limit: u64, until: Timestamp },
    #[error("Atom limit reached ({limit}/{limit}); delete atoms or change the plan to store more")]
    AtomLimit { limit: u64 },
    #[error("Document limit reached ({limit}/{limit}); delete documents or files to upload more")]
    DocumentLimit { limit: u64 },
    #[error(
        "the documents and files would have more than {limit} bytes; delete some to upload more"
    )]
    DocumentBytesLimit { limit: u64 },
    #[error("{limit} jobs wait already; try again when some of them are done")]
    JobLimit { limit: usize },
    #[error("there are {limit} webhooks already; remove one to add another")]
    WebhookLimit { limit: usize },
    #[error("a job cannot be taken: {0}")]
    InvalidJob(String),
    #[error("job {0} is not this run's any more; its result is not taken")]
    StaleLease(JobNo),
    #[error("the caller gave up before the command began")]
    Abandoned,
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Vector(#[from] VectorError),
}

impl TenantError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::EmbedderMismatch { .. } | Self::Poisoned => ErrorKind::Unavailable,
            Self::UnknownSuperseded(_) => ErrorKind::NotFound,
            Self::AlreadySuperseded { .. } | Self::StaleLease(_) | Self::WebhookLimit { .. } => {
                ErrorKind::Conflict
            }
            Self::JobLimit { .. } => ErrorKind::Overloaded,
            Self::InvalidJob(_) => ErrorKind::InvalidInput,
            Self::DailyLimit { .. }
            | Self::TokenLimit { .. }
            | Self::AtomLimit { .. }
            | Self::DocumentLimit { .. }
            | Self::DocumentBytesLimit { .. } => ErrorKind::QuotaExceeded,
            Self::Damaged(_) => ErrorKind::Corrupted,
            Self::Abandoned => ErrorKind::DeadlineExceeded,
            Self::Storage(error) => error.kind(),
            Self::Index(_) | Self::Vector(_) => ErrorKind::Internal,
        }
    }
}

impl From<CodecError> for TenantError {
    fn from(error: CodecError) -> Self {
        Self::Storage(StorageError::Codec(error))
    }
}
