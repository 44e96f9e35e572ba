//! The Hebbian graph for people: the edges within a few steps of some concepts.

use rustc_hash::FxHashMap;

use super::atom::{GraphEdge, GraphNode, GraphQuery, GraphView};
use super::graph::{ConceptGraph, ConceptNo, Edge, fold_concept};

impl ConceptGraph {
    /// Breadth first from the seeds that exist: edges of the first step first, each step's
    /// strongest first, until `limit`. Costs O(edges within `depth` steps), which the degree cap
    /// bounds.
    #[must_use]
    pub fn view(&self, query: &GraphQuery) -> GraphView {
        let mut view = GraphView::default();
        let mut reached: Vec<ConceptNo> = Vec::new();
        for seed in &query.seeds {
            if let Some(number) = self.find(&fold_concept(seed))
                && !reached.contains(&number)
            {
                reached.push(number);
            }
        }
        let mut shown: FxHashMap<(ConceptNo, ConceptNo), ()> = FxHashMap::default();
        let mut frontier = reached.clone();
        for _ in 0..query.depth {
            let mut step: Vec<(ConceptNo, ConceptNo, Edge)> = Vec::new();
            for from in frontier.drain(..) {
                for (to, edge) in self.edges_of(from) {
                    let pair = (from.min(to), from.max(to));
                    if edge.weight >= query.weight_min && shown.insert(pair, ()).is_none() {
                        step.push((from, to, edge));
                    }
                }
            }
            step.sort_unstable_by(|(a, b, x), (c, d, y)| {
                y.weight.total_cmp(&x.weight).then((a, b).cmp(&(c, d)))
            });
            for (from, to, edge) in step {
                if view.edges.len() >= query.limit {
                    view.is_truncated = true;
                    break;
                }
                for end in [from, to] {
                    if !reached.contains(&end) {
                        reached.push(end);
                        frontier.push(end);
                    }
                }
                view.edges.extend(self.edge_between(from, to, edge));
            }
        }
        view.nodes = reached
            .into_iter()
            .filter_map(|number| {
                let concept = self.name(number)?.to_owned();
                Some(GraphNode { concept, degree: self.degree(number) })
            })
            .collect();
        view
    }

    fn edge_between(&self, one: ConceptNo, other: ConceptNo, edge: Edge) -> Option<GraphEdge> {
        let (one, other) = (self.name(one)?, self.name(other)?);
        Some(GraphEdge {
            source: one.min(other).to_owned(),
            target: one.max(other).to_owned(),
            weight: edge.weight,
            valence: edge.valence,
            count: edge.count,
            updated_at: edge.updated_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::params::GraphParams;
    use crate::types::Timestamp;

    fn graph_of(lists: &[&[&str]]) -> ConceptGraph {
        let mut graph = ConceptGraph::default();
        for list in lists {
            let names: Vec<String> = list.iter().map(|name| (*name).to_owned()).collect();
            let now = Timestamp::from_micros(1);
            let plan = graph.plan_links(&names, now, &GraphParams::default());
            graph.apply(&plan);
        }
        graph
    }

    fn view(graph: &ConceptGraph, seeds: &[&str], depth: usize, limit: usize) -> GraphView {
        let seeds = seeds.iter().map(|seed| (*seed).to_owned()).collect();
        graph.view(&GraphQuery { seeds, depth, limit, weight_min: 0.0 })
    }

    #[test]
    fn each_step_reaches_one_concept_further_and_an_edge_is_shown_once() {
        let graph = graph_of(&[&["b", "a"], &["b", "c"], &["c", "d"]]);
        let one = view(&graph, &["A", "a"], 1, 10);
        assert_eq!(one.edges.len(), 1);
        assert_eq!((one.edges[0].source.as_str(), one.edges[0].target.as_str()), ("a", "b"));
        assert_eq!(view(&graph, &["a"], 2, 10).edges.len(), 2);
        let three = view(&graph, &["a", "d"], 3, 10);
        assert_eq!((three.edges.len(), three.nodes.len(), three.is_truncated), (3, 4, false));
    }

    #[test]
    fn a_limit_truncates_and_an_unknown_seed_gives_nothing() {
        let graph = graph_of(&[&["a", "b"], &["a", "c"], &["a", "b"]]);
        let cut = view(&graph, &["a"], 1, 1);
        assert_eq!((cut.edges.len(), cut.is_truncated), (1, true));
        assert_eq!(cut.edges[0].target, "b", "the stronger edge comes first");
        assert_eq!(view(&graph, &["nobody"], 3, 10), GraphView::default());
        let strong =
            GraphQuery { seeds: vec!["a".to_owned()], depth: 1, limit: 10, weight_min: 0.25 };
        assert_eq!(graph.view(&strong).edges.len(), 1);
    }
}
