//! The export as a stream of lines. One page of atoms is in memory at a time, the next is fetched
//! when the client has taken the last, and a client that goes away ends it.

use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;

use super::convert;
use super::error::ApiError;
use crate::service::{Atom, MemoryService, Scope};
use crate::types::{AtomId, Deadline};

/// Lines are sent together until they reach this size.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where an export stands.
pub(super) struct Export {
    memory: MemoryService,
    /// Its deadline is the first page's.
    scope: Scope,
    /// For each page; the export as a whole takes as long as the client reads.
    page_timeout: Duration,
    pending: std::vec::IntoIter<Atom>,
    /// The last atom of the last page; `None` when nothing is left to fetch.
    after: Option<AtomId>,
}

impl Export {
    /// Starts with the page that was fetched to learn whether there is an answer at all.
    pub(super) fn starting_with(
        memory: MemoryService,
        scope: Scope,
        page_timeout: Duration,
        first_page: Vec<Atom>,
    ) -> Self {
        let after = first_page.last().map(|atom| atom.id);
        Self { memory, scope, page_timeout, pending: first_page.into_iter(), after }
    }

    /// One atom per line, each line ended. An error ends the connection, so that a client cannot
    /// take a part for the whole.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        try_unfold(self, |mut export| async move {
            let chunk = export.next_chunk().await?;
            Ok(chunk.map(|chunk| (chunk, export)))
        })
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.pending.as_slice().is_empty() {
            self.fetch_page().await?;
        }
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES
            && let Some(atom) = self.pending.next()
        {
            serde_json::to_writer(&mut chunk, &convert::atom_envelope(&atom))
                .map_err(|_cause| ApiError::internal())?;
            chunk.push(b'\n');
        }
        Ok((!chunk.is_empty()).then(|| Bytes::from(chunk)))
    }

    /// Leaves `pending` empty at the end of the export.
    async fn fetch_page(&mut self) -> Result<(), ApiError> {
        let Some(after) = self.after else {
            return Ok(());
        };
        let deadline = Deadline::after(self.page_timeout);
        let scope = Scope { deadline, ..self.scope };
        let page = self.memory.export_page(scope, Some(after)).await?;
        self.after = page.last().map(|atom| atom.id);
        self.pending = page.into_iter();
        Ok(())
    }
}
