//! Which projects and tenants there were: whoever walks a list of them may stand at one that was
//! deleted meanwhile. Nothing of it is kept but the id and whose it was.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use super::records::{self, Table, TombstoneRecord};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::DIRECTORY_TOMBSTONES_MAX;
use crate::types::{OrganizationId, ProjectId, TenantId, Timestamp};

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buried {
    Project(ProjectId),
    Tenant(TenantId),
}

impl Buried {
    fn uuid(self) -> Uuid {
        match self {
            Self::Project(ProjectId(id)) | Self::Tenant(TenantId(id)) => id,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Tombstones {
    known: BTreeMap<Uuid, (Buried, OrganizationId)>,
    /// The oldest first.
    order: VecDeque<Uuid>,
}

impl Tombstones {
    fn show(&mut self, buried: Buried, organization: OrganizationId) {
        let id = buried.uuid();
        if self.known.insert(id, (buried, organization)).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > DIRECTORY_TOMBSTONES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

impl Directory {
    /// Adds a tombstone to a batch, for a caller that is making a change; the oldest makes room.
    pub(super) fn put_tombstone(
        &self,
        batch: &mut AtomicBatch,
        buried: Buried,
        organization: OrganizationId,
    ) -> Result<(), ControlError> {
        let record = TombstoneRecord {
            is_tenant: matches!(buried, Buried::Tenant(_)),
            organization: *organization.as_bytes(),
            deleted_at_us: self.clock.now().as_micros(),
        };
        batch.put(records::key(Table::Tombstone, buried.uuid().as_bytes()), encode(&record)?);
        let tombstones = self.tombstones();
        if tombstones.order.len() >= DIRECTORY_TOMBSTONES_MAX
            && let Some(oldest) = tombstones.order.front()
        {
            batch.delete(records::key(Table::Tombstone, oldest.as_bytes()));
        }
        Ok(())
    }

    /// Shows a tombstone whose batch is durable.
    pub(super) fn show_tombstone(&self, buried: Buried, organization: OrganizationId) {
        self.tombstones().show(buried, organization);
    }

    /// Whether the organization has or had this project, as far back as it is known.
    #[must_use]
    pub fn knew_project(&self, organization: OrganizationId, id: ProjectId) -> bool {
        match self.get_project(id) {
            Ok(project) => project.organization == organization,
            Err(_) => self.is_buried(Buried::Project(id), organization),
        }
    }

    /// Whether the organization has or had this tenant, as far back as it is known.
    #[must_use]
    pub fn knew_tenant(&self, organization: OrganizationId, id: TenantId) -> bool {
        match self.get_tenant(id) {
            Ok(tenant) => self.organization_of(&tenant) == Some(organization),
            Err(_) => self.is_buried(Buried::Tenant(id), organization),
        }
    }

    fn is_buried(&self, buried: Buried, organization: OrganizationId) -> bool {
        self.tombstones().known.get(&buried.uuid()) == Some(&(buried, organization))
    }

    pub(super) fn load_tombstones(&self) -> Result<(), ControlError> {
        let mut found = Vec::new();
        self.load(Table::Tombstone, |id: [u8; 16], record: TombstoneRecord| {
            let id = Uuid::from_bytes(id);
            let buried = match record.is_tenant {
                true => Buried::Tenant(TenantId(id)),
                false => Buried::Project(ProjectId(id)),
            };
            let deleted_at = Timestamp::from_micros(record.deleted_at_us);
            let organization = OrganizationId(Uuid::from_bytes(record.organization));
            found.push((deleted_at, id, buried, organization));
            Ok(())
        })?;
        found.sort_unstable_by_key(|(deleted_at, id, ..)| (*deleted_at, *id));
        for (_, _, buried, organization) in found {
            self.show_tombstone(buried, organization);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_deleted_is_known_to_its_organization_and_as_what_it_was() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        let ours = directory.organizations()[0].id;
        let theirs = directory.create_organization("theirs").unwrap().id;
        let project = directory.create_project(ours, "gone").unwrap().id;
        let tenant = fixture.tenant();
        directory.delete_project(project).unwrap();
        directory.delete_tenant(tenant).unwrap();
        for leftover in directory.leftovers() {
            directory.forget_leftover(&leftover).unwrap();
        }
        for directory in [directory, &fixture.after_power_cut().directory] {
            assert!(directory.knew_project(ours, project) && directory.knew_tenant(ours, tenant));
            assert!(!directory.knew_project(theirs, project));
            assert!(!directory.knew_tenant(theirs, tenant));
            assert!(!directory.knew_project(ours, ProjectId(tenant.0)));
            assert!(!directory.knew_tenant(ours, TenantId(project.0)));
            assert!(!directory.knew_tenant(ours, TenantId(Uuid::now_v7())));
        }
    }

    #[test]
    fn the_oldest_make_room_also_on_disk() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        let ours = directory.organizations()[0].id;
        let bury = |id| {
            let mut batch = AtomicBatch::new(0);
            directory.put_tombstone(&mut batch, Buried::Project(id), ours).unwrap();
            directory.commit(&batch).unwrap();
            directory.show_tombstone(Buried::Project(id), ours);
        };
        let ids: Vec<_> =
            (0..=DIRECTORY_TOMBSTONES_MAX).map(|_| ProjectId(Uuid::now_v7())).collect();
        for id in &ids {
            fixture.clock.advance(Duration::from_millis(1));
            bury(*id);
        }
        for directory in [directory, &fixture.after_power_cut().directory] {
            assert_eq!(directory.tombstones().known.len(), DIRECTORY_TOMBSTONES_MAX);
            assert!(!directory.knew_project(ours, ids[0]) && directory.knew_project(ours, ids[1]));
        }
        assert!(!fixture.stores(ids[0].as_bytes()) && fixture.stores(ids[1].as_bytes()));
    }
}
