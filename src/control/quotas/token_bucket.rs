//! The per-minute allowance of a tenant: governor's token bucket (GCRA) on an injected clock. It
//! is consulted before the tenant's mailbox, so a flood costs a map look-up and no more.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::{RateExceeded, RateStatus, UNLIMITED};
use crate::control::plans::Plan;
use crate::types::Clock;

/// governor's view of our clock.
#[derive(Clone)]
struct SharedClock(Arc<dyn Clock>);

impl GovernorClock for SharedClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.monotonic_micros().saturating_mul(1_000))
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, SharedClock, StateInformationMiddleware>;

/// One tenant's bucket: holds a minute's worth, refills evenly, one request each limit-th of a
/// minute (in whole nanoseconds, rounded down). The generic cell rate algorithm (ITU-T I.371),
/// as governor's `gcra.rs` has it. A call is a compare-and-swap, `O(1)`.
pub struct TokenBucket {
    clock: Arc<dyn Clock>,
    last_taken_us: AtomicU64,
    limited: Option<(NonZeroU32, Bucket)>,
}

impl TokenBucket {
    /// A full bucket of the plan's requests per minute.
    #[must_use]
    pub fn new(plan: &Plan, clock: Arc<dyn Clock>) -> Self {
        let limited = plan.requests_per_minute.and_then(NonZeroU32::new).map(|per_minute| {
            let quota = Quota::per_minute(per_minute);
            let bucket = RateLimiter::direct_with_clock(quota, SharedClock(Arc::clone(&clock)))
                .with_middleware();
            (per_minute, bucket)
        });
        Self { clock, last_taken_us: AtomicU64::new(0), limited }
    }

    /// Whether forgetting the bucket would change nothing: a minute passed since the last use.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let last_taken = self.last_taken_us.load(Ordering::Relaxed);
        self.clock.monotonic_micros().saturating_sub(last_taken) >= 60_000_000
    }

    /// Takes one request from the allowance.
    ///
    /// # Errors
    /// When nothing is left; the refusal itself costs nothing.
    pub fn take(&self) -> Result<RateStatus, RateExceeded> {
        let now = self.clock.now();
        self.last_taken_us.store(self.clock.monotonic_micros(), Ordering::Relaxed);
        let Some((per_minute, bucket)) = &self.limited else {
            let reset_at = now.plus(Duration::from_secs(60));
            return Ok(RateStatus { limit: UNLIMITED, remaining: UNLIMITED, reset_at });
        };
        let limit = per_minute.get();
        let per_token = Duration::from_secs(60) / limit;
        let status = |remaining: u32| {
            let missing = limit.saturating_sub(remaining);
            // At least a second, so that the reset lies in the future of a clock in seconds.
            let refill = (per_token * missing).max(Duration::from_secs(1));
            RateStatus { limit, remaining, reset_at: now.plus(refill) }
        };
        match bucket.check() {
            Ok(snapshot) => Ok(status(snapshot.remaining_burst_capacity())),
            Err(refused) => {
                let retry_after =
                    refused.wait_time_from(SharedClock(Arc::clone(&self.clock)).now());
                Err(RateExceeded { status: status(0), retry_after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ManualClock, Timestamp};

    fn bucket(per_minute: Option<u32>) -> (Arc<ManualClock>, TokenBucket) {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(1_000_000)));
        let plan = Plan { requests_per_minute: per_minute, ..Plan::unlimited("test") };
        (Arc::clone(&clock), TokenBucket::new(&plan, clock))
    }

    #[test]
    fn exactly_the_allowance_is_admitted_and_a_refusal_costs_nothing() {
        let (clock, bucket) = bucket(Some(60));
        for left in (0..60).rev() {
            assert_eq!(bucket.take().unwrap().remaining, left);
        }
        for _ in 0..10 {
            let refused = bucket.take().unwrap_err();
            assert!(refused.retry_after <= Duration::from_secs(1));
            assert!(refused.status.reset_at > clock.now());
        }
        clock.advance(Duration::from_secs(1));
        assert!(bucket.take().is_ok());
        assert!(bucket.take().is_err());
    }

    #[test]
    fn a_plan_without_limit_admits_everything() {
        let (_clock, bucket) = bucket(None);
        assert!((0..10_000).all(|_| bucket.take().is_ok()));
    }
}
