//! Which members each object has, in both versions and in either. Others may be added at any time,
//! but what is of one version only is not in the other.

pub(super) const OLDER: &str = "2025-01-01";
pub(super) const NEWER: &str = "2026-01-01";
pub(super) const VERSIONS: [&str; 2] = [OLDER, NEWER];

/// Objects within others, or of this server alone, whose members cases look at.
pub(super) const OTHERS: [&str; 8] = [
    "metorial.versions",
    "organization",
    "token",
    "token.organization",
    "token.instance",
    "token.project",
    "session.message.sender",
    "session.message.match",
];

pub(super) struct Shape {
    pub(super) object: &'static str,
    /// What its ids begin with; `None` for an id that its maker may have chosen.
    pub(super) prefix: Option<&'static str>,
    always: &'static [&'static str],
    older: &'static [&'static str],
    newer: &'static [&'static str],
}

impl Shape {
    /// What an object must have.
    pub(super) fn needed(&self, version: &str) -> impl Iterator<Item = &'static &'static str> {
        let own = if version == NEWER { self.newer } else { self.older };
        self.always.iter().chain(own)
    }

    /// What an object must not have.
    pub(super) fn foreign(&self, version: &str) -> impl Iterator<Item = &'static &'static str> {
        let (own, other) = match version {
            NEWER => (self.newer, self.older),
            _ => (self.older, self.newer),
        };
        other.iter().filter(move |name| !own.contains(name))
    }
}

pub(super) const SHAPES: [Shape; 12] = [
    Shape {
        object: "session",
        prefix: Some("ses_"),
        always: &[
            "id",
            "status",
            "metadata",
            "created_at",
            "updated_at",
            "agent_id",
            "actor_id",
            "thread_id",
            "usage",
            "client_secret",
        ],
        older: &["connection_status", "server_deployments"],
        newer: &[
            "name",
            "description",
            "connection_state",
            "connection_url",
            "providers",
            "from_template_ids",
            "has_errors",
            "has_warnings",
            "identity_actor_id",
            "identity_id",
        ],
    },
    Shape {
        object: "session.message",
        prefix: Some("msg_"),
        always: &[
            "id",
            "type",
            "sender",
            "content",
            "metadata",
            "session_id",
            "thread_id",
            "created_at",
        ],
        older: &["mcp_message", "server_session_id"],
        newer: &[],
    },
    Shape {
        object: "session.event",
        prefix: Some("sev_"),
        always: &["id", "type", "session_id", "message_id", "created_at"],
        older: &["server_run", "server_run_error", "log_lines"],
        newer: &[],
    },
    Shape {
        object: "actor",
        prefix: None,
        always: &["id", "name", "type", "metadata", "created_at", "updated_at"],
        older: &[],
        newer: &[],
    },
    Shape {
        object: "agent",
        prefix: Some("agent_"),
        always: &["id", "slug", "name", "created_at", "updated_at"],
        older: &[],
        newer: &["type", "status", "description", "archived_at"],
    },
    Shape {
        object: "file",
        prefix: Some("file_"),
        always: &[
            "id",
            "status",
            "file_name",
            "file_size",
            "file_type",
            "title",
            "purpose",
            "created_at",
            "updated_at",
        ],
        older: &[],
        newer: &["created_by"],
    },
    Shape {
        object: "file.file_link",
        prefix: Some("flk_"),
        always: &["id", "file_id", "url", "created_at", "expires_at"],
        older: &[],
        newer: &[],
    },
    Shape {
        object: "thread",
        prefix: Some("thread_"),
        always: &[
            "id",
            "agent_id",
            "instance_id",
            "timezone",
            "country",
            "language",
            "metadata",
            "participants",
            "created_at",
            "updated_at",
        ],
        older: &[],
        newer: &[],
    },
    Shape {
        object: "organization.instance",
        prefix: Some("ins_"),
        always: &[
            "id",
            "slug",
            "name",
            "type",
            "organization_id",
            "project",
            "default_api_version",
            "created_at",
            "updated_at",
        ],
        older: &["status"],
        newer: &[],
    },
    Shape {
        object: "organization.project",
        prefix: Some("prj_"),
        always: &["id", "status", "slug", "name", "organization_id", "created_at", "updated_at"],
        older: &[],
        newer: &[],
    },
    Shape {
        object: "machine_access.api_key",
        prefix: Some("apk_"),
        always: &[
            "id",
            "status",
            "type",
            "name",
            "description",
            "secret_redacted",
            "secret",
            "ip_filters",
            "machine_access",
            "deleted_at",
            "last_used_at",
            "expires_at",
            "created_at",
            "updated_at",
        ],
        older: &[],
        newer: &[],
    },
    Shape {
        object: "machine_access",
        prefix: Some("mac_"),
        always: &[
            "id",
            "status",
            "type",
            "name",
            "instance",
            "organization",
            "actor",
            "user",
            "created_at",
            "updated_at",
        ],
        older: &[],
        newer: &[],
    },
];
