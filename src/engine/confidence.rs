//! How likely an answer holds what was asked for, from the score of its best result. A question put
//! to a memory that knows nothing of it gets results too; this tells them apart.
//!
//! The score of the best is all that counts: the gap to the next, the share of the question's words
//! that are known here, and cosine add nothing to it that could be measured.

use super::atom::Depth;
use super::params::{ConfidenceParams, RetrievalParams};
use super::retrieval::score_for;

/// The confidence in [0, 1] of an answer whose best result has `relevance`; 0 for no result, and
/// never falling as relevance rises.
#[must_use]
pub fn confidence(
    relevance: Option<f32>,
    depth: Depth,
    retrieval: &RetrievalParams,
    params: &ConfidenceParams,
) -> f32 {
    let Some(relevance) = relevance.filter(|relevance| *relevance > 0.0) else { return 0.0 };
    let score = score_for(relevance, retrieval);
    let middle = match depth {
        Depth::Active => params.middle,
        Depth::Deep => params.middle_deep,
    };
    // A score of 0 divides by infinity, an infinite one by 1: neither is a special case.
    params.ceiling / (1.0 + (middle / score).powi(params.steepness))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::retrieval::relevance;
    use proptest::prelude::*;

    fn of(relevance: Option<f32>, depth: Depth) -> f32 {
        confidence(relevance, depth, &RetrievalParams::default(), &ConfidenceParams::default())
    }

    fn of_score(score: f32) -> f32 {
        of(Some(relevance(score, &RetrievalParams::default())), Depth::Active)
    }

    #[test]
    fn no_results_are_no_evidence_and_an_exact_match_is_not_certain() {
        assert!(of(None, Depth::Active).abs() < f32::EPSILON);
        assert!(of(Some(0.0), Depth::Deep).abs() < f32::EPSILON);
        assert!(of(Some(f32::NAN), Depth::Active).abs() < f32::EPSILON);
        let exact = of(Some(0.999), Depth::Active);
        assert!(exact > 0.9 && exact < 1.0);
        assert!(of(Some(1.0), Depth::Active) >= exact);
    }

    /// Scores as they are for one stored turn, "I'm allergic to shellfish", and the questions
    /// "how many moons does Neptune have", "what does the user prefer" and "is the user allergic to
    /// shellfish".
    #[test]
    fn one_stored_text_answers_what_it_says_and_nothing_else() {
        let [unrelated, near, answered] = [0.08, 0.44, 0.91].map(of_score);
        assert!(unrelated < near && near < 0.3 && answered > 0.6);
    }

    proptest! {
        #[test]
        fn confidence_is_in_range_and_never_falls_with_relevance(
            one in -0.5_f32..=1.5, other in -0.5_f32..=1.5, deep: bool,
        ) {
            let depth = if deep { Depth::Deep } else { Depth::Active };
            let (low, high) = (of(Some(one.min(other)), depth), of(Some(one.max(other)), depth));
            prop_assert!((0.0..=1.0).contains(&low));
            prop_assert!(low <= high);
        }
    }
}
