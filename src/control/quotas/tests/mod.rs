//! What the limiters' tests share: clocks, random schedules, and the comparison of a limiter with
//! a model, step by step.

mod models;
mod table;
mod threads;
mod windows;

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::control::plans::Plan;
use crate::types::ManualClock;

const MINUTE: Duration = Duration::from_secs(60);

/// Both clocks of a process that started in 1970.
pub(super) fn at(monotonic_us: u64) -> Moment {
    let wall = Timestamp::from_micros(i64::try_from(monotonic_us).unwrap_or(i64::MAX));
    Moment { monotonic_us, wall }
}

pub(super) fn rate(requests_max: u32, window_us: u64) -> Rate {
    Rate::new(some(requests_max).unwrap(), Duration::from_micros(window_us))
}

fn some(requests_max: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(requests_max)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(Timestamp::from_micros(1_000_000)))
}

/// A clock whose wall time can be set, also back.
struct WallClock {
    monotonic_us: AtomicU64,
    wall_us: AtomicI64,
}

impl WallClock {
    fn new() -> Arc<Self> {
        Arc::new(Self { monotonic_us: AtomicU64::new(5), wall_us: AtomicI64::new(1 << 50) })
    }

    fn advance(&self, by_us: u64) {
        self.monotonic_us.fetch_add(by_us, Ordering::SeqCst);
        self.wall_us.fetch_add(by_us as i64, Ordering::SeqCst);
    }

    fn set_wall(&self, by_us: i64) {
        self.wall_us.fetch_add(by_us, Ordering::SeqCst);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.wall_us.load(Ordering::SeqCst))
    }

    fn monotonic_micros(&self) -> u64 {
        self.monotonic_us.load(Ordering::SeqCst)
    }
}

/// What happens between two requests.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Nothing: the clock stands still.
    Still,
    /// So many thousandths of twice the window pass.
    Pass(u64),
    /// As much passes as one request of the allowance has to itself.
    Share,
    /// As the last refusal asked for, or less by so many microseconds.
    Retry(u64),
    /// Until the announced reset, or less by so many microseconds.
    Reset(u64),
    /// One window, or less by so many microseconds.
    Window(u64),
    /// The operator sets the wall clock.
    SetWall(i64),
    /// The operator changes the limit.
    SetLimit(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u8..16, 0_u64..=1_000).prop_map(|(kind, size)| match kind {
        0..=4 => Step::Still,
        5..=6 => Step::Pass(size),
        7..=8 => Step::Share,
        9..=10 => Step::Retry(size % 2),
        11..=12 => Step::Reset(size % 2),
        13 => Step::Window(size % 2),
        14 => Step::SetWall((size as i64 - 500) * 7_777_777),
        _ => Step::SetLimit(1 + (size % 12) as u32),
    });
    vec(step, 1..48)
}

/// From a few microseconds, where requests often meet, to ten minutes.
fn windows() -> impl Strategy<Value = u64> {
    prop_oneof![1_u64..=12, 1_000_u64..=1_000_000, Just(60_000_000), Just(600_000_000)]
}

/// One request as a model judges it.
type Judged = Result<RateStatus, RateExceeded>;

/// Drives a limiter and its model through the same steps and compares every answer.
struct Pair<'a> {
    clock: &'a WallClock,
    window_us: u64,
    limit: u32,
    last: Option<Judged>,
}

impl Pair<'_> {
    fn prepare(&mut self, step: Step) {
        let (retry_us, reset_us) = self.last.map_or((0, 0), |last| {
            let (status, pause) = match last {
                Ok(status) => (status, Duration::ZERO),
                Err(refused) => (refused.status, refused.retry_after),
            };
            let reset_us = status.reset_at.as_micros() - self.clock.now().as_micros();
            // A clock of microseconds shows a pause of nanoseconds as over with the next one.
            let pause_us = u64::try_from(pause.as_nanos().div_ceil(1_000)).unwrap();
            (pause_us, u64::try_from(reset_us).unwrap_or(0))
        });
        self.clock.advance(match step {
            Step::Still => 0,
            Step::Pass(size) => 2 * self.window_us * size / 1_000,
            Step::Share => self.window_us / u64::from(self.limit),
            Step::Retry(less) => retry_us.saturating_sub(less),
            // A wall clock that was set announces a reset that may be far away.
            Step::Reset(less) => reset_us.min(2 * self.window_us).saturating_sub(less),
            Step::Window(less) => self.window_us - less.min(self.window_us),
            Step::SetWall(by_us) => {
                self.clock.set_wall(by_us);
                0
            }
            Step::SetLimit(limit) => {
                self.limit = limit;
                0
            }
        });
    }

    fn compare(&mut self, step: Step, actual: Judged, expected: Judged) {
        assert_eq!(actual, expected, "after {step:?}");
        self.last = Some(actual);
    }
}

fn many(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn plan(requests_per_minute: u32) -> Plan {
    Plan { requests_per_minute: Some(requests_per_minute), ..Plan::unlimited("test") }
}

fn table<K: Hash + Eq + Clone, W: Window>(
    clock: &Arc<ManualClock>,
    requests_max: u32,
    keys_max: usize,
) -> KeyedLimiter<K, W> {
    KeyedLimiter::new(some(requests_max), MINUTE, keys_max, Arc::<ManualClock>::clone(clock))
}
