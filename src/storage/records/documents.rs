//! Records of documents: what is known of each, and what the knowledge graph has of it.

use serde::{Deserialize, Serialize};

use super::{Id, Record};

/// A document without its parts. Key: [`crate::storage::keys::Kind::Document`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    pub id: String,
    pub title: String,
    pub file_name: String,
    /// The stored name of its kind of file.
    pub file_kind: String,
    pub size_bytes: u64,
    /// BLAKE3 of the original, under which it is kept.
    #[serde(with = "serde_bytes")]
    pub blob: [u8; 32],
    /// Compact JSON text of an object.
    pub metadata: String,
    pub created_at_us: i64,
    pub uploaded_at_us: i64,
    pub preview: String,
    /// What the chunks of its present run are found by.
    pub run: Id,
    pub job_no: u64,
    /// 0 processing, 1 indexed; failed for 2 the file's, 3 the plan's, 4 the server's sake.
    pub state: u8,
    pub reason: Option<String>,
    /// The stored name of the step it is at.
    pub step: String,
    /// 0 to 100.
    pub percent: u8,
    pub chunks_total: u32,
    pub chunks_processed: u32,
    pub entity_count: u32,
    pub started_at_us: i64,
    pub updated_at_us: i64,
    pub completed_at_us: Option<i64>,
}

impl Record for DocumentRecord {
    const VERSION: u8 = 1;
}

/// The entities and relations found in an indexed document. Key:
/// [`crate::storage::keys::Kind::DocumentGraph`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentGraphRecord {
    /// Whose it is: the key has only a print of it.
    pub document: String,
    /// In order of importance.
    pub entities: Vec<EntityRecord>,
    pub relations: Vec<RelationRecord>,
}

impl Record for DocumentGraphRecord {
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRecord {
    pub name: String,
    /// The stored name of its type.
    pub entity_type: String,
    pub summary: String,
    /// Chunks that mention it.
    pub chunks: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationRecord {
    /// Places in the list of entities.
    pub source: u32,
    pub target: u32,
    pub verb: String,
    /// Chunks that say it.
    pub chunks: u32,
}
