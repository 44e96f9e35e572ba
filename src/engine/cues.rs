//! Associations from questions to atoms, learned from feedback: a *cue* is a question that was
//! asked, reduced to its terms and its direction, with the atoms that answered it well or badly.
//! A later question that is like the cue finds those atoms higher or lower; one that is not is
//! left alone. (Encoding specificity: Tulving and Thomson 1973.)
//!
//! A cue holds hashes of words, never the words.

use super::fingerprint::Fingerprint;
use super::params::CueParams;
use crate::types::AtomNo;

/// A content word of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CueTerm {
    /// Hash of the whole lower-case word; tells whether it names a speaker.
    pub word: u64,
    /// Hash of its stem.
    pub stem: u64,
    /// Its inverse document frequency when the question was asked.
    pub weight: f32,
}

/// What of a question is compared with other questions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuestionTrace {
    /// Of the wording; equal for equal questions.
    pub wording: Option<Fingerprint>,
    /// Distinct stems.
    pub terms: Vec<CueTerm>,
}

impl QuestionTrace {
    fn weight(&self) -> f32 {
        self.terms.iter().map(|term| term.weight).sum()
    }

    fn holds(&self, stem: u64) -> bool {
        self.terms.iter().any(|term| term.stem == stem)
    }
}

/// How alike two questions are, in [0, 1]: the mean of the weighted overlap of their terms
/// (Jaccard) and the cosine of their directions. Zero when one names a speaker that the other
/// does not: the same thing asked of somebody else has another answer. `cosine` is `None` where
/// a direction is missing; `synonyms` lists, for stems of the question, stems that mean the same
/// and how nearly.
#[must_use]
pub fn likeness(
    question: &QuestionTrace,
    cue: &QuestionTrace,
    cosine: Option<f32>,
    synonyms: &[(u64, u64, f32)],
    names_speaker: &dyn Fn(u64) -> bool,
) -> f32 {
    if question.wording.is_some() && question.wording == cue.wording {
        return 1.0;
    }
    let missing_name = |one: &QuestionTrace, other: &QuestionTrace| {
        one.terms.iter().any(|term| !other.holds(term.stem) && names_speaker(term.word))
    };
    if missing_name(question, cue) || missing_name(cue, question) {
        return 0.0;
    }
    let mut shared = 0.0;
    for term in &question.terms {
        if cue.holds(term.stem) {
            shared += term.weight;
            continue;
        }
        let nearest = synonyms
            .iter()
            .filter(|(stem, synonym, _)| *stem == term.stem && cue.holds(*synonym))
            .map(|(_, _, share)| *share)
            .fold(0.0_f32, f32::max);
        shared += nearest * term.weight;
    }
    let all = (question.weight() + cue.weight() - shared).max(1e-6);
    let overlap = (shared / all).clamp(0.0, 1.0);
    match cosine {
        Some(cosine) => (overlap + cosine.clamp(0.0, 1.0)) / 2.0,
        None => overlap,
    }
}

/// How much of an association of this weight a question of this likeness gets, in [0, 1]: nothing
/// up to a lower bound, then evenly rising to all of it at `likeness_full`.
#[must_use]
pub fn activation(likeness: f32, weight: f32, params: &CueParams) -> f32 {
    let least = if weight < 0.0 { params.aversion_min } else { params.likeness_min };
    let range = (params.likeness_full - least).max(1e-6);
    ((likeness - least) / range).clamp(0.0, 1.0)
}

/// The atoms that a cue leads to, each with a learned weight in [-1, 1].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CueAtoms(Vec<(AtomNo, f32)>);

impl CueAtoms {
    #[must_use]
    pub fn from_stored(atoms: Vec<(AtomNo, f32)>) -> Self {
        Self(atoms)
    }

    #[must_use]
    pub fn as_slice(&self) -> &[(AtomNo, f32)] {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Moves an atom's weight towards the outcome by a share of the prediction error (Rescorla
    /// and Wagner 1972). Where there is no room the weakest association makes it.
    pub fn learn(&mut self, atom: AtomNo, outcome: f32, params: &CueParams) {
        let known = self.0.iter().position(|(no, _)| *no == atom);
        let before = known.and_then(|at| self.0.get(at)).map_or(0.0, |(_, weight)| *weight);
        let after = (before + params.rate * (outcome - before)).clamp(-1.0, 1.0);
        match known.and_then(|at| self.0.get_mut(at)) {
            Some(entry) => entry.1 = after,
            None => self.0.push((atom, after)),
        }
        if self.0.len() > params.atoms_max {
            let weakest = (0..self.0.len()).min_by(|a, b| {
                let weight = |at: &usize| self.0.get(*at).map_or(0.0, |(_, weight)| weight.abs());
                weight(a).total_cmp(&weight(b)).then(a.cmp(b))
            });
            if let Some(weakest) = weakest {
                self.0.remove(weakest);
            }
        }
    }

    /// Forgets an atom. Returns whether it was there.
    pub fn remove(&mut self, atom: AtomNo) -> bool {
        let before = self.0.len();
        self.0.retain(|(no, _)| *no != atom);
        self.0.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::text::{Term, hash_term, words};
    use proptest::prelude::*;

    fn trace(text: &str) -> QuestionTrace {
        let term = |word: String| CueTerm {
            word: hash_term(&word),
            stem: Term::of_word(&word).hash(),
            weight: 1.0,
        };
        let mut terms: Vec<CueTerm> = words(text).into_iter().map(term).collect();
        terms.sort_unstable_by_key(|term| term.stem);
        terms.dedup_by_key(|term| term.stem);
        QuestionTrace { wording: Some(Fingerprint::of_wording(text)), terms }
    }

    fn alike(one: &str, other: &str, speakers: &[&str]) -> f32 {
        let speakers: Vec<u64> = speakers.iter().map(|name| hash_term(name)).collect();
        likeness(&trace(one), &trace(other), None, &[], &|word| speakers.contains(&word))
    }

    #[test]
    fn the_same_question_is_entirely_alike_and_another_speaker_s_not_at_all() {
        let question = "Where did Ana buy paint?";
        assert!(
            (alike(question, "where did ana buy paint", &["ana"]) - 1.0).abs() < 1e-6
                || alike(question, "where did ana buy paint", &["ana"]) > 0.9
        );
        assert!(alike(question, "Where did Bo buy paint?", &["ana", "bo"]) < f32::EPSILON);
        let changed = alike(question, "Where did Ana buy paper?", &["ana"]);
        assert!(changed > 0.3 && changed < 0.9, "{changed}");
    }

    #[test]
    fn a_full_list_drops_its_weakest_association() {
        let params = CueParams { atoms_max: 2, ..CueParams::default() };
        let mut atoms = CueAtoms::default();
        atoms.learn(AtomNo(1), 1.0, &params);
        atoms.learn(AtomNo(2), 0.1, &params);
        atoms.learn(AtomNo(3), -1.0, &params);
        let kept: Vec<_> = atoms.as_slice().iter().map(|(no, _)| no.0).collect();
        assert_eq!(kept, [1, 3]);
        assert!(atoms.remove(AtomNo(1)) && !atoms.remove(AtomNo(1)));
    }

    proptest! {
        #[test]
        fn likeness_is_symmetric_and_in_range(one in "[a-d ]{0,20}", other in "[a-d ]{0,20}") {
            let there = alike(&one, &other, &["a"]);
            let back = alike(&other, &one, &["a"]);
            prop_assert!((0.0..=1.0).contains(&there));
            prop_assert!((there - back).abs() < 1e-5);
        }

        #[test]
        fn weights_stay_in_range_and_approach_a_repeated_outcome(
            outcomes in proptest::collection::vec(-1.0_f32..=1.0, 1..30),
        ) {
            let params = CueParams::default();
            let mut atoms = CueAtoms::default();
            for outcome in &outcomes {
                atoms.learn(AtomNo(1), *outcome, &params);
                prop_assert!((-1.0..=1.0).contains(&atoms.as_slice()[0].1));
            }
            for _ in 0..30 {
                atoms.learn(AtomNo(1), 0.5, &params);
            }
            prop_assert!((atoms.as_slice()[0].1 - 0.5).abs() < 0.01);
        }
    }
}
