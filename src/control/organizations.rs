//! Organizations and their projects: what tenants are grouped by. The directory always holds at
//! least one of each, named `default`, for operators who do not care.

use std::sync::Arc;

use uuid::Uuid;

use super::records::{self, OrganizationRecord, ProjectRecord, Table};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::{OrganizationId, ProjectId, Timestamp};

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
    /// For an unknown organization or a bad name, or when the store fails.
    pub fn create_project(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Project, ControlError> {
        let name = super::directory::label("name", name)?;
        let _changing = self.changing();
        self.get_organization(organization)?;
        let project = Project {
            id: ProjectId(Uuid::now_v7()),
            organization,
            name: name.into(),
            created_at: self.clock.now(),
        };
        let mut batch = AtomicBatch::new(0);
        put_project(&mut batch, &project)?;
        self.commit(&batch)?;
        self.projects.insert(project.id, project.clone());
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
            let project = Project {
                id: ProjectId(Uuid::from_bytes(id)),
                organization: OrganizationId(Uuid::from_bytes(record.organization)),
                name: record.name.into(),
                created_at: Timestamp::from_micros(record.created_at_us),
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
    };
    batch.put(records::key(Table::Project, project.id.as_bytes()), encode(&record)?);
    Ok(())
}
