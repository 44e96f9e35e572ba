//! The directory: every tenant and key, in memory for reading, in its own store for keeping. A
//! change is durable before it is visible, so what was acknowledged survives and what was not
//! never acted.

use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use thiserror::Error;
use uuid::Uuid;

use super::keys::{self, Dialect, KeyHash, KeyInfo, NewKey, Principal};
use super::plans::{Plan, Plans};
use super::records::{self, CountersRecord, KeyRecord, TenantRecord};
use super::tenants::Tenant;
use crate::storage::{AtomicBatch, StorageError, Store, Visit, decode, encode};
use crate::types::{Clock, ErrorKind, KeyId, ShardNo, TenantId, TenantNo, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ControlError {
    #[error("no tenant {0}")]
    UnknownTenant(TenantId),
    #[error("no key {0}")]
    UnknownKey(KeyId),
    #[error("no plan named `{name}`; known plans: {known}")]
    UnknownPlan { name: String, known: String },
    #[error("invalid API key")]
    InvalidKey,
    #[error("the API key has been revoked")]
    RevokedKey,
    #[error("the operating system has no randomness to give")]
    Randomness,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ControlError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownTenant(_) | Self::UnknownKey(_) => ErrorKind::NotFound,
            Self::UnknownPlan { .. } => ErrorKind::InvalidInput,
            Self::InvalidKey | Self::RevokedKey => ErrorKind::Unauthenticated,
            Self::Randomness => ErrorKind::Internal,
            Self::Storage(error) => error.kind(),
        }
    }
}

/// Shared by every worker; reading takes no lock that a writer holds for long.
pub struct Directory {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    plans: Plans,
    tenants: DashMap<TenantId, Tenant>,
    keys: DashMap<KeyHash, KeyInfo>,
    /// Serialises changes; holds the number the next tenant gets.
    next_tenant_no: Mutex<u64>,
}

impl Directory {
    /// Loads everything. About one second for 500,000 tenants.
    ///
    /// # Errors
    /// When the store cannot be read, or a tenant has a plan that is not configured.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        plans: Plans,
    ) -> Result<Self, ControlError> {
        let counters = match store.get(&records::counters_key())? {
            Some(bytes) => decode::<CountersRecord>(&bytes).map_err(StorageError::from)?,
            None => CountersRecord { next_tenant_no: 1 },
        };
        let directory = Self {
            store,
            clock,
            plans,
            tenants: DashMap::new(),
            keys: DashMap::new(),
            next_tenant_no: Mutex::new(counters.next_tenant_no),
        };
        directory.load(&records::tenants_prefix(), |_, bytes| {
            let record = decode::<TenantRecord>(bytes).map_err(StorageError::from)?;
            let tenant = directory.tenant_from(record)?;
            directory.tenants.insert(tenant.id, tenant);
            Ok(())
        })?;
        directory.load(&records::keys_prefix(), |key, bytes| {
            let record = decode::<KeyRecord>(bytes).map_err(StorageError::from)?;
            if let (Some(hash), Some(info)) = (records::hash_in_key(key), key_from(record)) {
                directory.keys.insert(KeyHash(hash), info);
            }
            Ok(())
        })?;
        Ok(directory)
    }

    fn load(
        &self,
        prefix: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), ControlError>,
    ) -> Result<(), ControlError> {
        let mut outcome = Ok(());
        self.store.for_each(prefix, None, &mut |key, value| {
            outcome = take(key, value);
            if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        outcome
    }

    fn tenant_from(&self, record: TenantRecord) -> Result<Tenant, ControlError> {
        Ok(Tenant {
            id: TenantId(Uuid::from_bytes(record.id)),
            no: TenantNo(record.no),
            name: record.name.into(),
            plan: self.plan(&record.plan)?,
            shard: ShardNo(record.shard),
            created_at: Timestamp::from_micros(record.created_at_us),
        })
    }

    fn plan(&self, name: &str) -> Result<Arc<Plan>, ControlError> {
        self.plans.find(name).ok_or_else(|| ControlError::UnknownPlan {
            name: name.to_owned(),
            known: self.plans.names().join(", "),
        })
    }

    /// Creates a tenant. Durable on return.
    ///
    /// # Errors
    /// For an unknown plan, or when the store fails.
    pub fn create_tenant(
        &self,
        name: &str,
        plan: &str,
        place: impl FnOnce(TenantId) -> ShardNo,
    ) -> Result<Tenant, ControlError> {
        let plan = self.plan(plan)?;
        let mut next = self.next_tenant_no.lock().unwrap_or_else(PoisonError::into_inner);
        let id = TenantId(Uuid::now_v7());
        let tenant = Tenant {
            id,
            no: TenantNo(*next),
            name: name.into(),
            plan,
            shard: place(id),
            created_at: self.clock.now(),
        };
        let record = TenantRecord {
            id: *id.as_bytes(),
            no: tenant.no.0,
            name: name.to_owned(),
            plan: tenant.plan.name.clone(),
            shard: tenant.shard.0,
            created_at_us: tenant.created_at.as_micros(),
        };
        let counters = CountersRecord { next_tenant_no: *next + 1 };
        let mut batch = AtomicBatch::new(0);
        batch.put(records::tenant_key(id), encode(&record).map_err(StorageError::from)?);
        batch.put(records::counters_key(), encode(&counters).map_err(StorageError::from)?);
        self.commit(&batch)?;
        *next += 1;
        self.tenants.insert(id, tenant.clone());
        Ok(tenant)
    }

    /// Creates a key and reveals its secret, once. Durable on return.
    ///
    /// # Errors
    /// For an unknown tenant, or when the store or the system's randomness fails.
    pub fn create_key(
        &self,
        tenant: TenantId,
        dialect: Dialect,
        name: &str,
    ) -> Result<NewKey, ControlError> {
        self.get_tenant(tenant)?;
        let secret = keys::draw_secret(dialect).map_err(|_| ControlError::Randomness)?;
        let info = KeyInfo {
            id: KeyId(Uuid::now_v7()),
            tenant,
            dialect,
            name: name.to_owned(),
            created_at: self.clock.now(),
            revoked_at: None,
        };
        self.keep_key(keys::hash_of(&secret), &info)?;
        Ok(NewKey { info, secret })
    }

    /// Revokes a key, on every worker at once. Durable on return; revoking twice changes nothing.
    ///
    /// # Errors
    /// For an unknown key, or when the store fails.
    pub fn revoke_key(&self, id: KeyId) -> Result<KeyInfo, ControlError> {
        let found = self.keys.iter().find(|entry| entry.value().id == id);
        let (hash, mut info) = match found {
            Some(entry) => (*entry.key(), entry.value().clone()),
            None => return Err(ControlError::UnknownKey(id)),
        };
        if info.revoked_at.is_none() {
            info.revoked_at = Some(self.clock.now());
            self.keep_key(hash, &info)?;
        }
        Ok(info)
    }

    fn keep_key(&self, hash: KeyHash, info: &KeyInfo) -> Result<(), ControlError> {
        let record = KeyRecord {
            id: *info.id.as_bytes(),
            tenant: *info.tenant.as_bytes(),
            dialect: info.dialect.as_str().to_owned(),
            name: info.name.clone(),
            created_at_us: info.created_at.as_micros(),
            revoked_at_us: info.revoked_at.map(Timestamp::as_micros),
        };
        let mut batch = AtomicBatch::new(0);
        batch.put(records::key_key(&hash.0), encode(&record).map_err(StorageError::from)?);
        self.commit(&batch)?;
        self.keys.insert(hash, info.clone());
        Ok(())
    }

    fn commit(&self, batch: &AtomicBatch) -> Result<(), ControlError> {
        self.store.apply(batch)?;
        self.store.flush()?;
        Ok(())
    }

    /// Who a presented secret acts for. Costs one hash and two map look-ups.
    ///
    /// # Errors
    /// [`ControlError::InvalidKey`] when it is unknown or of another dialect, and
    /// [`ControlError::RevokedKey`].
    pub fn authenticate(&self, dialect: Dialect, secret: &str) -> Result<Principal, ControlError> {
        let presented = KeyHash::of(secret);
        let entry = self.keys.get(&presented).ok_or(ControlError::InvalidKey)?;
        if !entry.key().matches(&presented) || entry.dialect != dialect {
            return Err(ControlError::InvalidKey);
        }
        if entry.revoked_at.is_some() {
            return Err(ControlError::RevokedKey);
        }
        let tenant = self.tenants.get(&entry.tenant).ok_or(ControlError::InvalidKey)?;
        Ok(Principal {
            tenant: entry.tenant,
            key: entry.id,
            dialect,
            plan: Arc::clone(&tenant.plan),
        })
    }

    /// # Errors
    /// [`ControlError::UnknownTenant`].
    pub fn get_tenant(&self, id: TenantId) -> Result<Tenant, ControlError> {
        let tenant = self.tenants.get(&id).ok_or(ControlError::UnknownTenant(id))?;
        Ok(tenant.clone())
    }

    /// Every tenant, oldest first.
    #[must_use]
    pub fn tenants(&self) -> Vec<Tenant> {
        let mut tenants: Vec<_> = self.tenants.iter().map(|entry| entry.clone()).collect();
        tenants.sort_by_key(|tenant| tenant.no);
        tenants
    }

    /// Every key, oldest first, revoked ones included.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        let mut keys: Vec<_> = self.keys.iter().map(|entry| entry.value().clone()).collect();
        keys.sort_by_key(|key| key.id);
        keys
    }

    #[must_use]
    pub fn tenant_count(&self) -> usize {
        self.tenants.len()
    }

    /// The shards that hold at least one tenant.
    #[must_use]
    pub fn shards_in_use(&self) -> Vec<ShardNo> {
        let mut shards: Vec<_> = self.tenants.iter().map(|tenant| tenant.shard).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}

/// `None` for a dialect this build does not know: such a key admits nobody.
fn key_from(record: KeyRecord) -> Option<KeyInfo> {
    Some(KeyInfo {
        id: KeyId(Uuid::from_bytes(record.id)),
        tenant: TenantId(Uuid::from_bytes(record.tenant)),
        dialect: Dialect::find(&record.dialect)?,
        name: record.name,
        created_at: Timestamp::from_micros(record.created_at_us),
        revoked_at: record.revoked_at_us.map(Timestamp::from_micros),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStore;
    use crate::types::ManualClock;
    use secrecy::ExposeSecret;

    fn open(store: &MemoryStore) -> Directory {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(1)));
        Directory::open(Arc::new(store.clone()), clock, Plans::default()).unwrap()
    }

    #[test]
    fn tenants_and_keys_survive_a_power_cut_right_after_they_were_made() {
        let store = MemoryStore::default();
        let directory = open(&store);
        let tenant = directory.create_tenant("acme", "local", |_| ShardNo(3)).unwrap();
        let key = directory.create_key(tenant.id, Dialect::Mnemoverse, "ci").unwrap();

        let reopened = open(&store.after_power_cut());
        let principal =
            reopened.authenticate(Dialect::Mnemoverse, key.secret.expose_secret()).unwrap();
        assert_eq!((principal.tenant, principal.key), (tenant.id, key.info.id));
        assert_eq!(reopened.get_tenant(tenant.id).unwrap().shard, ShardNo(3));
        let second = reopened.create_tenant("other", "free", |_| ShardNo(0)).unwrap();
        assert!(second.no > tenant.no, "numbers are never reused");
    }

    #[test]
    fn unknown_foreign_and_revoked_keys_are_refused() {
        let directory = open(&MemoryStore::default());
        let tenant = directory.create_tenant("acme", "local", |_| ShardNo(0)).unwrap();
        let key = directory.create_key(tenant.id, Dialect::Mnemoverse, "ci").unwrap();
        let secret = key.secret.expose_secret();
        let check = |dialect, secret: &str| directory.authenticate(dialect, secret).err();
        assert_eq!(check(Dialect::Mnemoverse, secret), None);
        assert_eq!(check(Dialect::Tex, secret), Some(ControlError::InvalidKey));
        assert_eq!(check(Dialect::Mnemoverse, "mk_live_0"), Some(ControlError::InvalidKey));
        directory.revoke_key(key.info.id).unwrap();
        assert_eq!(check(Dialect::Mnemoverse, secret), Some(ControlError::RevokedKey));
    }

    #[test]
    fn an_unknown_plan_is_refused_by_name_and_nothing_is_created() {
        let directory = open(&MemoryStore::default());
        let error = directory.create_tenant("acme", "gold", |_| ShardNo(0)).unwrap_err();
        assert!(error.to_string().contains("gold") && error.to_string().contains("local"));
        assert_eq!(directory.tenant_count(), 0);
    }
}
