//! What 100,000 tenants cost that nobody uses, and what the first request to one of them costs.
//! Bars: memory 300 MB, start to ready 3 s, first read of a cold tenant with 1,000 atoms 30 ms and
//! with 10,000 atoms 200 ms.
//!
//! Tenants and keys are written to the directory as the admin API writes them, one durable change
//! each. Run with `cargo bench --bench idle_tenants [-- --quick] [--server PATH]`; `--quick`
//! registers 10,000. About three minutes.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints and rounds its figures"
)]

mod support;

use std::sync::Arc;

use hebbd::app;
use hebbd::config::Config;
use hebbd::control::Directory;
use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::{ShardNo, SystemClock};
use secrecy::ExposeSecret;
use serde_json::json;

use support::client::Caller;
use support::load::{fill, now_us, seconds_since};
use support::report::{Table, print_machine};
use support::server::{Options, Server, data_dir};
use support::text::{Corpus, Words};

const NAME: &str = "idle-tenants";
const SEED: u64 = 0x5eed_0007;
/// Cold tenants with this many atoms, and how long their first read may take.
const COLD: [(usize, [f64; 2]); 2] = [(1_000, [10.0, 30.0]), (10_000, [60.0, 200.0])];
const RESTARTS: usize = 5;
const RSS_MB_MAX: [f64; 2] = [120.0, 300.0];
const READY_S_MAX: [f64; 2] = [1.0, 3.0];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let tenants = if options.quick { 10_000 } else { 100_000 };
    print_machine();
    let mut table = Table::default();

    println!("\nWithout tenants");
    let server = Server::start(&options, NAME)?;
    table.note("start to ready", format!("{:.0} ms", server.ready_us as f64 / 1e3));
    table.note("memory", format!("{:.0} MB", server.rss_mb()?));
    server.stop()?;

    let start_us = now_us();
    let keys = register(tenants)?;
    println!("\n{tenants} tenants with a key each, all idle");
    table.note("registered in", format!("{:.0} s", seconds_since(start_us)));
    let mut ready_s = Vec::new();
    let mut rss_mb = Vec::new();
    for _ in 0..RESTARTS {
        let server = Server::restart(&options, NAME)?;
        ready_s.push(server.ready_us as f64 / 1e6);
        rss_mb.push(server.rss_mb()?);
        server.stop()?;
    }
    table.at_most("start to ready, median", median(&mut ready_s), READY_S_MAX, "s");
    table.at_most("memory, median", median(&mut rss_mb), RSS_MB_MAX, "MB");

    println!("\nTheir first reads");
    let server = Server::restart(&options, NAME)?;
    let mut empty_ms = Vec::new();
    for api_key in keys.iter().step_by(keys.len() / 100).skip(COLD.len()) {
        empty_ms.push(first_read_ms(&server, api_key)?);
    }
    table.note("of an empty one, median", format!("{:.2} ms", median(&mut empty_ms)));
    for ((atoms, _), api_key) in COLD.iter().zip(&keys) {
        fill(&caller(&server, api_key), &Corpus::new(Words::made_up(SEED), *atoms, 1).atoms)?;
    }
    server.stop()?;
    for ((atoms, bars), api_key) in COLD.iter().zip(&keys) {
        let mut cold_ms = Vec::new();
        for _ in 0..RESTARTS {
            let server = Server::restart(&options, NAME)?;
            cold_ms.push(first_read_ms(&server, api_key)?);
            server.stop()?;
        }
        let what = format!("with {atoms} atoms, median");
        table.at_most(&what, median(&mut cold_ms), *bars, "ms");
    }
    table.print_verdict();
    Ok(())
}

/// Makes tenants with a key each, on shards in turn. Answers the keys.
fn register(count: usize) -> anyhow::Result<Vec<String>> {
    let mut config = Config::default();
    config.data_dir = data_dir(NAME);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let directory: Directory =
        runtime.block_on(app::open_directory(&config, Arc::new(SystemClock)))?;
    let shards: Vec<ShardNo> = app::shard_plans(&config)?.iter().map(|shard| shard.no).collect();
    let in_turn = shards.iter().cycle();
    (0..count)
        .zip(in_turn)
        .map(|(number, shard)| {
            let name = format!("tenant number {number}");
            let tenant = directory.create_tenant(&name, "pro", |_| *shard)?;
            let order = KeyOrder::for_tenant(tenant.id, KeyKind::Mnemoverse, "");
            Ok(directory.create_key(order)?.secret.expose_secret().to_owned())
        })
        .collect()
}

fn caller(server: &Server, api_key: &str) -> Caller {
    Caller::with_key(server.caller().port, api_key)
}

fn first_read_ms(server: &Server, api_key: &str) -> anyhow::Result<f64> {
    // Connected before: the handshake is not the tenant's.
    let mut connection = caller(server, api_key).connect()?;
    let start_us = now_us();
    connection.ask("/api/v1/memory/read", &json!({"query": "When do we meet?"}))?;
    Ok((now_us() - start_us) as f64 / 1e3)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
