//! Answering a question from memory.

use futures_util::future::{FutureExt, LocalBoxFuture, ready};

use super::data::{ReadQuery, ReadResult};
use super::{Done, TenantCell, TenantCommand};
use crate::tenant::TenantError;
use crate::types::QueryEmbedding;

pub struct Retrieve {
    pub query: ReadQuery,
    /// The query's direction, whole and by word.
    pub embedding: QueryEmbedding,
}

impl TenantCommand for Retrieve {
    type Reply = ReadResult;

    fn run(
        self,
        tenant: TenantCell,
    ) -> LocalBoxFuture<'static, Result<Done<Self::Reply>, TenantError>> {
        let result = tenant.borrow_mut().retrieve(&self.query, &self.embedding);
        ready(result.map(Done::read)).boxed_local()
    }
}
