//! Learning from outcomes: how an atom's valence follows what feedback reports.

use super::params::FeedbackParams;
use crate::types::AtomId;

/// An outcome reported for some atoms.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// Unknown ids are skipped, repeated ones count once.
    pub atom_ids: Vec<AtomId>,
    /// From -1 (harmful) to 1 (helpful).
    pub outcome: f32,
    /// Concepts whose links among each other are strengthened or weakened.
    pub concepts: Vec<String>,
    /// Concepts of the question that the atoms answered; enables learning of associations.
    pub query_concepts: Vec<String>,
}

/// What feedback did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FeedbackOutcome {
    /// Atoms that exist.
    pub updated_count: usize,
    /// Their mean valence afterwards; 0 when there is none.
    pub avg_valence: f64,
    /// Edges between concepts of the question and of the atoms that were learned or changed.
    pub coactivation_edges: usize,
}

/// Valence after an outcome: it moves towards the outcome by a share of the prediction error
/// (Rescorla and Wagner 1972, with one cue), so repeated outcomes converge and never pass. Both
/// are clamped to [-1, 1]; an outcome that is not a number changes nothing.
#[must_use]
pub fn learn_valence(valence: f32, outcome: f32, params: &FeedbackParams) -> f32 {
    if !outcome.is_finite() {
        return valence;
    }
    let valence = valence.clamp(-1.0, 1.0);
    (valence + params.valence_rate * (outcome.clamp(-1.0, 1.0) - valence)).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeated_praise_approaches_one_by_ever_smaller_steps() {
        let params = FeedbackParams::default();
        let mut steps = vec![0.0];
        for _ in 0..10 {
            let last = steps[steps.len() - 1];
            steps.push(learn_valence(last, 1.0, &params));
        }
        let gains: Vec<f32> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gains.windows(2).all(|pair| pair[1] < pair[0] && pair[1] > 0.0), "{gains:?}");
        assert!(steps[10] > 0.8 && steps[10] < 1.0, "{steps:?}");
    }

    proptest! {
        #[test]
        fn valence_moves_towards_the_outcome_and_never_past_it(
            valence in -1.0_f32..=1.0, outcome in -1.0_f32..=1.0,
        ) {
            let after = learn_valence(valence, outcome, &FeedbackParams::default());
            prop_assert!((valence.min(outcome)..=valence.max(outcome)).contains(&after));
            let unmoved = learn_valence(valence, f32::NAN, &FeedbackParams::default());
            prop_assert_eq!(unmoved.to_bits(), valence.to_bits());
        }
    }
}
