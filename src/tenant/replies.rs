//! Replies kept for idempotency keys: whoever repeats a command within a day gets the reply of
//! the first time. A reply is part of the batch of the command it answers.

use std::time::Duration;

use uuid::Uuid;

use super::store::{Pending, print_of};
use super::{Tenant, TenantError};
use crate::engine::atom::{WriteDecision, WriteOutcome};
use crate::engine::fingerprint::Fingerprint;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{Id, OutcomeRecord, ReplyRecord};
use crate::storage::{AtomicBatch, decode, encode};
use crate::types::limits::KEPT_REPLIES_MAX;
use crate::types::{AtomId, Timestamp};

const KEPT_FOR: Duration = Duration::from_secs(86_400);

impl Tenant {
    pub(super) fn load_replies(&mut self) -> Result<(), TenantError> {
        let mut replies = Vec::new();
        self.visit(Kind::Reply, |key, record: ReplyRecord| {
            let print = keys::print_in(key).ok_or_else(|| super::open::damaged("a reply's key"))?;
            replies.push((Fingerprint(print), Timestamp::from_micros(record.created_at_us)));
            Ok(())
        })?;
        self.replies.extend(replies);
        Ok(())
    }

    /// The reply given to a command with this key, unless it is older than a day.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn kept_reply(&self, key: &str) -> Result<Option<Vec<WriteOutcome>>, TenantError> {
        self.check_usable()?;
        let print = print_of(key).0;
        let given_at = self.replies.get(&Fingerprint(print));
        if given_at.is_none_or(|given_at| given_at.plus(KEPT_FOR) <= self.clock.now()) {
            return Ok(None);
        }
        let bytes = self.commit.store().get(&keys::by_print(self.no, Kind::Reply, &print))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let record = decode::<ReplyRecord>(&bytes)?;
        Ok(Some(record.outcomes.into_iter().map(outcome_from).collect()))
    }

    /// Keeps a command's reply with the command.
    ///
    /// # Errors
    /// When the record cannot be encoded; the tenant is poisoned then.
    pub fn keep_reply(
        &mut self,
        pending: &mut Pending,
        key: &str,
        outcomes: &[WriteOutcome],
    ) -> Result<(), TenantError> {
        self.uncommitted = true;
        let now = self.clock.now();
        let print = print_of(key).0;
        let outcomes = outcomes.iter().map(outcome_record).collect();
        let record = ReplyRecord { created_at_us: now.as_micros(), outcomes };
        pending.batch.put(keys::by_print(self.no, Kind::Reply, &print), encode(&record)?);
        self.replies.insert(Fingerprint(print), now);
        if self.replies.len() > KEPT_REPLIES_MAX {
            let oldest = self.replies.iter().min_by_key(|(print, at)| (**at, **print));
            if let Some(oldest) = oldest.map(|(print, _)| *print) {
                pending.batch.delete(keys::by_print(self.no, Kind::Reply, &oldest.0));
                self.replies.remove(&oldest);
            }
        }
        Ok(())
    }

    /// Drops the replies that nobody may ask for any more.
    pub(super) fn drop_old_replies(&mut self) -> Result<(), TenantError> {
        let now = self.clock.now();
        let is_old = |at: Timestamp| at.plus(KEPT_FOR) <= now;
        let mut batch = AtomicBatch::new(self.epoch);
        for (print, _) in self.replies.iter().filter(|(_, at)| is_old(**at)) {
            batch.delete(keys::by_print(self.no, Kind::Reply, &print.0));
        }
        if !batch.is_empty() {
            self.commit.apply(&batch)?;
            self.replies.retain(|_, at| !is_old(*at));
        }
        Ok(())
    }
}

fn outcome_record(outcome: &WriteOutcome) -> OutcomeRecord {
    OutcomeRecord {
        decision: match outcome.decision {
            WriteDecision::Stored => 0,
            WriteDecision::AlreadyStored => 1,
            WriteDecision::Refused => 2,
            WriteDecision::OverLimit => 3,
        },
        atom_id: outcome.atom_id.map(|id| Id(*id.as_bytes())),
        importance: outcome.importance,
        reason: outcome.reason.clone(),
    }
}

fn outcome_from(record: OutcomeRecord) -> WriteOutcome {
    WriteOutcome {
        decision: match record.decision {
            0 => WriteDecision::Stored,
            1 => WriteDecision::AlreadyStored,
            2 => WriteDecision::Refused,
            _ => WriteDecision::OverLimit,
        },
        atom_id: record.atom_id.map(|id| AtomId(Uuid::from_bytes(id.0))),
        importance: record.importance,
        reason: record.reason,
        superseded: Vec::new(),
    }
}
