//! Lists of what is known of a user: many pages, one entity, categories and the context.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::caller::Caller;
use super::server_without_limits;

fn names(page: &Value) -> Vec<&str> {
    let entities = page["entities"].as_array().unwrap();
    entities.iter().map(|entity| entity["name"].as_str().unwrap()).collect()
}

/// An app of whose user 60 clients and one ship are known.
async fn with_clients(app: &Caller) {
    let entity = |name: String, kind: &str| json!({"name": name, "type": kind});
    for part in 0..3 {
        let clients = (0..20).map(|no| entity(format!("Client {:02}", part * 20 + no), "Client"));
        let clients: Vec<Value> = clients.collect();
        let more = json!({"suggestedEntities": clients, "data": {"part": part}});
        app.happen("u", "clients_listed", more).await;
    }
    let ship = json!({"suggestedEntities": [entity("Albatros".to_owned(), "Ship")],
                      "data": {"ship": "Albatros"}});
    app.happen("u", "ship_listed", ship).await;
}

/// Checklist lines 32, 35 to 38 and 40.
#[tokio::test(flavor = "multi_thread")]
async fn every_entity_is_on_one_page_however_the_pages_are_walked() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    with_clients(&app).await;
    let first = app.list("entities", "u", "").await;
    let total = first["total"].as_u64().unwrap() as usize;
    assert!(total >= 61, "{total}");
    assert_eq!((names(&first).len(), &first["hasMore"]), (50, &json!(true)));
    let members =
        ["name", "type", "properties", "relationshipCount", "firstMentioned", "lastMentioned"];
    for entity in first["entities"].as_array().unwrap() {
        assert!(members.iter().all(|name| !entity[name].is_null()), "{entity}");
    }
    let (mut walked, mut query, mut pages) = (Vec::new(), "?limit=20".to_owned(), Vec::new());
    loop {
        let page = app.list("entities", "u", &query).await;
        walked.extend(names(&page).into_iter().map(str::to_owned));
        let cursor = page["pagination"]["nextCursor"].as_str().map(str::to_owned);
        pages.push(page);
        let Some(cursor) = cursor else { break };
        query = format!("?limit=20&cursor={cursor}");
    }
    assert_eq!(walked.len(), total);
    assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), total, "each once");
    assert!(walked.iter().any(|name| name == "Client 59"));
    assert_eq!(names(&pages[0]).len(), 20);
    let by_offset = app.list("entities", "u", "?limit=20&offset=20").await;
    assert_eq!(by_offset["entities"], pages[1]["entities"]);
    let ships = app.list("entities", "u", "?type=Ship").await;
    assert_eq!((names(&ships), &ships["total"]), (vec!["Albatros"], &json!(1)));
    let clients = app.list("entities", "u", "?type=Client&limit=7").await;
    assert_eq!((names(&clients).len(), &clients["total"]), (7, &json!(60)));
    assert!(
        clients["entities"].as_array().unwrap().iter().all(|entity| entity["type"] == "Client")
    );
}

/// Checklist lines 41 and 42.
#[tokio::test(flavor = "multi_thread")]
async fn one_entity_is_told_with_where_it_was_mentioned() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let more = json!({"data": {"note": "Acme Corp moved to Turin"},
                      "suggestedEntities": [{"name": "Acme Corp", "type": "Client"},
                                            {"name": "A/B 50%", "type": "Test"}]});
    app.happen("jane/x", "client_moved", more).await;
    for path in ["Acme%20Corp", "acme%20corp"] {
        let found = app.list("entities", &format!("jane%2Fx/{path}"), "").await;
        let entity = &found["entity"];
        assert_eq!((&entity["name"], &entity["type"]), (&json!("Acme Corp"), &json!("Client")));
        assert!(entity["properties"].is_object() && entity["relationships"].is_array());
        let mention = &entity["mentions"][0];
        assert!(mention["context"].as_str().unwrap().contains("Turin"), "{found}");
        assert_eq!(mention["timestamp"], "2026-05-08T10:00:00.000000Z");
    }
    let odd = app.list("entities", "jane%2Fx/A%2FB%2050%25", "").await;
    assert_eq!(odd["entity"]["name"], "A/B 50%");
    for (user, entity) in [("jane%2Fx", "Nobody"), ("stranger", "Acme%20Corp"), ("jane%2Fx", "%FF")]
    {
        let target = format!("/v1/entities/tanda/{user}/{entity}");
        assert_eq!(app.get(&target).await.status, 404, "{target}");
    }
}

/// Checklist lines 33 and 34.
#[tokio::test(flavor = "multi_thread")]
async fn the_context_is_what_an_unbounded_retrieval_sums_up_and_categories_count_their_items() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let app = Caller::of_a_new_app(&server, "tanda");
    let category = |name: &str, priority: u8| json!({"name": name, "description": format!("All about {name}"), "priority": priority});
    app.configure(json!({"categories": [category("food", 1), category("travel", 9)]})).await;
    for (category, note) in [
        ("food", "The soup needs more salt"),
        ("food", "Bread is baked on Mondays"),
        ("travel", "The ferry to Corsica leaves at noon"),
    ] {
        let more = json!({"suggestedCategory": category, "data": {"note": note}});
        app.happen("u", "note_taken", more).await;
    }
    let context = app.list("context", "u", "").await;
    assert_eq!((&context["appId"], &context["userId"]), (&json!("tanda"), &json!("u")));
    let all = json!({"maxTokens": 32_000, "minConfidence": 0, "timeDecayDays": 3_650});
    let found = app.retrieve("u", "soup bread ferry", all).await;
    assert_eq!(context["summaries"], found["summaries"]);
    assert_eq!(context["summaries"].as_object().unwrap().len(), 2);
    let page = app.list("categories", "u", "").await;
    let listed: Vec<(&str, u64)> = page["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["itemCount"].as_u64().unwrap()))
        .collect();
    let count = |category: &str| {
        let items = found["relevantItems"].as_array().unwrap();
        items.iter().filter(|item| item["category"] == category).count() as u64
    };
    assert_eq!(listed[..2], [("travel", count("travel")), ("food", count("food"))]);
    let older = app.get("/api/retrieve/categories?userId=u").await.with_status(200);
    assert_eq!(older["categories"][0], json!({"name": "travel", "itemCount": count("travel")}));
    let stranger = app.list("categories", "stranger", "").await;
    let is_empty = |one: &Value| one["itemCount"] == 0 && one["summary"].is_null();
    assert!(stranger["categories"].as_array().unwrap().iter().all(is_empty), "{stranger}");
    assert_eq!(app.list("context", "stranger", "").await["summaries"], json!({}));
}
