//! Answers of language models. Owns the [`LanguageModel`] trait, its settings, the client of
//! OpenAI-compatible endpoints, the day's budget of tokens, and how a structure is found in an
//! answer. Knows nothing of atoms, tenants or prompts' purposes; what is asked, and what is done
//! without a model, is the caller's business. Invariants: a call ends within the settings' total
//! time; no error, log line or `Debug` output holds a prompt, an answer or a key; the
//! configuration cannot choose the fake.

mod budget;
mod call;
mod error;
mod event_stream;
mod fake;
mod json;
mod models;
mod openai;
mod prompt;
mod settings;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

pub use error::{LlmError, LlmSetupError};
pub use fake::{FakeModel, FakeReply};
pub use json::{find_json, parse_json};
pub use models::LanguageModels;
pub use prompt::{Completion, Prompt, Usage};
pub use settings::{LlmProvider, LlmSettings, OutsideModelSettings, OutsideSettings};

/// An answer as it comes in: pieces of text that follow each other, none of them empty. It ends
/// after the last piece or after the first error; what came before an error stands.
pub type TextStream = BoxStream<'static, Result<String, LlmError>>;

/// Anything that answers a prompt with text. Dropping a future or a stream ends the request.
pub trait LanguageModel: Send + Sync + 'static {
    /// The whole answer; never a blank one.
    ///
    /// # Errors
    /// [`LlmError`] when there is none; there are no partial answers.
    fn complete(&self, prompt: Prompt) -> BoxFuture<'_, Result<Completion, LlmError>>;

    /// The answer in pieces. Ready when the first piece has come, so that whoever gets an error
    /// here has shown nothing yet and may still answer otherwise.
    ///
    /// # Errors
    /// As [`LanguageModel::complete`] before the first piece. In the stream: most often
    /// [`LlmError::Interrupted`], [`LlmError::TimedOut`] or [`LlmError::TooLarge`].
    fn stream(&self, prompt: Prompt) -> BoxFuture<'_, Result<TextStream, LlmError>>;

    /// The model that answers a prompt which names none.
    fn model(&self) -> &str;
}
