//! Lists: which part of one is asked for, and how a part is shown.

use serde::Serialize;

use super::fields::{Object, choice, integer, text_as};
use super::ids::{self, Prefix};
use crate::service::{Cursor, ListOrder, Page, PageRequest, RecordPage};

const LIMIT_DEFAULT: i64 = 20;
const LIMIT_MAX: i64 = 100;

const ORDERS: &[(&str, ListOrder)] =
    &[("asc", ListOrder::Ascending), ("desc", ListOrder::Descending)];

/// The page of records with ids of that kind. `None` only after noting what is wrong.
pub(super) fn page_of(fields: &Object<'_>, prefix: Prefix) -> Option<RecordPage> {
    page(fields, |text| ids::record(prefix, text))
}

/// The page whose place `find` knows. One that it does not know is no place of the list.
pub(super) fn page<C>(
    fields: &Object<'_>,
    find: impl Fn(&str) -> Option<C>,
) -> Option<PageRequest<C>> {
    let limit = match fields.has("limit") {
        true => fields.present("limit", &integer(1..=LIMIT_MAX)),
        false => Some(LIMIT_DEFAULT),
    };
    let order = match fields.has("order") {
        true => fields.present("order", &choice(ORDERS)),
        false => Some(ListOrder::default()),
    };
    let cursor = cursor(fields, find);
    if cursor.is_none() {
        fields.refuse_cursor();
    }
    let limit = usize::try_from(limit?).ok()?;
    Some(PageRequest { cursor: cursor?, order: order?, limit })
}

/// `None` for what no list has.
fn cursor<C>(fields: &Object<'_>, find: impl Fn(&str) -> Option<C>) -> Option<Cursor<C>> {
    if fields.has("cursor") {
        return None;
    }
    let text = |name: &str| match fields.has(name) {
        true => fields.present(name, &text_as("", |text| Some(text.to_owned()))),
        false => Some(String::new()),
    };
    let (after, before) = (text("after")?, text("before")?);
    match (&*after, &*before) {
        ("", "") => Some(Cursor::Start),
        (after, "") => find(after).map(Cursor::After),
        ("", before) => find(before).map(Cursor::Before),
        _ => None,
    }
}

/// A part of a list on the wire.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    object: &'static str,
    items: Vec<T>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
struct Pagination {
    has_more_after: bool,
    has_more_before: bool,
}

impl<T> List<T> {
    /// A page, each entry shown by `show`.
    pub(super) fn of<R>(page: Page<R>, show: impl FnMut(R) -> T) -> Self {
        let Page { items, has_more_before, has_more_after } = page.map(show);
        let pagination = Pagination { has_more_after, has_more_before };
        Self { object: "list", items, pagination }
    }

    /// All there is.
    pub(super) fn whole(items: Vec<T>) -> Self {
        let pagination = Pagination { has_more_after: false, has_more_before: false };
        Self { object: "list", items, pagination }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::fields::Query;
    use super::*;
    use crate::types::RecordId;

    fn page(query: &str) -> Result<RecordPage, u16> {
        use actix_web::ResponseError;

        let query = Query::of_text(query);
        let read = query.read(|fields| page_of(fields, Prefix::Session));
        read.map_err(|error| error.status_code().as_u16())
    }

    #[test]
    fn without_parameters_it_is_the_first_twenty() {
        let expected =
            PageRequest { cursor: Cursor::Start, order: ListOrder::Ascending, limit: 20 };
        for query in ["", "after=&before=", "after=", "order=asc&limit=20", "unknown=1&limit=20.0"]
        {
            assert_eq!(page(query).as_ref(), Ok(&expected), "{query}");
        }
    }

    #[test]
    fn the_limit_is_never_clamped() {
        for (text, limit) in [("1", 1), ("100", 100), ("2.0", 2)] {
            assert_eq!(page(&format!("limit={text}")).map(|page| page.limit), Ok(limit), "{text}");
        }
        for text in ["0", "101", "-1", "abc", "2.5", "", "1e1", "10&limit=10"] {
            assert_eq!(page(&format!("limit={text}")), Err(422), "{text}");
        }
        for text in ["ASC", "", "up", "asc&order=desc"] {
            assert_eq!(page(&format!("order={text}")), Err(422), "{text}");
        }
        assert_eq!(page("order=desc").map(|page| page.order), Ok(ListOrder::Descending));
    }

    #[test]
    fn a_place_is_one_id_of_the_collection() {
        let id = RecordId(Uuid::now_v7());
        let text = ids::wire(Prefix::Session, id.0);
        let cursor = |query: &str| page(query).map(|page| page.cursor);
        assert_eq!(cursor(&format!("after={text}")), Ok(Cursor::After(id)));
        assert_eq!(cursor(&format!("before={text}&after=")), Ok(Cursor::Before(id)));
        for query in [
            format!("after={text}&before={text}"),
            format!("after={}", ids::wire(Prefix::File, id.0)),
            format!("after={text}x"),
            format!("after[]={text}&after[]={text}"),
            format!("before[x]={text}"),
            "after=x".to_owned(),
            "cursor=".to_owned(),
            "cursor=cur_x&limit=5".to_owned(),
            // What no list has goes before what is merely wrong.
            "after=x&limit=0".to_owned(),
        ] {
            assert_eq!(cursor(&query), Err(400), "{query}");
        }
    }

    #[test]
    fn a_list_says_whether_there_is_more() {
        let page = Page { items: vec![1, 2], has_more_before: true, has_more_after: false };
        let shown = serde_json::to_value(List::of(page, |number| number * 10)).unwrap();
        let expected = serde_json::json!({
            "object": "list",
            "items": [10, 20],
            "pagination": {"has_more_after": false, "has_more_before": true},
        });
        assert_eq!(shown, expected);
    }
}
