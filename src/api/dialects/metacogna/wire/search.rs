//! Searching documents, and the graph of what they say.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::validation::request;

request! {
    /// `POST /api/search`.
    #[serde(rename_all = "camelCase")]
    SearchRequest { query, top_k, limit, user_id, threshold, }
}

#[derive(Debug, Serialize)]
pub(in super::super) struct SearchResponse {
    pub(in super::super) results: Vec<SearchResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct SearchResult {
    pub(in super::super) id: String,
    pub(in super::super) document_id: String,
    pub(in super::super) text: String,
    /// The same text under its other name.
    pub(in super::super) content: String,
    pub(in super::super) score: f32,
    pub(in super::super) metadata: Map<String, Value>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct GraphResponse<'a> {
    pub(in super::super) nodes: Vec<NodeBody<'a>>,
    pub(in super::super) edges: Vec<EdgeBody<'a>>,
    pub(in super::super) links: Vec<LinkBody<'a>>,
    pub(in super::super) metadata: GraphMetadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NodeBody<'a> {
    pub(in super::super) id: &'a str,
    pub(in super::super) label: &'a str,
    #[serde(rename = "type")]
    pub(in super::super) node_type: &'a str,
    pub(in super::super) document_ids: &'a [String],
    pub(in super::super) group: String,
    pub(in super::super) val: u8,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct EdgeBody<'a> {
    pub(in super::super) source: &'a str,
    pub(in super::super) target: &'a str,
    #[serde(rename = "type")]
    pub(in super::super) edge_type: &'a str,
    pub(in super::super) strength: f64,
    pub(in super::super) relation: &'a str,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct LinkBody<'a> {
    pub(in super::super) source: &'a str,
    pub(in super::super) target: &'a str,
    pub(in super::super) relation: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct GraphMetadata {
    pub(in super::super) node_count: usize,
    pub(in super::super) edge_count: usize,
    pub(in super::super) cached: bool,
    /// In milliseconds.
    pub(in super::super) generated_at: i64,
    /// True when it was cached, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) cache_hit: Option<bool>,
}
