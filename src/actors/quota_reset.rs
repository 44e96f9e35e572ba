//! The daily actor: soon after midnight UTC it lets every open tenant begin its new day. A tenant
//! that is closed begins it when it is next used, so nothing depends on this actor having run; it
//! keeps what is stored true to the day and drops replies that were kept long enough.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::registry::Registry;
use super::tenant::usage::BeginDay;
use crate::types::{Clock, Deadline};

/// How often the day is looked at. The clock may jump, so the time until midnight is not slept.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// How long one tenant may take.
const COMMAND_MAX: Duration = Duration::from_secs(10);

pub struct QuotaReset {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    day: i64,
}

impl QuotaReset {
    #[must_use]
    pub fn new(registry: Arc<Registry>, clock: Arc<dyn Clock>) -> Self {
        let day = clock.now().epoch_days();
        Self { registry, clock, day }
    }

    fn schedule(&self, context: &mut Context<Self>) {
        context.run_later(CHECK_INTERVAL, |actor, context| {
            let today = actor.clock.now().epoch_days();
            if today <= actor.day {
                actor.schedule(context);
                return;
            }
            actor.day = today;
            let registry = Arc::clone(&actor.registry);
            let round = async move { begin_day(&registry).await };
            context.spawn(round.into_actor(actor).map(|begun, actor, context| {
                tracing::info!(tenants.open = begun, "a new day's allowances begin");
                actor.schedule(context);
            }));
        });
    }
}

impl Actor for QuotaReset {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.schedule(context);
    }
}

/// Lets every open tenant begin its day. Twice on one day changes nothing. Returns how many did.
pub async fn begin_day(registry: &Arc<Registry>) -> usize {
    let mut begun = 0;
    for tenant in registry.open_tenants() {
        match registry.call(tenant, BeginDay, Deadline::after(COMMAND_MAX)).await {
            Ok(()) => begun += 1,
            Err(error) => {
                tracing::warn!(tenant.id = %tenant, error = %error, "a tenant's day did not begin");
            }
        }
    }
    begun
}
