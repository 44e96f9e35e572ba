//! What can go wrong in an index. A damaged cache file is not here: it is a
//! [`Loaded::Mismatch`](super::Loaded::Mismatch), since the answer to it is always to rebuild.

use std::io;

use thiserror::Error;

use crate::types::{AtomNo, ErrorKind};

#[derive(Debug, Error)]
pub enum IndexError {
    /// The vector comes from another embedder than the index.
    #[error("the vector has {actual} dimensions, the index {expected}")]
    Dimensions { expected: usize, actual: usize },
    /// Keys are pushed in ascending order and never twice.
    #[error("key {} does not come after key {}", key.0, last.0)]
    KeyOrder { last: AtomNo, key: AtomNo },
    /// Row numbers are exhausted.
    #[error("the index holds {rows} rows and takes no more")]
    Full { rows: usize },
    /// usearch refused, almost always for want of memory. The rows are unharmed.
    #[error("the graph failed: {reason}")]
    Graph { reason: String },
    /// The cache file could not be read or written.
    #[error("cannot {action} the index file: {source}")]
    Io { action: &'static str, source: io::Error },
}

impl IndexError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Dimensions { .. } => ErrorKind::InvalidInput,
            Self::Full { .. } => ErrorKind::QuotaExceeded,
            Self::KeyOrder { .. } | Self::Graph { .. } | Self::Io { .. } => ErrorKind::Internal,
        }
    }
}
