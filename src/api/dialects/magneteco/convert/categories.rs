//! Categories, and what is summarised of them.

use super::super::wire::{
    CategoriesResponse, CategoryBody, ContextCategory, ContextResponse, NamedCategories,
    NamedCategory, Summaries, Time,
};
use super::PageQuery;
use crate::service::CategoryView;

/// All that is summarised of a user.
pub(in super::super) fn context(
    app_id: &str,
    user: &str,
    categories: Vec<CategoryView>,
) -> ContextResponse {
    let with_summary = |category: &CategoryView| {
        category.summary.clone().map(|summary| (category.name.clone(), summary))
    };
    let summaries: Summaries = categories.iter().filter_map(with_summary).collect();
    let categories = categories.into_iter().map(|category| ContextCategory {
        name: category.name,
        summary: category.summary,
        item_count: category.fact_count,
        updated_at: category.updated_at.map(Time),
    });
    ContextResponse {
        app_id: app_id.to_owned(),
        user_id: user.to_owned(),
        summaries,
        categories: categories.collect(),
    }
}

/// The categories of one page, out of all of them.
pub(in super::super) fn listed(asked: &PageQuery, all: Vec<CategoryView>) -> Vec<CategoryBody> {
    let on_page = all.into_iter().skip(asked.offset).take(asked.limit);
    let listed = on_page.map(|category| CategoryBody {
        name: category.name,
        description: category.description,
        summary: category.summary,
        item_count: category.fact_count,
        created_at: category.created_at.map(Time),
        updated_at: category.updated_at.map(Time),
    });
    listed.collect()
}

pub(in super::super) fn categories_page<'a>(
    asked: &PageQuery,
    listed: &'a [CategoryBody],
    total: usize,
) -> CategoriesResponse<'a> {
    CategoriesResponse { data: listed, categories: listed, page: asked.page(listed.len(), total) }
}

/// What the older client reads of categories.
pub(in super::super) fn named_categories(categories: Vec<CategoryView>) -> NamedCategories {
    let named = categories
        .into_iter()
        .map(|category| NamedCategory { name: category.name, item_count: category.fact_count });
    NamedCategories { categories: named.collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::page_query;
    use super::*;
    use crate::types::Timestamp;

    fn categories() -> Vec<CategoryView> {
        let at = Timestamp::parse("2026-05-08T10:00:00Z");
        let full = CategoryView {
            name: "work".to_owned(),
            description: "What is done".to_owned(),
            summary: Some("Jane works.".to_owned()),
            fact_count: 2,
            created_at: at,
            updated_at: at,
        };
        let empty = CategoryView {
            name: "play".to_owned(),
            description: String::new(),
            summary: None,
            fact_count: 0,
            created_at: None,
            updated_at: None,
        };
        vec![full, empty]
    }

    #[test]
    fn the_context_is_every_summary_and_every_category() {
        let json = serde_json::to_value(context("tanda", "u", categories())).unwrap();
        assert_eq!(
            json,
            json!({"appId": "tanda", "userId": "u", "summaries": {"work": "Jane works."},
                   "categories": [
                       {"name": "work", "summary": "Jane works.", "itemCount": 2,
                        "updatedAt": "2026-05-08T10:00:00.000000Z"},
                       {"name": "play", "summary": null, "itemCount": 0, "updatedAt": null}]})
        );
    }

    #[test]
    fn categories_come_in_pages() {
        let asked = page_query("limit=1&offset=1").unwrap();
        let listed = listed(&asked, categories());
        let json = serde_json::to_value(categories_page(&asked, &listed, 2)).unwrap();
        let category = json!({"name": "play", "description": "", "summary": null, "itemCount": 0,
                              "createdAt": null, "updatedAt": null});
        assert_eq!(
            json,
            json!({"data": [category], "categories": [category], "total": 2, "hasMore": false,
                   "pagination": {"total": 2, "limit": 1, "hasMore": false}})
        );
        let named = serde_json::to_value(named_categories(categories())).unwrap();
        let first = json!({"name": "work", "itemCount": 2});
        assert_eq!(named, json!({"categories": [first, {"name": "play", "itemCount": 0}]}));
    }
}
