//! Webhooks of a tenant: who is told of what happens in its memory, and what did not reach them.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::{MemoryService, Scope, ServiceError, change};
use crate::actors::delivery::{Courier, SECRET_PREFIX, secret_name};
use crate::actors::tenant::data::{DeadMessage, NoticeKind, Webhook, WebhookStatus};
use crate::actors::tenant::outbox::{
    DeadMessages, FindWebhook, ListWebhooks, RegisterWebhook, RemoveWebhook, RetryMessage,
};
use crate::types::limits::{DEAD_MESSAGES_MAX, WEBHOOK_SECRET_BYTES_MAX};
use crate::types::{ErrorKind, MessageId, WebhookId};

/// More than there are registrations at one time.
const LOCKS: usize = 64;

/// A webhook to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    pub url: String,
    /// At least one.
    pub events: Vec<NoticeKind>,
    /// What messages are signed with; at least one byte.
    pub secret: String,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct WebhookService {
    memory: MemoryService,
    courier: Arc<Courier>,
    locks: Arc<[Mutex<()>; LOCKS]>,
}

impl WebhookService {
    #[must_use]
    pub fn new(memory: MemoryService, courier: Arc<Courier>) -> Self {
        Self { memory, courier, locks: Arc::new(std::array::from_fn(|_| Mutex::default())) }
    }

    /// Has the tenant's notices of some kinds sent to an address. A webhook with that address keeps
    /// its id and gets the new events and the new secret, which what waits for it is signed with.
    /// Durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an address that cannot be sent to, for no events, and for a
    /// secret that is empty or too long; [`ErrorKind::Conflict`] when there are too many.
    pub async fn register(&self, scope: Scope, new: NewWebhook) -> Result<Webhook, ServiceError> {
        let invalid = |message: String| ServiceError::new(ErrorKind::InvalidInput, message);
        let NewWebhook { url, mut events, secret } = new;
        let url = self.courier.check(&url).await;
        let url =
            url.map_err(|problem| invalid(format!("the address cannot be used: {problem}")))?;
        events.sort_unstable();
        events.dedup();
        if events.is_empty() {
            return Err(invalid("a webhook needs an event to be told of".to_owned()));
        }
        if !(1..=WEBHOOK_SECRET_BYTES_MAX).contains(&secret.len()) {
            let message = format!("the secret must have 1 to {WEBHOOK_SECRET_BYTES_MAX} bytes");
            return Err(invalid(message));
        }
        let _lock = self.lock(scope).await;
        self.drop_unused_secrets(scope).await?;
        let known = self.memory.call(scope, FindWebhook { url: url.clone() }).await?;
        let is_new = known.is_none();
        let id = known.map_or_else(|| WebhookId(Uuid::new_v4()), |webhook| webhook.id);
        // First, so that nothing is ever sent that cannot be signed.
        let (tenant, name) = (scope.tenant, secret_name(id));
        let secret = move |directory: &crate::control::Directory| {
            directory.put_webhook_secret(tenant, &name, secret.as_bytes())
        };
        change(&self.memory.registry, secret).await?;
        let registered = self.memory.call(scope, RegisterWebhook { id, url, events }).await;
        if registered.is_err() && is_new {
            // Best effort: the next registration does it otherwise.
            let _ = self.drop_unused_secrets(scope).await;
        }
        registered
    }

    /// All webhooks, the oldest first.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn list(&self, scope: Scope) -> Result<Vec<WebhookStatus>, ServiceError> {
        self.memory.call(scope, ListWebhooks).await
    }

    /// Removes a webhook with everything that waits for it; says whether there was one. Durable on
    /// return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn remove(&self, scope: Scope, id: WebhookId) -> Result<bool, ServiceError> {
        let _lock = self.lock(scope).await;
        let removed = self.memory.call(scope, RemoveWebhook { id }).await?;
        let (tenant, name) = (scope.tenant, secret_name(id));
        change(&self.memory.registry, move |directory| {
            directory.delete_webhook_secret(tenant, &name)
        })
        .await?;
        Ok(removed)
    }

    /// Messages that were given up, the oldest first.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn dead(&self, scope: Scope) -> Result<Vec<DeadMessage>, ServiceError> {
        self.memory.call(scope, DeadMessages { limit: DEAD_MESSAGES_MAX }).await
    }

    /// Has a message sent again that was given up; says whether there was one. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn retry(&self, scope: Scope, id: MessageId) -> Result<bool, ServiceError> {
        self.memory.call(scope, RetryMessage { id }).await
    }

    /// Removes secrets of webhooks that do not exist: a registration that was interrupted leaves
    /// one, and a removal.
    async fn drop_unused_secrets(&self, scope: Scope) -> Result<(), ServiceError> {
        let names = self.memory.registry.directory().webhook_secrets(scope.tenant);
        let own = names.into_iter().filter(|name| name.starts_with(SECRET_PREFIX));
        let own: Vec<String> = own.collect();
        if own.is_empty() {
            return Ok(());
        }
        let known = self.list(scope).await?;
        let used: HashSet<String> =
            known.iter().map(|status| secret_name(status.webhook.id)).collect();
        let unused: Vec<String> = own.into_iter().filter(|name| !used.contains(name)).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let tenant = scope.tenant;
        change(&self.memory.registry, move |directory| {
            let delete = |name: &String| directory.delete_webhook_secret(tenant, name).map(drop);
            unused.iter().try_for_each(delete)
        })
        .await
    }

    /// Whoever changes a tenant's webhooks together with their secrets holds this meanwhile. Tenants
    /// may share a lock.
    async fn lock(&self, scope: Scope) -> MutexGuard<'_, ()> {
        let mut hasher = FxHasher::default();
        scope.tenant.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or(0);
        match self.locks.get(at) {
            Some(lock) => lock.lock().await,
            None => unreachable!("there are {LOCKS} locks"),
        }
    }
}
