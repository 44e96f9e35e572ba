//! Records of subjects: what came in, what facts were drawn from it, and what the app is about.

use serde::{Deserialize, Serialize};

use super::{Id, Record};

/// Numbers of subjects. Key: [`crate::storage::keys::Kind::SubjectCounter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectCounterRecord {
    pub next_subject_no: u32,
}

impl Record for SubjectCounterRecord {
    const VERSION: u8 = 1;
}

/// A subject. Key: [`crate::storage::keys::Kind::Subject`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectRecord {
    pub name: String,
    pub created_at_us: i64,
}

impl Record for SubjectRecord {
    const VERSION: u8 = 1;
}

/// How far a resource has come. Key: [`crate::storage::keys::Kind::Resource`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRecord {
    pub subject_no: u32,
    /// The stored name of its kind.
    pub kind: String,
    /// The stored name of its state.
    pub state: String,
    pub job_no: u64,
    pub facts_extracted: u32,
    pub facts_written: u32,
    pub received_at_us: i64,
    pub completed_at_us: Option<i64>,
    /// Why it cannot be read, for whoever sent it.
    pub failure: Option<String>,
}

impl Record for ResourceRecord {
    const VERSION: u8 = 1;
}

/// What came in; written once. Key: [`crate::storage::keys::Kind::ResourceContent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceContentRecord {
    /// Of an event: its data, as compact JSON text of an object.
    pub content: String,
    pub thread: Option<String>,
    /// Compact JSON text of an object.
    pub metadata: String,
    pub event: Option<EventRecord>,
}

impl Record for ResourceContentRecord {
    const VERSION: u8 = 1;
}

/// What an event has besides its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    pub event_type: String,
    pub source: String,
    pub occurred_at_us: i64,
    pub category: Option<String>,
    /// Name and type.
    pub entities: Vec<(String, String)>,
    /// The stored name of its importance.
    pub importance: String,
}

/// What makes an atom a fact. Key: [`crate::storage::keys::Kind::Fact`]. Its text is the atom's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactRecord {
    pub subject_no: u32,
    pub resource: Id,
    /// When it was said, or happened.
    pub created_at_us: i64,
    pub category: String,
    pub confidence: f64,
    /// The stored name of its importance.
    pub importance: String,
    pub mentions: Vec<MentionRecord>,
    pub relations: Vec<FactRelationRecord>,
    pub slot: Option<SlotRecord>,
}

impl Record for FactRecord {
    const VERSION: u8 = 1;
}

/// An entity that a fact names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MentionRecord {
    pub name: String,
    pub entity_type: String,
    pub properties: Vec<(String, String)>,
}

/// A relationship that a fact states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRelationRecord {
    pub relation_type: String,
    pub from: String,
    pub to: String,
    pub properties: Vec<(String, String)>,
}

/// What a fact says of which only one can be true at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRecord {
    pub subject: String,
    pub attribute: String,
    pub value: String,
}

/// A delivery that was taken. Key: [`crate::storage::keys::Kind::Delivery`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    pub resource: Id,
    pub taken_at_us: i64,
}

impl Record for DeliveryRecord {
    const VERSION: u8 = 1;
}

/// An app's domain configuration. Key: [`crate::storage::keys::Kind::Ontology`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OntologyRecord {
    /// As it came.
    pub json: String,
}

impl Record for OntologyRecord {
    const VERSION: u8 = 1;
}
