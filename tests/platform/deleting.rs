//! What was deleted is nowhere: in no answer of any API, in no record of any shard, in no file;
//! before and after a restart. What stays has lost nothing.

use std::collections::BTreeMap;

use hebbd::types::TenantId;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::doors::{Entered, enter};
use crate::support::TestServer;
use crate::support::environment::Environment;
use crate::{administer, kept, marker, mnemoverse, start};

const KEPT: &str = "brumholm";
const QUESTION: &str = "Who works where, and what leaks?";
/// What the messages name.
const SEEDS: [&str; 4] = ["roof", "rome", "labs", "anna"];
const VERSIONS: [&str; 2] = ["2025-01-01", "2026-01-01"];
const LISTS: [&str; 8] = [
    "/sessions",
    "/session-messages",
    "/session-events",
    "/actors",
    "/agents",
    "/threads",
    "/files",
    "/file-links",
];

/// Where what is kept can be seen.
const EVERYWHERE: [&str; 15] = [
    "/sessions",
    "/session-messages",
    "/actors",
    "/agents",
    "/threads",
    "/files",
    "search",
    "groups",
    "link",
    "public agents",
    "export",
    "read",
    "recent",
    "records",
    "blobs",
];

struct Scene {
    data_dir: tempfile::TempDir,
    server: Option<TestServer>,
    tenant: TenantId,
    caller: Caller,
    public: Caller,
    marker: String,
    entered: Entered,
    kept: Entered,
    /// Where the bytes of links are, by what they lead to.
    addresses: Vec<String>,
    kept_answers: Vec<String>,
}

impl Scene {
    fn filled() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = start(data_dir.path());
        let environment = Environment::new(&server, false);
        let mut caller = Caller::new(&server.base_url, &environment.key);
        let public = Caller::new(&server.base_url, &environment.public_key);
        let kept = enter(&mut caller, KEPT);
        let marker = marker();
        let entered = enter(&mut caller, &marker);
        let addresses = caller
            .all("/file-links")
            .iter()
            .map(|link| {
                let url = link["url"].as_str().unwrap();
                url[url.find("/files/").unwrap()..].to_owned()
            })
            .collect();
        let mut scene = Self {
            data_dir,
            server: Some(server),
            tenant: environment.tenant,
            caller,
            public,
            marker,
            entered,
            kept,
            addresses,
            kept_answers: Vec::new(),
        };
        scene.kept_answers = scene.answers_about_kept();
        scene
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        let server = start(self.data_dir.path());
        self.caller = self.caller.at(&server.base_url);
        self.public = self.public.at(&server.base_url);
        self.server = Some(server);
    }

    /// Every record of what is to stay, in both versions.
    fn answers_about_kept(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        for path in self.kept.paths() {
            for version in VERSIONS {
                answers.push(self.caller.get_in(version, &path).ok().to_string());
            }
        }
        answers
    }

    /// Everything that the server can be made to say or keeps, by where it was found.
    fn everything(&mut self) -> BTreeMap<String, String> {
        let mut places = self.said_here();
        let server = self.server.as_ref().unwrap();
        let mut client = mnemoverse(server, self.tenant);
        for (place, said) in client.all_it_says(&self.marker, QUESTION, &SEEDS) {
            places.insert(place.to_owned(), said);
        }
        for what in ["", "/jobs"] {
            let path = format!("/tenants/{}{what}", self.tenant);
            places.insert(format!("admin {what}"), administer(server, &path).to_string());
        }
        let data_dir = self.data_dir.path();
        let files = |sort| kept::contents(&kept::files_of(data_dir, sort));
        places.insert("blobs".to_owned(), files("blobs"));
        places.insert("index caches".to_owned(), files("index"));
        places.insert("uploads".to_owned(), kept::contents(&kept::uploads(data_dir)));
        places.insert("records".to_owned(), kept::records(server));
        // Whose bytes stay where they are once written, so nothing that is kept may ever be.
        let control = kept::contents(&kept::files_below(&data_dir.join("control")));
        assert!(!control.is_empty());
        places.insert("control".to_owned(), control);
        places.into_iter().map(|(place, said)| (place, said.to_lowercase())).collect()
    }

    /// What this dialect's routes say.
    fn said_here(&mut self) -> BTreeMap<String, String> {
        let mut places: BTreeMap<String, String> = BTreeMap::new();
        let caller = &mut self.caller;
        for list in LISTS {
            let said = places.entry(list.to_owned()).or_default();
            for version in VERSIONS {
                for order in ["asc", "desc"] {
                    let target = format!("{list}?limit=100&order={order}");
                    said.push_str(&caller.get_in(version, &target).ok().to_string());
                }
            }
        }
        for query in ["Who lives in Rome?", "Which roof leaks when it rains?", &self.marker] {
            let body = json!({"query": query, "limit": 100, "min_relevance": 0});
            let found = caller.post("/session-messages/search", &body).ok().to_string();
            places.entry("search".to_owned()).or_default().push_str(&found);
        }
        for thread in caller.all("/threads") {
            let target = format!("/threads/{}/messages", thread["id"].as_str().unwrap());
            let groups = caller.get(&target).ok().to_string();
            places.entry("groups".to_owned()).or_default().push_str(&groups);
        }
        for search in [self.marker.as_str(), "of", "guide"] {
            let target = format!("/agents?search={search}");
            places.entry("agents".to_owned()).or_default().push_str(&caller.get(&target).text);
        }
        let public = self.public.get("/agents?limit=100").ok().to_string();
        places.insert("public agents".to_owned(), public);
        for address in &self.addresses {
            let answer = caller.get(address);
            // What is asked for comes back in an error.
            let said = if answer.status == 200 { answer.text } else { String::new() };
            places.entry("link".to_owned()).or_default().push_str(&said);
        }
        let about = ["/instance", "/token"].map(|path| caller.get(path).text);
        places.insert("about".to_owned(), about.concat());
        places
    }

    fn places_with(&mut self, name: &str) -> Vec<String> {
        let found = self.everything().into_iter().filter(|(_, said)| said.contains(name));
        found.map(|(place, _)| place).collect()
    }

    fn delete(&mut self, path: &str) {
        let deleted = self.caller.delete(path).ok();
        let status = deleted.get("status").cloned();
        // Actors and threads have none, nor have links and, to older clients, agents.
        assert!(status.is_none_or(|status| status == "deleted"), "{deleted}");
    }

    /// Nothing holds the marker, and what stays is what it was.
    fn check_gone(&mut self) {
        let marker = self.marker.clone();
        assert_eq!(self.places_with(&marker), [""; 0], "these hold the marker");
        for path in self.entered.paths() {
            let answer = self.caller.get(&path);
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
            if !path.starts_with("/session-messages") {
                assert_eq!(self.caller.delete(&path).status, 404, "{path}");
            }
        }
        assert_eq!(self.answers_about_kept(), self.kept_answers);
        // What was deleted still marks its place.
        for (list, ids) in [
            ("/sessions", &self.entered.sessions),
            ("/session-messages", &self.entered.messages),
            ("/actors", &self.entered.actors),
            ("/agents", &self.entered.agents),
            ("/threads", &self.entered.threads),
            ("/files", &self.entered.files),
            ("/file-links", &self.entered.links),
        ] {
            for id in ids {
                let before = self.caller.get(&format!("{list}?before={id}&limit=100")).ok();
                assert!(!before["items"].as_array().unwrap().is_empty(), "{list}: {before}");
                let after = self.caller.get(&format!("{list}?after={id}")).ok();
                assert_eq!(after["items"], json!([]), "{list}");
            }
        }
    }
}

#[test]
fn what_was_deleted_is_nowhere_and_what_stays_has_lost_nothing() {
    let mut scene = Scene::filled();
    let marker = scene.marker.clone();
    let found = scene.places_with(&marker);
    let missing: Vec<_> =
        EVERYWHERE.iter().filter(|place| !found.contains(&(**place).into())).collect();
    assert!(missing.is_empty(), "the test looks where {missing:?} are and finds nothing");
    let Entered { sessions, threads, agents, actors, files, .. } = scene.entered.clone();
    for (list, ids) in [
        ("/sessions", sessions),
        ("/threads", threads),
        ("/agents", agents),
        ("/actors", actors),
        ("/files", files),
    ] {
        for id in ids {
            scene.delete(&format!("{list}/{id}"));
        }
    }
    scene.check_gone();
    scene.restart();
    scene.check_gone();

    // Who comes again is new.
    let body = json!({"id": format!("{marker}@example.com"), "type": "user", "name": "New"});
    scene.caller.create("/actors", &body);
    assert_eq!(scene.caller.get("/sessions").ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(scene.answers_about_kept(), scene.kept_answers);
}

/// The other way round: what refers to it goes later, or stays.
#[test]
fn whatever_goes_first_what_refers_to_it_shows_nothing_of_it() {
    let mut scene = Scene::filled();
    let Entered { sessions, actors, agents, threads, files, .. } = scene.entered.clone();
    for (list, ids) in
        [("/files", files), ("/actors", actors), ("/agents", agents), ("/threads", threads)]
    {
        for id in ids {
            scene.delete(&format!("{list}/{id}"));
        }
    }
    for round in 0..2 {
        let session = scene.caller.get(&format!("/sessions/{}", sessions[0])).ok();
        for name in ["actor_id", "agent_id", "thread_id"] {
            assert_eq!(session[name], Value::Null, "{session}");
        }
        for message in scene.caller.all(&format!("/sessions/{}/messages", sessions[0])) {
            assert_eq!(message["sender"]["id"], Value::Null, "{message}");
            assert_eq!(message["content"]["attachments"], json!([]), "{message}");
            assert_eq!(message["thread_id"], Value::Null, "{message}");
        }
        if round == 0 {
            scene.restart();
        }
    }
    let email = format!("{}@example.com", scene.marker);
    assert_eq!(scene.places_with(&email), [""; 0], "these hold the actor's id");
    scene.delete(&format!("/sessions/{}", sessions[0]));
    scene.check_gone();
    scene.restart();
    scene.check_gone();
}
