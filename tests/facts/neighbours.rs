//! Facts are a tenant's atoms, which its other APIs read and change. What they do to a user's facts
//! holds for the app as well, and what else they write beside them is no fact.

use serde_json::{Value, json};

use crate::app::{App, domain_of_notes, note};
use crate::{mnemoverse, start_with};

const USER: &str = "ann";
const DOMAIN: &str = "subject:ann";

/// What is found of the user.
fn found(app: &mut App) -> Vec<String> {
    let found = app.retrieve(USER, "What does the desk hold?");
    let items = found["relevantItems"].as_array().unwrap().iter();
    let mut texts: Vec<String> =
        items.map(|item| item["content"].as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

fn text(number: usize) -> String {
    format!("The desk holds lamp {number}")
}

#[test]
fn what_another_api_does_to_facts_holds_and_what_it_adds_is_no_fact() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start_with(data_dir.path(), |_| {});
    let tenant = server.new_tenant("local");
    let mut app = App::of(&server, tenant);
    app.configure(&domain_of_notes(&["general"]));
    let taken: Vec<String> = (0..4)
        .map(|number| {
            let name = format!("Keeper{number}");
            let resource = app.record(&note(USER, "general", &text(number), &[&name]));
            app.completed(&resource);
            resource
        })
        .collect();
    let mut client = mnemoverse(&server, tenant);
    let exported = client.export();
    let id = |number: usize| {
        let atom = exported.iter().find(|atom| atom["content"] == text(number)).unwrap();
        assert_eq!(atom["domain"], DOMAIN);
        atom["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        client.write(&json!({"content": "The desk is old", "domain": DOMAIN}))["stored"],
        true
    );
    assert_eq!(found(&mut app), (0..4).map(text).collect::<Vec<_>>());
    assert_eq!(client.delete_atom(&id(0)), 1);
    let correction =
        json!({"content": "Lamp 1 is broken", "domain": DOMAIN, "supersedes": [id(1)]});
    assert_eq!(client.write(&correction)["superseded"], json!([id(1)]));
    let rated = json!({"atom_ids": [id(2)], "outcome": -1, "query_concepts": ["desk"]});
    assert_eq!(client.post("/api/v1/memory/feedback", &rated).ok()["updated_count"], 1);
    let consolidated = client.post("/api/v1/memory/consolidate", &json!({"domain": DOMAIN}));
    assert!(consolidated.status < 500, "{consolidated:?}");

    for is_restarted in [false, true] {
        if is_restarted {
            server.stop();
            server = start_with(data_dir.path(), |_| {});
            app = app.at(&server.base_url);
            client = mnemoverse(&server, tenant);
        }
        assert_eq!(found(&mut app), [text(2), text(3)]);
        assert_eq!(app.fact_count(USER), 2);
        let context = app.about("context", USER).text;
        assert!(context.contains(&text(2)) && !context.contains(&text(1)), "{context}");
        for (number, status) in [(0, 404), (1, 404), (2, 200), (3, 200)] {
            assert_eq!(app.entity(USER, &format!("Keeper{number}")).status, status, "{number}");
        }
        for resource in &taken {
            assert_eq!(app.status(resource).ok()["status"], "completed");
        }
    }
    let deleted = app.forget(USER, None);
    assert_eq!((&deleted["items"], &deleted["resources"]), (&json!(3), &json!(4)));
    assert_eq!(found(&mut app), [""; 0]);
    let left: Vec<Value> = client.export().iter().map(|atom| atom["content"].clone()).collect();
    assert_eq!(left, [json!("The desk is old"), json!("Lamp 1 is broken")]);
    app.remember(USER, "I live in Rome.");
    assert_eq!(app.fact_count(USER), 1);
}
