//! The same of the Metorial dialect: JSON and forms that are nearly right, addresses, brackets,
//! cursors, versions, depths, numbers and characters. Whatever is taken can be read afterwards.

use std::collections::HashMap;

use hebbd::api::dialects::metorial::ROUTES;
use hebbd::types::{Bound, SystemClock};
use serde_json::{Value, json};

use super::{Dice, body, escapes, value};
use crate::raw::{Connection, RawAnswer, assert_alive};
use crate::support::TestServer;
use crate::support::environment::{Environment, MADE_UP, upload};

const ROUNDS_PER_ROUTE: usize = 100;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The first segments of paths that a management key is for.
const MANAGED: [&str; 2] = ["/organization", "/instances"];

/// An environment and its manager, on a server that asks nobody to wait.
struct App {
    server: TestServer,
    environment: Environment,
    manager: String,
    seed: u64,
    _data_dir: tempfile::TempDir,
}

impl App {
    fn new() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = std::sync::Arc::new(SystemClock);
        let server = TestServer::start_with(data_dir.path(), clock, |config| {
            let settings = &mut config.metorial;
            settings.ip_requests_max = Bound(None);
            settings.production_requests_max = Bound(None);
            settings.management_requests_max = Bound(None);
        });
        let environment = Environment::alone(&server);
        let manager = environment.management_key_of(&server);
        Self { server, environment, manager, seed: rand::random(), _data_dir: data_dir }
    }

    fn key_for(&self, target: &str) -> &str {
        match MANAGED.iter().any(|managed| target.starts_with(managed)) {
            true => &self.manager,
            false => &self.environment.key,
        }
    }

    /// Sends a request, whose answer must be one that the dialect may give.
    fn ask(&self, method: &str, target: &str, more: &str, sent: &[u8]) -> RawAnswer {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{more}\
             Content-Length: {}\r\n\r\n",
            self.key_for(target),
            sent.len()
        );
        let mut connection = Connection::to(&self.server);
        connection.send(head);
        // A body that is refused for its length is not received.
        connection.try_send(sent);
        let answer = connection.answer();
        check(&answer, || {
            let sent = String::from_utf8_lossy(&sent[..sent.len().min(2_000)]);
            format!("seed {}, {method} {target}, {more:?}, {sent:?}: {answer:?}", self.seed)
        });
        answer
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, &media_type(JSON), body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "", b"").json()
    }

    /// The id of one record of each kind, by its name in paths.
    fn records(&self) -> HashMap<&'static str, String> {
        let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
        let actor = id(&self.post("/actors", &json!({"type": "user", "name": "Ann"})));
        let agent = id(&self.post("/agents", &json!({"name": "Helper"})));
        let thread = id(&self.post("/threads", &json!({"participants": [actor]})));
        let session = json!({"actor_id": actor, "agent_id": agent, "thread_id": thread});
        let session = id(&self.post("/sessions", &session));
        let (kind, file) = upload("generic", "Notes", "notes.txt", "I row on Sundays.");
        let file = self.ask("POST", "/files", &media_type(&kind), file.as_bytes());
        let file = id(&file.json());
        let content = json!({"text": "I row on Sundays.", "attachments": [file]});
        let message = json!({"type": "user_message", "content": content, "actor_id": actor});
        let message = id(&self.post(&format!("/sessions/{session}/messages"), &message));
        let events = self.get(&format!("/sessions/{session}/events"));
        let event = id(&events["items"][0]);
        let link = self.post(&format!("/files/{file}/links"), &json!({}));
        let secret = link["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let project = id(&self.post("/organization/projects", &json!({"name": "Other"})));
        let instance = json!({"name": "Other", "type": "development", "project_id": project});
        let instance = id(&self.post("/organization/instances", &instance));
        let key = json!({
            "type": "instance_access_token_secret", "instance_id": instance, "name": "Other",
        });
        let key = id(&self.post("/organization/api-keys", &key));
        HashMap::from([
            ("actor_id", actor),
            ("agent_id", agent),
            ("thread_id", thread),
            ("session_id", session),
            ("file_id", file),
            ("message_id", message),
            ("event_id", event),
            ("link_id", id(&link)),
            ("secret", secret),
            ("project_id", project),
            ("instance_id", instance),
            ("key_id", key),
        ])
    }

    /// The server still serves, and can list whatever it took.
    async fn check_everything_is_read(&self) {
        for path in [
            "/sessions",
            "/session-messages",
            "/session-events",
            "/actors",
            "/agents",
            "/threads",
            "/files",
            "/file-links",
            "/organization/projects",
            "/organization/instances",
        ] {
            for version in ["2025-01-01", "2026-01-01"] {
                let mut after = String::new();
                loop {
                    let target = format!("{path}?limit=100&after={after}");
                    let more = format!("Metorial-Version: {version}\r\n");
                    let list = self.ask("GET", &target, &more, b"");
                    assert_eq!(list.status, 200, "seed {}, {target}: {list:?}", self.seed);
                    let list = list.json();
                    if list["pagination"]["has_more_after"] == false {
                        break;
                    }
                    let last = list["items"].as_array().unwrap().last().unwrap();
                    after = percent(last["id"].as_str().unwrap());
                }
            }
        }
        assert_alive(&self.server, &self.server.new_tenant_key().await);
    }
}

fn media_type(text: &str) -> String {
    format!("Content-Type: {text}\r\n")
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// A success, or a refusal with a code of its status.
#[track_caller]
fn check(answer: &RawAnswer, context: impl Fn() -> String) {
    let codes: &[&str] = match answer.status {
        200 => return,
        400 => &["bad_request", "invalid_version"],
        403 => &["forbidden"],
        404 => &["not_found"],
        409 => &["conflict"],
        413 => &["payload_too_large"],
        422 => &["invalid_data"],
        _ => panic!("{}", context()),
    };
    let answered = answer.json();
    assert_eq!((&answered["object"], &answered["ok"]), (&json!("error"), &json!(false)));
    assert_eq!(answered["status"], answer.status, "{}", context());
    assert!(codes.iter().any(|code| answered["code"] == *code), "{}", context());
    assert!(answered["message"].as_str().is_some_and(|it| !it.is_empty()), "{}", context());
    let has_errors = answered["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    assert_eq!(has_errors, answer.status == 422, "{}", context());
}

/// What a client might send, with up to one part that is anything.
fn nearly_right(dice: &mut Dice, records: &HashMap<&str, String>) -> Vec<u8> {
    let mut parts: Vec<(&str, String)> = [
        ("name", "\"Ann\""),
        (
            "type",
            dice.pick(&[
                "\"user\"",
                "\"user_message\"",
                "\"development\"",
                "\"instance_access_token_secret\"",
            ]),
        ),
        ("content", dice.pick(&["\"I row.\"", "{\"text\":\"I row.\"}"])),
        ("description", "\"Anything\""),
        ("metadata", "{\"a\":[1,{\"b\":null}]}"),
        ("timezone", "\"Europe/Rome\""),
        ("country", "\"IT\""),
        ("language", "\"it\""),
        ("status", dice.pick(&["\"active\"", "\"archived\""])),
        ("created_at", "\"2026-05-08T10:00:00Z\""),
        ("query", "\"Who rows?\""),
        ("limit", "5"),
        ("min_relevance", "0.2"),
        ("title", "null"),
        ("default_api_version", "\"2026-01-01\""),
        ("providers", "[]"),
    ]
    .map(|(name, part)| (name, part.to_owned()))
    .into();
    let left_out = dice.below(3 * parts.len());
    if left_out < parts.len() {
        parts.remove(left_out);
    }
    for name in ["agent_id", "actor_id", "thread_id", "session_id", "project_id", "instance_id"] {
        match dice.below(8) {
            0 => parts.push((name, "null".to_owned())),
            1 => parts.push((name, format!("\"ses_{MADE_UP}\""))),
            _ => parts.push((name, json!(records[name]).to_string())),
        }
    }
    parts.push(("file_id", json!(records["file_id"]).to_string()));
    parts.push(("participants", json!([records["actor_id"]]).to_string()));
    if dice.below(4) > 0 {
        let mut anything = String::new();
        value(dice, 4, &mut anything);
        let at = dice.below(parts.len());
        parts[at].1 = anything;
    }
    let members: Vec<String> =
        parts.iter().map(|(name, part)| format!("\"{name}\":{part}")).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// The same as a form, with brackets.
fn form(dice: &mut Dice) -> Vec<u8> {
    let mut text =
        "name=Ann&type=user&query=row&metadata[team]=blue&content[text]=I+row.".to_owned();
    for _ in 0..dice.below(6) {
        let name = dice.pick(&["name", "metadata", "content", "type", "limit", "providers", "x"]);
        let brackets =
            dice.pick(&["", "[]", "[0]", "[a][b]", "[a][]", "[", "]", "[[", "[a]x", "[9][9]"]);
        let given = escapes(dice, b"ab[]+%=&;#");
        text.push_str(&format!("&{name}{brackets}={given}"));
    }
    text.into_bytes()
}

/// A route with something in place of its parameters, and a query.
fn target(dice: &mut Dice, path: &str, records: &HashMap<&str, String>) -> String {
    let mut target = String::new();
    for (at, part) in path.split(['{', '}']).enumerate() {
        match (at % 2, dice.below(8)) {
            (0, _) => target.push_str(part),
            (_, 0) => target.push_str(&escapes(dice, b"ab.%/ -")),
            (_, 1) => target.push_str(&percent(&records[part])),
            (_, 2) => target.push_str(&format!("ses_{MADE_UP}")),
            _ => target.push_str(&records[part]),
        }
    }
    target.push('?');
    for _ in 0..dice.below(4) {
        let name = dice.pick(&[
            "limit",
            "after",
            "before",
            "order",
            "cursor",
            "id",
            "status",
            "status[]",
            "search",
            "type",
            "id[0]",
            "created_at[gt]",
            "updated_at[lt]",
            "created_at",
            "session_id",
            "[",
            "purpose",
            "",
        ]);
        let given = match dice.below(4) {
            0 => records[dice.pick(&["session_id", "actor_id", "file_id", "message_id"])].clone(),
            1 => escapes(dice, b"a[]+%=&;#"),
            _ => dice
                .pick(&[
                    "5",
                    "0",
                    "-1",
                    "2.0",
                    "1e9",
                    "asc",
                    "desc",
                    "active",
                    "",
                    "2026-05-08T10:00:00Z",
                ])
                .to_owned(),
        };
        target.push_str(&format!("{name}={given}&"));
    }
    if path == "/organization/api-keys" {
        target.push_str("type=organization_management_token");
    }
    target
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_makes_the_metorial_dialect_fail() {
    let app = App::new();
    let mut dice = Dice(app.seed);
    for (method, path) in ROUTES {
        let mut taken = 0;
        let mut records = app.records();
        for round in 0..ROUNDS_PER_ROUTE {
            if *method == "DELETE" && round % 20 == 0 {
                records = app.records();
                if path.ends_with("{project_id}") {
                    // One that holds an environment is not deleted.
                    let project = app.post("/organization/projects", &json!({"name": "Empty"}));
                    records.insert("project_id", project["id"].as_str().unwrap().to_owned());
                }
            }
            let target = target(&mut dice, path, &records);
            let (kind, sent) = match (*method, dice.below(5)) {
                ("GET" | "DELETE", 0) | (_, 0) => (JSON, body(&mut dice)),
                ("GET" | "DELETE", _) => (JSON, Vec::new()),
                (_, 1) => (FORM, form(&mut dice)),
                (_, 2) => {
                    (dice.pick(&[FORM, "text/plain", "multipart/form-data"]), body(&mut dice))
                }
                _ => ("application/json; charset=utf-8", nearly_right(&mut dice, &records)),
            };
            let version = dice.pick(&["", "2025-01-01", "2026-01-01-magnetar", "2026-01-01", "1"]);
            let more = format!("{}Metorial-Version: {version}\r\n", media_type(kind));
            taken += usize::from(app.ask(method, &target, &more, &sent).status == 200);
        }
        // A form with a file is none of these bodies.
        let may_be_taken = (*method, *path) != ("POST", "/files");
        assert!(taken > 0 || !may_be_taken, "seed {}: {method} {path} never works", app.seed);
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_with_a_file_makes_the_metorial_dialect_fail() {
    let app = App::new();
    let mut dice = Dice(app.seed);
    let mut taken = 0;
    for _ in 0..ROUNDS_PER_ROUTE {
        let purpose = dice.pick(&["generic", "import", "x", ""]);
        let name = escapes(&mut dice, b"ab./\\ ");
        let (kind, text) = upload(purpose, "Notes", &name, "I row on Sundays.");
        let mut sent = text.into_bytes();
        match dice.below(4) {
            0 => sent.truncate(dice.below(sent.len())),
            1 => {
                let at = dice.below(sent.len());
                sent[at] = dice.roll() as u8;
            }
            _ => {}
        }
        taken += usize::from(app.ask("POST", "/files", &media_type(&kind), &sent).status == 200);
    }
    assert!(taken > 0, "seed {}", app.seed);
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_depth_makes_the_metorial_dialect_fail() {
    let app = App::new();
    let session = app.records()["session_id"].clone();
    let messages = format!("/sessions/{session}/messages");
    for levels in [1, 16, 17, 60, 64, 65, 99, 100, 101, 127, 128, 129, 1_000, 200_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}0{}", open.repeat(levels), close.repeat(levels));
            for name in ["metadata", "content", "participants", "providers", "unknown"] {
                let sent = format!(
                    "{{\"name\":\"Ann\",\"type\":\"user_message\",\"content\":\"I row.\",\
                     \"{name}\":{deep}}}"
                );
                for path in ["/sessions", "/threads", "/actors", &messages] {
                    app.ask("POST", path, &media_type(JSON), sent.as_bytes());
                }
            }
            app.ask("POST", "/sessions", &media_type(JSON), deep.as_bytes());
        }
        let deep = format!("metadata{}=x", "[a]".repeat(levels));
        app.ask("POST", "/sessions", &media_type(FORM), deep.as_bytes());
        // A longer address is refused by the listener.
        if levels <= 1_000 {
            app.ask("GET", &format!("/sessions?{deep}"), "", b"");
        }
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_makes_the_metorial_dialect_fail() {
    let app = App::new();
    app.records();
    for number in [
        "0",
        "-0",
        "-1",
        "0.1",
        "1e-400",
        "1e400",
        "-1e400",
        "1E+2",
        "4294967296",
        "9007199254740993",
        "18446744073709551616",
        "99999999999999999999999999999999",
        "1e9223372036854775807",
        "0.00000000000000000000000000000000000001",
    ] {
        for name in ["limit", "min_relevance", "query", "session_id"] {
            let sent = format!("{{\"query\":\"Who rows?\",\"{name}\":{number}}}");
            let search = "/session-messages/search";
            app.ask("POST", search, &media_type(JSON), sent.as_bytes());
            let sent = format!("query=row&{name}={}", percent(number));
            app.ask("POST", search, &media_type(FORM), sent.as_bytes());
        }
        let sent = format!("{{\"metadata\":{{\"n\":{number},\"m\":[{number}]}}}}");
        app.ask("POST", "/sessions", &media_type(JSON), sent.as_bytes());
        for name in ["limit", "created_at[gt]", "after"] {
            app.ask("GET", &format!("/sessions?{name}={}", percent(number)), "", b"");
        }
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_character_makes_the_metorial_dialect_fail() {
    let app = App::new();
    let session = app.records()["session_id"].clone();
    let messages = format!("/sessions/{session}/messages");
    for text in [
        "\u{0}",
        "a\u{0}b",
        "\u{202e}drow\u{202c}",
        &"e\u{301}".repeat(120),
        &"\u{1F469}\u{200d}\u{1F680}".repeat(50),
        "\u{10FFFF}\u{FFFE}\u{FEFF}",
        &"\u{130}I\u{df}\u{FB03}".repeat(60),
        "../../etc/passwd",
        "..",
        "act_0mb2k7x1q0Ab3dEf5hIj7k",
        "'; DROP TABLE sessions; --\r\nX: y",
        " \u{a0}\u{2003}",
    ] {
        let actor = json!({"id": text, "type": "user", "name": text, "metadata": {text: text}});
        app.ask("POST", "/actors", &media_type(JSON), actor.to_string().as_bytes());
        let agent = json!({"slug": text, "name": text, "description": text});
        app.ask("POST", "/agents", &media_type(JSON), agent.to_string().as_bytes());
        let agent = json!({"name": text});
        app.ask("POST", "/agents", &media_type(JSON), agent.to_string().as_bytes());
        let message = json!({"type": "user_message", "content": text, "metadata": {"a": text}});
        app.ask("POST", &messages, &media_type(JSON), message.to_string().as_bytes());
        let search = json!({"query": text});
        let search = search.to_string();
        app.ask("POST", "/session-messages/search", &media_type(JSON), search.as_bytes());
        let thread = json!({"timezone": text, "country": text, "language": text});
        app.ask("POST", "/threads", &media_type(JSON), thread.to_string().as_bytes());
        for target in ["/agents?search=", "/actors?id=", "/sessions?after=", "/actors/", "/files/"]
        {
            app.ask("GET", &format!("{target}{}", percent(text)), "", b"");
        }
        let form = format!("name={0}&metadata[{0}][{0}]={0}&{0}={0}", percent(text));
        app.ask("POST", "/sessions", &media_type(FORM), form.as_bytes());
    }
    app.check_everything_is_read().await;
}
