//! A short text from a long one: its sentences that say most of what the whole is about, in order.

use rustc_hash::{FxHashMap, FxHashSet};

use super::matching::words_of;
use crate::engine::prose::{Code, Reader};
use crate::engine::text::{cut_at_word, looked_at};

/// Bytes of a text that are looked at.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// What the first sentence is worth more than one without a place; the next ones less of it.
const FIRST_BONUS: f64 = 0.5;

/// A text in at most so many characters. What fits stays whole, spaces apart; else the sentences
/// that say most are kept, in their order, and where not one fits, the best is cut at a word.
/// Blank for a blank text.
#[must_use]
pub fn summary(text: &str, chars_max: usize) -> String {
    let text = looked_at(text, TEXT_BYTES_MAX);
    let whole = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if whole.chars().nth(chars_max).is_none() {
        return whole;
    }
    let mut sentences: Vec<String> = Vec::new();
    Reader::new(Code::Keep).for_each_sentence(text, |sentence| sentences.push(sentence.text));
    let words: Vec<FxHashSet<u64>> = sentences
        .iter()
        .map(|sentence| words_of(sentence).into_iter().map(|word| word.hash).collect())
        .collect();
    let mut frequencies: FxHashMap<u64, f64> = FxHashMap::default();
    for word in words.iter().flatten() {
        *frequencies.entry(*word).or_default() += 1.0;
    }
    let mut order: Vec<(f64, usize)> = Vec::new();
    for (number, words) in words.iter().enumerate() {
        let count = f64::from(u32::try_from(words.len()).unwrap_or(u32::MAX));
        // The set's order is not the same everywhere, and sums of fractions depend on theirs;
        // these are sums of whole numbers.
        let sum: f64 = words.iter().filter_map(|word| frequencies.get(word)).sum();
        let place = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let score = sum / (count + 4.0) * (1.0 + FIRST_BONUS / (1.0 + place));
        order.push((score, number));
    }
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<usize> = Vec::new();
    let mut room = chars_max;
    for (_, number) in &order {
        let length = sentences.get(*number).map_or(usize::MAX, |sentence| sentence.chars().count());
        let needed = length.saturating_add(usize::from(!kept.is_empty()));
        if needed <= room {
            room -= needed;
            kept.push(*number);
        }
    }
    kept.sort_unstable();
    let chosen: Vec<&str> =
        kept.iter().filter_map(|number| sentences.get(*number)).map(String::as_str).collect();
    if chosen.is_empty() {
        let best = order.first().and_then(|(_, number)| sentences.get(*number));
        return cut_at_word(best.map_or(whole.as_str(), String::as_str), chars_max);
    }
    chosen.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_that_fits_stays_and_a_long_one_keeps_its_best_sentences_in_order() {
        assert_eq!(summary("  Learn Rust.\n Ship it. ", 200), "Learn Rust. Ship it.");
        assert_eq!(summary(" \n", 200), "");
        let text = "We build a memory server. The weather was fine on the day we began. \
                    The memory server must keep memory safe. Lunch was late.";
        assert_eq!(
            summary(text, 75),
            "We build a memory server. The memory server must keep memory safe."
        );
    }

    #[test]
    fn where_no_sentence_fits_the_best_is_cut_at_a_word() {
        let text = "Become fluent in several languages and read one book each week without fail.";
        assert_eq!(summary(text, 40), "Become fluent in several languages and…");
        assert_eq!(summary("Aaaaaaaaaaaaaaaaaaaaaaaaaa", 5), "Aaaa…");
        assert_eq!(summary("Aaa bbb", 0), "");
    }

    proptest! {
        #[test]
        fn a_summary_is_never_too_long_and_never_blank_without_need(
            text in "(\\PC{0,40}[.!?\n ]){0,20}",
            chars_max in 0..250_usize,
        ) {
            let found = summary(&text, chars_max);
            prop_assert!(found.chars().count() <= chars_max);
            prop_assert_eq!(&found, &summary(&text, chars_max));
        }
    }
}
