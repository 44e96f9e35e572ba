//! The same of the Magneteco dialect: bodies that are nearly right, addresses, cursors, depths,
//! numbers and characters. Whatever is taken can be read afterwards.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hebbd::api::dialects::magneteco::ROUTES;
use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::{Bound, Clock, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Dice, body, escapes, value};
use crate::raw::{Connection, RawAnswer, ask, assert_alive};
use crate::support::TestServer;

const ROUNDS_PER_ROUTE: usize = 200;
/// What was taken is read within this time or never.
const PATIENCE_US: u64 = 180_000_000;

/// An app whose key may do everything, on a server that asks nobody to wait.
struct App {
    server: TestServer,
    tenant: TenantId,
    key: String,
    seed: u64,
    _data_dir: tempfile::TempDir,
}

impl App {
    fn new() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = std::sync::Arc::new(SystemClock);
        let server = TestServer::start_with(data_dir.path(), clock, |config| {
            let settings = &mut config.magneteco;
            settings.memorize_per_minute = Bound(None);
            settings.retrieve_per_minute = Bound(None);
            settings.events_per_minute = Bound(None);
            settings.webhooks_per_minute = Bound(None);
            settings.reads_per_minute = Bound(None);
            settings.forget_per_minute = Bound(None);
            settings.config_per_minute = Bound(None);
        });
        let tenant = server.new_tenant("local");
        let scopes = Some(vec!["*".to_owned()]);
        let order = KeyOrder { scopes, ..KeyOrder::for_tenant(tenant, KeyKind::Magneteco, "fuzz") };
        let key = server.directory.create_key(order).unwrap().secret.expose_secret().to_owned();
        Self { server, tenant, key, seed: rand::random(), _data_dir: data_dir }
    }

    /// Sends a request, whose answer must be one that the dialect may give.
    fn ask(&self, method: &str, target: &str, body: &[u8]) -> RawAnswer {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        let mut connection = Connection::to(&self.server);
        connection.send(head);
        // A body that is refused for its length is not received.
        connection.try_send(body);
        let answer = connection.answer();
        check(&answer, || {
            let body = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
            format!("seed {}, {method} {target}, {body:?}: {answer:?}", self.seed)
        });
        answer
    }

    fn post(&self, path: &str, body: &Value) -> RawAnswer {
        self.ask("POST", path, body.to_string().as_bytes())
    }

    /// The server still serves, and could read whatever it took.
    async fn check_everything_is_read(&self) {
        let clock = SystemClock;
        let ends_at_us = clock.monotonic_micros() + PATIENCE_US;
        loop {
            let url = format!("{}/admin/v1/tenants/{}/jobs", self.server.admin_url, self.tenant);
            let request = reqwest::Client::new().get(url).bearer_auth(&self.server.admin_token);
            let jobs: Value = request.send().await.unwrap().json().await.unwrap();
            assert_eq!(jobs["dead"], 0, "seed {}: {jobs}", self.seed);
            if jobs["waiting"] == 0 && jobs["running"] == 0 {
                break;
            }
            assert!(clock.monotonic_micros() < ends_at_us, "seed {}: {jobs}", self.seed);
        }
        assert_alive(&self.server, &self.server.new_tenant_key().await);
    }
}

/// A success, or a refusal with a code of its status.
#[track_caller]
fn check(answer: &RawAnswer, context: impl Fn() -> String) {
    let code = match answer.status {
        200..=202 => {
            // Tells of itself what it failed on.
            assert!(answer.json().is_object(), "{}", context());
            return;
        }
        400 => "VALIDATION_ERROR",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        _ => panic!("{}", context()),
    };
    let answered = answer.json();
    let envelope: Vec<&String> = answered.as_object().unwrap().keys().collect();
    assert_eq!(envelope, ["error"], "{}", context());
    let error = answered["error"].as_object().unwrap();
    assert_eq!(error["code"], code, "{}", context());
    assert!(error["message"].as_str().is_some_and(|it| !it.is_empty()), "{}", context());
    assert_eq!(error.contains_key("details"), code == "VALIDATION_ERROR", "{}", context());
    if let Some(details) = error.get("details") {
        for member in ["field", "issue"] {
            assert!(details[member].is_string(), "{member}: {}", context());
        }
    }
}

/// What a client might send, with up to one part that is anything.
fn nearly_right(dice: &mut Dice) -> Vec<u8> {
    let mut parts = [
        ("appId", "\"test\""),
        ("userId", "\"ann\""),
        ("content", "\"Ann works at Acme Corp and lives in Rome.\""),
        ("contentType", "\"conversation\""),
        ("threadId", "\"t\""),
        ("metadata", "{\"a\":[1]}"),
        ("query", "\"Where does Ann live?\""),
        ("maxTokens", "200"),
        ("includeGraph", "true"),
        ("timeDecayDays", "30"),
        ("minConfidence", "0.5"),
        ("eventType", "\"invoice_paid\""),
        ("source", "\"desk\""),
        ("timestamp", "\"2026-05-08T10:00:00Z\""),
        ("data", "{\"total\":[500,{\"of\":\"Acme\"}]}"),
        ("suggestedCategory", "\"general\""),
        ("suggestedEntities", "[{\"name\":\"Acme\",\"type\":\"Thing\"}]"),
        ("importance", "\"high\""),
        ("confirm", "true"),
        ("category", "\"general\""),
        ("secret", "\"s\""),
        ("users", "{\"cus_1\":\"ann\"}"),
        ("useUnmappedIds", "true"),
        ("description", "\"Anything\""),
        ("entityTypes", "[{\"name\":\"Thing\",\"keyProperties\":[\"size\"]}]"),
        ("relationshipTypes", "[{\"name\":\"OWNS\",\"fromType\":\"Thing\",\"toType\":\"Thing\"}]"),
        ("relevanceRules", "[{\"pattern\":\"(a+)+$\",\"action\":\"never_remember\"}]"),
        ("eventTemplates", "{\"invoice_paid\":\"{{total}} was paid\"}"),
    ]
    .map(|(name, part)| (name, part.to_owned()));
    if dice.below(8) > 0 {
        let mut anything = String::new();
        value(dice, 4, &mut anything);
        let at = dice.below(parts.len());
        parts[at].1 = anything;
    }
    let left_out = dice.below(4 * parts.len());
    let parts = parts.iter().enumerate().filter(|(at, _)| *at != left_out);
    let members: Vec<String> =
        parts.map(|(_, (name, part))| format!("\"{name}\":{part}")).collect();
    // These have another meaning for each route that knows them.
    let url = dice.pick(&["\"http://127.0.0.1:9/\"", "\"ftp://x\"", "7", "\"http://[\""]);
    let events = dice.pick(&["[\"memory.processed\"]", "{\"*\":{}}", "[\"x\"]", "{\"a\":7}"]);
    let categories = dice.pick(&["[\"general\"]", "[{\"name\":\"general\"}]", "[{}]"]);
    format!(
        "{{{},\"url\":{url},\"events\":{events},\"categories\":{categories}}}",
        members.join(",")
    )
    .into_bytes()
}

/// A route with something in place of its parameters, and a query.
fn target(dice: &mut Dice, path: &str) -> String {
    let mut target = String::new();
    for (at, part) in path.split(['{', '}']).enumerate() {
        match (at % 2, dice.below(3)) {
            (0, _) => target.push_str(part),
            (_, 0) => target.push_str(&escapes(dice, b"ab.%/ -")),
            _ => target.push_str(match part {
                "app" => "test",
                "source" => dice.pick(&["stripe", "github", "slack", "netsuite", "custom", "x"]),
                "resource" => dice.pick(&["res-1", "evt-0190a000-0000-7000-8000-000000000000"]),
                _ => dice.pick(&["ann", "Acme%20Corp", "a%2Fb", "%00", "%F0%9F%A6%80"]),
            }),
        }
    }
    target.push('?');
    for _ in 0..dice.below(4) {
        let name = dice.pick(&["limit", "offset", "cursor", "type", "userId", "app", ""]);
        let given = match dice.below(4) {
            0 => cursor(dice),
            1 => escapes(dice, b"test+%=&;#"),
            _ => dice.pick(&["test", "5", "0", "-1", "1e9", "18446744073709551616", ""]).to_owned(),
        };
        target.push_str(&format!("{name}={given}&"));
    }
    target
}

/// A cursor that is one, or nearly.
fn cursor(dice: &mut Dice) -> String {
    let numbers = ["0", "20", "-1", "1.5", "1e3", "\"20\"", "18446744073709551615", "1e999", "{}"];
    let json = match dice.below(4) {
        0 => (0..dice.below(24)).map(|_| dice.roll() as u8).collect(),
        1 => format!("{{\"id\":{}", dice.pick(&numbers)).into_bytes(),
        _ => format!("{{\"id\":{}}}", dice.pick(&numbers)).into_bytes(),
    };
    let mut text = URL_SAFE_NO_PAD.encode(json);
    if dice.below(4) == 0 && !text.is_empty() {
        text.replace_range(..1, dice.pick(&["%", "=", "%25", "%C3%A9", "-"]));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_makes_the_magneteco_dialect_fail() {
    let app = App::new();
    let mut dice = Dice(app.seed);
    // The bare path is the whole server's.
    for (method, path) in ROUTES.iter().filter(|(_, path)| *path != "/health") {
        let mut taken = 0;
        for _ in 0..ROUNDS_PER_ROUTE {
            let target = target(&mut dice, path);
            let body = match (*method, dice.below(3)) {
                ("GET", 0) | ("POST" | "PUT", 0) => body(&mut dice),
                ("POST" | "PUT", _) => nearly_right(&mut dice),
                _ => Vec::new(),
            };
            taken += usize::from(app.ask(method, &target, &body).status < 300);
        }
        // No address that it could name may be sent to.
        let may_be_taken = matches!(*method, "POST" | "PUT") && *path != "/v1/config/webhooks";
        assert!(taken > 0 || !may_be_taken, "seed {}: {method} {path} never works", app.seed);
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_depth_makes_the_magneteco_dialect_fail() {
    let app = App::new();
    for levels in [1, 60, 90, 99, 100, 101, 127, 128, 129, 1_000, 200_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}0{}", open.repeat(levels), close.repeat(levels));
            for path in ["/v1/memorize", "/v1/events", "/v1/webhooks/custom", "/v1/retrieve"] {
                for name in ["metadata", "data", "categories", "unknown"] {
                    let body = format!(
                        "{{\"appId\":\"test\",\"userId\":\"ann\",\"content\":\"I row.\",\
                         \"contentType\":\"event\",\"query\":\"q\",\"eventType\":\"e\",\
                         \"source\":\"s\",\"timestamp\":\"2026-05-08T10:00:00Z\",\
                         \"data\":{{}},\"{name}\":{deep}}}"
                    );
                    app.ask("POST", path, body.as_bytes());
                }
            }
            app.ask("PUT", "/api/apps/test/domain-config", deep.as_bytes());
            app.ask("PUT", "/v1/config/webhook-sources/github", deep.as_bytes());
            app.ask("POST", "/v1/memorize", deep.as_bytes());
        }
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_makes_the_magneteco_dialect_fail() {
    let app = App::new();
    app.post(
        "/v1/memorize",
        &json!({"appId": "test", "userId": "ann", "contentType": "document",
                                     "content": "Ann works at Acme Corp."}),
    );
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
        "18446744073709551616",
        "99999999999999999999999999999999",
        "1e9223372036854775807",
        "0.00000000000000000000000000000000000001",
        "32000",
        "32001",
        "3650",
        "3650.0001",
    ] {
        for name in ["maxTokens", "timeDecayDays", "minConfidence", "appId", "includeGraph"] {
            let body = format!(
                "{{\"appId\":\"test\",\"userId\":\"ann\",\"query\":\"Acme\",\"{name}\":{number}}}"
            );
            app.ask("POST", "/v1/retrieve", body.as_bytes());
        }
        let body = format!(
            "{{\"appId\":\"test\",\"userId\":\"ann\",\"eventType\":\"e\",\"source\":\"s\",\
             \"timestamp\":\"2026-05-08T10:00:00Z\",\"data\":{{\"n\":{number},\"m\":[{number}]}}}}"
        );
        app.ask("POST", "/v1/events", body.as_bytes());
        for what in ["entities", "categories"] {
            for name in ["limit", "offset"] {
                app.ask("GET", &format!("/v1/{what}/test/ann?{name}={number}"), b"");
            }
        }
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_character_makes_the_magneteco_dialect_fail() {
    let app = App::new();
    let texts = [
        "\u{0}".to_owned(),
        "a\u{0}b".to_owned(),
        "\u{202e}drow\u{202c}".to_owned(),
        "e\u{301}".repeat(120),
        "\u{1F469}\u{200d}\u{1F680}".repeat(50),
        "\u{10FFFF}\u{FFFE}\u{FEFF}".to_owned(),
        "\u{130}I\u{df}\u{FB03}".repeat(60),
        "../../etc/passwd".to_owned(),
        "subject:ann".to_owned(),
        "#0123456789abcdef0123456789abcdef".to_owned(),
        "{{text}} {{".to_owned(),
        "'; DROP TABLE facts; --\r\nX: y".to_owned(),
    ];
    for text in &texts {
        let sentence = format!("I work with {text} at {text} Labs. My {text} is {text}.");
        for (path, body) in [
            (
                "/v1/memorize",
                json!({"content": sentence, "contentType": "conversation",
                                    "threadId": text, "metadata": {text: text}}),
            ),
            ("/v1/memorize", json!({"content": sentence, "contentType": "document"})),
            (
                "/v1/events",
                json!({"eventType": text, "source": text,
                                  "timestamp": "2026-05-08T10:00:00Z", "data": {text: [text]},
                                  "suggestedEntities": [{"name": text, "type": text}]}),
            ),
            (
                "/v1/events",
                json!({"eventType": "e", "source": "s", "timestamp": text,
                                  "data": {}}),
            ),
            ("/v1/retrieve", json!({"query": sentence, "categories": [text]})),
        ] {
            let mut body = body;
            body["appId"] = json!("test");
            body["userId"] = json!(text);
            app.post(path, &body);
        }
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for what in ["context", "categories", "entities"] {
            let answer = app.ask("GET", &format!("/v1/{what}/test/{escaped}"), b"");
            assert!(matches!(answer.status, 200 | 400), "{answer:?}");
        }
        app.ask("GET", &format!("/v1/entities/test/{escaped}/{escaped}"), b"");
        app.ask("GET", &format!("/v1/entities/{escaped}/ann"), b"");
        app.ask("GET", &format!("/api/retrieve/categories?userId={escaped}"), b"");
    }
    app.check_everything_is_read().await;
    for text in &texts {
        let user = text.trim();
        let forget = json!({"appId": "test", "userId": user, "confirm": true});
        let forgotten = app.post("/v1/forget", &forget);
        assert!(matches!(forgotten.status, 200 | 400), "{forgotten:?}");
    }
}

/// What a provider might deliver, with some parts that are anything.
fn delivery(dice: &mut Dice) -> Vec<u8> {
    let mut parts = ["\"e1\"", "\"paid\"", "1778000000", "\"ann\"", "{\"n\":1}", "\"message\""]
        .map(str::to_owned);
    for _ in 0..dice.below(3) {
        let mut anything = String::new();
        value(dice, 4, &mut anything);
        let at = dice.below(parts.len());
        parts[at] = anything;
    }
    let [id, kind, time, user, data, event] = parts;
    let text = format!(
        "{{\"id\":{id},\"type\":{kind},\"created\":{time},\"event_id\":{id},\"event_time\":{time},\
         \"userId\":{user},\"sender\":{{\"login\":{user}}},\"timestamp\":{time},\"challenge\":{id},\
         \"data\":{{\"object\":{{\"customer\":{user},\"x\":{data}}}}},\
         \"event\":{{\"type\":{event},\"user\":{user},\"text\":{data}}}}}"
    );
    match dice.below(5) {
        0 => body(dice),
        1 => format!("payload={}", escapes(dice, b"{}[]:,+%&=")).into_bytes(),
        _ => text.into_bytes(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_signed_delivery_makes_the_magneteco_dialect_fail() {
    const SECRET: &str = "a secret between two machines";
    let app = App::new();
    let mut dice = Dice(app.seed);
    for source in ["stripe", "github", "slack", "netsuite", "salesforce"] {
        let rules = json!({"secret": SECRET, "useUnmappedIds": true, "events": {"*": {}}});
        let path = format!("/v1/config/webhook-sources/{source}");
        let configured = app.ask("PUT", &path, rules.to_string().as_bytes());
        assert_eq!(configured.status, 200, "{configured:?}");
        let mut processed = 0;
        for _ in 0..ROUNDS_PER_ROUTE {
            let body = delivery(&mut dice);
            let now = SystemClock.now().as_secs();
            let signed = |before: String| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                let tag = hmac::sign(&key, &[before.as_bytes(), &body].concat());
                tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
            };
            let proof = match source {
                "stripe" => format!("Stripe-Signature: t={now},v1={}", signed(format!("{now}."))),
                "github" => format!(
                    "X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256={}",
                    signed(String::new())
                ),
                "slack" => format!(
                    "X-Slack-Request-Timestamp: {now}\r\nX-Slack-Signature: v0={}",
                    signed(format!("v0:{now}:"))
                ),
                _ => format!("X-Webhook-Signature: sha256={}", signed(String::new())),
            };
            let form = if body.starts_with(b"payload") { "x-www-form-urlencoded" } else { "json" };
            let head = format!(
                "POST /v1/webhooks/{source} HTTP/1.1\r\nHost: x\r\n{proof}\r\n\
                 Content-Type: application/{form}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = ask(&app.server, [head.as_bytes(), &body].concat());
            let context = || {
                let body = String::from_utf8_lossy(&body);
                format!("seed {}, {source}, {body:?}: {answer:?}", app.seed)
            };
            assert!(matches!(answer.status, 200 | 400), "{}", context());
            check(&answer, context);
            processed += usize::from(answer.status == 200 && answer.body.contains("processed"));
        }
        assert!(processed > 0, "seed {}: {source} never works", app.seed);
    }
    app.check_everything_is_read().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_other_dialects_open_nothing() {
    let app = App::new();
    let mnemoverse = app.server.new_key(app.tenant);
    let tex = app.server.new_key_of_kind(app.tenant, KeyKind::Tex);
    let keys = [
        mnemoverse.secret.expose_secret().to_owned(),
        tex.secret.expose_secret().to_owned(),
        app.server.new_session(true),
        app.server.admin_token.clone(),
        app.key.to_uppercase(),
        format!("{}x", app.key),
    ];
    let body = json!({"appId": "test", "userId": "ann", "confirm": true}).to_string();
    for (method, path) in ROUTES.iter().filter(|(_, path)| *path != "/health") {
        let path = path.replace("{source}", "custom").replace(['{', '}'], "");
        for key in &keys {
            let mut connection = Connection::to(&app.server);
            connection.send(format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\n\
                 Authorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
            let answer = connection.answer();
            assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
            check(&answer, || format!("{method} {path}: {answer:?}"));
        }
    }
    // Nor does this dialect's key open another one.
    for path in ["/api/v1/memory/stats", "/usage/today", "/api/documents", "/admin/v1/tenants"] {
        let mut connection = Connection::to(&app.server);
        let key = &app.key;
        connection.send(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\nAuthorization: Bearer {key}\r\n\r\n"
        ));
        let status = connection.answer().status;
        assert!(matches!(status, 401 | 404), "{path}: {status}");
    }
}
