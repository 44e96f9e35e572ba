//! An atom with everything that follows from its text alone, computed before its tenant is
//! bothered: the tenant's thread serves others too.

use super::atom::NewAtom;
use super::concepts;
use super::fingerprint::Fingerprint;
use super::text::Analysis;
use crate::types::QuantizedVector;

#[derive(Debug, Clone)]
pub struct PreparedAtom {
    /// With concepts: those given, or those found in the content.
    pub new: NewAtom,
    /// The direction of its text; `None` for a text without one.
    pub embedding: Option<QuantizedVector>,
    pub content_print: Fingerprint,
    pub wording_print: Fingerprint,
    pub analysis: Analysis,
    /// The caller gave the concepts, so they are linked.
    pub has_given_concepts: bool,
}

impl PreparedAtom {
    /// Analyses the text. Linear in its length: some 20 us for a sentence, a second for 10 MB.
    #[must_use]
    pub fn new(mut new: NewAtom, embedding: Option<QuantizedVector>) -> Self {
        let has_given_concepts = !new.concepts.is_empty();
        if !has_given_concepts {
            new.concepts = concepts::extract(&new.content);
        }
        Self {
            embedding,
            content_print: Fingerprint::of_content(&new.content),
            wording_print: Fingerprint::of_wording(&new.content),
            analysis: Analysis::of(&new.content),
            has_given_concepts,
            new,
        }
    }
}
