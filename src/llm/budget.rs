//! How many tokens all models together may use in a day. Owns the count, which lives as long as
//! the process; what a call costs is told by whoever made it. Invariant: what calls in flight are
//! expected to cost counts as used, so that many at once do not all find the last tokens.

use std::sync::{Arc, Mutex, PoisonError};

use crate::llm::LlmError;
use crate::types::Clock;

/// See the module. A day begins at 00:00 UTC.
pub(super) struct Budget {
    /// `None` never refuses.
    tokens_per_day: Option<u64>,
    clock: Arc<dyn Clock>,
    day: Mutex<Day>,
}

struct Day {
    /// Whole days since 1970-01-01.
    number: i64,
    used: u64,
}

/// Tokens set aside for one call. Dropped, they count as used.
pub(super) struct Reservation {
    budget: Arc<Budget>,
    day: i64,
    tokens: u64,
}

impl Budget {
    pub(super) fn new(tokens_per_day: Option<u64>, clock: Arc<dyn Clock>) -> Self {
        let number = clock.now().epoch_days();
        Self { tokens_per_day, clock, day: Mutex::new(Day { number, used: 0 }) }
    }

    /// Sets `tokens` aside. Whoever finds anything left is served, so a day ends at most one
    /// answer of each call in flight past its budget.
    ///
    /// # Errors
    /// [`LlmError::BudgetSpent`] when nothing is left.
    pub(super) fn reserve(self: &Arc<Self>, tokens: u64) -> Result<Reservation, LlmError> {
        let today = self.clock.now().epoch_days();
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock set back begins no day anew.
        if today > day.number {
            *day = Day { number: today, used: 0 };
        }
        if self.tokens_per_day.is_some_and(|most| day.used >= most) {
            return Err(LlmError::BudgetSpent);
        }
        day.used = day.used.saturating_add(tokens);
        Ok(Reservation { budget: Arc::clone(self), day: day.number, tokens })
    }
}

impl Reservation {
    /// Replaces what was set aside by what was used. A call belongs to the day it began in.
    pub(super) fn settle(&mut self, used: u64) {
        let mut day = self.budget.day.lock().unwrap_or_else(PoisonError::into_inner);
        if day.number == self.day {
            day.used = day.used.saturating_sub(self.tokens).saturating_add(used);
        }
        self.tokens = used;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::types::{ManualClock, Timestamp};

    fn budget(tokens_per_day: Option<u64>) -> (Arc<Budget>, Arc<ManualClock>) {
        let noon = Timestamp::parse("2026-01-31T12:00:00Z").expect("parses");
        let clock = Arc::new(ManualClock::starting_at(noon));
        (Arc::new(Budget::new(tokens_per_day, clock.clone())), clock)
    }

    #[track_caller]
    fn check_spent(budget: &Arc<Budget>, expected: bool) {
        match budget.reserve(0) {
            Ok(_) => assert!(!expected, "something is left"),
            Err(error) => assert!(expected && error == LlmError::BudgetSpent, "{error}"),
        }
    }

    #[test]
    fn a_call_costs_what_it_used_and_not_what_was_set_aside() {
        let (budget, _) = budget(Some(100));
        budget.reserve(60).expect("all is left").settle(99);
        check_spent(&budget, false);
        let mut second = budget.reserve(500).expect("one is left");
        check_spent(&budget, true);
        second.settle(0);
        check_spent(&budget, false);
        budget.reserve(1).expect("one is left").settle(u64::MAX);
        check_spent(&budget, true);
    }

    #[test]
    fn what_is_dropped_unsettled_was_used() {
        let (budget, _) = budget(Some(10));
        drop(budget.reserve(10).expect("all is left"));
        check_spent(&budget, true);
    }

    #[test]
    fn midnight_gives_all_back_and_yesterdays_calls_take_nothing_of_it() {
        let (budget, clock) = budget(Some(10));
        let mut late = budget.reserve(10).expect("all is left");
        clock.advance(Duration::from_secs(12 * 3_600 - 1));
        check_spent(&budget, true);
        clock.advance(Duration::from_secs(1));
        check_spent(&budget, false);
        late.settle(1_000);
        check_spent(&budget, false);
    }

    #[test]
    fn without_a_budget_nothing_is_refused() {
        let (budget, _) = budget(None);
        drop(budget.reserve(u64::MAX).expect("no bound"));
        drop(budget.reserve(u64::MAX).expect("no bound"));
        check_spent(&budget, false);
    }
}
