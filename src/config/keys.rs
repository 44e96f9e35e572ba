//! Which keys exist, found out from the settings types themselves: a probe that no type accepts
//! makes each answer with the keys it knows. So there is no second list to keep in step, and
//! each value is judged alone, which is how all problems are found at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use figment::error::{Actual, Kind};
use figment::value::{Dict, Tag, Value};

use super::Config;
use super::layers::{Entry, Step, place};
use super::problems::{ConfigProblems, Origin};

/// The documented defaults. Tests prove that they are the defaults and that no key is missing.
pub(super) const DEFAULT_CONFIG: &str = include_str!("../../config/default.toml");
pub(super) const DEFAULT_SHARDS: &str = include_str!("../../config/shards.toml");

/// Settings whose value is never shown and never taken from a file that is made to be shared.
pub(super) const SECRETS: [&str; 7] = [
    "admin.token",
    "embedding.http.api_key",
    "llm.api_key",
    "llm.outside.anthropic.api_key",
    "llm.outside.google.api_key",
    "llm.outside.openai.api_key",
    "metacogna.admin_password",
];

/// A key that no type has.
const PROBE: &str = "\u{0}";
/// Stands for any name in the key of a named table.
const ANY: &str = "*";

/// Keeps what a setting of that name accepts; the rest becomes problems.
pub(super) fn keep_valid(entries: Vec<Entry>, problems: &mut ConfigProblems) -> Vec<Entry> {
    let mut kept = Vec::new();
    for entry in entries {
        let key = entry.key();
        if is_secret(&key) && matches!(entry.origin, Origin::File(_)) {
            let name = key.to_uppercase().replace('.', "__");
            let message = format!(
                "is a secret and not read from a configuration file; set HEBBD_{name}, or name a \
                 file that holds only the secret in {key}_file"
            );
            problems.add(&entry.origin, &key, message);
            continue;
        }
        match judge(&entry) {
            Ok(()) => kept.push(entry),
            Err(message) => problems.add(&entry.origin, &key, message),
        }
    }
    number_list_elements(&mut kept, problems);
    kept
}

/// A list element without its number is a problem; it gets one that no other check minds, so
/// that the rest of the configuration can still be judged.
fn number_list_elements(entries: &mut Vec<Entry>, problems: &mut ConfigProblems) {
    let mut elements = BTreeMap::new();
    for entry in entries.iter() {
        let is_position = |step: &Step| matches!(step, Step::Position(_));
        if let Some(at) = entry.path.iter().position(is_position) {
            let (element, rest) = entry.path.split_at(at + 1);
            let is_number = rest == [Step::Key("no".to_owned())];
            let known = elements.entry(element.to_vec()).or_insert((false, entry.origin.clone()));
            known.0 |= is_number;
        }
    }
    let unnumbered = elements.into_iter().filter(|(_, (is_numbered, _))| !is_numbered);
    for (stand_in, (mut path, (_, origin))) in (0_u16..).map(|no| 1_000 - no).zip(unnumbered) {
        path.push(Step::Key("no".to_owned()));
        let entry = Entry { path, value: Value::from(stand_in), origin };
        let message = "is missing; give the shard a number of its own, 0 to 1023";
        problems.add(&entry.origin, &entry.key(), message);
        entries.push(entry);
    }
}

/// Whether the value, taken alone, is one that the setting of that name accepts.
pub(super) fn accepts(entry: &Entry) -> bool {
    alone(entry).deserialize::<Config>().is_ok()
}

pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

/// Whether a setting (not a section) has this dotted key.
pub(super) fn is_known(key: &str) -> bool {
    known_keys().contains(&pattern(key))
}

/// The known key that a mistaken one was most likely meant to be.
pub(super) fn nearly(key: &str) -> Option<&'static str> {
    let squeezed = |text: &str| text.replace(['.', '_', '-'], "").to_lowercase();
    let wanted = squeezed(key);
    let exactly = known_keys().iter().find(|known| squeezed(known) == wanted);
    let closest = || {
        known_keys()
            .iter()
            .map(|known| (edits(known, key), known))
            .filter(|(edits, known)| *edits <= known.len().div_ceil(5).min(3))
            .min_by_key(|(edits, _)| *edits)
            .map(|(_, known)| known)
    };
    exactly.or_else(closest).map(String::as_str)
}

/// All settings as dotted keys; `*` is any name, `[]` any position. Sorted.
pub(super) fn known_keys() -> &'static BTreeSet<String> {
    static KEYS: OnceLock<BTreeSet<String>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut keys = BTreeSet::new();
        let mut pending = vec![Vec::new()];
        while let Some(path) = pending.pop() {
            match fields_at(&path) {
                Some(fields) => {
                    for field in fields {
                        let mut path = path.clone();
                        path.push(Step::Key((*field).to_owned()));
                        pending.push(path);
                    }
                }
                None => {
                    let position = [path.clone(), vec![Step::Position(0)]].concat();
                    let name = [path.clone(), vec![Step::Key(ANY.to_owned())]].concat();
                    if fields_at(&position).is_some() {
                        pending.push(position);
                    } else if fields_at(&name).is_some() {
                        pending.push(name);
                    } else {
                        let origin = Origin::Default;
                        let value = Value::from(0_u8);
                        keys.insert(Entry { path, value, origin }.key().replace("[0]", "[]"));
                    }
                }
            }
        }
        keys
    })
}

/// `Range: ...` from the comment above the key in the documented defaults.
pub(super) fn documented_range(key: &str) -> Option<&'static str> {
    static RANGES: OnceLock<BTreeMap<String, &'static str>> = OnceLock::new();
    let ranges = RANGES.get_or_init(|| {
        let mut ranges = BTreeMap::new();
        for (prefix, text) in [("", DEFAULT_CONFIG), ("shards.", DEFAULT_SHARDS)] {
            let (mut section, mut range) = (String::new(), None);
            for line in text.lines() {
                let bare = line.trim_start_matches("# ");
                if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                    section = format!("{}.", name.trim_start_matches('['));
                } else if let Some((_, text)) = line.split_once("Range: ") {
                    range = Some(text.trim_end_matches('.'));
                } else if let Some((name, _)) = bare.split_once(" = ")
                    && let Some(range) = range.take()
                {
                    ranges.insert(format!("{prefix}{section}{name}"), range);
                }
            }
        }
        ranges
    });
    let without_positions = pattern(key).replace("[]", "").replace("plans.*.", "plans.local.");
    let inherited = without_positions.replace("shards.shard.", "shards.defaults.");
    ranges.get(&without_positions).or_else(|| ranges.get(&inherited)).copied()
}

/// `shard[3].no` becomes `shard[].no`, `plans.mine.atoms_max` becomes `plans.*.atoms_max`.
fn pattern(key: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in key.split('.') {
        let is_plan = names.len() == 1 && names.first().is_some_and(|first| first == "plans");
        names.push(match name.split_once('[') {
            _ if is_plan => ANY.to_owned(),
            Some((list, _)) => format!("{list}[]"),
            None => name.to_owned(),
        });
    }
    names.join(".")
}

fn judge(entry: &Entry) -> Result<(), String> {
    let Err(error) = alone(entry).deserialize::<Config>() else {
        return Ok(());
    };
    let key = entry.key();
    Err(match &error.kind {
        Kind::UnknownField(name, known) => unknown(&key, name, known),
        Kind::UnknownVariant(_, known) => format!("must be one of {}", quoted(known)),
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            let found = if is_secret(&key) { "something else".to_owned() } else { shown(actual) };
            let allowed =
                documented_range(&key).map_or(String::new(), |range| format!(" ({range})"));
            format!("must be {}{allowed}, found {found}", in_words(expected))
        }
        _ if is_secret(&key) => "cannot be used".to_owned(),
        kind => {
            let allowed = documented_range(&key).map(|range| format!("; allowed: {range}"));
            format!("{kind}{}", allowed.unwrap_or_default())
        }
    })
}

fn shown(actual: &Actual) -> String {
    match actual {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Str(text) => format!("the text {text:?}"),
        Actual::Map => "a table".to_owned(),
        Actual::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

fn unknown(key: &str, name: &str, known: &[&str]) -> String {
    let closest = known
        .iter()
        .map(|known| (edits(known, name), known))
        .min()
        .filter(|(edits, known)| *edits <= known.len().div_ceil(3));
    if let Some((_, meant)) = closest {
        return format!("unknown key; did you mean `{meant}`?");
    }
    // The right name in the wrong section.
    let last = key.rsplit('.').next().unwrap_or(key);
    let elsewhere = known_keys().iter().find(|known| known.rsplit('.').next() == Some(last));
    match elsewhere {
        Some(elsewhere) => format!("unknown key; did you mean `{elsewhere}`?"),
        None => format!("unknown key; known here: {}", quoted(known)),
    }
}

/// A tree that holds this entry and nothing else, except what a list element cannot do without.
fn alone(entry: &Entry) -> Value {
    let mut root = Value::Dict(Tag::Default, Dict::new());
    let mut path = Vec::new();
    for step in &entry.path {
        match step {
            Step::Key(_) => path.push(step.clone()),
            Step::Position(_) => {
                path.push(Step::Position(0));
                let number = [path.clone(), vec![Step::Key("no".to_owned())]].concat();
                place(&mut root, &number, Value::from(0_u8));
            }
        }
    }
    place(&mut root, &path, entry.value.clone());
    root
}

/// The keys of the table at `path`, or `None` where no table with fixed keys stands.
fn fields_at(path: &[Step]) -> Option<&'static [&'static str]> {
    let mut path = path.to_vec();
    path.push(Step::Key(PROBE.to_owned()));
    let origin = Origin::Default;
    let probe = Entry { path, value: Value::from(0_u8), origin };
    match alone(&probe).deserialize::<Config>().err()?.kind {
        Kind::UnknownField(name, fields) if name == PROBE => Some(fields),
        _ => None,
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// serde names Rust types; an operator does not.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "path string" => "text",
        "a boolean" => "true or false",
        "socket address" => "an address with a port",
        other => other.strip_prefix("struct ").map_or(other, |_| "a table"),
    }
}

/// Levenshtein distance in characters.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, right) in row.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = *cell;
            before = replaced.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_counts_insertions_deletions_and_replacements() {
        for (one, other, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("workers", "workrs", 1), ("abc", "xbz", 2)]
        {
            assert_eq!(edits(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn the_types_tell_their_keys() {
        let keys = known_keys();
        for key in [
            "data_dir",
            "server.workers",
            "embedding.http.timeout_ms",
            "index.connectivity",
            "actors.crashes_max",
            "shards.defaults.index.connectivity",
            "shards.shard[].no",
            "plans.*.atoms_max",
            "log.format",
        ] {
            assert!(keys.contains(key), "{key} is not in {keys:?}");
        }
        assert!(is_known("plans.mine.atoms_max") && is_known("shards.shard[7].path"));
        assert!(!is_known("server") && !is_known("shown"));
    }

    #[test]
    fn ranges_come_from_the_documented_defaults() {
        assert!(documented_range("actors.crashes_max").is_some());
        assert!(documented_range("shards.shard[2].cache_bytes").is_some());
        assert!(documented_range("plans.mine.atoms_max").is_some());
        assert_eq!(documented_range("nothing"), None);
    }
}
