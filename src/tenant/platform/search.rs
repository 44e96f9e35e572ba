//! Asking the messages.

use crate::engine::atom::{ReadQuery, ReadResult};
use crate::engine::metadata_filter::{ConditionOperator, MetadataCondition};
use crate::engine::platform::{FoundMessage, MessageQuery, SESSIONS_DOMAIN};
use crate::tenant::{Tenant, TenantError};

/// The key under which an atom says of which session it is.
const SESSION_KEY: &str = "session_id";

/// The question to atoms that a question to messages is.
#[must_use]
pub fn message_search(query: &MessageQuery) -> ReadQuery {
    let of_session = query.session_id.as_ref().map(|id| MetadataCondition {
        key: SESSION_KEY.to_owned(),
        operator: ConditionOperator::Eq,
        value: serde_json::Value::from(id.as_str()).to_string(),
    });
    ReadQuery {
        domains: Some(vec![SESSIONS_DOMAIN.to_owned()]),
        min_relevance: query.min_relevance,
        conditions: of_session.into_iter().collect(),
        ..ReadQuery::about(&query.text, query.top_k)
    }
}

impl Tenant {
    /// The messages among what was found. A caller may have put something else beside them.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn messages_among(&self, found: ReadResult) -> Result<Vec<FoundMessage>, TenantError> {
        let mut messages = Vec::with_capacity(found.items.len());
        for item in found.items {
            let message = self.message_of_atom(item.atom.id, item.atom.content)?;
            let relevance = item.relevance;
            messages.extend(message.map(|message| FoundMessage { message, relevance }));
        }
        Ok(messages)
    }
}
