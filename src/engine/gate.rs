//! The importance gate: whether a write says something new. It refuses only what a stored atom
//! of the domain already says in the same words; a correction uses other words, so it is stored.
//! Every decision comes with its reason.

use crate::engine::params::GateParams;

/// What is known of the nearest stored atoms when a write arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Novelty {
    /// The domain holds no atom.
    pub is_first: bool,
    /// Cosine of the nearest live atom of the domain, in [-1, 1]; `None` where nothing can be
    /// compared, since the text has no direction or none of the atoms has.
    pub nearest_similarity: Option<f32>,
    /// A live atom of the domain has exactly this content.
    pub same_content: bool,
    /// A live atom of the domain has this wording.
    pub same_wording: bool,
}

/// What the gate decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    Admit { importance: f32, reason: String },
    Reject { importance: f32, reason: String },
}

/// Importance is novelty: one minus the similarity of the nearest atom of the domain, in [0, 1].
/// The first atom of a domain is entirely new. A text without direction counts as middling.
#[must_use]
pub fn decide(novelty: &Novelty, params: &GateParams) -> Admission {
    if novelty.is_first {
        let reason = "stored: the first atom of its domain".to_owned();
        return Admission::Admit { importance: 1.0, reason };
    }
    let importance = match novelty.nearest_similarity {
        None => params.importance_unknown,
        Some(similarity) if similarity.is_finite() => (1.0 - similarity).clamp(0.0, 1.0),
        Some(_) => params.importance_unknown,
    };
    if novelty.same_content {
        let reason = "already known: a stored atom of this domain has the same content";
        return Admission::Reject { importance: 0.0, reason: reason.to_owned() };
    }
    if novelty.same_wording {
        let reason = "already known: a stored atom of this domain says this in the same words";
        return Admission::Reject { importance: 0.0, reason: reason.to_owned() };
    }
    let reason = match novelty.nearest_similarity {
        None => "stored: nothing in this domain to compare it with".to_owned(),
        Some(similarity) => format!("stored: novelty {importance:.3} (nearest {similarity:.3})"),
    };
    Admission::Admit { importance, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn novelty(nearest: Option<f32>, same_wording: bool) -> Novelty {
        let is_first = false;
        Novelty { is_first, nearest_similarity: nearest, same_content: false, same_wording }
    }

    #[test]
    fn near_repeats_in_other_words_are_admitted_and_the_same_words_are_not() {
        let params = GateParams::default();
        assert!(matches!(decide(&novelty(Some(0.999), false), &params), Admission::Admit { .. }));
        assert!(matches!(decide(&novelty(Some(0.999), true), &params), Admission::Reject { .. }));
    }

    proptest! {
        #[test]
        fn importance_is_in_range_and_falls_as_similarity_grows(
            a in -1.0_f32..1.0, b in -1.0_f32..1.0,
        ) {
            let importance = |similarity| match decide(&novelty(Some(similarity), false), &GateParams::default()) {
                Admission::Admit { importance, .. } | Admission::Reject { importance, .. } => importance,
            };
            prop_assert!((0.0..=1.0).contains(&importance(a)));
            if a < b {
                prop_assert!(importance(a) >= importance(b));
            }
        }
    }
}
