//! Two apps of the same name, with users of the same names of whom the same is said, under random
//! operations, each against a plain list of what it said. Neither ever sees anything of the other,
//! and nothing either does changes the other.

use std::collections::{BTreeMap, BTreeSet};

use hebbd::types::TenantId;
use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use crate::app::{App, domain_of_notes, encoded, note, unhurried};
use crate::client::Answer;
use crate::content;
use crate::receiver::Receiver;
use crate::seed::seeded;
use crate::start_with;
use crate::support::TestServer;

const OPERATIONS: usize = 400;
const CONTENTS: usize = 12;
const USERS: [&str; 3] = ["ann", "user of/both?", "#carl"];
const CATEGORIES: [&str; 2] = ["work", "home"];
/// Most that one retrieval returns.
const ITEMS_MAX: usize = 20;

/// Something that was said of a user.
#[derive(Debug, Clone)]
struct Said {
    user: &'static str,
    category: &'static str,
    text: String,
    names: BTreeSet<String>,
    resource: String,
}

/// One app: how to reach it, and what it must hold.
struct Side {
    app: App,
    tenant: TenantId,
    handle: String,
    /// What only this app's users have to do with.
    own_name: &'static str,
    said: Vec<Said>,
    /// Of every resource and fact it was ever told of.
    ids: BTreeSet<String>,
    receiver: Receiver,
    /// Resources that were read.
    completed: BTreeSet<String>,
    /// Those that a notice must come of, by user: forgetting anything of a user drops what waits
    /// to be told of that user.
    awaited: BTreeMap<String, &'static str>,
}

impl Side {
    fn new(server: &TestServer, own_name: &'static str) -> Self {
        let tenant = server.new_tenant("local");
        let mut app = App::of(server, tenant);
        app.configure(&domain_of_notes(&CATEGORIES));
        let receiver = Receiver::taking_all();
        app.register_webhook(&receiver.url(), &["memory.processed", "entity.created"], own_name);
        let handle = server.directory.get_tenant(tenant).unwrap().public_handle();
        Self {
            app,
            tenant,
            handle,
            own_name,
            said: Vec::new(),
            ids: BTreeSet::new(),
            receiver,
            completed: BTreeSet::new(),
            awaited: BTreeMap::new(),
        }
    }

    fn of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Said> + 'a {
        self.said.iter().filter(move |said| said.user == user)
    }

    fn names_of<'a>(&'a self, user: &'a str) -> BTreeSet<&'a str> {
        self.of(user).flat_map(|said| &said.names).map(String::as_str).collect()
    }

    fn note(&mut self, rng: &mut SmallRng) -> Answer {
        let (user, category) = (any(rng, &USERS), any(rng, &CATEGORIES));
        let number = rng.random_range(0..CONTENTS);
        let text = content(number);
        let names = [self.own_name, if number % 2 == 0 { "Mill" } else { "Harbour" }];
        let resource = self.app.record(&note(user, category, &text, &names));
        let status = self.app.completed(&resource);
        assert_eq!(status["factsWritten"], 1, "{status}");
        self.ids.insert(resource.clone());
        self.completed.insert(resource.clone());
        self.awaited.insert(resource.clone(), user);
        // What the text itself names is not for this model to say.
        let names = names.map(str::to_owned).into();
        self.said.push(Said { user, category, text, names, resource: resource.clone() });
        self.app.status(&resource)
    }

    fn retrieve(&mut self, rng: &mut SmallRng) -> Answer {
        let user = any(rng, &USERS);
        let category = rng.random_bool(0.3).then(|| any(rng, &CATEGORIES));
        let mut body = json!({
            "userId": user, "query": content(rng.random_range(0..CONTENTS)), "minConfidence": 0,
            "maxTokens": 32_000, "timeDecayDays": 3650,
        });
        if let Some(category) = category {
            body["categories"] = json!([category]);
        }
        let answer = self.app.post("/v1/retrieve", &body);
        let found = answer.ok();
        let is_asked = |said: &&Said| category.is_none_or(|category| said.category == category);
        let expected: BTreeMap<&str, (&str, &str)> = self
            .of(user)
            .filter(is_asked)
            .map(|said| (said.resource.as_str(), (said.text.as_str(), said.category)))
            .collect();
        let items = found["relevantItems"].as_array().unwrap();
        let mut ids = BTreeSet::new();
        for item in items {
            let (text, category) = expected[item["resourceId"].as_str().unwrap()];
            assert_eq!((&item["content"], &item["category"]), (&json!(text), &json!(category)));
            assert!(ids.insert(item["id"].as_str().unwrap().to_owned()), "twice: {item}");
        }
        assert_eq!(items.len(), expected.len().min(ITEMS_MAX), "{found}");
        let categories: BTreeSet<&str> = expected.values().map(|(_, category)| *category).collect();
        let summaries = found["summaries"].as_object().unwrap();
        let summarised: BTreeSet<&str> = summaries.keys().map(String::as_str).collect();
        assert_eq!(summarised, categories);
        self.ids.extend(ids);
        answer
    }

    fn look_at_categories(&mut self, rng: &mut SmallRng) -> Answer {
        let user = any(rng, &USERS);
        let what = any(rng, &["context", "categories"]);
        let answer = self.app.about(what, user);
        for category in answer.ok()["categories"].as_array().unwrap() {
            let of = |said: &&Said| category["name"] == said.category;
            assert_eq!(category["itemCount"], self.of(user).filter(of).count(), "{category}");
        }
        answer
    }

    fn look_at_entities(&mut self, rng: &mut SmallRng) -> Answer {
        let user = any(rng, &USERS);
        let answer = self.app.about("entities", user);
        let listed = answer.ok();
        let listed: BTreeSet<&str> = listed["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entity| entity["name"].as_str().unwrap())
            .collect();
        let expected = self.names_of(user);
        assert!(listed.is_superset(&expected), "{listed:?}, not {expected:?}");
        assert_eq!(listed.is_empty(), expected.is_empty());
        answer
    }

    fn look_at_an_entity(&mut self, rng: &mut SmallRng, other: &Self) -> Answer {
        let user = any(rng, &USERS);
        assert_eq!(self.app.entity(user, other.own_name).status, 404);
        let name = any(rng, &["Mill", "Harbour", self.own_name]);
        let answer = self.app.entity(user, name);
        if !self.names_of(user).contains(name) {
            assert_eq!(answer.status, 404, "{answer:?}");
            return answer;
        }
        for mention in answer.ok()["entity"]["mentions"].as_array().unwrap() {
            let is_said = self.of(user).any(|said| mention["context"] == said.text);
            assert!(is_said, "{mention}");
        }
        answer
    }

    fn look_at_a_resource(&mut self, rng: &mut SmallRng, other: &Self) -> Answer {
        for id in other.ids.iter().take(rng.random_range(0..4)) {
            assert_eq!(self.app.status(id).status, 404);
        }
        let known: Vec<String> = self.completed.iter().cloned().collect();
        let Some(id) = known.get(rng.random_range(0..known.len().max(1))) else {
            return self.app.status("res-none");
        };
        let is_there = self.said.iter().any(|said| said.resource == *id);
        let answer = self.app.status(id);
        assert_eq!(answer.status, if is_there { 200 } else { 404 }, "{answer:?}");
        answer
    }

    fn forget(&mut self, rng: &mut SmallRng) -> Answer {
        let user = any(rng, &USERS);
        let category = rng.random_bool(0.6).then(|| any(rng, &CATEGORIES));
        let mut body = json!({"userId": user, "confirm": true});
        if let Some(category) = category {
            body["category"] = json!(category);
        }
        let goes = |said: &Said| {
            said.user == user && category.is_none_or(|category| said.category == category)
        };
        let count = self.said.iter().filter(|said| goes(said)).count();
        self.said.retain(|said| !goes(said));
        self.awaited.retain(|_, of| *of != user);
        let answer = self.app.post("/v1/forget", &body);
        let deleted = answer.ok()["deleted"].clone();
        assert_eq!((&deleted["items"], &deleted["resources"]), (&json!(count), &json!(count)));
        answer
    }

    /// Names the other app, which no key but its own may.
    fn trespass(&mut self, rng: &mut SmallRng, other: &Self) -> Answer {
        let user = any(rng, &USERS);
        let handle = &other.handle;
        for what in ["context", "categories", "entities"] {
            let path = format!("/v1/{what}/{handle}/{}", encoded(user));
            assert_eq!(self.app.get(&path).status, 403);
        }
        let mut answer = None;
        for (path, body) in [
            ("/v1/forget", json!({"userId": user, "confirm": true})),
            ("/v1/retrieve", json!({"userId": user, "query": "Mill"})),
            ("/v1/memorize", json!({"userId": user, "content": "x", "contentType": "event"})),
            ("/v1/events", note(user, "work", "Planted", &[])),
            ("/v1/webhooks/custom", note(user, "work", "Planted", &[])),
            (
                "/v1/config/webhooks",
                json!({"url": self.receiver.url(), "events": ["memory.processed"], "secret": "s"}),
            ),
        ] {
            let mut body = body;
            body["appId"] = json!(handle);
            let refused = self.app.try_send("POST", path, Some(&body)).unwrap();
            assert_eq!(refused.status, 403, "{path}: {refused:?}");
            answer = Some(refused);
        }
        answer.unwrap()
    }

    /// What it was told of is its own, and of every resource that was read and not forgotten.
    fn check_notices(&self, other: &Self) {
        let mut told = BTreeSet::new();
        while !self.awaited.keys().all(|resource| told.contains(resource)) {
            let arrived = self.receiver.next();
            assert!(arrived.is_signed_with(self.own_name), "{arrived:?}");
            assert!(!arrived.text.contains(other.own_name), "{arrived:?}");
            let resource = &arrived.body()["data"]["resourceId"];
            if let Some(resource) = resource.as_str() {
                assert!(self.ids.contains(resource), "{arrived:?}");
                told.insert(resource.to_owned());
            }
        }
    }
}

fn any<'a>(rng: &mut SmallRng, choices: &[&'a str]) -> &'a str {
    choices[rng.random_range(0..choices.len())]
}

/// Does one random thing as `side` and answers what it was told.
fn operate(rng: &mut SmallRng, side: &mut Side, other: &Side) -> Answer {
    match rng.random_range(0..100) {
        0..35 => side.note(rng),
        35..55 => side.retrieve(rng),
        55..65 => side.look_at_categories(rng),
        65..72 => side.look_at_entities(rng),
        72..80 => side.look_at_an_entity(rng, other),
        80..88 => side.look_at_a_resource(rng, other),
        88..95 => side.forget(rng),
        _ => side.trespass(rng, other),
    }
}

#[test]
fn apps_with_the_same_users_never_see_each_other() {
    let mut rng = seeded("isolation of apps");
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start_with(data_dir.path(), unhurried);
    let mut sides = ["Alphaville", "Betaville"].map(|name| Side::new(&server, name));
    for operation in 0..OPERATIONS {
        if operation == OPERATIONS / 2 {
            server.stop();
            server = start_with(data_dir.path(), unhurried);
            for side in &mut sides {
                side.app = side.app.at(&server.base_url);
            }
        }
        let [one, two] = &mut sides;
        let (side, other) = if rng.random_bool(0.5) { (one, two) } else { (two, one) };
        let answer = operate(&mut rng, side, other);
        assert!(!answer.text.contains(other.own_name), "the other's name in {answer:?}");
        for id in &other.ids {
            assert!(!answer.text.contains(id.as_str()), "{id} of the other in {answer:?}");
        }
    }
    let [one, two] = &mut sides;
    one.check_notices(two);
    two.check_notices(one);
    assert!(one.ids.len() > 50 && two.ids.len() > 50, "too little happened");
    // One app is deleted; the other has lost nothing.
    server.directory.delete_tenant(one.tenant).unwrap();
    assert_eq!(one.app.about("context", USERS[0]).status, 401);
    for user in USERS {
        assert_eq!(two.app.fact_count(user), two.of(user).count() as u64);
    }
    let answer: Value = two.app.about("entities", USERS[0]).ok();
    assert_eq!(answer["total"] == 0, two.of(USERS[0]).count() == 0);
}
