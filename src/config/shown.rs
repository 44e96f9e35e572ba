//! What an operator is shown of a loaded configuration: every setting, where it came from, and
//! no secret.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use figment::value::Value;

use super::layers::Entry;
use super::problems::Origin;
use super::{ChangedSetting, keys};

const REDACTED: &str = "\"[redacted]\"";

/// Key to value as TOML text and origin.
#[derive(Clone, Default)]
pub(super) struct Shown {
    settings: BTreeMap<String, (String, Origin)>,
    /// Of the secrets among them, enough to see that one has changed.
    secrets: BTreeMap<String, blake3::Hash>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// What a running server can take over: keys, or sections where a dot ends the text.
const RELOADABLE: [&str; 3] = ["log.filter", "plans.", "server.requests_per_ip_per_minute"];

fn is_reloadable(key: &str) -> bool {
    RELOADABLE.iter().any(|known| match known.ends_with('.') {
        true => key.starts_with(known),
        false => key == *known,
    })
}

impl Shown {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut shown = BTreeMap::new();
        for (prefix, text) in [("", keys::DEFAULT_CONFIG), ("shards.", keys::DEFAULT_SHARDS)] {
            if let Ok(table) = text.parse::<toml::Table>() {
                add_table(prefix, &table, &mut shown);
            }
        }
        let mut secrets = BTreeMap::new();
        for entry in entries {
            let key = entry.key();
            let mut value = text(&entry.value);
            if keys::is_secret(&key) {
                secrets.insert(key.clone(), blake3::hash(value.as_bytes()));
                value = REDACTED.to_owned();
            }
            shown.insert(key, (value, entry.origin.clone()));
        }
        Self { settings: shown, secrets }
    }
}

impl Shown {
    pub(super) fn to_json(&self) -> serde_json::Value {
        let entries = self.settings.iter().map(|(key, (value, origin))| {
            // A value is one TOML value in one line.
            let line = format!("value = {value}").parse::<toml::Table>();
            let value = line.ok().and_then(|mut table| table.remove("value"));
            let value = value.and_then(|value| serde_json::to_value(value).ok());
            let shown = serde_json::json!({"value": value, "origin": origin.to_string()});
            (key.clone(), shown)
        });
        serde_json::Value::Object(entries.collect())
    }
}

impl Shown {
    pub(super) fn changes_from(&self, other: &Self) -> Vec<ChangedSetting> {
        let keys: BTreeSet<_> = self.settings.keys().chain(other.settings.keys()).collect();
        let value = |shown: &Self, key: &String| {
            let text = shown.settings.get(key).map(|(value, _)| value.clone());
            (text, shown.secrets.get(key).copied())
        };
        keys.into_iter()
            .filter(|key| value(self, key) != value(other, key))
            .map(|key| ChangedSetting {
                key: key.clone(),
                now: self.settings.get(key).map(|(value, origin)| format!("{value} ({origin})")),
                is_reloadable: is_reloadable(key),
            })
            .collect()
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, (value, origin)) in &self.settings {
            writeln!(f, "{key} = {value}  # {origin}")?;
        }
        Ok(())
    }
}

fn add_table(prefix: &str, table: &toml::Table, shown: &mut BTreeMap<String, (String, Origin)>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => add_table(&format!("{prefix}{key}."), inner, shown),
            value => {
                shown.insert(format!("{prefix}{key}"), (value.to_string(), Origin::Default));
            }
        }
    }
}

fn text(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| "?".to_owned(), |value| value.to_string())
}
