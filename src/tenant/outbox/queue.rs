//! A tenant's webhooks and their messages in memory; bodies stay in storage. Nothing here is durable
//! and nothing here decides; [`super`] writes first and then says so here.

use std::collections::BTreeMap;

use crate::engine::notices::{NoticeKind, Webhook};
use crate::types::{MessageId, MessageNo, Timestamp, WebhookId};

/// A message that waits, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) subject_no: Option<u32>,
    pub(super) body_bytes: usize,
    pub(super) due_at: Timestamp,
}

/// A message that was given up, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dead {
    pub(super) id: MessageId,
    pub(super) webhook: WebhookId,
    pub(super) subject_no: Option<u32>,
}

pub(super) struct Line {
    pub(super) webhook: Webhook,
    waiting: BTreeMap<MessageNo, Waiting>,
    waiting_bytes: usize,
}

impl Line {
    pub(super) fn head(&self) -> Option<(MessageNo, Waiting)> {
        self.waiting.first_key_value().map(|(no, waiting)| (*no, *waiting))
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn body_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn contains(&self, no: MessageNo) -> bool {
        self.waiting.contains_key(&no)
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = MessageNo> {
        self.waiting.keys().copied()
    }
}

pub(in crate::tenant) struct Outbox {
    pub(super) next_no: MessageNo,
    lines: BTreeMap<WebhookId, Line>,
    dead: BTreeMap<MessageNo, Dead>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { next_no: MessageNo(1), lines: BTreeMap::new(), dead: BTreeMap::new() }
    }
}

impl Outbox {
    /// Adds a webhook, or gives a known one its new properties.
    pub(super) fn put_webhook(&mut self, webhook: Webhook) {
        match self.lines.get_mut(&webhook.id) {
            Some(line) => line.webhook = webhook,
            None => {
                let id = webhook.id;
                let line = Line { webhook, waiting: BTreeMap::new(), waiting_bytes: 0 };
                self.lines.insert(id, line);
            }
        }
    }

    /// Forgets a webhook with all its messages.
    pub(super) fn remove_webhook(&mut self, id: WebhookId) {
        self.lines.remove(&id);
        self.dead.retain(|_, dead| dead.webhook != id);
    }

    pub(super) fn line(&self, id: WebhookId) -> Option<&Line> {
        self.lines.get(&id)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// Says whether its webhook is known.
    pub(super) fn put(&mut self, webhook: WebhookId, no: MessageNo, waiting: Waiting) -> bool {
        let Some(line) = self.lines.get_mut(&webhook) else { return false };
        if let Some(before) = line.waiting.insert(no, waiting) {
            line.waiting_bytes -= before.body_bytes;
        }
        line.waiting_bytes += waiting.body_bytes;
        self.note_number(no);
        true
    }

    pub(super) fn remove(&mut self, webhook: WebhookId, no: MessageNo) {
        if let Some(line) = self.lines.get_mut(&webhook)
            && let Some(waiting) = line.waiting.remove(&no)
        {
            line.waiting_bytes -= waiting.body_bytes;
        }
    }

    pub(super) fn bury(&mut self, no: MessageNo, dead: Dead) {
        self.remove(dead.webhook, no);
        self.dead.insert(no, dead);
        self.note_number(no);
    }

    pub(super) fn exhume(&mut self, no: MessageNo) {
        self.dead.remove(&no);
    }

    /// Dead messages in the order in which they were to be sent.
    pub(super) fn dead(&self) -> impl Iterator<Item = (MessageNo, &Dead)> {
        self.dead.iter().map(|(no, dead)| (*no, dead))
    }

    pub(super) fn dead_count(&self) -> usize {
        self.dead.len()
    }

    pub(super) fn wanting(&self, kind: NoticeKind) -> impl Iterator<Item = WebhookId> {
        let wanting = self.lines.values().filter(move |line| line.webhook.events.contains(&kind));
        wanting.map(|line| line.webhook.id)
    }

    /// What speaks of a subject: waiting messages with their webhooks, and dead ones.
    pub(super) fn of_subject(
        &self,
        subject_no: u32,
    ) -> (Vec<(WebhookId, MessageNo)>, Vec<MessageNo>) {
        let waiting = self.lines.values().flat_map(|line| {
            let of_subject = line
                .waiting
                .iter()
                .filter(move |(_, waiting)| waiting.subject_no == Some(subject_no));
            of_subject.map(|(no, _)| (line.webhook.id, *no))
        });
        let dead = self.dead.iter().filter(|(_, dead)| dead.subject_no == Some(subject_no));
        (waiting.collect(), dead.map(|(no, _)| *no).collect())
    }

    /// Forgets all messages; the webhooks stay, and the numbers go on.
    pub(in crate::tenant) fn clear_messages(&mut self) {
        for line in self.lines.values_mut() {
            line.waiting.clear();
            line.waiting_bytes = 0;
        }
        self.dead.clear();
    }

    fn note_number(&mut self, no: MessageNo) {
        self.next_no = self.next_no.max(MessageNo(no.0.saturating_add(1)));
    }
}
