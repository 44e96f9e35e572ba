//! Issuing, presenting, rotating and revoking keys. Whoever presents a secret is looked up by its
//! hash, so an unknown, a revoked and an expired key cost the same: one hash and one look-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrecy::ExposeSecret;
use uuid::Uuid;

use super::keys::{
    self, Dialect, KeyHash, KeyInfo, KeyKind, KeyOrder, KeyOwner, KeyUpdate, NewKey,
    OrganizationPrincipal, Presented, Principal, Scopes, ShownPart,
};
use super::records::{self, FormerKeyRecord, KeyRecord, Table};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::{
    ENDED_KEYS_PER_OWNER_MAX, KEY_DESCRIPTION_CHARS_MAX, KEYS_PER_OWNER_MAX,
};
use crate::types::{KeyId, OrganizationId, TenantId, Timestamp};

/// A last use within this time of the one known is not noted.
const USE_RESOLUTION_US: i64 = 1_000_000;

/// Key records written per batch of last uses.
const USES_PER_BATCH: usize = 512;

/// A key in memory.
pub(super) struct IssuedKey {
    info: KeyInfo,
    /// Of the secret that is good now.
    hash: KeyHash,
    /// Microseconds since 1970; `i64::MIN` for never.
    last_used_us: AtomicI64,
}

impl IssuedKey {
    fn new(info: KeyInfo, hash: KeyHash) -> Self {
        let last_used_us = info.last_used_at.map_or(i64::MIN, Timestamp::as_micros);
        Self { info, hash, last_used_us: AtomicI64::new(last_used_us) }
    }

    fn snapshot(&self) -> KeyInfo {
        let last_used_us = self.last_used_us.load(Ordering::Relaxed);
        let last_used_at = (last_used_us != i64::MIN).then(|| Timestamp::from_micros(last_used_us));
        KeyInfo { last_used_at, ..self.info.clone() }
    }
}

/// What a secret opens.
pub(super) struct PresentedKey {
    key: Arc<IssuedKey>,
    /// Until when, for a secret that a rotation replaced.
    until: Option<Timestamp>,
}

/// A key that a change in progress makes.
pub(super) struct PlannedKey {
    key: NewKey,
    hash: KeyHash,
    /// Which makes room for it.
    ended: Option<KeyId>,
}

impl Directory {
    /// Creates a key and reveals its secret, once. Durable on return.
    ///
    /// # Errors
    /// For an unknown owner, a kind that is not for such owners, a bad name, scope or expiry, too
    /// many keys, or when the store or the system's randomness fails.
    pub fn create_key(&self, order: KeyOrder) -> Result<NewKey, ControlError> {
        let _changing = self.changing();
        match order.owner {
            KeyOwner::Tenant(tenant) => drop(self.get_tenant(tenant)?),
            KeyOwner::Organization(organization) => drop(self.get_organization(organization)?),
        }
        let mut batch = AtomicBatch::new(0);
        let planned = self.plan_key(&mut batch, order)?;
        self.commit(&batch)?;
        Ok(self.show_new_key(planned))
    }

    /// Adds a key to a batch, for a caller that is making a change and knows that the owner is
    /// there.
    pub(super) fn plan_key(
        &self,
        batch: &mut AtomicBatch,
        order: KeyOrder,
    ) -> Result<PlannedKey, ControlError> {
        let now = self.clock.now();
        let name = name_of(&order.name)?;
        let description = description_of(order.description.as_deref())?;
        let scopes = Scopes::for_key(order.kind, order.scopes)?;
        check_expiry("expires_at", order.expires_at, now)?;
        let is_of_organization = matches!(order.owner, KeyOwner::Organization(_));
        if is_of_organization != order.kind.is_for_organizations() {
            let (kind, owner) = (order.kind.as_str(), order.owner);
            let problem = format!("`{kind}` is no kind of key for {owner}");
            return Err(ControlError::Invalid { field: "kind", problem });
        }
        let ended = self.make_room(batch, order.owner, now)?;
        let secret = keys::draw_secret(order.kind)?;
        let info = KeyInfo {
            id: self.draw_key_id(order.kind, order.owner)?,
            owner: order.owner,
            kind: order.kind,
            name,
            description,
            scopes,
            created_at: now,
            updated_at: now,
            last_used_at: None,
            revoked_at: None,
            expires_at: order.expires_at,
            shown: ShownPart::of(order.kind, &secret),
        };
        let hash = KeyHash::of(secret.expose_secret());
        put_key(batch, hash, &info)?;
        Ok(PlannedKey { key: NewKey { info, secret }, hash, ended })
    }

    /// Shows a key whose batch is durable.
    pub(super) fn show_new_key(&self, planned: PlannedKey) -> NewKey {
        if let Some(ended) = planned.ended {
            self.forget_key(ended);
        }
        self.show_key(IssuedKey::new(planned.key.info.clone(), planned.hash));
        planned.key
    }

    /// Changes what is said of a key and when it ends, for all its secrets. Durable on return.
    ///
    /// # Errors
    /// For an unknown key or one that has ended, a bad name, description or expiry, or when the
    /// store fails.
    pub fn update_key(&self, id: KeyId, update: KeyUpdate) -> Result<KeyInfo, ControlError> {
        let now = self.clock.now();
        let _changing = self.changing();
        let issued = self.issued(id)?;
        let mut info = issued.snapshot();
        if info.has_ended(now) {
            return Err(ControlError::KeyHasEnded(id));
        }
        if let Some(name) = update.name {
            info.name = name_of(&name)?;
        }
        if let Some(description) = update.description {
            info.description = description_of(description.as_deref())?;
        }
        if let Some(expires_at) = update.expires_at {
            check_expiry("expires_at", expires_at, now)?;
            info.expires_at = expires_at;
        }
        info.updated_at = now;
        let mut batch = AtomicBatch::new(0);
        put_key(&mut batch, issued.hash, &info)?;
        self.commit(&batch)?;
        let key = self.show_key(IssuedKey::new(info.clone(), issued.hash));
        if let Some(mut former) =
            self.former_secret(id).and_then(|former| self.secrets.get_mut(&former))
        {
            former.key = key;
        }
        Ok(info)
    }

    /// Revokes a key, on every worker at once. Durable on return; revoking twice changes nothing.
    ///
    /// # Errors
    /// For an unknown key, or when the store fails.
    pub fn revoke_key(&self, id: KeyId) -> Result<KeyInfo, ControlError> {
        let _changing = self.changing();
        let issued = self.issued(id)?;
        let mut info = issued.snapshot();
        if info.revoked_at.is_some() {
            return Ok(info);
        }
        info.updated_at = self.clock.now();
        info.revoked_at = Some(info.updated_at);
        let mut batch = AtomicBatch::new(0);
        put_key(&mut batch, issued.hash, &info)?;
        delete_former(&mut batch, self.former_secret(id));
        self.commit(&batch)?;
        self.forget_former_secret(id);
        self.show_key(IssuedKey::new(info.clone(), issued.hash));
        Ok(info)
    }

    /// Gives a key another secret, which is revealed once. The old one is good until
    /// `former_until`, but no longer than the key, or no longer at all. Durable on return.
    ///
    /// # Errors
    /// For an unknown key or one that has ended, a moment that has passed, or when the store or
    /// the system's randomness fails.
    pub fn rotate_key(
        &self,
        id: KeyId,
        former_until: Option<Timestamp>,
    ) -> Result<NewKey, ControlError> {
        let now = self.clock.now();
        check_expiry("former_until", former_until, now)?;
        let _changing = self.changing();
        let issued = self.issued(id)?;
        let mut info = issued.snapshot();
        if info.has_ended(now) {
            return Err(ControlError::KeyHasEnded(id));
        }
        let former_until =
            former_until.map(|until| info.expires_at.map_or(until, |at| at.min(until)));
        info.updated_at = now;
        let secret = keys::draw_secret(info.kind)?;
        let hash = KeyHash::of(secret.expose_secret());
        info.shown = ShownPart::of(info.kind, &secret);
        let mut batch = AtomicBatch::new(0);
        batch.delete(records::key(Table::Key, &issued.hash.0));
        put_key(&mut batch, hash, &info)?;
        // A secret replaced before does not outlive another rotation.
        delete_former(&mut batch, self.former_secret(id));
        if let Some(until) = former_until {
            let record = FormerKeyRecord { key: *id.as_bytes(), until_us: until.as_micros() };
            batch.put(records::key(Table::FormerKey, &issued.hash.0), encode(&record)?);
        }
        self.commit(&batch)?;
        self.forget_former_secret(id);
        let key = self.show_key(IssuedKey::new(info.clone(), hash));
        match former_until {
            Some(_) => self.show_former_secret(issued.hash, key, former_until),
            None => drop(self.secrets.remove(&issued.hash)),
        }
        Ok(NewKey { info, secret })
    }

    /// Who a presented secret acts for. Costs one hash and two map look-ups.
    ///
    /// # Errors
    /// [`ControlError::InvalidKey`] when it is unknown, of another dialect, or acts for no tenant;
    /// [`ControlError::RevokedKey`] and [`ControlError::ExpiredKey`].
    pub fn authenticate(&self, dialect: Dialect, secret: &str) -> Result<Principal, ControlError> {
        match self.present(dialect, secret)? {
            Presented::Tenant(principal) => Ok(principal),
            Presented::Organization(_) => Err(ControlError::InvalidKey),
        }
    }

    /// Which organization a presented secret acts for.
    ///
    /// # Errors
    /// As [`Directory::authenticate`]; a tenant's key is invalid here.
    pub fn authenticate_organization(
        &self,
        dialect: Dialect,
        secret: &str,
    ) -> Result<OrganizationPrincipal, ControlError> {
        match self.present(dialect, secret)? {
            Presented::Organization(principal) => Ok(principal),
            Presented::Tenant(_) => Err(ControlError::InvalidKey),
        }
    }

    fn present(&self, dialect: Dialect, secret: &str) -> Result<Presented, ControlError> {
        let found = self.presented(dialect, secret)?;
        let (key, kind, scopes) = (found.info.id, found.info.kind, found.info.scopes.clone());
        match found.info.owner {
            KeyOwner::Tenant(tenant) => {
                let terms = self.terms_of(tenant).ok_or(ControlError::InvalidKey)?;
                let (plan, environment) = terms;
                Ok(Presented::Tenant(Principal { tenant, key, kind, scopes, plan, environment }))
            }
            KeyOwner::Organization(organization) => {
                let principal = OrganizationPrincipal { organization, key, scopes };
                Ok(Presented::Organization(principal))
            }
        }
    }

    fn presented(&self, dialect: Dialect, secret: &str) -> Result<Arc<IssuedKey>, ControlError> {
        let presented = KeyHash::of(secret);
        let now = self.clock.now();
        let entry = self.secrets.get(&presented).ok_or(ControlError::InvalidKey)?;
        if !entry.key().matches(&presented) || entry.key.info.kind.dialect() != dialect {
            return Err(ControlError::InvalidKey);
        }
        let key = Arc::clone(&entry.key);
        if key.info.revoked_at.is_some() || entry.until.is_some_and(|until| until <= now) {
            return Err(ControlError::RevokedKey);
        }
        drop(entry);
        if key.info.has_expired(now) {
            return Err(ControlError::ExpiredKey);
        }
        self.note_use(&key, now);
        Ok(key)
    }

    /// Notes that something was presented which stands for the key.
    pub(super) fn note_use_of(&self, id: KeyId, now: Timestamp) {
        if let Ok(key) = self.issued(id) {
            self.note_use(&key, now);
        }
    }

    fn note_use(&self, key: &IssuedKey, now: Timestamp) {
        let now_us = now.as_micros();
        if now_us.saturating_sub(key.last_used_us.load(Ordering::Relaxed)) >= USE_RESOLUTION_US {
            key.last_used_us.store(now_us, Ordering::Relaxed);
            self.used_keys.insert(key.info.id);
        }
    }

    /// Stores when keys were last used, as far as it is not stored yet. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn store_last_uses(&self) -> Result<usize, ControlError> {
        let used: Vec<KeyId> = self.used_keys.iter().map(|id| *id).collect();
        for slice in used.chunks(USES_PER_BATCH) {
            let _changing = self.changing();
            let mut batch = AtomicBatch::new(0);
            for id in slice {
                self.used_keys.remove(id);
                if let Ok(issued) = self.issued(*id) {
                    put_key(&mut batch, issued.hash, &issued.snapshot())?;
                }
            }
            self.commit(&batch)?;
        }
        Ok(used.len())
    }

    /// # Errors
    /// [`ControlError::UnknownKey`].
    pub fn get_key(&self, id: KeyId) -> Result<KeyInfo, ControlError> {
        Ok(self.issued(id)?.snapshot())
    }

    /// Every key, oldest first, ended ones included.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        let mut keys: Vec<_> = self.keys.iter().map(|entry| entry.value().snapshot()).collect();
        keys.sort_by_key(KeyInfo::position);
        keys
    }

    /// The keys of one owner, oldest first, ended ones included.
    #[must_use]
    pub fn keys_of(&self, owner: KeyOwner) -> Vec<KeyInfo> {
        let ids = self.key_ids_of(owner);
        let mut keys: Vec<_> = ids.into_iter().filter_map(|id| self.get_key(id).ok()).collect();
        keys.sort_by_key(KeyInfo::position);
        keys
    }

    /// The ids of [`Directory::keys_of`], in no order.
    pub(super) fn key_ids_of(&self, owner: KeyOwner) -> Vec<KeyId> {
        self.keys_of.get(&owner).map(|ids| ids.clone()).unwrap_or_default()
    }

    fn issued(&self, id: KeyId) -> Result<Arc<IssuedKey>, ControlError> {
        let found = self.keys.get(&id).map(|entry| Arc::clone(entry.value()));
        found.ok_or(ControlError::UnknownKey(id))
    }

    /// The secret that the last rotation of a key replaced, while it is known.
    fn former_secret(&self, id: KeyId) -> Option<KeyHash> {
        self.former_secrets.get(&id).map(|hash| *hash)
    }

    fn forget_former_secret(&self, id: KeyId) {
        if let Some((_, hash)) = self.former_secrets.remove(&id) {
            self.secrets.remove(&hash);
        }
    }

    /// Lets the oldest ended key of an owner go that has many, and refuses one that has too many
    /// which are good.
    fn make_room(
        &self,
        batch: &mut AtomicBatch,
        owner: KeyOwner,
        now: Timestamp,
    ) -> Result<Option<KeyId>, ControlError> {
        let keys = self.keys_of(owner);
        let (ended, good): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.has_ended(now));
        if good.len() >= KEYS_PER_OWNER_MAX {
            let owner = owner.to_string();
            return Err(ControlError::TooManyKeys { owner, limit: KEYS_PER_OWNER_MAX });
        }
        let oldest = ended.first().filter(|_| ended.len() >= ENDED_KEYS_PER_OWNER_MAX);
        let Some(oldest) = oldest else { return Ok(None) };
        batch.delete(records::key(Table::Key, &self.issued(oldest.id)?.hash.0));
        delete_former(batch, self.former_secret(oldest.id));
        Ok(Some(oldest.id))
    }

    /// Adds the deletion of everything that is stored of an owner's keys.
    pub(super) fn delete_keys_of(&self, batch: &mut AtomicBatch, owner: KeyOwner) {
        for key in self.keys_of(owner) {
            if let Ok(issued) = self.issued(key.id) {
                batch.delete(records::key(Table::Key, &issued.hash.0));
            }
            delete_former(batch, self.former_secret(key.id));
        }
    }

    pub(super) fn forget_keys_of(&self, owner: KeyOwner) {
        for id in self.keys_of.remove(&owner).map(|(_, ids)| ids).unwrap_or_default() {
            self.forget_key(id);
        }
    }

    fn forget_key(&self, id: KeyId) {
        let Some((_, issued)) = self.keys.remove(&id) else { return };
        self.forget_former_secret(id);
        self.secrets.remove(&issued.hash);
        if let Some(mut ids) = self.keys_of.get_mut(&issued.info.owner) {
            ids.retain(|known| *known != id);
        }
    }

    fn show_key(&self, key: IssuedKey) -> Arc<IssuedKey> {
        let (id, hash, owner) = (key.info.id, key.hash, key.info.owner);
        let key = Arc::new(key);
        self.secrets.insert(hash, PresentedKey { key: Arc::clone(&key), until: None });
        if self.keys.insert(id, Arc::clone(&key)).is_none() {
            self.keys_of.entry(owner).or_default().push(id);
        }
        key
    }

    fn show_former_secret(&self, hash: KeyHash, key: Arc<IssuedKey>, until: Option<Timestamp>) {
        self.former_secrets.insert(key.info.id, hash);
        self.secrets.insert(hash, PresentedKey { key, until });
    }

    pub(super) fn load_keys(&self) -> Result<(), ControlError> {
        self.load(Table::Key, |hash: [u8; 32], record: KeyRecord| {
            if let Some(info) = info_from(record) {
                self.show_key(IssuedKey::new(info, KeyHash(hash)));
            }
            Ok(())
        })?;
        for mut ids in self.keys_of.iter_mut() {
            ids.shrink_to_fit();
        }
        self.load(Table::FormerKey, |hash: [u8; 32], record: FormerKeyRecord| {
            let until = Some(Timestamp::from_micros(record.until_us));
            if let Ok(key) = self.issued(KeyId(Uuid::from_bytes(record.key))) {
                self.show_former_secret(KeyHash(hash), key, until);
            }
            Ok(())
        })
    }
}

fn name_of(name: &str) -> Result<String, ControlError> {
    match name.trim() {
        "" => Ok(String::new()),
        name => Ok(super::directory::label("name", name)?.to_owned()),
    }
}

/// Without blanks at its ends; an empty one is none.
fn description_of(text: Option<&str>) -> Result<Option<Arc<str>>, ControlError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > KEY_DESCRIPTION_CHARS_MAX {
        let problem = format!("is longer than {KEY_DESCRIPTION_CHARS_MAX} characters");
        return Err(ControlError::Invalid { field: "description", problem });
    }
    Ok(Some(text.into()))
}

fn check_expiry(
    field: &'static str,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), ControlError> {
    match at {
        Some(at) if at <= now => {
            let problem = format!("is {at}, which has passed");
            Err(ControlError::Invalid { field, problem })
        }
        _ => Ok(()),
    }
}

fn delete_former(batch: &mut AtomicBatch, former: Option<KeyHash>) {
    if let Some(hash) = former {
        batch.delete(records::key(Table::FormerKey, &hash.0));
    }
}

fn put_key(batch: &mut AtomicBatch, hash: KeyHash, info: &KeyInfo) -> Result<(), ControlError> {
    let record = KeyRecord {
        id: *info.id.as_bytes(),
        owner: match info.owner {
            KeyOwner::Tenant(id) => *id.as_bytes(),
            KeyOwner::Organization(id) => *id.as_bytes(),
        },
        dialect: info.kind.dialect().as_str().to_owned(),
        name: info.name.clone(),
        created_at_us: info.created_at.as_micros(),
        revoked_at_us: info.revoked_at.map(Timestamp::as_micros),
        kind: info.kind.as_str().to_owned(),
        scopes: info.scopes.to_store(info.kind),
        expires_at_us: info.expires_at.map(Timestamp::as_micros),
        last_used_at_us: info.last_used_at.map(Timestamp::as_micros),
        head: info.shown.head.clone(),
        tail: info.shown.tail.clone(),
        description: info.description.as_deref().map(str::to_owned),
        updated_at_us: Some(info.updated_at.as_micros()),
    };
    batch.put(records::key(Table::Key, &hash.0), encode(&record)?);
    Ok(())
}

/// `None` for a kind this build does not know: such a key admits nobody.
fn info_from(record: KeyRecord) -> Option<KeyInfo> {
    let kind = KeyKind::find(Dialect::find(&record.dialect)?, &record.kind)?;
    let owner = Uuid::from_bytes(record.owner);
    Some(KeyInfo {
        id: KeyId(Uuid::from_bytes(record.id)),
        owner: match kind.is_for_organizations() {
            true => KeyOwner::Organization(OrganizationId(owner)),
            false => KeyOwner::Tenant(TenantId(owner)),
        },
        kind,
        name: record.name,
        scopes: Scopes::stored(kind, record.scopes),
        description: record.description.map(Into::into),
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us.unwrap_or(record.created_at_us)),
        last_used_at: record.last_used_at_us.map(Timestamp::from_micros),
        revoked_at: record.revoked_at_us.map(Timestamp::from_micros),
        expires_at: record.expires_at_us.map(Timestamp::from_micros),
        shown: ShownPart { head: record.head, tail: record.tail },
    })
}
