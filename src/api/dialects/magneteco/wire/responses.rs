//! What clients are sent.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::types::Timestamp;

/// A point in time as ISO 8601 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Time(pub(in super::super) Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Text by category.
pub(in super::super) type Summaries = BTreeMap<String, String>;

/// Text by name.
pub(in super::super) type Properties = BTreeMap<String, String>;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct MemorizeResponse {
    pub(in super::super) status: &'static str,
    pub(in super::super) resource_id: String,
    /// In seconds.
    pub(in super::super) estimated_processing_time: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct EventResponse {
    pub(in super::super) status: &'static str,
    pub(in super::super) event_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct StatusResponse {
    pub(in super::super) resource_id: String,
    pub(in super::super) status: &'static str,
    pub(in super::super) facts_extracted: u32,
    pub(in super::super) facts_written: u32,
    pub(in super::super) error: Option<String>,
    pub(in super::super) started_at: Time,
    pub(in super::super) completed_at: Option<Time>,
    /// In seconds.
    pub(in super::super) estimated_time_remaining: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct RetrieveResponse {
    pub(in super::super) summaries: Summaries,
    pub(in super::super) relevant_items: Vec<ItemBody>,
    pub(in super::super) graph_context: Vec<GraphEntity>,
    pub(in super::super) token_count: usize,
    pub(in super::super) query: String,
}

/// The same with the entities as the older client reads them.
#[derive(Debug, Serialize)]
pub(in super::super) struct OlderRetrieveResponse {
    #[serde(flatten)]
    pub(in super::super) retrieved: RetrieveResponse,
    pub(in super::super) entities: Vec<FoundEntity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ItemBody {
    pub(in super::super) id: String,
    pub(in super::super) app_id: String,
    pub(in super::super) user_id: String,
    pub(in super::super) resource_id: String,
    pub(in super::super) content: String,
    pub(in super::super) category: String,
    pub(in super::super) confidence: f64,
    pub(in super::super) score: f64,
    pub(in super::super) importance: &'static str,
    pub(in super::super) created_at: Time,
    pub(in super::super) last_accessed_at: Option<Time>,
    pub(in super::super) access_count: u64,
    pub(in super::super) archived: bool,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct GraphEntity {
    pub(in super::super) name: String,
    #[serde(rename = "type")]
    pub(in super::super) entity_type: String,
    pub(in super::super) properties: Properties,
    pub(in super::super) relationships: Vec<GraphRelationship>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct GraphRelationship {
    #[serde(flatten)]
    pub(in super::super) relationship: RelationshipBody,
    /// The type once more.
    pub(in super::super) predicate: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct RelationshipBody {
    #[serde(rename = "type")]
    pub(in super::super) relation_type: String,
    pub(in super::super) direction: &'static str,
    pub(in super::super) target: String,
    pub(in super::super) target_type: String,
    pub(in super::super) properties: Properties,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct FoundEntity {
    pub(in super::super) name: String,
    #[serde(rename = "type")]
    pub(in super::super) entity_type: String,
    pub(in super::super) properties: Properties,
    pub(in super::super) relationships: Vec<TargetBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct TargetBody {
    pub(in super::super) predicate: String,
    pub(in super::super) target: String,
    pub(in super::super) target_type: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ContextResponse {
    pub(in super::super) app_id: String,
    pub(in super::super) user_id: String,
    pub(in super::super) summaries: Summaries,
    pub(in super::super) categories: Vec<ContextCategory>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ContextCategory {
    pub(in super::super) name: String,
    pub(in super::super) summary: Option<String>,
    pub(in super::super) item_count: u64,
    pub(in super::super) updated_at: Option<Time>,
}

/// What every page says of itself, in the words of both descriptions of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Page {
    pub(in super::super) pagination: Pagination,
    pub(in super::super) total: usize,
    pub(in super::super) has_more: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Pagination {
    pub(in super::super) total: usize,
    pub(in super::super) limit: usize,
    pub(in super::super) has_more: bool,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct CategoriesResponse<'a> {
    pub(in super::super) data: &'a [CategoryBody],
    /// The same.
    pub(in super::super) categories: &'a [CategoryBody],
    #[serde(flatten)]
    pub(in super::super) page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct CategoryBody {
    pub(in super::super) name: String,
    pub(in super::super) description: String,
    pub(in super::super) summary: Option<String>,
    pub(in super::super) item_count: u64,
    pub(in super::super) created_at: Option<Time>,
    pub(in super::super) updated_at: Option<Time>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct NamedCategories {
    pub(in super::super) categories: Vec<NamedCategory>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NamedCategory {
    pub(in super::super) name: String,
    pub(in super::super) item_count: u64,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct EntitiesResponse<'a> {
    pub(in super::super) data: &'a [EntityListed],
    /// The same.
    pub(in super::super) entities: &'a [EntityListed],
    #[serde(flatten)]
    pub(in super::super) page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct EntityListed {
    pub(in super::super) name: String,
    #[serde(rename = "type")]
    pub(in super::super) entity_type: String,
    pub(in super::super) properties: Properties,
    pub(in super::super) relationship_count: usize,
    pub(in super::super) first_mentioned: Time,
    pub(in super::super) last_mentioned: Time,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct EntityResponse {
    pub(in super::super) entity: EntityBody,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct EntityBody {
    pub(in super::super) name: String,
    #[serde(rename = "type")]
    pub(in super::super) entity_type: String,
    pub(in super::super) properties: Properties,
    pub(in super::super) relationships: Vec<RelationshipBody>,
    pub(in super::super) mentions: Vec<MentionBody>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct MentionBody {
    pub(in super::super) context: String,
    pub(in super::super) timestamp: Time,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ForgetResponse {
    pub(in super::super) status: &'static str,
    pub(in super::super) app_id: String,
    pub(in super::super) user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) category: Option<String>,
    pub(in super::super) deleted: DeletedCounts,
    pub(in super::super) deleted_at: Time,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct DeletedCounts {
    pub(in super::super) resources: usize,
    pub(in super::super) items: usize,
    pub(in super::super) categories: usize,
    pub(in super::super) entities: usize,
    pub(in super::super) relationships: usize,
}

/// Without the secret, which is never told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct WebhookResponse {
    pub(in super::super) id: String,
    pub(in super::super) app_id: String,
    pub(in super::super) url: String,
    pub(in super::super) events: Vec<&'static str>,
    pub(in super::super) created_at: Time,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct HealthResponse<'a> {
    pub(in super::super) status: &'static str,
    pub(in super::super) version: &'a str,
    pub(in super::super) timestamp: Time,
    pub(in super::super) dependencies: Dependencies,
}

/// Each is `up` or `down`.
#[derive(Debug, Serialize)]
pub(in super::super) struct Dependencies {
    pub(in super::super) storage: &'static str,
    pub(in super::super) engine: &'static str,
    pub(in super::super) embedding: &'static str,
}
