//! The knowledge graph of documents, found by rules: no model, no state. What a document names or
//! keeps coming back to are its entities; how a sentence joins two of them is a relation.
//!
//! Names are told from words by how the whole document writes them, relations by the words between
//! two names. English is known best, some German and Russian too; another language gives names,
//! seldom relations other than "in one sentence". Precision comes before recall: a wrong node
//! misleads, a missing one only leaves its passage to the search.

mod candidates;
mod claims;
mod concepts;
mod mentions;
mod merge;
mod relations;
mod spelling;
mod statistics;
#[cfg(test)]
mod tests;
mod typing;
mod verbs;
mod vocabulary;

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

pub use self::claims::{ClaimedEntity, ClaimedRelation, from_claims};
pub use self::merge::{
    DocumentRef, GraphLimits, GraphMerger, KnowledgeEdge, KnowledgeGraph, KnowledgeNode,
};
use super::chunking::{ChunkRule, overlap_bytes};
use super::facts::{EntityKind, Token, tokens};
use super::prose::{Code, Reader};

/// Entities of one document at most.
pub const ENTITIES_MAX: usize = 64;
/// Relations of one document at most.
pub const RELATIONS_MAX: usize = 128;
/// Characters of an entity's name at most; a longer one is no name.
pub const NAME_CHARS_MAX: usize = 80;
/// Characters of an entity's summary at most.
pub const SUMMARY_CHARS_MAX: usize = 160;
/// Characters of a document that are looked at, roughly: chunks are taken until they reach it.
pub const DOCUMENT_CHARS_MAX: usize = 200_000;

/// What kind of thing an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityType {
    Person,
    Organization,
    Technology,
    Place,
    /// Capital letters whose meaning is not known.
    Acronym,
    /// A term, a work, or a name whose kind could not be told.
    Concept,
}

impl EntityType {
    pub const ALL: [Self; 6] = [
        Self::Person,
        Self::Organization,
        Self::Technology,
        Self::Place,
        Self::Acronym,
        Self::Concept,
    ];

    /// A lower-case word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organization => "organization",
            Self::Technology => "technology",
            Self::Place => "place",
            Self::Acronym => "acronym",
            Self::Concept => "concept",
        }
    }

    /// The inverse of [`EntityType::as_str`].
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity_type| entity_type.as_str() == word)
    }
}

/// Something a document names or is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentEntity {
    /// As the document writes it most often; at most [`NAME_CHARS_MAX`] characters, not blank.
    pub name: String,
    pub entity_type: EntityType,
    /// The sentence that introduces it best; at most [`SUMMARY_CHARS_MAX`] characters.
    pub summary: String,
    /// Chunks that mention it, 1 at least.
    pub chunks: u32,
}

/// How a document joins two of its entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRelation {
    /// Index among the document's entities; never that of the target.
    pub source: u32,
    pub target: u32,
    /// As written, in lower case ("is built on"), or [`RELATES_TO`].
    pub verb: String,
    /// Chunks that support it, 1 at least.
    pub chunks: u32,
}

/// The verb of two entities that share sentences and are not joined by any.
pub const RELATES_TO: &str = "relates to";

/// The graph of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DocumentGraph {
    /// Most important first: distinct by [`fold_name`], at most [`ENTITIES_MAX`].
    pub entities: Vec<DocumentEntity>,
    /// Best supported first: distinct by source, type and target, at most [`RELATIONS_MAX`].
    pub relations: Vec<DocumentRelation>,
}

/// What a name is the same by: Unicode NFC, lower case, one space between words.
#[must_use]
pub fn fold_name(name: &str) -> String {
    let composed: String = name.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// What kind of thing a name of a sentence stands for, as far as its own words and those next to
/// it tell.
#[must_use]
pub(super) fn name_type(
    name: &str,
    kind: EntityKind,
    tokens: &[Token<'_>],
    range: &Range<usize>,
) -> EntityType {
    let mut votes = typing::of_kind(kind);
    votes.merge(typing::by_own_words(name));
    votes.merge(typing::around(tokens, range));
    if vocabulary::is_technology(name) {
        votes.add(EntityType::Technology, 3);
    }
    votes.winner()
}

/// The type of a relation in lower snake case: "is built on" is `built_on`.
#[must_use]
pub fn relation_type(verb: &str) -> String {
    verbs::relation_type(verb)
}

/// The entities and relations of a document, the same for the same document. The chunks are those
/// of [`super::chunking::chunk`]; what one repeats of the one before it counts once. Linear in
/// their length, of which [`DOCUMENT_CHARS_MAX`] characters are looked at.
#[must_use]
pub fn extract(title: &str, chunks: &[String]) -> DocumentGraph {
    let sentences = read(chunks);
    let tokens: Vec<Vec<Token<'_>>> =
        sentences.iter().map(|sentence| tokens(&sentence.text)).collect();
    let document = Document { title, sentences: &sentences, tokens: &tokens };
    let statistics = statistics::Statistics::of(&document);
    let mut found = candidates::find(&document, &statistics);
    concepts::add(&document, &statistics, &mut found);
    let (entities, mentions) = mentions::choose(&document, found);
    let types: Vec<EntityType> = entities.iter().map(|entity| entity.entity_type).collect();
    let relations = relations::find(&document, &types, &mentions);
    DocumentGraph { entities, relations }
}

/// What is read of a document: its sentences and, beside each, its words.
struct Document<'a> {
    title: &'a str,
    sentences: &'a [Sentence],
    tokens: &'a [Vec<Token<'a>>],
}

impl<'a> Document<'a> {
    fn lines(&self) -> impl Iterator<Item = (&'a Sentence, &'a [Token<'a>])> + use<'a> {
        self.sentences.iter().zip(self.tokens.iter().map(Vec::as_slice))
    }
}

struct Sentence {
    text: String,
    is_heading: bool,
    chunk: u32,
}

fn read(chunks: &[String]) -> Vec<Sentence> {
    let mut reader = Reader::new(Code::Drop);
    let mut sentences = Vec::new();
    let mut before = "";
    let mut chars = 0;
    for (number, chunk) in (0..).zip(chunks) {
        if chars >= DOCUMENT_CHARS_MAX {
            break;
        }
        // A chunk that no rule of ours made may be longer than the whole.
        let end = chunk.char_indices().nth(DOCUMENT_CHARS_MAX).map_or(chunk.len(), |(at, _)| at);
        let repeated = overlap_bytes(before, chunk, ChunkRule::default());
        let part = chunk.get(repeated..end).unwrap_or_default();
        chars += part.chars().count();
        reader.for_each_sentence(part, |sentence| {
            let (text, is_heading) = (sentence.text, sentence.is_heading);
            sentences.push(Sentence { text, is_heading, chunk: number });
        });
        before = chunk;
    }
    sentences
}
