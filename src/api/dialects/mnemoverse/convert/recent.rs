//! The feed of recent atoms and its cursors. A cursor is the number of the last atom sent, as 16
//! hexadecimal digits.

use super::super::wire::RecentRequest;
use super::fields::{Fields, parse_object};
use super::problems::{Problems, Step};
use super::read::{exclude_author, include_history, window};
use crate::api::validation::unless_null;
use crate::service::FeedQuery;
use crate::types::{AtomNo, limits};

const LIMIT_DEFAULT: usize = 20;
const CURSOR_CHARS_MAX: usize = 512;
const CURSOR_DIGITS: usize = 16;

/// The body of a request for recent atoms, and its cursor, which is not yet looked at: a
/// malformed one is a failure of another class.
pub(crate) fn recent_request(body: &str) -> Result<(FeedQuery, Option<String>), Problems> {
    let request: RecentRequest<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let domain = unless_null(request.domain)
        .and_then(|raw| fields.text("domain", raw, 1..=limits::DOMAIN_CHARS_MAX));
    let window = window(&mut fields, request.since, request.until);
    exclude_author(&mut fields, request.exclude_author);
    let limit =
        request.limit.and_then(|raw| fields.integer("limit", raw, 1..=limits::FEED_LIMIT_MAX));
    let cursor = unless_null(request.cursor)
        .and_then(|raw| fields.text("cursor", raw, 0..=CURSOR_CHARS_MAX));
    let query = FeedQuery {
        domain,
        window,
        include_history: include_history(&mut fields, request.include_history),
        limit: limit.unwrap_or(LIMIT_DEFAULT),
        before: None,
    };
    problems.or_value((query, cursor))
}

/// Where the next page begins.
pub(super) fn cursor_at(position: AtomNo) -> String {
    format!("{:016x}", position.0)
}

/// What [`cursor_at`] was given. Nothing but what it makes is a cursor.
pub(crate) fn position_of(cursor: &str) -> Result<AtomNo, Problems> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let well_formed = cursor.len() == CURSOR_DIGITS && cursor.bytes().all(is_digit);
    let number = well_formed.then(|| u64::from_str_radix(cursor, 16).ok()).flatten();
    number.map(AtomNo).ok_or_else(|| {
        let msg = "cursor is malformed; send a next_cursor as it came, or none";
        Problems::of_field("cursor", "value_error", msg.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_position_it_was_made_of() {
        for number in [0, 1, 0xabc, u64::MAX] {
            assert_eq!(position_of(&cursor_at(AtomNo(number))).unwrap(), AtomNo(number));
        }
        for cursor in ["", "7", "000000000000000G", "00000000000000AB", "+00000000000000a"] {
            assert!(position_of(cursor).is_err(), "{cursor}");
        }
    }

    #[test]
    fn everything_is_optional() {
        let (query, cursor) = recent_request("{}").unwrap();
        assert_eq!((query.limit, query.domain, cursor), (20, None, None));
    }
}
