//! Forgetting a user, one category of theirs, and what is still on its way.

use serde_json::{Value, json};

use super::caller::Caller;
use super::server_without_limits;

/// An app that knows something of two users, in two categories.
async fn with_two_users(app: &Caller) -> Vec<String> {
    let category = |name: &str| json!({"name": name, "description": format!("All about {name}")});
    app.configure(json!({"categories": [category("food"), category("travel")]})).await;
    let mut ids = Vec::new();
    for user in ["jane", "john"] {
        for (category, entity, note) in [
            ("food", "Trattoria Sole", "The soup of Trattoria Sole needs salt"),
            ("travel", "Corsica", "The ferry to Corsica leaves at noon"),
        ] {
            let more = json!({"suggestedCategory": category, "data": {"note": note},
                              "suggestedEntities": [{"name": entity, "type": "Place"}]});
            ids.push(app.happen(user, "note_taken", more).await);
        }
    }
    ids
}

/// Everything that can be read of a user, but for what reading changes.
async fn known(app: &Caller, user: &str) -> [Value; 3] {
    let context = app.list("context", user, "").await;
    let categories = app.list("categories", user, "").await;
    [context, categories, app.list("entities", user, "").await]
}

async fn entity_names(app: &Caller, user: &str) -> Vec<String> {
    let page = app.list("entities", user, "").await;
    let entities = page["entities"].as_array().unwrap().iter();
    entities.map(|entity| entity["name"].as_str().unwrap().to_owned()).collect()
}

/// Checklist lines 54 and 56.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_user_is_gone_and_others_stay_as_they_are() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let ids = with_two_users(&app).await;
    let before = known(&app, "john").await;
    let forgotten = app.forget("jane", None).await;
    assert_eq!((&forgotten["status"], &forgotten["userId"]), (&json!("completed"), &json!("jane")));
    assert!(forgotten.get("category").is_none(), "{forgotten}");
    assert_eq!(forgotten["deleted"]["resources"], 2);
    for name in ["items", "categories", "entities"] {
        assert!(forgotten["deleted"][name].as_u64().unwrap() >= 2, "{forgotten}");
    }
    let more = json!({"minConfidence": 0, "timeDecayDays": 3650});
    let found = app.retrieve("jane", "soup ferry Corsica", more).await;
    assert_eq!((&found["summaries"], &found["relevantItems"]), (&json!({}), &json!([])));
    assert_eq!(app.list("context", "jane", "").await["summaries"], json!({}));
    assert!(entity_names(&app, "jane").await.is_empty());
    assert_eq!(app.get("/v1/entities/tanda/jane/Corsica").await.status, 404);
    for (id, expected) in ids.iter().zip([404, 404, 200, 200]) {
        assert_eq!(app.get(&format!("/v1/memorize/{id}/status")).await.status, expected);
    }
    assert_eq!(known(&app, "john").await, before);
    let again = app.forget("jane", None).await;
    let zeros = json!({"resources": 0, "items": 0, "categories": 0, "entities": 0,
                       "relationships": 0});
    assert_eq!(again["deleted"], zeros);
    assert_eq!(app.forget("stranger", None).await["deleted"], zeros);
}

/// Checklist line 53.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_category_is_gone_and_others_stay_as_they_are() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let ids = with_two_users(&app).await;
    let (before, other) = (known(&app, "jane").await, known(&app, "john").await);
    let forgotten = app.forget("jane", Some("food")).await;
    assert_eq!(forgotten["category"], "food");
    assert_eq!(forgotten["deleted"]["categories"], 1);
    assert_eq!(forgotten["deleted"]["resources"], 1);
    let after = known(&app, "jane").await;
    assert!(after[0]["summaries"].get("food").is_none(), "{after:?}");
    assert_eq!(after[0]["summaries"]["travel"], before[0]["summaries"]["travel"]);
    let travel = |known: &[Value; 3]| {
        let all = known[1]["categories"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["name"] == "travel").unwrap()
    };
    assert_eq!(travel(&after), travel(&before));
    let names = entity_names(&app, "jane").await;
    assert!(names.contains(&"Corsica".to_owned()), "{names:?}");
    assert!(!names.contains(&"Trattoria Sole".to_owned()), "{names:?}");
    for (id, expected) in ids.iter().zip([404, 200, 200, 200]) {
        assert_eq!(app.get(&format!("/v1/memorize/{id}/status")).await.status, expected);
    }
    assert_eq!(known(&app, "john").await, other);
}

/// Checklist line 55: whichever comes first, the job or the forgetting, nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_when_its_user_is_forgotten_never_arrives() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    for round in 0..10 {
        let mut ids = Vec::new();
        for no in 0..5 {
            let text = format!("In round {round} Jane Miller saw {no} herons at the old alder.");
            ids.push(app.hand_over("jane", &text).await);
        }
        app.forget("jane", None).await;
        // Another's content that is handed over later is processed, so the first ones had their turn.
        app.remember("john", &format!("In round {round} John saw an owl.")).await;
        for id in ids {
            assert_eq!(app.get(&format!("/v1/memorize/{id}/status")).await.status, 404);
        }
        let more = json!({"minConfidence": 0});
        let found = app.retrieve("jane", "How many herons did Jane see?", more).await;
        assert_eq!((&found["summaries"], &found["relevantItems"]), (&json!({}), &json!([])));
    }
}
