//! The composition root: a configuration in, a running server out. Start-up and shutdown have an
//! order, and it is written here and nowhere else.
//!
//! Start: directory, shards (side by side), embedder, registry, listener, background actors.
//! Stop: refuse connections and finish requests, give back running jobs, close tenants (saving
//! caches), flush and stop shards. A second process on the same data directory is refused by the directory's lock.

mod operators;

use std::future::Future;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use anyhow::{Context, ensure};
use secrecy::{ExposeSecret, SecretString};

use crate::actors::Registry;
use crate::actors::consolidation::Consolidation;
use crate::actors::delivery::Deliveries;
use crate::actors::distilling::Distilling;
use crate::actors::enrichment::Enrichment;
use crate::actors::erasure::Erasure;
use crate::actors::eviction::IdleEviction;
use crate::actors::indexing::Indexing;
use crate::actors::jobs::{JobHandlers, JobRunner};
use crate::actors::placement::choose_shard;
use crate::actors::quota_reset::QuotaReset;
use crate::actors::settings::ResolvedShard;
use crate::actors::settings::resolve_shards;
use crate::actors::shards::Shards;
use crate::actors::uploads::Spool;
use crate::api::admin::AdminState;
use crate::api::middleware::ip_limit::IpLimit;
use crate::api::{
    self, ApiState, BoundServer, MagnetecoState, MetacognaState, MetorialState, TexState,
};
use crate::config::Config;
use crate::control::keys::{Dialect, KeyHash};
use crate::control::tenants::Tenant;
use crate::control::{ControlError, Directory};
use crate::embedding::{self, Embedder};
use crate::engine::synonyms;
use crate::extraction::Extractor;
use crate::llm::{LanguageModel, LanguageModels};
use crate::observability::logging;
use crate::observability::metrics::{self, MetricsExport};
use crate::outbound::Courier;
use crate::service::{
    AccountService, AdminService, ChatService, DocumentService, FactService, GoalSummariser,
    IncomingService, ManagementService, MemoryService, ModelSummariser, NoSummariser,
    PeopleService, PlatformService, WebhookService,
};
use crate::storage::{SledSettings, SledStore};
use crate::types::{Clock, ShardNo};

/// Page cache of the directory's store. All of it is in memory anyway.
const DIRECTORY_CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// Where files are received, in the data directory.
const SPOOL: &str = "uploads";

/// The key of the encrypted secrets, in the data directory.
const KEY_FILE: &str = "secrets.key";

/// How long calls in flight may take once the listener has stopped.
const DRAIN: Duration = Duration::from_secs(3);

/// How often it is stored when keys were last used, which shows at once: a crash loses so much
/// of it.
const LAST_USES: Duration = Duration::from_secs(30);

/// How often sessions and tokens that have ended are removed. They are refused without it; it
/// gives back their room.
const SWEEP: Duration = Duration::from_secs(600);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How often finished observations are folded into the histograms.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// A server that holds its port; it serves once [`Application::run_until_stopped`] is polled.
pub struct Application {
    server: BoundServer,
    directory: Arc<Directory>,
    registry: Arc<Registry>,
    ip_limit: Arc<IpLimit>,
    background: Background,
    metrics: MetricsExport,
    admin_token: SecretString,
}

/// What works by itself. Dropping it ends it.
struct Background {
    _eviction: Addr<IdleEviction>,
    _erasure: Addr<Erasure>,
    _quota_reset: Addr<QuotaReset>,
    _consolidation: Addr<Consolidation>,
    jobs: JobRunner,
}

impl Background {
    fn start(
        config: &Config,
        registry: &Arc<Registry>,
        embedder: Arc<dyn Embedder>,
        extractor: Arc<Extractor>,
        courier: Arc<Courier>,
        model: Option<Arc<dyn LanguageModel>>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let interval = Duration::from_secs(config.actors.eviction_interval_s);
        let documents = config.documents.clone();
        let indexing = Indexing::new(Arc::clone(&embedder), extractor, model.clone(), documents);
        let handlers = JobHandlers::default()
            .with(Arc::new(Enrichment::new(Arc::clone(&embedder))))
            .with(Arc::new(indexing))
            .with(Arc::new(Distilling::new(embedder, model)))
            .with(Arc::new(Deliveries::new(courier, config.outbound_webhooks.pauses())));
        let jobs = config.jobs.clone();
        let (settings, clock) = (config.consolidation.clone(), Arc::clone(clock));
        Self {
            jobs: JobRunner::start(Arc::clone(registry), handlers, jobs, Arc::clone(&clock)),
            _eviction: IdleEviction::new(Arc::clone(registry), interval).start(),
            _erasure: Erasure::new(Arc::clone(registry)).start(),
            _quota_reset: QuotaReset::new(Arc::clone(registry), Arc::clone(&clock)).start(),
            _consolidation: Consolidation::new(Arc::clone(registry), settings, clock).start(),
        }
    }

    async fn stop(self) {
        self.jobs.stop().await;
    }
}

/// What every way of running needs: the directory, the shards and who opens tenants on them.
struct Core {
    directory: Arc<Directory>,
    registry: Arc<Registry>,
    embedder: Arc<dyn Embedder>,
}

impl Core {
    async fn open(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let directory = Arc::new(open_directory(config, Arc::clone(clock)).await?);
        let shards = Shards::open(shard_plans(config)?).await;
        check_placements(&directory, &shards)?;
        let embedding_settings = config.embedding.clone();
        let embedder = tokio::task::spawn_blocking(move || {
            synonyms::warm_up();
            embedding::from_settings(&embedding_settings)
        })
        .await??;
        let registry = Arc::new(Registry::new(
            Arc::clone(&directory),
            shards,
            &config.actors,
            embedder.identity().clone(),
            Arc::clone(clock),
        ));
        Ok(Self { directory, registry, embedder })
    }

    fn admin_state(&self, token: &SecretString, clock: &Arc<dyn Clock>) -> AdminState {
        AdminState {
            service: AdminService::new(Arc::clone(&self.registry), Arc::clone(clock)),
            token: KeyHash::of(token.expose_secret()),
            clock: Arc::clone(clock),
            version: VERSION.to_owned(),
        }
    }
}

impl Application {
    /// Opens everything and binds the listener. Must run inside an actix system.
    ///
    /// # Errors
    /// When the data directory is in use or unreadable, the embedder cannot be made, or an
    /// address cannot be bound. A shard that does not open is no error: the others serve.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let metrics = metrics::install(Arc::clone(&clock))?;
        let core = Core::open(config, &clock).await?;
        core.directory.unseal().context("cannot read the encrypted secrets")?;
        let admin_token = operators::admin_token(config)?;
        let admin = core.admin_state(&admin_token, &clock);
        let Core { directory, registry, embedder } = core;
        let memory = MemoryService::new(
            Arc::clone(&directory),
            Arc::clone(&registry),
            Arc::clone(&embedder),
            Arc::clone(&clock),
        );
        let courier = Courier::new(config.outbound_webhooks.courier())
            .context("cannot make a client for webhooks")?;
        let courier = Arc::new(courier);
        let spool_dir = config.data_dir.join(SPOOL);
        let spool = tokio::task::spawn_blocking(move || Spool::open(&spool_dir)).await??;
        let models = LanguageModels::from_settings(&config.llm, Arc::clone(&clock))?;
        let own_model = models.own().cloned();
        let summariser: Arc<dyn GoalSummariser> = match &own_model {
            Some(model) => Arc::new(ModelSummariser(Arc::clone(model))),
            None => Arc::new(NoSummariser),
        };
        let registry_of_people = Arc::clone(&registry);
        let people = PeopleService::new(Dialect::Metacogna, registry_of_people, summariser)?;
        operators::first_admin(config, &people).await?;
        let ips_max = config.server.limited_ips_max;
        let metacogna = MetacognaState::new(config.metacogna.clone(), people, ips_max, &clock);
        let metorial = MetorialState::new(
            config.metorial.clone(),
            PlatformService::new(memory.clone()),
            ManagementService::new(Arc::clone(&registry), Arc::clone(&clock)),
            ips_max,
            &clock,
        );
        let magneteco = MagnetecoState::new(
            &config.magneteco,
            FactService::new(memory.clone()),
            IncomingService::new(memory.clone()),
            &clock,
        );
        let ip_limit = Arc::new(config.server.ip_limit(Arc::clone(&clock)));
        let state = ApiState {
            documents: DocumentService::new(memory.clone(), spool),
            chat: ChatService::new(models.clone()),
            memory: memory.clone(),
            accounts: AccountService::new(Arc::clone(&registry)),
            webhooks: WebhookService::new(memory.clone(), Arc::clone(&courier)),
            clock: Arc::clone(&clock),
            ip_limit: Arc::clone(&ip_limit),
            trusted_proxies: Arc::new(config.server.trusted_proxies.clone()),
            version: VERSION.to_owned(),
            render_metrics: metrics.renderer(),
            request_timeout: config.server.request_timeout(),
            allow_reset: config.server.allow_reset,
            magneteco: Arc::new(magneteco),
            metacogna: Arc::new(metacogna),
            metorial: Arc::new(metorial),
            tex: Arc::new(TexState::new(config.tex.clone(), ips_max, Arc::clone(&clock))),
        };
        let server = api::bind(&config.server, &config.admin, state, admin).with_context(|| {
            let admin = config.admin.listen.map(|address| format!(" or {address}"));
            format!("cannot listen on {}{}", config.server.listen, admin.unwrap_or_default())
        })?;
        let program = match &config.extraction_program {
            Some(program) => program.clone(),
            // There also after the file was replaced by a newer one.
            None if cfg!(target_os = "linux") => PathBuf::from("/proc/self/exe"),
            None => std::env::current_exe().context("cannot find this program's own file")?,
        };
        let extractor = Arc::new(Extractor::new(program, config.extraction.clone()));
        let background =
            Background::start(config, &registry, embedder, extractor, courier, own_model, &clock);
        Ok(Self { server, directory, registry, ip_limit, background, metrics, admin_token })
    }

    /// The address it really listens on.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.server.local_address()
    }

    /// How a client on this machine reaches it.
    #[must_use]
    pub fn base_url(&self) -> String {
        url_of(self.local_address())
    }

    /// How the admin API is reached on this machine.
    #[must_use]
    pub fn admin_url(&self) -> String {
        url_of(self.server.admin_address())
    }

    /// What opens the admin API.
    #[must_use]
    pub fn admin_token(&self) -> &SecretString {
        &self.admin_token
    }

    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Creates a tenant on the shard that placement chooses.
    ///
    /// # Errors
    /// For an unknown plan, when no shard takes new tenants, or when the directory cannot write.
    pub fn create_tenant(&self, name: &str, plan: &str) -> anyhow::Result<Tenant> {
        let shards = self.registry.shards().for_new_tenants();
        Ok(create_tenant(&self.directory, &shards, name, plan)?)
    }

    /// Takes over changed settings while the server runs.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        let (directory, ip_limit) = (Arc::clone(&self.directory), Arc::clone(&self.ip_limit));
        Reloader { directory, ip_limit }
    }

    /// Serves until `stop` resolves, then shuts down in order.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let metrics = self.metrics.clone();
        let upkeep = actix_rt::spawn(async move {
            loop {
                tokio::time::sleep(METRICS_UPKEEP).await;
                metrics.run_upkeep();
            }
        });
        let directory = Arc::clone(&self.directory);
        let last_uses = actix_rt::spawn(async move {
            loop {
                tokio::time::sleep(LAST_USES).await;
                tidy(&directory, Directory::store_last_uses).await;
            }
        });
        let directory = Arc::clone(&self.directory);
        let sweep = actix_rt::spawn(async move {
            loop {
                tidy(&directory, Directory::sweep_ended).await;
                tokio::time::sleep(SWEEP).await;
            }
        });
        let serving = actix_rt::spawn(self.server.run());
        stop.await;
        tracing::info!("stopping: finishing requests");
        handle.stop().await;
        let served = serving.await;
        upkeep.abort();
        last_uses.abort();
        sweep.abort();
        self.background.stop().await;
        tracing::info!("stopping: closing tenants and flushing");
        tidy(&self.directory, Directory::store_last_uses).await;
        self.registry.shut_down(DRAIN).await;
        tracing::info!("stopped");
        Ok(served??)
    }
}

/// Puts settings in force that need no restart.
pub struct Reloader {
    directory: Arc<Directory>,
    ip_limit: Arc<IpLimit>,
}

impl Reloader {
    /// Takes over the plans, the limit by address and what is logged.
    ///
    /// # Errors
    /// When tenants have a plan that `config` lacks; nothing has changed then.
    pub fn apply(&self, config: &Config) -> anyhow::Result<()> {
        self.directory.replace_plans(config.plans.clone())?;
        self.ip_limit.set(config.server.requests_per_ip());
        logging::set_filter(&config.log)?;
        Ok(())
    }
}

/// A data directory that no server runs on, opened for administration only: it answers the admin
/// API on a port of this machine and nothing else, and it works on nothing by itself but on what
/// is to be erased.
pub struct Administration {
    server: BoundServer,
    registry: Arc<Registry>,
    erasure: Addr<Erasure>,
}

impl Administration {
    /// Opens everything and binds a free port. Must run inside an actix system.
    ///
    /// # Errors
    /// As [`Application::start`].
    pub async fn start(
        config: &Config,
        clock: Arc<dyn Clock>,
        token: &SecretString,
    ) -> anyhow::Result<Self> {
        let core = Core::open(config, &clock).await?;
        let admin = core.admin_state(token, &clock);
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = api::bind_admin(&config.server, anywhere, admin)
            .context("cannot listen on a port of this machine")?;
        let erasure = Erasure::new(Arc::clone(&core.registry)).start();
        Ok(Self { server, registry: core.registry, erasure })
    }

    /// How it is reached on this machine.
    #[must_use]
    pub fn admin_url(&self) -> String {
        url_of(self.server.admin_address())
    }

    /// Answers until `stop` resolves, then closes everything in order.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let serving = actix_rt::spawn(self.server.run());
        stop.await;
        handle.stop().await;
        let served = serving.await;
        drop(self.erasure);
        self.registry.shut_down(DRAIN).await;
        Ok(served??)
    }
}

fn url_of(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://127.0.0.1:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// Creates a tenant on one of `shards`.
///
/// # Errors
/// As [`Directory::create_tenant`]; with no shard at all the tenant goes to number 0, which is
/// opened on the next start.
pub fn create_tenant(
    directory: &Directory,
    shards: &[ShardNo],
    name: &str,
    plan: &str,
) -> Result<Tenant, ControlError> {
    directory.create_tenant(name, plan, |id| choose_shard(id, shards).unwrap_or(ShardNo(0)))
}

/// Has the directory tidy itself on the blocking pool. What fails is tried again next time.
async fn tidy(directory: &Arc<Directory>, work: fn(&Directory) -> Result<usize, ControlError>) {
    let directory = Arc::clone(directory);
    match tokio::task::spawn_blocking(move || work(&directory)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "the directory could not be tidied"),
        Err(_) => tracing::error!("tidying the directory crashed"),
    }
}

/// Opens the directory of a data directory that no server runs on.
///
/// # Errors
/// When it is in use by a running server or cannot be read.
pub async fn open_directory(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Directory> {
    let settings =
        SledSettings { path: directory_path(&config.data_dir), cache_bytes: DIRECTORY_CACHE_BYTES };
    let plans = config.plans.clone();
    let data_dir = config.data_dir.display().to_string();
    let key_file = config.data_dir.join(KEY_FILE);
    let opening = tokio::task::spawn_blocking(move || {
        let store = SledStore::open(&settings)
            .with_context(|| format!("cannot open the data directory {data_dir}"))?;
        let directory = Directory::open(Arc::new(store), clock, plans);
        Ok(directory.context("cannot read the directory")?.with_key_file(key_file))
    });
    opening.await?
}

fn directory_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control")
}

/// Whether anything was ever kept in a data directory.
#[must_use]
pub fn has_directory(data_dir: &Path) -> bool {
    directory_path(data_dir).exists()
}

/// The shards that the configuration and the disk together ask for.
///
/// # Errors
/// When the data directory cannot be listed.
pub fn shard_plans(config: &Config) -> anyhow::Result<Vec<ResolvedShard>> {
    let existing = existing_shards(&config.data_dir.join("shards"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(resolve_shards(&config.shards, &config.index, &config.data_dir, cores, &existing))
}

/// The numbers of the directories that look like shards.
fn existing_shards(path: &Path) -> anyhow::Result<Vec<ShardNo>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot list {}", path.display())),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse().ok()).map(ShardNo));
    }
    Ok(numbers)
}

/// A tenant whose shard is in nobody's list would look lost; better not to start.
fn check_placements(directory: &Directory, shards: &Shards) -> anyhow::Result<()> {
    let missing: Vec<_> = directory
        .shards_in_use()
        .into_iter()
        .filter(|no| !shards.is_known(*no))
        .map(|no| no.to_string())
        .collect();
    ensure!(
        missing.is_empty(),
        "tenants live on shards that the shard file does not list: {}. Put their entries back \
         (with their former paths), or move the tenants first",
        missing.join(", ")
    );
    Ok(())
}
