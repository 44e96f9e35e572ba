//! Browser sessions: an opaque token of 256 random bits, shown once and stored as BLAKE3, that
//! stands for a user who gave their password. A session lives for a fixed time from its login,
//! whether it is used or not.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use dashmap::DashMap;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::keys::{self, KeyHash};
use super::records::{self, SessionRecord, Table};
use super::users::{self, KnownUser, User, VerifiedUser};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::SESSIONS_PER_USER_MAX;
use crate::types::{Timestamp, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub user: UserId,
    pub created_at: Timestamp,
    /// At this instant it is over.
    pub expires_at: Timestamp,
}

/// A session just begun: the only moment at which its token can be read.
#[derive(Debug)]
pub struct NewSession {
    /// 43 characters of base64url.
    pub token: SecretString,
    pub session: Session,
    /// As of this login.
    pub user: User,
}

/// Whose session a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    pub user: User,
    pub session: Session,
}

#[derive(Default)]
pub(super) struct Sessions {
    by_hash: DashMap<KeyHash, Session>,
    /// Oldest first.
    of_user: DashMap<UserId, VecDeque<KeyHash>>,
}

impl Directory {
    /// Begins a session of a user who gave their password, and notes the login. Beyond
    /// [`SESSIONS_PER_USER_MAX`] the user's oldest session ends. Durable on return.
    ///
    /// # Errors
    /// When the user was deleted or the password changed meanwhile, or when the store or the
    /// system's randomness fails.
    pub fn create_session(
        &self,
        verified: &VerifiedUser,
        lifetime: Duration,
    ) -> Result<NewSession, ControlError> {
        let random = Zeroizing::new(keys::draw::<32>()?);
        let token = SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(*random));
        let hash = KeyHash::of(token.expose_secret());
        let _changing = self.changing();
        let known = self.still_verified(verified)?;
        let now = self.clock.now();
        let mut user = known.user.clone();
        user.last_login_at = Some(now);
        let session = Session { user: user.id, created_at: now, expires_at: now.plus(lifetime) };
        let known = KnownUser { user: user.clone(), password: known.password.clone() };
        let ended = self.sessions_that_make_room(user.id, now);

        let mut batch = AtomicBatch::new(0);
        users::put_user(&mut batch, &known)?;
        put_session(&mut batch, hash, session)?;
        for ended in &ended {
            batch.delete(records::key(Table::Session, &ended.0));
        }
        self.commit(&batch)?;
        self.forget_sessions(&ended);
        self.show_user(known);
        self.show_session(hash, session);
        Ok(NewSession { token, session, user })
    }

    /// Whose session this token is; `None` for an unknown, ended or expired one. Costs one hash
    /// and two look-ups.
    #[must_use]
    pub fn find_session(&self, token: &str) -> Option<LoggedIn> {
        let presented = KeyHash::of(token);
        let found = self.sessions.by_hash.get(&presented).map(|entry| (*entry.key(), *entry));
        let (hash, session) = found?;
        let user = self.get_user(session.user).ok()?;
        let is_good = hash.matches(&presented) && self.clock.now() < session.expires_at;
        is_good.then_some(LoggedIn { user, session })
    }

    /// Ends a session, on every worker at once. Durable on return; says whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_session(&self, token: &str) -> Result<bool, ControlError> {
        let hash = KeyHash::of(token);
        let _changing = self.changing();
        if !self.sessions.by_hash.contains_key(&hash) {
            return Ok(false);
        }
        self.end_sessions(&[hash])?;
        Ok(true)
    }

    /// Ends every session of a user, on every worker at once. Durable on return; says how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_sessions_of(&self, user: UserId) -> Result<usize, ControlError> {
        let _changing = self.changing();
        let hashes = self.session_hashes_of(user);
        self.end_sessions(&hashes)?;
        Ok(hashes.len())
    }

    /// For a caller that is making a change.
    pub(super) fn end_sessions(&self, hashes: &[KeyHash]) -> Result<(), ControlError> {
        if hashes.is_empty() {
            return Ok(());
        }
        let mut batch = AtomicBatch::new(0);
        for hash in hashes {
            batch.delete(records::key(Table::Session, &hash.0));
        }
        self.commit(&batch)?;
        self.forget_sessions(hashes);
        Ok(())
    }

    pub(super) fn expired_sessions(&self, now: Timestamp) -> Vec<KeyHash> {
        let expired = self.sessions.by_hash.iter().filter(|session| session.expires_at <= now);
        expired.map(|session| *session.key()).collect()
    }

    /// Adds the deletion of everything that is stored of a user's sessions.
    pub(super) fn delete_sessions_of(&self, batch: &mut AtomicBatch, user: UserId) {
        for hash in self.session_hashes_of(user) {
            batch.delete(records::key(Table::Session, &hash.0));
        }
    }

    pub(super) fn forget_sessions_of(&self, user: UserId) {
        for hash in self.sessions.of_user.remove(&user).map(|(_, all)| all).unwrap_or_default() {
            self.sessions.by_hash.remove(&hash);
        }
    }

    fn session_hashes_of(&self, user: UserId) -> Vec<KeyHash> {
        let hashes = self.sessions.of_user.get(&user);
        hashes.map(|hashes| hashes.iter().copied().collect()).unwrap_or_default()
    }

    /// The user's expired sessions, and of the others the oldest ones that are too many.
    fn sessions_that_make_room(&self, user: UserId, now: Timestamp) -> Vec<KeyHash> {
        let is_good = |hash: &KeyHash| {
            self.sessions.by_hash.get(hash).is_some_and(|session| now < session.expires_at)
        };
        let (good, mut ended): (Vec<_>, Vec<_>) =
            self.session_hashes_of(user).into_iter().partition(is_good);
        let too_many = (good.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
        ended.extend(good.into_iter().take(too_many));
        ended
    }

    fn forget_sessions(&self, hashes: &[KeyHash]) {
        for hash in hashes {
            let Some((_, session)) = self.sessions.by_hash.remove(hash) else { continue };
            self.sessions.of_user.remove_if_mut(&session.user, |_, known| {
                known.retain(|known| known != hash);
                known.is_empty()
            });
        }
    }

    fn show_session(&self, hash: KeyHash, session: Session) {
        self.sessions.by_hash.insert(hash, session);
        self.sessions.of_user.entry(session.user).or_default().push_back(hash);
    }

    pub(super) fn load_sessions(&self) -> Result<(), ControlError> {
        self.load(Table::Session, |hash: [u8; 32], record: SessionRecord| {
            let session = Session {
                user: UserId(Uuid::from_bytes(record.user)),
                created_at: Timestamp::from_micros(record.created_at_us),
                expires_at: Timestamp::from_micros(record.expires_at_us),
            };
            self.show_session(KeyHash(hash), session);
            Ok(())
        })?;
        for mut hashes in self.sessions.of_user.iter_mut() {
            let created_at =
                |hash: &KeyHash| self.sessions.by_hash.get(hash).map(|session| session.created_at);
            hashes.make_contiguous().sort_by_key(created_at);
        }
        Ok(())
    }
}

fn put_session(
    batch: &mut AtomicBatch,
    hash: KeyHash,
    session: Session,
) -> Result<(), ControlError> {
    let record = SessionRecord {
        user: *session.user.as_bytes(),
        created_at_us: session.created_at.as_micros(),
        expires_at_us: session.expires_at.as_micros(),
    };
    batch.put(records::key(Table::Session, &hash.0), encode(&record)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::*;
    use crate::types::Clock;

    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    fn log_in(fixture: &Fixture, user: UserId, password: &str) -> NewSession {
        let verified = fixture.verify(user, password).unwrap();
        fixture.directory.create_session(&verified, WEEK).unwrap()
    }

    fn is_good(fixture: &Fixture, session: &NewSession) -> bool {
        fixture.directory.find_session(session.token.expose_secret()).is_some()
    }

    #[test]
    fn a_session_stands_for_its_user_and_survives_a_power_cut() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        fixture.clock.advance(Duration::from_secs(5));
        let made = log_in(&fixture, user.id, "secret");
        assert_eq!(made.user.last_login_at, Some(fixture.clock.now()));
        let token = made.token.expose_secret();
        assert_eq!(token.len(), 43);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let found = fixture.directory.find_session(token).unwrap();
            assert_eq!((&found.user, found.session), (&made.user, made.session));
            assert_eq!(fixture.directory.find_session("nonsense"), None);
            assert_eq!(fixture.directory.find_session(&token[1..]), None);
        }
    }

    #[test]
    fn a_session_lives_for_its_time_from_login_however_it_is_used() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let session = log_in(&fixture, user.id, "secret");
        fixture.clock.advance(WEEK - Duration::from_secs(1));
        assert!(is_good(&fixture, &session));
        fixture.clock.advance(Duration::from_secs(1));
        assert!(!is_good(&fixture, &session));
        assert!(!is_good(&fixture.after_power_cut(), &session));
    }

    #[test]
    fn ending_one_session_or_all_acts_at_once_and_is_kept() {
        let fixture = Fixture::new();
        let (ada, bob) = (fixture.user("ada", "secret"), fixture.user("bob", "secret"));
        let sessions: Vec<_> = (0..3).map(|_| log_in(&fixture, ada.id, "secret")).collect();
        let other = log_in(&fixture, bob.id, "secret");
        let token = sessions[0].token.expose_secret();
        assert_eq!(fixture.directory.end_session(token), Ok(true));
        assert_eq!(fixture.directory.end_session(token), Ok(false));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let good: Vec<_> = sessions.iter().map(|session| is_good(fixture, session)).collect();
            assert_eq!(good, [false, true, true]);
        }
        assert_eq!(fixture.directory.end_sessions_of(ada.id), Ok(2));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!sessions.iter().any(|session| is_good(fixture, session)));
            assert!(is_good(fixture, &other));
        }
    }

    #[test]
    fn another_password_or_a_deletion_ends_the_sessions_of_the_user() {
        let fixture = Fixture::new();
        let (ada, bob) = (fixture.user("ada", "secret"), fixture.user("bob", "secret"));
        let (changed, deleted) =
            (log_in(&fixture, ada.id, "secret"), log_in(&fixture, bob.id, "secret"));
        fixture.directory.set_password(ada.id, fixture.hash("other")).unwrap();
        fixture.directory.delete_user(bob.id).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!is_good(fixture, &changed) && !is_good(fixture, &deleted));
        }
        assert!(is_good(&fixture, &log_in(&fixture, ada.id, "other")));
    }

    #[test]
    fn a_login_that_a_change_of_password_overtook_begins_nothing() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let verified = fixture.verify(user.id, "secret").unwrap();
        fixture.directory.set_password(user.id, fixture.hash("secret")).unwrap();
        let refused = fixture.directory.create_session(&verified, WEEK).unwrap_err();
        assert_eq!(refused, ControlError::NoLongerVerified);
    }

    #[test]
    fn a_user_has_so_many_sessions_and_the_oldest_makes_room() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let sessions: Vec<_> = (0..SESSIONS_PER_USER_MAX)
            .map(|_| {
                fixture.clock.advance(Duration::from_secs(1));
                log_in(&fixture, user.id, "secret")
            })
            .collect();
        assert!(is_good(&fixture, &sessions[0]));
        let fixture = fixture.after_power_cut();
        let newest = log_in(&fixture, user.id, "secret");
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!is_good(fixture, &sessions[0]));
            assert!(is_good(fixture, &sessions[1]) && is_good(fixture, &newest));
            assert_eq!(fixture.directory.sessions.by_hash.len(), SESSIONS_PER_USER_MAX);
        }
    }

    #[test]
    fn expired_sessions_are_swept() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let old = log_in(&fixture, user.id, "secret");
        fixture.clock.advance(WEEK / 2);
        let new = log_in(&fixture, user.id, "secret");
        fixture.clock.advance(WEEK / 2);
        assert_eq!(fixture.directory.sweep_ended(), Ok(1));
        assert_eq!(fixture.directory.sweep_ended(), Ok(0));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(fixture.directory.sessions.by_hash.len(), 1);
            assert!(is_good(fixture, &new) && !is_good(fixture, &old));
        }
        assert!(!fixture.stores(&KeyHash::of(old.token.expose_secret()).0));
    }

    #[test]
    fn a_token_is_neither_stored_nor_shown() {
        let fixture = Fixture::new();
        let user = fixture.user("ada", "secret");
        let session = log_in(&fixture, user.id, "secret");
        let token = session.token.expose_secret();
        assert!(!fixture.stores(token.as_bytes()));
        assert!(!fixture.stores(&BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()));
        assert!(fixture.stores(&KeyHash::of(token).0));
        let found = fixture.directory.find_session(token);
        assert!(!format!("{session:?} {found:?}").contains(token));
    }
}
