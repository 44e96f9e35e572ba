//! The spellings of time: each field of the dialect has its own.

use crate::types::Timestamp;

/// `2026-05-08T10:00:00Z`, of errors.
pub(crate) fn with_z(time: Timestamp) -> String {
    format!("{}Z", to_the_second(time))
}

/// `2026-05-08T00:00:00+00:00`, of usage and quotas.
pub(crate) fn with_offset(time: Timestamp) -> String {
    format!("{}+00:00", to_the_second(time))
}

/// `2026-05-08T09:56:42.855738`, of keys: UTC without saying so.
pub(super) fn without_zone(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate(text.trim_end_matches('Z').len());
    text
}

/// `1778248800000`, of hits: milliseconds since 1970 as text.
pub(super) fn as_epoch_ms(time: Timestamp) -> String {
    time.as_millis().to_string()
}

/// `8 May 2023`, of timelines.
pub(super) fn as_day(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day) = time.date();
    let month = usize::from(month.unsigned_abs()).saturating_sub(1);
    format!("{day} {} {year}", MONTHS.get(month).copied().unwrap_or_default())
}

/// When a turn was said, by the timestamp it came with: ISO 8601, or seconds since 1970, or
/// milliseconds. `None` for anything else.
pub(super) fn parse_turn_time(text: &str) -> Option<Timestamp> {
    /// Seconds beyond this are milliseconds: it is the year 5138.
    const SECONDS_MAX: f64 = 1e11;
    if let Some(time) = Timestamp::parse(text) {
        return Some(time);
    }
    let text = text.trim();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    let unit_us = if number.abs() > SECONDS_MAX { 1e3 } else { 1e6 };
    // The cast saturates, and so does the timestamp.
    #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
    Some(Timestamp::from_micros((number * unit_us).round() as i64))
}

fn to_the_second(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate("2026-05-08T10:00:00".len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_its_own_spelling() {
        let time = Timestamp::parse("2026-05-08T09:56:42.855738Z").unwrap();
        assert_eq!(with_z(time), "2026-05-08T09:56:42Z");
        assert_eq!(with_offset(time), "2026-05-08T09:56:42+00:00");
        assert_eq!(without_zone(time), "2026-05-08T09:56:42.855738");
        assert_eq!(as_epoch_ms(time), "1778234202855");
        assert_eq!(as_day(time), "8 May 2026");
        assert_eq!(without_zone(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000000");
    }

    #[test]
    fn a_turn_says_its_time_in_iso_or_as_a_number() {
        let expected = Timestamp::parse("2026-05-08T14:00:00Z");
        for text in [
            "2026-05-08T14:00:00Z",
            "2026-05-08T14:00:00",
            "2026-05-08T16:00:00+02:00",
            "1778248800",
            "1778248800000",
            " 1778248800.0 ",
        ] {
            assert_eq!(parse_turn_time(text), expected, "{text}");
        }
        for text in ["soon", "", "inf", "nan", "1e9", "-", "2026-13-01"] {
            assert_eq!(parse_turn_time(text), None, "{text}");
        }
        let far = parse_turn_time("99999999999999999999999999");
        assert_eq!(far, Some(Timestamp::from_micros(i64::MAX)));
    }
}
