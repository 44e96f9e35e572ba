//! The day's counts and the metered tokens of months. A day is a UTC day of the clock; its counts
//! begin anew at midnight, whether a background actor says so or the first use of the new day does.

use super::store::Pending;
use super::{Tenant, TenantError};
use crate::storage::keys::{self, Kind};
use crate::storage::records::{MonthTokensRecord, UsageRecord};
use crate::storage::{AtomicBatch, decode, encode};
use crate::types::{Timestamp, TokenDirection, Tokens, YearMonth};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    day: UsageRecord,
    /// The month that tokens were last counted in.
    month: Option<(YearMonth, Tokens)>,
}

/// What a day has seen of metered tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTokens {
    /// Days since 1970-01-01 in UTC.
    pub day: i64,
    pub used: Tokens,
}

/// How many metered tokens a day allows; `None` for any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenAllowance {
    pub input: Option<u64>,
    pub output: Option<u64>,
}

impl Usage {
    /// The counts as of a day. A clock set back does not give an allowance twice.
    fn on(self, today: i64) -> Self {
        match today > self.day.day {
            true => Self { day: UsageRecord { day: today, ..UsageRecord::default() }, ..self },
            false => self,
        }
    }

    fn day_tokens(&self) -> DayTokens {
        let used = Tokens { input: self.day.tokens_in, output: self.day.tokens_out };
        DayTokens { day: self.day.day, used }
    }

    fn ends_at(&self) -> Timestamp {
        Timestamp::start_of_day(self.day.day.saturating_add(1))
    }
}

impl Tenant {
    pub(super) fn load_usage(&mut self) -> Result<(), TenantError> {
        if let Some(bytes) = self.commit.store().get(&keys::single(self.no, Kind::Usage))? {
            self.usage = Usage { day: decode(&bytes)?, month: None };
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
        let mut usage = self.usage_today();
        let used = usage.day.queries;
        if used.saturating_add(queries) > per_day {
            return Err(TenantError::DailyLimit { used, limit: per_day, until: usage.ends_at() });
        }
        if queries == 0 {
            return Ok(());
        }
        usage.day.queries += queries;
        self.put_usage(usage)
    }

    /// Metered tokens of today.
    #[must_use]
    pub fn tokens_today(&self) -> DayTokens {
        self.usage_today().day_tokens()
    }

    /// Metered tokens of a month.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn tokens_of_month(&self, month: YearMonth) -> Result<Tokens, TenantError> {
        self.check_usable()?;
        self.counted_in(month)
    }

    fn counted_in(&self, month: YearMonth) -> Result<Tokens, TenantError> {
        if let Some((_, tokens)) = self.usage.month.filter(|(known, _)| *known == month) {
            return Ok(tokens);
        }
        let key = keys::by_number(self.no, Kind::MonthTokens, month.number());
        let Some(bytes) = self.commit.store().get(&key)? else { return Ok(Tokens::default()) };
        let record = decode::<MonthTokensRecord>(&bytes)?;
        Ok(Tokens { input: record.tokens_in, output: record.tokens_out })
    }

    /// Whether work that uses tokens in these directions may begin: whoever has anything left of
    /// each may, and may go beyond it.
    ///
    /// # Errors
    /// [`TenantError::TokenLimit`] for the first direction of which nothing is left.
    pub fn check_tokens(
        &self,
        directions: &[TokenDirection],
        allowance: &TokenAllowance,
    ) -> Result<(), TenantError> {
        let usage = self.usage_today();
        let used = usage.day_tokens().used;
        for direction in directions {
            let (used, limit) = match direction {
                TokenDirection::Input => (used.input, allowance.input),
                TokenDirection::Output => (used.output, allowance.output),
            };
            if let Some(limit) = limit.filter(|limit| used >= *limit) {
                let (direction, until) = (*direction, usage.ends_at());
                return Err(TenantError::TokenLimit { direction, used, limit, until });
            }
        }
        Ok(())
    }

    /// Counts tokens of today and of this month, in the batch of the work they were used for.
    ///
    /// # Errors
    /// When this month's count cannot be read; nothing has changed then. When a record cannot be
    /// encoded; the tenant is poisoned then.
    pub fn spend_tokens(
        &mut self,
        pending: &mut Pending,
        tokens: Tokens,
    ) -> Result<(), TenantError> {
        if tokens.is_none() {
            return Ok(());
        }
        let usage = self.usage_after(tokens)?;
        self.uncommitted = true;
        self.put_tokens(&mut pending.batch, &usage)?;
        self.usage = usage;
        Ok(())
    }

    /// Counts tokens that an answer took. Kept at once, durable a moment later.
    ///
    /// # Errors
    /// When storage cannot be read or written; then none is counted.
    pub fn spend_tokens_of_answer(&mut self, tokens: Tokens) -> Result<(), TenantError> {
        self.check_usable()?;
        if tokens.is_none() {
            return Ok(());
        }
        let usage = self.usage_after(tokens)?;
        let mut batch = AtomicBatch::new(self.epoch);
        self.put_tokens(&mut batch, &usage)?;
        self.apply_usage(usage, &batch)
    }

    /// Begins the day if it is a new one. Running it twice changes nothing.
    ///
    /// # Errors
    /// When storage cannot write.
    pub fn begin_day(&mut self) -> Result<(), TenantError> {
        self.check_usable()?;
        self.drop_old_replies()?;
        self.drop_old_job_keys()?;
        let usage = self.usage_today();
        if usage == self.usage || self.usage.day == UsageRecord::default() {
            return Ok(());
        }
        self.put_usage(usage)
    }

    fn usage_today(&self) -> Usage {
        self.usage.on(self.clock.now().epoch_days())
    }

    fn usage_after(&self, tokens: Tokens) -> Result<Usage, TenantError> {
        let mut usage = self.usage_today();
        let sum = usage.day_tokens().used.plus(tokens);
        (usage.day.tokens_in, usage.day.tokens_out) = (sum.input, sum.output);
        // The month of the day that is counted, also where the clock was set back since.
        let month = YearMonth::of(Timestamp::start_of_day(usage.day.day));
        usage.month = Some((month, self.counted_in(month)?.plus(tokens)));
        Ok(usage)
    }

    fn put_tokens(&self, batch: &mut AtomicBatch, usage: &Usage) -> Result<(), TenantError> {
        batch.put(keys::single(self.no, Kind::Usage), encode(&usage.day)?);
        if let Some((month, tokens)) = usage.month {
            let record = MonthTokensRecord { tokens_in: tokens.input, tokens_out: tokens.output };
            let key = keys::by_number(self.no, Kind::MonthTokens, month.number());
            batch.put(key, encode(&record)?);
        }
        Ok(())
    }

    fn put_usage(&mut self, usage: Usage) -> Result<(), TenantError> {
        let mut batch = AtomicBatch::new(self.epoch);
        batch.put(keys::single(self.no, Kind::Usage), encode(&usage.day)?);
        self.apply_usage(usage, &batch)
    }

    fn apply_usage(&mut self, usage: Usage, batch: &AtomicBatch) -> Result<(), TenantError> {
        self.commit.apply(batch)?;
        self.usage = usage;
        // Asks for the flush without waiting for it.
        drop(self.commit.ticket());
        Ok(())
    }
}
