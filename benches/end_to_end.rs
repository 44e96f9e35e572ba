//! Drives the real server over HTTP and prints what it reaches beside the targets of the design.
//! The server is the `hebbd` binary in a process of its own, so its memory and its start are
//! measured alone. How it is started, and the client, are in `support`.
//!
//! Run with `cargo bench --bench end_to_end [-- --quick] [--server PATH]`. About two minutes.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench prints, rounds its figures, sleeps by its schedule and may stop on a defect"
)]

mod support;

use anyhow::Context;
use serde_json::{Value, json};

use support::client::Caller;
use support::load::{closed_loop, fill, latencies, ms, now_us, open_loop, seconds_since};
use support::report::{Table, print_machine};
use support::server::{Options, Server};
use support::text::{Corpus, TURNS_PER_SESSION, Words};

const ATOMS: usize = 10_000;
const SEED: u64 = 0x5eed_0001;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();

    println!("\n{ATOMS} atoms over 20 domains, reads over all of them");
    let spread = Corpus::new(Words::made_up(SEED), ATOMS, 20);
    let server = Server::start(&options, "spread")?;
    measure_fill(&server, &spread, &mut table, true)?;
    table.note("RSS, one tenant in use", format!("{:.0} MB", server.rss_mb()?));
    measure_reads(&options, &server, &spread, &mut table)?;
    let server = measure_cold(&options, server, &spread, "spread", [60.0, 200.0], &mut table)?;
    measure_writes(&options, &server, &mut table)?;
    server.stop()?;

    println!("\n{ATOMS} atoms in one domain, reads of that domain");
    let single = Corpus::new(Words::made_up(SEED), ATOMS, 1);
    let server = Server::start(&options, "single")?;
    measure_fill(&server, &single, &mut table, false)?;
    measure_reads(&options, &server, &single, &mut table)?;
    let server = measure_cold(&options, server, &single, "single", [60.0, 200.0], &mut table)?;
    server.stop()?;

    println!("\n1,000 atoms");
    let small = Corpus::new(Words::made_up(SEED), 1_000, 2);
    let server = Server::start(&options, "small")?;
    measure_fill(&server, &small, &mut table, false)?;
    measure_cold(&options, server, &small, "small", [10.0, 30.0], &mut table)?.stop()?;

    println!(
        "\nNot measured here: LoCoMo quality (`hebbd eval recall`), 100,000 idle tenants, a quiet"
    );
    println!("tenant beside a busy one (neighbours), and losses over kill -9 (tests/recovery.rs).");
    table.print_verdict();
    Ok(())
}

// What is measured.

fn measure_fill(
    server: &Server,
    corpus: &Corpus,
    table: &mut Table,
    report: bool,
) -> anyhow::Result<()> {
    let start_us = now_us();
    let batch_us = fill(&server.caller(), &corpus.atoms)?;
    let seconds = seconds_since(start_us);
    table.note("filled", format!("{} atoms in {seconds:.2} s", corpus.atoms.len()));
    if report {
        table.at_most("write-batch of 500, p50", ms(&batch_us, 0.5), [120.0, 400.0], "ms");
        table.note("write-batch of 500, max", format!("{:.1} ms", ms(&batch_us, 1.0)));
    }
    Ok(())
}

fn measure_reads(
    options: &Options,
    server: &Server,
    corpus: &Corpus,
    table: &mut Table,
) -> anyhow::Result<()> {
    // Not a target of the design: below it the answers are wrong and the speeds mean nothing.
    let (caller, bodies) = (server.caller(), &corpus.reads);
    table.at_least("found@10 of 200", found_at_10(&caller, corpus)?, [0.9, 0.5], "");
    let path = "/api/v1/memory/read";
    let seconds = options.seconds(10);
    let open = open_loop(&caller, path, bodies, 32, 500, seconds)?;
    table.at_most("read p50 at 500/s", ms(&open, 0.5), [0.5, 2.0], "ms");
    table.at_most("read p99 at 500/s", ms(&open, 0.99), [2.5, 8.0], "ms");
    table.note("read p99.9 / max", format!("{:.2} / {:.2} ms", ms(&open, 0.999), ms(&open, 1.0)));
    let (rate, closed) = closed_loop(&caller, path, bodies, 16, options.seconds(6))?;
    table.at_least("reads/s, 16 connections", rate, [8_000.0, 3_000.0], "/s");
    table.note(
        "  their p50 / p99",
        format!("{:.2} / {:.2} ms", ms(&closed, 0.5), ms(&closed, 0.99)),
    );
    Ok(())
}

/// Share of questions whose source atom is among the first ten: speed without it means nothing.
fn found_at_10(caller: &Caller, corpus: &Corpus) -> anyhow::Result<f64> {
    let mut connection = caller.connect()?;
    let mut found = 0;
    for (body, source) in corpus.reads.iter().zip(&corpus.sources).take(200) {
        let answer: Value = serde_json::from_slice(&connection.post("/api/v1/memory/read", body)?)?;
        let items = answer["items"].as_array().context("an answer without items")?;
        found += usize::from(items.iter().any(|item| item["metadata"]["n"] == json!(source)));
    }
    Ok(found as f64 / 200.0)
}

/// Restarts the server on its data and times the first read, which opens the tenant. Three times;
/// the median counts.
fn measure_cold(
    options: &Options,
    mut server: Server,
    corpus: &Corpus,
    name: &str,
    bars_ms: [f64; 2],
    table: &mut Table,
) -> anyhow::Result<Server> {
    let mut first_read_us = latencies()?;
    let mut ready_us = latencies()?;
    for body in corpus.reads.iter().take(3) {
        server.stop()?;
        server = Server::restart(options, name)?;
        ready_us.record(server.ready_us)?;
        let mut connection = server.caller().connect()?;
        let sent_us = now_us();
        connection.post("/api/v1/memory/read", body)?;
        first_read_us.record(now_us() - sent_us)?;
    }
    let count = corpus.atoms.len();
    table.at_most(
        &format!("first read, {count} atoms cold"),
        ms(&first_read_us, 0.5),
        bars_ms,
        "ms",
    );
    table.note("start to ready, one tenant", format!("{:.0} ms", ms(&ready_us, 0.5)));
    Ok(server)
}

fn measure_writes(options: &Options, server: &Server, table: &mut Table) -> anyhow::Result<()> {
    let writes = |seed: u64| -> Vec<String> {
        let mut words = Words::made_up(SEED ^ seed);
        let atom = |n: usize| {
            json!({
                "content": format!("{} says {}.", words.name(), words.several(18)),
                "domain": "writes",
                "metadata": {"n": n, "session_id": format!("w{}", n / TURNS_PER_SESSION)},
            })
        };
        (0..150_000).map(atom).map(|atom| atom.to_string()).collect()
    };
    let caller = server.caller();
    let path = "/api/v1/memory/write";
    let open = open_loop(&caller, path, &writes(1), 32, 200, options.seconds(10))?;
    table.at_most("durable write p50 at 200/s", ms(&open, 0.5), [1.5, 3.0], "ms");
    table.at_most("durable write p99 at 200/s", ms(&open, 0.99), [6.0, 15.0], "ms");
    let (rate, closed) = closed_loop(&caller, path, &writes(2), 64, options.seconds(6))?;
    table.at_least("durable atoms/s, 64 writers", rate, [8_000.0, 3_000.0], "/s");
    table.note(
        "  their p50 / p99",
        format!("{:.2} / {:.2} ms", ms(&closed, 0.5), ms(&closed, 0.99)),
    );
    table.note("RSS after the writes", format!("{:.0} MB", server.rss_mb()?));
    Ok(())
}
