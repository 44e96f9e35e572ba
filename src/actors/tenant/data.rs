//! The data types that travel in commands and replies, and what of a text is to be embedded,
//! under one name for the layers above.

pub use crate::engine::answer::{Passage as Cited, quotes, summary};
pub use crate::engine::atom::{
    Atom, AtomDeletion, AtomKind, ConsolidationReport, Depth, Enrichment, FeedPage, FeedQuery,
    GraphEdge, GraphNode, GraphQuery, GraphView, Metadata, NewAtom, ReadQuery, ReadResult,
    RetrievalMode, RetrievedAtom, RevisionChain, Source, TenantStats, TimeWindow, WriteDecision,
    WriteOutcome,
};
pub use crate::engine::documents::{
    DOCUMENTS_DOMAIN, Document, FailureCause, IndexingProgress, IndexingState, IndexingStep,
    NewDocument,
};
pub use crate::engine::feedback::{Feedback, FeedbackOutcome};
pub use crate::engine::knowledge::{KnowledgeEdge, KnowledgeGraph, KnowledgeNode};
pub use crate::engine::metadata_filter::{ConditionOperator, MetadataCondition};
pub use crate::engine::notices::{DeadMessage, NoticeKind, Webhook, WebhookStatus};
pub use crate::engine::ontology::OntologyProblem;
pub use crate::engine::paging::{Cursor, ListOrder, Page, PageRequest, Walk, page};
pub use crate::engine::platform::{
    Actor, ActorChange, ActorFilter, ActorKey, ActorKind, ActorRef, Agent, AgentChange,
    AgentFilter, Attachment, Collection, Event, EventFilter, EventKind, File, FileFilter, FileLink,
    FileLinkFilter, FilePurpose, FoundMessage, Kept, Message, MessageFilter, MessageKind,
    MessageQuery, NewActor, NewAgent, NewFile, NewFileLink, NewMessage, NewSession, NewThread,
    Participant, ParticipantRole, RecordFilter, RecordPage, RecordStatus, Refusal, SESSIONS_DOMAIN,
    Session, SessionChange, SessionFilter, Thread, ThreadChange, ThreadFilter, ThreadPlace,
    TimeRange, Within,
};
pub use crate::engine::prepared::PreparedAtom;
pub use crate::engine::recollection::{
    Ingested, Ingestion, NewFragment, RecallQuery, RecalledEntity, Recollection,
};
pub use crate::engine::resources::{ImportanceLevel, ResourceKind, ResourceState, SuggestedEntity};
pub use crate::engine::subjects::{
    CategoryView, Entities, EntityContext, EntityDetail, EntityPage, EntityRelation, EntitySummary,
    FactQuery, Forgotten, FoundFact, NewEvent, NewResource, ResourceContent, ResourceStatus,
    Retrieved, fact_name, resource_name, resource_named,
};
pub use crate::tenant::{
    DayTokens, DocumentLimits, FoundChunk, KeptGraph, PreparedFragment, TokenAllowance,
};

use crate::engine::text;

/// Bytes of a text that its vector stands for, some 5,000 words: the mean over more of them says
/// nothing more, and endpoints refuse longer texts.
const EMBEDDED_BYTES_MAX: usize = 32 * 1024;

/// The part of a content that its vector stands for: without a leading `[date]` and `Speaker:`,
/// and of a long one its beginning.
#[must_use]
pub fn embedded_part(content: &str) -> &str {
    text::looked_at(text::split_head(content).body, EMBEDDED_BYTES_MAX)
}

/// Whether a text says itself who speaks, as `Caroline: hi` does.
#[must_use]
pub fn begins_with_label(text: &str) -> bool {
    text::split_head(text).label.is_some()
}

/// Bytes of a question that are looked at. Its first 64 terms are looked up, so words beyond it
/// hardly matter.
const ASKED_BYTES_MAX: usize = 8 * 1024;

/// The part of a question that is asked.
#[must_use]
pub fn asked_part(question: &str) -> &str {
    text::looked_at(question, ASKED_BYTES_MAX)
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
