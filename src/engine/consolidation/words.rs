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

/// Hashes of the distinct words that say what a text says, those of its label included: all but
/// stop words, ascending. The only number of a text, if it is short, is left out: it tells one of
/// a series from the next ("build 7"), and a series is what consolidation is for. Several numbers
/// say something of each other ("building 3 opens with 991"), and every other word makes it
/// another fact, a name above all. Negations are one word, and so is having none. A text that
/// says nothing has no words. About 10 us for 300 characters.
#[must_use]
pub fn content_words(text: &str) -> Vec<u64> {
    let head = split_head(text);
    let mut hashes = Vec::new();
    let mut numbers: Vec<String> = Vec::new();
    let mut is_negated = false;
    for part in [head.label.unwrap_or_default(), head.body] {
        for_each_word(part, |word| {
            if NEGATIONS.contains(&word) || word.ends_with("n't") {
                is_negated = true;
            } else if word.starts_with(char::is_numeric) {
                numbers.push(word.to_owned());
            } else if TELLING.contains(&word) || !lexicon::is_stop(word) {
                hashes.push(hash_term(&stem(word)));
            }
        });
    }
    match numbers.as_slice() {
        [counter] if digits_of(counter) <= COUNTER_DIGITS_MAX => {}
        numbers => hashes.extend(numbers.iter().map(|number| hash_term(number))),
    }
    if is_negated || !hashes.is_empty() {
        hashes.push(hash_term(if is_negated { "not" } else { AFFIRMED }));
    }
    hashes.sort_unstable();
    hashes.dedup();
    hashes
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
        let words = content_words(other);
        let all = content_words(one).iter().all(|word| words.contains(word));
        assert_eq!(all, is_covered, "{one} / {other}");
    }

    #[test]
    fn forms_stop_words_order_and_a_counter_make_no_difference() {
        check("The nightly build number 7 finished", "Nightly builds number 8 finished", true);
        check("finished in 12ms", "Finished in 7ms", true);
        check("It does not work", "it doesn't work", true);
        check("I like tea", "I really like tea", true);
        assert!(content_words("").is_empty() && content_words("it was 7").is_empty());
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
