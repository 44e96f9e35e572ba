//! Queries: reads of several domains with conditions on metadata.

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::wire::{FilterCondition, QueryRequest, Raw, ReadRequest};
use super::fields::{Fields, parse_object};
use super::problems::{Problems, Step};
use super::read::{ReadPlan, read_plan};
use crate::api::json_text;
use crate::api::validation::unless_null;
use crate::service::{ConditionOperator, MetadataCondition};
use crate::types::limits;

/// Characters in the name of a metadata key.
const KEY_CHARS_MAX: usize = 64;

/// The body of a query. Its fields are those of a read and two more; `domains` stands in the
/// place of `domain`, which counts where no domains are named.
pub(crate) fn query_request(body: &str) -> Result<ReadPlan, Problems> {
    let of_body = |(kind, msg)| Problems::of_body(kind, format!("body {msg}"));
    let request: ReadRequest<'_> = parse_object(body).map_err(of_body)?;
    let more: QueryRequest<'_> = parse_object(body).map_err(of_body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let mut plan = read_plan(&mut fields, &request);
    if let Some(domains) = domains(&mut fields, more.domains) {
        plan.query.domains = Some(domains);
    }
    plan.query.conditions = conditions(&mut fields, more.metadata_filter);
    problems.or_value(plan)
}

/// `None` when no domain is named: an empty list does not name one.
fn domains(fields: &mut Fields<'_>, raw: Raw<'_>) -> Option<Vec<String>> {
    let chars = 1..=limits::DOMAIN_CHARS_MAX;
    unless_null(raw)
        .and_then(|raw| fields.texts("domains", raw, limits::QUERY_DOMAINS_MAX, chars))
        .filter(|domains| !domains.is_empty())
}

fn conditions(fields: &mut Fields<'_>, raw: Raw<'_>) -> Vec<MetadataCondition> {
    const NAME: &str = "metadata_filter";
    let entries = unless_null(raw)
        .and_then(|raw| fields.list(NAME, raw, 0..=limits::METADATA_CONDITIONS_MAX));
    let mut conditions = Vec::new();
    for (index, entry) in entries.unwrap_or_default().into_iter().enumerate() {
        let mut fields = fields.within(&[Step::Name(NAME), Step::Index(index)]);
        match parse_object::<FilterCondition<'_>>(entry.get()) {
            Ok(entry) => conditions.extend(condition(&mut fields, &entry)),
            Err((kind, msg)) => fields.refuse_here(kind, &format!("{NAME}[{index}] {msg}")),
        }
    }
    conditions
}

fn condition(fields: &mut Fields<'_>, entry: &FilterCondition<'_>) -> Option<MetadataCondition> {
    let key = fields.required("key", entry.key).and_then(|raw| key(fields, raw));
    let operator = match entry.op.map(RawValue::get) {
        None | Some("\"eq\"") => Some(ConditionOperator::Eq),
        Some("\"contains\"") => Some(ConditionOperator::Contains),
        Some("\"in\"") => Some(ConditionOperator::In),
        Some(_) => {
            fields.refuse("op", "enum", "must be \"eq\", \"contains\" or \"in\"");
            None
        }
    };
    let value = fields.required("value", entry.value).and_then(|raw| value(fields, raw, operator));
    Some(MetadataCondition { key: key?, operator: operator?, value: value? })
}

fn key(fields: &mut Fields<'_>, raw: &RawValue) -> Option<String> {
    let key = fields.text("key", raw, 1..=KEY_CHARS_MAX)?;
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let is_name = key.starts_with(is_letter)
        && key.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit());
    if !is_name {
        let msg = "must be a letter or `_`, then letters, digits and `_`";
        fields.refuse("key", "string_pattern_mismatch", msg);
    }
    is_name.then_some(key)
}

fn value(
    fields: &mut Fields<'_>,
    raw: &RawValue,
    operator: Option<ConditionOperator>,
) -> Option<String> {
    if operator == Some(ConditionOperator::In) && !raw.get().starts_with('[') {
        fields.refuse("value", "list_type", "must be an array when op is \"in\"");
        return None;
    }
    // Finds what raw text may still hold: lone surrogates, numbers beyond any float.
    if serde_json::from_str::<Value>(raw.get()).is_err() {
        let msg = "holds a number out of range or an escape that is no character";
        fields.refuse("value", "json_invalid", msg);
        return None;
    }
    Some(json_text::minify(raw.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(more: &str) -> Result<ReadPlan, String> {
        query_request(&format!("{{\"query\":\"x\"{more}}}"))
            .map_err(|problems| serde_json::to_string(&problems).unwrap())
    }

    #[test]
    fn no_domains_are_all_domains_unless_a_domain_is_named() {
        for (more, expected) in [
            ("", None),
            (",\"domains\":null", None),
            (",\"domains\":[]", None),
            (",\"domains\":[\"a\",\"b\"]", Some(vec!["a", "b"])),
            (",\"domains\":[],\"domain\":\"c\"", Some(vec!["c"])),
            (",\"domains\":[\"a\"],\"domain\":\"c\"", Some(vec!["a"])),
        ] {
            let domains = query(more).unwrap().query.domains;
            let expected: Option<Vec<String>> =
                expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(domains, expected, "{more}");
        }
    }

    #[test]
    fn a_condition_keeps_its_value_as_compact_text() {
        let plan = query(
            ",\"metadata_filter\":[{\"key\":\"a_1\",\"value\":{ \"b\": 1.50 }},\
             {\"key\":\"_k\",\"op\":\"in\",\"value\":[ 1, null ]},\
             {\"key\":\"K\",\"op\":\"contains\",\"value\":null}]",
        )
        .unwrap();
        let seen: Vec<(&str, ConditionOperator, &str)> = plan
            .query
            .conditions
            .iter()
            .map(|one| (one.key.as_str(), one.operator, one.value.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("a_1", ConditionOperator::Eq, "{\"b\":1.50}"),
                ("_k", ConditionOperator::In, "[1,null]"),
                ("K", ConditionOperator::Contains, "null"),
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_a_condition_has_its_place() {
        for (condition, place) in [
            ("7", "0]"),
            ("{\"value\":1}", "0,\"key\"]"),
            ("{\"key\":\"k\"}", "0,\"value\"]"),
            ("{\"key\":\"\",\"value\":1}", "0,\"key\"]"),
            ("{\"key\":\"1a\",\"value\":1}", "0,\"key\"]"),
            ("{\"key\":\"a.b\",\"value\":1}", "0,\"key\"]"),
            ("{\"key\":\"k\",\"op\":\"gt\",\"value\":1}", "0,\"op\"]"),
            ("{\"key\":\"k\",\"op\":null,\"value\":1}", "0,\"op\"]"),
            ("{\"key\":\"k\",\"op\":\"in\",\"value\":1}", "0,\"value\"]"),
            ("{\"key\":\"k\",\"value\":1e999}", "0,\"value\"]"),
        ] {
            let refused = query(&format!(",\"metadata_filter\":[{condition}]")).unwrap_err();
            let place = format!("[\"body\",\"metadata_filter\",{place}");
            assert!(refused.contains(&place), "{condition}: {refused}");
        }
    }
}
