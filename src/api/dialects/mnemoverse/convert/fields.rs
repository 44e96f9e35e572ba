//! Reads the fields of one JSON object by hand: each method takes a field's text, notes what is
//! wrong with it under the field's place, and answers `None` in that case. Types are strict: no
//! number is read from a string, and no integer from `10.0`.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::RangeInclusive;

use super::problems::{Problem, Problems, Step};
use crate::api::validation::{self, NoObject, NoText, Raw, is_number, parse_array};
use crate::types::{AtomId, Timestamp};

/// Reads fields that lie at one place of the body.
pub(super) struct Fields<'p> {
    problems: &'p mut Problems,
    place: Vec<Step>,
}

impl<'p> Fields<'p> {
    pub(super) fn at(problems: &'p mut Problems, place: Vec<Step>) -> Self {
        Self { problems, place }
    }

    /// Reads fields of an object inside this one.
    pub(super) fn within(&mut self, steps: &[Step]) -> Fields<'_> {
        let place = self.place.iter().chain(steps).cloned().collect();
        Fields { problems: self.problems, place }
    }

    /// Notes a problem of the place itself.
    pub(super) fn refuse_here(&mut self, kind: &'static str, msg: &str) {
        self.refuse_at(&[], kind, msg);
    }

    /// Notes a problem of a field that no request has.
    pub(super) fn refuse_unknown(&mut self, name: String, kind: &'static str, msg: &str) {
        let msg = format!("{name} {msg}");
        self.refuse_at(&[Step::Unknown(name)], kind, &msg);
    }

    /// Notes a problem of the field `name`.
    pub(super) fn refuse(&mut self, name: &'static str, kind: &'static str, msg: &str) {
        self.refuse_at(&[Step::Name(name)], kind, &format!("{name} {msg}"));
    }

    /// Notes a problem of the field `inner` of the object `name`.
    pub(super) fn refuse_in(
        &mut self,
        name: &'static str,
        inner: &'static str,
        kind: &'static str,
        msg: &str,
    ) {
        let steps = [Step::Name(name), Step::Name(inner)];
        self.refuse_at(&steps, kind, &format!("{name}.{inner} {msg}"));
    }

    fn refuse_at(&mut self, steps: &[Step], kind: &'static str, msg: &str) {
        let loc = self.place.iter().chain(steps).cloned().collect();
        self.problems.add(|| Problem::new(loc, kind, msg.to_owned()));
    }

    /// The field, which must be there.
    pub(super) fn required<'a>(&mut self, name: &'static str, raw: Raw<'a>) -> Raw<'a> {
        if raw.is_none() {
            self.refuse(name, "missing", "is required");
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
        match parse_text(raw, &chars) {
            Ok(text) => Some(text),
            Err((kind, msg)) => {
                self.refuse(name, kind, &msg);
                None
            }
        }
    }

    /// An array of at most `count_max` strings.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        count_max: usize,
        chars: RangeInclusive<usize>,
    ) -> Option<Vec<String>> {
        self.some_texts(name, raw, 0..=count_max, chars)
    }

    /// An array of strings whose length lies in `counts`.
    pub(super) fn some_texts(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        counts: RangeInclusive<usize>,
        chars: RangeInclusive<usize>,
    ) -> Option<Vec<String>> {
        let entries = self.list(name, raw, counts)?;
        let mut texts = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            match parse_text(entry, &chars) {
                Ok(text) => texts.push(text),
                Err((kind, msg)) => {
                    let steps = [Step::Name(name), Step::Index(index)];
                    self.refuse_at(&steps, kind, &format!("{name}[{index}] {msg}"));
                }
            }
        }
        (texts.len() == entries.len()).then_some(texts)
    }

    /// An array of ids whose length lies in `counts`.
    pub(super) fn ids(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        counts: RangeInclusive<usize>,
    ) -> Option<Vec<AtomId>> {
        let entries = self.list(name, raw, counts)?;
        let mut ids = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            match parse_id(entry) {
                Ok(id) => ids.push(id),
                Err((kind, msg)) => {
                    let steps = [Step::Name(name), Step::Index(index)];
                    self.refuse_at(&steps, kind, &format!("{name}[{index}] {msg}"));
                }
            }
        }
        (ids.len() == entries.len()).then_some(ids)
    }

    /// An array whose length lies in `counts`; its entries are not looked at.
    pub(super) fn list<'a>(
        &mut self,
        name: &'static str,
        raw: &'a RawValue,
        counts: RangeInclusive<usize>,
    ) -> Option<Vec<&'a RawValue>> {
        let Some(entries) = parse_array(raw) else {
            self.refuse(name, "list_type", &format!("must be an array, not {}", type_of(raw)));
            return None;
        };
        let (count, least, most) = (entries.len(), *counts.start(), *counts.end());
        if counts.contains(&count) {
            return Some(entries);
        }
        let kind = if count < least { "too_short" } else { "too_long" };
        let wanted =
            if least == 0 { format!("at most {most}") } else { format!("{least} to {most}") };
        self.refuse(name, kind, &format!("must have {wanted} entries, not {count}"));
        None
    }

    /// An integer written as one.
    pub(super) fn integer(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let (least, most) = (*range.start(), *range.end());
        let text = raw.get();
        if !is_number(raw) {
            let msg = format!("must be an integer from {least} to {most}, not {}", type_of(raw));
            self.refuse(name, "int_type", &msg);
            return None;
        }
        if text.contains(['.', 'e', 'E']) {
            let msg = format!("must be an integer from {least} to {most}, without a fraction");
            self.refuse(name, "int_type", &msg);
            return None;
        }
        if let Some(value) = text.parse::<usize>().ok().filter(|value| range.contains(value)) {
            return Some(value);
        }
        let too_small = text.starts_with('-') || text.parse::<usize>().is_ok_and(|v| v < least);
        let kind = if too_small { "greater_than_equal" } else { "less_than_equal" };
        self.refuse(name, kind, &format!("must be from {least} to {most}"));
        None
    }

    /// A number in `range`, whose end may be infinite; the number itself never is.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        raw: &RawValue,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let (least, most) = (*range.start(), *range.end());
        let wanted = match most.is_finite() {
            true => format!("from {least} to {most}"),
            false => format!("of at least {least}"),
        };
        if !is_number(raw) {
            let msg = format!("must be a number {wanted}, not {}", type_of(raw));
            self.refuse(name, "float_type", &msg);
            return None;
        }
        // A number too large for f64 parses as infinite and is out of range like any other.
        let in_range = |value: &f64| value.is_finite() && range.contains(value);
        let value = raw.get().parse::<f64>().ok().filter(in_range);
        if value.is_none() {
            let kind =
                if raw.get().starts_with('-') { "greater_than_equal" } else { "less_than_equal" };
            self.refuse(name, kind, &format!("must be a number {wanted}"));
        }
        value
    }

    pub(super) fn boolean(&mut self, name: &'static str, raw: &RawValue) -> Option<bool> {
        match raw.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                let msg = format!("must be true or false, not {}", type_of(raw));
                self.refuse(name, "bool_type", &msg);
                None
            }
        }
    }

    /// A point in time; without an offset it means UTC.
    pub(super) fn timestamp(&mut self, name: &'static str, raw: &RawValue) -> Option<Timestamp> {
        let text = self.text(name, raw, 1..=64)?;
        let parsed = Timestamp::parse(&text);
        if parsed.is_none() {
            let msg = "must be an ISO 8601 time, e.g. 2026-01-31T09:15:00Z";
            self.refuse(name, "datetime_parsing", msg);
        }
        parsed
    }

    /// An object whose known fields are those of `T`.
    pub(super) fn object<'a, T: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        raw: &'a RawValue,
    ) -> Option<T> {
        match parse_object(raw.get()) {
            Ok(object) => Some(object),
            Err((kind, msg)) => {
                self.refuse(name, kind, &msg);
                None
            }
        }
    }
}

/// A whole body, or one entry of a batch, as an object with the known fields of `T`.
pub(super) fn parse_object<'a, T: Deserialize<'a>>(
    text: &'a str,
) -> Result<T, (&'static str, String)> {
    validation::parse_object(text).map_err(|cause| match cause {
        NoObject::Invalid(cause) => {
            ("json_invalid", format!("is not a valid JSON object: {cause}"))
        }
        NoObject::OtherType => ("dict_type", "must be a JSON object".to_owned()),
    })
}

fn parse_text(
    raw: &RawValue,
    chars: &RangeInclusive<usize>,
) -> Result<String, (&'static str, String)> {
    let text = validation::parse_text(raw).map_err(|cause| match cause {
        NoText::OtherType => ("string_type", format!("must be a string, not {}", type_of(raw))),
        NoText::NotUnicode => {
            let msg = "holds an escape that is no character (a lone surrogate)";
            ("string_unicode", msg.to_owned())
        }
    })?;
    let count = text.chars().count();
    let (least, most) = (*chars.start(), *chars.end());
    if count < least {
        Err(("string_too_short", format!("must have {least} to {most} characters, not {count}")))
    } else if count > most {
        Err(("string_too_long", format!("must have at most {most} characters, not {count}")))
    } else {
        Ok(text)
    }
}

fn parse_id(raw: &RawValue) -> Result<AtomId, (&'static str, &'static str)> {
    serde_json::from_str::<String>(raw.get())
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(("uuid_parsing", "must be a UUID"))
}

/// What a JSON value is, from its first character.
fn type_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
