//! Learning from an outcome.

use futures_util::future::{FutureExt, ready};

use super::data::{Feedback, FeedbackOutcome};
use super::{Answer, Done, TenantCell, TenantCommand};

/// Moves valences, edges and learned associations, in one atomic batch.
pub struct GiveFeedback {
    pub feedback: Feedback,
}

impl TenantCommand for GiveFeedback {
    type Reply = FeedbackOutcome;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let result = tenant.give_feedback(&self.feedback);
        ready(result.map(|reply| Done { reply, ticket: tenant.ticket() })).boxed_local()
    }
}
