//! Threads, and the messages of their sessions in groups of one.

use serde::Serialize;

use super::{ActorBody, AttachmentBody, Never, Null, OwnObject, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct ThreadBody {
    /// `thread`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) agent_id: Option<String>,
    pub(in super::super) instance_id: String,
    pub(in super::super) timezone: Option<TimezoneBody>,
    pub(in super::super) country: Option<CodeBody>,
    pub(in super::super) language: Option<CodeBody>,
    pub(in super::super) metadata: OwnObject,
    pub(in super::super) participants: Vec<ParticipantBody>,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

/// Of a time zone the server knows nothing but its name.
#[derive(Debug, Serialize)]
pub(in super::super) struct TimezoneBody {
    pub(in super::super) code: String,
    pub(in super::super) utc: Null,
    pub(in super::super) utc_offset_in_minutes: Null,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct CodeBody {
    pub(in super::super) code: String,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct ParticipantBody {
    #[serde(flatten)]
    pub(in super::super) actor: ActorBody,
    pub(in super::super) role: &'static str,
    pub(in super::super) joined_at: Time,
    pub(in super::super) thread_id: String,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct MessageGroupBody {
    pub(in super::super) id: String,
    /// `completed`
    pub(in super::super) status: &'static str,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) created_at: Time,
    pub(in super::super) thread_id: String,
    pub(in super::super) parent_message_group_id: Null,
    pub(in super::super) metadata: OwnObject,
    pub(in super::super) messages: [GroupMessageBody; 1],
    pub(in super::super) attached_items: Never,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct GroupMessageBody {
    pub(in super::super) id: String,
    /// `active`
    pub(in super::super) status: &'static str,
    /// `content`
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) message_group_id: String,
    pub(in super::super) thread_id: String,
    /// Null where it is unknown or gone.
    pub(in super::super) actor: Option<ActorBody>,
    pub(in super::super) content: GroupContentBody,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct GroupContentBody {
    pub(in super::super) id: String,
    /// The message that it is the content of.
    pub(in super::super) message_item_id: String,
    pub(in super::super) text: String,
    pub(in super::super) attachments: Vec<AttachmentBody>,
}
