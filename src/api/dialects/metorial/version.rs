//! The editions of the API. All act on the same stored data; what differs is how it is shown.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::error::ApiError;

pub(super) use crate::control::environments::ApiVersion as Version;

/// What a request asks for, and what an answer was given in.
pub(super) const VERSION: HeaderName = HeaderName::from_static("metorial-version");

/// The name that clients of an edition send.
pub(super) const fn alias(version: Version) -> &'static str {
    match version {
        Version::V2025 => "2025-01-01-pulsar",
        Version::V2026 => "2026-01-01-magnetar",
    }
}

fn find(text: &str) -> Option<Version> {
    Version::ALL.into_iter().find(|version| [version.as_str(), alias(*version)].contains(&text))
}

/// What a request asks for; `default` if it asks for nothing.
///
/// # Errors
/// 400 for an unknown one, or for two that differ.
pub(super) fn asked_for(headers: &HeaderMap, default: Version) -> Result<Version, ApiError> {
    let mut asked = None;
    for value in headers.get_all(VERSION) {
        let text = value.to_str().map_err(|_no_text| ApiError::invalid_version())?.trim();
        if text.is_empty() {
            continue;
        }
        let version = find(text).ok_or_else(ApiError::invalid_version)?;
        if asked.is_some_and(|asked| asked != version) {
            return Err(ApiError::invalid_version());
        }
        asked = Some(version);
    }
    Ok(asked.unwrap_or(default))
}

pub(super) fn show(headers: &mut HeaderMap, version: Version) {
    headers.insert(VERSION, HeaderValue::from_static(version.as_str()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&'static str], default: Version) -> Option<Version> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(VERSION, HeaderValue::from_static(value));
        }
        asked_for(&headers, default).ok()
    }

    #[test]
    fn a_version_has_two_names_and_the_default_stands_in_for_none() {
        use Version::{V2025, V2026};
        for (value, expected) in [
            ("2025-01-01", Some(V2025)),
            ("2025-01-01-pulsar", Some(V2025)),
            ("2026-01-01", Some(V2026)),
            (" 2026-01-01-magnetar ", Some(V2026)),
            ("2025-01-01-magnetar", None),
            ("2026-01-01-pulsar", None),
            ("2025-01-01-dashboard", None),
            ("2026-01-01-MAGNETAR", None),
            ("1999-01-01", None),
            ("2026", None),
        ] {
            assert_eq!(asked(&[value], V2025), expected, "{value}");
            assert_eq!(asked(&[value], V2026), expected, "{value}");
        }
        for default in Version::ALL {
            assert_eq!(asked(&[], default), Some(default));
            assert_eq!(asked(&[""], default), Some(default));
            assert_eq!(asked(&["  "], default), Some(default));
        }
    }

    #[test]
    fn a_header_sent_twice_must_say_the_same() {
        let same = asked(&["2026-01-01", "2026-01-01-magnetar"], Version::V2025);
        assert_eq!(same, Some(Version::V2026));
        assert_eq!(asked(&["2026-01-01", "2025-01-01"], Version::V2025), None);
    }
}
