//! Conditions on an atom's metadata: what must hold for it to be a result.

use serde_json::Value;

use super::atom::Metadata;

/// How the value of a key is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionOperator {
    /// The same JSON value; numbers by value, so 1 equals 1.0.
    Eq,
    /// A string that holds the given string, an array that holds the given value, or an object
    /// that holds the given members.
    Contains,
    /// One of the given values.
    In,
}

/// One condition on one top-level key. An atom without the key never meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataCondition {
    pub key: String,
    pub operator: ConditionOperator,
    /// JSON text; an array where the operator is `In`.
    pub value: String,
}

/// Conditions ready to be checked against many atoms.
#[derive(Debug, Clone, Default)]
pub struct MetadataFilter {
    conditions: Vec<(String, ConditionOperator, Value)>,
}

impl MetadataFilter {
    /// A condition whose value is no JSON is never met.
    #[must_use]
    pub fn new(conditions: &[MetadataCondition]) -> Self {
        let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let ready = |condition: &MetadataCondition| {
            (condition.key.clone(), condition.operator, parse(&condition.value))
        };
        Self { conditions: conditions.iter().map(ready).collect() }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether all conditions hold. Costs parsing the metadata once.
    #[must_use]
    pub fn accepts(&self, metadata: &Metadata) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        let Ok(tree) = serde_json::from_str::<Value>(metadata.as_json()) else { return false };
        self.conditions.iter().all(|(key, operator, wanted)| {
            tree.get(key).is_some_and(|actual| holds(actual, *operator, wanted))
        })
    }
}

fn holds(actual: &Value, operator: ConditionOperator, wanted: &Value) -> bool {
    match operator {
        ConditionOperator::Eq => same(actual, wanted),
        ConditionOperator::In => {
            wanted.as_array().is_some_and(|options| options.iter().any(|one| same(actual, one)))
        }
        ConditionOperator::Contains => match (actual, wanted) {
            (Value::String(actual), Value::String(wanted)) => actual.contains(wanted.as_str()),
            (Value::Array(actual), wanted) => actual.iter().any(|one| same(one, wanted)),
            (Value::Object(actual), Value::Object(wanted)) => wanted
                .iter()
                .all(|(key, wanted)| actual.get(key).is_some_and(|actual| same(actual, wanted))),
            _ => false,
        },
    }
}

/// JSON equality in which a number is its value, not its spelling.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other
                || one.as_f64().zip(other.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, a)| other.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metadata: &str, key: &str, operator: ConditionOperator, value: &str) -> bool {
        let value = value.to_owned();
        let condition = MetadataCondition { key: key.to_owned(), operator, value };
        MetadataFilter::new(&[condition]).accepts(&Metadata::from_checked(metadata.to_owned()))
    }

    #[test]
    fn equality_is_of_values_and_an_absent_key_never_matches() {
        use ConditionOperator::Eq;
        assert!(check(r#"{"n":1}"#, "n", Eq, "1.0"));
        assert!(check(r#"{"n":{"a":[1,null]}}"#, "n", Eq, r#"{"a":[1.0,null]}"#));
        assert!(check(r#"{"n":null}"#, "n", Eq, "null"));
        assert!(!check(r#"{"n":1}"#, "n", Eq, "\"1\""));
        assert!(!check("{}", "n", Eq, "null"));
    }

    #[test]
    fn contains_looks_into_strings_arrays_and_objects() {
        use ConditionOperator::Contains;
        assert!(check(r#"{"s":"alphabet"}"#, "s", Contains, "\"pha\""));
        assert!(check(r#"{"s":["a",2]}"#, "s", Contains, "2"));
        assert!(check(r#"{"s":{"a":1,"b":2}}"#, "s", Contains, r#"{"b":2}"#));
        assert!(!check(r#"{"s":{"a":1}}"#, "s", Contains, r#"{"a":1,"b":2}"#));
        assert!(!check(r#"{"s":5}"#, "s", Contains, "5"));
    }

    #[test]
    fn in_needs_one_of_the_given_values() {
        use ConditionOperator::In;
        assert!(check(r#"{"k":"b"}"#, "k", In, r#"["a","b"]"#));
        assert!(!check(r#"{"k":"c"}"#, "k", In, r#"["a","b"]"#));
        assert!(!check(r#"{"k":"a"}"#, "k", In, "\"a\""));
    }
}
