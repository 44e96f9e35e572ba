//! Commands no dialect has: one that crashes the actor, one that holds it for as long as the test
//! wants, and calls through the registry.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt, LocalBoxFuture};
use hebbd::actors::tenant::atoms::Stats;
use hebbd::actors::tenant::store::Store;
use hebbd::actors::tenant::{Done, TenantCell, TenantCommand};
use hebbd::actors::{ActorError, Registry};
use hebbd::engine::prepared::PreparedAtom;
use hebbd::tenant::TenantError;
use hebbd::types::{Deadline, TenantId};
use tokio::sync::oneshot;

use crate::plain_tenant::new_atom;

const PATIENCE: Duration = Duration::from_secs(60);

type Answer<R> = LocalBoxFuture<'static, Result<Done<R>, TenantError>>;

pub(crate) struct Panic;

impl TenantCommand for Panic {
    type Reply = ();

    fn run(self, _: TenantCell) -> Answer<()> {
        async { panic!("on purpose") }.boxed_local()
    }
}

/// Says that it runs, then keeps the actor until it is let go, and crashes it then if asked to.
pub(crate) struct Hold {
    running: oneshot::Sender<()>,
    let_go: oneshot::Receiver<()>,
    then_panic: bool,
}

/// The test's end of a [`Hold`].
pub(crate) struct Grip {
    running: Option<oneshot::Receiver<()>>,
    let_go: oneshot::Sender<()>,
}

pub(crate) fn hold(then_panic: bool) -> (Hold, Grip) {
    let (say_running, running) = oneshot::channel();
    let (let_go, wait) = oneshot::channel();
    let hold = Hold { running: say_running, let_go: wait, then_panic };
    (hold, Grip { running: Some(running), let_go })
}

impl Grip {
    pub(crate) async fn until_running(&mut self) {
        self.running.take().unwrap().await.unwrap();
    }

    pub(crate) fn let_go(self) {
        self.let_go.send(()).unwrap();
    }
}

impl TenantCommand for Hold {
    type Reply = ();

    fn run(self, _: TenantCell) -> Answer<()> {
        async move {
            self.running.send(()).unwrap();
            self.let_go.await.unwrap();
            assert!(!self.then_panic, "on purpose");
            Ok(Done::read(()))
        }
        .boxed_local()
    }
}

pub(crate) async fn call<C: TenantCommand>(
    registry: &Arc<Registry>,
    tenant: TenantId,
    command: C,
) -> Result<C::Reply, ActorError> {
    registry.call(tenant, command, Deadline::after(PATIENCE)).await
}

pub(crate) async fn total(registry: &Arc<Registry>, tenant: TenantId) -> u64 {
    call(registry, tenant, Stats).await.unwrap().total_atoms
}

/// Writes one atom past all dialects, without a direction.
pub(crate) async fn write(
    registry: &Arc<Registry>,
    tenant: TenantId,
    content: &str,
) -> Result<(), ActorError> {
    let outcomes = call(
        registry,
        tenant,
        Store {
            atoms: vec![PreparedAtom::new(new_atom(content), None)],
            atoms_max: None,
            idempotency_key: None,
        },
    )
    .await?;
    assert!(outcomes[0].atom_id.is_some(), "{outcomes:?}");
    Ok(())
}
