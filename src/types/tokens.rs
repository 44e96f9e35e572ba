//! Metered tokens: pieces of text that a tenant sends and receives, counted per day and month.

use super::Timestamp;

/// Tokens in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Sent to be remembered or to ask.
    pub input: u64,
    /// Received in answers.
    pub output: u64,
}

impl Tokens {
    /// The sum in each direction; it stays at the greatest number rather than overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }

    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Which way tokens go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenDirection {
    Input,
    Output,
}

/// A month of the calendar in UTC, of the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearMonth {
    year: i16,
    month: i8,
}

impl YearMonth {
    /// `None` outside of the years 1 to 9999 and the months 1 to 12.
    #[must_use]
    pub fn new(year: i16, month: i8) -> Option<Self> {
        let is_real = (1..=9_999).contains(&year) && (1..=12).contains(&month);
        is_real.then_some(Self { year, month })
    }

    /// The month that an instant lies in.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        let (year, month) = time.year_month();
        Self { year, month }
    }

    /// Reads `YYYY-MM`, four digits and two.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !are_digits(year) || !are_digits(month) {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?)
    }

    /// Months since January of year 0: consecutive months have consecutive numbers.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from(self.year.unsigned_abs()) * 12 + u32::from(self.month.unsigned_abs()) - 1
    }

    /// The month after this one; December of year 9999 is followed by itself.
    #[must_use]
    pub fn next(self) -> Self {
        match (self.year, self.month) {
            (9_999, 12) => self,
            (year, 12) => Self { year: year + 1, month: 1 },
            (year, month) => Self { year, month: month + 1 },
        }
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::start_of_month(self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_four_digits_and_two_and_exists() {
        assert_eq!(YearMonth::parse("2026-12"), YearMonth::new(2026, 12));
        for bad in ["2026-13", "2026-00", "2026-1", "26-01", "2026/01", "0000-01", "+026-01", "-12"]
        {
            assert_eq!(YearMonth::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn months_follow_each_other_over_the_year() {
        let december = YearMonth::parse("2026-12").unwrap();
        let january = december.next();
        assert_eq!(january, YearMonth::parse("2027-01").unwrap());
        assert_eq!(january.number(), december.number() + 1);
        assert_eq!(january.start(), Timestamp::parse("2027-01-01").unwrap());
        assert_eq!(YearMonth::of(january.start()), january);
        let last = YearMonth::new(9_999, 12).unwrap();
        assert_eq!(last.next(), last);
    }

    #[test]
    fn sums_do_not_overflow() {
        let much = Tokens { input: u64::MAX, output: 1 };
        assert_eq!(much.plus(much), Tokens { input: u64::MAX, output: 2 });
    }
}
