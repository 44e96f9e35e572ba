//! The key under which a caller may send the same write again: the `Idempotency-Key` header. An
//! absent or empty one means none; what cannot be kept as a key is refused, never cut short.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use thiserror::Error;

use crate::types::limits::IDEMPOTENCY_KEY_CHARS_MAX;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Why a key was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdempotencyKeyError {
    #[error("Idempotency-Key must be text in UTF-8")]
    NotText,
    #[error(
        "Idempotency-Key must have at most {IDEMPOTENCY_KEY_CHARS_MAX} characters, not {count}"
    )]
    TooLong { count: usize },
}

/// The caller's key, if there is one. `E` is the dialect's error, so that a refusal speaks its
/// language.
#[derive(Debug)]
pub struct IdempotencyKey<E> {
    key: Option<String>,
    error: PhantomData<fn() -> E>,
}

impl<E> IdempotencyKey<E> {
    #[must_use]
    pub fn into_key(self) -> Option<String> {
        self.key
    }
}

impl<E> FromRequest for IdempotencyKey<E>
where
    E: From<IdempotencyKeyError> + Into<actix_web::Error> + 'static,
{
    type Error = E;
    type Future = Ready<Result<Self, E>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = find_key(request.headers());
        ready(found.map(|key| Self { key, error: PhantomData }).map_err(E::from))
    }
}

/// The first header counts when there are several.
fn find_key(headers: &HeaderMap) -> Result<Option<String>, IdempotencyKeyError> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let text =
        std::str::from_utf8(value.as_bytes()).map_err(|_cause| IdempotencyKeyError::NotText)?;
    let key = text.trim();
    let count = key.chars().count();
    if count > IDEMPOTENCY_KEY_CHARS_MAX {
        return Err(IdempotencyKeyError::TooLong { count });
    }
    Ok((count > 0).then(|| key.to_owned()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn found(value: &[u8]) -> Result<Option<String>, IdempotencyKeyError> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
        find_key(&headers)
    }

    #[test]
    fn an_absent_and_an_empty_key_mean_none() {
        assert_eq!(find_key(&HeaderMap::new()), Ok(None));
        assert_eq!(found(b""), Ok(None));
        assert_eq!(found(b"  "), Ok(None));
    }

    #[test]
    fn characters_are_counted_and_text_is_required() {
        let long = "\u{e9}".repeat(IDEMPOTENCY_KEY_CHARS_MAX);
        assert_eq!(found(long.as_bytes()), Ok(Some(long)));
        let count = IDEMPOTENCY_KEY_CHARS_MAX + 1;
        assert_eq!(
            found("k".repeat(count).as_bytes()),
            Err(IdempotencyKeyError::TooLong { count })
        );
        assert_eq!(found(b"\xff"), Err(IdempotencyKeyError::NotText));
    }
}
