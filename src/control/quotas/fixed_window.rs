//! So many requests in a window that begins with the first request after the last one ended.
//! Around the end of a window twice as many may get through in a short time; contracts that
//! publish the window's end as a constant ask for exactly that.

use std::time::Duration;

use super::{Moment, Rate, RateExceeded, RateStatus, Window};
use crate::types::Timestamp;

/// The window begins with a request admitted at `t` and is half-open, `[t, t + window)`: the
/// first request at its end or after it begins the next. Refused requests neither count nor move
/// it. 24 bytes; a call costs `O(1)`.
#[derive(Debug, Clone, Copy)]
pub struct FixedWindow {
    ends_us: u64,
    /// By the wall clock of the window's beginning: constant within the window, even when the
    /// clock is set. The pause of a refusal is right all the same.
    reset_at: Timestamp,
    counted: u32,
}

impl FixedWindow {
    fn begin(counted: u32, rate: Rate, now: Moment) -> Self {
        let ends_us = now.monotonic_us.saturating_add(rate.window_us());
        let reset_at = now.wall.plus(Duration::from_micros(rate.window_us()));
        Self { ends_us, reset_at, counted }
    }
}

impl Window for FixedWindow {
    fn charged(counted: u32, rate: Rate, now: Moment) -> Self {
        match counted {
            // No window yet: one that ended long ago.
            0 => Self { ends_us: 0, reset_at: now.wall, counted },
            counted => Self::begin(counted, rate, now),
        }
    }

    fn take(&mut self, rate: Rate, now: Moment) -> Result<RateStatus, RateExceeded> {
        if now.monotonic_us >= self.ends_us {
            *self = Self::begin(0, rate, now);
        }
        let limit = rate.requests_max();
        let is_admitted = self.counted < limit;
        if is_admitted {
            self.counted += 1;
        }
        let remaining = limit.saturating_sub(self.counted);
        let status = RateStatus { limit, remaining, reset_at: self.reset_at };
        if is_admitted {
            return Ok(status);
        }
        // A late reading of the clock lies before the window: then it waits no longer than all
        // of it.
        let left_us = self.ends_us.saturating_sub(now.monotonic_us).min(rate.window_us());
        Err(RateExceeded { status, retry_after: Duration::from_micros(left_us) })
    }

    fn is_idle(&self, _rate: Rate, now: Moment) -> bool {
        now.monotonic_us >= self.ends_us
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, rate};
    use super::*;

    #[test]
    fn the_first_request_at_the_end_of_a_window_begins_the_next() {
        let rate = rate(2, 100);
        let mut window = FixedWindow::charged(0, rate, at(100));
        assert_eq!(window.take(rate, at(150)).unwrap().remaining, 1);
        let last = window.take(rate, at(200)).unwrap();
        assert_eq!((last.remaining, last.reset_at), (0, at(250).wall));
        let refused = window.take(rate, at(249)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_micros(1));
        assert_eq!(refused.status, last);
        let next = window.take(rate, at(250)).unwrap();
        assert_eq!((next.remaining, next.reset_at), (1, at(350).wall));
    }

    #[test]
    fn a_changed_limit_keeps_what_was_counted() {
        let mut window = FixedWindow::charged(0, rate(3, 100), at(0));
        for _ in 0..3 {
            assert!(window.take(rate(3, 100), at(0)).is_ok());
        }
        assert_eq!(window.take(rate(1, 100), at(1)).unwrap_err().status.remaining, 0);
        assert_eq!(window.take(rate(5, 100), at(1)).unwrap().remaining, 1);
    }

    #[test]
    fn setting_the_wall_clock_neither_ends_a_window_nor_moves_its_announced_end() {
        let rate = rate(1, 100);
        let mut window = FixedWindow::charged(0, rate, at(0));
        let announced = window.take(rate, at(10)).unwrap().reset_at;
        for wall_us in [-1_000_000, 1_000_000] {
            let now = Moment { wall: Timestamp::from_micros(wall_us), ..at(109) };
            let refused = window.take(rate, now).unwrap_err();
            assert_eq!(refused.status.reset_at, announced);
            assert_eq!(refused.retry_after, Duration::from_micros(1));
        }
        assert!(window.take(rate, at(110)).is_ok());
    }

    #[test]
    fn a_reading_of_the_clock_that_comes_late_begins_no_window() {
        let rate = rate(1, 100);
        let mut window = FixedWindow::charged(1, rate, at(50));
        let refused = window.take(rate, at(20)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_micros(100));
        assert!(window.take(rate, at(u64::MAX)).is_ok());
    }
}
