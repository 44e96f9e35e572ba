//! What it costs to embed with the built-in model: a question, turns of 100 and 300 characters,
//! the longest atom, a full write batch, and one text of another script. Also prints how long the
//! model takes to load, which happens once per process. Quality of the vectors is measured by
//! `hebbd eval recall`; their equality with the script's by `tests/embedding.rs`.
//!
//! Run with `cargo bench --bench embedding`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use hebbd::embedding::{StaticEmbedder, embed_blocking};
use hebbd::types::{Clock, SystemClock};

const QUESTION: &str = "When did Priya book the night ferry to Naxos island?";
const TURN: &str = "[1:56 pm on 8 May, 2023] Tom: I finally repaired the old bicycle yesterday and \
    rode it to the lake, where I met Ines's cousin; she's thinking of moving to Thessaloniki for a \
    job in marine biology. We talked about sailing, her grandmother's recipes and the broken fence. ";

/// The first `chars` characters of the turn, repeated as often as needed.
fn turn_of(chars: usize) -> String {
    TURN.chars().cycle().take(chars).collect()
}

#[allow(clippy::print_stdout, clippy::expect_used, reason = "a bench prints and may stop")]
fn main() {
    let clock = SystemClock;
    let start = clock.monotonic_micros();
    let embedder = StaticEmbedder::shared().expect("the built-in model loads");
    println!("load the model: {} us", clock.monotonic_micros() - start);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("embed");
    let texts = [
        ("question", QUESTION.to_owned()),
        ("100 characters", turn_of(100)),
        ("300 characters", turn_of(300)),
        ("10,000 characters", turn_of(10_000)),
        (
            "100 characters, Cyrillic",
            "Вчера мы с Ириной ездили на озеро. ".chars().cycle().take(100).collect(),
        ),
        (
            "10,000 characters, gibberish",
            "qzxj".chars().cycle().take(99).chain([' ']).cycle().take(10_000).collect(),
        ),
    ];
    for (name, text) in &texts {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), text, |bencher, text| {
            bencher.iter(|| embed_blocking(&embedder, &[black_box(text)]).expect("embeds"));
        });
    }
    let batch: Vec<String> = (0..500).map(|number| format!("{number} {}", turn_of(140))).collect();
    let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
    group.throughput(Throughput::Elements(500));
    group.bench_function("batch of 500 turns", |bencher| {
        bencher.iter(|| embed_blocking(&embedder, black_box(&batch)).expect("embeds"));
    });
    group.finish();

    let mut group = criterion.benchmark_group("pieces");
    for (name, text) in texts.iter().take(3) {
        group.bench_with_input(BenchmarkId::from_parameter(name), text, |bencher, text| {
            bencher.iter(|| embedder.piece_ids(black_box(text)).expect("splits"));
        });
    }
    group.finish();
    criterion.final_summary();
}
