//! The day's counts. A day is a UTC day of the clock; its counts begin anew at midnight, whether
//! a background actor says so or the first use of the new day does.

use super::{Tenant, TenantError};
use crate::storage::keys::{self, Kind};
use crate::storage::records::UsageRecord;
use crate::storage::{AtomicBatch, decode, encode};
use crate::types::Timestamp;

const DAY_US: i64 = 86_400_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage(UsageRecord);

impl Usage {
    /// The counts as of a day. A clock set back does not give an allowance twice.
    fn on(self, today: i64) -> Self {
        if today > self.0.day { Self(UsageRecord { day: today, queries: 0 }) } else { self }
    }
}

impl Tenant {
    pub(super) fn load_usage(&mut self) -> Result<(), TenantError> {
        if let Some(bytes) = self.commit.store().get(&keys::single(self.no, Kind::Usage))? {
            self.usage = Usage(decode(&bytes)?);
        }
        Ok(())
    }

    /// Counts questions of today. Kept at once, durable a moment later: whoever asked is not
    /// made to wait for the disk.
    ///
    /// # Errors
    /// [`TenantError::DailyLimit`] when they do not fit into what is left of the day; then none
    /// is counted.
    pub fn spend_queries(&mut self, queries: u64, per_day: u64) -> Result<(), TenantError> {
        self.check_usable()?;
        let mut usage = self.usage.on(self.clock.now().epoch_days());
        let used = usage.0.queries;
        if used.saturating_add(queries) > per_day {
            let until = Timestamp::from_micros((usage.0.day + 1).saturating_mul(DAY_US));
            return Err(TenantError::DailyLimit { used, limit: per_day, until });
        }
        if queries == 0 {
            return Ok(());
        }
        usage.0.queries += queries;
        self.put_usage(usage)
    }

    /// Begins the day if it is a new one. Running it twice changes nothing.
    ///
    /// # Errors
    /// When storage cannot write.
    pub fn begin_day(&mut self) -> Result<(), TenantError> {
        self.check_usable()?;
        self.drop_old_replies()?;
        self.drop_old_job_keys()?;
        let usage = self.usage.on(self.clock.now().epoch_days());
        if usage == self.usage || self.usage == Usage::default() {
            return Ok(());
        }
        self.put_usage(usage)
    }

    fn put_usage(&mut self, usage: Usage) -> Result<(), TenantError> {
        let mut batch = AtomicBatch::new(self.epoch);
        batch.put(keys::single(self.no, Kind::Usage), encode(&usage.0)?);
        self.commit.apply(&batch)?;
        self.usage = usage;
        // Asks for the flush without waiting for it.
        drop(self.commit.ticket());
        Ok(())
    }
}
