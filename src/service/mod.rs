//! What any dialect may ask for, in neutral words and plain data. This is the boundary of the
//! engine: above it are wire formats, below it actors and tenants. It embeds text before it
//! bothers a tenant, and it knows no HTTP.

pub mod admin;
mod error;
mod memory;
mod readiness;

pub use admin::AdminService;
pub use error::ServiceError;
pub use memory::{MemoryService, Scope};
pub use readiness::Readiness;

pub use crate::actors::tenant::data::{
    Atom, AtomDeletion, AtomKind, ConditionOperator, ConsolidationReport, Depth, FeedPage,
    FeedQuery, Feedback, FeedbackOutcome, GraphEdge, GraphNode, GraphQuery, GraphView, Metadata,
    MetadataCondition, NewAtom, ReadQuery, ReadResult, RetrievalMode, RetrievedAtom, RevisionChain,
    Source, TenantStats, TimeWindow, WriteDecision, WriteOutcome,
};
