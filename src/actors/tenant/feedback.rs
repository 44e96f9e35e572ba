//! Learning from an outcome.

use futures_util::future::FutureExt;

use super::data::{Feedback, FeedbackOutcome};
use super::{Answer, Done, TenantCell, TenantCommand, apply};

/// Moves valences, edges and learned associations, in one atomic batch.
pub struct GiveFeedback {
    pub feedback: Feedback,
}

impl TenantCommand for GiveFeedback {
    type Reply = FeedbackOutcome;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let planned = tenant.borrow_mut().plan_feedback(&self.feedback)?;
            apply(planned.batch().clone()).await?;
            let mut tenant = tenant.borrow_mut();
            let reply = tenant.adopt_feedback(planned);
            Ok(Done { reply, ticket: tenant.ticket() })
        }
        .boxed_local()
    }
}
