//! What holds for every answer of the mnemoverse dialect, whatever the case.

use hebbd::api::dialects::mnemoverse::{PUBLIC_PATHS, ROUTES};
use hebbd::types::{Clock, SystemClock};
use serde_json::Value;

use crate::runner::{Answer, client};
use crate::support::TestServer;

/// A new route shows here, and needs cases.
pub(crate) const DOCUMENTED_ROUTES: &[&str] = &[
    "GET /api/v1/health",
    "GET /api/v1/health/ready",
    "POST /api/v1/memory/write",
    "POST /api/v1/memory/write-batch",
    "POST /api/v1/memory/write_batch",
    "POST /api/v1/memory/read",
    "POST /api/v1/memory/read-batch",
    "GET /api/v1/memory/stats",
    "GET /api/v1/memory/domains",
    "GET /api/v1/memory/export",
    "POST /api/v1/memory/atoms/by-external-ref",
    "GET /api/v1/memory/atoms/{atom_id}",
    "DELETE /api/v1/memory/atoms/{atom_id}",
];

/// The lines of the contract's checklist that data files cover. The others: 6, 8 to 10, 75 and 76
/// are checked here in Rust; 72 in `tests/api`; 5 with the key store; 74's second half needs a
/// broken store; the rest belong to routes that are not served.
pub(crate) const CHECKLIST: &[u32] = &[
    1, 2, 3, 4, 7, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    31, 32, 33, 34, 35, 36, 37, 39, 40, 42, 43, 44, 59, 60, 61, 62, 63, 64, 65, 69, 70, 71, 73, 74,
    80,
];

const CODES: &[&str] = &[
    "VALIDATION_ERROR",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "CONFLICT",
    "RATE_LIMITED",
    "SERVICE_UNAVAILABLE",
    "INTERNAL",
];

/// Checklist lines 9, 10 and 75, and the transport rules: JSON, no redirect, no empty success.
pub(crate) fn check_answer(answer: &Answer) -> Result<(), String> {
    if !answer.path.replace("//", "/").starts_with("/api/v1/") {
        return Ok(());
    }
    let id = answer.header("x-request-id").ok_or("there is no X-Request-Id")?;
    if answer.status >= 500 {
        return Err(format!("status {}", answer.status));
    }
    let is_export = answer.header("content-type") == Some("application/x-ndjson");
    if !is_export && answer.method != "HEAD" {
        let json = answer.json.as_ref().ok_or("the body is not JSON")?;
        let content_type = answer.header("content-type").unwrap_or_default();
        if !content_type.starts_with("application/json") {
            return Err(format!("the content type is {content_type:?}"));
        }
        if answer.status != 200 {
            check_error(json, id)?;
        }
    }
    let has_no_plan = answer.status == 401 || PUBLIC_PATHS.contains(&answer.path.as_str());
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        match answer.header(name).map(str::parse::<u64>) {
            None if has_no_plan => {}
            Some(Ok(_)) if !has_no_plan => {}
            other => return Err(format!("{name} is {other:?}")),
        }
    }
    Ok(())
}

fn check_error(json: &Value, id: &str) -> Result<(), String> {
    let members = json.as_object().ok_or("the error is no object")?;
    for name in ["code", "message", "requestId", "retryable", "details"] {
        members.get(name).ok_or_else(|| format!("the error lacks {name}"))?;
    }
    let code = json["code"].as_str().unwrap_or_default();
    if !CODES.contains(&code) {
        return Err(format!("the code {code:?} is not one of the dialect's"));
    }
    if json["requestId"].as_str() != Some(id) {
        return Err(format!("requestId {} is not the header's {id}", json["requestId"]));
    }
    let is_typed = json["message"].is_string() && json["retryable"].is_boolean();
    let is_detailed = json["details"].is_null() || json["details"].is_object();
    if is_typed && is_detailed { Ok(()) } else { Err(format!("a mistyped error: {json}")) }
}

/// Checklist line 6, and its reverse for the public routes.
pub(crate) async fn check_routes_without_a_key(server: &TestServer) {
    for (method, pattern) in ROUTES {
        let path = pattern.replace("{atom_id}", "0190a000-0000-7000-8000-000000000000");
        let url = format!("{}{path}", server.base_url);
        let answer = client().request(method.parse().unwrap(), url).send().await.unwrap();
        let expected = if PUBLIC_PATHS.contains(pattern) { 200 } else { 401 };
        assert_eq!(answer.status().as_u16(), expected, "{method} {pattern}");
    }
}

/// Checklist lines 75 and 76. The bucket refills while the test runs, so the refusal may come a
/// little after the 61st call, never before it.
pub(crate) async fn check_the_rate_limit(server: &TestServer) {
    let key = server.new_tenant_key_with_plan("free").await;
    let url = format!("{}/api/v1/memory/stats", server.base_url);
    let mut remaining_before = u64::MAX;
    for call in 1..=600 {
        let answer = client().get(&url).header("X-Api-Key", &key).send().await.unwrap();
        let number = |name: &str| {
            let value = answer.headers().get(name).unwrap_or_else(|| panic!("no {name}"));
            value.to_str().unwrap().parse::<u64>().unwrap()
        };
        assert_eq!(number("x-ratelimit-limit"), 60);
        let now = SystemClock.now().as_secs() as u64;
        let reset = number("x-ratelimit-reset");
        assert!((now..=now + 62).contains(&reset), "reset {reset}, now {now}");
        if answer.status() == 429 {
            assert!(call > 60, "refused at call {call}");
            assert!(number("retry-after") >= 1);
            let error: Value = answer.json().await.unwrap();
            assert_eq!(error["code"], "RATE_LIMITED");
            assert_eq!(error["retryable"], true);
            assert!(error["message"].as_str().unwrap().contains("60/min"), "{error}");
            return;
        }
        assert_eq!(answer.status(), 200);
        // Refilling may give one back between two calls.
        let remaining = number("x-ratelimit-remaining");
        assert!(remaining <= remaining_before.saturating_add(1));
        remaining_before = remaining;
    }
    panic!("600 calls and no refusal");
}

/// Checklist line 8: no client or person refuses a key of this form.
pub(crate) async fn check_the_form_of_keys(server: &TestServer) {
    let key = server.new_tenant_key().await;
    let digits = key.strip_prefix("mk_live_").unwrap_or_else(|| panic!("a key without prefix"));
    assert_eq!(digits.len(), 32, "a key has 32 digits");
    assert!(digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
}
