//! Time as a value. Code that needs the time takes a [`Clock`], so tests can stand still, jump
//! and cross midnight; nothing else in the crate reads the time of the machine for its decisions.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z. Negative before it. Clamped to the years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: what every client can parse.
const MICROS_MIN: i64 = -62_135_596_800_000_000;
const MICROS_MAX: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// Clamps `micros` into the years 1 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(MICROS_MIN, MICROS_MAX))
    }

    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded towards the past.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds, rounded towards the past.
    #[must_use]
    pub fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Parses ISO 8601 / RFC 3339 with an offset or `Z`; a form without one means UTC, and a bare
    /// date means its midnight. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Self::from_micros(instant.as_microsecond()));
        }
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.at(0, 0, 0, 0)))
            .ok()?;
        let instant = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(Self::from_micros(instant.as_microsecond()))
    }

    /// Whole days since 1970-01-01 in UTC, rounded towards the past.
    #[must_use]
    pub fn epoch_days(self) -> i64 {
        self.0.div_euclid(86_400_000_000)
    }

    /// Year, month (1 to 12) and day (1 to 31) in UTC.
    #[must_use]
    pub fn date(self) -> (i16, i8, i8) {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => {
                let date = jiff::tz::TimeZone::UTC.to_datetime(instant).date();
                (date.year(), date.month(), date.day())
            }
            Err(_) => (9999, 12, 31),
        }
    }

    /// Year and month (1 to 12) in UTC.
    #[must_use]
    pub fn year_month(self) -> (i16, i8) {
        let (year, month, _) = self.date();
        (year, month)
    }

    /// The first instant of a month in UTC, clamped to what there is.
    #[must_use]
    pub fn start_of_month(year: i16, month: i8) -> Self {
        let date = jiff::civil::Date::new(year, month, 1);
        let instant =
            date.and_then(|date| jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)));
        instant.map_or(Self(MICROS_MAX), |instant| Self::from_micros(instant.as_microsecond()))
    }

    /// The first instant of a day, counted since 1970-01-01 in UTC.
    #[must_use]
    pub fn start_of_day(epoch_days: i64) -> Self {
        Self::from_micros(epoch_days.saturating_mul(86_400_000_000))
    }

    /// The difference in either direction, in microseconds.
    #[must_use]
    pub fn abs_diff_micros(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// This instant moved by a whole duration, clamped at year 9999.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds, e.g. `2026-01-31T09:15:00.000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => f.write_str("9999-12-31T23:59:59.999999Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time. May jump when the operator sets the clock.
    fn now(&self) -> Timestamp;

    /// Microseconds since an arbitrary start; never goes backwards. For measuring durations.
    fn monotonic_micros(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    fn monotonic_micros(&self) -> u64 {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let elapsed = START.get_or_init(std::time::Instant::now).elapsed();
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A clock that moves only when told to, for tests and reproducible runs.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
}

impl ManualClock {
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { micros: AtomicI64::new(start.as_micros()) }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.micros.load(Ordering::SeqCst)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_naive_forms_and_dates_mean_what_iso_8601_says() {
        let expected = Timestamp::parse("2026-01-31T09:15:00Z").expect("parses");
        for text in ["2026-01-31T10:15:00+01:00", "2026-01-31T09:15:00", "2026-01-31 09:15:00Z"] {
            assert_eq!(Timestamp::parse(text), Some(expected), "{text}");
        }
        assert_eq!(
            Timestamp::parse("2026-01-31"),
            Timestamp::parse("2026-01-31T00:00:00.000000+00:00")
        );
        for text in ["", "yesterday", "31.01.2026", "2026-13-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn display_is_rfc_3339_with_microseconds_and_survives_the_extremes() {
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), "9999-12-31T23:59:59.999999Z");
        let least = Timestamp::from_micros(i64::MIN);
        assert_eq!(Timestamp::parse(&least.to_string()), Some(least));
    }
}
