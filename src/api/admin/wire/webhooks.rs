//! Webhooks and the messages that did not reach them. No secret, nothing that a message says.

use serde::Serialize;
use uuid::Uuid;

use crate::service::{DeadMessage, WebhookStatus};

#[derive(Serialize)]
pub(in crate::api::admin) struct WebhooksBody {
    webhooks: Vec<WebhookBody>,
}

#[derive(Serialize)]
struct WebhookBody {
    id: Uuid,
    /// Without its query, in which receivers hide keys.
    url: String,
    events: Vec<&'static str>,
    created_at: String,
    /// Messages that wait, and that were given up.
    waiting: usize,
    dead: usize,
}

impl From<&[WebhookStatus]> for WebhooksBody {
    fn from(webhooks: &[WebhookStatus]) -> Self {
        Self { webhooks: webhooks.iter().map(WebhookBody::from).collect() }
    }
}

impl From<&WebhookStatus> for WebhookBody {
    fn from(status: &WebhookStatus) -> Self {
        let webhook = &status.webhook;
        let shown = webhook.url.split_once('?').map_or(&*webhook.url, |(path, _)| path);
        Self {
            id: webhook.id.0,
            url: shown.to_owned(),
            events: webhook.events.iter().map(|kind| kind.as_str()).collect(),
            created_at: webhook.created_at.to_string(),
            waiting: status.waiting,
            dead: status.dead,
        }
    }
}

#[derive(Serialize)]
pub(in crate::api::admin) struct DeadMessagesBody {
    dead_messages: Vec<DeadMessageBody>,
}

#[derive(Serialize)]
struct DeadMessageBody {
    id: Uuid,
    webhook: Uuid,
    event: String,
    created_at: String,
    died_at: String,
    attempts: u32,
    error: String,
}

impl From<&[DeadMessage]> for DeadMessagesBody {
    fn from(dead: &[DeadMessage]) -> Self {
        Self { dead_messages: dead.iter().map(DeadMessageBody::from).collect() }
    }
}

impl From<&DeadMessage> for DeadMessageBody {
    fn from(message: &DeadMessage) -> Self {
        Self {
            id: message.id.0,
            webhook: message.webhook.0,
            event: message.kind.clone(),
            created_at: message.created_at.to_string(),
            died_at: message.died_at.to_string(),
            attempts: message.attempts,
            error: message.error.clone(),
        }
    }
}

#[derive(Serialize)]
pub(in crate::api::admin) struct RemovedWebhook {
    pub(in crate::api::admin) id: Uuid,
    /// Always `removed`.
    pub(in crate::api::admin) state: &'static str,
}

#[derive(Serialize)]
pub(in crate::api::admin) struct RetriedMessage {
    pub(in crate::api::admin) id: Uuid,
    /// Always `waiting`.
    pub(in crate::api::admin) state: &'static str,
}
