//! Bodies as the published dialect has them, odd spellings and repeated members included. Nothing
//! in here leaves the folder.

mod incoming;
mod requests;
mod responses;

pub(super) use incoming::{
    ChallengeResponse, DeliveryRequest, DeliveryResponse, MappingRequest, MappingResponse,
    SourceRemoved, SourceRequest, SourceResponse,
};
pub(super) use requests::{
    EntityRequest, EventRequest, ForgetRequest, MemorizeRequest, NamedApp, RetrieveRequest,
    WebhookRequest,
};
pub(super) use responses::{
    CategoriesResponse, CategoryBody, ContextCategory, ContextResponse, DeletedCounts,
    Dependencies, EntitiesResponse, EntityBody, EntityListed, EntityResponse, EventResponse,
    ForgetResponse, FoundEntity, GraphEntity, GraphRelationship, HealthResponse, ItemBody,
    MemorizeResponse, MentionBody, NamedCategories, NamedCategory, OlderRetrieveResponse, Page,
    Pagination, Properties, RelationshipBody, RetrieveResponse, StatusResponse, Summaries,
    TargetBody, Time, WebhookResponse,
};
