//! What is remembered of *subjects*, the users of an app, as plain data: resources that came in,
//! facts that were drawn from them, and what all facts of a subject say together.

mod budget;
mod score;

use uuid::Uuid;

use super::atom::Metadata;
use super::resources::{ImportanceLevel, ResourceKind, ResourceState, SuggestedEntity};
use crate::types::Timestamp;

pub use budget::{Portion, fill};
pub use score::{FactStanding, score};

/// Facts in one answer.
pub const FACTS_RETURNED_MAX: usize = 20;

/// Facts that are weighed for one answer: those whose texts are the most relevant.
pub const FACTS_WEIGHED_MAX: usize = 8_192;

/// Facts that are weighed first: where none of the others can score as well as those found, they are
/// all. Of 10,000 facts that came at once these are enough for nearly every question.
pub const FACTS_WEIGHED_FIRST: usize = 256;

/// Entities in one answer.
pub const ENTITIES_RETURNED_MAX: usize = 20;

/// What a resource is called outside: the prefix says whether it was an event.
#[must_use]
pub fn resource_name(kind: ResourceKind, id: Uuid) -> String {
    match kind {
        ResourceKind::Conversation | ResourceKind::Document => format!("res-{id}"),
        ResourceKind::Event | ResourceKind::Webhook => format!("evt-{id}"),
    }
}

/// The id in what [`resource_name`] made.
#[must_use]
pub fn resource_named(name: &str) -> Option<Uuid> {
    let id = name.strip_prefix("res-").or_else(|| name.strip_prefix("evt-"))?;
    Uuid::parse_str(id).ok()
}

/// What a fact is called outside.
#[must_use]
pub fn fact_name(id: Uuid) -> String {
    format!("item-{id}")
}

/// Something to be remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewResource {
    pub kind: ResourceKind,
    /// Kept as it is.
    pub content: String,
    pub thread: Option<String>,
    /// The caller's own.
    pub metadata: Metadata,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// [`ResourceKind::Event`] or [`ResourceKind::Webhook`].
    pub kind: ResourceKind,
    pub event_type: String,
    pub source: String,
    pub occurred_at: Timestamp,
    /// A JSON object as compact text.
    pub data: String,
    /// Where its facts belong, if the app has such a category.
    pub category: Option<String>,
    pub entities: Vec<SuggestedEntity>,
    pub importance: ImportanceLevel,
    /// The provider's own id of it: the same one is taken once for each source.
    pub delivery: Option<String>,
}

/// What came in, as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum ResourceContent {
    Text(NewResource),
    Event(NewEvent),
}

impl ResourceContent {
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Text(new) => new.kind,
            Self::Event(event) => event.kind,
        }
    }
}

/// How far a resource has come.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceStatus {
    pub id: Uuid,
    pub kind: ResourceKind,
    pub state: ResourceState,
    /// Facts found in it.
    pub facts_extracted: u32,
    /// Those of them that said something new.
    pub facts_written: u32,
    /// Why it failed.
    pub error: Option<String>,
    pub started_at: Timestamp,
    pub completed_at: Option<Timestamp>,
    /// Seconds that the rest may take; `None` once there is no rest.
    pub remaining_s: Option<f64>,
}

/// A question to what is known of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct FactQuery {
    pub text: String,
    /// Estimated tokens of the whole answer.
    pub tokens_max: usize,
    pub with_graph: bool,
    /// Only these; `None` for all.
    pub categories: Option<Vec<String>>,
    /// Above 0.
    pub half_life_days: f64,
    /// In [0, 1].
    pub confidence_min: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FoundFact {
    pub id: Uuid,
    pub resource: Uuid,
    pub resource_kind: ResourceKind,
    pub content: String,
    pub category: String,
    /// In [0, 1].
    pub confidence: f64,
    /// In [0, 1]; what is found is sorted by it.
    pub score: f64,
    /// When it was said, or happened.
    pub created_at: Timestamp,
    pub importance: ImportanceLevel,
    /// Before this answer; `None` if no answer held it.
    pub last_accessed_at: Option<Timestamp>,
    pub access_count: u64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Retrieved {
    /// Category and text, the most important category first.
    pub summaries: Vec<(String, String)>,
    pub facts: Vec<FoundFact>,
    pub entities: Vec<EntityDetail>,
    /// Estimated tokens of all of it.
    pub token_count: usize,
}

/// What is known under one category.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryView {
    pub name: String,
    pub description: String,
    /// `None` where there is nothing to sum up.
    pub summary: Option<String>,
    /// Facts that are not archived.
    pub fact_count: u64,
    /// When the first and the last of them were written.
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// Which entities to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityPage {
    pub entity_type: Option<String>,
    pub offset: usize,
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entities {
    /// The last mentioned first.
    pub entities: Vec<EntitySummary>,
    /// On all pages.
    pub total: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct EntitySummary {
    pub name: String,
    pub entity_type: String,
    /// Sorted by name.
    pub properties: Vec<(String, String)>,
    pub relationship_count: usize,
    pub first_mentioned: Timestamp,
    pub last_mentioned: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct EntityDetail {
    pub name: String,
    pub entity_type: String,
    /// Sorted by name.
    pub properties: Vec<(String, String)>,
    pub relationships: Vec<EntityRelation>,
    /// The newest first.
    pub mentions: Vec<EntityContext>,
}

/// A relationship, seen from one of its ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityRelation {
    pub relation_type: String,
    pub is_outgoing: bool,
    /// The other end.
    pub target: String,
    pub target_type: String,
    pub properties: Vec<(String, String)>,
}

/// A fact that names an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityContext {
    pub context: String,
    pub at: Timestamp,
}

/// How much was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    pub resources: usize,
    pub facts: usize,
    pub categories: usize,
    pub entities: usize,
    pub relationships: usize,
    pub at: Timestamp,
}
