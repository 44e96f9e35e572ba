//! What an embedder knows of a question. A word's share in the question's direction depends on
//! how rare the word is among a tenant's atoms, so the words travel to the tenant one by one.

use super::QuantizedVector;

/// The direction of a question, whole and by word.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryEmbedding {
    /// Of the text as it stands; `None` when it has none.
    pub whole: Option<QuantizedVector>,
    /// Of its words, where the embedder can tell; empty where it cannot, and then `whole` counts.
    pub words: Vec<WordVector>,
}

/// A lower-case word and its direction, not normalised; finite.
#[derive(Debug, Clone, PartialEq)]
pub struct WordVector {
    pub word: String,
    pub vector: Vec<f32>,
}
