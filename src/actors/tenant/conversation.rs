//! Conversations: remembering fragments and recalling them, both charged in metered tokens.

use std::fmt;

use futures_util::future::{FutureExt, ready};

use super::data::{
    Enrichment, Ingested, PreparedAtom, RecallQuery, Recollection, TokenAllowance, WriteDecision,
};
use super::retrieve::QueryAllowance;
use super::{Answer, Done, TenantCell, TenantCommand, apply};
use crate::tenant::{DayTokens, TenantError};
use crate::types::{QueryEmbedding, TokenDirection, Tokens, YearMonth};

/// Items planned between two yields to the shard's other tenants; see [`super::store`].
const SLICE: usize = 4;

/// A fragment ready to be stored.
pub struct PreparedFragment {
    pub atom: PreparedAtom,
    /// Charged if it is new.
    pub tokens: u64,
}

/// Stores fragments in order, charges for those that are new, and sees to their enrichment, all
/// in one batch.
pub struct Ingest {
    pub fragments: Vec<PreparedFragment>,
    /// Charged besides.
    pub tokens_besides: u64,
    /// Atoms the tenant may hold; `None` for any number. All fragments fit, or none is stored.
    pub atoms_max: Option<u64>,
    pub allowance: TokenAllowance,
}

impl Ingest {
    /// Everything that may refuse the command, before it changes anything. Says whether anything
    /// is to be enriched.
    fn check(&self, tenant: &TenantCell) -> Result<bool, TenantError> {
        let tenant = tenant.borrow();
        tenant.check_tokens(&[TokenDirection::Input], &self.allowance)?;
        let is_new = |fragment: &&PreparedFragment| {
            let external_ref = fragment.atom.new.external_ref.as_deref();
            !external_ref.is_some_and(|external_ref| tenant.knows_external_ref(external_ref))
        };
        if let Some(limit) = self.atoms_max {
            // One that is there twice counts twice: near the limit that is no great loss.
            let new_count = self.fragments.iter().filter(is_new).count() as u64;
            if new_count > 0 && tenant.atom_count() + new_count > limit {
                return Err(TenantError::AtomLimit { limit });
            }
        }
        let is_enriched =
            |fragment: &PreparedFragment| fragment.atom.new.enrichment != Enrichment::None;
        Ok(self.fragments.iter().filter(is_new).any(is_enriched))
    }
}

impl TenantCommand for Ingest {
    type Reply = Ingested;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let needs_enrichment = self.check(&tenant)?;
            let mut pending = tenant.borrow().begin(None);
            if needs_enrichment {
                tenant.borrow_mut().enqueue_enrichment(&mut pending)?;
            }
            let mut ingested = Ingested {
                are_new: Vec::with_capacity(self.fragments.len()),
                tokens: Tokens::default(),
            };
            ingested.tokens.input = self.tokens_besides;
            for (position, fragment) in self.fragments.into_iter().enumerate() {
                if position > 0 && position % SLICE == 0 {
                    tokio::task::yield_now().await;
                }
                let outcome = tenant.borrow_mut().store(&mut pending, fragment.atom)?;
                let is_new = outcome.decision == WriteDecision::Stored;
                let charged = if is_new { fragment.tokens } else { 0 };
                ingested.tokens.input = ingested.tokens.input.saturating_add(charged);
                ingested.are_new.push(is_new);
            }
            tenant.borrow_mut().spend_tokens(&mut pending, ingested.tokens)?;
            let batch = tenant.borrow().seal(pending)?;
            apply(batch).await?;
            let mut tenant = tenant.borrow_mut();
            tenant.settle();
            Ok(Done { reply: ingested, ticket: tenant.ticket() })
        }
        .boxed_local()
    }
}

/// Counts the tokens of an answer. Runs on the tenant's thread: a few microseconds a result.
pub struct CountTokens(pub Box<dyn FnOnce(&Recollection) -> u64 + Send>);

impl fmt::Debug for CountTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountTokens(..)")
    }
}

/// Answers a question from one conversation and charges for it. Refused when nothing is left of
/// the day's tokens in either direction; the answer that goes beyond them is given whole.
pub struct Recall {
    pub query: RecallQuery,
    /// The question's direction, whole and by word.
    pub embedding: QueryEmbedding,
    pub tokens_in: u64,
    pub tokens_out: CountTokens,
    pub allowance: TokenAllowance,
    /// `None`: not counted as a question.
    pub spend: Option<QueryAllowance>,
}

impl TenantCommand for Recall {
    type Reply = (Recollection, Tokens);

    /// One go. The day's counts are durable soon after the answer, not before: an answer was
    /// given, not data taken.
    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let answer = || {
            let directions = [TokenDirection::Input, TokenDirection::Output];
            tenant.check_tokens(&directions, &self.allowance)?;
            if let Some(spend) = self.spend {
                tenant.spend_queries(spend.queries, spend.per_day)?;
            }
            let recollection = tenant.recall(&self.query, &self.embedding)?;
            let output = (self.tokens_out.0)(&recollection);
            let tokens = Tokens { input: self.tokens_in, output };
            tenant.spend_tokens_of_answer(tokens)?;
            Ok(Done::read((recollection, tokens)))
        };
        ready(answer()).boxed_local()
    }
}

/// Metered tokens of today.
pub struct TokensToday;

impl TenantCommand for TokensToday {
    type Reply = DayTokens;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().tokens_today()))).boxed_local()
    }
}

/// Metered tokens of a month.
pub struct TokensOfMonth {
    pub month: YearMonth,
}

impl TenantCommand for TokensOfMonth {
    type Reply = Tokens;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(tenant.borrow().tokens_of_month(self.month).map(Done::read)).boxed_local()
    }
}
