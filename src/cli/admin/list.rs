//! Answers as tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

/// A column: its title, and the key of the items that it shows.
pub(super) type Column = (&'static str, &'static str);

/// One line for each item. What is not there is a dash.
pub(super) fn table(columns: &[Column], items: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for item in items {
        table.add_row(columns.iter().map(|(_, key)| shown(item.get(*key))));
    }
    trimmed(&table)
}

/// One line for each property of an item.
pub(super) fn properties(item: &Value) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (key, value) in item.as_object().into_iter().flatten() {
        table.add_row([key.clone(), shown(Some(value))]);
    }
    trimmed(&table)
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| shown(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_has_a_header_a_line_for_each_item_and_dashes_for_what_is_missing() {
        let items = [json!({"id": "1", "name": "acme"}), json!({"id": "22", "name": null})];
        let lines = table(&[("ID", "id"), ("NAME", "name"), ("PLAN", "plan")], &items);
        let words: Vec<Vec<&str>> =
            lines.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words, [["ID", "NAME", "PLAN"], ["1", "acme", "-"], ["22", "-", "-"]]);
        let shown = properties(&json!({"scopes": ["a", "b"], "limit": 5}));
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(shown.contains("a,b") && shown.contains('5'), "{shown}");
    }
}
