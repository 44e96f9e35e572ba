//! Records of what applications keep: sessions, their messages, and what is left of what was deleted.

use serde::{Deserialize, Serialize};

use super::{Id, Print, Record};

/// A session. Key: [`crate::storage::keys::Kind::Session`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub id: Id,
    /// 0 active, 1 archived.
    pub status: u8,
    pub name: Option<String>,
    pub description: Option<String>,
    /// Compact JSON text of an object.
    pub metadata: Option<String>,
    pub agent: Option<Id>,
    /// The number of an actor.
    pub actor_no: Option<u64>,
    pub thread: Option<Id>,
    pub created_at_us: i64,
    /// Of its last change, whatever became of its messages.
    pub changed_at_us: i64,
}

impl Record for SessionRecord {
    const VERSION: u8 = 1;
}

/// What makes an atom a message. Key: [`crate::storage::keys::Kind::Message`]. Its text is the
/// atom's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMessageRecord {
    /// The number of its session.
    pub session_no: u64,
    /// 0 of a user, 1 of an assistant, 2 of a tool, 3 of the system.
    pub kind: u8,
    /// Files, in the order they were named.
    pub attachments: Vec<Id>,
    /// The number of an actor.
    pub sender_no: Option<u64>,
    /// Compact JSON text of an object.
    pub metadata: Option<String>,
    /// When it was said, if its writer says.
    pub said_at_us: Option<i64>,
}

impl Record for SessionMessageRecord {
    const VERSION: u8 = 1;
}

/// What is left of a deleted record. Key: [`crate::storage::keys::Kind::Tombstone`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TombstoneRecord {
    /// 0 session, 1 message, 3 actor, 4 agent, 5 thread, 6 file, 7 link; 2 does not occur.
    pub collection: u8,
    pub id: Id,
    /// Of the name that its maker chose, where that stood for its id.
    pub name: Option<Print>,
}

impl Record for TombstoneRecord {
    const VERSION: u8 = 1;
}
