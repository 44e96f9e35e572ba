//! Objects of a request, each field still JSON text: `None` when absent, `null` when null. Fields
//! are looked at one by one later, so that every problem of a request is found, not the first.
//! Unknown fields are ignored; a known field that appears twice is an error of the whole object.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One field's text, without surrounding white space.
pub(crate) type Raw<'a> = Option<&'a RawValue>;

/// Keeps an explicit `null`, which `Option` alone would take for an absent field.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Raw<'de>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// An object with these fields, each of them optional and kept as text.
macro_rules! request {
    ($(#[$about:meta])* $name:ident { $($(#[$about_field:meta])* $field:ident,)* }) => {
        #[derive(Debug, Default, serde::Deserialize)]
        $(#[$about])*
        pub(crate) struct $name<'a> {
            $(
                $(#[$about_field])*
                #[serde(borrow, default, deserialize_with = "crate::api::validation::present")]
                pub(crate) $field: $crate::api::validation::Raw<'a>,
            )*
        }
    };
}
pub(crate) use request;

/// Leaves out an explicit null.
pub(crate) fn unless_null(raw: Raw<'_>) -> Raw<'_> {
    raw.filter(|raw| raw.get() != "null")
}

/// Why a text is not taken for an object.
#[derive(Debug)]
pub(crate) enum NoObject {
    /// It is JSON of another type.
    OtherType,
    /// It is not JSON, or names a field twice. The message quotes no value.
    Invalid(serde_json::Error),
}

/// A whole body, or one entry of an array, as an object with the known fields of `T`. The derived
/// parser alone would take an array for one.
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, NoObject> {
    let is_object = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
    match serde_json::from_str::<T>(text) {
        Ok(object) if is_object => Ok(object),
        // The message of a data error may quote a value; what it says of syntax may not.
        Err(cause) if is_object || cause.is_syntax() || cause.is_eof() => {
            Err(NoObject::Invalid(cause))
        }
        _ => Err(NoObject::OtherType),
    }
}

/// The entries of an array, which are not looked at; `None` for anything else.
pub(crate) fn parse_array(raw: &RawValue) -> Option<Vec<&RawValue>> {
    raw.get().starts_with('[').then(|| serde_json::from_str(raw.get()).ok()).flatten()
}

/// Why a value is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoText {
    OtherType,
    /// It holds an escape that is no character (a lone surrogate).
    NotUnicode,
}

pub(crate) fn parse_text(raw: &RawValue) -> Result<String, NoText> {
    if !is_text(raw) {
        return Err(NoText::OtherType);
    }
    serde_json::from_str(raw.get()).map_err(|_cause| NoText::NotUnicode)
}

pub(crate) fn is_text(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

pub(crate) fn is_number(raw: &RawValue) -> bool {
    raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}
