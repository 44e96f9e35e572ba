//! The vector index on its own: exact scans, graph searches with their recall, and the time to
//! build. Run with `cargo bench --bench vector_index`; the report of each size is printed first.
//!
//! Vectors are drawn around seeded centres in a space of 32 dimensions and projected to 256, since
//! text embeddings fill far fewer dimensions than they have and recall depends on it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports to the terminal")]
#![allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "bounded by design")]
#![allow(clippy::disallowed_methods, reason = "a bench measures wall time")]

#[path = "support/random.rs"]
mod random;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hebbd::index::{IndexSettings, QueryVector, VectorIndex};
use hebbd::types::{AtomNo, EmbedderIdentity, QuantizedVector};
use random::Random;

const DIMENSIONS: usize = 256;
const LATENT: usize = 32;
/// Spread around a centre, in units of the centres' own. At 0.7 recall is 1.000 at every size.
const NOISE: f32 = 3.0;
const QUERIES: usize = 200;
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

struct Source {
    random: Random,
    centres: Vec<Vec<f32>>,
    projection: Vec<Vec<f32>>,
}

impl Source {
    fn new(centres: usize) -> Self {
        let mut random = Random(42);
        let mut table = |rows: usize, columns: usize| -> Vec<Vec<f32>> {
            (0..rows).map(|_| (0..columns).map(|_| random.normal()).collect()).collect()
        };
        let (centres, projection) = (table(centres, LATENT), table(DIMENSIONS, LATENT));
        Self { random, centres, projection }
    }

    fn vector(&mut self) -> QuantizedVector {
        let centre = &self.centres[self.random.next() as usize % self.centres.len()];
        let point: Vec<f32> = centre.iter().map(|v| v + NOISE * self.random.normal()).collect();
        let values: Vec<f32> = self
            .projection
            .iter()
            .map(|row| row.iter().zip(&point).map(|(a, b)| a * b).sum())
            .collect();
        QuantizedVector::quantize(&values).unwrap().unwrap()
    }
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vector_index");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for size in SIZES {
        let mut source = Source::new((size / 50).max(20));
        let settings = IndexSettings { exact_rows_max: size - 1, ..IndexSettings::default() };
        let mut index = VectorIndex::new(DIMENSIONS, settings);
        let mut slowest_push = Duration::ZERO;
        for key in 0..size as u64 {
            let vector = source.vector();
            let start = Instant::now();
            index.push(AtomNo(key), Some(&vector)).unwrap();
            slowest_push = slowest_push.max(start.elapsed());
        }
        let queries: Vec<QueryVector> =
            (0..QUERIES).map(|_| QueryVector::from(&source.vector())).collect();
        let mut next = (0..QUERIES).cycle();

        let mut scores = Vec::new();
        group.bench_function(BenchmarkId::new("score_all", size), |bencher| {
            bencher.iter(|| {
                index.score_all(&queries[next.next().unwrap()], &mut scores);
                black_box(&scores);
            });
        });
        group.bench_function(BenchmarkId::new("nearest_10_exact", size), |bencher| {
            bencher.iter(|| black_box(index.nearest(&queries[next.next().unwrap()], 10)));
        });
        let exact: Vec<_> = queries.iter().map(|query| index.nearest(query, 10).unwrap()).collect();
        let rows_bytes = index.memory_bytes();

        let start = Instant::now();
        let build = index.plan_build().unwrap();
        let planned = start.elapsed();
        let start = Instant::now();
        let graph = build.build().unwrap();
        let built = start.elapsed();
        let start = Instant::now();
        index.adopt(graph);
        let adopted = start.elapsed();

        group.bench_function(BenchmarkId::new("nearest_10_graph", size), |bencher| {
            bencher.iter(|| black_box(index.nearest(&queries[next.next().unwrap()], 10)));
        });
        let found: usize = queries
            .iter()
            .zip(&exact)
            .map(|(query, exact)| {
                let nearest = index.nearest(query, 10).unwrap();
                exact.iter().filter(|hit| nearest.contains(hit)).count()
            })
            .sum();
        let recall = found as f64 / (10 * QUERIES) as f64;
        let rows_mb = rows_bytes as f64 / 1e6;
        let graph_mb = (index.memory_bytes() - rows_bytes) as f64 / 1e6;
        println!(
            "{size} rows: recall@10 {recall:.3}, slowest push {slowest_push:?}, plan {planned:?}, \
             build {built:?}, adopt {adopted:?}, rows {rows_mb:.1} MB, graph {graph_mb:.1} MB",
        );
        report_file(&mut index, size);
    }
    group.finish();
}

fn report_file(index: &mut VectorIndex, size: usize) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("graph");
    let identity =
        EmbedderIdentity { name: "bench".to_owned(), dimensions: DIMENSIONS, hash: [0; 32] };
    let start = Instant::now();
    assert!(index.save(&path, &identity).unwrap());
    let saved = start.elapsed();
    let start = Instant::now();
    let loaded = index.load(&path, &identity).unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("{size} rows: save {saved:?}, load {:?} ({loaded:?}), {bytes} bytes", start.elapsed());
}

criterion_group!(benches, bench);
criterion_main!(benches);
