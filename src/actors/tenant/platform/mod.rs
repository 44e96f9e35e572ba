//! What applications keep: commands that look at it, and commands that change it by one batch.

pub mod actors;
pub mod files;
pub mod sessions;
pub mod threads;

use futures_util::future::{FutureExt, ready};

use super::{Answer, Done, TenantCell, TenantCommand, apply_all};
use crate::tenant::{Pending, Tenant, TenantError};

/// Looks at something.
struct Looking<F>(F);

impl<F, R> TenantCommand for Looking<F>
where
    F: FnOnce(&Tenant) -> Result<R, TenantError> + Send + 'static,
    R: Send + 'static,
{
    type Reply = R;

    fn run(self, tenant: TenantCell) -> Answer<R> {
        let tenant = tenant.borrow();
        let look = || match tenant.is_poisoned() {
            true => Err(TenantError::Poisoned),
            false => (self.0)(&tenant).map(Done::read),
        };
        ready(look()).boxed_local()
    }
}

/// Plans a change into a batch, which is then applied. One that is refused leaves the batch empty.
struct Changing<F> {
    /// Atoms the tenant may hold; `None` for any number.
    atoms_max: Option<u64>,
    plan: F,
}

impl<F, R> TenantCommand for Changing<F>
where
    F: FnOnce(&mut Tenant, &mut Pending) -> Result<R, TenantError> + Send + 'static,
    R: Send + 'static,
{
    type Reply = R;

    fn run(self, tenant: TenantCell) -> Answer<R> {
        async move {
            let mut pending = tenant.borrow().begin(self.atoms_max);
            let reply = (self.plan)(&mut tenant.borrow_mut(), &mut pending)?;
            apply_all(&tenant, pending).await?;
            Ok(Done { reply, ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

fn look<R: Send + 'static>(
    look: impl FnOnce(&Tenant) -> Result<R, TenantError> + Send + 'static,
) -> impl TenantCommand<Reply = R> {
    Looking(look)
}

/// For a change that stores no atom.
fn change<R: Send + 'static>(
    plan: impl FnOnce(&mut Tenant, &mut Pending) -> Result<R, TenantError> + Send + 'static,
) -> impl TenantCommand<Reply = R> {
    Changing { atoms_max: None, plan }
}
