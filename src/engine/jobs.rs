//! Jobs as data, and the rule for when a failed one is tried again. A job is work that a command
//! causes and that is done later, outside of the tenant. No clock and no randomness: pauses
//! differ by the job's number, so that jobs that failed together do not come back together.

use crate::types::{JobNo, Timestamp};

/// A job to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Which handler does it. Stored, so it keeps its meaning over versions of the server.
    pub kind: String,
    /// What the handler is given; opaque here.
    pub payload: Vec<u8>,
    /// A second job with the same key is not enqueued while the first waits or runs.
    pub key: Option<String>,
    /// The key is free again as soon as the job is done or dead. Otherwise it stays taken while a
    /// dead letter has it, and for a day after the job was completed.
    pub frees_key: bool,
    /// Not begun earlier; `None` for at once.
    pub not_before: Option<Timestamp>,
    /// Attempts after which it is dead; `None` for what the operator set. At least 1.
    pub attempts_max: Option<u32>,
}

impl NewJob {
    /// A job to be done at once, as often as the operator lets it be tried.
    #[must_use]
    pub fn new(kind: &str, payload: Vec<u8>) -> Self {
        Self {
            kind: kind.to_owned(),
            payload,
            key: None,
            frees_key: false,
            not_before: None,
            attempts_max: None,
        }
    }
}

/// What became of a job that was to be enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    pub job: JobNo,
    /// False when its key was taken; `job` is the one that has it then.
    pub is_new: bool,
}

/// The right to one attempt at a job. It ends when another lease of the job is given, when the
/// job is gone, and with the tenant's opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub job: JobNo,
    /// The opening of the tenant that gave it.
    pub epoch: u64,
    /// Which lease of that opening it is.
    pub serial: u64,
}

/// A job to be run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedJob {
    pub lease: Lease,
    pub kind: String,
    pub payload: Vec<u8>,
    /// 1 for the first.
    pub attempt: u32,
    /// After this it may be given to someone else.
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    Waiting { due_at: Timestamp },
    Running { until: Timestamp },
    Dead { since: Timestamp },
}

/// What can be told of a job that is not completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    pub job: JobNo,
    pub kind: String,
    pub state: JobState,
    pub enqueued_at: Timestamp,
    /// Times it was begun.
    pub attempts: u32,
    /// Of the last attempt that failed. What a handler said, so it may quote the payload.
    pub last_error: Option<String>,
    /// Of the present or the last attempt.
    pub stage: String,
    /// 0 to 100; never falls within an attempt.
    pub percent: u8,
}

/// A tenant's jobs in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobsOverview {
    pub waiting: usize,
    pub running: usize,
    pub dead: usize,
    /// When there may be something to lease; `None` while nothing waits or runs.
    pub next_look: Option<Timestamp>,
}

/// What a failed attempt led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFate {
    RetryAt(Timestamp),
    Dead,
}

/// How often a failing job is tried, and after which pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// At least 1.
    pub attempts_max: u32,
    /// Before the second attempt; doubles with each further one.
    pub backoff_initial_ms: u64,
    pub backoff_max_ms: u64,
}

impl RetryPolicy {
    /// The pause after so many attempts, in microseconds: half of the doubled-up time is fixed, the
    /// other half follows from the job's number ("equal jitter"). Never more than
    /// `backoff_max_ms`; grows with the attempts until the bound is met, but for what the jitter
    /// takes.
    #[must_use]
    pub fn pause_after_us(&self, attempts: u32, job: JobNo) -> u64 {
        let doublings = attempts.saturating_sub(1).min(31);
        let whole_ms = self.backoff_initial_ms.saturating_mul(1 << doublings);
        let half_us = whole_ms.min(self.backoff_max_ms).saturating_mul(500);
        // 0 to 1,023 of 1,024 parts.
        let part = mix(job.0 ^ (u64::from(attempts) << 48)) >> 54;
        half_us.saturating_add(half_us.saturating_mul(part) / 1_024)
    }
}

/// Sebastiano Vigna's splitmix64: each input bit changes half of the output bits.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(backoff_initial_ms: u64, backoff_max_ms: u64) -> RetryPolicy {
        RetryPolicy { attempts_max: 5, backoff_initial_ms, backoff_max_ms }
    }

    proptest! {
        #[test]
        fn a_pause_is_at_least_half_of_the_doubled_time_and_never_above_its_bound(
            initial_ms in 1_u64..60_000, max_ms in 1_u64..10_000_000, attempts: u32, job: u64,
        ) {
            let policy = policy(initial_ms, max_ms);
            let pause_us = policy.pause_after_us(attempts, JobNo(job));
            let doubled_ms = initial_ms.saturating_mul(1 << attempts.saturating_sub(1).min(31));
            let whole_us = doubled_ms.min(max_ms) * 1_000;
            prop_assert!(whole_us / 2 <= pause_us && pause_us <= whole_us, "{pause_us}");
            prop_assert_eq!(pause_us, policy.pause_after_us(attempts, JobNo(job)));
        }
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let pauses: std::collections::BTreeSet<_> =
            (1..=100).map(|job| policy(10_000, 60_000).pause_after_us(1, JobNo(job))).collect();
        assert!(pauses.len() > 90, "{}", pauses.len());
    }
}
