//! Records of notices on their way out: to whom they go, and what waits or was given up.

use serde::{Deserialize, Serialize};

use super::{Id, Record};

/// Who is told of a tenant's notices. Key: [`crate::storage::keys::Kind::Webhook`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRecord {
    pub url: String,
    /// Names of the kinds of notices.
    pub events: Vec<String>,
    pub created_at_us: i64,
}

impl Record for WebhookRecord {
    const VERSION: u8 = 1;
}

/// A message that waits for its turn or for its next attempt. Key:
/// [`crate::storage::keys::Kind::OutboxMessage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRecord {
    pub id: Id,
    pub webhook: Id,
    /// The name of its kind.
    pub kind: String,
    /// Whose memory it speaks of.
    pub subject_no: Option<u32>,
    /// Compact JSON, sent as it is.
    pub body: String,
    pub created_at_us: i64,
    /// Times it was begun to be sent.
    pub attempts: u32,
    /// Not sent before.
    pub due_at_us: i64,
}

impl Record for MessageRecord {
    const VERSION: u8 = 1;
}

/// A message that was given up. Key: [`crate::storage::keys::Kind::DeadMessage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadMessageRecord {
    pub message: MessageRecord,
    pub error: String,
    pub died_at_us: i64,
}

impl Record for DeadMessageRecord {
    const VERSION: u8 = 1;
}
