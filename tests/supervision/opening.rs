//! A tenant that takes long to open: who waits, and who does not.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hebbd::actors::tenant::atoms::Stats;
use hebbd::storage::{AtomicBatch, MemoryStore, StorageError, Store};
use hebbd::types::{Deadline, ErrorKind, ShardNo};
use tokio::sync::mpsc;

use crate::registry_on;

/// A store that nobody can read before it is let go.
#[derive(Clone, Default)]
struct Gated {
    memory: MemoryStore,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

/// Lets go when the test ends, however it does: a thread that waits would outlive it.
struct AtLast<'a>(&'a Gated);

impl Drop for AtLast<'_> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl Gated {
    fn let_go(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    fn wait(&self) {
        let held = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_while(held, |is_open| !*is_open).unwrap());
    }
}

impl Store for Gated {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.wait();
        self.memory.get(key)
    }

    fn for_each(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.memory.for_each(prefix, after, visit)
    }

    fn apply(&self, batch: &AtomicBatch) -> Result<(), StorageError> {
        self.memory.apply(batch)
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.memory.flush()
    }

    fn disk_bytes(&self) -> u64 {
        self.memory.disk_bytes()
    }
}

/// Calls that wait for a tenant to open hold no permit of its handle, which does not exist yet.
/// Without permits of their own a flood would queue without end.
#[test]
fn callers_beyond_the_permits_are_refused_at_once_while_a_tenant_opens() {
    const CALLS: usize = 400;
    const WAITERS_MAX: usize = 256;
    actix_rt::System::new().block_on(async {
        let store = Gated::default();
        let at_last = AtLast(&store);
        let (directory, registry) = registry_on(Arc::new(store.clone()));
        let tenant = directory.create_tenant("slow", "local", |_| ShardNo(0)).unwrap().id;
        let (answers, mut answered) = mpsc::unbounded_channel();
        for _ in 0..CALLS {
            let (registry, answers) = (Arc::clone(&registry), answers.clone());
            actix_rt::spawn(async move {
                let deadline = Deadline::after(Duration::from_secs(60));
                let answer = registry.call(tenant, Stats, deadline).await;
                answers.send(answer.map(|stats| stats.total_atoms)).unwrap();
            });
        }
        drop(answers);
        // Those that wait hold their permits, so exactly the others come back.
        for _ in WAITERS_MAX..CALLS {
            let error = answered.recv().await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        }
        assert!(answered.try_recv().is_err(), "the others wait");
        drop(at_last);
        let mut served = 0;
        while let Some(answer) = answered.recv().await {
            assert_eq!(answer.unwrap(), 0);
            served += 1;
        }
        assert_eq!(served, WAITERS_MAX);
    });
}
