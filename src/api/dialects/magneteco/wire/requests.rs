//! What clients send, each field still the text it was sent as.

use crate::api::validation::request;

request! {
    #[serde(rename_all = "camelCase")]
    MemorizeRequest {
        app_id,
        user_id,
        content,
        content_type,
        thread_id,
        metadata,
    }
}

request! {
    #[serde(rename_all = "camelCase")]
    EventRequest {
        app_id,
        user_id,
        event_type,
        source,
        timestamp,
        data,
        suggested_category,
        suggested_entities,
        importance,
    }
}

request! {
    /// One of the suggested entities.
    EntityRequest {
        name,
        #[serde(rename = "type")]
        entity_type,
    }
}

request! {
    #[serde(rename_all = "camelCase")]
    RetrieveRequest {
        app_id,
        user_id,
        query,
        max_tokens,
        include_graph,
        categories,
        time_decay_days,
        min_confidence,
    }
}

request! {
    #[serde(rename_all = "camelCase")]
    ForgetRequest {
        app_id,
        user_id,
        category,
        confirm,
    }
}

request! {
    #[serde(rename_all = "camelCase")]
    WebhookRequest {
        app_id,
        url,
        events,
        secret,
    }
}

request! {
    /// What of a domain configuration is not about memory.
    #[serde(rename_all = "camelCase")]
    NamedApp {
        app_id,
    }
}
