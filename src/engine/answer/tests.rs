//! Questions, passages, and what is quoted.

use super::*;
use proptest::prelude::*;

fn sentences(question: &str, texts: &[&str], quotes_max: usize) -> Vec<String> {
    let passages: Vec<Passage<'_>> =
        texts.iter().map(|text| Passage { title: "Notes", text }).collect();
    quotes(question, &passages, quotes_max).into_iter().map(|quote| quote.sentence).collect()
}

#[track_caller]
fn check_first(question: &str, texts: &[&str], expected: &str) {
    let found = sentences(question, texts, 3);
    assert_eq!(found.first().map(String::as_str), Some(expected), "{question}: {found:?}");
}

const STORE: &str = "Anna likes the store. The store keeps atoms. A store is a durable map of keys to \
    values. What is the store? It was built in 2019 by Peter Lee. Readers of the store wait for 5 ms.";

#[test]
fn a_definition_answers_what_something_is() {
    check_first("What is a store?", &[STORE], "A store is a durable map of keys to values.");
    check_first(
        "Was ist eine Datenbank?",
        &[
            "Wir haben Datenbanken. Eine Datenbank ist eine Sammlung von Daten. Die Datenbank läuft.",
        ],
        "Eine Datenbank ist eine Sammlung von Daten.",
    );
    check_first(
        "Что такое кошка?",
        &["У нас есть кошки. Кошка — это домашнее животное. Собаки лают."],
        "Кошка — это домашнее животное.",
    );
    check_first(
        "知识图谱是什么？",
        &["我们用知识图谱搜索。知识图谱是一种数据结构。天气很好。"],
        "知识图谱是一种数据结构。",
    );
}

#[test]
fn names_dates_and_numbers_answer_who_when_and_how_many() {
    let text = "The bridge is famous. The bridge was designed by Anna Lee. The bridge opened in 1932. \
        The bridge has four lanes.";
    check_first("Who designed the bridge?", &[text], "The bridge was designed by Anna Lee.");
    check_first("When was the bridge there?", &[text], "The bridge opened in 1932.");
    check_first("How many people use the bridge?", &[text], "The bridge has four lanes.");
}

#[test]
fn nothing_is_quoted_where_no_content_word_is_shared() {
    assert!(sentences("What is the weather?", &[STORE], 3).is_empty());
    assert!(sentences("What is it and why?", &["It is what it is. Why not?"], 3).is_empty());
    assert!(sentences("Was ist das?", &["Das ist ein Haus."], 3).is_empty());
    assert!(sentences("", &[STORE], 3).is_empty());
    assert!(sentences("store", &[], 3).is_empty());
    assert!(sentences("store", &[STORE], 0).is_empty());
}

#[test]
fn a_sentence_that_begins_outside_of_its_passage_is_quoted_only_for_want_of_others() {
    let found = sentences("Where is the gate?", &["of the gate was red. The gate is in Rome."], 3);
    assert_eq!(found, ["The gate is in Rome."]);
    let found = sentences("Where is the gate?", &["of the gate was red."], 3);
    assert_eq!(found, ["of the gate was red."]);
}

#[test]
fn what_was_said_already_is_not_quoted_again() {
    let found = sentences(
        "How does the cache work?",
        &[
            "The cache drops old entries first.",
            "The cache drops old entries first of all. The cache \
          answers within a millisecond.",
        ],
        3,
    );
    assert_eq!(
        found,
        ["The cache drops old entries first.", "The cache answers within a millisecond."]
    );
}

#[test]
fn the_better_passage_wins_where_sentences_are_alike_and_forms_of_words_count() {
    let passages = [
        Passage { title: "One", text: "Kafka stores messages on disk for a week." },
        Passage { title: "Two", text: "Redis is storing its messages in memory alone." },
    ];
    let found = quotes("message storing", &passages, 2);
    assert_eq!(found.iter().map(|quote| quote.passage).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn code_stays_in_a_quote_and_marks_of_markdown_do_not() {
    let text = "## Running - Use `cargo run --release` to start the **server**. | a | b |";
    check_first(
        "How to start the server?",
        &[text],
        "Use `cargo run --release` to start the server.",
    );
}

#[test]
fn a_long_sentence_is_cut() {
    let long = format!("The gate {} ends here.", "goes on and on ".repeat(60));
    let found = sentences("gate", &[&long], 1);
    assert!(found[0].chars().count() <= QUOTE_CHARS_MAX && found[0].ends_with('…'));
}

proptest! {
    #[test]
    fn quotes_are_bounded_distinct_and_always_the_same(
        question: String,
        texts in proptest::collection::vec("([a-e]{1,4}[ .?]|[A-E][a-c]{1,3} |\\PC){0,60}", 0..5),
        quotes_max in 0..6_usize,
    ) {
        let question = format!("{question} ab cd");
        let passages: Vec<Passage<'_>> =
            texts.iter().map(|text| Passage { title: "ab", text }).collect();
        let found = quotes(&question, &passages, quotes_max);
        prop_assert!(found.len() <= quotes_max);
        for quote in &found {
            prop_assert!(quote.passage < passages.len());
            prop_assert!(!quote.sentence.trim().is_empty());
            prop_assert!(quote.sentence.chars().count() <= QUOTE_CHARS_MAX);
        }
        prop_assert_eq!(found, quotes(&question, &passages, quotes_max));
    }
}
