//! Which near-duplicates of one domain are merged behind a prototype, and what stands out and is
//! to be protected. Snapshot in, plan out; nothing is changed here.
//!
//! Near-duplicates are the clusters of HDBSCAN* (`forest`, `hierarchy`). A cluster is where to
//! look, not what to merge: a merged atom leaves search, so a point joins a prototype only if it
//! is near that very point and its words are in it (`join`). What does not, stays as it is.
//!
//! Invariant: planning again on the outcome merges nothing, unless `ROUNDS_MAX` ran out. The
//! rounds are why: merging thins a neighbourhood out, and what was noise beside a dense group may
//! be a group of its own without it. So a plan clusters again what its merges leave behind, as
//! the next plan would, until a round merges nothing. The outcome is its members removed, its
//! prototypes marked, and everything else as it was, in the same order; with or without the
//! singletons, or with them marked as prototypes, since a singleton is in nobody's reach.

mod forest;
mod hierarchy;
mod join;
#[cfg(test)]
mod tests;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use self::forest::Surroundings;
use self::join::{find_prototypes, may_join};
pub use self::words::Words;
use crate::engine::params::ConsolidationParams;

/// Time is bounded by it: each round costs two rows of cosines for every point that still has
/// another within reach. Two or three are usual. A next plan goes on where this one stopped.
const ROUNDS_MAX: usize = 16;

/// With fewer distances than this their deviation says nothing.
const SINGLETON_POINTS_MIN: usize = 8;

/// What the plan needs of one atom in search.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// In [0, 1].
    pub importance: f32,
    /// Others were merged behind it. It is never merged itself, and never a singleton; an atom
    /// that must stay for other reasons may be passed as one.
    pub is_prototype: bool,
    /// Atoms it stands for, itself included.
    pub support: u32,
    /// What must not be lost of it.
    pub words: Words,
}

/// Cosines, computed by whoever owns the vectors. Symmetric.
pub trait Cosines {
    /// Replaces `out` by the cosine of point `index` and every point, itself included, in order.
    /// A point without direction has zero everywhere. What is missing or not finite counts as
    /// zero.
    fn fill(&self, index: usize, out: &mut Vec<f32>);
}

/// Points to merge behind one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub prototype: usize,
    /// Ascending, without the prototype; never empty.
    pub members: Vec<usize>,
}

/// No point is in two places of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsolidationPlan {
    /// Ascending by prototype.
    pub clusters: Vec<Cluster>,
    /// Ascending. Important and unlike everything else; to be protected.
    pub singletons: Vec<usize>,
}

/// Plans the consolidation of one domain. `None` when `keep_going` said no; it is asked before
/// every row of cosines. O(points^2) time, mostly in [`Cosines::fill`]: one row for every point,
/// and two or three for every point that has another within reach. O(points) memory, 150 bytes
/// each. The order of the points decides nothing but ties, and which of the members of a cluster
/// larger than `medoid_candidates` are considered as prototypes.
#[must_use]
pub fn plan_consolidation(
    points: &[Point],
    cosines: &dyn Cosines,
    params: &ConsolidationParams,
    keep_going: &dyn Fn() -> bool,
) -> Option<ConsolidationPlan> {
    if !keep_going() {
        return None;
    }
    let mut rows = Rows { cosines, keep_going, count: points.len(), row: Vec::new() };
    let mut standings: Vec<Standing> = points.iter().map(Standing::of).collect();
    let mut merged: BTreeMap<usize, Vec<usize>> = BTreeMap::new();

    let everyone: Vec<usize> = (0..points.len()).collect();
    let at_first = Surroundings::measure(&everyone, &standings, &mut rows, params)?;
    let mut surroundings = at_first.clone();
    for _ in 0..ROUNDS_MAX {
        let edges = forest::grow(&surroundings, &mut rows, params)?;
        let mut is_settled = true;
        for cluster in hierarchy::select_clusters(edges, &standings, params) {
            for joined in join_cluster(&cluster, points, &standings, &mut rows, params)? {
                apply(&joined, &mut standings);
                merged.entry(joined.prototype).or_default().extend(joined.members);
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
        // What has nothing within reach now never will: points only go.
        let near = surroundings.within_reach(&standings, params);
        surroundings = Surroundings::measure(&near, &standings, &mut rows, params)?;
    }

    let clusters = merged.into_iter().map(|(prototype, mut members)| {
        members.sort_unstable();
        Cluster { prototype, members }
    });
    Some(ConsolidationPlan {
        clusters: clusters.collect(),
        singletons: find_singletons(points, &standings, &at_first, params),
    })
}

/// What became of a point so far.
#[derive(Debug, Clone, Copy)]
struct Standing {
    is_prototype: bool,
    is_merged: bool,
    support: u32,
}

impl Standing {
    fn of(point: &Point) -> Self {
        Self { is_prototype: point.is_prototype, is_merged: false, support: point.support }
    }

    /// How many points it counts as. A prototype is as many at one place as make a cluster,
    /// whatever became of its members: they left, and without them it would be too sparse to
    /// take even one more.
    fn weight(self, params: &ConsolidationParams) -> usize {
        if self.is_prototype {
            params.min_cluster_size.max(params.min_samples.saturating_add(1))
        } else {
            1
        }
    }
}

/// One row of cosines at a time.
struct Rows<'a> {
    cosines: &'a dyn Cosines,
    keep_going: &'a dyn Fn() -> bool,
    count: usize,
    row: Vec<f32>,
}

impl Rows<'_> {
    /// The cosine of the point and every point, in [-1, 1]; `None` when told to stop.
    fn of(&mut self, index: usize) -> Option<&[f32]> {
        if !(self.keep_going)() {
            return None;
        }
        self.cosines.fill(index, &mut self.row);
        self.row.resize(self.count, 0.0);
        for cosine in &mut self.row {
            *cosine = if cosine.is_finite() { cosine.clamp(-1.0, 1.0) } else { 0.0 };
        }
        Some(&self.row)
    }
}

/// Who of a cluster joins whom. Prototypes take first, those with the greatest support before the
/// others, and as little as one new member; they never join each other. Among the rest new ones
/// are found: a dense cluster may hold many facts that are phrased alike, each of them often.
fn join_cluster(
    cluster: &[usize],
    points: &[Point],
    standings: &[Standing],
    rows: &mut Rows<'_>,
    params: &ConsolidationParams,
) -> Option<Vec<Cluster>> {
    let standing = |index: usize| standings.get(index);
    let is_prototype = |index: &usize| standing(*index).is_some_and(|of| of.is_prototype);
    let (mut prototypes, mut others): (Vec<usize>, Vec<usize>) =
        cluster.iter().partition(|index| is_prototype(index));
    prototypes.sort_by_key(|index| Reverse(standing(*index).map(|of| of.support)));
    let mut joined = Vec::new();
    for prototype in prototypes {
        if others.is_empty() {
            break;
        }
        let row = rows.of(prototype)?;
        let members;
        (members, others) =
            others.iter().partition(|index| may_join(**index, prototype, points, row, params));
        if !members.is_empty() {
            joined.push(Cluster { prototype, members });
        }
    }
    joined.extend(find_prototypes(others, points, rows, params)?);
    Some(joined)
}

fn apply(cluster: &Cluster, standings: &mut [Standing]) {
    let mut support = 0_u32;
    for member in &cluster.members {
        if let Some(standing) = standings.get_mut(*member) {
            standing.is_merged = true;
            support = support.saturating_add(standing.support);
        }
    }
    if let Some(standing) = standings.get_mut(cluster.prototype) {
        standing.is_prototype = true;
        standing.support = standing.support.saturating_add(support);
    }
}

/// What stands out stays (von Restorff 1933): important points whose nearest neighbour is further
/// away than usual, and beyond reach. Points without direction have no neighbours and are left
/// out.
fn find_singletons(
    points: &[Point],
    standings: &[Standing],
    at_first: &Surroundings,
    params: &ConsolidationParams,
) -> Vec<usize> {
    let distances = || at_first.iter().filter_map(|(_, nearest)| nearest).map(f64::from);
    let count = distances().count();
    if count < SINGLETON_POINTS_MIN {
        return Vec::new();
    }
    let mean = distances().sum::<f64>() / count as f64;
    let variance = distances().map(|distance| (distance - mean).powi(2)).sum::<f64>();
    let deviation = (variance / count as f64).sqrt();
    let usual = mean + f64::from(params.singleton_deviations) * deviation;
    let stands_out = |nearest: f32| f64::from(nearest) > usual && nearest > params.reach_max;
    let is_left = |index: usize| {
        standings.get(index).is_some_and(|standing| !standing.is_prototype && !standing.is_merged)
    };
    let is_important = |index: usize| {
        points.get(index).is_some_and(|it| it.importance >= params.singleton_importance_min)
    };
    at_first
        .iter()
        .filter(|(_, nearest)| nearest.is_some_and(stands_out))
        .map(|(index, _)| index)
        .filter(|index| is_left(*index) && is_important(*index))
        .collect()
}
