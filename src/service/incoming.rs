//! Webhooks that come in: how tenants take what providers deliver, and for whom a signed delivery
//! is. A signature stands in for a key, so the tenant whose secret made it is who it acts for.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{MemoryService, ServiceError, change, compute};
use crate::control::plans::Plan;
use crate::control::webhook_signatures::WebhookProof;
use crate::control::webhook_sources::{SourceRules, WebhookProvider, WebhookSource};
use crate::control::{ControlError, Directory};
use crate::types::TenantId;
use crate::types::limits::WEBHOOK_CANDIDATES_MAX;

/// A source as a tenant configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredSource {
    pub source: Arc<WebhookSource>,
    /// Whether there is a secret that signatures can be verified with.
    pub has_secret: bool,
}

/// For whom a signed delivery is.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub tenant: TenantId,
    pub plan: Arc<Plan>,
    pub source: Arc<WebhookSource>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct IncomingService {
    memory: MemoryService,
}

impl IncomingService {
    #[must_use]
    pub fn new(memory: MemoryService) -> Self {
        Self { memory }
    }

    fn directory(&self) -> &Arc<Directory> {
        self.memory.registry.directory()
    }

    /// How a tenant takes what a provider delivers.
    #[must_use]
    pub fn source(&self, tenant: TenantId, provider: WebhookProvider) -> Option<ConfiguredSource> {
        let source = self.directory().find_webhook_source(tenant, provider)?;
        let has_secret = self.directory().has_source_secret(tenant, provider);
        Some(ConfiguredSource { source, has_secret })
    }

    /// Keeps how a tenant takes what a provider delivers; without a secret, the one it has stays.
    /// Durable on return.
    ///
    /// # Errors
    /// [`crate::types::ErrorKind::InvalidInput`] for what is out of bounds, and when the directory
    /// cannot write.
    pub async fn configure(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
        rules: SourceRules,
        secret: Option<SecretString>,
    ) -> Result<ConfiguredSource, ServiceError> {
        change(&self.memory.registry, move |directory| {
            let source = directory.put_webhook_source(tenant, provider, rules, secret.as_ref())?;
            let has_secret = directory.has_source_secret(tenant, provider);
            Ok(ConfiguredSource { source, has_secret })
        })
        .await
    }

    /// Takes nothing more of a provider, and forgets its secret; says whether there was anything.
    /// Durable on return.
    ///
    /// # Errors
    /// When the directory cannot write.
    pub async fn remove(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
    ) -> Result<bool, ServiceError> {
        change(&self.memory.registry, move |directory| {
            directory.delete_webhook_source(tenant, provider)
        })
        .await
    }

    /// The tenants whose secrets a delivery's proof is to be tried with: those called `name`, or
    /// with `None` all, that have a secret for the provider; at most [`WEBHOOK_CANDIDATES_MAX`], the
    /// oldest first.
    #[must_use]
    pub fn candidates(&self, provider: WebhookProvider, name: Option<&str>) -> Vec<TenantId> {
        let directory = self.directory();
        let Some(name) = name else {
            return directory.tenants_with_source(provider, WEBHOOK_CANDIDATES_MAX);
        };
        // A handle is one tenant's alone; a label may be several tenants'.
        if let Some(tenant) = directory.find_tenant_by_handle(name)
            && directory.has_source_secret(tenant.id, provider)
        {
            return vec![tenant.id];
        }
        let mut called = directory.tenants_with_source(provider, usize::MAX);
        called.retain(|id| directory.get_tenant(*id).is_ok_and(|tenant| tenant.is_called(name)));
        called.truncate(WEBHOOK_CANDIDATES_MAX);
        called
    }

    /// For whom a delivery is: the first candidate whose secret made its proof, `None` for nobody.
    /// Much to hash is hashed on the blocking pool.
    ///
    /// # Errors
    /// When no secret fits and one could not be read.
    pub async fn recipient(
        &self,
        provider: WebhookProvider,
        candidates: Vec<TenantId>,
        proof: WebhookProof,
        body: Arc<[u8]>,
    ) -> Result<Option<Recipient>, ServiceError> {
        let directory = Arc::clone(self.directory());
        let size_bytes = body.len().saturating_mul(candidates.len());
        let work = move || first_recipient(&directory, provider, &candidates, &proof, &body);
        Ok(compute(size_bytes, work).await??)
    }
}

impl fmt::Debug for IncomingService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IncomingService")
    }
}

fn first_recipient(
    directory: &Directory,
    provider: WebhookProvider,
    candidates: &[TenantId],
    proof: &WebhookProof,
    body: &[u8],
) -> Result<Option<Recipient>, ControlError> {
    let mut unread = None;
    for tenant in candidates {
        let secret = match directory.find_source_secret(*tenant, provider) {
            Ok(Some(secret)) => secret,
            Ok(None) => continue,
            // One tenant's damaged secret is no reason to refuse another's deliveries.
            Err(error) => {
                unread = Some(error);
                continue;
            }
        };
        if !proof.is_made_with(secret.expose_secret(), body) {
            continue;
        }
        // It may have been deleted, or have ended this source, since it was listed.
        let source = directory.find_webhook_source(*tenant, provider);
        let known = directory.get_tenant(*tenant).ok();
        if let Some((source, known)) = source.zip(known) {
            return Ok(Some(Recipient { tenant: *tenant, plan: known.plan, source }));
        }
    }
    unread.map_or(Ok(None), Err)
}
