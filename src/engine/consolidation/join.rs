//! Who may be merged behind whom. Every merge of a plan passes [`may_join`]; the rule looks at
//! the two points alone, so that the same pair gets the same answer in every plan.

use super::{Cluster, Point, Rows};
use crate::engine::params::ConsolidationParams;

/// Whether the point says so little that the prototype does not that it may leave search. `row`
/// holds the prototype's cosines.
pub(super) fn may_join(
    index: usize,
    prototype: usize,
    points: &[Point],
    row: &[f32],
    params: &ConsolidationParams,
) -> bool {
    index != prototype
        && row.get(index).is_some_and(|cosine| *cosine >= params.similarity_min)
        && match (points.get(index), points.get(prototype)) {
            (Some(point), Some(prototype)) => {
                point.words.covered_by(&prototype.words) >= params.words_covered_min
                    && point.words.differ_in_one_counter(&prototype.words)
            }
            _ => false,
        }
}

/// A point that others may be merged behind.
struct Candidate {
    position: usize,
    index: usize,
    /// Which of the points may join it.
    joins: PointSet,
    /// Sum of its cosines with all points.
    centrality: f64,
}

/// Prototypes for points that have none, with at least `min_cluster_size - 1` members each. Takes
/// the candidate that the most of the points left may join; among those the medoid, the one with
/// the greatest sum of cosines; then the first; and again, until none is joined by enough. One row
/// for each candidate: all points, or `medoid_candidates` of them at a time.
pub(super) fn find_prototypes(
    mut left: Vec<usize>,
    points: &[Point],
    rows: &mut Rows<'_>,
    params: &ConsolidationParams,
) -> Option<Vec<Cluster>> {
    let members_min = params.min_cluster_size.max(2) - 1;
    let mut found = Vec::new();
    while left.len() > members_min {
        let candidates = measure_candidates(&left, points, rows, params)?;
        let mut remaining = PointSet::of(&left, |_| true);
        let mut is_done = true;
        while let Some(best) = best_candidate(&candidates, &remaining) {
            let members = remaining.and(&best.joins);
            if members.len() < members_min {
                break;
            }
            remaining.remove(best.position, &members);
            found.push(Cluster { prototype: best.index, members: members.pick(&left) });
            is_done = false;
        }
        if is_done {
            break;
        }
        left = remaining.pick(&left);
    }
    Some(found)
}

fn measure_candidates(
    left: &[usize],
    points: &[Point],
    rows: &mut Rows<'_>,
    params: &ConsolidationParams,
) -> Option<Vec<Candidate>> {
    let step = left.len().div_ceil(params.medoid_candidates.max(1)).max(1);
    let candidates = left.iter().copied().enumerate().step_by(step).map(|(position, index)| {
        let row = rows.of(index)?;
        let joins = PointSet::of(left, |other| may_join(other, index, points, row, params));
        // Exact, whatever the order: a sum of f32 in [-1, 1] has bits to spare in an f64.
        let cosines = left.iter().filter_map(|other| row.get(*other)).copied();
        let centrality = cosines.map(f64::from).sum();
        Some(Candidate { position, index, joins, centrality })
    });
    candidates.collect()
}

fn best_candidate<'a>(candidates: &'a [Candidate], remaining: &PointSet) -> Option<&'a Candidate> {
    let left = candidates.iter().filter(|candidate| remaining.contains(candidate.position));
    let counted = left.map(|candidate| (remaining.and(&candidate.joins).len(), candidate));
    let best = counted.max_by(|(count, a), (other_count, b)| {
        let by_count = count.cmp(other_count);
        by_count.then(a.centrality.total_cmp(&b.centrality)).then(b.position.cmp(&a.position))
    });
    best.map(|(_, candidate)| candidate)
}

/// Some of a list of points, by their positions in it: one bit each.
struct PointSet(Vec<u64>);

impl PointSet {
    fn of(points: &[usize], contains: impl Fn(usize) -> bool) -> Self {
        let bits = |chunk: &[usize]| {
            let bits = chunk.iter().enumerate();
            bits.fold(0, |bits, (bit, point)| bits | (u64::from(contains(*point)) << bit))
        };
        Self(points.chunks(64).map(bits).collect())
    }

    fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    fn contains(&self, position: usize) -> bool {
        self.0.get(position / 64).is_some_and(|bits| (bits >> (position % 64)) & 1 == 1)
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one & other).collect())
    }

    fn remove(&mut self, position: usize, others: &Self) {
        for (bits, removed) in self.0.iter_mut().zip(&others.0) {
            *bits &= !removed;
        }
        if let Some(bits) = self.0.get_mut(position / 64) {
            *bits &= !(1 << (position % 64));
        }
    }

    /// The points themselves.
    fn pick(&self, points: &[usize]) -> Vec<usize> {
        let positions = points.iter().copied().enumerate();
        positions.filter(|(position, _)| self.contains(*position)).map(|(_, point)| point).collect()
    }
}
