//! Organizations and their projects: what tenants are grouped by. The directory always holds at
//! least one of each, named `default`, for operators who do not care.

use std::sync::Arc;

use uuid::Uuid;

use super::records::{self, OrganizationRecord, ProjectRecord, Table};
use super::tombstones::Buried;
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::PROJECTS_PER_ORGANIZATION_MAX;
use crate::types::{OrganizationId, ProjectId, TenantId, Timestamp};

/// The name of the organization and of the project that exist from the start.
pub const DEFAULT: &str = "default";

#[derive(Debug, Clone)]
pub struct Organization {
    pub id: OrganizationId,
    /// The operator's label; not unique.
    pub name: Arc<str>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Project {
    pub id: ProjectId,
    pub organization: OrganizationId,
    /// The operator's label; not unique.
    pub name: Arc<str>,
    pub created_at: Timestamp,
    /// When it was last given another name.
    pub updated_at: Timestamp,
}

impl Directory {
    /// Creates an organization. Durable on return.
    ///
    /// # Errors
    /// For a bad name, or when the store fails.
    pub fn create_organization(&self, name: &str) -> Result<Organization, ControlError> {
        let name = super::directory::label("name", name)?;
        let _changing = self.changing();
        let organization = Organization {
            id: OrganizationId(Uuid::now_v7()),
            name: name.into(),
            created_at: self.clock.now(),
        };
        let mut batch = AtomicBatch::new(0);
        put_organization(&mut batch, &organization)?;
        self.commit(&batch)?;
        self.organizations.insert(organization.id, organization.clone());
        Ok(organization)
    }

    /// Creates a project. Durable on return.
    ///
    /// # Errors
    /// For an unknown organization, one that has too many, or a bad name, or when the store fails.
    pub fn create_project(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Project, ControlError> {
        let name = super::directory::label("name", name)?;
        let _changing = self.changing();
        self.get_organization(organization)?;
        if self.projects_of(organization).len() >= PROJECTS_PER_ORGANIZATION_MAX {
            let limit = PROJECTS_PER_ORGANIZATION_MAX;
            return Err(ControlError::TooMany { things: "projects", limit });
        }
        let now = self.clock.now();
        let project = Project {
            id: ProjectId(Uuid::now_v7()),
            organization,
            name: name.into(),
            created_at: now,
            updated_at: now,
        };
        self.keep_project(project)
    }

    /// Gives a project another name. Durable on return.
    ///
    /// # Errors
    /// For an unknown project or a bad name, or when the store fails.
    pub fn rename_project(&self, id: ProjectId, name: &str) -> Result<Project, ControlError> {
        let name = super::directory::label("name", name)?.into();
        let _changing = self.changing();
        let updated_at = self.clock.now();
        self.keep_project(Project { name, updated_at, ..self.get_project(id)? })
    }

    fn keep_project(&self, project: Project) -> Result<Project, ControlError> {
        let mut batch = AtomicBatch::new(0);
        put_project(&mut batch, &project)?;
        self.commit(&batch)?;
        self.projects.insert(project.id, project.clone());
        Ok(project)
    }

    /// Deletes a project that holds no tenant. Durable on return. Looks at every tenant of the
    /// organization, if need be.
    ///
    /// # Errors
    /// For an unknown project, one that holds tenants, and the one where tenants go that name none;
    /// or when the store fails.
    pub fn delete_project(&self, id: ProjectId) -> Result<Project, ControlError> {
        let _changing = self.changing();
        let project = self.get_project(id)?;
        let is_in_it =
            |tenant: &TenantId| self.get_tenant(*tenant).is_ok_and(|tenant| tenant.project == id);
        let tenants = self.tenants_of.get(&project.organization);
        if tenants.is_some_and(|tenants| tenants.iter().any(is_in_it)) {
            return Err(ControlError::ProjectNotEmpty(id));
        }
        if self.found_default()? == id {
            return Err(ControlError::DefaultProject(id));
        }
        let mut batch = AtomicBatch::new(0);
        batch.delete(records::key(Table::Project, id.as_bytes()));
        self.put_tombstone(&mut batch, Buried::Project(id), project.organization)?;
        self.commit(&batch)?;
        self.projects.remove(&id);
        self.show_tombstone(Buried::Project(id), project.organization);
        Ok(project)
    }

    /// # Errors
    /// [`ControlError::UnknownOrganization`].
    pub fn get_organization(&self, id: OrganizationId) -> Result<Organization, ControlError> {
        let found = self.organizations.get(&id).map(|entry| entry.clone());
        found.ok_or(ControlError::UnknownOrganization(id))
    }

    /// # Errors
    /// [`ControlError::UnknownProject`].
    pub fn get_project(&self, id: ProjectId) -> Result<Project, ControlError> {
        let found = self.projects.get(&id).map(|entry| entry.clone());
        found.ok_or(ControlError::UnknownProject(id))
    }

    /// Every organization, oldest first.
    #[must_use]
    pub fn organizations(&self) -> Vec<Organization> {
        let mut all: Vec<_> = self.organizations.iter().map(|entry| entry.clone()).collect();
        all.sort_by_key(|organization| organization.id);
        all
    }

    /// Every project, oldest first.
    #[must_use]
    pub fn projects(&self) -> Vec<Project> {
        let mut all: Vec<_> = self.projects.iter().map(|entry| entry.clone()).collect();
        all.sort_by_key(|project| project.id);
        all
    }

    /// The projects of one organization, oldest first.
    #[must_use]
    pub fn projects_of(&self, organization: OrganizationId) -> Vec<Project> {
        let ours = self.projects.iter().filter(|project| project.organization == organization);
        let mut ours: Vec<_> = ours.map(|entry| entry.clone()).collect();
        ours.sort_by_key(|project| project.id);
        ours
    }

    /// Makes the default organization and project if there is no project yet, and says where
    /// tenants go that name none.
    pub(super) fn found_default(&self) -> Result<ProjectId, ControlError> {
        if let Some(oldest) = self.projects.iter().map(|entry| *entry.key()).min() {
            return Ok(oldest);
        }
        let created_at = self.clock.now();
        let organization =
            Organization { id: OrganizationId(Uuid::now_v7()), name: DEFAULT.into(), created_at };
        let project = Project {
            id: ProjectId(Uuid::now_v7()),
            organization: organization.id,
            name: DEFAULT.into(),
            created_at,
            updated_at: created_at,
        };
        let mut batch = AtomicBatch::new(0);
        put_organization(&mut batch, &organization)?;
        put_project(&mut batch, &project)?;
        self.commit(&batch)?;
        self.organizations.insert(organization.id, organization);
        self.projects.insert(project.id, project.clone());
        Ok(project.id)
    }

    pub(super) fn load_organizations(&self) -> Result<(), ControlError> {
        self.load(Table::Organization, |id: [u8; 16], record: OrganizationRecord| {
            let id = OrganizationId(Uuid::from_bytes(id));
            let created_at = Timestamp::from_micros(record.created_at_us);
            let organization = Organization { id, name: record.name.into(), created_at };
            self.organizations.insert(id, organization);
            Ok(())
        })?;
        self.load(Table::Project, |id: [u8; 16], record: ProjectRecord| {
            let updated_at_us = record.updated_at_us.unwrap_or(record.created_at_us);
            let project = Project {
                id: ProjectId(Uuid::from_bytes(id)),
                organization: OrganizationId(Uuid::from_bytes(record.organization)),
                name: record.name.into(),
                created_at: Timestamp::from_micros(record.created_at_us),
                updated_at: Timestamp::from_micros(updated_at_us),
            };
            self.projects.insert(project.id, project);
            Ok(())
        })
    }
}

fn put_organization(
    batch: &mut AtomicBatch,
    organization: &Organization,
) -> Result<(), ControlError> {
    let record = OrganizationRecord {
        name: organization.name.to_string(),
        created_at_us: organization.created_at.as_micros(),
    };
    let key = records::key(Table::Organization, organization.id.as_bytes());
    batch.put(key, encode(&record)?);
    Ok(())
}

fn put_project(batch: &mut AtomicBatch, project: &Project) -> Result<(), ControlError> {
    let record = ProjectRecord {
        organization: *project.organization.as_bytes(),
        name: project.name.to_string(),
        created_at_us: project.created_at.as_micros(),
        updated_at_us: Some(project.updated_at.as_micros()),
    };
    batch.put(records::key(Table::Project, project.id.as_bytes()), encode(&record)?);
    Ok(())
}
