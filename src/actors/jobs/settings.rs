//! How jobs are run: plain data with its ranges.

use std::time::Duration;

use serde::Deserialize;

use crate::actors::settings::check_range;
use crate::engine::jobs::RetryPolicy;

/// How work in the background is run, whatever its kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobSettings {
    /// Jobs run at one time, over all tenants. 1 to 256.
    pub workers: usize,
    /// Jobs of one tenant run at one time. 1 to `workers`.
    pub workers_per_tenant: usize,
    /// How long an attempt may take; it is stopped then and counts as failed. 1 to 86,400.
    pub lease_s: u64,
    /// Attempts after which a job is given up, unless it says otherwise itself. 1 to 1,000.
    pub attempts_max: u32,
    /// Pause after the first failed attempt; it doubles with each further one. 1 to 3,600,000.
    pub backoff_initial_ms: u64,
    /// Upper bound of that pause. From `backoff_initial_ms` to 86,400,000.
    pub backoff_max_ms: u64,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            workers: 4,
            workers_per_tenant: 2,
            lease_s: 600,
            attempts_max: 8,
            backoff_initial_ms: 2_000,
            backoff_max_ms: 600_000,
        }
    }
}

impl JobSettings {
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    #[must_use]
    pub fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            attempts_max: self.attempts_max,
            backoff_initial_ms: self.backoff_initial_ms,
            backoff_max_ms: self.backoff_max_ms,
        }
    }

    /// What is out of range and what contradicts, each sentence beginning with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        check_range(&mut problems, "workers", self.workers, 1, 256);
        check_range(&mut problems, "workers_per_tenant", self.workers_per_tenant, 1, 256);
        check_range(&mut problems, "lease_s", self.lease_s, 1, 86_400);
        check_range(&mut problems, "attempts_max", self.attempts_max, 1, 1_000);
        check_range(&mut problems, "backoff_initial_ms", self.backoff_initial_ms, 1, 3_600_000);
        check_range(&mut problems, "backoff_max_ms", self.backoff_max_ms, 1, 86_400_000);
        if !problems.is_empty() {
            return problems;
        }
        if self.workers_per_tenant > self.workers {
            problems.push(format!(
                "workers_per_tenant is {}, more than workers ({}), so one tenant could never use \
                 it; lower workers_per_tenant or raise workers",
                self.workers_per_tenant, self.workers
            ));
        }
        if self.backoff_initial_ms > self.backoff_max_ms {
            problems.push(format!(
                "backoff_max_ms is {}, less than backoff_initial_ms ({initial}); raise it to at \
                 least {initial}",
                self.backoff_max_ms,
                initial = self.backoff_initial_ms,
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_must_be_in_range_and_fit_each_other() {
        assert_eq!(JobSettings::default().problems(), Vec::<String>::new());
        let all_out = JobSettings {
            workers: 0,
            workers_per_tenant: 0,
            lease_s: 0,
            attempts_max: 0,
            backoff_initial_ms: 0,
            backoff_max_ms: 0,
        };
        assert_eq!(all_out.problems().len(), 6);
        let contradicting =
            JobSettings { workers_per_tenant: 5, backoff_max_ms: 1, ..JobSettings::default() };
        let problems = contradicting.problems();
        assert!(problems[0].starts_with("workers_per_tenant is 5"), "{problems:?}");
        assert!(problems[1].starts_with("backoff_max_ms is 1"), "{problems:?}");
        assert_eq!(problems.len(), 2);
    }
}
