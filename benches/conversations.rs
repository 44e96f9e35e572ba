//! Conversations over the tex dialect: one session of 10,000 turns is written and recalled from
//! over HTTP, in both modes. Says how fast, and how often the turn that was asked for is found.
//!
//! Run with `cargo bench --bench conversations [-- --quick] [--server PATH]`. About a minute.

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
use support::load::{closed_loop, latencies, ms, now_us, open_loop, seconds_since};
use support::report::{Table, print_machine};
use support::server::{Options, Server};
use support::text::{TURNS_PER_SESSION, Words};

const TURNS: usize = 10_000;
const SEED: u64 = 0x5eed_0007;
const BATCH: usize = 100;
/// Questions whose answers are looked at.
const LOOKED_AT: usize = 200;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();
    println!("\none session of {TURNS} turns");
    let server = Server::start(&options, "conversations")?;
    let caller = server.tex_caller("conversations")?;
    let written = Written::fill(&caller, &mut table)?;
    table.note("RSS", format!("{:.0} MB", server.rss_mb()?));
    for mode in ["active", "deep"] {
        measure_recall(&options, &caller, &written, mode, &mut table)?;
    }
    measure_single_writes(&options, &caller, &mut table)?;
    table.note("RSS at the end", format!("{:.0} MB", server.rss_mb()?));
    server.stop()?;
    table.print_verdict();
    Ok(())
}

struct Written {
    questions: Vec<String>,
    /// The fragment that each question asks for.
    ids: Vec<String>,
}

fn scope() -> Value {
    json!({"org_id": "bench", "session_id": "bench"})
}

/// Ten in the morning of a day that counts up, 25 turns a day.
fn timestamp(turn: usize) -> String {
    let day = turn / TURNS_PER_SESSION;
    let (year, month) = (2020 + day / 336, day / 28 % 12 + 1);
    format!("{year}-{month:02}-{:02}T10:00:{:02}Z", day % 28 + 1, turn % TURNS_PER_SESSION)
}

impl Written {
    fn fill(caller: &Caller, table: &mut Table) -> anyhow::Result<Self> {
        let mut words = Words::made_up(SEED);
        let mut written = Self { questions: Vec::new(), ids: Vec::new() };
        let mut turns = Vec::new();
        for turn in 0..TURNS {
            let (name, topic) = (words.name(), words.several(3));
            let text = format!("{topic} {}.", words.several(15));
            turns.push(json!({"role": name, "text": text, "timestamp": timestamp(turn)}));
            written.questions.push(format!("What did {name} say about {topic}?"));
        }
        let mut connection = caller.connect()?;
        let mut batch_us = latencies()?;
        let start_us = now_us();
        for batch in turns.chunks(BATCH) {
            let body = json!({"scope": scope(), "turns": batch});
            let sent_us = now_us();
            let answer = connection.ask("/ingestion/memory", &body)?;
            batch_us.record(now_us() - sent_us)?;
            let ids = answer["active_fragment_ids"].as_array().context("no fragment ids")?;
            written.ids.extend(ids.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        table.note("filled", format!("{TURNS} turns in {:.2} s", seconds_since(start_us)));
        let (p50, p99) = (ms(&batch_us, 0.5), ms(&batch_us, 0.99));
        table.note("100 turns at once, p50 / p99", format!("{p50:.1} / {p99:.1} ms"));
        Ok(written)
    }

    fn bodies(&self, mode: &str) -> Vec<String> {
        let body = |q: &String| json!({"q": q, "scope": scope(), "mode": mode}).to_string();
        self.questions.iter().map(body).collect()
    }
}

fn measure_recall(
    options: &Options,
    caller: &Caller,
    written: &Written,
    mode: &str,
    table: &mut Table,
) -> anyhow::Result<()> {
    println!("\n{mode}");
    let bodies = written.bodies(mode);
    let mut connection = caller.connect()?;
    let mut found = 0;
    let mut one_by_one = latencies()?;
    // Spread over the session.
    for at in (0..TURNS).step_by(TURNS / LOOKED_AT) {
        let sent_us = now_us();
        let answer = connection.post("/recall", &bodies[at])?;
        one_by_one.record(now_us() - sent_us)?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let turns = answer["hits"]["turns"].as_array().context("no turns")?;
        found += usize::from(turns.iter().take(10).any(|hit| hit["id"] == written.ids[at]));
    }
    table.at_least("found@10 of 200", found as f64 / LOOKED_AT as f64, [0.9, 0.5], "");
    // The design's bar is for the first mode; the other may take longer.
    let bars = if mode == "active" { [1.0, 2.0] } else { [5.0, 10.0] };
    table.at_most("p50, one after the other", ms(&one_by_one, 0.5), bars, "ms");
    table.note("p99, one after the other", format!("{:.2} ms", ms(&one_by_one, 0.99)));
    let rate = if mode == "active" { 300 } else { 100 };
    let open = open_loop(caller, "/recall", &bodies, 16, rate, options.seconds(8))?;
    table.note(
        &format!("p50 / p99 at {rate}/s"),
        format!("{:.2} / {:.2} ms", ms(&open, 0.5), ms(&open, 0.99)),
    );
    let (rate, closed) = closed_loop(caller, "/recall", &bodies, 8, options.seconds(6))?;
    table.note("recalls/s, 8 connections", format!("{rate:.0}"));
    table.note(
        "  their p50 / p99",
        format!("{:.2} / {:.2} ms", ms(&closed, 0.5), ms(&closed, 0.99)),
    );
    Ok(())
}

fn measure_single_writes(
    options: &Options,
    caller: &Caller,
    table: &mut Table,
) -> anyhow::Result<()> {
    println!("\none turn a call, into sessions of 100");
    let mut words = Words::english(SEED);
    let bodies: Vec<String> = (0..60_000)
        .map(|turn| {
            let scope = json!({"org_id": "bench", "session_id": format!("s{}", turn / 100)});
            let text = format!("I live in {} and {}.", words.name(), words.several(12));
            let turn = json!({"role": "user", "text": text, "timestamp": timestamp(turn)});
            json!({"scope": scope, "turns": [turn]}).to_string()
        })
        .collect();
    let (open, rest) = bodies.split_at(bodies.len() / 4);
    let open = open_loop(caller, "/ingestion/memory", open, 16, 200, options.seconds(8))?;
    table.note("p50 / p99 at 200/s", format!("{:.2} / {:.2} ms", ms(&open, 0.5), ms(&open, 0.99)));
    let (rate, closed) = closed_loop(caller, "/ingestion/memory", rest, 32, options.seconds(6))?;
    table.note("durable turns/s, 32 writers", format!("{rate:.0}"));
    table.note(
        "  their p50 / p99",
        format!("{:.2} / {:.2} ms", ms(&closed, 0.5), ms(&closed, 0.99)),
    );
    Ok(())
}
