//! Answering a question from memory.

use futures_util::future::FutureExt;

use super::data::{ReadQuery, ReadResult};
use super::{Answer, Done, TenantCell, TenantCommand};
use crate::types::QueryEmbedding;

/// What a question takes of the day's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryAllowance {
    pub queries: u64,
    pub per_day: u64,
}

impl QueryAllowance {
    /// What so many questions take; `None` where any number is allowed.
    #[must_use]
    pub fn of(per_day: Option<u64>, queries: u64) -> Option<Self> {
        per_day.map(|per_day| Self { queries, per_day })
    }
}

pub struct Retrieve {
    pub query: ReadQuery,
    /// The query's direction, whole and by word.
    pub embedding: QueryEmbedding,
    /// `None`: not counted.
    pub spend: Option<QueryAllowance>,
}

impl TenantCommand for Retrieve {
    type Reply = ReadResult;

    /// One go, but for a filter on metadata, which reads atoms in slices until enough passed.
    /// The day's count is durable soon after the answer, not before: an answer was given, not
    /// data taken.
    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            if let Some(spend) = self.spend {
                tenant.borrow_mut().spend_queries(spend.queries, spend.per_day)?;
            }
            let mut ranking = tenant.borrow_mut().rank(&self.query, &self.embedding)?;
            while tenant.borrow_mut().read_slice(&self.query, &mut ranking)? {
                tokio::task::yield_now().await;
            }
            let reply = tenant.borrow_mut().finish_retrieval(&self.query, ranking);
            Ok(Done::read(reply))
        }
        .boxed_local()
    }
}
