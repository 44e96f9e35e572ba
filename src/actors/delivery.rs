//! Sends a tenant's messages to its webhooks, one job for each webhook with messages: the job
//! sends the first one, and what became of it is written down in the batch that completes the job
//! and enqueues the next. So a message is sent at least once, with the same id each time, and the
//! messages of one webhook in their order, whenever the process dies.

use std::sync::Arc;

use aws_lc_rs::hmac;
use secrecy::ExposeSecret;
use uuid::Uuid;

pub use super::delivery_settings::DeliverySettings;
use super::jobs::{JobContext, JobEffect, JobFailure, JobHandler, JobResult, JobRun};
use super::tenant::outbox::BeginDelivery;
use crate::engine::jobs::NewJob;
use crate::engine::notices::{Delivery, DeliveryFate, DeliveryOutcome, DeliveryPauses};
pub use crate::outbound::{Courier, TargetProblem};
use crate::tenant::{DELIVERY_KIND, Pending, Tenant, TenantError};
use crate::types::{MessageNo, WebhookId};

/// `sha256=` and the HMAC-SHA256 of the body under the webhook's secret, in hexadecimal digits.
const SIGNATURE: &str = "x-magneteco-signature";
/// What tells a repeated delivery from a new one.
const DELIVERY: &str = "x-magneteco-delivery";

/// Under which name the directory keeps a webhook's secret.
#[must_use]
pub fn secret_name(webhook: WebhookId) -> String {
    format!("{SECRET_PREFIX}{webhook}")
}

/// What the names of these secrets begin with.
pub const SECRET_PREFIX: &str = "out:";

/// Does the jobs that send messages.
pub struct Deliveries {
    courier: Arc<Courier>,
    pauses: DeliveryPauses,
}

impl Deliveries {
    #[must_use]
    pub fn new(courier: Arc<Courier>, pauses: DeliveryPauses) -> Self {
        Self { courier, pauses }
    }

    async fn deliver(&self, context: &JobContext) -> Result<JobResult, JobFailure> {
        let webhook = Uuid::from_slice(context.payload()).map(WebhookId);
        let webhook = webhook.map_err(|_| JobFailure::for_good("its payload names no webhook"))?;
        let delivery = context.call(BeginDelivery { webhook }).await?;
        let ended = match delivery {
            Some(delivery) => Some((delivery.no, self.send(context, webhook, delivery).await)),
            None => None,
        };
        Ok(JobResult::in_slices(Attempted { webhook, ended, pauses: self.pauses }))
    }

    async fn send(
        &self,
        context: &JobContext,
        webhook: WebhookId,
        delivery: Delivery,
    ) -> DeliveryOutcome {
        let directory = context.directory();
        let secret = match directory.find_webhook_secret(context.tenant(), &secret_name(webhook)) {
            Ok(Some(secret)) => secret,
            Ok(None) => {
                let error = "its secret is gone; register the webhook again";
                return DeliveryOutcome::Failed(error.to_owned());
            }
            Err(error) => {
                tracing::warn!(
                    tenant.id = %context.tenant(),
                    webhook.id = %webhook,
                    error = %error,
                    "the secret of a webhook cannot be read"
                );
                return DeliveryOutcome::Failed("its secret cannot be read".to_owned());
            }
        };
        let headers = [
            (SIGNATURE, signature_of(secret.expose_secret(), delivery.body.as_bytes())),
            (DELIVERY, delivery.id.to_string()),
        ];
        match self.courier.post(&delivery.url, &headers, delivery.body).await {
            Ok(()) => DeliveryOutcome::Delivered,
            Err(error) => DeliveryOutcome::Failed(error.to_string()),
        }
    }
}

impl JobHandler for Deliveries {
    fn kind(&self) -> &'static str {
        DELIVERY_KIND
    }

    /// A receiver that does not answer must not keep other work waiting.
    fn mostly_waits(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> JobRun<'a> {
        Box::pin(self.deliver(context))
    }
}

fn signature_of(secret: &[u8], body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, body);
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256={}", digits.collect::<String>())
}

/// What an attempt came to.
struct Attempted {
    webhook: WebhookId,
    /// `None` when there was nothing to send.
    ended: Option<(MessageNo, DeliveryOutcome)>,
    pauses: DeliveryPauses,
}

impl JobEffect for Attempted {
    fn apply_slice(
        &mut self,
        tenant: &mut Tenant,
        pending: &mut Pending,
    ) -> Result<bool, TenantError> {
        let Some((no, outcome)) = self.ended.take() else { return Ok(false) };
        let fate = tenant.end_delivery(pending, self.webhook, no, &outcome, &self.pauses)?;
        if fate == DeliveryFate::Dead {
            tracing::warn!(webhook.id = %self.webhook, "a message to a webhook was given up");
        }
        Ok(false)
    }

    fn next_job(&self, tenant: &Tenant) -> Option<NewJob> {
        tenant.delivery_job(self.webhook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn a_signature_is_the_published_hmac() {
        let signature = signature_of(b"Jefe", b"what do ya want for nothing?");
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature, expected);
    }

    #[test]
    fn the_name_of_a_secret_says_that_it_is_of_an_outgoing_webhook() {
        let name = secret_name(WebhookId(Uuid::nil()));
        assert_eq!(name, "out:00000000-0000-0000-0000-000000000000");
        assert!(name.starts_with(SECRET_PREFIX));
    }
}
