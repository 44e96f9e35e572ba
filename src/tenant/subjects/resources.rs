//! Resources: what came in for a subject, kept as it came, and the job that draws facts from it.

use std::mem::size_of;

use uuid::Uuid;

use super::known::{KnownResource, importance_from};
use crate::engine::atom::Metadata;
use crate::engine::jobs::{JobState, Lease, NewJob};
use crate::engine::ontology::Ontology;
use crate::engine::resources::{ResourceKind, ResourceState, SuggestedEntity};
use crate::engine::subjects::{NewEvent, NewResource, ResourceContent, ResourceStatus};
use crate::storage::keys::{self, Kind};
use crate::storage::records::{EventRecord, ResourceContentRecord, ResourceRecord};
use crate::storage::{AtomicBatch, decode, encode};
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::{JobNo, Timestamp};

/// What the jobs are called. Stored with them.
pub const DISTIL_KIND: &str = "distil";

/// Seconds that one resource is expected to take, waiting not counted.
const SECONDS_EACH: f64 = 0.05;

/// Why a resource whose job was given up has failed.
const GIVEN_UP: &str = "the server could not read it; send it again";

/// What a job is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistilOrder {
    pub resource: Uuid,
}

/// What there is to do.
#[derive(Debug, Clone)]
pub struct DistilTask {
    pub subject: String,
    pub content: ResourceContent,
    pub received_at: Timestamp,
    pub ontology: std::sync::Arc<Ontology>,
}

impl DistilOrder {
    fn into_job(self) -> NewJob {
        NewJob::new(DISTIL_KIND, self.resource.as_bytes().to_vec())
    }

    /// `None` for another payload.
    #[must_use]
    pub fn from_payload(payload: &[u8]) -> Option<Self> {
        let bytes: [u8; size_of::<Uuid>()] = payload.try_into().ok()?;
        Some(Self { resource: Uuid::from_bytes(bytes) })
    }
}

impl Tenant {
    /// Takes something for a subject, with the job that draws facts from it. A delivery that was taken
    /// before answers with what it became. Nothing else is done with it here.
    ///
    /// # Errors
    /// [`TenantError::JobLimit`]; nothing has changed then. When the tenant cannot write.
    pub fn take_resource(
        &mut self,
        pending: &mut Pending,
        subject: &str,
        content: &ResourceContent,
    ) -> Result<Uuid, TenantError> {
        self.check_before(pending)?;
        let delivery = delivery_of(content);
        let taken = delivery.and_then(|(source, id)| self.taken_delivery(source, id));
        if let Some(resource) = taken {
            return Ok(resource);
        }
        let id = Uuid::from_u128(rand::RngExt::random(&mut self.rng));
        // The job comes first: a refusal then harms nothing.
        let job = self.enqueue(pending, DistilOrder { resource: id }.into_job())?.job;
        self.uncommitted = true;
        let known = KnownResource {
            subject_no: self.subject_for(pending, subject)?,
            kind: content.kind(),
            state: ResourceState::Queued,
            job,
            facts_extracted: 0,
            facts_written: 0,
            received_at: self.clock.now(),
            completed_at: None,
            failure: None,
        };
        self.put_resource(&mut pending.batch, id, &known)?;
        let record = encode(&content_record(content))?;
        pending.batch.put(self.resource_key(Kind::ResourceContent, id), record);
        if let Some(delivery) = delivery {
            self.take_delivery(pending, delivery, id)?;
        }
        self.subjects.insert_resource(id, known);
        Ok(id)
    }

    /// How far a resource has come; `None` for an unknown or a forgotten one.
    #[must_use]
    pub fn resource_status(&self, id: Uuid) -> Option<ResourceStatus> {
        let known = self.subjects.resources.get(&id)?;
        let mut status = ResourceStatus {
            id,
            kind: known.kind,
            state: known.state,
            facts_extracted: known.facts_extracted,
            facts_written: known.facts_written,
            error: known.failure.clone(),
            started_at: known.received_at,
            completed_at: known.completed_at,
            remaining_s: None,
        };
        if matches!(known.state, ResourceState::Completed | ResourceState::Failed) {
            return Some(status);
        }
        match self.find_job(known.job).map(|job| job.state) {
            Some(JobState::Waiting { .. } | JobState::Running { .. }) => {
                status.remaining_s = Some(SECONDS_EACH * self.waiting_with(known));
            }
            Some(JobState::Dead { .. }) | None => {
                status.state = ResourceState::Failed;
                status.error = Some(GIVEN_UP.to_owned());
            }
        }
        Some(status)
    }

    /// Seconds that a resource which is taken now is expected to take.
    #[must_use]
    pub fn expected_seconds(&self) -> f64 {
        SECONDS_EACH * self.unfinished_jobs()
    }

    #[allow(clippy::cast_precision_loss, reason = "jobs are few")]
    fn unfinished_jobs(&self) -> f64 {
        let jobs = self.jobs_overview();
        ((jobs.waiting + jobs.running) as f64).max(1.0)
    }

    fn waiting_with(&self, known: &KnownResource) -> f64 {
        match known.state {
            ResourceState::Queued => self.unfinished_jobs(),
            _ => 1.0,
        }
    }

    /// What a job has to do; `None` when its resource is gone.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn distil_task(&self, order: DistilOrder) -> Result<Option<DistilTask>, TenantError> {
        self.check_usable()?;
        let Some(known) = self.subjects.resources.get(&order.resource) else { return Ok(None) };
        let subject = self.subjects.all.get(&known.subject_no);
        let subject = subject.ok_or_else(|| damaged("a resource's subject"))?;
        let key = self.resource_key(Kind::ResourceContent, order.resource);
        let bytes = self.commit.store().get(&key)?;
        let bytes = bytes.ok_or_else(|| damaged("a resource's content"))?;
        let record = decode::<ResourceContentRecord>(&bytes)?;
        Ok(Some(DistilTask {
            subject: subject.name.clone(),
            content: content_from(record, known.kind),
            received_at: known.received_at,
            ontology: self.ontology(),
        }))
    }

    /// Notes how far a resource has come; it never goes back. Durable a moment later.
    ///
    /// # Errors
    /// [`TenantError::StaleLease`], or when storage cannot write.
    pub fn note_distilling(
        &mut self,
        lease: &Lease,
        order: DistilOrder,
        state: ResourceState,
        facts_extracted: u32,
    ) -> Result<(), TenantError> {
        self.check_usable()?;
        self.check_lease(lease)?;
        let Some(known) = self.subjects.resources.get(&order.resource) else {
            return Err(TenantError::StaleLease(lease.job));
        };
        let mut known = known.clone();
        known.state = known.state.max(state);
        known.facts_extracted = known.facts_extracted.max(facts_extracted);
        let mut batch = AtomicBatch::new(self.epoch);
        self.put_resource(&mut batch, order.resource, &known)?;
        self.commit.apply(&batch)?;
        self.subjects.insert_resource(order.resource, known);
        drop(self.ticket());
        Ok(())
    }

    /// Writes that a resource is completed, with as many facts.
    pub(super) fn complete_resource(
        &mut self,
        pending: &mut Pending,
        id: Uuid,
        (extracted, written): (u32, u32),
    ) -> Result<(), TenantError> {
        let known = self.subjects.resources.get(&id);
        let mut known = known.ok_or_else(|| damaged("a resource"))?.clone();
        known.state = ResourceState::Completed;
        known.completed_at = Some(self.clock.now().max(known.received_at));
        known.facts_extracted = extracted;
        known.facts_written = written;
        self.put_resource(&mut pending.batch, id, &known)?;
        self.subjects.insert_resource(id, known);
        Ok(())
    }

    /// Writes that nothing can be drawn from a resource, and why.
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn fail_resource(
        &mut self,
        pending: &mut Pending,
        order: DistilOrder,
        reason: &str,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        let Some(known) = self.subjects.resources.get(&order.resource) else { return Ok(()) };
        let mut known = known.clone();
        self.uncommitted = true;
        known.state = ResourceState::Failed;
        known.completed_at = Some(self.clock.now().max(known.received_at));
        known.failure = Some(reason.to_owned());
        self.put_resource(&mut pending.batch, order.resource, &known)?;
        self.subjects.insert_resource(order.resource, known);
        Ok(())
    }

    /// Deletes a resource with its content and its job.
    pub(super) fn forget_resource(
        &mut self,
        pending: &mut Pending,
        id: Uuid,
    ) -> Result<(), TenantError> {
        self.check_before(pending)?;
        let Some(known) = self.subjects.resources.get(&id) else { return Ok(()) };
        self.withdraw(pending, known.job)?;
        self.uncommitted = true;
        self.subjects.remove_resource(id);
        for kind in [Kind::Resource, Kind::ResourceContent] {
            pending.batch.delete(self.resource_key(kind, id));
        }
        Ok(())
    }

    fn put_resource(
        &self,
        batch: &mut AtomicBatch,
        id: Uuid,
        known: &KnownResource,
    ) -> Result<(), TenantError> {
        let record = ResourceRecord {
            subject_no: known.subject_no,
            kind: known.kind.as_str().to_owned(),
            state: known.state.as_str().to_owned(),
            job_no: known.job.0,
            facts_extracted: known.facts_extracted,
            facts_written: known.facts_written,
            received_at_us: known.received_at.as_micros(),
            completed_at_us: known.completed_at.map(Timestamp::as_micros),
            failure: known.failure.clone(),
        };
        batch.put(self.resource_key(Kind::Resource, id), encode(&record)?);
        Ok(())
    }

    fn resource_key(&self, kind: Kind, id: Uuid) -> Vec<u8> {
        keys::by_print(self.no, kind, id.as_bytes())
    }
}

/// `None` for a record that another version wrote.
pub(super) fn from_record(record: &ResourceRecord) -> Option<KnownResource> {
    Some(KnownResource {
        subject_no: record.subject_no,
        kind: ResourceKind::find(&record.kind)?,
        state: ResourceState::find(&record.state)?,
        job: JobNo(record.job_no),
        facts_extracted: record.facts_extracted,
        facts_written: record.facts_written,
        received_at: Timestamp::from_micros(record.received_at_us),
        completed_at: record.completed_at_us.map(Timestamp::from_micros),
        failure: record.failure.clone(),
    })
}

/// Source and id of what a provider delivered.
fn delivery_of(content: &ResourceContent) -> Option<(&str, &str)> {
    match content {
        ResourceContent::Text(_) => None,
        ResourceContent::Event(event) => Some((event.source.as_str(), event.delivery.as_deref()?)),
    }
}

fn content_record(content: &ResourceContent) -> ResourceContentRecord {
    match content {
        ResourceContent::Text(new) => ResourceContentRecord {
            content: new.content.clone(),
            thread: new.thread.clone(),
            metadata: new.metadata.as_json().to_owned(),
            event: None,
        },
        ResourceContent::Event(event) => {
            let entities = event.entities.iter();
            let entities = entities.map(|it| (it.name.clone(), it.entity_type.clone()));
            ResourceContentRecord {
                content: event.data.clone(),
                thread: None,
                metadata: Metadata::default().as_json().to_owned(),
                event: Some(EventRecord {
                    event_type: event.event_type.clone(),
                    source: event.source.clone(),
                    occurred_at_us: event.occurred_at.as_micros(),
                    category: event.category.clone(),
                    entities: entities.collect(),
                    importance: event.importance.as_str().to_owned(),
                }),
            }
        }
    }
}

fn content_from(record: ResourceContentRecord, kind: ResourceKind) -> ResourceContent {
    let Some(event) = record.event else {
        return ResourceContent::Text(NewResource {
            kind,
            content: record.content,
            thread: record.thread,
            metadata: Metadata::from_checked(record.metadata),
        });
    };
    let entities = event.entities.into_iter();
    let entities = entities.map(|(name, entity_type)| SuggestedEntity { name, entity_type });
    ResourceContent::Event(NewEvent {
        kind,
        event_type: event.event_type,
        source: event.source,
        occurred_at: Timestamp::from_micros(event.occurred_at_us),
        data: record.content,
        category: event.category,
        entities: entities.collect(),
        importance: importance_from(&event.importance),
        delivery: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_comes_back_from_its_job() {
        let order = DistilOrder { resource: Uuid::from_u128(7) };
        assert_eq!(DistilOrder::from_payload(&order.into_job().payload), Some(order));
        assert_eq!(DistilOrder::from_payload(&[1; 15]), None);
    }
}
