//! Webhooks of tenants as operators see them: who is told, and which messages were given up. Never
//! what the messages say.

use super::AdminService;
use crate::actors::delivery::secret_name;
use crate::actors::tenant::data::{DeadMessage, WebhookStatus};
use crate::actors::tenant::outbox::{DeadMessages, ListWebhooks, RemoveWebhook, RetryMessage};
use crate::service::{ServiceError, change};
use crate::types::limits::DEAD_MESSAGES_MAX;
use crate::types::{ErrorKind, MessageId, TenantId, WebhookId};

impl AdminService {
    /// A tenant's webhooks, the oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or when the tenant cannot be opened.
    pub async fn webhooks(&self, tenant: TenantId) -> Result<Vec<WebhookStatus>, ServiceError> {
        self.ask(tenant, ListWebhooks).await
    }

    /// Removes a webhook with its messages. Durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for the tenant, or when there is no such webhook.
    pub async fn remove_webhook(
        &self,
        tenant: TenantId,
        webhook: WebhookId,
    ) -> Result<(), ServiceError> {
        let removed = self.ask(tenant, RemoveWebhook { id: webhook }).await?;
        let name = secret_name(webhook);
        let had_secret =
            change(&self.registry, move |directory| directory.delete_webhook_secret(tenant, &name))
                .await?;
        if removed || had_secret {
            return Ok(());
        }
        Err(ServiceError::new(ErrorKind::NotFound, format!("there is no webhook {webhook}")))
    }

    /// Messages of a tenant that were given up, the oldest first.
    ///
    /// # Errors
    /// As [`AdminService::webhooks`].
    pub async fn dead_messages(&self, tenant: TenantId) -> Result<Vec<DeadMessage>, ServiceError> {
        self.ask(tenant, DeadMessages { limit: DEAD_MESSAGES_MAX }).await
    }

    /// Has a message sent again that was given up. Durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for the tenant, or when that message was not given up.
    pub async fn retry_message(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> Result<(), ServiceError> {
        if self.ask(tenant, RetryMessage { id: message }).await? {
            return Ok(());
        }
        let text = format!("no message {message} was given up; it may be sent or gone");
        Err(ServiceError::new(ErrorKind::NotFound, text))
    }
}
