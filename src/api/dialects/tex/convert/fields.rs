//! Reads the fields of one JSON object by hand: each method takes a field's text, notes what is
//! wrong with it under the field's place, and answers `None` in that case. Types are read as the
//! hosted service reads them: `"5"` and `5.0` are integers, `"true"` and `1` are true.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::ops::RangeInclusive;

use super::problems::{Complaint, Problems};
use crate::api::validation::{
    self, NoObject, NoText, Raw, Step, is_number, is_text, parse_array, parse_object,
};

/// A text of any length but none.
pub(super) const NOT_EMPTY: RangeInclusive<usize> = 1..=usize::MAX;

/// Reads fields that lie at one place of a request.
pub(super) struct Fields<'p, 'a> {
    problems: &'p mut Problems,
    place: Vec<Step>,
    /// The JSON text of the object they are fields of.
    object: &'a str,
}

/// A whole body as an object with the known fields of `T`.
pub(super) fn parse_body<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Problems> {
    parse_object(body)
        .map_err(|cause| Problems::of(complaint_of(&cause).at(vec![Step::Name("body")], body)))
}

impl<'p, 'a> Fields<'p, 'a> {
    /// Fields of the body itself.
    pub(super) fn of_body(problems: &'p mut Problems, body: &'a str) -> Self {
        Self { problems, place: vec![Step::Name("body")], object: body }
    }

    /// Reads fields of an object inside this one.
    pub(super) fn within<'b>(&mut self, steps: &[Step], object: &'b RawValue) -> Fields<'_, 'b> {
        let place = self.place.iter().chain(steps).cloned().collect();
        Fields { problems: self.problems, place, object: object.get() }
    }

    /// Notes a problem of the field at `steps`.
    pub(super) fn refuse(&mut self, steps: &[Step], complaint: Complaint, input: &str) {
        let place = &self.place;
        let loc = || place.iter().chain(steps).cloned().collect();
        self.problems.add(|| complaint.at(loc(), input));
    }

    /// The value that a check let through; what it complained of becomes a problem of the field.
    pub(super) fn checked<T>(
        &mut self,
        steps: &[Step],
        raw: &RawValue,
        checked: Result<T, Complaint>,
    ) -> Option<T> {
        checked.map_err(|complaint| self.refuse(steps, complaint, raw.get())).ok()
    }

    /// The field, which must be there.
    pub(super) fn required<'b>(&mut self, name: &'static str, raw: Raw<'b>) -> Raw<'b> {
        if raw.is_none() {
            let missing = Complaint::new("missing", "Field required");
            self.refuse(&[Step::Name(name)], missing, self.object);
        }
        raw
    }

    /// A string whose length in characters lies in `chars`.
    pub(super) fn text(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        chars: RangeInclusive<usize>,
    ) -> Option<String> {
        self.checked(&[Step::Name(name)], raw, read_text(raw, chars))
    }

    /// An array; its entries are not looked at.
    pub(super) fn list<'b>(
        &mut self,
        name: &'static str,
        raw: &'b RawValue,
    ) -> Option<Vec<&'b RawValue>> {
        let entries = parse_array(raw)
            .ok_or_else(|| Complaint::new("list_type", "Input should be a valid list"));
        self.checked(&[Step::Name(name)], raw, entries)
    }

    /// An array with something in it.
    pub(super) fn some<'b>(
        &mut self,
        name: &'static str,
        raw: &'b RawValue,
    ) -> Option<Vec<&'b RawValue>> {
        let entries = self.list(name, raw)?;
        if entries.is_empty() {
            let msg = "List should have at least 1 item after validation, not 0";
            let bounds = json!({"field_type": "List", "min_length": 1, "actual_length": 0});
            let complaint = Complaint::new("too_short", msg).with(bounds);
            self.refuse(&[Step::Name(name)], complaint, raw.get());
        }
        (!entries.is_empty()).then_some(entries)
    }

    pub(super) fn integer(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        self.checked(&[Step::Name(name)], raw, read_integer(raw, range))
    }

    pub(super) fn boolean(&mut self, name: &'static str, raw: &RawValue) -> Option<bool> {
        self.checked(&[Step::Name(name)], raw, read_boolean(raw))
    }

    /// An object whose known fields are those of `T`.
    pub(super) fn object<'b, T: Deserialize<'b>>(
        &mut self,
        steps: &[Step],
        raw: &'b RawValue,
    ) -> Option<T> {
        let object = parse_object(raw.get()).map_err(|cause| complaint_of(&cause));
        self.checked(steps, raw, object)
    }
}

fn complaint_of(cause: &NoObject) -> Complaint {
    match cause {
        NoObject::OtherType => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            Complaint::new("model_attributes_type", msg)
        }
        // Of a body whose JSON was found to be good: a field that is there twice.
        NoObject::Invalid(cause) => Complaint::new("json_invalid", "JSON decode error")
            .with(json!({"error": cause.to_string()})),
    }
}

/// A string whose length in characters lies in `chars`.
pub(super) fn read_text(raw: &RawValue, chars: RangeInclusive<usize>) -> Result<String, Complaint> {
    let text = validation::parse_text(raw).map_err(|cause| match cause {
        NoText::OtherType => Complaint::new("string_type", "Input should be a valid string"),
        NoText::NotUnicode => {
            let msg =
                "Input should be a valid string, unable to parse raw data as a unicode string";
            Complaint::new("string_unicode", msg)
        }
    })?;
    check_length(&text, chars)?;
    Ok(text)
}

/// Whether the number of characters lies in `chars`.
fn check_length(text: &str, chars: RangeInclusive<usize>) -> Result<(), Complaint> {
    let (least, most) = (*chars.start(), *chars.end());
    // Most texts have no upper bound, and none has a lower one beyond the first few characters.
    if text.chars().take(least).count() < least {
        let plural = if least == 1 { "" } else { "s" };
        let msg = format!("String should have at least {least} character{plural}");
        return Err(Complaint::new("string_too_short", msg).with(json!({"min_length": least})));
    }
    if most < text.len() && text.chars().count() > most {
        let msg = format!("String should have at most {most} characters");
        return Err(Complaint::new("string_too_long", msg).with(json!({"max_length": most})));
    }
    Ok(())
}

fn read_integer(raw: &RawValue, range: RangeInclusive<u32>) -> Result<u32, Complaint> {
    let (least, most) = (*range.start(), *range.end());
    let value = if is_text(raw) {
        let text = validation::parse_text(raw).unwrap_or_default();
        text.trim().parse::<i128>().map(whole).map_err(|_cause| {
            let msg = "Input should be a valid integer, unable to parse string as an integer";
            Complaint::new("int_parsing", msg)
        })?
    } else if is_number(raw) {
        // What is not exact as a float is out of every range there is.
        raw.get().parse::<f64>().unwrap_or(f64::INFINITY)
    } else {
        return Err(Complaint::new("int_type", "Input should be a valid integer"));
    };
    if value.is_finite() && value.fract().abs() > 0.0 {
        let msg = "Input should be a valid integer, got a number with a fractional part";
        return Err(Complaint::new("int_from_float", msg));
    }
    if value < f64::from(least) {
        let msg = format!("Input should be greater than or equal to {least}");
        return Err(Complaint::new("greater_than_equal", msg).with(json!({"ge": least})));
    }
    if value > f64::from(most) {
        let msg = format!("Input should be less than or equal to {most}");
        return Err(Complaint::new("less_than_equal", msg).with(json!({"le": most})));
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between two of the type's own"
    )]
    Ok(value as u32)
}

#[allow(clippy::cast_precision_loss, reason = "only compared with bounds far below the loss")]
fn whole(value: i128) -> f64 {
    value as f64
}

/// `true`, `1`, and what else means yes or no.
fn read_boolean(raw: &RawValue) -> Result<bool, Complaint> {
    if is_text(raw) || is_number(raw) {
        let text = validation::parse_text(raw).unwrap_or_else(|_| raw.get().to_owned());
        return parse_boolean(&text).ok_or_else(|| {
            let msg = "Input should be a valid boolean, unable to interpret input";
            Complaint::new("bool_parsing", msg)
        });
    }
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Complaint::new("bool_type", "Input should be a valid boolean")),
    }
}

/// The words for yes and no, in any case.
pub(super) fn parse_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "1.0" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "0.0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn integers_are_read_as_the_hosted_service_reads_them() {
        for (text, expected) in [
            ("1", Ok(1)),
            ("50", Ok(50)),
            ("5.0", Ok(5)),
            ("5e0", Ok(5)),
            ("\"7\"", Ok(7)),
            ("0", Err("greater_than_equal")),
            ("-3", Err("greater_than_equal")),
            ("51", Err("less_than_equal")),
            ("1e999", Err("less_than_equal")),
            ("99999999999999999999999999", Err("less_than_equal")),
            ("1.5", Err("int_from_float")),
            ("\"x\"", Err("int_parsing")),
            ("\"1.5\"", Err("int_parsing")),
            ("true", Err("int_type")),
            ("[1]", Err("int_type")),
            ("{}", Err("int_type")),
        ] {
            let seen = read_integer(&raw(text), 1..=50).map_err(|complaint| complaint.kind);
            assert_eq!(seen, expected, "{text}");
        }
        let most = read_integer(&raw("51"), 1..=50).unwrap_err();
        assert_eq!(most.msg, "Input should be less than or equal to 50");
        let least = read_integer(&raw("0"), 1..=50).unwrap_err();
        assert_eq!(least.msg, "Input should be greater than or equal to 1");
    }

    #[test]
    fn booleans_are_words_or_numbers() {
        for (text, expected) in [
            ("true", Ok(true)),
            ("false", Ok(false)),
            ("1", Ok(true)),
            ("\"FALSE\"", Ok(false)),
            ("\"on\"", Ok(true)),
            ("2", Err("bool_parsing")),
            ("\"maybe\"", Err("bool_parsing")),
            ("null", Err("bool_type")),
            ("[]", Err("bool_type")),
        ] {
            let seen = read_boolean(&raw(text)).map_err(|complaint| complaint.kind);
            assert_eq!(seen, expected, "{text}");
        }
    }

    #[test]
    fn texts_are_measured_in_characters() {
        for (text, expected) in [
            ("\"\u{e9}\u{e9}\"", Ok("\u{e9}\u{e9}")),
            ("\"\"", Err("string_too_short")),
            ("\"\u{e9}\u{e9}\u{e9}\"", Err("string_too_long")),
            ("\"\\ud800\"", Err("string_unicode")),
            ("7", Err("string_type")),
            ("null", Err("string_type")),
        ] {
            let seen = read_text(&raw(text), 1..=2).map_err(|complaint| complaint.kind);
            assert_eq!(seen.as_deref(), expected.as_ref().map(|text| *text), "{text}");
        }
        let short = read_text(&raw("\"\""), NOT_EMPTY).unwrap_err();
        assert_eq!(short.msg, "String should have at least 1 character");
    }
}
