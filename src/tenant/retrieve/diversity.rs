//! Results that differ from each other: maximal marginal relevance (Carbonell and Goldstein 1998,
//! section 2) over the best candidates.

use super::candidates::Candidate;
use crate::index::QueryVector;
use crate::tenant::Tenant;

impl Tenant {
    /// Keeps `count` of the candidates: one by one the one with the greatest
    /// `(1 - diversity) * relevance - diversity * cosine` with the nearest of those kept before.
    /// Exact matches come first whatever they are like. The order stays that of relevance. Costs
    /// O(count * candidates) cosines.
    pub(super) fn diversify(
        &self,
        candidates: Vec<Candidate>,
        count: usize,
        diversity: f32,
    ) -> Vec<Candidate> {
        if candidates.len() <= count {
            return candidates;
        }
        let mut rest: Vec<(Candidate, f32)> =
            candidates.into_iter().map(|candidate| (candidate, 0.0)).collect();
        let mut kept: Vec<Candidate> = Vec::with_capacity(count);
        while kept.len() < count {
            let merit = |(candidate, nearest): &(Candidate, f32)| {
                let relevance = candidate.shown_relevance();
                match candidate.is_episodic {
                    true => f32::INFINITY,
                    false => (1.0 - diversity) * relevance - diversity * nearest,
                }
            };
            let best = (0..rest.len()).max_by(|a, b| {
                let merit_at = |at: &usize| rest.get(*at).map_or(f32::NEG_INFINITY, merit);
                // Of equals the one that ranks higher.
                merit_at(a).total_cmp(&merit_at(b)).then(b.cmp(a))
            });
            let Some(best) = best else { break };
            let (chosen, _) = rest.remove(best);
            if let Some(direction) = self.direction_of_atom(&chosen) {
                for (candidate, nearest) in &mut rest {
                    let domain = self.domains.get(&candidate.place.domain_no);
                    let cosine = domain.map_or(0.0, |domain| {
                        domain.vectors.score(&direction, candidate.place.row)
                    });
                    *nearest = nearest.max(cosine);
                }
            }
            kept.push(chosen);
        }
        kept.sort_unstable_by(Candidate::rank);
        kept
    }

    fn direction_of_atom(&self, candidate: &Candidate) -> Option<QueryVector> {
        let domain = self.domains.get(&candidate.place.domain_no)?;
        domain.vectors.vector_of(candidate.place.row)
    }
}
