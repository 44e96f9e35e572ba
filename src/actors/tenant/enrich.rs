//! What enrichment asks of a tenant.

use futures_util::future::{FutureExt, ready};

use super::{Answer, Done, TenantCell, TenantCommand};
use crate::tenant::EnrichmentPage;
use crate::types::AtomNo;

/// The next atoms that facts are to be derived from. No use of the tenant: a background actor
/// looks.
pub struct NextToEnrich {
    pub from: AtomNo,
}

impl TenantCommand for NextToEnrich {
    type Reply = EnrichmentPage;
    const IS_USE: bool = false;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        ready(tenant.borrow().enrichment_page(self.from).map(Done::read)).boxed_local()
    }
}
