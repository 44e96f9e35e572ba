//! Subjects: taking what comes in for one, asking what is known of one, and forgetting one.

use std::sync::Arc;

use futures_util::future::{FutureExt, ready};
use uuid::Uuid;

use super::data::{
    CategoryView, Entities, EntityDetail, EntityPage, FactQuery, Forgotten, OntologyProblem,
    ResourceContent, ResourceState, ResourceStatus, Retrieved,
};
use super::retrieve::QueryAllowance;
use super::{Answer, Done, TenantCell, TenantCommand, apply_all, shown};
use crate::engine::jobs::Lease;
use crate::tenant::{DistilOrder, DistilTask, Tenant, TenantError};
use crate::types::QueryEmbedding;

/// Takes something for a subject, and sees to it that facts are drawn from it. Replies with its id and
/// the seconds that this may take; it is durable then.
#[derive(Debug)]
pub struct TakeResource {
    pub subject: String,
    pub content: ResourceContent,
}

impl TenantCommand for TakeResource {
    type Reply = (Uuid, f64);

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let mut pending = tenant.borrow().begin(None);
            let taken =
                tenant.borrow_mut().take_resource(&mut pending, &self.subject, &self.content);
            let id = taken?;
            apply_all(&tenant, pending).await?;
            let tenant = tenant.borrow();
            Ok(Done { reply: (id, tenant.expected_seconds()), ticket: tenant.ticket() })
        }
        .boxed_local()
    }
}

/// How far a resource has come; `None` for an unknown one.
#[derive(Debug)]
pub struct FindResource {
    pub id: Uuid,
}

impl TenantCommand for FindResource {
    type Reply = Option<ResourceStatus>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(shown(&tenant, |tenant| tenant.resource_status(self.id))).boxed_local()
    }
}

/// Asks what is known of a subject.
#[derive(Debug)]
pub struct RetrieveFacts {
    pub subject: String,
    pub query: FactQuery,
    pub embedding: QueryEmbedding,
    /// `None`: not counted.
    pub spend: Option<QueryAllowance>,
}

impl TenantCommand for RetrieveFacts {
    type Reply = Retrieved;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let mut answer = || {
            if let Some(spend) = self.spend {
                tenant.spend_queries(spend.queries, spend.per_day)?;
            }
            tenant.retrieve_facts(&self.subject, &self.query, &self.embedding).map(Done::read)
        };
        ready(answer()).boxed_local()
    }
}

/// The categories of a subject, with what they come to.
#[derive(Debug)]
pub struct ListCategories {
    pub subject: String,
}

impl TenantCommand for ListCategories {
    type Reply = Vec<CategoryView>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(tenant.borrow_mut().categories_of(&self.subject).map(Done::read)).boxed_local()
    }
}

/// A page of a subject's entities.
#[derive(Debug)]
pub struct ListEntities {
    pub subject: String,
    pub page: EntityPage,
}

impl TenantCommand for ListEntities {
    type Reply = Entities;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let listed = tenant.borrow().list_entities(&self.subject, &self.page);
        ready(Ok(Done::read(listed))).boxed_local()
    }
}

/// One entity, or `None` where no fact names it.
#[derive(Debug)]
pub struct FindEntity {
    pub subject: String,
    pub name: String,
}

impl TenantCommand for FindEntity {
    type Reply = Option<EntityDetail>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let found = tenant.borrow().find_entity(&self.subject, &self.name);
        ready(found.map(Done::read)).boxed_local()
    }
}

/// Forgets a subject, or one category of it. Replies with what is gone; `None` for an unknown
/// subject.
#[derive(Debug)]
pub struct ForgetSubject {
    pub subject: String,
    pub category: Option<String>,
}

impl TenantCommand for ForgetSubject {
    type Reply = Option<Forgotten>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let forgotten = forget(&tenant, &self.subject, self.category.as_deref()).await?;
            let ticket = tenant.borrow().ticket();
            Ok(Done { reply: forgotten, ticket })
        }
        .boxed_local()
    }
}

/// First what came in, then the facts in slices. Durable when a ticket taken afterwards is.
pub(super) async fn forget(
    tenant: &TenantCell,
    subject: &str,
    category: Option<&str>,
) -> Result<Option<Forgotten>, TenantError> {
    let planned = tenant.borrow_mut().plan_forgetting(subject, category)?;
    let Some(mut forgetting) = planned else { return Ok(None) };
    let mut pending = tenant.borrow().begin(None);
    tenant.borrow_mut().forget_sources(&mut pending, &mut forgetting)?;
    apply_all(tenant, pending).await?;
    loop {
        let mut pending = tenant.borrow().begin(None);
        let more = tenant.borrow_mut().forget_facts(&mut pending, &mut forgetting)?;
        apply_all(tenant, pending).await?;
        if !more {
            break;
        }
        tokio::task::yield_now().await;
    }
    tenant.borrow_mut().finish_forgetting(forgetting).map(Some)
}

/// The app's domain configuration as it came, if it has one.
#[derive(Debug)]
pub struct FindOntology;

impl TenantCommand for FindOntology {
    type Reply = Option<String>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(shown(&tenant, Tenant::ontology_json)).boxed_local()
    }
}

/// Replaces the app's domain configuration. Replies with what is wrong with it, if anything is:
/// nothing has changed then.
#[derive(Debug)]
pub struct SetOntology {
    pub json: String,
}

impl TenantCommand for SetOntology {
    type Reply = Result<(), OntologyProblem>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let mut pending = tenant.borrow().begin(None);
            let set = tenant.borrow_mut().set_ontology(&mut pending, self.json)?;
            if set.is_ok() {
                apply_all(&tenant, pending).await?;
            }
            Ok(Done { reply: set, ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

/// What a distilling job has to do; `None` when its resource is gone. No use of the tenant, as is
/// all that such a job asks.
#[derive(Debug)]
pub struct FindDistilTask {
    pub order: DistilOrder,
}

impl TenantCommand for FindDistilTask {
    type Reply = Option<Arc<DistilTask>>;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let found = tenant.borrow().distil_task(self.order);
        ready(found.map(|task| Done::read(task.map(Arc::new)))).boxed_local()
    }
}

/// Notes how far a distilling job has come. The reply does not wait for a flush.
#[derive(Debug)]
pub struct NoteDistilling {
    pub lease: Lease,
    pub order: DistilOrder,
    pub state: ResourceState,
    pub facts_extracted: u32,
}

impl TenantCommand for NoteDistilling {
    type Reply = ();
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let Self { lease, order, state, facts_extracted } = self;
        let noted = tenant.borrow_mut().note_distilling(&lease, order, state, facts_extracted);
        ready(noted.map(Done::read)).boxed_local()
    }
}
