//! Tests of the index as a whole; what one file promises is tested in that file. Data is seeded
//! and clustered, and small, because the kernels are not optimised in test builds.

mod cache_file;
mod life_cycle;
mod model;

use super::*;
use crate::types::{AtomNo, EmbedderIdentity, QuantizedVector};

const DIMENSIONS: usize = 24;

/// Graphs from 401 rows on, so that tests need few.
const SMALL: IndexSettings = IndexSettings {
    exact_rows_max: 400,
    connectivity: 16,
    expansion_add: 64,
    expansion_search: 64,
    dead_share_max: 0.3,
};

fn identity() -> EmbedderIdentity {
    EmbedderIdentity { name: "test".to_owned(), dimensions: DIMENSIONS, hash: [7; 32] }
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// Roughly normal, with mean zero.
    fn normal(&mut self) -> f32 {
        let uniform = |random: &mut Self| f32::from(u16::try_from(random.next() >> 48).unwrap());
        (0..4).map(|_| uniform(self) / 65_536.0 - 0.5).sum()
    }
}

/// Points around 40 centres.
fn clustered(count: usize, seed: u64) -> Vec<QuantizedVector> {
    let mut random = Random(seed);
    let mut centre_random = Random(99);
    let centres: Vec<Vec<f32>> =
        (0..40).map(|_| (0..DIMENSIONS).map(|_| centre_random.normal()).collect()).collect();
    (0..count)
        .map(|_| {
            let centre = &centres[random.below(centres.len())];
            let point: Vec<f32> = centre.iter().map(|v| v + 0.6 * random.normal()).collect();
            QuantizedVector::quantize(&point).unwrap().unwrap()
        })
        .collect()
}

/// Keys are ten apart, continuing after the last row's.
fn push_all(index: &mut VectorIndex, vectors: &[QuantizedVector]) {
    for vector in vectors {
        let last =
            index.len().checked_sub(1).and_then(|row| index.key_of(u32::try_from(row).unwrap()));
        let key = AtomNo(last.map_or(10, |key| key.0 + 10));
        index.push(key, Some(vector)).unwrap();
    }
}

fn with_graph(vectors: &[QuantizedVector]) -> VectorIndex {
    let mut index = VectorIndex::new(DIMENSIONS, SMALL);
    push_all(&mut index, vectors);
    build_and_adopt(&mut index);
    index
}

fn build_and_adopt(index: &mut VectorIndex) {
    let graph = index.plan_build().expect("a build is due").build().unwrap();
    index.adopt(graph);
    assert!(!index.scans_exactly());
    assert!(index.plan_build().is_none(), "nothing is due after a build");
}

/// The share of the exact ten nearest that `nearest` finds, over 50 queries.
fn recall_at_10(index: &VectorIndex) -> f32 {
    let (mut found, mut wanted) = (0_u16, 0_u16);
    let mut scores = Vec::new();
    for query in clustered(50, 4_242) {
        let query = QueryVector::from(&query);
        index.score_all(&query, &mut scores);
        let mut exact: Vec<(u32, f32)> =
            (0..).zip(scores.iter().copied()).filter(|(row, _)| index.is_live(*row)).collect();
        exact.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        exact.truncate(10);
        let nearest = index.nearest(&query, 10).unwrap();
        assert_eq!(nearest.len(), 10);
        wanted += 10;
        found += exact.iter().map(|hit| u16::from(nearest.contains(hit))).sum::<u16>();
    }
    f32::from(found) / f32::from(wanted)
}
