//! Pages of a list that is walked with cursors, in both directions and orders. The list is whatever
//! can be walked from a place to its end both ways, filtered already; only what a page shows is
//! looked at, and one entry to each side of it.

use std::ops::Bound;

/// In which order a list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// The oldest first.
    #[default]
    Ascending,
    Descending,
}

/// Where a page lies. "After" and "before" follow the order that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cursor<C> {
    /// At the beginning.
    #[default]
    Start,
    /// Directly behind this record, which need not be in the list itself.
    After(C),
    /// Directly before it. The page is still shown in the list's order.
    Before(C),
}

impl<C> Cursor<C> {
    /// The same place, said in other words; `None` where they are not found.
    pub fn resolve<K>(self, find: impl FnOnce(C) -> Option<K>) -> Option<Cursor<K>> {
        Some(match self {
            Self::Start => Cursor::Start,
            Self::After(place) => Cursor::After(find(place)?),
            Self::Before(place) => Cursor::Before(find(place)?),
        })
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<C> {
    pub cursor: Cursor<C>,
    pub order: ListOrder,
    /// Entries at most; at least 1.
    pub limit: usize,
}

impl<C> PageRequest<C> {
    /// As [`Cursor::resolve`].
    pub fn resolve<K>(self, find: impl FnOnce(C) -> Option<K>) -> Option<PageRequest<K>> {
        let (order, limit) = (self.order, self.limit);
        Some(PageRequest { cursor: self.cursor.resolve(find)?, order, limit })
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether the list has entries before the page's place, in the order that was asked for.
    pub has_more_before: bool,
    pub has_more_after: bool,
}

impl<T> Page<T> {
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let items = self.items.into_iter().map(change).collect();
        Page { items, has_more_before: self.has_more_before, has_more_after: self.has_more_after }
    }

    /// As [`Page::map`], for a change that may fail.
    ///
    /// # Errors
    /// The first one of `change`.
    pub fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(change).collect::<Result<_, E>>()?;
        let (has_more_before, has_more_after) = (self.has_more_before, self.has_more_after);
        Ok(Page { items, has_more_before, has_more_after })
    }
}

/// A list in the order of creation.
pub trait Walk<K> {
    type Item;

    /// Entries from a place on, the oldest first.
    fn upwards(&self, from: Bound<&K>) -> impl Iterator<Item = Self::Item>;

    /// Entries up to a place, the newest first.
    fn downwards(&self, to: Bound<&K>) -> impl Iterator<Item = Self::Item>;
}

/// The page that is asked for. Costs what walking over it costs, and to the next entry on each side.
pub fn page<K, L: Walk<K>>(list: &L, request: &PageRequest<K>) -> Page<L::Item> {
    let limit = request.limit;
    let is_up = request.order == ListOrder::Ascending;
    let (mut items, is_cut, has_more_behind) = match &request.cursor {
        Cursor::Start if is_up => take(list.upwards(Bound::Unbounded), limit, || false),
        Cursor::Start => take(list.downwards(Bound::Unbounded), limit, || false),
        // The place itself lies on the far side of the page.
        Cursor::After(place) | Cursor::Before(place) => {
            let (near, far) = (Bound::Excluded(place), Bound::Included(place));
            let goes_up = is_up == matches!(request.cursor, Cursor::After(_));
            match goes_up {
                true => take(list.upwards(near), limit, || list.downwards(far).next().is_some()),
                false => take(list.downwards(near), limit, || list.upwards(far).next().is_some()),
            }
        }
    };
    let (has_more_before, has_more_after) = match request.cursor {
        Cursor::Start | Cursor::After(_) => (has_more_behind, is_cut),
        Cursor::Before(_) => {
            items.reverse();
            (is_cut, has_more_behind)
        }
    };
    Page { items, has_more_before, has_more_after }
}

/// The first entries, whether there are more, and what `is_more_behind` says.
fn take<T>(
    mut entries: impl Iterator<Item = T>,
    limit: usize,
    is_more_behind: impl FnOnce() -> bool,
) -> (Vec<T>, bool, bool) {
    let items: Vec<T> = entries.by_ref().take(limit).collect();
    (items, entries.next().is_some(), is_more_behind())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Numbers of which a list shows the even ones.
    struct Even(BTreeSet<u32>);

    impl Walk<u32> for Even {
        type Item = u32;

        fn upwards(&self, from: Bound<&u32>) -> impl Iterator<Item = u32> {
            let range = self.0.range((from.cloned(), Bound::Unbounded));
            range.copied().filter(|number| number % 2 == 0)
        }

        fn downwards(&self, to: Bound<&u32>) -> impl Iterator<Item = u32> {
            let range = self.0.range((Bound::Unbounded, to.cloned()));
            range.rev().copied().filter(|number| number % 2 == 0)
        }
    }

    /// What the definition says: the list as it is shown, and the place's position in it.
    fn expected(list: &Even, request: &PageRequest<u32>) -> Page<u32> {
        let mut shown: Vec<u32> = list.0.iter().copied().filter(|it| it % 2 == 0).collect();
        let is_up = request.order == ListOrder::Ascending;
        if !is_up {
            shown.reverse();
        }
        let lies_before =
            |entry: &u32, place: &u32| if is_up { entry < place } else { entry > place };
        let (from, to) = match &request.cursor {
            Cursor::Start => (0, request.limit),
            Cursor::After(place) => {
                let from = shown.iter().filter(|it| lies_before(it, place) || *it == place).count();
                (from, from + request.limit)
            }
            Cursor::Before(place) => {
                let to = shown.iter().filter(|it| lies_before(it, place)).count();
                (to.saturating_sub(request.limit), to)
            }
        };
        let (from, to) = (from.min(shown.len()), to.min(shown.len()));
        Page {
            items: shown[from..to].to_vec(),
            has_more_before: from > 0,
            has_more_after: to < shown.len(),
        }
    }

    fn requests() -> impl Strategy<Value = PageRequest<u32>> {
        let cursor = prop_oneof![
            Just(Cursor::Start),
            (0_u32..60).prop_map(Cursor::After),
            (0_u32..60).prop_map(Cursor::Before),
        ];
        let order = prop_oneof![Just(ListOrder::Ascending), Just(ListOrder::Descending)];
        (cursor, order, 1_usize..12).prop_map(|(cursor, order, limit)| PageRequest {
            cursor,
            order,
            limit,
        })
    }

    proptest! {
        #[test]
        fn a_page_is_what_its_positions_say(
            numbers in prop::collection::btree_set(0_u32..60, 0..40), request in requests(),
        ) {
            let list = Even(numbers);
            prop_assert_eq!(page(&list, &request), expected(&list, &request));
        }

        #[test]
        fn walking_meets_every_entry_once_while_some_go(
            numbers in prop::collection::btree_set(0_u32..60, 0..40),
            limit in 1_usize..12, order: bool, forwards: bool, goes in 0_usize..12,
        ) {
            let order = if order { ListOrder::Ascending } else { ListOrder::Descending };
            let mut list = Even(numbers.clone());
            let mut seen = Vec::new();
            let mut cursor = match forwards {
                true => Cursor::Start,
                // Behind the last of the list, whichever way it is shown.
                false if order == ListOrder::Ascending => Cursor::Before(u32::MAX),
                false => Cursor::Before(0),
            };
            if !forwards && order == ListOrder::Descending && list.0.contains(&0) {
                list.0.remove(&0);
            }
            let whole: BTreeSet<u32> =
                list.0.iter().copied().filter(|number| number % 2 == 0).collect();
            loop {
                let found = page(&list, &PageRequest { cursor, order, limit });
                let edge = if forwards { found.items.last() } else { found.items.first() };
                let Some(edge) = edge.copied() else { break };
                seen.extend(&found.items);
                // One that was returned is deleted, and its place is still good.
                if let Some(gone) = found.items.get(goes) {
                    list.0.remove(gone);
                }
                let has_more =
                    if forwards { found.has_more_after } else { found.has_more_before };
                if !has_more {
                    break;
                }
                cursor = if forwards { Cursor::After(edge) } else { Cursor::Before(edge) };
            }
            prop_assert_eq!(seen.len(), whole.len());
            prop_assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), whole);
        }
    }
}
