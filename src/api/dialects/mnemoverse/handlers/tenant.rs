//! A tenant's memory as a whole: its statistics, its domains, and deleting them.

use actix_web::web::Data;

use super::super::error::ApiError;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::{Caller, PathSegment, RequestDeadline};
use crate::api::state::ApiState;
use crate::types::limits::DOMAIN_CHARS_MAX;

pub(in super::super) async fn stats(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    let stats = state.memory.stats(caller.scope(deadline)).await?;
    reply(&convert::stats_response(&stats))
}

pub(in super::super) async fn domains(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    let stats = state.memory.stats(caller.scope(deadline)).await?;
    reply(&wire::DomainsResponse { domains: &stats.domains })
}

/// Never a 404: a name that no domain can have is one that holds nothing.
pub(in super::super) async fn delete_domain(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    domain: PathSegment,
) -> Reply {
    let shown = domain.shown();
    let name = domain.text().filter(|name| name.chars().count() <= DOMAIN_CHARS_MAX);
    let deleted = match name {
        Some(name) => state.memory.delete_domain(caller.scope(deadline), name.to_owned()).await?,
        None => 0,
    };
    reply(&wire::DeleteDomainResponse { deleted, domain: &shown })
}

pub(in super::super) async fn reset(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
) -> Reply {
    if !state.allow_reset {
        return Err(ApiError::reset_disabled());
    }
    let deleted = state.memory.reset(caller.scope(deadline)).await?;
    reply(&wire::ResetResponse { deleted })
}
