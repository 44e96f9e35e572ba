//! Conversations for a tenant: remembering what was said, recalling it, and what both cost.

use super::memory::off_thread;
use super::{
    DayTokens, Ingested, Ingestion, MemoryService, RecallQuery, Recollection, Scope, ServiceError,
};
use crate::actors::tenant::conversation::{
    CheckTokens, CountTokens, Ingest, Recall, TokensOfMonth, TokensToday,
};
use crate::actors::tenant::data::{PreparedFragment, TokenAllowance, asked_part, query_words};
use crate::actors::tenant::retrieve::QueryAllowance;
use crate::types::{TokenDirection, Tokens, YearMonth};

impl MemoryService {
    /// Remembers fragments in order, those that are known already excepted, charges for the new
    /// ones and sees to their enrichment in the background. All of it is one atomic batch. Durable
    /// on return; a recall sent afterwards finds them.
    ///
    /// # Errors
    /// [`crate::types::ErrorKind::QuotaExceeded`] when nothing is left of the day's tokens, or the
    /// fragments do not fit into what the plan lets the tenant hold. When nothing was stored
    /// otherwise, except [`crate::types::ErrorKind::DeadlineExceeded`]: then it may have been.
    pub async fn ingest(
        &self,
        scope: Scope,
        ingestion: Ingestion,
    ) -> Result<Ingested, ServiceError> {
        let Ingestion { fragments, tokens_besides } = ingestion;
        let (atoms, tokens): (Vec<_>, Vec<_>) =
            fragments.into_iter().map(|fragment| (fragment.atom, fragment.tokens)).unzip();
        let fragments = self.prepare(atoms).await?.into_iter().zip(tokens);
        let command = Ingest {
            fragments: fragments.map(|(atom, tokens)| PreparedFragment { atom, tokens }).collect(),
            tokens_besides,
            atoms_max: scope.allowance.atoms_max,
            allowance: token_allowance(scope),
        };
        self.call(scope, command).await
    }

    /// Answers a question from one conversation, and charges for it: `tokens_in`, and what
    /// `tokens_out` counts of the answer. The latter runs on the tenant's thread, so that an
    /// allowance is exact; it must be quick.
    ///
    /// # Errors
    /// [`crate::types::ErrorKind::QuotaExceeded`] when nothing is left of the day's tokens in
    /// either direction, or of its questions. When the embedder or the tenant cannot serve; an
    /// empty memory is an empty answer.
    pub async fn recall(
        &self,
        scope: Scope,
        query: RecallQuery,
        tokens_in: u64,
        tokens_out: impl FnOnce(&Recollection) -> u64 + Send + 'static,
    ) -> Result<(Recollection, Tokens), ServiceError> {
        let query = RecallQuery { text: asked_part(&query.text).to_owned(), ..query };
        let words = query_words(&query.text, &[]);
        let embedding = self.embedder.embed_query(&query.text, &words).await?;
        let command = Recall {
            query,
            embedding,
            tokens_in,
            tokens_out: CountTokens(Box::new(tokens_out)),
            allowance: token_allowance(scope),
            spend: QueryAllowance::of(scope.allowance.queries_per_day, 1),
        };
        self.call(scope, command).await
    }

    /// Whether work that uses tokens in these directions may begin now. Costs a message where the
    /// plan has a limit; for callers who would do much for nothing.
    ///
    /// # Errors
    /// [`crate::types::ErrorKind::QuotaExceeded`] for the first direction of which nothing is left.
    pub async fn check_tokens(
        &self,
        scope: Scope,
        directions: &'static [TokenDirection],
    ) -> Result<(), ServiceError> {
        let allowance = token_allowance(scope);
        if allowance.input.is_none() && allowance.output.is_none() {
            return Ok(());
        }
        self.call(scope, CheckTokens { directions, allowance }).await
    }

    /// Metered tokens of the present day.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn tokens_today(&self, scope: Scope) -> Result<DayTokens, ServiceError> {
        self.call(scope, TokensToday).await
    }

    /// Metered tokens of a month; none for one without any.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn tokens_of_month(
        &self,
        scope: Scope,
        month: YearMonth,
    ) -> Result<Tokens, ServiceError> {
        self.call(scope, TokensOfMonth { month }).await
    }
}

/// Computes over so many bytes of text, on the blocking pool when they are many.
///
/// # Errors
/// When the work panicked there.
pub async fn compute<R: Send + 'static>(
    size_bytes: usize,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, ServiceError> {
    off_thread(size_bytes, work).await.ok_or_else(ServiceError::crashed)
}

fn token_allowance(scope: Scope) -> TokenAllowance {
    let allowance = scope.allowance;
    TokenAllowance { input: allowance.tokens_in_per_day, output: allowance.tokens_out_per_day }
}
