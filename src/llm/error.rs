//! Why there was no answer, in words for the operator. Invariant: no message holds a prompt, a
//! key, or anything an endpoint answered, because an endpoint may echo both.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::types::ErrorKind;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LlmError {
    #[error("no connection to the language model ({reason}); check its url and that it runs")]
    Unreachable { reason: &'static str },
    #[error("the language model gave no answer in time; check its load or raise llm.*timeout_ms")]
    TimedOut,
    #[error("the language model's rate limit is used up")]
    RateLimited {
        /// As it said; `None` when it did not.
        retry_after: Option<Duration>,
    },
    #[error("the language model answered HTTP {status}{}", advice_for(*status))]
    Refused { status: u16 },
    #[error("the language model answered something unusable: {what}")]
    Malformed { what: &'static str },
    /// A stream broke off after its first piece.
    #[error("the language model's answer broke off")]
    Interrupted,
    #[error("the language model answered without any text; check its model and llm.max_tokens")]
    EmptyAnswer,
    #[error("the language model's answer is longer than llm.answer_bytes_max")]
    TooLarge,
    #[error("the tokens of llm.tokens_per_day are used up until midnight UTC")]
    BudgetSpent,
    /// Nothing was sent.
    #[error("llm.requests_max requests to the language model were in flight all the time")]
    Overloaded,
}

impl LlmError {
    /// The class of failure. None is the caller's fault, and the spent budget is the server's,
    /// not a plan's.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TimedOut => ErrorKind::DeadlineExceeded,
            Self::RateLimited { .. } | Self::Overloaded => ErrorKind::Overloaded,
            Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::Interrupted
            | Self::EmptyAnswer
            | Self::TooLarge
            | Self::BudgetSpent => ErrorKind::Unavailable,
        }
    }

    /// The reason for whoever asked: no setting, no address, nothing to act on but waiting.
    #[must_use]
    pub fn public_reason(&self) -> String {
        let reason = match self {
            Self::Unreachable { .. } => "the language model cannot be reached",
            Self::TimedOut => "the language model did not answer in time",
            Self::RateLimited { retry_after: Some(after) } if !after.is_zero() => {
                let seconds = after.as_secs();
                return format!("the language model is busy; try again in {seconds} seconds");
            }
            Self::RateLimited { .. } | Self::Overloaded => "the language model is busy; try again",
            Self::Refused { .. } => "the language model refused the request",
            Self::Malformed { .. } => "the language model gave an unusable answer",
            Self::Interrupted => "the language model's answer broke off",
            Self::EmptyAnswer => "the language model gave an empty answer",
            Self::TooLarge => "the language model's answer was too long",
            Self::BudgetSpent => "the language model's budget for today is used up",
        };
        reason.to_owned()
    }

    /// What the call counts as in metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut => "timed_out",
            Self::RateLimited { .. } => "rate_limited",
            Self::Refused { .. } => "refused",
            Self::Malformed { .. } => "malformed",
            Self::Interrupted => "interrupted",
            Self::EmptyAnswer => "empty",
            Self::TooLarge => "too_large",
            Self::BudgetSpent => "budget_spent",
            Self::Overloaded => "overloaded",
        }
    }

    /// Whether the model has most likely not worked on the prompt, so that it cost nothing.
    pub(super) fn is_free(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::RateLimited { .. }
            | Self::Refused { .. }
            | Self::BudgetSpent
            | Self::Overloaded => true,
            Self::TimedOut
            | Self::Malformed { .. }
            | Self::Interrupted
            | Self::EmptyAnswer
            | Self::TooLarge => false,
        }
    }
}

/// What an operator should look at, by status.
fn advice_for(status: u16) -> &'static str {
    match status {
        300..=399 => "; a redirect is not followed, give the final url",
        400 | 413 | 422 => "; check the model, its longest input and llm.max_tokens",
        401 | 403 => "; check its key",
        404 => "; check its url and model",
        _ => "",
    }
}

/// Why models could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LlmSetupError {
    #[error("the language model settings are wrong: {}", problems.join("; "))]
    InvalidSettings { problems: Vec<String> },
    #[error("cannot read the language model key file {}: {reason}", path.display())]
    ApiKeyFile { path: PathBuf, reason: String },
}

impl LlmSetupError {
    /// The class of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidSettings { .. } | Self::ApiKeyFile { .. } => ErrorKind::InvalidInput,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_asker_reads_names_no_setting() {
        let retry_after = Some(Duration::from_secs(7));
        for error in [
            LlmError::Unreachable { reason: "timed out" },
            LlmError::TimedOut,
            LlmError::RateLimited { retry_after },
            LlmError::RateLimited { retry_after: None },
            LlmError::Refused { status: 401 },
            LlmError::Malformed { what: "no JSON" },
            LlmError::Interrupted,
            LlmError::EmptyAnswer,
            LlmError::TooLarge,
            LlmError::BudgetSpent,
            LlmError::Overloaded,
        ] {
            let reason = error.public_reason();
            assert!(reason.starts_with("the language model"), "{reason}");
            assert!(!reason.contains('_') && !reason.contains("401"), "{reason}");
        }
        let reason = LlmError::RateLimited { retry_after }.public_reason();
        assert!(reason.ends_with("in 7 seconds"), "{reason}");
    }
}
