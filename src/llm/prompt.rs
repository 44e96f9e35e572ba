//! What a model is asked and what it answers, as plain data. `Debug` shows sizes, never a text.

use std::fmt;

/// One question to a model.
#[derive(Clone, PartialEq)]
pub struct Prompt {
    /// Who the model is to be; blank sends none.
    pub system: String,
    /// The question with everything it needs.
    pub user: String,
    /// 0 (nearly the same answer each time) to 2; outside of it the nearest bound, NaN is 0. A
    /// model that refuses any is asked again without.
    pub temperature: f32,
    /// Tokens of the answer at most; `None` is the setting `llm.max_tokens`.
    pub max_tokens: Option<u32>,
    /// Asks another model of the same endpoint; `None` is the configured one.
    pub model: Option<String>,
}

impl Prompt {
    /// A prompt at temperature 0 with the configured model and length.
    #[must_use]
    pub fn new(system: impl Into<String>, user: impl Into<String>) -> Self {
        let (system, user) = (system.into(), user.into());
        Self { system, user, temperature: 0.0, max_tokens: None, model: None }
    }

    /// Tokens that the prompt is taken for where nobody counted them.
    pub(super) fn tokens_estimated(&self) -> u64 {
        tokens_estimated(self.system.len().saturating_add(self.user.len()))
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("system_bytes", &self.system.len())
            .field("user_bytes", &self.user.len())
            .field("temperature", &self.temperature)
            .field("max_tokens", &self.max_tokens)
            .field("model", &self.model)
            .finish()
    }
}

/// A whole answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Completion {
    /// As the model wrote it, surrounding white space included. Never blank.
    pub text: String,
    /// The model that was asked.
    pub model: String,
    /// As the endpoint counted; `None` when it did not say.
    pub tokens: Option<Usage>,
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("text_bytes", &self.text.len())
            .field("model", &self.model)
            .field("tokens", &self.tokens)
            .finish()
    }
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

impl Usage {
    #[must_use]
    pub fn total(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

/// Four bytes a token: about right for English, too many tokens for most else.
pub(super) fn tokens_estimated(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_question_nor_answer_is_printed() {
        let prompt = Prompt::new("be sesame", "what is sesame?");
        let text = "sesame".to_owned();
        let answer = Completion { text, model: "m".to_owned(), tokens: None };
        let printed = format!("{prompt:?} {answer:?}");
        assert!(!printed.contains("sesame"), "{printed}");
        assert!(printed.contains("user_bytes: 15"), "{printed}");
    }

    #[test]
    fn a_prompt_begun_counts_as_whole_tokens() {
        assert_eq!(Prompt::new("", "").tokens_estimated(), 0);
        assert_eq!(Prompt::new("abcd", "e").tokens_estimated(), 2);
    }
}
