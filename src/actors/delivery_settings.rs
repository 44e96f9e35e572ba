//! How notices are sent to webhooks: plain data with its ranges.

use std::time::Duration;

use serde::Deserialize;

use super::settings::check_range;
use crate::engine::notices::{DELIVERY_ATTEMPTS_MAX, DeliveryPauses};
use crate::outbound::CourierSettings;

/// What receivers see of who sends.
const USER_AGENT: &str = concat!("hebbd/", env!("CARGO_PKG_VERSION"));

/// Of the pauses together: within a day a message is delivered or given up.
const PAUSE_MS_MAX: u64 = 28_800_000;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// Whether webhooks may point into private and local networks, this machine included. Any
    /// holder of a key can make the server send requests there then.
    pub allow_private_targets: bool,
    /// A receiver must have answered by then. 100 to 10,000.
    pub timeout_ms: u64,
    /// Pauses before the second, third and fourth attempt. Each 1 to 28,800,000, and at least as
    /// long as the one before.
    pub retry_pauses_ms: [u64; DELIVERY_ATTEMPTS_MAX as usize - 1],
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            allow_private_targets: false,
            timeout_ms: 10_000,
            retry_pauses_ms: [5_000, 60_000, 600_000],
        }
    }
}

impl DeliverySettings {
    #[must_use]
    pub fn courier(&self) -> CourierSettings {
        CourierSettings {
            allow_private: self.allow_private_targets,
            timeout: Duration::from_millis(self.timeout_ms),
            user_agent: USER_AGENT,
        }
    }

    #[must_use]
    pub fn pauses(&self) -> DeliveryPauses {
        DeliveryPauses { ms: self.retry_pauses_ms }
    }

    /// What is out of range and what contradicts, each sentence beginning with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        check_range(&mut problems, "timeout_ms", self.timeout_ms, 100, 10_000);
        for pause_ms in self.retry_pauses_ms {
            check_range(&mut problems, "retry_pauses_ms", pause_ms, 1, PAUSE_MS_MAX);
        }
        if !self.retry_pauses_ms.is_sorted() {
            problems.push(format!(
                "retry_pauses_ms is {:?}; no pause may be shorter than the one before",
                self.retry_pauses_ms
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_in_range_and_do_not_shrink() {
        assert_eq!(DeliverySettings::default().problems(), Vec::<String>::new());
        let with = |retry_pauses_ms| DeliverySettings { retry_pauses_ms, ..Default::default() };
        assert_eq!(with([7, 7, 7]).problems(), Vec::<String>::new());
        assert_eq!(with([1, 3, 2]).problems().len(), 1);
        assert_eq!(with([0, 1, PAUSE_MS_MAX + 1]).problems().len(), 2);
        let slow = DeliverySettings { timeout_ms: 10_001, ..DeliverySettings::default() };
        assert!(slow.problems()[0].starts_with("timeout_ms is 10001"));
    }
}
