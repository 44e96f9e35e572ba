//! Planning the consolidation of one domain: seconds, peak extra memory, and what it merges. Three
//! of ten atoms are near-duplicates, in groups of 3 to 32 with cosines from 0.94 to 0.998 inside a
//! group, each told from the others by a number alone. The worst case of the cost is a domain of
//! nothing else; it is printed too.
//!
//! Run with `cargo bench --bench consolidation`. Vectors are drawn as in `vector_index`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports to the terminal")]
#![allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "bounded by design")]

#[path = "support/random.rs"]
mod random;

use std::cell::Cell;

use hebbd::engine::consolidation::{Cosines, Point, Words, plan_consolidation};
use hebbd::engine::params::ConsolidationParams;
use hebbd::index::{IndexSettings, QueryVector, VectorIndex};
use hebbd::types::{AtomNo, Clock, QuantizedVector, SystemClock};
use random::Random;

const DIMENSIONS: usize = 256;
const LATENT: usize = 32;
/// Spread around a topic, in units of the topics' own.
const NOISE: f32 = 3.0;
const WORDS: usize = 8;
const VOCABULARY: u64 = 20_000;

/// One domain, as the owner of the vectors holds it.
struct Domain {
    points: Vec<Point>,
    index: VectorIndex,
    queries: Vec<QueryVector>,
    groups: usize,
    rows_filled: Cell<usize>,
}

impl Cosines for Domain {
    fn fill(&self, index: usize, out: &mut Vec<f32>) {
        self.rows_filled.set(self.rows_filled.get() + 1);
        self.index.score_all(&self.queries[index], out);
    }
}

impl Domain {
    fn new(size: usize, duplicates: usize) -> Self {
        let mut random = Random(42);
        let mut table = |rows: usize, columns: usize| -> Vec<Vec<f32>> {
            (0..rows).map(|_| (0..columns).map(|_| random.normal()).collect()).collect()
        };
        let topics = table((size / 50).max(20), LATENT);
        let projection = table(DIMENSIONS, LATENT);
        let mut domain = Self {
            points: Vec::new(),
            index: VectorIndex::new(DIMENSIONS, IndexSettings::default()),
            queries: Vec::new(),
            groups: 0,
            rows_filled: Cell::new(0),
        };
        while domain.points.len() < size {
            let topic = &topics[random.next() as usize % topics.len()];
            let point: Vec<f32> = topic.iter().map(|v| v + NOISE * random.normal()).collect();
            let dot = |row: &Vec<f32>| row.iter().zip(&point).map(|(a, b)| a * b).sum();
            let mut values: Vec<f32> = projection.iter().map(dot).collect();
            let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            values.iter_mut().for_each(|value| *value /= norm);
            let mut words: Vec<u64> = (0..WORDS).map(|_| random.next() % VOCABULARY).collect();
            words.sort_unstable();
            words.dedup();
            if domain.points.len() < size - duplicates {
                domain.push(&values, &words, &mut random);
                continue;
            }
            let count = 3 + random.next() as usize % 30;
            let spread = (0.05 + 0.20 * random.uniform()) / (DIMENSIONS as f32).sqrt();
            domain.groups += 1;
            for _ in 0..count.min(size - domain.points.len()) {
                let near: Vec<f32> = values.iter().map(|v| v + spread * random.normal()).collect();
                domain.push(&near, &words, &mut random);
            }
        }
        domain
    }

    fn push(&mut self, values: &[f32], words: &[u64], random: &mut Random) {
        let vector = QuantizedVector::quantize(values).unwrap().unwrap();
        self.index.push(AtomNo(self.points.len() as u64), Some(&vector)).unwrap();
        self.queries.push(QueryVector::from(&vector));
        self.points.push(Point {
            importance: random.uniform(),
            is_prototype: false,
            support: 1,
            words: Words { content: words.to_vec(), counters: Vec::new() },
        });
    }
}

fn main() {
    println!(
        "points      near-dup.   seconds  rows filled  extra MB  clusters (groups)  compression  singletons"
    );
    for (size, duplicates) in [(1_000, 300), (10_000, 3_000), (10_000, 10_000)] {
        let domain = Domain::new(size, duplicates);
        let clock = SystemClock;
        // Makes the peak of the process start again from here.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status_mb("VmRSS");
        let start = clock.monotonic_micros();
        let params = ConsolidationParams::default();
        let plan = plan_consolidation(&domain.points, &domain, &params, &|| true).unwrap();
        let seconds = (clock.monotonic_micros() - start) as f64 / 1e6;
        let extra = status_mb("VmHWM") - before;
        let merged: usize = plan.clusters.iter().map(|cluster| cluster.members.len()).sum();
        println!(
            "{size:<11} {duplicates:<11} {seconds:<8.2} {:<12} {extra:<9.2} {:<5} {:<12} {:<12.3} {}",
            domain.rows_filled.get(),
            plan.clusters.len(),
            format!("({})", domain.groups),
            size as f64 / (size - merged) as f64,
            plan.singletons.len(),
        );
    }
}

fn status_mb(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
