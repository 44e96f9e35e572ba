//! What a text is about, for callers who do not say: proper names, names of several words, and
//! after them the rarer content words. Any language's letters; a script without capitals gives
//! content words only.

use std::collections::HashSet;

use super::graph::fold_concept;
use super::lexicon;
use super::text::{ANALYZED_BYTES_MAX, looked_at, split_head};
use crate::types::limits::EXTRACTED_CONCEPTS_MAX;

/// Letters a single content word needs to count as a concept when it is no name.
const WORD_CHARS_MIN: usize = 4;

/// Up to ten concepts: names in order of appearance, then content words, longest first. Written
/// as in the text.
#[must_use]
pub fn extract(text: &str) -> Vec<String> {
    let head = split_head(text);
    let body = looked_at(head.body, ANALYZED_BYTES_MAX);
    let mut found = Concepts::default();
    if let Some(label) = head.label {
        found.add(label.to_owned());
    }
    for sentence in body.split_inclusive(['.', '!', '?', '\n', '。', '！', '？']) {
        for_each_name(sentence.split_whitespace(), |name| {
            if !name.is_doubtful {
                found.add(name.words.join(" "));
            }
        });
    }
    let mut words: Vec<(usize, String)> = Vec::new();
    for word in surface_words(body) {
        let folded = word.to_lowercase();
        let letters = folded.chars().count();
        if letters >= WORD_CHARS_MIN && !lexicon::is_stop(&folded) && !is_number(&folded) {
            words.push((letters, folded));
        }
    }
    // Stable: among words of one length the first comes first.
    words.sort_by_key(|(letters, _)| std::cmp::Reverse(*letters));
    for (_, word) in words {
        found.add(word);
    }
    found.list
}

#[derive(Default)]
struct Concepts {
    list: Vec<String>,
    /// Folded concepts, and each folded word of those of several words.
    seen: HashSet<String>,
}

impl Concepts {
    fn add(&mut self, concept: String) {
        if self.list.len() >= EXTRACTED_CONCEPTS_MAX {
            return;
        }
        let folded = fold_concept(&concept);
        if folded.is_empty() || !self.seen.insert(folded.clone()) {
            return;
        }
        self.seen.extend(folded.split(' ').map(str::to_owned));
        self.list.push(concept);
    }
}

/// Words as written, without the punctuation around them and without a possessive ending.
fn surface_words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().filter_map(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
        (!word.is_empty()).then_some(word)
    })
}

fn is_number(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '-' | '/'))
}

/// A run of capitalised words, without what stands around them.
pub(super) struct Name<'a> {
    /// Index of the first of its words among the words given.
    pub(super) first: usize,
    pub(super) words: &'a [&'a str],
    /// A lone first word of a sentence: any word is capitalised there.
    pub(super) is_doubtful: bool,
}

/// Calls `take` with each name among the words of a sentence, as they stand between its spaces.
/// Stop words do not begin a name, and punctuation after a word ends it.
pub(super) fn for_each_name<'a>(
    words: impl Iterator<Item = &'a str>,
    mut take: impl FnMut(Name<'_>),
) {
    let mut run: Vec<&str> = Vec::new();
    let mut run_first = 0;
    let mut flush = |run: &mut Vec<&str>, first: usize| {
        let is_stop = |word: &&&str| lexicon::is_stop(&word.to_lowercase());
        let skipped = run.iter().take_while(is_stop).count();
        let words = run.get(skipped..).unwrap_or_default();
        if let [word, rest @ ..] = words {
            let has_inner_capital = word.chars().skip(1).any(char::is_uppercase);
            let is_doubtful = first == 0 && rest.is_empty() && !has_inner_capital;
            take(Name { first: first + skipped, words, is_doubtful });
        }
        run.clear();
    };
    for (at, word) in words.enumerate() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let bare = bare.strip_suffix("'s").or_else(|| bare.strip_suffix("’s")).unwrap_or(bare);
        let capitalised = bare.chars().next().is_some_and(char::is_uppercase);
        if !capitalised {
            flush(&mut run, run_first);
            continue;
        }
        if run.is_empty() {
            run_first = at;
        }
        run.push(bare);
        // Punctuation after a word ends the name.
        if word.ends_with([',', ';', ':', ')']) {
            flush(&mut run, run_first);
        }
    }
    flush(&mut run, run_first);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_come_first_then_content_words() {
        let concepts =
            extract("Anna Lee moved to New York. She works at PostgreSQL on replication.");
        assert_eq!(concepts[..3], ["Anna Lee", "New York", "PostgreSQL"]);
        assert!(concepts.contains(&"replication".to_owned()));
        assert!(!concepts.iter().any(|concept| concept == "She" || concept == "works at"));
    }

    #[test]
    fn any_letters_work_and_a_speaker_is_a_concept() {
        assert_eq!(extract("Ольга: Мы едем в Санкт-Петербург")[..2], ["Ольга", "Санкт-Петербург"]);
        assert_eq!(extract("we moved to Zürich")[0], "Zürich");
        assert!(extract("x").is_empty());
        assert!(extract("").is_empty());
    }

    proptest! {
        #[test]
        fn at_most_ten_distinct_non_empty_concepts(text: String) {
            let concepts = extract(&text);
            prop_assert!(concepts.len() <= EXTRACTED_CONCEPTS_MAX);
            let folded: HashSet<_> = concepts.iter().map(|c| fold_concept(c)).collect();
            prop_assert_eq!(folded.len(), concepts.len());
            prop_assert!(!folded.contains(""));
        }
    }
}
