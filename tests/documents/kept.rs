//! What a server keeps: every file of documents below its data directory, and every record on its
//! shards.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};

use hebbd::storage::keys::{Kind, tenant_prefix};
use hebbd::types::{ShardNo, TenantId, TenantNo};

use crate::support::TestServer;

pub(crate) fn number_of(server: &TestServer, tenant: TenantId) -> TenantNo {
    server.directory.get_tenant(tenant).unwrap().no
}

/// A tenant's originals on a shard.
pub(crate) fn originals(data_dir: &Path, shard: ShardNo, tenant: TenantNo) -> Vec<PathBuf> {
    files_below(&data_dir.join(format!("shards/{shard}/blobs/{tenant}")))
}

/// Every file of this sort (`blobs`, `index`) of every tenant of every shard.
pub(crate) fn files_of(data_dir: &Path, sort: &str) -> Vec<PathBuf> {
    let shards = std::fs::read_dir(data_dir.join("shards")).unwrap();
    shards.flat_map(|shard| files_below(&shard.unwrap().path().join(sort))).collect()
}

/// What is being received.
pub(crate) fn uploads(data_dir: &Path) -> Vec<PathBuf> {
    files_below(&data_dir.join("uploads"))
}

/// None where there is no such directory.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Names and contents, as far as they are text.
pub(crate) fn contents(files: &[PathBuf]) -> String {
    let mut text = String::new();
    for path in files {
        text.push_str(&path.to_string_lossy());
        text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
    }
    text
}

/// Every key and value of every shard, as far as they are text: those of no tenant too.
pub(crate) fn records(server: &TestServer) -> String {
    let mut text = String::new();
    for shard in server.registry.shards().open_ones() {
        for (key, value) in shard.commit.store().scan(&[], None, usize::MAX).unwrap() {
            text.push_str(&String::from_utf8_lossy(&key));
            text.push_str(&String::from_utf8_lossy(&value));
        }
    }
    text
}

/// A tenant's records on all shards.
pub(crate) fn records_of(server: &TestServer, tenant: TenantNo) -> Vec<(Vec<u8>, Vec<u8>)> {
    let shards = server.registry.shards().open_ones();
    shards
        .flat_map(|shard| {
            shard.commit.store().scan(&tenant_prefix(tenant), None, usize::MAX).unwrap()
        })
        .collect()
}

pub(crate) fn count_of(server: &TestServer, tenant: TenantNo, kinds: &[Kind]) -> usize {
    // The kind of a record follows the number of its tenant.
    let is_one = |key: &[u8]| kinds.iter().any(|kind| *kind as u8 == key[8]);
    records_of(server, tenant).iter().filter(|(key, _)| is_one(key)).count()
}
