//! The background actor that erases what deletions and moves leave behind: at start, which is
//! where a crash is made up for, and whenever it is told that there is something. What cannot be
//! erased yet is tried again.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::registry::Registry;

/// The pause before another try.
const RETRY: Duration = Duration::from_secs(5);

pub struct Erasure {
    registry: Arc<Registry>,
}

impl Erasure {
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }
}

impl Actor for Erasure {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let registry = Arc::clone(&self.registry);
        let rounds = async move {
            loop {
                if registry.erase_leftovers().await {
                    registry.erasure_wanted().await;
                } else {
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        context.spawn(rounds.into_actor(self));
    }
}
