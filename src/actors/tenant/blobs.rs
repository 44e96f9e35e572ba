//! The bytes beside the records, as commands handle them: kept before a record names them, and
//! removed once it is durable that none does, since until then a crash would bring the record back.
//! All of it blocks, so it runs on the blocking pool.

use super::TenantCell;
use crate::storage::{BlobHash, SpooledFile, StorageError};
use crate::tenant::TenantError;

/// Keeps what was received. Durable on return.
pub(super) async fn keep(tenant: &TenantCell, received: SpooledFile) -> Result<(), TenantError> {
    let blobs = tenant.borrow().blobs().clone();
    blocking(move || blobs.keep(&received)).await
}

/// Removes what was kept for a record that did not come after all. What is left is removed when the
/// tenant is next opened.
pub(super) async fn discard(tenant: &TenantCell, blob: BlobHash) {
    if !tenant.borrow().names_blob(blob) {
        let blobs = tenant.borrow().blobs().clone();
        let _ = blocking(move || blobs.remove(blob)).await;
    }
}

/// Removes what no record names any more, once that is durable.
pub(super) async fn remove(tenant: &TenantCell, blob: BlobHash) -> Result<(), TenantError> {
    let (flushed, blobs) = {
        let tenant = tenant.borrow();
        (tenant.flush_ticket(), tenant.blobs().clone())
    };
    flushed.durable().await?;
    blocking(move || blobs.remove(blob)).await
}

/// Removes everything, for a tenant whose records of documents and files are all gone, once that is
/// durable.
pub(super) async fn remove_all(tenant: &TenantCell) -> Result<(), TenantError> {
    let (flushed, blobs) = {
        let tenant = tenant.borrow();
        (tenant.flush_ticket(), tenant.blobs().clone())
    };
    flushed.durable().await?;
    blocking(move || blobs.remove_all()).await
}

async fn blocking(
    work: impl FnOnce() -> Result<(), StorageError> + Send + 'static,
) -> Result<(), TenantError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(TenantError::Poisoned),
    }
}
