//! The directory's records as they are stored, and their keys. `docs/storage-format.md` lists
//! every field. A field at the end of a record with a default was added later: records written
//! before it lack it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::storage::Record;
use crate::storage::keys::{Reader, Writer};

/// First byte of every key of the directory's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Table {
    Counters = 0x01,
    Organization = 0x08,
    Project = 0x09,
    /// By the id that a deleted project or tenant had.
    Tombstone = 0x0a,
    Tenant = 0x10,
    /// By the hash of the secret that is good now.
    Key = 0x20,
    /// By the hash of a secret that a rotation replaced and that is good for a while.
    FormerKey = 0x21,
    User = 0x30,
    /// By the hash of its token.
    Session = 0x31,
    RefreshToken = 0x32,
    /// By the thumbprint of its public half.
    SigningKey = 0x40,
    /// By the tenant and a print of the name.
    WebhookSecret = 0x41,
    /// By the tenant and the provider's number.
    WebhookSource = 0x42,
    /// By the hash of the id.
    DocumentId = 0x50,
}

/// The prefix of every key of one table.
pub(super) fn prefix(table: Table) -> Vec<u8> {
    Writer::new().byte(table as u8).finish()
}

/// The key of a record with an id of 16 bytes or a hash of 32.
pub(super) fn key(table: Table, id: &[u8]) -> Vec<u8> {
    Writer::new().byte(table as u8).bytes(id).finish()
}

/// The id or hash inside a key made by [`key`].
pub(super) fn id_in<const N: usize>(key: &[u8]) -> Option<[u8; N]> {
    let mut reader = Reader::new(key);
    reader.byte()?;
    let id = reader.array()?;
    reader.is_empty().then_some(id)
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct CountersRecord {
    pub next_tenant_no: u64,
}

impl Record for CountersRecord {
    const VERSION: u8 = 1;
}

/// Key: the id, 16 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OrganizationRecord {
    pub name: String,
    pub created_at_us: i64,
}

impl Record for OrganizationRecord {
    const VERSION: u8 = 1;
}

/// Key: the id, 16 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ProjectRecord {
    #[serde(with = "serde_bytes")]
    pub organization: [u8; 16],
    pub name: String,
    pub created_at_us: i64,
    #[serde(default)]
    pub updated_at_us: Option<i64>,
}

impl Record for ProjectRecord {
    const VERSION: u8 = 1;
}

/// Key: the id that it had, 16 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TombstoneRecord {
    /// Or else a project.
    pub is_tenant: bool,
    #[serde(with = "serde_bytes")]
    pub organization: [u8; 16],
    pub deleted_at_us: i64,
}

impl Record for TombstoneRecord {
    const VERSION: u8 = 1;
}

/// Key: the id, 16 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TenantRecord {
    #[serde(with = "serde_bytes")]
    pub id: [u8; 16],
    pub no: u64,
    pub name: String,
    pub plan: String,
    pub shard: u16,
    pub created_at_us: i64,
    /// Absent for tenants made before there were projects: the default project.
    #[serde(default)]
    pub project: Option<[u8; 16]>,
    /// Set while its content is being erased.
    #[serde(default)]
    pub deleted_at_us: Option<i64>,
    /// Shards that hold bytes of it which are to be erased.
    #[serde(default)]
    pub leftover_on: Vec<u16>,
    /// The public name chosen for it; `None` for one that is known by its id.
    #[serde(default)]
    pub handle: Option<String>,
    /// What it is used for; empty for production.
    #[serde(default)]
    pub environment: String,
    /// The date of the API's version that it is served by default; empty for the first.
    #[serde(default)]
    pub api_version: String,
    #[serde(default)]
    pub updated_at_us: Option<i64>,
}

impl Record for TenantRecord {
    const VERSION: u8 = 1;
}

/// Key: BLAKE3 of the secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    #[serde(with = "serde_bytes")]
    pub id: [u8; 16],
    /// The owner: a tenant, or for a management key an organization.
    #[serde(with = "serde_bytes")]
    pub owner: [u8; 16],
    pub dialect: String,
    pub name: String,
    pub created_at_us: i64,
    pub revoked_at_us: Option<i64>,
    /// Which of the dialect's kinds; empty for the first.
    #[serde(default)]
    pub kind: String,
    /// `None` for those a new key of its kind has.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    #[serde(default)]
    pub expires_at_us: Option<i64>,
    #[serde(default)]
    pub last_used_at_us: Option<i64>,
    /// First and last characters of the random part.
    #[serde(default)]
    pub head: String,
    #[serde(default)]
    pub tail: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub updated_at_us: Option<i64>,
}

impl Record for KeyRecord {
    const VERSION: u8 = 1;
}

/// Key: BLAKE3 of the former secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FormerKeyRecord {
    #[serde(with = "serde_bytes")]
    pub key: [u8; 16],
    pub until_us: i64,
}

impl Record for FormerKeyRecord {
    const VERSION: u8 = 1;
}

/// Key: the id, 16 bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UserRecord {
    pub dialect: String,
    pub username: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub tenant: Option<[u8; 16]>,
    pub is_admin: bool,
    pub created_at_us: i64,
    pub last_login_us: Option<i64>,
    /// An argon2id hash as a PHC string.
    pub password: Option<String>,
    #[serde(default)]
    pub goals: Option<String>,
}

impl Record for UserRecord {
    const VERSION: u8 = 1;
}

/// Key: BLAKE3 of the token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    #[serde(with = "serde_bytes")]
    pub user: [u8; 16],
    pub created_at_us: i64,
    pub expires_at_us: i64,
}

impl Record for SessionRecord {
    const VERSION: u8 = 1;
}

/// Key: the id, 16 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RefreshTokenRecord {
    #[serde(with = "serde_bytes")]
    pub tenant: [u8; 16],
    #[serde(with = "serde_bytes")]
    pub key: [u8; 16],
    pub subject: String,
    pub session: Option<String>,
    pub created_at_us: i64,
    pub expires_at_us: i64,
}

impl Record for RefreshTokenRecord {
    const VERSION: u8 = 1;
}

/// Key: SHA-256 of the public key (RFC 7638).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SigningKeyRecord {
    /// The private key in PKCS#8, encrypted.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
    pub created_at_us: i64,
    pub retired_at_us: Option<i64>,
}

impl Record for SigningKeyRecord {
    const VERSION: u8 = 1;
}

/// Key: BLAKE3 of the id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DocumentIdRecord {
    pub id: String,
    #[serde(with = "serde_bytes")]
    pub tenant: [u8; 16],
}

impl Record for DocumentIdRecord {
    const VERSION: u8 = 1;
}

/// Key: the tenant's id and a print of the name, 32 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WebhookSecretRecord {
    pub name: String,
    /// The secret, encrypted.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
    pub created_at_us: i64,
}

impl Record for WebhookSecretRecord {
    const VERSION: u8 = 1;
}

/// Key: the tenant's id and the provider's number, 17 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WebhookSourceRecord {
    pub user_path: String,
    pub users: BTreeMap<String, String>,
    pub takes_unmapped: bool,
    pub events: BTreeMap<String, EventMappingRecord>,
    pub created_at_us: i64,
    pub updated_at_us: i64,
}

impl Record for WebhookSourceRecord {
    const VERSION: u8 = 1;
}

/// A part of [`WebhookSourceRecord`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EventMappingRecord {
    pub event_type: Option<String>,
    pub category: Option<String>,
    pub importance: Option<String>,
}
