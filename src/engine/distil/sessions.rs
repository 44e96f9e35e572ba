//! When a session took place, as conversations write it above or before what was said.

use crate::engine::lexicon;

/// Characters of a line that names when a session took place.
const DATE_LINE_CHARS_MAX: usize = 100;
const DATE_LINE_WORDS_MAX: usize = 14;

/// The date of a line that holds nothing but when a session took place.
pub(super) fn date_line(line: &str) -> Option<String> {
    let is_short = line.chars().count() <= DATE_LINE_CHARS_MAX
        && line.split_whitespace().count() <= DATE_LINE_WORDS_MAX;
    if !is_short {
        return None;
    }
    let date = compact_date(line)?;
    let is_time = |word: &str| {
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        word.is_empty()
            || word.starts_with(|letter: char| letter.is_ascii_digit())
            || lexicon::is_temporal(&word)
            || month_of(&word).is_some()
            || ["session", "date", "time", "at", "on", "am", "pm", "of", "the", "conversation"]
                .contains(&word.as_str())
            || ["chat", "utc", "gmt", "day", "started"].contains(&word.as_str())
    };
    line.split_whitespace().all(is_time).then_some(date)
}

/// What a line holds in brackets at its beginning.
pub(super) fn bracketed(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once(']').map(|(inside, _)| inside)
}

/// `8 May 2023` of "1:56 pm on 8 May, 2023", "May 8th 2023" or "2023-05-08".
pub(super) fn compact_date(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let number = |at: Option<usize>, max: u32| {
        let word = words.get(at?)?;
        let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        digits.parse::<u32>().ok().filter(|number| (1..=max).contains(number))
    };
    let year = |at: usize| {
        let is_year = |word: &&String| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit());
        words.get(at).filter(is_year)
    };
    for (at, word) in words.iter().enumerate() {
        if let Some(month) = month_of(word) {
            let before = number(at.checked_sub(1), 31).zip(year(at + 1));
            let found = before.or_else(|| number(Some(at + 1), 31).zip(year(at + 2)));
            return found.map(|(day, year)| format!("{day} {month} {year}"));
        }
        let parts = year(at).zip(number(Some(at + 1), 12)).zip(number(Some(at + 2), 31));
        if let Some(((year, month), day)) = parts {
            let month = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
            return Some(format!("{day} {month} {year}"));
        }
    }
    None
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A month by its lower-case name or the beginning of it.
fn month_of(word: &str) -> Option<&'static str> {
    let short = MONTHS.iter().find(|month| month.eq_ignore_ascii_case(word));
    let number = lexicon::month_number(word).and_then(|number| usize::try_from(number - 1).ok());
    short.or_else(|| MONTHS.get(number?)).copied()
}
