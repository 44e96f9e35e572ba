//! From an event to a sentence that can be remembered: by a template where there is one, else the
//! event's type in words, its source, and what its data holds.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use crate::engine::text::cut_at_word;

/// Characters of a sentence at most.
pub const EVENT_CHARS_MAX: usize = 2_000;

/// Characters of one value at most, so that a long one does not crowd out the others.
const VALUE_CHARS_MAX: usize = 300;
/// Characters of an event's type or source at most.
const LABEL_CHARS_MAX: usize = 255;

/// Templates of events that are known without being configured.
const TEMPLATES: [(&str, &str); 1] = [(
    "sow_approved",
    "SOW '{{sowTitle}}' was approved by {{approverName}}. Project can proceed to execution.",
)];

/// Words that lead to a value and say nothing without one.
const LEADING: [&str; 14] = [
    "by", "from", "for", "to", "with", "at", "on", "in", "of", "via", "until", "since", "as", "per",
];

/// The sentence of an event: at most [`EVENT_CHARS_MAX`] characters on one line, not blank. Fields
/// that the data lacks are left out of a template with what leads to them. Without a template the
/// members nearest to the top come first, those below under their path.
#[must_use]
pub fn event_sentence(
    template: Option<&str>,
    event_type: &str,
    source: &str,
    data: &Value,
) -> String {
    let known = || TEMPLATES.iter().find(|(known, _)| *known == event_type).map(|(_, text)| *text);
    let filled = template.or_else(known).map(|template| fill(template, data));
    let sentence = match filled.filter(|text| text.chars().any(char::is_alphanumeric)) {
        Some(sentence) => sentence,
        None => describe(event_type, source, data),
    };
    cut_at_word(&sentence, EVENT_CHARS_MAX)
}

/// A template with its fields. What a value holds is never read as a template again.
fn fill(template: &str, data: &Value) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((field, behind)) = after.split_once("}}") else { break };
        filled.push_str(before);
        match find(data, field.trim()).and_then(text_of) {
            Some(value) => {
                filled.push_str(&value);
                rest = behind;
            }
            None => rest = leave_out(&mut filled, behind),
        }
    }
    filled.push_str(rest);
    without_gaps(&filled)
}

/// Drops what stands around a missing field: quotes and brackets, then a word that leads to it.
/// The answer is what is left behind it.
fn leave_out<'a>(before: &mut String, behind: &'a str) -> &'a str {
    let mut rest = behind;
    for (open, close) in [('\'', '\''), ('"', '"'), ('(', ')'), ('[', ']'), ('“', '”')] {
        if before.ends_with(open) && rest.starts_with(close) {
            before.pop();
            rest = rest.get(close.len_utf8()..).unwrap_or_default();
        }
    }
    let is_free = !rest.starts_with(char::is_alphanumeric);
    let kept = before.trim_end().len();
    let word_start = before.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = before.get(word_start..kept).unwrap_or_default().to_lowercase();
    if is_free && kept < before.len() && LEADING.contains(&word.as_str()) {
        before.truncate(word_start);
    }
    rest
}

/// One space between words and none before what closes them.
fn without_gaps(text: &str) -> String {
    let mut tidy = String::new();
    for word in text.split_whitespace() {
        let closes = word.starts_with(['.', ',', ';', ':', '!', '?', ')']);
        if !tidy.is_empty() && !closes {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy.trim_start_matches([',', ';', ':', '.', ' ']).to_owned()
}

/// A member by its name, or by the path of names that leads to it.
fn find<'a>(data: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(value) = data.get(path) {
        return Some(value);
    }
    let mut value = data;
    for name in path.split('.') {
        value = match value {
            Value::Array(values) => values.get(name.parse::<usize>().ok()?)?,
            _ => value.get(name)?,
        };
    }
    Some(value)
}

/// A value in words. None for one that says nothing.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().take(20).filter_map(text_of).collect();
            texts.join(", ")
        }
        Value::Object(members) => members_of(members, VALUE_CHARS_MAX).join(", "),
    };
    let text = cut_at_word(&text, VALUE_CHARS_MAX);
    (!text.is_empty()).then_some(text)
}

fn describe(event_type: &str, source: &str, data: &Value) -> String {
    let event_type = cut_at_word(&in_words(event_type), LABEL_CHARS_MAX);
    let source: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let head = format!("Event {event_type} from {}", cut_at_word(&source, LABEL_CHARS_MAX));
    let members = match data {
        Value::Object(members) => {
            members_of(members, EVENT_CHARS_MAX.saturating_sub(head.chars().count()))
        }
        other => text_of(other).into_iter().collect(),
    };
    if members.is_empty() { format!("{head}.") } else { format!("{head}: {}.", members.join(", ")) }
}

/// `name: value` of each member, the nearest first, until they fill the room.
fn members_of(members: &Map<String, Value>, chars_max: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = chars_max;
    let mut queue: VecDeque<(String, &Value)> =
        members.iter().map(|(name, value)| (name.clone(), value)).collect();
    while let Some((path, value)) = queue.pop_front() {
        if left == 0 {
            break;
        }
        match value {
            Value::Object(members) => {
                let below = members.iter().map(|(name, value)| (format!("{path}.{name}"), value));
                queue.extend(below);
            }
            Value::Array(values) if values.iter().any(|it| it.is_object() || it.is_array()) => {
                let below = values.iter().enumerate();
                queue.extend(below.map(|(index, value)| (format!("{path}.{index}"), value)));
            }
            _ => {
                let Some(text) = text_of(value) else { continue };
                let member = format!("{path}: {text}");
                left = left.saturating_sub(member.chars().count() + 2);
                found.push(member);
            }
        }
    }
    found
}

/// `invoice_paid`, `invoice.paid` and `invoicePaid` are "invoice paid".
pub(super) fn in_words(name: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for letter in name.chars() {
        if matches!(letter, '_' | '-' | '.' | '/' | ':') || letter.is_whitespace() {
            words.push(' ');
        } else if letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
        before = letter;
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_documented_event_reads_as_documented() {
        let data = json!({"sowTitle": "Phase 1", "approverName": "Jane"});
        assert_eq!(
            event_sentence(None, "sow_approved", "api", &data),
            "SOW 'Phase 1' was approved by Jane. Project can proceed to execution."
        );
    }

    #[test]
    fn missing_fields_leave_nothing_behind() {
        let check = |data: Value, expected: &str| {
            assert_eq!(event_sentence(None, "sow_approved", "api", &data), expected);
        };
        check(
            json!({"sowTitle": "Phase 1"}),
            "SOW 'Phase 1' was approved. Project can proceed to execution.",
        );
        check(
            json!({"approverName": "Jane", "sowTitle": null}),
            "SOW was approved by Jane. Project can proceed to execution.",
        );
        check(json!({}), "SOW was approved. Project can proceed to execution.");
    }

    #[test]
    fn a_template_of_the_app_comes_first_and_reaches_into_the_data() {
        let data = json!({"a": {"b": ["x", "{{c}}"]}, "n": 5, "a.c": true, "rows": [{"id": 7}]});
        let check = |template: &str, expected: &str| {
            let sentence = event_sentence(Some(template), "sow_approved", "api", &data);
            assert_eq!(sentence, expected);
        };
        check("Got {{ a.b }} and {{n}}.", "Got x, {{c}} and 5.");
        check("{{a.c}} of {{rows.0.id}} {{", "true of 7 {{");
        check("{{missing}}, then {{n}} ({{missing}})", "then 5");
        // A template that says nothing of this event does not hide it.
        check(
            "{{missing}}",
            "Event sow approved from api: a.c: true, n: 5, a.b: x, {{c}}, rows.0.id: 7.",
        );
    }

    #[test]
    fn without_a_template_everything_is_named() {
        let data =
            json!({"amount": 12.5, "customer": {"name": "Acme", "note": null}, "paid": true});
        assert_eq!(
            event_sentence(None, "invoice.paymentReceived", "stripe", &data),
            "Event invoice payment received from stripe: amount: 12.5, paid: true, \
             customer.name: Acme."
        );
        assert_eq!(event_sentence(None, "ping", "cron", &json!({})), "Event ping from cron.");
    }

    #[test]
    fn a_long_value_leaves_room_for_the_others() {
        let data = json!({"a": "word ".repeat(1_000), "b": "kept"});
        let sentence = event_sentence(None, "x", "y", &data);
        assert!(sentence.contains("b: kept") && sentence.chars().count() < 400, "{sentence}");
    }

    proptest! {
        #[test]
        fn any_event_gives_a_bounded_line(
            template in proptest::option::of(".{0,80}"),
            names in ".{0,20}",
            values in proptest::collection::vec(("[a-z{}. ]{0,8}", ".{0,400}"), 0..40),
        ) {
            let data: Map<String, Value> =
                values.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
            let data = json!({ "nested": data, "n": 1 });
            let sentence = event_sentence(template.as_deref(), &names, "source", &data);
            prop_assert!(!sentence.trim().is_empty());
            prop_assert!(sentence.chars().count() <= EVENT_CHARS_MAX);
            prop_assert!(!sentence.contains('\n'));
        }
    }
}
