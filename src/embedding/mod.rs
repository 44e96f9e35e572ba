//! Text to vectors. Owns the [`Embedder`] trait, one file per provider and their settings; knows
//! nothing of atoms, tenants or HTTP servers. Invariant: an answer has exactly one [`Embedding`]
//! per text, in the order of the texts, and each vector has the dimensions of the identity.

mod error;
mod fake;
mod http;
mod pieces;
mod settings;
mod static_model;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;

pub use error::{AnswerProblem, EmbedError};
pub use fake::FakeEmbedder;
pub use http::HttpEmbedder;
pub use settings::{EmbeddingProvider, EmbeddingSettings, HttpEmbedderSettings};
pub use static_model::StaticEmbedder;

use crate::types::{EmbedderIdentity, QuantizedVector, QueryEmbedding};

/// The direction of one text. `None` = the text has none (no known token): it is found by its
/// words alone.
pub type Embedding = Option<QuantizedVector>;

/// What [`Embedder::embed`] returns.
pub type EmbedFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Embedding>, EmbedError>> + Send + 'a>>;

/// What [`Embedder::embed_query`] returns.
pub type QueryFuture<'a> =
    Pin<Box<dyn Future<Output = Result<QueryEmbedding, EmbedError>> + Send + 'a>>;

/// Anything that turns texts into directions.
pub trait Embedder: Send + Sync + 'static {
    /// What made the vectors. Constant for the life of the embedder.
    fn identity(&self) -> &EmbedderIdentity;

    /// Embeds `texts`: the same order, the same length. Nothing happens before the first poll.
    ///
    /// # Errors
    /// [`EmbedError`] when any text could not be embedded; there are no partial answers.
    fn embed<'a>(&'a self, texts: &'a [&'a str]) -> EmbedFuture<'a>;

    /// Embeds a question: the text as a whole and, where the embedder can, the given lower-case
    /// words one by one. Words without direction are left out.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    fn embed_query<'a>(&'a self, text: &'a str, words: &'a [String]) -> QueryFuture<'a> {
        let _ = words;
        Box::pin(async move {
            let whole = self.embed(&[text]).await?.into_iter().next().flatten();
            Ok(QueryEmbedding { whole, words: Vec::new() })
        })
    }

    /// Whether the next call is expected to succeed. True before the first call.
    fn is_ready(&self) -> bool;

    /// True when `embed` is pure computation that ends within its first poll. A caller with many
    /// or long texts should then run [`embed_blocking`] on the blocking pool; a caller with one
    /// question just awaits.
    fn is_cpu_bound(&self) -> bool;
}

/// Embeds on the calling thread, without a runtime. For embedders with
/// [`Embedder::is_cpu_bound`], whose future is ready at its first poll.
///
/// # Errors
/// Those of the embedder, and [`EmbedError::NotCpuBound`] when it had to wait for something.
pub fn embed_blocking(
    embedder: &dyn Embedder,
    texts: &[&str],
) -> Result<Vec<Embedding>, EmbedError> {
    embedder.embed(texts).now_or_never().unwrap_or(Err(EmbedError::NotCpuBound))
}

/// Builds the embedder that the settings ask for. The static model is parsed on the first call
/// and shared afterwards; the HTTP embedder does not contact its endpoint yet.
///
/// # Errors
/// [`EmbedError::InvalidSettings`] naming every problem, [`EmbedError::ApiKeyFile`] when the key
/// file cannot be read, [`EmbedError::DamagedModel`] when the built-in model does not parse.
pub fn from_settings(settings: &EmbeddingSettings) -> Result<Arc<dyn Embedder>, EmbedError> {
    match settings.provider {
        EmbeddingProvider::Static => Ok(Arc::new(StaticEmbedder::shared()?)),
        EmbeddingProvider::Http => Ok(Arc::new(HttpEmbedder::new(&settings.http)?)),
    }
}
