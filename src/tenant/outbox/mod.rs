//! The outbox: notices to those who asked for them. A message is put into the batch of the change
//! it tells of, so that it is sent exactly if that happened; it leaves when its receiver took
//! it, or becomes a dead letter. A job for each webhook with messages sends them, one after the
//! other ([`DELIVERY_KIND`]).
//!
//! Invariants: the messages of one webhook are begun in their order, and none is begun before the
//! one in front of it was taken, given up or forgotten. An attempt is counted before it begins. No
//! refusal here is a reason for the change not to happen.

mod queue;

use super::open::damaged;
use super::store::Pending;
use super::{Tenant, TenantError, ids};
use crate::engine::jobs::NewJob;
use crate::engine::notices::{
    DELIVERY_ATTEMPTS_MAX, DeadMessage, Delivery, DeliveryFate, DeliveryOutcome, DeliveryPauses,
    NewMessage, NoticeKind, Webhook, WebhookStatus,
};
use crate::storage::keys::{self, Kind};
use crate::storage::records::{DeadMessageRecord, Id, MessageRecord, WebhookRecord};
use crate::storage::{AtomicBatch, Record, decode, encode};
use crate::types::limits::{
    DEAD_MESSAGES_MAX, MESSAGE_BYTES_MAX, MESSAGE_ERROR_CHARS_MAX, WAITING_MESSAGE_BYTES_MAX,
    WAITING_MESSAGES_MAX, WEBHOOKS_MAX,
};
use crate::types::{AtomNo, MessageId, MessageNo, Timestamp, WebhookId};
use std::time::Duration;
use uuid::Uuid;

pub(super) use queue::Outbox;
use queue::{Dead, Waiting};

/// The kind of the jobs that send messages.
pub const DELIVERY_KIND: &str = "deliver";

/// Said of an attempt that nobody ended.
const NO_ANSWER: &str = "the server stopped while it was being sent, each time";
/// Said of what made room.
const NO_ROOM: &str = "too many messages waited for this webhook";

impl Tenant {
    /// Whether anybody asked for notices of a kind. Whoever has one to give asks first, since it costs
    /// something to write.
    #[must_use]
    pub fn wants(&self, kind: NoticeKind) -> bool {
        self.outbox.wanting(kind).next().is_some()
    }

    /// Puts a message into a command's batch, once for each webhook that wants it. It is sent
    /// exactly if the batch is applied. One that is too long is left out.
    ///
    /// # Errors
    /// When storage cannot be read or a record not encoded; the tenant is poisoned if anything was
    /// put.
    pub(super) fn emit(
        &mut self,
        pending: &mut Pending,
        message: NewMessage,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        let NewMessage { kind, subject_no, body } = message;
        if body.len() > MESSAGE_BYTES_MAX {
            count("too_long");
            tracing::warn!(
                tenant.no = self.no.0,
                notice = kind.as_str(),
                "a notice of more than {MESSAGE_BYTES_MAX} bytes is not sent"
            );
            return Ok(());
        }
        let now = self.clock.now();
        let wanting: Vec<WebhookId> = self.outbox.wanting(kind).collect();
        for webhook in wanting {
            self.uncommitted = true;
            let no = self.outbox.next_no;
            let id = ids::make(now, AtomNo(no.0), &mut self.rng);
            let record = MessageRecord {
                id: Id(*id.as_bytes()),
                webhook: Id(*webhook.as_bytes()),
                kind: kind.as_str().to_owned(),
                subject_no,
                body: body.clone(),
                created_at_us: now.as_micros(),
                attempts: 0,
                due_at_us: now.as_micros(),
            };
            self.line_up(pending, no, record)?;
        }
        Ok(())
    }

    /// Removes every message that speaks of a subject, sent or given up; one that is being sent at
    /// this moment arrives all the same.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub(super) fn forget_messages_of(
        &mut self,
        pending: &mut Pending,
        subject_no: u32,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        let (waiting, dead) = self.outbox.of_subject(subject_no);
        for (webhook, no) in waiting {
            self.uncommitted = true;
            pending.batch.delete(keys::by_message(self.no, Kind::OutboxMessage, no));
            self.outbox.remove(webhook, no);
        }
        for no in dead {
            self.uncommitted = true;
            pending.batch.delete(keys::by_message(self.no, Kind::DeadMessage, no));
            self.outbox.exhume(no);
        }
        Ok(())
    }

    /// The webhook that sends to an address.
    #[must_use]
    pub fn find_webhook(&self, url: &str) -> Option<&Webhook> {
        self.outbox.lines().map(|line| &line.webhook).find(|webhook| webhook.url == url)
    }

    /// All webhooks, the oldest first.
    #[must_use]
    pub fn webhooks(&self) -> Vec<WebhookStatus> {
        let dead_of = |id| self.outbox.dead().filter(|(_, dead)| dead.webhook == id).count();
        let mut all: Vec<_> = self
            .outbox
            .lines()
            .map(|line| WebhookStatus {
                webhook: line.webhook.clone(),
                waiting: line.count(),
                dead: dead_of(line.webhook.id),
            })
            .collect();
        all.sort_by_key(|status| (status.webhook.created_at, status.webhook.id));
        all
    }

    /// Adds a webhook. One with the same address keeps its id, its messages and when it was made, and
    /// gets the new events; what waits for it is sent also if it is not among them.
    ///
    /// # Errors
    /// [`TenantError::WebhookLimit`], or when the tenant cannot write.
    pub fn register_webhook(
        &mut self,
        pending: &mut Pending,
        id: WebhookId,
        url: &str,
        events: Vec<NoticeKind>,
    ) -> Result<Webhook, TenantError> {
        self.check_before(pending)?;
        let known = self.find_webhook(url).cloned();
        if known.is_none() && self.outbox.lines().count() >= WEBHOOKS_MAX {
            return Err(TenantError::WebhookLimit { limit: WEBHOOKS_MAX });
        }
        let (id, created_at) = match known {
            Some(known) => (known.id, known.created_at),
            None => (id, self.clock.now()),
        };
        let webhook = Webhook { id, url: url.to_owned(), events, created_at };
        let record = WebhookRecord {
            url: webhook.url.clone(),
            events: webhook.events.iter().map(|kind| kind.as_str().to_owned()).collect(),
            created_at_us: created_at.as_micros(),
        };
        self.uncommitted = true;
        pending.batch.put(keys::by_webhook(self.no, id), encode(&record)?);
        self.outbox.put_webhook(webhook.clone());
        Ok(webhook)
    }

    /// Removes a webhook with its messages; says whether there was one.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn remove_webhook(
        &mut self,
        pending: &mut Pending,
        id: WebhookId,
    ) -> Result<bool, TenantError> {
        self.check_before(pending)?;
        let Some(line) = self.outbox.line(id) else { return Ok(false) };
        self.uncommitted = true;
        pending.batch.delete(keys::by_webhook(self.no, id));
        for no in line.numbers() {
            pending.batch.delete(keys::by_message(self.no, Kind::OutboxMessage, no));
        }
        for (no, _) in self.outbox.dead().filter(|(_, dead)| dead.webhook == id) {
            pending.batch.delete(keys::by_message(self.no, Kind::DeadMessage, no));
        }
        self.outbox.remove_webhook(id);
        Ok(true)
    }

    /// The message whose turn it is; its attempt is counted and may begin once
    /// [`Tenant::flush_ticket`], taken afterwards, is durable. One that was begun often enough
    /// already, and never ended, is given up first. `None` when nothing is due.
    ///
    /// # Errors
    /// When storage cannot be read or written.
    pub fn begin_delivery(&mut self, webhook: WebhookId) -> Result<Option<Delivery>, TenantError> {
        self.check_usable()?;
        let now = self.clock.now();
        loop {
            let Some(line) = self.outbox.line(webhook) else { return Ok(None) };
            let Some((no, waiting)) = line.head().filter(|(_, head)| head.due_at <= now) else {
                return Ok(None);
            };
            let url = line.webhook.url.clone();
            let mut record = self.message(no)?;
            if record.attempts >= DELIVERY_ATTEMPTS_MAX {
                count("dead");
                let mut pending = self.begin(None);
                self.bury_message(&mut pending, no, record, NO_ANSWER)?;
                self.commit(pending)?;
                continue;
            }
            record.attempts += 1;
            let mut batch = AtomicBatch::new(self.epoch);
            batch.put(keys::by_message(self.no, Kind::OutboxMessage, no), encode(&record)?);
            self.commit.apply(&batch)?;
            self.outbox.put(webhook, no, waiting);
            return Ok(Some(Delivery {
                no,
                id: MessageId(Uuid::from_bytes(record.id.0)),
                url,
                body: record.body,
                attempt: record.attempts,
            }));
        }
    }

    /// Writes down what became of an attempt.
    ///
    /// # Errors
    /// When storage cannot be read or a record not encoded; the tenant is poisoned if anything was
    /// put.
    pub fn end_delivery(
        &mut self,
        pending: &mut Pending,
        webhook: WebhookId,
        no: MessageNo,
        outcome: &DeliveryOutcome,
        pauses: &DeliveryPauses,
    ) -> Result<DeliveryFate, TenantError> {
        self.check_before(pending)?;
        if !self.outbox.line(webhook).is_some_and(|line| line.contains(no)) {
            return Ok(DeliveryFate::Gone);
        }
        let key = keys::by_message(self.no, Kind::OutboxMessage, no);
        let error = match outcome {
            DeliveryOutcome::Delivered => {
                count("delivered");
                self.uncommitted = true;
                pending.batch.delete(key);
                self.outbox.remove(webhook, no);
                return Ok(DeliveryFate::Done);
            }
            DeliveryOutcome::Failed(error) => error,
        };
        let mut record = self.message(no)?;
        self.uncommitted = true;
        let Some(pause_us) = pauses.pause_after_us(record.attempts) else {
            count("dead");
            self.bury_message(pending, no, record, error)?;
            return Ok(DeliveryFate::Dead);
        };
        count("failed");
        let due_at = self.clock.now().plus(Duration::from_micros(pause_us));
        record.due_at_us = due_at.as_micros();
        pending.batch.put(key, encode(&record)?);
        self.outbox.put(webhook, no, waiting_of(&record));
        Ok(DeliveryFate::RetryAt(due_at))
    }

    /// The job that sends what waits for a webhook; `None` when nothing does.
    #[must_use]
    pub fn delivery_job(&self, webhook: WebhookId) -> Option<NewJob> {
        let (_, head) = self.outbox.line(webhook)?.head()?;
        Some(NewJob {
            key: Some(format!("{DELIVERY_KIND}:{webhook}")),
            frees_key: true,
            not_before: Some(head.due_at),
            // Messages are given up, not the job that sends them.
            attempts_max: Some(u32::MAX),
            ..NewJob::new(DELIVERY_KIND, webhook.as_bytes().to_vec())
        })
    }

    /// Messages that were given up, the oldest first.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn dead_messages(&self, limit: usize) -> Result<Vec<DeadMessage>, TenantError> {
        self.check_usable()?;
        let numbers: Vec<_> = self.outbox.dead().take(limit).map(|(no, _)| no).collect();
        let view = |no| {
            let record = self.dead_message(no)?;
            Ok(DeadMessage {
                id: MessageId(Uuid::from_bytes(record.message.id.0)),
                webhook: WebhookId(Uuid::from_bytes(record.message.webhook.0)),
                kind: record.message.kind,
                created_at: Timestamp::from_micros(record.message.created_at_us),
                died_at: Timestamp::from_micros(record.died_at_us),
                attempts: record.message.attempts,
                error: record.error,
            })
        };
        numbers.into_iter().map(view).collect()
    }

    /// Lines a message up again that was given up, behind those that wait, under its id and with all
    /// its attempts. Says whether there was one.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn retry_message(
        &mut self,
        pending: &mut Pending,
        id: MessageId,
    ) -> Result<bool, TenantError> {
        self.check_before(pending)?;
        let found = self.outbox.dead().find(|(_, dead)| dead.id == id);
        let Some(no) = found.map(|(no, _)| no) else { return Ok(false) };
        let record = self.dead_message(no)?.message;
        let due_at_us = self.clock.now().as_micros();
        self.uncommitted = true;
        pending.batch.delete(keys::by_message(self.no, Kind::DeadMessage, no));
        self.outbox.exhume(no);
        let next = self.outbox.next_no;
        self.line_up(pending, next, MessageRecord { attempts: 0, due_at_us, ..record })?;
        Ok(true)
    }

    /// Puts a message at the end of its webhook's line, and sees to it that a job sends it.
    fn line_up(
        &mut self,
        pending: &mut Pending,
        no: MessageNo,
        record: MessageRecord,
    ) -> Result<(), TenantError> {
        let webhook = WebhookId(Uuid::from_bytes(record.webhook.0));
        let key = keys::by_message(self.no, Kind::OutboxMessage, no);
        pending.batch.put(key, encode(&record)?);
        self.outbox.put(webhook, no, waiting_of(&record));
        self.make_room(pending, webhook)?;
        if let Some(job) = self.delivery_job(webhook) {
            self.enqueue(pending, job)?;
        }
        Ok(())
    }

    /// Gives up the oldest messages of a webhook while too much waits.
    fn make_room(&mut self, pending: &mut Pending, webhook: WebhookId) -> Result<(), TenantError> {
        while let Some(line) = self.outbox.line(webhook)
            && (line.count() > WAITING_MESSAGES_MAX
                || line.body_bytes() > WAITING_MESSAGE_BYTES_MAX)
            && let Some((oldest, _)) = line.head()
        {
            count("overflowed");
            match self.find_message(oldest)? {
                Some(record) => self.bury_message(pending, oldest, record, NO_ROOM)?,
                // Put by this very batch, which is longer than the line may be.
                None => {
                    pending.batch.delete(keys::by_message(self.no, Kind::OutboxMessage, oldest));
                    self.outbox.remove(webhook, oldest);
                }
            }
        }
        Ok(())
    }

    /// Makes a waiting message a dead letter; the oldest of too many is dropped.
    fn bury_message(
        &mut self,
        pending: &mut Pending,
        no: MessageNo,
        message: MessageRecord,
        error: &str,
    ) -> Result<(), TenantError> {
        self.uncommitted = true;
        let dead = dead_of(&message);
        let record = DeadMessageRecord {
            message,
            error: error.chars().take(MESSAGE_ERROR_CHARS_MAX).collect(),
            died_at_us: self.clock.now().as_micros(),
        };
        pending.batch.delete(keys::by_message(self.no, Kind::OutboxMessage, no));
        pending.batch.put(keys::by_message(self.no, Kind::DeadMessage, no), encode(&record)?);
        self.outbox.bury(no, dead);
        let surplus = self.outbox.dead_count().saturating_sub(DEAD_MESSAGES_MAX);
        let oldest: Vec<MessageNo> = self.outbox.dead().take(surplus).map(|(no, _)| no).collect();
        for no in oldest {
            count("dropped");
            pending.batch.delete(keys::by_message(self.no, Kind::DeadMessage, no));
            self.outbox.exhume(no);
        }
        Ok(())
    }

    fn find_message(&self, no: MessageNo) -> Result<Option<MessageRecord>, TenantError> {
        let key = keys::by_message(self.no, Kind::OutboxMessage, no);
        let bytes = self.commit.store().get(&key)?;
        bytes.map(|bytes| Ok(decode::<MessageRecord>(&bytes)?)).transpose()
    }

    fn message(&self, no: MessageNo) -> Result<MessageRecord, TenantError> {
        self.find_message(no)?.ok_or_else(|| damaged("a waiting message"))
    }

    fn dead_message(&self, no: MessageNo) -> Result<DeadMessageRecord, TenantError> {
        let key = keys::by_message(self.no, Kind::DeadMessage, no);
        let bytes = self.commit.store().get(&key)?.ok_or_else(|| damaged("a dead message"))?;
        Ok(decode(&bytes)?)
    }

    /// Rebuilds the outbox; jobs are loaded already. A webhook with messages and no job, which an
    /// interrupted reset or an older build can leave, gets one.
    pub(super) fn load_outbox(&mut self) -> Result<(), TenantError> {
        let mut webhooks = Vec::new();
        self.visit(Kind::Webhook, |key, record: WebhookRecord| {
            let id = keys::webhook_in(key).ok_or_else(|| damaged("a webhook's key"))?;
            let kinds = record.events.iter().filter_map(|name| NoticeKind::find(name));
            let created_at = Timestamp::from_micros(record.created_at_us);
            webhooks.push(Webhook { id, events: kinds.collect(), url: record.url, created_at });
            Ok(())
        })?;
        for webhook in webhooks {
            self.outbox.put_webhook(webhook);
        }
        for (no, record) in self.messages_in::<MessageRecord>(Kind::OutboxMessage)? {
            let webhook = WebhookId(Uuid::from_bytes(record.webhook.0));
            if !self.outbox.put(webhook, no, waiting_of(&record)) {
                return Err(damaged("the webhook of a message"));
            }
        }
        for (no, record) in self.messages_in::<DeadMessageRecord>(Kind::DeadMessage)? {
            self.outbox.bury(no, dead_of(&record.message));
        }
        if self.commit.is_poisoned() {
            return Ok(());
        }
        let ids: Vec<WebhookId> = self.outbox.lines().map(|line| line.webhook.id).collect();
        let mut pending = self.begin(None);
        for job in ids.into_iter().filter_map(|id| self.delivery_job(id)).collect::<Vec<_>>() {
            self.enqueue(&mut pending, job)?;
        }
        self.commit(pending)
    }

    fn messages_in<R: Record>(&self, kind: Kind) -> Result<Vec<(MessageNo, R)>, TenantError> {
        let mut found = Vec::new();
        self.visit(kind, |key, record: R| {
            let no = keys::message_in(key).ok_or_else(|| damaged("a message's key"))?;
            found.push((no, record));
            Ok(())
        })?;
        Ok(found)
    }
}

fn waiting_of(record: &MessageRecord) -> Waiting {
    Waiting {
        subject_no: record.subject_no,
        body_bytes: record.body.len(),
        due_at: Timestamp::from_micros(record.due_at_us),
    }
}

fn dead_of(record: &MessageRecord) -> Dead {
    Dead {
        id: MessageId(Uuid::from_bytes(record.id.0)),
        webhook: WebhookId(Uuid::from_bytes(record.webhook.0)),
        subject_no: record.subject_no,
    }
}

/// Counts what became of messages.
fn count(outcome: &'static str) {
    metrics::counter!("hebbd_webhook_messages_total", "outcome" => outcome).increment(1);
}
