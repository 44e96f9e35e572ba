//! At most so many requests in any window of a length: the times of what was admitted, and
//! nothing derived from them, so there is no edge around which more gets through.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Moment, Rate, RateExceeded, RateStatus, Window};

/// An empty counter keeps room for so many times; below it, giving memory back is not worth it.
const ROOM_KEPT: usize = 16;

/// The sliding window log. A request admitted at `t` is counted from `t` until just before
/// `t + window`: the window that ends now is half-open, `(now - window, now]`, so a request
/// exactly one window after another does not meet it.
///
/// Memory: 16 bytes for each counted request (one entry for all of the same microsecond), at
/// most four times that for a moment. A call costs `O(log counted)`.
#[derive(Debug, Default)]
pub struct SlidingWindow {
    /// Oldest first; both fields strictly increase.
    admitted: VecDeque<Admitted>,
    /// Requests admitted before the first of `admitted`.
    forgotten: u64,
}

#[derive(Debug, Clone, Copy)]
struct Admitted {
    at_us: u64,
    /// Requests admitted up to and including this time, since the counter was made.
    total: u64,
}

impl SlidingWindow {
    /// Requests in the window that ends now.
    pub(super) fn counted(&mut self, rate: Rate, now: Moment) -> u32 {
        let now_us = self.not_before_the_last(now);
        self.forget(rate, now_us);
        // Never more than some rate allowed at some time.
        u32::try_from(self.total() - self.forgotten).unwrap_or(u32::MAX)
    }

    fn total(&self) -> u64 {
        self.admitted.back().map_or(self.forgotten, |last| last.total)
    }

    /// A thread that read the clock earlier may come later. What is counted happened, so it is
    /// no earlier than that.
    fn not_before_the_last(&self, now: Moment) -> u64 {
        let last_us = self.admitted.back().map_or(0, |last| last.at_us);
        now.monotonic_us.max(last_us)
    }

    fn forget(&mut self, rate: Rate, now_us: u64) {
        let has_left = |admitted: &Admitted| leaves_us(*admitted, rate) <= now_us;
        let gone = self.admitted.partition_point(has_left);
        if let Some(last) = self.admitted.drain(..gone).next_back() {
            self.forgotten = last.total;
        }
        let (len, capacity) = (self.admitted.len(), self.admitted.capacity());
        if capacity > ROOM_KEPT && len < capacity / 4 {
            self.admitted.shrink_to((len * 2).max(ROOM_KEPT));
        }
    }

    fn count(&mut self, now_us: u64, count: u32) {
        let total = self.total() + u64::from(count);
        match self.admitted.back_mut() {
            Some(last) if last.at_us == now_us => last.total = total,
            _ => self.admitted.push_back(Admitted { at_us: now_us, total }),
        }
    }

    /// How long until the oldest `count` (at least one) of what is counted have left.
    fn until_gone(&self, count: u64, rate: Rate, now_us: u64) -> Duration {
        let position =
            self.admitted.partition_point(|admitted| admitted.total < self.forgotten + count);
        let last = self.admitted.get(position);
        let leaves_us = last.map_or(now_us, |last| leaves_us(*last, rate));
        Duration::from_micros(leaves_us.saturating_sub(now_us))
    }
}

impl Window for SlidingWindow {
    fn charged(counted: u32, _rate: Rate, now: Moment) -> Self {
        let mut window = Self::default();
        if counted > 0 {
            window.count(now.monotonic_us, counted);
        }
        window
    }

    fn take(&mut self, rate: Rate, now: Moment) -> Result<RateStatus, RateExceeded> {
        let counted = self.counted(rate, now);
        let now_us = self.not_before_the_last(now);
        let limit = rate.requests_max();
        let is_admitted = counted < limit;
        if is_admitted {
            self.count(now_us, 1);
        }
        let reset_at = now.wall.plus(self.until_gone(1, rate, now_us));
        let remaining = limit.saturating_sub(counted).saturating_sub(1);
        let status = RateStatus { limit, remaining, reset_at };
        if is_admitted {
            return Ok(status);
        }
        // One more than the limit leaves over; several after the limit was lowered.
        let surplus = u64::from(counted - limit) + 1;
        Err(RateExceeded { status, retry_after: self.until_gone(surplus, rate, now_us) })
    }

    fn is_idle(&self, rate: Rate, now: Moment) -> bool {
        self.admitted.back().is_none_or(|last| leaves_us(*last, rate) <= now.monotonic_us)
    }
}

fn leaves_us(admitted: Admitted, rate: Rate) -> u64 {
    admitted.at_us.saturating_add(rate.window_us())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, rate};
    use super::*;

    #[test]
    fn the_window_is_half_open() {
        let (rate, mut window) = (rate(2, 100), SlidingWindow::default());
        assert_eq!(window.take(rate, at(0)).unwrap().remaining, 1);
        assert_eq!(window.take(rate, at(40)).unwrap().remaining, 0);
        let refused = window.take(rate, at(99)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_micros(1));
        assert_eq!(refused.status.reset_at, at(100).wall);
        let admitted = window.take(rate, at(100)).unwrap();
        assert_eq!((admitted.remaining, admitted.reset_at), (0, at(140).wall));
        let refused = window.take(rate, at(100)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_micros(40));
    }

    #[test]
    fn a_lowered_limit_counts_what_was_admitted_and_says_when_enough_has_left() {
        let mut window = SlidingWindow::default();
        for time in 0..5 {
            assert!(window.take(rate(5, 100), at(time)).is_ok());
        }
        let refused = window.take(rate(2, 100), at(10)).unwrap_err();
        // Of the five, the four oldest must leave; the fourth came at 3.
        assert_eq!(refused.retry_after, Duration::from_micros(93));
        assert_eq!(refused.status.reset_at, at(100).wall);
        assert!(window.take(rate(2, 100), at(102)).is_err());
        assert!(window.take(rate(2, 100), at(103)).is_ok());
        assert!(window.take(rate(3, 100), at(103)).is_ok());
    }

    #[test]
    fn a_reading_of_the_clock_that_comes_late_counts_as_the_last_one() {
        let (rate, mut window) = (rate(2, 100), SlidingWindow::default());
        assert!(window.take(rate, at(50)).is_ok());
        assert!(window.take(rate, at(20)).is_ok());
        let refused = window.take(rate, at(20)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_micros(100));
        assert!(window.take(rate, at(149)).is_err());
        assert!(window.take(rate, at(150)).is_ok());
    }

    #[test]
    fn memory_follows_what_is_counted_and_not_the_limit() {
        let rate = rate(u32::MAX, 1_000);
        let mut window = SlidingWindow::default();
        for _ in 0..10_000 {
            assert!(window.take(rate, at(0)).is_ok());
        }
        assert_eq!(window.admitted.len(), 1, "one time for all of a microsecond");
        for time in 0..10_000 {
            assert!(window.take(rate, at(time)).is_ok());
            assert!(window.admitted.capacity() <= 2_048, "of 1000 at {time}");
        }
        assert!(window.take(rate, at(100_000)).is_ok());
        assert!(window.admitted.capacity() <= 2 * ROOM_KEPT);
    }

    #[test]
    fn the_end_of_time_is_survived() {
        let (rate, mut window) = (rate(1, u64::MAX), SlidingWindow::default());
        assert!(window.take(rate, at(u64::MAX - 1)).is_ok());
        assert!(window.take(rate, at(u64::MAX - 1)).is_err());
        let status = window.take(rate, at(u64::MAX)).unwrap();
        assert_eq!(status.remaining, 0);
    }
}
