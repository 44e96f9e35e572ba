//! The promise of a sliding window, looked at from outside: whatever the schedule, nobody finds a window
//! with more admitted requests than it has room for, and whoever is refused learns exactly when
//! there is room.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Pauses between requests of one key, in thousandths of the window: mostly bursts, also around its
/// edges.
fn pauses() -> impl Strategy<Value = Vec<u64>> {
    let pause = prop_oneof![
        4 => Just(0_u64),
        4 => 1_u64..=100,
        2 => 100_u64..=900,
        2 => 990_u64..=1_010,
        1 => 1_000_u64..=2_500,
    ];
    vec(pause, 1..64)
}

proptest! {
    #![proptest_config(many(10_000))]

    #[test]
    fn no_window_holds_more_than_its_capacity_and_a_pause_is_exact(
        capacity in 1_u32..=20,
        window_us in prop_oneof![1_u64..=10, 1_000_u64..=20_000_000, Just(600_000_000)],
        pauses in pauses(),
    ) {
        let clock = clock();
        let window = Duration::from_micros(window_us);
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let limiter = KeyedLimiter::<u8, SlidingWindow>::new(some(capacity), window, 8, shared);
        let mut admitted = Vec::new();
        for pause in pauses {
            clock.advance(Duration::from_micros(window_us * pause / 1_000));
            match limiter.take(&1) {
                Ok(_) => admitted.push(clock.monotonic_micros()),
                Err(refused) => {
                    prop_assert!(refused.retry_after > Duration::ZERO);
                    prop_assert!(refused.retry_after <= window);
                    // One that waits a microsecond less is refused, and told to wait for it.
                    clock.advance(refused.retry_after - Duration::from_micros(1));
                    let early = limiter.take(&1).unwrap_err();
                    prop_assert_eq!(early.retry_after, Duration::from_micros(1));
                    clock.advance(Duration::from_micros(1));
                    prop_assert!(limiter.take(&1).is_ok());
                    admitted.push(clock.monotonic_micros());
                }
            }
        }
        // The fullest windows end where a request was admitted.
        for end in &admitted {
            let inside = admitted.iter().filter(|at| *at <= end && *at + window_us > *end);
            prop_assert!(inside.count() <= capacity as usize, "the window that ends at {end}");
        }
    }
}
