//! Rows of numbers in several sets, walked as one.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::ops::Bound;

use super::records::{Identified, Records};
use crate::types::AtomNo;

type Numbers<'a> = Box<dyn DoubleEndedIterator<Item = AtomNo> + 'a>;

/// Numbers that can be walked from a place on, both ways.
pub(super) trait Numbered {
    fn within(&self, range: (Bound<AtomNo>, Bound<AtomNo>)) -> Numbers<'_>;
}

impl Numbered for BTreeSet<AtomNo> {
    fn within(&self, range: (Bound<AtomNo>, Bound<AtomNo>)) -> Numbers<'_> {
        Box::new(self.range(range).copied())
    }
}

impl<R: Identified> Numbered for Records<R> {
    fn within(&self, range: (Bound<AtomNo>, Bound<AtomNo>)) -> Numbers<'_> {
        Box::new(self.range(range).map(|(no, _)| no))
    }
}

/// Sets that share no number, as one. A step costs as much as there are sets.
#[derive(Default)]
pub(super) struct Merged<'a> {
    sets: Vec<&'a dyn Numbered>,
}

impl<'a> Merged<'a> {
    pub(super) fn push(&mut self, set: &'a dyn Numbered) {
        self.sets.push(set);
    }

    pub(super) fn upwards(&self, from: Bound<AtomNo>) -> impl Iterator<Item = AtomNo> {
        let range = (from, Bound::Unbounded);
        let mut heads: Vec<Peekable<Numbers<'_>>> =
            self.sets.iter().map(|set| set.within(range).peekable()).collect();
        std::iter::from_fn(move || {
            let heads = heads.iter_mut().filter_map(|head| Some((*head.peek()?, head)));
            heads.min_by_key(|(no, _)| *no)?.1.next()
        })
    }

    pub(super) fn downwards(&self, to: Bound<AtomNo>) -> impl Iterator<Item = AtomNo> {
        let range = (Bound::Unbounded, to);
        let mut heads: Vec<_> =
            self.sets.iter().map(|set| set.within(range).rev().peekable()).collect();
        std::iter::from_fn(move || {
            let heads = heads.iter_mut().filter_map(|head| Some((*head.peek()?, head)));
            heads.max_by_key(|(no, _)| *no)?.1.next()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn walking_sets_as_one_is_walking_their_union(
            parts in prop::collection::btree_map(0_u64..60, 0_usize..4, 0..40), from in 0_u64..60,
        ) {
            let mut sets = vec![BTreeSet::new(); 4];
            for (no, part) in &parts {
                sets[*part].insert(AtomNo(*no));
            }
            let mut merged = Merged::default();
            for set in &sets {
                merged.push(set);
            }
            let all: BTreeSet<AtomNo> = parts.keys().map(|no| AtomNo(*no)).collect();
            let from = AtomNo(from);
            let up: Vec<AtomNo> = merged.upwards(Bound::Excluded(from)).collect();
            let down: Vec<AtomNo> = merged.downwards(Bound::Included(from)).collect();
            prop_assert!(all.range((Bound::Excluded(from), Bound::Unbounded)).eq(&up));
            prop_assert!(all.range(..=from).rev().eq(&down));
        }
    }
}
