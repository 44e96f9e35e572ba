//! Conversations: remembering fragments and recalling them, both charged in metered tokens.

use std::fmt;

use futures_util::future::{FutureExt, ready};

use super::data::{Ingested, RecallQuery, Recollection, TokenAllowance};
use super::retrieve::QueryAllowance;
use super::{Answer, Done, TenantCell, TenantCommand, apply};
use crate::tenant::{DayTokens, PreparedFragment};
use crate::types::{QueryEmbedding, TokenDirection, Tokens, YearMonth};

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

impl TenantCommand for Ingest {
    type Reply = Ingested;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let Self { fragments, tokens_besides, atoms_max, allowance } = self;
            let begun = tenant.borrow_mut().begin_ingestion(
                fragments,
                tokens_besides,
                atoms_max,
                &allowance,
            );
            let mut run = begun?;
            while tenant.borrow_mut().ingest_slice(&mut run)? {
                tokio::task::yield_now().await;
            }
            let (pending, ingested) = tenant.borrow_mut().finish_ingestion(run)?;
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

/// Whether anything is left of the day's tokens in these directions.
pub struct CheckTokens {
    pub directions: &'static [TokenDirection],
    pub allowance: TokenAllowance,
}

impl TenantCommand for CheckTokens {
    type Reply = ();

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let checked = tenant.borrow().check_tokens(self.directions, &self.allowance);
        ready(checked.map(Done::read)).boxed_local()
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
