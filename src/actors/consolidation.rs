//! Consolidation from outside a tenant: take a snapshot, cluster it on the blocking pool while the
//! tenant serves, hand the plan back. One clustering at a time in the whole process, so that it
//! costs one core and the memory of one; each domain by one run at a time. Running it twice
//! changes nothing, and what a crash interrupts the next run ends.
//!
//! The background actor starts runs by itself: after so many writes, or within a window of the
//! day, one tenant after the other.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::error::ActorError;
use super::registry::Registry;
use super::settings::ConsolidationSettings;
use super::tenant::consolidate::{ApplyConsolidation, DueDomains, ReadContents, SnapshotDomain};
use super::tenant::data::ConsolidationReport;
use crate::types::{Clock, Deadline, TenantId};

/// Clusterings in flight in this process.
static CLUSTERINGS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(1)));

/// Contents asked of the tenant at a time; it serves others in between.
const CONTENTS_PAGE: usize = 512;

/// How long the tenant may take for its part of a run.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// Consolidates a domain. It goes on when the returned future is dropped.
pub fn consolidate(
    registry: &Arc<Registry>,
    tenant: TenantId,
    domain: String,
) -> impl Future<Output = Result<ConsolidationReport, ActorError>> + use<> {
    let run = tokio::spawn(run(Arc::clone(registry), tenant, domain));
    async { run.await.unwrap_or(Err(ActorError::Crashed)) }
}

/// Waits for work that goes on by itself.
///
/// # Errors
/// [`ActorError::DeadlineExceeded`], or those of the work.
pub async fn until<R>(
    deadline: Deadline,
    work: impl Future<Output = Result<R, ActorError>>,
) -> Result<R, ActorError> {
    timeout_at(deadline.instant(), work).await.unwrap_or(Err(ActorError::DeadlineExceeded))
}

async fn run(
    registry: Arc<Registry>,
    tenant: TenantId,
    domain: String,
) -> Result<ConsolidationReport, ActorError> {
    let _running = registry
        .begin_consolidation(tenant, &domain)
        .ok_or_else(|| ActorError::ConsolidationRunning { domain: domain.clone() })?;
    let permit =
        Arc::clone(&CLUSTERINGS).acquire_owned().await.map_err(|_| ActorError::ShuttingDown)?;
    let snapshot = SnapshotDomain { domain };
    let (snapshot, shown_count) =
        registry.call(tenant, snapshot, Deadline::after(COMMAND_MAX)).await?;
    let Some(mut snapshot) = snapshot else {
        return Ok(ConsolidationReport {
            atoms_before: shown_count,
            atoms_after: shown_count,
            ..ConsolidationReport::default()
        });
    };
    loop {
        let ids = snapshot.ids_without_words(CONTENTS_PAGE);
        if ids.is_empty() {
            break;
        }
        let read = ReadContents { ids };
        let contents = registry.call(tenant, read, Deadline::after(COMMAND_MAX)).await?;
        let worded = tokio::task::spawn_blocking(move || {
            snapshot.take_contents(contents);
            snapshot
        });
        snapshot = worded.await.map_err(|_| ActorError::Crashed)?;
    }
    let accepting = Arc::clone(&registry);
    let planned = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        snapshot.plan(&|| {
            // Asked before each row of cosines. Serving goes first where cores are few.
            std::thread::yield_now();
            accepting.is_accepting()
        })
    });
    let plan = planned.await.map_err(|_| ActorError::Crashed)?.ok_or(ActorError::ShuttingDown)?;
    let app = registry.directory().get_tenant(tenant)?.spoken_name().into();
    let apply = ApplyConsolidation { plan, app };
    let report = registry.call(tenant, apply, Deadline::after(COMMAND_MAX)).await?;
    metrics::counter!("hebbd_consolidations_total").increment(1);
    Ok(report)
}

/// Starts runs that are due.
pub struct Consolidation {
    registry: Arc<Registry>,
    settings: ConsolidationSettings,
    clock: Arc<dyn Clock>,
    /// The last day whose window was worked through.
    day_done: Option<i64>,
}

impl Consolidation {
    #[must_use]
    pub fn new(
        registry: Arc<Registry>,
        settings: ConsolidationSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { registry, settings, clock, day_done: None }
    }

    fn schedule(&self, context: &mut Context<Self>) {
        let pause = Duration::from_secs(self.settings.check_interval_s);
        context.run_later(pause, |actor, context| {
            let registry = Arc::clone(&actor.registry);
            let settings = actor.settings.clone();
            let window_day = settings.window_day(actor.clock.now());
            let due_day = window_day.filter(|day| actor.day_done != Some(*day));
            let round = async move {
                if due_day.is_some() {
                    consolidate_all(&registry, 1).await;
                } else if let Some(writes) = settings.after_writes() {
                    consolidate_open(&registry, writes).await;
                }
            };
            context.spawn(round.into_actor(actor).map(move |(), actor, context| {
                actor.day_done = due_day.or(actor.day_done);
                actor.schedule(context);
            }));
        });
    }
}

impl Actor for Consolidation {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if self.settings.is_automatic() {
            self.schedule(context);
        }
    }
}

/// Consolidates what is due in the tenants that are open. Returns how many domains.
pub async fn consolidate_open(registry: &Arc<Registry>, writes_min: u64) -> usize {
    let mut count = 0;
    for tenant in registry.open_tenants() {
        count += consolidate_due(registry, tenant, writes_min).await;
    }
    count
}

/// Consolidates what is due in every tenant, opening one after the other. Returns how many
/// domains.
pub async fn consolidate_all(registry: &Arc<Registry>, writes_min: u64) -> usize {
    let mut count = 0;
    for tenant in registry.known_tenants() {
        if !registry.is_accepting() {
            break;
        }
        count += consolidate_due(registry, tenant, writes_min).await;
    }
    count
}

async fn consolidate_due(registry: &Arc<Registry>, tenant: TenantId, writes_min: u64) -> usize {
    let due = DueDomains { writes_min };
    let domains = match registry.call(tenant, due, Deadline::after(COMMAND_MAX)).await {
        Ok(domains) => domains,
        Err(error) => {
            tracing::warn!(tenant.id = %tenant, error = %error, "not looked at for consolidation");
            return 0;
        }
    };
    let mut count = 0;
    for domain in domains {
        match consolidate(registry, tenant, domain).await {
            Ok(report) => {
                count += 1;
                tracing::info!(
                    tenant.id = %tenant,
                    atoms.before = report.atoms_before,
                    atoms.after = report.atoms_after,
                    prototypes.created = report.prototypes_created,
                    "consolidated a domain"
                );
            }
            Err(error) => {
                tracing::warn!(tenant.id = %tenant, error = %error, "consolidation failed");
            }
        }
    }
    count
}
