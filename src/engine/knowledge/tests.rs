//! Documents in several languages, and what is found in them.

use super::*;
use crate::engine::chunking::chunk;
use proptest::prelude::*;

fn graph_of(text: &str) -> DocumentGraph {
    extract("Notes", &chunk(text, ChunkRule::default()))
}

fn names(graph: &DocumentGraph) -> Vec<&str> {
    graph.entities.iter().map(|entity| entity.name.as_str()).collect()
}

fn statements(graph: &DocumentGraph) -> Vec<String> {
    let name = |number: u32| graph.entities[usize::try_from(number).unwrap()].name.as_str();
    let relations = graph.relations.iter();
    relations.map(|r| format!("{} {} {}", name(r.source), r.verb, name(r.target))).collect()
}

#[track_caller]
fn check_entities(text: &str, expected: &[(&str, EntityType)]) -> DocumentGraph {
    let graph = graph_of(text);
    for (name, entity_type) in expected {
        let found = graph.entities.iter().find(|entity| entity.name == *name);
        let found = found.map(|entity| entity.entity_type);
        assert_eq!(found, Some(*entity_type), "{name} among {:?}", names(&graph));
    }
    graph
}

#[track_caller]
fn check_says(text: &str, expected: &[&str]) {
    let said = statements(&graph_of(text));
    for statement in expected {
        assert!(said.iter().any(|said| said == statement), "{statement} among {said:?}");
    }
}

#[track_caller]
fn check_silent_on(text: &str, words: &[&str]) {
    let graph = graph_of(text);
    for word in words {
        let found = names(&graph).iter().any(|name| name.to_lowercase() == word.to_lowercase());
        assert!(!found, "{word} among {:?}", names(&graph));
    }
}

const COMPANY: &str = "Acme Robotics Inc. was founded by Ada Lovelace and Charles Babbage in London \
    in 1987. In 2015, Acme Robotics acquired Globex GmbH. Its chief engineer, Grace Hopper, wrote \
    the navigation stack in Rust and C++. She works at Stanford University. The Ministry of \
    Transport funded the pilot. The navigation stack depends on PostgreSQL and uses Kafka, Redis \
    and MQTT. Acme Robotics is headquartered in Berlin.";

#[test]
fn people_organisations_places_and_technologies_are_told_apart() {
    use EntityType::{Concept, Organization, Person, Place, Technology};
    check_entities(
        COMPANY,
        &[
            ("Ada Lovelace", Person),
            ("Charles Babbage", Person),
            ("Grace Hopper", Person),
            ("Acme Robotics", Organization),
            ("Globex GmbH", Organization),
            ("Stanford University", Organization),
            ("Ministry of Transport", Organization),
            ("London", Place),
            ("Berlin", Place),
            ("Rust", Technology),
            ("C++", Technology),
            ("PostgreSQL", Technology),
            ("MQTT", Technology),
            ("navigation stack", Concept),
        ],
    );
}

#[test]
fn sentences_join_entities_in_their_direction() {
    check_says(
        COMPANY,
        &[
            "Ada Lovelace founded Acme Robotics",
            "Charles Babbage founded Acme Robotics",
            "Acme Robotics acquired Globex GmbH",
            "Grace Hopper wrote navigation stack",
            "navigation stack depends on PostgreSQL",
            "Acme Robotics is headquartered in Berlin",
        ],
    );
    check_says(
        "Milvus is built on FAISS. Qdrant is written in Rust and implements HNSW. pgvector is an \
         extension for PostgreSQL. Jane Doe works at OpenAI, which created GPT-4.",
        &[
            "Milvus is built on FAISS",
            "Qdrant is written in Rust",
            "Qdrant implements HNSW",
            "pgvector is extension for PostgreSQL",
            "Jane Doe works at OpenAI",
            "OpenAI created GPT-4",
        ],
    );
}

#[test]
fn entities_that_share_a_sentence_are_related_unless_something_joins_them() {
    let said = statements(&graph_of("With Redis in front, Kafka is idle. Kafka uses ZooKeeper."));
    assert!(said.contains(&"Kafka uses ZooKeeper".to_owned()), "{said:?}");
    assert!(said.iter().any(|s| s.contains(RELATES_TO) && s.contains("Redis")), "{said:?}");
    assert!(!said.iter().any(|s| s.contains(RELATES_TO) && s.contains("ZooKeeper")), "{said:?}");
    let denied = statements(&graph_of("Kafka does not use PostgreSQL."));
    assert!(!denied.iter().any(|said| said.contains("uses")), "{denied:?}");
}

#[test]
fn an_acronym_and_what_it_stands_for_are_one_entity() {
    let graph = check_entities(
        "We index vectors with Simultaneous Localization and Mapping (SLAM). SLAM combines \
         odometry with scans. Simultaneous Localization and Mapping is old.",
        &[("SLAM", EntityType::Acronym)],
    );
    assert!(!names(&graph).iter().any(|name| name.contains("Localization")));
    check_entities(
        "He left the Massachusetts Institute of Technology (MIT). MIT was far.",
        &[("MIT", EntityType::Organization)],
    );
}

#[test]
fn people_are_one_entity_by_full_and_by_short_name() {
    let graph = graph_of("Grace Hopper wrote a compiler. Hopper joined the Navy. Grace was glad.");
    let people = graph.entities.iter().filter(|e| e.entity_type == EntityType::Person);
    assert_eq!(people.map(|e| e.name.as_str()).collect::<Vec<_>>(), ["Grace Hopper"]);
}

#[test]
fn the_beginnings_of_sentences_times_numbers_marks_and_code_are_no_entities() {
    check_silent_on(
        "# Introduction\n\nThe server is fast. However, it is small. In March 2012, on Monday, we \
         moved. Note that Step 1 is done. See https://example.org/Foo and Foo_bar. Run `let \
         Value = 3;` now.\n\n```rust\nstruct Gadget;\n```\n\n| Name | Value |\n|---|---|\n| A | 3 |\n\
         Therefore I left. It is 5 KiB. Chapter IV is long.",
        &[
            "the",
            "however",
            "it",
            "in",
            "march",
            "monday",
            "note",
            "step",
            "foo",
            "foo_bar",
            "value",
            "gadget",
            "name",
            "a",
            "i",
            "kib",
            "iv",
            "chapter",
            "introduction",
            "therefore",
            "2012",
        ],
    );
    check_silent_on(
        "Wir haben gewonnen. Es ist spät. Am Montag kommt der Zug. Die Sitzung beginnt im Januar. \
         Das Haus ist groß und der Garten ist schön, aber die Straße ist laut.",
        &["wir", "es", "am", "montag", "die", "das", "januar", "haus", "straße", "zug"],
    );
    check_silent_on("Мы пришли. Однако было поздно. Это так.", &["мы", "однако", "это"]);
}

#[test]
fn a_word_in_capitals_is_not_the_same_word_in_small_letters() {
    let graph = graph_of("The REST API is old. We rest. REST is simple. They rest a lot. I rest.");
    let rest = graph.entities.iter().find(|entity| entity.name == "REST").unwrap();
    assert_eq!(rest.entity_type, EntityType::Technology);
    assert!(!names(&graph).contains(&"rest"));
}

#[test]
fn german_documents_give_names_and_relations_and_not_their_nouns() {
    let text = "Die Siemens AG wurde von Werner von Siemens und Johann Georg Halske in Berlin \
        gegründet. Die Plattform MindSphere basiert auf Cloud Foundry und verwendet PostgreSQL. \
        Petra Müller arbeitet bei der Deutschen Bank. Der Zwischenspeicher ist klein. Der \
        Zwischenspeicher wird geleert. Ein Zwischenspeicher spart Zeit. Die Künstliche \
        Intelligenz (KI) ist neu.";
    check_entities(
        text,
        &[
            ("Siemens AG", EntityType::Organization),
            ("Werner von Siemens", EntityType::Person),
            ("Petra Müller", EntityType::Person),
            ("Berlin", EntityType::Place),
            ("MindSphere", EntityType::Technology),
            ("Zwischenspeicher", EntityType::Concept),
            ("KI", EntityType::Acronym),
        ],
    );
    check_says(
        text,
        &[
            "Werner von Siemens gründete Siemens AG",
            "MindSphere basiert auf Cloud Foundry",
            "MindSphere verwendet PostgreSQL",
            "Petra Müller arbeitet bei Deutschen Bank",
        ],
    );
}

#[test]
fn russian_and_greek_documents_give_names() {
    let text = "Яндекс разработал ClickHouse. Алексей Миловидов написал первую версию. Система \
        использует PostgreSQL. Хранение данных дешевле. Столбцовое хранение данных удобно.";
    check_entities(
        text,
        &[
            ("Яндекс", EntityType::Organization),
            ("Алексей Миловидов", EntityType::Person),
            ("ClickHouse", EntityType::Technology),
            ("хранение данных", EntityType::Concept),
        ],
    );
    check_says(text, &["Яндекс разработал ClickHouse"]);
    check_entities(
        "Η Μαρία Παπαδοπούλου ζει στην πόλη.",
        &[("Μαρία Παπαδοπούλου", EntityType::Person)],
    );
}

#[test]
fn scripts_without_capitals_give_latin_names_and_quoted_terms() {
    let text = "我们使用PostgreSQL存储数据。《红楼梦》是古典小说。「知识图谱」是一种结构，「知识图谱」\
        用于搜索。OceanBase支持SQL。";
    check_entities(
        text,
        &[
            ("PostgreSQL", EntityType::Technology),
            ("红楼梦", EntityType::Concept),
            ("知识图谱", EntityType::Concept),
            ("OceanBase", EntityType::Technology),
        ],
    );
    check_says(text, &["OceanBase 支持 SQL"]);
}

#[test]
fn a_short_text_without_names_still_gives_its_terms() {
    let graph = graph_of("Machine learning is a subset of artificial intelligence.");
    assert_eq!(names(&graph), ["machine learning", "artificial intelligence"]);
    assert_eq!(statements(&graph), ["machine learning is subset of artificial intelligence"]);
    assert_eq!(graph_of("It was so."), DocumentGraph::default());
    assert_eq!(graph_of(""), DocumentGraph::default());
}

#[test]
fn an_entity_is_summed_up_by_the_sentence_that_introduces_it() {
    let graph = graph_of(
        "We like Redis. With Redis all is fast. Redis is an in-memory store. Redis, again. \
         `x = 1` Kafka is a log.",
    );
    let redis = graph.entities.iter().find(|entity| entity.name == "Redis").unwrap();
    assert_eq!(redis.summary, "Redis is an in-memory store.");
}

#[test]
fn what_a_chunk_repeats_of_the_one_before_it_counts_once() {
    let filler = "Nothing is said here about any of the things that are named elsewhere in it. ";
    let text = format!("{}Kafka uses ZooKeeper. {}", filler.repeat(6), filler.repeat(6));
    let chunks = chunk(&text, ChunkRule::default());
    assert!(chunks.iter().filter(|chunk| chunk.contains("Kafka uses ZooKeeper")).count() > 1);
    let graph = extract("Notes", &chunks);
    let named = graph.entities.iter().filter(|entity| entity.name.contains('K'));
    assert!(named.clone().count() == 2 && named.clone().all(|entity| entity.chunks == 1));
    assert!(graph.relations.iter().all(|relation| relation.chunks == 1));
}

#[test]
fn the_title_makes_what_it_names_important() {
    let chunks = ["Kafka and Redis and PostgreSQL are fine.".to_owned()];
    let first = |title: &str| extract(title, &chunks).entities[0].name.clone();
    assert_eq!(first("About PostgreSQL"), "PostgreSQL");
    assert_eq!(first("About Redis"), "Redis");
}

#[test]
fn hostile_documents_stay_within_the_bounds() {
    let names: String = (0..5_000).map(|n| format!("Gadget{n} uses Widget{n}, ")).collect();
    for text in [names, "Aa ".repeat(30_000), "(".repeat(30_000), "a](".repeat(20_000)] {
        check_bounds(&extract("x", &[text.clone(), text]));
    }
}

#[track_caller]
fn check_bounds(graph: &DocumentGraph) {
    assert!(graph.entities.len() <= ENTITIES_MAX && graph.relations.len() <= RELATIONS_MAX);
    let mut folded: Vec<String> = graph.entities.iter().map(|e| fold_name(&e.name)).collect();
    folded.sort_unstable();
    folded.dedup();
    assert_eq!(folded.len(), graph.entities.len());
    for entity in &graph.entities {
        assert!(!entity.name.trim().is_empty() && entity.name.chars().count() <= NAME_CHARS_MAX);
        assert!(entity.summary.chars().count() <= SUMMARY_CHARS_MAX && entity.chunks > 0);
    }
    for relation in &graph.relations {
        assert!(relation.source != relation.target && relation.chunks > 0);
        for end in [relation.source, relation.target] {
            assert!(usize::try_from(end).unwrap() < graph.entities.len());
        }
    }
}

#[test]
fn a_type_is_found_by_its_word() {
    for entity_type in EntityType::ALL {
        assert_eq!(EntityType::find(entity_type.as_str()), Some(entity_type));
    }
    assert_eq!(EntityType::find("document"), None);
}

proptest! {
    #[test]
    fn any_text_gives_a_graph_within_the_bounds_and_always_the_same(
        text in "([A-Z][a-z]{1,6} |uses |is a |and |[^a]|[A-Z]{2,4}, |graph store |「図」|`x`){0,80}",
        title: String,
    ) {
        let chunks = chunk(&text, ChunkRule::default());
        let graph = extract(&title, &chunks);
        check_bounds(&graph);
        prop_assert_eq!(&graph, &extract(&title, &chunks));
    }
}
