//! The books of one call: its tokens in the budget and its outcome in the metrics. Invariant:
//! whatever becomes of a call, also when its caller walks away, it is counted once.

use std::sync::Arc;

use crate::llm::budget::{Budget, Reservation};
use crate::llm::prompt::tokens_estimated;
use crate::llm::{LlmError, Prompt, Usage};

/// A call from its admission to its end. Dropped before that, it counts as `dropped`.
pub(super) struct Call {
    endpoint: &'static str,
    reservation: Reservation,
    prompt_tokens: u64,
    /// Bytes of the answer that have come.
    text_bytes: usize,
    is_sent: bool,
    is_counted: bool,
}

impl Call {
    /// Admits a call to an endpoint.
    ///
    /// # Errors
    /// [`LlmError::BudgetSpent`].
    pub(super) fn begin(
        endpoint: &'static str,
        budget: &Arc<Budget>,
        prompt: &Prompt,
    ) -> Result<Self, LlmError> {
        let prompt_tokens = prompt.tokens_estimated();
        let reservation = budget.reserve(prompt_tokens);
        let reservation = reservation.inspect_err(|error| count(endpoint, error.outcome()))?;
        let (text_bytes, is_sent, is_counted) = (0, false, false);
        Ok(Self { endpoint, reservation, prompt_tokens, text_bytes, is_sent, is_counted })
    }

    /// The prompt is on its way: from now on it may cost something.
    pub(super) fn sent(&mut self) {
        self.is_sent = true;
    }

    pub(super) fn received(&mut self, text: &str) {
        self.text_bytes = self.text_bytes.saturating_add(text.len());
    }

    pub(super) fn answered(&mut self, usage: Option<Usage>) {
        let tokens = usage.map_or_else(|| self.tokens_estimated(), Usage::total);
        self.end("answered", tokens);
    }

    pub(super) fn failed(&mut self, error: &LlmError) {
        let tokens = if error.is_free() { 0 } else { self.tokens_estimated() };
        self.end(error.outcome(), tokens);
    }

    fn tokens_estimated(&self) -> u64 {
        self.prompt_tokens.saturating_add(tokens_estimated(self.text_bytes))
    }

    fn end(&mut self, outcome: &'static str, tokens: u64) {
        if self.is_counted {
            return;
        }
        self.is_counted = true;
        self.reservation.settle(tokens);
        count(self.endpoint, outcome);
        metrics::counter!("hebbd_llm_tokens_total", "endpoint" => self.endpoint).increment(tokens);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let tokens = if self.is_sent { self.tokens_estimated() } else { 0 };
        self.end("dropped", tokens);
    }
}

fn count(endpoint: &'static str, outcome: &'static str) {
    metrics::counter!("hebbd_llm_requests_total", "endpoint" => endpoint, "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ManualClock, Timestamp};

    /// Ends a call of a prompt of ten tokens as told; `true` when eleven tokens were too many.
    fn spends_ten(end: impl FnOnce(Call)) -> bool {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(0)));
        let budget = Arc::new(Budget::new(Some(10), clock));
        end(Call::begin("own", &budget, &Prompt::new("", "x".repeat(40))).expect("all is left"));
        budget.reserve(0).is_err()
    }

    #[test]
    fn a_call_costs_from_the_moment_it_is_sent() {
        assert!(!spends_ten(drop));
        assert!(spends_ten(|mut call| call.sent()));
    }

    #[test]
    fn the_endpoints_count_is_believed_and_failures_cost_what_they_may_have_used() {
        let usage = Usage { prompt_tokens: 4, completion_tokens: 5 };
        assert!(!spends_ten(|mut call| call.answered(Some(usage))));
        assert!(spends_ten(|mut call| call.answered(None)));
        assert!(spends_ten(|mut call| call.failed(&LlmError::TimedOut)));
        assert!(!spends_ten(|mut call| call.failed(&LlmError::Refused { status: 500 })));
    }

    #[test]
    fn text_that_came_counts_also_when_its_reader_walks_away() {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(0)));
        let budget = Arc::new(Budget::new(Some(3), clock));
        let mut call = Call::begin("own", &budget, &Prompt::new("", "abcd")).expect("all is left");
        call.sent();
        call.received("12345678");
        drop(call);
        assert!(budget.reserve(0).is_err());
    }
}
