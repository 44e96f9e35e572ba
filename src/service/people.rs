//! People who log in to one dialect: signing them up, their sessions, and who presents what. Changes
//! are durable on return and made off the async threads. Passwords are hashed on the blocking pool,
//! a few at a time, and what somebody unknown presents costs what it costs somebody known.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::{Scope, ServiceError, change};
use crate::actors::Registry;
use crate::actors::placement::choose_shard;
use crate::control::keys::Dialect;
use crate::control::passwords::{PasswordCost, Passwords, login_secret};
use crate::control::plans::Plan;
use crate::control::sessions::NewSession;
use crate::control::tenants::NewTenant;
use crate::control::users::{NewUser, User, VerifiedUser};
use crate::control::{ControlError, Directory};
use crate::types::limits::LABEL_CHARS_MAX;
use crate::types::{Deadline, ErrorKind, TenantId, UserId};

/// Characters of the shortest password, in clear.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// Passwords hashed at one time: 19 MiB and some tens of milliseconds of a core each.
const HASHINGS_MAX: usize = 4;
/// Passwords being hashed or waiting for their turn; further ones are refused.
const HASHINGS_WAITING_MAX: usize = 64;
const OVERLOAD_PAUSE: Duration = Duration::from_secs(1);
/// A hash is made anew at most once, so a second try meets the one that stays.
const LOGIN_TRIES_MAX: usize = 2;

/// Characters of the summary of somebody's goals.
const SUMMARY_CHARS_MAX: usize = 200;
const NO_GOALS: &str = "No specific goals provided.";
/// How long a summary is waited for before the goals' own beginning stands for it.
const SUMMARY_WAIT: Duration = Duration::from_secs(10);

/// Puts what somebody wants into few words.
pub trait GoalSummariser: Send + Sync {
    /// `None` where there is nothing better than the goals' own beginning; never called for blank
    /// goals. What is longer than a summary may be is cut.
    fn summarise<'a>(&'a self, goals: &'a str) -> BoxFuture<'a, Option<String>>;
}

/// Summarises nothing: the beginning of the goals stands for them.
#[derive(Debug, Clone, Copy)]
pub struct NoSummariser;

impl GoalSummariser for NoSummariser {
    fn summarise<'a>(&'a self, _goals: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }
}

/// A user with a tenant of their own or a shared one, and what its plan allows.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: User,
    pub tenant: TenantId,
    pub plan: Arc<Plan>,
}

impl Person {
    /// The person's tenant, until `deadline`.
    #[must_use]
    pub fn scope(&self, deadline: Deadline) -> Scope {
        Scope { tenant: self.tenant, deadline, allowance: self.plan.allowance() }
    }
}

/// Somebody to be signed up, with a tenant of their own.
#[derive(Debug)]
pub struct NewPerson {
    pub username: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// In clear.
    pub password: SecretString,
    /// In their own words, which may be blank; they are summarised. `None` for nothing to summarise.
    pub goals: Option<String>,
    pub plan: String,
    pub is_admin: bool,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct PeopleService {
    dialect: Dialect,
    registry: Arc<Registry>,
    passwords: Arc<Passwords>,
    hashings: Arc<Semaphore>,
    hashings_waiting: Arc<Semaphore>,
    summariser: Arc<dyn GoalSummariser>,
}

impl PeopleService {
    /// # Errors
    /// When the system's randomness fails.
    pub fn new(
        dialect: Dialect,
        registry: Arc<Registry>,
        summariser: Arc<dyn GoalSummariser>,
    ) -> Result<Self, ServiceError> {
        let passwords = Passwords::new(PasswordCost::default()).map_err(ControlError::from)?;
        Ok(Self {
            dialect,
            registry,
            passwords: Arc::new(passwords),
            hashings: Arc::new(Semaphore::new(HASHINGS_MAX)),
            hashings_waiting: Arc::new(Semaphore::new(HASHINGS_WAITING_MAX)),
            summariser,
        })
    }

    fn directory(&self) -> &Arc<Directory> {
        self.registry.directory()
    }

    /// Begins a session. `username` is exact; `secret` is what clients of the dialect send for a
    /// password.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`] for an unknown user and for a wrong secret alike, and
    /// [`ErrorKind::Overloaded`] when too many log in at once.
    pub async fn log_in(
        &self,
        username: &str,
        secret: SecretString,
        lifetime: Duration,
        deadline: Deadline,
    ) -> Result<NewSession, ServiceError> {
        let found = self.directory().find_user(self.dialect, username);
        let found = found.filter(|user| user.username == username);
        let found = found.and_then(|user| self.person(user)).map(|person| person.user.id);
        let refused = || ServiceError::new(ErrorKind::Unauthenticated, "invalid credentials");
        for _ in 0..LOGIN_TRIES_MAX {
            let verified = self.verify(found, secret.clone(), deadline).await?;
            let verified = verified.ok_or_else(refused)?;
            let began = change(&self.registry, move |directory| {
                directory.create_session(&verified, lifetime)
            });
            match began.await {
                Ok(session) => return Ok(session),
                // Another login of the user hashed the password anew meanwhile, or it was changed,
                // or the user has gone: that shows when it is verified once more.
                Err(error) if error.kind() == ErrorKind::Unauthenticated => {}
                Err(error) => return Err(error),
            }
        }
        Err(refused())
    }

    /// Ends a session; says whether there was one.
    ///
    /// # Errors
    /// When the directory cannot write.
    pub async fn log_out(&self, token: String) -> Result<bool, ServiceError> {
        change(&self.registry, move |directory| directory.end_session(&token)).await
    }

    /// Whose session this token is, while it lasts. Costs one hash and a few look-ups.
    #[must_use]
    pub fn find_by_session(&self, token: &str) -> Option<Person> {
        self.person(self.directory().find_session(token)?.user)
    }

    /// The person with this id, if their secret is this one.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`] when too many present secrets at once.
    pub async fn find_by_secret(
        &self,
        id: UserId,
        secret: SecretString,
        deadline: Deadline,
    ) -> Result<Option<Person>, ServiceError> {
        let known = self.find(id).map(|person| person.user.id);
        let verified = self.verify(known, secret, deadline).await?;
        Ok(verified.and_then(|verified| self.person(verified.user)))
    }

    #[must_use]
    pub fn find(&self, id: UserId) -> Option<Person> {
        self.person(self.directory().get_user(id).ok()?)
    }

    /// Whether somebody has this user name or e-mail address already, in any case.
    #[must_use]
    pub fn is_taken(&self, name: &str) -> bool {
        self.directory().find_user(self.dialect, name).is_some()
    }

    /// Whether anybody can sign up others.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        self.directory().users(self.dialect).iter().any(|user| user.is_admin)
    }

    /// Makes a user and their tenant; both are there, or neither is. What they want is summarised
    /// first.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] for an e-mail address that is taken, [`ErrorKind::InvalidInput`] for
    /// what is malformed, [`ErrorKind::Unavailable`] when no shard takes new tenants.
    pub async fn sign_up(
        &self,
        new: NewPerson,
        deadline: Deadline,
    ) -> Result<Person, ServiceError> {
        let shards = self.registry.shards().for_new_tenants();
        let Some(first) = shards.first().copied() else {
            let message = "this server cannot take new users now";
            return Err(ServiceError::new(ErrorKind::Unavailable, message));
        };
        let NewPerson { username, email, name, password, goals, plan, is_admin } = new;
        // As it is stored: what clients hash has no blanks around it.
        let username = username.trim().to_owned();
        let secret = login_secret(self.dialect, &username, &password);
        let passwords = Arc::clone(&self.passwords);
        let hashed = self.hashing(deadline, move || passwords.hash(&secret)).await?;
        let password = Some(hashed.map_err(ControlError::from)?);
        let goals = match goals {
            Some(goals) => Some(summary_of(&goals, &*self.summariser, SUMMARY_WAIT).await),
            None => None,
        };
        let dialect = self.dialect;
        let user = change(&self.registry, move |directory| {
            let user = NewUser {
                dialect,
                username: &username,
                email: email.as_deref(),
                name: name.as_deref(),
                tenant: None,
                is_admin,
                password,
                goals: goals.as_deref(),
            };
            let label: String = username.chars().take(LABEL_CHARS_MAX).collect();
            let tenant = NewTenant::named(&label, &plan);
            directory.sign_up_user(&tenant, |id| choose_shard(id, &shards).unwrap_or(first), user)
        })
        .await?;
        let gone = || ServiceError::new(ErrorKind::NotFound, "the user was deleted meanwhile");
        self.person(user).ok_or_else(gone)
    }

    /// Takes a sign-up back, with everything that was stored for it since.
    ///
    /// # Errors
    /// When the directory cannot write; the user stays then.
    pub async fn undo_sign_up(&self, person: &Person) -> Result<(), ServiceError> {
        let deleted = self.registry.delete_tenant(person.tenant).await;
        deleted.map_err(|error| ServiceError::from_actor(&error))
    }

    /// Somebody of this dialect who has a tenant. Without one there is nothing to act upon.
    fn person(&self, user: User) -> Option<Person> {
        let tenant = self.directory().get_tenant(user.tenant?).ok()?;
        let is_here = user.dialect == self.dialect;
        is_here.then_some(Person { user, tenant: tenant.id, plan: tenant.plan })
    }

    async fn verify(
        &self,
        user: Option<UserId>,
        secret: SecretString,
        deadline: Deadline,
    ) -> Result<Option<VerifiedUser>, ServiceError> {
        let (directory, passwords) = (Arc::clone(self.directory()), Arc::clone(&self.passwords));
        let verify = move || directory.verify_user(&passwords, user, &secret);
        Ok(self.hashing(deadline, verify).await??)
    }

    /// Runs what hashes a password, after those who came before.
    async fn hashing<R: Send + 'static>(
        &self,
        deadline: Deadline,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, ServiceError> {
        let overloaded = || {
            let message = "too many passwords are being checked; try again";
            ServiceError::new(ErrorKind::Overloaded, message).retry_after(OVERLOAD_PAUSE)
        };
        let _waiting = self.hashings_waiting.try_acquire().map_err(|_full| overloaded())?;
        let turn = Arc::clone(&self.hashings).acquire_owned();
        let turn = tokio::time::timeout_at(deadline.instant(), turn).await;
        let Ok(Ok(turn)) = turn else { return Err(overloaded()) };
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            // Given back by the work itself: a caller that goes away does not end it.
            drop(turn);
            done
        });
        working.await.map_err(|_panicked| ServiceError::crashed())
    }
}

/// At most [`SUMMARY_CHARS_MAX`] characters, and not blank.
async fn summary_of(goals: &str, summariser: &dyn GoalSummariser, wait: Duration) -> String {
    let goals = goals.trim();
    if goals.is_empty() {
        return NO_GOALS.to_owned();
    }
    let summary = tokio::time::timeout(wait, summariser.summarise(goals)).await;
    let summary = summary.ok().flatten().unwrap_or_default();
    let summary = if summary.trim().is_empty() { goals } else { summary.trim() };
    summary.chars().take(SUMMARY_CHARS_MAX).collect()
}

impl fmt::Debug for PeopleService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeopleService").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers this, or never.
    struct Fixed(Option<Option<&'static str>>);

    impl GoalSummariser for Fixed {
        fn summarise<'a>(&'a self, goals: &'a str) -> BoxFuture<'a, Option<String>> {
            assert!(!goals.trim().is_empty(), "asked about nothing");
            match self.0 {
                Some(answer) => Box::pin(std::future::ready(answer.map(str::to_owned))),
                None => Box::pin(std::future::pending()),
            }
        }
    }

    #[tokio::test]
    async fn goals_are_summarised_or_begin_their_own_summary() {
        let long = format!(" {} ", "\u{e9}".repeat(300));
        let most = "\u{e9}".repeat(200);
        for (goals, summariser, expected) in [
            ("Learn Rust", Fixed(Some(Some(" Rust. "))), "Rust."),
            ("Learn Rust", Fixed(Some(None)), "Learn Rust"),
            ("Learn Rust", Fixed(Some(Some(" \n"))), "Learn Rust"),
            ("Learn Rust", Fixed(None), "Learn Rust"),
            ("", Fixed(Some(Some("Rust"))), NO_GOALS),
            (" \n\t", Fixed(Some(Some("Rust"))), NO_GOALS),
            (long.as_str(), Fixed(Some(None)), most.as_str()),
        ] {
            let summary = summary_of(goals, &summariser, Duration::from_millis(1)).await;
            assert_eq!(summary, expected, "{goals:?}");
        }
        assert_eq!(summary_of(&long, &NoSummariser, SUMMARY_WAIT).await, most);
    }
}
