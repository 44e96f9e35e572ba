//! Plans as a whole. Cosines are a matrix, from directions where they must fit together and
//! otherwise as a case needs them.

use std::cell::Cell;

use super::*;
use proptest::prelude::*;

struct Matrix(Vec<Vec<f32>>);

impl Cosines for Matrix {
    fn fill(&self, index: usize, out: &mut Vec<f32>) {
        out.clone_from(&self.0[index]);
    }
}

impl Matrix {
    /// Symmetric, ones on the diagonal, `cosine(low, high)` elsewhere.
    fn of(count: usize, mut cosine: impl FnMut(usize, usize) -> f32) -> Self {
        let lower: Vec<Vec<f32>> =
            (0..count).map(|high| (0..high).map(|low| cosine(low, high)).collect()).collect();
        let at = |one: usize, other: usize| {
            let (low, high) = (one.min(other), one.max(other));
            lower[high].get(low).copied().unwrap_or(1.0)
        };
        Self((0..count).map(|one| (0..count).map(|other| at(one, other)).collect()).collect())
    }

    /// The rows and columns at `indexes`, in that order.
    fn pick(&self, indexes: &[usize]) -> Self {
        let row = |of: &usize| indexes.iter().map(|other| self.0[*of][*other]).collect();
        Self(indexes.iter().map(row).collect())
    }
}

/// A point about `words`; what a letter stands for does not matter.
fn point(words: &str) -> Point {
    let mut content: Vec<u64> = words.bytes().map(u64::from).collect();
    content.sort_unstable();
    content.dedup();
    let words = Words { content, counters: Vec::new() };
    Point { importance: 0.5, is_prototype: false, support: 1, words }
}

fn prototype(words: &str, support: u32) -> Point {
    Point { is_prototype: true, support, ..point(words) }
}

fn plan(points: &[Point], cosines: &Matrix) -> ConsolidationPlan {
    plan_consolidation(points, cosines, &ConsolidationParams::default(), &|| true).unwrap()
}

fn cluster(prototype: usize, members: &[usize]) -> Cluster {
    Cluster { prototype, members: members.to_vec() }
}

/// Numbers in [0, 1) from a seed: the high bits of Knuth's linear congruential generator.
fn spread(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 65_536.0
    }
}

/// A domain as it may be: groups that overlap more or less, words shared more or less, some
/// prototypes already.
#[derive(Debug, Clone)]
struct Domain {
    points: Vec<Point>,
    directions: Vec<[f32; 6]>,
}

impl Domain {
    fn cosines(&self) -> Matrix {
        let dot = |a: &[f32; 6], b: &[f32; 6]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let norm = |a: &[f32; 6]| dot(a, a).sqrt();
        Matrix::of(self.directions.len(), |one, other| {
            let (one, other) = (&self.directions[one], &self.directions[other]);
            dot(one, other) / (norm(one) * norm(other)).max(1e-6)
        })
    }

    fn pick(&self, indexes: &[usize]) -> Self {
        Self {
            points: indexes.iter().map(|index| self.points[*index].clone()).collect(),
            directions: indexes.iter().map(|index| self.directions[*index]).collect(),
        }
    }
}

prop_compose! {
    fn domains()(
        width in 0.05_f32..0.5,
        parts in proptest::collection::vec(
            (
                0_usize..4,
                proptest::array::uniform6(-1.0_f32..1.0),
                0_u8..12,
                (0.0_f32..1.0, 0_u32..12, 1_u32..5),
            ),
            0..50,
        ),
    ) -> Domain {
        let mut domain = Domain { points: Vec::new(), directions: Vec::new() };
        for (group, noise, more, (importance, kind, support)) in parts {
            let mut direction = noise.map(|value| value * width);
            direction[group] += 1.0;
            domain.directions.push(direction);
            let mut words = vec![group as u64, 10 + group as u64];
            words.extend((more < 3).then_some(20 + u64::from(more)));
            let is_prototype = kind == 0;
            let support = if is_prototype { support } else { 1 };
            domain.points.push(Point { importance, is_prototype, support, words: Words { content: words, counters: Vec::new() } });
        }
        domain
    }
}

/// The points that stay after a plan, and what they are then.
fn outcome(domain: &Domain, plan: &ConsolidationPlan) -> (Domain, Vec<usize>) {
    let mut after = domain.clone();
    let mut is_left = vec![true; domain.points.len()];
    for cluster in &plan.clusters {
        after.points[cluster.prototype].is_prototype = true;
        for member in &cluster.members {
            is_left[*member] = false;
            after.points[cluster.prototype].support += domain.points[*member].support;
        }
    }
    let left: Vec<usize> = (0..is_left.len()).filter(|index| is_left[*index]).collect();
    (after.pick(&left), left)
}

proptest! {
    #[test]
    fn a_point_is_in_one_place_and_every_merge_keeps_the_rules(
        domain in domains(), words_covered_min in prop_oneof![Just(1.0_f32), Just(0.6)],
    ) {
        let cosines = domain.cosines();
        let params = ConsolidationParams { words_covered_min, ..Default::default() };
        let plan = plan_consolidation(&domain.points, &cosines, &params, &|| true).unwrap();
        let mut places = plan.singletons.clone();
        for Cluster { prototype, members } in &plan.clusters {
            let is_known = domain.points[*prototype].is_prototype;
            let members_min = if is_known { 1 } else { params.min_cluster_size - 1 };
            prop_assert!(members.len() >= members_min);
            places.push(*prototype);
            places.extend(members);
            for member in members {
                let words = &domain.points[*member].words;
                prop_assert!(!domain.points[*member].is_prototype);
                prop_assert!(cosines.0[*prototype][*member] >= params.similarity_min);
                let covered = words.covered_by(&domain.points[*prototype].words);
                prop_assert!(covered >= words_covered_min);
            }
            prop_assert!(members.is_sorted());
        }
        for singleton in &plan.singletons {
            prop_assert!(!domain.points[*singleton].is_prototype);
            prop_assert!(domain.points[*singleton].importance >= params.singleton_importance_min);
        }
        let count = places.len();
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(places.len(), count);
    }

    #[test]
    fn planning_again_on_the_outcome_merges_nothing(domain in domains()) {
        let first = plan(&domain.points, &domain.cosines());
        let (after, left) = outcome(&domain, &first);
        prop_assert_eq!(plan(&after.points, &after.cosines()).clusters, []);

        let is_singleton = |index: usize| first.singletons.contains(&left[index]);
        let without: Vec<_> = (0..left.len()).filter(|index| !is_singleton(*index)).collect();
        let without = after.pick(&without);
        prop_assert_eq!(plan(&without.points, &without.cosines()).clusters, []);

        let mut marked = after;
        for (index, point) in marked.points.iter_mut().enumerate() {
            point.is_prototype |= is_singleton(index);
        }
        prop_assert_eq!(plan(&marked.points, &marked.cosines()).clusters, []);
    }

    #[test]
    fn the_order_of_the_points_does_not_matter(
        (domain, order) in domains().prop_flat_map(|domain| {
            let order: Vec<usize> = (0..domain.points.len()).collect();
            (Just(domain), Just(order).prop_shuffle())
        }),
    ) {
        let mut domain = domain;
        for (index, point) in (0..).zip(&mut domain.points) {
            point.support = if point.is_prototype { 3 + index } else { 1 };
        }
        let cosines = domain.cosines();
        let straight = plan(&domain.points, &cosines);
        let mut mixed = plan(&domain.pick(&order).points, &cosines.pick(&order));
        for cluster in &mut mixed.clusters {
            cluster.prototype = order[cluster.prototype];
            cluster.members.iter_mut().for_each(|member| *member = order[*member]);
            cluster.members.sort_unstable();
        }
        mixed.clusters.sort_unstable_by_key(|cluster| cluster.prototype);
        mixed.singletons.iter_mut().for_each(|singleton| *singleton = order[*singleton]);
        mixed.singletons.sort_unstable();
        prop_assert_eq!(straight, mixed);
    }

    /// Distances up to the harmonic mean of floor and reach, whether or not they fit together.
    #[test]
    fn nothing_but_near_duplicates_is_one_cluster(count in 3_usize..100, seed: u64) {
        let mut next = spread(seed);
        let cosines = Matrix::of(count, |_, _| 1.0 - 0.048 * next());
        let plan = plan(&vec![point("ab"); count], &cosines);
        prop_assert_eq!(plan.clusters.len(), 1);
        prop_assert_eq!(plan.clusters[0].members.len(), count - 1);
    }

    #[test]
    fn separate_groups_are_one_cluster_each_and_outliers_stay_out(
        sizes in proptest::collection::vec(3_usize..9, 1..6), outliers in 0_usize..5, seed: u64,
    ) {
        let mut groups: Vec<usize> = Vec::new();
        for (group, size) in sizes.iter().enumerate() {
            groups.extend(std::iter::repeat_n(group, *size));
        }
        groups.extend((0..outliers).map(|outlier| 100 + outlier));
        let mut next = spread(seed);
        let cosines = Matrix::of(groups.len(), |one, other| {
            if groups[one] == groups[other] { 0.96 + 0.03 * next() } else { 0.7 * next() }
        });
        let plan = plan(&vec![point("ab"); groups.len()], &cosines);
        prop_assert_eq!(plan.clusters.len(), sizes.len());
        for cluster in &plan.clusters {
            let group = groups[cluster.prototype];
            prop_assert_eq!(cluster.members.len() + 1, sizes[group]);
            prop_assert!(cluster.members.iter().all(|member| groups[*member] == group));
        }
    }
}

#[test]
fn builds_that_differ_in_a_number_are_merged() {
    let mut next = spread(7);
    let cosines = Matrix::of(20, |_, _| 0.93 + 0.06 * next());
    let texts = (0..20).map(|n| format!("The nightly build number {n} finished without errors"));
    let points: Vec<Point> =
        texts.map(|text| Point { words: Words::of(&text), ..point("") }).collect();
    let plan = plan(&points, &cosines);
    assert_eq!(plan.clusters.len(), 1);
    assert_eq!(plan.clusters[0].members.len(), 19);
}

/// Not even if the embedder finds them alike: each says something that no other says.
#[test]
fn facts_that_are_phrased_alike_are_not_merged() {
    for texts in [
        ["Anna was born in Paris in 1980", "Ben was born in Oslo in 1991", "Eva was born in Rome"],
        ["Anna confirmed for Monday", "Ben confirmed for Monday", "Eva confirmed for Monday"],
        ["He likes tea", "He doesn't like tea", "He likes no tea and no milk"],
    ] {
        let words = texts.map(Words::of);
        let points = words.map(|words| Point { words, ..point("") });
        assert_eq!(plan(&points, &Matrix::of(3, |_, _| 0.98)).clusters, []);
    }
}

#[test]
fn the_prototype_is_the_one_whose_words_cover_the_others_and_then_the_medoid() {
    let cosines = Matrix::of(4, |one, _| if one == 1 { 0.98 } else { 0.96 });
    let long = [point("ab"), point("ab"), point("abc"), point("ac")];
    assert_eq!(plan(&long, &cosines).clusters, [cluster(2, &[0, 1, 3])]);
    let medoid = Matrix::of(4, |one, other| if one == 1 || other == 1 { 0.98 } else { 0.96 });
    assert_eq!(plan(&vec![point("ab"); 4], &medoid).clusters, [cluster(1, &[0, 2, 3])]);
    // Only the first and the third are candidates.
    let params = ConsolidationParams { medoid_candidates: 2, ..Default::default() };
    let points = vec![point("ab"); 4];
    let plan = plan_consolidation(&points, &medoid, &params, &|| true).unwrap();
    assert_eq!(plan.clusters, [cluster(0, &[1, 2, 3])]);
}

#[test]
fn a_prototype_takes_even_one_and_never_another_prototype() {
    let near = Matrix::of(2, |_, _| 0.95);
    assert_eq!(plan(&[prototype("ab", 1), point("a")], &near).clusters, [cluster(0, &[1])]);
    assert_eq!(plan(&[prototype("ab", 9), prototype("a", 9)], &near).clusters, []);
    assert_eq!(plan(&[point("ab"), point("a")], &near).clusters, []);
}

#[test]
fn a_point_without_words_has_none_to_lose() {
    let points = [point("ab"), point(""), point("a")];
    assert_eq!(plan(&points, &Matrix::of(3, |_, _| 0.97)).clusters, [cluster(0, &[1, 2])]);
}

#[test]
fn the_prototype_with_the_greatest_support_takes_first_and_others_what_it_cannot() {
    let cosines = Matrix::of(4, |_, _| 0.97);
    let points = [point("a"), prototype("ab", 3), prototype("ac", 8), point("b")];
    assert_eq!(plan(&points, &cosines).clusters, [cluster(1, &[3]), cluster(2, &[0])]);
}

/// "Anna confirmed" and "Ben confirmed", three times each with another date and in no order,
/// "Eva confirmed" once and "Dan confirmed" twice, all of it one dense cluster.
#[test]
fn facts_phrased_alike_have_a_prototype_each_if_they_are_many() {
    let names = ["a", "b", "e", "b", "a", "b", "a", "d", "d"];
    let points = names.map(|name| point(&format!("{name}c")));
    let plan = |params: ConsolidationParams| {
        let cosines = Matrix::of(9, |_, _| 0.97);
        plan_consolidation(&points, &cosines, &params, &|| true).unwrap().clusters
    };
    assert_eq!(plan(Default::default()), [cluster(0, &[4, 6]), cluster(1, &[3, 5])]);
    // The first and the sixth are candidates.
    let params = ConsolidationParams { medoid_candidates: 2, ..Default::default() };
    assert_eq!(plan(params), [cluster(0, &[4, 6]), cluster(5, &[1, 3])]);
}

/// Within reach of each other, but each much denser than what is between them.
#[test]
fn two_dense_groups_within_reach_are_two_clusters() {
    let cosines = Matrix::of(8, |one, other| if (one < 4) == (other < 4) { 0.99 } else { 0.91 });
    let plan = plan(&vec![point("ab"); 8], &cosines);
    assert_eq!(plan.clusters, [cluster(0, &[1, 2, 3]), cluster(4, &[5, 6, 7])]);
}

#[test]
fn a_plan_stops_whenever_it_is_told_to() {
    let cosines = Matrix::of(9, |one, other| if one / 3 == other / 3 { 0.97 } else { 0.2 });
    let points = vec![point("ab"); 9];
    let asked = Cell::new(0);
    let stops_after = |answers: usize| {
        asked.set(0);
        let keep_going = || {
            asked.set(asked.get() + 1);
            asked.get() <= answers
        };
        plan_consolidation(&points, &cosines, &ConsolidationParams::default(), &keep_going)
    };
    assert!(stops_after(usize::MAX).is_some());
    let total = asked.get();
    assert!(total > points.len());
    for answers in 0..total {
        assert_eq!(stops_after(answers), None, "after {answers} of {total}");
    }
    assert!(plan_consolidation(&[], &Matrix(vec![]), &Default::default(), &|| false).is_none());
}

#[test]
fn what_is_important_and_far_from_everything_stands_out() {
    let cosine = |other| [0.1, 0.1, 0.5].get(12 - other).copied().unwrap_or(0.6);
    let cosines = Matrix::of(13, |_, other| cosine(other));
    let mut points = vec![Point { importance: 0.9, ..point("a") }; 13];
    points[12].importance = 0.5;
    // The tenth is further away than the mean, but not by far.
    assert_eq!(plan(&points, &cosines).singletons, [11]);
    points[11].is_prototype = true;
    assert!(plan(&points, &cosines).singletons.is_empty());
    let few = Matrix::of(7, |_, other| if other == 6 { 0.1 } else { 0.6 });
    assert!(plan(&vec![Point { importance: 0.9, ..point("a") }; 7], &few).singletons.is_empty());
}

/// Nothing is known of its neighbours, and being unknown is not standing out.
#[test]
fn a_point_without_direction_is_left_alone() {
    let mut cosines = Matrix::of(10, |_, other| if other == 9 { 0.0 } else { 0.6 });
    cosines.0[9][9] = 0.0;
    let plan = plan(&vec![Point { importance: 0.9, ..point("") }; 10], &cosines);
    assert_eq!(plan, ConsolidationPlan::default());
}

#[test]
fn cosines_that_are_not_numbers_count_as_zero() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let cosines = Matrix::of(5, |_, other| if other >= 3 { bad } else { 0.97 });
        assert_eq!(plan(&vec![point("ab"); 5], &cosines).clusters, [cluster(0, &[1, 2])]);
    }
}

#[test]
fn none_one_and_two_points_have_no_plan() {
    for count in 0..3 {
        let plan = plan(&vec![point("ab"); count], &Matrix::of(count, |_, _| 1.0));
        assert_eq!(plan, ConsolidationPlan::default(), "{count}");
    }
}
