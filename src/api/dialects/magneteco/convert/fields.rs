//! Reads the fields of a body of JSON, each under the name the wire has for it. The first thing
//! that is wrong is told and nothing else: the envelope has room for one. An absent field and null
//! are the same.

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::error::{ApiError, issue};
use crate::api::validation::{
    BadMetadata, NoObject, NoText, Raw, is_number, parse_array, parse_object, parse_object_within,
    parse_text, unless_null,
};

/// Characters in the id of an app, a user or a thread, and in any other name.
pub(super) const NAME_CHARS_MAX: usize = 255;

/// A whole body as an object with the known fields of `T`.
pub(super) fn parse_body<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, ApiError> {
    entry("body", parse_object(body))
}

/// One entry of an array as an object with the known fields of `T`.
pub(super) fn object_entry<'a, T: Deserialize<'a>>(
    name: &str,
    raw: &'a RawValue,
) -> Result<T, ApiError> {
    entry(name, parse_object(raw.get()))
}

fn entry<T>(name: &str, object: Result<T, NoObject>) -> Result<T, ApiError> {
    object.map_err(|cause| match cause {
        NoObject::OtherType => ApiError::field(name, issue::TYPE),
        // Of an entry, whose JSON was found to be good: a field that is there twice.
        NoObject::Invalid(_) => ApiError::no_json(),
    })
}

/// A field that must be there.
pub(super) fn required<'a>(name: &str, raw: Raw<'a>) -> Result<&'a RawValue, ApiError> {
    unless_null(raw).ok_or_else(|| ApiError::field(name, issue::MISSING))
}

/// A name of 1 to 255 characters, whatever they are.
pub(super) fn name(name: &str, raw: &RawValue) -> Result<String, ApiError> {
    let text = text(name, raw)?;
    check_name(&text).map_err(|issue| ApiError::field(name, issue))?;
    Ok(text)
}

/// What is wrong with a name.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err(issue::EMPTY),
        name if is_longer(name, NAME_CHARS_MAX) => Err(issue::TOO_LONG),
        _ => Ok(()),
    }
}

/// A name that may be left out.
pub(super) fn optional_name(field: &str, raw: Raw<'_>) -> Result<Option<String>, ApiError> {
    unless_null(raw).map(|raw| name(field, raw)).transpose()
}

/// A text of so many characters at most, with something else than blanks in it.
pub(super) fn spoken(name: &str, raw: &RawValue, chars_max: usize) -> Result<String, ApiError> {
    let text = text(name, raw)?;
    match &text {
        text if text.trim().is_empty() => Err(ApiError::field(name, issue::EMPTY)),
        text if is_longer(text, chars_max) => Err(ApiError::field(name, issue::TOO_LONG)),
        _ => Ok(text),
    }
}

/// A text of any length.
pub(super) fn text(name: &str, raw: &RawValue) -> Result<String, ApiError> {
    parse_text(raw).map_err(|cause| match cause {
        NoText::OtherType => ApiError::field(name, issue::TYPE),
        NoText::NotUnicode => ApiError::field(name, issue::VALUE),
    })
}

pub(super) fn boolean(name: &str, raw: &RawValue) -> Result<bool, ApiError> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ApiError::field(name, issue::TYPE)),
    }
}

/// A finite number.
pub(super) fn number(name: &str, raw: &RawValue) -> Result<f64, ApiError> {
    if !is_number(raw) {
        return Err(ApiError::field(name, issue::TYPE));
    }
    let number = raw.get().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| ApiError::field(name, issue::RANGE))
}

/// A whole number within `range`; `2000.0` is one too.
pub(super) fn integer(
    name: &str,
    raw: &RawValue,
    range: RangeInclusive<u32>,
) -> Result<u32, ApiError> {
    let number = number(name, raw)?;
    if number.fract().abs() > 0.0 {
        return Err(ApiError::field(name, issue::TYPE));
    }
    let (least, most) = (f64::from(*range.start()), f64::from(*range.end()));
    if !(least..=most).contains(&number) {
        return Err(ApiError::field(name, issue::RANGE));
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between two of the type's own"
    )]
    Ok(number as u32)
}

/// An object of so many bytes as compact JSON, as which it comes back.
pub(super) fn object(name: &str, raw: &RawValue, bytes_max: usize) -> Result<String, ApiError> {
    let checked = parse_object_within(raw, bytes_max);
    checked.map(|checked| checked.json).map_err(|cause| {
        let issue = match cause {
            BadMetadata::OtherType => issue::TYPE,
            BadMetadata::TooLong { .. } => issue::TOO_LONG,
            BadMetadata::TooDeep | BadMetadata::Unreadable => issue::VALUE,
        };
        ApiError::field(name, issue)
    })
}

/// The entries of an array that has no more than so many, each with its name.
pub(super) fn array<'a>(
    name: &str,
    raw: &'a RawValue,
    entries_max: usize,
) -> Result<Vec<(String, &'a RawValue)>, ApiError> {
    let entries = parse_array(raw).ok_or_else(|| ApiError::field(name, issue::TYPE))?;
    if entries.len() > entries_max {
        return Err(ApiError::field(name, issue::TOO_LONG));
    }
    let named = entries.into_iter().enumerate();
    Ok(named.map(|(index, raw)| (format!("{name}.{index}"), raw)).collect())
}

fn is_longer(text: &str, chars_max: usize) -> bool {
    text.len() > chars_max && text.chars().count() > chars_max
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    /// The issue of a field called `x`; empty where there is none.
    fn issue_of<T>(read: Result<T, ApiError>) -> String {
        let error = read.err().map(|error| error.to_string()).unwrap_or_default();
        error.strip_prefix("Invalid request body: x: ").unwrap_or(&error).to_owned()
    }

    #[test]
    fn absent_and_null_are_missing() {
        assert_eq!(issue_of(required("x", None)), "Required field missing");
        assert_eq!(issue_of(required("x", Some(&raw("null")))), "Required field missing");
        assert!(required("x", Some(&raw("0"))).is_ok());
        assert_eq!(optional_name("x", Some(&raw("null"))).unwrap(), None);
    }

    #[test]
    fn names_have_1_to_255_characters_of_any_kind() {
        let quoted = |text: &str| format!("\"{text}\"");
        for (text, expected) in [
            (quoted("a/b c"), ""),
            (quoted(" "), ""),
            (quoted(&"\u{e9}".repeat(255)), ""),
            (quoted(&"\u{e9}".repeat(256)), "Too long"),
            (quoted(""), "Must not be empty"),
            ("7".to_owned(), "Invalid type"),
            ("{}".to_owned(), "Invalid type"),
            (quoted("\\ud800"), "Invalid value"),
        ] {
            assert_eq!(issue_of(name("x", &raw(&text))), expected, "{text}");
        }
    }

    #[test]
    fn what_is_said_is_more_than_blanks() {
        for (text, expected) in [
            ("\"abcd\"", ""),
            ("\"abcde\"", "Too long"),
            ("\" \\n\"", "Must not be empty"),
            ("\"\"", "Must not be empty"),
            ("[]", "Invalid type"),
        ] {
            assert_eq!(issue_of(spoken("x", &raw(text), 4)), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_whole_and_within_their_range() {
        for (text, expected) in [
            ("1", Ok(1)),
            ("20", Ok(20)),
            ("2e1", Ok(20)),
            ("2.0", Ok(2)),
            ("0", Err("Out of range")),
            ("-1", Err("Out of range")),
            ("21", Err("Out of range")),
            ("1e999", Err("Out of range")),
            ("1.5", Err("Invalid type")),
            ("\"1\"", Err("Invalid type")),
            ("true", Err("Invalid type")),
            ("[1]", Err("Invalid type")),
        ] {
            let seen = integer("x", &raw(text), 1..=20);
            match expected {
                Ok(number) => assert_eq!(seen.unwrap(), number, "{text}"),
                Err(issue) => assert_eq!(issue_of(seen), issue, "{text}"),
            }
        }
    }

    #[test]
    fn objects_are_made_compact_and_bounded() {
        assert_eq!(object("x", &raw("{ \"a\" : 1.50 }"), 10).unwrap(), "{\"a\":1.50}");
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(80), "]".repeat(80));
        for (text, expected) in [
            ("{\"a\":1.500}", "Too long"),
            ("[]", "Invalid type"),
            ("\"{}\"", "Invalid type"),
            ("7", "Invalid type"),
        ] {
            assert_eq!(issue_of(object("x", &raw(text), 10)), expected, "{text}");
        }
        assert_eq!(issue_of(object("x", &raw(&deep), 1_000)), "Invalid value");
    }

    #[test]
    fn a_body_is_one_object() {
        #[derive(Deserialize)]
        struct Body {
            _a: Option<u8>,
        }
        let error = |text| parse_body::<Body>(text).err().map(|error| error.to_string());
        assert_eq!(error("{}"), None);
        for (text, issue) in [
            ("not json", "body: Invalid JSON"),
            ("", "body: Invalid JSON"),
            ("{", "body: Invalid JSON"),
            ("{}{}", "body: Invalid JSON"),
            ("[]", "body: Invalid type"),
            ("7", "body: Invalid type"),
            ("null", "body: Invalid type"),
        ] {
            assert_eq!(error(text).unwrap(), format!("Invalid request body: {issue}"), "{text}");
        }
    }
}
