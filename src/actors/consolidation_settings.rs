//! When consolidation runs by itself: plain data with its ranges. Off unless asked for.

use serde::Deserialize;

use crate::types::Timestamp;

const MINUTES_A_DAY: u32 = 24 * 60;

/// When runs start without being asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsolidationSettings {
    /// A domain of an open tenant is consolidated after so many writes to it; 0 for never. Up to
    /// 1,000,000,000.
    pub after_writes: u64,
    /// `HH:MM-HH:MM` in UTC: within it, once a day, every domain written to since its last run is
    /// consolidated, one tenant after the other. Empty for never. May reach past midnight.
    pub daily_window: String,
    /// How often it is looked whether a run is due. 1 to 3,600.
    pub check_interval_s: u64,
}

impl Default for ConsolidationSettings {
    fn default() -> Self {
        Self { after_writes: 0, daily_window: String::new(), check_interval_s: 60 }
    }
}

impl ConsolidationSettings {
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.after_writes > 0 || !self.daily_window.is_empty()
    }

    /// Writes after which a domain is due, if it ever is.
    #[must_use]
    pub fn after_writes(&self) -> Option<u64> {
        (self.after_writes > 0).then_some(self.after_writes)
    }

    /// The day, in days since 1970, whose window this instant belongs to: the day it began on.
    #[must_use]
    pub fn window_day(&self, now: Timestamp) -> Option<i64> {
        let (from, to) = parse_window(&self.daily_window)?;
        let minute = u32::try_from(now.as_secs().rem_euclid(86_400) / 60).ok()?;
        let today = now.epoch_days();
        match (minute >= from, minute < to) {
            (true, true) if from < to => Some(today),
            (true, _) if from > to => Some(today),
            (_, true) if from > to => Some(today - 1),
            _ => None,
        }
    }

    /// What is out of range, each sentence beginning with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.after_writes > 1_000_000_000 {
            problems
                .push(format!("after_writes is {}, must be 0 to 1000000000", self.after_writes));
        }
        if !(1..=3_600).contains(&self.check_interval_s) {
            problems
                .push(format!("check_interval_s is {}, must be 1 to 3600", self.check_interval_s));
        }
        if !self.daily_window.is_empty() && parse_window(&self.daily_window).is_none() {
            problems.push(format!(
                "daily_window is {:?}, must be empty or a window in UTC such as \"02:00-05:30\"",
                self.daily_window
            ));
        }
        problems
    }
}

/// Begin and end in minutes after midnight; they differ.
fn parse_window(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (parse_minute(from)?, parse_minute(to)?);
    (from != to).then_some((from, to))
}

fn parse_minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total < MINUTES_A_DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_in(window: &str, time: &str) -> Option<i64> {
        let settings = ConsolidationSettings {
            daily_window: window.to_owned(),
            ..ConsolidationSettings::default()
        };
        assert_eq!(settings.problems(), Vec::<String>::new());
        settings.window_day(Timestamp::parse(&format!("1970-01-11T{time}Z")).unwrap())
    }

    #[test]
    fn a_window_belongs_to_the_day_it_began_on() {
        assert_eq!(day_in("02:00-05:00", "01:59:59"), None);
        assert_eq!(day_in("02:00-05:00", "02:00:00"), Some(10));
        assert_eq!(day_in("02:00-05:00", "05:00:00"), None);
        assert_eq!(day_in("23:00-01:00", "23:30:00"), Some(10));
        assert_eq!(day_in("23:00-01:00", "00:30:00"), Some(9));
        assert_eq!(day_in("23:00-01:00", "12:00:00"), None);
        assert_eq!(day_in("", "12:00:00"), None);
    }

    #[test]
    fn what_is_no_window_is_a_problem() {
        for window in ["2-3", "02:00", "02:00-02:00", "24:00-01:00", "02:60-03:00", "a:b-c:d"] {
            let settings = ConsolidationSettings {
                daily_window: window.to_owned(),
                ..ConsolidationSettings::default()
            };
            assert_eq!(settings.problems().len(), 1, "{window}");
        }
        let settings = ConsolidationSettings {
            check_interval_s: 0,
            after_writes: u64::MAX,
            ..ConsolidationSettings::default()
        };
        assert_eq!(settings.problems().len(), 2);
    }
}
