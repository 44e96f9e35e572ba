//! Making tenants for others: placed like any, off the async threads, durable on return.

use std::sync::Arc;

use super::{ServiceError, change};
use crate::actors::placement::choose_shard;
use crate::actors::{ActorError, Registry};
use crate::control::environments::Environment;
use crate::control::tenants::{NewTenant, Tenant};
use crate::types::{ErrorKind, ProjectId, ShardNo};

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct TenantOrder {
    pub name: String,
    pub plan: String,
    /// `None` for the oldest project.
    pub project: Option<ProjectId>,
    /// `None` for the one that placement chooses.
    pub shard: Option<ShardNo>,
    pub environment: Environment,
}

/// # Errors
/// [`ErrorKind::InvalidInput`] for a bad name, plan or shard, [`ErrorKind::NotFound`] for the
/// project, [`ErrorKind::Unavailable`] when no shard takes new tenants.
pub(super) async fn create(
    registry: &Arc<Registry>,
    order: TenantOrder,
) -> Result<Tenant, ServiceError> {
    let shards = match order.shard {
        Some(no) => vec![registry.shards().get(no).map_err(unfit_shard)?.no],
        None => registry.shards().for_new_tenants(),
    };
    let Some(first) = shards.first().copied() else {
        let message = "no shard takes new tenants; see `hebbd shard list`";
        return Err(ServiceError::new(ErrorKind::Unavailable, message));
    };
    change(registry, move |directory| {
        let TenantOrder { name, plan, project, environment, .. } = &order;
        let (project, environment) = (*project, *environment);
        let new = NewTenant { project, environment, ..NewTenant::named(name, plan) };
        directory.add_tenant(&new, |id| choose_shard(id, &shards).unwrap_or(first))
    })
    .await
}

/// A shard that cannot be had is the request's mistake here, not the server's.
pub(super) fn unfit_shard(error: ActorError) -> ServiceError {
    ServiceError::new(ErrorKind::InvalidInput, error.to_string())
}
