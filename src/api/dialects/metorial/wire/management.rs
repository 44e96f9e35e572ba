//! Projects, environments and keys, and what a key says of itself.

use serde::Serialize;

use super::{Never, Null, Time};

/// An organization inside something else.
#[derive(Debug, Clone, Serialize)]
pub(in super::super) struct OrganizationBody {
    /// `organization`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) status: &'static str,
    pub(in super::super) slug: String,
    pub(in super::super) name: String,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

#[derive(Debug, Clone, Serialize)]
pub(in super::super) struct ProjectBody {
    /// `organization.project`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) status: &'static str,
    pub(in super::super) slug: String,
    pub(in super::super) name: String,
    pub(in super::super) organization_id: String,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

#[derive(Debug, Clone, Serialize)]
pub(in super::super) struct InstanceBody {
    /// `organization.instance`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    /// In the first version only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) status: Option<&'static str>,
    pub(in super::super) slug: String,
    pub(in super::super) name: String,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) organization_id: String,
    pub(in super::super) project: ProjectBody,
    pub(in super::super) default_api_version: &'static str,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct KeyBody {
    /// `machine_access.api_key`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) status: &'static str,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) name: String,
    pub(in super::super) description: Option<String>,
    pub(in super::super) secret_redacted: String,
    /// In the answers to creation and rotation only.
    pub(in super::super) secret: Option<String>,
    pub(in super::super) ip_filters: Never,
    pub(in super::super) machine_access: MachineAccessBody,
    pub(in super::super) deleted_at: Option<Time>,
    pub(in super::super) last_used_at: Option<Time>,
    pub(in super::super) expires_at: Option<Time>,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

/// What a key acts for.
#[derive(Debug, Serialize)]
pub(in super::super) struct MachineAccessBody {
    /// `machine_access`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) status: &'static str,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) name: String,
    pub(in super::super) instance: Option<InstanceBody>,
    pub(in super::super) organization: OrganizationBody,
    pub(in super::super) actor: Null,
    pub(in super::super) user: Null,
    pub(in super::super) deleted_at: Option<Time>,
    pub(in super::super) last_used_at: Option<Time>,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

/// What the calling key is.
#[derive(Debug, Serialize)]
pub(in super::super) struct TokenBody {
    /// `token`
    pub(in super::super) object: &'static str,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) organization: TokenPart,
    pub(in super::super) instance: Option<TokenPart>,
    pub(in super::super) project: Option<TokenPart>,
    pub(in super::super) actor: Null,
    pub(in super::super) member: Null,
    pub(in super::super) user: Null,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct TokenPart {
    /// `token.` and what it is.
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) name: String,
    pub(in super::super) slug: String,
    /// Of an environment only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) project_id: Option<String>,
}
