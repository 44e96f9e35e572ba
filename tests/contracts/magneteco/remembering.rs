//! What becomes of contents and events: facts that are found, ranked, bounded and kept apart.

use hebbd::types::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::caller::{Caller, contents};
use super::server_without_limits;

const DAY_US: i64 = 86_400_000_000;

/// So many days before now, as events have it.
fn days_ago(days: i64) -> String {
    Timestamp::from_micros(SystemClock.now().as_micros() - days * DAY_US).to_string()
}

fn items(retrieved: &Value) -> &Vec<Value> {
    retrieved["relevantItems"].as_array().unwrap()
}

/// The item whose content holds `part`.
fn item_with<'a>(retrieved: &'a Value, part: &str) -> &'a Value {
    let has_it = |item: &&Value| item["content"].as_str().unwrap().contains(part);
    items(retrieved).iter().find(has_it).unwrap_or_else(|| panic!("no {part}: {retrieved}"))
}

fn number(json: &Value, name: &str) -> f64 {
    json[name].as_f64().unwrap_or_else(|| panic!("{name} of {json} is no number"))
}

/// Checklist lines 10 and 11.
#[tokio::test(flavor = "multi_thread")]
async fn a_content_is_processed_step_by_step_and_each_time_anew() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let text = "Jane Miller works at Acme Corp. Jane Miller lives in Rome.";
    let first = app.hand_over("jane", text).await;
    let seen = app.wait_for(&first).await;
    let order = ["queued", "extracting", "writing", "completed"];
    let step = |status: &Value| order.iter().position(|known| status["status"] == *known).unwrap();
    assert!(seen.is_sorted_by_key(step), "{seen:?}");
    let last = seen.last().unwrap();
    assert!(last["factsWritten"].as_u64().unwrap() >= 1, "{last}");
    assert!(last["error"].is_null() && last["estimatedTimeRemaining"].is_null(), "{last}");
    let second = app.remember("jane", text).await;
    assert_ne!(first, second);
}

/// Checklist line 13.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_a_restart_is_processed_after_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let mut ids = Vec::new();
    for no in 0..40 {
        let text = format!("On day {no} the harbour of Genoa counted {} boats.", no * 7);
        ids.push(app.hand_over("u", &text.repeat(50)).await);
    }
    server.stop();
    let server = server_without_limits(data_dir.path());
    let app = app.at(&server);
    for id in ids {
        let seen = app.wait_for(&id).await;
        let last = seen.last().unwrap();
        assert_eq!(last["status"], "completed", "{last}");
    }
    let found = app.retrieve("u", "How many boats were in Genoa?", json!({})).await;
    assert!(!items(&found).is_empty());
}

/// Checklist lines 14 to 16, and what a retrieval leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_found_and_being_found_is_counted() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let id =
        app.remember("jane", "Jane Miller lives in Rome. The sailing course begins in May.").await;
    let found = app.retrieve("jane", "When does the sailing course begin?", json!({})).await;
    let item = items(&found).first().unwrap();
    assert!(item["content"].as_str().unwrap().contains("sailing"), "{found}");
    assert_eq!((&item["appId"], &item["userId"]), (&json!("tanda"), &json!("jane")));
    assert_eq!((&item["resourceId"], &item["importance"]), (&json!(id), &json!("medium")));
    assert_eq!((&item["accessCount"], &item["lastAccessedAt"]), (&json!(0), &Value::Null));
    assert!(!found["summaries"].as_object().unwrap().is_empty());
    let again = app.retrieve("jane", "When does the sailing course begin?", json!({})).await;
    let item = items(&again).first().unwrap();
    assert_eq!(item["accessCount"], 1);
    assert!(item["lastAccessedAt"].is_string());
}

/// Checklist lines 19 and 20.
#[tokio::test(flavor = "multi_thread")]
async fn confidence_and_categories_leave_out_what_does_not_fit() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let category =
        |name: &str, description: &str| json!({"name": name, "description": description});
    app.configure(json!({"categories": [
        category("travel", "Journeys, trips and flights"),
        category("food", "Meals, tastes and recipes"),
    ]}))
    .await;
    let suggested = |category: &str, sentence: &str| json!({"suggestedCategory": category, "data": {"note": sentence}});
    app.happen("u", "note", suggested("travel", "The flight to Oslo leaves on Monday")).await;
    app.happen("u", "note", suggested("food", "The soup needs more salt")).await;
    let ask = |more: Value| app.retrieve("u", "flight soup salt Oslo", more);
    let all = ask(json!({"minConfidence": 0})).await;
    assert!(items(&all).len() >= 2, "{all}");
    assert!(items(&all).iter().all(|item| number(item, "confidence") < 1.0), "{all}");
    assert!(items(&ask(json!({"minConfidence": 1})).await).is_empty());
    let travel = ask(json!({"minConfidence": 0, "categories": ["travel"]})).await;
    assert!(!items(&travel).is_empty());
    assert!(items(&travel).iter().all(|item| item["category"] == "travel"), "{travel}");
    assert_eq!(travel["summaries"].as_object().unwrap().keys().collect::<Vec<_>>(), ["travel"]);
    let unknown = ask(json!({"categories": ["unknown"]})).await;
    assert_eq!((&unknown["summaries"], &unknown["relevantItems"]), (&json!({}), &json!([])));
}

/// Checklist line 21.
#[tokio::test(flavor = "multi_thread")]
async fn a_larger_budget_holds_more_and_none_is_overspent() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    for day in 1..=31 {
        let sentence =
            format!("On day {day} the harbour of Genoa counted {} sailing boats.", day * 7);
        app.remember("u", &sentence).await;
    }
    let mut last = 0;
    for budget in [1, 50, 200, 2_000, 32_000] {
        let more = json!({"maxTokens": budget, "minConfidence": 0});
        let found = app.retrieve("u", "How many boats were in Genoa?", more).await;
        let spent = found["tokenCount"].as_u64().unwrap();
        assert!((last..=budget).contains(&spent), "{budget}: {last} and then {spent}");
        last = spent;
    }
    assert!(last > 200, "{last}");
}

/// Checklist line 22.
#[tokio::test(flavor = "multi_thread")]
async fn of_equal_facts_the_newer_ranks_first_unless_age_hardly_counts() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let at = |ship: &str, days| json!({"timestamp": days_ago(days), "data": {"ship": ship, "cargo": "green tea"}});
    app.happen("u", "ship_arrived", at("Alpha", 60)).await;
    app.happen("u", "ship_arrived", at("Omega", 0)).await;
    let ask = |days: f64| {
        let more = json!({"timeDecayDays": days, "minConfidence": 0});
        app.retrieve("u", "Which ship arrived with green tea?", more)
    };
    let usual = ask(30.0).await;
    let (old, new) = (item_with(&usual, "Alpha"), item_with(&usual, "Omega"));
    assert!(number(new, "score") > 3.0 * number(old, "score"), "{usual}");
    assert_eq!(items(&usual)[0]["content"], new["content"]);
    let patient = ask(3_650.0).await;
    let (old, new) = (item_with(&patient, "Alpha"), item_with(&patient, "Omega"));
    let share = number(old, "score") / number(new, "score");
    assert!((0.98..=1.02).contains(&share), "{share}: {patient}");
}

/// Checklist line 23.
#[tokio::test(flavor = "multi_thread")]
async fn leaving_everything_out_is_sending_the_defaults() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    app.remember("u", "The lighthouse keeper feeds three cats.").await;
    let without = app.retrieve("u", "Who feeds the cats?", json!({})).await;
    let defaults = json!({"maxTokens": 2000, "includeGraph": true, "timeDecayDays": 30,
                          "minConfidence": 0.6});
    let with = app.retrieve("u", "Who feeds the cats?", defaults).await;
    assert_eq!(contents(&without), contents(&with));
    for name in ["summaries", "graphContext", "tokenCount"] {
        assert_eq!(without[name], with[name], "{name}");
    }
}

/// Checklist line 25.
#[tokio::test(flavor = "multi_thread")]
async fn users_of_one_name_in_two_apps_and_two_users_of_one_app_know_nothing_of_each_other() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let (app, other) =
        (Caller::of_a_new_app(&server, "tanda"), Caller::of_a_new_app(&server, "other"));
    let id = app.remember("u", "The password of the cellar is Rumpelstiltskin.").await;
    for (caller, user) in [(&other, "u"), (&app, "v"), (&app, "u/"), (&app, "U")] {
        let more = json!({"minConfidence": 0});
        let found = caller.retrieve(user, "What is the password of the cellar?", more).await;
        assert_eq!((&found["summaries"], &found["relevantItems"]), (&json!({}), &json!([])));
        assert_eq!((&found["graphContext"], &found["tokenCount"]), (&json!([]), &json!(0)));
    }
    let target = format!("/v1/memorize/{id}/status");
    assert_eq!(other.get(&target).await.status, 404);
    assert_eq!(app.get(&target).await.status, 200);
}

/// Checklist line 29.
#[tokio::test(flavor = "multi_thread")]
async fn an_approved_statement_of_work_becomes_the_documented_sentence() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let data = json!({"data": {"sowTitle": "Phase 1", "approverName": "Jane"}});
    app.happen("u", "sow_approved", data).await;
    let found = app.retrieve("u", "Was Phase 1 approved?", json!({"timeDecayDays": 3650})).await;
    let expected = "SOW 'Phase 1' was approved by Jane. Project can proceed to execution.";
    let whole = found["summaries"].to_string() + &found["relevantItems"].to_string();
    assert!(whole.contains(expected), "{found}");
}

/// Checklist lines 28 and 30.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_template_names_its_data_and_is_of_medium_importance() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let more = json!({"timestamp": days_ago(0), "source": "warehouse",
                      "data": {"article": "lantern", "count": 42}});
    app.happen("u", "stock_counted", more).await;
    let found = app.retrieve("u", "How many lanterns?", json!({"minConfidence": 0})).await;
    let item = item_with(&found, "lantern");
    let content = item["content"].as_str().unwrap();
    for part in ["stock counted", "warehouse", "lantern", "42"] {
        assert!(content.to_lowercase().contains(part), "{part}: {content}");
    }
    assert_eq!(item["importance"], "medium");
}

/// Checklist line 31.
#[tokio::test(flavor = "multi_thread")]
async fn what_matters_more_does_not_lose_to_what_matters_less() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let mut found = Vec::new();
    for level in ["low", "medium", "high", "critical"] {
        let more = json!({"importance": level, "timestamp": days_ago(3),
                          "data": {"pump": "seven", "state": "leaking oil"}});
        app.happen(level, "pump_checked", more).await;
        let more = json!({"minConfidence": 0});
        let retrieved = app.retrieve(level, "What is the state of the pump?", more).await;
        found.push(item_with(&retrieved, "leaking").clone());
        assert_eq!(found.last().unwrap()["importance"], level);
    }
    let [low, medium, high, critical] = found.as_slice() else { panic!("{found:?}") };
    assert!(number(critical, "score") >= number(low, "score"));
    assert!(number(high, "score") >= number(medium, "score"));
    assert!(number(medium, "score") > number(low, "score"));
    assert!(number(high, "confidence") >= number(medium, "confidence").max(0.9));
    assert!(number(critical, "confidence") >= 1.0);
}

/// Checklist line 17.
#[tokio::test(flavor = "multi_thread")]
async fn the_graph_of_what_is_asked_for_comes_along_unless_it_is_declined() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let more = json!({"timestamp": days_ago(0), "data": {"note": "Acme Corp signed the contract"},
                      "suggestedEntities": [{"name": "Acme Corp", "type": "Client"}]});
    app.happen("u", "contract_signed", more).await;
    let ask = |more: Value| app.retrieve("u", "What did Acme Corp sign?", more);
    let found = ask(json!({})).await;
    let graph = found["graphContext"].as_array().unwrap();
    let acme = graph.iter().find(|entity| entity["name"] == "Acme Corp");
    let acme = acme.unwrap_or_else(|| panic!("{found}"));
    assert_eq!(acme["type"], "Client");
    assert!(acme["relationships"].is_array() && acme["properties"].is_object());
    assert_eq!(ask(json!({"includeGraph": false})).await["graphContext"], json!([]));
    let older =
        app.post("/api/retrieve", json!({"userId": "u", "query": "What did Acme Corp sign?"}));
    let older = older.await.with_status(200);
    assert!(
        older["entities"].as_array().unwrap().iter().any(|entity| entity["name"] == "Acme Corp")
    );
}
