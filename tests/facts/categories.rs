//! One category of a user is forgotten: its facts, what was said of nothing else, and what only they
//! name. The others are what they were, to the byte.

use std::collections::{BTreeMap, BTreeSet};

use hebbd::storage::keys::Kind;
use serde_json::{Value, json};

use crate::app::{App, domain_of_notes, note, question};
use crate::{kept, marker, mnemoverse, start_with};

const USER: &str = "ada";

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

fn records(server: &crate::support::TestServer, tenant: hebbd::types::TenantId) -> Records {
    kept::records_of(server, kept::number_of(server, tenant)).into_iter().collect()
}

/// The kinds of records that were removed, with their numbers.
fn removed(before: &Records, after: &Records) -> BTreeMap<u8, usize> {
    let mut kinds = BTreeMap::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        *kinds.entry(key[8]).or_default() += 1;
    }
    kinds
}

/// The names of everything that is known of a user.
fn names(app: &mut App, user: &str) -> BTreeSet<String> {
    let listed = app.about("entities", user).ok();
    let entities = listed["entities"].as_array().unwrap().iter();
    entities.map(|entity| entity["name"].as_str().unwrap().to_owned()).collect()
}

/// What is known of a user but for one category.
fn without(app: &mut App, user: &str, category: &str) -> String {
    let others = |listed: &Value| -> Vec<Value> {
        let all = listed.as_array().unwrap().iter();
        all.filter(|it| it["name"] != category && it["category"] != category).cloned().collect()
    };
    let context = app.about("context", user).ok();
    let mut summaries = context["summaries"].clone();
    summaries.as_object_mut().unwrap().remove(category);
    let categories = app.about("categories", user).ok();
    let mut found = app.retrieve(user, "What is on the desk?");
    for item in found["relevantItems"].as_array_mut().unwrap() {
        // These follow the time and what was read.
        for changing in ["score", "accessCount", "lastAccessedAt"] {
            item.as_object_mut().unwrap().remove(changing);
        }
    }
    let mut items = others(&found["relevantItems"]);
    items.sort_by_key(|item| item["id"].to_string());
    json!([summaries, others(&context["categories"]), others(&categories["categories"]), items])
        .to_string()
}

#[test]
fn a_forgotten_category_is_nowhere_and_the_others_are_what_they_were() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start_with(data_dir.path(), |_| {});
    let tenant = server.new_tenant("local");
    let mut app = App::of(&server, tenant);
    app.configure(&domain_of_notes(&["work", "home"]));
    let marker = marker();
    let mut gone = Vec::new();
    let mut stays = Vec::new();
    for number in 0..3 {
        let text = format!("The desk at work holds {marker} and folder {number}");
        let (secret, shared) = (format!("Box {marker}"), format!("Lamp {number}"));
        gone.push(app.record(&note(USER, "work", &text, &[&secret, &shared])));
        let text = format!("The desk at home holds book {number}");
        stays.push(app.record(&note(USER, "home", &text, &[&shared, "Shelf"])));
        let text = format!("The desk of Bob holds pen {number}");
        stays.push(app.record(&note("bob", "work", &text, &["Pen"])));
    }
    for resource in gone.iter().chain(&stays) {
        assert_eq!(app.completed(resource)["factsWritten"], 1);
    }
    assert!(app.retrieve(USER, &marker)["relevantItems"].to_string().contains(&marker));
    let (home, bob) = (without(&mut app, USER, "work"), without(&mut app, "bob", "home"));
    let before = records(&server, tenant);
    let (named_by_it, named): (BTreeSet<_>, BTreeSet<_>) =
        names(&mut app, USER).into_iter().partition(|name| name.contains(&marker));

    assert!(named_by_it.contains(&format!("Box {marker}")) && named.contains("Lamp 2"));
    let deleted = app.forget(USER, Some("work"));
    let entities = named_by_it.len();
    let expected = json!({"resources": 3, "items": 3, "categories": 1, "entities": entities});
    for (what, count) in expected.as_object().unwrap() {
        assert_eq!(deleted[what], *count, "{what} of {deleted}");
    }
    let after = records(&server, tenant);
    let kinds = [Kind::Resource, Kind::ResourceContent, Kind::Fact, Kind::Atom, Kind::Entry];
    let expected: BTreeMap<u8, usize> = kinds.into_iter().map(|kind| (kind as u8, 3)).collect();
    assert_eq!(removed(&before, &after), expected);
    let mut changed = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    assert!(changed.all(|(key, _)| key[8] == Kind::Counters as u8), "another record has changed");

    for is_restarted in [false, true] {
        if is_restarted {
            server.stop();
            server = start_with(data_dir.path(), |_| {});
            app = app.at(&server.base_url);
        }
        assert_eq!(without(&mut app, USER, "work"), home);
        assert_eq!(without(&mut app, "bob", "home"), bob);
        let context = app.about("context", USER).ok();
        assert_eq!(context["summaries"].as_object().unwrap().keys().collect::<Vec<_>>(), ["home"]);
        let mut asked = question(USER, &marker);
        asked["categories"] = json!(["work"]);
        let found = app.post("/v1/retrieve", &asked).ok();
        assert_eq!((&found["summaries"], &found["relevantItems"]), (&json!({}), &json!([])));
        assert_eq!(names(&mut app, USER), named, "the other category names these too");
        assert_eq!(app.entity(USER, &format!("Box {marker}")).status, 404);
        for resource in &gone {
            assert_eq!(app.status(resource).status, 404);
        }
        for resource in &stays {
            assert_eq!(app.status(resource).ok()["status"], "completed");
        }
        let exported = json!(mnemoverse(&server, tenant).export()).to_string();
        let said = (exported + &kept::records(&server)).to_lowercase();
        assert!(!said.contains(&marker.to_lowercase()));
        assert_eq!(app.forget(USER, Some("work"))["items"], 0);
        assert_eq!(app.forget(USER, Some("nothing"))["items"], 0);
    }
    assert_eq!(app.fact_count(USER), 3);
}
