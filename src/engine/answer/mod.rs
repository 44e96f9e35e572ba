//! Answers in a document's own words: the sentences that answer a question, and a text's summary.
//! No model: sentences are chosen, never written, so nothing is said that no document says.

mod matching;
mod quoting;
mod summary;
#[cfg(test)]
mod tests;

pub use self::quoting::quotes;
pub use self::summary::summary;

/// Characters of a quoted sentence at most; a longer one is cut at a word.
pub const QUOTE_CHARS_MAX: usize = 300;

/// A piece of a document that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage<'a> {
    pub title: &'a str,
    pub text: &'a str,
}

/// A sentence of a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Index of the passage.
    pub passage: usize,
    /// As written, without marks of Markdown; at most [`QUOTE_CHARS_MAX`] characters.
    pub sentence: String,
}
