//! From a forest to clusters: the condensed tree and its selection by excess of mass. Campello,
//! Moulavi, Sander, Zimek, "Hierarchical Density Estimates for Data Clustering, Visualization, and
//! Outlier Detection" (2015), sections 4 and 5.
//!
//! As there, all edges of one length are cut at once, so that the order of the points does not
//! matter, and density is `1 / distance`. Where we differ: the root of a tree is born at
//! `reach_max` and may be selected, since a domain may hold nothing but near-duplicates; and
//! distances have a floor, so density is bounded. From both follows that a tree whose longest edge
//! is at most the harmonic mean of floor and `reach_max` is one cluster: everything in the root
//! then lives longer than anything below it can.

use super::Standing;
use super::forest::Edge;
use crate::engine::params::ConsolidationParams;

/// The selected clusters, each ascending, by their first point. Disjoint; a prototype may be one on
/// its own. O(edges log edges).
pub(super) fn select_clusters(
    mut edges: Vec<Edge>,
    standings: &[Standing],
    params: &ConsolidationParams,
) -> Vec<Vec<usize>> {
    edges.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
    let weights = standings.iter().map(|standing| standing.weight(params)).collect();
    let tree = MergeTree::new(&edges, weights);
    let mut candidates = Vec::new();
    for root in tree.roots() {
        tree.condense(root, params, &mut candidates);
    }
    let selected = select(&mut candidates);
    let mut clusters: Vec<_> = selected.map(|candidate| tree.points_under(candidate.top)).collect();
    clusters.sort_unstable();
    clusters
}

/// Two nodes that an edge joins.
#[derive(Debug, Clone, Copy)]
struct Merge {
    children: [usize; 2],
    distance: f32,
    weight: usize,
}

/// The single linkage trees. Nodes below the count of points are those points; the others are
/// merges in the order of their distance.
struct MergeTree {
    weights: Vec<usize>,
    merges: Vec<Merge>,
    /// A node above each node, or the node itself.
    above: Vec<usize>,
}

/// A node of the condensed tree. Those it descends from come before it.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Everything below this node of the merge tree belongs to it.
    top: usize,
    parent: Option<usize>,
    /// Density at which it parted from its parent.
    birth: f64,
    /// Sum over its points of the density at which each left, less its birth.
    stability: f64,
    /// The same of the best selection among its descendants.
    stability_below: f64,
    /// Itself or something it descends from is selected.
    is_taken: bool,
}

impl MergeTree {
    /// `edges` are sorted and without cycles.
    fn new(edges: &[Edge], weights: Vec<usize>) -> Self {
        let above = (0..weights.len()).collect();
        let mut tree = Self { weights, merges: Vec::with_capacity(edges.len()), above };
        for edge in edges {
            let children = [tree.root_of(edge.one), tree.root_of(edge.other)];
            let node = tree.above.len();
            tree.above.push(node);
            for child in children {
                if let Some(above) = tree.above.get_mut(child) {
                    *above = node;
                }
            }
            let weight = children.iter().map(|child| tree.weight(*child)).sum();
            tree.merges.push(Merge { children, distance: edge.distance, weight });
        }
        tree
    }

    /// Shortens the way it goes.
    fn root_of(&mut self, mut node: usize) -> usize {
        while let Some(&above) = self.above.get(node).filter(|above| **above != node) {
            let next = self.above.get(above).copied().unwrap_or(above);
            if let Some(shortened) = self.above.get_mut(node) {
                *shortened = next;
            }
            node = next;
        }
        node
    }

    /// The merges that nothing is above of.
    fn roots(&self) -> impl Iterator<Item = usize> {
        let nodes = self.above.iter().copied().enumerate().skip(self.weights.len());
        nodes.filter(|(node, above)| node == above).map(|(node, _)| node)
    }

    fn merge(&self, node: usize) -> Option<&Merge> {
        self.merges.get(node.checked_sub(self.weights.len())?)
    }

    fn weight(&self, node: usize) -> usize {
        let merge = self.merge(node).map(|merge| merge.weight);
        merge.or_else(|| self.weights.get(node).copied()).unwrap_or(0)
    }

    /// Ascending.
    fn points_under(&self, node: usize) -> Vec<usize> {
        let mut points = Vec::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match self.merge(node) {
                Some(merge) => open.extend(merge.children),
                None => points.push(node),
            }
        }
        points.sort_unstable();
        points
    }

    /// The nodes that a merge falls into when all edges of its length are cut, those that are
    /// heavy enough to be clusters.
    fn heavy_parts(&self, merge: &Merge, weight_min: usize) -> Vec<usize> {
        let mut heavy = Vec::new();
        let mut open = merge.children.to_vec();
        while let Some(node) = open.pop() {
            match self.merge(node) {
                Some(below) if below.distance >= merge.distance => open.extend(below.children),
                _ if self.weight(node) >= weight_min => heavy.push(node),
                _ => {}
            }
        }
        heavy
    }

    /// Appends the condensed tree of one root, which is its first candidate if it is heavy enough.
    fn condense(&self, root: usize, params: &ConsolidationParams, found: &mut Vec<Candidate>) {
        let weight_min = params.min_cluster_size.max(2);
        if self.weight(root) < weight_min {
            return;
        }
        let mut open = vec![(root, found.len())];
        found.push(Candidate::new(root, None, density(params.reach_max)));
        while let Some((node, position)) = open.pop() {
            let Some(candidate) = found.get_mut(position) else { continue };
            let Some(merge) = self.merge(node) else {
                let lives = density(params.distance_floor) - candidate.birth;
                candidate.stability += self.weight(node) as f64 * lives;
                continue;
            };
            let end = density(merge.distance);
            let lives = end - candidate.birth;
            let heavy = self.heavy_parts(merge, weight_min);
            if let [only] = heavy.as_slice() {
                let leaving = merge.weight.saturating_sub(self.weight(*only));
                candidate.stability += leaving as f64 * lives;
                open.push((*only, position));
                continue;
            }
            candidate.stability += merge.weight as f64 * lives;
            for part in heavy {
                open.push((part, found.len()));
                found.push(Candidate::new(part, Some(position), end));
            }
        }
    }
}

impl Candidate {
    fn new(top: usize, parent: Option<usize>, birth: f64) -> Self {
        Self { top, parent, birth, stability: 0.0, stability_below: 0.0, is_taken: false }
    }
}

fn density(distance: f32) -> f64 {
    1.0 / f64::from(distance.max(f32::EPSILON))
}

/// The disjoint candidates with the greatest sum of stabilities; a parent rather than children
/// that only equal it.
fn select(candidates: &mut [Candidate]) -> impl Iterator<Item = &Candidate> {
    for position in (0..candidates.len()).rev() {
        let Some(&candidate) = candidates.get(position) else { continue };
        let best = candidate.stability.max(candidate.stability_below);
        if let Some(parent) = candidate.parent.and_then(|parent| candidates.get_mut(parent)) {
            parent.stability_below += best;
        }
    }
    let mut selected = Vec::new();
    for position in 0..candidates.len() {
        let Some(&candidate) = candidates.get(position) else { continue };
        let parent = candidate.parent.and_then(|parent| candidates.get(parent));
        let is_under = parent.is_some_and(|parent| parent.is_taken);
        let is_best = candidate.stability >= candidate.stability_below;
        if !is_under && is_best {
            selected.push(position);
        }
        if let Some(candidate) = candidates.get_mut(position) {
            candidate.is_taken = is_under || is_best;
        }
    }
    selected.into_iter().filter_map(|position| candidates.get(position))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(usize, usize, f32)], expected: &[&[usize]]) {
        let standing = Standing { is_prototype: false, is_merged: false, support: 1 };
        let edge = |&(one, other, distance): &_| Edge { one, other, distance };
        let edges = edges.iter().map(edge).collect();
        let clusters = select_clusters(edges, &[standing; 9], &ConsolidationParams::default());
        assert_eq!(clusters, expected);
    }

    #[test]
    fn what_falls_off_a_cluster_belongs_to_it() {
        check(&[(0, 1, 0.03), (1, 2, 0.03), (2, 3, 0.08), (3, 4, 0.1)], &[&[0, 1, 2, 3, 4]]);
        check(&[(0, 1, 0.03)], &[]);
    }

    /// The harmonic mean of floor and reach is 0.048.
    #[test]
    fn two_groups_are_one_unless_the_gap_between_them_is_wide() {
        let with_gap = |gap| [(0, 1, 0.03), (1, 2, 0.03), (3, 4, 0.03), (4, 5, 0.03), (2, 3, gap)];
        check(&with_gap(0.047), &[&[0, 1, 2, 3, 4, 5]]);
        check(&with_gap(0.049), &[&[0, 1, 2], &[3, 4, 5]]);
    }

    /// A tie must not decide who is noise: the pair 0-1, three 2-4 and three 5-7, joined by edges
    /// of one length in any order.
    #[test]
    fn edges_of_one_length_are_cut_at_once() {
        let inside = [(0, 1, 0.03), (2, 3, 0.03), (3, 4, 0.03), (5, 6, 0.03), (6, 7, 0.03)];
        let between = [(1, 2, 0.11), (4, 5, 0.11)];
        for between in [between, [between[1], between[0]]] {
            check(&[&inside[..], &between].concat(), &[&[2, 3, 4], &[5, 6, 7]]);
        }
    }
}
