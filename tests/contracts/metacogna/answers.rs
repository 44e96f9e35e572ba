//! What must hold for every answer of the dialect: the headers for other origins, what is left of a
//! minute's chats and searches, how errors look, and that nothing is shown that stands for a
//! password. What successes hold is checked in [`super::shapes`].

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::shapes::{check_success, events};
use crate::runner::Answer;

pub(super) type Checked = Result<(), String>;

const CHAT: &str = "/api/chat";
const SEARCH: &str = "/api/search";

/// Checklist lines 3, 4, 8, 46, 51, 58 and 59, as far as one answer shows them.
pub(crate) fn check_answer(answer: &Answer) -> Checked {
    let is_ours = answer.path == "/" || answer.path.starts_with("/api/");
    if !is_ours || answer.path.starts_with("/api/v1/") {
        return Ok(());
    }
    answer.header("x-request-id").ok_or("there is no X-Request-Id")?;
    check_origins(answer)?;
    check_secrets(answer)?;
    if answer.method == "OPTIONS" {
        holds(answer.status == 200, "a preflight is always answered")?;
    }
    if matches!(answer.method.as_str(), "OPTIONS" | "HEAD") {
        return holds(answer.text.is_empty(), "there is a body");
    }
    check_limit(answer)?;
    let content_type = answer.header("content-type").unwrap_or_default();
    if answer.status == 200 && answer.path == CHAT && is_streamed(answer) {
        holds(content_type == "text/event-stream", "the content type is not that of events")?;
        return events(&answer.text).map(drop);
    }
    holds(content_type.starts_with("application/json"), "the content type is not JSON's")?;
    let json = answer.json.as_ref().ok_or("the body is not JSON")?;
    match answer.status {
        200..=299 => {
            holds(json.is_object(), "the body is no object")?;
            check_success(answer, json)
        }
        _ => check_error(answer, json),
    }
}

fn is_streamed(answer: &Answer) -> bool {
    answer.sent.as_ref().is_some_and(|sent| sent["stream"] == true)
}

/// Every answer to a counted request, and no other, says what is left and until when.
fn check_limit(answer: &Answer) -> Checked {
    let is_counted = match answer.path.as_str() {
        CHAT => answer.method == "POST",
        SEARCH => matches!(answer.method.as_str(), "GET" | "POST"),
        _ => false,
    };
    let number = |name: &str| answer.header(name).and_then(|text| text.parse::<i64>().ok());
    let (remaining, reset) = (number("x-ratelimit-remaining"), number("x-ratelimit-reset"));
    if !is_counted || answer.status == 401 {
        let header = answer.header("x-ratelimit-remaining").or(answer.header("x-ratelimit-reset"));
        return holds(header.is_none(), "it counts what is not counted");
    }
    let (Some(remaining), Some(reset)) = (remaining, reset) else {
        return Err("it does not say what is left of the minute".to_owned());
    };
    holds((0..=20).contains(&remaining), "more is left than there is")?;
    holds(reset > 1_000_000_000_000, "the window's end is not in milliseconds")?;
    if answer.status == 429 {
        let json = answer.json.as_ref().ok_or("the body is not JSON")?;
        holds(remaining == 0, "it refuses although something is left")?;
        holds(json["resetAt"] == reset, "`resetAt` is not the header's")?;
    }
    Ok(())
}

fn check_origins(answer: &Answer) -> Checked {
    let header = |name: &str| answer.header(name).unwrap_or_default();
    let origin = header("access-control-allow-origin");
    let may_send_cookies = answer.header("access-control-allow-credentials").is_some();
    holds(!origin.is_empty() && (origin == "*") != may_send_cookies, "not the origin's headers")?;
    let methods = header("access-control-allow-methods");
    holds(methods == "GET, POST, DELETE, OPTIONS", "not the methods")?;
    let headers = header("access-control-allow-headers");
    holds(headers == "Content-Type, Authorization", "not the headers")
}

/// No hash of any kind, in whatever member.
fn check_secrets(answer: &Answer) -> Checked {
    static HASH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b[0-9a-fA-F]{64}\b|\$argon2").unwrap());
    holds(!HASH.is_match(&answer.text), "it shows a hash")?;
    let sets_cookie = answer.header("set-cookie").is_some();
    let may_set = answer.path.starts_with("/api/auth/") && answer.status == 200;
    holds(!sets_cookie || may_set, "it sets a cookie")
}

fn check_error(answer: &Answer, json: &Value) -> Checked {
    holds(json["success"] == false, "`success` is not false")?;
    holds(json["error"].as_str().is_some_and(|text| !text.is_empty()), "no error")?;
    let names_document = json.get("documentId").is_none_or(Value::is_string);
    holds(names_document, "the document's id is no text")?;
    let message = json.get("message");
    holds(message.is_none_or(Value::is_string), "the message is no text")?;
    let resets = json.get("resetAt").is_some_and(Value::is_i64);
    holds(resets == (answer.status == 429), "`resetAt` does not fit the status")?;
    let pauses = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok());
    holds(pauses.is_some_and(|s| s >= 1) == matches!(answer.status, 429 | 503), "Retry-After")?;
    match answer.status {
        404 if json["error"] == "Not Found" => {
            let message = format!("The requested path '{}' was not found.", answer.path);
            holds(json["message"] == message, "the message does not name the path")?;
            let endpoints = json["availableEndpoints"].as_array();
            let lists = endpoints.is_some_and(|all| all.iter().all(Value::is_string));
            holds(lists, "no available endpoints")
        }
        429 => holds(json["error"] == "Rate limit exceeded", "not the text of a limit"),
        400..=499 | 503 => Ok(()),
        status => Err(format!("status {status}")),
    }
}

pub(super) fn holds(condition: bool, otherwise: &str) -> Checked {
    condition.then_some(()).ok_or_else(|| otherwise.to_owned())
}
