//! What an operator is shown of a loaded configuration: every setting, where it came from, and
//! no secret.

use std::collections::BTreeMap;
use std::fmt;

use figment::value::Value;

use super::keys;
use super::layers::Entry;
use super::problems::Origin;

const REDACTED: &str = "\"[redacted]\"";

/// Key to value as TOML text and origin.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown(BTreeMap<String, (String, Origin)>);

impl Shown {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut shown = BTreeMap::new();
        for (prefix, text) in [("", keys::DEFAULT_CONFIG), ("shards.", keys::DEFAULT_SHARDS)] {
            if let Ok(table) = text.parse::<toml::Table>() {
                add_table(prefix, &table, &mut shown);
            }
        }
        for entry in entries {
            let key = entry.key();
            let value =
                if keys::is_secret(&key) { REDACTED.to_owned() } else { text(&entry.value) };
            shown.insert(key, (value, entry.origin.clone()));
        }
        Self(shown)
    }
}

impl Shown {
    pub(super) fn to_json(&self) -> serde_json::Value {
        let entries = self.0.iter().map(|(key, (value, origin))| {
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

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, (value, origin)) in &self.0 {
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
