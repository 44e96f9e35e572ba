//! The day's counts.

use futures_util::future::{FutureExt, ready};

use super::{Answer, Done, TenantCell, TenantCommand};

/// Begins a new day's counts if the day has changed, and drops what only counted until now.
/// Running it twice changes nothing.
pub struct BeginDay;

impl TenantCommand for BeginDay {
    type Reply = ();
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let result = tenant.begin_day();
        ready(result.map(|()| Done { reply: (), ticket: tenant.ticket() })).boxed_local()
    }
}
