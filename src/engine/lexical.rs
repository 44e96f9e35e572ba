//! The inverted index of one domain, with live statistics: document frequencies and lengths are
//! those of the atoms that are there now. A fixed table of frequencies loses twenty points of
//! recall, because names that occur in every atom then look rare.
//!
//! Adjacent pairs are not indexed: nearly every pair is unique, so a posting list each would cost
//! ten times the words'. They are found by looking at the words of rows that hold both.

use rustc_hash::FxHashMap;

use super::text::Term;

/// A term's number within its domain.
pub(super) type TermNo = u32;

/// A row that holds a term, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Posting {
    pub row: u32,
    pub count: u32,
}

/// Rows are numbered by the order of `push`. Memory: about 12 bytes a word and 60 a distinct word.
#[derive(Debug, Clone, Default)]
pub(super) struct LexicalIndex {
    numbers: FxHashMap<u64, TermNo>,
    /// By term number, each sorted by row.
    postings: Vec<Vec<Posting>>,
    /// By term number, whether the term has been met as a stop word.
    stop: Vec<bool>,
    /// Every row's words, end to end.
    sequences: Vec<TermNo>,
    /// Where each row's words end in `sequences`.
    ends: Vec<u32>,
    live_count: u32,
    /// Words of all live rows.
    live_words: u64,
}

impl LexicalIndex {
    /// Adds the next row.
    pub(super) fn push(&mut self, terms: &[Term]) {
        let row = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        for term in terms {
            let fresh = u32::try_from(self.postings.len()).unwrap_or(u32::MAX);
            let number = *self.numbers.entry(term.hash()).or_insert(fresh);
            if number == fresh {
                self.postings.push(Vec::new());
                self.stop.push(false);
            }
            // Two words may share a stem; that one is a stop word must not depend on their order.
            if let Some(stop) = self.stop.get_mut(number as usize).filter(|_| term.is_stop()) {
                *stop = true;
            }
            self.sequences.push(number);
            if let Some(postings) = self.postings.get_mut(number as usize) {
                match postings.last_mut() {
                    Some(last) if last.row == row => last.count += 1,
                    _ => postings.push(Posting { row, count: 1 }),
                }
            }
        }
        self.ends.push(u32::try_from(self.sequences.len()).unwrap_or(u32::MAX));
        self.live_count += 1;
        self.live_words += terms.len() as u64;
    }

    /// Takes a live row out of every posting list.
    pub(super) fn remove(&mut self, row: u32) {
        let (start, end) = self.span(row);
        self.live_count -= 1;
        self.live_words -= (end - start) as u64;
        for position in start..end {
            let Some(&number) = self.sequences.get(position) else { continue };
            let Some(postings) = self.postings.get_mut(number as usize) else { continue };
            if let Ok(found) = postings.binary_search_by_key(&row, |posting| posting.row) {
                postings.remove(found);
            }
        }
    }

    #[must_use]
    pub(super) fn live_count(&self) -> u32 {
        self.live_count
    }

    /// Words of all live rows.
    #[must_use]
    pub(super) fn live_words(&self) -> u64 {
        self.live_words
    }

    /// Words of one row.
    #[must_use]
    pub(super) fn length(&self, row: u32) -> u32 {
        let (start, end) = self.span(row);
        u32::try_from(end - start).unwrap_or(u32::MAX)
    }

    /// The live rows that hold a term, ascending.
    #[must_use]
    pub(super) fn postings(&self, hash: u64) -> &[Posting] {
        let number = self.numbers.get(&hash);
        number.and_then(|number| self.postings.get(*number as usize)).map_or(&[], Vec::as_slice)
    }

    /// The number of a term that a row holds or held.
    #[must_use]
    pub(super) fn number_of(&self, hash: u64) -> Option<TermNo> {
        self.numbers.get(&hash).copied()
    }

    /// The live rows that hold the term with a number, ascending.
    #[must_use]
    pub(super) fn postings_of(&self, number: TermNo) -> &[Posting] {
        self.postings.get(number as usize).map_or(&[], Vec::as_slice)
    }

    /// A row's words in order, but for stop words.
    pub(super) fn content_of(&self, row: u32) -> impl Iterator<Item = TermNo> {
        let (start, end) = self.span(row);
        let words = self.sequences.get(start..end).unwrap_or_default();
        let is_stop = |number: TermNo| self.stop.get(number as usize).is_some_and(|stop| *stop);
        words.iter().copied().filter(move |number| !is_stop(*number))
    }

    /// The live rows in which `second` directly follows `first`, ascending. Costs the shorter of
    /// the two posting lists and the words of the rows that hold both.
    #[must_use]
    pub(super) fn pair_postings(&self, first: u64, second: u64) -> Vec<Posting> {
        let (Some(&first_no), Some(&second_no)) =
            (self.numbers.get(&first), self.numbers.get(&second))
        else {
            return Vec::new();
        };
        let (one, other) = (self.postings(first), self.postings(second));
        let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        let mut found = Vec::new();
        let mut rest = long;
        for posting in short {
            let skip = rest.partition_point(|candidate| candidate.row < posting.row);
            rest = rest.get(skip..).unwrap_or_default();
            if rest.first().is_none_or(|candidate| candidate.row != posting.row) {
                continue;
            }
            let (start, end) = self.span(posting.row);
            let words = self.sequences.get(start..end).unwrap_or_default();
            let pairs = words.windows(2).filter(|pair| **pair == [first_no, second_no]);
            let count = u32::try_from(pairs.count()).unwrap_or(u32::MAX);
            if count > 0 {
                found.push(Posting { row: posting.row, count });
            }
        }
        found
    }

    fn span(&self, row: u32) -> (usize, usize) {
        let end = self.ends.get(row as usize).copied().unwrap_or(0);
        let before = (row as usize).checked_sub(1);
        let start = before.and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        (start as usize, end.max(start) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(words: &[u8]) -> Vec<Term> {
        words.iter().map(|word| Term::of_word(&format!("w{word}"))).collect()
    }

    fn hash(word: u8) -> u64 {
        Term::of_word(&format!("w{word}")).hash()
    }

    fn count(found: impl Iterator) -> u32 {
        u32::try_from(found.count()).unwrap()
    }

    proptest! {
        /// Postings, pairs and statistics are those of a list searched from end to end.
        #[test]
        fn the_index_agrees_with_a_naive_list(
            texts in proptest::collection::vec(proptest::collection::vec(0_u8..6, 0..8), 0..20),
            removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let mut index = LexicalIndex::default();
            let mut live: Vec<Option<&Vec<u8>>> = Vec::new();
            for text in &texts {
                index.push(&terms(text));
                live.push(Some(text));
            }
            for choice in removed.iter().filter(|_| !texts.is_empty()) {
                let row = choice.index(texts.len());
                if live[row].take().is_some() {
                    index.remove(u32::try_from(row).unwrap());
                }
            }
            let rows = || live.iter().enumerate().filter_map(|(row, text)| Some((u32::try_from(row).unwrap(), (*text)?)));
            prop_assert_eq!(index.live_count() as usize, rows().count());
            prop_assert_eq!(index.live_words(), rows().map(|(_, text)| text.len() as u64).sum::<u64>());
            for word in 0..6 {
                let expected: Vec<_> = rows()
                    .map(|(row, text)| (row, count(text.iter().filter(|w| **w == word))))
                    .filter(|(_, count)| *count > 0)
                    .map(|(row, count)| Posting { row, count })
                    .collect();
                prop_assert_eq!(index.postings(hash(word)), expected.as_slice());
                for next in 0..6 {
                    let expected: Vec<_> = rows()
                        .map(|(row, text)| (row, count(text.windows(2).filter(|p| **p == [word, next]))))
                        .filter(|(_, count)| *count > 0)
                        .map(|(row, count)| Posting { row, count })
                        .collect();
                    prop_assert_eq!(index.pair_postings(hash(word), hash(next)), expected);
                }
            }
        }
    }
}
