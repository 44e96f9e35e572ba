//! Finds the structure in a model's answer: models that are asked for JSON put prose and code
//! fences around it. Pure. Invariant: the work is bounded by the length of the text, whatever it
//! holds, and so is the depth of what is handed out.

use std::cmp::Reverse;

use serde::de::{DeserializeOwned, IgnoredAny};

/// Deeper structures are passed over.
const DEPTH_MAX: usize = 64;
/// Structures of one answer that are considered.
const CANDIDATES_MAX: usize = 64;
/// Bytes looked at in vain for each byte of the text: brackets in prose that close nowhere.
const WASTE_PER_BYTE: usize = 16;

/// The JSON object or array of an answer: the longest one in code fences, else the longest one
/// anywhere. `None` when there is none, or only what is cut off or too deep.
#[must_use]
pub fn find_json(text: &str) -> Option<&str> {
    candidates(text).into_iter().next()
}

/// The first of an answer's JSON objects and arrays, in the order of [`find_json`], that is a
/// `T`.
#[must_use]
pub fn parse_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    candidates(text).into_iter().find_map(|json| serde_json::from_str(json).ok())
}

/// Valid objects and arrays, none inside another: fenced ones first, then the longest.
fn candidates(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut waste_left = text.len().saturating_mul(WASTE_PER_BYTE);
    let mut is_fenced = false;
    let mut rest = text;
    while let Some((_, here)) = rest.find(['{', '[', '`']).and_then(|at| rest.split_at_checked(at))
    {
        if let Some(after) = here.strip_prefix("```") {
            is_fenced = !is_fenced;
            rest = after;
            continue;
        }
        let (json, looked_at) = balanced(here);
        let valid = json.filter(|json| serde_json::from_str::<IgnoredAny>(json).is_ok());
        if let Some(json) = valid {
            found.push((!is_fenced, Reverse(json.len()), json));
            rest = here.get(json.len()..).unwrap_or_default();
        } else {
            waste_left = waste_left.saturating_sub(looked_at);
            rest = here.get(1..).unwrap_or_default();
        }
        if found.len() == CANDIDATES_MAX || waste_left == 0 {
            break;
        }
    }
    // Stable: of equals the first one stays first.
    found.sort_by_key(|(is_bare, length, _)| (*is_bare, *length));
    found.into_iter().map(|(_, _, json)| json).collect()
}

/// The text up to where the brackets opened at its start are closed, as far as counting can
/// tell, and how many bytes were looked at. Strings are passed over.
fn balanced(text: &str) -> (Option<&str>, usize) {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' if depth == DEPTH_MAX => return (None, at + 1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return (text.get(..=at), at + 1);
        }
    }
    (None, text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(find_json(text), expected, "{text}");
    }

    #[test]
    fn json_is_found_bare_fenced_and_in_prose() {
        check(r#"{"a": 1}"#, Some(r#"{"a": 1}"#));
        check(" \n[1, 2]\n", Some("[1, 2]"));
        check("```json\n{\"a\": [1]}\n```", Some("{\"a\": [1]}"));
        check("Sure! Here it is:\n{\"a\": 1}\nAnything else?", Some("{\"a\": 1}"));
        check("no structure here", None);
        check("", None);
    }

    #[test]
    fn brackets_of_prose_do_not_hide_it() {
        check("As [1] and [2, 3] say, {x} is {\"a\": [4]}", Some("{\"a\": [4]}"));
        check("a [ that never closes, then {\"a\": 1}", Some("{\"a\": 1}"));
        check("{not json} {\"a\": \"}\"}", Some("{\"a\": \"}\"}"));
        check("`[x]` is code, [7] is not", Some("[7]"));
    }

    #[test]
    fn what_stands_in_fences_goes_before_what_is_longer_elsewhere() {
        check("like [1, 2, 3, 4, 5]:\n```\n{\"a\": 1}\n```\nor [6]", Some("{\"a\": 1}"));
        // An answer that was cut off has no closing fence.
        check("```json\n[1]", Some("[1]"));
        check("```json\n[1, 2", None);
    }

    #[test]
    fn strings_may_hold_brackets_quotes_and_any_script() {
        let json = r#"{"a": "]}\"{[ \\", "b": "né €"}"#;
        check(&format!("é {json} €"), Some(json));
    }

    #[test]
    fn the_first_structure_of_the_wanted_shape_is_parsed() {
        #[derive(serde::Deserialize)]
        struct Answer {
            facts: Vec<String>,
        }
        let text = "{\"note\": \"a long one that is no answer\"} {\"facts\": [\"x\"]}";
        let answer: Answer = parse_json(text).expect("is there");
        assert_eq!(answer.facts, ["x"]);
        assert!(parse_json::<Answer>("{\"facts\": 1}").is_none());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = nested(DEPTH_MAX);
        check(&deepest, Some(&deepest));
        // One too deep, so the part that is not is found in it.
        check(&nested(DEPTH_MAX + 1), Some(&deepest));
    }

    #[test]
    fn hostile_texts_cost_no_more_than_their_length_allows() {
        // Quadratic, each of these would take minutes.
        for unit in ["[", "{", "[[]", "`[", "[1,", "{\"", "[\\\""] {
            assert_eq!(find_json(&unit.repeat(1 << 16)).is_some(), unit == "[[]", "{unit}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_a_structure(text in "[\\[\\]{}\",:a1 `\\\\\u{20ac}]{0,60}") {
            if let Some(json) = find_json(&text) {
                let value: serde_json::Value = serde_json::from_str(json).expect("is valid");
                prop_assert!(value.is_object() || value.is_array());
            }
        }

        #[test]
        fn a_structure_alone_in_prose_is_always_found(
            prose in "[a-z .,!\u{20ac}]{0,30}",
            keys in prop::collection::vec("[a-z{}\\[\\]\"]{0,6}", 0..5),
        ) {
            let json = serde_json::to_string(&keys).expect("is JSON");
            let text = format!("{prose}{json}{prose}");
            prop_assert_eq!(find_json(&text), Some(json.as_str()));
        }
    }
}
