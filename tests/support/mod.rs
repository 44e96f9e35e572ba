//! A real server on a free port for tests, in a thread of its own with its own actix system. The
//! directory and the registry are shared with the test, so that it can make tenants, revoke keys
//! and reach a tenant's actor without any test-only route.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot start its server has nothing else to do"
)]

pub(crate) mod environment;
pub(crate) mod language_model;

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use hebbd::actors::Registry;
use hebbd::actors::placement::choose_shard;
use hebbd::app::Application;
use hebbd::config::Config;
use hebbd::control::Directory;
use hebbd::control::keys::{Dialect, KeyKind, KeyOrder, NewKey};
use hebbd::control::passwords::{PasswordCost, Passwords, login_secret};
use hebbd::control::users::NewUser;
use hebbd::types::{Clock, SystemClock, TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Stops, in order, when dropped.
pub(crate) struct TestServer {
    pub(crate) base_url: String,
    pub(crate) directory: Arc<Directory>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) admin_url: String,
    pub(crate) admin_token: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Removed last.
    data_dir: Option<TempDir>,
}

impl TestServer {
    /// A server on an empty directory that goes with it.
    pub(crate) async fn start() -> Self {
        let data_dir = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self::start_at(data_dir.path());
        server.data_dir = Some(data_dir);
        server
    }

    /// A server on a directory that stays.
    pub(crate) fn start_at(data_dir: &Path) -> Self {
        Self::start_with(data_dir, Arc::new(SystemClock), |_| {})
    }

    /// A server whose configuration the test changes.
    pub(crate) fn start_with(
        data_dir: &Path,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::default();
        config.data_dir = PathBuf::from(data_dir);
        config.extraction_program = Some(env!("CARGO_BIN_EXE_hebbd").into());
        config.server.listen.set_port(0);
        config.server.workers = 2;
        change(&mut config);
        let (started, wait) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let application =
                    Application::start(&config, clock).await.expect("the server starts");
                let parts = (
                    application.base_url(),
                    Arc::clone(application.directory()),
                    Arc::clone(application.registry()),
                    application.admin_url(),
                    application.admin_token().expose_secret().to_owned(),
                );
                started.send(parts).expect("the test waits for the server");
                let stopped = async move {
                    // A dropped sender means the same.
                    let _ = stopped.await;
                };
                application.run_until_stopped(stopped).await.expect("the server stops");
            });
        });
        let (base_url, directory, registry, admin_url, admin_token) =
            wait.recv().expect("the server starts");
        Self {
            base_url,
            directory,
            registry,
            admin_url,
            admin_token,
            stop: Some(stop),
            thread: Some(thread),
            data_dir: None,
        }
    }

    /// A mnemoverse key of a fresh tenant without limits.
    pub(crate) async fn new_tenant_key(&self) -> String {
        self.new_tenant_key_with_plan("local").await
    }

    /// A mnemoverse key of a fresh tenant.
    pub(crate) async fn new_tenant_key_with_plan(&self, plan: &str) -> String {
        let key = self.new_key(self.new_tenant(plan));
        key.secret.expose_secret().to_owned()
    }

    pub(crate) fn new_tenant(&self, plan: &str) -> TenantId {
        self.new_tenant_called("test", plan)
    }

    pub(crate) fn new_tenant_called(&self, name: &str, plan: &str) -> TenantId {
        let shards = self.registry.shards().for_new_tenants();
        let place = |id| choose_shard(id, &shards).expect("there is a shard");
        self.directory.create_tenant(name, plan, place).expect("the tenant is made").id
    }

    pub(crate) fn new_key(&self, tenant: TenantId) -> NewKey {
        self.new_key_of_kind(tenant, KeyKind::Mnemoverse)
    }

    pub(crate) fn new_key_of_kind(&self, tenant: TenantId, kind: KeyKind) -> NewKey {
        let order = KeyOrder::for_tenant(tenant, kind, "test");
        self.directory.create_key(order).expect("the key is made")
    }

    /// The token of a fresh metacogna user's session.
    pub(crate) fn new_session(&self, is_admin: bool) -> String {
        Member::new(self, "metacogna", is_admin).session
    }

    /// Stops the server and waits until its data directory is free.
    pub(crate) fn stop(mut self) {
        self.stop_now();
    }

    fn stop_now(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server's thread panicked");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop_now();
    }
}

/// An app of the magneteco dialect.
#[derive(Debug, Clone)]
pub(crate) struct TestApp {
    pub(crate) tenant: TenantId,
    /// Its name on the wire.
    pub(crate) id: String,
    /// May do everything.
    pub(crate) key: String,
}

impl TestApp {
    pub(crate) fn new(server: &TestServer, name: &str, plan: &str) -> Self {
        let (id, tenant) = (name.to_owned(), server.new_tenant_called(name, plan));
        let key = Self::key_with(server, tenant, Some(&["*"]));
        Self { tenant, id, key }
    }

    /// A key with these permissions; `None` for those that new keys have.
    pub(crate) fn key_with(
        server: &TestServer,
        tenant: TenantId,
        permissions: Option<&[&str]>,
    ) -> String {
        let scopes = permissions.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
        let order = KeyOrder { scopes, ..KeyOrder::for_tenant(tenant, KeyKind::Magneteco, "test") };
        let key = server.directory.create_key(order).expect("the key is made");
        key.secret.expose_secret().to_owned()
    }
}

/// A user of the metacogna dialect with a tenant of their own, logged in for a week.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) tenant: TenantId,
    pub(crate) id: UserId,
    pub(crate) username: String,
    pub(crate) password: String,
    /// What stands for the password on the wire.
    pub(crate) hash: String,
    pub(crate) session: String,
}

impl Member {
    /// Made without the wire, whose hashes take long and are counted.
    pub(crate) fn new(server: &TestServer, plan: &str, is_admin: bool) -> Self {
        let (directory, dialect) = (&server.directory, Dialect::Metacogna);
        let cheap = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };
        let passwords = Passwords::new(cheap).unwrap();
        let username = format!("{}@example.com", Uuid::new_v4().simple());
        let password = "TestPass123!".to_owned();
        let secret = login_secret(dialect, &username, &SecretString::from(password.as_str()));
        let tenant = server.new_tenant(plan);
        let new = NewUser {
            dialect,
            username: &username,
            email: Some(&username),
            name: Some("Test"),
            tenant: Some(tenant),
            is_admin,
            password: Some(passwords.hash(&secret).unwrap()),
            goals: None,
        };
        let id = directory.create_user(new).unwrap().id;
        let verified = directory.verify_user(&passwords, Some(id), &secret).unwrap().unwrap();
        let week = Duration::from_secs(7 * 86_400);
        let session = directory.create_session(&verified, week).unwrap();
        let session = session.token.expose_secret().to_owned();
        let hash = secret.expose_secret().to_owned();
        Self { tenant, id, username, password, hash, session }
    }
}
