//! Users: people who log in, and their passwords. A user belongs to one dialect, as a key does,
//! and may have a tenant of their own. User names and e-mail addresses share one name space per
//! dialect, in which case does not count, so that a name leads to one user at most.
//!
//! Hashing is slow and is never done while a change is being made: see [`Passwords`].

use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;
use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;
use uuid::{Builder, Uuid};

use super::keys::{self, Dialect};
use super::passwords::{PasswordHash, Passwords, Verdict};
use super::records::{self, Table, UserRecord};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::{
    USER_GOALS_CHARS_MAX, USER_NAME_CHARS_MAX, USERS_MAX, USERS_PER_TENANT_MAX,
};
use crate::types::{TenantId, Timestamp, UserId};

/// A hash is made anew at most once, so a second look meets the one that stays.
const VERIFICATIONS_MAX: usize = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub dialect: Dialect,
    /// As it was given; found in any case.
    pub username: String,
    pub email: Option<String>,
    /// For people; not unique.
    pub name: Option<String>,
    /// Where what the user stores belongs. Goes with it: the user of a deleted tenant is deleted.
    pub tenant: Option<TenantId>,
    pub is_admin: bool,
    pub created_at: Timestamp,
    /// When a session was last begun.
    pub last_login_at: Option<Timestamp>,
    /// What they are here for, in a few words of their own.
    pub goals: Option<String>,
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    pub dialect: Dialect,
    pub username: &'a str,
    pub email: Option<&'a str>,
    pub name: Option<&'a str>,
    pub tenant: Option<TenantId>,
    pub is_admin: bool,
    /// `None` for one who cannot log in yet.
    pub password: Option<PasswordHash>,
    pub goals: Option<&'a str>,
}

/// A user who just gave the right password: what a session is begun with. Worth nothing any more
/// once the password is changed or the user deleted.
#[derive(Debug, Clone)]
pub struct VerifiedUser {
    pub user: User,
    pub(super) password: PasswordHash,
}

/// A user in memory.
pub(super) struct KnownUser {
    pub(super) user: User,
    pub(super) password: Option<PasswordHash>,
}

#[derive(Default)]
pub(super) struct Users {
    all: DashMap<UserId, Arc<KnownUser>>,
    /// By folded user name and by folded e-mail address.
    names: DashMap<(Dialect, String), UserId>,
    of_tenant: DashMap<TenantId, Vec<UserId>>,
}

impl Directory {
    /// Creates a user. Durable on return.
    ///
    /// # Errors
    /// For a bad or taken name, an unknown tenant, too many users, or when the store or the
    /// system's randomness fails.
    pub fn create_user(&self, new: NewUser<'_>) -> Result<User, ControlError> {
        let _changing = self.changing();
        if let Some(tenant) = new.tenant {
            self.get_tenant(tenant)?;
            if self.users_of(tenant).len() >= USERS_PER_TENANT_MAX {
                let things = "users of this tenant";
                return Err(ControlError::TooMany { things, limit: USERS_PER_TENANT_MAX });
            }
        }
        let mut batch = AtomicBatch::new(0);
        let known = self.plan_user(&mut batch, new)?;
        self.commit(&batch)?;
        Ok(self.show_new_user(known))
    }

    /// Adds a user to a batch, for a caller that is making a change and knows the tenant.
    pub(super) fn plan_user(
        &self,
        batch: &mut AtomicBatch,
        new: NewUser<'_>,
    ) -> Result<KnownUser, ControlError> {
        let username = user_name("username", new.username)?;
        let email = new.email.map(|email| user_name("email", email)).transpose()?;
        let name = new.name.map(|name| super::directory::label("name", name)).transpose()?;
        let goals = new.goals.map(goals).transpose()?;
        for (what, name) in [("user name", Some(username)), ("e-mail address", email)] {
            if name.is_some_and(|name| self.find_user(new.dialect, name).is_some()) {
                return Err(ControlError::NameTaken(what));
            }
        }
        if self.users.all.len() >= USERS_MAX {
            return Err(ControlError::TooMany { things: "users", limit: USERS_MAX });
        }
        let user = User {
            id: UserId(Builder::from_random_bytes(keys::draw()?).into_uuid()),
            dialect: new.dialect,
            username: username.to_owned(),
            email: email.map(str::to_owned),
            name: name.map(str::to_owned),
            tenant: new.tenant,
            is_admin: new.is_admin,
            created_at: self.clock.now(),
            last_login_at: None,
            goals: goals.map(str::to_owned),
        };
        let known = KnownUser { user, password: new.password };
        put_user(batch, &known)?;
        Ok(known)
    }

    /// Shows a user whose batch is durable.
    pub(super) fn show_new_user(&self, known: KnownUser) -> User {
        let user = known.user.clone();
        self.show_user(known);
        user
    }

    /// # Errors
    /// [`ControlError::UnknownUser`].
    pub fn get_user(&self, id: UserId) -> Result<User, ControlError> {
        Ok(self.known_user(id)?.user.clone())
    }

    /// The user of this user name or e-mail address, in any case. Where a dialect's names are
    /// exact, it compares the one that was found.
    #[must_use]
    pub fn find_user(&self, dialect: Dialect, name: &str) -> Option<User> {
        let id = self.users.names.get(&(dialect, fold(name))).map(|id| *id)?;
        self.get_user(id).ok()
    }

    /// Every user of a dialect, oldest first.
    #[must_use]
    pub fn users(&self, dialect: Dialect) -> Vec<User> {
        let of_dialect = self.users.all.iter().filter(|known| known.user.dialect == dialect);
        let mut users: Vec<_> = of_dialect.map(|known| known.user.clone()).collect();
        users.sort_by_key(|user| (user.created_at, user.id));
        users
    }

    /// The users that belong to a tenant.
    #[must_use]
    pub fn users_of(&self, tenant: TenantId) -> Vec<UserId> {
        self.users.of_tenant.get(&tenant).map(|ids| ids.clone()).unwrap_or_default()
    }

    /// Whether this is the user's password; `None` for a user that is not there takes as long as
    /// a wrong password. A hash of another cost than today's is made again. Blocks for tens of
    /// milliseconds: for the blocking pool.
    ///
    /// # Errors
    /// When the stored hash cannot be read, or the store fails.
    pub fn verify_user(
        &self,
        passwords: &Passwords,
        user: Option<UserId>,
        password: &SecretString,
    ) -> Result<Option<VerifiedUser>, ControlError> {
        for _ in 0..VERIFICATIONS_MAX {
            let known = user.and_then(|id| self.known_user(id).ok());
            let stored = known.as_ref().and_then(|known| known.password.clone());
            let verdict = passwords.verify(stored.as_ref(), password)?;
            let (Some(known), Some(stored), Verdict::Right { rehash }) = (known, stored, verdict)
            else {
                return Ok(None);
            };
            let verified = VerifiedUser { user: known.user.clone(), password: stored };
            if !rehash {
                return Ok(Some(verified));
            }
            let hash = passwords.hash(password)?;
            let _changing = self.changing();
            // Another login may have hashed it anew meanwhile: then that one is what to verify.
            let Ok(known) = self.still_verified(&verified) else { continue };
            let user = known.user.clone();
            let known = KnownUser { user: user.clone(), password: Some(hash.clone()) };
            let mut batch = AtomicBatch::new(0);
            put_user(&mut batch, &known)?;
            self.commit(&batch)?;
            self.show_user(known);
            return Ok(Some(VerifiedUser { user, password: hash }));
        }
        Ok(None)
    }

    /// The user as known now, if the password that was verified is still theirs.
    pub(super) fn still_verified(
        &self,
        verified: &VerifiedUser,
    ) -> Result<Arc<KnownUser>, ControlError> {
        let known = self.known_user(verified.user.id).ok();
        let known = known.filter(|known| known.password.as_ref() == Some(&verified.password));
        known.ok_or(ControlError::NoLongerVerified)
    }

    /// Gives a user another password and ends their sessions, on every worker at once. Durable on
    /// return.
    ///
    /// # Errors
    /// For an unknown user, or when the store fails.
    pub fn set_password(&self, id: UserId, password: PasswordHash) -> Result<(), ControlError> {
        let _changing = self.changing();
        let user = self.known_user(id)?.user.clone();
        let known = KnownUser { user, password: Some(password) };
        let mut batch = AtomicBatch::new(0);
        put_user(&mut batch, &known)?;
        self.delete_sessions_of(&mut batch, id);
        self.commit(&batch)?;
        self.forget_sessions_of(id);
        self.show_user(known);
        Ok(())
    }

    /// Deletes a user and ends their sessions, on every worker at once. Their tenant stays.
    /// Durable on return.
    ///
    /// # Errors
    /// For an unknown user, or when the store fails.
    pub fn delete_user(&self, id: UserId) -> Result<User, ControlError> {
        let _changing = self.changing();
        let user = self.known_user(id)?.user.clone();
        let mut batch = AtomicBatch::new(0);
        self.delete_user_record(&mut batch, id);
        self.commit(&batch)?;
        self.forget_user(id);
        Ok(user)
    }

    /// Adds the deletion of everything that is stored of a user.
    pub(super) fn delete_user_record(&self, batch: &mut AtomicBatch, id: UserId) {
        batch.delete(records::key(Table::User, id.as_bytes()));
        self.delete_sessions_of(batch, id);
    }

    pub(super) fn forget_user(&self, id: UserId) {
        let Some((_, known)) = self.users.all.remove(&id) else { return };
        self.forget_sessions_of(id);
        for name in names_of(&known.user) {
            self.users.names.remove(&name);
        }
        if let Some(tenant) = known.user.tenant {
            self.users.of_tenant.remove_if_mut(&tenant, |_, ids| {
                ids.retain(|known| *known != id);
                ids.is_empty()
            });
        }
    }

    pub(super) fn known_user(&self, id: UserId) -> Result<Arc<KnownUser>, ControlError> {
        let found = self.users.all.get(&id).map(|known| Arc::clone(&known));
        found.ok_or(ControlError::UnknownUser(id))
    }

    /// Shows a new user, or a known one whose names and tenant are as they were.
    pub(super) fn show_user(&self, known: KnownUser) {
        let (id, tenant, names) = (known.user.id, known.user.tenant, names_of(&known.user));
        if self.users.all.insert(id, Arc::new(known)).is_some() {
            return;
        }
        for name in names {
            self.users.names.insert(name, id);
        }
        if let Some(tenant) = tenant {
            self.users.of_tenant.entry(tenant).or_default().push(id);
        }
    }

    pub(super) fn load_users(&self) -> Result<(), ControlError> {
        self.load(Table::User, |id: [u8; 16], record: UserRecord| {
            if let Some(known) = user_from(UserId(Uuid::from_bytes(id)), record) {
                self.show_user(known);
            }
            Ok(())
        })
    }
}

/// As which a name is found: composed, in lower case. Not for showing.
fn fold(name: &str) -> String {
    name.trim().nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// What leads to a user; the same twice if the user name is the e-mail address.
fn names_of(user: &User) -> Vec<(Dialect, String)> {
    let names = [Some(&user.username), user.email.as_ref()];
    names.into_iter().flatten().map(|name| (user.dialect, fold(name))).collect()
}

fn user_name<'a>(field: &'static str, text: &'a str) -> Result<&'a str, ControlError> {
    let text = text.trim();
    let problem = if text.is_empty() {
        "is empty; give it at least one character".to_owned()
    } else if text.chars().count() > USER_NAME_CHARS_MAX {
        format!("is longer than {USER_NAME_CHARS_MAX} characters")
    } else if text.chars().any(char::is_control) {
        "holds a control character, such as a line end".to_owned()
    } else {
        return Ok(text);
    };
    Err(ControlError::Invalid { field, problem })
}

fn goals(text: &str) -> Result<&str, ControlError> {
    let chars = text.chars().count();
    if chars <= USER_GOALS_CHARS_MAX {
        return Ok(text);
    }
    let problem = format!("has {chars} characters; at most {USER_GOALS_CHARS_MAX} are kept");
    Err(ControlError::Invalid { field: "goals", problem })
}

pub(super) fn put_user(batch: &mut AtomicBatch, known: &KnownUser) -> Result<(), ControlError> {
    let user = &known.user;
    let record = UserRecord {
        dialect: user.dialect.as_str().to_owned(),
        username: user.username.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
        tenant: user.tenant.map(|tenant| *tenant.as_bytes()),
        is_admin: user.is_admin,
        created_at_us: user.created_at.as_micros(),
        last_login_us: user.last_login_at.map(Timestamp::as_micros),
        password: known.password.as_ref().map(|hash| hash.as_str().to_owned()),
        goals: user.goals.clone(),
    };
    batch.put(records::key(Table::User, user.id.as_bytes()), encode(&record)?);
    Ok(())
}

/// `None` for a dialect this build does not know: nobody logs in there.
fn user_from(id: UserId, record: UserRecord) -> Option<KnownUser> {
    let user = User {
        id,
        dialect: Dialect::find(&record.dialect)?,
        username: record.username,
        email: record.email,
        name: record.name,
        tenant: record.tenant.map(|tenant| TenantId(Uuid::from_bytes(tenant))),
        is_admin: record.is_admin,
        created_at: Timestamp::from_micros(record.created_at_us),
        last_login_at: record.last_login_us.map(Timestamp::from_micros),
        goals: record.goals,
    };
    Some(KnownUser { user, password: record.password.map(PasswordHash::from_stored) })
}

impl fmt::Debug for KnownUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownUser({})", self.user.id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::{CHEAP, Fixture};
    use super::super::passwords::PasswordCost;
    use super::*;
    use crate::storage::{FaultPlan, MemoryStore};
    use crate::types::{Clock, ErrorKind};

    #[test]
    fn a_user_is_found_by_name_and_address_in_any_case_and_survives_a_power_cut() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        let new = NewUser {
            email: Some("Ada@Example.com"),
            name: Some("Ada Lovelace"),
            tenant: Some(tenant),
            ..Fixture::new_user(" Ada ")
        };
        let user = fixture.directory.create_user(new).unwrap();
        assert_eq!(user.username, "Ada");
        assert_eq!(user.id.0.get_version_num(), 4);
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let find = |name| fixture.directory.find_user(Dialect::Metacogna, name);
            for name in ["Ada", "ada", "ADA", "ada@example.COM"] {
                assert_eq!(find(name).as_ref(), Some(&user), "{name}");
            }
            assert_eq!(find("Ad"), None);
            assert_eq!(fixture.directory.find_user(Dialect::Tex, "Ada"), None);
            assert_eq!(fixture.directory.users_of(tenant), [user.id]);
        }
    }

    /// Goals were added at the end of the record.
    #[test]
    fn a_user_of_an_earlier_version_has_no_goals() {
        #[derive(serde::Serialize)]
        struct OldUser<'a>(
            &'a str,
            &'a str,
            Option<&'a str>,
            Option<&'a str>,
            Option<[u8; 16]>,
            bool,
            i64,
            Option<i64>,
            Option<&'a str>,
        );
        let fixture = Fixture::new();
        let old = OldUser("metacogna", "ada", None, Some("Ada"), None, true, 7, None, None);
        let bytes = [vec![1], rmp_serde::to_vec(&old).unwrap()].concat();
        let id = UserId(Uuid::from_bytes([9; 16]));
        let mut batch = AtomicBatch::new(0);
        batch.put(records::key(Table::User, id.as_bytes()), bytes);
        fixture.directory.commit(&batch).unwrap();
        let fixture = fixture.after_power_cut();
        let user = fixture.directory.get_user(id).unwrap();
        assert_eq!((user.username.as_str(), user.is_admin, user.goals), ("ada", true, None));
    }

    /// Each saw the old hash, and all but the first found another when they had made theirs.
    #[test]
    fn of_many_who_hash_a_password_anew_at_once_all_are_verified() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let dearer = Passwords::new(PasswordCost { memory_kib: 16, ..CHEAP }).unwrap();
        let barrier = std::sync::Barrier::new(8);
        let verify = || {
            barrier.wait();
            fixture.directory.verify_user(&dearer, Some(user.id), &"secret".into()).unwrap()
        };
        let verified: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(verify)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(verified.iter().all(Option::is_some));
    }

    #[test]
    fn goals_are_kept_up_to_a_length() {
        let fixture = Fixture::new();
        let create = |name, goals: &str| {
            let new = NewUser { goals: Some(goals), ..Fixture::new_user(name) };
            fixture.directory.create_user(new)
        };
        let most = "\u{e9}".repeat(USER_GOALS_CHARS_MAX);
        let user = create("most", &most).unwrap();
        assert!(create("more", &format!("{most}a")).is_err());
        let found = fixture.after_power_cut().directory.get_user(user.id).unwrap();
        assert_eq!(found.goals, Some(most));
    }

    #[test]
    fn a_name_is_taken_in_any_case_and_spelling_but_only_in_its_dialect() {
        let fixture = Fixture::new();
        let create = |new| fixture.directory.create_user(new);
        create(NewUser { email: Some("é@x.org"), ..Fixture::new_user("Straße") }).unwrap();
        let taken = |error| matches!(error, Err(ControlError::NameTaken(_)));
        assert!(taken(create(Fixture::new_user("STRAße"))));
        assert!(taken(create(Fixture::new_user("E\u{301}@X.org"))), "composed or not");
        let email = Some("straße");
        assert!(taken(create(NewUser { email, ..Fixture::new_user("other") })));
        let elsewhere = NewUser { dialect: Dialect::Tex, ..Fixture::new_user("Straße") };
        assert!(create(elsewhere).is_ok());
        assert_eq!(fixture.directory.users(Dialect::Metacogna).len(), 1);
        for name in ["", "  ", "a\nb", &"x".repeat(255)] {
            let error = create(Fixture::new_user(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
        }
    }

    #[test]
    fn the_password_decides_and_the_unknown_are_refused_alike() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret one");
        let verify = |id, text: &str| {
            fixture.directory.verify_user(&fixture.passwords, id, &text.into()).unwrap()
        };
        assert_eq!(verify(Some(user.id), "secret one").unwrap().user, user);
        assert!(verify(Some(user.id), "secret two").is_none());
        assert!(verify(None, "secret one").is_none());
        let without = fixture.directory.create_user(Fixture::new_user("bob")).unwrap();
        assert!(verify(Some(without.id), "").is_none());
        assert!(verify(Some(without.id), "secret one").is_none());

        fixture.directory.set_password(user.id, fixture.hash("secret two")).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(fixture.verify(user.id, "secret one").is_none());
            assert!(fixture.verify(user.id, "secret two").is_some());
        }
    }

    #[test]
    fn a_hash_of_a_former_cost_is_made_again_at_the_next_login() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let dearer = Passwords::new(PasswordCost { passes: 2, ..CHEAP }).unwrap();
        let verified = fixture.directory.verify_user(&dearer, Some(user.id), &"secret".into());
        let verified = verified.unwrap().unwrap();
        assert_eq!(dearer.needs_rehash(&verified.password), Ok(false));
        let fixture = fixture.after_power_cut();
        assert!(fixture.directory.still_verified(&verified).is_ok(), "it is stored");
        assert!(fixture.verify(user.id, "secret").is_some());
    }

    #[test]
    fn a_deleted_user_is_gone_and_the_name_is_free() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let verified = fixture.verify(user.id, "secret").unwrap();
        assert_eq!(fixture.directory.delete_user(user.id).unwrap(), user);
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let directory = &fixture.directory;
            assert_eq!(directory.get_user(user.id), Err(ControlError::UnknownUser(user.id)));
            assert_eq!(directory.find_user(Dialect::Metacogna, "ada"), None);
            assert!(fixture.verify(user.id, "secret").is_none());
            assert!(directory.still_verified(&verified).is_err());
            assert!(!fixture.stores(user.id.as_bytes()) && !fixture.stores(b"ada"));
        }
        fixture.user("Ada", "other");
    }

    #[test]
    fn what_was_not_stored_did_not_happen() {
        let failing = FaultPlan { fail_flush_at: Some(2), ..FaultPlan::default() };
        let fixture = Fixture::on(MemoryStore::with_faults(failing));
        let refused = fixture.directory.create_user(Fixture::new_user("ada"));
        assert!(matches!(refused, Err(ControlError::Storage(_))), "{refused:?}");
        assert_eq!(fixture.directory.users(Dialect::Metacogna), []);
        assert_eq!(fixture.after_power_cut().directory.users(Dialect::Metacogna), []);
    }

    #[test]
    fn a_tenant_has_so_many_users_and_an_unknown_one_none() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        let create = |name: &str, tenant| {
            let tenant = Some(tenant);
            fixture.directory.create_user(NewUser { tenant, ..Fixture::new_user(name) })
        };
        for no in 0..USERS_PER_TENANT_MAX {
            create(&format!("user{no}"), tenant).unwrap();
        }
        let error = create("one more", tenant).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(create("one more", fixture.tenant()).is_ok());
        let unknown = TenantId(Uuid::nil());
        assert_eq!(create("x", unknown), Err(ControlError::UnknownTenant(unknown)));
    }

    #[test]
    fn neither_password_nor_hash_is_shown_or_stored_in_clear() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "correct horse battery");
        let verified = fixture.verify(user.id, "correct horse battery").unwrap();
        let known = fixture.directory.known_user(user.id).unwrap();
        let shown = format!("{user:?} {verified:?} {known:?}");
        assert!(!shown.contains("horse") && !shown.contains("argon2"), "{shown}");
        assert!(fixture.stores(b"$argon2id$") && !fixture.stores(b"horse"));
        assert!(user.created_at <= fixture.clock.now());
    }
}
