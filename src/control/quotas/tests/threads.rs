//! Real threads at the edge of an allowance: exactly what is left is admitted. The clock stands
//! still meanwhile.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Callers at one time.
const THREADS: usize = 64;
const CAPACITY: u32 = 50;

/// How many of as many calls at once as there are threads were admitted.
fn admitted_at_once(call: impl Fn(usize) -> bool + Sync) -> usize {
    let (together, call) = (&Barrier::new(THREADS), &call);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS)
            .map(|number| {
                scope.spawn(move || {
                    together.wait();
                    call(number)
                })
            })
            .collect();
        callers.into_iter().filter_map(|caller| caller.join().unwrap().then_some(())).count()
    })
}

/// Uses up a part, then lets all threads at the rest; again after each window.
fn check_edge(clock: &ManualClock, capacity: usize, take: impl Fn() -> bool + Sync) {
    for left in [0, 1, 7, 31, capacity] {
        for _ in left..capacity {
            assert!(take(), "{left} are to be left of {capacity}");
        }
        assert_eq!(admitted_at_once(|_| take()), left, "of {capacity}");
        assert!(!take());
        clock.advance(Duration::from_secs(60));
    }
}

#[test]
fn many_calls_at_once_at_the_edge_of_a_bucket_admit_exactly_what_is_left() {
    let clock = clock();
    let bucket = TokenBucket::new(&plan(CAPACITY), Arc::<ManualClock>::clone(&clock));
    for _ in 0..8 {
        check_edge(&clock, CAPACITY as usize, || bucket.take().is_ok());
    }
}

#[test]
fn many_calls_at_once_at_the_edge_of_a_sliding_window_admit_exactly_what_is_left() {
    check_edge_of_a_table::<SlidingWindow>();
}

#[test]
fn many_calls_at_once_at_the_edge_of_a_fixed_window_admit_exactly_what_is_left() {
    check_edge_of_a_table::<FixedWindow>();
}

/// With room for the key, and without, where the overflow counts it.
fn check_edge_of_a_table<W: Window>() {
    for keys_max in [0, 1, 10_000] {
        let clock = clock();
        let table: KeyedLimiter<&str, W> = table(&clock, CAPACITY, keys_max);
        for _ in 0..4 {
            check_edge(&clock, CAPACITY as usize, || table.take(&"key").is_ok());
        }
    }
}

#[test]
fn many_calls_at_once_of_many_keys_admit_exactly_what_each_has_left() {
    let clock = clock();
    let table: KeyedLimiter<usize, SlidingWindow> = table(&clock, 5, 10_000);
    for _ in 0..20 {
        for key in 0..8 {
            assert!((0..key % 5).all(|_| table.take(&key).is_ok()));
        }
        // Eight threads to a key.
        let admitted = admitted_at_once(|thread| table.take(&(thread % 8)).is_ok());
        let left: usize = (0..8).map(|key| 5 - key % 5).sum();
        assert_eq!(admitted, left);
        clock.advance(MINUTE);
    }
}

/// Ten times as many keys as there are places fight for them: those that win have an allowance
/// each and the others one together, whichever they are.
#[test]
fn many_calls_at_once_of_more_keys_than_there_is_room_admit_exactly_what_the_table_allows() {
    // One lock for all, and one for each tenth of them.
    for (keys_max, rounds) in [(10, 20), (640, 3)] {
        for round in 0..rounds {
            let table: KeyedLimiter<usize, FixedWindow> = table(&clock(), 3, keys_max);
            let admitted = AtomicUsize::new(0);
            admitted_at_once(|thread| {
                for turn in 0..keys_max {
                    let key = (thread * 37 + turn * 11) % (10 * keys_max);
                    let times = (0..4).filter(|_| table.take(&key).is_ok()).count();
                    admitted.fetch_add(times, Ordering::Relaxed);
                    assert!(table.keys_count() <= keys_max);
                }
                true
            });
            assert_eq!(admitted.into_inner(), 3 * (keys_max + 1), "{keys_max}, round {round}");
        }
    }
}
