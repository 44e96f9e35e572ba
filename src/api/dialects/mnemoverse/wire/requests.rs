//! Request bodies, each field still JSON text: `None` when absent, `null` when null. Fields are
//! looked at one by one later, so that every problem of a request is found, not the first.
//! Unknown fields are ignored; a known field that appears twice is an error of the whole body.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One field's text, without surrounding white space.
pub(crate) type Raw<'a> = Option<&'a RawValue>;

/// Keeps an explicit `null`, which `Option` alone would take for an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Raw<'de>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A body with these fields, each of them optional and kept as text.
macro_rules! request {
    ($(#[$about:meta])* $name:ident { $($(#[$about_field:meta])* $field:ident,)* }) => {
        $(#[$about])*
        #[derive(Deserialize)]
        pub(crate) struct $name<'a> {
            $(
                $(#[$about_field])*
                #[serde(borrow, default, deserialize_with = "present")]
                pub(crate) $field: Raw<'a>,
            )*
        }
    };
}

request! {
    /// A write, alone or as an item of a batch.
    BatchItem {
        content,
        concepts,
        domain,
        metadata,
        external_ref,
        fingerprint,
        supersedes,
    }
}

request! {
    WriteBatchRequest {
        items,
    }
}

request! {
    ReadRequest {
        query,
        top_k,
        domain,
        min_relevance,
        include_associations,
        concepts,
        fingerprint,
        order_by,
        since,
        until,
        exclude_author,
        include_history,
        diversity,
        strategy,
        /// This server's own: how similarity is computed.
        retrieval,
    }
}

request! {
    /// The value of `retrieval`.
    RetrievalOptions {
        mode,
    }
}

request! {
    ReadBatchRequest {
        queries,
    }
}

request! {
    ExternalRefRequest {
        external_ref,
    }
}

request! {
    /// What a query has besides the fields of a read.
    QueryRequest {
        domains,
        metadata_filter,
    }
}

request! {
    /// One entry of `metadata_filter`.
    FilterCondition {
        key,
        op,
        value,
    }
}

request! {
    FeedbackRequest {
        atom_ids,
        outcome,
        concepts,
        query_concepts,
        domain,
    }
}

request! {
    ConsolidateRequest {
        domain,
        /// This server's own: takes a consolidation back.
        undo,
    }
}

request! {
    RecentRequest {
        domain,
        since,
        until,
        exclude_author,
        limit,
        cursor,
        include_history,
    }
}

request! {
    GraphRequest {
        seeds,
        depth,
        limit,
        domain,
        min_weight,
    }
}

impl GraphRequest<'_> {
    /// The one request whose other fields are refused.
    pub(crate) const FIELDS: [&'static str; 5] =
        ["seeds", "depth", "limit", "domain", "min_weight"];
}
