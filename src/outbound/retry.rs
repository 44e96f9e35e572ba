//! Whether and when a request is repeated. Pure: the randomness comes in as an argument.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Before the first repetition; doubles with each further one.
const PAUSE_FIRST_MS: u64 = 200;
/// No pause of our own choice is longer.
const PAUSE_MAX_MS: u64 = 5_000;
/// Added at most to a pause an endpoint asked for, so that callers do not return all at once.
const SPREAD_MAX_MS: u64 = 250;
/// An endpoint that asks for more is given up on sooner by the total timeout or asked again here.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);

/// Whether sending a failed request again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// After the pause the endpoint asked for, or one of our choice.
    After(Option<Duration>),
}

impl Retry {
    /// What an answer that is no success says: overload and trouble of the server may pass,
    /// anything else will be the same the next time.
    #[must_use]
    pub fn on_answer(status: StatusCode, headers: &HeaderMap) -> Self {
        if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
            return Self::Never;
        }
        let header = headers.get(RETRY_AFTER);
        Self::After(header.and_then(|value| parse_retry_after(value.to_str().ok()?)))
    }
}

/// The pause after failed attempt number `attempt` (from 0). `asked_for` is the endpoint's
/// `Retry-After`. `chance` in [0, 1) spreads callers: a pause of ours lies between half and all
/// of the exponential step.
#[must_use]
pub fn pause(attempt: u32, asked_for: Option<Duration>, chance: f64) -> Duration {
    let chance = chance.clamp(0.0, 1.0);
    if let Some(asked_for) = asked_for {
        let spread = Duration::from_millis(SPREAD_MAX_MS).mul_f64(chance);
        return asked_for.min(RETRY_AFTER_MAX) + spread;
    }
    let step_ms = PAUSE_FIRST_MS.saturating_mul(2_u64.saturating_pow(attempt)).min(PAUSE_MAX_MS);
    Duration::from_millis(step_ms).mul_f64(0.5 + chance / 2.0)
}

/// Whole seconds; a date or anything else counts as absent.
fn parse_retry_after(header: &str) -> Option<Duration> {
    header.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_are_spread_over_their_upper_half() {
        let ms = |attempt, chance| pause(attempt, None, chance).as_millis();
        assert_eq!((ms(0, 0.0), ms(0, 1.0)), (100, 200));
        assert_eq!((ms(1, 0.0), ms(1, 1.0)), (200, 400));
        assert_eq!((ms(9, 1.0), ms(u32::MAX, 1.0)), (5_000, 5_000));
    }

    #[test]
    fn the_endpoint_decides_up_to_a_limit() {
        let asked = |secs| Some(Duration::from_secs(secs));
        assert_eq!(pause(5, asked(0), 0.0), Duration::ZERO);
        assert_eq!(pause(0, asked(3), 1.0), Duration::from_millis(3_250));
        assert_eq!(pause(0, asked(u64::MAX), 0.0), RETRY_AFTER_MAX);
    }

    #[test]
    fn overload_and_server_errors_may_pass_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for status in [200, 301, 400, 401, 404, 408, 422] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Retry::on_answer(status, &headers), Retry::Never, "{status}");
        }
        for status in [429, 500, 503, 529] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Retry::on_answer(status, &headers), Retry::After(None), "{status}");
        }
        headers.insert(RETRY_AFTER, "3".parse().unwrap());
        let asked = Retry::After(Some(Duration::from_secs(3)));
        assert_eq!(Retry::on_answer(StatusCode::TOO_MANY_REQUESTS, &headers), asked);
    }

    #[test]
    fn only_whole_seconds_count_as_retry_after() {
        assert_eq!(parse_retry_after(" 7 "), Some(Duration::from_secs(7)));
        for header in ["", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(parse_retry_after(header), None, "{header}");
        }
    }
}
