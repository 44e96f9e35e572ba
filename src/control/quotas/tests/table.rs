//! The table of counters: keys that are treated as if each were alone, keys for which there is no
//! room, and a million of them.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::models::SlidingLog;
use super::*;

/// When each key was admitted, in a table with too little room, where keys move between the
/// overflow and counters of their own.
fn admitted_by_key<W: Window>(
    (limit, window_us, keys_max): (u32, u64, usize),
    requests: Vec<(u8, Step)>,
) -> HashMap<u8, Vec<u64>> {
    let clock = WallClock::new();
    let mut pair = Pair { clock: &clock, window_us, limit, last: None };
    let window = Duration::from_micros(window_us);
    let table: KeyedLimiter<u8, W> =
        KeyedLimiter::new(some(limit), window, keys_max, Arc::<WallClock>::clone(&clock));
    let mut admitted: HashMap<u8, Vec<u64>> = HashMap::new();
    for (key, step) in requests {
        if !matches!(step, Step::SetLimit(_)) {
            pair.prepare(step);
        }
        let taken = table.take(&key);
        if taken.is_ok() {
            admitted.entry(key).or_default().push(clock.monotonic_micros());
        }
        pair.last = Some(taken);
        assert!(table.keys_count() <= keys_max);
    }
    admitted
}

/// The most of these times that lie in one half-open window.
fn most_in_a_window(times: &[u64], window_us: u64) -> usize {
    let after = |start: u64| times.iter().filter(move |t| **t >= start && **t < start + window_us);
    times.iter().map(|start| after(*start).count()).max().unwrap_or(0)
}

fn requests() -> impl Strategy<Value = Vec<(u8, Step)>> {
    steps().prop_flat_map(|steps| {
        let keys = vec(0_u8..6, steps.len());
        (keys, Just(steps)).prop_map(|(keys, steps)| keys.into_iter().zip(steps).collect())
    })
}

proptest! {
    #![proptest_config(many(2_000))]

    #[test]
    fn no_key_passes_its_limit_however_it_moves_between_its_counter_and_the_overflow(
        limit in 1_u32..=4, window_us in windows(), keys_max in 0_usize..4, requests in requests(),
    ) {
        let table = (limit, window_us, keys_max);
        for times in admitted_by_key::<SlidingWindow>(table, requests.clone()).values() {
            prop_assert!(most_in_a_window(times, window_us) <= limit as usize, "{:?}", times);
        }
        // Two fixed windows can meet within the length of one.
        for times in admitted_by_key::<FixedWindow>(table, requests).values() {
            prop_assert!(most_in_a_window(times, window_us) <= 2 * limit as usize, "{:?}", times);
        }
    }

    #[test]
    fn a_table_with_room_treats_each_key_as_if_it_were_alone(
        limit in 1_u32..=4, window_us in windows(), requests in requests(),
    ) {
        let clock = WallClock::new();
        let mut pair = Pair { clock: &clock, window_us, limit, last: None };
        let window = Duration::from_micros(window_us);
        let table: KeyedLimiter<u8, SlidingWindow> =
            KeyedLimiter::new(some(limit), window, 6, Arc::<WallClock>::clone(&clock));
        let mut logs: HashMap<u8, SlidingLog> = HashMap::new();
        for (key, step) in requests {
            pair.prepare(step);
            table.set_limit(some(pair.limit));
            let log = logs.entry(key).or_default();
            let expected = log.take(pair.limit, window_us, Moment::of(&*clock));
            pair.compare(step, table.take(&key), expected);
        }
    }
}

#[test]
fn a_million_keys_find_room_for_some_and_one_allowance_for_the_others() {
    let clock = clock();
    let table: KeyedLimiter<u32, SlidingWindow> = table(&clock, 3, 1_000);
    let mut admitted = 0;
    for key in 0..1_000_000 {
        admitted += usize::from(table.take(&key).is_ok());
        assert!(table.keys_count() <= 1_000);
    }
    assert_eq!((admitted, table.keys_count()), (1_003, 1_000));
    for key in 0..1_003 {
        let again = (0..10).filter(|_| table.take(&key).is_ok()).count();
        assert_eq!(again, if key < 1_000 { 2 } else { 0 }, "of key {key}");
    }
    clock.advance(MINUTE);
    // Each request looks at four others: a thousand are gone after a few hundred.
    for _ in 0..400 {
        // Admitted or not, it sweeps.
        let _ = table.take(&7);
    }
    assert_eq!(table.keys_count(), 1);
    assert!(table.take(&2_000_000).is_ok(), "there is room again");
}

/// One key in a thousand stays in use while the others come once each; its limit holds and the
/// table never grows past what a window brings.
#[test]
fn a_million_keys_over_many_windows_leave_no_trace_and_do_not_touch_a_key_in_use() {
    let clock = clock();
    let table: KeyedLimiter<u32, FixedWindow> = table(&clock, 3, 10_000);
    let mut largest = 0;
    let mut of_the_one = 0;
    for key in 1..1_000_000 {
        assert!(table.take(&key).is_ok(), "{key} has room");
        if key % 1_000 == 0 {
            of_the_one += u32::from(table.take(&0).is_ok());
        }
        // A window is 4,000 keys long.
        clock.advance(Duration::from_millis(15));
        largest = largest.max(table.keys_count());
    }
    assert!((4_000..9_000).contains(&largest), "{largest}");
    // A window begins with the first of its requests, so the fourth is in it and the fifth not.
    assert!((745..=755).contains(&of_the_one), "{of_the_one}");
}

#[test]
fn a_key_beyond_the_room_is_charged_for_the_overflow_when_it_gets_a_counter() {
    let clock = clock();
    let table: KeyedLimiter<&str, SlidingWindow> = table(&clock, 3, 1);
    assert!(table.take(&"first").is_ok());
    clock.advance(Duration::from_secs(59));
    assert_eq!(table.take(&"late").unwrap().remaining, 2);
    assert_eq!(table.take(&"late").unwrap().remaining, 1);
    clock.advance(Duration::from_secs(1));
    // The first one's counter is idle and makes room.
    assert_eq!(table.take(&"late").unwrap().remaining, 0);
    assert_eq!(table.keys_count(), 1);
    assert!(table.take(&"late").is_err());
}

#[test]
fn while_the_overflow_is_used_up_a_new_key_gets_no_counter_and_is_told_when_it_is_not() {
    check_used_up_overflow::<SlidingWindow>();
    check_used_up_overflow::<FixedWindow>();
}

fn check_used_up_overflow<W: Window>() {
    let clock = clock();
    let table: KeyedLimiter<&str, W> = table(&clock, 2, 1);
    assert!(table.take(&"first").is_ok());
    clock.advance(MINUTE / 2);
    assert!(table.take(&"second").is_ok() && table.take(&"third").is_ok());
    assert!(table.take(&"third").is_err());
    clock.advance(MINUTE / 2);
    // The first one's counter is idle, and there would be room.
    let refused = table.take(&"third").unwrap_err();
    assert_eq!((refused.retry_after, table.keys_count()), (MINUTE / 2, 0));
    clock.advance(refused.retry_after - Duration::from_micros(1));
    assert!(table.take(&"third").is_err());
    clock.advance(Duration::from_micros(1));
    assert_eq!(table.take(&"third").unwrap().remaining, 1);
    assert_eq!(table.keys_count(), 1);
}

#[test]
fn without_a_limit_nothing_is_counted_and_a_changed_limit_keeps_the_count() {
    let clock = clock();
    let table: KeyedLimiter<&str, SlidingWindow> =
        KeyedLimiter::new(None, MINUTE, 10, Arc::<ManualClock>::clone(&clock));
    assert!((0..10_000).all(|_| table.take(&"key").is_ok()));
    assert_eq!(table.keys_count(), 0);
    table.set_limit(some(3));
    assert!((0..3).all(|_| table.take(&"key").is_ok()));
    assert!(table.take(&"key").is_err());
    table.set_limit(some(4));
    assert_eq!(table.take(&"key").unwrap().remaining, 0);
    table.set_limit(some(2));
    assert!(table.take(&"key").is_err());
    table.set_limit(None);
    assert!(table.take(&"key").is_ok());
    table.set_limit(some(4));
    assert!(table.take(&"key").is_err(), "what was counted before still is");
}
