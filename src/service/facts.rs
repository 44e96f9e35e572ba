//! Facts of an app's users: what comes in is remembered in the background, and asked after.

use uuid::Uuid;

use super::{
    CategoryView, Entities, EntityDetail, EntityPage, FactQuery, Forgotten, MemoryService,
    NewEvent, NewResource, OntologyProblem, ResourceStatus, Retrieved, Scope, ServiceError,
};
use crate::actors::tenant::data::{ResourceContent, asked_part, query_words};
use crate::actors::tenant::retrieve::QueryAllowance;
use crate::actors::tenant::subjects::{
    FindEntity, FindOntology, FindResource, ForgetSubject, ListCategories, ListEntities,
    RetrieveFacts, SetOntology, TakeResource,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct FactService {
    memory: MemoryService,
}

/// Something that was taken, and will be read in the background.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    pub id: Uuid,
    /// Seconds until it was read, about.
    pub expected_s: f64,
}

/// Why a domain configuration was not taken.
#[derive(Debug)]
pub enum OntologyRefusal {
    /// It cannot be used as it is.
    Problem(OntologyProblem),
    Service(ServiceError),
}

impl FactService {
    #[must_use]
    pub fn new(memory: MemoryService) -> Self {
        Self { memory }
    }

    /// Keeps something for a user, and begins to draw facts from it. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; nothing was kept then, except after
    /// [`crate::types::ErrorKind::DeadlineExceeded`], when it may have been.
    pub async fn memorize(
        &self,
        scope: Scope,
        user: &str,
        new: NewResource,
    ) -> Result<Taken, ServiceError> {
        self.take(scope, user, ResourceContent::Text(new)).await
    }

    /// As [`FactService::memorize`], for something that happened. The same delivery again answers
    /// with what it became the first time.
    ///
    /// # Errors
    /// As [`FactService::memorize`].
    pub async fn record_event(
        &self,
        scope: Scope,
        user: &str,
        event: NewEvent,
    ) -> Result<Taken, ServiceError> {
        self.take(scope, user, ResourceContent::Event(event)).await
    }

    async fn take(
        &self,
        scope: Scope,
        user: &str,
        content: ResourceContent,
    ) -> Result<Taken, ServiceError> {
        let command = TakeResource { subject: user.to_owned(), content };
        let (id, expected_s) = self.memory.call(scope, command).await?;
        Ok(Taken { id, expected_s })
    }

    /// How far something has come that was kept; `None` for what is unknown or forgotten.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn resource(
        &self,
        scope: Scope,
        id: Uuid,
    ) -> Result<Option<ResourceStatus>, ServiceError> {
        self.memory.call(scope, FindResource { id }).await
    }

    /// What is known of a user that answers a question; nothing for an unknown user.
    ///
    /// # Errors
    /// When the embedder or the tenant cannot serve.
    pub async fn retrieve(
        &self,
        scope: Scope,
        user: &str,
        mut query: FactQuery,
    ) -> Result<Retrieved, ServiceError> {
        query.text = asked_part(&query.text).to_owned();
        let words = query_words(&query.text, &[]);
        let embedding = self.memory.embedder.embed_query(&query.text, &words).await?;
        let spend = QueryAllowance::of(scope.allowance.queries_per_day, 1);
        let subject = user.to_owned();
        self.memory.call(scope, RetrieveFacts { subject, query, embedding, spend }).await
    }

    /// Every category, the most important first, with what a user's facts in it come to.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn categories(
        &self,
        scope: Scope,
        user: &str,
    ) -> Result<Vec<CategoryView>, ServiceError> {
        self.memory.call(scope, ListCategories { subject: user.to_owned() }).await
    }

    /// A page of what a user's facts name.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn entities(
        &self,
        scope: Scope,
        user: &str,
        page: EntityPage,
    ) -> Result<Entities, ServiceError> {
        self.memory.call(scope, ListEntities { subject: user.to_owned(), page }).await
    }

    /// One entity, whatever the case of its name; `None` where no fact of the user names it.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn entity(
        &self,
        scope: Scope,
        user: &str,
        name: &str,
    ) -> Result<Option<EntityDetail>, ServiceError> {
        let command = FindEntity { subject: user.to_owned(), name: name.to_owned() };
        self.memory.call(scope, command).await
    }

    /// Forgets a user, or one category; `None` where there was nothing. Durable on return, and nothing
    /// of it is left or will come.
    ///
    /// # Errors
    /// When the tenant cannot serve; some may be gone then.
    pub async fn forget(
        &self,
        scope: Scope,
        user: &str,
        category: Option<&str>,
    ) -> Result<Option<Forgotten>, ServiceError> {
        let category = category.map(str::to_owned);
        let command = ForgetSubject { subject: user.to_owned(), category };
        self.memory.call(scope, command).await
    }

    /// The app's domain configuration as it was given, if it was.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn ontology(&self, scope: Scope) -> Result<Option<String>, ServiceError> {
        self.memory.call(scope, FindOntology).await
    }

    /// Replaces the app's domain configuration. Durable on return.
    ///
    /// # Errors
    /// Of one that cannot be used, what is wrong with it; nothing has changed then.
    pub async fn set_ontology(&self, scope: Scope, json: String) -> Result<(), OntologyRefusal> {
        let set = self.memory.call(scope, SetOntology { json }).await;
        set.map_err(OntologyRefusal::Service)?.map_err(OntologyRefusal::Problem)
    }
}
