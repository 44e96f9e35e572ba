//! Response bodies. Documented fields are always there, `null` where there is no value. Scores
//! stay `f32` so that they print with the digits they have: 0.3, not 0.30000001192092896.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize)]
pub(crate) struct SignUpResponse<'a> {
    pub(crate) org_id: &'a str,
    pub(crate) user_id: &'a str,
    /// In plain text, this once.
    pub(crate) api_key: &'a str,
    pub(crate) key: ApiKey,
}

/// What is shown of a key. The times have no zone.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct ApiKey {
    pub(crate) id: Uuid,
    pub(crate) prefix: &'static str,
    pub(crate) display_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) is_active: bool,
    pub(crate) created_at: String,
    pub(crate) last_used_at: Option<String>,
    pub(crate) revoked_at: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct CreatedKey<'a> {
    /// In plain text, this once.
    pub(crate) api_key: &'a str,
    pub(crate) key: ApiKey,
}

#[derive(Serialize)]
pub(crate) struct TokensResponse {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) token_type: &'static str,
    pub(crate) expires_in: u64,
}

#[derive(Serialize)]
pub(crate) struct VerifyResponse<'a> {
    pub(crate) valid: bool,
    pub(crate) tenant: VerifiedTenant<'a>,
}

#[derive(Serialize)]
pub(crate) struct VerifiedTenant<'a> {
    pub(crate) org_id: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) session_id: Option<&'a str>,
    pub(crate) roles: &'a [String],
    /// Only of a token for a named user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Act<'a>>,
}

#[derive(Serialize)]
pub(crate) struct Act<'a> {
    pub(crate) sub: &'a str,
}

#[derive(Serialize)]
pub(crate) struct MeResponse<'a> {
    pub(crate) org_id: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) api_keys: Vec<ApiKey>,
}

#[derive(Serialize)]
pub(crate) struct IngestionResponse {
    pub(crate) job_id: String,
    pub(crate) active_fragment_ids: Vec<String>,
    /// Reserved; always null.
    pub(crate) passive_job_id: Option<String>,
    pub(crate) usage: Usage,
}

#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecallResponse {
    pub(crate) hits: Hits,
    pub(crate) timeline: Option<String>,
    pub(crate) confidence: f32,
    pub(crate) mode: &'static str,
    pub(crate) usage: Usage,
}

/// Each list best first.
#[derive(Debug, Serialize)]
pub(crate) struct Hits {
    pub(crate) observations: Vec<Hit>,
    pub(crate) turns: Vec<Hit>,
    pub(crate) entities: Vec<Entity>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Hit {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) score: f32,
    pub(crate) kind: Kind,
    /// Milliseconds since 1970, as text.
    pub(crate) timestamp: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Turn,
    Observation,
}

#[derive(Debug, Serialize)]
pub(crate) struct Entity {
    pub(crate) id: Option<String>,
    pub(crate) label: String,
    pub(crate) score: f32,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct TodayResponse {
    pub(crate) tokens_in_used: u64,
    pub(crate) tokens_out_used: u64,
    pub(crate) tokens_in_limit: u64,
    pub(crate) tokens_out_limit: u64,
    pub(crate) period: &'static str,
    pub(crate) period_start: String,
    pub(crate) period_end: String,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct SummaryResponse {
    pub(crate) period: &'static str,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
}
