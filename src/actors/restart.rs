//! When a crashed tenant may come back: a pure state machine over times it is given. A crash
//! costs a short pause that grows; too many within the window mean quarantine, and after the
//! quarantine one new try.

use std::time::Duration;

use crate::types::Timestamp;

/// How forgiving the supervisor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Crashes older than this no longer count.
    pub window: Duration,
    /// This many crashes within the window lead to quarantine. At least 1.
    pub crashes_max: usize,
    /// The pause after a second crash within the window; doubles with each further one. A first
    /// crash has no pause: one bad request costs one request.
    pub backoff_initial: Duration,
    pub backoff_max: Duration,
    pub quarantine: Duration,
}

/// Whether a tenant may be opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Granted,
    /// Wait: the tenant crashed a moment ago.
    BackOff {
        until: Timestamp,
    },
    /// Wait longer, or release it: the tenant keeps crashing.
    Quarantined {
        until: Timestamp,
    },
}

/// One tenant's recent crashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrashHistory {
    /// Oldest first; never more than `crashes_max`.
    crashes: Vec<Timestamp>,
    quarantined_until: Option<Timestamp>,
}

impl CrashHistory {
    /// Notes a crash; says whether it led to quarantine.
    pub fn record_crash(&mut self, now: Timestamp, policy: &RestartPolicy) -> bool {
        self.crashes.retain(|crash| crash.plus(policy.window) > now);
        self.crashes.push(now);
        if self.crashes.len() < policy.crashes_max {
            return false;
        }
        self.quarantined_until = Some(now.plus(policy.quarantine));
        // The next crash after the quarantine leads straight back into it.
        self.crashes.clear();
        self.crashes.resize(policy.crashes_max - 1, now.plus(policy.quarantine));
        true
    }

    /// Whether nothing is left to remember: forgetting the history would change nothing.
    #[must_use]
    pub fn is_clean(&self, now: Timestamp, policy: &RestartPolicy) -> bool {
        let over = |until: Timestamp| until <= now;
        self.quarantined_until.is_none_or(over)
            && self.crashes.iter().all(|crash| over(crash.plus(policy.window)))
    }

    #[must_use]
    pub fn permission(&self, now: Timestamp, policy: &RestartPolicy) -> Permission {
        if let Some(until) = self.quarantined_until
            && until > now
        {
            return Permission::Quarantined { until };
        }
        // Crashes in the future stand for the quarantine that has just ended; they call for no
        // pause of their own.
        let recent = self.crashes.iter().filter(|crash| {
            crash.plus(policy.window) > now && self.quarantined_until != Some(**crash)
        });
        let doublings = match recent.count() {
            0 | 1 => return Permission::Granted,
            count => u32::try_from(count - 2).unwrap_or(u32::MAX).min(20),
        };
        let pause = (policy.backoff_initial * 2_u32.pow(doublings)).min(policy.backoff_max);
        match self.crashes.last().map(|crash| crash.plus(pause)) {
            Some(until) if until > now => Permission::BackOff { until },
            _ => Permission::Granted,
        }
    }

    /// The operator's word: forget everything.
    pub fn release(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        window: Duration::from_secs(60),
        crashes_max: 4,
        backoff_initial: Duration::from_millis(100),
        backoff_max: Duration::from_secs(5),
        quarantine: Duration::from_secs(300),
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn one_crash_costs_no_pause_and_repeated_ones_a_growing_pause() {
        let mut history = CrashHistory::default();
        assert!(!history.record_crash(at(0), &POLICY));
        assert_eq!(history.permission(at(0), &POLICY), Permission::Granted);
        assert!(!history.record_crash(at(10), &POLICY));
        assert_eq!(history.permission(at(10), &POLICY), Permission::BackOff { until: at(110) });
        assert_eq!(history.permission(at(110), &POLICY), Permission::Granted);
        assert!(!history.record_crash(at(200), &POLICY));
        assert_eq!(history.permission(at(200), &POLICY), Permission::BackOff { until: at(400) });
    }

    #[test]
    fn too_many_crashes_quarantine_and_one_more_after_it_does_so_at_once() {
        let mut history = CrashHistory::default();
        let entered: Vec<_> = (0..4).map(|n| history.record_crash(at(n), &POLICY)).collect();
        assert_eq!(entered, [false, false, false, true]);
        let until = at(300_003);
        assert_eq!(history.permission(at(4), &POLICY), Permission::Quarantined { until });
        assert_eq!(history.permission(until, &POLICY), Permission::Granted);
        assert!(history.record_crash(at(300_004), &POLICY), "straight back");
        history.release();
        assert_eq!(history.permission(at(300_005), &POLICY), Permission::Granted);
    }

    #[test]
    fn a_history_is_forgotten_when_window_and_quarantine_are_over() {
        let mut history = CrashHistory::default();
        for millis in 0..4 {
            history.record_crash(at(millis), &POLICY);
        }
        assert!(!history.is_clean(at(300_004), &POLICY));
        assert!(history.is_clean(at(360_004), &POLICY));
        // Long after a quarantine a crash is a first crash again, and repeated ones back off.
        assert!(!history.record_crash(at(400_000), &POLICY));
        assert!(!history.record_crash(at(400_010), &POLICY));
        let until = at(400_110);
        assert_eq!(history.permission(at(400_010), &POLICY), Permission::BackOff { until });
    }

    #[test]
    fn old_crashes_are_forgotten() {
        let mut history = CrashHistory::default();
        for minute in 0..20 {
            assert!(!history.record_crash(at(minute * 61_000), &POLICY));
            assert_eq!(history.permission(at(minute * 61_000), &POLICY), Permission::Granted);
        }
    }
}
