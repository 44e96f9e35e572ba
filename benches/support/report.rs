//! The printed result: figures beside their bars, the machine, and who used its cores.

use std::thread;

use anyhow::Context;

use super::load::{now_us, seconds_since};
use super::server::Server;

/// Prints each figure as it comes and remembers which bars were missed.
#[derive(Default)]
pub(crate) struct Table {
    measured: usize,
    missed: Vec<String>,
}

impl Table {
    /// Lower is better; `[aim, must]`.
    pub(crate) fn at_most(&mut self, what: &str, value: f64, [aim, must]: [f64; 2], unit: &str) {
        self.add(what, value, [aim, must], [value <= aim, value <= must], unit);
    }

    /// Higher is better; `[aim, must]`.
    pub(crate) fn at_least(&mut self, what: &str, value: f64, [aim, must]: [f64; 2], unit: &str) {
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

    pub(crate) fn note(&self, what: &str, value: String) {
        println!("  {what:32}{value:>12}");
    }

    pub(crate) fn print_verdict(&self) {
        println!("\n{} of {} bars missed {:?}", self.missed.len(), self.measured, self.missed);
    }
}

pub(crate) fn print_machine() {
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

/// Who used the machine's cores since it was started. Linux only. What others used is what a
/// latency on a shared machine must be judged by.
pub(crate) struct CoresUsed {
    start_us: u64,
    /// Ticks of the server, of this process, and of the whole machine.
    ticks: [u64; 3],
}

impl CoresUsed {
    pub(crate) fn start(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { start_us: now_us(), ticks: ticks(server)? })
    }

    pub(crate) fn text(&self, server: &Server) -> anyhow::Result<String> {
        let hundredths = seconds_since(self.start_us) * 100.0;
        let now = ticks(server)?;
        let cores = |at: usize| now[at].saturating_sub(self.ticks[at]) as f64 / hundredths;
        let others = (cores(2) - cores(0) - cores(1)).max(0.0);
        Ok(format!("server {:.2}, client {:.2}, others {others:.2}", cores(0), cores(1)))
    }
}

/// In hundredths of a second, the `USER_HZ` of every Linux there is.
fn ticks(server: &Server) -> anyhow::Result<[u64; 3]> {
    let sum =
        |fields: &[&str]| -> u64 { fields.iter().filter_map(|v| v.parse::<u64>().ok()).sum() };
    let of_process = |path: String| -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(path)?;
        // The name, in parentheses, may hold spaces.
        let fields: Vec<_> =
            text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        Ok(sum(fields.get(11..13).context("no times in /proc")?))
    };
    let machine = std::fs::read_to_string("/proc/stat")?;
    let fields: Vec<_> = machine.lines().next().unwrap_or_default().split_whitespace().collect();
    // user, nice, system; then idle and waiting; then interrupts.
    let used = sum(fields.get(1..4).context("no times in /proc")?) + sum(&fields[6..8]);
    let id = server.process_id();
    Ok([of_process(format!("/proc/{id}/stat"))?, of_process("/proc/self/stat".to_owned())?, used])
}
