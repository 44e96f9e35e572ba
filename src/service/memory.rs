//! Remembering and recalling for a tenant: embed, then ask the tenant's actor.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Atom, AtomDeletion, ConsolidationReport, FeedPage, FeedQuery, Feedback, FeedbackOutcome,
    GraphQuery, GraphView, NewAtom, ReadQuery, ReadResult, Readiness, RevisionChain, ServiceError,
    TenantStats, WriteOutcome, change,
};
use crate::actors::consolidation;
use crate::actors::tenant::TenantCommand;
use crate::actors::tenant::atoms::{
    DeleteAtom, ExportPage, FindAtom, FindByExternalRef, FindChain, Recent, Stats,
};
use crate::actors::tenant::consolidate::UndoConsolidation;
use crate::actors::tenant::data::{PreparedAtom, embedded_part, query_words};
use crate::actors::tenant::erase::{DeleteDomain, Reset};
use crate::actors::tenant::feedback::GiveFeedback;
use crate::actors::tenant::graph::ViewGraph;
use crate::actors::tenant::retrieve::{QueryAllowance, Retrieve};
use crate::actors::tenant::store::Store;
use crate::actors::{ActorError, Registry, TenantError};
use crate::control::keys::{Dialect, OrganizationPrincipal, Principal};
use crate::control::plans::Plan;
use crate::control::quotas::{RateExceeded, RateStatus};
use crate::control::{ControlError, Directory};
use crate::embedding::{EmbedError, Embedder, Embedding, embed_blocking};
use crate::types::limits::EXPORT_PAGE_MAX;
use crate::types::{Allowance, AtomId, Clock, Deadline, ErrorKind, TenantId};

/// Bytes of text computed over on a request's own thread, about a millisecond's worth.
/// More goes to the blocking pool.
const INLINE_BYTES_MAX: usize = 4_000;

/// What a caller should wait after a refusal for overload.
const OVERLOAD_PAUSE: Duration = Duration::from_secs(1);

/// On whose memory, until when, and how much of it the plan allows.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub tenant: TenantId,
    pub deadline: Deadline,
    pub allowance: Allowance,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct MemoryService {
    directory: Arc<Directory>,
    pub(super) registry: Arc<Registry>,
    pub(super) embedder: Arc<dyn Embedder>,
    clock: Arc<dyn Clock>,
}

impl MemoryService {
    #[must_use]
    pub fn new(
        directory: Arc<Directory>,
        registry: Arc<Registry>,
        embedder: Arc<dyn Embedder>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { directory, registry, embedder, clock }
    }

    /// Who a presented secret acts for.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`], with a message that tells a revoked key from an unknown
    /// one.
    pub fn authenticate(&self, dialect: Dialect, secret: &str) -> Result<Principal, ServiceError> {
        self.directory.authenticate(dialect, secret).map_err(|error| match error {
            ControlError::RevokedKey => ServiceError::unauthenticated_revoked(),
            other => ServiceError::new(other.kind(), other.to_string()),
        })
    }

    /// Which organization a presented secret acts for.
    ///
    /// # Errors
    /// As [`MemoryService::authenticate`]; a tenant's secret is unknown here.
    pub fn authenticate_organization(
        &self,
        dialect: Dialect,
        secret: &str,
    ) -> Result<OrganizationPrincipal, ServiceError> {
        let principal = self.directory.authenticate_organization(dialect, secret);
        principal.map_err(|error| ServiceError::new(error.kind(), error.to_string()))
    }

    /// Takes one request from the tenant's allowance.
    ///
    /// # Errors
    /// When it is used up; the refusal costs nothing.
    pub fn admit(&self, tenant: TenantId, plan: &Plan) -> Result<RateStatus, RateExceeded> {
        self.registry.admit(tenant, plan)
    }

    /// Remembers one atom. Durable on return.
    ///
    /// # Errors
    /// When nothing was stored, except [`ErrorKind::DeadlineExceeded`]: then it may have been.
    pub async fn write(&self, scope: Scope, atom: NewAtom) -> Result<WriteOutcome, ServiceError> {
        let outcomes = self.write_batch(scope, vec![atom], None).await?;
        let outcome = outcomes.into_iter().next();
        outcome.ok_or_else(|| ServiceError::new(ErrorKind::Internal, "the write had no outcome"))
    }

    /// Remembers atoms in order, all in one atomic batch. Durable on return. With an idempotency
    /// key that was used within the last day nothing is stored: the outcomes of then come back.
    ///
    /// # Errors
    /// As [`MemoryService::write`], for all of them together. [`ErrorKind::QuotaExceeded`] when
    /// the plan's atoms were used up before the first; once some were stored, the others'
    /// outcomes say so.
    pub async fn write_batch(
        &self,
        scope: Scope,
        atoms: Vec<NewAtom>,
        idempotency_key: Option<String>,
    ) -> Result<Vec<WriteOutcome>, ServiceError> {
        let atoms = self.prepare(atoms).await?;
        let atoms_max = scope.allowance.atoms_max;
        self.call(scope, Store { atoms, atoms_max, idempotency_key }).await
    }

    /// Embeds and analyses atoms, in order; much text on the blocking pool.
    pub(super) async fn prepare(
        &self,
        atoms: Vec<NewAtom>,
    ) -> Result<Vec<PreparedAtom>, ServiceError> {
        let size: usize = atoms.iter().map(|atom| atom.content.len()).sum();
        if !self.embedder.is_cpu_bound() {
            let texts: Vec<&str> = atoms.iter().map(|atom| embedded_part(&atom.content)).collect();
            let embeddings = self.embedder.embed(&texts).await?;
            let prepared = off_thread(size, move || prepared(atoms, embeddings)).await;
            return prepared.ok_or_else(ServiceError::crashed);
        }
        let embedder = Arc::clone(&self.embedder);
        let work = move || {
            let texts: Vec<&str> = atoms.iter().map(|atom| embedded_part(&atom.content)).collect();
            let embeddings = embed_blocking(&*embedder, &texts)?;
            Ok::<_, EmbedError>(prepared(atoms, embeddings))
        };
        Ok(off_thread(size, work).await.ok_or_else(ServiceError::crashed)??)
    }

    /// Answers a question.
    ///
    /// # Errors
    /// When the embedder or the tenant cannot serve; an empty memory is an empty answer.
    pub async fn read(&self, scope: Scope, query: ReadQuery) -> Result<ReadResult, ServiceError> {
        self.read_one_of(scope, query, 1).await
    }

    /// Reads, and counts `queries` of the day's allowance for it.
    async fn read_one_of(
        &self,
        scope: Scope,
        query: ReadQuery,
        queries: u64,
    ) -> Result<ReadResult, ServiceError> {
        let started = self.clock.monotonic_micros();
        let words = query_words(&query.text, &query.concepts);
        let embedding = self.embedder.embed_query(&query.text, &words).await?;
        let spend = QueryAllowance::of(scope.allowance.queries_per_day, queries);
        let mut result = self.call(scope, Retrieve { query, embedding, spend }).await?;
        result.search_time_us = self.clock.monotonic_micros().saturating_sub(started);
        Ok(result)
    }

    /// Answers questions in order, each as [`MemoryService::read`] would.
    ///
    /// # Errors
    /// The first failure ends the batch. When the day's allowance does not cover all of them,
    /// none is answered and none counted.
    pub async fn read_batch(
        &self,
        scope: Scope,
        queries: Vec<ReadQuery>,
    ) -> Result<Vec<ReadResult>, ServiceError> {
        let mut results = Vec::with_capacity(queries.len());
        let mut uncounted = queries.len() as u64;
        for query in queries {
            results.push(self.read_one_of(scope, query, uncounted).await?);
            uncounted = 0;
        }
        Ok(results)
    }

    /// Learns from an outcome. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; unknown atoms are skipped.
    pub async fn feedback(
        &self,
        scope: Scope,
        feedback: Feedback,
    ) -> Result<FeedbackOutcome, ServiceError> {
        self.call(scope, GiveFeedback { feedback }).await
    }

    /// Merges near-duplicates of a domain behind prototypes. Durable on return. When the caller's
    /// time is up the work goes on without it.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while the domain is being consolidated already.
    pub async fn consolidate(
        &self,
        scope: Scope,
        domain: String,
    ) -> Result<ConsolidationReport, ServiceError> {
        let running = consolidation::consolidate(&self.registry, scope.tenant, domain);
        consolidation::until(scope.deadline, running).await.map_err(|error| self.wrap(&error))
    }

    /// Puts every atom of a domain that a prototype stands for back into search. Returns how
    /// many. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn undo_consolidation(
        &self,
        scope: Scope,
        domain: String,
    ) -> Result<u64, ServiceError> {
        self.call(scope, UndoConsolidation { domain }).await
    }

    /// The newest atoms.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn recent(&self, scope: Scope, query: FeedQuery) -> Result<FeedPage, ServiceError> {
        self.call(scope, Recent { query }).await
    }

    /// The Hebbian graph around some concepts.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn graph(&self, scope: Scope, query: GraphQuery) -> Result<GraphView, ServiceError> {
        self.call(scope, ViewGraph { query }).await
    }

    /// The revisions of an atom.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the tenant has no such atom.
    pub async fn get_chain(&self, scope: Scope, id: AtomId) -> Result<RevisionChain, ServiceError> {
        found(self.call(scope, FindChain { id }).await?, "no atom with this id")
    }

    /// Removes every atom of a domain from everything; returns how many. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; some atoms may be gone then.
    pub async fn delete_domain(&self, scope: Scope, name: String) -> Result<u64, ServiceError> {
        let erased = self.call(scope, DeleteDomain { name }).await?;
        self.release_documents(scope, erased.documents).await;
        Ok(erased.atoms)
    }

    /// Removes everything the tenant remembers, learned associations included; returns how many
    /// atoms that were. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve; some atoms may be gone then.
    pub async fn reset(&self, scope: Scope) -> Result<u64, ServiceError> {
        let erased = self.call(scope, Reset).await?;
        self.release_documents(scope, erased.documents).await;
        Ok(erased.atoms)
    }

    /// Gives the ids of documents that are gone back. One that stays claimed is its tenant's all
    /// the same, who may use it again.
    pub(super) async fn release_documents(&self, scope: Scope, ids: Vec<String>) {
        let released = change(&self.registry, move |directory| {
            ids.iter().try_for_each(|id| directory.release_document_id(id, scope.tenant).map(drop))
        });
        if let Err(error) = released.await {
            tracing::warn!(error = %error, "ids of deleted documents stay claimed");
        }
    }

    /// # Errors
    /// When the tenant cannot serve.
    pub async fn stats(&self, scope: Scope) -> Result<TenantStats, ServiceError> {
        self.call(scope, Stats).await
    }

    /// # Errors
    /// [`ErrorKind::NotFound`] when the tenant has no such atom.
    pub async fn get_atom(&self, scope: Scope, id: AtomId) -> Result<Atom, ServiceError> {
        found(self.call(scope, FindAtom { id }).await?, "no atom with this id")
    }

    /// # Errors
    /// [`ErrorKind::NotFound`] when the tenant has no such atom.
    pub async fn get_atom_by_external_ref(
        &self,
        scope: Scope,
        external_ref: String,
    ) -> Result<Atom, ServiceError> {
        let atom = self.call(scope, FindByExternalRef { external_ref }).await?;
        found(atom, "no atom with this external reference")
    }

    /// Removes an atom from everything; says whether there was one. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn delete_atom(
        &self,
        scope: Scope,
        id: AtomId,
    ) -> Result<AtomDeletion, ServiceError> {
        self.call(scope, DeleteAtom { id }).await
    }

    /// The next page of all atoms in order of creation, after `after`; empty at the end.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn export_page(
        &self,
        scope: Scope,
        after: Option<AtomId>,
    ) -> Result<Vec<Atom>, ServiceError> {
        self.call(scope, ExportPage { after, limit: EXPORT_PAGE_MAX }).await
    }

    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness {
            storage: self.registry.shards().are_healthy(),
            engine: self.registry.is_accepting(),
            embedding: self.embedder.is_ready(),
        }
    }

    pub(super) async fn call<C: TenantCommand>(
        &self,
        scope: Scope,
        command: C,
    ) -> Result<C::Reply, ServiceError> {
        let called = self.registry.call(scope.tenant, command, scope.deadline).await;
        called.map_err(|error| self.wrap(&error))
    }

    pub(super) fn wrap(&self, error: &ActorError) -> ServiceError {
        let pause = self.pause_after(error);
        let error = ServiceError::from_actor(error);
        match pause {
            Some(pause) => error.retry_after(pause),
            None => error,
        }
    }

    fn pause_after(&self, error: &ActorError) -> Option<Duration> {
        match error {
            ActorError::BackingOff { until }
            | ActorError::Quarantined { until }
            | ActorError::Tenant(
                TenantError::DailyLimit { until, .. } | TenantError::TokenLimit { until, .. },
            ) => {
                let wait_us = until.as_micros() - self.clock.now().as_micros();
                Some(Duration::from_micros(u64::try_from(wait_us).unwrap_or(0)))
            }
            ActorError::ConsolidationRunning { .. } => Some(OVERLOAD_PAUSE),
            other => (other.kind() == ErrorKind::Overloaded).then_some(OVERLOAD_PAUSE),
        }
    }
}

/// Computes over so many bytes of text: few at once, more on the blocking pool. `None` when the
/// work panicked there.
pub(super) async fn off_thread<R: Send + 'static>(
    size_bytes: usize,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    match size_bytes <= INLINE_BYTES_MAX {
        true => Some(work()),
        false => tokio::task::spawn_blocking(work).await.ok(),
    }
}

fn prepared(atoms: Vec<NewAtom>, embeddings: Vec<Embedding>) -> Vec<PreparedAtom> {
    let both = atoms.into_iter().zip(embeddings);
    both.map(|(atom, embedding)| PreparedAtom::new(atom, embedding)).collect()
}

fn found<T>(value: Option<T>, message: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| ServiceError::new(ErrorKind::NotFound, message))
}
