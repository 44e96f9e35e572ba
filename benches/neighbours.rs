//! What a quiet tenant feels of a busy neighbour on its shard. The quiet one reads a hundred times
//! a second by the clock and writes once a second; its neighbour writes batches without a pause,
//! consolidates 10,000 atoms over and over, or does both. Bars: the quiet tenant's p99 is at most
//! four times its own p99 alone, and the server needs at most 500 MB while it consolidates.
//!
//! With fewer cores than busy threads the client's own schedule suffers too, and so does
//! everything beside other work: the cores used are printed with each phase.
//!
//! Run with `cargo bench --bench neighbours [-- --quick] [--server PATH]`. About two minutes.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench prints, rounds its figures, sleeps by its schedule and may stop on a defect"
)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use support::client::Caller;
use support::load::{BATCH, fill, latencies, ms, now_us, open_loop, seconds_since};
use support::report::{CoresUsed, Table, print_machine};
use support::server::{Options, Server};
use support::text::{Corpus, Words};

const SEED: u64 = 0x5eed_0002;
const QUIET_ATOMS: usize = 1_000;
const READS_PER_SECOND: usize = 100;
const WRITES_PER_SECOND: usize = 1;
/// So many that a stall of some hundred milliseconds keeps no request from being sent.
const CONNECTIONS: usize = 32;

/// Atoms of the domain that is consolidated, and how many of them have near-duplicates.
const CONSOLIDATED_ATOMS: usize = 10_000;
const NEAR_DUPLICATES: usize = 3_000;
const CONSOLIDATED_DOMAIN: &str = "series";

/// Batches written to one domain; then the next is begun, so that the cost of a batch stays what
/// it is in a domain of up to 10,000 atoms.
const BATCHES_PER_DOMAIN: usize = 20;
/// Stands for the domain in a prepared batch.
const DOMAIN_MARK: &str = "@domain@";

const RATIO_MAX: [f64; 2] = [4.0, 4.0];
const RSS_MB_MAX: [f64; 2] = [500.0, 500.0];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();
    let one_shard = "[[shard]]\nno = 0\n";
    let tenants = ["quiet", "busy"];
    let (server, callers) = Server::start_with_tenants(&options, "two", one_shard, &tenants)?;
    let [quiet, busy] = <[Caller; 2]>::try_from(callers).ok().context("two tenants")?;

    let corpus = Corpus::new(Words::english(SEED), QUIET_ATOMS, 2);
    fill(&quiet, &corpus.atoms)?;
    fill(&busy, &series())?;
    let seconds = options.seconds(20);
    let mut scene = Scene {
        server,
        quiet: Quiet { caller: quiet, reads: corpus.reads, writes: quiet_writes(seconds * 8) },
        busy: Busy { caller: busy, batches: prepare_batches(), domains: 0 },
        seconds,
    };
    // Caches, the allocator, and the processor's clock.
    scene.play(Work::default())?;

    println!("\nThe quiet tenant alone");
    let alone = scene.play(Work::default())?;
    alone.print(&alone, &mut table);

    println!("\nBeside a neighbour that consolidates {CONSOLIDATED_ATOMS} atoms");
    let beside = scene.play(Work { consolidates: true, ..Work::default() })?;
    beside.print(&alone, &mut table);

    println!("\nBeside a neighbour that writes batches of {BATCH}");
    let beside = scene.play(Work { writes: true, ..Work::default() })?;
    beside.print(&alone, &mut table);

    println!("\nBeside a neighbour that does both");
    let beside = scene.play(Work { writes: true, consolidates: true })?;
    beside.print(&alone, &mut table);

    table.print_verdict();
    scene.server.stop()
}

/// What the neighbour does during a phase.
#[derive(Clone, Copy, Default)]
struct Work {
    writes: bool,
    consolidates: bool,
}

struct Quiet {
    caller: Caller,
    reads: Vec<String>,
    /// Each is sent once.
    writes: Vec<String>,
}

struct Busy {
    caller: Caller,
    /// Bodies with `DOMAIN_MARK` for the domain.
    batches: Vec<String>,
    /// Domains begun so far, over all phases.
    domains: usize,
}

struct Scene {
    server: Server,
    quiet: Quiet,
    busy: Busy,
    seconds: u64,
}

/// What one phase showed.
struct Figures {
    reads: Histogram<u64>,
    writes: Histogram<u64>,
    batches: Histogram<u64>,
    batches_per_second: f64,
    runs: Runs,
    rss_mb: f64,
    peak_mb: f64,
    cores: String,
}

/// The consolidations of one phase.
#[derive(Default)]
struct Runs {
    seconds: Vec<f64>,
    undo_seconds: Vec<f64>,
    /// Atoms in search before and after the last one.
    atoms: [u64; 2],
}

impl Scene {
    /// One phase. The neighbour ends what it began, so it may last longer than `seconds`.
    fn play(&mut self, work: Work) -> anyhow::Result<Figures> {
        let first_domain = self.busy.domains;
        let rss_mb = self.server.rss_mb()?;
        self.server.reset_peak()?;
        let cores = CoresUsed::start(&self.server)?;
        let writes_count = WRITES_PER_SECOND * self.seconds as usize;
        let bodies: Vec<_> = self.quiet.writes.drain(..writes_count).collect();

        let stop = AtomicBool::new(false);
        let (quiet, busy, seconds) = (&self.quiet, &mut self.busy, self.seconds);
        let consolidating = busy.caller.clone();
        let (reads, writes, batches, runs) = thread::scope(|scope| {
            let stop = &stop;
            let batches = work.writes.then(|| scope.spawn(|| busy.write_batches(stop)));
            let runs = work.consolidates.then(|| scope.spawn(|| consolidate(consolidating, stop)));
            let writes = scope.spawn(|| {
                let path = "/api/v1/memory/write";
                open_loop(&quiet.caller, path, &bodies, 4, WRITES_PER_SECOND, seconds)
            });
            let path = "/api/v1/memory/read";
            let (rate, caller) = (READS_PER_SECOND, &quiet.caller);
            let reads = open_loop(caller, path, &quiet.reads, CONNECTIONS, rate, seconds);
            // Before any error is looked at: the others wait for it.
            stop.store(true, Ordering::Relaxed);
            anyhow::Ok((reads?, joined(writes)?, ended(batches)?, ended(runs)?))
        })?;

        let (batches, batches_per_second) = batches.unwrap_or((latencies()?, 0.0));
        let figures = Figures {
            reads,
            writes,
            batches,
            batches_per_second,
            runs: runs.unwrap_or_default(),
            rss_mb,
            peak_mb: self.server.peak_mb()?,
            cores: cores.text(&self.server)?,
        };
        self.busy.forget(first_domain)?;
        Ok(figures)
    }
}

fn joined<R>(thread: ScopedJoinHandle<'_, anyhow::Result<R>>) -> anyhow::Result<R> {
    thread.join().map_err(|_| anyhow::anyhow!("a client thread panicked"))?
}

fn ended<R>(thread: Option<ScopedJoinHandle<'_, anyhow::Result<R>>>) -> anyhow::Result<Option<R>> {
    thread.map(joined).transpose()
}

impl Busy {
    /// One after the other until told to stop. Their latencies, and how many there were a second.
    fn write_batches(&mut self, stop: &AtomicBool) -> anyhow::Result<(Histogram<u64>, f64)> {
        let mut connection = self.caller.connect()?;
        let mut batch_us = latencies()?;
        let start_us = now_us();
        'writing: loop {
            let domain = format!("load-{}", self.domains);
            self.domains += 1;
            for batch in &self.batches {
                if stop.load(Ordering::Relaxed) {
                    break 'writing;
                }
                let body = batch.replace(DOMAIN_MARK, &domain);
                let sent_us = now_us();
                connection.post("/api/v1/memory/write-batch", &body)?;
                batch_us.record(now_us() - sent_us)?;
            }
        }
        let per_second = batch_us.len() as f64 / seconds_since(start_us);
        Ok((batch_us, per_second))
    }

    /// Deletes what a phase wrote, so that the next begins as it did.
    fn forget(&self, first_domain: usize) -> anyhow::Result<()> {
        let mut connection = self.caller.connect()?;
        for domain in first_domain..self.domains {
            let path = format!("DELETE /api/v1/memory/domain/load-{domain}");
            ensure!(connection.status_of(&path)? == 200, "{path}");
        }
        Ok(())
    }
}

/// Consolidates, takes it back, and again, until told to stop.
fn consolidate(caller: Caller, stop: &AtomicBool) -> anyhow::Result<Runs> {
    let path = "/api/v1/memory/consolidate";
    let mut connection = caller.connect()?;
    let mut runs = Runs::default();
    while !stop.load(Ordering::Relaxed) {
        let start_us = now_us();
        let report = connection.ask(path, &json!({"domain": CONSOLIDATED_DOMAIN}))?;
        runs.seconds.push(seconds_since(start_us));
        let count = |key: &str| report[key].as_u64().context("no report");
        runs.atoms = [count("atoms_before")?, count("atoms_after")?];
        ensure!(runs.atoms[1] < runs.atoms[0], "nothing was merged: {report}");
        let start_us = now_us();
        connection.ask(path, &json!({"domain": CONSOLIDATED_DOMAIN, "undo": true}))?;
        runs.undo_seconds.push(seconds_since(start_us));
    }
    Ok(runs)
}

impl Figures {
    fn print(&self, alone: &Self, table: &mut Table) {
        let (reads, writes) = (&self.reads, &self.writes);
        let quantiles = |of: &Histogram<u64>| {
            let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|quantile| ms(of, quantile));
            let (count, max) = (of.len(), ms(of, 1.0));
            format!("{count} with p50 {p50:.2}, p90 {p90:.2}, p99 {p99:.2}, max {max:.2} ms")
        };
        table.note("reads", quantiles(reads));
        table.note("durable writes", quantiles(writes));
        let is_beside = !std::ptr::eq(self, alone);
        if is_beside {
            let ratio = |of: &Histogram<u64>, alone: &Histogram<u64>, quantile: f64| {
                ms(of, quantile) / ms(alone, quantile)
            };
            table.at_most("reads' p99 by alone", ratio(reads, &alone.reads, 0.99), RATIO_MAX, "x");
            let p50 = ratio(writes, &alone.writes, 0.5);
            table.note("writes' p50 by alone", format!("{p50:.2} x"));
        }
        if !self.batches.is_empty() {
            table.note("batches", quantiles(&self.batches));
            let rate = self.batches_per_second;
            table.note("batches a second", format!("{rate:.1}, {:.0} atoms", rate * BATCH as f64));
        }
        if !self.runs.seconds.is_empty() {
            table.note("consolidations, seconds each", seconds_text(&self.runs.seconds));
            table.note("taking them back", seconds_text(&self.runs.undo_seconds));
            let [before, after] = self.runs.atoms;
            table.note("atoms before, after", format!("{before}, {after}"));
        }
        let rss = format!("{:.0} MB, {:.0} MB", self.rss_mb, self.peak_mb);
        table.note("server memory before, peak", rss);
        if !self.runs.seconds.is_empty() {
            table.at_most("peak while consolidating", self.peak_mb, RSS_MB_MAX, "MB");
        }
        table.note("cores used", self.cores.clone());
    }
}

fn seconds_text(seconds: &[f64]) -> String {
    seconds.iter().map(|each| format!("{each:.2}")).collect::<Vec<_>>().join(" ")
}

// What they write.

fn quiet_writes(count: u64) -> Vec<String> {
    let mut words = Words::english(SEED ^ 1);
    let body = |n: u64| {
        let content = format!("{} noted {}.", words.name(), words.several(16));
        json!({"content": content, "domain": "notes", "metadata": {"n": n}}).to_string()
    };
    (0..count).map(body).collect()
}

fn prepare_batches() -> Vec<String> {
    let mut words = Words::english(SEED ^ 2);
    let mut item = || {
        let content = format!("{} says {}.", words.name(), words.several(18));
        json!({"content": content, "domain": DOMAIN_MARK, "metadata": {"source": "load"}})
    };
    let mut batch = || json!({"items": (0..BATCH).map(|_| item()).collect::<Vec<_>>()}).to_string();
    (0..BATCHES_PER_DOMAIN).map(|_| batch()).collect()
}

/// Facts that nothing else says, and between them series of sentences that differ in a number, 3
/// to 32 of a kind.
fn series() -> Vec<Value> {
    let mut words = Words::english(SEED ^ 3);
    let mut contents = Vec::new();
    while contents.len() < NEAR_DUPLICATES {
        let count = (3 + words.next() as usize % 30).min(NEAR_DUPLICATES - contents.len());
        let (name, job, rest) = (words.name(), words.several(4), words.several(8));
        let run = |n| format!("{name} reports that run {n} of the {job} ended with {rest}.");
        contents.extend((1..=count).map(run));
    }
    while contents.len() < CONSOLIDATED_ATOMS {
        contents.push(format!("{} says {}.", words.name(), words.several(18)));
    }
    for last in (1..contents.len()).rev() {
        contents.swap(last, (words.next() % (last as u64 + 1)) as usize);
    }
    let atom = |content| json!({"content": content, "domain": CONSOLIDATED_DOMAIN});
    contents.into_iter().map(atom).collect()
}
