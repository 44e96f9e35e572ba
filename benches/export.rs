//! The export of a tenant of 50,000 atoms: how soon it begins, how fast it comes, and what memory
//! it takes of the server, with a client that reads as fast as it can and with one that pauses.
//! Bars: the first byte comes within 200 ms, and memory stays flat: the server's peak during an
//! export is at most 16 MB above what it held before.
//!
//! The first export of a server that was just started fills the page cache of the store (64 MB by
//! default), which is not the export's; it is printed without a bar.
//!
//! Run with `cargo bench --bench export [-- --quick] [--server PATH]`. About a minute.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench prints, rounds its figures and sleeps by its schedule"
)]

mod support;

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};

use support::load::{fill, now_us, seconds_since};
use support::report::{Table, print_machine};
use support::server::{Options, Server};
use support::text::{TURNS_PER_SESSION, Words};

const SEED: u64 = 0x5eed_0003;
const ATOMS: usize = 50_000;
const DOMAINS: usize = 10;
/// About 300 characters.
const WORDS: usize = 48;
const NAME: &str = "export";

const FIRST_BYTE_MS_MAX: [f64; 2] = [200.0, 200.0];
const GROWTH_MB_MAX: [f64; 2] = [16.0, 16.0];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();
    let atoms = atoms();
    let size: usize = atoms.iter().map(|atom| atom["content"].as_str().map_or(0, str::len)).sum();
    println!("\n{ATOMS} atoms of {} bytes on average, in {DOMAINS} domains", size / ATOMS);

    let server = Server::start(&options, NAME)?;
    let start_us = now_us();
    fill(&server.caller(), &atoms)?;
    table.note("filled in", format!("{:.1} s", seconds_since(start_us)));
    table.note("server memory", format!("{:.0} MB", server.rss_mb()?));
    server.stop()?;

    let server = Server::restart(&options, NAME)?;
    println!("\nThe first request of a server just started: it opens the tenant");
    let cold = Export::run(&server, Pace::default())?;
    cold.print(&table);
    println!("\nAgain");
    let again = Export::run(&server, Pace::default())?;
    again.print_against_bars(&mut table);
    ensure!(cold.lines == ATOMS && again.bytes == cold.bytes, "the exports differ");

    println!("\nA client that pauses");
    // A quarter of a second for every two megabytes, or four.
    let every_bytes = if options.quick { 4 << 20 } else { 2 << 20 };
    let slow = Export::run(&server, Pace { every_bytes, pause: Duration::from_millis(250) })?;
    slow.print_against_bars(&mut table);
    ensure!(slow.bytes == cold.bytes, "the exports differ");

    println!("\nFour at a time, of which two pause");
    server.reset_peak()?;
    let before_mb = server.rss_mb()?;
    let slow = Pace { every_bytes, pause: Duration::from_millis(100) };
    thread::scope(|scope| -> anyhow::Result<()> {
        let server = &server;
        let start = |pace| scope.spawn(move || Export::run(server, pace));
        for thread in [Pace::default(), Pace::default(), slow, slow].map(start) {
            let export = thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            ensure!(export.bytes == cold.bytes, "the exports differ");
        }
        Ok(())
    })?;
    table.at_most("growth at the peak", server.peak_mb()? - before_mb, GROWTH_MB_MAX, "MB");

    table.print_verdict();
    server.stop()
}

/// How a client reads. Without a pause as fast as it can.
#[derive(Clone, Copy, Default)]
struct Pace {
    every_bytes: usize,
    pause: Duration,
}

/// What one export showed.
struct Export {
    first_byte_ms: f64,
    seconds: f64,
    bytes: usize,
    lines: usize,
    /// Of the server: before, at its peak meanwhile, and after.
    memory_mb: [f64; 3],
}

impl Export {
    fn run(server: &Server, pace: Pace) -> anyhow::Result<Self> {
        let mut connection = server.caller().connect()?;
        // One answer proves that the server has accepted it. It opens no tenant.
        connection.status_of("GET /livez")?;
        server.reset_peak()?;
        let before_mb = server.rss_mb()?;
        let start_us = now_us();
        let (mut first_us, mut bytes, mut lines) = (None, 0, 0);
        connection.get_chunked("/api/v1/memory/export", &mut |part| {
            first_us.get_or_insert_with(now_us);
            if !pace.pause.is_zero()
                && bytes / pace.every_bytes < (bytes + part.len()) / pace.every_bytes
            {
                thread::sleep(pace.pause);
            }
            bytes += part.len();
            lines += part.iter().filter(|byte| **byte == b'\n').count();
        })?;
        Ok(Self {
            first_byte_ms: (first_us.unwrap_or_else(now_us) - start_us) as f64 / 1_000.0,
            seconds: seconds_since(start_us),
            bytes,
            lines,
            memory_mb: [before_mb, server.peak_mb()?, server.rss_mb()?],
        })
    }

    fn print(&self, table: &Table) {
        let megabytes = self.bytes as f64 / 1e6;
        let speed = megabytes / self.seconds;
        table.note("first byte", format!("{:.1} ms", self.first_byte_ms));
        table.note("last byte", format!("{:.2} s, {speed:.0} MB a second", self.seconds));
        table.note("size", format!("{megabytes:.1} MB, {} lines", self.lines));
        let [before, peak, after] = self.memory_mb;
        table.note(
            "server memory before, peak, after",
            format!(" {before:.0}, {peak:.0}, {after:.0} MB"),
        );
    }

    fn print_against_bars(&self, table: &mut Table) {
        self.print(table);
        let [before, peak, _] = self.memory_mb;
        table.at_most("first byte", self.first_byte_ms, FIRST_BYTE_MS_MAX, "ms");
        table.at_most("growth at the peak", peak - before, GROWTH_MB_MAX, "MB");
    }
}

fn atoms() -> Vec<Value> {
    let mut words = Words::english(SEED);
    let mut atom = |n: usize| {
        let session = n / TURNS_PER_SESSION;
        json!({
            "content": format!("{} says {}.", words.name(), words.several(WORDS)),
            "domain": format!("export:{}", session % DOMAINS),
            "external_ref": format!("turn/{n}"),
            "metadata": {
                "n": n, "session_id": format!("s{session}"), "source": "bench",
                "tags": ["export", words.several(1)],
            },
        })
    };
    (0..ATOMS).map(&mut atom).collect()
}
