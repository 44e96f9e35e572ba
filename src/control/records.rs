//! The directory's records as they are stored, and their keys. `docs/storage-format.md` lists
//! every field.

use serde::{Deserialize, Serialize};

use crate::storage::Record;
use crate::storage::keys::{Reader, Writer};
use crate::types::TenantId;

/// First byte of every key of the directory's store.
const KIND_COUNTERS: u8 = 0x01;
const KIND_TENANT: u8 = 0x10;
const KIND_KEY: u8 = 0x20;

pub(super) fn counters_key() -> Vec<u8> {
    vec![KIND_COUNTERS]
}

pub(super) fn tenants_prefix() -> Vec<u8> {
    vec![KIND_TENANT]
}

pub(super) fn tenant_key(id: TenantId) -> Vec<u8> {
    Writer::new().byte(KIND_TENANT).bytes(id.as_bytes()).finish()
}

pub(super) fn keys_prefix() -> Vec<u8> {
    vec![KIND_KEY]
}

pub(super) fn key_key(hash: &[u8; 32]) -> Vec<u8> {
    Writer::new().byte(KIND_KEY).bytes(hash).finish()
}

/// The hash inside a key made by [`key_key`].
pub(super) fn hash_in_key(key: &[u8]) -> Option<[u8; 32]> {
    let mut reader = Reader::new(key);
    reader.byte()?;
    reader.array()
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct CountersRecord {
    pub next_tenant_no: u64,
}

impl Record for CountersRecord {
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TenantRecord {
    #[serde(with = "serde_bytes")]
    pub id: [u8; 16],
    pub no: u64,
    pub name: String,
    pub plan: String,
    pub shard: u16,
    pub created_at_us: i64,
}

impl Record for TenantRecord {
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    #[serde(with = "serde_bytes")]
    pub id: [u8; 16],
    #[serde(with = "serde_bytes")]
    pub tenant: [u8; 16],
    pub dialect: String,
    pub name: String,
    pub created_at_us: i64,
    pub revoked_at_us: Option<i64>,
}

impl Record for KeyRecord {
    const VERSION: u8 = 1;
}
