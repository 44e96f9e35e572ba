//! Where webhooks come in from: for each tenant and provider the rule that finds the user in a
//! delivery, and which of the provider's events count. The secret is kept with the tenant's other
//! ones and changes together with the rule.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use uuid::Uuid;

use super::records::{self, EventMappingRecord, Table, WebhookSourceRecord};
use super::{ControlError, Directory};
use crate::storage::{AtomicBatch, encode};
use crate::types::limits::{
    WEBHOOK_EVENTS_MAX, WEBHOOK_SOURCE_BYTES_MAX, WEBHOOK_SOURCE_TEXT_CHARS_MAX, WEBHOOK_USERS_MAX,
};
use crate::types::{TenantId, Timestamp};

/// Stands for every event that has no mapping of its own.
const ANY_EVENT: &str = "*";

/// Who sends. What a deliverer's own callers send with a key needs no configuration, so it is not
/// among these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookProvider {
    Stripe,
    GitHub,
    NetSuite,
    Salesforce,
    Slack,
}

impl WebhookProvider {
    pub const ALL: [Self; 5] =
        [Self::Stripe, Self::GitHub, Self::NetSuite, Self::Salesforce, Self::Slack];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::GitHub => "github",
            Self::NetSuite => "netsuite",
            Self::Salesforce => "salesforce",
            Self::Slack => "slack",
        }
    }

    /// The inverse of [`WebhookProvider::as_str`].
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// Its number in stored keys.
    fn no(self) -> u8 {
        match self {
            Self::Stripe => 1,
            Self::GitHub => 2,
            Self::NetSuite => 3,
            Self::Salesforce => 4,
            Self::Slack => 5,
        }
    }

    /// The name of its secret among the tenant's.
    fn secret_name(self) -> String {
        format!("in:{}", self.as_str())
    }
}

impl fmt::Display for WebhookProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of an event that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventMapping {
    /// `None` for the provider's own name of it.
    pub event_type: Option<String>,
    pub category: Option<String>,
    /// In the words of whoever configured it.
    pub importance: Option<String>,
}

/// How a tenant takes what a provider delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRules {
    /// Where in a delivery the user's id is: member names with dots between.
    pub user_path: String,
    /// The tenant's names for ids of the provider's.
    pub users: BTreeMap<String, String>,
    /// Whether an id that is not among `users` is a user's name itself.
    pub takes_unmapped: bool,
    /// By the provider's name of the event; `*` for those that are not named. What is not here is
    /// ignored.
    pub events: BTreeMap<String, EventMapping>,
}

impl SourceRules {
    /// What becomes of an event; `None` for one that is ignored. Costs two look-ups.
    #[must_use]
    pub fn mapping(&self, event_type: &str) -> Option<&EventMapping> {
        self.events.get(event_type).or_else(|| self.events.get(ANY_EVENT))
    }

    /// Whose an id of the provider's is; `None` for nobody's.
    #[must_use]
    pub fn user<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let mapped = self.users.get(id).map(String::as_str);
        mapped.or(self.takes_unmapped.then_some(id))
    }

    fn check(&self) -> Result<(), ControlError> {
        check_text("user", &self.user_path)?;
        for (id, user) in &self.users {
            check_text("users", id)?;
            check_text("users", user)?;
        }
        for (event_type, mapping) in &self.events {
            check_text("events", event_type)?;
            for text in mapping.texts() {
                check_text("events", text)?;
            }
        }
        for (field, count, most) in [
            ("users", self.users.len(), WEBHOOK_USERS_MAX),
            ("events", self.events.len(), WEBHOOK_EVENTS_MAX),
        ] {
            if count > most {
                let problem = format!("has {count} entries, more than {most}");
                return Err(ControlError::Invalid { field, problem });
            }
        }
        let size_bytes = self.size_bytes();
        if size_bytes > WEBHOOK_SOURCE_BYTES_MAX {
            let problem = format!("takes {size_bytes} bytes, more than {WEBHOOK_SOURCE_BYTES_MAX}");
            return Err(ControlError::Invalid { field: "users", problem });
        }
        Ok(())
    }

    fn size_bytes(&self) -> usize {
        let users = self.users.iter().map(|(id, user)| id.len() + user.len());
        let events = self.events.iter().map(|(event_type, mapping)| {
            event_type.len() + mapping.texts().map(String::len).sum::<usize>()
        });
        self.user_path.len() + users.sum::<usize>() + events.sum::<usize>()
    }
}

impl EventMapping {
    fn texts(&self) -> impl Iterator<Item = &String> {
        [&self.event_type, &self.category, &self.importance].into_iter().flatten()
    }
}

/// A source as a tenant configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSource {
    pub rules: SourceRules,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// By provider, then by tenant: a delivery that names no tenant is tried with the secrets of all.
#[derive(Default)]
pub(super) struct WebhookSources(DashMap<WebhookProvider, BTreeMap<TenantId, Arc<WebhookSource>>>);

impl Directory {
    /// Keeps how a tenant takes what a provider delivers, in place of what was there. With a
    /// secret, that replaces the one there was; without, it stays. Both are durable on return, or
    /// nothing has changed.
    ///
    /// # Errors
    /// For an unknown tenant, rules or a secret out of bounds, or when the key file cannot be used
    /// or the store fails.
    pub fn put_webhook_source(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
        rules: SourceRules,
        secret: Option<&SecretString>,
    ) -> Result<Arc<WebhookSource>, ControlError> {
        rules.check()?;
        let _changing = self.changing();
        self.get_tenant(tenant)?;
        let now = self.clock.now();
        let known = self.find_webhook_source(tenant, provider);
        let created_at = known.map_or(now, |known| known.created_at);
        let source = WebhookSource { rules, created_at, updated_at: now };
        let mut batch = AtomicBatch::new(0);
        let planned = secret.map(|secret| {
            let secret = secret.expose_secret().as_bytes();
            self.plan_webhook_secret(&mut batch, tenant, &provider.secret_name(), secret)
        });
        let planned = planned.transpose()?;
        batch.put(record_key(tenant, provider), encode(&record_of(&source))?);
        self.commit(&batch)?;
        if let Some(planned) = planned {
            self.show_webhook_secret(tenant, planned);
        }
        Ok(self.show_webhook_source(tenant, provider, source))
    }

    /// How a tenant takes what a provider delivers.
    #[must_use]
    pub fn find_webhook_source(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
    ) -> Option<Arc<WebhookSource>> {
        self.webhook_sources.0.get(&provider)?.get(&tenant).cloned()
    }

    /// The secret a tenant shares with a provider.
    ///
    /// # Errors
    /// When the key file cannot be used, or the secret is damaged.
    pub fn find_source_secret(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
    ) -> Result<Option<SecretSlice<u8>>, ControlError> {
        self.find_webhook_secret(tenant, &provider.secret_name())
    }

    /// Whether a tenant shares a secret with a provider. Opens nothing.
    #[must_use]
    pub fn has_source_secret(&self, tenant: TenantId, provider: WebhookProvider) -> bool {
        self.has_webhook_secret(tenant, &provider.secret_name())
    }

    /// At most so many tenants that take what a provider delivers and share a secret with it, the
    /// oldest first.
    #[must_use]
    pub fn tenants_with_source(&self, provider: WebhookProvider, limit: usize) -> Vec<TenantId> {
        let Some(of_provider) = self.webhook_sources.0.get(&provider) else { return Vec::new() };
        let sharing = of_provider.keys().filter(|id| self.has_source_secret(**id, provider));
        sharing.take(limit).copied().collect()
    }

    /// Takes nothing of a provider any more, and deletes its secret. Durable on return; says
    /// whether there was anything.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_webhook_source(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
    ) -> Result<bool, ControlError> {
        let _changing = self.changing();
        if self.find_webhook_source(tenant, provider).is_none() {
            return Ok(false);
        }
        let secret_name = provider.secret_name();
        let mut batch = AtomicBatch::new(0);
        batch.delete(record_key(tenant, provider));
        self.plan_no_webhook_secret(&mut batch, tenant, &secret_name);
        self.commit(&batch)?;
        self.forget_webhook_secret(tenant, &secret_name);
        self.forget_webhook_source(tenant, provider);
        Ok(true)
    }

    /// Adds the deletion of everything that is stored of a tenant's sources. Their secrets go with
    /// its other ones.
    pub(super) fn delete_webhook_sources_of(&self, batch: &mut AtomicBatch, tenant: TenantId) {
        for provider in WebhookProvider::ALL {
            if self.find_webhook_source(tenant, provider).is_some() {
                batch.delete(record_key(tenant, provider));
            }
        }
    }

    pub(super) fn forget_webhook_sources_of(&self, tenant: TenantId) {
        for provider in WebhookProvider::ALL {
            self.forget_webhook_source(tenant, provider);
        }
    }

    fn forget_webhook_source(&self, tenant: TenantId, provider: WebhookProvider) {
        if let Some(mut of_provider) = self.webhook_sources.0.get_mut(&provider) {
            of_provider.remove(&tenant);
        }
    }

    fn show_webhook_source(
        &self,
        tenant: TenantId,
        provider: WebhookProvider,
        source: WebhookSource,
    ) -> Arc<WebhookSource> {
        let source = Arc::new(source);
        let mut of_provider = self.webhook_sources.0.entry(provider).or_default();
        of_provider.insert(tenant, Arc::clone(&source));
        source
    }

    pub(super) fn load_webhook_sources(&self) -> Result<(), ControlError> {
        self.load(Table::WebhookSource, |id: [u8; 17], record: WebhookSourceRecord| {
            let [tenant @ .., no] = id;
            let tenant = TenantId(Uuid::from_bytes(tenant));
            // One that this version does not know is left alone.
            let provider = WebhookProvider::ALL.into_iter().find(|provider| provider.no() == no);
            if let Some(provider) = provider {
                self.show_webhook_source(tenant, provider, source_from(record));
            }
            Ok(())
        })
    }
}

fn record_key(tenant: TenantId, provider: WebhookProvider) -> Vec<u8> {
    let mut id = tenant.as_bytes().to_vec();
    id.push(provider.no());
    records::key(Table::WebhookSource, &id)
}

fn record_of(source: &WebhookSource) -> WebhookSourceRecord {
    let rules = &source.rules;
    let events = rules.events.iter().map(|(event_type, mapping)| {
        let mapping = EventMappingRecord {
            event_type: mapping.event_type.clone(),
            category: mapping.category.clone(),
            importance: mapping.importance.clone(),
        };
        (event_type.clone(), mapping)
    });
    WebhookSourceRecord {
        user_path: rules.user_path.clone(),
        users: rules.users.clone(),
        takes_unmapped: rules.takes_unmapped,
        events: events.collect(),
        created_at_us: source.created_at.as_micros(),
        updated_at_us: source.updated_at.as_micros(),
    }
}

fn source_from(record: WebhookSourceRecord) -> WebhookSource {
    let events = record.events.into_iter().map(|(event_type, mapping)| {
        let mapping = EventMapping {
            event_type: mapping.event_type,
            category: mapping.category,
            importance: mapping.importance,
        };
        (event_type, mapping)
    });
    WebhookSource {
        rules: SourceRules {
            user_path: record.user_path,
            users: record.users,
            takes_unmapped: record.takes_unmapped,
            events: events.collect(),
        },
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), ControlError> {
    if (1..=WEBHOOK_SOURCE_TEXT_CHARS_MAX).contains(&text.chars().count()) {
        return Ok(());
    }
    let problem = format!("must hold texts of 1 to {WEBHOOK_SOURCE_TEXT_CHARS_MAX} characters");
    Err(ControlError::Invalid { field, problem })
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::*;
    use crate::storage::{FaultPlan, MemoryStore};
    use crate::types::{Clock, ErrorKind};
    use std::time::Duration;

    const STRIPE: WebhookProvider = WebhookProvider::Stripe;

    fn rules(user_path: &str) -> SourceRules {
        let paid = EventMapping {
            event_type: Some("invoice_paid".to_owned()),
            category: Some("billing".to_owned()),
            importance: Some("high".to_owned()),
        };
        SourceRules {
            user_path: user_path.to_owned(),
            users: BTreeMap::from([("cus_1".to_owned(), "ada".to_owned())]),
            takes_unmapped: false,
            events: BTreeMap::from([
                ("invoice.paid".to_owned(), paid),
                ("charge.failed".to_owned(), EventMapping::default()),
            ]),
        }
    }

    fn put(fixture: &Fixture, tenant: TenantId, path: &str, secret: Option<&str>) {
        let secret = secret.map(SecretString::from);
        let directory = &fixture.directory;
        directory.put_webhook_source(tenant, STRIPE, rules(path), secret.as_ref()).unwrap();
    }

    fn secret(fixture: &Fixture, tenant: TenantId) -> Option<Vec<u8>> {
        let found = fixture.directory.find_source_secret(tenant, STRIPE).unwrap();
        found.map(|secret| secret.expose_secret().to_vec())
    }

    #[test]
    fn a_source_is_kept_replaced_and_deleted_with_its_secret_and_survives_a_power_cut() {
        let fixture = Fixture::new();
        let (tenant, other) = (fixture.tenant(), fixture.tenant());
        put(&fixture, tenant, "data.object.customer", Some("whsec_clear_text"));
        let begun = fixture.clock.now();
        fixture.clock.advance(Duration::from_secs(5));
        put(&fixture, tenant, "data.customer", None);
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let directory = &fixture.directory;
            let found = directory.find_webhook_source(tenant, STRIPE).unwrap();
            assert_eq!(found.rules, rules("data.customer"));
            assert_eq!((found.created_at, found.updated_at), (begun, fixture.clock.now()));
            assert_eq!(secret(fixture, tenant).unwrap(), b"whsec_clear_text");
            assert!(directory.find_webhook_source(other, STRIPE).is_none());
            assert!(directory.find_webhook_source(tenant, WebhookProvider::Slack).is_none());
            assert!(!fixture.stores(b"whsec_clear_text") && fixture.stores(b"data.customer"));
        }
        assert_eq!(fixture.directory.delete_webhook_source(other, STRIPE), Ok(false));
        assert_eq!(fixture.directory.delete_webhook_source(tenant, STRIPE), Ok(true));
        assert_eq!(fixture.directory.delete_webhook_source(tenant, STRIPE), Ok(false));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(fixture.directory.find_webhook_source(tenant, STRIPE).is_none());
            assert_eq!(secret(fixture, tenant), None);
            assert!(!fixture.stores(b"data.customer") && !fixture.stores(b"in:stripe"));
        }
    }

    #[test]
    fn a_deleted_tenant_s_sources_are_gone_at_once_and_from_the_store() {
        let fixture = Fixture::new();
        let (gone, stays) = (fixture.tenant(), fixture.tenant());
        put(&fixture, gone, "gone.with.it", Some("secret"));
        put(&fixture, stays, "stays", Some("secret"));
        fixture.directory.delete_tenant(gone).unwrap();
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let directory = &fixture.directory;
            assert!(directory.find_webhook_source(gone, STRIPE).is_none());
            assert_eq!(directory.tenants_with_source(STRIPE, 9), [stays]);
            assert!(!fixture.stores(b"gone.with.it") && fixture.stores(b"stays"));
        }
        let unknown = fixture.directory.put_webhook_source(gone, STRIPE, rules("x"), None);
        assert_eq!(unknown, Err(ControlError::UnknownTenant(gone)));
    }

    #[test]
    fn those_who_share_a_secret_with_a_provider_are_found_oldest_first() {
        let fixture = Fixture::new();
        let tenants: Vec<_> = (0..4).map(|_| fixture.tenant()).collect();
        for no in [3, 0, 2] {
            put(&fixture, tenants[no], "x", Some("secret"));
        }
        put(&fixture, tenants[1], "x", None);
        let with = |limit| fixture.directory.tenants_with_source(STRIPE, limit);
        assert_eq!(with(9), [tenants[0], tenants[2], tenants[3]]);
        assert_eq!(with(2), [tenants[0], tenants[2]]);
        assert!(fixture.directory.tenants_with_source(WebhookProvider::GitHub, 9).is_empty());
        assert!(fixture.directory.has_source_secret(tenants[0], STRIPE));
        assert!(!fixture.directory.has_source_secret(tenants[1], STRIPE));
        fixture.directory.forget_sealed().unwrap();
        assert!(with(9).is_empty());
        assert!(fixture.directory.find_webhook_source(tenants[0], STRIPE).is_some());
    }

    #[test]
    fn rules_and_secrets_out_of_bounds_change_nothing() {
        let fixture = Fixture::new();
        let tenant = fixture.tenant();
        let long = "x".repeat(WEBHOOK_SOURCE_TEXT_CHARS_MAX + 1);
        let most = "x".repeat(WEBHOOK_SOURCE_TEXT_CHARS_MAX);
        let users = |count: usize, text: &str| -> BTreeMap<String, String> {
            (0..count).map(|no| (no.to_string(), text.to_owned())).collect()
        };
        let events = |count: usize| -> BTreeMap<String, EventMapping> {
            (0..count).map(|no| (no.to_string(), EventMapping::default())).collect()
        };
        let category = EventMapping { category: Some(long.clone()), ..EventMapping::default() };
        let of_long = BTreeMap::from([("x".to_owned(), category)]);
        let many_bytes = WEBHOOK_SOURCE_BYTES_MAX / most.len() + 1;
        for (field, bad) in [
            ("user", SourceRules { user_path: String::new(), ..rules("x") }),
            ("user", SourceRules { user_path: long.clone(), ..rules("x") }),
            ("users", SourceRules { users: users(1, ""), ..rules("x") }),
            ("users", SourceRules { users: users(WEBHOOK_USERS_MAX + 1, "x"), ..rules("x") }),
            ("users", SourceRules { users: users(many_bytes, &most), ..rules("x") }),
            ("events", SourceRules { events: events(WEBHOOK_EVENTS_MAX + 1), ..rules("x") }),
            ("events", SourceRules { events: of_long, ..rules("x") }),
        ] {
            let error =
                fixture.directory.put_webhook_source(tenant, STRIPE, bad, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().starts_with(&format!("{field} ")), "{field}: {error}");
        }
        let empty = SecretString::from("");
        let bad = fixture.directory.put_webhook_source(tenant, STRIPE, rules("x"), Some(&empty));
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(fixture.directory.find_webhook_source(tenant, STRIPE).is_none());
        let most = SourceRules {
            users: users(WEBHOOK_USERS_MAX, "x"),
            events: events(WEBHOOK_EVENTS_MAX),
            ..rules(&most)
        };
        fixture.directory.put_webhook_source(tenant, STRIPE, most, None).unwrap();
    }

    #[test]
    fn an_event_is_mapped_by_its_name_or_by_the_star_and_an_id_by_the_table_or_as_it_is() {
        let mut rules = rules("x");
        let paid = rules.mapping("invoice.paid").unwrap();
        assert_eq!(paid.event_type.as_deref(), Some("invoice_paid"));
        assert_eq!(rules.mapping("charge.failed"), Some(&EventMapping::default()));
        assert_eq!(rules.mapping("invoice.voided"), None);
        assert_eq!((rules.user("cus_1"), rules.user("cus_2")), (Some("ada"), None));
        rules.takes_unmapped = true;
        assert_eq!((rules.user("cus_1"), rules.user("cus_2")), (Some("ada"), Some("cus_2")));
        let other = EventMapping { category: Some("other".to_owned()), ..EventMapping::default() };
        rules.events.insert(ANY_EVENT.to_owned(), other.clone());
        assert_eq!(rules.mapping("invoice.voided"), Some(&other));
        assert_eq!(rules.mapping("charge.failed"), Some(&EventMapping::default()));
    }

    #[test]
    fn a_store_that_fails_keeps_neither_rules_nor_secret() {
        // Two writes make the default project and the tenant.
        let faults = FaultPlan { fail_apply_at: Some(3), ..FaultPlan::default() };
        let fixture = Fixture::on(MemoryStore::with_faults(faults));
        let tenant = fixture.tenant();
        let given = SecretString::from("secret");
        let failed = fixture.directory.put_webhook_source(tenant, STRIPE, rules("x"), Some(&given));
        assert!(failed.is_err());
        for fixture in [&fixture, &fixture.after_power_cut()] {
            assert!(fixture.directory.find_webhook_source(tenant, STRIPE).is_none());
            assert_eq!(secret(fixture, tenant), None);
        }
    }

    #[test]
    fn providers_are_found_by_their_names_and_their_numbers_are_for_good() {
        for (provider, no) in WebhookProvider::ALL.into_iter().zip(1..) {
            assert_eq!(WebhookProvider::find(provider.as_str()), Some(provider));
            assert_eq!(provider.no(), no);
        }
        assert_eq!(WebhookProvider::find("custom"), None);
        assert_eq!(WebhookProvider::find("Stripe"), None);
    }
}
