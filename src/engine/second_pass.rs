//! The second pass over a domain's rows for a deep answer. The best rows of the first pass say in
//! other words what the question is about; rows that hold these words, or follow one that does, gain
//! (pseudo-relevance feedback in the manner of RM3, Abdul-Jaleel et al. 2004, section 3, but with
//! BM25's saturation and coverage in place of language models). A question for several things also
//! favours what the one asked about tells of themselves.
//!
//! Invariant: no score falls.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::lexical::{Posting, TermNo};
use super::memory::{DomainMemory, LabelMatch};
use super::params::{DeepParams, RetrievalParams};
use super::query::{QueryPlan, inverse_frequency};
use super::retrieval::{Scores, Scratch, saturated, spread_term};
use super::text::Term;

/// Words with which speakers speak of themselves.
const FIRST_PERSON: &str = "i i'm i've i'd i'll my me we we're we've our";

/// Weighs every row again after `score_rows` with the same arguments. Costs O(rows + matching
/// words), of some twenty words more.
pub fn weigh_again<'s>(
    memory: &DomainMemory,
    plan: &QueryPlan,
    with_context: bool,
    params: &RetrievalParams,
    deep: &DeepParams,
    scratch: &'s mut Scratch,
) -> Scores<'s> {
    let best = best_rows(memory, &scratch.together, deep.feedback_rows);
    let top = best.first().map_or(0.0, |(_, score)| *score);
    let strength = deep.weight_feedback * (top / deep.full_feedback_score).min(1.0);
    scratch.own.fill(0.0);
    scratch.covered.fill(0.0);
    for (number, share) in feedback_words(memory, plan, &best, params, deep) {
        match_word(memory, plan, number, share, params, scratch);
        if with_context {
            spread_term(memory, share, params, scratch);
        }
        for row in scratch.touched.drain(..) {
            if let Some(matched) = scratch.matched.get_mut(row as usize) {
                *matched = 0.0;
            }
        }
    }
    let Scratch { own, covered, alone, together, .. } = scratch;
    let gains = own.iter().zip(covered.iter());
    for ((alone, together), (own, covered)) in alone.iter_mut().zip(together).zip(gains) {
        *alone += strength * own;
        *together += strength * covered.max(*own);
    }
    if plan.asks_for_several {
        favour_own_words(memory, plan, deep, scratch);
        favour_events(memory, deep, scratch);
    }
    scratch.finish(memory)
}

/// The live rows with the highest scores above 0, best first, ties by the lower row.
fn best_rows(memory: &DomainMemory, scores: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (row, score) in (0_u32..).zip(scores) {
        let bound = best.last().filter(|_| best.len() >= count).map_or(0.0, |(_, score)| *score);
        if *score <= bound || !memory.is_live(row) {
            continue;
        }
        let position = best.partition_point(|(_, better)| better >= score);
        best.insert(position, (row, *score));
        best.truncate(count);
    }
    best
}

/// The words that say most of the best rows, and the share of each; the shares add up to 1. None of
/// them is the question's own, a stop word, or one that says as little as too common a synonym.
fn feedback_words(
    memory: &DomainMemory,
    plan: &QueryPlan,
    best: &[(u32, f32)],
    params: &RetrievalParams,
    deep: &DeepParams,
) -> Vec<(TermNo, f32)> {
    let asked: Vec<TermNo> =
        plan.terms.iter().filter_map(|term| memory.lexical.number_of(term.hash)).collect();
    let live = memory.live_count() as f32;
    let rows_max = params.synonym_frequency_max * (live + params.prior_atoms);
    let mut weights: FxHashMap<TermNo, f32> = FxHashMap::default();
    for (row, score) in best {
        let mut counts: FxHashMap<TermNo, u32> = FxHashMap::default();
        for number in memory.lexical.content_of(*row) {
            *counts.entry(number).or_default() += 1;
        }
        for (number, count) in counts {
            let rows = memory.lexical.postings_of(number).len();
            if asked.contains(&number) || rows < deep.word_rows_min || rows as f32 > rows_max {
                continue;
            }
            let rows = u32::try_from(rows).unwrap_or(u32::MAX);
            let rarity = inverse_frequency(live, rows, params);
            let posting = Posting { row: *row, count };
            let weight = score.powi(3) * saturated(memory, plan, &posting, params) * rarity;
            *weights.entry(number).or_default() += weight;
        }
    }
    let mut words: Vec<(TermNo, f32)> = weights.into_iter().collect();
    words.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    words.truncate(deep.feedback_words);
    let sum: f32 = words.iter().map(|(_, weight)| weight).sum();
    for (_, weight) in &mut words {
        *weight /= sum.max(f32::MIN_POSITIVE);
    }
    words
}

/// How fully each row matches a word, into `matched` and, by its share, into `own`.
fn match_word(
    memory: &DomainMemory,
    plan: &QueryPlan,
    number: TermNo,
    share: f32,
    params: &RetrievalParams,
    scratch: &mut Scratch,
) {
    let Scratch { matched, own, touched, .. } = scratch;
    for posting in memory.lexical.postings_of(number) {
        let row = posting.row as usize;
        let (Some(matched), Some(own)) = (matched.get_mut(row), own.get_mut(row)) else { continue };
        *matched = (saturated(memory, plan, posting, params) / params.full_match).min(1.0);
        *own += share * *matched;
        touched.push(posting.row);
    }
}

/// Lifts rows of a named speaker that hold a word of the first person.
fn favour_own_words(
    memory: &DomainMemory,
    plan: &QueryPlan,
    deep: &DeepParams,
    scratch: &mut Scratch,
) {
    if plan.named.is_empty() {
        return;
    }
    let matches = memory.label_matches(&plan.named);
    let labels = memory.label_numbers();
    let mut rows: Vec<u32> = first_person()
        .iter()
        .flat_map(|hash| memory.lexical.postings(*hash))
        .map(|posting| posting.row)
        .filter(|row| {
            let label = labels.get(*row as usize).and_then(|label| matches.get(*label as usize));
            label == Some(&LabelMatch::Named)
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    for row in rows {
        lift(scratch, row, deep.weight_own_words);
    }
}

fn favour_events(memory: &DomainMemory, deep: &DeepParams, scratch: &mut Scratch) {
    let rows = (0_u32..).take(memory.row_count()).filter(|row| memory.is_temporal(*row));
    for row in rows {
        lift(scratch, row, deep.weight_event);
    }
}

fn lift(scratch: &mut Scratch, row: u32, gain: f32) {
    for scores in [&mut scratch.alone, &mut scratch.together] {
        if let Some(score) = scores.get_mut(row as usize) {
            *score += gain;
        }
    }
}

fn first_person() -> &'static [u64] {
    static HASHES: OnceLock<Vec<u64>> = OnceLock::new();
    HASHES.get_or_init(|| FIRST_PERSON.split(' ').map(|word| Term::of_word(word).hash()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::retrieval::{Dense, relevance, score_rows};
    use crate::engine::text::Analysis;
    use crate::types::Timestamp;
    use proptest::prelude::*;

    fn memory_of<'a>(texts: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> DomainMemory {
        let mut memory = DomainMemory::default();
        for (minute, (text, session)) in (0..).zip(texts) {
            let time = Timestamp::from_micros(minute * 60_000_000);
            memory.push(&Analysis::of(text), session, time);
        }
        memory
    }

    type Raw = Vec<(f32, f32)>;

    /// Scores alone and together after the first pass and after the second, from words alone.
    fn passes(memory: &DomainMemory, question: &str, with_context: bool) -> (Raw, Raw) {
        let (params, deep) = (RetrievalParams::default(), DeepParams::default());
        let plan = QueryPlan::new(question, &[], &[memory], &params);
        let mut scratch = Scratch::default();
        let pairs = |scores: Scores<'_>| -> Raw {
            scores.alone.iter().copied().zip(scores.together.iter().copied()).collect()
        };
        let dense = Dense::All(&[]);
        let first = score_rows(memory, &plan, 0, dense, with_context, &params, &mut scratch);
        let first = pairs(first);
        let again = weigh_again(memory, &plan, with_context, &params, &deep, &mut scratch);
        (first, pairs(again))
    }

    #[test]
    fn a_row_that_shares_words_with_the_best_gains_most() {
        let memory = memory_of([
            ("Anna plays the cello in the orchestra on Mondays", Some("one")),
            ("The orchestra travels to Vienna next spring", Some("two")),
            ("The cat sleeps all day", Some("three")),
            ("Lunch was fine", Some("four")),
        ]);
        let (first, again) = passes(&memory, "Who plays the cello?", true);
        let gain = |row: usize| again[row].1 - first[row].1;
        assert!(gain(1) > gain(2) + 0.05, "{} {}", gain(1), gain(2));
        assert!(gain(2).abs() < 1e-6 && gain(3).abs() < 1e-6);
    }

    #[test]
    fn what_the_speaker_asked_for_tells_of_themselves_gains_when_several_things_are_asked_for() {
        let memory = memory_of([
            ("Anna: I read Dune", None),
            ("Ben: I read Emma", None),
            ("Anna: Dune is long", None),
            ("Ben: Emma is short", None),
            ("Anna: well", None),
            ("Ben: well", None),
        ]);
        let gains = |question: &str| -> Vec<f32> {
            let (first, again) = passes(&memory, question, false);
            first.iter().zip(&again).map(|(first, again)| again.0 - first.0).collect()
        };
        let (several, one) =
            (gains("Which novels has Anna finished?"), gains("When did Anna finish?"));
        assert!(several[0] > several[1] + 0.09, "{several:?}");
        assert!(one[0] < one[1] + 0.05, "{one:?}");
    }

    #[test]
    fn an_empty_domain_has_no_rows_and_a_question_that_finds_nothing_changes_nothing() {
        let (first, again) = passes(&DomainMemory::default(), "anything", true);
        assert!(first.is_empty() && again.is_empty());
        let memory = memory_of([("The cat sleeps", None), ("Lunch was fine", None)]);
        let (first, again) = passes(&memory, "", true);
        assert_eq!(first.len(), again.len());
    }

    proptest! {
        #[test]
        fn no_score_falls_and_all_stay_in_range(
            texts in proptest::collection::vec(("(Ana: |Bo: )?[a-e ]{0,24}[?]?", 0_u8..3), 0..16),
            removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
            question in "(what has ana|when did bo)?[a-e ]{0,16}",
            with_context: bool,
        ) {
            let sessions = [Some("s"), Some("t"), None];
            let texts = texts.iter().map(|(text, at)| (text.as_str(), sessions[usize::from(*at)]));
            let mut memory = memory_of(texts);
            let rows = memory.row_count();
            for choice in removed.iter().filter(|_| rows > 0) {
                let row = choice.index(rows);
                memory.remove(u32::try_from(row).unwrap());
            }
            let (first, again) = passes(&memory, &question, with_context);
            prop_assert_eq!(&again, &passes(&memory, &question, with_context).1);
            prop_assert_eq!(first.len(), again.len());
            let params = RetrievalParams::default();
            for (first, again) in first.iter().zip(&again) {
                prop_assert!(again.0.is_finite() && again.1.is_finite());
                prop_assert!(again.0 >= first.0 && again.1 >= first.1);
                prop_assert!(again.1 >= again.0 - 1e-5);
                prop_assert!((0.0..=1.0).contains(&relevance(again.1, &params)));
            }
        }
    }
}
