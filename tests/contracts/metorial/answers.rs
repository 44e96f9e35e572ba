//! What must hold for every answer of the dialect: who asked is told a request id, errors are the
//! one object, lists are whole, ids and times look as they should, and an object has the members of
//! the version that is spoken.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::shapes::{self, SHAPES};
use crate::runner::Answer;

type Checked = Result<(), String>;

/// What a limit that does not exist reports.
const UNLIMITED: i64 = 1_000_000;

/// Statuses with their codes.
const CODES: [(u16, &[&str]); 10] = [
    (400, &["bad_request", "invalid_version"]),
    (401, &["unauthorized"]),
    (403, &["forbidden"]),
    (404, &["not_found"]),
    (409, &["conflict"]),
    (413, &["payload_too_large"]),
    (422, &["invalid_data"]),
    (429, &["rate_limit_exceeded"]),
    (500, &["internal_server_error"]),
    (503, &["service_unavailable"]),
];

const FIELD_CODES: [&str; 13] = [
    "invalid_type",
    "invalid_enum",
    "invalid_literal",
    "invalid_min",
    "invalid_max",
    "invalid_integer",
    "invalid_min_length",
    "invalid_max_length",
    "max_length",
    "invalid_regex",
    "invalid_prefix",
    "invalid_url",
    "invalid_email",
];

const ERROR_MEMBERS: [&str; 11] = [
    "object",
    "ok",
    "status",
    "code",
    "message",
    "hint",
    "description",
    "reason",
    "entity",
    "id",
    "errors",
];

/// Members that hold the id of something, and what such an id begins with.
const REFERENCES: [(&str, &str); 11] = [
    ("session_id", "ses_"),
    ("thread_id", "thread_"),
    ("agent_id", "agent_"),
    ("file_id", "file_"),
    ("message_id", "msg_"),
    ("message_item_id", "msg_"),
    ("message_group_id", "mgrp_"),
    ("parent_message_group_id", "mgrp_"),
    ("instance_id", "ins_"),
    ("organization_id", "org_"),
    ("project_id", "prj_"),
];

static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[a-z]+_[0-9A-Za-z]+$").unwrap());
static CHOSEN_ID: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[0-9A-Za-z._:@+~=-]+$").unwrap());
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$").unwrap());

/// Checklist lines 18, 22, 26, 27, 36, 37 and 41, as far as one answer shows them.
pub(crate) fn check_answer(answer: &Answer) -> Checked {
    check_request_id(answer)?;
    if answer.method == "OPTIONS" {
        return holds(answer.status == 204 && answer.text.is_empty(), "it is no empty 204");
    }
    check_headers(answer)?;
    if answer.path.starts_with("/files/retrieve/") && answer.status == 200 {
        return Ok(());
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    holds(content_type.starts_with("application/json"), "the content type is not JSON's")?;
    if answer.method == "HEAD" {
        return holds(answer.text.is_empty(), "there is a body");
    }
    let json = answer.json.as_ref().ok_or("the body is not JSON")?;
    let members = json.as_object().ok_or("the body is no object")?;
    if answer.status == 200 {
        return check_value(json, answer.header("metorial-version").unwrap_or_default());
    }
    holds(answer.status >= 400, "a success is another than 200")?;
    check_error(answer, members)
}

fn check_request_id(answer: &Answer) -> Checked {
    let id = answer.header("metorial-req-id").ok_or("the request has no id")?;
    holds(answer.header("x-request-id") == Some(id), "the request has two ids")?;
    holds(id.starts_with("req_") && ID.is_match(id), "the request's id is none")
}

/// Whoever shows a good key is told what is left of its window and which version is spoken.
fn check_headers(answer: &Answer) -> Checked {
    let is_keyless = ["/files/retrieve/", "/metorial/"]
        .iter()
        .any(|open| answer.path.starts_with(open) && answer.status != 429);
    let challenge = answer.header("www-authenticate");
    holds(
        challenge == (answer.status == 401).then_some("Bearer"),
        "the challenge is not where it belongs",
    )?;
    if answer.status == 401 || is_keyless {
        return Ok(());
    }
    let number = |name: &str| answer.header(name).and_then(|text| text.parse::<i64>().ok());
    let limit = number("ratelimit-limit").ok_or("the limit is not told")?;
    let remaining = number("ratelimit-remaining").ok_or("what is left is not told")?;
    let reset = number("ratelimit-reset").ok_or("when there is more is not told")?;
    let has_room = (0..limit).contains(&remaining) || limit == UNLIMITED;
    holds(has_room, "more is left than there was")?;
    holds((1_600_000_000..10_000_000_000).contains(&reset), "the time of more is no second")?;
    let wait = answer.header("retry-after");
    if answer.status == 429 {
        holds(remaining == 0, "a refused request has something left")?;
        let is_wait = wait.and_then(|text| text.parse::<u32>().ok()).is_some_and(|wait| wait >= 1);
        return holds(is_wait, "a refused request is not told how long to wait");
    }
    let code = answer.json.as_ref().map(|json| &json["code"]);
    if code.is_some_and(|code| code == "invalid_version") {
        return Ok(());
    }
    let version = answer.header("metorial-version").unwrap_or_default();
    holds(shapes::VERSIONS.contains(&version), "the version is not told")
}

fn check_error(answer: &Answer, error: &Map<String, Value>) -> Checked {
    let member = |name: &str| error.get(name).unwrap_or(&Value::Null);
    holds(*member("object") == "error" && *member("ok") == false, "it is no error object")?;
    holds(*member("status") == answer.status, "the statuses differ")?;
    let unknown = error.keys().find(|name| !ERROR_MEMBERS.contains(&name.as_str()));
    holds(unknown.is_none(), "the error has a member that the contract does not know")?;
    let known = CODES.iter().find(|(status, _)| *status == answer.status);
    let (_, codes) = known.ok_or("the contract has no such status")?;
    let code = member("code").as_str().unwrap_or_default();
    holds(codes.contains(&code), "the code is not the status's")?;
    holds(is_text(member("message")), "there is no message")?;
    for name in ["hint", "description", "reason"] {
        holds(error.get(name).is_none_or(is_text), "an optional member is no text")?;
    }
    match answer.status {
        404 => holds(is_text(member("entity")), "what is missing has no name"),
        422 => {
            let entity = member("entity").as_str().unwrap_or_default();
            holds(["body", "query", "params"].contains(&entity), "it is nobody's fault")?;
            check_field_errors(member("errors").as_array().map_or(&[], Vec::as_slice))
        }
        _ => holds(error.get("errors").is_none(), "there are errors of fields"),
    }
}

fn check_field_errors(errors: &[Value]) -> Checked {
    holds(!errors.is_empty(), "no field is wrong")?;
    for error in errors {
        let code = error["code"].as_str().unwrap_or_default();
        holds(FIELD_CODES.contains(&code), "a field's code is unknown")?;
        holds(is_text(&error["message"]), "a field's error says nothing")?;
        let path = error["path"].as_array().ok_or("a field has no path")?;
        holds(path.iter().all(Value::is_string), "a field's path is not of strings")?;
    }
    Ok(())
}

/// Everything in a body, however deep, but for what callers put there.
fn check_value(value: &Value, version: &str) -> Checked {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_value(item, version)),
        Value::Object(members) => {
            check_object(members, version)
                .map_err(|why| format!("{why}: {}", Value::Object(members.clone())))?;
            let free = ["metadata"];
            let mut own = members.iter().filter(|(name, _)| !free.contains(&name.as_str()));
            own.try_for_each(|(_, member)| check_value(member, version))
        }
        _ => Ok(()),
    }
}

fn check_object(members: &Map<String, Value>, version: &str) -> Checked {
    let object = members.get("object").and_then(Value::as_str);
    if object == Some("list") {
        return check_list(members);
    }
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let text = value.as_str();
        if name.ends_with("_at") {
            holds(text.is_some_and(|text| TIME.is_match(text)), "a time has no three digits")?;
        }
        let reference = REFERENCES.iter().find(|(known, _)| known == name);
        if let Some((_, prefix)) = reference {
            holds(text.is_some_and(|text| is_id(text, prefix)), "a reference is no id")?;
        }
        if name == "actor_id" {
            holds(text.is_some_and(is_actor_id), "a reference to an actor is no id")?;
        }
    }
    let id = members.get("id").filter(|id| !id.is_null());
    let id = id.map(|id| id.as_str().ok_or("an id is no text")).transpose()?;
    let shape = SHAPES.iter().find(|shape| Some(shape.object) == object);
    let Some(shape) = shape else {
        let is_known = object.is_none_or(|object| shapes::OTHERS.contains(&object));
        holds(is_known, "the contract has no such object")?;
        return holds(id.is_none_or(|id| is_id(id, "") || is_actor_id(id)), "an id is none");
    };
    if let Some(id) = id {
        match shape.prefix {
            Some(prefix) => holds(is_id(id, prefix), "an id is none of its kind")?,
            None => holds(is_actor_id(id), "an actor's id is none")?,
        }
    }
    let has = |name: &&&str| members.contains_key(**name);
    let lacking = shape.needed(version).find(|name| !has(name));
    holds(lacking.is_none(), &format!("{object:?} lacks {lacking:?}"))?;
    let foreign = shape.foreign(version).find(has);
    holds(foreign.is_none(), &format!("{object:?} has {foreign:?} of another version"))
}

fn check_list(list: &Map<String, Value>) -> Checked {
    holds(list.len() == 3, "a list has other members")?;
    let items = list.get("items").and_then(Value::as_array).ok_or("a list has no items")?;
    holds(items.len() <= 100, "a page is too long")?;
    let pagination = list.get("pagination").and_then(Value::as_object);
    let pagination = pagination.ok_or("a list has no pagination")?;
    let flags = ["has_more_after", "has_more_before"];
    let is_whole = flags.iter().all(|flag| pagination.get(*flag).is_some_and(Value::is_boolean));
    holds(is_whole && pagination.len() == 2, "a list has other flags")
}

fn is_id(id: &str, prefix: &str) -> bool {
    id.starts_with(prefix) && ID.is_match(id) && id.len() < 255
}

fn is_actor_id(id: &str) -> bool {
    CHOSEN_ID.is_match(id) && id.len() < 255
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn holds(is_so: bool, otherwise: &str) -> Checked {
    if is_so { Ok(()) } else { Err(otherwise.to_owned()) }
}
