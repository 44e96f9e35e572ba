//! Loads. In open loop a latency counts from the moment the schedule wanted the request sent, so a
//! stall is felt by every request it delays (no coordinated omission). It includes the overshoot
//! of `sleep`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use hebbd::types::{Clock, SystemClock};
use serde_json::{Value, json};

use super::client::{Caller, Connection};

/// Atoms per batch.
pub(crate) const BATCH: usize = 500;

/// Microseconds from 1 to ten minutes, with three digits.
pub(crate) fn latencies() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 600_000_000, 3)?)
}

pub(crate) fn ms(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1_000.0
}

pub(crate) fn now_us() -> u64 {
    SystemClock.monotonic_micros()
}

pub(crate) fn seconds_since(start_us: u64) -> f64 {
    now_us().saturating_sub(start_us) as f64 / 1e6
}

/// Writes atoms in batches, one after the other. What each batch took.
pub(crate) fn fill(caller: &Caller, atoms: &[Value]) -> anyhow::Result<Histogram<u64>> {
    let mut connection = caller.connect()?;
    let mut batch_us = latencies()?;
    for batch in atoms.chunks(BATCH) {
        let body = json!({ "items": batch }).to_string();
        let sent_us = now_us();
        let answer: Value =
            serde_json::from_slice(&connection.post("/api/v1/memory/write-batch", &body)?)?;
        batch_us.record(now_us() - sent_us)?;
        let stored = answer["stored_count"].as_u64().unwrap_or(0) as usize;
        ensure!(stored * 100 >= batch.len() * 95, "only {stored} of {} were stored", batch.len());
    }
    Ok(batch_us)
}

/// `rate` requests per second for `seconds`, taken in turn by `connections` threads.
pub(crate) fn open_loop(
    caller: &Caller,
    path: &'static str,
    bodies: &[String],
    connections: usize,
    rate: usize,
    seconds: u64,
) -> anyhow::Result<Histogram<u64>> {
    let total = rate * seconds as usize;
    let interval_us = 1_000_000 / rate as u64;
    let work = move |turn: &Turn<'_>, connection: &mut Connection, own: &mut Histogram<u64>| {
        loop {
            let request = turn.next();
            if request >= total {
                return Ok(());
            }
            let due_us = turn.start_us + request as u64 * interval_us;
            thread::sleep(Duration::from_micros(due_us.saturating_sub(now_us())));
            connection.post(path, turn.body(request))?;
            own.record(now_us().saturating_sub(due_us).max(1))?;
        }
    };
    Ok(run_threads(caller, connections, bodies, work)?.1)
}

/// As fast as `connections` threads go, each waiting for its answer. Requests per second, and
/// what each waited.
pub(crate) fn closed_loop(
    caller: &Caller,
    path: &'static str,
    bodies: &[String],
    connections: usize,
    seconds: u64,
) -> anyhow::Result<(f64, Histogram<u64>)> {
    let repeatable = path.ends_with("read")
        || path.ends_with("search")
        || ["/recall", "/v1/retrieve"].contains(&path);
    let work = move |turn: &Turn<'_>, connection: &mut Connection, own: &mut Histogram<u64>| {
        loop {
            let sent_us = now_us();
            if sent_us >= turn.start_us + seconds * 1_000_000 {
                return Ok(());
            }
            let request = turn.next();
            // A repeated write would be refused as known: stop before that happens.
            ensure!(repeatable || request < turn.bodies.len(), "too few bodies prepared");
            connection.post(path, turn.body(request))?;
            own.record(now_us() - sent_us)?;
        }
    };
    let (elapsed_us, latencies) = run_threads(caller, connections, bodies, work)?;
    Ok((latencies.len() as f64 * 1e6 / elapsed_us as f64, latencies))
}

/// What the threads of one run share.
struct Turn<'a> {
    bodies: &'a [String],
    next: &'a AtomicUsize,
    /// Set only when every connection is open, so that connecting is never part of a latency.
    start_us: u64,
}

impl Turn<'_> {
    fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn body(&self, request: usize) -> &str {
        &self.bodies[request % self.bodies.len()]
    }
}

/// Runs `work` once per connection. Microseconds from the common start to the last answer, and
/// all latencies.
fn run_threads(
    caller: &Caller,
    connections: usize,
    bodies: &[String],
    work: impl Fn(&Turn<'_>, &mut Connection, &mut Histogram<u64>) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<(u64, Histogram<u64>)> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = caller.connect()?;
        // One answer proves that the server has accepted it.
        connection.status_of("GET /livez")?;
        open.push(connection);
    }
    let next = AtomicUsize::new(0);
    // A moment for the threads to start.
    let turn = Turn { bodies, next: &next, start_us: now_us() + 50_000 };
    let mut all = latencies()?;
    thread::scope(|scope| -> anyhow::Result<()> {
        let mut threads = Vec::new();
        for mut connection in open {
            let (turn, work) = (&turn, &work);
            threads.push(scope.spawn(move || -> anyhow::Result<Histogram<u64>> {
                let mut own = latencies()?;
                thread::sleep(Duration::from_micros(turn.start_us.saturating_sub(now_us())));
                work(turn, &mut connection, &mut own)?;
                Ok(own)
            }));
        }
        for thread in threads {
            all.add(thread.join().map_err(|_| anyhow::anyhow!("a client thread panicked"))??)?;
        }
        Ok(())
    })?;
    Ok((now_us().saturating_sub(turn.start_us).max(1), all))
}
