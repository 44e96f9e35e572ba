//! Drives the real server over HTTP and prints what it reaches beside the targets of the design.
//! The server is the `hebbd` binary in a process of its own, so its memory and its start are
//! measured alone; `Server` is the only code here that knows how it is started.
//!
//! The client is one blocking thread per connection with a minimal HTTP/1.1 of its own: client
//! and server share the machine, and an async client's timer has only millisecond steps. In open
//! loop a latency counts from the moment the schedule wanted the request sent, so a stall is felt
//! by every request it delays (no coordinated omission). It includes the overshoot of `sleep`.
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

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use hebbd::types::{Clock, SystemClock};
use serde_json::{Value, json};

const ATOMS: usize = 10_000;
const TURNS_PER_SESSION: usize = 25;
const BATCH: usize = 500;
const SEED: u64 = 0x5eed_0001;
const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(15);

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();

    println!("\n{ATOMS} atoms over 20 domains, reads over all of them");
    let spread = Corpus::new(ATOMS, 20);
    let server = Server::start(&options, "spread")?;
    fill(&server, &spread, &mut table, true)?;
    table.note("RSS, one tenant in use", format!("{:.0} MB", server.rss_mb()?));
    measure_reads(&options, &server, &spread, &mut table)?;
    let server = measure_cold(&options, server, &spread, "spread", [60.0, 200.0], &mut table)?;
    measure_writes(&options, &server, &mut table)?;
    server.stop()?;

    println!("\n{ATOMS} atoms in one domain, reads of that domain");
    let single = Corpus::new(ATOMS, 1);
    let server = Server::start(&options, "single")?;
    fill(&server, &single, &mut table, false)?;
    measure_reads(&options, &server, &single, &mut table)?;
    let server = measure_cold(&options, server, &single, "single", [60.0, 200.0], &mut table)?;
    server.stop()?;

    println!("\n1,000 atoms");
    let small = Corpus::new(1_000, 2);
    let server = Server::start(&options, "small")?;
    fill(&server, &small, &mut table, false)?;
    measure_cold(&options, server, &small, "small", [10.0, 30.0], &mut table)?.stop()?;

    println!("\nNot measured here: LoCoMo quality (`hebbd eval recall`), 100,000 idle tenants,");
    println!("a quiet tenant beside a busy one, and losses over kill -9 (tests/recovery.rs).");
    table.print_verdict();
    Ok(())
}

struct Options {
    /// Shorter runs, for a first look; percentiles are rough.
    quick: bool,
    server: PathBuf,
}

impl Options {
    fn parse() -> Self {
        let args: Vec<String> = std::env::args().collect();
        let named = args.iter().position(|arg| arg == "--server").and_then(|at| args.get(at + 1));
        let server = named.map_or(env!("CARGO_BIN_EXE_hebbd"), String::as_str);
        Self { quick: args.iter().any(|arg| arg == "--quick"), server: PathBuf::from(server) }
    }

    fn seconds(&self, full: u64) -> u64 {
        if self.quick { (full / 4).max(1) } else { full }
    }
}

// What is measured.

fn fill(server: &Server, corpus: &Corpus, table: &mut Table, report: bool) -> anyhow::Result<()> {
    let mut connection = server.connect()?;
    let mut batch_us = latencies()?;
    let start_us = now_us();
    for batch in corpus.atoms.chunks(BATCH) {
        let body = json!({ "items": batch }).to_string();
        let sent_us = now_us();
        let answer: Value =
            serde_json::from_slice(&connection.post("/api/v1/memory/write-batch", &body)?)?;
        batch_us.record(now_us() - sent_us)?;
        let stored = answer["stored_count"].as_u64().unwrap_or(0) as usize;
        ensure!(stored * 100 >= batch.len() * 95, "only {stored} of {} were stored", batch.len());
    }
    let seconds = (now_us() - start_us) as f64 / 1e6;
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
    table.at_least("found@10 of 200", found_at_10(server, corpus)?, [0.9, 0.5], "");
    let bodies = Arc::new(corpus.reads.clone());
    let path = "/api/v1/memory/read";
    let seconds = options.seconds(10);
    let open = open_loop(server, path, &bodies, 32, 500, seconds)?;
    table.at_most("read p50 at 500/s", ms(&open, 0.5), [0.5, 2.0], "ms");
    table.at_most("read p99 at 500/s", ms(&open, 0.99), [2.5, 8.0], "ms");
    table.note("read p99.9 / max", format!("{:.2} / {:.2} ms", ms(&open, 0.999), ms(&open, 1.0)));
    let (rate, closed) = closed_loop(server, path, &bodies, 16, options.seconds(6))?;
    table.at_least("reads/s, 16 connections", rate, [8_000.0, 3_000.0], "/s");
    table.note(
        "  their p50 / p99",
        format!("{:.2} / {:.2} ms", ms(&closed, 0.5), ms(&closed, 0.99)),
    );
    Ok(())
}

/// Share of questions whose source atom is among the first ten: speed without it means nothing.
fn found_at_10(server: &Server, corpus: &Corpus) -> anyhow::Result<f64> {
    let mut connection = server.connect()?;
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
        let mut connection = server.connect()?;
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
    let writes = |seed: u64| -> Arc<Vec<String>> {
        let mut words = Words::new(SEED ^ seed);
        let atom = |n: usize| {
            json!({
                "content": format!("{} says {}.", words.name(), words.several(18)),
                "domain": "writes",
                "metadata": {"n": n, "session_id": format!("w{}", n / TURNS_PER_SESSION)},
            })
        };
        Arc::new((0..150_000).map(atom).map(|atom| atom.to_string()).collect())
    };
    let path = "/api/v1/memory/write";
    let open = open_loop(server, path, &writes(1), 32, 200, options.seconds(10))?;
    table.at_most("durable write p50 at 200/s", ms(&open, 0.5), [1.5, 3.0], "ms");
    table.at_most("durable write p99 at 200/s", ms(&open, 0.99), [6.0, 15.0], "ms");
    let (rate, closed) = closed_loop(server, path, &writes(2), 64, options.seconds(6))?;
    table.at_least("durable atoms/s, 64 writers", rate, [8_000.0, 3_000.0], "/s");
    table.note(
        "  their p50 / p99",
        format!("{:.2} / {:.2} ms", ms(&closed, 0.5), ms(&closed, 0.99)),
    );
    table.note("RSS after the writes", format!("{:.0} MB", server.rss_mb()?));
    Ok(())
}

// Load.

fn latencies() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 600_000_000, 3)?)
}

fn ms(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1_000.0
}

fn now_us() -> u64 {
    SystemClock.monotonic_micros()
}

/// `rate` requests per second for `seconds`, taken in turn by `connections` threads.
fn open_loop(
    server: &Server,
    path: &'static str,
    bodies: &Arc<Vec<String>>,
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
    Ok(run_threads(server, connections, bodies, work)?.1)
}

/// As fast as `connections` threads go, each waiting for its answer. Requests per second, and
/// what each waited.
fn closed_loop(
    server: &Server,
    path: &'static str,
    bodies: &Arc<Vec<String>>,
    connections: usize,
    seconds: u64,
) -> anyhow::Result<(f64, Histogram<u64>)> {
    let repeatable = path.ends_with("read");
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
    let (elapsed_us, latencies) = run_threads(server, connections, bodies, work)?;
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
    server: &Server,
    connections: usize,
    bodies: &[String],
    work: impl Fn(&Turn<'_>, &mut Connection, &mut Histogram<u64>) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<(u64, Histogram<u64>)> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = server.connect()?;
        // One answer proves that the server has accepted it.
        connection.status_of("/livez")?;
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

/// One keep-alive HTTP/1.1 connection. Understands `Content-Length` only.
struct Connection {
    reader: BufReader<TcpStream>,
    head: String,
}

impl Connection {
    fn open(port: u16, api_key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let head = format!("Host: 127.0.0.1:{port}\r\nX-Api-Key: {api_key}\r\n");
        Ok(Self { reader: BufReader::new(stream), head })
    }

    /// The body of a 200 answer.
    fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        let head = &self.head;
        let request = format!(
            "POST {path} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (status, answer) = self.exchange(&request)?;
        if status != 200 {
            bail!("{path}: HTTP {status} {}", String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }

    fn status_of(&mut self, path: &str) -> anyhow::Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head);
        Ok(self.exchange(&request)?.0)
    }

    fn exchange(&mut self, request: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("not an HTTP answer: {line:?}"))?;
        let mut length = None;
        loop {
            line.clear();
            ensure!(self.reader.read_line(&mut line)? > 0, "the server closed the connection");
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = Some(value.trim().parse()?);
            }
        }
        let mut body = vec![0; length.context("an answer without Content-Length")?];
        self.reader.read_exact(&mut body)?;
        Ok((status, body))
    }
}

// The server.

/// A running `hebbd serve --dev`; killed when dropped without `stop`.
struct Server {
    child: Child,
    port: u16,
    api_key: String,
    /// From spawning the process to the first 200 of `/readyz`.
    ready_us: u64,
}

impl Server {
    /// On an empty data directory.
    fn start(options: &Options, name: &str) -> anyhow::Result<Self> {
        let dir = data_dir(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        Self::restart(options, name)
    }

    /// On the data directory that an earlier server left.
    fn restart(options: &Options, name: &str) -> anyhow::Result<Self> {
        let dir = data_dir(name);
        // Ours to choose, so that it is known before the server writes its credentials.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(dir.with_extension("log"))?;
        let start_us = now_us();
        let child = Command::new(&options.server)
            .args(["serve", "--dev", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(&dir)
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", options.server.display()))?;
        let mut server = Self { child, port, api_key: String::new(), ready_us: 0 };
        while !server.is_ready() {
            let waited = Duration::from_micros(now_us() - start_us);
            let log = dir.with_extension("log");
            let ended = server.child.try_wait()?;
            ensure!(ended.is_none() && waited < READY_MAX, "it did not start: {}", log.display());
            thread::sleep(Duration::from_millis(1));
        }
        server.ready_us = now_us() - start_us;
        server.api_key = read_api_key(&dir)?;
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        Connection::open(self.port, "").and_then(|mut each| each.status_of("/readyz")).ok()
            == Some(200)
    }

    fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.port, &self.api_key)
    }

    /// Resident memory of the server process. Linux only.
    fn rss_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
        Ok(kb.parse::<f64>()? / 1_024.0)
    }

    /// SIGTERM, then waits for an orderly end.
    fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let start_us = now_us();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            let waited = Duration::from_micros(now_us() - start_us);
            ensure!(waited < STOP_MAX, "the server did not stop in {STOP_MAX:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails, as it should, when the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn data_dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("end-to-end").join(name)
}

fn read_api_key(data_dir: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(data_dir.join("dev-credentials.json"))?;
    let file: Value = serde_json::from_str(&text)?;
    let key = file["mnemoverse"]["api_key"].as_str();
    Ok(key.context("no mnemoverse.api_key in dev-credentials.json")?.to_owned())
}

// Synthetic data: the same for the same seed.

struct Corpus {
    /// Write requests.
    atoms: Vec<Value>,
    /// Bodies of reads ...
    reads: Vec<String>,
    /// ... and the `metadata.n` of the atom each asks for.
    sources: Vec<usize>,
}

impl Corpus {
    fn new(atoms: usize, domains: usize) -> Self {
        let mut words = Words::new(SEED);
        let mut corpus = Self { atoms: Vec::new(), reads: Vec::new(), sources: Vec::new() };
        for n in 0..atoms {
            let session = n / TURNS_PER_SESSION;
            let (name, topic) = (words.name(), words.several(3));
            let content = format!("[day {session}] {name}: {topic} {}.", words.several(15));
            let domain = format!("bench:{}", session % domains);
            let second = n % TURNS_PER_SESSION;
            let occurred_at = format!(
                "2024-{:02}-{:02}T10:00:{second:02}Z",
                session / 28 % 12 + 1,
                session % 28 + 1
            );
            corpus.atoms.push(json!({
                "content": content, "domain": domain, "external_ref": format!("{domain}/{n}"),
                "metadata": {"n": n, "session_id": format!("s{session}"), "occurred_at": occurred_at},
            }));
            let mut read =
                json!({"query": format!("What did {name} say about {topic}?"), "top_k": 10});
            if domains == 1 {
                read["domain"] = json!(domain);
            }
            corpus.reads.push(read.to_string());
            corpus.sources.push(n);
        }
        words.shuffle(&mut corpus);
        corpus
    }
}

/// SplitMix64 (Steele et al., OOPSLA 2014) over a made-up vocabulary with a Zipf-like use.
struct Words(u64);

impl Words {
    const SYLLABLES: [&'static str; 20] = [
        "ba", "ren", "to", "mil", "ka", "sor", "ne", "lia", "du", "per", "vo", "shi", "gan", "te",
        "ru", "mon", "fi", "qua", "zel", "or",
    ];
    const COUNT: f64 = 4_000.0;

    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Words of low rank come far more often than others.
    fn word(&mut self) -> String {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = Self::COUNT.powf(share) as usize;
        let syllable = |place: u32| Self::SYLLABLES[rank / 20_usize.pow(place) % 20];
        (0..=rank.ilog(20).clamp(1, 3)).map(syllable).collect()
    }

    fn several(&mut self, count: usize) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn name(&mut self) -> &'static str {
        const NAMES: [&str; 8] = ["Priya", "Tom", "Ines", "Kofi", "Lena", "Marek", "Yuki", "Sana"];
        NAMES[(self.next() % 8) as usize]
    }

    /// Puts the questions in another order than the atoms they ask for.
    fn shuffle(&mut self, corpus: &mut Corpus) {
        for last in (1..corpus.reads.len()).rev() {
            let other = (self.next() % (last as u64 + 1)) as usize;
            corpus.reads.swap(last, other);
            corpus.sources.swap(last, other);
        }
    }
}

// The result.

/// Prints each figure as it comes and remembers which bars were missed.
#[derive(Default)]
struct Table {
    measured: usize,
    missed: Vec<String>,
}

impl Table {
    /// Lower is better; `[aim, must]`.
    fn at_most(&mut self, what: &str, value: f64, [aim, must]: [f64; 2], unit: &str) {
        self.add(what, value, [aim, must], [value <= aim, value <= must], unit);
    }

    /// Higher is better; `[aim, must]`.
    fn at_least(&mut self, what: &str, value: f64, [aim, must]: [f64; 2], unit: &str) {
        self.add(what, value, [aim, must], [value >= aim, value >= must], unit);
    }

    fn add(&mut self, what: &str, value: f64, bars: [f64; 2], met: [bool; 2], unit: &str) {
        let verdict = match met {
            [true, _] => "aim reached",
            [false, true] => "must reached",
            [false, false] => "MISSED",
        };
        let [aim, must] = bars;
        println!("  {what:32}{value:>12.2} {unit:3} must {must:>8} aim {aim:>8}  {verdict}");
        self.measured += 1;
        if verdict == "MISSED" {
            self.missed.push(what.to_owned());
        }
    }

    fn note(&self, what: &str, value: String) {
        println!("  {what:32}{value:>12}");
    }

    fn print_verdict(&self) {
        println!("\n{} of {} bars missed {:?}", self.missed.len(), self.measured, self.missed);
    }
}

fn print_machine() {
    let first_line = |path: &str, key: &str| -> String {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.rsplit(": ").next().unwrap_or_default().trim().to_owned()
    };
    let cores = thread::available_parallelism().map_or(0, usize::from);
    println!("machine: {}, {cores} cores", first_line("/proc/cpuinfo", "model name"));
    println!("kernel:  {}", first_line("/proc/sys/kernel/osrelease", ""));
    println!("hebbd:   {}", env!("CARGO_PKG_VERSION"));
    println!("command: {}", std::env::args().collect::<Vec<_>>().join(" "));
}
