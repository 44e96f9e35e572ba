//! Usage of a day and of a month.

use super::super::wire::{SummaryResponse, TodayResponse};
use super::times::with_offset;
use crate::service::DayTokens;
use crate::types::{Allowance, Timestamp, Tokens, YearMonth};

/// Shown for no limit: the largest integer that every client can hold.
const UNLIMITED: u64 = 9_007_199_254_740_991;

pub(crate) fn today_response(today: &DayTokens, allowance: &Allowance) -> TodayResponse {
    TodayResponse {
        tokens_in_used: today.used.input,
        tokens_out_used: today.used.output,
        tokens_in_limit: allowance.tokens_in_per_day.unwrap_or(UNLIMITED),
        tokens_out_limit: allowance.tokens_out_per_day.unwrap_or(UNLIMITED),
        period: "day_utc",
        period_start: with_offset(Timestamp::start_of_day(today.day)),
        period_end: with_offset(Timestamp::start_of_day(today.day.saturating_add(1))),
    }
}

pub(crate) fn summary_response(month: YearMonth, tokens: Tokens) -> SummaryResponse {
    SummaryResponse {
        period: "month",
        start: with_offset(month.start()),
        end: with_offset(month.next().start()),
        tokens_in: tokens.input,
        tokens_out: tokens.output,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_from_midnight_to_midnight_and_a_month_from_first_to_first() {
        let day = Timestamp::parse("2026-12-31").unwrap().epoch_days();
        let used = Tokens { input: 12, output: 27 };
        let allowance = Allowance { tokens_in_per_day: Some(1_000_000), ..Allowance::default() };
        let today = today_response(&DayTokens { day, used }, &allowance);
        assert_eq!(today.period_start, "2026-12-31T00:00:00+00:00");
        assert_eq!(today.period_end, "2027-01-01T00:00:00+00:00");
        assert_eq!((today.tokens_in_limit, today.tokens_out_limit), (1_000_000, UNLIMITED));
        let summary = summary_response(YearMonth::parse("2026-12").unwrap(), used);
        assert_eq!(summary.start, "2026-12-01T00:00:00+00:00");
        assert_eq!(summary.end, "2027-01-01T00:00:00+00:00");
        assert_eq!((summary.tokens_in, summary.tokens_out), (12, 27));
    }
}
