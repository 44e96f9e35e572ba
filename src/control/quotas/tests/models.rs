//! Each kind of limiter beside a naive model, which keeps a log of timestamps and recomputes every
//! answer from it: decision, rest, reset and pause, on random schedules.

use proptest::prelude::*;

use super::*;

/// All requests that were admitted; what counts is found by looking at each.
#[derive(Default)]
pub(super) struct SlidingLog(Vec<u64>);

impl SlidingLog {
    fn counted(&self, window_us: u64, now_us: u64) -> Vec<u64> {
        self.0.iter().copied().filter(|time| time + window_us > now_us).collect()
    }

    pub(super) fn take(&mut self, limit: u32, window_us: u64, now: Moment) -> Judged {
        let now_us = now.monotonic_us;
        let has_room = |time: u64| self.counted(window_us, time).len() < limit as usize;
        let is_admitted = has_room(now_us);
        let pause_us = self.0.iter().map(|time| (time + window_us).saturating_sub(now_us));
        let pause_us = pause_us.filter(|pause| has_room(now_us + pause)).min().unwrap_or(0);
        if !is_admitted {
            assert!(!has_room(now_us + pause_us - 1), "the model contradicts itself");
        } else {
            self.0.push(now_us);
        }
        let counted = self.counted(window_us, now_us);
        let reset_us = counted.iter().min().unwrap() + window_us - now_us;
        let reset_at = now.wall.plus(Duration::from_micros(reset_us));
        let remaining = u32::try_from((limit as usize).saturating_sub(counted.len())).unwrap();
        let status = RateStatus { limit, remaining, reset_at };
        if is_admitted {
            Ok(status)
        } else {
            Err(RateExceeded { status, retry_after: Duration::from_micros(pause_us) })
        }
    }
}

/// All requests that were admitted; the windows are found by going through them from the start.
#[derive(Default)]
struct FixedLog(Vec<Moment>);

impl FixedLog {
    fn take(&mut self, limit: u32, window_us: u64, now: Moment) -> Judged {
        let (mut began, mut counted) = (None::<Moment>, 0_u32);
        let is_over = |began: Option<Moment>, time_us: u64| {
            began.is_none_or(|began| time_us >= began.monotonic_us + window_us)
        };
        for time in &self.0 {
            if is_over(began, time.monotonic_us) {
                (began, counted) = (Some(*time), 0);
            }
            counted += 1;
        }
        if is_over(began, now.monotonic_us) {
            (began, counted) = (Some(now), 0);
        }
        let began = began.unwrap();
        let window = Duration::from_micros(window_us);
        let reset_at = began.wall.plus(window);
        let remaining = limit.saturating_sub(counted + 1);
        let status = RateStatus { limit, remaining, reset_at };
        if counted < limit {
            self.0.push(now);
            return Ok(status);
        }
        let left_us = began.monotonic_us + window_us - now.monotonic_us;
        Err(RateExceeded { status, retry_after: Duration::from_micros(left_us) })
    }
}

/// The definition of a token bucket on whole nanoseconds: it holds `limit` tokens, each of which
/// takes a `limit`-th of a minute (rounded down) to come back, and it fills evenly up to that.
struct Tokens {
    limit: u32,
    level_ns: u64,
    last_us: u64,
}

impl Tokens {
    fn new(limit: u32, now: Moment) -> Self {
        let level_ns = Self::token_ns(limit) * u64::from(limit);
        Self { limit, level_ns, last_us: now.monotonic_us }
    }

    fn token_ns(limit: u32) -> u64 {
        60_000_000_000 / u64::from(limit)
    }

    fn take(&mut self, now: Moment) -> Judged {
        let token_ns = Self::token_ns(self.limit);
        let elapsed_ns = (now.monotonic_us - self.last_us) * 1_000;
        let full_ns = token_ns * u64::from(self.limit);
        self.level_ns = (self.level_ns + elapsed_ns).min(full_ns);
        self.last_us = now.monotonic_us;
        let before_ns = self.level_ns;
        if before_ns >= token_ns {
            self.level_ns -= token_ns;
        }
        let remaining = u32::try_from(self.level_ns / token_ns).unwrap();
        let missing_ns = u64::from(self.limit - remaining) * token_ns;
        let reset_at = now.wall.plus(Duration::from_nanos(missing_ns.max(1_000_000_000)));
        let status = RateStatus { limit: self.limit, remaining, reset_at };
        if before_ns >= token_ns {
            Ok(status)
        } else {
            let retry_after = Duration::from_nanos(token_ns - before_ns);
            Err(RateExceeded { status, retry_after })
        }
    }
}

proptest! {
    #![proptest_config(many(10_000))]

    #[test]
    fn a_sliding_window_agrees_with_a_log_of_everything(
        limit in 1_u32..=12, window_us in windows(), steps in steps(),
    ) {
        let clock = WallClock::new();
        let mut pair = Pair { clock: &clock, window_us, limit, last: None };
        let (mut window, mut log) = (SlidingWindow::default(), SlidingLog::default());
        for step in steps {
            pair.prepare(step);
            let now = Moment::of(&*clock);
            let is_idle = log.counted(window_us, now.monotonic_us).is_empty();
            prop_assert_eq!(window.is_idle(rate(pair.limit, window_us), now), is_idle);
            let expected = log.take(pair.limit, window_us, now);
            pair.compare(step, window.take(rate(pair.limit, window_us), now), expected);
        }
    }

    #[test]
    fn a_fixed_window_agrees_with_a_log_of_everything(
        limit in 1_u32..=12, window_us in windows(), steps in steps(),
    ) {
        let clock = WallClock::new();
        let mut pair = Pair { clock: &clock, window_us, limit, last: None };
        let begin = Moment::of(&*clock);
        let mut window = FixedWindow::charged(0, rate(limit, window_us), begin);
        let mut log = FixedLog::default();
        for step in steps {
            pair.prepare(step);
            let now = Moment::of(&*clock);
            let expected = log.take(pair.limit, window_us, now);
            pair.compare(step, window.take(rate(pair.limit, window_us), now), expected);
        }
    }

    #[test]
    fn a_token_bucket_agrees_with_its_definition_on_whole_nanoseconds(
        limit in prop_oneof![1_u32..=12, Just(60), Just(61), Just(7_919), Just(10_000_000)],
        steps in steps(),
    ) {
        let clock = WallClock::new();
        let mut pair = Pair { clock: &clock, window_us: 60_000_000, limit, last: None };
        let bucket = TokenBucket::new(&plan(limit), Arc::<WallClock>::clone(&clock));
        let mut tokens = Tokens::new(limit, Moment::of(&*clock));
        for step in steps.into_iter().filter(|step| !matches!(step, Step::SetLimit(_))) {
            pair.prepare(step);
            let is_full = bucket.is_full();
            let expected = tokens.take(Moment::of(&*clock));
            prop_assert!(!is_full || expected.unwrap().remaining == limit - 1);
            pair.compare(step, bucket.take(), expected);
        }
    }
}
