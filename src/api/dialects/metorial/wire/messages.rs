//! Messages as sessions show them, and what a search finds.

use serde::Serialize;

use super::{Null, OwnObject, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct MessageBody {
    /// `session.message`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) sender: SenderBody,
    pub(in super::super) content: ContentBody,
    pub(in super::super) metadata: OwnObject,
    pub(in super::super) session_id: String,
    pub(in super::super) thread_id: Option<String>,
    pub(in super::super) created_at: Time,
    #[serde(flatten)]
    pub(in super::super) older: Option<OlderMessageMembers>,
}

/// What only the first version has.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct OlderMessageMembers {
    pub(in super::super) mcp_message: Null,
    pub(in super::super) server_session_id: Null,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct SenderBody {
    /// `session.message.sender`
    pub(in super::super) object: &'static str,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) id: Option<String>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct ContentBody {
    pub(in super::super) text: String,
    pub(in super::super) attachments: Vec<AttachmentBody>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct AttachmentBody {
    pub(in super::super) id: String,
    /// `file`
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) file_id: String,
    /// Null without a link that is good.
    pub(in super::super) url: Option<String>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct MatchBody {
    /// `session.message.match`
    pub(in super::super) object: &'static str,
    /// In [0, 1].
    pub(in super::super) score: f32,
    pub(in super::super) message: MessageBody,
}
