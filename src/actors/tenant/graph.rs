//! Looking at the Hebbian graph.

use futures_util::future::{FutureExt, ready};

use super::data::{GraphQuery, GraphView};
use super::{Answer, Done, TenantCell, TenantCommand};

/// The edges around some concepts.
pub struct ViewGraph {
    pub query: GraphQuery,
}

impl TenantCommand for ViewGraph {
    type Reply = GraphView;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(Ok(Done::read(tenant.borrow().view_graph(&self.query)))).boxed_local()
    }
}
