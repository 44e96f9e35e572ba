//! The graph of knowledge as it is shown.

use super::super::wire::{EdgeBody, GraphMetadata, GraphResponse, LinkBody, NodeBody};
use crate::service::{KeptGraph, KnowledgeNode};

/// How large a node is drawn: a document, and everything else.
const DOCUMENT_VAL: u8 = 8;
const ENTITY_VAL: u8 = 5;

pub(in super::super) fn graph_response(kept: &KeptGraph, is_cached: bool) -> GraphResponse<'_> {
    let (nodes, edges) = (&kept.graph.nodes, &kept.graph.edges);
    GraphResponse {
        nodes: nodes.iter().map(node_body).collect(),
        edges: edges
            .iter()
            .map(|edge| EdgeBody {
                source: &edge.source,
                target: &edge.target,
                edge_type: &edge.relation_type,
                strength: edge.strength,
                relation: &edge.verb,
            })
            .collect(),
        links: edges
            .iter()
            .map(|edge| LinkBody {
                source: &edge.source,
                target: &edge.target,
                relation: &edge.verb,
            })
            .collect(),
        metadata: GraphMetadata {
            node_count: nodes.len(),
            edge_count: edges.len(),
            cached: is_cached,
            generated_at: kept.generated_at.as_millis(),
            cache_hit: is_cached.then_some(true),
        },
    }
}

fn node_body(node: &KnowledgeNode) -> NodeBody<'_> {
    NodeBody {
        id: &node.id,
        label: &node.label,
        node_type: &node.node_type,
        document_ids: &node.document_ids,
        group: capitalised(&node.node_type),
        val: if node.is_document { DOCUMENT_VAL } else { ENTITY_VAL },
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>());
    first.unwrap_or_default() + chars.as_str()
}
