//! What operators ask of a running server: who exists, who may do what, where tenants live and
//! how the shards are. Changes are durable on return and made off the async threads.

mod jobs;
mod signing;
mod users;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use jobs::{DeadLetter, JobsView};
pub use signing::SigningKeyView;
pub use users::UserOrder;

use super::tenants::{self, unfit_shard};
use super::{ServiceError, TenantOrder, change};
use crate::actors::registry::QuarantinedTenant;
use crate::actors::relocation::MoveReport;
use crate::actors::settings::Durability;
use crate::actors::{ActorError, Registry, Shard};
use crate::control::Directory;
use crate::control::keys::{KeyInfo, KeyOrder, KeyOwner, NewKey};
use crate::control::organizations::{Organization, Project};
use crate::control::plans::Plan;
use crate::control::tenants::Tenant;
use crate::types::{
    Clock, Deadline, ErrorKind, KeyId, OrganizationId, ShardNo, TenantId, TenantNo, Timestamp,
};

/// How often it is looked whether something in the background has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A tenant and what is being done to it.
#[derive(Debug, Clone)]
pub struct TenantView {
    pub tenant: Tenant,
    pub organization: OrganizationId,
    pub is_open: bool,
    pub moving: Option<Moving>,
}

/// A move that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving {
    pub to: ShardNo,
    pub records: u64,
}

/// How a deletion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Nobody knows the tenant; so many of its records are erased so far.
    Erasing { records: u64 },
    /// Nothing of it is left.
    Done,
}

/// A shard as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardView {
    pub no: ShardNo,
    pub tenants: usize,
    /// Why it is not open, or what is known of it.
    pub state: Result<OpenShard, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OpenShard {
    pub takes_new_tenants: bool,
    /// False once a flush has failed: it refuses writes until the server is restarted.
    pub is_writable: bool,
    /// `fsync` or `interval`.
    pub durability: &'static str,
    pub open_tenants: usize,
    pub permits_total: usize,
    /// Requests that may still begin.
    pub permits_free: usize,
    pub disk_bytes: u64,
    pub cache_bytes: u64,
}

/// The server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overview {
    pub started_at: Timestamp,
    pub uptime: Duration,
    pub tenants: usize,
    pub open_tenants: usize,
    pub quarantined: usize,
    pub shards: usize,
    pub shards_open: usize,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct AdminService {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    started_at: Timestamp,
    started_us: u64,
}

impl AdminService {
    #[must_use]
    pub fn new(registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Self {
        let (started_at, started_us) = (clock.now(), clock.monotonic_micros());
        Self { registry, clock, started_at, started_us }
    }

    fn directory(&self) -> &Arc<Directory> {
        self.registry.directory()
    }

    #[must_use]
    pub fn overview(&self) -> Overview {
        let uptime_us = self.clock.monotonic_micros().saturating_sub(self.started_us);
        Overview {
            started_at: self.started_at,
            uptime: Duration::from_micros(uptime_us),
            tenants: self.directory().tenant_count(),
            open_tenants: self.registry.open_count(),
            quarantined: self.registry.quarantined().len(),
            shards: self.registry.shards().numbers().len(),
            shards_open: self.registry.shards().open_ones().count(),
        }
    }

    #[must_use]
    pub fn organizations(&self) -> Vec<Organization> {
        self.directory().organizations()
    }

    #[must_use]
    pub fn projects(&self) -> Vec<Project> {
        self.directory().projects()
    }

    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name.
    pub async fn create_organization(&self, name: String) -> Result<Organization, ServiceError> {
        change(&self.registry, move |directory| directory.create_organization(&name)).await
    }

    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name, [`ErrorKind::NotFound`] for the organization.
    pub async fn create_project(
        &self,
        organization: OrganizationId,
        name: String,
    ) -> Result<Project, ServiceError> {
        change(&self.registry, move |directory| directory.create_project(organization, &name)).await
    }

    /// At most `limit` tenants, oldest first, from the one after `after` on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for `after`.
    pub fn tenants(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantView>, ServiceError> {
        let after = match after {
            Some(id) => self.directory().get_tenant(id)?.no,
            None => TenantNo(0),
        };
        let page = self.directory().tenants_after(after, limit);
        page.into_iter().map(|tenant| self.view(tenant)).collect()
    }

    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn tenant(&self, id: TenantId) -> Result<TenantView, ServiceError> {
        self.view(self.directory().get_tenant(id)?)
    }

    fn view(&self, tenant: Tenant) -> Result<TenantView, ServiceError> {
        let moving = self.registry.relocation(tenant.id).and_then(|relocation| {
            let records = relocation.records.load(Ordering::Relaxed);
            relocation.to.map(|to| Moving { to, records })
        });
        Ok(TenantView {
            organization: self.directory().get_project(tenant.project)?.organization,
            is_open: self.registry.is_open(tenant.id),
            moving,
            tenant,
        })
    }

    /// Creates a tenant on the shard that is ordered, or on the one that placement chooses.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name, plan or shard, [`ErrorKind::NotFound`] for the
    /// project, [`ErrorKind::Unavailable`] when no shard takes new tenants.
    pub async fn create_tenant(&self, order: TenantOrder) -> Result<TenantView, ServiceError> {
        let created = tenants::create(&self.registry, order).await?;
        self.view(created)
    }

    /// # Errors
    /// [`ErrorKind::NotFound`] for the tenant, [`ErrorKind::InvalidInput`] for the plan.
    pub async fn set_plan(&self, id: TenantId, plan: String) -> Result<TenantView, ServiceError> {
        let changed =
            change(&self.registry, move |directory| directory.set_plan(id, &plan)).await?;
        self.view(changed)
    }

    /// Makes a tenant and its keys unknown at once and has its content erased; waits for that
    /// until `deadline`, after which it goes on by itself.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn delete_tenant(
        &self,
        id: TenantId,
        deadline: Deadline,
    ) -> Result<Deletion, ServiceError> {
        let deleted = self.registry.delete_tenant(id).await;
        deleted.map_err(|error| ServiceError::from_actor(&error))?;
        loop {
            match self.deletion(id) {
                Some(Deletion::Erasing { records }) if deadline.remaining() < LOOK_AGAIN => {
                    return Ok(Deletion::Erasing { records });
                }
                Some(Deletion::Erasing { .. }) => tokio::time::sleep(LOOK_AGAIN).await,
                Some(Deletion::Done) | None => return Ok(Deletion::Done),
            }
        }
    }

    /// How the deletion of a tenant stands; `None` when there is none, or no longer one.
    #[must_use]
    pub fn deletion(&self, id: TenantId) -> Option<Deletion> {
        if !self.directory().is_being_erased(id) {
            return None;
        }
        let relocation = self.registry.relocation(id);
        let records = relocation.map_or(0, |running| running.records.load(Ordering::Relaxed));
        Some(Deletion::Erasing { records })
    }

    /// Moves a tenant to another shard; waits for it until `deadline`, after which it goes on by
    /// itself and the answer is `None`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for the tenant, [`ErrorKind::InvalidInput`] for the shard,
    /// [`ErrorKind::Conflict`] when it is there or being moved already.
    pub async fn move_tenant(
        &self,
        id: TenantId,
        to: ShardNo,
        deadline: Deadline,
    ) -> Result<Option<MoveReport>, ServiceError> {
        self.registry.shards().get(to).map_err(unfit_shard)?;
        let registry = Arc::clone(&self.registry);
        let moving = tokio::spawn(async move { registry.move_tenant(id, to).await });
        let patience = deadline.remaining().saturating_sub(LOOK_AGAIN);
        match tokio::time::timeout(patience, moving).await {
            Err(_) => Ok(None),
            Ok(Ok(Ok(report))) => Ok(Some(report)),
            Ok(Ok(Err(error))) => Err(ServiceError::from_actor(&error)),
            Ok(Err(_)) => Err(ServiceError::from_actor(&ActorError::Crashed)),
        }
    }

    /// At most `limit` keys, oldest first, from the one after `after` on, of one owner or of all.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for `after`.
    pub fn keys(
        &self,
        owner: Option<KeyOwner>,
        after: Option<KeyId>,
        limit: usize,
    ) -> Result<Vec<KeyInfo>, ServiceError> {
        let after = match after {
            Some(id) => Some(self.directory().get_key(id)?.position()),
            None => None,
        };
        let keys = match owner {
            Some(owner) => self.directory().keys_of(owner),
            None => self.directory().keys(),
        };
        Ok(keys.into_iter().filter(|key| Some(key.position()) > after).take(limit).collect())
    }

    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn key(&self, id: KeyId) -> Result<KeyInfo, ServiceError> {
        Ok(self.directory().get_key(id)?)
    }

    /// # Errors
    /// [`ErrorKind::NotFound`] for the owner, [`ErrorKind::InvalidInput`], and
    /// [`ErrorKind::Conflict`] when the owner has too many.
    pub async fn create_key(&self, order: KeyOrder) -> Result<NewKey, ServiceError> {
        change(&self.registry, move |directory| directory.create_key(order)).await
    }

    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn revoke_key(&self, id: KeyId) -> Result<KeyInfo, ServiceError> {
        change(&self.registry, move |directory| directory.revoke_key(id)).await
    }

    /// # Errors
    /// [`ErrorKind::NotFound`], and [`ErrorKind::Conflict`] for a key that has ended.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        former_until: Option<Timestamp>,
    ) -> Result<NewKey, ServiceError> {
        change(&self.registry, move |directory| directory.rotate_key(id, former_until)).await
    }

    /// The plans in force, by name.
    #[must_use]
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        let plans = self.directory().plans();
        plans.names().into_iter().filter_map(|name| plans.find(name)).collect()
    }

    /// Every shard by number. Looks at the disk.
    pub async fn shards(&self) -> Vec<ShardView> {
        let mut views = Vec::new();
        for no in self.registry.shards().numbers() {
            views.push(self.shard_view(no).await);
        }
        views
    }

    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn shard(&self, no: ShardNo) -> Result<ShardView, ServiceError> {
        if !self.registry.shards().is_known(no) {
            let message = format!("no shard {no}");
            return Err(ServiceError::new(ErrorKind::NotFound, message));
        }
        Ok(self.shard_view(no).await)
    }

    async fn shard_view(&self, no: ShardNo) -> ShardView {
        let state = match self.registry.shards().get(no) {
            Ok(shard) => Ok(self.open_shard(Arc::clone(shard)).await),
            Err(error) => Err(error.to_string()),
        };
        ShardView { no, tenants: self.directory().tenants_on(no), state }
    }

    async fn open_shard(&self, shard: Arc<Shard>) -> OpenShard {
        let commit = shard.commit.clone();
        let disk_bytes = tokio::task::spawn_blocking(move || commit.store().disk_bytes()).await;
        let open = self.registry.open_tenants().into_iter();
        let open = open.filter_map(|id| self.directory().get_tenant(id).ok());
        OpenShard {
            takes_new_tenants: shard.takes_new_tenants,
            is_writable: !shard.commit.is_poisoned(),
            durability: match shard.settings.durability {
                Durability::Fsync => "fsync",
                Durability::Interval => "interval",
            },
            open_tenants: open.filter(|tenant| tenant.shard == shard.no).count(),
            permits_total: shard.settings.shard_permits,
            permits_free: shard.permits.available_permits(),
            disk_bytes: disk_bytes.unwrap_or(0),
            cache_bytes: shard.settings.cache_bytes,
        }
    }

    /// Tenants that keep crashing and are refused for now.
    #[must_use]
    pub fn quarantined(&self) -> Vec<QuarantinedTenant> {
        self.registry.quarantined()
    }

    /// Lets a quarantined tenant be opened at once.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for one that is not quarantined.
    pub async fn release(&self, id: TenantId) -> Result<(), ServiceError> {
        let quarantined = self.registry.quarantined();
        if quarantined.iter().all(|tenant| tenant.tenant != id) {
            let message = format!("tenant {id} is not quarantined");
            return Err(ServiceError::new(ErrorKind::NotFound, message));
        }
        self.registry.release(id).await;
        Ok(())
    }
}
