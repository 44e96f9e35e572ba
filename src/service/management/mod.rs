//! What the holder of a management key may do: look after the projects, environments and keys of
//! one organization. What belongs to another organization is as if it did not exist. An
//! environment is a tenant; other tenants of the organization's projects are environments too.
//! Changes are durable on return and made off the async threads.

mod environments;
mod keys;
mod lists;

use std::sync::Arc;

pub use environments::{EnvironmentFilter, EnvironmentUpdate, EnvironmentView, NewEnvironment};
pub use keys::{IssuedKeyView, KeyFilter, KeyOwners, KeyView, NewManagedKey, NoKeys};
pub use lists::ListFilter;

use self::lists::Listed;
use super::{Page, PageRequest, ServiceError, change};
use crate::actors::Registry;
use crate::actors::tenant::data::page;
use crate::control::organizations::{Organization, Project};
use crate::control::{ControlError, Directory};
use crate::types::{Clock, ErrorKind, OrganizationId, ProjectId};

/// What became of a project that was to be deleted.
#[derive(Debug, Clone)]
pub enum ProjectDeletion {
    /// As it was.
    Deleted(Project),
    /// It holds environments.
    NotEmpty,
    /// It is where tenants go that name no project.
    IsDefault,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct ManagementService {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
}

impl ManagementService {
    #[must_use]
    pub fn new(registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Self {
        Self { registry, clock }
    }

    fn directory(&self) -> &Arc<Directory> {
        self.registry.directory()
    }

    #[must_use]
    pub fn find_organization(&self, id: OrganizationId) -> Option<Organization> {
        self.directory().get_organization(id).ok()
    }

    /// `None` for a place that is in no list of the organization's projects.
    #[must_use]
    pub fn projects(
        &self,
        organization: OrganizationId,
        filter: &ListFilter<ProjectId>,
        request: PageRequest<ProjectId>,
    ) -> Option<Page<Project>> {
        let directory = self.directory();
        let request =
            request.resolve(|id| directory.knew_project(organization, id).then_some(id))?;
        let projects = directory.projects_of(organization).into_iter();
        let shown = projects
            .filter(|project| filter.admits(project.id, project.created_at, project.updated_at));
        let listed: Listed<_, _> = shown.map(|project| (project.id, project)).collect();
        Some(page(&listed, &request))
    }

    #[must_use]
    pub fn find_project(&self, organization: OrganizationId, id: ProjectId) -> Option<Project> {
        let project = self.directory().get_project(id).ok()?;
        (project.organization == organization).then_some(project)
    }

    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name, [`ErrorKind::Conflict`] when there are too many.
    pub async fn create_project(
        &self,
        organization: OrganizationId,
        name: String,
    ) -> Result<Project, ServiceError> {
        change(&self.registry, move |directory| directory.create_project(organization, &name)).await
    }

    /// `None` for a project that is not the organization's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name.
    pub async fn rename_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        name: String,
    ) -> Result<Option<Project>, ServiceError> {
        if self.find_project(organization, id).is_none() {
            return Ok(None);
        }
        let renamed = change(&self.registry, move |directory| directory.rename_project(id, &name));
        unless_gone(renamed.await)
    }

    /// `None` for a project that is not the organization's.
    ///
    /// # Errors
    /// When the directory cannot write.
    pub async fn delete_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
    ) -> Result<Option<ProjectDeletion>, ServiceError> {
        if self.find_project(organization, id).is_none() {
            return Ok(None);
        }
        let deletion = change(&self.registry, move |directory| {
            Ok(match directory.delete_project(id) {
                Ok(project) => ProjectDeletion::Deleted(project),
                Err(ControlError::ProjectNotEmpty(_)) => ProjectDeletion::NotEmpty,
                Err(ControlError::DefaultProject(_)) => ProjectDeletion::IsDefault,
                Err(error) => return Err(error),
            })
        });
        unless_gone(deletion.await)
    }
}

/// What was there when it was looked up may be gone when it is changed.
fn unless_gone<T>(changed: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match changed {
        Ok(changed) => Ok(Some(changed)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
