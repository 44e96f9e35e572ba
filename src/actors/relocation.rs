//! Moving a tenant to another shard, and erasing what deletions and moves leave behind. Both are
//! noted in the directory before they begin, so that a crash at any point leaves nothing to
//! guess: bytes on a shard count only if the directory says that the tenant lives there.
//!
//! A move copies while the tenant serves, again and again until little differs, and only then
//! lets the calls in flight finish, copies the rest and changes the directory. Calls wait at the
//! tenant's slot meanwhile, as they do while a tenant opens.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::error::ActorError;
use super::registry::Registry;
use super::shards::Shard;
use crate::control::tenants::Leftover;
use crate::control::{ControlError, Directory};
use crate::storage::StorageError;
use crate::tenant::{TenantError, keyspace};
use crate::types::{Deadline, ShardNo, TenantId, TenantNo};

/// Rounds of copying while the tenant serves. One is a full copy; a tenant that is written to
/// without pause gets no smaller a rest by ever more of them.
const LIVE_ROUNDS_MAX: usize = 5;

/// So few records are copied while calls wait: some ten milliseconds.
const REST_RECORDS: u64 = 500;

/// So many bytes of a file take as long as a record.
const RECORD_BYTES: u64 = 8 * 1024;

/// How long the calls in flight may take before a move is given up.
const DRAIN: Duration = Duration::from_secs(10);

/// What is being done to a tenant's bytes.
#[derive(Debug, Clone)]
pub struct Relocation {
    /// The shard it moves to; `None` while left-over bytes are erased.
    pub to: Option<ShardNo>,
    /// Records copied or erased so far.
    pub records: Arc<AtomicU64>,
}

/// What a move did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveReport {
    pub from: ShardNo,
    pub to: ShardNo,
    pub records: u64,
    /// How long calls waited for the last of it.
    pub pause: Duration,
}

/// One tenant's bytes being worked on; ends when dropped.
struct Running {
    running: Arc<DashMap<TenantId, Relocation>>,
    tenant: TenantId,
    records: Arc<AtomicU64>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.running.remove(&self.tenant);
    }
}

impl Registry {
    /// Changes the directory on the blocking pool: a change waits for its fsync.
    ///
    /// # Errors
    /// Those of the change.
    pub async fn in_directory<R: Send + 'static>(
        &self,
        change: impl FnOnce(&Directory) -> Result<R, ControlError> + Send + 'static,
    ) -> Result<R, ActorError> {
        let directory = Arc::clone(self.directory());
        match tokio::task::spawn_blocking(move || change(&directory)).await {
            Ok(changed) => Ok(changed?),
            Err(_) => Err(ActorError::Crashed),
        }
    }

    /// What is being done to a tenant's bytes now.
    #[must_use]
    pub fn relocation(&self, tenant: TenantId) -> Option<Relocation> {
        self.relocating.get(&tenant).map(|relocation| relocation.clone())
    }

    /// Moves a tenant to another shard. Durable on return, and nothing of it is left on its
    /// former shard. Calls wait for the last part of it; none is lost.
    ///
    /// # Errors
    /// For an unknown tenant or shard, one that is there already or is being moved, when the
    /// calls in flight do not end, or when storage fails. The tenant then lives where it did.
    pub async fn move_tenant(
        self: &Arc<Self>,
        tenant: TenantId,
        to: ShardNo,
    ) -> Result<MoveReport, ActorError> {
        let target = Arc::clone(self.shards().get(to)?);
        let running = self.begin_relocation(tenant, Some(to))?;
        let known = self.in_directory(move |d| d.begin_move(tenant, to)).await?;
        let source = Arc::clone(self.shards().get(known.shard)?);
        let moved = self.copy_and_switch(tenant, known.no, &source, &target, &running).await;
        if let Err(error) = &moved {
            tracing::warn!(tenant.id = %tenant, error = %error, "a tenant's move was given up");
        }
        let is_left = |leftover: &Leftover| leftover.tenant == tenant;
        if let Some(leftover) = self.directory().leftovers().into_iter().find(is_left) {
            let erased = self.erase_bytes(&leftover, &Arc::default()).await;
            if let (Ok(_), Err(error)) = (&moved, erased) {
                tracing::warn!(tenant.id = %tenant, error = %error, "left-over bytes remain for now");
                self.erasure.notify_one();
            }
        }
        let pause = moved?;
        let records = running.records.load(Ordering::Relaxed);
        tracing::info!(
            tenant.id = %tenant,
            shard.from = known.shard.0,
            shard.to = to.0,
            records,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            "moved a tenant"
        );
        Ok(MoveReport { from: known.shard, to, records, pause })
    }

    /// Copies everything and changes the directory. Answers how long calls waited.
    async fn copy_and_switch(
        self: &Arc<Self>,
        tenant: TenantId,
        no: TenantNo,
        source: &Shard,
        target: &Shard,
        running: &Running,
    ) -> Result<Duration, ActorError> {
        // What an earlier attempt left there must not be taken for the tenant's.
        erase_on(target, no, &Arc::default()).await?;
        let copy = || copy_differences(source, target, no, Arc::clone(&running.records));
        for _ in 0..LIVE_ROUNDS_MAX {
            if copy().await? <= REST_RECORDS {
                break;
            }
        }
        loop {
            let plan = self.directory().get_tenant(tenant)?.plan;
            let slot = self.slot(tenant, &plan);
            let state = slot.state.lock().await;
            if state.retired {
                continue;
            }
            let waited = Deadline::after(DRAIN);
            if let Some(handle) = slot.current() {
                if !handle.close_when_drained(waited).await {
                    return Err(ActorError::Busy);
                }
                slot.replace(None);
            }
            copy().await?;
            target.commit.flush_ticket().durable().await.map_err(TenantError::from)?;
            copy_caches(source, target, no).await;
            let to = target.no;
            self.in_directory(move |d| d.finish_move(tenant, to)).await?;
            return Ok(DRAIN.saturating_sub(waited.remaining()));
        }
    }

    /// Deletes a tenant: nobody knows it or its keys any more when this returns, which is
    /// durable. Its content is erased from here on in the background, whatever happens.
    ///
    /// # Errors
    /// For an unknown tenant, or when the directory cannot write.
    pub async fn delete_tenant(self: &Arc<Self>, tenant: TenantId) -> Result<(), ActorError> {
        self.in_directory(move |d| d.delete_tenant(tenant)).await?;
        self.erasure.notify_one();
        Ok(())
    }

    /// Returns when there may be something to erase.
    pub(super) async fn erasure_wanted(&self) {
        self.erasure.notified().await;
    }

    /// Erases the content of deleted tenants and what moves left behind. Returns whether
    /// everything is gone that was there to be erased.
    pub async fn erase_leftovers(self: &Arc<Self>) -> bool {
        let mut all_gone = true;
        for leftover in self.directory().leftovers() {
            let Ok(running) = self.begin_relocation(leftover.tenant, None) else {
                // It is moving: what is left over now may be what it is being copied to.
                all_gone = false;
                continue;
            };
            if let Err(error) = self.erase(&leftover, &running).await {
                all_gone = false;
                tracing::warn!(
                    tenant.id = %leftover.tenant,
                    error = %error,
                    "content could not be erased yet; it is tried again"
                );
            }
        }
        all_gone
    }

    async fn erase(
        self: &Arc<Self>,
        leftover: &Leftover,
        running: &Running,
    ) -> Result<(), ActorError> {
        if leftover.is_deleted {
            self.close_for_good(leftover.tenant).await;
        }
        self.erase_bytes(leftover, &running.records).await?;
        let records = running.records.load(Ordering::Relaxed);
        tracing::info!(tenant.id = %leftover.tenant, records, "erased a tenant's left-over bytes");
        Ok(())
    }

    async fn erase_bytes(
        self: &Arc<Self>,
        leftover: &Leftover,
        records: &Arc<AtomicU64>,
    ) -> Result<(), ActorError> {
        for shard in &leftover.shards {
            erase_on(self.shards().get(*shard)?, leftover.no, records).await?;
        }
        let leftover = leftover.clone();
        self.in_directory(move |d| d.forget_leftover(&leftover)).await
    }

    /// Closes a deleted tenant's actor. The directory does not know the tenant any more, so
    /// nobody opens it again.
    async fn close_for_good(&self, tenant: TenantId) {
        let Some(slot) = self.find_slot(tenant) else { return };
        let mut state = slot.state.lock().await;
        if let Some(handle) = slot.current() {
            while handle.is_open() && !handle.close_when_drained(Deadline::after(DRAIN)).await {
                tracing::warn!(tenant.id = %tenant, "waiting for a deleted tenant's calls to end");
            }
            slot.replace(None);
        }
        self.retire(tenant, &slot, &mut state);
    }

    fn begin_relocation(
        &self,
        tenant: TenantId,
        to: Option<ShardNo>,
    ) -> Result<Running, ActorError> {
        let records = Arc::new(AtomicU64::new(0));
        match self.relocating.entry(tenant) {
            Entry::Occupied(_) => Err(ActorError::Busy),
            Entry::Vacant(entry) => {
                entry.insert(Relocation { to, records: Arc::clone(&records) });
                Ok(Running { running: Arc::clone(&self.relocating), tenant, records })
            }
        }
    }
}

async fn copy_differences(
    source: &Shard,
    target: &Shard,
    no: TenantNo,
    records: Arc<AtomicU64>,
) -> Result<u64, ActorError> {
    let (from, to) = (source.commit.clone(), target.commit.clone());
    let (originals, copies) = (source.blobs_of(no), target.blobs_of(no));
    blocking(move || {
        let files = originals.mirror_to(&copies)?;
        let differing = keyspace::mirror(no, &from, &to, &records)?;
        Ok(differing + files / RECORD_BYTES)
    })
    .await
}

/// Takes the index caches along, which were saved as the tenant closed. They are worth some work
/// and no more: what does not arrive is built again.
async fn copy_caches(source: &Shard, target: &Shard, no: TenantNo) {
    let (from, to) = (caches_on(source, no), caches_on(target, no));
    let copied = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        if !from.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(&from)? {
            let entry = entry?;
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    });
    match copied.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %error, "index caches were not moved"),
        Err(_) => tracing::error!("moving index caches crashed"),
    }
}

fn caches_on(shard: &Shard, no: TenantNo) -> PathBuf {
    shard.index_dir.join(no.to_string())
}

/// Erases a tenant's records, files and caches on one shard, durably.
async fn erase_on(shard: &Shard, no: TenantNo, records: &Arc<AtomicU64>) -> Result<(), ActorError> {
    loop {
        let (commit, records) = (shard.commit.clone(), Arc::clone(records));
        if blocking(move || keyspace::erase_slice(no, &commit, &records)).await? {
            break;
        }
    }
    let (caches, originals) = (caches_on(shard, no), shard.blobs_of(no));
    blocking(move || {
        originals.remove_all()?;
        remove_dir(&caches)
    })
    .await?;
    shard.commit.flush_ticket().durable().await.map_err(TenantError::from)?;
    Ok(())
}

fn remove_dir(path: &std::path::Path) -> Result<(), TenantError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::Io { detail: error.to_string() }.into())
        }
        _ => Ok(()),
    }
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, TenantError> + Send + 'static,
) -> Result<R, ActorError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ActorError::Crashed),
    }
}
