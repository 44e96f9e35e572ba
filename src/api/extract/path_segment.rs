//! A segment of the path as a name of the caller's own, percent-decoded exactly once. The
//! router decodes in two steps and puts replacement characters where bytes are no text; neither
//! is fit for a name that is compared byte for byte and then deleted.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

/// A decoded slash belongs to the name; an escape that is none stays as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSegment(Vec<u8>);

impl PathSegment {
    /// The last segment of a path.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        Self::from_end(path, 0)
    }

    /// The segment with so many behind it; empty where there are not as many.
    #[must_use]
    pub fn from_end(path: &str, behind: usize) -> Self {
        let segment = path.rsplit('/').nth(behind).unwrap_or_default();
        let mut bytes = Vec::with_capacity(segment.len());
        let mut rest = segment.as_bytes();
        while let [first, after @ ..] = rest {
            let escape = match (first, after) {
                (b'%', [high, low, behind @ ..]) => hex_pair(*high, *low).zip(Some(behind)),
                _ => None,
            };
            let (byte, behind) = escape.unwrap_or((*first, after));
            bytes.push(byte);
            rest = behind;
        }
        Self(bytes)
    }

    /// `None` when the bytes are no UTF-8: then nothing can have this name.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// For showing it to the caller.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// The last one, as a handler's argument.
impl FromRequest for PathSegment {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of_path(request.uri().path())))
    }
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once_and_the_rest_is_left_alone() {
        for (path, name) in [
            ("/a/project%3Ax", "project:x"),
            ("/a/project:x", "project:x"),
            ("/a/b%2Fc", "b/c"),
            ("/a/%2541", "%41"),
            ("/a/%%34%31", "%41"),
            ("/a/100%", "100%"),
            ("/a/%zz+1", "%zz+1"),
            ("/a/caf%C3%A9", "caf\u{e9}"),
        ] {
            assert_eq!(PathSegment::of_path(path).text(), Some(name), "{path}");
        }
        let of = |behind| PathSegment::from_end("/v1/entities/a%2Fb/c%20d/e", behind);
        for (behind, name) in [(0, "e"), (1, "c d"), (2, "a/b"), (3, "entities"), (9, "")] {
            assert_eq!(of(behind).text(), Some(name));
        }
        let broken = PathSegment::of_path("/a/%FF");
        assert_eq!((broken.text(), broken.shown().as_str()), (None, "\u{fffd}"));
    }
}
