//! Correlation ids: one for each request, the same in header and body, the caller's if there is a
//! sane one.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::{Uuid, Variant};

use super::caller::{Caller, organization, scope};
use crate::runner::Answer;
use crate::support::TestServer;

/// Requests that are answered with about every status there is.
async fn answers(
    caller: &Caller,
    nobody: &Caller,
    headers: &[(&str, &str)],
    key: &str,
) -> Vec<(u16, Answer)> {
    let question = json!({"scope": scope("s"), "q": "anything"}).to_string();
    let unknown = json!({"api_key": "tex_live_unknown"}).to_string();
    let revoke = format!("/me/api-keys/{key}");
    let long = json!({"refresh_token": "x".repeat(70_000)}).to_string();
    let requests = [
        (200, caller, Method::POST, "/recall", question.as_str()),
        (200, caller, Method::GET, "/me", ""),
        (200, nobody, Method::GET, "/.well-known/jwks.json", ""),
        (200, nobody, Method::GET, "/health", ""),
        (201, nobody, Method::POST, "/signup", "{}"),
        (204, caller, Method::DELETE, &revoke, ""),
        (400, caller, Method::POST, "/recall", "{"),
        (401, nobody, Method::GET, "/me", ""),
        (401, nobody, Method::POST, "/auth/token-exchange", &unknown),
        (401, nobody, Method::POST, "/recall", &long),
        (403, nobody, Method::POST, "/auth/login", "{}"),
        (404, nobody, Method::GET, "/nothing", ""),
        (404, nobody, Method::GET, "/recall/x", ""),
        (405, nobody, Method::PATCH, "/recall", ""),
        (413, nobody, Method::POST, "/auth/refresh", &long),
        (422, caller, Method::POST, "/recall", "{}"),
    ];
    let mut answers = Vec::new();
    for (status, who, method, target, body) in requests {
        let body = (!body.is_empty()).then(|| body.to_owned());
        let answer = who.send(method, target, headers, body).await;
        answer.with_status(status);
        answers.push((status, answer));
    }
    answers
}

/// Checklist lines 24 and 25. That body and header agree is checked with every answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_fresh_random_id_when_the_caller_has_none() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &organization.token);
    let key = organization.key_id.to_string();
    let mut seen = HashSet::new();
    for (status, answer) in answers(&caller, &Caller::nobody(&server), &[], &key).await {
        let id = answer.header("x-correlation-id").unwrap();
        let uuid = Uuid::parse_str(id).unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, Variant::RFC4122), "{id}");
        assert_eq!(uuid.to_string(), id, "in the usual spelling");
        assert!(seen.insert(uuid), "{status}: {id} was there before");
    }
}

/// Checklist lines 24 and 25.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_repeats_the_caller_s_id() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &organization.token);
    let key = organization.key_id.to_string();
    let id = "4F1D8E3C-2a9b-4c0d-9e6f-1a2b3c4d5e6f";
    let headers = [("X-Correlation-ID", id)];
    for (status, answer) in answers(&caller, &Caller::nobody(&server), &headers, &key).await {
        assert_eq!(answer.header("x-correlation-id"), Some(id), "{status}");
        let is_plain_error = status >= 400 && status != 422;
        let expected = if is_plain_error { json!(id) } else { Value::Null };
        let body = answer.json.unwrap_or_default();
        assert_eq!(body.get("request_id").cloned().unwrap_or_default(), expected, "{status}");
    }
    // The same again is another request like any: an id identifies, it does not replay.
    let headers = [("X-Correlation-ID", id)];
    for number in 0..3 {
        let turn = json!({"role": "user", "text": format!("turn {number}"), "timestamp": "now"});
        let body = json!({"scope": scope("s"), "turns": [turn]}).to_string();
        let answer = caller.send(Method::POST, "/ingestion/memory", &headers, Some(body)).await;
        assert_ne!(answer.with_status(202)["usage"]["tokens_in"], 0);
    }
}
