//! What any dialect may ask for, in neutral words and plain data. This is the boundary of the
//! engine: above it are wire formats, below it actors and tenants. It embeds text before it
//! bothers a tenant, and it knows no HTTP.

mod accounts;
pub mod admin;
mod chat;
mod conversation;
mod documents;
mod error;
mod goals;
mod memory;
pub mod people;
mod readiness;
mod tokens;

use crate::actors::Registry;
use crate::control::{ControlError, Directory};

pub use accounts::{AccountService, NewAccount};
pub use admin::AdminService;
pub use chat::{AnswerStream, ChatOrder, ChatService, ChatTrouble, ChosenModel, Passage};
pub use conversation::compute;
pub use documents::{DocumentService, Upload, UploadedFile};
pub use error::{ServiceError, SpentAllowance};
pub use goals::ModelSummariser;
pub use memory::{MemoryService, Scope};
pub use people::{GoalSummariser, NoSummariser, PeopleService, Person};
pub use readiness::Readiness;
pub use tokens::{count_tokens, count_tokens_behind, warm_up as warm_up_tokens};

pub use crate::actors::tenant::data::{
    Atom, AtomDeletion, AtomKind, ConditionOperator, ConsolidationReport, DayTokens, Depth,
    Document, Enrichment, FailureCause, FeedPage, FeedQuery, Feedback, FeedbackOutcome, FoundChunk,
    GraphEdge, GraphNode, GraphQuery, GraphView, IndexingState, IndexingStep, Ingested, Ingestion,
    KeptGraph, KnowledgeEdge, KnowledgeGraph, KnowledgeNode, Metadata, MetadataCondition, NewAtom,
    NewDocument, NewFragment, ReadQuery, ReadResult, RecallQuery, RecalledEntity, Recollection,
    RetrievalMode, RetrievedAtom, RevisionChain, Source, TenantStats, TimeWindow, WriteDecision,
    WriteOutcome, begins_with_label,
};

/// A change of the directory, made off the async threads: it blocks for its fsync.
async fn change<R: Send + 'static>(
    registry: &Registry,
    change: impl FnOnce(&Directory) -> Result<R, ControlError> + Send + 'static,
) -> Result<R, ServiceError> {
    let changed = registry.in_directory(change).await;
    changed.map_err(|error| ServiceError::from_actor(&error))
}
