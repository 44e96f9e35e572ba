//! Three-factor learning on the Hebbian graph: a link between two concepts changes when both were
//! active, one in the question and one in the atom (pre and post), and an outcome arrived (the
//! third factor; Frémaux and Gerstner 2016, section 2). The outcome works as a prediction error
//! (Rescorla and Wagner 1972): a link whose outcome is already expected learns nothing more.

use rustc_hash::FxHashSet;

use super::graph::{ConceptGraph, ConceptNo, Edge, LinkPlan};
use super::params::GraphParams;
use crate::types::Timestamp;

impl ConceptGraph {
    /// Adds to a plan what an outcome teaches about pairs of concepts. A pair that the plan
    /// changes already is left as it is, so that it counts once, and one concept is no pair. A new link begins only with a good outcome. Costs
    /// O(pairs), and O(degree cap) more for each new link of a full concept.
    pub fn plan_reinforcement(
        &self,
        plan: &mut LinkPlan,
        pairs: &[(&str, &str)],
        outcome: f32,
        now: Timestamp,
        params: &GraphParams,
    ) {
        if !outcome.is_finite() {
            return;
        }
        let planned = plan.edges.iter().map(|(low, high, _)| (*low, *high));
        let mut done: FxHashSet<(ConceptNo, ConceptNo)> = planned.collect();
        for (pre, post) in pairs {
            let known = self.find_pair(pre, post).and_then(|(low, high)| self.edge(low, high));
            if known.is_none() && outcome <= 0.0 {
                continue;
            }
            let Some((low, high)) = self.plan_pair(pre, post, plan) else { continue };
            if !done.insert((low, high)) {
                continue;
            }
            let known = known.filter(|_| !plan.dropped.contains(&(low, high)));
            if known.is_none() && !self.plan_room(plan, low, high, params) {
                continue;
            }
            let hub = self.degree(low).max(self.degree(high)) as f32 / params.hub_degree;
            let before =
                known.unwrap_or(Edge { weight: 0.0, valence: 0.0, count: 0, updated_at: now });
            plan.edges.push((low, high, reinforced(before, outcome, hub, now, params)));
        }
    }
}

/// The link after an outcome. `hub` is how many times over the ordinary number of links the
/// busier end has: what is linked to everything learns slowly.
fn reinforced(edge: Edge, outcome: f32, hub: f32, now: Timestamp, params: &GraphParams) -> Edge {
    let error = outcome.clamp(-1.0, 1.0) - edge.valence;
    let rate = params.reinforcement_rate / (1.0 + hub.max(0.0)).sqrt();
    // Soft bounds: what is missing to 1 is gained, what there is is lost.
    let room = if error > 0.0 { 1.0 - edge.weight } else { edge.weight };
    Edge {
        weight: (edge.weight + rate * error * room).clamp(0.0, 1.0),
        valence: (edge.valence + params.edge_valence_rate * error).clamp(-1.0, 1.0),
        count: edge.count.saturating_add(1),
        updated_at: edge.updated_at.max(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::limits::CONCEPT_DEGREE_MAX;
    use proptest::prelude::*;

    fn reward(graph: &mut ConceptGraph, pairs: &[(&str, &str)], outcome: f32) -> usize {
        let now = Timestamp::from_micros(1);
        let mut plan = LinkPlan::default();
        graph.plan_reinforcement(&mut plan, pairs, outcome, now, &GraphParams::default());
        graph.apply(&plan);
        plan.edges.len()
    }

    fn edge(graph: &ConceptGraph, one: &str, other: &str) -> Option<Edge> {
        graph.edge(graph.find(one)?, graph.find(other)?)
    }

    #[test]
    fn reward_makes_a_link_strong_and_what_is_expected_teaches_less() {
        let mut graph = ConceptGraph::default();
        let mut weights = vec![0.0];
        for _ in 0..6 {
            assert_eq!(reward(&mut graph, &[("Trip", "lisbon"), ("lisbon", "trip")], 1.0), 1);
            weights.push(edge(&graph, "trip", "lisbon").unwrap().weight);
        }
        let gains: Vec<f32> = weights.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gains.windows(2).all(|pair| pair[1] < pair[0] && pair[1] > 0.0), "{gains:?}");
        let before = edge(&graph, "trip", "lisbon").unwrap();
        reward(&mut graph, &[("trip", "lisbon")], -1.0);
        let after = edge(&graph, "trip", "lisbon").unwrap();
        assert!(after.weight < before.weight && after.valence < before.valence);
        assert_eq!(after.count, 7);
    }

    #[test]
    fn a_bad_outcome_makes_no_link() {
        let mut graph = ConceptGraph::default();
        assert_eq!(reward(&mut graph, &[("a", "b"), ("a", "a")], -1.0), 0);
        assert_eq!(reward(&mut graph, &[("a", "a"), ("", "b")], 1.0), 0);
        assert_eq!(graph.edge_count(), 0);
        assert_eq!(graph.find("a"), None);
    }

    #[test]
    fn a_hub_learns_more_slowly() {
        let mut graph = ConceptGraph::default();
        for other in 0..40 {
            reward(&mut graph, &[("hub", &format!("c{other}"))], 1.0);
        }
        reward(&mut graph, &[("hub", "late")], 1.0);
        reward(&mut graph, &[("quiet", "friend")], 1.0);
        let weight = |one, other| edge(&graph, one, other).unwrap().weight;
        assert!(weight("hub", "late") < weight("quiet", "friend"));
    }

    proptest! {
        #[test]
        fn weights_and_valences_stay_in_range_and_degrees_bounded(
            steps in proptest::collection::vec((0_u8..90, 0_u8..90, -1.0_f32..=1.0), 0..300),
        ) {
            let mut graph = ConceptGraph::default();
            for (one, other, outcome) in steps {
                let (one, other) = (format!("c{one}"), format!("c{other}"));
                reward(&mut graph, &[(&one, &other), ("hub", &one)], outcome);
                prop_assert!(graph.degree(graph.find("hub").unwrap_or(0)) <= CONCEPT_DEGREE_MAX);
                if let Some(edge) = edge(&graph, &one, &other) {
                    prop_assert!((0.0..=1.0).contains(&edge.weight));
                    prop_assert!((-1.0..=1.0).contains(&edge.valence));
                }
            }
        }
    }
}
