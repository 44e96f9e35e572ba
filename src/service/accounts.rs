//! What callers may do to their own accounts: sign up, look after their keys, and what tokens
//! signed by this server stand on. Changes are durable on return and made off the async threads.

use std::sync::Arc;
use std::time::Duration;

use super::{ServiceError, change};
use crate::actors::Registry;
use crate::actors::placement::choose_shard;
use crate::control::keys::{KeyInfo, KeyKind, KeyOrder, KeyOwner, NewKey};
use crate::control::refresh_tokens::{NewRefreshToken, RefreshToken};
use crate::control::signing::SigningRing;
use crate::control::tenants::{NewTenant, Tenant};
use crate::control::{ControlError, Directory};
use crate::types::{ErrorKind, KeyId, RefreshTokenId, TenantId};

/// A tenant that its owner makes.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// A public name; `None` for one that is drawn.
    pub handle: Option<String>,
    pub plan: String,
    /// Of its first key.
    pub key_kind: KeyKind,
    /// May be empty.
    pub key_name: String,
    /// Tenants this server takes in all.
    pub tenants_max: usize,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct AccountService {
    registry: Arc<Registry>,
}

impl AccountService {
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    fn directory(&self) -> &Arc<Directory> {
        self.registry.directory()
    }

    /// Makes a tenant and its first key; both are there, or neither is.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] for a handle that another tenant has, [`ErrorKind::Forbidden`] when
    /// the server takes no more tenants, [`ErrorKind::Unavailable`] when no shard does, and
    /// [`ErrorKind::InvalidInput`] for what is malformed.
    pub async fn sign_up(&self, new: NewAccount) -> Result<(Tenant, NewKey), ServiceError> {
        let shards = self.registry.shards().for_new_tenants();
        let Some(first) = shards.first().copied() else {
            let message = "this server cannot take new organizations now";
            return Err(ServiceError::new(ErrorKind::Unavailable, message));
        };
        change(&self.registry, move |directory| {
            let NewAccount { handle, plan, key_kind, key_name, tenants_max } = new;
            let handle = handle.map_or_else(Directory::draw_handle, Ok)?;
            let tenant = NewTenant { handle: Some(&handle), ..NewTenant::named(&handle, &plan) };
            directory.sign_up(
                &tenant,
                tenants_max,
                |id| choose_shard(id, &shards).unwrap_or(first),
                |id| KeyOrder::for_tenant(id, key_kind, &key_name),
            )
        })
        .await
    }

    /// The tenant, unless it is unknown or deleted.
    #[must_use]
    pub fn find_tenant(&self, id: TenantId) -> Option<Tenant> {
        self.directory().get_tenant(id).ok()
    }

    #[must_use]
    pub fn find_tenant_by_handle(&self, handle: &str) -> Option<Tenant> {
        self.directory().find_tenant_by_handle(handle)
    }

    /// A tenant's keys of one kind, newest first, ended ones included.
    #[must_use]
    pub fn keys_of(&self, tenant: TenantId, kind: KeyKind) -> Vec<KeyInfo> {
        let mut keys = self.directory().keys_of(KeyOwner::Tenant(tenant));
        keys.retain(|key| key.kind == kind);
        keys.reverse();
        keys
    }

    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn get_key(&self, id: KeyId) -> Result<KeyInfo, ServiceError> {
        Ok(self.directory().get_key(id)?)
    }

    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what is malformed, [`ErrorKind::Conflict`] for too many.
    pub async fn create_key(&self, order: KeyOrder) -> Result<NewKey, ServiceError> {
        change(&self.registry, move |directory| directory.create_key(order)).await
    }

    /// Revokes one of a tenant's keys of some kind; twice changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], also for a key of somebody else or of another kind.
    pub async fn revoke_key(
        &self,
        tenant: TenantId,
        kind: KeyKind,
        id: KeyId,
    ) -> Result<KeyInfo, ServiceError> {
        change(&self.registry, move |directory| {
            let key = directory.get_key(id)?;
            if key.owner != KeyOwner::Tenant(tenant) || key.kind != kind {
                return Err(ControlError::UnknownKey(id));
            }
            directory.revoke_key(id)
        })
        .await
    }

    /// The keys that sign and verify tokens. Waits on the very first call only, for one to be made.
    ///
    /// # Errors
    /// When none can be made or read.
    pub async fn signing(&self) -> Result<Arc<SigningRing>, ServiceError> {
        match self.directory().try_signing() {
            Some(ring) => Ok(ring),
            None => change(&self.registry, Directory::signing).await,
        }
    }

    /// Creates what a refresh token stands on.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] or [`ErrorKind::NotFound`] for a key that has ended meanwhile.
    pub async fn create_refresh_token(
        &self,
        key: KeyId,
        subject: String,
        session: Option<String>,
        lifetime: Duration,
    ) -> Result<RefreshToken, ServiceError> {
        change(&self.registry, move |directory| {
            let session = session.as_deref();
            directory.create_refresh_token(&NewRefreshToken {
                key,
                subject: &subject,
                session,
                lifetime,
            })
        })
        .await
    }

    /// What a refresh token stands on, while it is good. Notes a use of its key.
    #[must_use]
    pub fn find_refresh_token(&self, id: RefreshTokenId) -> Option<RefreshToken> {
        self.directory().find_refresh_token(id)
    }
}
