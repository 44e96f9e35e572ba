//! How long calls took, and how many there were a second: what a client saw, never what the
//! server says of itself.

use std::fmt;

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::metrics::two;

/// Latencies above ten minutes count as ten minutes.
const LATENCY_MAX_US: u64 = 600_000_000;

/// Latencies in microseconds, to three digits, and their exact sum.
pub(super) struct Latencies {
    histogram: Option<Histogram<u64>>,
    calls: u64,
    total_us: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).ok();
        Self { histogram, calls: 0, total_us: 0 }
    }
}

impl Latencies {
    pub(super) fn record(&mut self, elapsed_us: u64) {
        self.calls += 1;
        self.total_us = self.total_us.saturating_add(elapsed_us);
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(elapsed_us);
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// The sum of all calls.
    #[allow(clippy::cast_precision_loss, reason = "microseconds of hours")]
    pub(super) fn seconds(&self) -> f64 {
        self.total_us as f64 / 1e6
    }

    /// Calls made one after another; `None` without a call.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn calls_per_second(&self) -> Option<f64> {
        (self.total_us > 0).then(|| self.calls as f64 / self.seconds())
    }

    /// Milliseconds at `quantile` (0 to 1); `None` when nothing was recorded.
    #[allow(clippy::cast_precision_loss, reason = "microseconds of minutes")]
    fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(histogram.value_at_quantile(quantile) as f64 / 1_000.0)
    }

    /// Adds `<what> ms p50`, `p90` and `p99` to a JSON object; null when nothing was recorded.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>, what: &str) {
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            let ms = json!(self.quantile_ms(quantile).map(two));
            fields.insert(format!("{what} ms {name}"), ms);
        }
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantile = |quantile| self.quantile_ms(quantile).unwrap_or(0.0);
        let (p50, p90, p99) = (quantile(0.5), quantile(0.9), quantile(0.99));
        let max = quantile(1.0);
        write!(f, "p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, max {max:.2} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_against_the_time_they_took() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.calls_per_second(), None);
        for elapsed_us in [1_000, 2_000, 5_000] {
            latencies.record(elapsed_us);
        }
        assert_eq!((latencies.calls(), latencies.calls_per_second()), (3, Some(375.0)));
        assert!(latencies.to_string().starts_with("p50 2.00 ms"), "{latencies}");
    }

    #[test]
    fn without_a_call_every_quantile_is_null() {
        let mut fields = Map::new();
        Latencies::default().put_into(&mut fields, "read");
        assert_eq!(fields.len(), 3);
        assert!(fields.values().all(Value::is_null), "{fields:?}");
    }
}
