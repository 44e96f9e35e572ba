//! Response bodies, borrowed from what the service answered. Scores stay `f32` so that they print
//! with the digits they have: 0.3, not 0.30000001192092896.

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::service::Metadata;
use crate::types::Timestamp;

#[derive(Serialize)]
pub(crate) struct WriteResponse<'a> {
    pub(crate) stored: bool,
    /// Null when the gate refused the write.
    pub(crate) atom_id: Option<Uuid>,
    pub(crate) importance: f32,
    pub(crate) reason: &'a str,
    /// In the order they were named. Never null: a client's parser insists.
    pub(crate) superseded: Vec<Uuid>,
}

#[derive(Serialize)]
pub(crate) struct WriteBatchResponse<'a> {
    pub(crate) total_count: usize,
    pub(crate) stored_count: usize,
    pub(crate) results: Vec<BatchResult<'a>>,
}

#[derive(Serialize)]
pub(crate) struct BatchResult<'a> {
    pub(crate) index: usize,
    pub(crate) stored: bool,
    pub(crate) atom_id: Option<Uuid>,
    pub(crate) importance: f32,
    /// Why a valid item could not be processed; null for one that the gate refused.
    pub(crate) error: Option<&'a str>,
    pub(crate) reason: &'a str,
}

/// All five fields are always there: a client's parser insists.
#[derive(Serialize)]
pub(crate) struct ReadResponse<'a> {
    pub(crate) items: Vec<MemoryItem<'a>>,
    pub(crate) episodic_hit: bool,
    pub(crate) query_concepts: &'a [String],
    pub(crate) expanded_concepts: &'a [String],
    pub(crate) search_time_ms: f64,
}

#[derive(Serialize)]
pub(crate) struct MemoryItem<'a> {
    pub(crate) atom_id: Uuid,
    pub(crate) content: &'a str,
    pub(crate) relevance: f32,
    pub(crate) similarity: f32,
    pub(crate) valence: f32,
    pub(crate) importance: f32,
    pub(crate) source: &'static str,
    pub(crate) concepts: &'a [String],
    pub(crate) domain: &'a str,
    #[serde(serialize_with = "verbatim")]
    pub(crate) metadata: &'a Metadata,
    #[serde(serialize_with = "as_text")]
    pub(crate) created_at: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) supersedes: Vec<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) superseded_by: Option<Uuid>,
}

#[derive(Serialize)]
pub(crate) struct ReadBatchResponse<'a> {
    pub(crate) results: Vec<ReadResponse<'a>>,
}

#[derive(Serialize)]
pub(crate) struct StatsResponse<'a> {
    pub(crate) total_atoms: u64,
    pub(crate) episodes: u64,
    pub(crate) prototypes: u64,
    pub(crate) singletons: u64,
    pub(crate) hebbian_edges: u64,
    pub(crate) episodic_fingerprints: u64,
    pub(crate) domains: &'a [String],
    pub(crate) avg_valence: f64,
    pub(crate) avg_importance: f64,
}

#[derive(Serialize)]
pub(crate) struct DomainsResponse<'a> {
    pub(crate) domains: &'a [String],
}

/// An atom with everything the dialect shows of it; also one line of an export.
#[derive(Serialize)]
pub(crate) struct AtomEnvelope<'a> {
    pub(crate) id: Uuid,
    /// The same as `id`, under the name reads and writes use.
    pub(crate) atom_id: Uuid,
    pub(crate) content: &'a str,
    pub(crate) concepts: &'a [String],
    pub(crate) atom_type: &'static str,
    #[serde(serialize_with = "as_text")]
    pub(crate) created_at: Timestamp,
    #[serde(serialize_with = "as_text")]
    pub(crate) last_accessed_at: Timestamp,
    pub(crate) access_count: u64,
    pub(crate) importance: f32,
    pub(crate) valence: f32,
    pub(crate) outcome_count: u32,
    pub(crate) is_protected: bool,
    pub(crate) domain: &'a str,
    pub(crate) external_ref: Option<&'a str>,
    #[serde(serialize_with = "verbatim")]
    pub(crate) metadata: &'a Metadata,
    pub(crate) supersedes: Vec<Uuid>,
    pub(crate) superseded_by: Option<Uuid>,
    /// This server's own: the prototype that stands for it.
    pub(crate) consolidated_into: Option<Uuid>,
}

#[derive(Serialize)]
pub(crate) struct DeleteResponse<'a> {
    /// 0 or 1.
    pub(crate) deleted: u8,
    pub(crate) atom_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) superseded_predecessors_left_hidden: Vec<Uuid>,
}

#[derive(Serialize)]
pub(crate) struct DeleteDomainResponse<'a> {
    pub(crate) deleted: u64,
    /// As it was understood: decoded.
    pub(crate) domain: &'a str,
}

#[derive(Serialize)]
pub(crate) struct ResetResponse {
    pub(crate) deleted: u64,
}

#[derive(Serialize)]
pub(crate) struct FeedbackResponse {
    pub(crate) updated_count: usize,
    pub(crate) avg_valence: f64,
    pub(crate) coactivation_edges: usize,
    pub(crate) feedback_time_ms: f64,
}

#[derive(Serialize)]
pub(crate) struct ConsolidateResponse<'a> {
    pub(crate) domain: &'a str,
    pub(crate) atoms_before: u64,
    pub(crate) atoms_after: u64,
    pub(crate) prototypes_created: u64,
    pub(crate) singletons_protected: u64,
    /// Before by after, so 1 or more; 1 when nothing is left to divide by.
    pub(crate) compression_ratio: f64,
    pub(crate) duration_ms: f64,
}

#[derive(Serialize)]
pub(crate) struct UndoConsolidationResponse<'a> {
    pub(crate) domain: &'a str,
    pub(crate) restored: u64,
    pub(crate) duration_ms: f64,
}

#[derive(Serialize)]
pub(crate) struct RecentResponse<'a> {
    pub(crate) items: Vec<RecentItem<'a>>,
    /// 16 lower-case hexadecimal digits, or null at the end.
    pub(crate) next_cursor: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct RecentItem<'a> {
    pub(crate) atom_id: Uuid,
    pub(crate) content: &'a str,
    pub(crate) domain: &'a str,
    #[serde(serialize_with = "as_text")]
    pub(crate) created_at: Timestamp,
    pub(crate) concepts: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) supersedes: Vec<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) superseded_by: Option<Uuid>,
}

#[derive(Serialize)]
pub(crate) struct GraphResponse<'a> {
    pub(crate) nodes: Vec<GraphNode<'a>>,
    pub(crate) edges: Vec<GraphEdge<'a>>,
    pub(crate) truncated: bool,
    pub(crate) min_weight_applied: f64,
}

#[derive(Serialize)]
pub(crate) struct GraphNode<'a> {
    pub(crate) concept: &'a str,
    pub(crate) degree: usize,
}

#[derive(Serialize)]
pub(crate) struct GraphEdge<'a> {
    /// The smaller of the two as text.
    pub(crate) source: &'a str,
    pub(crate) target: &'a str,
    pub(crate) weight: f32,
    pub(crate) valence: f32,
    pub(crate) count: u32,
    #[serde(serialize_with = "as_text")]
    pub(crate) updated_at: Timestamp,
}

#[derive(Serialize)]
pub(crate) struct ChainResponse<'a> {
    pub(crate) atom_id: Uuid,
    pub(crate) revisions: Vec<AtomEnvelope<'a>>,
    pub(crate) dangling: Vec<Uuid>,
    pub(crate) truncated: bool,
}

/// What a server without a vault lists.
#[derive(Serialize)]
pub(crate) struct SecretsResponse {
    pub(crate) secrets: [(); 0],
}

#[derive(Serialize)]
pub(crate) struct HealthResponse<'a> {
    pub(crate) status: &'static str,
    /// Always false: the route never touches the database.
    pub(crate) database: bool,
    pub(crate) version: &'a str,
}

#[derive(Serialize)]
pub(crate) struct ReadyResponse<'a> {
    pub(crate) ready: bool,
    pub(crate) checks: ReadyChecks,
    pub(crate) version: &'a str,
}

#[derive(Serialize)]
pub(crate) struct ReadyChecks {
    pub(crate) database: bool,
    pub(crate) engine: bool,
    pub(crate) embedding: bool,
}

/// The caller's own text, not a tree printed again.
fn verbatim<S: Serializer>(metadata: &&Metadata, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(metadata.as_json()).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

fn as_text<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_scores_print_exactly_what_they_are() {
        let metadata = Metadata::from_checked("{\"z\":1.50,\"a\":1E+2}".to_owned());
        let item = MemoryItem {
            atom_id: Uuid::nil(),
            content: "x",
            relevance: 0.3,
            similarity: 0.1 + 0.2,
            valence: -1.0,
            importance: 0.0,
            source: "semantic",
            concepts: &[],
            domain: "general",
            metadata: &metadata,
            created_at: Timestamp::from_micros(0),
            supersedes: Vec::new(),
            superseded_by: None,
        };
        let text = serde_json::to_string(&item).unwrap();
        assert!(!text.contains("supersede"), "{text}");
        assert!(text.contains("\"metadata\":{\"z\":1.50,\"a\":1E+2}"), "{text}");
        assert!(text.contains("\"relevance\":0.3,"), "{text}");
        assert!(text.contains("\"created_at\":\"1970-01-01T00:00:00.000000Z\""), "{text}");
    }
}
