//! A deterministic model for tests: no network, no wait. It answers what it was told to, or else
//! something that depends on the prompt alone, and remembers what it was asked. It must never be
//! offered by the configuration.

use std::sync::{Mutex, PoisonError};

use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{self, StreamExt};

use crate::llm::prompt::tokens_estimated;
use crate::llm::{Completion, LanguageModel, LlmError, Prompt, TextStream, Usage};

const MODEL: &str = "fake-model";

/// What the fake does with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FakeReply {
    /// The answer. A stream gives it word by word.
    Text(String),
    /// No answer, before the first piece.
    Failure(LlmError),
    /// A stream gives this text and breaks off; a whole answer fails so at once.
    BreaksOff(String, LlmError),
}

/// See the module.
#[derive(Debug, Default)]
pub struct FakeModel {
    replies: Vec<FakeReply>,
    prompts: Mutex<Vec<Prompt>>,
}

impl FakeModel {
    /// Answers each prompt with a line that names a hash of it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the n-th call the n-th reply; the last one repeats. Without any, as
    /// [`FakeModel::new`].
    #[must_use]
    pub fn replying(replies: impl IntoIterator<Item = FakeReply>) -> Self {
        Self { replies: replies.into_iter().collect(), prompts: Mutex::default() }
    }

    /// Answers every prompt with this text.
    #[must_use]
    pub fn saying(text: &str) -> Self {
        Self::replying([FakeReply::Text(text.to_owned())])
    }

    /// What it was asked, in order.
    #[must_use]
    pub fn prompts(&self) -> Vec<Prompt> {
        self.prompts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reply_to(&self, prompt: &Prompt) -> FakeReply {
        let mut prompts = self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = self.replies.get(prompts.len()).or(self.replies.last()).cloned();
        prompts.push(prompt.clone());
        reply.unwrap_or_else(|| FakeReply::Text(line_for(prompt)))
    }
}

impl LanguageModel for FakeModel {
    fn complete(&self, prompt: Prompt) -> BoxFuture<'_, Result<Completion, LlmError>> {
        let answer = match self.reply_to(&prompt) {
            FakeReply::Text(text) if text.trim().is_empty() => Err(LlmError::EmptyAnswer),
            FakeReply::Text(text) => {
                let completion_tokens = tokens_estimated(text.len());
                let prompt_tokens = prompt.tokens_estimated();
                let tokens = Some(Usage { prompt_tokens, completion_tokens });
                let model = prompt.model.unwrap_or_else(|| MODEL.to_owned());
                Ok(Completion { text, model, tokens })
            }
            FakeReply::Failure(error) | FakeReply::BreaksOff(_, error) => Err(error),
        };
        Box::pin(ready(answer))
    }

    fn stream(&self, prompt: Prompt) -> BoxFuture<'_, Result<TextStream, LlmError>> {
        let (text, error) = match self.reply_to(&prompt) {
            FakeReply::Text(text) => (text, None),
            FakeReply::Failure(error) => return Box::pin(ready(Err(error))),
            FakeReply::BreaksOff(text, error) => (text, Some(error)),
        };
        if text.is_empty() {
            return Box::pin(ready(Err(error.unwrap_or(LlmError::EmptyAnswer))));
        }
        let pieces: Vec<_> = text
            .split_inclusive(' ')
            .map(|piece| Ok(piece.to_owned()))
            .chain(error.map(Err))
            .collect();
        Box::pin(ready(Ok(stream::iter(pieces).boxed())))
    }

    fn model(&self) -> &str {
        MODEL
    }
}

fn line_for(prompt: &Prompt) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(prompt.system.as_bytes()).update(b"\0").update(prompt.user.as_bytes());
    let hash = hasher.finalize().to_hex();
    format!("fake answer {}", hash.get(..12).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn answer(model: &FakeModel, question: &str) -> Result<String, LlmError> {
        let completion = model.complete(Prompt::new("", question)).now_or_never();
        completion.expect("waits for nothing").map(|completion| completion.text)
    }

    fn pieces(model: &FakeModel) -> Vec<Result<String, LlmError>> {
        let stream = model.stream(Prompt::new("", "q")).now_or_never().expect("waits for nothing");
        stream.expect("begins").collect::<Vec<_>>().now_or_never().expect("waits for nothing")
    }

    #[test]
    fn the_same_prompt_has_the_same_answer_and_another_has_another() {
        let model = FakeModel::new();
        assert_eq!(answer(&model, "a"), answer(&FakeModel::new(), "a"));
        assert_ne!(answer(&model, "a"), answer(&model, "b"));
        let asked: Vec<_> = model.prompts().into_iter().map(|prompt| prompt.user).collect();
        assert_eq!(asked, ["a", "a", "b"]);
    }

    #[test]
    fn replies_come_in_order_and_the_last_repeats() {
        let failure = FakeReply::Failure(LlmError::TimedOut);
        let model = FakeModel::replying([FakeReply::Text("one two".to_owned()), failure]);
        assert_eq!(pieces(&model), [Ok("one ".to_owned()), Ok("two".to_owned())]);
        assert_eq!(answer(&model, "q"), Err(LlmError::TimedOut));
        assert_eq!(answer(&model, "q"), Err(LlmError::TimedOut));
    }

    #[test]
    fn a_stream_that_breaks_off_gives_what_came_before() {
        let reply = FakeReply::BreaksOff("half".to_owned(), LlmError::Interrupted);
        let model = FakeModel::replying([reply]);
        assert_eq!(pieces(&model), [Ok("half".to_owned()), Err(LlmError::Interrupted)]);
    }
}
