//! What is sent, exactly as the published API has it. Nothing here leaves the dialect. One file per
//! resource.

mod actors;
mod agents;
mod events;
mod files;
mod introspect;
mod management;
mod messages;
mod sessions;
mod threads;
mod values;

use actix_web::HttpResponse;
use serde::{Serialize, Serializer};

use crate::types::Timestamp;

pub(super) use actors::ActorBody;
pub(super) use agents::{AgentBody, InnerAgentMembers, NewerAgentMembers};
pub(super) use events::EventBody;
pub(super) use files::{FileBody, FileLinkBody, NewerFileMembers, PurposeBody};
pub(super) use introspect::{ApiVersion, ApiVersions};
pub(super) use management::{
    InstanceBody, KeyBody, MachineAccessBody, OrganizationBody, ProjectBody, TokenBody, TokenPart,
};
pub(super) use messages::{AttachmentBody, ContentBody, MatchBody, MessageBody, SenderBody};
pub(super) use sessions::{SessionBody, SessionMembers, SessionProviderUsage, SessionUsage};
pub(super) use threads::{
    CodeBody, GroupContentBody, GroupMessageBody, MessageGroupBody, ParticipantBody, ThreadBody,
    TimezoneBody,
};
pub(super) use values::{Never, Null, OwnObject};

/// A time with exactly three fractional digits, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(pub(super) Timestamp);

impl Time {
    pub(super) fn text(self) -> String {
        // What is left of a millisecond is cut off, so that nothing seems later than it is.
        let mut text = self.0.to_string();
        text.truncate("2026-11-22T08:15:30.123".len());
        text.push('Z');
        text
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// The answer to everything that went well.
pub(super) fn reply(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}
