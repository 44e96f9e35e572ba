//! What any dialect may ask for, in neutral words and plain data. This is the boundary of the
//! engine: above it are wire formats, below it actors and tenants. It embeds text before it
//! bothers a tenant, and it knows no HTTP.

mod accounts;
pub mod admin;
mod chat;
mod conversation;
mod documents;
mod error;
mod facts;
mod goals;
mod incoming;
pub mod management;
mod memory;
pub mod people;
mod platform;
mod readiness;
mod tenants;
mod tokens;
mod webhooks;

use crate::actors::Registry;
use crate::control::{ControlError, Directory};

pub use accounts::{AccountService, NewAccount};
pub use admin::AdminService;
pub use chat::{AnswerStream, ChatOrder, ChatService, ChatTrouble, ChosenModel, Passage};
pub use conversation::compute;
pub use documents::{DocumentService, Upload, UploadedFile};
pub use error::{ServiceError, SpentAllowance};
pub use facts::{FactService, OntologyRefusal, Taken};
pub use goals::ModelSummariser;
pub use incoming::{ConfiguredSource, IncomingService, Recipient};
pub use management::ManagementService;
pub use memory::{MemoryService, Scope};
pub use people::{GoalSummariser, NoSummariser, PeopleService, Person};
pub use platform::PlatformService;
pub use readiness::Readiness;
pub use tenants::TenantOrder;
pub use tokens::{count_tokens, count_tokens_behind, warm_up as warm_up_tokens};
pub use webhooks::{NewWebhook, WebhookService};

pub use crate::actors::tenant::data::{
    Actor, ActorChange, ActorFilter, ActorKey, ActorKind, ActorRef, Agent, AgentChange,
    AgentFilter, Atom, AtomDeletion, AtomKind, Attachment, CategoryView, Collection,
    ConditionOperator, ConsolidationReport, Cursor, DayTokens, DeadMessage, Depth, Document,
    Enrichment, Entities, EntityContext, EntityDetail, EntityPage, EntityRelation, EntitySummary,
    Event, EventFilter, EventKind, FactQuery, FailureCause, FeedPage, FeedQuery, Feedback,
    FeedbackOutcome, File, FileFilter, FileLink, FileLinkFilter, FilePurpose, Forgotten,
    FoundChunk, FoundFact, FoundMessage, GraphEdge, GraphNode, GraphQuery, GraphView,
    ImportanceLevel, IndexingState, IndexingStep, Ingested, Ingestion, Kept, KeptGraph,
    KnowledgeEdge, KnowledgeGraph, KnowledgeNode, ListOrder, Message, MessageFilter, MessageKind,
    MessageQuery, Metadata, MetadataCondition, NewActor, NewAgent, NewAtom, NewDocument, NewEvent,
    NewFile, NewFileLink, NewFragment, NewMessage, NewResource, NewSession, NewThread, NoticeKind,
    OntologyProblem, Page, PageRequest, Participant, ParticipantRole, ReadQuery, ReadResult,
    RecallQuery, RecalledEntity, Recollection, RecordFilter, RecordPage, RecordStatus, Refusal,
    ResourceKind, ResourceState, ResourceStatus, RetrievalMode, Retrieved, RetrievedAtom,
    RevisionChain, Session, SessionChange, SessionFilter, Source, SuggestedEntity, TenantStats,
    Thread, ThreadChange, ThreadFilter, ThreadPlace, TimeRange, TimeWindow, Webhook, WebhookStatus,
    Within, WriteDecision, WriteOutcome, begins_with_label, fact_name, resource_name,
    resource_named,
};
pub use crate::actors::tenant::platform::files::OpenedFile;

/// A change of the directory, made off the async threads: it blocks for its fsync.
async fn change<R: Send + 'static>(
    registry: &Registry,
    change: impl FnOnce(&Directory) -> Result<R, ControlError> + Send + 'static,
) -> Result<R, ServiceError> {
    let changed = registry.in_directory(change).await;
    changed.map_err(|error| ServiceError::from_actor(&error))
}
