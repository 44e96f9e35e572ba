//! Pages of a list: by a cursor, which is where the next page begins, or by an offset.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::super::error::{ApiError, issue};
use super::super::wire;
use crate::api::validation::Parameters;

/// Entries of a page where no number is asked for.
const LIMIT_DEFAULT: usize = 50;
/// A larger number means this one.
const LIMIT_MAX: usize = 100;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct PageQuery {
    /// Only entries of exactly this type.
    pub(in super::super) entity_type: Option<String>,
    /// 1 to [`LIMIT_MAX`].
    pub(in super::super) limit: usize,
    pub(in super::super) offset: usize,
}

/// Published cursors are an object of this form.
#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The entries before the page.
    id: usize,
}

/// Which page a query asks for. Where it says both, the cursor decides.
///
/// # Errors
/// For a limit below 1, and for what is no whole number or no cursor.
pub(in super::super) fn page_query(query: &str) -> Result<PageQuery, ApiError> {
    let parameters = Parameters::of(query);
    let entity_type = parameters.find("type").filter(|name| !name.is_empty());
    let limit = whole("limit", parameters.find("limit"))?;
    if limit == Some(0) {
        return Err(ApiError::parameter("limit", issue::RANGE));
    }
    let offset = whole("offset", parameters.find("offset"))?;
    let cursor = parameters.find("cursor").map(|cursor| {
        parse_cursor(cursor).ok_or_else(|| ApiError::parameter("cursor", issue::VALUE))
    });
    Ok(PageQuery {
        entity_type: entity_type.map(str::to_owned),
        limit: limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX),
        offset: cursor.transpose()?.or(offset).unwrap_or_default(),
    })
}

/// Digits; more of them than fit mean the largest number there is.
fn whole(name: &str, text: Option<&str>) -> Result<Option<usize>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::parameter(name, issue::TYPE));
    }
    if text.starts_with('-') {
        return Err(ApiError::parameter(name, issue::RANGE));
    }
    Ok(Some(digits.parse().unwrap_or(usize::MAX)))
}

fn parse_cursor(text: &str) -> Option<usize> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    // The derived parser alone would take an array for an object.
    let is_object = json.first() == Some(&b'{');
    serde_json::from_slice::<Cursor>(&json).ok().filter(|_| is_object).map(|cursor| cursor.id)
}

fn cursor_at(position: usize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"id\":{position}}}"))
}

impl PageQuery {
    /// What a page of so many entries says of itself, of `total` in all.
    pub(in super::super) fn page(&self, count: usize, total: usize) -> wire::Page {
        let end = self.offset.saturating_add(count);
        let has_more = count > 0 && end < total;
        let next_cursor = has_more.then(|| cursor_at(end));
        let pagination = wire::Pagination { total, limit: self.limit, has_more, next_cursor };
        wire::Page { pagination, total, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: (usize, usize)) {
        let seen = page_query(query).unwrap();
        assert_eq!((seen.limit, seen.offset), expected, "{query}");
    }

    #[test]
    fn a_page_is_asked_for_by_cursor_or_by_offset() {
        check("", (50, 0));
        check("limit=20", (20, 0));
        check("limit=100000000000000000000000", (100, 0));
        check("limit=101&offset=7", (100, 7));
        check("cursor=eyJpZCI6MTIzfQ&limit=20", (20, 123));
        check("cursor=eyJpZCI6MTIzfQ&offset=7", (50, 123));
        let named = |query: &str| page_query(query).unwrap().entity_type;
        assert_eq!(named("type=Client+Firm").as_deref(), Some("Client Firm"));
        assert_eq!(named("type="), None);
    }

    #[test]
    fn a_broken_query_names_its_parameter() {
        for (query, problem) in [
            ("limit=0", "limit: Out of range"),
            ("limit=-1", "limit: Out of range"),
            ("limit=", "limit: Invalid type"),
            ("limit=1.5", "limit: Invalid type"),
            ("limit=ten", "limit: Invalid type"),
            ("limit=0&cursor=x", "limit: Out of range"),
            ("offset=-1", "offset: Out of range"),
            ("offset=x", "offset: Invalid type"),
            ("cursor=%%%", "cursor: Invalid value"),
            ("cursor=", "cursor: Invalid value"),
            ("cursor=random", "cursor: Invalid value"),
            ("cursor=eyJpZCI6MTIzfQ==", "cursor: Invalid value"),
            // [1], {"id":-1}, {"id":"1"} and {}.
            ("cursor=WzFd", "cursor: Invalid value"),
            ("cursor=eyJpZCI6LTF9", "cursor: Invalid value"),
            ("cursor=eyJpZCI6IjEifQ", "cursor: Invalid value"),
            ("cursor=e30", "cursor: Invalid value"),
        ] {
            let error = page_query(query).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid query parameters: {problem}"), "{query}");
        }
    }

    #[test]
    fn walking_by_cursors_reaches_every_entry_once_and_ends() {
        for (total, limit) in [(0, 20), (1, 20), (20, 20), (41, 20), (60, 20), (7, 1)] {
            let (mut query, mut seen) = (format!("limit={limit}"), 0);
            loop {
                let asked = page_query(&query).unwrap();
                assert_eq!(asked.offset, seen);
                let count = limit.min(total - seen);
                seen += count;
                let page = asked.page(count, total);
                assert_eq!(page.has_more, seen < total, "{total} by {limit}");
                assert_eq!(page.pagination.has_more, page.has_more);
                let Some(cursor) = page.pagination.next_cursor else { break };
                assert!(page.has_more);
                query = format!("limit={limit}&cursor={cursor}");
            }
            assert_eq!(seen, total);
        }
        assert_eq!(cursor_at(123), "eyJpZCI6MTIzfQ");
    }

    #[test]
    fn a_page_behind_the_end_is_the_last() {
        let page = page_query("offset=9").unwrap().page(0, 3);
        assert!(!page.has_more && page.pagination.next_cursor.is_none());
    }
}
