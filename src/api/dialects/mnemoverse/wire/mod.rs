//! The dialect's bodies exactly as its published reference has them. Nothing here leaves the
//! folder, and nothing here decides.

mod requests;
mod responses;

pub(crate) use requests::{
    BatchItem, ConsolidateRequest, ExternalRefRequest, FeedbackRequest, FilterCondition,
    GraphRequest, QueryRequest, Raw, ReadBatchRequest, ReadRequest, RecentRequest,
    RetrievalOptions, WriteBatchRequest,
};
pub(crate) use responses::{
    AtomEnvelope, BatchResult, ChainResponse, ConsolidateResponse, DeleteDomainResponse,
    DeleteResponse, DomainsResponse, FeedbackResponse, GraphEdge, GraphNode, GraphResponse,
    HealthResponse, MemoryItem, ReadBatchResponse, ReadResponse, ReadyChecks, ReadyResponse,
    RecentItem, RecentResponse, ResetResponse, SecretsResponse, StatsResponse,
    UndoConsolidationResponse, WriteBatchResponse, WriteResponse,
};
