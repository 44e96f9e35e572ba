//! What feedback teaches, seen from the questions that come after it.

use super::{Bench, atom, embed, query};
use crate::engine::atom::ReadQuery;
use crate::engine::feedback::{Feedback, FeedbackOutcome};
use crate::engine::text::{Term, words};
use crate::storage::Store;
use crate::types::AtomId;
use crate::types::QueryEmbedding;

/// A domain of small facts, of which several answer a question about the trip somehow.
fn bench() -> (Bench, Vec<AtomId>) {
    let mut bench = Bench::new();
    let contents = [
        "Ana wants to see the ocean this summer",
        "The trip was booked by Ben last week",
        "Tickets for the trip cost four hundred euros",
        "Carla waters the plants on Mondays",
        "The summer house needs a new roof",
        "Ben repaired the old bicycle",
    ];
    let atoms = contents.iter().map(|content| atom(content, "home")).collect();
    let ids = bench.write(atoms).into_iter().map(|outcome| outcome.atom_id.unwrap()).collect();
    (bench, ids)
}

fn rate(
    bench: &mut Bench,
    atoms: &[AtomId],
    outcome: f32,
    query_concepts: &[&str],
) -> FeedbackOutcome {
    let feedback = Feedback {
        atom_ids: atoms.to_vec(),
        outcome,
        concepts: Vec::new(),
        query_concepts: query_concepts.iter().map(|concept| (*concept).to_owned()).collect(),
    };
    bench.tenant.give_feedback(&feedback).unwrap()
}

/// Asks with a direction that, as an embedder's, depends on the content words, whatever their
/// form and order.
fn ask(bench: &mut Bench, query: &ReadQuery) -> Vec<(AtomId, f32)> {
    let terms = words(&query.text).into_iter().map(|word| Term::of_word(&word));
    let mut stems: Vec<u64> = terms.filter(|term| !term.is_stop()).map(Term::hash).collect();
    stems.sort_unstable();
    let embedding = QueryEmbedding { whole: embed(&format!("{stems:?}")), words: Vec::new() };
    let result = bench.tenant.retrieve(query, &embedding).unwrap();
    result.items.iter().map(|item| (item.atom.id, item.relevance)).collect()
}

fn relevance(bench: &mut Bench, query: &ReadQuery, id: AtomId) -> f32 {
    let answer = ask(bench, query);
    answer.into_iter().find(|(found, _)| *found == id).map_or(0.0, |(_, relevance)| relevance)
}

const QUESTION: &str = "Where does the family go on the summer trip?";
const PARAPHRASE: &str = "The family goes where on its summer trip?";
const OTHER: &str = "Who repaired the bicycle of Carla?";

#[test]
fn a_rewarded_atom_rises_for_the_question_and_for_its_paraphrase_only() {
    let (mut bench, ids) = bench();
    let (ocean, bicycle) = (ids[0], ids[5]);
    let before: Vec<f32> = [QUESTION, PARAPHRASE, OTHER]
        .map(|text| relevance(&mut bench, &query(text), ocean))
        .to_vec();
    let other_before = relevance(&mut bench, &query(OTHER), bicycle);
    ask(&mut bench, &query(QUESTION));
    assert_eq!(rate(&mut bench, &[ocean], 1.0, &[]).updated_count, 1);

    let same = relevance(&mut bench, &query(QUESTION), ocean);
    let paraphrased = relevance(&mut bench, &query(PARAPHRASE), ocean);
    assert!(same > before[0] + 0.3, "{same} after {}", before[0]);
    assert!(paraphrased > before[1] + 0.1, "{paraphrased} after {}", before[1]);
    let elsewhere = relevance(&mut bench, &query(OTHER), ocean);
    assert!((elsewhere - before[2]).abs() < 0.02, "another question is left alone");
    assert!((relevance(&mut bench, &query(OTHER), bicycle) - other_before).abs() < 1e-6);

    bench.reopen();
    assert!((relevance(&mut bench, &query(QUESTION), ocean) - same).abs() < 1e-3, "it is kept");
}

#[test]
fn a_punished_atom_falls_for_the_question() {
    let (mut bench, ids) = bench();
    let before = relevance(&mut bench, &query(QUESTION), ids[2]);
    assert!(before > 0.0);
    rate(&mut bench, &[ids[2]], -1.0, &[]);
    assert!(relevance(&mut bench, &query(QUESTION), ids[2]) < before);
}

#[test]
fn without_associations_only_valence_speaks() {
    let (mut bench, ids) = bench();
    let mut plain = query(QUESTION);
    plain.include_associations = false;
    let before = relevance(&mut bench, &plain, ids[2]);
    ask(&mut bench, &query(QUESTION));
    rate(&mut bench, &[ids[2]], 1.0, &[]);
    let found = bench.tenant.find_atom(ids[2]).unwrap().unwrap();
    let gain = crate::engine::params::RetrievalParams::default().valence_gain;
    let after = relevance(&mut bench, &plain, ids[2]);
    assert!((after - before * (1.0 + gain * found.valence)).abs() < 1e-5, "{before} {after}");
}

#[test]
fn links_are_learned_from_the_question_s_concepts_alone() {
    let (mut bench, ids) = bench();
    assert_eq!(rate(&mut bench, &[ids[0]], 1.0, &[]).coactivation_edges, 0);
    assert_eq!(bench.tenant.stats().hebbian_edges, 0);
    let learned = rate(&mut bench, &[ids[0], ids[0]], 1.0, &["holiday"]);
    assert_eq!(learned.updated_count, 1, "an atom counts once");
    assert_eq!(learned.coactivation_edges as u64, bench.tenant.stats().hebbian_edges);
    assert!(learned.coactivation_edges > 0);
    let unknown = AtomId(uuid::Uuid::nil());
    assert_eq!(rate(&mut bench, &[unknown], 1.0, &["holiday"]), FeedbackOutcome::default());
}

#[test]
fn a_deleted_atom_leaves_the_questions_it_answered() {
    let (mut bench, ids) = bench();
    ask(&mut bench, &query(QUESTION));
    rate(&mut bench, &[ids[0]], 1.0, &[]);
    rate(&mut bench, &[ids[1], ids[2]], 1.0, &["trip"]);
    bench.tenant.delete_atom(ids[0]).unwrap();
    let keys = bench.store.scan(b"", None, 10_000).unwrap();
    let cue_kind = crate::storage::keys::Kind::Cue as u8;
    let cues = keys.iter().filter(|(key, _)| key.get(8) == Some(&cue_kind));
    assert_eq!(cues.count(), 1, "a question that leads nowhere is gone");
    assert!(ask(&mut bench, &query(QUESTION)).iter().all(|(id, _)| *id != ids[0]));
}

/// Asks with room for one result, so that the atom is not returned.
fn ask_in_vain(bench: &mut Bench, text: &str, atom: AtomId) {
    let mut short = query(text);
    short.top_k = 1;
    assert!(ask(bench, &short).iter().all(|(id, _)| *id != atom));
}

#[test]
fn a_good_atom_that_no_question_returned_is_what_the_latest_missed() {
    let (mut bench, ids) = bench();
    let before = relevance(&mut bench, &query(QUESTION), ids[0]);
    for (outcome, pause_s, learns) in [(-1.0, 0, false), (1.0, 121, false), (1.0, 0, true)] {
        bench.reopen();
        ask_in_vain(&mut bench, QUESTION, ids[0]);
        bench.clock.advance(std::time::Duration::from_secs(pause_s));
        rate(&mut bench, &[ids[0]], outcome, &[]);
        let after = relevance(&mut bench, &query(QUESTION), ids[0]);
        assert_eq!(after > before + 0.3, learns, "{outcome} after {pause_s} s: {before} {after}");
    }
}

#[test]
fn an_outcome_belongs_to_the_question_that_returned_the_atom() {
    let (mut bench, ids) = bench();
    let before = relevance(&mut bench, &query(QUESTION), ids[0]);
    bench.reopen();
    ask(&mut bench, &query(QUESTION));
    ask_in_vain(&mut bench, "Who waters the plants?", ids[0]);
    rate(&mut bench, &[ids[0]], 1.0, &[]);
    assert!(relevance(&mut bench, &query(QUESTION), ids[0]) > before + 0.3);
}

/// An atom that its own linked concepts lift to the top had no room left for what feedback says.
#[test]
fn praise_shows_on_an_atom_that_associations_lift_already() {
    let mut bench = Bench::new();
    let mut new = atom("We deploy on Fridays", "ops");
    new.concepts = vec!["deploy".to_owned(), "friday".to_owned()];
    let id = bench.write_one(new).atom_id.unwrap();
    let question = query("When do we deploy?");
    let before = relevance(&mut bench, &question, id);
    rate(&mut bench, &[id], 1.0, &["deploy"]);
    let praised = relevance(&mut bench, &question, id);
    assert!(before < praised && praised < 1.0, "{before} {praised}");
    rate(&mut bench, &[id], -1.0, &["deploy"]);
    rate(&mut bench, &[id], -1.0, &["deploy"]);
    assert!(relevance(&mut bench, &question, id) < before);
}
