//! Records of those who take part: actors, agents, and the threads that actors are in.

use serde::{Deserialize, Serialize};

use super::{Id, Record};

/// An actor. Key: [`crate::storage::keys::Kind::Actor`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorRecord {
    pub id: Id,
    /// The name that stands for the id.
    pub chosen_name: Option<String>,
    /// 0 a user, 1 an assistant, 2 a tool.
    pub kind: u8,
    pub name: String,
    /// Compact JSON text of an object.
    pub metadata: Option<String>,
    pub created_at_us: i64,
    pub updated_at_us: i64,
}

impl Record for ActorRecord {
    const VERSION: u8 = 1;
}

/// An agent. Key: [`crate::storage::keys::Kind::Agent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    pub id: Id,
    pub slug: String,
    pub name: String,
    pub description: Option<String>,
    /// Compact JSON text of an object.
    pub metadata: Option<String>,
    /// The number of its actor, who may be gone.
    pub actor_no: Option<u64>,
    pub created_at_us: i64,
    pub updated_at_us: i64,
    /// Absent while it is active.
    pub archived_at_us: Option<i64>,
}

impl Record for AgentRecord {
    const VERSION: u8 = 1;
}

/// A thread. Key: [`crate::storage::keys::Kind::Thread`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadRecord {
    pub id: Id,
    /// Its agent, which may be gone.
    pub agent: Option<Id>,
    /// Compact JSON text of an object.
    pub metadata: Option<String>,
    pub participants: Vec<ParticipantRecord>,
    pub timezone: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
    pub created_at_us: i64,
    pub updated_at_us: i64,
}

impl Record for ThreadRecord {
    const VERSION: u8 = 1;
}

/// An actor in a thread, who may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantRecord {
    pub actor_no: u64,
    pub is_read_only: bool,
    pub joined_at_us: i64,
}
