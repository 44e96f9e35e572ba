//! Tenants as the control plane sees them: a name, a plan, a place. A tenant that is deleted
//! stays in the directory, known to nobody but the eraser, until its content is gone; a tenant
//! that moves notes on which shard bytes of it are left.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use uuid::Uuid;

use super::environments::{ApiVersion, Environment};
use super::keys::KeyOwner;
use super::plans::Plan;
use super::records::{self, CountersRecord, Table, TenantRecord};
use super::tombstones::Buried;
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::{OrganizationId, ProjectId, ShardNo, TenantId, TenantNo, Timestamp};

#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: TenantId,
    /// Prefix of all its storage keys.
    pub no: TenantNo,
    pub project: ProjectId,
    /// The operator's label; not unique.
    pub name: Arc<str>,
    /// The public name that was chosen for it; see [`Tenant::public_handle`].
    pub handle: Option<Arc<str>>,
    pub plan: Arc<Plan>,
    pub environment: Environment,
    /// Chosen once, at creation, and kept until an operator moves it: editing the shard file
    /// moves nobody.
    pub shard: ShardNo,
    pub created_at: Timestamp,
    /// When its name, plan or environment was last changed.
    pub updated_at: Timestamp,
    /// Set while its content is being erased.
    pub(super) deleted_at: Option<Timestamp>,
    /// Shards that hold bytes of it which are to be erased.
    pub(super) leftover_on: Arc<[ShardNo]>,
}

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant<'a> {
    pub name: &'a str,
    pub plan: &'a str,
    /// `None` for the oldest project.
    pub project: Option<ProjectId>,
    /// A public name that no other tenant has; `None` for one that follows from the id.
    pub handle: Option<&'a str>,
    pub environment: Environment,
}

impl<'a> NewTenant<'a> {
    /// In the oldest project, for production, without a chosen handle.
    #[must_use]
    pub fn named(name: &'a str, plan: &'a str) -> Self {
        Self { name, plan, project: None, handle: None, environment: Environment::default() }
    }
}

/// What is to be said of a tenant from now on; `None` for what stays as it is.
#[derive(Debug, Clone, Default)]
pub struct TenantUpdate<'a> {
    pub name: Option<&'a str>,
    pub api_version: Option<ApiVersion>,
}

/// Bytes that no tenant needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub tenant: TenantId,
    pub no: TenantNo,
    pub shards: Vec<ShardNo>,
    /// Whether the tenant itself goes when they are erased.
    pub is_deleted: bool,
}

#[derive(Debug, Default)]
pub(super) struct TenantNumbers(BTreeMap<TenantNo, TenantId>);

impl Directory {
    /// Creates a tenant in the oldest project. Durable on return.
    ///
    /// # Errors
    /// As [`Directory::add_tenant`].
    pub fn create_tenant(
        &self,
        name: &str,
        plan: &str,
        place: impl FnOnce(TenantId) -> ShardNo,
    ) -> Result<Tenant, ControlError> {
        self.add_tenant(&NewTenant::named(name, plan), place)
    }

    /// Creates a tenant on the shard that `place` answers. Durable on return.
    ///
    /// # Errors
    /// For a bad name, an unknown plan or project, a bad or taken handle, or when the store fails.
    pub fn add_tenant(
        &self,
        new: &NewTenant<'_>,
        place: impl FnOnce(TenantId) -> ShardNo,
    ) -> Result<Tenant, ControlError> {
        let mut counters = self.changing();
        let mut batch = AtomicBatch::new(0);
        let tenant = self.plan_tenant(&mut batch, &counters, new, place)?;
        self.commit(&batch)?;
        self.show_new_tenant(&mut counters, tenant.clone());
        Ok(tenant)
    }

    /// Adds a tenant to a batch, for a caller that is making a change.
    pub(super) fn plan_tenant(
        &self,
        batch: &mut AtomicBatch,
        counters: &CountersRecord,
        new: &NewTenant<'_>,
        place: impl FnOnce(TenantId) -> ShardNo,
    ) -> Result<Tenant, ControlError> {
        let name = super::directory::label("name", new.name)?;
        let plan = self.plan(new.plan)?;
        let handle = new.handle.map(|handle| self.free_handle(handle)).transpose()?;
        let project = match new.project {
            Some(project) => self.get_project(project)?.id,
            None => self.found_default()?,
        };
        let id = TenantId(Uuid::now_v7());
        let now = self.clock.now();
        let tenant = Tenant {
            id,
            no: TenantNo(counters.next_tenant_no),
            project,
            name: name.into(),
            handle,
            plan,
            environment: new.environment,
            shard: place(id),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            leftover_on: Arc::default(),
        };
        put_tenant(batch, &tenant)?;
        batch.put(records::prefix(Table::Counters), encode(&after(&tenant))?);
        Ok(tenant)
    }

    /// Shows a tenant whose batch is durable.
    pub(super) fn show_new_tenant(&self, counters: &mut CountersRecord, tenant: Tenant) {
        *counters = after(&tenant);
        self.show_handle(&tenant);
        self.show_tenant(tenant);
    }

    /// Gives a tenant another plan, from its next request on. Durable on return.
    ///
    /// # Errors
    /// For an unknown tenant or plan, or when the store fails.
    pub fn set_plan(&self, id: TenantId, plan: &str) -> Result<Tenant, ControlError> {
        let plan = self.plan(plan)?;
        let _changing = self.changing();
        let updated_at = self.clock.now();
        let tenant = Tenant { plan, updated_at, ..self.get_tenant(id)? };
        self.keep_tenant(tenant)
    }

    /// Changes what is said of a tenant; another version holds from its next request on. Durable
    /// on return.
    ///
    /// # Errors
    /// For an unknown tenant or a bad name, or when the store fails.
    pub fn update_tenant(
        &self,
        id: TenantId,
        update: &TenantUpdate<'_>,
    ) -> Result<Tenant, ControlError> {
        let _changing = self.changing();
        let mut tenant = self.get_tenant(id)?;
        if let Some(name) = update.name {
            tenant.name = super::directory::label("name", name)?.into();
        }
        if let Some(api_version) = update.api_version {
            tenant.environment.api_version = api_version;
        }
        tenant.updated_at = self.clock.now();
        self.keep_tenant(tenant)
    }

    /// Notes that bytes of a tenant are being copied to `shard`, where they count for nothing
    /// until [`Directory::finish_move`]. Durable on return.
    ///
    /// # Errors
    /// For an unknown tenant, or one that is there already, or when the store fails.
    pub fn begin_move(&self, id: TenantId, shard: ShardNo) -> Result<Tenant, ControlError> {
        let _changing = self.changing();
        let tenant = self.get_tenant(id)?;
        if tenant.shard == shard {
            return Err(ControlError::AlreadyThere { tenant: id, shard });
        }
        let mut leftover_on: Vec<_> = tenant.leftover_on.to_vec();
        leftover_on.retain(|left| *left != shard);
        leftover_on.push(shard);
        self.keep_tenant(Tenant { leftover_on: leftover_on.into(), ..tenant })
    }

    /// From here on the tenant lives on `shard`, and what it had on its former one is left over.
    /// Durable on return.
    ///
    /// # Errors
    /// For an unknown tenant, or when the store fails; then it lives where it did.
    pub fn finish_move(&self, id: TenantId, shard: ShardNo) -> Result<Tenant, ControlError> {
        let _changing = self.changing();
        let tenant = self.get_tenant(id)?;
        let mut leftover_on: Vec<_> = tenant.leftover_on.to_vec();
        leftover_on.push(tenant.shard);
        leftover_on.retain(|left| *left != shard);
        self.keep_tenant(Tenant { shard, leftover_on: leftover_on.into(), ..tenant })
    }

    /// Makes a tenant unknown to everybody, at once, and with it its keys and their tokens, its
    /// users and their sessions, and its webhook secrets and sources; its handle is free. Its content remains
    /// to be erased: [`Directory::leftovers`]. Durable on return.
    ///
    /// # Errors
    /// For an unknown tenant, or when the store fails.
    pub fn delete_tenant(&self, id: TenantId) -> Result<Leftover, ControlError> {
        let _changing = self.changing();
        let tenant = self.get_tenant(id)?;
        let mut left: Vec<_> = tenant.leftover_on.to_vec();
        left.retain(|shard| *shard != tenant.shard);
        left.push(tenant.shard);
        let deleted_at = Some(self.clock.now());
        let handle = tenant.handle.clone();
        let tenant = Tenant { deleted_at, leftover_on: left.into(), handle: None, ..tenant };
        let owner = KeyOwner::Tenant(id);
        let organization = self.organization_of(&tenant);
        let mut batch = AtomicBatch::new(0);
        put_tenant(&mut batch, &tenant)?;
        if let Some(organization) = organization {
            self.put_tombstone(&mut batch, Buried::Tenant(id), organization)?;
        }
        let identities = self.delete_identities_of(&mut batch, id);
        self.delete_keys_of(&mut batch, owner);
        self.commit(&batch)?;
        self.forget_identities(identities);
        self.forget_keys_of(owner);
        if let Some(handle) = handle {
            self.handles.remove(&handle);
        }
        let leftover = leftover_of(&tenant);
        self.show_tenant(tenant);
        if let Some(organization) = organization {
            self.show_tombstone(Buried::Tenant(id), organization);
        }
        Ok(leftover)
    }

    /// What is to be erased: content of deleted tenants, and what moves left behind. A crash
    /// changes nothing about it.
    #[must_use]
    pub fn leftovers(&self) -> Vec<Leftover> {
        let with_leftovers = self.tenants.iter().filter(|tenant| !tenant.leftover_on.is_empty());
        let mut found: Vec<_> = with_leftovers.map(|tenant| leftover_of(&tenant)).collect();
        found.sort_by_key(|leftover| leftover.no);
        found
    }

    /// Notes that everything of `leftover` is erased, durably. Of a deleted tenant nothing remains.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_leftover(&self, leftover: &Leftover) -> Result<(), ControlError> {
        let _changing = self.changing();
        let Some(tenant) = self.tenants.get(&leftover.tenant).map(|entry| entry.clone()) else {
            return Ok(());
        };
        if tenant.deleted_at.is_some() != leftover.is_deleted {
            return Ok(());
        }
        if leftover.is_deleted {
            let mut batch = AtomicBatch::new(0);
            batch.delete(records::key(Table::Tenant, tenant.id.as_bytes()));
            self.commit(&batch)?;
            self.tenants.remove(&tenant.id);
            self.numbers_mut(|numbers| numbers.remove(&tenant.no));
            return Ok(());
        }
        let mut left: Vec<_> = tenant.leftover_on.to_vec();
        left.retain(|shard| !leftover.shards.contains(shard));
        self.keep_tenant(Tenant { leftover_on: left.into(), ..tenant })?;
        Ok(())
    }

    /// # Errors
    /// [`ControlError::UnknownTenant`]; a deleted tenant is unknown.
    pub fn get_tenant(&self, id: TenantId) -> Result<Tenant, ControlError> {
        let found = self.tenants.get(&id).filter(|tenant| tenant.deleted_at.is_none());
        found.map(|tenant| tenant.clone()).ok_or(ControlError::UnknownTenant(id))
    }

    /// The plan and the environment of a tenant; `None` for one that is unknown.
    pub(super) fn terms_of(&self, id: TenantId) -> Option<(Arc<Plan>, Environment)> {
        let found = self.tenants.get(&id).filter(|tenant| tenant.deleted_at.is_none())?;
        Some((Arc::clone(&found.plan), found.environment))
    }

    /// Whose project a tenant is in.
    pub(super) fn organization_of(&self, tenant: &Tenant) -> Option<OrganizationId> {
        self.projects.get(&tenant.project).map(|project| project.organization)
    }

    /// The tenant of an organization with the lowest id from a place on. Costs a few look-ups.
    #[must_use]
    pub fn tenant_from(
        &self,
        organization: OrganizationId,
        from: Bound<&TenantId>,
    ) -> Option<Tenant> {
        let ids = self.tenants_of.get(&organization)?;
        let range = ids.range((from, Bound::Unbounded));
        range.into_iter().find_map(|id| self.get_tenant(*id).ok())
    }

    /// The tenant of an organization with the highest id up to a place. Costs a few look-ups.
    #[must_use]
    pub fn tenant_up_to(
        &self,
        organization: OrganizationId,
        to: Bound<&TenantId>,
    ) -> Option<Tenant> {
        let ids = self.tenants_of.get(&organization)?;
        let range = ids.range((Bound::Unbounded, to));
        range.rev().find_map(|id| self.get_tenant(*id).ok())
    }

    /// Whether a tenant was deleted and its content is not erased yet.
    #[must_use]
    pub fn is_being_erased(&self, id: TenantId) -> bool {
        self.tenants.get(&id).is_some_and(|tenant| tenant.deleted_at.is_some())
    }

    /// Every tenant, oldest first.
    #[must_use]
    pub fn tenants(&self) -> Vec<Tenant> {
        self.tenants_after(TenantNo(0), usize::MAX)
    }

    /// At most `limit` tenants, oldest first, from the one after number `after` on.
    #[must_use]
    pub fn tenants_after(&self, after: TenantNo, limit: usize) -> Vec<Tenant> {
        let numbers = self.tenant_numbers.read().unwrap_or_else(PoisonError::into_inner);
        let range = numbers.0.range((Bound::Excluded(after), Bound::Unbounded));
        range.filter_map(|(_, id)| self.get_tenant(*id).ok()).take(limit).collect()
    }

    /// Tenants known, those being erased included.
    #[must_use]
    pub fn tenant_count(&self) -> usize {
        self.tenants.len()
    }

    /// The shards that hold at least one tenant, or what is left of one.
    #[must_use]
    pub fn shards_in_use(&self) -> Vec<ShardNo> {
        let mut shards: Vec<_> = Vec::new();
        for tenant in &self.tenants {
            shards.push(tenant.shard);
            shards.extend(tenant.leftover_on.iter());
            if shards.len() > 4_096 {
                shards.sort_unstable();
                shards.dedup();
            }
        }
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// How many tenants live on a shard.
    #[must_use]
    pub fn tenants_on(&self, shard: ShardNo) -> usize {
        let on_it = |tenant: &Tenant| tenant.shard == shard && tenant.deleted_at.is_none();
        self.tenants.iter().filter(|tenant| on_it(tenant)).count()
    }

    fn keep_tenant(&self, tenant: Tenant) -> Result<Tenant, ControlError> {
        let mut batch = AtomicBatch::new(0);
        put_tenant(&mut batch, &tenant)?;
        self.commit(&batch)?;
        self.show_tenant(tenant.clone());
        Ok(tenant)
    }

    fn show_tenant(&self, tenant: Tenant) {
        let (no, id) = (tenant.no, tenant.id);
        self.show_in_organization(&tenant);
        self.tenants.insert(id, tenant);
        self.numbers_mut(|numbers| numbers.insert(no, id));
    }

    fn show_in_organization(&self, tenant: &Tenant) {
        let Some(organization) = self.organization_of(tenant) else { return };
        let mut ids = self.tenants_of.entry(organization).or_default();
        match tenant.deleted_at {
            None => ids.insert(tenant.id),
            Some(_) => ids.remove(&tenant.id),
        };
    }

    fn numbers_mut<R>(&self, change: impl FnOnce(&mut BTreeMap<TenantNo, TenantId>) -> R) -> R {
        let mut numbers = self.tenant_numbers.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut numbers.0)
    }

    pub(super) fn load_tenants(&self) -> Result<(), ControlError> {
        let default_project = self.found_default()?;
        let mut numbers = BTreeMap::new();
        self.load(Table::Tenant, |_: [u8; 16], record: TenantRecord| {
            let project = record.project.map(|id| ProjectId(Uuid::from_bytes(id)));
            let tenant = Tenant {
                id: TenantId(Uuid::from_bytes(record.id)),
                no: TenantNo(record.no),
                project: project.unwrap_or(default_project),
                name: record.name.into(),
                handle: record.handle.map(Into::into),
                plan: self.plan(&record.plan)?,
                environment: Environment::stored(&record.environment, &record.api_version),
                shard: ShardNo(record.shard),
                created_at: Timestamp::from_micros(record.created_at_us),
                updated_at: Timestamp::from_micros(
                    record.updated_at_us.unwrap_or(record.created_at_us),
                ),
                deleted_at: record.deleted_at_us.map(Timestamp::from_micros),
                leftover_on: record.leftover_on.into_iter().map(ShardNo).collect(),
            };
            numbers.insert(tenant.no, tenant.id);
            self.show_handle(&tenant);
            self.show_in_organization(&tenant);
            self.tenants.insert(tenant.id, tenant);
            Ok(())
        })?;
        self.numbers_mut(|known| *known = numbers);
        Ok(())
    }
}

/// The counters once a tenant is made.
fn after(tenant: &Tenant) -> CountersRecord {
    CountersRecord { next_tenant_no: tenant.no.0 + 1 }
}

fn leftover_of(tenant: &Tenant) -> Leftover {
    Leftover {
        tenant: tenant.id,
        no: tenant.no,
        shards: tenant.leftover_on.to_vec(),
        is_deleted: tenant.deleted_at.is_some(),
    }
}

fn put_tenant(batch: &mut AtomicBatch, tenant: &Tenant) -> Result<(), ControlError> {
    let record = TenantRecord {
        id: *tenant.id.as_bytes(),
        no: tenant.no.0,
        name: tenant.name.to_string(),
        plan: tenant.plan.name.clone(),
        shard: tenant.shard.0,
        created_at_us: tenant.created_at.as_micros(),
        project: Some(*tenant.project.as_bytes()),
        deleted_at_us: tenant.deleted_at.map(Timestamp::as_micros),
        leftover_on: tenant.leftover_on.iter().map(|shard| shard.0).collect(),
        handle: tenant.handle.as_deref().map(str::to_owned),
        environment: tenant.environment.kind.as_str().to_owned(),
        api_version: tenant.environment.api_version.as_str().to_owned(),
        updated_at_us: Some(tenant.updated_at.as_micros()),
    };
    batch.put(records::key(Table::Tenant, tenant.id.as_bytes()), encode(&record)?);
    Ok(())
}
