//! The directory's ring of signing keys: made when it is first needed, stored encrypted, durable
//! before it signs anything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::records::{self, SigningKeyRecord, Table};
use super::signing::{SigningKey, SigningRing, StoredSigningKey};
use super::vault::RecordName;
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::Timestamp;
use crate::types::limits::{SIGNED_TOKEN_LIFETIME_MAX_S, SIGNING_KEYS_MAX};

const KIND: &str = "signing key";

const LIFETIME_MAX: Duration = Duration::from_secs(SIGNED_TOKEN_LIFETIME_MAX_S);

/// What becomes of the tokens that former keys signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormerTokens {
    /// They are good until they expire.
    Keep,
    /// They end at once: for a key that may have leaked.
    End,
}

#[derive(Default)]
pub(super) struct SigningKeys {
    /// As stored, until the first use.
    sealed: Mutex<Vec<SealedKey>>,
    ring: RwLock<Option<Arc<SigningRing>>>,
}

struct SealedKey {
    thumbprint: [u8; 32],
    record: SigningKeyRecord,
}

impl Directory {
    /// The ring, if it is in memory. Never waits: for async threads.
    #[must_use]
    pub fn try_signing(&self) -> Option<Arc<SigningRing>> {
        self.sealed.signing.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ring that signs and verifies tokens and publishes their keys. The very first call of a
    /// data directory makes a key and, if there is none, the key file; both are durable on
    /// return. That call blocks for a tenth of a second and more: for the blocking pool, after
    /// [`Directory::try_signing`].
    ///
    /// # Errors
    /// When the key file cannot be used, or the store or the cryptographic library fails.
    pub fn signing(&self) -> Result<Arc<SigningRing>, ControlError> {
        if let Some(ring) = self.try_signing() {
            return Ok(ring);
        }
        {
            let _changing = self.changing();
            if let Some(ring) = self.unsealed_ring()? {
                return Ok(ring);
            }
            self.vault()?;
        }
        // Not while a change is being made: it takes long. Of two callers the second one's key
        // is given up.
        let key = SigningKey::generate(self.clock.now())?;
        let _changing = self.changing();
        match self.unsealed_ring()? {
            Some(ring) => Ok(ring),
            None => self.keep_ring(None, SigningRing::new(key, LIFETIME_MAX)),
        }
    }

    /// Puts a new key in place of the one that signs. Durable on return. Blocks as the first
    /// [`Directory::signing`] does.
    ///
    /// # Errors
    /// As [`Directory::signing`], and for more than [`SIGNING_KEYS_MAX`] keys to keep.
    pub fn rotate_signing_key(
        &self,
        former: FormerTokens,
    ) -> Result<Arc<SigningRing>, ControlError> {
        let key = SigningKey::generate(self.clock.now())?;
        let _changing = self.changing();
        let Some(before) = self.unsealed_ring()? else {
            return self.keep_ring(None, SigningRing::new(key, LIFETIME_MAX));
        };
        let mut ring = before.rotated(key, self.clock.now());
        if former == FormerTokens::End {
            ring = ring.without_former();
        }
        if ring.keys().len() > SIGNING_KEYS_MAX {
            let things = "signing keys whose tokens are still good";
            return Err(ControlError::TooMany { things, limit: SIGNING_KEYS_MAX });
        }
        self.keep_ring(Some(&before), ring)
    }

    /// Deletes the keys whose last token has expired. For a caller that is making a change; says
    /// how many.
    pub(super) fn prune_signing_keys(&self, now: Timestamp) -> Result<usize, ControlError> {
        let Some(before) = self.try_signing() else { return Ok(0) };
        let ring = before.pruned(now);
        let count = before.keys().len() - ring.keys().len();
        if count > 0 {
            self.keep_ring(Some(&before), ring)?;
        }
        Ok(count)
    }

    /// The ring, read if it is not in memory yet; `None` if no key was ever made. For a caller
    /// that is making a change.
    pub(super) fn unsealed_ring(&self) -> Result<Option<Arc<SigningRing>>, ControlError> {
        if let Some(ring) = self.try_signing() {
            return Ok(Some(ring));
        }
        if !self.has_signing_keys() {
            return Ok(None);
        }
        // Before the lock, which it takes too.
        let vault = self.vault()?;
        let mut sealed = self.sealed_keys();
        let mut keys = Vec::with_capacity(sealed.len());
        for SealedKey { thumbprint, record } in &*sealed {
            let name = RecordName { kind: KIND, id: thumbprint };
            keys.push(SigningKey::from_stored(&StoredSigningKey {
                pkcs8: vault.open(name, &record.sealed)?,
                created_at: Timestamp::from_micros(record.created_at_us),
                retired_at: record.retired_at_us.map(Timestamp::from_micros),
            })?);
        }
        let ring = Arc::new(SigningRing::from_keys(keys, LIFETIME_MAX)?);
        self.show_ring(Some(Arc::clone(&ring)));
        sealed.clear();
        Ok(Some(ring))
    }

    /// Stores the ring in place of `before`, then shows it.
    fn keep_ring(
        &self,
        before: Option<&SigningRing>,
        ring: SigningRing,
    ) -> Result<Arc<SigningRing>, ControlError> {
        let vault = self.vault()?;
        let mut batch = AtomicBatch::new(0);
        for former in before.iter().flat_map(|before| before.keys()) {
            if !ring.keys().iter().any(|key| key.thumbprint() == former.thumbprint()) {
                batch.delete(records::key(Table::SigningKey, former.thumbprint()));
            }
        }
        for key in ring.keys() {
            let stored = key.to_stored()?;
            let name = RecordName { kind: KIND, id: key.thumbprint() };
            let record = SigningKeyRecord {
                sealed: vault.seal(name, stored.pkcs8.expose_secret())?,
                created_at_us: stored.created_at.as_micros(),
                retired_at_us: stored.retired_at.map(Timestamp::as_micros),
            };
            batch.put(records::key(Table::SigningKey, key.thumbprint()), encode(&record)?);
        }
        self.commit(&batch)?;
        let ring = Arc::new(ring);
        self.show_ring(Some(Arc::clone(&ring)));
        Ok(ring)
    }

    fn sealed_keys(&self) -> MutexGuard<'_, Vec<SealedKey>> {
        self.sealed.signing.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_ring(&self, ring: Option<Arc<SigningRing>>) {
        *self.sealed.signing.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    pub(super) fn has_signing_keys(&self) -> bool {
        self.try_signing().is_some() || !self.sealed_keys().is_empty()
    }

    pub(super) fn forget_signing_keys(&self) {
        self.sealed_keys().clear();
        self.show_ring(None);
    }

    pub(super) fn load_signing_keys(&self) -> Result<(), ControlError> {
        let mut sealed = self.sealed_keys();
        self.load(Table::SigningKey, |thumbprint: [u8; 32], record: SigningKeyRecord| {
            sealed.push(SealedKey { thumbprint, record });
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::super::vault::VaultError;
    use super::*;
    use crate::storage::{FaultPlan, MemoryStore};
    use crate::types::Clock;
    use serde_json::{Value, json};

    const DAY: Duration = Duration::from_secs(86_400);

    fn sign(fixture: &Fixture) -> String {
        let ring = fixture.directory.signing().unwrap();
        ring.sign(&json!({"org_id": "o"}), fixture.clock.now(), LIFETIME_MAX).unwrap()
    }

    fn is_good(fixture: &Fixture, token: &str) -> bool {
        let ring = fixture.directory.signing().unwrap();
        ring.verify::<Value>(token, fixture.clock.now()).is_ok()
    }

    fn pkcs8(fixture: &Fixture) -> Vec<u8> {
        let ring = fixture.directory.signing().unwrap();
        ring.keys()[0].to_stored().unwrap().pkcs8.expose_secret().to_vec()
    }

    #[test]
    fn the_first_need_makes_a_key_that_survives_a_power_cut_and_is_stored_encrypted() {
        let fixture = Fixture::new();
        assert!(fixture.directory.try_signing().is_none());
        let token = sign(&fixture);
        assert!(fixture.directory.try_signing().is_some());
        let after = fixture.after_power_cut();
        assert!(after.directory.try_signing().is_none(), "nothing was asked of it yet");
        after.directory.unseal().unwrap();
        assert!(after.directory.try_signing().is_some());
        assert!(is_good(&after, &token) && is_good(&fixture.after_power_cut(), &token));

        let private = pkcs8(&fixture);
        // The second half: the first begins with what all such keys have in common.
        assert!(!fixture.stores(&private[private.len() / 2..][..32]));
        let key_file = std::fs::read(&fixture.key_file).unwrap();
        assert!(!fixture.stores(&key_file[..64]));
    }

    #[test]
    fn a_key_that_could_not_be_stored_signs_nothing() {
        // The first flush founds the default project.
        let failing = FaultPlan { fail_flush_at: Some(2), ..FaultPlan::default() };
        let fixture = Fixture::on(MemoryStore::with_faults(failing));
        assert!(matches!(fixture.directory.signing(), Err(ControlError::Storage(_))));
        assert!(fixture.directory.try_signing().is_none());
        assert!(fixture.after_power_cut().directory.signing().is_ok());
    }

    #[test]
    fn tokens_outlive_a_rotation_and_former_keys_are_swept_when_they_are_dead() {
        let fixture = Fixture::new();
        let old = sign(&fixture);
        fixture.clock.advance(DAY);
        let newer = sign(&fixture);
        fixture.directory.rotate_signing_key(FormerTokens::Keep).unwrap();
        let newest = sign(&fixture);
        let kid = |token: &str| token.split('.').next().unwrap().to_owned();
        assert_ne!(kid(&newer), kid(&newest));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!([&old, &newer, &newest].iter().all(|token| is_good(fixture, token)));
            assert_eq!(fixture.directory.sweep_ended(), Ok(0));
        }
        let former = *fixture.directory.signing().unwrap().keys()[1].thumbprint();
        assert!(fixture.stores(&former));
        fixture.clock.advance(LIFETIME_MAX);
        assert_eq!(fixture.directory.sweep_ended(), Ok(1));
        assert!(!fixture.stores(&former));
        let after = fixture.after_power_cut();
        assert_eq!(after.directory.signing().unwrap().keys().len(), 1);
        assert!(is_good(&after, &sign(&fixture)));
    }

    #[test]
    fn a_leaked_key_ends_at_once_and_is_gone() {
        let fixture = Fixture::new();
        let leaked = sign(&fixture);
        let thumbprint = *fixture.directory.signing().unwrap().keys()[0].thumbprint();
        fixture.directory.rotate_signing_key(FormerTokens::End).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(!is_good(fixture, &leaked));
            assert!(is_good(fixture, &sign(fixture)));
            assert!(!fixture.stores(&thumbprint));
        }
    }

    #[test]
    fn another_key_file_does_not_make_another_ring() {
        let fixture = Fixture::new();
        let token = sign(&fixture);
        std::fs::remove_file(&fixture.key_file).unwrap();
        super::super::vault::Vault::open_or_create(&fixture.key_file, true).unwrap();
        let other = fixture.after_power_cut();
        for refused in [
            other.directory.unseal().err(),
            other.directory.signing().err(),
            other.directory.rotate_signing_key(FormerTokens::End).err(),
        ] {
            let refused = refused.unwrap();
            let another = matches!(refused, ControlError::Vault(VaultError::AnotherKey { .. }));
            assert!(another, "{refused}");
        }
        assert_eq!(other.directory.forget_sealed(), Ok(1));
        assert!(!is_good(&other, &token), "a new ring");
    }

    #[test]
    fn neither_ring_nor_errors_show_a_key() {
        let fixture = Fixture::new();
        let shown = format!("{:?} {:?}", fixture.directory.signing(), fixture.directory.sealed);
        let ring = fixture.directory.signing().unwrap();
        assert!(shown.contains(ring.keys()[0].id()) && shown.len() < 500, "{shown}");
    }
}
