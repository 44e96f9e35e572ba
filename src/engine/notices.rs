//! What a tenant tells others of itself: the kinds of notices, the body of one, and when a
//! delivery that failed is tried again.

use serde_json::{Map, Value};

use crate::types::{MessageId, MessageNo, Timestamp, WebhookId};

/// Times a message is sent before it is given up: once, and three retries.
pub const DELIVERY_ATTEMPTS_MAX: u32 = 4;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// All facts of something that was memorized are there.
    MemoryProcessed,
    EntityCreated,
    /// Properties of an entity changed.
    EntityUpdated,
    RelationshipCreated,
    /// A new fact contradicts a stored one.
    ConflictDetected,
    /// A consolidation of a domain ended.
    MaintenanceCompleted,
}

impl NoticeKind {
    pub const ALL: [Self; 6] = [
        Self::MemoryProcessed,
        Self::EntityCreated,
        Self::EntityUpdated,
        Self::RelationshipCreated,
        Self::ConflictDetected,
        Self::MaintenanceCompleted,
    ];

    /// The name on the wire, which is stored too.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemoryProcessed => "memory.processed",
            Self::EntityCreated => "entity.created",
            Self::EntityUpdated => "entity.updated",
            Self::RelationshipCreated => "relationship.created",
            Self::ConflictDetected => "conflict.detected",
            Self::MaintenanceCompleted => "maintenance.completed",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Who is told of a tenant's notices, and of which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    /// In order, each once.
    pub events: Vec<NoticeKind>,
    pub created_at: Timestamp,
}

/// A notice on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub kind: NoticeKind,
    /// Whose memory it speaks of: it is forgotten with that subject.
    pub subject_no: Option<u32>,
    /// Compact JSON; sent and signed as it is.
    pub body: String,
}

/// A message to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub no: MessageNo,
    /// The same for every attempt.
    pub id: MessageId,
    pub url: String,
    pub body: String,
    /// 1 for the first; counted already.
    pub attempt: u32,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Delivered,
    /// Why not, in words fit for an operator.
    Failed(String),
}

/// What a failed attempt, or a successful one, left of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryFate {
    Done,
    RetryAt(Timestamp),
    Dead,
    /// It was forgotten, or was given up, while it was being sent.
    Gone,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage {
    pub id: MessageId,
    pub webhook: WebhookId,
    /// The stored name of its kind.
    pub kind: String,
    pub created_at: Timestamp,
    pub died_at: Timestamp,
    /// Times it was sent.
    pub attempts: u32,
    pub error: String,
}

/// A webhook and how many messages it still has to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookStatus {
    pub webhook: Webhook,
    pub waiting: usize,
    pub dead: usize,
}

/// Pauses before the second, third and fourth attempt. Each is at least as long as the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryPauses {
    pub ms: [u64; DELIVERY_ATTEMPTS_MAX as usize - 1],
}

impl DeliveryPauses {
    /// The pause after so many failed attempts, in microseconds; `None` when it is given up.
    #[must_use]
    pub fn pause_after_us(&self, attempts: u32) -> Option<u64> {
        let at = usize::try_from(attempts.checked_sub(1)?).ok()?;
        self.ms.get(at).map(|ms| ms.saturating_mul(1_000))
    }
}

/// The body of a notice: `event`, `timestamp`, `appId`, `userId` where somebody's memory is meant,
/// and `data`.
#[must_use]
pub fn body_of(
    kind: NoticeKind,
    at: Timestamp,
    app: &str,
    user: Option<&str>,
    data: Map<String, Value>,
) -> String {
    let mut members = Map::new();
    members.insert("event".to_owned(), kind.as_str().into());
    members.insert("timestamp".to_owned(), at.to_string().into());
    members.insert("appId".to_owned(), app.into());
    if let Some(user) = user {
        members.insert("userId".to_owned(), user.into());
    }
    members.insert("data".to_owned(), Value::Object(data));
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_are_found_by_their_names_alone() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::find(kind.as_str()), Some(kind));
        }
        for name in ["", "foo.bar", "Memory.Processed", "memory.processed "] {
            assert_eq!(NoticeKind::find(name), None, "{name}");
        }
    }

    #[test]
    fn after_three_retries_a_message_is_given_up() {
        let pauses = DeliveryPauses { ms: [5, 30, 180] };
        let after: Vec<_> = (0..=5).map(|attempts| pauses.pause_after_us(attempts)).collect();
        assert_eq!(after, [None, Some(5_000), Some(30_000), Some(180_000), None, None]);
    }

    #[test]
    fn a_body_names_what_happened_when_and_where() {
        let data = Map::from_iter([("resourceId".to_owned(), json!("r\"1"))]);
        let at = Timestamp::from_micros(0);
        let body = body_of(NoticeKind::MemoryProcessed, at, "tanda", Some("u"), data.clone());
        let read: Value = serde_json::from_str(&body).unwrap();
        let expected = json!({
            "event": "memory.processed", "timestamp": "1970-01-01T00:00:00.000000Z",
            "appId": "tanda", "userId": "u", "data": {"resourceId": "r\"1"},
        });
        assert_eq!(read, expected);
        let without = body_of(NoticeKind::MaintenanceCompleted, at, "tanda", None, data);
        assert!(!without.contains("userId"));
    }
}
