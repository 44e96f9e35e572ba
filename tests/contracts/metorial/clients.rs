//! How the released clients go about it: what they send besides what they are told to, and what
//! their mappers demand of an answer. One edition speaks the older version and says so, the other
//! says nothing and lets its environment's default decide. `make clients` drives the releases
//! themselves.

use std::collections::BTreeMap;

use hebbd::types::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::server_without_limits;
use crate::runner::Answer;
use crate::support::TestServer;
use crate::support::environment::Environment;

/// What the older edition makes of a page.
#[derive(Debug, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
struct Pagination {
    has_more_before: bool,
    has_more_after: bool,
}

#[derive(Debug, Deserialize)]
struct OlderSession {
    id: String,
    status: String,
    connection_status: String,
    /// Looked into when it is there.
    #[serde(rename = "client_secret")]
    _client_secret: Option<BTreeMap<String, Value>>,
    server_deployments: Vec<Value>,
    usage: BTreeMap<String, u64>,
    metadata: BTreeMap<String, Value>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Deserialize)]
struct NewerSession {
    id: String,
    status: String,
    name: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<BTreeMap<String, Value>>,
    connection_state: String,
    /// The mappers hand on a null.
    #[serde(rename = "connection_url")]
    _connection_url: Option<String>,
    usage: BTreeMap<String, u64>,
    providers: Vec<Value>,
    from_template_ids: Vec<String>,
    has_errors: bool,
    has_warnings: bool,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    sender: Sender,
    content: Value,
    session_id: String,
    created_at: String,
}

#[derive(Debug, Deserialize)]
struct Sender {
    object: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Instance {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    project: Project,
    created_at: String,
}

#[derive(Debug, Deserialize)]
struct Project {
    id: String,
    name: String,
    created_at: String,
}

/// What both editions read of an error.
#[derive(Debug, Deserialize)]
struct Failure {
    code: String,
    message: String,
    hint: Option<String>,
    entity: Option<String>,
    errors: Option<Vec<FieldFailure>>,
}

#[derive(Debug, Deserialize)]
struct FieldFailure {
    #[serde(rename = "code")]
    _code: String,
    #[serde(rename = "message")]
    _message: String,
    path: Vec<String>,
}

#[track_caller]
fn mapped<T: for<'a> Deserialize<'a>>(answer: &Answer) -> T {
    let body = answer.with_status(200);
    serde_json::from_value(body).unwrap_or_else(|cause| panic!("not mapped: {cause}: {answer:?}"))
}

/// As the newer edition reads a time on the oldest interpreter it supports: three or six digits.
#[track_caller]
fn read_time(text: &str) -> Timestamp {
    let (_, digits) = text.rsplit_once('.').unwrap();
    assert!(matches!(digits.len(), 4 | 7) && digits.ends_with('Z'), "{text}");
    Timestamp::parse(text).unwrap()
}

struct Client {
    caller: Caller,
    /// What such a client always sends.
    headers: &'static [(&'static str, &'static str)],
}

impl Client {
    fn older(server: &TestServer, key: &str) -> Self {
        let headers = &[("metorial-version", "2025-01-01-pulsar"), ("accept", "application/json")];
        Self { caller: Caller::with(server, key), headers }
    }

    /// It also calls a body-less request JSON.
    fn newer(server: &TestServer, key: &str) -> Self {
        let headers = &[("content-type", "application/json"), ("accept", "application/json")];
        Self { caller: Caller::with(server, key), headers }
    }

    async fn send(&self, method: Method, target: &str, body: Option<Value>) -> Answer {
        let mut request = self.caller.request(method, target);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            if self.headers.iter().all(|(name, _)| *name != "content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body.to_string());
        }
        self.caller.answer(request, target).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, None).await
    }
}

/// Checklist line 49, the older edition.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_client_maps_all_it_is_answered() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let environment = Environment::new(&server, false);
    let client = Client::older(&server, &environment.key);
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = json!({"server_deployments": [], "metadata": {"n": number}});
        let made: OlderSession = mapped(&client.send(Method::POST, "/sessions", Some(body)).await);
        assert_eq!(
            (made.status.as_str(), made.connection_status.as_str()),
            ("active", "disconnected")
        );
        assert_eq!((made.metadata["n"].as_u64(), made.server_deployments.len()), (Some(number), 0));
        assert_eq!(made.usage["total_productive_message_count"], 0);
        assert!(read_time(&made.updated_at) >= read_time(&made.created_at));
        ids.push(made.id);
    }
    let got: OlderSession = mapped(&client.get(&format!("/sessions/{}", ids[2])).await);
    assert_eq!(got.id, ids[2]);
    // Indexed lists, in brackets that are escaped.
    let target = "/sessions?status%5B0%5D=active&status%5B1%5D=deleted&limit=2&order=asc";
    let page: Page<OlderSession> = mapped(&client.get(target).await);
    assert_eq!(page.items.len(), 2);
    assert!(page.pagination.has_more_after && !page.pagination.has_more_before);
    let mut seen: Vec<String> = page.items.into_iter().map(|session| session.id).collect();
    loop {
        let target = format!("/sessions?limit=2&after={}", seen.last().unwrap());
        let page: Page<OlderSession> = mapped(&client.get(&target).await);
        seen.extend(page.items.into_iter().map(|session| session.id));
        if !page.pagination.has_more_after {
            break;
        }
    }
    assert_eq!(seen, ids);
    let messages = format!("/sessions/{}/messages", ids[0]);
    Caller::with(&server, &environment.key).say(&ids[0], "The roof leaks.").await;
    check_messages(&mapped(&client.get(&messages).await), &ids[0]);
    check_instance(&mapped(&client.get("/instance").await), &environment);
    let deleted = client.send(Method::DELETE, &format!("/sessions/{}", ids[0]), None).await;
    assert_eq!(mapped::<OlderSession>(&deleted).status, "deleted");
}

/// Checklist line 49, the newer edition.
#[tokio::test(flavor = "multi_thread")]
async fn the_newer_client_maps_all_it_is_answered() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let environment = Environment::new(&server, false);
    let path = format!("/organization/instances/{}", environment.id());
    let body = json!({"default_api_version": "2026-01-01"});
    Caller::manager(&server).post(&path, body).await.with_status(200);
    let client = Client::newer(&server, &environment.key);
    let mut ids = Vec::new();
    for _ in 0..5 {
        let body = json!({"name": "Call", "providers": []});
        let made: NewerSession = mapped(&client.send(Method::POST, "/sessions", Some(body)).await);
        assert_eq!(
            (made.status.as_str(), made.connection_state.as_str()),
            ("active", "disconnected")
        );
        assert_eq!(made.name.as_deref(), Some("Call"));
        assert!(made.providers.is_empty() && made.from_template_ids.is_empty());
        assert!(!made.has_errors && !made.has_warnings);
        assert_eq!(made.usage["total_productive_provider_message_count"], 0);
        assert!(read_time(&made.updated_at) >= read_time(&made.created_at));
        ids.push(made.id);
    }
    let got: NewerSession = mapped(&client.get(&format!("/sessions/{}", ids[2])).await);
    assert_eq!(got.id, ids[2]);
    // Numbers are floats, and lists repeat their key.
    let target = "/sessions?limit=2.0&order=asc&status=active&status=archived";
    let page: Page<NewerSession> = mapped(&client.get(target).await);
    assert!(page.pagination.has_more_after && !page.pagination.has_more_before);
    let mut seen: Vec<String> = page.items.into_iter().map(|session| session.id).collect();
    loop {
        let target = format!("/sessions?limit=2.0&after={}", seen.last().unwrap());
        let page: Page<NewerSession> = mapped(&client.get(&target).await);
        seen.extend(page.items.into_iter().map(|session| session.id));
        if !page.pagination.has_more_after {
            break;
        }
    }
    assert_eq!(seen, ids);
    Caller::with(&server, &environment.key).say(&ids[0], "The roof leaks.").await;
    let messages = format!("/session-messages?session_id={}", ids[0]);
    check_messages(&mapped(&client.get(&messages).await), &ids[0]);
    check_instance(&mapped(&client.get("/instance").await), &environment);
    let deleted = client.send(Method::DELETE, &format!("/sessions/{}", ids[0]), None).await;
    assert_eq!(mapped::<NewerSession>(&deleted).status, "deleted");
}

fn check_messages(page: &Page<Message>, session: &str) {
    let [message] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(message.session_id, session);
    assert!(message.id.starts_with("msg_"));
    assert_eq!((message.kind.as_str(), message.sender.kind.as_str()), ("user_message", "user"));
    assert_eq!(message.sender.object, "session.message.sender");
    assert_eq!(message.content["text"], "The roof leaks.");
    read_time(&message.created_at);
}

fn check_instance(instance: &Instance, environment: &Environment) {
    assert_eq!((&instance.id, &instance.project.id), (&environment.id(), &environment.project));
    assert!(!instance.name.is_empty() && !instance.project.name.is_empty());
    assert_eq!(instance.kind, "production");
    read_time(&instance.created_at);
    read_time(&instance.project.created_at);
}

/// Checklist line 50: an exception has its class by the status, and the rest from the body.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_tells_both_clients_its_code_hint_entity_and_fields() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let environment = Environment::new(&server, false);
    let with = |key: &str| [Client::older(&server, key), Client::newer(&server, key)];
    for client in with("metorial_sk_nobody") {
        let failure = failed(&client.get("/sessions").await, 401);
        assert_eq!(failure.code, "unauthorized");
        assert!(failure.hint.is_some_and(|hint| !hint.is_empty()));
    }
    for client in with(&environment.public_key) {
        assert_eq!(failed(&client.get("/sessions").await, 403).code, "forbidden");
    }
    for client in with(&environment.key) {
        let failure = failed(&client.get("/sessions/ses_x").await, 404);
        assert_eq!(
            (failure.code.as_str(), failure.entity.as_deref()),
            ("not_found", Some("session"))
        );
        let body = Some(json!({"name": 7, "metadata": []}));
        let failure = failed(&client.send(Method::POST, "/sessions", body).await, 422);
        assert_eq!(
            (failure.code.as_str(), failure.entity.as_deref()),
            ("invalid_data", Some("body"))
        );
        let mut paths: Vec<Vec<String>> =
            failure.errors.unwrap().into_iter().map(|field| field.path).collect();
        paths.sort();
        assert_eq!(paths, [["metadata"], ["name"]]);
    }
}

#[track_caller]
fn failed(answer: &Answer, status: u16) -> Failure {
    let failure: Failure = serde_json::from_value(answer.with_status(status)).unwrap();
    assert!(!failure.message.is_empty());
    // The one edition takes the id of a request from here.
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    failure
}
