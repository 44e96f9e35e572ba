//! A store in memory that knows the difference between applied and durable, and that fails on
//! command. Tests use it to lose power at any moment without killing a process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{AtomicBatch, Change, StorageError, Store, Visit, scan_start};

/// Which calls fail, counted from 1. `None`: that kind of call never fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultPlan {
    pub fail_apply_at: Option<u64>,
    pub fail_flush_at: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    applied: BTreeMap<Vec<u8>, Vec<u8>>,
    durable: BTreeMap<Vec<u8>, Vec<u8>>,
    unflushed: Vec<AtomicBatch>,
    applies: u64,
    flushes: u64,
    faults: FaultPlan,
}

/// Cloning shares the data.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    #[must_use]
    pub fn with_faults(faults: FaultPlan) -> Self {
        let store = Self::default();
        store.state().faults = faults;
        store
    }

    /// A new store that holds what a power cut now would leave.
    #[must_use]
    pub fn after_power_cut(&self) -> Self {
        let durable = self.state().durable.clone();
        let state = State { applied: durable.clone(), durable, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// How many keys are applied, flushed or not.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.state().applied.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply_to(map: &mut BTreeMap<Vec<u8>, Vec<u8>>, batch: &AtomicBatch) {
    for (key, value) in &batch.prepared {
        map.insert(key.clone(), value.clone());
    }
    for change in &batch.changes {
        match change {
            Change::Put { key, value } => drop(map.insert(key.clone(), value.clone())),
            Change::Delete { key } => drop(map.remove(key)),
        }
    }
}

fn injected(what: &str) -> StorageError {
    StorageError::Io { detail: format!("injected failure of {what}") }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.state().applied.get(key).cloned())
    }

    fn for_each(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit,
    ) -> Result<(), StorageError> {
        let range = (scan_start(prefix, after), Bound::Unbounded);
        let state = self.state();
        for (key, value) in state.applied.range::<[u8], _>(range) {
            if !key.starts_with(prefix) || visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: &AtomicBatch) -> Result<(), StorageError> {
        let mut state = self.state();
        state.applies += 1;
        if state.faults.fail_apply_at == Some(state.applies) {
            return Err(injected("apply"));
        }
        apply_to(&mut state.applied, batch);
        state.unflushed.push(batch.clone());
        Ok(())
    }

    fn flush(&self) -> Result<(), StorageError> {
        let mut state = self.state();
        state.flushes += 1;
        if state.faults.fail_flush_at == Some(state.flushes) {
            return Err(injected("flush"));
        }
        for batch in std::mem::take(&mut state.unflushed) {
            apply_to(&mut state.durable, &batch);
        }
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        let bytes: usize = self.state().durable.iter().map(|(k, v)| k.len() + v.len()).sum();
        bytes as u64
    }
}
