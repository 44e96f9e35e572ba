//! Documents as they are listed, taken, watched, and removed.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::validation::request;

request! {
    /// `POST /api/ingest` as JSON.
    #[serde(rename_all = "camelCase")]
    IngestRequest { user_id, content, title, doc_id, metadata, }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct IngestResponse<'a> {
    pub(in super::super) success: bool,
    pub(in super::super) document_id: &'a str,
    pub(in super::super) r2_key: String,
    pub(in super::super) chunks: u32,
    pub(in super::super) graph_nodes: u32,
    pub(in super::super) status: &'static str,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct DocumentsResponse<'a> {
    pub(in super::super) documents: Vec<DocumentBody<'a>>,
    pub(in super::super) count: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DocumentBody<'a> {
    pub(in super::super) id: &'a str,
    pub(in super::super) user_id: &'a str,
    pub(in super::super) title: &'a str,
    pub(in super::super) r2_key: String,
    /// In milliseconds.
    pub(in super::super) uploaded_at: i64,
    pub(in super::super) status: &'static str,
    pub(in super::super) progress: u8,
    pub(in super::super) chunk_count: u32,
    pub(in super::super) metadata: Box<RawValue>,
    /// In milliseconds.
    pub(in super::super) created_at: i64,
    pub(in super::super) content: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ReindexResponse {
    pub(in super::super) success: bool,
    pub(in super::super) documents_reindexed: usize,
    pub(in super::super) reindexed: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct PurgeResponse {
    pub(in super::super) success: bool,
    pub(in super::super) documents_purged: usize,
    pub(in super::super) deleted: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DeleteResponse<'a> {
    pub(in super::super) success: bool,
    pub(in super::super) message: &'static str,
    pub(in super::super) document_id: &'a str,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct StatusResponse<'a> {
    pub(in super::super) status: Tracking<'a>,
}

/// How far a document has come.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Tracking<'a> {
    pub(in super::super) document_id: &'a str,
    pub(in super::super) user_id: &'a str,
    pub(in super::super) status: &'static str,
    pub(in super::super) progress: u8,
    pub(in super::super) current_step: &'static str,
    pub(in super::super) chunks_total: u32,
    pub(in super::super) chunks_processed: u32,
    /// In milliseconds, as all times here.
    pub(in super::super) started_at: i64,
    pub(in super::super) completed_at: Option<i64>,
    pub(in super::super) error_message: Option<&'a str>,
    pub(in super::super) updated_at: i64,
}
