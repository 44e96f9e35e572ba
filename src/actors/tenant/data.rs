//! The data types that travel in commands and replies, and what of a text is to be embedded,
//! under one name for the layers above.

pub use crate::engine::atom::{
    Atom, AtomDeletion, AtomKind, ConsolidationReport, Depth, FeedPage, FeedQuery, GraphEdge,
    GraphNode, GraphQuery, GraphView, Metadata, NewAtom, ReadQuery, ReadResult, RetrievalMode,
    RetrievedAtom, RevisionChain, Source, TenantStats, TimeWindow, WriteDecision, WriteOutcome,
};
pub use crate::engine::feedback::{Feedback, FeedbackOutcome};
pub use crate::engine::metadata_filter::{ConditionOperator, MetadataCondition};

use crate::engine::text;

/// The part of a content that its vector stands for: without a leading `[date]` and `Speaker:`.
#[must_use]
pub fn embedded_part(content: &str) -> &str {
    text::split_head(content).body
}

/// The distinct words of a question and its hints whose directions the tenant may ask for.
#[must_use]
pub fn query_words(question: &str, hints: &[String]) -> Vec<String> {
    let mut found = text::words(question);
    found.extend(hints.iter().flat_map(|hint| text::words(hint)));
    found.sort_unstable();
    found.dedup();
    found
}
