//! Crashes, overload, eviction and failing storage: what they cost, and whom they leave alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "supervision/commands.rs"]
mod commands;
#[path = "supervision/opening.rs"]
mod opening;
#[path = "forgetting/plain_tenant.rs"]
mod plain_tenant;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client::Client;
use commands::{Panic, call, hold, total, write};
use futures_util::future::{FutureExt, join_all};
use hebbd::actors::consolidation::{consolidate_all, consolidate_open};
use hebbd::actors::quota_reset::begin_day;
use hebbd::actors::settings::{RegistrySettings, ResolvedShard, ShardEntry, ShardSettings};
use hebbd::actors::tenant::atoms::{FindAtom, Stats};
use hebbd::actors::{ActorError, Registry, Shard, Shards};
use hebbd::config::Config;
use hebbd::control::Directory;
use hebbd::control::plans::Plans;
use hebbd::storage::{FaultPlan, MemoryStore, StorageError, Store};
use hebbd::tenant::TenantError;
use hebbd::types::{
    AtomId, Clock, EmbedderIdentity, ErrorKind, ManualClock, ShardNo, SystemClock, TenantId,
};
use plain_tenant::{identity, open, read, store};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::TestServer;
use tempfile::TempDir;

/// A server with one shard, whose clock stands still.
struct Scene {
    server: TestServer,
    clock: Arc<ManualClock>,
    _data_dir: TempDir,
}

impl Scene {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
        let server = start(data_dir.path(), &clock, |config| {
            config.shards.shard = vec![ShardEntry { no: 0, ..ShardEntry::default() }];
            change(config);
        });
        Self { server, clock, _data_dir: data_dir }
    }

    fn tenant(&self) -> TenantId {
        self.server.new_tenant("local")
    }

    fn client(&self, tenant: TenantId) -> Client {
        client_of(&self.server, tenant)
    }

    fn registry(&self) -> &Arc<Registry> {
        &self.server.registry
    }
}

fn start(
    data_dir: &Path,
    clock: &Arc<ManualClock>,
    change: impl FnOnce(&mut Config),
) -> TestServer {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    TestServer::start_with(data_dir, clock, change)
}

fn client_of(server: &TestServer, tenant: TenantId) -> Client {
    Client::new(&server.base_url, server.new_key(tenant).secret.expose_secret())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_one_call_and_nothing_acknowledged() {
    let scene = Scene::new(|_| {});
    let tenant = scene.tenant();
    let mut client = scene.client(tenant);
    let id = client.write(&json!({"content": "Kept over a crash", "external_ref": "kept"}));
    for _ in 0..3 {
        let crashed = call(scene.registry(), tenant, Panic).await;
        assert!(matches!(crashed, Err(ActorError::Crashed)), "{crashed:?}");
        assert_eq!(client.by_external_ref("kept").unwrap()["id"], id["atom_id"]);
        let found = client.read(&json!({"query": "Kept over a crash"}));
        assert_eq!(found["items"][0]["atom_id"], id["atom_id"]);
        scene.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(client.stats()["total_atoms"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_of_a_tenant_that_is_busy_and_crashes_keep_answering() {
    let scene = Scene::new(|_| {});
    let (tenant, neighbour) = (scene.tenant(), scene.tenant());
    let mut client = scene.client(neighbour);
    let registry = Arc::clone(&scene.server.registry);
    let (command, mut grip) = hold(true);
    let held = tokio::spawn(async move { call(&registry, tenant, command).await });
    grip.until_running().await;
    for number in 0..20 {
        let written = client.write(&json!({"content": format!("Neighbour writes item {number}")}));
        assert_eq!(written["stored"], true);
    }
    grip.let_go();
    for _ in 0..20 {
        assert_eq!(client.stats()["total_atoms"], 20);
    }
    assert!(matches!(held.await.unwrap(), Err(ActorError::Crashed)));
    assert_eq!(client.stats()["total_atoms"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_waited_behind_a_crash_are_made_again_and_each_only_once() {
    const WAITING: usize = 50;
    let scene = Scene::new(|_| {});
    let tenant = scene.tenant();
    let registry = scene.registry();
    write(registry, tenant, "Before").await.unwrap();
    let (command, mut grip) = hold(true);
    let mut held = Box::pin(call(registry, tenant, command));
    assert!((&mut held).now_or_never().is_none());
    grip.until_running().await;
    let contents: Vec<String> = (0..WAITING).map(|n| format!("Waiting number {n}")).collect();
    let mut waiting = join_all(contents.iter().map(|text| write(registry, tenant, text)));
    // Polled once, each is in the mailbox.
    assert!((&mut waiting).now_or_never().is_none());
    grip.let_go();
    assert!(matches!(held.await, Err(ActorError::Crashed)));
    for result in waiting.await {
        result.unwrap();
    }
    assert_eq!(total(registry, tenant).await, 1 + WAITING as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_crashes_lead_to_pauses_then_quarantine_and_release_ends_it() {
    let scene = Scene::new(|_| {});
    let (tenant, neighbour) = (scene.tenant(), scene.tenant());
    let registry = scene.registry();
    let (mut client, mut other) = (scene.client(tenant), scene.client(neighbour));
    client.write(&json!({"content": "Kept over quarantine"}));
    let policy = RegistrySettings::default();
    let mut pause = Duration::from_millis(policy.restart_backoff_initial_ms);
    for crash in 1..policy.crashes_max {
        assert!(matches!(call(registry, tenant, Panic).await, Err(ActorError::Crashed)));
        if crash > 1 {
            let refused = call(registry, tenant, Stats).await;
            assert!(matches!(refused, Err(ActorError::BackingOff { .. })), "{refused:?}");
            assert_retry_later(&mut client, 1..=1);
            scene.clock.advance(pause);
            pause *= 2;
        }
        assert_eq!(total(registry, tenant).await, 1, "after crash {crash}");
    }
    assert!(registry.quarantined().is_empty());
    assert!(matches!(call(registry, tenant, Panic).await, Err(ActorError::Crashed)));

    let refused = call(registry, tenant, Stats).await;
    assert!(matches!(refused, Err(ActorError::Quarantined { .. })), "{refused:?}");
    assert_retry_later(&mut client, 2..=policy.quarantine_s);
    let quarantined = registry.quarantined();
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].tenant, tenant);
    assert_eq!(other.write(&json!({"content": "The neighbour works"}))["stored"], true);

    scene.clock.advance(Duration::from_secs(policy.quarantine_s));
    assert_eq!(total(registry, tenant).await, 1, "one new try after the quarantine");
    assert!(matches!(call(registry, tenant, Panic).await, Err(ActorError::Crashed)));
    let refused = call(registry, tenant, Stats).await;
    assert!(matches!(refused, Err(ActorError::Quarantined { .. })), "straight back: {refused:?}");

    assert!(registry.release(tenant).await);
    assert!(!registry.release(tenant).await, "nothing is left to release");
    assert_eq!(client.stats()["total_atoms"], 1);
    assert!(registry.quarantined().is_empty());
    assert_eq!(other.stats()["total_atoms"], 1);
}

/// The tenant answers that it cannot serve now, and when to come back.
#[track_caller]
fn assert_retry_later(client: &mut Client, seconds: std::ops::RangeInclusive<u64>) {
    let answer = client.get("/api/v1/memory/stats");
    assert_eq!(answer.status, 503, "{answer:?}");
    let pause: u64 = answer.header("retry-after").expect("a pause").parse().expect("whole seconds");
    assert!(seconds.contains(&pause), "{pause}");
    let body = answer.json();
    assert_eq!((&body["code"], &body["retryable"]), (&json!("SERVICE_UNAVAILABLE"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_tenant_is_closed_and_comes_back_with_its_access_counts() {
    let scene = Scene::new(|config| config.shards.defaults.idle_evict_s = 60);
    let tenant = scene.tenant();
    let mut client = scene.client(tenant);
    let id = client.write(&json!({"content": "Read three times"}))["atom_id"].clone();
    for _ in 0..3 {
        assert_eq!(client.read(&json!({"query": "Read three times"}))["items"][0]["atom_id"], id);
    }
    let before = client.atom(id.as_str().unwrap()).unwrap();
    assert_eq!(before["access_count"], 3);
    scene.clock.advance(Duration::from_secs(59));
    assert_eq!(scene.registry().evict_idle().await, 0, "not idle for long enough");
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(scene.registry().evict_idle().await, 1);
    assert_eq!(scene.registry().open_count(), 0);
    assert_eq!(client.atom(id.as_str().unwrap()), Some(before));
    assert_eq!(scene.registry().open_count(), 1);
}

/// The actors in the background looked at every open tenant each minute, and an idle one was never
/// closed for that.
#[tokio::test(flavor = "multi_thread")]
async fn what_works_in_the_background_keeps_no_idle_tenant_open() {
    let scene = Scene::new(|config| config.shards.defaults.idle_evict_s = 60);
    write(scene.registry(), scene.tenant(), "Something").await.unwrap();
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(consolidate_open(scene.registry(), 1_000).await, 0, "nothing is due");
    assert_eq!(begin_day(scene.registry()).await, 1);
    assert_eq!(scene.registry().evict_idle().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_consolidated_by_itself_once_enough_was_written_to_it() {
    let scene = Scene::new(|_| {});
    let tenant = scene.tenant();
    let mut client = scene.client(tenant);
    let report = |number: usize| json!({"content": format!("The nightly build number {number} finished without errors")});
    client.write_batch(&(0..19).map(report).collect::<Vec<_>>());
    assert_eq!(consolidate_open(scene.registry(), 20).await, 0, "one is missing");
    client.write_batch(&[report(19)]);
    assert_eq!(consolidate_open(scene.registry(), 20).await, 1);
    let prototypes = client.stats()["prototypes"].as_u64().unwrap();
    assert!(prototypes > 0);
    assert_eq!(consolidate_open(scene.registry(), 20).await, 0, "nothing was written since");

    // The daily window works through closed tenants, too.
    client.write_batch(&[report(20)]);
    scene.clock.advance(Duration::from_secs(3_600));
    scene.registry().evict_idle().await;
    assert_eq!(scene.registry().open_count(), 0);
    assert_eq!(consolidate_all(scene.registry(), 1).await, 1);
    assert_eq!(consolidate_all(scene.registry(), 1).await, 0);
    assert_eq!(client.stats()["total_atoms"], 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_in_use_is_not_closed_however_long_it_takes() {
    let scene = Scene::new(|config| config.shards.defaults.idle_evict_s = 1);
    let tenant = scene.tenant();
    let registry = scene.registry();
    let (command, mut grip) = hold(false);
    let calling = Arc::clone(&scene.server.registry);
    let held = tokio::spawn(async move { call(&calling, tenant, command).await });
    grip.until_running().await;
    scene.clock.advance(Duration::from_secs(3600));
    assert_eq!(registry.evict_idle().await, 0);
    assert_eq!(registry.open_count(), 1);
    grip.let_go();
    held.await.unwrap().unwrap();
    scene.clock.advance(Duration::from_secs(3600));
    assert_eq!(registry.evict_idle().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_number_of_open_tenants_the_longest_idle_is_closed() {
    let scene = Scene::new(|config| config.actors.open_tenants_max = 2);
    let tenants: Vec<TenantId> = (0..4).map(|_| scene.tenant()).collect();
    for tenant in &tenants {
        write(scene.registry(), *tenant, "Something").await.unwrap();
        scene.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(scene.registry().open_count(), 4);
    assert_eq!(scene.registry().evict_idle().await, 2);
    assert_eq!(scene.registry().open_count(), 2);
    for tenant in tenants {
        assert_eq!(total(scene.registry(), tenant).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_while_tenants_are_closed_all_the_time() {
    // Some tenants have one caller and are idle between its calls, some have two.
    const TENANTS: usize = 8;
    const TASKS: usize = 12;
    const CALLS: usize = 60;
    const CALLS_BETWEEN: usize = 5;
    let scene = Scene::new(|config| config.shards.defaults.idle_evict_s = 0);
    let tenants: Vec<TenantId> = (0..TENANTS).map(|_| scene.tenant()).collect();
    let tasks = (0..TASKS).map(|task| {
        let registry = Arc::clone(&scene.server.registry);
        let tenant = tenants[task % TENANTS];
        tokio::spawn(async move {
            let mut closed = 0;
            for number in 0..CALLS {
                // Meets the calls of all the others; its own tenant is idle just now.
                if number % CALLS_BETWEEN == CALLS_BETWEEN - 1 {
                    closed += registry.evict_idle().await;
                }
                let content = format!("Task {task} writes note {number}");
                write(&registry, tenant, &content).await.unwrap();
                let absent = FindAtom { id: AtomId(uuid::Uuid::nil()) };
                assert!(call(&registry, tenant, absent).await.unwrap().is_none());
            }
            closed
        })
    });
    let closed: usize = join_all(tasks).await.into_iter().map(|task| task.unwrap()).sum();
    assert!(closed >= CALLS / CALLS_BETWEEN, "only {closed} were closed");
    for (number, tenant) in tenants.into_iter().enumerate() {
        let callers = (number..TASKS).step_by(TENANTS).count();
        assert_eq!(total(scene.registry(), tenant).await, (callers * CALLS) as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_past_the_permits_are_refused_at_once_and_not_queued() {
    for scope in ["tenant", "shard"] {
        let scene = Scene::new(|config| {
            config.shards.defaults.tenant_permits = 1;
            config.shards.defaults.shard_permits = if scope == "shard" { 1 } else { 8 };
        });
        let (tenant, neighbour) = (scene.tenant(), scene.tenant());
        let registry = Arc::clone(&scene.server.registry);
        let (command, mut grip) = hold(false);
        let held = tokio::spawn(async move { call(&registry, tenant, command).await });
        grip.until_running().await;
        let asked = if scope == "shard" { neighbour } else { tenant };
        let refused = call(scene.registry(), asked, Stats).await;
        let Err(ActorError::Overloaded { scope: found }) = refused else { panic!("{refused:?}") };
        assert_eq!(found, scope);
        let mut client = scene.client(asked);
        assert_retry_later(&mut client, 1..=60);
        if scope == "tenant" {
            assert_eq!(total(scene.registry(), neighbour).await, 0, "the neighbour is served");
        }
        grip.let_go();
        held.await.unwrap().unwrap();
        assert_eq!(client.stats()["total_atoms"], 0);
    }
}

#[test]
fn a_tenant_of_another_embedder_does_not_open_and_says_what_to_do() {
    let memory = MemoryStore::default();
    let index_dir = tempfile::tempdir().unwrap();
    let mut tenant = open(&memory, index_dir.path(), identity()).unwrap();
    store(&mut tenant, "Written with the first embedder").unwrap();
    tenant.close();
    let keys = memory.key_count();
    let others = [
        EmbedderIdentity { hash: [9; 32], name: "other".to_owned(), ..identity() },
        EmbedderIdentity { dimensions: 128, name: "other".to_owned(), ..identity() },
    ];
    for other in others {
        let Err(error) = open(&memory, index_dir.path(), other) else { panic!("it opened") };
        assert!(matches!(error, TenantError::EmbedderMismatch { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let message = error.to_string();
        for part in ["hebbd reembed", &identity().name, "`other`"] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
    assert_eq!(memory.key_count(), keys, "a refusal changes nothing");
    let mut tenant = open(&memory, index_dir.path(), identity()).unwrap();
    assert!(read(&mut tenant, "Written with the first embedder").episodic_hit);
}

/// A registry on one shard with this store.
fn registry_on(store: Arc<dyn Store>) -> (Arc<Directory>, Arc<Registry>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let control: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let directory = Directory::open(control, Arc::clone(&clock), Plans::default()).unwrap();
    let directory = Arc::new(directory);
    let plan = ResolvedShard {
        no: ShardNo(0),
        path: std::env::temp_dir().join("hebbd-no-such-shard"),
        settings: ShardSettings::default(),
        takes_new_tenants: true,
    };
    let shard = Shard::start(plan, store).unwrap();
    let shards = Shards::from_open(vec![shard]);
    let settings = RegistrySettings::default();
    let registry = Registry::new(Arc::clone(&directory), shards, &settings, identity(), clock);
    (directory, Arc::new(registry))
}

#[test]
fn a_write_whose_flush_failed_is_not_acknowledged_and_later_ones_are_refused() {
    actix_rt::System::new().block_on(async {
        let faults = FaultPlan { fail_flush_at: Some(2), ..FaultPlan::default() };
        let memory = MemoryStore::with_faults(faults);
        let (directory, registry) = registry_on(Arc::new(memory.clone()));
        let tenant = directory.create_tenant("test", "local", |_| ShardNo(0)).unwrap();
        write(&registry, tenant.id, "Flushed").await.unwrap();
        let failed = write(&registry, tenant.id, "Not flushed").await;
        assert!(matches!(failed, Err(ActorError::NotDurable(_))), "{failed:?}");
        assert!(!registry.shards().are_healthy(), "readiness tells");
        for _ in 0..3 {
            let refused = write(&registry, tenant.id, "Too late").await;
            let Err(error) = refused else { panic!("acknowledged") };
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            let poisoned = ActorError::Tenant(TenantError::Storage(StorageError::Poisoned));
            assert_eq!(error.to_string(), poisoned.to_string());
        }
        assert!(total(&registry, tenant.id).await >= 1, "reads go on");

        let survived = memory.after_power_cut();
        let index_dir = tempfile::tempdir().unwrap();
        let mut reopened = open(&survived, index_dir.path(), identity()).unwrap();
        assert_eq!(reopened.stats().total_atoms, 1);
        assert!(read(&mut reopened, "Flushed").episodic_hit);
        assert!(!read(&mut reopened, "Not flushed").episodic_hit);
    });
}

#[test]
fn a_write_the_store_refused_leaves_no_trace_and_the_next_one_works() {
    actix_rt::System::new().block_on(async {
        // The first is the tenant's header.
        let faults = FaultPlan { fail_apply_at: Some(3), ..FaultPlan::default() };
        let memory = MemoryStore::with_faults(faults);
        let (directory, registry) = registry_on(Arc::new(memory.clone()));
        let tenant = directory.create_tenant("test", "local", |_| ShardNo(0)).unwrap().id;
        write(&registry, tenant, "First").await.unwrap();
        let failed = write(&registry, tenant, "Refused by the store").await;
        assert!(matches!(failed, Err(ActorError::Tenant(_))), "{failed:?}");
        assert_eq!(total(&registry, tenant).await, 1, "memory was thrown away with it");
        write(&registry, tenant, "Refused by the store").await.unwrap();
        assert_eq!(total(&registry, tenant).await, 2);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_does_not_open_takes_only_its_own_tenants_away() {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
    let two_shards = |config: &mut Config| {
        config.shards.shard = (0..2).map(|no| ShardEntry { no, ..ShardEntry::default() }).collect();
    };
    let server = start(data_dir.path(), &clock, two_shards);
    let tenants: Vec<TenantId> = (0..2)
        .map(|no| server.directory.create_tenant("test", "local", |_| ShardNo(no)).unwrap().id)
        .collect();
    let keys: Vec<String> = tenants
        .iter()
        .map(|tenant| server.new_key(*tenant).secret.expose_secret().to_owned())
        .collect();
    for key in &keys {
        let mut client = Client::new(&server.base_url, key);
        assert_eq!(client.write(&json!({"content": "On a shard"}))["stored"], true);
    }
    server.stop();
    std::fs::write(data_dir.path().join("shards/0/store/conf"), b"\xff\xff garbage").unwrap();
    let server = start(data_dir.path(), &clock, two_shards);
    let mut lost = Client::new(&server.base_url, &keys[0]);
    let answer = lost.get("/api/v1/memory/stats");
    assert_eq!(answer.status, 503, "{answer:?}");
    let mut served = Client::new(&server.base_url, &keys[1]);
    assert_eq!(served.stats()["total_atoms"], 1);
    assert_eq!(served.get("/livez").status, 200);
    let ready: Value = served.get("/readyz").json();
    assert_eq!(ready["checks"]["storage"], false);
}
