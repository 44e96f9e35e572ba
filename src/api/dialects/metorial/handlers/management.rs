//! The projects and environments of the organization that a management key acts for.

use actix_web::web::Data;

use super::super::access::Manager;
use super::super::convert;
use super::super::error::{ApiError, reason};
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, found};
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::management::ProjectDeletion;
use crate::types::{ProjectId, TenantId};

pub(in super::super) async fn list_projects(
    caller: Manager,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let (filter, request) = query.read(convert::project_list)?;
    let projects = state.metorial.management.projects(caller.organization, &filter, request);
    let projects = projects.ok_or_else(ApiError::invalid_cursor)?;
    Ok(reply(&List::of(projects, |project| convert::project_body(&project))))
}

pub(in super::super) async fn create_project(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let name = body.read(convert::new_project)?;
    let project = state.metorial.management.create_project(caller.organization, name).await?;
    Ok(reply(&convert::project_body(&project)))
}

pub(in super::super) async fn project(
    caller: Manager,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = project_in(&segment)?;
    let project = state.metorial.management.find_project(caller.organization, id);
    Ok(reply(&convert::project_body(&found(project, Prefix::Project, &segment)?)))
}

/// A change of nothing leaves the project as it is.
pub(in super::super) async fn change_project(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let change = body.read(convert::project_change)?;
    let id = project_in(&segment)?;
    let management = &state.metorial.management;
    let project = match change.name {
        Some(name) => management.rename_project(caller.organization, id, name).await?,
        None => management.find_project(caller.organization, id),
    };
    Ok(reply(&convert::project_body(&found(project, Prefix::Project, &segment)?)))
}

pub(in super::super) async fn delete_project(
    caller: Manager,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = project_in(&segment)?;
    let deletion = state.metorial.management.delete_project(caller.organization, id).await?;
    match found(deletion, Prefix::Project, &segment)? {
        ProjectDeletion::Deleted(project) => Ok(reply(&convert::deleted_project_body(&project))),
        ProjectDeletion::NotEmpty => Err(ApiError::bad_request(
            reason::PROJECT_NOT_EMPTY,
            "A project that has instances cannot be deleted",
        )
        .with_hint("Delete its instances first")),
        ProjectDeletion::IsDefault => Err(ApiError::bad_request(
            reason::DEFAULT_PROJECT,
            "The server's first project cannot be deleted",
        )
        .with_hint("It is where environments go that are made without a project")),
    }
}

pub(in super::super) async fn list_instances(
    caller: Manager,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let (filter, request) = query.read(convert::instance_list)?;
    let instances = state.metorial.management.environments(caller.organization, &filter, request);
    let instances = instances.ok_or_else(ApiError::invalid_cursor)?;
    Ok(reply(&List::of(instances, |view| convert::instance_body(&view, caller.version))))
}

pub(in super::super) async fn create_instance(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
) -> Reply {
    let plan = &state.metorial.settings.plan;
    let new = body.read(|fields| convert::new_instance(fields, plan))?;
    let project = ids::wire(Prefix::Project, new.project.0);
    let made = state.metorial.management.create_environment(caller.organization, new).await?;
    let missing = || ApiError::not_found(Prefix::Project.entity(), Some(&project));
    Ok(reply(&convert::instance_body(&made.ok_or_else(missing)?, caller.version)))
}

pub(in super::super) async fn one_instance(
    caller: Manager,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = instance_in(&segment)?;
    let view = state.metorial.management.find_environment(caller.organization, id);
    let view = found(view, Prefix::Instance, &segment)?;
    Ok(reply(&convert::instance_body(&view, caller.version)))
}

/// Another version holds from the next request on. A change of nothing leaves the environment as it
/// is.
pub(in super::super) async fn change_instance(
    caller: Manager,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let change = body.read(convert::instance_change)?;
    let id = instance_in(&segment)?;
    let management = &state.metorial.management;
    let view = match change.name.is_none() && change.api_version.is_none() {
        true => management.find_environment(caller.organization, id),
        false => management.update_environment(caller.organization, id, change).await?,
    };
    let view = found(view, Prefix::Instance, &segment)?;
    Ok(reply(&convert::instance_body(&view, caller.version)))
}

/// Its keys end at once; its content is erased behind the answer.
pub(in super::super) async fn delete_instance(
    caller: Manager,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = instance_in(&segment)?;
    let view = state.metorial.management.delete_environment(caller.organization, id).await?;
    let view = found(view, Prefix::Instance, &segment)?;
    Ok(reply(&convert::deleted_instance_body(&view, caller.version)))
}

fn project_in(segment: &PathSegment) -> Result<ProjectId, ApiError> {
    ids::addressed(Prefix::Project, segment).map(|id| ProjectId(id.0))
}

fn instance_in(segment: &PathSegment) -> Result<TenantId, ApiError> {
    ids::addressed(Prefix::Instance, segment).map(|id| TenantId(id.0))
}
