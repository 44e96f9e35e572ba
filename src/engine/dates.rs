//! Dates named in a question ("in May 2023", "last summer", "on 3 July"), and how well an atom's
//! time fits them. English month and season names, and ISO dates in any language. An event is
//! often told some days after it happened, so the days after a date fit a little too.

use jiff::civil::Date;

use super::lexicon::{month_number, season_months};
use crate::types::Timestamp;

/// What a question says about when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DateHint {
    years: Vec<i16>,
    months: Vec<i8>,
    /// Day of the first month.
    day: Option<i8>,
    season_months: Vec<i8>,
}

/// How long after an event it is usually told: the days looked back from an atom's time.
const TOLD_LATER_DAYS: i64 = 10;

impl DateHint {
    /// Reads the hint out of a question; `None` when it names no date.
    #[must_use]
    pub(super) fn of(question: &str) -> Option<Self> {
        if let Some(hint) = iso_date(question) {
            return Some(hint);
        }
        let raw: Vec<&str> = question
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let words: Vec<String> = raw.iter().map(|word| word.to_lowercase()).collect();
        let mut hint =
            Self { years: words.iter().filter_map(|word| year(word)).collect(), ..Self::default() };
        for (at, word) in words.iter().enumerate() {
            hint.take_month(&raw, &words, at, word);
            hint.take_season(&words, at, word);
        }
        let empty =
            hint.years.is_empty() && hint.months.is_empty() && hint.season_months.is_empty();
        (!empty).then_some(hint)
    }

    fn take_month(&mut self, raw: &[&str], words: &[String], at: usize, word: &str) {
        let Some(month) = month_number(word) else { return };
        let near = |offset: isize| {
            at.checked_add_signed(offset).and_then(|at| words.get(at)).map(String::as_str)
        };
        let of = (near(-1) == Some("of")).then(|| near(-2)).flatten();
        let days: Vec<i16> =
            [near(-1), near(1), of].into_iter().flatten().filter_map(ordinal).collect();
        // "may" and "march" are verbs too: they count beside a number or as a name.
        let is_name = at > 0
            && raw.get(at).and_then(|word| word.chars().next()).is_some_and(char::is_uppercase);
        if matches!(word, "may" | "march") && days.is_empty() && !is_name {
            return;
        }
        self.months.push(month);
        let day = days
            .into_iter()
            .find_map(|day| i8::try_from(day).ok().filter(|day| (1..=31).contains(day)));
        self.day = self.day.or(day);
    }

    fn take_season(&mut self, words: &[String], at: usize, word: &str) {
        let Some(months) = season_months(word) else { return };
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map(String::as_str);
        let introduced = matches!(before, Some("in" | "the" | "of" | "during" | "last" | "this"));
        if introduced || !self.years.is_empty() {
            self.season_months.extend(months);
        }
    }

    /// How well a time fits, in [0, 1].
    #[must_use]
    pub(super) fn fit(&self, time: Timestamp) -> f32 {
        if let (Some(day), Some(month)) = (self.day, self.months.first()) {
            return self.fit_day(time, *month, day);
        }
        let (year, month) = time.year_month();
        let fits_year = |year: i16| self.years.is_empty() || self.years.contains(&year);
        if !self.months.is_empty() {
            if fits_year(year) && self.months.contains(&month) {
                return 1.0;
            }
            let earlier = time.as_micros() - TOLD_LATER_DAYS * 86_400_000_000;
            let (year, month) = Timestamp::from_micros(earlier).year_month();
            return if fits_year(year) && self.months.contains(&month) { 0.5 } else { 0.0 };
        }
        if !self.season_months.is_empty() {
            let fits = fits_year(year) && self.season_months.contains(&month);
            return if fits { 1.0 } else { 0.0 };
        }
        if fits_year(year) { 0.3 } else { 0.0 }
    }

    fn fit_day(&self, time: Timestamp, month: i8, day: i8) -> f32 {
        let (year, _) = time.year_month();
        let around = [year.saturating_sub(1), year, year.saturating_add(1)];
        let years = if self.years.is_empty() { &around[..] } else { &self.years };
        let fit = |year: &i16| {
            let named = Date::new(*year, month, day).ok()?;
            let epoch = Date::constant(1970, 1, 1);
            let named_days = epoch.until(named).ok()?.get_days();
            Some(match time.epoch_days() - i64::from(named_days) {
                0 => 1.0,
                1..=7 => 0.7,
                -1 => 0.5,
                8..=15 => 0.3,
                _ => 0.0,
            })
        };
        years.iter().filter_map(fit).fold(0.0, f32::max)
    }
}

/// The day of a text that opens with one in brackets, as facts of a dated conversation do: `[8 May 2023]
/// Ana: ...`.
#[must_use]
pub fn leading_date(text: &str) -> Option<Timestamp> {
    let (inside, _) = text.strip_prefix('[')?.split_once(']')?;
    let date = Date::strptime("%d %b %Y", inside).ok()?;
    let days = Date::constant(1970, 1, 1).until(date).ok()?.get_days();
    Some(Timestamp::start_of_day(i64::from(days)))
}

/// A year from 1900 to 2099.
fn year(word: &str) -> Option<i16> {
    let is_year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    if is_year { word.parse().ok() } else { None }
}

/// `3`, `3rd`, `21st`.
fn ordinal(word: &str) -> Option<i16> {
    let digits = word
        .strip_suffix("st")
        .or_else(|| word.strip_suffix("nd"))
        .or_else(|| word.strip_suffix("rd"))
        .or_else(|| word.strip_suffix("th"))
        .unwrap_or(word);
    if digits.len() <= 4 { digits.parse().ok() } else { None }
}

/// The first `yyyy-mm-dd` in the text.
fn iso_date(text: &str) -> Option<DateHint> {
    let word = text
        .split(|c: char| !(c.is_ascii_digit() || c == '-'))
        .find(|word| word.len() == 10 && word.parse::<Date>().is_ok())?;
    let date = word.parse::<Date>().ok()?;
    Some(DateHint {
        years: vec![date.year()],
        months: vec![date.month()],
        day: Some(date.day()),
        season_months: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit(question: &str, time: &str) -> f32 {
        let time = Timestamp::parse(time).unwrap();
        DateHint::of(question).map_or(-1.0, |hint| hint.fit(time))
    }

    #[test]
    fn a_named_date_fits_its_day_best_and_the_days_it_is_told_on_a_little() {
        let check = |question, time, expected: f32| {
            assert!((fit(question, time) - expected).abs() < 1e-6, "{question}")
        };
        check("What happened on 3 July 2023?", "2023-07-03T09:00:00Z", 1.0);
        check("What happened on July 3rd, 2023?", "2023-07-05T09:00:00Z", 0.7);
        check("What happened on the 3rd of July?", "2022-07-03T09:00:00Z", 1.0);
        check("What happened on 2023-07-03?", "2023-07-20T09:00:00Z", 0.0);
        check("Where did we go in May 2023?", "2023-05-30T00:00:00Z", 1.0);
        check("Where did we go in May 2023?", "2023-06-05T00:00:00Z", 0.5);
        check("Where did we go in May 2023?", "2022-05-05T00:00:00Z", 0.0);
        check("What did we do last summer?", "2021-08-05T00:00:00Z", 1.0);
        check("What did we build in 2022?", "2022-01-05T00:00:00Z", 0.3);
    }

    #[test]
    fn words_that_are_dates_only_sometimes_need_a_sign_that_they_are() {
        for question in ["May I go?", "I may go", "They march on", "We fall down", "Room 2"] {
            assert_eq!(DateHint::of(question), None, "{question}");
        }
        assert!(DateHint::of("Did we meet in March?").is_some());
    }

    #[test]
    fn only_a_date_in_brackets_at_the_beginning_is_that_of_a_text() {
        let day = |text| leading_date(text).map(|date| date.to_string());
        assert_eq!(day("[8 May 2023] Ana: Hello.").as_deref(), Some("2023-05-08T00:00:00.000000Z"));
        for text in
            ["8 May 2023", "Ana: [8 May 2023] Hello.", "[a photo] of May", "[31 Feb 2023] x"]
        {
            assert_eq!(day(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_question_and_any_time_give_a_fit_in_range(question: String, micros: i64) {
            if let Some(hint) = DateHint::of(&question) {
                let fit = hint.fit(Timestamp::from_micros(micros));
                prop_assert!((0.0..=1.0).contains(&fit));
            }
        }
    }
}
