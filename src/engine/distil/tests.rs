//! Sources as a whole: what becomes of them, what is read of it, and the bounds that hold for any
//! text under any ontology.

use super::*;
use proptest::prelude::*;

fn source(kind: ResourceKind, text: &str) -> SourceText<'_> {
    SourceText {
        kind,
        text,
        at: Timestamp::from_micros(0),
        importance: ImportanceLevel::Medium,
        category: None,
        entities: &[],
    }
}

fn said(text: &str) -> Vec<DistilledFact> {
    distil(&source(ResourceKind::Conversation, text), &Ontology::default())
}

fn texts(facts: &[DistilledFact]) -> Vec<&str> {
    facts.iter().map(|fact| fact.text.as_str()).collect()
}

fn agency() -> Ontology {
    Ontology::parse(
        r#"{
            "description": "Clients and projects of an agency",
            "categories": [
                {"name": "project_status", "description": "Progress, milestones and deadlines of projects",
                 "examples": ["Phase 1 is on track", "The launch slipped by a week"], "priority": 5},
                {"name": "contacts", "description": "People and how to reach them",
                 "examples": ["Jane's email is jane@acme.com"], "priority": 9},
                {"name": "preferences", "description": "What people like or prefer",
                 "examples": ["Prefers calls in the morning"], "priority": 2}
            ],
            "entityTypes": [
                {"name": "Client", "description": "A company we work for", "examples": ["Acme Corp"],
                 "keyProperties": ["budget", "industry", "phoneNumber"]},
                {"name": "Project", "description": "A piece of work", "keyProperties": ["dueDate"]},
                {"name": "Stakeholder", "description": "A person on the side of a client"}
            ],
            "relationshipTypes": [
                {"name": "WORKS_FOR", "description": "A stakeholder is employed by a client",
                 "fromType": "Stakeholder", "toType": "Client", "exclusive": true, "temporal": true},
                {"name": "MANAGES", "fromType": "Stakeholder", "toType": "Project",
                 "examples": ["Jane leads Phase 1"]},
                {"name": "APPROVED_BY", "fromType": "Project", "toType": "Stakeholder"}
            ],
            "relevanceRules": [
                {"pattern": "password|api key", "action": "never_remember"},
                {"pattern": "^hello", "action": "always_remember", "category": "contacts"},
                {"pattern": "urgent", "type": "boost", "factor": 1.1, "category": "project_status"},
                {"pattern": "rumou?r", "type": "decay", "factor": 0.5}
            ]
        }"#,
    )
    .unwrap()
}

fn of_agency(text: &str) -> Vec<DistilledFact> {
    distil(&source(ResourceKind::Document, text), &agency())
}

#[test]
fn every_turn_that_says_something_is_a_fact_with_its_speaker() {
    let facts = said(
        "Caroline: I went to the LGBTQ support group yesterday and it was so powerful.\n\
         Melanie: Wow, that's cool, Caroline! What happened that was so awesome?\n\
         Caroline: The stories were so inspiring! I was thankful for all the support.\n\
         Melanie: Thanks!",
    );
    assert_eq!(
        texts(&facts),
        [
            "Caroline: I went to the LGBTQ support group yesterday and it was so powerful.",
            "Melanie: Wow, that's cool, Caroline! What happened that was so awesome? \
             Caroline: The stories were so inspiring! I was thankful for all the support.",
        ]
    );
}

#[test]
fn the_date_of_a_session_stands_before_its_facts() {
    for line in ["[1:56 pm on 8 May, 2023]", "Session 1: May 8th, 2023", "2023-05-08 13:56"] {
        let facts = said(&format!("{line}\nAnna: I adopted a cat.\nBen: I sold the old car."));
        assert_eq!(
            texts(&facts),
            ["[8 May 2023] Anna: I adopted a cat.", "[8 May 2023] Ben: I sold the old car."],
            "{line}"
        );
    }
}

#[test]
fn a_conversation_may_be_written_as_messages() {
    let list = r#"[{"role": "user", "content": "I adopted a cat."},
                   {"role": "assistant", "content": "What is its name?"},
                   {"name": "Ben", "role": "user", "content": "Mittens,\nor so it seems."}]"#;
    let expected =
        ["user: I adopted a cat.", "assistant: What is its name? Ben: Mittens, or so it seems."];
    assert_eq!(texts(&said(list)), expected);
    assert_eq!(texts(&said(&format!("{{\"messages\": {list}}}"))), expected);
    // What only looks like it is read as it stands.
    assert_eq!(texts(&said("[\"Rome\", \"Paris\"]")), ["[\"Rome\", \"Paris\"]"]);
}

#[test]
fn short_turns_of_a_long_conversation_share_a_fact() {
    let line = |n: usize| format!("Anna: Box {n} holds letters.\nBen: Shelf {n} holds stamps.\n");
    let few = said(&(0..4).map(line).collect::<String>());
    assert_eq!(few.len(), 8);
    let text: String = (0..10).map(line).collect();
    let many = said(&text);
    assert!(many.len() < 10, "{}", many.len());
    for line in text.lines() {
        let is_kept = |fact: &&DistilledFact| fact.text.contains(line);
        assert_eq!(many.iter().filter(is_kept).count(), 1, "{line}");
    }
}

#[test]
fn what_is_treated_otherwise_shares_no_fact() {
    let line = |n: usize| format!("Anna: Box {n} holds letters of urgent rumours.\n");
    let other = |n: usize| format!("Ben: Shelf {n} holds stamps.\n");
    let text: String = (0..8).map(|n| line(n) + &other(n)).collect();
    let facts = distil(&source(ResourceKind::Conversation, &text), &agency());
    assert!(facts.iter().all(|fact| !(fact.text.contains("Anna") && fact.text.contains("Ben"))));
}

#[test]
fn what_looks_like_a_label_is_no_speaker() {
    let facts = said("My favourite cities: Rome and Paris.");
    assert_eq!(texts(&facts), ["My favourite cities: Rome and Paris."]);
}

#[test]
fn questions_and_greetings_alone_give_nothing() {
    for text in ["", "  \n ", "Hello!", "How are you? What is new?", "Anna: Hey Ben!\nBen: Hi!"] {
        assert_eq!(said(text), [], "{text}");
    }
}

#[test]
fn a_long_turn_is_split_and_keeps_its_speaker() {
    let sentence = "The river behind the old mill was higher than anybody had ever seen it. ";
    let facts = said(&format!("Anna: {}", sentence.repeat(20)));
    assert!(facts.len() > 1, "{}", facts.len());
    for fact in &facts {
        assert!(fact.text.starts_with("Anna: ") && fact.text.chars().count() <= FACT_CHARS_MAX);
    }
}

#[test]
fn the_same_said_twice_is_one_fact() {
    let facts = of_agency("Acme Corp signed. Nothing else happened today. Acme Corp signed.");
    assert_eq!(texts(&facts), ["Acme Corp signed.", "Nothing else happened today."]);
}

#[test]
fn documents_are_read_by_their_sentences() {
    let facts = of_agency(
        "# Status\n\nThe launch of Phase 1 slipped by a week. It is now on Monday.\n\n\
         - Budget: 5000\n- Jane prefers calls in the morning.",
    );
    assert_eq!(
        texts(&facts),
        [
            "Status: The launch of Phase 1 slipped by a week. It is now on Monday.",
            "Budget: 5000",
            "Jane prefers calls in the morning.",
        ]
    );
    let categories: Vec<_> = facts.iter().map(|fact| fact.category.as_str()).collect();
    assert_eq!(categories[0], "project_status");
    assert_eq!(categories[2], "preferences");
}

#[test]
fn the_rules_decide_what_is_kept() {
    let check = |text: &str, expected: &[(&str, &str, f64)]| {
        let facts = of_agency(text);
        let found: Vec<_> = facts
            .iter()
            .map(|fact| {
                let rounded = (fact.confidence * 1_000.0).round() / 1_000.0;
                (fact.text.as_str(), fact.category.as_str(), rounded)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check(
        "The PASSWORD is swordfish. Jane prefers tea.",
        &[("Jane prefers tea.", "preferences", 0.9)],
    );
    check("Hello!", &[("Hello!", "contacts", 0.9)]);
    check("This is urgent news.", &[("This is urgent news.", "project_status", 0.99)]);
    check(
        "There is a rumor about milestones.",
        &[("There is a rumor about milestones.", "project_status", 0.45)],
    );
}

#[test]
fn what_is_forbidden_goes_with_its_sentence_wherever_it_stands() {
    let text = "User: Hi there. My api key is abc. I live in Rome.\nUser: The password?\n\
                Assistant: I noted the launch.";
    for kind in ResourceKind::ALL {
        let facts = distil(&source(kind, text), &agency());
        assert!(!facts.is_empty());
        for fact in facts {
            let folded = fact.text.to_lowercase();
            assert!(!folded.contains("api key") && !folded.contains("password"), "{fact:?}");
        }
        assert!(!allowed_text(&source(kind, text), &agency()).contains("api key"));
    }
}

#[test]
fn importance_raises_confidence() {
    let confidence = |importance, text| {
        let source = SourceText { importance, ..source(ResourceKind::Conversation, text) };
        distil(&source, &Ontology::default())[0].confidence
    };
    let hedged = "Maybe Anna sold the car.";
    assert!((confidence(ImportanceLevel::Low, hedged) - HEDGED).abs() < f64::EPSILON);
    assert!((confidence(ImportanceLevel::Medium, "Anna sold it.") - PLAIN).abs() < f64::EPSILON);
    assert!((confidence(ImportanceLevel::High, hedged) - PLAIN).abs() < f64::EPSILON);
    assert!((confidence(ImportanceLevel::Critical, hedged) - 1.0).abs() < f64::EPSILON);
    // Retrieval leaves out less than 0.6 by default.
    const { assert!(HEDGED > 0.6) }
}

#[test]
fn a_suggested_category_wins_when_it_is_configured() {
    let category = |suggested| {
        let source = SourceText {
            category: Some(suggested),
            ..source(ResourceKind::Event, "Jane prefers tea.")
        };
        distil(&source, &agency())[0].category.clone()
    };
    assert_eq!(category("contacts"), "contacts");
    assert_eq!(category("unheard_of"), "preferences");
}

#[test]
fn names_of_an_event_end_with_its_sentences() {
    let text = "SOW 'Phase 1' was approved by Jane. Project can proceed to execution.";
    let facts = distil(&source(ResourceKind::Event, text), &Ontology::default());
    assert_eq!(texts(&facts), [text]);
    let names: Vec<_> = facts[0].mentions.iter().map(|mention| mention.name.as_str()).collect();
    assert!(names.contains(&"Jane") && !names.contains(&"Jane Project"), "{names:?}");
}

#[test]
fn an_event_of_several_sentences_is_not_taken_back_for_one_of_them() {
    let of = |text: &str| distil(&source(ResourceKind::Event, text), &agency());
    assert!(of("Jane works for Acme Corp.")[0].slot.is_some());
    assert_eq!(of("Jane works for Acme Corp. The kitchen has been painted.")[0].slot, None);
}

#[test]
fn an_event_stays_whole_and_mentions_what_it_is_said_to() {
    let suggested = [
        SuggestedEntity { name: "Phase 1".to_owned(), entity_type: "Project".to_owned() },
        SuggestedEntity { name: "Jane".to_owned(), entity_type: "stakeholder".to_owned() },
        SuggestedEntity { name: "Elsewhere".to_owned(), entity_type: "Planet".to_owned() },
    ];
    let text = "SOW 'Phase 1' was approved by Jane. Project can proceed to execution.";
    let source = SourceText { entities: &suggested, ..source(ResourceKind::Webhook, text) };
    let facts = distil(&source, &agency());
    assert_eq!(texts(&facts), [text]);
    let mentions: Vec<_> =
        facts[0].mentions.iter().map(|it| (it.name.as_str(), it.entity_type.as_str())).collect();
    assert_eq!(
        mentions,
        [("Phase 1", "Project"), ("Jane", "Stakeholder"), ("Elsewhere", "Planet")]
    );
    assert_eq!(relations(&facts), ["Phase 1 APPROVED_BY Jane"]);
}

fn relations(facts: &[DistilledFact]) -> Vec<String> {
    let relations = facts.iter().flat_map(|fact| &fact.relations);
    relations.map(|it| format!("{} {} {}", it.from, it.relation_type, it.to)).collect()
}

#[test]
fn names_get_the_types_of_the_app() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let facts = of_agency(text);
        let mentions = facts.iter().flat_map(|fact| &fact.mentions);
        let found: Vec<_> =
            mentions.map(|it| (it.name.as_str(), it.entity_type.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("We met acme corp today.", &[("Acme Corp", "Client")]);
    check("Our client Globex pays late.", &[("Globex", "Client")]);
    check("Yesterday Initech became a new client.", &[("Initech", "Client")]);
    check("We started Project Apollo in May.", &[("Project Apollo", "Project")]);
    check(
        "Yesterday Anna called from Umbrella Inc.",
        &[("Anna", "Stakeholder"), ("Umbrella Inc", "Client")],
    );
    check("They flew to Paris.", &[("Paris", "Place")]);
}

#[test]
fn without_an_ontology_names_get_general_types() {
    let facts = said("Anna: I moved to Berlin and learn Python at Siemens AG.");
    let mentions: Vec<_> =
        facts[0].mentions.iter().map(|it| (it.name.as_str(), it.entity_type.as_str())).collect();
    assert_eq!(
        mentions,
        [
            ("Anna", "Person"),
            ("Berlin", "Place"),
            ("Python", "Technology"),
            ("Siemens AG", "Organization"),
        ]
    );
}

#[test]
fn a_name_has_one_type_throughout() {
    let facts = said("Ben: Xandra, the cake was lovely.\nXandra: I baked the cake for hours.");
    let types: HashSet<_> = facts
        .iter()
        .flat_map(|fact| &fact.mentions)
        .map(|it| (it.name.as_str(), it.entity_type.as_str()))
        .collect();
    assert_eq!(types, HashSet::from([("Ben", "Person"), ("Xandra", "Person")]));
}

#[test]
fn a_given_name_stands_for_who_was_named_in_full() {
    let facts = of_agency("Anna Lee runs the project. Later Anna called again.");
    assert!(facts.iter().all(|fact| fact.mentions[0].name == "Anna Lee"), "{facts:?}");
}

#[test]
fn properties_are_read_from_what_is_said_of_a_thing() {
    let check = |text: &str, expected: &[(&str, &str, &str)]| {
        let facts = of_agency(text);
        let mentions = facts.iter().flat_map(|fact| &fact.mentions);
        let found: Vec<_> = mentions
            .flat_map(|it| {
                it.properties.iter().map(|(name, value)| (it.name.as_str(), &**name, &**value))
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check("Jane's email is jane@acme.com.", &[("Jane", "email", "jane@acme.com")]);
    check("Acme Corp is based in Berlin.", &[("Acme Corp", "location", "Berlin")]);
    check("The budget of Acme Corp is $5,000.", &[("Acme Corp", "budget", "$5,000")]);
    check("Acme Corp has a budget of 5000.", &[("Acme Corp", "budget", "5000")]);
    check("Acme Corp signed, industry: retail.", &[("Acme Corp", "industry", "retail")]);
    check("Acme Corp's phone number is 555-1234.", &[("Acme Corp", "phoneNumber", "555-1234")]);
    check("Reach Jane at jane@acme.com.", &[("Jane", "email", "jane@acme.com")]);
    check("We like Acme Corp and its budget.", &[]);
}

#[test]
fn relationships_are_those_of_the_app_between_things_that_fit() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(relations(&of_agency(text)), expected, "{text}");
    };
    check("Jane works for Acme Corp.", &["Jane WORKS_FOR Acme Corp"]);
    check("Jane is employed by Acme Corp.", &["Jane WORKS_FOR Acme Corp"]);
    check("Jane is the manager of Project Apollo.", &["Jane MANAGES Project Apollo"]);
    check("Project Apollo is managed by Jane.", &["Jane MANAGES Project Apollo"]);
    check("Jane leads Project Apollo.", &["Jane MANAGES Project Apollo"]);
    check("Yesterday Jane approved Project Apollo.", &["Project Apollo APPROVED_BY Jane"]);
    check("Project Apollo's manager is Jane.", &["Jane MANAGES Project Apollo"]);
    check("Jane, head of design at Acme Corp, called.", &["Jane WORKS_FOR Acme Corp"]);
    check(
        "Jane works for Acme Corp and Anna leads Project Apollo.",
        &["Jane WORKS_FOR Acme Corp", "Anna MANAGES Project Apollo"],
    );
    check(
        "Jane and Anna lead Project Apollo.",
        &["Jane MANAGES Project Apollo", "Anna MANAGES Project Apollo"],
    );
    check("Jane does not work for Acme Corp.", &[]);
    check("Does Jane work for Acme Corp?", &[]);
    check("Jane met Acme Corp.", &[]);
}

#[test]
fn a_relationship_that_holds_for_a_time_says_since_when() {
    let facts = of_agency("Jane works for Acme Corp since May 2020.");
    assert_eq!(facts[0].relations[0].properties, [("since".to_owned(), "May 2020".to_owned())]);
}

#[test]
fn without_an_ontology_a_verb_relates_two_things() {
    assert_eq!(relations(&said("Anna met Ben in Rome.")), ["Anna RELATED_TO Ben",]);
    assert_eq!(relations(&said("We invited Anna and Ben.")), Vec::<String>::new());
}

fn slots(facts: &[DistilledFact]) -> Vec<(&str, &str, &str)> {
    let slots = facts.iter().filter_map(|fact| fact.slot.as_ref());
    slots.map(|it| (it.subject.as_str(), it.attribute.as_str(), it.value.as_str())).collect()
}

#[test]
fn what_has_one_value_at_a_time_fills_a_slot() {
    for (text, expected) in [
        ("I live in Berlin.", ("user", "location", "berlin")),
        ("I live in Berlin with my wife.", ("user", "location", "berlin")),
        ("i live in berlin", ("user", "location", "berlin")),
        ("The user lives in Berlin.", ("user", "location", "berlin")),
        ("User: I just moved to Paris!", ("user", "location", "paris")),
        ("Anna: I'm based in Rome now.", ("anna", "location", "rome")),
        ("Anna lives in Berlin.", ("anna", "location", "berlin")),
        ("Anna moved to Paris.", ("anna", "location", "paris")),
        ("I work for Acme.", ("user", "employer", "acme")),
        ("Anna works at Siemens AG as a designer.", ("anna", "employer", "siemens ag")),
        ("My favorite colour is blue.", ("user", "favourite colour", "blue")),
        ("Anna's favourite color is dark green.", ("anna", "favourite colour", "dark green")),
        ("My email is a.b@example.org.", ("user", "email", "a.b@example.org")),
        ("Anna's manager is Ben.", ("anna", "manager", "ben")),
        ("The budget of Anna is 5000.", ("anna", "budget", "5000")),
        ("My name is Zoë.", ("user", "name", "zoë")),
        ("I'm 34 years old.", ("user", "age", "34")),
    ] {
        assert_eq!(slots(&said(text)), [expected], "{text}");
    }
}

#[test]
fn nothing_else_fills_a_slot() {
    for text in [
        "I like pizza.",
        "I like sushi.",
        "I lived in Berlin.",
        "I don't live in Berlin.",
        "I no longer work for Acme.",
        "I used to live in Berlin.",
        "I would live in Berlin.",
        "If I live in Berlin, I save money.",
        "Maybe I live in Berlin.",
        "Do I live in Berlin?",
        "I moved to Paris in 2010.",
        "I moved to Linux.",
        "I moved to the sofa.",
        "I live in a flat.",
        "I work for fun.",
        "My boss is great.",
        "My job is stressful.",
        "My favourite colours are red and blue.",
        "One of my favourite books is Dune.",
        "The budget is 5000.",
        "Anna's budget is 5000 for May.",
        "Anna's cat is black.",
        "He said \"I live in Berlin\".",
        "Assistant: I live in Berlin.",
        "I live in Berlin and my email is a@example.org.",
        "Anna's birthday was 5 May.",
    ] {
        assert_eq!(slots(&said(text)), [], "{text}");
    }
}

#[test]
fn only_what_is_said_by_somebody_is_said_of_them() {
    let facts = distil(&source(ResourceKind::Document, "I live in Berlin."), &Ontology::default());
    assert_eq!(slots(&facts), []);
}

#[test]
fn an_exclusive_relationship_fills_a_slot_too() {
    assert_eq!(
        slots(&of_agency("Jane works for Acme Corp.")),
        [("jane", "works_for", "acme corp")]
    );
    assert_eq!(slots(&of_agency("Jane worked for Acme Corp.")), []);
}

#[test]
fn what_may_be_contradicted_stands_alone() {
    let facts = said("Anna: The weather ruined our picnic. I live in Berlin. We ate indoors.");
    assert_eq!(
        texts(&facts),
        ["Anna: The weather ruined our picnic. We ate indoors.", "Anna: I live in Berlin."]
    );
    assert!(facts[0].slot.is_none() && facts[1].slot.is_some());
}

#[test]
fn a_long_source_is_distilled_whole() {
    let line = |n: usize| format!("Anna: Number {n} of the boxes holds letters from the war.\n");
    let text: String = (0..4_000).map(line).collect();
    let facts = said(&text);
    assert!(facts.len() <= FACTS_MAX);
    let all: String = texts(&facts).join(" ");
    assert!(all.contains("Number 0 ") && all.contains("Number 3999 "));
}

fn claim(text: &str) -> FactClaim {
    FactClaim { text: text.to_owned(), ..FactClaim::default() }
}

fn mention(name: &str, entity_type: &str, properties: &[(&str, &str)]) -> EntityMention {
    let property = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    EntityMention {
        name: name.to_owned(),
        entity_type: entity_type.to_owned(),
        properties: properties.iter().map(property).collect(),
    }
}

fn relation(from: &str, relation_type: &str, to: &str) -> Relation {
    let [from, relation_type, to] = [from, relation_type, to].map(str::to_owned);
    Relation { relation_type, from, to, properties: Vec::new() }
}

const CLAIMED_OF: &str = "Jane Doe works for Acme Corp and moved to Berlin with 3 cats. \
                          The password is swordfish.";

fn believed(facts: Vec<FactClaim>) -> Vec<DistilledFact> {
    let source = source(ResourceKind::Conversation, CLAIMED_OF);
    from_claims(&FactClaims { facts }, &source, &agency())
}

#[test]
fn only_what_the_text_supports_is_believed() {
    let facts = believed(
        [
            "Jane Doe works for Acme Corp.",
            "jane doe works for acme corp",
            "Jane Doe has moved to Berlin.",
            "Jane Doe has 4 cats.",
            "Bob is a famous astronaut.",
            "The password is swordfish.",
            "Swordfish is the password of Jane Doe.",
            "",
            "…",
        ]
        .map(claim)
        .to_vec(),
    );
    assert_eq!(texts(&facts), ["Jane Doe works for Acme Corp.", "Jane Doe has moved to Berlin."]);
}

#[test]
fn claims_are_put_in_the_words_of_the_ontology() {
    let claimed = FactClaim {
        category: "contacts".to_owned(),
        confidence: Some(0.7),
        mentions: vec![
            mention("Jane  Doe", "stakeholder", &[("city", "Berlin"), ("age", "40")]),
            mention("jane doe", "Client", &[]),
            mention("Acme Corp", "Company", &[]),
            mention("Bob", "Stakeholder", &[]),
        ],
        relations: vec![
            relation("jane doe", "works_for", "Acme Corp"),
            relation("Acme Corp", "WORKS_FOR", "Jane Doe"),
            relation("Jane Doe", "WORKS_FOR", "Bob"),
            relation("Jane Doe", "LIKES", "Acme Corp"),
        ],
        ..claim("Jane Doe works for Acme Corp.")
    };
    let fact = believed(vec![claimed]).remove(0);
    assert_eq!(fact.category, "contacts");
    assert!((fact.confidence - 0.7).abs() < f64::EPSILON);
    assert_eq!(
        fact.mentions,
        [
            mention("Jane Doe", "Stakeholder", &[("city", "Berlin")]),
            mention("Acme Corp", "Client", &[]),
        ]
    );
    assert_eq!(fact.relations, [relation("Jane Doe", "WORKS_FOR", "Acme Corp")]);
    let slot = fact.slot.unwrap();
    assert_eq!((&*slot.subject, &*slot.attribute), ("jane doe", "works_for"));
}

#[test]
fn a_claim_that_says_little_is_completed_by_rules() {
    let claimed = FactClaim {
        category: "unheard_of".to_owned(),
        confidence: Some(f64::NAN),
        ..claim("Jane Doe moved to Berlin.")
    };
    let fact = believed(vec![claimed]).remove(0);
    assert!(agency().category(&fact.category).is_some());
    assert!((fact.confidence - PLAIN).abs() < f64::EPSILON);
}

fn assert_bounds(facts: &[DistilledFact], kind: ResourceKind, ontology: &Ontology) {
    let is_event = matches!(kind, ResourceKind::Event | ResourceKind::Webhook);
    let chars_max = if is_event { EVENT_CHARS_MAX } else { FACT_CHARS_MAX };
    assert!(facts.len() <= FACTS_MAX);
    for fact in facts {
        let chars = fact.text.chars().count();
        assert!(!fact.text.trim().is_empty() && chars <= chars_max, "{chars}: {fact:?}");
        assert!(!fact.text.contains(['\n', '\r']), "{fact:?}");
        assert!(ontology.category(&fact.category).is_some());
        assert!((0.0..=1.0).contains(&fact.confidence));
        let names: HashSet<&str> = fact.mentions.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names.len(), fact.mentions.len(), "{fact:?}");
        assert!(fact.mentions.iter().all(|it| !it.name.is_empty() && !it.entity_type.is_empty()));
        for relation in &fact.relations {
            assert!(names.contains(&*relation.from) && names.contains(&*relation.to), "{fact:?}");
        }
        if let Some(slot) = &fact.slot {
            assert!(![&slot.subject, &slot.attribute, &slot.value].iter().any(|it| it.is_empty()));
        }
    }
}

/// Texts of what the rules look for, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "Anna",
        "Anna Lee",
        "Acme Corp",
        "'s",
        " is ",
        " works for ",
        " lives in ",
        "Berlin",
        ". ",
        "\n",
        "User: ",
        "Ben: ",
        "I ",
        "my ",
        "email",
        ": ",
        "a@b.de",
        "? ",
        "password",
        "the ",
        "budget of ",
        "5000",
        ", ",
        "[8 May 2023] ",
        "hello",
        " client ",
        "Project ",
        "“",
        "…",
        "é",
        "我在北京",
        " not ",
        "manager",
        "```",
        "# ",
        "| ",
        "{{x}}",
        "\t",
        "🙂",
        "x".repeat(700).leak(),
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn bounds_hold_for_any_claims(
        text in pieces(),
        claimed in prop::collection::vec((pieces(), pieces(), any::<f64>()), 0..6),
    ) {
        let ontology = agency();
        let claims = claimed.into_iter().map(|(text, name, confidence)| FactClaim {
            relations: vec![relation(&name, "MANAGES", &text)],
            mentions: vec![mention(&name, "Client", &[("a", &text)]), mention(&text, "x", &[])],
            confidence: Some(confidence),
            category: name,
            text,
        });
        let claims = FactClaims { facts: claims.collect() };
        let source = source(ResourceKind::Conversation, &text);
        let facts = from_claims(&claims, &source, &ontology);
        assert_bounds(&facts, ResourceKind::Conversation, &ontology);
    }

    #[test]
    fn bounds_hold_for_any_source(
        text in prop_oneof![any::<String>(), pieces()],
        kind in prop::sample::select(ResourceKind::ALL.to_vec()),
        importance in prop::sample::select(ImportanceLevel::ALL.to_vec()),
        suggested in prop::option::of(pieces()),
    ) {
        let entities: Vec<SuggestedEntity> = suggested
            .into_iter()
            .map(|name| SuggestedEntity { entity_type: "Client".to_owned(), name })
            .collect();
        for ontology in [Ontology::default(), agency()] {
            let source = SourceText { importance, entities: &entities, ..source(kind, &text) };
            let facts = distil(&source, &ontology);
            assert_bounds(&facts, kind, &ontology);
            prop_assert_eq!(&facts, &distil(&source, &ontology));
            prop_assert!(facts.iter().all(|fact| !fact.text.to_lowercase().contains("password"))
                || ontology.rules.is_empty());
        }
    }
}
