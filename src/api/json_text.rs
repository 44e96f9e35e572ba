//! JSON handled as text: how deep it nests, and the same text without the white space between
//! its tokens. Nothing here builds a tree, so number forms, escapes and key order survive.

/// Whether arrays and objects nest deeper than `levels_max`. A flat array is one level deep.
/// Works on any bytes; meaningful on JSON. One pass, no recursion.
#[must_use]
pub(super) fn nests_deeper_than(text: &[u8], levels_max: usize) -> bool {
    let mut levels = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                levels += 1;
                if levels > levels_max {
                    return true;
                }
            }
            b'}' | b']' => levels = levels.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The same JSON without insignificant white space. `json` must be valid JSON.
#[must_use]
pub(super) fn minify(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    // White space is dropped only outside strings, where it is always ASCII.
    for character in json.chars() {
        if in_string {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
        } else if character == '"' {
            in_string = true;
        } else if matches!(character, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        compact.push(character);
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "[ \\t\\n\"\\\\{}\\[\\]:,]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((".{0,6}", inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn depth_of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(depth_of).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn minifying_a_pretty_document_gives_the_compact_one(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let compact = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(minify(&pretty), compact.clone());
            prop_assert_eq!(minify(&compact), compact);
        }

        #[test]
        fn the_depth_of_the_text_is_the_depth_of_the_tree(value in any_json()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let depth = depth_of(&value);
            prop_assert!(!nests_deeper_than(text.as_bytes(), depth));
            if depth > 0 {
                prop_assert!(nests_deeper_than(text.as_bytes(), depth - 1));
            }
        }
    }

    #[test]
    fn number_forms_escapes_key_order_and_duplicates_survive() {
        let text =
            "{ \"z\" : 1.50 ,\n \"a\":-0,\t\"e\": 1E+2, \"u\":\"\\u00e9 \\\" }\", \"a\": 2 }";
        assert_eq!(
            minify(text),
            "{\"z\":1.50,\"a\":-0,\"e\":1E+2,\"u\":\"\\u00e9 \\\" }\",\"a\":2}"
        );
    }

    #[test]
    fn brackets_inside_strings_are_not_levels() {
        assert!(!nests_deeper_than(br#"["[[[[\"[["]"#, 1));
        assert!(nests_deeper_than(b"[[", 1));
    }
}
