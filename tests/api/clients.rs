//! The requests of real clients, header by header and byte by byte as they were recorded, and
//! their answers held to what those clients' parsers insist on. `make clients` drives the clients
//! themselves; this needs neither them nor a network.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::raw::{Connection, RawAnswer};
use crate::support::TestServer;

/// A client with one connection, which it keeps.
struct Client {
    connection: Connection,
    headers: String,
    /// What its base address ends in.
    base: &'static str,
}

impl Client {
    /// The Python client. The type of the body is announced on every request.
    fn python(server: &TestServer, key: &str) -> Self {
        let headers = format!(
            "Host: 127.0.0.1\r\nX-Api-Key: {key}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\n\
             Connection: keep-alive\r\nUser-Agent: python-httpx/0.28.1\r\n"
        );
        Self { connection: Connection::to(server), headers, base: "/api/v1" }
    }

    /// The MCP server. `base` ends in a slash when its user has configured it so.
    fn mcp(server: &TestServer, key: &str, base: &'static str) -> Self {
        let headers = format!(
            "host: 127.0.0.1\r\nconnection: keep-alive\r\nX-Api-Key: {key}\r\n\
             Content-Type: application/json\r\naccept: */*\r\naccept-language: *\r\n\
             sec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n"
        );
        Self { connection: Connection::to(server), headers, base }
    }

    fn ask(&mut self, method: &str, route: &str, body: Option<&str>) -> RawAnswer {
        let length = body.map(|body| format!("content-length: {}\r\n", body.len()));
        let (base, headers) = (self.base, &self.headers);
        self.connection.send(format!(
            "{method} {base}{route} HTTP/1.1\r\n{headers}{}\r\n{}",
            length.unwrap_or_default(),
            body.unwrap_or_default()
        ));
        let answer = self.connection.answer();
        assert!(!(300..400).contains(&answer.status), "a redirect is an error: {answer:?}");
        answer
    }

    fn get(&mut self, route: &str) -> Value {
        let answer = self.ask("GET", route, None);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    fn post(&mut self, route: &str, body: &str) -> Value {
        let answer = self.ask("POST", route, Some(body));
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        answer.json()
    }
}

fn is_uuid(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 36 && Uuid::parse_str(text).is_ok())
}

fn is_text_list(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

/// Absent, or not null: what a field with a default must be.
fn absent_or(object: &Value, name: &str, is: impl Fn(&Value) -> bool) -> bool {
    object.get(name).is_none_or(is)
}

fn check_write(answer: &Value) {
    assert!(answer["stored"].is_boolean(), "{answer}");
    assert!(answer["atom_id"].is_null() || is_uuid(&answer["atom_id"]), "{answer}");
    assert_eq!(answer["stored"] == true, is_uuid(&answer["atom_id"]), "{answer}");
    assert!(absent_or(answer, "importance", Value::is_number), "{answer}");
    assert!(absent_or(answer, "reason", Value::is_string), "{answer}");
    assert!(absent_or(answer, "superseded", is_text_list), "{answer}");
}

fn check_read(answer: &Value) {
    assert!(answer["episodic_hit"].is_boolean(), "{answer}");
    assert!(is_text_list(&answer["query_concepts"]), "{answer}");
    assert!(is_text_list(&answer["expanded_concepts"]), "{answer}");
    assert!(answer["search_time_ms"].is_number(), "{answer}");
    for item in answer["items"].as_array().unwrap() {
        assert!(is_uuid(&item["atom_id"]), "{item}");
        for text in ["content", "source", "domain"] {
            assert!(item[text].is_string(), "{text}: {item}");
        }
        for number in ["relevance", "similarity", "valence", "importance"] {
            assert!(item[number].is_number(), "{number}: {item}");
        }
        assert!(is_text_list(&item["concepts"]), "{item}");
        assert!(absent_or(item, "metadata", Value::is_object), "{item}");
        assert!(absent_or(item, "supersedes", is_text_list), "{item}");
    }
}

fn check_stats(answer: &Value) {
    let counts = [
        "total_atoms",
        "episodes",
        "prototypes",
        "singletons",
        "hebbian_edges",
        "episodic_fingerprints",
    ];
    for count in counts {
        assert!(answer[count].is_u64(), "{count}: {answer}");
    }
    assert!(is_text_list(&answer["domains"]), "{answer}");
    assert!(answer["avg_valence"].is_number() && answer["avg_importance"].is_number());
}

fn check_recent(answer: &Value) {
    for item in answer["items"].as_array().unwrap() {
        assert!(is_uuid(&item["atom_id"]), "{item}");
        let is_text = |name: &str| item[name].is_string();
        assert!(is_text("content") && is_text("domain") && is_text("created_at"), "{item}");
    }
    let cursor = &answer["next_cursor"];
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_=-".contains(&byte);
    let fits = |text: &str| (1..=512).contains(&text.len()) && text.bytes().all(is_safe);
    assert!(cursor.is_null() || cursor.as_str().is_some_and(fits), "{cursor}");
}

/// Checklist line 78.
#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_s_requests_get_answers_it_can_parse() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut client = Client::python(&server, &key);
    let health = client.get("/health");
    assert!(health["status"] == "ok" && health["database"].is_boolean(), "{health}");
    assert!(health["version"].is_string(), "{health}");
    check_stats(&client.get("/memory/stats"));

    let plain = r#"{"content":"The standup is at nine","domain":"general"}"#;
    let first = client.post("/memory/write", plain);
    check_write(&first);
    let full = format!(
        r#"{{"content":"The standup is at ten","domain":"general","concepts":["standup","time"],"metadata":{{"source":"chat"}},"external_ref":"standup-2","supersedes":["{}"],"fingerprint":"fp"}}"#,
        first["atom_id"].as_str().unwrap()
    );
    let second = client.post("/memory/write", &full);
    check_write(&second);
    assert_eq!(second["superseded"], json!([first["atom_id"]]));
    let items = r#"{"items":[{"content":"Whales sing in the deep sea"},{"content":"Whales sing in the deep sea"}]}"#;
    let batch = client.post("/memory/write-batch", items);
    assert_eq!((&batch["total_count"], &batch["stored_count"]), (&json!(2), &json!(1)));
    batch["results"].as_array().unwrap().iter().for_each(check_write);

    let short = r#"{"query":"when is the standup","top_k":10,"min_relevance":0.3,"include_associations":true}"#;
    check_read(&client.post("/memory/read", short));
    let long = r#"{"query":"when is the standup","top_k":5,"min_relevance":0.0,"include_associations":true,"domain":"general","concepts":["standup"],"since":"2026-01-01T00:00:00+00:00","until":"2999-01-01T00:00:00+00:00","order_by":"recency","exclude_author":"bot","include_history":true,"fingerprint":"","diversity":0.3}"#;
    let found = client.post("/memory/read", long);
    check_read(&found);
    let hidden =
        found["items"].as_array().unwrap().iter().find(|item| item["atom_id"] == first["atom_id"]);
    assert_eq!(hidden.unwrap()["superseded_by"], second["atom_id"], "{found}");

    check_recent(&client.post("/memory/recent", r#"{"limit":20}"#));
    let graph = client.post("/memory/graph", r#"{"seeds":["standup"],"depth":1,"limit":100}"#);
    assert_eq!(graph["edges"][0]["source"], "standup", "{graph}");
    for field in ["nodes", "edges", "truncated", "min_weight_applied"] {
        assert!(!graph[field].is_null(), "{field}: {graph}");
    }
    let rating = format!(
        r#"{{"atom_ids":["{}"],"outcome":1.0,"domain":"general"}}"#,
        second["atom_id"].as_str().unwrap()
    );
    let rated = client.post("/memory/feedback", &rating);
    assert_eq!(rated["updated_count"], 1);
    assert!(rated["avg_valence"].is_number(), "{rated}");

    let mut stranger = Client::python(&server, "mk_live_0123456789abcdef0123456789abcdef");
    let refused = stranger.ask("GET", "/memory/stats", None);
    assert_eq!((refused.status, &refused.json()["retryable"]), (401, &json!(false)));
}

/// Checklist line 78: the pause of a refusal is a number, which the client turns into a float.
#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_finds_a_number_in_a_refusal_for_haste() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key_with_plan("free").await;
    let mut client = Client::python(&server, &key);
    let refused = (0..600)
        .map(|_| client.ask("GET", "/memory/stats", None))
        .find(|answer| answer.status != 200)
        .expect("a free plan has an end");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["retryable"], true);
    let head = refused.head.to_ascii_lowercase();
    let pause = head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!(pause.parse::<f64>().is_ok_and(|pause| pause >= 1.0), "{pause}");
}

fn exercise_mcp(client: &mut Client) {
    // At start: one call without a type, to see whether the key is good.
    let headers = client.headers.clone();
    client.headers = headers.replace("Content-Type: application/json\r\n", "");
    check_stats(&client.get("/memory/stats"));
    client.headers = headers;

    // An empty read makes it look for rooms and names.
    let question =
        r#"{"query":"where do we keep the cache","top_k":5,"include_associations":true}"#;
    let nothing = client.post("/memory/read", question);
    check_read(&nothing);
    assert_eq!(nothing["items"], json!([]));
    assert_eq!(client.get("/memory/rooms"), json!([]));
    check_stats(&client.get("/memory/stats"));
    check_recent(&client.post("/memory/recent", r#"{"limit":10}"#));

    let contents = [
        "The orders service keeps its cache in Redis",
        "Whales sing in the deep sea",
        "The invoice was paid in March",
    ];
    let mut ids = Vec::new();
    for content in contents {
        let body = format!(r#"{{"content":"{content}","concepts":[],"domain":"general"}}"#);
        let written = client.post("/memory/write", &body);
        check_write(&written);
        ids.push(written["atom_id"].as_str().unwrap().to_owned());
    }
    let found = client.post("/memory/read", question);
    check_read(&found);
    assert_eq!(found["items"][0]["atom_id"], json!(ids[0]), "{found}");
    let scoped = r#"{"query":"where do we keep the cache","top_k":50,"domain":"general","include_associations":true,"order_by":"recency","since":"2026-01-01T00:00:00.000Z","until":"2999-01-01T00:00:00.000Z","exclude_author":"me"}"#;
    check_read(&client.post("/memory/read", scoped));

    let rated = format!(r#"{{"atom_ids":["{}"],"outcome":1}}"#, ids[0]);
    assert_eq!(client.post("/memory/feedback", &rated)["updated_count"], 1);

    // A page in several requests, each going on where the last one ended.
    let mut listed = Vec::new();
    let mut body = r#"{"limit":2}"#.to_owned();
    loop {
        let page = client.post("/memory/recent", &body);
        check_recent(&page);
        listed.extend(page["items"].as_array().unwrap().iter().map(|item| item["atom_id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        body = format!(r#"{{"limit":2,"cursor":"{cursor}"}}"#);
    }
    ids.reverse();
    assert_eq!(json!(listed), json!(ids));
    assert_eq!(client.get("/vault/secrets"), json!({"secrets": []}));
}

/// Checklist line 79.
#[tokio::test(flavor = "multi_thread")]
async fn the_mcp_server_s_requests_succeed() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    exercise_mcp(&mut Client::mcp(&server, &key, "/api/v1"));
}

/// Checklist line 80.
#[tokio::test(flavor = "multi_thread")]
async fn the_mcp_server_s_requests_succeed_when_its_address_ends_in_a_slash() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    exercise_mcp(&mut Client::mcp(&server, &key, "/api/v1/"));
}

/// The older MCP server's tools for deleting.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_mcp_server_deletes_atoms_and_domains() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut client = Client::mcp(&server, &key, "/api/v1");
    let body = r#"{"content":"Whales sing in the deep sea","concepts":[],"domain":"project:x"}"#;
    let written = client.post("/memory/write", body);
    let route = format!("/memory/atoms/{}", written["atom_id"].as_str().unwrap());
    assert_eq!(client.ask("DELETE", &route, None).json()["deleted"], 1);
    client.post("/memory/write", body);
    let deleted = client.ask("DELETE", "/memory/domain/project%3Ax", None).json();
    assert_eq!(deleted, json!({"deleted": 1, "domain": "project:x"}));
}
