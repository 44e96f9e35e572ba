//! Compares an answer with what a case expects. A plain value must be equal (numbers within
//! 1e-6), an array entry by entry, an object in the members that are named. Besides:
//!
//! - `"$any"`, `"$string"`, `"$nonempty"`, `"$number"`, `"$integer"`, `"$boolean"`, `"$array"`,
//!   `"$object"`, `"$uuid"`, `"$timestamp"`, and as a member `"$absent"`;
//! - `{"$range": [low, high]}`, `{"$regex": "…"}`, `{"$count": n}`, `{"$set": […]}` (any order);
//! - `{"$contains": m}` and `{"$lacks": m}`: some or no entry matches `m`; of a string, its parts;
//! - `{"$each": m}`, `{"$all": [m, …]}`, `{"$exactly": {…}}` (no other members);
//! - `{"$falling": "member"}`: entries in non-increasing order of a number or string;
//! - `{"$same": ["member", "other"]}`: two members of an object are equal;
//! - `{"$not": m}`: `m` does not match; `{"$json": "${saved}"}`: equal to a saved array or object;
//! - `{"$close": "${saved}"}`, `{"$above": "${saved}"}`, `{"$below": "${saved}"}`: a number that is
//!   within 1e-6 of a saved one, more than that above it, or below it.

use hebbd::types::Timestamp;
use regex::Regex;
use serde_json::Value;

const TOLERANCE: f64 = 1e-6;

pub(crate) fn check(wanted: &Value, seen: &Value, place: &str) -> Result<(), String> {
    match wanted {
        Value::String(text) if text.starts_with('$') => check_word(text, seen, place),
        Value::Object(members) => {
            if let [(word, argument)] = members.iter().collect::<Vec<_>>()[..]
                && word.starts_with('$')
            {
                return check_operator(word, argument, seen, place);
            }
            let seen = seen.as_object().ok_or_else(|| format!("{place} is no object"))?;
            for (name, wanted) in members {
                let place = format!("{place}.{name}");
                match seen.get(name) {
                    None if wanted == "$absent" => {}
                    None => return Err(format!("{place} is missing")),
                    Some(seen) => check(wanted, seen, &place)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => {
            let seen = entries(seen, place)?;
            if seen.len() != items.len() {
                let (seen, wanted) = (seen.len(), items.len());
                return Err(format!("{place} has {seen} entries, expected {wanted}"));
            }
            for (index, (wanted, seen)) in items.iter().zip(seen).enumerate() {
                check(wanted, seen, &format!("{place}[{index}]"))?;
            }
            Ok(())
        }
        Value::Number(_) => {
            let close = wanted
                .as_f64()
                .zip(seen.as_f64())
                .is_some_and(|(wanted, seen)| (wanted - seen).abs() <= TOLERANCE);
            holds(close, wanted, seen, place)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {
            holds(wanted == seen, wanted, seen, place)
        }
    }
}

fn check_word(word: &str, seen: &Value, place: &str) -> Result<(), String> {
    let text = seen.as_str();
    let is = match word {
        "$any" => true,
        "$string" => text.is_some(),
        "$nonempty" => text.is_some_and(|text| !text.is_empty()),
        "$number" => seen.is_number(),
        "$integer" => seen.is_i64() || seen.is_u64(),
        "$boolean" => seen.is_boolean(),
        "$array" => seen.is_array(),
        "$object" => seen.is_object(),
        "$uuid" => text.is_some_and(|text| text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()),
        "$timestamp" => text.is_some_and(|text| Timestamp::parse(text).is_some()),
        "$absent" => false,
        unknown => return Err(format!("no matcher is called {unknown}")),
    };
    holds(is, &Value::String(word.to_owned()), seen, place)
}

fn check_operator(word: &str, argument: &Value, seen: &Value, place: &str) -> Result<(), String> {
    match word {
        "$range" => {
            let (low, high) = (argument[0].as_f64().unwrap(), argument[1].as_f64().unwrap());
            let number = seen.as_f64().or_else(|| seen.as_str()?.parse().ok());
            holds(number.is_some_and(|n| (low..=high).contains(&n)), argument, seen, place)
        }
        "$regex" => {
            let regex = Regex::new(argument.as_str().unwrap()).unwrap();
            holds(seen.as_str().is_some_and(|text| regex.is_match(text)), argument, seen, place)
        }
        "$count" => {
            let count = entries(seen, place)?.len();
            holds(argument.as_u64() == Some(count as u64), argument, &count.into(), place)
        }
        "$set" => {
            let sorted = |value: &Value| {
                let mut texts: Vec<_> =
                    value.as_array().into_iter().flatten().map(Value::to_string).collect();
                texts.sort();
                texts
            };
            holds(sorted(argument) == sorted(seen), argument, seen, place)
        }
        "$contains" => holds(contains(argument, seen), argument, seen, place),
        "$lacks" => holds(!contains(argument, seen), argument, seen, place),
        "$each" => {
            for (index, entry) in entries(seen, place)?.iter().enumerate() {
                check(argument, entry, &format!("{place}[{index}]"))?;
            }
            Ok(())
        }
        "$all" => {
            for wanted in argument.as_array().unwrap() {
                check(wanted, seen, place)?;
            }
            Ok(())
        }
        "$exactly" => {
            let count = seen.as_object().map(serde_json::Map::len);
            let wanted = argument.as_object().map(serde_json::Map::len);
            holds(count == wanted, argument, seen, place)?;
            check(argument, seen, place)
        }
        "$falling" => {
            let name = argument.as_str().unwrap();
            let falls = entries(seen, place)?.windows(2).all(|pair| {
                let (left, right) = (&pair[0][name], &pair[1][name]);
                match (left.as_f64(), right.as_f64()) {
                    (Some(left), Some(right)) => left >= right,
                    _ => left.as_str() >= right.as_str(),
                }
            });
            holds(falls, argument, seen, place)
        }
        "$same" => {
            let (name, other) = (argument[0].as_str().unwrap(), argument[1].as_str().unwrap());
            check(&seen[name], &seen[other], &format!("{place}.{other}"))
        }
        "$not" => holds(check(argument, seen, place).is_err(), argument, seen, place),
        "$json" => {
            let saved = argument.as_str().and_then(|text| serde_json::from_str(text).ok());
            holds(saved.as_ref() == Some(seen), argument, seen, place)
        }
        "$close" => {
            let distance = difference(seen, argument).map(f64::abs);
            holds(distance.is_some_and(|d| d <= TOLERANCE), argument, seen, place)
        }
        "$above" => {
            holds(difference(seen, argument).is_some_and(|d| d > TOLERANCE), argument, seen, place)
        }
        "$below" => {
            holds(difference(seen, argument).is_some_and(|d| d < -TOLERANCE), argument, seen, place)
        }
        unknown => Err(format!("no matcher is called {unknown}")),
    }
}

/// `seen` less a number that a template has made text of.
fn difference(seen: &Value, saved: &Value) -> Option<f64> {
    let saved = saved.as_f64().or_else(|| saved.as_str()?.parse().ok())?;
    Some(seen.as_f64()? - saved)
}

fn contains(wanted: &Value, seen: &Value) -> bool {
    match (wanted, seen) {
        (Value::String(part), Value::String(text)) => text.contains(part.as_str()),
        (wanted, Value::Array(entries)) => {
            entries.iter().any(|entry| check(wanted, entry, "").is_ok())
        }
        _ => false,
    }
}

fn entries<'a>(seen: &'a Value, place: &str) -> Result<&'a Vec<Value>, String> {
    seen.as_array().ok_or_else(|| format!("{place} is no array"))
}

fn holds(condition: bool, wanted: &Value, seen: &Value, place: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(format!("{place} is {seen}, expected {wanted}")) }
}

#[test]
fn matchers_accept_and_refuse() {
    use serde_json::json;
    for (wanted, good, bad) in [
        (json!(1), json!(1.000_000_1), json!(1.1)),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), json!({"b": 2})),
        (json!({"a": "$absent"}), json!({}), json!({"a": null})),
        (json!([1, 2]), json!([1, 2]), json!([1, 2, 3])),
        (json!("$uuid"), json!("0190a000-0000-7000-8000-000000000000"), json!("7")),
        (json!({"$range": [0, 1]}), json!(0.5), json!(1.5)),
        (json!({"$regex": "^a+$"}), json!("aa"), json!("ab")),
        (json!({"$contains": {"a": 1}}), json!([{"a": 1}]), json!([{"a": 2}])),
        (json!({"$lacks": "b"}), json!("aa"), json!("ab")),
        (json!({"$each": "$string"}), json!(["a"]), json!(["a", 1])),
        (json!({"$exactly": {"a": 1}}), json!({"a": 1}), json!({"a": 1, "b": 2})),
        (json!({"$falling": "n"}), json!([{"n": 2}, {"n": 2}]), json!([{"n": 1}, {"n": 2}])),
        (json!({"$set": ["a", "b"]}), json!(["b", "a"]), json!(["a"])),
        (json!({"$count": 1}), json!([7]), json!([])),
        (json!({"$same": ["a", "b"]}), json!({"a": 1, "b": 1}), json!({"a": 1, "b": 2})),
        (json!({"$not": "$string"}), json!(1), json!("a")),
        (json!({"$json": "[1]"}), json!([1]), json!([1, 2])),
        (json!({"$close": "0.5"}), json!(0.500_000_01), json!(0.6)),
        (json!({"$above": "0.5"}), json!(0.6), json!(0.5)),
        (json!({"$below": "0.5"}), json!(-1), json!(0.500_000_01)),
    ] {
        assert_eq!(check(&wanted, &good, "it"), Ok(()), "{wanted}");
        assert!(check(&wanted, &bad, "it").is_err(), "{wanted} accepts {bad}");
    }
}
