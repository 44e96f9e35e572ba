//! Making atoms ready for their tenant within a job: embedded and analysed on the blocking pool,
//! where an embedder that waits for its endpoint disturbs nobody either.

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
