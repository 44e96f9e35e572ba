//! Limits on how often something may be asked: the bucket of a tenant, and counters in windows
//! for whatever a dialect limits by (an address, a key, a user, an app and an operation).
//!
//! Invariants: every limiter is exact, also under many threads; a refusal costs nothing; no
//! decision looks at the wall clock, so setting it admits and refuses nobody. Counts live in
//! memory and begin anew with the process.

mod fixed_window;
mod keyed;
mod sliding_window;
mod token_bucket;

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

pub use fixed_window::FixedWindow;
pub use keyed::KeyedLimiter;
pub use sliding_window::SlidingWindow;
pub use token_bucket::TokenBucket;

use crate::types::{Clock, Timestamp};

/// What a limiter without a limit reports, since headers must hold a number.
const UNLIMITED: u32 = 1_000_000;

/// The state of an allowance, for the answer's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateStatus {
    /// Requests in one window (for a bucket: per minute); a large constant without a limit.
    pub limit: u32,
    /// Requests left after this one.
    pub remaining: u32,
    /// For a bucket, when the whole allowance is there again; for a sliding window, when the
    /// oldest counted request leaves it; for a fixed one, when it ends.
    pub reset_at: Timestamp,
}

/// A request refused. It consumed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateExceeded {
    pub status: RateStatus,
    /// How long until a request is admitted: one that waits exactly so long is, one that waits
    /// a microsecond less is not, provided that no other comes between.
    pub retry_after: Duration,
}

/// One reading of both clocks. The monotonic one decides; the wall clock is only reported.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub monotonic_us: u64,
    pub wall: Timestamp,
}

impl Moment {
    pub fn of(clock: &dyn Clock) -> Self {
        Self { monotonic_us: clock.monotonic_micros(), wall: clock.now() }
    }
}

/// So many requests in so long a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    requests_max: NonZeroU32,
    window_us: NonZeroU64,
}

impl Rate {
    /// A window shorter than a microsecond counts as one microsecond, one longer than 584,000
    /// years as that.
    #[must_use]
    pub fn new(requests_max: NonZeroU32, window: Duration) -> Self {
        let window_us = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        Self { requests_max, window_us: NonZeroU64::new(window_us).unwrap_or(NonZeroU64::MIN) }
    }

    fn requests_max(self) -> u32 {
        self.requests_max.get()
    }

    fn window_us(self) -> u64 {
        self.window_us.get()
    }
}

/// The counter of one key. It knows neither its limit nor the time, so that both can change
/// between two calls and whoever holds it needs no more than the counts.
pub trait Window: Send + 'static {
    /// A counter that counts `counted` requests as admitted just now.
    fn charged(counted: u32, rate: Rate, now: Moment) -> Self;

    /// Counts one request. A moment before an earlier call's counts as that one's.
    ///
    /// # Errors
    /// When as many as `rate` allows are counted; nothing changes then.
    fn take(&mut self, rate: Rate, now: Moment) -> Result<RateStatus, RateExceeded>;

    /// Whether forgetting the counter would change nothing.
    fn is_idle(&self, rate: Rate, now: Moment) -> bool;
}

#[cfg(test)]
mod tests;
