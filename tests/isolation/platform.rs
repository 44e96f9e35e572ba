//! What an environment has is to another one as if it had never been: on every route, wherever an id
//! can stand, an id of another environment is answered as one that nothing has. A route that is new
//! fails until it is asked here.

use std::collections::{BTreeMap, BTreeSet};

use hebbd::api::dialects::metorial::ROUTES;
use hebbd::types::Bound;
use regex::Regex;
use serde_json::{Value, json};

use crate::caller::{Caller, id_of};
use crate::client::Answer;
use crate::start_with;
use crate::support::TestServer;
use crate::support::environment::{Environment, MADE_UP, wire};

/// Routes on which nobody names anything.
const NAMELESS: [&str; 5] = [
    "POST /files",
    "GET /instance",
    "GET /token",
    "GET /metorial/introspect/versions",
    "POST /organization/projects",
];

/// Headers in which any two answers may differ.
const CHANGING: [&str; 6] = [
    "metorial-req-id",
    "x-request-id",
    "date",
    "ratelimit-remaining",
    "ratelimit-reset",
    "content-length",
];

/// A request in which `<session>` stands for what another environment has or nobody does, and
/// `[session]` for what the caller has.
struct Probe {
    /// As in the table of routes, with nothing in its braces.
    route: String,
    target: String,
    body: Option<String>,
}

impl Probe {
    /// Everybody may have the slug that another environment has, and whoever has it already.
    fn is_change_of_a_slug(&self) -> bool {
        self.route.starts_with("PATCH")
            && self.body.as_deref().is_some_and(|it| it.contains("slug"))
    }
}

/// Requests of a route, by what follows its path. Those without a body first.
fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut add = |method: &str, route: &str, target: &str, body: Option<Value>| {
        let (route, body) = (format!("{method} {route}"), body.map(|body| body.to_string()));
        probes.push(Probe { route, target: target.to_owned(), body });
    };
    for (list, name) in [
        ("/sessions", "session"),
        ("/session-messages", "message"),
        ("/session-events", "event"),
        ("/actors", "actor"),
        ("/agents", "agent"),
        ("/threads", "thread"),
        ("/files", "file"),
        ("/file-links", "link"),
        ("/organization/projects", "project"),
        ("/organization/instances", "instance"),
        ("/instances", "instance"),
    ] {
        let one = format!("{list}/{{}}");
        for word in ["after", "before", "id"] {
            add("GET", list, &format!("{list}?{word}=<{name}>"), None);
        }
        add("GET", &one, &format!("{list}/<{name}>"), None);
        if list.starts_with("/session-") || list == "/instances" {
            continue;
        }
        add("DELETE", &one, &format!("{list}/<{name}>"), None);
        let changes = match list {
            "/files" => json!({"title": "x"}),
            "/file-links" => json!({"expires_at": null}),
            _ => json!({"name": "x"}),
        };
        add("PATCH", &one, &format!("{list}/<{name}>"), Some(changes.clone()));
        if list.starts_with("/organization") {
            add("POST", &one, &format!("{list}/<{name}>"), Some(changes));
        }
    }
    for (word, name) in [("agent_id", "agent"), ("actor_id", "actor"), ("thread_id", "thread")] {
        add("GET", "/sessions", &format!("/sessions?{word}=<{name}>"), None);
        add("POST", "/sessions", "/sessions", Some(json!({word: format!("<{name}>")})));
    }
    add_nested(&mut add);
    add_bodies(&mut add);
    add_management(&mut add);
    probes
}

/// What is within something else: another's of another's, another's of one's own, one's own of
/// another's.
fn add_nested(add: &mut impl FnMut(&str, &str, &str, Option<Value>)) {
    for (outer, within, inner, name) in [
        ("/sessions", "session", "messages", "message"),
        ("/sessions", "session", "events", "event"),
        ("/files", "file", "links", "link"),
    ] {
        let list = format!("{outer}/{{}}/{inner}");
        let one = format!("{list}/{{}}");
        add("GET", &list, &format!("{outer}/<{within}>/{inner}"), None);
        for word in ["after", "before", "id"] {
            let target = format!("{outer}/[{within}]/{inner}?{word}=<{name}>");
            add("GET", &list, &target, None);
        }
        let pairs = [('<', '>', '<', '>'), ('[', ']', '<', '>'), ('<', '>', '[', ']')];
        for (a, b, c, d) in pairs {
            let target = format!("{outer}/{a}{within}{b}/{inner}/{c}{name}{d}");
            add("GET", &one, &target, None);
            if inner == "links" {
                add("PATCH", &one, &target, Some(json!({"expires_at": null})));
                add("DELETE", &one, &target, None);
            }
        }
    }
    let messages = "/threads/{}/messages";
    add("GET", messages, "/threads/<thread>/messages", None);
    for word in ["after", "before", "id"] {
        add("GET", messages, &format!("/threads/[thread]/messages?{word}=<group>"), None);
    }
    add("GET", "/session-messages", "/session-messages?session_id=<session>", None);
    add("GET", "/session-events", "/session-events?session_id=<session>", None);
    add("GET", "/file-links", "/file-links?file_id=<file>", None);
    add("GET", "/threads", "/threads?agent_id=<agent>", None);
    add("GET", "/files/retrieve/{}/{}", "/files/retrieve/<link>/<wrong>", None);
}

/// What bodies refer to, and names that somebody else has chosen.
fn add_bodies(add: &mut impl FnMut(&str, &str, &str, Option<Value>)) {
    let said = |more: Value| {
        let mut body = json!({"type": "user_message", "content": "The roof leaks."});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let messages = "/sessions/{}/messages";
    add("POST", messages, "/sessions/<session>/messages", said(json!({})));
    add("POST", messages, "/sessions/[session]/messages", said(json!({"actor_id": "<actor>"})));
    let attached = json!({"content": {"text": "x", "attachments": [{"file_id": "<file>"}]}});
    add("POST", messages, "/sessions/[session]/messages", said(attached));
    let search = "/session-messages/search";
    let body =
        json!({"query": "The roof of the barn", "min_relevance": 0, "session_id": "<session>"});
    add("POST", search, search, Some(body));
    let actor = json!({"id": "<name>", "type": "user", "name": "Ann"});
    add("POST", "/actors", "/actors", Some(actor));
    add("GET", "/actors/{}", "/actors/<name>", None);
    add("DELETE", "/actors/{}", "/actors/<name>", None);
    add("GET", "/actors", "/actors?after=<name>", None);
    add("POST", "/agents", "/agents", Some(json!({"name": "Guide", "slug": "<slug>"})));
    add("POST", "/agents", "/agents", Some(json!({"name": "Guide", "actor_id": "<actor>"})));
    let path = "/agents/[agent]";
    add("PATCH", "/agents/{}", path, Some(json!({"actor_id": "<actor>"})));
    add("PATCH", "/agents/{}", path, Some(json!({"slug": "<slug>"})));
    for body in [
        json!({"agent_id": "<agent>"}),
        json!({"participants": ["<actor>"]}),
        json!({"participants": ["[actor]", {"actor_id": "<name>", "role": "read_only"}]}),
    ] {
        add("POST", "/threads", "/threads", Some(body.clone()));
        add("PATCH", "/threads/{}", "/threads/[thread]", Some(body));
    }
    add("POST", "/files/{}/links", "/files/<file>/links", Some(json!({})));
    add("POST", "/file-links", "/file-links", Some(json!({"file_id": "<file>"})));
}

fn add_management(add: &mut impl FnMut(&str, &str, &str, Option<Value>)) {
    let instances = "/organization/instances";
    let body = json!({"name": "x", "type": "development", "project_id": "<project>"});
    add("POST", instances, instances, Some(body));
    let keys = "/organization/api-keys";
    let of = format!("{keys}?type=instance_access_token&instance_id=");
    add("GET", keys, &format!("{of}<instance>"), None);
    for word in ["after", "before"] {
        add("GET", keys, &format!("{of}[instance]&{word}=<key>"), None);
    }
    let body =
        json!({"type": "instance_access_token_secret", "instance_id": "<instance>", "name": "x"});
    add("POST", keys, keys, Some(body));
    let (one, path) = ("/organization/api-keys/{}", format!("{keys}/<key>"));
    add("GET", one, &path, None);
    add("POST", one, &path, Some(json!({"name": "x"})));
    add("PATCH", one, &path, Some(json!({"name": "x"})));
    add("POST", &format!("{one}/rotate"), &format!("{path}/rotate"), Some(json!({})));
    add("DELETE", one, &path, None);
}

/// An organization with one environment that has one of everything.
struct Party {
    caller: Caller,
    manager: Caller,
    /// What it has, by the name it has in probes.
    has: BTreeMap<&'static str, String>,
}

impl Party {
    fn new(server: &TestServer, marker: &str) -> Self {
        let environment = Environment::alone(server);
        let mut caller = Caller::new(&server.base_url, &environment.key);
        let mut manager = Caller::new(&server.base_url, &environment.management_key_of(server));
        let mut has = BTreeMap::new();
        let name = format!("{marker}@example.com");
        let body = json!({"id": name, "type": "user", "name": marker});
        caller.create("/actors", &body);
        let actor = caller.create("/actors", &json!({"type": "user", "name": marker}));
        let body = json!({"name": marker, "slug": marker, "actor_id": actor});
        let agent = caller.create("/agents", &body);
        let body = json!({"agent_id": agent, "participants": [actor, name]});
        let thread = caller.create("/threads", &body);
        let body = json!({"agent_id": agent, "actor_id": actor, "thread_id": thread});
        let session = caller.create("/sessions", &body);
        let text = format!("The roof of the barn leaks, says {marker}.");
        let message = caller.say(&session, &text);
        let event = id_of(&caller.all("/session-events")[1]);
        let group = id_of(&caller.all(&format!("/threads/{thread}/messages"))[0]);
        let file = caller.upload(marker, &format!("{marker}.txt"), &text);
        let link = caller.post("/file-links", &json!({"file_id": file})).ok();
        let url = link["url"].as_str().unwrap();
        let keys = format!(
            "/organization/api-keys?type=instance_access_token&instance_id={}",
            environment.id()
        );
        let key = id_of(&manager.all(&keys)[0]);
        let (_, secret) = url.rsplit_once('/').unwrap();
        let other = if secret.ends_with('x') { "y" } else { "x" };
        has.insert("wrong", format!("{}{other}", &secret[..secret.len() - 1]));
        has.insert("link", id_of(&link));
        has.insert("instance", environment.id());
        for (what, id) in [
            ("session", session),
            ("message", message),
            ("event", event),
            ("group", group),
            ("actor", actor),
            ("name", name),
            ("agent", agent),
            ("slug", marker.to_owned()),
            ("marker", marker.to_owned()),
            ("thread", thread),
            ("file", file),
            ("project", environment.project),
            ("key", key),
        ] {
            has.insert(what, id);
        }
        Self { caller, manager, has }
    }

    /// Asks with another's ids, or with those of nobody.
    fn ask(&mut self, probe: &Probe, of: &BTreeMap<&'static str, String>) -> Answer {
        let filled = |text: &str| {
            let mut text = text.to_owned();
            for (name, id) in of {
                text = text.replace(&format!("<{name}>"), id);
            }
            for (name, id) in &self.has {
                text = text.replace(&format!("[{name}]"), id);
            }
            text
        };
        let target = filled(&probe.target);
        let body = probe.body.as_deref().map(|body| serde_json::from_str(&filled(body)).unwrap());
        let (method, _) = probe.route.split_once(' ').unwrap();
        let is_management =
            ["/organization", "/instances"].iter().any(|first| target.starts_with(first));
        let caller = if is_management { &mut self.manager } else { &mut self.caller };
        caller.send(method, &target, body.as_ref())
    }
}

/// Ids and names of the same form that nobody has.
fn of_nobody() -> BTreeMap<&'static str, String> {
    let made_up = |prefix: &str| format!("{prefix}_{MADE_UP}");
    let mut nobody: BTreeMap<&'static str, String> = [
        ("session", "ses"),
        ("message", "msg"),
        ("event", "sev"),
        ("group", "mgrp"),
        ("actor", "act"),
        ("agent", "agent"),
        ("thread", "thread"),
        ("file", "file"),
        ("link", "flk"),
        ("project", "prj"),
        ("instance", "ins"),
        ("key", "apk"),
    ]
    .into_iter()
    .map(|(name, prefix)| (name, made_up(prefix)))
    .collect();
    nobody.insert("name", "nobody-anywhere@example.com".to_owned());
    nobody.insert("slug", "nobody-anywhere".to_owned());
    nobody.insert("marker", "nobody-anywhere".to_owned());
    nobody
}

/// What an answer says, in which what was asked for, what was made and when are all the same.
fn said(answer: &Answer, asked: &BTreeMap<&'static str, String>) -> String {
    let mut said = String::new();
    for line in answer.head.lines() {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !CHANGING.contains(&name.as_str()) {
            said.push_str(line);
            said.push('\n');
        }
    }
    said.push_str(&answer.text);
    for (name, id) in asked {
        // A name is a part of others.
        let order = ["name", "slug", "marker"];
        if !order.contains(name) {
            said = said.replace(id, "ASKED");
        }
    }
    for name in ["name", "slug", "marker"] {
        said = said.replace(&asked[name], "ASKED");
    }
    let made = Regex::new("[a-z]+_[0-9a-z]{9}[0-9A-Za-z]{13}").unwrap();
    let times = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").unwrap();
    let secrets = Regex::new(r"metorial_[a-z]k_[0-9A-Za-z.]+").unwrap();
    let slugs = Regex::new(r#""slug":"[a-z0-9-]+""#).unwrap();
    let said = secrets.replace_all(&said, "SECRET").into_owned();
    let said = made.replace_all(&said, "MADE").into_owned();
    let said = slugs.replace_all(&said, "SLUG").into_owned();
    times.replace_all(&said, "TIME").into_owned()
}

fn start(data_dir: &std::path::Path) -> TestServer {
    start_with(data_dir, |config| config.metorial.ip_requests_max = Bound(None))
}

fn unnamed(path: &str) -> String {
    let segments = path.split('/');
    let unnamed = segments.map(|one| if one.starts_with('{') { "{}" } else { one });
    unnamed.collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_is_asked_for_what_is_another_environments() {
    let asked: BTreeSet<String> = probes().into_iter().map(|probe| probe.route).collect();
    let mounted: BTreeSet<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {}", unnamed(path))).collect();
    let nameless = NAMELESS.map(str::to_owned).into();
    let expected: BTreeSet<String> = mounted.difference(&nameless).cloned().collect();
    assert_eq!(asked, expected);
}

#[test]
fn an_id_of_another_environment_is_answered_as_one_that_nothing_has() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let owner = Party::new(&server, "marker-of-the-owner");
    let mut nobody = of_nobody();
    // Nearly the secret of the owner's link.
    nobody.insert("wrong", owner.has["wrong"].clone());
    let mut stranger = Party::new(&server, "marker-of-a-stranger");
    for (number, probe) in probes().iter().enumerate() {
        let said_of = |party: &mut Party, ids: &BTreeMap<&'static str, String>| {
            let answer = party.ask(probe, ids);
            assert!(answer.status < 500, "{}: {answer:?}", probe.target);
            said(&answer, ids)
        };
        let about_another = said_of(&mut stranger, &owner.has);
        let about_nobody = said_of(&mut stranger, &nobody);
        let (route, target) = (&probe.route, &probe.target);
        assert_eq!(about_another, about_nobody, "{route}: {target} {:?}", probe.body);
        assert!(!about_another.contains("marker-of-the-owner"), "{about_another}");
        // Whoever has it is told something else, or the request asks for nothing.
        let mut control = Party::new(&server, &format!("marker-of-number-{number}"));
        let own = control.has.clone();
        let about_own = said_of(&mut control, &own);
        let hides = target.contains("<wrong>") || probe.is_change_of_a_slug();
        assert!(hides || about_own != about_nobody, "{route}: {target}: {about_own}");
        if !route.starts_with("GET") {
            stranger = Party::new(&server, &format!("marker-of-a-stranger-{number}"));
        }
    }
    // What was tried has changed nothing.
    let Party { mut caller, has, .. } = owner;
    for (path, name) in [
        ("/sessions", "session"),
        ("/session-messages", "message"),
        ("/actors", "actor"),
        ("/actors", "name"),
        ("/agents", "agent"),
        ("/threads", "thread"),
        ("/files", "file"),
        ("/file-links", "link"),
    ] {
        let record = caller.get(&format!("{path}/{}", has[name])).ok();
        assert_eq!(record["id"], json!(has[name]));
    }
    let session = caller.get(&format!("/sessions/{}", has["session"])).ok();
    for (member, name) in [("agent_id", "agent"), ("actor_id", "actor"), ("thread_id", "thread")] {
        assert_eq!(session[member], json!(has[name]));
    }
    assert_eq!(session["usage"]["total_productive_message_count"], 1);
    assert_eq!(wire("ins", Environment::alone(&server).tenant.0).len(), has["instance"].len());
}
