//! Agents as both versions and both kinds of keys see them.

use serde::Serialize;

use super::{OwnObject, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct AgentBody {
    /// `agent`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) slug: String,
    pub(in super::super) name: String,
    #[serde(flatten)]
    pub(in super::super) newer: Option<NewerAgentMembers>,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

/// What only the second version has.
#[derive(Debug, Serialize)]
pub(in super::super) struct NewerAgentMembers {
    /// `custom`
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) status: &'static str,
    pub(in super::super) description: Option<String>,
    pub(in super::super) archived_at: Option<Time>,
    #[serde(flatten)]
    pub(in super::super) inner: Option<InnerAgentMembers>,
}

/// What only secret keys see of it.
#[derive(Debug, Serialize)]
pub(in super::super) struct InnerAgentMembers {
    pub(in super::super) metadata: OwnObject,
    pub(in super::super) actor_id: Option<String>,
}
