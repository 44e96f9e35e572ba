//! Atoms that may be among the results, and the keeping of the best few while they are found.

use std::cmp::Ordering;

use crate::engine::atom::ReadQuery;
use crate::engine::params::RetrievalParams;
use crate::engine::retrieval::score_for;
use crate::tenant::Place;
use crate::tenant::domain::Row;
use crate::types::{AtomId, Timestamp};

/// Candidates kept for each result asked for, where results shall differ from each other.
const DIVERSITY_POOL: usize = 5;

/// Relevance that similarity alone reaches at most, when no outcome speaks: that of a text with
/// itself.
pub(super) const PLAIN_MAX: f32 = 0.999;

#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub place: Place,
    pub id: AtomId,
    created_at: Timestamp,
    /// Not bounded, so that what exceeds 1 still ranks.
    pub relevance: f32,
    pub similarity: f32,
    pub is_episodic: bool,
}

impl Candidate {
    pub(super) fn new(place: Place, row: &Row, relevance: f32, similarity: f32) -> Self {
        let (id, created_at) = (row.id, row.created_at);
        Self { place, id, created_at, relevance, similarity, is_episodic: false }
    }

    /// In [0, 1): the relevance as it is but for what associations lift over [`PLAIN_MAX`]. That is
    /// pressed into the room above, in order, so that a further lift still shows.
    pub(super) fn shown_relevance(&self) -> f32 {
        if self.relevance <= PLAIN_MAX {
            return self.relevance.max(0.0);
        }
        1.0 - (1.0 - PLAIN_MAX) * (PLAIN_MAX / self.relevance)
    }

    /// Exact matches first, then the more relevant, the newer, the greater id.
    pub(super) fn rank(&self, other: &Self) -> Ordering {
        other
            .is_episodic
            .cmp(&self.is_episodic)
            .then(other.relevance.total_cmp(&self.relevance))
            .then(other.created_at.cmp(&self.created_at))
            .then(other.id.cmp(&self.id))
    }
}

/// Keeps the best few candidates while they are found.
pub(super) struct Selection {
    pub candidates: Vec<Candidate>,
    /// How many are kept.
    count: usize,
    /// No candidate below this can be among the results.
    relevance_min: f32,
}

impl Selection {
    pub(super) fn new(query: &ReadQuery) -> Self {
        let count = match query.conditions.is_empty() {
            // Which atoms meet the conditions is known only once they are read.
            false => usize::MAX,
            true if query.diversity > 0.0 => query.top_k.saturating_mul(DIVERSITY_POOL),
            true => query.top_k,
        };
        Self { candidates: Vec::new(), count: count.max(1), relevance_min: query.min_relevance }
    }

    /// A raw score below which no row can be among the results, however good its valence.
    pub(super) fn score_min(&self, params: &RetrievalParams) -> f32 {
        if self.relevance_min <= 0.0 {
            return f32::NEG_INFINITY;
        }
        score_for(self.relevance_min / (1.0 + params.valence_gain), params)
    }

    /// Says whether the bound below which candidates are dropped has risen.
    pub(super) fn offer(&mut self, candidate: Candidate) -> bool {
        if candidate.shown_relevance() < self.relevance_min {
            return false;
        }
        self.candidates.push(candidate);
        if self.candidates.len() < self.count.max(8).saturating_mul(2) {
            return false;
        }
        self.candidates.select_nth_unstable_by(self.count - 1, Candidate::rank);
        self.candidates.truncate(self.count);
        let worst = self.candidates.last().map_or(0.0, Candidate::shown_relevance);
        let risen = worst > self.relevance_min;
        self.relevance_min = self.relevance_min.max(worst);
        risen
    }

    /// The best, sorted.
    pub(super) fn into_best(mut self) -> Vec<Candidate> {
        if self.candidates.len() > self.count {
            self.candidates.select_nth_unstable_by(self.count, Candidate::rank);
            self.candidates.truncate(self.count);
        }
        self.candidates.sort_unstable_by(Candidate::rank);
        self.candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(relevance: f32) -> f32 {
        let (place, id) = (Place { domain_no: 1, row: 0 }, AtomId(uuid::Uuid::nil()));
        let created_at = Timestamp::from_micros(0);
        let similarity = 0.5;
        Candidate { place, id, created_at, relevance, similarity, is_episodic: false }
            .shown_relevance()
    }

    #[test]
    fn what_similarity_alone_reaches_is_shown_as_it_is() {
        for relevance in [0.0, 0.3, 0.77057105, PLAIN_MAX] {
            assert!((shown(relevance) - relevance).abs() < f32::EPSILON);
        }
        assert!(shown(1.17) < shown(1.18) && shown(1.18) < 1.0, "a lift above 1 still shows");
    }

    proptest! {
        #[test]
        fn shown_relevance_is_in_range_and_keeps_the_order(one in -1.0_f32..3.0, other in -1.0_f32..3.0) {
            prop_assert!((0.0..1.0).contains(&shown(one)));
            if one <= other {
                prop_assert!(shown(one) <= shown(other));
            }
        }
    }
}
