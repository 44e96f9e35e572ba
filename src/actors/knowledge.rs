//! The knowledge graph of a tenant's documents: the parts are read page by page, merged outside of
//! the tenant, and kept by it until a document changes.

use std::sync::Arc;

use super::error::ActorError;
use super::registry::Registry;
use super::tenant::data::KeptGraph;
use super::tenant::documents::{FindKeptGraph, KeepGraph, ReadGraphPage};
use crate::engine::knowledge::{GraphLimits, GraphMerger};
use crate::types::{Deadline, TenantId};

/// Nodes and edges of a graph that is shown.
const LIMITS: GraphLimits = GraphLimits { nodes_max: 100, edges_max: 150 };

/// A graph during whose merging documents change is merged so often before the caller is told to
/// come again.
const MERGES_MAX: usize = 8;

/// A tenant's graph, and whether it was there already.
///
/// # Errors
/// As [`Registry::call`]; [`ActorError::Busy`] when documents change without a pause.
pub async fn knowledge_graph(
    registry: &Arc<Registry>,
    tenant: TenantId,
    deadline: Deadline,
) -> Result<(KeptGraph, bool), ActorError> {
    if let Some(kept) = registry.call(tenant, FindKeptGraph, deadline).await? {
        return Ok((kept, true));
    }
    for _ in 0..MERGES_MAX {
        if let Some(merged) = merge(registry, tenant, deadline).await? {
            return Ok((merged, false));
        }
    }
    Err(ActorError::Busy)
}

/// `None` when a document changed on the way.
async fn merge(
    registry: &Arc<Registry>,
    tenant: TenantId,
    deadline: Deadline,
) -> Result<Option<KeptGraph>, ActorError> {
    let (mut parts, mut after, mut version) = (Vec::new(), None, None);
    loop {
        let page = registry.call(tenant, ReadGraphPage { after }, deadline).await?;
        if *version.get_or_insert(page.version) != page.version {
            return Ok(None);
        }
        parts.extend(page.parts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let merged = tokio::task::spawn_blocking(move || {
        let mut merger = GraphMerger::new();
        for (document, part) in parts {
            merger.add(document, &part);
        }
        merger.finish(LIMITS)
    });
    let graph = merged.await.map_err(|_| ActorError::Crashed)?;
    let version = version.unwrap_or_default();
    registry.call(tenant, KeepGraph { graph, version }, deadline).await
}
