//! Ontologies as apps write them: what is taken, and which problem is named first.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn minimal() -> Value {
    json!({
        "appId": "tanda",
        "description": "An agency",
        "categories": [{"name": "clients"}],
        "entityTypes": [{"name": "Client"}],
        "relationshipTypes": [{"name": "WORKS_FOR"}],
    })
}

fn parsed(value: &Value) -> Ontology {
    Ontology::parse(&value.to_string()).unwrap()
}

/// The problem of the smallest ontology with one member set, by its path.
fn check(path: &str, value: Value, field: &str, issue: &str) {
    let mut ontology = minimal();
    *ontology.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
    let problem = Ontology::parse(&ontology.to_string()).unwrap_err();
    assert_eq!((problem.field.as_str(), problem.issue), (field, issue), "{path}");
}

/// The same for a member that is added.
fn check_added(member: &str, value: Value, field: &str, issue: &str) {
    let mut ontology = minimal();
    ontology[member] = value;
    let problem = Ontology::parse(&ontology.to_string()).unwrap_err();
    assert_eq!((problem.field.as_str(), problem.issue), (field, issue), "{member}");
}

#[test]
fn what_is_not_said_has_its_default() {
    let ontology = parsed(&minimal());
    let category = ontology.category("clients").unwrap();
    assert_eq!((category.priority, category.items_max), (1.0, CATEGORY_ITEMS_DEFAULT));
    assert_eq!(ontology.summary_chars_max_of("clients"), SUMMARY_CHARS_DEFAULT);
    let relation = &ontology.relationship_types[0];
    assert!(!relation.is_exclusive && !relation.is_temporal && relation.fits("Client", "Moon"));
    assert!(ontology.rules.is_empty() && ontology.extraction_prompt.is_none());
}

#[test]
fn everything_documented_is_taken() {
    let ontology = parsed(&json!({
        "description": "An agency",
        "categories": [
            {"name": "b", "description": "B", "examples": ["one"], "priority": 2, "maxItems": 7},
            {"name": "a", "priority": 2.0},
            {"name": "top", "priority": 10.5, "alwaysInclude": true, "maxSummaryTokens": 50},
            {"name": "low", "priority": -1},
        ],
        "entityTypes": [{
            "name": "Client", "description": "A company", "keyProperties": ["budget"],
            "examples": ["Acme"], "identifiers": ["vatId"],
            "properties": [{"name": "budget", "type": "number"}, {"name": "tier", "required": true}],
        }],
        "relationshipTypes": [
            {"name": "WORKS_FOR", "fromType": "Person", "toType": "Client", "temporal": true,
             "exclusive": true, "examples": ["Jane works for Acme"]},
            {"name": "USES", "fromTypes": ["Client"], "toTypes": ["Tool", "Service"],
             "properties": {"since": "date"}},
        ],
        "relevanceRules": [
            {"pattern": "ssn", "action": "never_remember"},
            {"pattern": "vip", "type": "boost", "factor": 2, "category": "top", "description": "x"},
            {"pattern": "maybe", "type": "decay"},
            {"pattern": "budget", "action": "ask", "category": "unknown"},
        ],
        "extractionPrompt": "Be brief.", "extractionPromptAdditions": "Be kind.",
        "summaryMaxLength": 300, "embeddingModel": "any", "retentionDays": 30, "version": "1.0",
        "eventTemplates": {"paid": "{{who}} paid."},
    }));
    let names: Vec<_> = ontology.categories.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["top", "a", "b", "low"]);
    assert_eq!(ontology.summary_chars_max_of("top"), 200);
    assert_eq!(ontology.summary_chars_max_of("b"), 300);
    assert_eq!(ontology.entity_types[0].key_properties, ["budget", "tier"]);
    assert!(ontology.relationship_types[0].fits("person", "Client"));
    assert!(!ontology.relationship_types[0].fits("Client", "Person"));
    assert_eq!(ontology.relationship_types[1].to_types, ["Tool", "Service"]);
    let rules: Vec<_> =
        ontology.rules.iter().map(|rule| (rule.action, rule.category.as_deref())).collect();
    assert_eq!(
        rules,
        [
            (RuleAction::NeverRemember, None),
            (RuleAction::Boost(2.0), Some("top")),
            (RuleAction::Decay(0.5), None),
            (RuleAction::Ask, None),
        ]
    );
    assert!(ontology.rules[0].pattern.is_match("my SSN is"));
    assert_eq!(ontology.extraction_prompt.as_deref(), Some("Be brief.\nBe kind."));
    assert_eq!(ontology.event_templates["paid"], "{{who}} paid.");
}

#[test]
fn a_missing_member_is_named() {
    for member in ["description", "categories", "entityTypes", "relationshipTypes"] {
        check(&format!("/{member}"), Value::Null, member, "Required field missing");
        let mut ontology = minimal();
        ontology.as_object_mut().unwrap().remove(member);
        assert_eq!(Ontology::parse(&ontology.to_string()).unwrap_err().field, member);
    }
    check("/categories/0", json!({}), "categories.0.name", "Required field missing");
    check_added(
        "relevanceRules",
        json!([{"pattern": "x"}]),
        "relevanceRules.0.action",
        "Required field missing",
    );
}

#[test]
fn the_first_of_several_problems_is_reported() {
    let problem = Ontology::parse(r#"{"categories": 7, "entityTypes": 8}"#).unwrap_err();
    assert_eq!(problem.field, "description");
    let problem =
        Ontology::parse(r#"{"description": "x", "entityTypes": 8, "categories": 7}"#).unwrap_err();
    assert_eq!(problem.field, "categories");
}

#[test]
fn every_problem_is_named_where_it_stands() {
    check("/description", json!(" "), "description", "Must not be empty");
    check("/categories", json!([]), "categories", "Must not be empty");
    check("/categories", json!({}), "categories", "Invalid type");
    check("/categories/0", json!("clients"), "categories.0", "Invalid type");
    check("/categories/0/name", json!("Two Words"), "categories.0.name", "Invalid value");
    check("/entityTypes/0/name", json!("client"), "entityTypes.0.name", "Invalid value");
    check(
        "/relationshipTypes/0/name",
        json!("worksFor"),
        "relationshipTypes.0.name",
        "Invalid value",
    );
    check("/categories/0/name", json!("a".repeat(65)), "categories.0.name", "Too long");
    check(
        "/categories",
        json!([{"name": "a"}, {"name": "a"}]),
        "categories.1.name",
        "Invalid value",
    );
    let category = |member: &str, value: Value| {
        let mut category = json!({"name": "a"});
        category[member] = value;
        category
    };
    for (member, value, issue) in [
        ("priority", json!("high"), "Invalid type"),
        ("maxItems", json!(0), "Out of range"),
        ("maxItems", json!(1.5), "Invalid type"),
        ("maxSummaryTokens", json!(-3), "Out of range"),
        ("alwaysInclude", json!(1), "Invalid type"),
    ] {
        check("/categories/0", category(member, value), &format!("categories.0.{member}"), issue);
    }
    check(
        "/categories/0",
        category("examples", json!(["a", 7])),
        "categories.0.examples.1",
        "Invalid type",
    );
    check_added("summaryMaxLength", json!(0), "summaryMaxLength", "Out of range");
    check_added("extractionPrompt", json!([]), "extractionPrompt", "Invalid type");
    check_added("eventTemplates", json!({"a": 1}), "eventTemplates.a", "Invalid type");
    check_added("eventTemplates", json!([]), "eventTemplates", "Invalid type");
    let rule = |rule: Value, field: &str, issue: &str| {
        check_added("relevanceRules", json!([rule]), &format!("relevanceRules.0.{field}"), issue);
    };
    rule(json!({"pattern": "(", "action": "ask"}), "pattern", "Invalid value");
    rule(json!({"pattern": "x", "action": "forget"}), "action", "Invalid value");
    rule(json!({"pattern": "x", "type": "forget"}), "type", "Invalid value");
    rule(json!({"pattern": "x", "type": "boost", "factor": 0}), "factor", "Out of range");
    rule(json!({"pattern": "x", "type": "decay", "factor": 2}), "factor", "Out of range");
}

#[test]
fn what_would_take_too_much_memory_is_refused() {
    let nested = "(".repeat(200) + &")".repeat(200);
    for pattern in ["(a{1000}){1000}", r"(\w{200}){200}", &nested] {
        let rules = json!([{"pattern": pattern, "action": "ask"}]);
        check_added("relevanceRules", rules, "relevanceRules.0.pattern", "Invalid value");
    }
    let many =
        |count: usize| Value::Array((0..count).map(|n| json!({"name": format!("c{n}")})).collect());
    check("/categories", many(101), "categories", "Too long");
    let problem = Ontology::parse(&" ".repeat(ONTOLOGY_BYTES_MAX + 1)).unwrap_err();
    assert_eq!((problem.field.as_str(), problem.issue), ("body", "Too long"));
}

#[test]
fn what_is_no_json_object_is_refused() {
    for (text, issue) in [("", "Invalid JSON"), ("{", "Invalid JSON"), ("[]", "Invalid type")] {
        let problem = Ontology::parse(text).unwrap_err();
        assert_eq!((problem.field.as_str(), problem.issue), ("body", issue));
    }
}

#[test]
fn the_default_holds_what_is_promised() {
    let ontology = Ontology::default();
    assert!(ontology.category(GENERAL).is_some());
    assert_eq!(ontology.relationship_types[0].name, RELATED_TO);
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text: String) {
        let _ = Ontology::parse(&text);
    }

    #[test]
    fn what_parses_is_sorted_and_bounded(
        priorities in prop::collection::vec(-5.0_f64..5.0, 1..20),
    ) {
        let mut ontology = minimal();
        ontology["categories"] = priorities
            .iter()
            .enumerate()
            .map(|(n, priority)| json!({"name": format!("c{n}"), "priority": priority}))
            .collect();
        let ontology = parsed(&ontology);
        prop_assert_eq!(ontology.categories.len(), priorities.len());
        prop_assert!(ontology.categories.is_sorted_by(|one, other| one.priority >= other.priority));
    }
}
