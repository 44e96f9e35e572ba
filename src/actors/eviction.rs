//! The background actor that closes idle tenants. It schedules its next round after the present
//! one ends, so a slow round never piles up.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::registry::Registry;

pub struct IdleEviction {
    registry: Arc<Registry>,
    interval: Duration,
}

impl IdleEviction {
    #[must_use]
    pub fn new(registry: Arc<Registry>, interval: Duration) -> Self {
        Self { registry, interval }
    }

    fn schedule(&self, context: &mut Context<Self>) {
        context.run_later(self.interval, |actor, context| {
            let registry = Arc::clone(&actor.registry);
            let round = async move { registry.evict_idle().await };
            context.spawn(round.into_actor(actor).map(|evicted, actor, context| {
                if evicted > 0 {
                    tracing::debug!(tenants.evicted = evicted, "closed idle tenants");
                }
                actor.schedule(context);
            }));
        });
    }
}

impl Actor for IdleEviction {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.schedule(context);
    }
}
