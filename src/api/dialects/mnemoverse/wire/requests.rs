//! Request bodies. Unknown fields are ignored.

pub(crate) use crate::api::validation::Raw;
use crate::api::validation::request;

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
