//! What must hold for every answer of the dialect: how errors look, the headers of limits, the
//! shapes and orders of what succeeds, and that no secret is told.

use hebbd::types::Timestamp;
use serde_json::Value;

use crate::runner::Answer;

type Checked = Result<(), String>;

/// What a limit that does not exist reports.
const UNLIMITED: i64 = 1_000_000;

/// Codes with their statuses and messages.
const CODES: [(u16, &str, &str); 6] = [
    (401, "UNAUTHORIZED", "Invalid or missing API key"),
    (403, "FORBIDDEN", "API key lacks required permissions"),
    (404, "NOT_FOUND", "Resource not found"),
    (429, "RATE_LIMITED", "Too many requests"),
    (500, "INTERNAL_ERROR", "Server error"),
    (503, "SERVICE_UNAVAILABLE", "Dependency unavailable"),
];

const ISSUES: [&str; 8] = [
    "Required field missing",
    "Invalid type",
    "Invalid value",
    "Must not be empty",
    "Must be true",
    "Out of range",
    "Too long",
    "Invalid JSON",
];

/// Checklist lines 15, 16, 35, 37 and 57, as far as one answer shows them.
pub(crate) fn check_answer(answer: &Answer) -> Checked {
    let Some(path) = path_below_base(answer) else { return Ok(()) };
    check_limit(answer, path)?;
    if answer.method == "HEAD" {
        return holds(answer.text.is_empty(), "there is a body");
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    holds(content_type.starts_with("application/json"), "the content type is not JSON's")?;
    let json = answer.json.as_ref().ok_or("the body is not JSON")?;
    holds(json.is_object(), "the body is no object")?;
    match answer.status {
        200..=299 => check_success(answer, path, json),
        status => check_error(answer, status, json),
    }
}

/// The path without the base and without what the older client's begin with.
fn path_below_base(answer: &Answer) -> Option<&str> {
    let path = answer.path.strip_prefix("/v1").unwrap_or(&answer.path);
    let is_based = path.len() < answer.path.len();
    let older = ["/api/memorize", "/api/events", "/api/retrieve", "/api/apps"];
    let is_older = older.iter().any(|first| path.starts_with(first));
    let is_ours = is_based || is_older || path == "/health";
    is_ours.then(|| path.strip_prefix("/api").unwrap_or(path))
}

/// Every counted answer says what the limit is, what is left and when the window ends.
fn check_limit(answer: &Answer, path: &str) -> Checked {
    let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let seen = names.map(|name| answer.header(name));
    if answer.status == 401 || answer.path == "/health" {
        return holds(seen == [None; 3], "an answer that is not counted has rate headers");
    }
    if matches!(answer.status, 403 | 404) && seen == [None; 3] {
        // A permission that is missing, and an unknown path, are not counted.
        return Ok(());
    }
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let [Some(limit), Some(remaining), Some(reset)] = seen.map(number) else {
        return Err(format!("the rate headers are {seen:?}"));
    };
    let documented = match (answer.method.as_str(), path) {
        ("GET" | "HEAD", _) => 500,
        (_, "/memorize") => 100,
        (_, "/retrieve") => 200,
        (_, "/events") => 500,
        (_, path) if path.starts_with("/webhooks/") => 1_000,
        _ => 100,
    };
    holds(limit == documented || limit == UNLIMITED, "the limit is not the documented one")?;
    holds((0..limit).contains(&remaining) || limit == UNLIMITED, "more is left than there was")?;
    holds(reset > 1_600_000_000 && reset < 10_000_000_000, "the end of the window is no second")?;
    let retry_after = number(answer.header("retry-after"));
    if answer.status == 429 {
        holds(remaining == 0, "a refused request has something left")?;
        let waits = retry_after.is_some_and(|seconds| (1..=60).contains(&seconds));
        return holds(waits, "a refused request is not told how long to wait");
    }
    Ok(())
}

fn check_error(answer: &Answer, status: u16, json: &Value) -> Checked {
    let error = &json["error"];
    let members = error.as_object().map_or(0, serde_json::Map::len);
    holds(json.as_object().is_some_and(|all| all.len() == 1), "there is more than the error")?;
    if status == 400 {
        holds(error["code"] == "VALIDATION_ERROR" && members == 3, "it is no validation error")?;
        let message = error["message"].as_str().unwrap_or_default();
        let known = ["Invalid request body", "Invalid query parameters"];
        holds(known.contains(&message), "the message is none of the contract's")?;
        let details = error["details"].as_object().ok_or("there are no details")?;
        let field = details.get("field").and_then(Value::as_str).unwrap_or_default();
        let issue = details.get("issue").and_then(Value::as_str).unwrap_or_default();
        holds(details.len() == 2 && !field.is_empty(), "the details are other ones")?;
        return holds(ISSUES.contains(&issue), "the issue is none of the contract's");
    }
    let known = CODES.iter().find(|(known, _, _)| *known == status);
    let (_, code, message) = known.ok_or("the contract has no such status")?;
    holds(error["code"] == *code && error["message"] == *message, "the words are other ones")?;
    holds(members == 2, "there is more than code and message")?;
    let challenge = answer.header("www-authenticate");
    holds(challenge.is_some() == (status == 401), "the challenge is not where it belongs")
}

fn check_success(answer: &Answer, path: &str, json: &Value) -> Checked {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (answer.method.as_str(), segments.as_slice()) {
        ("POST", ["memorize"]) => {
            holds(answer.status == 202 && json["status"] == "queued", "it is not queued")?;
            let takes = json["estimatedProcessingTime"].as_f64();
            holds(takes.is_some_and(|seconds| seconds >= 0.0), "the estimate is no number")?;
            check_id(&json["resourceId"], "res-").or_else(|_| check_id(&json["resourceId"], "evt-"))
        }
        ("POST", ["events"]) => {
            holds(answer.status == 202 && json["status"] == "queued", "it is not queued")?;
            check_id(&json["eventId"], "evt-")
        }
        ("GET", ["memorize", _, "status"]) => check_status(json),
        ("POST", ["retrieve"]) => check_retrieved(answer, json),
        ("GET", ["context", ..]) => check_summaries(&json["summaries"]),
        ("GET", ["categories", ..]) => check_page(json, "categories"),
        ("GET", ["entities", _, _]) => check_page(json, "entities"),
        ("POST", ["forget"]) => check_time(&json["deletedAt"]),
        ("POST", ["config", "webhooks"]) => {
            holds(answer.status == 201, "it is not created")?;
            holds(json.get("secret").is_none(), "the secret is told")?;
            check_id(&json["id"], "wh-").and_then(|()| check_time(&json["createdAt"]))
        }
        ("GET", ["health"]) => {
            holds(json["status"] == "healthy" && json["version"].is_string(), "it is not well")?;
            check_time(&json["timestamp"])
        }
        _ => Ok(()),
    }
}

fn check_status(json: &Value) -> Checked {
    let known = ["queued", "extracting", "writing", "completed", "failed"];
    let status = json["status"].as_str().unwrap_or_default();
    holds(known.contains(&status), "the status is none of the contract's")?;
    check_time(&json["startedAt"])?;
    let has_ended = matches!(status, "completed" | "failed");
    holds(json["completedAt"].is_string() == has_ended, "its end is not that of its status")?;
    holds(
        json["error"].is_string() == (status == "failed"),
        "its error is not that of its status",
    )?;
    let counts = ["factsExtracted", "factsWritten"];
    holds(counts.iter().all(|name| json[name].is_u64()), "what was found is no number")?;
    let remaining = &json["estimatedTimeRemaining"];
    holds(remaining.is_null() || remaining.is_number(), "what remains is no number")
}

fn check_retrieved(answer: &Answer, json: &Value) -> Checked {
    check_summaries(&json["summaries"])?;
    let items = json["relevantItems"].as_array().ok_or("there are no items")?;
    holds(items.len() <= 20, "there are more than twenty items")?;
    let mut last = f64::INFINITY;
    for item in items {
        check_id(&item["id"], "item-")?;
        check_time(&item["createdAt"])?;
        for name in ["appId", "userId", "resourceId", "content", "category", "importance"] {
            holds(item[name].is_string(), "an item lacks a member")?;
        }
        for name in ["confidence", "score"] {
            let number = item[name].as_f64().unwrap_or(-1.0);
            holds((0.0..=1.0).contains(&number), "a confidence or score is no share")?;
        }
        let score = item["score"].as_f64().unwrap_or_default();
        holds(score <= last, "the items are not in order")?;
        last = score;
        holds(item["accessCount"].is_u64() && item["archived"] == false, "an item is archived")?;
        let last_accessed = &item["lastAccessedAt"];
        holds(last_accessed.is_null() || check_time(last_accessed).is_ok(), "a time is none")?;
    }
    for entity in json["graphContext"].as_array().ok_or("there is no graph")? {
        holds(entity["name"].is_string() && entity["type"].is_string(), "an entity is none")?;
        holds(entity["properties"].is_object(), "an entity has no properties")?;
        for relation in entity["relationships"].as_array().ok_or("it has no relationships")? {
            holds(relation["type"] == relation["predicate"], "type and predicate differ")?;
        }
    }
    let asked = answer.sent.as_ref().map_or(&Value::Null, |sent| &sent["maxTokens"]);
    let budget = asked.as_u64().unwrap_or(2_000);
    let spent = json["tokenCount"].as_u64().ok_or("the tokens are not counted")?;
    holds(spent <= budget, "the budget is overspent")?;
    let chars = text_of(&json["summaries"], "")
        + items.iter().map(|item| text_of(item, "content")).sum::<usize>();
    holds(chars.div_ceil(4) as u64 <= budget, "there is more text than the budget allows")?;
    let query = answer.sent.as_ref().map(|sent| &sent["query"]);
    holds(query.is_none_or(|query| *query == json["query"]), "the query is another")
}

/// Characters of the texts under `name`, or of all members.
fn text_of(json: &Value, name: &str) -> usize {
    let chars = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
    match json.as_object() {
        Some(members) if name.is_empty() => members.values().map(chars).sum(),
        _ => chars(&json[name]),
    }
}

fn check_summaries(summaries: &Value) -> Checked {
    let summaries = summaries.as_object().ok_or("there are no summaries")?;
    let is_text = |text: &Value| text.as_str().is_some_and(|text| !text.is_empty());
    holds(summaries.values().all(is_text), "a summary is empty")
}

fn check_page(json: &Value, name: &str) -> Checked {
    if json["pagination"].is_null() && name == "categories" {
        // The older client's have no pages.
        return holds(json["categories"].is_array(), "there are no categories");
    }
    holds(json["data"].is_array() && json["data"] == json[name], "data is something else")?;
    let pagination = &json["pagination"];
    holds(pagination["total"] == json["total"] && json["total"].is_u64(), "the totals differ")?;
    holds(pagination["hasMore"] == json["hasMore"], "the ends differ")?;
    let has_more = json["hasMore"].as_bool().ok_or("hasMore is neither true nor false")?;
    let has_cursor = pagination.get("nextCursor").is_some_and(Value::is_string);
    holds(has_cursor == has_more, "the cursor is not where there is more")?;
    let count = json["data"].as_array().map_or(0, Vec::len) as u64;
    holds(pagination["limit"].as_u64().is_some_and(|limit| count <= limit), "the page is too long")
}

fn check_id(id: &Value, prefix: &str) -> Checked {
    let rest = id.as_str().and_then(|id| id.strip_prefix(prefix)).unwrap_or_default();
    holds(uuid::Uuid::parse_str(rest).is_ok(), "an id is none of ours")
}

fn check_time(time: &Value) -> Checked {
    let text = time.as_str().unwrap_or_default();
    holds(text.ends_with('Z') && Timestamp::parse(text).is_some(), "a time is none")
}

fn holds(is_so: bool, otherwise: &str) -> Checked {
    if is_so { Ok(()) } else { Err(otherwise.to_owned()) }
}
