//! The order of a domain's atoms in time: which session a row belongs to, and which rows come
//! before and after it there. Rows without a session form one chain of their own, in which two
//! are neighbours only when they were written within thirty minutes of each other.

use std::collections::HashMap;

use rustc_hash::FxHashSet;

use crate::types::Timestamp;

/// How far apart rows without a session may be and still be neighbours.
const GAP_MAX_US: u64 = 30 * 60 * 1_000_000;

/// No row.
const NONE: u32 = u32::MAX;

/// Number of the chain of rows without a session.
pub(super) const LOOSE: u32 = 0;

#[derive(Debug, Clone, Default)]
struct Session {
    /// Live rows sorted by (time, row).
    rows: Vec<u32>,
    /// Distinct content words met so far, to tell how much a row adds.
    seen: FxHashSet<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    time: Timestamp,
    before: u32,
    after: u32,
}

/// Rows are numbered by the order of `push`.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// Callers choose the names, so their hashes are keyed.
    numbers: HashMap<String, u32>,
    sessions: Vec<Session>,
    /// The session of each row.
    row_sessions: Vec<u32>,
    stops: Vec<Stop>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            sessions: vec![Session::default()],
            row_sessions: Vec::new(),
            stops: Vec::new(),
        }
    }
}

impl Timeline {
    /// Adds the next row. Costs O(1) when it is the latest of its session. Returns how many of
    /// `words` its session had not met before.
    pub(super) fn push(
        &mut self,
        session: Option<&str>,
        time: Timestamp,
        words: impl Iterator<Item = u64>,
    ) -> usize {
        let number = self.session_number(session);
        let row = u32::try_from(self.stops.len()).unwrap_or(NONE);
        self.stops.push(Stop { time, before: NONE, after: NONE });
        self.row_sessions.push(number);
        let stops = &self.stops;
        let Some(session) = self.sessions.get_mut(number as usize) else { return 0 };
        let key = |row: u32| stops.get(row as usize).map(|stop| (stop.time, row));
        let position = session.rows.partition_point(|earlier| key(*earlier) < key(row));
        let before = position.checked_sub(1).and_then(|at| session.rows.get(at)).copied();
        let after = session.rows.get(position).copied();
        session.rows.insert(position, row);
        let fresh = if number == LOOSE {
            // A chain without an end would remember every word ever met.
            words.collect::<FxHashSet<_>>().len()
        } else {
            words.filter(|word| session.seen.insert(*word)).count()
        };
        self.link(before.unwrap_or(NONE), row);
        self.link(row, after.unwrap_or(NONE));
        fresh
    }

    /// Takes a live row out of its session; its neighbours become each other's.
    pub(super) fn remove(&mut self, row: u32) {
        let Some(stop) = self.stops.get(row as usize).copied() else { return };
        let number = self.row_sessions.get(row as usize).copied().unwrap_or(LOOSE);
        if let Some(session) = self.sessions.get_mut(number as usize) {
            let stops = &self.stops;
            let key = |row: u32| stops.get(row as usize).map(|stop| (stop.time, row));
            let position = session.rows.partition_point(|earlier| key(*earlier) < key(row));
            if session.rows.get(position) == Some(&row) {
                session.rows.remove(position);
            }
            if session.rows.is_empty() {
                session.seen = FxHashSet::default();
            }
        }
        self.link(stop.before, stop.after);
    }

    fn session_number(&mut self, session: Option<&str>) -> u32 {
        let Some(session) = session else { return LOOSE };
        if let Some(number) = self.numbers.get(session) {
            return *number;
        }
        let number = u32::try_from(self.sessions.len()).unwrap_or(NONE);
        self.sessions.push(Session::default());
        self.numbers.insert(session.to_owned(), number);
        number
    }

    fn link(&mut self, before: u32, after: u32) {
        if let Some(stop) = self.stops.get_mut(before as usize) {
            stop.after = after;
        }
        if let Some(stop) = self.stops.get_mut(after as usize) {
            stop.before = before;
        }
    }

    /// Sessions known, numbered from 0; number 0 stands for rows without one.
    #[must_use]
    pub(super) fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The number of each row's session, [`LOOSE`] for a row without one.
    #[must_use]
    pub(super) fn sessions(&self) -> &[u32] {
        &self.row_sessions
    }

    #[must_use]
    pub(super) fn time(&self, row: u32) -> Option<Timestamp> {
        self.stops.get(row as usize).map(|stop| stop.time)
    }

    /// The neighbour one step earlier.
    #[must_use]
    pub(super) fn before(&self, row: u32) -> Option<u32> {
        self.neighbour(row, self.stops.get(row as usize)?.before)
    }

    /// The neighbour one step later.
    #[must_use]
    pub(super) fn after(&self, row: u32) -> Option<u32> {
        self.neighbour(row, self.stops.get(row as usize)?.after)
    }

    fn neighbour(&self, from: u32, to: u32) -> Option<u32> {
        if to == NONE {
            return None;
        }
        if self.row_sessions.get(from as usize) != Some(&LOOSE) {
            return Some(to);
        }
        let (from, to_stop) = (self.stops.get(from as usize)?, self.stops.get(to as usize)?);
        (from.time.abs_diff_micros(to_stop.time) <= GAP_MAX_US).then_some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minutes(count: i64) -> Timestamp {
        Timestamp::from_micros(count * 60_000_000)
    }

    #[test]
    fn rows_without_a_session_are_neighbours_within_thirty_minutes() {
        let mut timeline = Timeline::default();
        for minute in [0, 30, 61] {
            timeline.push(None, minutes(minute), std::iter::empty());
        }
        assert_eq!(timeline.after(0), Some(1));
        assert_eq!(timeline.before(1), Some(0));
        assert_eq!(timeline.after(1), None);
        assert_eq!(timeline.before(2), None);
        assert_eq!(timeline.sessions(), [LOOSE; 3]);
    }

    #[test]
    fn a_session_counts_a_word_as_new_once() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.push(Some("a"), minutes(0), [2, 4, 4].into_iter()), 2);
        assert_eq!(timeline.push(Some("a"), minutes(1), [4, 6].into_iter()), 1);
        assert_eq!(timeline.push(Some("b"), minutes(1), [4, 6].into_iter()), 2);
    }

    proptest! {
        /// Whatever the order of arrival and removal, neighbours are those of the sorted list.
        #[test]
        fn neighbours_are_those_of_the_sorted_session(
            arrivals in proptest::collection::vec((0_u8..3, 0_i64..20), 0..30),
            removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..15),
        ) {
            let mut timeline = Timeline::default();
            let mut live = Vec::new();
            for (row, (session, minute)) in arrivals.iter().enumerate() {
                timeline.push(Some(&format!("s{session}")), minutes(*minute), std::iter::empty());
                live.push(Some((*session, *minute, u32::try_from(row).unwrap())));
            }
            for choice in removed.iter().filter(|_| !arrivals.is_empty()) {
                if let Some((_, _, row)) = live[choice.index(arrivals.len())].take() {
                    timeline.remove(row);
                }
            }
            let mut sorted: Vec<_> = live.into_iter().flatten().collect();
            sorted.sort_unstable();
            for (at, (session, _, row)) in sorted.iter().enumerate() {
                let same = |other: Option<&(u8, i64, u32)>| {
                    other.filter(|other| other.0 == *session).map(|other| other.2)
                };
                prop_assert_eq!(timeline.before(*row), same(at.checked_sub(1).and_then(|at| sorted.get(at))));
                prop_assert_eq!(timeline.after(*row), same(sorted.get(at + 1)));
            }
        }
    }
}
