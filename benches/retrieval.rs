//! One tenant without a server: how long the engine itself takes to open, to store and to answer,
//! and how often the atom asked for is among the first ten. Seeded data; sizes as below.
//!
//! Run with `cargo bench --bench retrieval`.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench prints, rounds its figures and may stop on a defect"
)]

use std::sync::Arc;

use hdrhistogram::Histogram;
use hebbd::actors::tenant::data::{embedded_part, query_words};
use hebbd::embedding::{StaticEmbedder, embed_blocking};
use hebbd::engine::atom::{NewAtom, ReadQuery};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::index::IndexSettings;
use hebbd::storage::{CommitPolicy, GroupCommit, MemoryStore, Store};
use hebbd::tenant::{OpenTenant, Tenant};
use hebbd::types::{Clock, SystemClock, TenantNo, Timestamp};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

const SEED: u64 = 0x5eed_0002;
const QUESTIONS: usize = 2_000;
const TURNS_PER_SESSION: usize = 25;

const NAMES: &[&str] = &["Anna", "Ben", "Chloe", "David", "Elif", "Farid"];

fn main() {
    let embedder = StaticEmbedder::shared().unwrap();
    for (atoms, domains) in [(1_000, 1), (10_000, 1), (10_000, 20)] {
        measure(&embedder, atoms, domains);
    }
}

/// Common words of the model's own vocabulary, so that texts have directions and synonyms.
fn vocabulary() -> Vec<&'static str> {
    include_str!("words.txt").split_whitespace().collect()
}

fn measure(embedder: &StaticEmbedder, atoms: usize, domains: usize) {
    let mut rng = SmallRng::seed_from_u64(SEED);
    let words = vocabulary();
    let several = |count: usize, rng: &mut SmallRng| {
        // Zipf-like: the square favours the front of the list.
        let pick = |rng: &mut SmallRng| {
            let share: f64 = rng.random();
            words[(share * share * words.len() as f64) as usize]
        };
        (0..count).map(|_| pick(rng)).collect::<Vec<_>>().join(" ")
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = MemoryStore::default();
    let mut tenant = open(&store, &clock);
    let mut questions = Vec::new();
    let started = clock.monotonic_micros();
    for number in 0..atoms {
        let name = NAMES.choose(&mut rng).unwrap();
        let topic = several(3, &mut rng);
        let content = format!("{name}: {topic} {}.", several(15, &mut rng));
        let session = number / TURNS_PER_SESSION;
        let domain = format!("bench:{}", session % domains);
        questions.push((format!("What did {name} say about {topic}?"), domain.clone(), number));
        let new = NewAtom {
            external_ref: Some(number.to_string()),
            session: Some(session.to_string()),
            occurred_at: Some(Timestamp::from_micros(number as i64 * 60_000_000)),
            ..NewAtom::of(&content, &domain)
        };
        let embedding = embed_blocking(embedder, &[embedded_part(&new.content)]).unwrap().remove(0);
        let mut pending = tenant.begin(None);
        tenant.store(&mut pending, PreparedAtom::new(new, embedding)).unwrap();
        tenant.commit(pending).unwrap();
    }
    let stored_us = clock.monotonic_micros() - started;
    while let Some(build) = tenant.plan_index_build() {
        tenant.adopt_index(build.run().unwrap());
    }
    drop(tenant);

    let started = clock.monotonic_micros();
    let mut tenant = open(&store, &clock);
    let opened_us = clock.monotonic_micros() - started;
    while let Some(build) = tenant.plan_index_build() {
        tenant.adopt_index(build.run().unwrap());
    }

    let mut latency_us = Histogram::<u64>::new(3).unwrap();
    let mut found = 0;
    for _ in 0..QUESTIONS {
        let (text, domain, number) = questions.choose(&mut rng).unwrap();
        let query = ReadQuery {
            domains: (domains == 1).then(|| vec![domain.clone()]),
            min_relevance: 0.3,
            ..ReadQuery::about(text, 10)
        };
        let started = clock.monotonic_micros();
        let words = query_words(text, &[]);
        let embedding = embed_query(embedder, text, &words);
        let result = tenant.retrieve(&query, &embedding).unwrap();
        latency_us.record(clock.monotonic_micros() - started).unwrap();
        let wanted = number.to_string();
        found += usize::from(
            result.items.iter().any(|item| item.atom.external_ref.as_deref() == Some(&wanted)),
        );
    }
    println!(
        "{atoms:>7} atoms, {domains:>2} domains: store {:>5.0} us an atom, open {:>6.1} ms, \
         retrieve p50 {:>5} us p99 {:>5} us, found@10 {:.3}",
        stored_us as f64 / atoms as f64,
        opened_us as f64 / 1e3,
        latency_us.value_at_quantile(0.5),
        latency_us.value_at_quantile(0.99),
        f64::from(u32::try_from(found).unwrap()) / QUESTIONS as f64,
    );
}

fn embed_query(
    embedder: &StaticEmbedder,
    text: &str,
    words: &[String],
) -> hebbd::types::QueryEmbedding {
    use futures_util::FutureExt;
    use hebbd::embedding::Embedder;
    embedder.embed_query(text, words).now_or_never().unwrap().unwrap()
}

fn open(store: &MemoryStore, clock: &Arc<dyn Clock>) -> Tenant {
    let store: Arc<dyn Store> = Arc::new(store.clone());
    let embedder = StaticEmbedder::shared().unwrap();
    Tenant::open(OpenTenant {
        no: TenantNo(1),
        epoch: 1,
        commit: GroupCommit::start(store, "bench", CommitPolicy::Fsync).unwrap(),
        embedder: hebbd::embedding::Embedder::identity(&embedder).clone(),
        index: IndexSettings::default(),
        index_dir: std::env::temp_dir().join("hebbd-bench-no-cache"),
        blobs: hebbd::storage::Blobs::at(std::env::temp_dir().join("hebbd-bench-no-blobs")),
        clock: Arc::clone(clock),
    })
    .unwrap()
}
