//! The records of one collection in memory, in the order of their creation, and lists of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::number_of;
use crate::engine::paging::Walk;
use crate::storage::records::Id;
use crate::types::{AtomNo, RecordId};

/// What bears an id of ours.
pub(super) trait Identified {
    fn id(&self) -> RecordId;
}

#[derive(Debug)]
pub(super) struct Records<R> {
    all: BTreeMap<AtomNo, R>,
}

impl<R> Default for Records<R> {
    fn default() -> Self {
        Self { all: BTreeMap::new() }
    }
}

impl<R: Identified> Records<R> {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The record that has this very id, and its number.
    pub(super) fn find(&self, id: RecordId) -> Option<(AtomNo, &R)> {
        let no = number_of(id);
        self.all.get(&no).filter(|record| record.id() == id).map(|record| (no, record))
    }

    pub(super) fn has(&self, id: RecordId) -> bool {
        self.find(id).is_some()
    }

    pub(super) fn get(&self, no: AtomNo) -> Option<&R> {
        self.all.get(&no)
    }

    pub(super) fn get_mut(&mut self, no: AtomNo) -> Option<&mut R> {
        self.all.get_mut(&no)
    }

    pub(super) fn insert(&mut self, no: AtomNo, record: R) {
        debug_assert_eq!(number_of(record.id()), no, "an id says its number");
        self.all.insert(no, record);
    }

    pub(super) fn remove(&mut self, no: AtomNo) -> Option<R> {
        self.all.remove(&no)
    }

    pub(super) fn range(
        &self,
        range: (Bound<AtomNo>, Bound<AtomNo>),
    ) -> impl DoubleEndedIterator<Item = (AtomNo, &R)> {
        self.all.range(range).map(|(no, record)| (*no, record))
    }

    /// The numbers of those that are there.
    pub(super) fn numbers(&self, ids: &[RecordId]) -> BTreeSet<AtomNo> {
        ids.iter().filter_map(|id| self.find(*id)).map(|(no, _)| no).collect()
    }

    /// The records that pass a filter; with `ids`, of these only.
    pub(super) fn filtered<F>(&self, ids: Option<&[RecordId]>, passes: F) -> Filtered<'_, R, F>
    where
        F: Fn(AtomNo, &R) -> bool,
    {
        Filtered { records: self, only: ids.map(|ids| self.numbers(ids)), passes }
    }
}

/// A list of records, to be paged through.
pub(super) struct Filtered<'a, R, F> {
    records: &'a Records<R>,
    only: Option<BTreeSet<AtomNo>>,
    passes: F,
}

impl<'a, R: Identified, F: Fn(AtomNo, &R) -> bool> Filtered<'a, R, F> {
    fn within(
        &self,
        range: (Bound<AtomNo>, Bound<AtomNo>),
    ) -> Box<dyn DoubleEndedIterator<Item = (AtomNo, &'a R)> + '_> {
        let passes = |(no, record): &(AtomNo, &'a R)| (self.passes)(*no, record);
        match &self.only {
            None => Box::new(self.records.range(range).filter(passes)),
            Some(only) => {
                let found = |no: &AtomNo| Some((*no, self.records.get(*no)?));
                Box::new(only.range(range).filter_map(found).filter(passes))
            }
        }
    }
}

impl<'a, R: Identified, F: Fn(AtomNo, &R) -> bool> Walk<AtomNo> for Filtered<'a, R, F> {
    type Item = (AtomNo, &'a R);

    fn upwards(&self, from: Bound<&AtomNo>) -> impl Iterator<Item = Self::Item> {
        self.within((from.cloned(), Bound::Unbounded))
    }

    fn downwards(&self, to: Bound<&AtomNo>) -> impl Iterator<Item = Self::Item> {
        self.within((Bound::Unbounded, to.cloned())).rev()
    }
}

/// Whether a filter lets something through.
pub(super) fn is_one_of<T: PartialEq>(wanted: Option<&[T]>, found: Option<T>) -> bool {
    wanted.is_none_or(|wanted| found.is_some_and(|found| wanted.contains(&found)))
}

pub(super) fn stored_id(id: RecordId) -> Id {
    Id(*id.as_bytes())
}
