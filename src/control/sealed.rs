//! The directory's encrypted secrets as a whole: the key file they need, and when it is read or
//! made.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::records;
use super::records::Table;
use super::signing_keys::SigningKeys;
use super::vault::Vault;
use super::webhook_secrets::WebhookSecrets;
use super::{ControlError, Directory};
use crate::storage::AtomicBatch;

#[derive(Default)]
pub(super) struct SealedSecrets {
    /// `None` for a directory without a place for one.
    key_file: Option<PathBuf>,
    vault: OnceLock<Vault>,
    /// Held by whoever opens or makes the key file.
    opening: Mutex<()>,
    pub(super) signing: SigningKeys,
    pub(super) webhooks: WebhookSecrets,
}

impl Directory {
    /// Says where the key file is, or will be when the first secret is kept. Reads nothing.
    #[must_use]
    pub fn with_key_file(mut self, path: PathBuf) -> Self {
        self.sealed.key_file = Some(path);
        self
    }

    /// Makes sure that every encrypted secret can be read, and reads the signing keys: for the
    /// start of a server, so that it does not come up without them. Where nothing was ever
    /// encrypted, the key file is made if there is none.
    ///
    /// # Errors
    /// When the key file is missing, malformed, exposed or another one, or a secret is damaged.
    pub fn unseal(&self) -> Result<(), ControlError> {
        let _changing = self.changing();
        self.check_webhook_secrets(self.vault()?)?;
        self.unsealed_ring()?;
        Ok(())
    }

    /// Deletes every encrypted secret: the way out when the key file is lost for good. Everybody's
    /// signed tokens end, and webhook secrets must be given again. Durable on return.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_sealed(&self) -> Result<usize, ControlError> {
        let _changing = self.changing();
        let mut batch = AtomicBatch::new(0);
        for table in [Table::SigningKey, Table::WebhookSecret] {
            for (key, _) in self.store.scan(&records::prefix(table), None, usize::MAX)? {
                batch.delete(key);
            }
        }
        self.commit(&batch)?;
        self.forget_signing_keys();
        self.forget_webhook_secrets();
        Ok(batch.len())
    }

    /// The vault. The key file is made if nothing was ever encrypted with one; for that, the
    /// caller is making a change.
    pub(super) fn vault(&self) -> Result<&Vault, ControlError> {
        if let Some(vault) = self.sealed.vault.get() {
            return Ok(vault);
        }
        let path = self.sealed.key_file.as_ref().ok_or(ControlError::NoKeyFile)?;
        let _opening = self.sealed.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = self.sealed.vault.get() {
            return Ok(vault);
        }
        let vault = Vault::open_or_create(path, !self.has_sealed())?;
        Ok(self.sealed.vault.get_or_init(|| vault))
    }

    fn has_sealed(&self) -> bool {
        self.has_signing_keys() || self.has_webhook_secrets()
    }

    pub(super) fn load_sealed(&self) -> Result<(), ControlError> {
        self.load_signing_keys()?;
        self.load_webhook_secrets()
    }
}

impl fmt::Debug for SealedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecrets({:?})", self.key_file)
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::super::vault::VaultError;
    use super::*;
    use secrecy::ExposeSecret;

    fn key_files(fixture: &Fixture) -> usize {
        std::fs::read_dir(fixture.key_file.parent().unwrap()).unwrap().count()
    }

    #[test]
    fn a_start_makes_the_key_file_once_and_reading_makes_none() {
        let fixture = Fixture::new();
        fixture.user("ada", "secret");
        assert!(fixture.directory.try_signing().is_none());
        assert_eq!(
            fixture.directory.find_webhook_secret(fixture.tenant(), "x").unwrap().map(drop),
            None
        );
        assert_eq!(key_files(&fixture), 0);
        fixture.directory.unseal().unwrap();
        let made = std::fs::read(&fixture.key_file).unwrap();
        let fixture = fixture.after_power_cut();
        fixture.directory.unseal().unwrap();
        assert_eq!(std::fs::read(&fixture.key_file).unwrap(), made);
    }

    #[test]
    fn a_lost_or_exchanged_key_file_is_refused_and_nothing_is_made_anew() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        fixture.directory.put_webhook_secret(tenant, "github", b"clear text").unwrap();
        fixture.directory.unseal().unwrap();
        let set_aside = fixture.key_file.with_extension("aside");

        std::fs::rename(&fixture.key_file, &set_aside).unwrap();
        let lost = fixture.after_power_cut();
        let missing =
            |error| matches!(error, ControlError::Vault(VaultError::MissingKeyFile { .. }));
        assert!(missing(lost.directory.unseal().unwrap_err()));
        assert!(missing(lost.directory.find_webhook_secret(tenant, "github").unwrap_err()));
        assert!(missing(lost.directory.put_webhook_secret(tenant, "other", b"x").unwrap_err()));
        assert!(missing(lost.directory.signing().unwrap_err()));
        assert!(!fixture.key_file.exists());

        Vault::open_or_create(&fixture.key_file, true).unwrap();
        let other = fixture.after_power_cut();
        let error = other.directory.unseal().unwrap_err();
        assert!(error.to_string().contains("were encrypted with another key file"), "{error}");
        assert!(other.directory.find_webhook_secret(tenant, "github").is_err());

        // The way out, if the right one does not turn up.
        assert_eq!(other.directory.forget_sealed(), Ok(1));
        for fixture in [&other, &other.after_power_cut()] {
            fixture.directory.unseal().unwrap();
            assert!(fixture.directory.find_webhook_secret(tenant, "github").unwrap().is_none());
        }

        std::fs::rename(&set_aside, &fixture.key_file).unwrap();
        let found = fixture.after_power_cut();
        found.directory.unseal().unwrap();
        let secret = found.directory.find_webhook_secret(tenant, "github").unwrap().unwrap();
        assert_eq!(secret.expose_secret(), b"clear text");
    }

    #[test]
    fn a_directory_without_a_key_file_says_so() {
        let fixture = Fixture::without_key_file();
        let put = fixture.directory.put_webhook_secret(fixture.tenant(), "github", b"x");
        assert_eq!(put.unwrap_err(), ControlError::NoKeyFile);
        assert_eq!(fixture.directory.signing().unwrap_err(), ControlError::NoKeyFile);
        assert_eq!(fixture.directory.unseal().unwrap_err(), ControlError::NoKeyFile);
    }
}
