//! Reads the fields of a body of JSON. The first thing that is wrong is told and nothing else: the
//! envelope has room for one. An absent field, null and a blank text are missing alike.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::error::ApiError;
use crate::api::validation::{Raw, parse_object, parse_text, unless_null};

/// A whole body as an object with the known fields of `T`.
pub(in super::super) fn parse_body<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, ApiError> {
    parse_object(body).map_err(|_cause| ApiError::no_json())
}

/// The ways a field is read. Each takes the field's name as the wire has it.
pub(in super::super) struct Fields;

impl Fields {
    /// A text that must be there and hold more than blanks. It is given as it was sent.
    pub(in super::super) fn required_text(name: &str, raw: Raw<'_>) -> Result<String, ApiError> {
        let text = Self::text(name, raw)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| ApiError::missing_field(name))
    }

    /// A text that may be left out.
    pub(in super::super) fn text(name: &str, raw: Raw<'_>) -> Result<Option<String>, ApiError> {
        let text = |raw: &RawValue| parse_text(raw).map_err(|_cause| ApiError::invalid_field(name));
        unless_null(raw).map(text).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of<T: std::fmt::Debug>(read: Result<T, ApiError>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn absent_null_and_blank_are_missing_and_other_types_are_invalid() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let read = |text: Option<&str>| {
            let raw = text.map(raw);
            Fields::required_text("query", raw.as_deref())
        };
        assert_eq!(read(Some("\" x \"")).unwrap(), " x ");
        for missing in [None, Some("null"), Some("\"\""), Some("\" \\n\"")] {
            assert_eq!(error_of(read(missing)), "Missing required field: query", "{missing:?}");
        }
        for invalid in ["7", "true", "{}", "[]", "\"\\ud800\""] {
            assert_eq!(error_of(read(Some(invalid))), "Invalid value for field: query");
        }
    }
}
