//! The minimum spanning forest of mutual reachability: Campello, Moulavi, Sander, "Density-Based
//! Clustering Based on Hierarchical Density Estimates" (2013), definitions 1 to 3, on the cosine
//! distance `1 - cosine`. Prim's algorithm asks for one row of distances a point and keeps none.
//!
//! Where we differ: edges longer than `reach_max` do not exist, so there is a tree for each group
//! that is dense at `reach_max` and none for the rest. It is the single linkage tree of McInnes and
//! Healy, "Accelerated Hierarchical Density Based Clustering" (2017), cut at that distance, without
//! what is above the cut. And a point may weigh more than one, as if it were there several times.

use super::{Rows, Standing};
use crate::engine::params::ConsolidationParams;

/// Two points whose groups are joined at a mutual reachability distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) one: usize,
    pub(super) other: usize,
    /// In [`distance_floor`, `reach_max`].
    pub(super) distance: f32,
}

/// What is around a point.
#[derive(Debug, Clone, Copy)]
struct Surrounding {
    index: usize,
    /// Distance of the nearest other point; `None` for a point without direction, and infinite
    /// when there is no other.
    nearest: Option<f32>,
    /// Infinite when it exceeds `reach_max`.
    core: f32,
}

impl Surrounding {
    /// Whether another point was within reach.
    fn has_near(&self, params: &ConsolidationParams) -> bool {
        self.nearest.is_some_and(|nearest| nearest <= params.reach_max)
    }
}

/// Of some points in ascending order.
#[derive(Debug, Clone)]
pub(super) struct Surroundings(Vec<Surrounding>);

impl Surroundings {
    /// Measures them among all points that are not merged.
    pub(super) fn measure(
        indexes: &[usize],
        standings: &[Standing],
        rows: &mut Rows<'_>,
        params: &ConsolidationParams,
    ) -> Option<Self> {
        let weights: Vec<usize> = standings
            .iter()
            .map(|standing| if standing.is_merged { 0 } else { standing.weight(params) })
            .collect();
        let mut near = Vec::with_capacity(params.min_samples);
        let measured = indexes.iter().map(|&index| {
            let row = rows.of(index)?;
            let has_direction = row.get(index).is_some_and(|cosine| *cosine > 0.0);
            let mut nearest = f32::INFINITY;
            near.clear();
            for (other, (cosine, weight)) in row.iter().zip(&weights).enumerate() {
                let distance = 1.0 - cosine;
                if *weight == 0 || other == index {
                    continue;
                }
                nearest = nearest.min(distance);
                if distance <= params.reach_max {
                    keep_nearest(&mut near, (distance, *weight), params.min_samples.max(1));
                }
            }
            let own = weights.get(index).map_or(0, |weight| weight.saturating_sub(1));
            let core = core_distance(&near, params.min_samples.max(1).saturating_sub(own));
            Some(Surrounding { index, nearest: has_direction.then_some(nearest), core })
        });
        measured.collect::<Option<_>>().map(Self)
    }

    /// Each point with the distance of its nearest neighbour; `None` without direction.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Option<f32>)> {
        self.0.iter().map(|point| (point.index, point.nearest))
    }

    /// The points with another within reach that are not merged by now.
    pub(super) fn within_reach(
        &self,
        standings: &[Standing],
        params: &ConsolidationParams,
    ) -> Vec<usize> {
        let is_left = |index: &usize| standings.get(*index).is_some_and(|it| !it.is_merged);
        let near = self.0.iter().filter(|point| point.has_near(params));
        near.map(|point| point.index).filter(is_left).collect()
    }
}

/// Keeps the `count` nearest in ascending order. As each weighs at least one, no core distance
/// needs more.
fn keep_nearest(near: &mut Vec<(f32, usize)>, neighbour: (f32, usize), count: usize) {
    let position = near.partition_point(|(distance, _)| *distance <= neighbour.0);
    if position < count {
        near.truncate(count - 1);
        near.insert(position, neighbour);
    }
}

/// The distance within which neighbours weigh `wanted`; infinite when all of them weigh less.
fn core_distance(near: &[(f32, usize)], wanted: usize) -> f32 {
    if wanted == 0 {
        return 0.0;
    }
    let mut weight = 0;
    for (distance, more) in near {
        weight += *more;
        if weight >= wanted {
            return *distance;
        }
    }
    f32::INFINITY
}

/// A point outside the trees, and the shortest edge that would bring it in if it is short enough.
#[derive(Debug, Clone, Copy)]
struct Pending {
    index: usize,
    core: f32,
    from: usize,
    /// Infinite at first.
    distance: f32,
}

/// The edges of the forest, in no order. One row for each point with a core distance.
pub(super) fn grow(
    surroundings: &Surroundings,
    rows: &mut Rows<'_>,
    params: &ConsolidationParams,
) -> Option<Vec<Edge>> {
    let mut pending: Vec<Pending> = surroundings
        .0
        .iter()
        .filter(|point| point.core <= params.reach_max && point.has_near(params))
        .map(|&Surrounding { index, core, .. }| Pending {
            index,
            core,
            from: index,
            distance: f32::INFINITY,
        })
        .collect();
    let mut edges = Vec::new();
    while let Some(position) = nearest(&pending) {
        let next = pending.swap_remove(position);
        if next.distance <= params.reach_max {
            edges.push(Edge { one: next.from, other: next.index, distance: next.distance });
        }
        // Otherwise nothing outside is within reach of the tree, and it begins the next one.
        if pending.is_empty() {
            break;
        }
        let row = rows.of(next.index)?;
        let floor = next.core.max(params.distance_floor);
        for point in &mut pending {
            let distance = 1.0 - row.get(point.index).copied().unwrap_or(0.0);
            let distance = distance.max(floor).max(point.core);
            if distance < point.distance {
                (point.from, point.distance) = (next.index, distance);
            }
        }
    }
    Some(edges)
}

/// The point to bring in next: the nearest to its tree, then the first.
fn nearest(pending: &[Pending]) -> Option<usize> {
    let by_distance =
        |a: &Pending, b: &Pending| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index));
    let nearest = pending.iter().enumerate().min_by(|(_, a), (_, b)| by_distance(a, b));
    nearest.map(|(position, _)| position)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Line([f32; 6]);

    impl super::super::Cosines for Line {
        fn fill(&self, index: usize, out: &mut Vec<f32>) {
            *out = self.0.map(|place| 1.0 - (place - self.0[index]).abs()).to_vec();
        }
    }

    /// Three points, then two and one out of reach: 0.1 is too far for a core distance of two.
    #[test]
    fn edges_are_as_long_as_the_core_distances_of_their_ends_and_never_beyond_reach() {
        let cosines = Line([0.0, 0.04, 0.10, 0.50, 0.54, 0.90]);
        let params = ConsolidationParams::default();
        let standings = [Standing { is_prototype: false, is_merged: false, support: 1 }; 6];
        let everyone: Vec<usize> = (0..6).collect();
        let mut rows = Rows { cosines: &cosines, keep_going: &|| true, count: 6, row: vec![] };
        let surroundings = Surroundings::measure(&everyone, &standings, &mut rows, &params);
        let mut edges = grow(&surroundings.unwrap(), &mut rows, &params).unwrap();
        edges.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        assert_eq!(edges.len(), 2, "{edges:?}");
        assert!(edges.iter().all(|edge| (edge.distance - 0.10).abs() < 1e-5), "{edges:?}");

        let params = ConsolidationParams { min_samples: 1, ..params };
        let surroundings = Surroundings::measure(&everyone, &standings, &mut rows, &params);
        let mut lengths: Vec<f32> = grow(&surroundings.unwrap(), &mut rows, &params)
            .unwrap()
            .iter()
            .map(|edge| (edge.distance * 100.0).round())
            .collect();
        lengths.sort_by(f32::total_cmp);
        assert_eq!(lengths, [4.0, 4.0, 6.0]);
    }
}
