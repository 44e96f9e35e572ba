//! Deep answers beside plain ones, and the confidence of both.

use super::{Bench, atom, embed, query};
use crate::engine::atom::{Depth, ReadQuery, ReadResult, RetrievalMode};
use crate::types::QueryEmbedding;

fn ask(bench: &mut Bench, text: &str, depth: Depth, mode: RetrievalMode) -> ReadResult {
    let asked = ReadQuery { depth, mode, ..query(text) };
    let embedding = QueryEmbedding { whole: embed(text), words: Vec::new() };
    bench.tenant.retrieve(&asked, &embedding).unwrap()
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    let texts = [
        "Anna: I play the cello in the orchestra on Mondays",
        "Ben: The orchestra travels to Vienna next spring",
        "Anna: My cat sleeps all day",
        "Ben: Lunch was fine",
        "Anna: Vienna must be lovely in spring",
        "Ben: We deploy the database on Friday",
    ];
    bench.write(texts.iter().map(|text| atom(text, "d")).collect());
    bench
}

fn shape(result: &ReadResult) -> Vec<(crate::types::AtomId, f32)> {
    result.items.iter().map(|item| (item.atom.id, item.relevance)).collect()
}

#[test]
fn a_deep_answer_is_sorted_in_range_and_the_same_when_asked_again() {
    let mut bench = bench();
    for text in ["Who plays the cello?", "What has Anna done?", "quarterly revenue", ""] {
        let deep = ask(&mut bench, text, Depth::Deep, RetrievalMode::Hybrid);
        assert!(deep.items.len() <= 10);
        assert!(deep.items.is_sorted_by(|a, b| a.relevance >= b.relevance), "{text}");
        assert!(deep.items.iter().all(|item| (0.0..=1.0).contains(&item.relevance)), "{text}");
        assert!((0.0..=1.0).contains(&deep.confidence), "{text}");
        let again = ask(&mut bench, text, Depth::Deep, RetrievalMode::Hybrid);
        assert_eq!((shape(&deep), deep.confidence), (shape(&again), again.confidence), "{text}");
    }
}

/// It shares no word with the question, only with the best answer.
#[test]
fn a_deep_answer_lifts_what_the_best_result_leads_to() {
    let mut bench = bench();
    let mut relevance_of_second = |depth| {
        let result = ask(&mut bench, "Who plays the cello?", depth, RetrievalMode::Hybrid);
        let found = result.items.iter().find(|item| item.atom.content.contains("travels"));
        found.map_or(0.0, |item| item.similarity)
    };
    assert!(relevance_of_second(Depth::Deep) > relevance_of_second(Depth::Active));
}

#[test]
fn plain_cosines_have_no_depth() {
    let mut bench = bench();
    let active = ask(&mut bench, "cello", Depth::Active, RetrievalMode::Cosine);
    let deep = ask(&mut bench, "cello", Depth::Deep, RetrievalMode::Cosine);
    assert_eq!(shape(&active), shape(&deep));
}

#[test]
fn confidence_is_higher_for_what_is_known_and_none_for_nothing() {
    let mut empty = Bench::new();
    let mut bench = bench();
    for depth in [Depth::Active, Depth::Deep] {
        let confidence =
            |bench: &mut Bench, text| ask(bench, text, depth, RetrievalMode::Hybrid).confidence;
        assert!(confidence(&mut empty, "cello").abs() < f32::EPSILON);
        let known = confidence(&mut bench, "Who plays the cello in the orchestra?");
        let foreign = confidence(&mut bench, "How many moons does Neptune have?");
        assert!(known > 0.6 && foreign < 0.3, "{known} {foreign}");
    }
}
