//! A tenant's keyspace as a whole: made the same on another shard, or erased. Neither looks into
//! a record, and neither may run beside a command that writes it: [`mirror`] may, but what was
//! written meanwhile is only sure to be there after another round.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use super::TenantError;
use crate::storage::keys::{job_marker, tenant_prefix};
use crate::storage::{AtomicBatch, GroupCommit, Pair, Store};
use crate::types::TenantNo;

/// Records read at a time, of up to some hundred kilobytes each.
const PAGE: usize = 128;

/// Records written or deleted at a time: about half a millisecond in which nobody reads.
const SLICE: usize = 48;

/// Marks batches that no opening of the tenant made.
const NO_EPOCH: u64 = 0;

/// Makes a tenant's records in `to` those in `from` and answers how many differed. Durable when
/// a ticket of `to` taken afterwards is. `progress` counts the records changed. Blocks.
///
/// # Errors
/// When storage cannot be read or written; what was copied so far stays.
pub fn mirror(
    no: TenantNo,
    from: &GroupCommit,
    to: &GroupCommit,
    progress: &AtomicU64,
) -> Result<u64, TenantError> {
    let prefix = tenant_prefix(no);
    let mut wanted = Pages::new(from.store(), &prefix);
    let mut found = Pages::new(to.store(), &prefix);
    let mut batch = AtomicBatch::new(NO_EPOCH);
    let mut differing = 0;
    loop {
        let step = match (wanted.first()?, found.first()?) {
            (None, None) => break,
            (Some(_), None) => Step::Put,
            (None, Some(_)) => Step::Delete,
            (Some((wanted, value)), Some((found, present))) => match wanted.cmp(found) {
                std::cmp::Ordering::Less => Step::Put,
                std::cmp::Ordering::Greater => Step::Delete,
                std::cmp::Ordering::Equal if value == present => Step::Keep,
                std::cmp::Ordering::Equal => Step::Replace,
            },
        };
        if matches!(step, Step::Delete | Step::Keep | Step::Replace) {
            let pair = found.next();
            if let (Step::Delete, Some((key, _))) = (&step, pair) {
                batch.delete(key);
            }
        }
        if matches!(step, Step::Put | Step::Keep | Step::Replace) {
            let pair = wanted.next();
            if let (Step::Put | Step::Replace, Some((key, value))) = (&step, pair) {
                batch.put(key, value);
            }
        }
        if batch.len() >= SLICE {
            differing += write(to, &mut batch, progress)?;
        }
    }
    // The note that it has jobs stands outside of its prefix.
    let marker = job_marker(no);
    let (noted, found) = (from.store().get(&marker)?, to.store().get(&marker)?);
    if noted != found {
        match noted {
            Some(value) => batch.put(marker, value),
            None => batch.delete(marker),
        }
    }
    Ok(differing + write(to, &mut batch, progress)?)
}

enum Step {
    Put,
    Replace,
    Delete,
    Keep,
}

fn write(
    to: &GroupCommit,
    batch: &mut AtomicBatch,
    progress: &AtomicU64,
) -> Result<u64, TenantError> {
    let count = batch.len() as u64;
    if count > 0 {
        to.apply(batch)?;
        progress.fetch_add(count, Ordering::Relaxed);
        *batch = AtomicBatch::new(NO_EPOCH);
    }
    Ok(count)
}

/// Deletes a slice of everything a tenant has in a store and answers whether that was the last of
/// it. Durable when a ticket taken afterwards is. `progress` counts the records. Blocks.
///
/// # Errors
/// When storage cannot be read or written.
pub fn erase_slice(
    no: TenantNo,
    commit: &GroupCommit,
    progress: &AtomicU64,
) -> Result<bool, TenantError> {
    let count = commit.delete_prefix(&tenant_prefix(no), None, NO_EPOCH, SLICE)?;
    progress.fetch_add(count as u64, Ordering::Relaxed);
    if count == SLICE {
        return Ok(false);
    }
    let mut batch = AtomicBatch::new(NO_EPOCH);
    if commit.store().get(&job_marker(no))?.is_some() {
        batch.delete(job_marker(no));
    }
    write(commit, &mut batch, progress)?;
    Ok(true)
}

/// The pairs under a prefix in order, read page by page.
struct Pages<'a> {
    store: &'a dyn Store,
    prefix: &'a [u8],
    after: Option<Vec<u8>>,
    page: VecDeque<Pair>,
    is_last: bool,
}

impl<'a> Pages<'a> {
    fn new(store: &'a dyn Store, prefix: &'a [u8]) -> Self {
        Self { store, prefix, after: None, page: VecDeque::new(), is_last: false }
    }

    fn first(&mut self) -> Result<Option<&Pair>, TenantError> {
        if self.page.is_empty() && !self.is_last {
            let page = self.store.scan(self.prefix, self.after.as_deref(), PAGE)?;
            self.is_last = page.len() < PAGE;
            self.after = page.last().map(|(key, _)| key.clone()).or(self.after.take());
            self.page = page.into();
        }
        Ok(self.page.front())
    }

    fn next(&mut self) -> Option<Pair> {
        self.page.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{CommitPolicy, MemoryStore};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn commit(store: &MemoryStore) -> GroupCommit {
        GroupCommit::start(Arc::new(store.clone()), "test", CommitPolicy::Fsync).unwrap()
    }

    fn filled(no: TenantNo, records: &BTreeMap<u16, u8>) -> MemoryStore {
        let store = MemoryStore::default();
        let mut batch = AtomicBatch::new(1);
        for neighbour in [TenantNo(no.0 - 1), TenantNo(no.0 + 1)] {
            batch.put(tenant_prefix(neighbour), vec![1]);
        }
        for (key, value) in records {
            let key = [tenant_prefix(no), key.to_be_bytes().to_vec()].concat();
            batch.put(key, vec![*value]);
        }
        store.apply(&batch).unwrap();
        store
    }

    fn note_jobs(store: &MemoryStore, no: TenantNo) {
        let mut batch = AtomicBatch::new(1);
        batch.put(job_marker(no), vec![1]);
        store.apply(&batch).unwrap();
    }

    #[test]
    fn the_note_that_there_are_jobs_goes_with_the_tenant() {
        let no = TenantNo(7);
        let (source, target) = (filled(no, &BTreeMap::new()), filled(no, &BTreeMap::new()));
        note_jobs(&source, no);
        note_jobs(&source, TenantNo(8));
        let (from, to) = (commit(&source), commit(&target));
        let copy = || mirror(no, &from, &to, &AtomicU64::new(0)).unwrap();
        assert_eq!((copy(), copy()), (1, 0));
        assert!(target.get(&job_marker(no)).unwrap().is_some());
        assert!(target.get(&job_marker(TenantNo(8))).unwrap().is_none());
        while !erase_slice(no, &from, &AtomicU64::new(0)).unwrap() {}
        assert!(source.get(&job_marker(no)).unwrap().is_none());
        assert!(source.get(&job_marker(TenantNo(8))).unwrap().is_some());
        assert_eq!(copy(), 1);
        assert!(target.get(&job_marker(no)).unwrap().is_none());
    }

    fn all(store: &MemoryStore) -> Vec<Pair> {
        store.scan(&[], None, usize::MAX).unwrap()
    }

    proptest! {
        #[test]
        fn a_mirror_is_the_same_whatever_was_there_and_a_second_one_changes_nothing(
            wanted in prop::collection::btree_map(any::<u16>(), 0_u8..3, 0..400),
            found in prop::collection::btree_map(any::<u16>(), 0_u8..3, 0..400),
        ) {
            let no = TenantNo(7);
            let (source, target) = (filled(no, &wanted), filled(no, &found));
            let (from, to) = (commit(&source), commit(&target));
            let keys: std::collections::BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
            let differing = keys.iter().filter(|key| wanted.get(key) != found.get(key)).count();
            let progress = AtomicU64::new(0);
            let copied = mirror(no, &from, &to, &progress).unwrap();
            prop_assert_eq!(copied, differing as u64);
            prop_assert_eq!(progress.into_inner(), copied);
            prop_assert_eq!(all(&source), all(&target));
            prop_assert_eq!(mirror(no, &from, &to, &AtomicU64::new(0)).unwrap(), 0);
        }

        #[test]
        fn erasing_takes_one_tenant_and_no_other(
            records in prop::collection::btree_map(any::<u16>(), 0_u8..3, 0..200),
        ) {
            let no = TenantNo(7);
            let store = filled(no, &records);
            let (commit, progress) = (commit(&store), AtomicU64::new(0));
            while !erase_slice(no, &commit, &progress).unwrap() {}
            prop_assert_eq!(progress.into_inner(), records.len() as u64);
            prop_assert_eq!(all(&store), all(&filled(no, &BTreeMap::new())));
        }
    }
}
