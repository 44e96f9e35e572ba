//! One graph of many documents. What is asked for is small, so it is put together anew from the
//! graphs of the documents: a document that is gone simply is not added.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{DocumentGraph, EntityType, RELATES_TO, fold_name, relation_type};
use crate::types::Timestamp;

/// What begins the id of a document's own node.
const DOCUMENT_ID_BEGINNING: &str = "DOC:";
/// The type of a document's own node.
const DOCUMENT_TYPE: &str = "document";
/// The verb, and type, of the edges from a document to its first entities.
const MENTIONS: &str = "mentions";
/// Entities that a document's own node is joined to.
const MENTIONED_ENTITIES: usize = 3;

/// A document of a merged graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRef {
    /// Told from every other document's.
    pub id: String,
    pub title: String,
    pub uploaded_at: Timestamp,
}

/// How much of a merged graph is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphLimits {
    pub nodes_max: usize,
    pub edges_max: usize,
}

impl Default for GraphLimits {
    fn default() -> Self {
        Self { nodes_max: 100, edges_max: 150 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeNode {
    /// The most frequent spelling of an entity's name, or `DOC:` and a document's id.
    pub id: String,
    pub label: String,
    pub node_type: String,
    /// Documents that mention it, in order.
    pub document_ids: Vec<String>,
    pub is_document: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct KnowledgeEdge {
    /// Id of a node of the same answer, as is the target.
    pub source: String,
    pub target: String,
    pub verb: String,
    /// The verb as [`relation_type`] writes it.
    pub relation_type: String,
    /// Chunks that support it, over all documents.
    pub chunks: u32,
    /// chunks / (chunks + 1), so above 0 and below 1.
    pub strength: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnowledgeGraph {
    /// In the order of their ids.
    pub nodes: Vec<KnowledgeNode>,
    /// In the order of source, relation and target.
    pub edges: Vec<KnowledgeEdge>,
}

/// Collects the graphs of documents. Their order changes nothing.
#[derive(Debug, Default)]
pub struct GraphMerger {
    /// By folded name.
    entities: BTreeMap<String, MergedEntity>,
    /// By folded source, relation and folded target.
    relations: BTreeMap<(String, String, String), MergedRelation>,
    /// By id.
    documents: BTreeMap<String, MergedDocument>,
}

#[derive(Debug, Default)]
struct MergedEntity {
    spellings: BTreeMap<String, u64>,
    /// Documents, then chunks, that take it for each type.
    types: BTreeMap<EntityType, (u32, u64)>,
    documents: BTreeSet<String>,
    chunks: u64,
}

#[derive(Debug, Default)]
struct MergedRelation {
    verbs: BTreeMap<String, u32>,
    chunks: u32,
}

#[derive(Debug)]
struct MergedDocument {
    title: String,
    uploaded_at: Timestamp,
    /// Folded names of its first entities, with the chunks that mention them.
    mentioned: Vec<(String, u32)>,
}

impl GraphMerger {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document; one without entities leaves no trace, nor does an id that is there.
    pub fn add(&mut self, document: DocumentRef, graph: &DocumentGraph) {
        if self.documents.contains_key(&document.id) {
            return;
        }
        let folded: Vec<String> =
            graph.entities.iter().map(|entity| fold_name(&entity.name)).collect();
        let mut mentioned: Vec<(String, u32)> = Vec::new();
        for (entity, folded) in graph.entities.iter().zip(&folded) {
            if folded.is_empty() || entity.name.starts_with(DOCUMENT_ID_BEGINNING) {
                continue;
            }
            let merged = self.entities.entry(folded.clone()).or_default();
            *merged.spellings.entry(entity.name.clone()).or_default() += u64::from(entity.chunks);
            let (documents, chunks) = merged.types.entry(entity.entity_type).or_default();
            *documents += 1;
            *chunks += u64::from(entity.chunks);
            merged.documents.insert(document.id.clone());
            merged.chunks += u64::from(entity.chunks);
            if mentioned.len() < MENTIONED_ENTITIES && !mentioned.iter().any(|(n, _)| n == folded) {
                mentioned.push((folded.clone(), entity.chunks.max(1)));
            }
        }
        for relation in &graph.relations {
            let name = |index: u32| usize::try_from(index).ok().and_then(|at| folded.get(at));
            let (Some(source), Some(target)) = (name(relation.source), name(relation.target))
            else {
                continue;
            };
            if source == target {
                continue;
            }
            let relation_type = relation_type(&relation.verb);
            // Being in one sentence has no direction.
            let is_mutual = relation.verb == RELATES_TO && target < source;
            let (source, target) = if is_mutual { (target, source) } else { (source, target) };
            let key = (source.clone(), relation_type, target.clone());
            let merged = self.relations.entry(key).or_default();
            let verb = merged.verbs.entry(relation.verb.clone()).or_default();
            *verb = verb.saturating_add(relation.chunks);
            merged.chunks = merged.chunks.saturating_add(relation.chunks);
        }
        if !mentioned.is_empty() {
            let DocumentRef { id, title, uploaded_at } = document;
            self.documents.insert(id, MergedDocument { title, uploaded_at, mentioned });
        }
    }

    /// The graph within the limits: the entities that most documents and chunks mention, the
    /// newest documents in at most a third of the places that entities could take, and between
    /// them the edges that most chunks support.
    #[must_use]
    pub fn finish(self, limits: GraphLimits) -> KnowledgeGraph {
        let documents_max = (limits.nodes_max / 3)
            .max(limits.nodes_max.saturating_sub(self.entities.len()))
            .min(self.documents.len());
        let mut entities: Vec<(&String, &MergedEntity)> = self.entities.iter().collect();
        entities.sort_by_key(|(folded, entity)| {
            (Reverse(entity.documents.len()), Reverse(entity.chunks), *folded)
        });
        entities.truncate(limits.nodes_max - documents_max);
        let mut documents: Vec<(&String, &MergedDocument)> = self.documents.iter().collect();
        documents.sort_by_key(|(id, document)| (Reverse(document.uploaded_at), *id));
        documents.truncate(documents_max);

        let mut nodes: Vec<KnowledgeNode> = Vec::new();
        let mut ids: BTreeMap<&str, String> = BTreeMap::new();
        for (folded, entity) in entities {
            let id = entity.label();
            ids.insert(folded, id.clone());
            nodes.push(KnowledgeNode {
                label: id.clone(),
                id,
                node_type: entity.entity_type().as_str().to_owned(),
                document_ids: entity.documents.iter().cloned().collect(),
                is_document: false,
            });
        }
        let mut edges: Vec<KnowledgeEdge> = Vec::new();
        for (id, document) in documents {
            let node_id = format!("{DOCUMENT_ID_BEGINNING}{id}");
            for (folded, chunks) in &document.mentioned {
                if let Some(target) = ids.get(folded.as_str()) {
                    edges.push(edge(&node_id, MENTIONS, MENTIONS, target, *chunks));
                }
            }
            nodes.push(KnowledgeNode {
                id: node_id,
                label: document.title.clone(),
                node_type: DOCUMENT_TYPE.to_owned(),
                document_ids: vec![id.clone()],
                is_document: true,
            });
        }
        for ((source, relation, target), merged) in &self.relations {
            if let (Some(source), Some(target)) =
                (ids.get(source.as_str()), ids.get(target.as_str()))
            {
                edges.push(edge(source, merged.verb(), relation, target, merged.chunks));
            }
        }
        let order = |a: &KnowledgeEdge, b: &KnowledgeEdge| {
            let key = |edge: &KnowledgeEdge| {
                (edge.source.clone(), edge.relation_type.clone(), edge.target.clone())
            };
            key(a).cmp(&key(b))
        };
        edges.sort_by(|a, b| b.chunks.cmp(&a.chunks).then_with(|| order(a, b)));
        edges.truncate(limits.edges_max);
        edges.sort_by(order);
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        KnowledgeGraph { nodes, edges }
    }
}

fn edge(source: &str, verb: &str, relation: &str, target: &str, chunks: u32) -> KnowledgeEdge {
    let supporting = f64::from(chunks.max(1));
    KnowledgeEdge {
        source: source.to_owned(),
        target: target.to_owned(),
        verb: verb.to_owned(),
        relation_type: relation.to_owned(),
        chunks: chunks.max(1),
        strength: supporting / (supporting + 1.0),
    }
}

impl MergedEntity {
    /// The most frequent spelling; of several the first in order.
    fn label(&self) -> String {
        let best = self.spellings.iter().min_by_key(|(name, chunks)| (Reverse(**chunks), *name));
        best.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn entity_type(&self) -> EntityType {
        let best =
            self.types.iter().min_by_key(|(entity_type, count)| (Reverse(**count), **entity_type));
        best.map_or(EntityType::Concept, |(entity_type, _)| *entity_type)
    }
}

impl MergedRelation {
    fn verb(&self) -> &str {
        let best = self.verbs.iter().min_by_key(|(verb, chunks)| (Reverse(**chunks), *verb));
        best.map_or(RELATES_TO, |(verb, _)| verb.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::knowledge::{DocumentEntity, DocumentRelation};
    use proptest::prelude::*;

    fn entity(name: &str, entity_type: EntityType, chunks: u32) -> DocumentEntity {
        DocumentEntity { name: name.to_owned(), entity_type, summary: String::new(), chunks }
    }

    fn relation(source: u32, verb: &str, target: u32, chunks: u32) -> DocumentRelation {
        DocumentRelation { source, target, verb: verb.to_owned(), chunks }
    }

    fn document(id: &str, second: i64) -> DocumentRef {
        let uploaded_at = Timestamp::from_micros(second * 1_000_000);
        DocumentRef { id: id.to_owned(), title: format!("Title of {id}"), uploaded_at }
    }

    fn merged(documents: &[(DocumentRef, DocumentGraph)], limits: GraphLimits) -> KnowledgeGraph {
        let mut merger = GraphMerger::new();
        for (document, graph) in documents {
            merger.add(document.clone(), graph);
        }
        merger.finish(limits)
    }

    fn two_documents() -> Vec<(DocumentRef, DocumentGraph)> {
        let one = DocumentGraph {
            entities: vec![
                entity("hebbd", EntityType::Technology, 3),
                entity("Sled", EntityType::Concept, 1),
            ],
            relations: vec![relation(0, "is built on", 1, 2)],
        };
        let two = DocumentGraph {
            entities: vec![
                entity("sled", EntityType::Technology, 2),
                entity("Hebbd", EntityType::Technology, 1),
            ],
            relations: vec![relation(1, "was built on", 0, 1)],
        };
        vec![(document("a", 1), one), (document("b", 2), two)]
    }

    #[test]
    fn documents_share_nodes_by_folded_name_and_edges_by_relation_type() {
        let graph = merged(&two_documents(), GraphLimits::default());
        let ids: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids, ["DOC:a", "DOC:b", "hebbd", "sled"]);
        assert_eq!(graph.nodes[3].document_ids, ["a", "b"]);
        assert_eq!(graph.nodes[3].node_type, "technology");
        assert_eq!(graph.nodes[0].label, "Title of a");
        assert!(graph.nodes[0].is_document && graph.nodes[0].node_type == "document");
        let built = graph.edges.iter().find(|edge| edge.source == "hebbd").unwrap();
        assert_eq!((built.relation_type.as_str(), built.target.as_str()), ("built_on", "sled"));
        assert_eq!((built.verb.as_str(), built.chunks), ("is built on", 3));
        assert!((built.strength - 0.75).abs() < 1e-12);
        assert_eq!(graph.edges.len(), 5, "four mentions beside it");
    }

    #[test]
    fn a_document_without_entities_has_no_node_and_one_that_is_gone_leaves_nothing() {
        let mut documents = two_documents();
        documents.push((document("c", 3), DocumentGraph::default()));
        let graph = merged(&documents[1..], GraphLimits::default());
        assert_eq!(graph.nodes.len(), 3);
        assert!(graph.nodes.iter().all(|node| node.document_ids == ["b"]));
        assert_eq!(merged(&[], GraphLimits::default()), KnowledgeGraph::default());
    }

    #[test]
    fn within_the_limits_the_best_supported_and_the_newest_are_kept() {
        let limits = GraphLimits { nodes_max: 3, edges_max: 1 };
        let graph = merged(&two_documents(), limits);
        let ids: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids, ["DOC:b", "hebbd", "sled"]);
        assert_eq!(graph.edges.len(), 1);
        assert_eq!(graph.edges[0].chunks, 3);
        let none = merged(&two_documents(), GraphLimits { nodes_max: 0, edges_max: 0 });
        assert_eq!(none, KnowledgeGraph::default());
    }

    #[test]
    fn sharing_a_sentence_joins_two_entities_once_whichever_comes_first() {
        let graph = |source, target| DocumentGraph {
            entities: vec![
                entity("Kafka", EntityType::Technology, 1),
                entity("Redis", EntityType::Technology, 1),
            ],
            relations: vec![relation(source, RELATES_TO, target, 1)],
        };
        let documents = [(document("a", 1), graph(0, 1)), (document("b", 2), graph(1, 0))];
        let graph = merged(&documents, GraphLimits::default());
        let related = graph.edges.iter().filter(|edge| edge.verb == RELATES_TO);
        let related: Vec<(&str, u32)> = related.map(|e| (e.source.as_str(), e.chunks)).collect();
        assert_eq!(related, [("Kafka", 2)]);
    }

    fn any_documents() -> impl Strategy<Value = Vec<(DocumentRef, DocumentGraph)>> {
        let name = prop_oneof!["[a-cA-C]{1,2}", Just("DOC:a".to_owned()), Just(" é".to_owned())];
        let entity = (name, 0..6_usize, 0..4_u32)
            .prop_map(|(name, kind, chunks)| entity(&name, EntityType::ALL[kind], chunks));
        let verb = prop_oneof![Just("uses"), Just("is built on"), Just("was built on")];
        let relation =
            (0..7_u32, verb, 0..7_u32, 0..4_u32).prop_map(|(s, v, t, c)| relation(s, v, t, c));
        let graph =
            (proptest::collection::vec(entity, 0..6), proptest::collection::vec(relation, 0..8))
                .prop_map(|(entities, relations)| DocumentGraph { entities, relations });
        proptest::collection::vec((0..3_i64, graph), 0..8).prop_map(|list| {
            let numbered = list.into_iter().enumerate();
            numbered
                .map(|(n, (second, graph))| (document(&format!("d{n}"), second), graph))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_documents_changes_nothing_and_every_edge_ends_at_nodes(
            documents in any_documents(),
            nodes_max in 0..12_usize,
            edges_max in 0..12_usize,
            turn in 0..8_usize,
        ) {
            let limits = GraphLimits { nodes_max, edges_max };
            let graph = merged(&documents, limits);
            let mut other = documents.clone();
            other.rotate_left(turn.min(documents.len()));
            other.reverse();
            prop_assert_eq!(&graph, &merged(&other, limits));
            prop_assert!(graph.nodes.len() <= nodes_max && graph.edges.len() <= edges_max);
            prop_assert!(graph.nodes.is_sorted_by(|a, b| a.id < b.id));
            for edge in &graph.edges {
                for end in [&edge.source, &edge.target] {
                    prop_assert!(graph.nodes.iter().any(|node| node.id == *end));
                }
                prop_assert!(edge.strength > 0.0 && edge.strength < 1.0);
            }
            prop_assert!(graph.nodes.iter().all(|node| !node.document_ids.is_empty()));
        }
    }
}
