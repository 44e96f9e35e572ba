//! Webhook secrets: what a tenant shares with those who send it events, and with those to whom
//! it sends them. They must be read again to sign and to verify, so they are stored encrypted,
//! and kept encrypted in memory too.

use std::collections::BTreeMap;
use std::sync::Arc;

use dashmap::DashMap;
use secrecy::SecretSlice;
use uuid::Uuid;

use super::records::{self, Table, WebhookSecretRecord};
use super::vault::{RecordName, Vault};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::TenantId;
use crate::types::limits::{WEBHOOK_SECRET_BYTES_MAX, WEBHOOK_SECRETS_PER_TENANT_MAX};

const KIND: &str = "webhook secret";

#[derive(Default)]
pub(super) struct WebhookSecrets(DashMap<TenantId, BTreeMap<String, Arc<[u8]>>>);

/// A secret that a change in progress keeps.
pub(super) struct PlannedSecret {
    name: String,
    /// Encrypted.
    sealed: Vec<u8>,
}

impl Directory {
    /// Keeps a secret of a tenant under a name, in place of an older one. Durable on return.
    ///
    /// # Errors
    /// For an unknown tenant, a bad name, an empty or overlong secret, too many, or when the key
    /// file cannot be used or the store fails.
    pub fn put_webhook_secret(
        &self,
        tenant: TenantId,
        name: &str,
        secret: &[u8],
    ) -> Result<(), ControlError> {
        let _changing = self.changing();
        self.get_tenant(tenant)?;
        let mut batch = AtomicBatch::new(0);
        let planned = self.plan_webhook_secret(&mut batch, tenant, name, secret)?;
        self.commit(&batch)?;
        self.show_webhook_secret(tenant, planned);
        Ok(())
    }

    /// Adds a secret to a batch, for a caller that is making a change and knows the tenant.
    pub(super) fn plan_webhook_secret(
        &self,
        batch: &mut AtomicBatch,
        tenant: TenantId,
        name: &str,
        secret: &[u8],
    ) -> Result<PlannedSecret, ControlError> {
        let name = super::directory::label("name", name)?;
        if !(1..=WEBHOOK_SECRET_BYTES_MAX).contains(&secret.len()) {
            let problem = format!("must have 1 to {WEBHOOK_SECRET_BYTES_MAX} bytes");
            return Err(ControlError::Invalid { field: "secret", problem });
        }
        let is_new = !self.has_webhook_secret(tenant, name);
        if is_new && self.webhook_secrets(tenant).len() >= WEBHOOK_SECRETS_PER_TENANT_MAX {
            let things = "webhook secrets of this tenant";
            return Err(ControlError::TooMany { things, limit: WEBHOOK_SECRETS_PER_TENANT_MAX });
        }
        let id = id_of(tenant, name);
        let sealed = self.vault()?.seal(RecordName { kind: KIND, id: &id }, secret)?;
        let record = WebhookSecretRecord {
            name: name.to_owned(),
            sealed: sealed.clone(),
            created_at_us: self.clock.now().as_micros(),
        };
        batch.put(records::key(Table::WebhookSecret, &id), encode(&record)?);
        Ok(PlannedSecret { name: record.name, sealed })
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// When the key file cannot be used, or the secret is damaged.
    pub fn find_webhook_secret(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<SecretSlice<u8>>, ControlError> {
        let name = name.trim();
        let sealed = self.sealed.webhooks.0.get(&tenant).and_then(|of| of.get(name).cloned());
        let Some(sealed) = sealed else { return Ok(None) };
        let id = id_of(tenant, name);
        Ok(Some(self.vault()?.open(RecordName { kind: KIND, id: &id }, &sealed)?))
    }

    /// Deletes a secret. Durable on return; says whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_webhook_secret(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<bool, ControlError> {
        let name = name.trim();
        let _changing = self.changing();
        if !self.has_webhook_secret(tenant, name) {
            return Ok(false);
        }
        let mut batch = AtomicBatch::new(0);
        self.plan_no_webhook_secret(&mut batch, tenant, name);
        self.commit(&batch)?;
        self.forget_webhook_secret(tenant, name);
        Ok(true)
    }

    /// Adds the deletion of a secret, whether it is there or not.
    pub(super) fn plan_no_webhook_secret(
        &self,
        batch: &mut AtomicBatch,
        tenant: TenantId,
        name: &str,
    ) {
        if self.has_webhook_secret(tenant, name) {
            batch.delete(records::key(Table::WebhookSecret, &id_of(tenant, name)));
        }
    }

    pub(super) fn forget_webhook_secret(&self, tenant: TenantId, name: &str) {
        self.sealed.webhooks.0.remove_if_mut(&tenant, |_, of_tenant| {
            of_tenant.remove(name);
            of_tenant.is_empty()
        });
    }

    /// Whether a tenant has a secret of exactly this name. Opens nothing.
    #[must_use]
    pub fn has_webhook_secret(&self, tenant: TenantId, name: &str) -> bool {
        self.sealed.webhooks.0.get(&tenant).is_some_and(|of_tenant| of_tenant.contains_key(name))
    }

    /// The names under which a tenant has secrets, in alphabetical order.
    #[must_use]
    pub fn webhook_secrets(&self, tenant: TenantId) -> Vec<String> {
        let of_tenant = self.sealed.webhooks.0.get(&tenant);
        of_tenant.map(|of_tenant| of_tenant.keys().cloned().collect()).unwrap_or_default()
    }

    /// Adds the deletion of everything that is stored of a tenant's secrets.
    pub(super) fn delete_webhook_secrets_of(&self, batch: &mut AtomicBatch, tenant: TenantId) {
        for name in self.webhook_secrets(tenant) {
            batch.delete(records::key(Table::WebhookSecret, &id_of(tenant, &name)));
        }
    }

    pub(super) fn forget_webhook_secrets_of(&self, tenant: TenantId) {
        self.sealed.webhooks.0.remove(&tenant);
    }

    pub(super) fn forget_webhook_secrets(&self) {
        self.sealed.webhooks.0.clear();
    }

    pub(super) fn has_webhook_secrets(&self) -> bool {
        !self.sealed.webhooks.0.is_empty()
    }

    /// Whether each is of this key file.
    pub(super) fn check_webhook_secrets(&self, vault: &Vault) -> Result<(), ControlError> {
        for of_tenant in &self.sealed.webhooks.0 {
            for sealed in of_tenant.values() {
                vault.check(sealed)?;
            }
        }
        Ok(())
    }

    /// Shows a secret whose batch is durable.
    pub(super) fn show_webhook_secret(&self, tenant: TenantId, planned: PlannedSecret) {
        let mut of_tenant = self.sealed.webhooks.0.entry(tenant).or_default();
        of_tenant.insert(planned.name, planned.sealed.into());
    }

    pub(super) fn load_webhook_secrets(&self) -> Result<(), ControlError> {
        self.load(Table::WebhookSecret, |id: [u8; 32], record: WebhookSecretRecord| {
            let mut tenant = [0; 16];
            for (byte, stored) in tenant.iter_mut().zip(id) {
                *byte = stored;
            }
            let tenant = TenantId(Uuid::from_bytes(tenant));
            let secret = PlannedSecret { name: record.name, sealed: record.sealed };
            self.show_webhook_secret(tenant, secret);
            Ok(())
        })
    }
}

/// The tenant's id and a print of the name: the record's key, and what its ciphertext is bound to.
fn id_of(tenant: TenantId, name: &str) -> [u8; 32] {
    let print = blake3::hash(name.as_bytes());
    let mut id = [0; 32];
    for (byte, part) in id.iter_mut().zip(tenant.as_bytes().iter().chain(print.as_bytes())) {
        *byte = *part;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::*;
    use crate::storage::Store;
    use crate::types::ErrorKind;
    use secrecy::ExposeSecret;

    fn find(fixture: &Fixture, tenant: TenantId, name: &str) -> Option<Vec<u8>> {
        let found = fixture.directory.find_webhook_secret(tenant, name).unwrap();
        found.map(|secret| secret.expose_secret().to_vec())
    }

    #[test]
    fn a_secret_is_kept_replaced_and_deleted_under_its_name_and_survives_a_power_cut() {
        let fixture = Fixture::new();
        let (tenant, other) = (fixture.tenant(), fixture.tenant());
        let put = |name, secret: &[u8]| {
            fixture.directory.put_webhook_secret(tenant, name, secret).unwrap();
        };
        put("github", b"first");
        put("stripe", b"whsec_1");
        put("github", b"second");
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(find(fixture, tenant, "github").unwrap(), b"second");
            assert_eq!(find(fixture, tenant, "stripe").unwrap(), b"whsec_1");
            assert_eq!(find(fixture, tenant, "slack"), None);
            assert_eq!(find(fixture, other, "github"), None);
            assert_eq!(fixture.directory.webhook_secrets(tenant), ["github", "stripe"]);
        }
        assert_eq!(fixture.directory.delete_webhook_secret(tenant, "github"), Ok(true));
        assert_eq!(fixture.directory.delete_webhook_secret(tenant, "github"), Ok(false));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert_eq!(find(fixture, tenant, "github"), None);
            assert!(!fixture.stores(b"github") && fixture.stores(b"stripe"));
        }
    }

    #[test]
    fn a_secret_is_stored_and_kept_in_memory_encrypted_only() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        let secret = b"a secret between two machines";
        fixture.directory.put_webhook_secret(tenant, "github", secret).unwrap();
        assert!(!fixture.stores(secret) && !fixture.stores(&secret[..12]));
        let in_memory = fixture.directory.sealed.webhooks.0.get(&tenant).unwrap();
        assert!(!in_memory["github"].windows(12).any(|part| part == &secret[..12]));
        let found = fixture.directory.find_webhook_secret(tenant, "github").unwrap().unwrap();
        assert!(!format!("{found:?}").contains("97"), "97 is `a`");
    }

    #[test]
    fn a_ciphertext_moved_to_another_record_does_not_open() {
        let fixture = Fixture::new();
        let (one, other) = (fixture.tenant(), fixture.tenant());
        for tenant in [one, other] {
            fixture.directory.put_webhook_secret(tenant, "github", b"secret").unwrap();
        }
        let key = |tenant| records::key(Table::WebhookSecret, &id_of(tenant, "github"));
        let stolen = fixture.store.get(&key(one)).unwrap().unwrap();
        let mut batch = AtomicBatch::new(0);
        batch.put(key(other), stolen);
        fixture.store.apply(&batch).unwrap();
        fixture.store.flush().unwrap();
        let fixture = fixture.after_power_cut();
        assert_eq!(find(&fixture, one, "github").unwrap(), b"secret");
        let error = fixture.directory.find_webhook_secret(other, "github").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
    }

    #[test]
    fn secrets_are_bounded_and_belong_to_a_tenant() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        let put = |tenant, name: &str, secret: &[u8]| {
            fixture.directory.put_webhook_secret(tenant, name, secret)
        };
        for no in 0..WEBHOOK_SECRETS_PER_TENANT_MAX {
            put(tenant, &format!("name{no}"), b"x").unwrap();
        }
        assert_eq!(put(tenant, "more", b"x").unwrap_err().kind(), ErrorKind::Conflict);
        put(tenant, "name0", b"replaced").unwrap();
        let long = vec![b'x'; WEBHOOK_SECRET_BYTES_MAX + 1];
        for (name, secret) in [("", &b"x"[..]), ("a\nb", b"x"), ("name1", b""), ("name1", &long)] {
            let error = put(tenant, name, secret).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
        }
        let unknown = TenantId(Uuid::nil());
        assert_eq!(put(unknown, "x", b"x"), Err(ControlError::UnknownTenant(unknown)));
    }
}
