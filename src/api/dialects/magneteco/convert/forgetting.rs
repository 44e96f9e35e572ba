//! What is to be forgotten, and what was.

use super::super::error::{ApiError, issue};
use super::super::wire::{DeletedCounts, ForgetRequest, ForgetResponse, Time};
use super::{Client, fields};
use crate::service::Forgotten;

#[derive(Debug)]
pub(in super::super) struct Forgetting {
    pub(in super::super) app_id: Option<String>,
    pub(in super::super) user: String,
    /// `None` for everything of the user.
    pub(in super::super) category: Option<String>,
}

pub(in super::super) fn forget_request(body: &str) -> Result<Forgetting, ApiError> {
    let request: ForgetRequest<'_> = fields::parse_body(body)?;
    let forgetting = Forgetting {
        app_id: Client::Documented.app_id(request.app_id)?,
        user: fields::name("userId", fields::required("userId", request.user_id)?)?,
        category: fields::optional_name("category", request.category)?,
    };
    // Whoever does not say it has not confirmed it either.
    match request.confirm.is_some_and(|raw| raw.get() == "true") {
        true => Ok(forgetting),
        false => Err(ApiError::field("confirm", issue::NOT_TRUE)),
    }
}

pub(in super::super) fn forget_response(
    app_id: &str,
    forgetting: Forgetting,
    forgotten: &Forgotten,
) -> ForgetResponse {
    ForgetResponse {
        status: "completed",
        app_id: app_id.to_owned(),
        user_id: forgetting.user,
        category: forgetting.category,
        deleted: DeletedCounts {
            resources: forgotten.resources,
            items: forgotten.facts,
            categories: forgotten.categories,
            entities: forgotten.entities,
            relationships: forgotten.relationships,
        },
        deleted_at: Time(forgotten.at),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn forgetting_must_be_confirmed_by_true_alone() {
        let mut body = json!({"appId": "tanda", "userId": "u"});
        for confirm in
            [None, Some(json!(null)), Some(json!(false)), Some(json!("true")), Some(json!(1))]
        {
            if let Some(confirm) = confirm {
                body["confirm"] = confirm;
            }
            let error = forget_request(&body.to_string()).unwrap_err().to_string();
            assert_eq!(error, "Invalid request body: confirm: Must be true", "{body}");
        }
        body["confirm"] = json!(true);
        let forgetting = forget_request(&body.to_string()).unwrap();
        assert_eq!((forgetting.user.as_str(), forgetting.category), ("u", None));
        body["category"] = json!("work");
        assert_eq!(forget_request(&body.to_string()).unwrap().category.as_deref(), Some("work"));
    }

    #[test]
    fn the_first_field_that_is_wrong_is_told() {
        for (body, problem) in [
            (json!({"confirm": false}), "appId: Required field missing"),
            (json!({"appId": "a"}), "userId: Required field missing"),
            (json!({"appId": "a", "userId": "u", "category": 7}), "category: Invalid type"),
            (json!({"appId": "a", "userId": "u", "category": ""}), "category: Must not be empty"),
        ] {
            let error = forget_request(&body.to_string()).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid request body: {problem}"));
        }
    }

    #[test]
    fn the_answer_counts_what_went_and_names_a_category_only_if_there_was_one() {
        let at = Timestamp::parse("2026-05-08T10:00:00Z").unwrap();
        let forgotten =
            Forgotten { resources: 1, facts: 2, categories: 3, entities: 4, relationships: 5, at };
        let of = |category: Option<&str>| {
            let category = category.map(str::to_owned);
            let forgetting = Forgetting { app_id: None, user: "u".to_owned(), category };
            serde_json::to_value(forget_response("tanda", forgetting, &forgotten)).unwrap()
        };
        let whole = json!({
            "status": "completed", "appId": "tanda", "userId": "u",
            "deleted": {"resources": 1, "items": 2, "categories": 3, "entities": 4,
                        "relationships": 5},
            "deletedAt": "2026-05-08T10:00:00.000000Z"});
        assert_eq!(of(None), whole);
        let mut one: Value = whole;
        one["category"] = json!("work");
        assert_eq!(of(Some("work")), one);
    }
}
