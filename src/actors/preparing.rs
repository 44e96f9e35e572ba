//! What jobs compute on the blocking pool, above all making atoms ready for their tenant: embedded and
//! analysed, where an embedder that waits for its endpoint disturbs nobody either.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::jobs::JobFailure;
use super::tenant::data::{NewAtom, PreparedAtom, embedded_part};
use crate::embedding::Embedder;

/// Embeds and analyses atoms, in order. Their concepts count as found, not given: names are not
/// linked, so none outlives its atom.
///
/// # Errors
/// When the embedder cannot embed; trying again may help.
pub(super) async fn prepare(
    embedder: &Arc<dyn Embedder>,
    atoms: Vec<NewAtom>,
) -> Result<Vec<PreparedAtom>, JobFailure> {
    let embedder = Arc::clone(embedder);
    let done = tokio::task::spawn_blocking(move || {
        let texts: Vec<&str> = atoms.iter().map(|atom| embedded_part(&atom.content)).collect();
        let embeddings = Handle::current().block_on(embedder.embed(&texts));
        let embeddings = embeddings.map_err(|error| JobFailure::retryable(error.to_string()))?;
        let both = atoms.into_iter().zip(embeddings);
        Ok(both
            .map(|(atom, vector)| PreparedAtom {
                has_given_concepts: false,
                ..PreparedAtom::new(atom, vector)
            })
            .collect())
    });
    done.await.map_err(|_| JobFailure::retryable("embedding crashed"))?
}

/// Does what computes for long on the blocking pool.
///
/// # Errors
/// When it panics there; trying again may help.
pub(super) async fn off_thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, JobFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| JobFailure::retryable("its work crashed"))
}
