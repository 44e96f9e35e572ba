//! The environments of an organization: the tenants of its projects.

use std::iter::successors;
use std::ops::Bound;

use super::super::tenants;
use super::super::{Page, PageRequest, ServiceError, TenantOrder, change};
use super::lists::{ListFilter, Listed};
use super::{ManagementService, unless_gone};
use crate::actors::tenant::data::{Walk, page};
use crate::control::Directory;
use crate::control::environments::{ApiVersion, Environment};
use crate::control::organizations::{Organization, Project};
use crate::control::tenants::{Tenant, TenantUpdate};
use crate::types::{OrganizationId, ProjectId, TenantId};

/// An environment and what it belongs to.
#[derive(Debug, Clone)]
pub struct EnvironmentView {
    pub tenant: Tenant,
    pub project: Project,
    pub organization: Organization,
}

/// An environment to be made.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    pub name: String,
    pub project: ProjectId,
    pub plan: String,
    pub environment: Environment,
}

/// What is to be said of an environment from now on; `None` for what stays as it is.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentUpdate {
    pub name: Option<String>,
    pub api_version: Option<ApiVersion>,
}

#[derive(Debug, Clone, Default)]
pub struct EnvironmentFilter {
    pub list: ListFilter<TenantId>,
    /// `None` lets those of every project through, an empty list none.
    pub projects: Option<Vec<ProjectId>>,
}

impl EnvironmentFilter {
    fn admits(&self, tenant: &Tenant) -> bool {
        self.list.admits(tenant.id, tenant.created_at, tenant.updated_at)
            && self.projects.as_ref().is_none_or(|projects| projects.contains(&tenant.project))
    }
}

impl ManagementService {
    /// An environment and what it belongs to, for whoever acts for it.
    #[must_use]
    pub fn describe(&self, id: TenantId) -> Option<EnvironmentView> {
        let directory = self.directory();
        let tenant = directory.get_tenant(id).ok()?;
        let project = directory.get_project(tenant.project).ok()?;
        let organization = directory.get_organization(project.organization).ok()?;
        Some(EnvironmentView { tenant, project, organization })
    }

    /// `None` for a place that is in no list of the organization's environments.
    #[must_use]
    pub fn environments(
        &self,
        organization: OrganizationId,
        filter: &EnvironmentFilter,
        request: PageRequest<TenantId>,
    ) -> Option<Page<EnvironmentView>> {
        let directory = self.directory();
        let request =
            request.resolve(|id| directory.knew_tenant(organization, id).then_some(id))?;
        let tenants = match &filter.list.ids {
            Some(ids) => {
                let found = ids.iter().filter_map(|id| self.find_environment(organization, *id));
                let shown = found.map(|found| found.tenant).filter(|found| filter.admits(found));
                let listed: Listed<_, _> = shown.map(|tenant| (tenant.id, tenant)).collect();
                page(&listed, &request)
            }
            None => page(&Environments { directory, organization, filter }, &request),
        };
        // One that is deleted at this moment has no description any more.
        let Page { items, has_more_before, has_more_after } = tenants;
        let items = items.into_iter().filter_map(|tenant| self.describe(tenant.id)).collect();
        Some(Page { items, has_more_before, has_more_after })
    }

    #[must_use]
    pub fn find_environment(
        &self,
        organization: OrganizationId,
        id: TenantId,
    ) -> Option<EnvironmentView> {
        self.describe(id).filter(|found| found.organization.id == organization)
    }

    /// Makes an environment on the shard that placement chooses. `None` for a project that is not
    /// the organization's.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::types::ErrorKind::InvalidInput) for a bad name or an unknown plan,
    /// [`Unavailable`](crate::types::ErrorKind::Unavailable) when no shard takes new tenants.
    pub async fn create_environment(
        &self,
        organization: OrganizationId,
        new: NewEnvironment,
    ) -> Result<Option<EnvironmentView>, ServiceError> {
        if self.find_project(organization, new.project).is_none() {
            return Ok(None);
        }
        let NewEnvironment { name, project, plan, environment } = new;
        let order = TenantOrder { name, plan, project: Some(project), shard: None, environment };
        let created = unless_gone(tenants::create(&self.registry, order).await)?;
        Ok(created.and_then(|tenant| self.describe(tenant.id)))
    }

    /// Another version holds from the next request on. `None` for an environment that is not the
    /// organization's.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::types::ErrorKind::InvalidInput) for a bad name.
    pub async fn update_environment(
        &self,
        organization: OrganizationId,
        id: TenantId,
        update: EnvironmentUpdate,
    ) -> Result<Option<EnvironmentView>, ServiceError> {
        if self.find_environment(organization, id).is_none() {
            return Ok(None);
        }
        let updated = change(&self.registry, move |directory| {
            let EnvironmentUpdate { name, api_version } = update;
            directory.update_tenant(id, &TenantUpdate { name: name.as_deref(), api_version })
        });
        Ok(unless_gone(updated.await)?.and_then(|tenant| self.describe(tenant.id)))
    }

    /// Ends an environment's keys at once and has its content erased, which goes on by itself.
    /// The environment as it was; `None` for one that is not the organization's.
    ///
    /// # Errors
    /// When the directory cannot write.
    pub async fn delete_environment(
        &self,
        organization: OrganizationId,
        id: TenantId,
    ) -> Result<Option<EnvironmentView>, ServiceError> {
        let Some(found) = self.find_environment(organization, id) else { return Ok(None) };
        let deleted = self.registry.delete_tenant(id).await;
        let deleted = deleted.map_err(|error| ServiceError::from_actor(&error));
        Ok(unless_gone(deleted)?.map(|()| found))
    }
}

/// The tenants of an organization as far as they pass the filter.
struct Environments<'a> {
    directory: &'a Directory,
    organization: OrganizationId,
    filter: &'a EnvironmentFilter,
}

impl Walk<TenantId> for Environments<'_> {
    type Item = Tenant;

    fn upwards(&self, from: Bound<&TenantId>) -> impl Iterator<Item = Tenant> {
        let first = self.directory.tenant_from(self.organization, from);
        let walk = successors(first, |tenant| {
            self.directory.tenant_from(self.organization, Bound::Excluded(&tenant.id))
        });
        walk.filter(|tenant| self.filter.admits(tenant))
    }

    fn downwards(&self, to: Bound<&TenantId>) -> impl Iterator<Item = Tenant> {
        let last = self.directory.tenant_up_to(self.organization, to);
        let walk = successors(last, |tenant| {
            self.directory.tenant_up_to(self.organization, Bound::Excluded(&tenant.id))
        });
        walk.filter(|tenant| self.filter.admits(tenant))
    }
}
