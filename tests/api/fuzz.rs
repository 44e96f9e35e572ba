//! Random bodies for every POST route, and random addresses where these say what is wanted: whatever
//! comes, the answer is a success or a refusal with the dialect's body, never a failure of the server.

mod magneteco;
mod metorial;

use std::path::Path;
use std::sync::Arc;

use hebbd::api::dialects::{metacogna, mnemoverse, tex};
use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::{Bound, SystemClock};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::raw::{Connection, RawAnswer, ask, assert_alive, post, post_as};
use crate::support::{Member, TestServer};

const ROUNDS_PER_ROUTE: usize = 300;

/// SplitMix64: small, seeded, and enough for choosing bytes.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

const NAMES: &[&str] = &[
    "content",
    "concepts",
    "domain",
    "metadata",
    "external_ref",
    "fingerprint",
    "supersedes",
    "items",
    "queries",
    "query",
    "top_k",
    "min_relevance",
    "include_associations",
    "order_by",
    "since",
    "until",
    "retrieval",
    "mode",
    "unknown",
    "session_id",
    "occurred_at",
    "exclude_author",
    "include_history",
    "diversity",
    "strategy",
    "domains",
    "metadata_filter",
    "key",
    "op",
    "value",
    "atom_ids",
    "outcome",
    "query_concepts",
    "undo",
    "limit",
    "cursor",
    "seeds",
    "depth",
    "min_weight",
    "scope",
    "org_id",
    "user_id",
    "turns",
    "role",
    "text",
    "timestamp",
    "observations",
    "predicate",
    "options",
    "write_active",
    "q",
    "include_timeline",
    "api_key",
    "refresh_token",
    "name",
    "scopes",
    "username",
    "password",
    "passwordHash",
    "userId",
    "docId",
    "title",
    "topK",
    "threshold",
    "sources",
    "llmConfig",
    "temperature",
    "agentType",
    "systemPrompt",
    "historyContext",
    "userGoals",
    "provider",
    "model",
    "maxTokens",
    "snippet",
    "documentTitle",
    "stream",
];
const LEAVES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e999",
    "100",
    "\"\"",
    "\"x\"",
    "\"hybrid\"",
    "\"recency\"",
    "\"2026-01-01\"",
    "\"contains\"",
    "\"00000000000000ff\"",
    "\"0190a000-0000-7000-8000-000000000000\"",
    "\"xroom:r1\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\u{1F980}\"",
    "99999999999999999999",
    "-0",
];

/// JSON that looks like a request often enough to get past the first check.
fn value(dice: &mut Dice, levels: usize, out: &mut String) {
    match if levels == 0 { 0 } else { dice.below(4) } {
        0 | 1 => out.push_str(dice.pick(LEAVES)),
        2 => list(dice, out, |dice, out| value(dice, levels - 1, out)),
        _ => object(dice, levels, out),
    }
}

fn object(dice: &mut Dice, levels: usize, out: &mut String) {
    out.push('{');
    for index in 0..dice.below(6) {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&format!("\"{}\":", dice.pick(NAMES)));
        value(dice, levels - 1, out);
    }
    out.push('}');
}

fn list(dice: &mut Dice, out: &mut String, entry: impl Fn(&mut Dice, &mut String)) {
    out.push('[');
    for index in 0..dice.below(4) {
        if index > 0 {
            out.push(',');
        }
        entry(dice, out);
    }
    out.push(']');
}

fn body(dice: &mut Dice) -> Vec<u8> {
    match dice.below(4) {
        0 => (0..dice.below(64)).map(|_| dice.roll() as u8).collect(),
        1 => (0..dice.below(64)).map(|_| dice.pick(b"{}[]\",:\\u0aet-+. \n")).collect(),
        shape => {
            let mut text = String::new();
            object(dice, 5, &mut text);
            let mut bytes = text.into_bytes();
            if shape == 3 {
                let at = dice.below(bytes.len());
                bytes[at] = dice.roll() as u8;
            }
            bytes
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_server_fail() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let seed = rand::random::<u64>();
    let mut dice = Dice(seed);
    for (_, path) in mnemoverse::ROUTES.iter().filter(|(method, _)| *method == "POST") {
        for round in 0..ROUNDS_PER_ROUTE {
            let body = body(&mut dice);
            let mut connection = Connection::to(&server);
            connection.send(post(path, &key, &body));
            let answer = connection.answer();
            let context = || {
                let body = String::from_utf8_lossy(&body);
                format!("seed {seed}, round {round}, {path}, {body:?}: {answer:?}")
            };
            assert!(matches!(answer.status, 200 | 400 | 403 | 404 | 422), "{}", context());
            let json = answer.json();
            assert!(json.is_object(), "{}", context());
            if matches!(answer.status, 400 | 422) {
                let errors = json["details"]["errors"].as_array();
                assert!(errors.is_some_and(|errors| !errors.is_empty()), "{}", context());
            }
        }
    }
    assert_alive(&server, &key);
}

/// The same of the tex dialect, with a good token. Half of the bodies are nearly right.
#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_tex_dialect_fail() {
    let server = TestServer::start().await;
    let tenant = server.new_tenant("local");
    let key = server.directory.create_key(KeyOrder::for_tenant(tenant, KeyKind::Tex, "fuzz"));
    let body = json!({"api_key": key.unwrap().secret.expose_secret()}).to_string();
    let mut connection = Connection::to(&server);
    connection.send(post("/auth/token-exchange", "", body.as_bytes()));
    let exchanged = connection.answer().json();
    let token = exchanged["access_token"].as_str().unwrap().to_owned();
    let seed = rand::random::<u64>();
    let mut dice = Dice(seed);
    for (_, path) in tex::ROUTES.iter().filter(|(method, _)| *method == "POST") {
        for round in 0..ROUNDS_PER_ROUTE {
            let body =
                if dice.below(2) == 0 { body_of_tex(&mut dice) } else { self::body(&mut dice) };
            let mut connection = Connection::to(&server);
            connection.send(post_as(path, &token, &body));
            let answer = connection.answer();
            let context = || {
                let body = String::from_utf8_lossy(&body);
                format!("seed {seed}, round {round}, {path}, {body:?}: {answer:?}")
            };
            // Only so many may sign up from one address in an hour.
            let is_expected = match answer.status {
                503 => *path == "/signup",
                status => matches!(status, 200 | 201 | 202 | 400 | 401 | 403 | 409 | 422),
            };
            assert!(is_expected, "{}", context());
            let json = answer.json();
            match answer.status {
                200..300 => {}
                422 => {
                    let detail = json["detail"].as_array();
                    assert!(detail.is_some_and(|detail| !detail.is_empty()), "{}", context());
                }
                status => {
                    let error = json["error"].as_str();
                    assert_eq!(error, Some(format!("HTTP {status}").as_str()), "{}", context());
                }
            }
        }
    }
    assert_alive(&server, &server.new_tenant_key().await);
}

/// What a client might send, with one part that is anything.
fn body_of_tex(dice: &mut Dice) -> Vec<u8> {
    let mut parts = ["\"x\"", "\"s\"", "\"user\"", "\"hello\"", "\"2026-01-01\"", "[]", "{}"]
        .map(str::to_owned);
    let mut anything = String::new();
    value(dice, 3, &mut anything);
    let at = dice.below(parts.len());
    parts[at] = anything;
    let [org, session, role, text, timestamp, observations, options] = parts;
    format!(
        "{{\"scope\":{{\"org_id\":{org},\"session_id\":{session}}},\"q\":{text},\"options\":{options},\
         \"turns\":[{{\"role\":{role},\"text\":{text},\"timestamp\":{timestamp},\
         \"observations\":{observations}}}]}}"
    )
    .into_bytes()
}

/// The routes of metacogna that cost more: each of their requests may index something.
const SLOW_ROUTES: &[(&str, usize)] =
    &[("/api/ingest", 200), ("/api/signup", 200), ("/api/documents/reindex", 3)];

/// The same of the metacogna dialect, with a good session of an admin, and of forms with files.
#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_metacogna_dialect_fail() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = unhurried_metacogna(data_dir.path());
    let admin = Member::new(&server, "metacogna", true);
    let seed = rand::random::<u64>();
    let mut dice = Dice(seed);
    let posts = metacogna::ROUTES.iter().filter(|(method, _)| *method == "POST");
    // Logging out would end the session.
    for (_, path) in posts.filter(|(_, path)| *path != "/api/auth/logout") {
        let slow = SLOW_ROUTES.iter().find(|(slow, _)| slow == path);
        for round in 0..slow.map_or(ROUNDS_PER_ROUTE, |(_, rounds)| *rounds) {
            let user = admin.id.to_string();
            let (body, media_type) = match dice.below(4) {
                0 | 1 => (form(&mut dice, &user), "multipart/form-data; boundary=b"),
                2 => (body_of_metacogna(&mut dice, &user), "application/json"),
                _ => (body(&mut dice), "application/json"),
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
                admin.session,
                body.len()
            );
            let answer = ask(&server, [head.as_bytes(), &body].concat());
            check_answer_of_metacogna(&answer, || {
                let body = String::from_utf8_lossy(&body);
                format!("seed {seed}, round {round}, {path}, {body:?}: {answer:?}")
            });
        }
    }
    // What was taken is listed, whatever it was.
    let documents = ask(&server, bare("GET", "/api/documents", &admin.session));
    assert_eq!(documents.status, 200, "seed {seed}: {documents:?}");
    let count = documents.json()["count"].as_u64();
    assert!(count.is_some_and(|count| count > 0), "seed {seed}: {documents:?}");
    assert_alive(&server, &server.new_tenant_key().await);
}

/// The same of addresses: their queries, and the ids within them.
#[tokio::test(flavor = "multi_thread")]
async fn no_address_makes_the_metacogna_dialect_fail() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = unhurried_metacogna(data_dir.path());
    let admin = Member::new(&server, "metacogna", true);
    let user = admin.id.to_string();
    let seed = rand::random::<u64>();
    let mut dice = Dice(seed);
    for (method, path) in metacogna::ROUTES.iter().filter(|(method, _)| *method != "POST") {
        for round in 0..ROUNDS_PER_ROUTE {
            let path = path.replace("{id}", &escapes(&mut dice, b"ab.%/ -"));
            let target = format!("{path}?{}", query(&mut dice, &user));
            let answer = ask(&server, bare(method, &target, &admin.session));
            check_answer_of_metacogna(&answer, || {
                format!("seed {seed}, round {round}, {method} {target}: {answer:?}")
            });
        }
    }
    assert_alive(&server, &server.new_tenant_key().await);
}

/// A server on which nobody is told to wait.
fn unhurried_metacogna(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        let settings = &mut config.metacogna;
        settings.logins_per_minute_per_ip = Bound(None);
        settings.chat_per_minute = Bound(None);
        settings.search_per_minute = Bound(None);
    })
}

#[track_caller]
fn check_answer_of_metacogna(answer: &RawAnswer, context: impl Fn() -> String) {
    let is_expected = matches!(answer.status, 200 | 201 | 400 | 401 | 403 | 404 | 409 | 413);
    assert!(is_expected, "{}", context());
    let head = answer.head.to_ascii_lowercase();
    assert!(head.contains("access-control-allow-origin: *"), "{}", context());
    if answer.status >= 300 {
        let json = answer.json();
        assert_eq!(json["success"], false, "{}", context());
        assert!(json["error"].as_str().is_some_and(|e| !e.is_empty()), "{}", context());
    }
}

/// A request of a logged-in caller without a body.
fn bare(method: &str, target: &str, session: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {session}\r\n\r\n")
}

/// What a client might send, with one part that is anything.
fn body_of_metacogna(dice: &mut Dice, user: &str) -> Vec<u8> {
    let user = format!("\"{user}\"");
    let mut parts =
        ["\"ada\"", "\"The heron nests.\"", "\"doc\"", "5", "{}", "[]", &user].map(str::to_owned);
    let mut anything = String::new();
    value(dice, 3, &mut anything);
    let at = dice.below(parts.len());
    parts[at] = anything;
    let [name, text, id, number, object, list, user] = parts;
    format!(
        "{{\"username\":{name},\"password\":{text},\"query\":{text},\"topK\":{number},\
         \"docId\":{id},\"title\":{name},\"content\":{text},\"metadata\":{object},\
         \"llmConfig\":{object},\"sources\":{list},\"userId\":{user}}}"
    )
    .into_bytes()
}

/// A form whose boundaries, heads and contents are nearly right.
fn form(dice: &mut Dice, user: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut add = |name: &str, file: &str, content: &str| {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        bytes.extend_from_slice(format!("{head}{content}\r\n").as_bytes());
    };
    if dice.below(2) == 0 {
        add("userId", "", user);
    }
    for _ in 0..dice.below(6) {
        let name = dice.pick(&[
            "name", "email", "password", "goals", "file", "files[]", "metadata", "title", "x", "",
        ]);
        let file = dice.pick(&[
            "",
            "",
            "; filename=\"a.md\"",
            "; filename=\"a.pdf\"",
            "; filename=\"\"",
            "; filename*=x",
        ]);
        let content = dice.pick(&[
            "Ada",
            "a@b.org",
            "SecurePass123!",
            "%PDF-1.7",
            "{\"title\":\"t\"}",
            "{",
            "",
            "--b",
            "\r\n--b--\r\n",
        ]);
        add(name, file, content);
    }
    if dice.below(4) > 0 {
        bytes.extend_from_slice(b"--b--\r\n");
    }
    if dice.below(2) == 0 && !bytes.is_empty() {
        let at = dice.below(bytes.len());
        bytes[at] = dice.roll() as u8;
    }
    bytes
}

/// Names and values, both of which are nearly right.
fn query(dice: &mut Dice, user: &str) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(5) {
        let name = dice.pick(&["query", "topK", "limit", "threshold", "userId", "x", ""]);
        let value = match dice.below(4) {
            0 => user.to_owned(),
            1 => escapes(dice, b"heron+%=&;#"),
            _ => dice.pick(&["heron", "5", "0", "-1", "0.5", "1e999", "NaN", "inf", ""]).to_owned(),
        };
        text.push_str(&format!("{name}={value}&"));
    }
    text
}

/// Some of these letters, and escapes of any bytes.
fn escapes(dice: &mut Dice, letters: &[u8]) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(8) {
        match dice.below(2) {
            0 => text.push_str(&format!("%{:02X}", dice.roll() as u8)),
            _ => text.push(char::from(dice.pick(letters))),
        }
    }
    // A blank would end the address.
    text.replace(' ', "%20")
}
