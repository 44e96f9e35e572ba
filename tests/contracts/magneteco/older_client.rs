//! The older client's calls, as it makes them: it puts `/api` behind whatever base it was given, names
//! no app, and says with every request that it sends JSON.

use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Caller, contents};
use super::server_without_limits;

const CONTENT: &str = "Jane Miller works at Acme Corp. Jane Miller lives in Rome.";

/// Checklist line 60.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_client_completes_its_calls_at_the_host_and_below_the_base() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    for (base, name) in [("", "at-the-host"), ("/v1", "below-the-base")] {
        let app = Caller::of_a_new_app(&server, name);
        let body = json!({"userId": "u", "content": CONTENT, "contentType": "conversation",
                          "threadId": "t", "metadata": {"a": 1}});
        let answer = app.post(&format!("{base}/api/memorize"), body).await.with_status(202);
        let id = answer["resourceId"].as_str().unwrap().to_owned();
        app.wait_for(&id).await;
        // It says of a request without a body that it has one of JSON.
        let status = app.get(&format!("{base}/api/memorize/{id}/status")).await.with_status(200);
        assert_eq!((&status["status"], &status["resourceId"]), (&json!("completed"), &json!(id)));
        let body = json!({"userId": "u", "query": "Where does Jane Miller work?",
                          "maxTokens": 500, "timeDecayDays": 7});
        let found = app.post(&format!("{base}/api/retrieve"), body).await.with_status(200);
        assert!(contents(&found).iter().any(|text| text.contains("Acme Corp")), "{found}");
        assert_eq!(found["query"], "Where does Jane Miller work?");
        let jane = entity(&found, "Jane Miller");
        let to_acme = |it: &&Value| it["target"] == "Acme Corp";
        let relation = jane["relationships"].as_array().unwrap().iter().find(to_acme);
        let relation = relation.unwrap_or_else(|| panic!("{jane}"));
        assert!(relation["predicate"].is_string() && relation["targetType"].is_string());
        let target = format!("{base}/api/retrieve/categories?userId=u");
        let categories = app.get(&target).await.with_status(200);
        let counted = categories["categories"].as_array().unwrap();
        assert!(counted.iter().any(|it| it["itemCount"].as_u64() > Some(0)), "{categories}");
        let health = app.get(&format!("{base}/health")).await.with_status(200);
        assert_eq!(health["status"], "healthy");
        assert!(health["version"].is_string());
        // What it makes of an error: `code`, the status and `details`.
        let refused =
            app.send(Method::POST, &format!("{base}/api/memorize"), Some(json!({}))).await;
        let error = &refused.with_status(400)["error"];
        assert_eq!(error["code"], "VALIDATION_ERROR");
        let details = json!({"field": "userId", "issue": "Required field missing"});
        assert_eq!(error["details"], details);
    }
}

fn entity<'a>(retrieved: &'a Value, name: &str) -> &'a Value {
    let entities = retrieved["entities"].as_array().unwrap();
    let found = entities.iter().find(|entity| entity["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {retrieved}"))
}
