//! What holds for every answer of the mnemoverse dialect, whatever the case, and what no case can
//! say: broken stores, plans, keys that are revoked, and the tables that leave nothing out.

mod caller;
mod checklist;
mod keys;
mod learning;
mod outages;
mod plans;
mod resetting;

use hebbd::api::dialects::mnemoverse::{PUBLIC_PATHS, ROUTES};
use serde_json::Value;

use crate::runner::{Answer, client};
use crate::support::TestServer;

/// A new route shows here, and needs cases.
const DOCUMENTED_ROUTES: &[&str] = &[
    "GET /api/v1/health",
    "GET /api/v1/health/ready",
    "POST /api/v1/memory/write",
    "POST /api/v1/memory/write-batch",
    "POST /api/v1/memory/write_batch",
    "POST /api/v1/memory/read",
    "POST /api/v1/memory/read-batch",
    "POST /api/v1/memory/query",
    "POST /api/v1/memory/recent",
    "POST /api/v1/memory/graph",
    "POST /api/v1/memory/feedback",
    "POST /api/v1/memory/consolidate",
    "GET /api/v1/memory/stats",
    "GET /api/v1/memory/domains",
    "GET /api/v1/memory/export",
    "DELETE /api/v1/memory/domain/{domain}",
    "DELETE /api/v1/memory/reset",
    "POST /api/v1/memory/atoms/by-external-ref",
    "GET /api/v1/memory/atoms/{atom_id}",
    "DELETE /api/v1/memory/atoms/{atom_id}",
    "GET /api/v1/memory/atoms/{atom_id}/chain",
    "GET /api/v1/memory/rooms",
    "POST /api/v1/memory/rooms",
    "POST /api/v1/memory/rooms/join",
    "GET /api/v1/memory/rooms/{room_id}/invites",
    "POST /api/v1/memory/rooms/{room_id}/invites",
    "GET /api/v1/vault/secrets",
    "POST /api/v1/vault/secrets",
    "GET /api/v1/vault/secrets/by-alias/{alias}",
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

/// Checklist lines 6 and 7.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_but_the_public_ones_refuses_a_caller_without_a_good_key() {
    let server = TestServer::start().await;
    for (method, pattern) in ROUTES {
        let path = pattern.replace("{atom_id}", "0190a000-0000-7000-8000-000000000000");
        let expected = if PUBLIC_PATHS.contains(pattern) { 200 } else { 401 };
        for key in [None, Some("mk_live_0123456789abcdef0123456789abcdef"), Some("nonsense")] {
            let url = format!("{}{path}", server.base_url);
            let mut request = client().request(method.parse().unwrap(), url);
            if let Some(key) = key {
                request = request.header("X-Api-Key", key);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{method} {pattern} with {key:?}");
        }
    }
}

#[test]
fn the_route_table_is_the_documented_one() {
    let mounted: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(mounted, DOCUMENTED_ROUTES);
}
