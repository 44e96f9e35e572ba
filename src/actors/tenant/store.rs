//! Remembering: one atom or many, each call one atomic batch.

use futures_util::future::FutureExt;

use super::data::{PreparedAtom, WriteOutcome};
use super::{Answer, Done, TenantCell, TenantCommand, apply};

/// Items planned between two yields to the shard's other tenants: about half a millisecond in a
/// domain of 10,000 atoms.
const SLICE: usize = 4;

/// Stores atoms in order; each sees those before it. All become durable together.
pub struct Store {
    pub atoms: Vec<PreparedAtom>,
    /// Atoms the tenant may hold; `None` for any number.
    pub atoms_max: Option<u64>,
    /// Gives the same reply again to a caller that repeats itself within a day.
    pub idempotency_key: Option<String>,
}

impl TenantCommand for Store {
    type Reply = Vec<WriteOutcome>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            if let Some(key) = &self.idempotency_key
                && let Some(outcomes) = tenant.borrow().kept_reply(key)?
            {
                // The reply that is given again may still await its flush.
                return Ok(Done { reply: outcomes, ticket: tenant.borrow().ticket() });
            }
            let mut pending = tenant.borrow().begin(self.atoms_max);
            let mut outcomes = Vec::with_capacity(self.atoms.len());
            for (position, atom) in self.atoms.into_iter().enumerate() {
                if position > 0 && position % SLICE == 0 {
                    tokio::task::yield_now().await;
                }
                let mut tenant = tenant.borrow_mut();
                outcomes.push(tenant.store(&mut pending, atom)?);
            }
            if let Some(key) = &self.idempotency_key {
                tenant.borrow_mut().keep_reply(&mut pending, key, &outcomes)?;
            }
            let batch = tenant.borrow().seal(pending)?;
            apply(batch).await?;
            let mut tenant = tenant.borrow_mut();
            tenant.settle();
            Ok(Done { reply: outcomes, ticket: tenant.ticket() })
        }
        .boxed_local()
    }
}
