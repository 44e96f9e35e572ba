//! Ranking one domain's rows for a question: what a row itself has in common with the question,
//! and what its neighbours in time add. Both keep their meaning across
//! questions: nothing is normalised by the best hit, so a question about something else scores
//! low everywhere.
//!
//! The parts and their weights were chosen by measurement, see `docs/decisions`.

use super::lexical::Posting;
use super::memory::{DomainMemory, LabelMatch};
use super::params::RetrievalParams;
use super::query::{PlanTerm, QueryPlan};
use super::timeline;

/// What is known of the cosine of each row with the question.
#[derive(Debug, Clone, Copy)]
pub enum Dense<'a> {
    /// One value per row.
    All(&'a [f32]),
    /// One value per row, but only where `known`; 0 elsewhere. `sample` are known rows that
    /// stand for all: drawn evenly, so that their mean and deviation are the domain's.
    Some { values: &'a [f32], sample: &'a [u32] },
}

impl<'a> Dense<'a> {
    fn values(self) -> &'a [f32] {
        match self {
            Self::All(values) | Self::Some { values, .. } => values,
        }
    }
}

/// Buffers reused from question to question; one entry per row.
#[derive(Debug, Default)]
pub struct Scratch {
    bm25: Vec<f32>,
    pub(super) own: Vec<f32>,
    pub(super) covered: Vec<f32>,
    x: Vec<f32>,
    /// 0 but while a term is being matched.
    pub(super) matched: Vec<f32>,
    /// 0 but while a term is being spread to neighbours.
    spread: Vec<f32>,
    pub(super) touched: Vec<u32>,
    reached: Vec<u32>,
    /// How far the two rows of each session that stand out most do so.
    best_two: Vec<[f32; 2]>,
    pub(super) alone: Vec<f32>,
    pub(super) together: Vec<f32>,
}

/// Raw scores, one per row; a prototype has the best of those it stands for. [`relevance`] maps
/// them to [0, 1). What dead rows have means nothing.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// Of the row alone.
    pub alone: &'a [f32],
    /// Of the row in its context, at least that of the row alone; the same without context.
    pub together: &'a [f32],
}

/// Scores every row. Costs O(rows + matching words); about 3 ns a row and 20 ns a match.
/// `domain_index` is the domain's place among those the plan was made for.
pub fn score_rows<'s>(
    memory: &DomainMemory,
    plan: &QueryPlan,
    domain_index: usize,
    dense: Dense<'_>,
    with_context: bool,
    params: &RetrievalParams,
    scratch: &'s mut Scratch,
) -> Scores<'s> {
    let rows = memory.row_count();
    scratch.reset(rows, dense);
    let pairs = plan.pair_postings.get(domain_index).map_or(&[][..], Vec::as_slice);
    score_pairs(memory, plan, pairs, params, &mut scratch.bm25);
    for term in &plan.terms {
        match_term(memory, plan, term, params, scratch);
        if with_context {
            spread_term(memory, term.weight, params, scratch);
        }
        for row in scratch.touched.drain(..) {
            set(&mut scratch.matched, row, 0.0);
        }
    }
    combine_x(plan, params, scratch);
    let usual = usual_x(memory, dense, params, &scratch.x);
    score_alone(memory, plan, usual, params, scratch);
    if with_context {
        find_best_sessions(memory, usual, scratch);
        score_together(memory, usual, params, scratch);
    } else {
        scratch.together.clone_from(&scratch.alone);
    }
    scratch.finish(memory)
}

/// Maps a raw score to [0, 1): strictly rising above 0, 0.3 at 0.44, 0.83 at 1.
#[must_use]
pub fn relevance(score: f32, params: &RetrievalParams) -> f32 {
    let cube = score.max(0.0).powi(3);
    cube / (cube + params.half)
}

/// The raw score whose relevance is `relevance`; infinite for 1 and above.
#[must_use]
pub fn score_for(relevance: f32, params: &RetrievalParams) -> f32 {
    let relevance = relevance.clamp(0.0, 1.0);
    (params.half * relevance / (1.0 - relevance)).cbrt()
}

impl Scratch {
    /// The scores as they are now, those of prototypes at least those of their members.
    pub(super) fn finish(&mut self, memory: &DomainMemory) -> Scores<'_> {
        for (member, prototype) in memory.represented() {
            for scores in [&mut self.alone, &mut self.together] {
                let best = get(scores, member).max(get(scores, prototype));
                set(scores, prototype, best);
            }
        }
        Scores { alone: &self.alone, together: &self.together }
    }

    /// `alone` begins as the cosines, never below 0.
    fn reset(&mut self, rows: usize, dense: Dense<'_>) {
        for buffer in [&mut self.bm25, &mut self.own, &mut self.covered] {
            buffer.clear();
            buffer.resize(rows, 0.0);
        }
        self.alone.clear();
        self.alone.extend(dense.values().iter().take(rows).map(|cosine| cosine.max(0.0)));
        self.alone.resize(rows, 0.0);
        self.x.resize(rows, 0.0);
        self.together.resize(rows, 0.0);
        // Left clean by their users; only the length changes.
        self.matched.resize(rows, 0.0);
        self.spread.resize(rows, 0.0);
        self.touched.clear();
        self.reached.clear();
        self.best_two.clear();
    }
}

pub(super) fn get(values: &[f32], row: u32) -> f32 {
    values.get(row as usize).copied().unwrap_or(0.0)
}

pub(super) fn set(values: &mut [f32], row: u32, value: f32) {
    if let Some(slot) = values.get_mut(row as usize) {
        *slot = value;
    }
}

/// BM25's saturated term frequency, in [0, 1).
pub(super) fn saturated(
    memory: &DomainMemory,
    plan: &QueryPlan,
    posting: &Posting,
    params: &RetrievalParams,
) -> f32 {
    let count = posting.count as f32;
    let length = memory.lexical.length(posting.row) as f32 / plan.average_length;
    count / (count + params.k1 * (1.0 - params.b + params.b * length))
}

/// Adds the adjacent pairs' part of BM25.
fn score_pairs(
    memory: &DomainMemory,
    plan: &QueryPlan,
    pairs: &[Vec<Posting>],
    params: &RetrievalParams,
    bm25: &mut [f32],
) {
    for (weight, postings) in plan.pair_weights.iter().zip(pairs) {
        for posting in postings {
            let gain = weight * saturated(memory, plan, posting, params);
            if let Some(sum) = bm25.get_mut(posting.row as usize) {
                *sum += gain;
            }
        }
    }
}

/// How fully each row matches one term, itself or by a synonym, into `matched` and `own`; what it
/// holds of the term itself also into `bm25`.
fn match_term(
    memory: &DomainMemory,
    plan: &QueryPlan,
    term: &PlanTerm,
    params: &RetrievalParams,
    scratch: &mut Scratch,
) {
    let Scratch { bm25, matched, touched, own, .. } = scratch;
    let full = 1.0 / params.full_match;
    for posting in memory.lexical.postings(term.hash) {
        let row = posting.row as usize;
        let (Some(matched), Some(bm25)) = (matched.get_mut(row), bm25.get_mut(row)) else {
            continue;
        };
        let saturated = saturated(memory, plan, posting, params);
        *bm25 += term.weight * saturated;
        *matched = (saturated * full).min(1.0);
        touched.push(posting.row);
    }
    for (hash, share) in &term.synonyms {
        for posting in memory.lexical.postings(*hash) {
            let Some(matched) = matched.get_mut(posting.row as usize) else { continue };
            if *matched == 0.0 {
                touched.push(posting.row);
            } else if *matched >= *share {
                continue;
            }
            let saturated = saturated(memory, plan, posting, params);
            *matched = matched.max(share * (saturated * full).min(1.0));
        }
    }
    for row in touched.iter() {
        if let Some(own) = own.get_mut(*row as usize) {
            *own += term.weight * get(matched, *row);
        }
    }
}

/// Lets each match count in the neighbours too, less the further away: a row covers a term unless
/// it and all of its neighbours miss it. A row that follows a question shares nearly all of it,
/// since it is likely to be the answer.
pub(super) fn spread_term(
    memory: &DomainMemory,
    weight: f32,
    params: &RetrievalParams,
    scratch: &mut Scratch,
) {
    let Scratch { matched, spread, touched, reached, covered, .. } = scratch;
    let mut reach = |row: u32, share: f32| {
        if let Some(sum) = spread.get_mut(row as usize) {
            if *sum == 0.0 {
                reached.push(row);
            }
            // The chance that at least one of independent matches holds.
            *sum = 1.0 - (1.0 - *sum) * (1.0 - share);
        }
    };
    let further = [params.context_two, params.context_three];
    for &row in touched.iter() {
        let share = get(matched, row);
        reach(row, share);
        // A faint match two or three steps away would not change a rank.
        let further = if share < params.faint_match { &further[..0] } else { &further[..] };
        let first = match memory.is_question(row) {
            true => params.context_answer,
            false => params.context_before,
        };
        let mut later = memory.timeline.after(row);
        for step in std::iter::once(first).chain(further.iter().copied()) {
            let Some(neighbour) = later else { break };
            reach(neighbour, step * share);
            later = memory.timeline.after(neighbour);
        }
        let mut earlier = memory.timeline.before(row);
        for step in std::iter::once(params.context_after).chain(further.iter().copied()) {
            let Some(neighbour) = earlier else { break };
            reach(neighbour, step * share);
            earlier = memory.timeline.before(neighbour);
        }
    }
    for row in reached.drain(..) {
        let sum = get(spread, row);
        set(spread, row, 0.0);
        if let Some(covered) = covered.get_mut(row as usize) {
            *covered += weight * sum;
        }
    }
}

/// `x`: the row's own likeness to the question. Expects the cosines in `alone`.
fn combine_x(plan: &QueryPlan, params: &RetrievalParams, scratch: &mut Scratch) {
    let Scratch { bm25, own, covered, x, alone, .. } = scratch;
    let share = 1.0 / plan.weight_sum;
    let best = 2.0 / plan.best_bm25.max(1e-9);
    let inputs = alone.iter().zip(bm25.iter());
    let coverage = own.iter_mut().zip(covered.iter_mut());
    for (x, ((cosine, bm25), (own, covered))) in x.iter_mut().zip(inputs.zip(coverage)) {
        *own *= share;
        *covered = (*covered * share).max(*own);
        *x = params.x_dense * cosine
            + params.x_coverage * *own
            + params.x_bm25 * (bm25 * best).min(1.0);
    }
}

/// The `x` above which a row stands out of its domain. Dead rows have an `x` of 0, so they add
/// nothing to the sums.
fn usual_x(memory: &DomainMemory, dense: Dense<'_>, params: &RetrievalParams, x: &[f32]) -> f32 {
    let (count, [sum, squares]) = match dense {
        Dense::All(_) => (memory.live_count() as f32, sums(x)),
        Dense::Some { sample, .. } => {
            let live = sample.iter().filter(|row| memory.is_live(**row));
            let drawn: Vec<f32> = live.map(|row| get(x, *row)).collect();
            (drawn.len() as f32, sums(&drawn))
        }
    };
    let mean = sum / count.max(1.0);
    let deviation = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
    mean + params.standout_deviations * deviation
}

/// Sum and sum of squares. Eight running sums keep both accurate and fast.
fn sums(values: &[f32]) -> [f32; 2] {
    const LANES: usize = 8;
    let (mut sums, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for chunk in values.chunks(LANES) {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(chunk) {
            *sum += value;
            *square += value * value;
        }
    }
    [sums.iter().sum(), squares.iter().sum()]
}

/// The weighted sum without context, from the cosines in `alone`.
fn score_alone(
    memory: &DomainMemory,
    plan: &QueryPlan,
    usual: f32,
    params: &RetrievalParams,
    scratch: &mut Scratch,
) {
    let Scratch { own, x, alone, .. } = scratch;
    let form = memory.novelty().iter().zip(memory.questions());
    let inputs = own.iter().zip(x.iter()).zip(form);
    for (alone, ((own, x), (novelty, question))) in alone.iter_mut().zip(inputs) {
        *alone = own
            + params.weight_dense * *alone
            + params.weight_novelty * novelty
            + params.weight_question * question
            + params.weight_session * (x - usual).max(0.0);
    }
    if let Some(hint) = &plan.date {
        for (row, alone) in (0_u32..).zip(alone.iter_mut()) {
            let fit = memory.timeline.time(row).map_or(0.0, |time| hint.fit(time));
            *alone += params.weight_date * fit;
        }
    }
    if plan.asks_when {
        for (row, alone) in (0_u32..).zip(alone.iter_mut()) {
            *alone += params.weight_when * f32::from(memory.is_temporal(row));
        }
    }
    if !plan.named.is_empty() {
        let gains: Vec<f32> = memory
            .label_matches(&plan.named)
            .into_iter()
            .map(|matched| match matched {
                LabelMatch::Named => params.weight_speaker,
                LabelMatch::OtherSpeaker => -params.weight_speaker,
                LabelMatch::NotASpeaker => 0.0,
            })
            .collect();
        for (alone, label_no) in alone.iter_mut().zip(memory.label_numbers()) {
            *alone += gains.get(*label_no as usize).copied().unwrap_or(0.0);
        }
    }
}

/// How far the two rows that stand out most in every session do so. Rows of a session mostly
/// follow each other, so its two values stay in registers until another session begins; there is
/// no branch on the data.
fn find_best_sessions(memory: &DomainMemory, usual: f32, scratch: &mut Scratch) {
    let Scratch { x, best_two, .. } = scratch;
    best_two.resize(memory.timeline.session_count(), [0.0; 2]);
    let mut current = timeline::LOOSE;
    let [mut first, mut second] = [0.0_f32; 2];
    for (x, session) in x.iter().zip(memory.timeline.sessions()) {
        if *session != current {
            if let Some(best) = best_two.get_mut(current as usize) {
                *best = [first, second];
            }
            current = *session;
            [first, second] = best_two.get(current as usize).copied().unwrap_or_default();
        }
        let standout = (x - usual).max(0.0);
        second = second.max(first.min(standout));
        first = first.max(standout);
    }
    if let Some(best) = best_two.get_mut(current as usize) {
        *best = [first, second];
    }
}

/// Replaces what the row has alone by what it has in its context: the terms its neighbours cover
/// too, and how far its session stands out.
fn score_together(
    memory: &DomainMemory,
    usual: f32,
    params: &RetrievalParams,
    scratch: &mut Scratch,
) {
    let Scratch { own, covered, x, alone, together, best_two, .. } = scratch;
    // `best_two` of the chain of rows without a session would make them lift each other.
    let means: Vec<f32> = best_two.iter().map(|[first, second]| (first + second) / 2.0).collect();
    let rows = own.iter().zip(covered.iter()).zip(x.iter()).zip(alone.iter());
    for (together, (((own, covered), x), alone)) in together.iter_mut().zip(rows) {
        *together = alone + (covered - own) - params.weight_session * (x - usual).max(0.0);
    }
    let rows = x.iter().zip(alone.iter()).zip(memory.timeline.sessions());
    for (together, ((x, alone), session)) in together.iter_mut().zip(rows) {
        let best = match *session {
            timeline::LOOSE => (x - usual).max(0.0),
            session => means.get(session as usize).copied().unwrap_or(0.0),
        };
        *together = alone.max(*together + params.weight_session * best);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::text::Analysis;
    use crate::types::Timestamp;
    use proptest::prelude::*;

    struct Turn<'a> {
        text: &'a str,
        session: Option<&'a str>,
        minute: i64,
    }

    fn memory_of(turns: &[Turn<'_>]) -> DomainMemory {
        let mut memory = DomainMemory::default();
        for turn in turns {
            let time = Timestamp::from_micros(turn.minute * 60_000_000);
            memory.push(&Analysis::of(turn.text), turn.session, time);
        }
        memory
    }

    /// Similarity and association of every row, from words alone.
    fn scores(memory: &DomainMemory, question: &str, with_context: bool) -> Vec<(f32, f32)> {
        let params = RetrievalParams::default();
        let plan = QueryPlan::new(question, &[], &[memory], &params);
        let mut scratch = Scratch::default();
        let dense = Dense::All(&[]);
        let scores = score_rows(memory, &plan, 0, dense, with_context, &params, &mut scratch);
        let map = |score: &f32| relevance(*score, &params);
        let rows = scores.alone.iter().map(map).zip(scores.together.iter().map(map));
        rows.map(|(alone, together)| (alone, together - alone)).collect()
    }

    fn conversation() -> DomainMemory {
        let texts = [
            "Ana: Hi Ben! How was your weekend?",
            "Ben: Great, I took my daughter Lily to the science museum.",
            "Ana: Nice! What did she like best?",
            "Ben: The planetarium, she could not stop talking about it.",
            "Ana: I finally started the pottery course.",
            "Ben: Congrats, everybody starts like that!",
            "Ana: My first bowl is a bit crooked.",
            "Ben: See you in May then.",
        ];
        let turns: Vec<_> = (0..)
            .zip(texts)
            .map(|(minute, text)| Turn { text, session: Some("s"), minute })
            .collect();
        memory_of(&turns)
    }

    fn best(scores: &[(f32, f32)]) -> usize {
        let total = |(similarity, association): &(f32, f32)| similarity + association;
        let rows = 0..scores.len();
        rows.max_by(|a, b| total(&scores[*a]).total_cmp(&total(&scores[*b]))).unwrap()
    }

    #[test]
    fn the_turn_that_says_it_is_found_by_other_forms_of_its_words() {
        assert_eq!(best(&scores(&conversation(), "Which museum did Ben take Lily to?", true)), 1);
        assert_eq!(best(&scores(&conversation(), "Who starts pottery courses?", true)), 4);
    }

    /// The answer shares no word with the question; the turn before it, a question, does.
    #[test]
    fn an_answer_is_lifted_by_the_question_it_follows() {
        let with = scores(&conversation(), "What did the daughter like best?", true);
        let without = scores(&conversation(), "What did the daughter like best?", false);
        assert!(with[3].1 > 0.1, "{:?}", with[3]);
        assert!(without.iter().all(|(_, association)| *association == 0.0));
    }

    #[test]
    fn another_speakers_turn_scores_lower_when_a_name_is_asked_for() {
        let turns: Vec<_> = (0..)
            .zip(["Ana: I like tea", "Ben: I like tea", "Ana: ok", "Ben: ok", "Ana: so", "Ben: so"])
            .map(|(minute, text)| Turn { text, session: None, minute: minute * 60 })
            .collect();
        let scores = scores(&memory_of(&turns), "Does Ben like tea?", false);
        assert!(scores[1].0 > scores[0].0);
    }

    #[test]
    fn an_unrelated_question_scores_low_everywhere_and_an_empty_domain_has_no_rows() {
        let scores_of = |question| scores(&conversation(), question, true);
        for (similarity, association) in scores_of("quarterly revenue of the steel industry") {
            assert!(similarity + association < 0.3, "{similarity} {association}");
        }
        assert!(scores(&DomainMemory::default(), "anything", true).is_empty());
        assert_eq!(scores_of("").len(), 8);
    }

    proptest! {
        #[test]
        fn scores_stay_in_range_for_any_text(
            texts in proptest::collection::vec((".{0,40}", 0_u8..3, 0_i64..50), 0..12),
            question in ".{0,60}",
        ) {
            let names = ["a", "b", "c"];
            let turns: Vec<_> = texts
                .iter()
                .map(|(text, session, minute)| Turn {
                    text,
                    session: names.get(usize::from(*session)).filter(|name| **name != "c").copied(),
                    minute: *minute,
                })
                .collect();
            for (similarity, association) in scores(&memory_of(&turns), &question, true) {
                prop_assert!((0.0..=1.0).contains(&similarity));
                prop_assert!((0.0..=1.0).contains(&association));
                prop_assert!(similarity + association <= 1.0 + 1e-6);
            }
        }

        /// Rows of different times may arrive in any order: each text scores the same.
        #[test]
        fn the_order_of_arrival_does_not_change_similarity(
            words in proptest::collection::vec(0_usize..6, 4..12), seed: u64,
        ) {
            let vocabulary = ["deploy", "friday", "anna", "berlin", "cat", "database"];
            let texts: Vec<String> = words
                .windows(3)
                .map(|w| w.iter().map(|n| vocabulary[*n]).collect::<Vec<_>>().join(" "))
                .collect();
            let turn = |at: usize| Turn { text: &texts[at], session: None, minute: at as i64 * 60 };
            let order: Vec<usize> = (0..texts.len()).collect();
            let mut shuffled = order.clone();
            let mut state = seed;
            for at in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(at, (state >> 33) as usize % (at + 1));
            }
            let score = |order: &[usize]| {
                let turns: Vec<_> = order.iter().map(|at| turn(*at)).collect();
                scores(&memory_of(&turns), "deploy the database on friday", true)
            };
            let (straight, mixed) = (score(&order), score(&shuffled));
            for (position, at) in shuffled.iter().enumerate() {
                prop_assert!((mixed[position].0 - straight[*at].0).abs() < 1e-6);
                prop_assert!((mixed[position].1 - straight[*at].1).abs() < 1e-6);
            }
        }
    }
}
