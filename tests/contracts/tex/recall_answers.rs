//! What must hold for every answer to a recall: its shape and order, that it has no more hits than
//! were asked for, and that it costs what it says.

use std::sync::LazyLock;

use hebbd::service::count_tokens;
use regex::Regex;
use serde_json::{Map, Value};

use super::answers::{Checked, check_form, check_usage, exactly, has, holds};
use crate::runner::Answer;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Hits of all kinds that one recall returns at most.
const HITS_MAX: usize = 30;

/// Checklist lines 44, 46, 47, 50, 51, 54 and 55, as far as one answer shows them.
pub(super) fn check_recall(answer: &Answer, json: &Value) -> Checked {
    let members = exactly(json, &["hits", "timeline", "confidence", "mode", "usage"])?;
    let hits = exactly(&members["hits"], &["observations", "turns", "entities"])?;
    let kinds = [("turns", "turn"), ("observations", "observation"), ("entities", "entity")];
    let (mut count, mut tokens) = (0, 0);
    for (list, kind) in kinds {
        let list = hits[list].as_array().ok_or("hits are no list")?;
        count += list.len();
        for hit in list {
            check_hit(hit, kind)?;
            let text = if kind == "entity" { &hit["label"] } else { &hit["text"] };
            tokens += count_tokens(text.as_str().unwrap_or_default());
        }
        let falls = list.is_sorted_by(|one, next| one["score"].as_f64() >= next["score"].as_f64());
        holds(falls, "a better hit comes later")?;
    }
    check_share(&members["confidence"])?;
    holds(count > 0 || members["confidence"] == 0.0, "confidence in nothing")?;
    let asked = answer.sent.as_ref().ok_or("what was asked is not JSON")?;
    check_timeline(&members["timeline"], asked, hits)?;
    tokens += members["timeline"].as_str().map_or(0, count_tokens);
    check_usage(&members["usage"])?;
    let billed = &members["usage"]["tokens_out"];
    holds(*billed == tokens, &format!("{billed} tokens billed, {tokens} sent"))?;
    let question = asked["q"].as_str().unwrap_or_default();
    holds(members["usage"]["tokens_in"] == count_tokens(question), "the question costs less")?;
    let mode = asked["mode"].as_str().unwrap_or("active");
    holds(members["mode"] == mode, "another mode")?;
    let top_k =
        asked["top_k"].as_u64().map_or(if mode == "deep" { 25 } else { 15 }, |k| k as usize);
    holds(count <= top_k.min(HITS_MAX), &format!("{count} hits, {top_k} asked for"))
}

fn check_hit(hit: &Value, kind: &str) -> Checked {
    if kind == "entity" {
        let members = exactly(hit, &["id", "label", "score"])?;
        holds(members["label"].as_str().is_some_and(|label| !label.is_empty()), "no label")?;
        holds(members["id"].is_null() || members["id"].is_string(), "an id of no kind")?;
        return check_share(&members["score"]);
    }
    let members = has(hit, &["id", "text", "score", "kind", "timestamp"])?;
    check_form(&members["id"], "^[0-9a-f]{64}$")?;
    holds(members["kind"] == kind, "another kind")?;
    check_form(&members["timestamp"], "^-?[0-9]+$")?;
    if kind == "turn" {
        check_form(&members["text"], r"(?s)^\[Date: .+\] \[.+\] .")?;
    }
    check_share(&members["score"])
}

/// A heading and a line for each event, none before the one above it.
fn check_timeline(timeline: &Value, asked: &Value, hits: &Map<String, Value>) -> Checked {
    let has_hits =
        !(hits["turns"] == Value::Array(vec![]) && hits["observations"] == Value::Array(vec![]));
    let Some(text) = timeline.as_str() else {
        let is_owed = asked["include_timeline"] == true && has_hits;
        return holds(timeline.is_null() && !is_owed, "no timeline");
    };
    holds(asked["include_timeline"] == true, "a timeline that nobody asked for")?;
    let mut lines = text.lines();
    holds(lines.next() == Some("Timeline of relevant events:"), "no heading")?;
    static EVENT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^- ([1-9]\d?) ([A-Z][a-z]+) (\d{4}): \S").unwrap());
    let mut days = Vec::new();
    for line in lines {
        let parts = EVENT.captures(line).ok_or_else(|| format!("the event {line:?}"))?;
        let month = MONTHS.iter().position(|name| *name == &parts[2]);
        let month = month.ok_or_else(|| format!("the month of {line:?}"))?;
        days.push((parts[3].parse::<u32>().unwrap(), month, parts[1].parse::<u32>().unwrap()));
    }
    holds(!days.is_empty() && days.is_sorted(), "the events are not in order")
}

/// A number from 0 to 1.
fn check_share(value: &Value) -> Checked {
    holds(value.as_f64().is_some_and(|it| (0.0..=1.0).contains(&it)), "a score out of range")
}
