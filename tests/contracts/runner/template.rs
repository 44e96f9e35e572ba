//! Saved values in strings, and values too long to write down.
//!
//! - `${name}` in any string: a value an earlier step saved, or something of a case's tenant, such as
//!   `key.a`; see [`super::Callers`];
//! - `{"$text": "x", "times": 3}`: the string `xxx`;
//! - `{"$list": ITEM, "times": 3}`: three items, where `${i}` in a string counts from 0.

use std::collections::BTreeMap;

use serde_json::Value;

#[derive(Debug, Clone, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    pub(crate) fn insert(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or("an open ${")?;
            let value = self.0.get(name).ok_or_else(|| format!("nothing saved as {name}"))?;
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

pub(crate) fn expand(value: &Value, names: &Names) -> Result<Value, String> {
    match value {
        Value::String(text) => names.fill(text).map(Value::String),
        Value::Array(items) => items.iter().map(|item| expand(item, names)).collect(),
        Value::Object(members) => {
            let times = members.get("times").and_then(Value::as_u64).unwrap_or(0) as usize;
            if let Some(Value::String(unit)) = members.get("$text") {
                return Ok(Value::String(unit.repeat(times)));
            }
            if let Some(item) = members.get("$list") {
                return repeat(item, times, names);
            }
            let expanded = members
                .iter()
                .map(|(name, member)| Ok((name.clone(), expand(member, names)?)))
                .collect::<Result<_, String>>()?;
            Ok(Value::Object(expanded))
        }
        other => Ok(other.clone()),
    }
}

fn repeat(item: &Value, times: usize, names: &Names) -> Result<Value, String> {
    let mut names = names.clone();
    let mut items = Vec::with_capacity(times);
    for index in 0..times {
        names.insert("i", index.to_string());
        items.push(expand(item, &names)?);
    }
    Ok(Value::Array(items))
}

#[test]
fn generators_make_what_they_say() {
    let mut names = Names::default();
    names.insert("id", "7".to_owned());
    let made = expand(
        &serde_json::json!({"a": {"$text": "xy", "times": 2}, "b": {"$list": "${id}-${i}", "times": 2}}),
        &names,
    );
    assert_eq!(made, Ok(serde_json::json!({"a": "xyxy", "b": ["7-0", "7-1"]})));
    assert!(names.fill("${unknown}").is_err());
}
