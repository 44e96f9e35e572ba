//! From the wire to the service's words and back. Nothing here decides anything about memory.

mod categories;
mod deliveries;
mod entities;
mod events;
mod fields;
mod forgetting;
mod memorizing;
mod paging;
mod path;
mod registration;
mod retrieval;
mod sources;

use crate::api::validation::Raw;

use super::error::ApiError;

pub(super) use categories::{
    categories_page, context, listed as listed_categories, named_categories,
};
pub(super) use deliveries::{Delivered, Envelope, custom_request, delivered, delivery_response};
pub(super) use entities::{entities_page, entity, listed as listed_entities};
pub(super) use events::{event_request, event_response};
pub(super) use forgetting::{forget_request, forget_response};
pub(super) use memorizing::{memorize_request, memorize_response, status_response};
pub(super) use paging::{PageQuery, page_query};
pub(super) use path::{app_in, entity_in, resource_in, user_in_query, users_place};
pub(super) use registration::{domain_config_request, webhook_request, webhook_response};
pub(super) use retrieval::{older_retrieve_response, retrieve_request, retrieve_response};
pub(super) use sources::{source_request, source_response};

/// Which of the two clients a body comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// The documented one, which names its app.
    Documented,
    /// The older one, which leaves that to the key.
    Older,
}

impl Client {
    /// The app that is named.
    fn app_id(self, raw: Raw<'_>) -> Result<Option<String>, ApiError> {
        match self {
            Self::Documented => fields::name("appId", fields::required("appId", raw)?).map(Some),
            Self::Older => fields::optional_name("appId", raw),
        }
    }
}
