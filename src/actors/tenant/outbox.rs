//! A tenant's webhooks and the messages they still have to get.

use futures_util::future::{FutureExt, ready};

use super::{Answer, Done, TenantCell, TenantCommand, apply};
use crate::engine::notices::{DeadMessage, Delivery, NoticeKind, Webhook, WebhookStatus};
use crate::tenant::{Pending, Tenant, TenantError};
use crate::types::{MessageId, WebhookId};

/// A change that is one batch, which may be a large one.
fn change<R: 'static>(
    tenant: TenantCell,
    plan: impl FnOnce(&mut Tenant, &mut Pending) -> Result<R, TenantError> + 'static,
) -> Answer<R> {
    async move {
        let (reply, batch) = {
            let mut tenant = tenant.borrow_mut();
            let mut pending = tenant.begin(None);
            let reply = plan(&mut tenant, &mut pending)?;
            (reply, tenant.seal(pending)?)
        };
        apply(batch).await?;
        let mut tenant = tenant.borrow_mut();
        tenant.settle();
        Ok(Done { reply, ticket: tenant.ticket() })
    }
    .boxed_local()
}

/// The webhook that sends to an address.
pub struct FindWebhook {
    pub url: String,
}

impl TenantCommand for FindWebhook {
    type Reply = Option<Webhook>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let found = tenant.borrow().find_webhook(&self.url).cloned();
        ready(Ok(Done::read(found))).boxed_local()
    }
}

/// Adds a webhook under an id, unless its address has one already.
pub struct RegisterWebhook {
    pub id: WebhookId,
    pub url: String,
    pub events: Vec<NoticeKind>,
}

impl TenantCommand for RegisterWebhook {
    type Reply = Webhook;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        change(tenant, move |tenant, pending| {
            tenant.register_webhook(pending, self.id, &self.url, self.events)
        })
    }
}

/// Removes a webhook with its messages; replies whether there was one.
pub struct RemoveWebhook {
    pub id: WebhookId,
}

impl TenantCommand for RemoveWebhook {
    type Reply = bool;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        change(tenant, move |tenant, pending| tenant.remove_webhook(pending, self.id))
    }
}

/// All webhooks, the oldest first.
pub struct ListWebhooks;

impl TenantCommand for ListWebhooks {
    type Reply = Vec<WebhookStatus>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().webhooks()))).boxed_local()
    }
}

/// The message of a webhook that is due. It may be sent once the reply is there: the attempt is
/// durable then, whatever the shard's durability.
pub struct BeginDelivery {
    pub webhook: WebhookId,
}

impl TenantCommand for BeginDelivery {
    type Reply = Option<Delivery>;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let begun = tenant.begin_delivery(self.webhook);
        let ticket = tenant.flush_ticket();
        ready(begun.map(|reply| Done { reply, ticket })).boxed_local()
    }
}

/// Messages that were given up, the oldest first.
pub struct DeadMessages {
    pub limit: usize,
}

impl TenantCommand for DeadMessages {
    type Reply = Vec<DeadMessage>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(tenant.borrow().dead_messages(self.limit).map(Done::read)).boxed_local()
    }
}

/// Lines a message up again that was given up; replies whether there was one.
pub struct RetryMessage {
    pub id: MessageId,
}

impl TenantCommand for RetryMessage {
    type Reply = bool;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        change(tenant, move |tenant, pending| tenant.retry_message(pending, self.id))
    }
}
