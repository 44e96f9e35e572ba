//! Index graphs are built on the blocking pool from a snapshot and come back as a plain call on
//! the actor; the exact scan answers meanwhile. One build at a time for each tenant, and few
//! for the whole process.

use std::sync::{Arc, LazyLock};

use actix::prelude::*;
use tokio::sync::Semaphore;

use super::TenantActor;

/// Graph builds in flight in this process: each takes a core. A build keeps its permit until it
/// ends, also when its tenant was closed meanwhile.
static BUILDS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(1)));

impl TenantActor {
    /// Starts a build if a domain is due for one and none is running.
    pub(super) fn start_due_builds(&mut self, context: &mut Context<Self>) {
        if self.building {
            return;
        }
        let Some(tenant) = &self.tenant else { return };
        let Some(build) = tenant.borrow_mut().plan_index_build() else { return };
        self.building = true;
        let work = async move {
            let permit = Arc::clone(&BUILDS).acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                build.run()
            })
            .await
        };
        context.spawn(work.into_actor(self).map(|built, actor, context| {
            actor.building = false;
            match built {
                Ok(Ok(built)) => {
                    if let Some(tenant) = &actor.tenant {
                        tenant.borrow_mut().adopt_index(built);
                    }
                    actor.start_due_builds(context);
                }
                Ok(Err(error)) => tracing::error!(error = %error, "index build failed"),
                Err(error) => tracing::error!(error = %error, "index build crashed"),
            }
        }));
    }
}
