//! How a document writes its words, which tells names from words that only begin a sentence.

use rustc_hash::FxHashMap;

use super::Document;
use super::spelling::{bare, is_common, is_start};
use super::vocabulary::Words;
use crate::engine::lexicon;

/// Sentences of a document in which a thing is worth a node when it is named once.
const SHORT_DOCUMENT_SENTENCES: usize = 40;

/// How often a document writes a word in which way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WordCount {
    pub(super) lower: u32,
    /// Capitalised where nothing but its being a name explains it.
    pub(super) inside: u32,
    pub(super) at_start: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    /// Every noun has a capital.
    German,
    Other,
}

pub(super) struct Statistics {
    words: FxHashMap<String, WordCount>,
    pub(super) language: Language,
    pub(super) is_short: bool,
}

impl Statistics {
    pub(super) fn of(document: &Document<'_>) -> Self {
        let mut words: FxHashMap<String, WordCount> = FxHashMap::default();
        let (mut english, mut german, mut all) = (0_usize, 0_usize, 0_usize);
        for (sentence, tokens) in document.lines() {
            for (at, token) in tokens.iter().enumerate() {
                if token.word.is_empty() {
                    continue;
                }
                all += 1;
                english += usize::from(lexicon::is_stop(&token.lower));
                german += usize::from(GERMAN.holds(&token.lower));
                let word = bare(&token.lower);
                if !words.contains_key(word) {
                    words.insert(word.to_owned(), WordCount::default());
                }
                let Some(count) = words.get_mut(word) else { continue };
                if !token.is_capitalised() {
                    count.lower += 1;
                } else if is_start(sentence.is_heading, tokens, at) {
                    count.at_start += 1;
                } else {
                    count.inside += 1;
                }
            }
        }
        let language = if german * 14 > all && german * 2 > english {
            Language::German
        } else if english * 7 > all {
            Language::English
        } else {
            Language::Other
        };
        let is_short = document.sentences.len() <= SHORT_DOCUMENT_SENTENCES;
        Self { words, language, is_short }
    }

    pub(super) fn count(&self, word: &str) -> WordCount {
        self.words.get(word).copied().unwrap_or_default()
    }

    /// Whether a word without other evidence is a name, for all the document shows.
    pub(super) fn is_used_as_name(&self, word: &str, is_told: bool) -> bool {
        let count = self.count(word);
        if count.lower * 3 > count.inside {
            return false;
        }
        if self.language == Language::German {
            return is_told;
        }
        if is_common(word) {
            return count.lower == 0 && count.inside >= if is_told { 1 } else { 3 };
        }
        count.inside >= 1 || (count.at_start >= 2 && self.language == Language::English)
    }
}

static GERMAN: Words = Words::of(
    "der die das den dem des ein eine einen und ist sind nicht mit auf für von wird werden auch",
);
