//! Why texts could not be embedded, in words for the operator. Invariant: no message holds a
//! text, a key, or anything an endpoint answered, because an endpoint may echo both.

use std::path::PathBuf;

use thiserror::Error;

use crate::types::ErrorKind;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EmbedError {
    #[error("the embedding settings are wrong: {}", problems.join("; "))]
    InvalidSettings { problems: Vec<String> },
    #[error("cannot read the embedding key file {}: {reason}", path.display())]
    ApiKeyFile { path: PathBuf, reason: String },
    #[error("the built-in embedding model is damaged: {reason}; reinstall hebbd")]
    DamagedModel { reason: String },
    #[error("the embedder waits for something and cannot run on a blocking thread")]
    NotCpuBound,
    #[error(
        "no connection to the embedding endpoint {endpoint} ({reason}); check embedding.http.url and that it runs"
    )]
    Unreachable { endpoint: String, reason: &'static str },
    #[error(
        "the embedding endpoint {endpoint} gave no answer within {waited_ms} ms; check its load or raise embedding.http.timeout_ms"
    )]
    TimedOut { endpoint: String, waited_ms: u64 },
    #[error("the embedding endpoint {endpoint} answered HTTP {status}{}", advice_for(*status))]
    Refused { endpoint: String, status: u16 },
    #[error("the embedding endpoint {endpoint} answered something unusable: {problem}")]
    BadAnswer { endpoint: String, problem: AnswerProblem },
}

/// What is wrong with an endpoint's answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerProblem {
    #[error(
        "not an OpenAI embeddings object (JSON line {line}, column {column}); check embedding.http.url"
    )]
    NotEmbeddings { line: usize, column: usize },
    #[error("more than {bytes_max} bytes; lower embedding.http.batch_max")]
    TooLarge { bytes_max: usize },
    #[error(
        "{actual} vectors for {expected} texts; check that the endpoint supports batches, or set embedding.http.batch_max to 1"
    )]
    Count { expected: usize, actual: usize },
    #[error("its indexes do not name every text once")]
    Indexes,
    #[error("vectors of {actual} dimensions where embedding.http.dimensions says {expected}")]
    Dimensions { expected: usize, actual: usize },
    #[error("a vector holds a value that is not a finite number; check the model")]
    NotFinite,
}

impl EmbedError {
    /// The class of failure. Nothing an endpoint does is the caller's fault, so all of it is
    /// [`ErrorKind::Unavailable`].
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidSettings { .. } | Self::ApiKeyFile { .. } => ErrorKind::InvalidInput,
            Self::DamagedModel { .. } => ErrorKind::Corrupted,
            Self::NotCpuBound => ErrorKind::Internal,
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::BadAnswer { .. } => ErrorKind::Unavailable,
        }
    }
}

/// What an operator should look at, by status.
fn advice_for(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "; check the model, its longest input and embedding.http.batch_max",
        401 | 403 => "; check embedding.http.api_key",
        404 => "; check embedding.http.url and embedding.http.model",
        429 => "; its rate limit is used up",
        _ => "",
    }
}
