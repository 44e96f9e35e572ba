//! What must hold for every answer of the dialect: how errors look, that no secret is shown again,
//! and what each route's answer has in it whatever was asked.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::recall_answers::check_recall;
use crate::runner::Answer;

pub(super) type Checked = Result<(), String>;

/// Members of what is shown of a key.
const KEY_MEMBERS: [&str; 9] = [
    "id",
    "prefix",
    "display_id",
    "name",
    "scopes",
    "is_active",
    "created_at",
    "last_used_at",
    "revoked_at",
];

/// Checklist lines 2, 19, 24, 26, 27, 44, 46, 47, 50, 51, 54 and 55, as far as one answer shows
/// them.
pub(crate) fn check_answer(answer: &Answer) -> Checked {
    if answer.path.starts_with("/api/") || answer.path.starts_with("/admin/") {
        return Ok(());
    }
    let id = answer.header("x-correlation-id").ok_or("there is no X-Correlation-ID")?;
    if (300..400).contains(&answer.status) {
        return Err("no client follows a redirect".to_owned());
    }
    check_secrets(answer)?;
    if answer.status == 204 || answer.method == "HEAD" {
        return holds(answer.text.is_empty(), "there is a body");
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    holds(content_type.starts_with("application/json"), "the content type is not JSON's")?;
    let json = answer.json.as_ref().ok_or("the body is not JSON")?;
    match answer.status {
        200..=299 => check_success(answer, json),
        422 => check_validation(json),
        _ => check_error(answer, json, id),
    }
}

/// A whole key stands only in the answer to what made it, once.
fn check_secrets(answer: &Answer) -> Checked {
    static SECRET: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("tex_live_[A-Za-z0-9_-]{43}").unwrap());
    let makes_key = answer.method == "POST"
        && matches!(answer.path.as_str(), "/signup" | "/me/api-keys")
        && answer.status == 201;
    let count = SECRET.find_iter(&answer.text).count();
    holds(count == usize::from(makes_key), "it shows a key where it must not, or none")
}

fn check_error(answer: &Answer, json: &Value, id: &str) -> Checked {
    let members = exactly(json, &["error", "message", "details", "timestamp", "request_id"])?;
    let status = answer.status;
    holds(members["error"] == format!("HTTP {status}"), "`error` is not the status")?;
    holds(members["message"].as_str().is_some_and(|text| !text.is_empty()), "no message")?;
    check_form(&members["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")?;
    holds(members["request_id"] == id, "`request_id` is not the header's")?;
    let retry_after = answer.header("retry-after");
    match status {
        429 => {
            holds(retry_after.is_none(), "a spent quota tells nobody to wait")?;
            return check_quota(members);
        }
        503 => {
            let pause = retry_after.and_then(|text| text.parse::<u64>().ok());
            holds(pause.is_some_and(|s| (1..=30).contains(&s)), "no small Retry-After")?;
        }
        500.. => return Err(format!("status {status}")),
        401 => {
            let challenge = answer.header("www-authenticate");
            holds(challenge.is_some_and(|it| it.starts_with("Bearer")), "no challenge")?;
        }
        405 => holds(answer.header("allow").is_some(), "no Allow")?,
        _ => {}
    }
    holds(members["details"].is_null(), "a plain error has details")
}

fn check_quota(error: &Map<String, Value>) -> Checked {
    let details = error["details"].as_object().ok_or("no details")?;
    let has = |name: &str| details.get(name).is_some_and(|value| !value.is_null());
    holds(details["error"] == "quota_exceeded", "no code")?;
    holds(details["retryable"] == false, "clients would try again")?;
    holds(details["message"] == error["message"], "two messages")?;
    let kind = details.get("kind").and_then(Value::as_str).ok_or("no kind")?;
    let is_daily = kind.ends_with("_daily");
    let names = ["used", "limit", "period", "period_start", "resets_at"];
    holds(!is_daily || names.into_iter().all(has), "the details lack something")
}

fn check_validation(json: &Value) -> Checked {
    let problems = exactly(json, &["detail"])?["detail"].as_array().ok_or("no list")?;
    holds(!problems.is_empty(), "nothing is wrong with it")?;
    for problem in problems {
        let members = problem.as_object().ok_or("a problem is no object")?;
        for name in ["type", "loc", "msg", "input"] {
            holds(members.contains_key(name), "a problem lacks something")?;
        }
        let place = members["loc"].as_array().ok_or("a place is no list")?;
        let whole = place.first().and_then(Value::as_str).unwrap_or_default();
        holds(matches!(whole, "body" | "query" | "path"), "a place begins elsewhere")?;
        holds(place.iter().all(|step| step.is_string() || step.is_u64()), "a step of no kind")?;
        for name in ["type", "msg"] {
            holds(members[name].as_str().is_some_and(|text| !text.is_empty()), "it says nothing")?;
        }
    }
    Ok(())
}

fn check_success(answer: &Answer, json: &Value) -> Checked {
    match (answer.method.as_str(), answer.path.as_str()) {
        ("POST", "/signup") => {
            let members = exactly(json, &["org_id", "user_id", "api_key", "key"])?;
            check_new_key(members)
        }
        ("POST", "/me/api-keys") => check_new_key(exactly(json, &["api_key", "key"])?),
        ("POST", "/auth/token-exchange" | "/auth/refresh" | "/auth/login") => check_tokens(json),
        ("GET", "/auth/verify") => {
            let tenant = has(json, &["valid", "tenant"])?["tenant"].clone();
            has(&tenant, &["org_id", "user_id", "session_id", "roles"]).map(drop)
        }
        ("GET", "/me") => check_keys(&has(json, &["org_id", "user_id", "api_keys"])?["api_keys"]),
        ("GET", "/me/api-keys") => check_keys(json),
        ("POST", "/ingestion/memory") => check_ingestion(json),
        ("POST", "/recall") => check_recall(answer, json),
        ("GET", "/usage/today") => {
            let counts =
                ["tokens_in_used", "tokens_out_used", "tokens_in_limit", "tokens_out_limit"];
            check_counts(has(json, &["period", "period_start", "period_end"])?, &counts)
        }
        ("GET", "/usage/summary") => {
            check_counts(has(json, &["period", "start", "end"])?, &["tokens_in", "tokens_out"])
        }
        _ => Ok(()),
    }
}

fn check_new_key(members: &Map<String, Value>) -> Checked {
    check_form(&members["api_key"], "^tex_live_[A-Za-z0-9_-]{43}$")?;
    check_key(&members["key"])?;
    let shown = members["key"]["display_id"].as_str().unwrap_or_default();
    let random = members["api_key"].as_str().unwrap_or_default().trim_start_matches("tex_live_");
    holds(shown.len() == 8 && random.starts_with(shown), "`display_id` is not the key's")
}

fn check_keys(json: &Value) -> Checked {
    let keys = json.as_array().ok_or("the keys are no list")?;
    keys.iter().try_for_each(check_key)?;
    let made: Vec<_> = keys.iter().map(|key| key["created_at"].as_str()).collect();
    holds(made.is_sorted_by(|one, next| one >= next), "the newest key is not the first")
}

fn check_key(json: &Value) -> Checked {
    let key = exactly(json, &KEY_MEMBERS)?;
    check_form(&key["id"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")?;
    holds(key["prefix"] == "tex_live_", "another prefix")?;
    holds(key["is_active"] == key["revoked_at"].is_null(), "neither active nor revoked")?;
    for name in ["created_at", "last_used_at", "revoked_at"] {
        if name == "created_at" || !key[name].is_null() {
            check_form(&key[name], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$")?;
        }
    }
    let scopes = key["scopes"].as_array().ok_or("scopes are no list")?;
    holds(scopes.iter().all(Value::is_string), "a scope is no text")
}

fn check_tokens(json: &Value) -> Checked {
    let members = has(json, &["access_token", "refresh_token", "token_type", "expires_in"])?;
    for name in ["access_token", "refresh_token"] {
        check_form(&members[name], r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")?;
    }
    holds(members["token_type"] == "bearer", "another type of token")?;
    holds(members["expires_in"].is_u64(), "`expires_in` is no integer")
}

fn check_ingestion(json: &Value) -> Checked {
    let members = has(json, &["job_id", "active_fragment_ids", "passive_job_id", "usage"])?;
    check_form(&members["job_id"], "^[0-9a-f]{32}$")?;
    holds(members["passive_job_id"].is_null(), "`passive_job_id` is reserved")?;
    let ids = members["active_fragment_ids"].as_array().ok_or("ids are no list")?;
    ids.iter().try_for_each(|id| check_form(id, "^[0-9a-f]{64}$"))?;
    check_usage(&members["usage"])?;
    holds(members["usage"]["tokens_out"] == 0, "an ingestion answers with no tokens")
}

pub(super) fn check_usage(json: &Value) -> Checked {
    let members = exactly(json, &["tokens_in", "tokens_out"])?;
    check_counts(members, &["tokens_in", "tokens_out"])
}

fn check_counts(members: &Map<String, Value>, names: &[&str]) -> Checked {
    let are_counts = names.iter().all(|name| members.get(*name).is_some_and(Value::is_u64));
    holds(are_counts, "a count is no whole number")
}

pub(super) fn check_form(value: &Value, form: &str) -> Checked {
    let fits = value.as_str().is_some_and(|text| Regex::new(form).unwrap().is_match(text));
    holds(fits, &format!("{value} is not {form}"))
}

/// The members of an object that has these and no others.
pub(super) fn exactly<'a>(
    json: &'a Value,
    names: &[&str],
) -> Result<&'a Map<String, Value>, String> {
    let members = has(json, names)?;
    if members.len() == names.len() { Ok(members) } else { Err(format!("more than {names:?}")) }
}

/// The members of an object that has at least these.
pub(super) fn has<'a>(json: &'a Value, names: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let members = json.as_object().ok_or("it is no object")?;
    match names.iter().find(|name| !members.contains_key(**name)) {
        None => Ok(members),
        Some(name) => Err(format!("{name} is missing")),
    }
}

pub(super) fn holds(condition: bool, otherwise: &str) -> Checked {
    if condition { Ok(()) } else { Err(otherwise.to_owned()) }
}
