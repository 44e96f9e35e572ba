//! Webhooks that come in, and how an app takes them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Time;
use crate::api::validation::request;

request! {
    /// What of a delivery with a key is not of every event.
    #[serde(rename_all = "camelCase")]
    DeliveryRequest {
        app_id,
        source,
        event_id,
        id,
    }
}

request! {
    #[serde(rename_all = "camelCase")]
    SourceRequest {
        app_id,
        secret,
        user,
        users,
        use_unmapped_ids,
        events,
    }
}

request! {
    /// What becomes of one event.
    #[serde(rename_all = "camelCase")]
    MappingRequest {
        event_type,
        category,
        importance,
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DeliveryResponse {
    pub(in super::super) status: &'static str,
    /// Absent for what is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) event_id: Option<String>,
}

/// What Slack is sent in return for its question.
#[derive(Debug, Serialize)]
pub(in super::super) struct ChallengeResponse<'a> {
    pub(in super::super) challenge: &'a str,
}

/// Without the secret, which is never told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct SourceResponse<'a> {
    pub(in super::super) app_id: &'a str,
    pub(in super::super) source: &'static str,
    /// Where the provider is to send to.
    pub(in super::super) path: String,
    pub(in super::super) user: &'a str,
    pub(in super::super) users: &'a BTreeMap<String, String>,
    pub(in super::super) use_unmapped_ids: bool,
    pub(in super::super) events: BTreeMap<&'a str, MappingResponse<'a>>,
    pub(in super::super) has_secret: bool,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct MappingResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) event_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) importance: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct SourceRemoved<'a> {
    pub(in super::super) status: &'static str,
    pub(in super::super) app_id: &'a str,
    pub(in super::super) source: &'static str,
}
