//! The words of a text that must not be lost when it leaves search.

use crate::engine::lexicon;
use crate::engine::text::{for_each_word, hash_term, split_head, stem};

/// What denies; besides every contraction with `n't`.
const NEGATIONS: [&str; 9] =
    ["no", "nor", "not", "none", "nobody", "nothing", "never", "cannot", "without"];

/// Stop words in which alone two facts may differ.
const TELLING: [&str; 9] =
    ["above", "after", "against", "before", "below", "between", "more", "under", "until"];

/// Stands for the absence of a negation: what affirms must not leave search behind what denies.
/// No word contains it.
const AFFIRMED: &str = "+";

/// Digits that a counter or a reading has; a longer number is a code, a year or an amount.
const COUNTER_DIGITS_MAX: usize = 3;

/// What a text says, as far as it must not be lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Hashes of the distinct words that make it this fact, those of its label included: all but
    /// stop words and counters, ascending. Negations are one word, and so is having none. A text
    /// that says nothing has no words.
    pub content: Vec<u64>,
    /// Hashes of its distinct short numbers, ascending. One of them tells a text from the next of
    /// its series ("build 7"), and series are what consolidation is for; two say something of
    /// each other ("building 3 opens with 991").
    pub counters: Vec<u64>,
}

impl Words {
    /// About 10 us for 300 characters.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let head = split_head(text);
        let mut words = Self::default();
        let mut is_negated = false;
        for part in [head.label.unwrap_or_default(), head.body] {
            for_each_word(part, |word| {
                if NEGATIONS.contains(&word) || word.ends_with("n't") {
                    is_negated = true;
                } else if is_counter(word) {
                    words.counters.push(hash_term(word));
                } else if TELLING.contains(&word) || !lexicon::is_stop(word) {
                    words.content.push(hash_term(&stem(word)));
                }
            });
        }
        if is_negated || !words.content.is_empty() {
            words.content.push(hash_term(if is_negated { "not" } else { AFFIRMED }));
        }
        for list in [&mut words.content, &mut words.counters] {
            list.sort_unstable();
            list.dedup();
        }
        words
    }

    /// The share of these words that `prototype` has; all of them without any. Every word weighs
    /// the same: by rarity, a word that a small domain holds once outweighs the sentence around
    /// it, and the answer for a pair would change with what else is stored.
    #[must_use]
    pub fn covered_by(&self, prototype: &Self) -> f32 {
        let missing = missing_from(&self.content, &prototype.content);
        let all = self.content.len();
        if all == 0 { 1.0 } else { (all - missing) as f32 / all as f32 }
    }

    /// Whether the short numbers of one are those of the other, but for one at most.
    #[must_use]
    pub fn differ_in_one_counter(&self, other: &Self) -> bool {
        let lacking = |one: &Self, other: &Self| missing_from(&one.counters, &other.counters);
        lacking(self, other) <= 1 && lacking(other, self) <= 1
    }
}

/// How many of `some` are not in `all`; both ascending.
fn missing_from(some: &[u64], all: &[u64]) -> usize {
    let mut rest = all.iter().peekable();
    let is_missing = |word: &&u64| {
        while rest.next_if(|other| other < word).is_some() {}
        rest.peek() != Some(word)
    };
    some.iter().filter(is_missing).count()
}

fn is_counter(word: &str) -> bool {
    word.starts_with(char::is_numeric) && digits_of(word) <= COUNTER_DIGITS_MAX
}

/// Of a number that may have a unit or an ending: `7`, `7th`, `12ms`.
fn digits_of(number: &str) -> usize {
    number.chars().filter(|letter| letter.is_numeric()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all words of `one` are in `other`, so that `other` may stand for it.
    fn check(one: &str, other: &str, is_covered: bool) {
        let (words, others) = (Words::of(one), Words::of(other));
        let covered = words.covered_by(&others) >= 1.0 && words.differ_in_one_counter(&others);
        assert_eq!(covered, is_covered, "{one} / {other}");
    }

    #[test]
    fn forms_stop_words_order_and_a_counter_make_no_difference() {
        check("The nightly build number 7 finished", "Nightly builds number 8 finished", true);
        check("finished in 12ms", "Finished in 7ms", true);
        check("It does not work", "it doesn't work", true);
        check("I like tea", "I really like tea", true);
        check("Note 3: rack 7 was rebooted", "Note 4: rack 7 was rebooted", true);
        assert_eq!(Words::of(""), Words::default());
        assert!(Words::of("it was 7").content.is_empty());
    }

    #[test]
    fn codes_years_and_several_numbers_do() {
        check("The door code is 1234", "The door code is 9911", false);
        check("Building 3 opens with 991", "Building 4 opens with 127", false);
        check("finished at 10:30", "finished at 9:15", false);
        check("The lease ends in 2027", "The lease ends in 2028", false);
    }

    #[test]
    fn names_speakers_and_negations_make_one() {
        check("Anna confirmed", "Ben confirmed", false);
        check("Anna: I like tea", "Ben: I like tea", false);
        check("We deploy on Fridays", "We don't deploy on Fridays", false);
        check("We never deploy on Fridays", "We deploy on Fridays", false);
        check("Call before lunch", "Call after lunch", false);
        check("prefers dark mode", "prefers light mode", false);
        check("I really like tea", "I like tea", false);
    }
}
