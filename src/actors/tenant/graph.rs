//! Looking at the Hebbian graph.

use futures_util::future::{FutureExt, LocalBoxFuture, ready};

use super::data::{GraphQuery, GraphView};
use super::{Done, TenantCell, TenantCommand};
use crate::tenant::TenantError;

/// The edges around some concepts.
pub struct ViewGraph {
    pub query: GraphQuery,
}

impl TenantCommand for ViewGraph {
    type Reply = GraphView;

    fn run(
        self,
        tenant: TenantCell,
    ) -> LocalBoxFuture<'static, Result<Done<Self::Reply>, TenantError>> {
        ready(Ok(Done::read(tenant.borrow().view_graph(&self.query)))).boxed_local()
    }
}
