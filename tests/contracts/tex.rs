//! What holds for every answer of the Tex dialect, whatever the case.

mod settings;

use hebbd::api::dialects::tex::{PUBLIC_PATHS, ROUTES};
use hebbd::types::Timestamp;
use serde_json::Value;

use crate::runner::{Answer, client};
use crate::support::TestServer;

/// A new route shows here, and needs cases.
const DOCUMENTED_ROUTES: &[&str] = &[
    "POST /signup",
    "POST /auth/token-exchange",
    "POST /auth/refresh",
    "POST /auth/login",
    "GET /.well-known/jwks.json",
    "GET /auth/verify",
    "GET /me",
    "GET /me/api-keys",
    "POST /me/api-keys",
    "DELETE /me/api-keys/{id}",
    "POST /ingestion/memory",
    "POST /recall",
    "GET /usage/today",
    "GET /usage/summary",
];

/// Checklist lines 24, 26 and 27, and that a pause is short and never suggested for a quota.
pub(crate) fn check_answer(answer: &Answer) -> Result<(), String> {
    let id = answer.header("x-correlation-id").ok_or("there is no X-Correlation-ID")?;
    if answer.status >= 500 && answer.status != 503 {
        return Err(format!("status {}", answer.status));
    }
    let pause = answer.header("retry-after").map(str::parse::<u64>);
    match (answer.status, pause) {
        (503, Some(Ok(1..=30))) => {}
        (status, None) if status != 503 => {}
        (status, pause) => return Err(format!("Retry-After is {pause:?} with a {status}")),
    }
    if answer.method == "HEAD" || answer.status == 204 {
        let is_empty = answer.text.is_empty();
        return if is_empty { Ok(()) } else { Err("the body is not empty".to_owned()) };
    }
    let json = answer.json.as_ref().ok_or("the body is not JSON")?;
    let content_type = answer.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err(format!("the content type is {content_type:?}"));
    }
    match answer.status {
        200..=299 => Ok(()),
        422 => check_problems(json),
        status => check_error(json, status, id),
    }
}

fn check_error(json: &Value, status: u16, id: &str) -> Result<(), String> {
    let members = json.as_object().ok_or("the error is no object")?;
    let names: Vec<_> = members.keys().map(String::as_str).collect();
    if names != ["details", "error", "message", "request_id", "timestamp"] {
        return Err(format!("the error has the keys {names:?}"));
    }
    if json["error"] != format!("HTTP {status}") || json["request_id"] != id {
        return Err(format!("the error does not fit its head: {json}"));
    }
    let timestamp = json["timestamp"].as_str().unwrap_or_default();
    let is_typed = json["message"].is_string()
        && (json["details"].is_null() || json["details"].is_object())
        && timestamp.ends_with('Z')
        && timestamp.len() == 20
        && Timestamp::parse(timestamp).is_some();
    if is_typed { Ok(()) } else { Err(format!("a mistyped error: {json}")) }
}

fn check_problems(json: &Value) -> Result<(), String> {
    let members = json.as_object().ok_or("the answer is no object")?;
    let problems = json["detail"].as_array().filter(|_| members.len() == 1);
    let problems = problems.filter(|problems| !problems.is_empty()).ok_or("no detail")?;
    for problem in problems {
        let place = problem["loc"].as_array().ok_or("a problem without a place")?;
        let is_typed = problem["type"].is_string() && problem["msg"].is_string();
        let is_placed = place
            .first()
            .is_some_and(|first| ["body", "query", "path"].iter().any(|known| first == known));
        if !is_typed || !is_placed {
            return Err(format!("a mistyped problem: {problem}"));
        }
    }
    Ok(())
}

/// Checklist line 13.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_but_the_public_ones_refuses_a_caller_without_a_good_token() {
    let server = TestServer::start().await;
    for (method, pattern) in ROUTES.iter().filter(|(_, path)| !PUBLIC_PATHS.contains(path)) {
        let path = pattern.replace("{id}", "0190a000-0000-4000-8000-000000000000");
        for (credential, message) in [
            (None, "Not authenticated"),
            (Some("Basic dXNlcjpwYXNz"), "Not authenticated"),
            (Some("Bearer nonsense"), "Invalid token"),
            (Some("Bearer tex_live_0123456789012345678901234567890123456789012"), "Invalid token"),
        ] {
            let url = format!("{}{path}", server.base_url);
            let mut request = client().request(method.parse().unwrap(), url);
            if *method == "POST" {
                request = request.body("{}");
            }
            if let Some(credential) = credential {
                request = request.header("Authorization", credential);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 401, "{method} {pattern} with {credential:?}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert_eq!(body["message"], message, "{method} {pattern} with {credential:?}");
        }
    }
}

#[test]
fn the_route_table_is_the_documented_one() {
    let mounted: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(mounted, DOCUMENTED_ROUTES);
}
