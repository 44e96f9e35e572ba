//! Shards: one arbiter thread, one store and one committer each. A shard that does not open is
//! reported and skipped; the others serve.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::{Arbiter, ArbiterHandle};
use tokio::sync::Semaphore;

use super::error::ActorError;
use super::settings::{Durability, ResolvedShard, ShardSettings};
use crate::storage::{
    Blobs, CommitPolicy, GroupCommit, SledSettings, SledStore, StorageError, Store,
};
use crate::types::{ShardNo, TenantNo};

/// An open shard.
pub struct Shard {
    pub no: ShardNo,
    pub settings: ShardSettings,
    /// False for a shard that only keeps serving the tenants it has.
    pub takes_new_tenants: bool,
    pub commit: GroupCommit,
    pub permits: Arc<Semaphore>,
    /// Where index caches live; safe to delete while the server is down.
    pub index_dir: PathBuf,
    /// Where the originals of documents live, a directory for each tenant.
    blob_dir: PathBuf,
    pub arbiter: ArbiterHandle,
    owner: Arbiter,
}

impl Shard {
    /// Opens the store (blocking, off this thread) and starts the shard's thread.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn open(plan: ResolvedShard) -> Result<Self, StorageError> {
        let settings =
            SledSettings { path: plan.path.join("store"), cache_bytes: plan.settings.cache_bytes };
        let opened = tokio::task::spawn_blocking(move || SledStore::open(&settings)).await;
        let store: Arc<dyn Store> = match opened {
            Ok(store) => Arc::new(store?),
            Err(error) => return Err(StorageError::Io { detail: error.to_string() }),
        };
        Self::start(plan, store)
    }

    /// Starts a shard on a store that is already open.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub fn start(plan: ResolvedShard, store: Arc<dyn Store>) -> Result<Self, StorageError> {
        let ResolvedShard { no, path, settings, takes_new_tenants } = plan;
        let policy = match settings.durability {
            Durability::Fsync => CommitPolicy::Fsync,
            Durability::Interval => {
                CommitPolicy::Interval(Duration::from_millis(settings.flush_interval_ms))
            }
        };
        let owner = Arbiter::new();
        Ok(Self {
            no,
            commit: GroupCommit::start(store, &no.to_string(), policy)?,
            permits: Arc::new(Semaphore::new(settings.shard_permits)),
            takes_new_tenants,
            index_dir: path.join("index"),
            blob_dir: path.join("blobs"),
            arbiter: owner.handle(),
            owner,
            settings,
        })
    }
}

impl Shard {
    /// A tenant's files.
    #[must_use]
    pub fn blobs_of(&self, tenant: TenantNo) -> Blobs {
        Blobs::at(self.blob_dir.join(tenant.to_string()))
    }

    /// Flushes the store and stops the thread.
    pub async fn stop(&self) {
        if let Err(error) = self.commit.flush_ticket().durable().await {
            tracing::error!(shard.no = self.no.0, error = %error, "last flush failed");
        }
        self.owner.stop();
    }
}

/// Every shard by number, with the reason where one did not open.
pub struct Shards(BTreeMap<ShardNo, Result<Arc<Shard>, StorageError>>);

impl Shards {
    /// Opens all of them, side by side.
    pub async fn open(plans: Vec<ResolvedShard>) -> Self {
        let opening = plans.into_iter().map(|plan| async {
            let (no, path) = (plan.no, plan.path.display().to_string());
            let opened = Shard::open(plan).await;
            if let Err(error) = &opened {
                tracing::error!(
                    shard.no = no.0,
                    error = %error,
                    "shard did not open; its tenants are unavailable, the others serve. Restore \
                     {path}/store and {path}/blobs from a backup and start again"
                );
            }
            (no, opened.map(Arc::new))
        });
        Self(futures_util::future::join_all(opening).await.into_iter().collect())
    }

    #[must_use]
    pub fn from_open(shards: Vec<Shard>) -> Self {
        Self(shards.into_iter().map(|shard| (shard.no, Ok(Arc::new(shard)))).collect())
    }

    /// # Errors
    /// [`ActorError::ShardUnavailable`] when it is not configured or did not open.
    pub fn get(&self, no: ShardNo) -> Result<&Arc<Shard>, ActorError> {
        match self.0.get(&no) {
            Some(Ok(shard)) => Ok(shard),
            Some(Err(error)) => {
                Err(ActorError::ShardUnavailable { shard: no, reason: error.to_string() })
            }
            None => Err(ActorError::ShardUnavailable {
                shard: no,
                reason: "it is not in the shard file".to_owned(),
            }),
        }
    }

    /// Whether a shard is configured, open or not.
    #[must_use]
    pub fn is_known(&self, no: ShardNo) -> bool {
        self.0.contains_key(&no)
    }

    /// Every configured shard, open or not.
    #[must_use]
    pub fn numbers(&self) -> Vec<ShardNo> {
        self.0.keys().copied().collect()
    }

    /// The shards a new tenant may be placed on.
    #[must_use]
    pub fn for_new_tenants(&self) -> Vec<ShardNo> {
        self.open_ones().filter(|shard| shard.takes_new_tenants).map(|shard| shard.no).collect()
    }

    /// The shards that opened.
    pub fn open_ones(&self) -> impl Iterator<Item = &Arc<Shard>> {
        self.0.values().filter_map(|shard| shard.as_ref().ok())
    }

    /// Whether every shard opened and can still write.
    #[must_use]
    pub fn are_healthy(&self) -> bool {
        self.0.values().all(|shard| matches!(shard, Ok(shard) if !shard.commit.is_poisoned()))
    }

    /// Stops all of them. The tenants must be closed before.
    pub async fn stop(&self) {
        for shard in self.open_ones() {
            shard.stop().await;
        }
    }
}
