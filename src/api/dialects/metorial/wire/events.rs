//! What happened to sessions.

use serde::Serialize;

use super::{Never, Null, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct EventBody {
    /// `session.event`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) session_id: String,
    pub(in super::super) message_id: Option<String>,
    pub(in super::super) created_at: Time,
    #[serde(flatten)]
    pub(in super::super) older: Option<OlderEventMembers>,
}

/// What only the first version has.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct OlderEventMembers {
    pub(in super::super) server_run: Null,
    pub(in super::super) server_run_error: Null,
    pub(in super::super) log_lines: Never,
}
