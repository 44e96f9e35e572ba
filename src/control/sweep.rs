//! What ends by itself or with something else is removed: sessions and tokens when they have
//! expired, everything of a tenant when it is deleted. Nothing here decides what is good; that is
//! looked at on each use, so a sweep that comes late changes no answer.

use std::sync::Arc;

use super::keys::KeyOwner;
use super::refresh_tokens;
use super::{ControlError, Directory};
use crate::storage::AtomicBatch;
use crate::types::{RefreshTokenId, TenantId, UserId};

/// Records deleted in one change; others come between two.
const ENDED_PER_BATCH: usize = 512;

/// Refresh tokens that go in the same change as their tenant; a sweep removes the others.
const TOKENS_WITH_TENANT_MAX: usize = 2_000;

/// What a change in progress deletes of a tenant besides its keys.
pub(super) struct TenantIdentities {
    tenant: TenantId,
    users: Vec<UserId>,
    tokens: Vec<RefreshTokenId>,
    document_ids: Vec<Arc<str>>,
}

impl Directory {
    /// Deletes sessions that have expired, refresh tokens that have expired or whose key has
    /// ended, ids of documents whose tenant has gone, and signing keys that verify nothing any more;
    /// says how many. Blocks, at times for
    /// several fsyncs: for the blocking pool, now and then.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sweep_ended(&self) -> Result<usize, ControlError> {
        let now = self.clock.now();
        let mut count = 0;
        for hashes in self.expired_sessions(now).chunks(ENDED_PER_BATCH) {
            let _changing = self.changing();
            self.end_sessions(hashes)?;
            count += hashes.len();
        }
        for ids in self.ended_refresh_tokens(now).chunks(ENDED_PER_BATCH) {
            let _changing = self.changing();
            self.end_refresh_tokens(ids)?;
            count += ids.len();
        }
        for (tenant, ids) in self.ownerless_document_ids() {
            for ids in ids.chunks(ENDED_PER_BATCH) {
                let _changing = self.changing();
                self.drop_document_ids(tenant, ids)?;
                count += ids.len();
            }
        }
        let _changing = self.changing();
        Ok(count + self.prune_signing_keys(now)?)
    }

    /// Adds the deletion of a tenant's users, sessions, refresh tokens, webhook secrets and sources,
    /// and ids of documents. To be called while the tenant's keys are still known.
    pub(super) fn delete_identities_of(
        &self,
        batch: &mut AtomicBatch,
        tenant: TenantId,
    ) -> TenantIdentities {
        let users = self.users_of(tenant);
        for user in &users {
            self.delete_user_record(batch, *user);
        }
        let mut tokens = Vec::new();
        for key in self.keys_of(KeyOwner::Tenant(tenant)) {
            tokens.extend(self.refresh_tokens_of(key.id));
        }
        tokens.truncate(TOKENS_WITH_TENANT_MAX);
        refresh_tokens::delete_refresh_tokens(batch, &tokens);
        self.delete_webhook_secrets_of(batch, tenant);
        self.delete_webhook_sources_of(batch, tenant);
        let document_ids = self.delete_document_ids_of(batch, tenant);
        TenantIdentities { tenant, users, tokens, document_ids }
    }

    pub(super) fn forget_identities(&self, identities: TenantIdentities) {
        for user in identities.users {
            self.forget_user(user);
        }
        self.forget_refresh_tokens(&identities.tokens);
        self.forget_webhook_secrets_of(identities.tenant);
        self.forget_webhook_sources_of(identities.tenant);
        self.forget_document_ids(identities.tenant, &identities.document_ids);
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::super::keys::{KeyKind, KeyOrder};
    use super::super::refresh_tokens::NewRefreshToken;
    use super::super::users::NewUser;
    use secrecy::ExposeSecret;
    use std::time::Duration;

    #[test]
    fn a_deleted_tenant_takes_along_users_sessions_tokens_and_secrets_at_once() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        let day = Duration::from_secs(86_400);
        let make = |name: &str| {
            let tenant = fixture.tenant();
            let new = NewUser {
                tenant: Some(tenant),
                password: Some(fixture.hash("secret")),
                ..Fixture::new_user(name)
            };
            let user = directory.create_user(new).unwrap().id;
            let verified = fixture.verify(user, "secret").unwrap();
            let session = directory.create_session(&verified, day).unwrap().token;
            let order = KeyOrder::for_tenant(tenant, KeyKind::Tex, "ci");
            let key = directory.create_key(order).unwrap().info.id;
            let new = NewRefreshToken { key, subject: name, session: None, lifetime: day };
            let token = directory.create_refresh_token(&new).unwrap().id;
            directory.put_webhook_secret(tenant, name, b"secret").unwrap();
            (tenant, user, session, token)
        };
        let (deleted, kept) = (make("deleted"), make("kept"));
        directory.delete_tenant(deleted.0).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let lives = |(tenant, user, session, token): &(_, _, secrecy::SecretString, _)| {
                [
                    fixture.directory.get_user(*user).is_ok(),
                    fixture.directory.find_session(session.expose_secret()).is_some(),
                    fixture.directory.find_refresh_token(*token).is_some(),
                    !fixture.directory.webhook_secrets(*tenant).is_empty(),
                ]
            };
            assert_eq!(lives(&deleted), [false; 4]);
            assert_eq!(lives(&kept), [true; 4]);
            assert!(!fixture.stores(b"deleted") && fixture.stores(b"kept"));
            assert!(!fixture.stores(deleted.1.as_bytes()));
            assert!(!fixture.stores(deleted.3.as_bytes()));
        }
    }
}
