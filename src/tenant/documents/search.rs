//! Asking the documents: the chunks that answer, each with the document it is of.

use std::sync::Arc;

use crate::engine::atom::{ReadQuery, RetrievedAtom};
use crate::engine::documents::{DOCUMENTS_DOMAIN, Document};
use crate::tenant::{Tenant, TenantError};
use crate::types::QueryEmbedding;

/// How many times as many atoms are looked at where some turn out to be no chunks.
const MORE_EACH_TIME: usize = 8;

#[derive(Debug, Clone)]
pub struct FoundChunk {
    pub document: Arc<Document>,
    /// From 0, in the order of the text.
    pub index: u32,
    pub text: String,
    /// In [0, 1]; what is found is sorted by it.
    pub relevance: f32,
}

impl Tenant {
    /// The chunks that answer a question best. Counts as a read of each.
    ///
    /// # Errors
    /// When storage or an index cannot be read.
    pub fn search_documents(
        &mut self,
        query: ReadQuery,
        embedding: &QueryEmbedding,
    ) -> Result<Vec<FoundChunk>, TenantError> {
        let wanted = query.top_k;
        let mut query = ReadQuery { domains: Some(vec![DOCUMENTS_DOMAIN.to_owned()]), ..query };
        loop {
            let found = self.retrieve(&query, embedding)?.items;
            let is_all = found.len() < query.top_k;
            let chunks = found.into_iter().filter_map(|item| self.chunk_from(item));
            let chunks: Vec<FoundChunk> = chunks.take(wanted).collect();
            if is_all || chunks.len() == wanted {
                return Ok(chunks);
            }
            // What a caller put among the chunks must not keep them from being found.
            query.top_k = query.top_k.saturating_mul(MORE_EACH_TIME);
        }
    }

    /// `None` for an atom that a caller put among the chunks.
    fn chunk_from(&self, item: RetrievedAtom) -> Option<FoundChunk> {
        let known = self.documents.get(item.atom.session.as_deref()?)?;
        let is_of_run = item.atom.fingerprint == Some(super::known::run_mark(known.run));
        let metadata: serde_json::Value =
            serde_json::from_str(item.atom.metadata.as_json()).ok()?;
        let index = u32::try_from(metadata.get("chunk_index")?.as_u64()?).ok()?;
        is_of_run.then(|| FoundChunk {
            document: Arc::clone(&known.document),
            index,
            text: item.atom.content,
            relevance: item.relevance,
        })
    }
}
