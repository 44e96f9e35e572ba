//! Remembering: one atom or many, each call one atomic batch.

use futures_util::future::{FutureExt, LocalBoxFuture};

use super::data::{NewAtom, WriteOutcome};
use super::{Done, TenantCell, TenantCommand};
use crate::tenant::TenantError;
use crate::types::QuantizedVector;

/// Items planned between two yields to the shard's other tenants: about half a millisecond.
const SLICE: usize = 8;

/// Stores atoms in order; each sees those before it. All become durable together.
pub struct Store {
    /// Each with its direction, if its text has one.
    pub atoms: Vec<(NewAtom, Option<QuantizedVector>)>,
}

impl TenantCommand for Store {
    type Reply = Vec<WriteOutcome>;

    fn run(
        self,
        tenant: TenantCell,
    ) -> LocalBoxFuture<'static, Result<Done<Self::Reply>, TenantError>> {
        async move {
            let mut pending = tenant.borrow().begin();
            let mut outcomes = Vec::with_capacity(self.atoms.len());
            for (position, (atom, embedding)) in self.atoms.into_iter().enumerate() {
                if position > 0 && position % SLICE == 0 {
                    tokio::task::yield_now().await;
                }
                let mut tenant = tenant.borrow_mut();
                outcomes.push(tenant.store(&mut pending, atom, embedding)?);
            }
            let mut tenant = tenant.borrow_mut();
            tenant.commit(pending)?;
            Ok(Done { reply: outcomes, ticket: tenant.ticket() })
        }
        .boxed_local()
    }
}
