//! What a field may hold, and what it becomes.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::super::ids::{self, Prefix};
use super::object::{Object, Value};
use super::place::{Place, Wrong};
use crate::api::validation::{BadMetadata, parse_metadata, parse_text};
use crate::service::Metadata;
use crate::types::limits::METADATA_BYTES_MAX;
use crate::types::{RecordId, Timestamp};

/// A kind of field. `None` only after noting what is wrong.
pub(in super::super) trait Kind {
    type Output;

    /// What an error calls it.
    fn expected(&self) -> &'static str;

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<Self::Output>;
}

impl<K: Kind> Kind for &K {
    type Output = K::Output;

    fn expected(&self) -> &'static str {
        (**self).expected()
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<K::Output> {
        (**self).read(value, place)
    }
}

fn mistyped<T>(expected: &'static str, value: Value<'_>, place: &Place<'_>) -> Option<T> {
    place.add(Wrong::Type { expected, received: value.kind() });
    None
}

/// The text of a value that is one.
fn text_in<'a>(value: Value<'a>, place: &Place<'_>) -> Option<Cow<'a, str>> {
    match value {
        Value::FormText(text) => Some(Cow::Borrowed(text)),
        Value::Form(node) => match node.text() {
            Some(text) => Some(Cow::Borrowed(text)),
            None => mistyped("string", value, place),
        },
        Value::Json(raw) if raw.get().starts_with('"') => match parse_text(raw) {
            Ok(text) => Some(Cow::Owned(text)),
            Err(_) => {
                place.add(Wrong::Pattern("holds an escape that is no character".into()));
                None
            }
        },
        Value::Json(_) => mistyped("string", value, place),
    }
}

/// A text of so many characters.
#[derive(Debug, Clone)]
pub(in super::super) struct Text {
    chars: Option<RangeInclusive<usize>>,
}

/// Any text; only the limit of all texts holds.
pub(in super::super) fn text() -> Text {
    Text { chars: None }
}

/// A text of so many characters.
pub(in super::super) fn text_of(chars: RangeInclusive<usize>) -> Text {
    Text { chars: Some(chars) }
}

impl Kind for Text {
    type Output = String;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<String> {
        let text = text_in(value, place)?;
        let limit = place.findings().text_chars_max;
        let count = match text.len() {
            // There are no more characters than bytes.
            short if short <= limit && self.chars.is_none() => short,
            _ => text.chars().count(),
        };
        let wrong = match &self.chars {
            Some(chars) if count < *chars.start() => Wrong::TooShort(*chars.start()),
            Some(chars) if count > *chars.end() => Wrong::TooLong(*chars.end()),
            _ if count > limit => Wrong::OverLimit(limit),
            _ => return Some(text.into_owned()),
        };
        place.add(wrong);
        None
    }
}

/// A text that is read further.
pub(in super::super) struct TextAs<F> {
    parse: F,
    rule: &'static str,
}

/// A text that `parse` understands; `rule` goes on from the field's name where it does not.
pub(in super::super) fn text_as<T, F: Fn(&str) -> Option<T>>(
    rule: &'static str,
    parse: F,
) -> TextAs<F> {
    TextAs { parse, rule }
}

impl<T, F: Fn(&str) -> Option<T>> Kind for TextAs<F> {
    type Output = T;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<T> {
        let text = text_in(value, place)?;
        let parsed = (self.parse)(&text);
        if parsed.is_none() {
            place.add(Wrong::Pattern(self.rule.into()));
        }
        parsed
    }
}

/// A time on one side of `now`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct TimeBeside {
    now: Timestamp,
    is_to_come: bool,
}

/// A time as [`time`] reads it, of what is still to come.
pub(in super::super) fn time_to_come(now: Timestamp) -> TimeBeside {
    TimeBeside { now, is_to_come: true }
}

/// A time as [`time`] reads it, of what has come.
pub(in super::super) fn time_by(now: Timestamp) -> TimeBeside {
    TimeBeside { now, is_to_come: false }
}

impl Kind for TimeBeside {
    type Output = Timestamp;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<Timestamp> {
        let at = time().read(value, place)?;
        if (at > self.now) == self.is_to_come {
            return Some(at);
        }
        let rule = match self.is_to_come {
            true => "must lie in the future",
            false => "must not lie in the future",
        };
        place.add(Wrong::Literal(rule.into()));
        None
    }
}

/// A time in RFC 3339, with its zone.
pub(super) fn time() -> TextAs<fn(&str) -> Option<Timestamp>> {
    text_as("must be a time such as 2026-11-22T08:15:30.123Z", as_time)
}

fn as_time(text: &str) -> Option<Timestamp> {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let fits = |form: &[u8], text: &[u8]| {
        let fits = |(form, byte): (&u8, &u8)| match form {
            b'd' => byte.is_ascii_digit(),
            b's' => matches!(byte, b'+' | b'-'),
            other => byte.eq_ignore_ascii_case(other),
        };
        form.len() == text.len() && form.iter().zip(text).all(fits)
    };
    let (clock, rest) = text.as_bytes().split_at_checked(FORM.len())?;
    let digits = match rest.strip_prefix(b".") {
        Some(behind) => 1 + behind.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        None => 0,
    };
    let (fraction, zone) = rest.split_at_checked(digits)?;
    let is_time = fits(FORM, clock)
        && matches!(fraction.len(), 0 | 2..=10)
        && (fits(b"Z", zone) || fits(b"sdd:dd", zone));
    is_time.then(|| Timestamp::parse(text)).flatten()
}

/// A whole number.
#[derive(Debug, Clone)]
pub(in super::super) struct Integer(RangeInclusive<i64>);

/// A whole number of this range, also written as `2.0`.
pub(in super::super) fn integer(range: RangeInclusive<i64>) -> Integer {
    Integer(range)
}

impl Kind for Integer {
    type Output = i64;

    fn expected(&self) -> &'static str {
        "number"
    }

    #[allow(clippy::cast_possible_truncation, reason = "the bounds are checked before")]
    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<i64> {
        let number = number_in(value, place)?;
        // Beyond it, one number in two is none that a float can say.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let wrong = if number.fract() != 0.0 {
            Wrong::NoInteger
        } else if number < -EXACT_MAX || (number as i64) < *self.0.start() {
            Wrong::TooSmall(*self.0.start())
        } else if number > EXACT_MAX || number as i64 > *self.0.end() {
            Wrong::TooLarge(*self.0.end())
        } else {
            return Some(number as i64);
        };
        place.add(wrong);
        None
    }
}

/// A number.
#[derive(Debug, Clone)]
pub(in super::super) struct Number(RangeInclusive<i64>);

/// A number of this range.
pub(in super::super) fn number(range: RangeInclusive<i64>) -> Number {
    Number(range)
}

impl Kind for Number {
    type Output = f64;

    fn expected(&self) -> &'static str {
        "number"
    }

    #[allow(clippy::cast_precision_loss, reason = "bounds are small")]
    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<f64> {
        let number = number_in(value, place)?;
        let wrong = if number < *self.0.start() as f64 {
            Wrong::TooSmall(*self.0.start())
        } else if number > *self.0.end() as f64 {
            Wrong::TooLarge(*self.0.end())
        } else {
            return Some(number);
        };
        place.add(wrong);
        None
    }
}

/// A finite number, in JSON or in decimal text.
fn number_in(value: Value<'_>, place: &Place<'_>) -> Option<f64> {
    let text = match value {
        Value::Json(raw) if value.kind() == "number" => raw.get(),
        Value::Form(node) => node.text().unwrap_or_default(),
        Value::FormText(text) => text,
        Value::Json(_) => "",
    };
    let is_json = matches!(value, Value::Json(_));
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    match number.filter(|_| is_json || is_decimal(text)) {
        Some(number) => Some(number),
        None => mistyped("number", value, place),
    }
}

/// `-12.5`, but neither `1e3` nor `.5`.
fn is_decimal(text: &str) -> bool {
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => are_digits(whole) && are_digits(fraction),
        None => are_digits(text),
    }
}

/// One of several words.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Choice<T: 'static>(&'static [(&'static str, T)]);

/// One of these words, each with what it means.
pub(in super::super) fn choice<T: Copy>(words: &'static [(&'static str, T)]) -> Choice<T> {
    Choice(words)
}

impl<T: Copy> Kind for Choice<T> {
    type Output = T;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<T> {
        let text = text_in(value, place)?;
        let found = self.0.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            place.add(Wrong::Enum(self.0.iter().map(|(word, _)| *word).collect()));
        }
        found
    }
}

/// A JSON object of the caller's own.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct OwnObject;

/// A JSON object of the caller's own, kept as it is. In a form all its values are texts.
pub(in super::super) fn metadata() -> OwnObject {
    OwnObject
}

impl Kind for OwnObject {
    type Output = Metadata;

    fn expected(&self) -> &'static str {
        "object"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<Metadata> {
        match value {
            Value::Json(raw) => match parse_metadata(raw) {
                Ok(checked) => Some(Metadata::from_checked(checked.json)),
                Err(BadMetadata::OtherType) => mistyped("object", value, place),
                Err(BadMetadata::TooLong { bytes_max, .. }) => {
                    place.add(Wrong::OverLimit(bytes_max));
                    None
                }
                Err(bad @ (BadMetadata::TooDeep | BadMetadata::Unreadable)) => {
                    place.add(Wrong::Pattern(bad.to_string().into()));
                    None
                }
            },
            Value::Form(node) => match node.to_json_object() {
                Some(json) if json.len() > METADATA_BYTES_MAX => {
                    place.add(Wrong::OverLimit(METADATA_BYTES_MAX));
                    None
                }
                Some(json) => Some(Metadata::from_checked(json)),
                None => mistyped("object", value, place),
            },
            Value::FormText(_) => mistyped("object", value, place),
        }
    }
}

/// A list.
#[derive(Debug, Clone)]
pub(in super::super) struct List<K> {
    kind: K,
    entries_max: usize,
}

/// A list of at most so many entries. In a form one value is a list of one.
pub(in super::super) fn list<K: Kind>(kind: K, entries_max: usize) -> List<K> {
    List { kind, entries_max }
}

impl<K: Kind> Kind for List<K> {
    type Output = Vec<K::Output>;

    fn expected(&self) -> &'static str {
        "array"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<Vec<K::Output>> {
        let Some(entries) = value.entries() else { return mistyped("array", value, place) };
        if entries.len() > self.entries_max {
            place.add(Wrong::TooLong(self.entries_max));
            return None;
        }
        let count = entries.len();
        let read: Vec<K::Output> = entries
            .into_iter()
            .enumerate()
            .filter_map(|(position, entry)| {
                self.kind.read(entry, &place.inner(position.to_string()))
            })
            .collect();
        (read.len() == count).then_some(read)
    }
}

/// An object with members of ours.
struct Nested<F>(F);

impl<T, F: Fn(&Object<'_>) -> Option<T>> Kind for Nested<F> {
    type Output = T;

    fn expected(&self) -> &'static str {
        "object"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<T> {
        match value.members() {
            Some(members) => (self.0)(&Object::new(place, members)),
            None => mistyped("object", value, place),
        }
    }
}

/// A text, or an object with members of ours.
pub(in super::super) struct TextOr<K, F> {
    text: K,
    object: Nested<F>,
}

/// A text that is short for an object, or the object.
pub(in super::super) fn text_or_object<T, K, F>(text: K, object: F) -> TextOr<K, F>
where
    K: Kind<Output = T>,
    F: Fn(&Object<'_>) -> Option<T>,
{
    TextOr { text, object: Nested(object) }
}

impl<T, K: Kind<Output = T>, F: Fn(&Object<'_>) -> Option<T>> Kind for TextOr<K, F> {
    type Output = T;

    fn expected(&self) -> &'static str {
        self.object.expected()
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<T> {
        match value.kind() {
            "string" => self.text.read(value, place),
            _ => self.object.read(value, place),
        }
    }
}

/// The id of a record that must be there.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Reference(Prefix);

/// The id of a record of ours. What is no id of that kind is answered as one that is not there: with
/// 404, once all fields are good.
pub(in super::super) fn reference(prefix: Prefix) -> Reference {
    Reference(prefix)
}

impl Kind for Reference {
    type Output = RecordId;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<RecordId> {
        let text = text_in(value, place)?;
        let id = ids::record(self.0, &text);
        if id.is_none() {
            place.miss(self.0.entity(), &text);
        }
        id
    }
}

/// The id of a record that need not be there.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct OwnId(Prefix);

/// For filters: the id of a record of ours. What is no id of that kind is `None`, and matches nothing.
pub(in super::super) fn own_id(prefix: Prefix) -> OwnId {
    OwnId(prefix)
}

impl Kind for OwnId {
    type Output = Option<RecordId>;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<Option<RecordId>> {
        let text = text_in(value, place)?;
        Some(ids::record(self.0, &text))
    }
}
