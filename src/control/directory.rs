//! The directory: everything the control plane knows, in memory for reading, in its own store
//! for keeping. A change is durable before it is visible, so what was acknowledged survives and
//! what was not never acted; changes follow one another, readers wait for none of them. What can
//! be asked and changed is said beside each thing's own type.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use dashmap::{DashMap, DashSet};

use super::ControlError;
use super::document_ids::DocumentIds;
use super::issued_keys::{IssuedKey, PresentedKey};
use super::keys::{KeyHash, KeyOwner};
use super::organizations::{Organization, Project};
use super::plans::{Plan, Plans};
use super::records::{self, CountersRecord, Table};
use super::refresh_tokens::RefreshTokens;
use super::sealed::SealedSecrets;
use super::sessions::Sessions;
use super::tenants::{Tenant, TenantNumbers};
use super::tombstones::Tombstones;
use super::users::Users;
use super::webhook_sources::WebhookSources;
use crate::storage::{AtomicBatch, Record, Store, Visit, decode};
use crate::types::limits::LABEL_CHARS_MAX;
use crate::types::{Clock, KeyId, OrganizationId, ProjectId, TenantId};

/// Shared by every worker; reading takes no lock that a writer holds for long.
pub struct Directory {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    plans: RwLock<Arc<Plans>>,
    pub(super) organizations: DashMap<OrganizationId, Organization>,
    pub(super) projects: DashMap<ProjectId, Project>,
    pub(super) tenants: DashMap<TenantId, Tenant>,
    /// The tenants of an organization's projects, without the deleted.
    pub(super) tenants_of: DashMap<OrganizationId, BTreeSet<TenantId>>,
    tombstones: Mutex<Tombstones>,
    /// Tenants in order of creation, the deleted included.
    pub(super) tenant_numbers: RwLock<TenantNumbers>,
    /// Tenants by the handle that was chosen for them; most have none.
    pub(super) handles: DashMap<Arc<str>, TenantId>,
    /// What a presented secret opens, the secrets that rotations replaced included.
    pub(super) secrets: DashMap<KeyHash, PresentedKey>,
    /// The secret that the last rotation of a key replaced, while it may be good.
    pub(super) former_secrets: DashMap<KeyId, KeyHash>,
    pub(super) keys: DashMap<KeyId, Arc<IssuedKey>>,
    /// In no order.
    pub(super) keys_of: DashMap<KeyOwner, Vec<KeyId>>,
    /// Keys whose last use is not stored yet.
    pub(super) used_keys: DashSet<KeyId>,
    pub(super) users: Users,
    pub(super) sessions: Sessions,
    pub(super) refresh_tokens: RefreshTokens,
    pub(super) sealed: SealedSecrets,
    pub(super) document_ids: DocumentIds,
    pub(super) webhook_sources: WebhookSources,
    /// Held by whoever changes something.
    counters: Mutex<CountersRecord>,
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
        let counters = match store.get(&records::prefix(Table::Counters))? {
            Some(bytes) => decode::<CountersRecord>(&bytes)?,
            None => CountersRecord { next_tenant_no: 1 },
        };
        let directory = Self {
            store,
            clock,
            plans: RwLock::new(Arc::new(plans)),
            organizations: DashMap::new(),
            projects: DashMap::new(),
            tenants: DashMap::new(),
            tenants_of: DashMap::new(),
            tombstones: Mutex::default(),
            tenant_numbers: RwLock::default(),
            handles: DashMap::new(),
            secrets: DashMap::new(),
            former_secrets: DashMap::new(),
            keys: DashMap::new(),
            keys_of: DashMap::new(),
            used_keys: DashSet::new(),
            users: Users::default(),
            sessions: Sessions::default(),
            refresh_tokens: RefreshTokens::default(),
            sealed: SealedSecrets::default(),
            document_ids: DocumentIds::default(),
            webhook_sources: WebhookSources::default(),
            counters: Mutex::new(counters),
        };
        directory.load_organizations()?;
        directory.found_default()?;
        directory.load_tenants()?;
        directory.load_tombstones()?;
        directory.load_keys()?;
        directory.load_users()?;
        directory.load_sessions()?;
        directory.load_refresh_tokens()?;
        directory.load_sealed()?;
        directory.load_document_ids()?;
        directory.load_webhook_sources()?;
        Ok(directory)
    }

    /// Visits every record of one table with its id or hash.
    pub(super) fn load<const N: usize, R: Record>(
        &self,
        table: Table,
        mut take: impl FnMut([u8; N], R) -> Result<(), ControlError>,
    ) -> Result<(), ControlError> {
        let mut outcome = Ok(());
        self.store.for_each(&records::prefix(table), None, &mut |key, value| {
            if let Some(id) = records::id_in(key) {
                outcome = decode(value).map_err(Into::into).and_then(|record| take(id, record));
            }
            if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        outcome
    }

    /// Begins a change; the next one begins when the guard is dropped.
    pub(super) fn changing(&self) -> MutexGuard<'_, CountersRecord> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a look-up only.
    pub(super) fn tombstones(&self) -> MutexGuard<'_, Tombstones> {
        self.tombstones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a change durable. Blocks for one fsync.
    pub(super) fn commit(&self, batch: &AtomicBatch) -> Result<(), ControlError> {
        self.store.apply(batch)?;
        self.store.flush()?;
        Ok(())
    }

    /// The plans in force.
    #[must_use]
    pub fn plans(&self) -> Arc<Plans> {
        Arc::clone(&self.plans.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn plan(&self, name: &str) -> Result<Arc<Plan>, ControlError> {
        let plans = self.plans();
        plans.find(name).ok_or_else(|| ControlError::UnknownPlan {
            name: name.to_owned(),
            known: plans.names().join(", "),
        })
    }

    /// Puts other plans in force, for every tenant at once. Nothing is stored: plans are
    /// configuration.
    ///
    /// # Errors
    /// When a tenant has a plan that is not among them; nothing has changed then.
    pub fn replace_plans(&self, plans: Plans) -> Result<(), ControlError> {
        let _changing = self.changing();
        let plans = Arc::new(plans);
        for name in self.plans().names() {
            if plans.find(name).is_none() {
                let tenants = self.tenants.iter().filter(|t| t.plan.name == name).count();
                if tenants > 0 {
                    return Err(ControlError::PlanInUse { name: name.to_owned(), tenants });
                }
            }
        }
        *self.plans.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&plans);
        for mut tenant in self.tenants.iter_mut() {
            if let Some(plan) = plans.find(&tenant.plan.name) {
                tenant.plan = plan;
            }
        }
        Ok(())
    }
}

/// A label for people: trimmed, 1 to [`LABEL_CHARS_MAX`] characters, none of them a control
/// character.
pub(super) fn label<'a>(field: &'static str, text: &'a str) -> Result<&'a str, ControlError> {
    let text = text.trim();
    let problem = if text.is_empty() {
        "is empty; give it at least one character".to_owned()
    } else if text.chars().count() > LABEL_CHARS_MAX {
        format!("is longer than {LABEL_CHARS_MAX} characters")
    } else if text.chars().any(char::is_control) {
        "holds a control character, such as a line end".to_owned()
    } else {
        return Ok(text);
    };
    Err(ControlError::Invalid { field, problem })
}
