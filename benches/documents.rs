//! Documents over the metacogna dialect: 200 PDF files of 20 pages each are uploaded by several
//! clients at once while another one searches. Says how long it takes until all can be searched, how
//! long a search takes meanwhile and afterwards, and how often the document that was asked for is
//! found.
//!
//! Run with `cargo bench --bench documents [-- --quick] [--server PATH]`. About a minute and a half.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench prints, rounds its figures, sleeps by its schedule and may stop on a defect"
)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use support::client::Caller;
use support::load::{closed_loop, latencies, ms, now_us, open_loop, seconds_since};
use support::pdf::pdf;
use support::report::{CoresUsed, Table, print_machine};
use support::server::{MetacognaUser, Options, Server};
use support::text::Words;

const DOCUMENTS: usize = 200;
const PAGES: usize = 20;
/// Sentences of a page: some 3,000 characters.
const SENTENCES: usize = 38;
const UPLOADERS: usize = 4;
const SEED: u64 = 0x5eed_0023;
/// Searches a second while documents come.
const SEARCHES_PER_S: u64 = 20;
/// Questions whose answers are looked at.
const LOOKED_AT: usize = 100;

/// No limit is in the way of the load.
const SETTINGS: &str = "[metacogna]\nsearch_per_minute = \"unlimited\"\n";

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();
    let count = if options.quick { DOCUMENTS / 5 } else { DOCUMENTS };
    println!("\n{count} PDF files of {PAGES} pages, {UPLOADERS} clients");
    let corpus = Corpus::new(count);
    let server = Server::start_with_settings(&options, "documents", SETTINGS)?;
    let user = server.metacogna_user("documents")?;
    let cores = CoresUsed::start(&server)?;
    let written = upload_all(&user, &corpus)?;
    let share = count as f64 / DOCUMENTS as f64;
    table.at_most("all indexed", written.seconds, [20.0 * share, 60.0 * share], "s");
    let (p50, p99) = (ms(&written.searches, 0.5), ms(&written.searches, 0.99));
    table.at_most("search p99 meanwhile", p99, [25.0, 50.0], "ms");
    table.note("search p50 meanwhile", format!("{p50:.2} ms"));
    let (p50, p99) = (ms(&written.uploads, 0.5), ms(&written.uploads, 0.99));
    table.note("upload until indexed p50 / p99", format!("{p50:.0} / {p99:.0} ms"));
    table.note("chunks", format!("{}", written.chunks));
    table.note("cores used", cores.text(&server)?);
    table.note("RSS", format!("{:.0} MB", server.rss_mb()?));
    measure_search(&options, &user.caller, &corpus, &mut table)?;
    let begun_us = now_us();
    let graph = user.caller.connect()?.get("/api/graph")?;
    table.note("graph merged", format!("{:.0} ms", seconds_since(begun_us) * 1_000.0));
    ensure!(graph["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty()), "an empty graph");
    server.stop()?;
    table.print_verdict();
    Ok(())
}

/// Files, and a question about each page of them.
struct Corpus {
    files: Vec<Vec<u8>>,
    /// Each with the number of its file.
    questions: Vec<(String, usize)>,
}

impl Corpus {
    fn new(count: usize) -> Self {
        let mut words = Words::english(SEED);
        let mut corpus = Self { files: Vec::new(), questions: Vec::new() };
        for file in 0..count {
            let mut text = String::new();
            for page in 0..PAGES {
                for sentence in 0..SENTENCES {
                    let (name, topic) = (words.name(), words.several(3));
                    if sentence == SENTENCES / 2 && page % 4 == 0 {
                        let question = format!("What did {name} say about {topic}?");
                        corpus.questions.push((question, file));
                    }
                    text.push_str(&format!("{name} said of {topic} that {}. ", words.several(9)));
                }
            }
            corpus.files.push(pdf(&text, PAGES));
        }
        corpus
    }

    fn searches(&self) -> Vec<String> {
        let body = |question: &String| json!({"query": question, "topK": 10}).to_string();
        self.questions.iter().map(|(question, _)| body(question)).collect()
    }
}

struct Written {
    seconds: f64,
    uploads: Histogram<u64>,
    searches: Histogram<u64>,
    chunks: u64,
}

fn upload_all(user: &MetacognaUser, corpus: &Corpus) -> anyhow::Result<Written> {
    let (next, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let start_us = now_us();
    let (uploads, chunks, searches, seconds) = thread::scope(|scope| -> anyhow::Result<_> {
        let uploaders: Vec<_> =
            (0..UPLOADERS).map(|_| scope.spawn(|| upload_some(user, corpus, &next))).collect();
        let searcher = scope.spawn(|| search_until(&user.caller, corpus, &is_done));
        let (mut uploads, mut chunks) = (latencies()?, 0);
        for uploader in uploaders {
            let (own, own_chunks) = uploader.join().map_err(|_| anyhow::anyhow!("a panic"))??;
            uploads.add(own)?;
            chunks += own_chunks;
        }
        let seconds = seconds_since(start_us);
        is_done.store(true, Ordering::Release);
        let searches = searcher.join().map_err(|_| anyhow::anyhow!("a panic"))??;
        Ok((uploads, chunks, searches, seconds))
    })?;
    Ok(Written { seconds, uploads, searches, chunks })
}

fn upload_some(
    user: &MetacognaUser,
    corpus: &Corpus,
    next: &AtomicUsize,
) -> anyhow::Result<(Histogram<u64>, u64)> {
    let mut connection = user.caller.connect()?;
    let (mut own, mut chunks) = (latencies()?, 0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(file) = corpus.files.get(number) else { return Ok((own, chunks)) };
        let sent_us = now_us();
        let fields = [("userId", user.id.as_str())];
        let name = format!("file{number}.pdf");
        let answer = connection.post_form("/api/ingest", &fields, &name, file)?;
        own.record(now_us() - sent_us)?;
        chunks += answer["chunks"].as_u64().context("no chunks")?;
    }
}

/// By a schedule: what a stall delays counts from when it was due.
fn search_until(
    caller: &Caller,
    corpus: &Corpus,
    is_done: &AtomicBool,
) -> anyhow::Result<Histogram<u64>> {
    let bodies = corpus.searches();
    let mut connection = caller.connect()?;
    let mut own = latencies()?;
    let start_us = now_us();
    for (search, body) in (0..).zip(bodies.iter().cycle()) {
        if is_done.load(Ordering::Acquire) {
            break;
        }
        let due_us = start_us + search * 1_000_000 / SEARCHES_PER_S;
        thread::sleep(Duration::from_micros(due_us.saturating_sub(now_us())));
        connection.post("/api/search", body)?;
        own.record(now_us().saturating_sub(due_us).max(1))?;
    }
    Ok(own)
}

fn measure_search(
    options: &Options,
    caller: &Caller,
    corpus: &Corpus,
    table: &mut Table,
) -> anyhow::Result<()> {
    println!("\nsearch afterwards");
    let bodies = corpus.searches();
    let mut connection = caller.connect()?;
    let documents = connection.get("/api/documents")?;
    let title_of = |id: &Value| {
        let all = documents["documents"].as_array().into_iter().flatten();
        all.into_iter().find(|document| document["id"] == *id).map(|found| found["title"].clone())
    };
    let step = (corpus.questions.len() / LOOKED_AT).max(1);
    let (mut found, mut asked) = (0, 0);
    for at in (0..corpus.questions.len()).step_by(step) {
        let answer: Value = serde_json::from_slice(&connection.post("/api/search", &bodies[at])?)?;
        let results = answer["results"].as_array().context("no results")?;
        let wanted = json!(format!("file{}.pdf", corpus.questions[at].1));
        let is_wanted = |hit: &Value| title_of(&hit["documentId"]).as_ref() == Some(&wanted);
        found += usize::from(results.iter().any(is_wanted));
        asked += 1;
    }
    table.note("document found@10", format!("{:.2}", f64::from(found as u32) / asked as f64));
    let open = open_loop(caller, "/api/search", &bodies, 8, 20, options.seconds(8))?;
    table.note("p50 at 20/s", format!("{:.2} ms", ms(&open, 0.5)));
    table.at_most("p99 at 20/s", ms(&open, 0.99), [25.0, 50.0], "ms");
    let (rate, _) = closed_loop(caller, "/api/search", &bodies, 8, options.seconds(6))?;
    table.note("searches/s, 8 connections", format!("{rate:.0}"));
    Ok(())
}
