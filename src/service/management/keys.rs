//! The keys of an organization and of its environments, as far as they speak the dialect that has
//! management keys. A key that has ended is gone, but its id stays good as a place in a list.

use secrecy::SecretString;

use super::super::{Page, PageRequest, ServiceError, change};
use super::lists::{ListFilter, Listed};
use super::{EnvironmentView, ManagementService, unless_gone};
use crate::actors::tenant::data::page;
use crate::control::keys::{Dialect, KeyInfo, KeyKind, KeyOrder, KeyOwner, KeyUpdate, NewKey};
use crate::control::organizations::Organization;
use crate::types::{ErrorKind, KeyId, OrganizationId, TenantId, Timestamp};

/// Of which dialect keys are managed.
const MANAGED: Dialect = Dialect::Metorial;

/// A key and what it acts for.
#[derive(Debug, Clone)]
pub struct KeyView {
    pub info: KeyInfo,
    pub organization: Organization,
    /// `None` for a key of the organization itself.
    pub environment: Option<EnvironmentView>,
}

/// A key whose secret is revealed this once.
#[derive(Debug)]
pub struct IssuedKeyView {
    pub key: KeyView,
    pub secret: SecretString,
}

/// Whose keys are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwners {
    /// Those of one environment.
    Environment(TenantId),
    /// Those of the organization itself.
    Organization,
}

#[derive(Debug, Clone)]
pub struct KeyFilter {
    pub list: ListFilter<KeyId>,
    pub owners: KeyOwners,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewManagedKey {
    pub kind: KeyKind,
    pub owner: KeyOwners,
    pub name: String,
    pub description: Option<String>,
    pub expires_at: Option<Timestamp>,
}

/// Why there is no list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKeys {
    UnknownEnvironment,
    UnknownPlace,
}

impl ManagementService {
    /// The good keys of one owner.
    ///
    /// # Errors
    /// For an environment that is not the organization's, and for a place that is in no list of
    /// the organization's keys.
    pub fn keys(
        &self,
        organization: OrganizationId,
        filter: &KeyFilter,
        request: PageRequest<KeyId>,
    ) -> Result<Page<KeyView>, NoKeys> {
        let owner = self.key_owner(organization, filter.owners);
        let owner = owner.ok_or(NoKeys::UnknownEnvironment)?;
        let knew_key = |id| self.find_managed(organization, id).map(|_known| id);
        let request = request.resolve(knew_key).ok_or(NoKeys::UnknownPlace)?;
        let now = self.clock.now();
        let keys = self.directory().keys_of(owner).into_iter();
        let shown = keys.filter(|key| {
            is_managed(key)
                && !key.has_ended(now)
                && filter.list.admits(key.id, key.created_at, key.updated_at)
        });
        let listed: Listed<_, _> = shown.map(|key| (key.id, key)).collect();
        let Page { items, has_more_before, has_more_after } = page(&listed, &request);
        let items = items.into_iter().filter_map(|key| self.view(key)).collect();
        Ok(Page { items, has_more_before, has_more_after })
    }

    /// `None` for a key that is not the organization's, or has ended.
    #[must_use]
    pub fn find_key(&self, organization: OrganizationId, id: KeyId) -> Option<KeyView> {
        let found = self.find_managed(organization, id)?;
        (!found.info.has_ended(self.clock.now())).then_some(found)
    }

    /// `None` for an environment that is not the organization's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a kind that is not for such owners, a bad name, description
    /// or expiry; [`ErrorKind::Conflict`] when the owner has too many.
    pub async fn create_key(
        &self,
        organization: OrganizationId,
        new: NewManagedKey,
    ) -> Result<Option<IssuedKeyView>, ServiceError> {
        let Some(owner) = self.key_owner(organization, new.owner) else { return Ok(None) };
        let NewManagedKey { kind, name, description, expires_at, .. } = new;
        let order = KeyOrder { owner, kind, name, description, scopes: None, expires_at };
        let created = change(&self.registry, move |directory| directory.create_key(order));
        Ok(unless_gone(created.await)?.and_then(|key| self.issued_view(key)))
    }

    /// `None` for a key that is not the organization's, or has ended.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name, description or expiry.
    pub async fn update_key(
        &self,
        organization: OrganizationId,
        id: KeyId,
        update: KeyUpdate,
    ) -> Result<Option<KeyView>, ServiceError> {
        if self.find_key(organization, id).is_none() {
            return Ok(None);
        }
        let updated = change(&self.registry, move |directory| directory.update_key(id, update));
        Ok(unless_ended(updated.await)?.and_then(|key| self.view(key)))
    }

    /// Ends a key, from the next request on, its own management key included. The key as it is
    /// then; `None` for one that is not the organization's, or had ended.
    ///
    /// # Errors
    /// When the directory cannot write.
    pub async fn revoke_key(
        &self,
        organization: OrganizationId,
        id: KeyId,
    ) -> Result<Option<KeyView>, ServiceError> {
        if self.find_key(organization, id).is_none() {
            return Ok(None);
        }
        let revoked = change(&self.registry, move |directory| directory.revoke_key(id));
        Ok(unless_gone(revoked.await)?.and_then(|key| self.view(key)))
    }

    /// Gives a key another secret; the old one is good until `former_until`, but no longer than
    /// the key, or no longer at all. `None` for a key that is not the organization's, or has ended.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a moment that has passed.
    pub async fn rotate_key(
        &self,
        organization: OrganizationId,
        id: KeyId,
        former_until: Option<Timestamp>,
    ) -> Result<Option<IssuedKeyView>, ServiceError> {
        if self.find_key(organization, id).is_none() {
            return Ok(None);
        }
        let rotated =
            change(&self.registry, move |directory| directory.rotate_key(id, former_until));
        Ok(unless_ended(rotated.await)?.and_then(|key| self.issued_view(key)))
    }

    fn key_owner(&self, organization: OrganizationId, owners: KeyOwners) -> Option<KeyOwner> {
        match owners {
            KeyOwners::Organization => Some(KeyOwner::Organization(organization)),
            KeyOwners::Environment(id) => {
                self.find_environment(organization, id).map(|_found| KeyOwner::Tenant(id))
            }
        }
    }

    /// Ended ones included.
    fn find_managed(&self, organization: OrganizationId, id: KeyId) -> Option<KeyView> {
        let info = self.directory().get_key(id).ok().filter(is_managed)?;
        self.view(info).filter(|found| found.organization.id == organization)
    }

    fn view(&self, info: KeyInfo) -> Option<KeyView> {
        let (organization, environment) = match info.owner {
            KeyOwner::Organization(id) => (self.find_organization(id)?, None),
            KeyOwner::Tenant(id) => {
                let environment = self.describe(id)?;
                (environment.organization.clone(), Some(environment))
            }
        };
        Some(KeyView { info, organization, environment })
    }

    fn issued_view(&self, key: NewKey) -> Option<IssuedKeyView> {
        Some(IssuedKeyView { key: self.view(key.info)?, secret: key.secret })
    }
}

fn is_managed(key: &KeyInfo) -> bool {
    key.kind.dialect() == MANAGED
}

/// A key may end between its look-up and its change, which conflicts with nothing else.
fn unless_ended<T>(changed: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match unless_gone(changed) {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
        other => other,
    }
}
