//! Request bodies. Unknown fields are ignored.

use crate::api::validation::request;

request! {
    SignUpRequest {
        org_id,
        name,
    }
}

request! {
    ExchangeRequest {
        api_key,
        user_id,
        session_id,
    }
}

request! {
    RefreshRequest {
        refresh_token,
    }
}

request! {
    LoginRequest {
        org_id,
        user_id,
        session_id,
    }
}

request! {
    KeyRequest {
        name,
        scopes,
    }
}

request! {
    /// Whose memory; the same for ingestion and recall.
    ScopeObject {
        org_id,
        user_id,
        session_id,
    }
}

request! {
    IngestionRequest {
        scope,
        turns,
        options,
        metadata,
    }
}

request! {
    TurnRequest {
        role,
        text,
        timestamp,
        observations,
    }
}

request! {
    /// An observation that is no text.
    ObjectObservation {
        /// Spelled `type`.
        r#type,
        predicate,
        value,
    }
}

request! {
    IngestionOptions {
        write_active,
        write_passive,
    }
}

request! {
    RecallRequest {
        scope,
        q,
        mode,
        top_k,
        include_timeline,
    }
}
