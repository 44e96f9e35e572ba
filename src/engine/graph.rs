//! The Hebbian graph: undirected edges between concepts, each with a learned weight. Concepts
//! written together get a weak link here; links that feedback strengthens are stronger. Published
//! work finds that static co-occurrence alone does not help retrieval and that hubs are noise, so
//! the weak links saturate low, a concept keeps a bounded number of edges, and a concept with
//! many edges passes little on.
//!
//! Plans change nothing; `apply` does what a plan says. Deleting atoms leaves edges alone: an
//! edge belongs to a pair of concepts.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use crate::engine::params::GraphParams;
use crate::types::Timestamp;
use crate::types::limits::CONCEPT_DEGREE_MAX;

/// A concept's number within its tenant. Never reused.
pub type ConceptNo = u32;

/// What is known of a pair of concepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// In [0, 1].
    pub weight: f32,
    /// In [-1, 1].
    pub valence: f32,
    /// How often the pair was met.
    pub count: u32,
    pub updated_at: Timestamp,
}

/// What linking the concepts of one atom would change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinkPlan {
    pub new_concepts: Vec<(ConceptNo, String)>,
    /// New or changed edges, smaller number first.
    pub edges: Vec<(ConceptNo, ConceptNo, Edge)>,
    /// Edges that made room, smaller number first.
    pub dropped: Vec<(ConceptNo, ConceptNo)>,
    /// `new_concepts` by text.
    fresh: HashMap<String, ConceptNo>,
    /// How many edges concepts will have then, as far as that was looked at.
    degrees: FxHashMap<ConceptNo, usize>,
}

impl LinkPlan {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.new_concepts.is_empty() && self.edges.is_empty() && self.dropped.is_empty()
    }
}

/// The form under which two spellings are one concept: trimmed, lower case, single spaces.
#[must_use]
pub fn fold_concept(concept: &str) -> String {
    concept.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[derive(Debug, Clone, Default)]
struct Node {
    name: String,
    edges: FxHashMap<ConceptNo, Edge>,
}

/// All concepts and edges of one tenant. About 100 bytes a concept and 60 an edge.
#[derive(Debug, Clone, Default)]
pub struct ConceptGraph {
    nodes: FxHashMap<ConceptNo, Node>,
    /// Callers choose the names, so their hashes are keyed.
    numbers: HashMap<String, ConceptNo>,
    edge_count: usize,
    next_concept_no: ConceptNo,
}

impl ConceptGraph {
    /// Puts a stored concept back. For opening a tenant.
    pub fn restore_concept(&mut self, number: ConceptNo, name: String) {
        self.next_concept_no = self.next_concept_no.max(number.saturating_add(1));
        self.numbers.insert(name.clone(), number);
        self.nodes.entry(number).or_default().name = name;
    }

    /// Puts a stored edge back. An edge of an unknown concept is ignored.
    pub fn restore_edge(&mut self, one: ConceptNo, other: ConceptNo, edge: Edge) {
        self.set_edge(one, other, edge);
    }

    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edge_count
    }

    #[must_use]
    pub fn find(&self, folded: &str) -> Option<ConceptNo> {
        self.numbers.get(folded).copied()
    }

    #[must_use]
    pub fn name(&self, concept: ConceptNo) -> Option<&str> {
        self.nodes.get(&concept).map(|node| node.name.as_str())
    }

    #[must_use]
    pub fn degree(&self, concept: ConceptNo) -> usize {
        self.nodes.get(&concept).map_or(0, |node| node.edges.len())
    }

    /// The concepts linked to one, in no particular order.
    pub(super) fn edges_of(&self, concept: ConceptNo) -> impl Iterator<Item = (ConceptNo, Edge)> {
        let node = self.nodes.get(&concept);
        node.into_iter().flat_map(|node| node.edges.iter().map(|(other, edge)| (*other, *edge)))
    }

    /// The numbers of two known concepts, smaller first; `None` for one and the same.
    pub(super) fn find_pair(&self, one: &str, other: &str) -> Option<(ConceptNo, ConceptNo)> {
        let (one, other) = (self.find(&fold_concept(one))?, self.find(&fold_concept(other))?);
        (one != other).then_some((one.min(other), one.max(other)))
    }

    #[must_use]
    pub fn edge(&self, one: ConceptNo, other: ConceptNo) -> Option<Edge> {
        self.nodes.get(&one)?.edges.get(&other).copied()
    }

    /// Plans the weak links of concepts that were written together. Each is linked to the
    /// `link_window` before it, which is every pair for ordinary lists. Costs
    /// O(concepts * window * degree cap) at worst.
    #[must_use]
    pub fn plan_links(
        &self,
        concepts: &[String],
        now: Timestamp,
        params: &GraphParams,
    ) -> LinkPlan {
        let mut plan = LinkPlan::default();
        let numbers = self.plan_numbers(concepts, &mut plan);
        for (position, &one) in numbers.iter().enumerate() {
            let from = position.saturating_sub(params.link_window);
            for &other in numbers.get(from..position).unwrap_or_default() {
                let (low, high) = (one.min(other), one.max(other));
                // An edge that made room a moment ago comes back like a new one, or not at all.
                let known = self.edge(low, high).filter(|_| !plan.dropped.contains(&(low, high)));
                match known {
                    Some(edge) => plan.edges.push((low, high, strengthen(edge, now, params))),
                    None => {
                        if self.plan_room(&mut plan, low, high, params) {
                            plan.edges.push((
                                low,
                                high,
                                Edge {
                                    weight: params.link_rate * params.link_ceiling,
                                    valence: 0.0,
                                    count: 1,
                                    updated_at: now,
                                },
                            ));
                        }
                    }
                }
            }
        }
        plan
    }

    /// The concepts' numbers in order, each once, new ones planned.
    fn plan_numbers(&self, concepts: &[String], plan: &mut LinkPlan) -> Vec<ConceptNo> {
        let mut numbers = Vec::with_capacity(concepts.len());
        let folded = concepts.iter().map(|concept| fold_concept(concept));
        for folded in folded.filter(|folded| !folded.is_empty()) {
            let number = self.plan_number(folded, plan);
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        numbers
    }

    /// The numbers of two concepts, smaller first, planning those that are new; `None` for one
    /// and the same, and for a blank one.
    pub(super) fn plan_pair(
        &self,
        one: &str,
        other: &str,
        plan: &mut LinkPlan,
    ) -> Option<(ConceptNo, ConceptNo)> {
        let (one, other) = (fold_concept(one), fold_concept(other));
        if one.is_empty() || other.is_empty() || one == other {
            return None;
        }
        let (one, other) = (self.plan_number(one, plan), self.plan_number(other, plan));
        Some((one.min(other), one.max(other)))
    }

    fn plan_number(&self, folded: String, plan: &mut LinkPlan) -> ConceptNo {
        if let Some(number) = self.find(&folded).or_else(|| plan.fresh.get(&folded).copied()) {
            return number;
        }
        let planned = u32::try_from(plan.new_concepts.len()).unwrap_or(u32::MAX);
        let number = self.next_concept_no.saturating_add(planned);
        plan.new_concepts.push((number, folded.clone()));
        plan.fresh.insert(folded, number);
        number
    }

    /// Whether both ends have room for one more edge, dropping a weaker one where they are full.
    pub(super) fn plan_room(
        &self,
        plan: &mut LinkPlan,
        one: ConceptNo,
        other: ConceptNo,
        params: &GraphParams,
    ) -> bool {
        let mut drops = Vec::new();
        for end in [one, other] {
            let degree = *plan.degrees.entry(end).or_insert_with(|| self.degree(end));
            if degree < CONCEPT_DEGREE_MAX {
                continue;
            }
            match self.weakest_edge(end, &plan.dropped, &plan.edges) {
                Some((neighbour, edge))
                    if edge.weight <= params.link_rate * params.link_ceiling =>
                {
                    drops.push((end.min(neighbour), end.max(neighbour)));
                }
                _ => return false,
            }
        }
        for (low, high) in drops {
            if !plan.dropped.contains(&(low, high)) {
                plan.dropped.push((low, high));
                for end in [low, high] {
                    let degree = plan.degrees.entry(end).or_insert_with(|| self.degree(end));
                    *degree = degree.saturating_sub(1);
                }
            }
        }
        for end in [one, other] {
            *plan.degrees.entry(end).or_insert_with(|| self.degree(end)) += 1;
        }
        true
    }

    /// The edge that goes first: least weight, then least recently met, then smallest number.
    fn weakest_edge(
        &self,
        concept: ConceptNo,
        dropped: &[(ConceptNo, ConceptNo)],
        touched: &[(ConceptNo, ConceptNo, Edge)],
    ) -> Option<(ConceptNo, Edge)> {
        let node = self.nodes.get(&concept)?;
        node.edges
            .iter()
            .map(|(neighbour, edge)| (*neighbour, *edge))
            .filter(|(neighbour, _)| {
                let pair = (concept.min(*neighbour), concept.max(*neighbour));
                !dropped.contains(&pair)
                    && !touched.iter().any(|(low, high, _)| (*low, *high) == pair)
            })
            .min_by(|(a, x), (b, y)| {
                x.weight.total_cmp(&y.weight).then(x.updated_at.cmp(&y.updated_at)).then(a.cmp(b))
            })
    }

    pub fn apply(&mut self, plan: &LinkPlan) {
        for (number, name) in &plan.new_concepts {
            self.restore_concept(*number, name.clone());
        }
        for (one, other) in &plan.dropped {
            self.remove_edge(*one, *other);
        }
        for (one, other, edge) in &plan.edges {
            self.set_edge(*one, *other, *edge);
        }
    }

    fn set_edge(&mut self, one: ConceptNo, other: ConceptNo, edge: Edge) {
        if one == other || !self.nodes.contains_key(&one) || !self.nodes.contains_key(&other) {
            return;
        }
        let mut is_new = false;
        for (from, to) in [(one, other), (other, one)] {
            if let Some(node) = self.nodes.get_mut(&from) {
                is_new = node.edges.insert(to, edge).is_none();
            }
        }
        self.edge_count += usize::from(is_new);
    }

    fn remove_edge(&mut self, one: ConceptNo, other: ConceptNo) {
        let mut existed = false;
        for (from, to) in [(one, other), (other, one)] {
            if let Some(node) = self.nodes.get_mut(&from) {
                existed = node.edges.remove(&to).is_some();
            }
        }
        self.edge_count -= usize::from(existed);
    }

    /// The concepts one step from the seeds with the strongest links, strongest first, seeds
    /// excluded, at most `limit`. Strength is `weight * (1 + valence) / sqrt(degree * degree)` of
    /// both ends, summed over the seeds that lead there, at most 1: what is linked to everything
    /// leads nowhere in particular.
    #[must_use]
    pub fn expand(&self, seeds: &[ConceptNo], limit: usize) -> Vec<(ConceptNo, f32)> {
        let mut strengths: FxHashMap<ConceptNo, f32> = FxHashMap::default();
        for seed in seeds {
            let Some(node) = self.nodes.get(seed) else { continue };
            for (neighbour, edge) in &node.edges {
                if seeds.contains(neighbour) {
                    continue;
                }
                let degrees = node.edges.len() * self.degree(*neighbour);
                let hub = (degrees.max(1) as f32).sqrt();
                let strength = edge.weight * (1.0 + edge.valence).clamp(0.0, 2.0) / hub;
                let sum = strengths.entry(*neighbour).or_default();
                *sum = (*sum + strength).min(1.0);
            }
        }
        let mut expanded: Vec<_> = strengths.into_iter().collect();
        expanded.sort_unstable_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        expanded.truncate(limit);
        expanded
    }
}

/// Meeting a pair again moves its weight towards the ceiling of weak links; never down.
fn strengthen(edge: Edge, now: Timestamp, params: &GraphParams) -> Edge {
    let missing = (params.link_ceiling - edge.weight).max(0.0);
    Edge {
        weight: (edge.weight + params.link_rate * missing).clamp(0.0, 1.0),
        count: edge.count.saturating_add(1),
        updated_at: edge.updated_at.max(now),
        ..edge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn concepts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn link(graph: &mut ConceptGraph, names: &[&str]) {
        let plan =
            graph.plan_links(&concepts(names), Timestamp::from_micros(1), &GraphParams::default());
        graph.apply(&plan);
    }

    #[test]
    fn written_together_is_linked_pairwise_and_met_again_is_stronger() {
        let mut graph = ConceptGraph::default();
        link(&mut graph, &["Rust", "sled", " rust "]);
        assert_eq!(graph.edge_count(), 1);
        let (rust, sled) = (graph.find("rust").unwrap(), graph.find("sled").unwrap());
        let first = graph.edge(rust, sled).unwrap();
        link(&mut graph, &["sled", "rust", "actix"]);
        let second = graph.edge(sled, rust).unwrap();
        assert!(second.weight > first.weight && second.count == 2);
        assert_eq!(graph.edge_count(), 3);
    }

    #[test]
    fn expansion_prefers_strong_links_and_distrusts_hubs() {
        let mut graph = ConceptGraph::default();
        link(&mut graph, &["seed", "friend"]);
        link(&mut graph, &["seed", "friend"]);
        for other in 0..30 {
            link(&mut graph, &["hub", &format!("other {other}")]);
        }
        link(&mut graph, &["seed", "hub"]);
        let seed = graph.find("seed").unwrap();
        let names: Vec<_> =
            graph.expand(&[seed], 5).into_iter().map(|(no, _)| graph.name(no).unwrap()).collect();
        assert_eq!(names, ["friend", "hub"]);
        assert_eq!(graph.expand(&[seed], 1).len(), 1);
        assert!(graph.expand(&[9_999], 5).is_empty());
    }

    proptest! {
        #[test]
        fn weights_stay_in_range_degrees_stay_bounded_and_edges_are_counted_once(
            lists in proptest::collection::vec(
                proptest::collection::vec(0_u8..120, 0..20), 0..60),
        ) {
            let mut graph = ConceptGraph::default();
            for list in &lists {
                let names: Vec<String> = list.iter().map(|n| format!("c{n}")).collect();
                let plan = graph.plan_links(
                    &names, Timestamp::from_micros(1), &GraphParams::default());
                graph.apply(&plan);
            }
            let mut ends = 0;
            for node in graph.nodes.values() {
                prop_assert!(node.edges.len() <= CONCEPT_DEGREE_MAX);
                ends += node.edges.len();
                for edge in node.edges.values() {
                    prop_assert!((0.0..=1.0).contains(&edge.weight));
                }
            }
            prop_assert_eq!(ends, 2 * graph.edge_count());
        }
    }
}
