//! Lists of what an organization has, in the order of ids, which is the order of creation.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::TimeRange;
use crate::actors::tenant::data::Walk;
use crate::types::Timestamp;

/// What such a list may be filtered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFilter<I> {
    /// `None` lets every one through, an empty list none.
    pub ids: Option<Vec<I>>,
    pub created: TimeRange,
    pub updated: TimeRange,
}

impl<I> Default for ListFilter<I> {
    fn default() -> Self {
        Self { ids: None, created: TimeRange::default(), updated: TimeRange::default() }
    }
}

impl<I: PartialEq> ListFilter<I> {
    pub(super) fn admits(&self, id: I, created_at: Timestamp, updated_at: Timestamp) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&id))
            && self.created.contains(created_at)
            && self.updated.contains(updated_at)
    }
}

/// What is listed as a whole.
pub(super) struct Listed<K, T>(BTreeMap<K, T>);

impl<K: Ord, T> FromIterator<(K, T)> for Listed<K, T> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// Entries are copied as far as they are shown, and one to each side.
impl<K: Ord + Copy, T: Clone> Walk<K> for Listed<K, T> {
    type Item = T;

    fn upwards(&self, from: Bound<&K>) -> impl Iterator<Item = T> {
        self.0.range((from.cloned(), Bound::Unbounded)).map(|(_, entry)| entry.clone())
    }

    fn downwards(&self, to: Bound<&K>) -> impl Iterator<Item = T> {
        self.0.range((Bound::Unbounded, to.cloned())).rev().map(|(_, entry)| entry.clone())
    }
}
