//! The dialect's bodies exactly as its contract has them. Nothing here leaves the folder, and
//! nothing here decides.

mod requests;
mod responses;

pub(crate) use requests::{
    ExchangeRequest, IngestionOptions, IngestionRequest, KeyRequest, LoginRequest,
    ObjectObservation, RecallRequest, RefreshRequest, ScopeObject, SignUpRequest, TurnRequest,
};
pub(crate) use responses::{
    Act, ApiKey, CreatedKey, Entity, Hit, Hits, IngestionResponse, Kind, MeResponse,
    RecallResponse, SignUpResponse, SummaryResponse, TodayResponse, TokensResponse, Usage,
    VerifiedTenant, VerifyResponse,
};
