//! Webhooks of tenants.

use actix_web::http::StatusCode;
use actix_web::web::Path;

use super::{Reply, State, id_in, reply};
use crate::api::admin::wire;
use crate::types::{MessageId, TenantId, WebhookId};

pub(in crate::api::admin) async fn webhooks(state: State, path: Path<String>) -> Reply {
    let tenant = TenantId(id_in(&path, "tenant")?);
    reply(StatusCode::OK, &wire::WebhooksBody::from(&*state.service.webhooks(tenant).await?))
}

pub(in crate::api::admin) async fn remove_webhook(
    state: State,
    path: Path<(String, String)>,
) -> Reply {
    let tenant = TenantId(id_in(&path.0, "tenant")?);
    let webhook = WebhookId(id_in(&path.1, "webhook")?);
    state.service.remove_webhook(tenant, webhook).await?;
    reply(StatusCode::OK, &wire::RemovedWebhook { id: webhook.0, state: "removed" })
}

pub(in crate::api::admin) async fn dead_messages(state: State, path: Path<String>) -> Reply {
    let tenant = TenantId(id_in(&path, "tenant")?);
    let dead = state.service.dead_messages(tenant).await?;
    reply(StatusCode::OK, &wire::DeadMessagesBody::from(&*dead))
}

pub(in crate::api::admin) async fn retry_message(
    state: State,
    path: Path<(String, String)>,
) -> Reply {
    let tenant = TenantId(id_in(&path.0, "tenant")?);
    let message = MessageId(id_in(&path.1, "message")?);
    state.service.retry_message(tenant, message).await?;
    reply(StatusCode::OK, &wire::RetriedMessage { id: message.0, state: "waiting" })
}
