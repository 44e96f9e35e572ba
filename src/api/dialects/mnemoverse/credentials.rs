//! Where this dialect carries its key, how it words a refusal, and its rate headers.

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::error::ApiError;
use crate::api::middleware::authentication::Gate;
use crate::control::keys::Dialect;
use crate::control::quotas::{RateExceeded, RateStatus};
use crate::service::ServiceError;
use crate::types::{ErrorKind, Timestamp};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

const KEY_PREFIX: &str = "mk_live_";
/// What follows the prefix in every key this server mints.
const KEY_DIGITS: usize = 32;

pub(super) struct Mnemoverse;

impl Gate for Mnemoverse {
    const DIALECT: Dialect = Dialect::Mnemoverse;

    /// `X-Api-Key` wins over `Authorization: Bearer`; an empty one counts as absent.
    fn find_credential(headers: &HeaderMap) -> Option<String> {
        let key = headers.get(API_KEY).map(text_of).filter(|key| !key.is_empty());
        key.or_else(|| headers.get(header::AUTHORIZATION).map(text_of).and_then(bearer))
    }

    fn refuse(presented: Option<&str>, error: ServiceError) -> HttpResponse {
        let error = match error.kind() {
            ErrorKind::Unauthenticated if error.is_revoked_key() => {
                ApiError::unauthenticated("revoked_key")
            }
            ErrorKind::Unauthenticated => ApiError::unauthenticated(refusal_reason(presented)),
            _ => ApiError::from(error),
        };
        error.error_response()
    }

    fn rate_limited(exceeded: &RateExceeded) -> HttpResponse {
        ApiError::rate_limited(exceeded).error_response()
    }

    fn add_rate_headers(headers: &mut HeaderMap, status: &RateStatus, now: Timestamp) {
        // Whole seconds, rounded up: a client that waits until then finds the bucket full, and
        // the moment is never in the past.
        let reset_s = status.reset_at.as_micros().div_euclid(1_000_000) + 1;
        let reset_s = reset_s.max(now.as_secs() + 1);
        headers.insert(RATE_LIMIT, HeaderValue::from(status.limit));
        headers.insert(RATE_REMAINING, HeaderValue::from(status.remaining));
        headers.insert(RATE_RESET, HeaderValue::from(reset_s));
    }
}

/// Bytes that are not ASCII become replacement characters: such a key is wrong, not absent.
fn text_of(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).trim().to_owned()
}

fn bearer(authorization: String) -> Option<String> {
    let (scheme, key) = authorization.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| key.to_owned())
}

/// One of the reasons the dialect's clients know.
fn refusal_reason(presented: Option<&str>) -> &'static str {
    let Some(key) = presented else {
        return "missing_key";
    };
    let Some(rest) = key.strip_prefix(KEY_PREFIX) else {
        return "malformed_key";
    };
    if is_placeholder(rest) {
        "placeholder_key"
    } else if rest.len() == KEY_DIGITS && rest.bytes().all(is_lower_hex) {
        "invalid_key"
    } else {
        "malformed_key"
    }
}

/// What documentation prints where a key belongs: `YOUR_KEY`, `xxxx`.
fn is_placeholder(rest: &str) -> bool {
    let capitals = rest.starts_with(|first: char| first.is_ascii_uppercase())
        && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let crosses = rest.len() >= 4 && rest.bytes().all(|byte| matches!(byte, b'x' | b'X'));
    capitals || crosses
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(HeaderName, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        Mnemoverse::find_credential(&headers)
    }

    #[test]
    fn the_key_header_wins_and_an_empty_one_counts_as_absent() {
        let bearer = (header::AUTHORIZATION, "bearer  b ");
        assert_eq!(found(&[(API_KEY, " a "), bearer.clone()]).as_deref(), Some("a"));
        assert_eq!(found(&[(API_KEY, ""), bearer]).as_deref(), Some("b"));
        assert_eq!(found(&[(header::AUTHORIZATION, "Basic YTpi")]), None);
        assert_eq!(found(&[(header::AUTHORIZATION, "Bearer")]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_refusal_says_what_is_wrong_with_the_key() {
        for (presented, reason) in [
            (None, "missing_key"),
            (Some("mk_live_YOUR_KEY"), "placeholder_key"),
            (Some("mk_live_xxxxxxxx"), "placeholder_key"),
            (Some("secret"), "malformed_key"),
            (Some("mk_live_0123"), "malformed_key"),
            (Some("mk_live_0123456789ABCDEF0123456789abcdef"), "malformed_key"),
            (Some("mk_live_0123456789abcdef0123456789abcdef"), "invalid_key"),
        ] {
            assert_eq!(refusal_reason(presented), reason, "{presented:?}");
        }
    }

    #[test]
    fn the_reset_header_is_always_in_the_future() {
        let now = Timestamp::from_micros(10_500_000);
        let reset = |at: i64| {
            let reset_at = Timestamp::from_micros(at);
            let mut headers = HeaderMap::new();
            let status = RateStatus { limit: 60, remaining: 59, reset_at };
            Mnemoverse::add_rate_headers(&mut headers, &status, now);
            headers.get(RATE_RESET).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(reset(0), "11");
        assert_eq!(reset(10_500_000), "11");
        assert_eq!(reset(70_400_000), "71");
    }
}
