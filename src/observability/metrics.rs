//! Metrics in the Prometheus text format. This module installs the recorder, says what each
//! metric means and renders them all; who counts something uses the `metrics` macros with a name
//! listed here. No metric carries a tenant as a label: tenants are too many, and their names are
//! nobody's business.

use std::sync::{Arc, OnceLock};

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

use super::process;
use crate::types::Clock;

/// Seconds. From the cost of one in-memory read to the longest request timeout.
const LATENCY_BUCKETS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0,
    2.5, 10.0,
];
/// Counts of things handled together: group commits, batches.
const SIZE_BUCKETS: [f64; 12] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];

enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Name, kind, unit and meaning of every metric of the server; `tests/architecture.rs` compares
/// the list with what the code counts. A name ending in `_seconds` gets
/// latency buckets, any other histogram size buckets.
const METRICS: [(&str, Kind, Unit, &str); 24] = [
    ("hebbd_build_info", Kind::Gauge, Unit::Count, "Always 1; the label carries the version."),
    ("hebbd_uptime_seconds", Kind::Gauge, Unit::Seconds, "Time since the process started."),
    ("process_resident_memory_bytes", Kind::Gauge, Unit::Bytes, "Memory in RAM."),
    ("process_open_fds", Kind::Gauge, Unit::Count, "Open file descriptors."),
    ("process_threads", Kind::Gauge, Unit::Count, "Threads of the process."),
    (
        "hebbd_http_requests_total",
        Kind::Counter,
        Unit::Count,
        "Answered requests by route pattern, method and status.",
    ),
    (
        "hebbd_http_request_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "From the parsed head to the finished answer, by route pattern and method.",
    ),
    (
        "hebbd_http_panics_total",
        Kind::Counter,
        Unit::Count,
        "Handlers that panicked; the request got an error, the server went on.",
    ),
    (
        "hebbd_overloaded_total",
        Kind::Counter,
        Unit::Count,
        "Requests refused at once because no permit was free, by scope.",
    ),
    ("hebbd_tenants_open", Kind::Gauge, Unit::Count, "Tenants with a running actor."),
    (
        "hebbd_tenants_quarantined",
        Kind::Gauge,
        Unit::Count,
        "Tenants refused because they keep crashing.",
    ),
    (
        "hebbd_tenant_open_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "Reading a closed tenant from storage until its actor serves.",
    ),
    (
        "hebbd_consolidations_total",
        Kind::Counter,
        Unit::Count,
        "Domains whose near-duplicates were merged.",
    ),
    (
        "hebbd_jobs_queued",
        Kind::Gauge,
        Unit::Count,
        "Jobs that wait, of the tenants whose jobs were looked at.",
    ),
    (
        "hebbd_jobs_running",
        Kind::Gauge,
        Unit::Count,
        "Workers that are at a job or looking for one.",
    ),
    ("hebbd_jobs_dead", Kind::Gauge, Unit::Count, "Jobs that were given up and are kept."),
    (
        "hebbd_job_attempts_total",
        Kind::Counter,
        Unit::Count,
        "Attempts at jobs by kind and outcome: done, failed, dead, released, stale, unclear.",
    ),
    (
        "hebbd_job_run_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "An attempt at a job, from its beginning to its result, by kind.",
    ),
    (
        "hebbd_webhook_messages_total",
        Kind::Counter,
        Unit::Count,
        "What became of notices to webhooks: delivered, failed (to be tried again), dead (given up), \
         overflowed (given up since too many waited), dropped (too many were dead), too_long.",
    ),
    (
        "hebbd_tenant_evictions_total",
        Kind::Counter,
        Unit::Count,
        "Tenants closed because they were idle.",
    ),
    ("hebbd_tenant_crashes_total", Kind::Counter, Unit::Count, "Actors that ended by a panic."),
    (
        "hebbd_commit_group_size",
        Kind::Histogram,
        Unit::Count,
        "Waiting writes that one flush made durable.",
    ),
    (
        "hebbd_llm_requests_total",
        Kind::Counter,
        Unit::Count,
        "Calls of language models by endpoint and outcome; repetitions are not counted again.",
    ),
    (
        "hebbd_llm_tokens_total",
        Kind::Counter,
        Unit::Count,
        "Tokens of prompts and answers by endpoint, as it counted them or estimated by length.",
    ),
];

/// Why metrics could not be set up.
#[derive(Debug, Error)]
pub enum MetricsError {
    #[error("another metrics recorder is already installed in this process")]
    AlreadyInstalled,
    #[error("the metrics recorder cannot be built: {0}")]
    Build(String),
}

/// The other end of the recorder. Cheap to clone.
#[derive(Clone)]
pub struct MetricsExport {
    handle: PrometheusHandle,
    clock: Arc<dyn Clock>,
    started_micros: u64,
}

impl MetricsExport {
    /// All metrics in the Prometheus text format, with a fresh reading of the process.
    #[must_use]
    pub fn render(&self) -> String {
        self.read_process();
        self.handle.render()
    }

    /// [`MetricsExport::render`] as a value, for whoever should not know this type.
    #[must_use]
    pub fn renderer(&self) -> Arc<dyn Fn() -> String + Send + Sync> {
        let export = self.clone();
        Arc::new(move || export.render())
    }

    /// Moves finished observations into the histograms, so that they do not pile up between two
    /// renderings. Call it every few seconds.
    pub fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }

    #[allow(clippy::cast_precision_loss, reason = "gauges are f64; bytes stay exact below 2^53")]
    fn read_process(&self) {
        let up_micros = self.clock.monotonic_micros().saturating_sub(self.started_micros);
        metrics::gauge!("hebbd_uptime_seconds").set(up_micros as f64 / 1e6);
        let reading = process::read();
        for (name, value) in [
            ("process_resident_memory_bytes", reading.resident_bytes),
            ("process_open_fds", reading.open_fds),
            ("process_threads", reading.threads),
        ] {
            if let Some(value) = value {
                metrics::gauge!(name).set(value as f64);
            }
        }
    }
}

/// Installs the recorder for the whole process and describes every metric. A second call returns
/// the first one's export, so every test may call it.
///
/// # Errors
/// When someone else installed a recorder first.
pub fn install(clock: Arc<dyn Clock>) -> Result<MetricsExport, MetricsError> {
    static INSTALLED: OnceLock<Result<MetricsExport, String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let builder = builder().map_err(|error| error.to_string())?;
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let started_micros = clock.monotonic_micros();
        let export = MetricsExport { handle, clock, started_micros };
        metrics::set_global_recorder(recorder).map_err(|_| String::new())?;
        describe();
        Ok(export)
    });
    match installed {
        Ok(export) => Ok(export.clone()),
        Err(reason) if reason.is_empty() => Err(MetricsError::AlreadyInstalled),
        Err(reason) => Err(MetricsError::Build(reason.clone())),
    }
}

fn builder() -> Result<PrometheusBuilder, metrics_exporter_prometheus::BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&SIZE_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)
}

fn describe() {
    for (name, kind, unit, meaning) in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, meaning),
            Kind::Gauge => metrics::describe_gauge!(name, unit, meaning),
            Kind::Histogram => metrics::describe_histogram!(name, unit, meaning),
        }
    }
    metrics::gauge!("hebbd_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ManualClock, Timestamp};
    use std::time::Duration;

    #[test]
    fn what_was_counted_is_rendered_with_help_and_buckets() {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(0)));
        let export = install(clock.clone()).unwrap();
        assert!(install(clock.clone()).is_ok(), "a second start is harmless");
        clock.advance(Duration::from_secs(90));
        metrics::counter!("hebbd_tenant_crashes_total").increment(3);
        metrics::histogram!("hebbd_tenant_open_seconds").record(0.003);
        metrics::histogram!("hebbd_commit_group_size").record(5.0);
        export.run_upkeep();
        let text = (export.renderer())();
        for line in [
            "# HELP hebbd_tenant_crashes_total Actors that ended by a panic.",
            "# TYPE hebbd_tenant_crashes_total counter",
            "hebbd_tenant_open_seconds_bucket{le=\"0.004\"} 1",
            "hebbd_tenant_open_seconds_bucket{le=\"0.002\"} 0",
            "hebbd_commit_group_size_bucket{le=\"8\"} 1",
            "hebbd_uptime_seconds 90",
            concat!("hebbd_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|found| found.starts_with(line)), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn names_are_unique_and_say_their_unit() {
        let mut seen = std::collections::BTreeSet::new();
        for (name, kind, unit, meaning) in METRICS {
            assert!(seen.insert(name), "{name} is described twice");
            assert!(meaning.ends_with('.'), "{name}");
            assert_eq!(unit == Unit::Seconds, name.ends_with("_seconds"), "{name}");
            assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"), "{name}");
        }
    }
}
