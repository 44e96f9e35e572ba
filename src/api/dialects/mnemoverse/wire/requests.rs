//! Request bodies, each field still JSON text: `None` when absent, `null` when null. Fields are
//! looked at one by one later, so that every problem of a request is found, not the first.
//! Unknown fields are ignored; a known field that appears twice is an error of the whole body.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One field's text, without surrounding white space.
pub(crate) type Raw<'a> = Option<&'a RawValue>;

/// Keeps an explicit `null`, which `Option` alone would take for an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Raw<'de>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A write, alone or as an item of a batch.
#[derive(Deserialize)]
pub(crate) struct BatchItem<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) content: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) concepts: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domain: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) metadata: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) external_ref: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) fingerprint: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) supersedes: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct WriteBatchRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) items: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct ReadRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) query: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) top_k: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domain: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) min_relevance: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) include_associations: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) concepts: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) fingerprint: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) order_by: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) since: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) until: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) exclude_author: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) include_history: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) diversity: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) strategy: Raw<'a>,
    /// This server's own: how similarity is computed.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) retrieval: Raw<'a>,
}

/// The value of `retrieval`.
#[derive(Deserialize)]
pub(crate) struct RetrievalOptions<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) mode: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct ReadBatchRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) queries: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct ExternalRefRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) external_ref: Raw<'a>,
}

/// What a query has besides the fields of a read.
#[derive(Deserialize)]
pub(crate) struct QueryRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domains: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) metadata_filter: Raw<'a>,
}

/// One entry of `metadata_filter`.
#[derive(Deserialize)]
pub(crate) struct FilterCondition<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) key: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) op: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) value: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct FeedbackRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) atom_ids: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) outcome: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) concepts: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) query_concepts: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domain: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct ConsolidateRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domain: Raw<'a>,
    /// This server's own: takes a consolidation back.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) undo: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct RecentRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domain: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) since: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) until: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) exclude_author: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) limit: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) cursor: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) include_history: Raw<'a>,
}

#[derive(Deserialize)]
pub(crate) struct GraphRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) seeds: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) depth: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) limit: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) domain: Raw<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) min_weight: Raw<'a>,
}

impl GraphRequest<'_> {
    /// The one request whose other fields are refused.
    pub(crate) const FIELDS: [&'static str; 5] =
        ["seeds", "depth", "limit", "domain", "min_weight"];
}
