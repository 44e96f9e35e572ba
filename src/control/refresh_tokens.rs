//! Refresh tokens: which of the signed refresh tokens are still good. The token itself is a
//! signed one that carries the id; what is kept here makes it end with its key, with its tenant,
//! and when it is revoked. One that is not kept is not good.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use uuid::Uuid;

use super::keys::KeyOwner;
use super::records::{self, RefreshTokenRecord, Table};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::{REFRESH_TOKENS_PER_KEY_MAX, TOKEN_SUBJECT_CHARS_MAX};
use crate::types::{KeyId, RefreshTokenId, TenantId, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The `jti` of the signed token.
    pub id: RefreshTokenId,
    pub tenant: TenantId,
    /// The key it was issued for.
    pub key: KeyId,
    /// Whom it speaks for, in the dialect's words.
    pub subject: String,
    /// The caller's session, if it was issued with one.
    pub session: Option<String>,
    pub created_at: Timestamp,
    /// At this instant it is no longer good.
    pub expires_at: Timestamp,
}

/// A refresh token to be made.
#[derive(Debug, Clone)]
pub struct NewRefreshToken<'a> {
    pub key: KeyId,
    pub subject: &'a str,
    pub session: Option<&'a str>,
    pub lifetime: Duration,
}

#[derive(Default)]
pub(super) struct RefreshTokens {
    all: DashMap<RefreshTokenId, Arc<RefreshToken>>,
    /// Oldest first.
    of_key: DashMap<KeyId, VecDeque<RefreshTokenId>>,
}

impl Directory {
    /// Creates a refresh token of a key of a tenant. Beyond [`REFRESH_TOKENS_PER_KEY_MAX`] the
    /// key's oldest one ends. Durable on return.
    ///
    /// # Errors
    /// For an unknown, revoked or expired key or one of an organization, a subject or session
    /// that is too long, or when the store fails.
    pub fn create_refresh_token(
        &self,
        new: &NewRefreshToken<'_>,
    ) -> Result<RefreshToken, ControlError> {
        for (field, text) in [("subject", Some(new.subject)), ("session", new.session)] {
            if text.is_some_and(|text| text.chars().count() > TOKEN_SUBJECT_CHARS_MAX) {
                let problem = format!("is longer than {TOKEN_SUBJECT_CHARS_MAX} characters");
                return Err(ControlError::Invalid { field, problem });
            }
        }
        let _changing = self.changing();
        let now = self.clock.now();
        let token = RefreshToken {
            id: RefreshTokenId(Uuid::now_v7()),
            tenant: self.tenant_of_good_key(new.key, now)?,
            key: new.key,
            subject: new.subject.to_owned(),
            session: new.session.map(str::to_owned),
            created_at: now,
            expires_at: now.plus(new.lifetime),
        };
        let ended = self.refresh_tokens_that_make_room(new.key, now);
        let mut batch = AtomicBatch::new(0);
        put_refresh_token(&mut batch, &token)?;
        delete_refresh_tokens(&mut batch, &ended);
        self.commit(&batch)?;
        self.forget_refresh_tokens(&ended);
        self.show_refresh_token(token.clone());
        Ok(token)
    }

    /// The token, if it is good: known, not expired, of a good key of a tenant that exists. Notes
    /// a use of the key.
    #[must_use]
    pub fn find_refresh_token(&self, id: RefreshTokenId) -> Option<RefreshToken> {
        let now = self.clock.now();
        let token = self.refresh_tokens.all.get(&id).map(|token| Arc::clone(&token))?;
        if !self.is_good(&token, now) {
            return None;
        }
        self.note_use_of(token.key, now);
        Some(RefreshToken::clone(&token))
    }

    /// Ends a refresh token, on every worker at once. Durable on return; says whether there was
    /// one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_refresh_token(&self, id: RefreshTokenId) -> Result<bool, ControlError> {
        let _changing = self.changing();
        if !self.refresh_tokens.all.contains_key(&id) {
            return Ok(false);
        }
        self.end_refresh_tokens(&[id])?;
        Ok(true)
    }

    /// Ends every refresh token of a key, on every worker at once; the key stays good. Durable on
    /// return; says how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_refresh_tokens_of(&self, key: KeyId) -> Result<usize, ControlError> {
        let _changing = self.changing();
        let ids = self.refresh_tokens_of(key);
        self.end_refresh_tokens(&ids)?;
        Ok(ids.len())
    }

    /// For a caller that is making a change.
    pub(super) fn end_refresh_tokens(&self, ids: &[RefreshTokenId]) -> Result<(), ControlError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut batch = AtomicBatch::new(0);
        delete_refresh_tokens(&mut batch, ids);
        self.commit(&batch)?;
        self.forget_refresh_tokens(ids);
        Ok(())
    }

    /// Those that will never be good again.
    pub(super) fn ended_refresh_tokens(&self, now: Timestamp) -> Vec<RefreshTokenId> {
        let all: Vec<_> = self.refresh_tokens.all.iter().map(|token| Arc::clone(&token)).collect();
        all.iter().filter(|token| !self.is_good(token, now)).map(|token| token.id).collect()
    }

    pub(super) fn refresh_tokens_of(&self, key: KeyId) -> Vec<RefreshTokenId> {
        let ids = self.refresh_tokens.of_key.get(&key);
        ids.map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    fn is_good(&self, token: &RefreshToken, now: Timestamp) -> bool {
        now < token.expires_at && self.tenant_of_good_key(token.key, now) == Ok(token.tenant)
    }

    fn tenant_of_good_key(&self, key: KeyId, now: Timestamp) -> Result<TenantId, ControlError> {
        let key = self.get_key(key)?;
        if key.revoked_at.is_some() {
            return Err(ControlError::RevokedKey);
        }
        if key.has_expired(now) {
            return Err(ControlError::ExpiredKey);
        }
        match key.owner {
            KeyOwner::Tenant(tenant) => Ok(self.get_tenant(tenant)?.id),
            KeyOwner::Organization(_) => Err(ControlError::InvalidKey),
        }
    }

    /// The key's expired tokens, and of the others the oldest ones that are too many.
    fn refresh_tokens_that_make_room(&self, key: KeyId, now: Timestamp) -> Vec<RefreshTokenId> {
        let is_good = |id: &RefreshTokenId| {
            self.refresh_tokens.all.get(id).is_some_and(|token| now < token.expires_at)
        };
        let (good, mut ended): (Vec<_>, Vec<_>) =
            self.refresh_tokens_of(key).into_iter().partition(is_good);
        let too_many = (good.len() + 1).saturating_sub(REFRESH_TOKENS_PER_KEY_MAX);
        ended.extend(good.into_iter().take(too_many));
        ended
    }

    pub(super) fn forget_refresh_tokens(&self, ids: &[RefreshTokenId]) {
        for id in ids {
            let Some((_, token)) = self.refresh_tokens.all.remove(id) else { continue };
            self.refresh_tokens.of_key.remove_if_mut(&token.key, |_, known| {
                // Those that end are the oldest, nearly always.
                match known.front() == Some(id) {
                    true => drop(known.pop_front()),
                    false => known.retain(|known| known != id),
                }
                known.is_empty()
            });
        }
    }

    fn show_refresh_token(&self, token: RefreshToken) {
        self.refresh_tokens.of_key.entry(token.key).or_default().push_back(token.id);
        self.refresh_tokens.all.insert(token.id, Arc::new(token));
    }

    /// The ids are of version 7 and the store is in their order, so each key's are oldest first.
    pub(super) fn load_refresh_tokens(&self) -> Result<(), ControlError> {
        self.load(Table::RefreshToken, |id: [u8; 16], record: RefreshTokenRecord| {
            self.show_refresh_token(RefreshToken {
                id: RefreshTokenId(Uuid::from_bytes(id)),
                tenant: TenantId(Uuid::from_bytes(record.tenant)),
                key: KeyId(Uuid::from_bytes(record.key)),
                subject: record.subject,
                session: record.session,
                created_at: Timestamp::from_micros(record.created_at_us),
                expires_at: Timestamp::from_micros(record.expires_at_us),
            });
            Ok(())
        })
    }
}

pub(super) fn delete_refresh_tokens(batch: &mut AtomicBatch, ids: &[RefreshTokenId]) {
    for id in ids {
        batch.delete(records::key(Table::RefreshToken, id.as_bytes()));
    }
}

fn put_refresh_token(batch: &mut AtomicBatch, token: &RefreshToken) -> Result<(), ControlError> {
    let record = RefreshTokenRecord {
        tenant: *token.tenant.as_bytes(),
        key: *token.key.as_bytes(),
        subject: token.subject.clone(),
        session: token.session.clone(),
        created_at_us: token.created_at.as_micros(),
        expires_at_us: token.expires_at.as_micros(),
    };
    batch.put(records::key(Table::RefreshToken, token.id.as_bytes()), encode(&record)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::super::keys::{KeyKind, KeyOrder};
    use super::*;
    use crate::types::Clock;

    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    fn key(fixture: &Fixture) -> KeyId {
        let order = KeyOrder::for_tenant(fixture.tenant(), KeyKind::Tex, "ci");
        fixture.directory.create_key(order).unwrap().info.id
    }

    fn token(fixture: &Fixture, key: KeyId) -> RefreshToken {
        let subject = "apikey_01234567";
        let new = NewRefreshToken { key, subject, session: Some("s1"), lifetime: WEEK };
        fixture.directory.create_refresh_token(&new).unwrap()
    }

    fn is_good(fixture: &Fixture, token: &RefreshToken) -> bool {
        fixture.directory.find_refresh_token(token.id).is_some()
    }

    #[test]
    fn a_token_is_found_as_made_until_it_expires_and_survives_a_power_cut() {
        let fixture = Fixture::new();
        let made = token(&fixture, key(&fixture));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(fixture.directory.find_refresh_token(made.id), Some(made.clone()));
            let unknown = RefreshTokenId(Uuid::nil());
            assert_eq!(fixture.directory.find_refresh_token(unknown), None);
        }
        fixture.clock.advance(WEEK - Duration::from_secs(1));
        assert!(is_good(&fixture, &made));
        fixture.clock.advance(Duration::from_secs(1));
        assert!(!is_good(&fixture, &made) && !is_good(&fixture.after_power_cut(), &made));
    }

    #[test]
    fn a_token_ends_with_its_key_at_once() {
        let fixture = Fixture::new();
        let (revoked, kept) = (key(&fixture), key(&fixture));
        let (lost, good) = (token(&fixture, revoked), token(&fixture, kept));
        fixture.directory.revoke_key(revoked).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!is_good(fixture, &lost) && is_good(fixture, &good));
        }
        let new = NewRefreshToken { key: revoked, subject: "x", session: None, lifetime: WEEK };
        let refused = fixture.directory.create_refresh_token(&new);
        assert_eq!(refused, Err(ControlError::RevokedKey));

        let expires_at = Some(fixture.clock.now().plus(Duration::from_secs(60)));
        let order = KeyOrder::for_tenant(fixture.tenant(), KeyKind::Tex, "short");
        let short = fixture.directory.create_key(KeyOrder { expires_at, ..order }).unwrap();
        let expiring = token(&fixture, short.info.id);
        assert!(is_good(&fixture, &expiring));
        fixture.clock.advance(Duration::from_secs(60));
        assert!(!is_good(&fixture, &expiring));
    }

    #[test]
    fn one_token_or_all_of_a_key_can_be_revoked() {
        let fixture = Fixture::new();
        let (one, other) = (key(&fixture), key(&fixture));
        let tokens: Vec<_> = (0..3).map(|_| token(&fixture, one)).collect();
        let untouched = token(&fixture, other);
        assert_eq!(fixture.directory.revoke_refresh_token(tokens[1].id), Ok(true));
        assert_eq!(fixture.directory.revoke_refresh_token(tokens[1].id), Ok(false));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let good: Vec<_> = tokens.iter().map(|token| is_good(fixture, token)).collect();
            assert_eq!(good, [true, false, true]);
        }
        assert_eq!(fixture.directory.revoke_refresh_tokens_of(one), Ok(2));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!tokens.iter().any(|token| is_good(fixture, token)));
            assert!(is_good(fixture, &untouched));
        }
    }

    #[test]
    fn a_key_has_so_many_tokens_and_the_oldest_makes_room() {
        let fixture = Fixture::new();
        let key = key(&fixture);
        let tokens: Vec<_> =
            (0..REFRESH_TOKENS_PER_KEY_MAX).map(|_| token(&fixture, key)).collect();
        assert!(is_good(&fixture, &tokens[0]));
        let fixture = fixture.after_power_cut();
        token(&fixture, key);
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!is_good(fixture, &tokens[0]) && is_good(fixture, &tokens[1]));
            assert_eq!(fixture.directory.refresh_tokens.all.len(), REFRESH_TOKENS_PER_KEY_MAX);
        }
    }

    #[test]
    fn expired_tokens_and_those_of_ended_keys_are_swept() {
        let fixture = Fixture::new();
        let (one, other) = (key(&fixture), key(&fixture));
        let expired = token(&fixture, one);
        fixture.clock.advance(WEEK / 2);
        let (good, revoked) = (token(&fixture, one), token(&fixture, other));
        fixture.directory.revoke_key(other).unwrap();
        fixture.clock.advance(WEEK / 2);
        assert_eq!(fixture.directory.sweep_ended(), Ok(2));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(fixture.directory.refresh_tokens.all.len(), 1);
            assert!(is_good(fixture, &good));
            assert!(!fixture.stores(expired.id.as_bytes()));
            assert!(!fixture.stores(revoked.id.as_bytes()));
        }
    }

    #[test]
    fn presenting_a_token_uses_its_key() {
        let fixture = Fixture::new();
        let key = key(&fixture);
        let token = token(&fixture, key);
        assert_eq!(fixture.directory.get_key(key).unwrap().last_used_at, None);
        assert!(is_good(&fixture, &token));
        let last_used_at = fixture.directory.get_key(key).unwrap().last_used_at;
        assert_eq!(last_used_at, Some(fixture.clock.now()));
    }

    #[test]
    fn subjects_are_bounded_and_management_keys_have_no_tokens() {
        let fixture = Fixture::new();
        let long = "x".repeat(TOKEN_SUBJECT_CHARS_MAX + 1);
        let new =
            NewRefreshToken { key: key(&fixture), subject: &long, session: None, lifetime: WEEK };
        assert!(fixture.directory.create_refresh_token(&new).is_err());
        let organization = fixture.directory.create_organization("acme").unwrap().id;
        let order = KeyOrder {
            owner: KeyOwner::Organization(organization),
            ..KeyOrder::for_tenant(fixture.tenant(), KeyKind::MetorialManagement, "ops")
        };
        let management = fixture.directory.create_key(order).unwrap().info.id;
        let new = NewRefreshToken { key: management, subject: "x", ..new };
        let refused = fixture.directory.create_refresh_token(&new);
        assert_eq!(refused, Err(ControlError::InvalidKey));
    }
}
