//! Sessions as both versions show them.

use serde::Serialize;

use super::{Never, Null, OwnObject, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct SessionBody {
    /// `session`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) status: &'static str,
    pub(in super::super) metadata: Option<OwnObject>,
    pub(in super::super) agent_id: Option<String>,
    pub(in super::super) actor_id: Option<String>,
    pub(in super::super) thread_id: Option<String>,
    #[serde(flatten)]
    pub(in super::super) version: SessionMembers,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

/// What only one version has. This server connects nobody to anything.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in super::super) enum SessionMembers {
    V2025 {
        connection_status: &'static str,
        client_secret: Null,
        server_deployments: Never,
        usage: SessionUsage,
    },
    V2026 {
        name: Option<String>,
        description: Option<String>,
        connection_state: &'static str,
        connection_url: Null,
        client_secret: Null,
        usage: SessionProviderUsage,
        providers: Never,
        from_template_ids: Never,
        has_errors: bool,
        has_warnings: bool,
        identity_actor_id: Null,
        identity_id: Null,
    },
}

#[derive(Debug, Serialize)]
pub(in super::super) struct SessionUsage {
    pub(in super::super) total_productive_message_count: u64,
    pub(in super::super) total_productive_client_message_count: u64,
    pub(in super::super) total_productive_server_message_count: u64,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct SessionProviderUsage {
    pub(in super::super) total_productive_client_message_count: u64,
    pub(in super::super) total_productive_provider_message_count: u64,
}
