//! What associations add to atoms for a question: concepts linked to the question's, and cues
//! like the question.

use rustc_hash::FxHashMap;

use crate::engine::atom::{ReadQuery, RetrievalMode};
use crate::engine::concepts;
use crate::engine::graph::fold_concept;
use crate::engine::text::hash_term;
use crate::tenant::standing::Visibility;
use crate::tenant::{Place, Tenant};

/// What the concepts of a question lead to.
#[derive(Debug, Default)]
pub(super) struct Expansion {
    pub query_concepts: Vec<String>,
    pub expanded_concepts: Vec<String>,
    pub gains: Gains,
}

/// By domain and row, what an atom gains or loses.
#[derive(Debug, Default)]
pub(super) struct Gains(FxHashMap<u32, FxHashMap<u32, f32>>);

impl Gains {
    pub(super) fn of_domain(&self, domain_no: u32) -> Option<&FxHashMap<u32, f32>> {
        self.0.get(&domain_no)
    }

    fn slot(&mut self, place: Place) -> &mut f32 {
        self.0.entry(place.domain_no).or_default().entry(place.row).or_default()
    }

    pub(super) fn add(&mut self, place: Place, gain: f32) {
        *self.slot(place) += gain;
    }
}

impl Tenant {
    /// The question's concepts and, with associations, those they lead to.
    pub(super) fn expand(&self, query: &ReadQuery) -> Expansion {
        let mut query_concepts = query.concepts.clone();
        for concept in concepts::extract(&query.text) {
            let folded = fold_concept(&concept);
            if !query_concepts.iter().any(|known| fold_concept(known) == folded) {
                query_concepts.push(concept);
            }
        }
        let mut expansion = Expansion {
            expanded_concepts: query_concepts.clone(),
            query_concepts,
            gains: Gains::default(),
        };
        if !query.include_associations || query.mode == RetrievalMode::Cosine {
            return expansion;
        }
        let seeds: Vec<_> = expansion
            .query_concepts
            .iter()
            .filter_map(|concept| self.graph.find(&fold_concept(concept)))
            .collect();
        let params = &self.params.graph;
        for (concept, strength) in self.graph.expand(&seeds, params.expansion_max) {
            let Some(name) = self.graph.name(concept) else { continue };
            // A concept whose last atom was deleted is not spoken of again.
            let Some(holders) = self.concept_atoms.get(&hash_term(name)) else { continue };
            expansion.expanded_concepts.push(name.to_owned());
            // What many atoms hold says little of any of them.
            let rarity = (params.concept_holders / holders.len() as f32).min(1.0);
            let gain =
                params.concept_gain * rarity * (strength / params.concept_saturation).min(1.0);
            for place in holders.iter().filter_map(|place| self.shown_place(*place, query)) {
                let best = expansion.gains.slot(place);
                *best = best.max(gain);
            }
        }
        expansion
    }

    /// Where an atom is found in search: its own place, its prototype's, or nowhere.
    pub(in crate::tenant) fn shown_place(&self, place: Place, query: &ReadQuery) -> Option<Place> {
        let row = self.row(place)?;
        match row.visibility {
            Visibility::Shown => Some(place),
            Visibility::Superseded => query.include_history.then_some(place),
            Visibility::Consolidated => {
                let prototype = *self.atoms.get(&self.ties.consolidated_into(row.id)?)?;
                let is_shown =
                    self.row(prototype).is_some_and(|row| row.visibility == Visibility::Shown);
                is_shown.then_some(prototype)
            }
            Visibility::Staged => None,
        }
    }
}
