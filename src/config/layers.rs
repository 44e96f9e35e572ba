//! Turns files, environment and flags into single settings with their origin, and merges them
//! in order of strength. Knows where settings stand, not what they mean.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Tag, Value};

use super::keys;
use super::problems::{ConfigProblems, Origin};
use super::{Config, ReadFile, Sources};

const VARIABLE_PREFIX: &str = "HEBBD_";
/// Names the configuration file, like `--config`; not itself a setting.
const CONFIG_FILE_VARIABLE: &str = "HEBBD_CONFIG";
/// Names the shard file, like `--shards`; not itself a setting.
const SHARDS_FILE_VARIABLE: &str = "HEBBD_SHARDS";
/// Keys of hosted models under the names that their vendors' own tools read, and whose they are.
const VENDOR_VARIABLES: [(&str, &str); 3] = [
    ("ANTHROPIC_API_KEY", "llm.outside.anthropic"),
    ("GEMINI_API_KEY", "llm.outside.google"),
    ("OPENAI_API_KEY", "llm.outside.openai"),
];
/// Where the content of the shard file stands in [`Config`].
const SHARDS_SECTION: &str = "shards";

/// A step on the way to a setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    /// A position in a list of tables.
    Position(usize),
}

/// One value somebody set.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) path: Vec<Step>,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl Entry {
    /// Dotted, e.g. `shards.shard[1].no`.
    pub(super) fn key(&self) -> String {
        let mut key = String::new();
        for step in &self.path {
            match step {
                Step::Key(name) if key.is_empty() => key.push_str(name),
                Step::Key(name) => key.push_str(&format!(".{name}")),
                Step::Position(position) => key.push_str(&format!("[{position}]")),
            }
        }
        key
    }
}

/// Everything that was set, weakest first.
pub(super) fn collect(sources: Sources<'_>, problems: &mut ConfigProblems) -> Vec<Entry> {
    let from_environment = environment_entries(&sources.environment, problems);
    let from_flags = flag_entries(&sources, problems);
    let variable = |wanted: &str| {
        let found = sources.environment.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| PathBuf::from(value))
    };
    let data_dir_of = |entries: &[Entry]| -> Option<PathBuf> {
        let found = entries.iter().rev().find(|entry| entry.key() == "data_dir")?;
        found.value.as_str().map(PathBuf::from)
    };
    let outside = data_dir_of(&from_flags).or_else(|| data_dir_of(&from_environment));

    let read = sources.read_file;
    let asked_for = sources.flags.config.clone().or_else(|| variable(CONFIG_FILE_VARIABLE));
    let default_dir = outside.clone().unwrap_or_else(|| Config::default().data_dir);
    let mut entries = match &asked_for {
        Some(path) => file_entries(path, true, read, problems),
        None => file_entries(&default_dir.join("hebbd.toml"), false, read, problems),
    };
    for entry in &entries {
        let key = entry.key();
        if asked_for.is_none() && key == "data_dir" {
            let message = "cannot stand in a file that is found through the data directory; \
                           remove it, or name the file with --config";
            problems.add(&entry.origin, &key, message);
        }
        if entry.path.first() == Some(&Step::Key(SHARDS_SECTION.to_owned())) {
            let message = "belongs in the shard file, without the leading `shards.`";
            problems.add(&entry.origin, &key, message);
        }
    }

    let data_dir = outside.or_else(|| data_dir_of(&entries)).unwrap_or(default_dir);
    let asked_for = sources.flags.shards.clone().or_else(|| variable(SHARDS_FILE_VARIABLE));
    let shard_entries = match &asked_for {
        Some(path) => file_entries(path, true, read, problems),
        None => file_entries(&data_dir.join("shards.toml"), false, read, problems),
    };
    for mut entry in shard_entries {
        entry.path.insert(0, Step::Key(SHARDS_SECTION.to_owned()));
        entries.push(entry);
    }
    entries.extend(from_environment);
    entries.extend(from_flags);
    entries.extend(vendor_entries(&sources.environment, &entries));
    entries
}

/// A vendor's variable counts where nothing else says anything of that key. Others set it for
/// their own purposes, so it is weaker than anything meant for this program, and no mistake.
fn vendor_entries(environment: &[(String, String)], entries: &[Entry]) -> Vec<Entry> {
    let mut found = Vec::new();
    for (name, section) in VENDOR_VARIABLES {
        let key = format!("{section}.api_key");
        let file = format!("{section}.api_key_file");
        let is_set = entries.iter().any(|entry| [&key, &file].contains(&&entry.key()));
        let variable = environment.iter().find(|(variable, _)| variable == name);
        if let Some((_, text)) = variable.filter(|(_, text)| !is_set && !text.trim().is_empty()) {
            found.push(text_entry(&key, text, Origin::Environment(name.to_owned())));
        }
    }
    found
}

/// One tree of all entries; later ones win.
pub(super) fn merge(entries: &[Entry]) -> Value {
    let mut root = Value::Dict(Tag::Default, Dict::new());
    for entry in entries {
        place(&mut root, &entry.path, entry.value.clone());
    }
    root
}

/// Puts `value` at `path`, making tables and lists on the way. What stands in the way is
/// replaced.
pub(super) fn place(node: &mut Value, path: &[Step], value: Value) {
    match path.split_first() {
        None => *node = value,
        Some((Step::Key(name), rest)) => {
            if !matches!(node, Value::Dict(..)) {
                *node = Value::Dict(Tag::Default, Dict::new());
            }
            if let Value::Dict(_, dict) = node {
                let empty = Value::Dict(Tag::Default, Dict::new());
                place(dict.entry(name.clone()).or_insert(empty), rest, value);
            }
        }
        Some((Step::Position(position), rest)) => {
            if !matches!(node, Value::Array(..)) {
                *node = Value::Array(Tag::Default, Vec::new());
            }
            if let Value::Array(_, list) = node {
                while list.len() <= *position {
                    list.push(Value::Dict(Tag::Default, Dict::new()));
                }
                if let Some(element) = list.get_mut(*position) {
                    place(element, rest, value);
                }
            }
        }
    }
}

fn file_entries(
    path: &Path,
    must_exist: bool,
    read_file: ReadFile<'_>,
    problems: &mut ConfigProblems,
) -> Vec<Entry> {
    let origin = Origin::File(path.display().to_string());
    let text = match read_file(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Vec::new(),
        Err(error) => {
            problems.add(&origin, "", format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            // Only the position: the line itself may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let message = format!("is not valid TOML at line {line}: {}", error.message());
            problems.add(&origin, "", message);
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    match Value::serialize(table) {
        Ok(root) => flatten(&root, &mut Vec::new(), &origin, &mut entries),
        Err(error) => problems.add(&origin, "", format!("cannot be understood: {error}")),
    }
    entries
}

/// Lists of tables are taken apart; other lists are values. An empty table counts as a value,
/// because the existence of a section can mean something (a new plan).
fn flatten(node: &Value, path: &mut Vec<Step>, origin: &Origin, entries: &mut Vec<Entry>) {
    match node {
        Value::Dict(_, dict) if !dict.is_empty() || path.is_empty() => {
            for (name, value) in dict {
                path.push(Step::Key(name.clone()));
                flatten(value, path, origin, entries);
                path.pop();
            }
        }
        Value::Array(_, list)
            if !list.is_empty() && list.iter().all(|item| matches!(item, Value::Dict(..))) =>
        {
            for (position, item) in list.iter().enumerate() {
                path.push(Step::Position(position));
                flatten(item, path, origin, entries);
                path.pop();
            }
        }
        value => {
            let (value, origin) = (value.clone(), origin.clone());
            entries.push(Entry { path: path.clone(), value, origin });
        }
    }
}

fn environment_entries(
    environment: &[(String, String)],
    problems: &mut ConfigProblems,
) -> Vec<Entry> {
    let mut variables: Vec<_> = environment
        .iter()
        .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
        .filter(|(name, _)| name != CONFIG_FILE_VARIABLE && name != SHARDS_FILE_VARIABLE)
        .collect();
    variables.sort();
    let mut entries = Vec::new();
    for (name, text) in variables {
        let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or_default();
        let key = rest.to_lowercase().replace("__", ".");
        let origin = Origin::Environment(name.clone());
        // A container platform puts variables of its own beside ours (`HEBBD_SERVICE_HOST`), so
        // a name without `__` is a setting only where it is one, and a mistake only where it
        // nearly is.
        if !rest.contains("__") && !keys::is_known(&key) {
            if let Some(meant) = keys::nearly(&key) {
                let variable = format!("{VARIABLE_PREFIX}{}", meant.to_uppercase());
                let variable = variable.replace('.', "__");
                problems.add(&origin, "", format!("sets nothing; did you mean {variable}?"));
            }
            continue;
        }
        entries.push(text_entry(&key, text, origin));
    }
    entries
}

fn flag_entries(sources: &Sources<'_>, problems: &mut ConfigProblems) -> Vec<Entry> {
    let (settings, malformed) = sources.flags.settings();
    for _ in malformed {
        // The text is not repeated: it may be a secret with a slip in it.
        let message = "must be KEY=VALUE, for example --set server.workers=4";
        problems.add(&Origin::Flag("--set".to_owned()), "", message);
    }
    settings
        .into_iter()
        .map(|setting| text_entry(&setting.key, &setting.value, Origin::Flag(setting.flag)))
        .collect()
}

/// Text becomes whatever the setting takes: text where it takes text, else a number, a truth
/// value or a list as TOML writes them.
fn text_entry(key: &str, text: &str, origin: Origin) -> Entry {
    let path = key.split('.').map(|name| Step::Key(name.to_owned())).collect();
    let as_text = Entry { path, value: Value::from(text), origin };
    if keys::accepts(&as_text) {
        return as_text;
    }
    let Ok(mut table) = format!("value = {text}").parse::<toml::Table>() else {
        return as_text;
    };
    match table.remove("value").map(Value::serialize) {
        Some(Ok(value)) => Entry { value, ..as_text },
        _ => as_text,
    }
}
