//! Recalling a conversation: what of it answers a question, which facts were derived from it, and
//! whom and what those name. How the results share the places there are is decided here.

use std::collections::HashMap;

use super::atom::{Depth, NewAtom, RetrievedAtom};
use super::graph::fold_concept;
use crate::types::{AtomId, Tokens};

/// Entities returned at most.
const ENTITIES_MAX: usize = 5;
/// Places that belong to fragments before facts and entities get any of them.
const FRAGMENTS_FIRST: usize = 15;
/// What remains after those is shared: one in so many for facts, one for entities.
const PASSIVE_SHARE: usize = 3;
/// An entity scores this share of the best result that names it: it says less than that.
const ENTITY_SHARE: f32 = 0.9;

/// A text to be remembered as it was said, with what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFragment {
    pub atom: NewAtom,
    /// Metered tokens, charged if it is new.
    pub tokens: u64,
}

/// Fragments of one conversation, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ingestion {
    pub fragments: Vec<NewFragment>,
    /// Metered tokens charged besides, for what is not kept.
    pub tokens_besides: u64,
}

/// What became of an ingestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    /// Whether each fragment was new, in order.
    pub are_new: Vec<bool>,
    /// What was charged.
    pub tokens: Tokens,
}

/// A question to one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct RecallQuery {
    pub text: String,
    /// The domain of the fragments.
    pub domain: String,
    /// Results of all kinds at most.
    pub top_k: usize,
    pub depth: Depth,
}

/// Someone or something that results name.
#[derive(Debug, Clone, PartialEq)]
pub struct RecalledEntity {
    /// The best result that names it.
    pub named_by: AtomId,
    pub label: String,
    /// In [0, 1].
    pub score: f32,
}

/// What was recalled, each list best first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recollection {
    pub fragments: Vec<RetrievedAtom>,
    /// Derived in the background; of deep questions only.
    pub facts: Vec<RetrievedAtom>,
    pub entities: Vec<RecalledEntity>,
    /// How likely the results hold what was asked for, in [0, 1]; 0 for nothing.
    pub confidence: f32,
}

/// How many results of each kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    pub fragments: usize,
    pub facts: usize,
    pub entities: usize,
}

impl Places {
    /// Shares `top_k` places among the results found. Fragments come first: they are the evidence.
    /// Of a deep question's places beyond the first fifteen, facts and entities get a third each,
    /// as far as there are any; what they leave belongs to fragments. An active question's
    /// entities get what fragments leave.
    #[must_use]
    pub fn share(top_k: usize, depth: Depth, found: &Self) -> Self {
        let reserved = match depth {
            Depth::Active => 0,
            Depth::Deep => top_k.saturating_sub(FRAGMENTS_FIRST) / PASSIVE_SHARE,
        };
        let found_entities = found.entities.min(ENTITIES_MAX);
        let kept_facts = found.facts.min(reserved);
        let kept_entities = found_entities.min(reserved);
        let fragments = found.fragments.min(top_k - kept_facts - kept_entities);
        let facts = found.facts.min(top_k - fragments - kept_entities);
        let entities = found_entities.min(top_k - fragments - facts);
        Self { fragments, facts, entities }
    }
}

/// Whom and what results name: the names among their concepts, best first, ties in the order of
/// the results. Who speaks is not named by speaking.
#[must_use]
pub fn entities_of(results: &[&RetrievedAtom]) -> Vec<RecalledEntity> {
    let mut found: Vec<RecalledEntity> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    for result in results {
        let speaker = super::text::split_head(&result.atom.content).label.map(fold_concept);
        for label in result.atom.concepts.iter().filter(|concept| is_name(concept)) {
            let folded = fold_concept(label);
            if Some(&folded) == speaker.as_ref() {
                continue;
            }
            let score = (ENTITY_SHARE * result.relevance).clamp(0.0, 1.0);
            match positions.get(&folded) {
                Some(position) => {
                    if let Some(known) = found.get_mut(*position).filter(|it| it.score < score) {
                        known.score = score;
                        known.named_by = result.atom.id;
                    }
                }
                None => {
                    positions.insert(folded, found.len());
                    let named_by = result.atom.id;
                    found.push(RecalledEntity { named_by, label: label.clone(), score });
                }
            }
        }
    }
    // Stable: of equals the one named first.
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    found
}

/// A concept written with a capital or a digit is a name; content words are in lower case.
fn is_name(concept: &str) -> bool {
    concept.chars().any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(fragments: usize, facts: usize, entities: usize) -> Places {
        Places { fragments, facts, entities }
    }

    #[test]
    fn fragments_have_the_first_fifteen_places() {
        let many = places(50, 50, 50);
        assert_eq!(Places::share(15, Depth::Deep, &many), places(15, 0, 0));
        assert_eq!(Places::share(25, Depth::Deep, &many), places(19, 3, 3));
        assert_eq!(Places::share(15, Depth::Active, &places(50, 0, 9)), places(15, 0, 0));
    }

    #[test]
    fn what_fragments_leave_is_for_the_others() {
        assert_eq!(Places::share(10, Depth::Active, &places(3, 0, 9)), places(3, 0, 5));
        assert_eq!(Places::share(10, Depth::Deep, &places(3, 4, 9)), places(3, 4, 3));
        assert_eq!(Places::share(25, Depth::Deep, &places(50, 0, 0)), places(25, 0, 0));
        assert_eq!(Places::share(1, Depth::Deep, &places(1, 1, 1)), places(1, 0, 0));
    }

    proptest! {
        #[test]
        fn shares_never_exceed_the_places_or_what_was_found(
            top_k in 0_usize..60, fragments in 0_usize..60, facts in 0_usize..60, entities in 0_usize..60, deep: bool,
        ) {
            let depth = if deep { Depth::Deep } else { Depth::Active };
            let found = places(fragments, facts, entities);
            let shared = Places::share(top_k, depth, &found);
            prop_assert!(shared.fragments + shared.facts + shared.entities <= top_k);
            prop_assert!(shared.fragments <= fragments && shared.facts <= facts);
            prop_assert!(shared.entities <= entities.min(ENTITIES_MAX));
            // No place stays empty while a fragment or a fact could have it.
            let left = top_k - shared.fragments - shared.facts - shared.entities;
            prop_assert!(left == 0 || (shared.fragments == fragments && shared.facts == facts));
        }
    }
}
