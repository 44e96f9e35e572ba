//! What the tests of users, sessions, tokens and secrets begin with.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::Directory;
use super::keys::Dialect;
use super::passwords::{PasswordCost, PasswordHash, Passwords};
use super::plans::Plans;
use super::users::{NewUser, User, VerifiedUser};
use crate::storage::{MemoryStore, Store};
use crate::types::{Clock, ManualClock, ShardNo, TenantId, Timestamp, UserId};

/// Cheap enough for tests, and worth nothing elsewhere.
pub(super) const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };

pub(super) struct Fixture {
    pub store: MemoryStore,
    pub clock: Arc<ManualClock>,
    pub directory: Directory,
    pub passwords: Passwords,
    pub key_file: PathBuf,
    folder: Arc<TempDir>,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::on(MemoryStore::default())
    }

    pub(super) fn on(store: MemoryStore) -> Self {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Arc::new(ManualClock::starting_at(start));
        Self::open(store, clock, Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(super) fn without_key_file() -> Self {
        let mut fixture = Self::new();
        let clock: Arc<dyn Clock> = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
        let store = Arc::new(MemoryStore::default());
        fixture.directory = Directory::open(store, clock, Plans::default()).unwrap();
        fixture
    }

    fn open(store: MemoryStore, clock: Arc<ManualClock>, folder: Arc<TempDir>) -> Self {
        let key_file = folder.path().join("secrets.key");
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let directory = Directory::open(Arc::new(store.clone()), shared, Plans::default())
            .unwrap()
            .with_key_file(key_file.clone());
        let passwords = Passwords::new(CHEAP).unwrap();
        Self { store, clock, directory, passwords, key_file, folder }
    }

    /// What a process finds that starts after the power failed.
    pub(super) fn after_power_cut(&self) -> Self {
        let store = self.store.after_power_cut();
        Self::open(store, Arc::clone(&self.clock), Arc::clone(&self.folder))
    }

    pub(super) fn tenant(&self) -> TenantId {
        self.directory.create_tenant("acme", "local", |_| ShardNo(0)).unwrap().id
    }

    pub(super) fn hash(&self, password: &str) -> PasswordHash {
        self.passwords.hash(&password.into()).unwrap()
    }

    pub(super) fn new_user(username: &str) -> NewUser<'_> {
        NewUser {
            dialect: Dialect::Metacogna,
            username,
            email: None,
            name: None,
            tenant: None,
            is_admin: false,
            password: None,
            goals: None,
        }
    }

    pub(super) fn user(&self, username: &str, password: &str) -> User {
        let password = Some(self.hash(password));
        self.directory.create_user(NewUser { password, ..Self::new_user(username) }).unwrap()
    }

    pub(super) fn verify(&self, user: UserId, password: &str) -> Option<VerifiedUser> {
        self.directory.verify_user(&self.passwords, Some(user), &password.into()).unwrap()
    }

    /// Whether the store holds these bytes anywhere, in a key or in a value.
    pub(super) fn stores(&self, part: &[u8]) -> bool {
        let mut found = false;
        let mut look = |key: &[u8], value: &[u8]| {
            let holds = |bytes: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            found |= holds(key) || holds(value);
            std::ops::ControlFlow::Continue(())
        };
        self.store.for_each(&[], None, &mut look).unwrap();
        found
    }
}
