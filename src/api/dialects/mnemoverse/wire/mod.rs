//! The dialect's bodies exactly as its published reference has them. Nothing here leaves the
//! folder, and nothing here decides.

mod requests;
mod responses;

pub(crate) use requests::{
    BatchItem, ExternalRefRequest, Raw, ReadBatchRequest, ReadRequest, RetrievalOptions,
    WriteBatchRequest,
};
pub(crate) use responses::{
    AtomEnvelope, BatchResult, DeleteResponse, DomainsResponse, HealthResponse, MemoryItem,
    ReadBatchResponse, ReadResponse, ReadyChecks, ReadyResponse, StatsResponse, WriteBatchResponse,
    WriteResponse,
};
