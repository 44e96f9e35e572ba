//! What somebody else says of a document's entities and relations, held against its text: names
//! that no chunk holds are dropped, the rest is bounded and counted as what is found by rules is.

use rustc_hash::FxHashMap;

use super::{
    DocumentEntity, DocumentGraph, DocumentRelation, ENTITIES_MAX, EntityType, NAME_CHARS_MAX,
    RELATES_TO, RELATIONS_MAX, SUMMARY_CHARS_MAX, fold_name, relation_type,
};

/// An entity as it was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEntity {
    pub name: String,
    /// Any word; an unknown one is a concept.
    pub entity_type: String,
    pub summary: String,
}

/// A relation as it was claimed, between entities by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedRelation {
    pub source: String,
    pub target: String,
    pub verb: String,
}

/// The graph of a document from claims about it. What is claimed of a name that the document does
/// not hold is not believed. O(claims x text).
#[must_use]
pub fn from_claims(
    entities: &[ClaimedEntity],
    relations: &[ClaimedRelation],
    chunks: &[String],
) -> DocumentGraph {
    let folded: Vec<String> = chunks.iter().map(|chunk| fold_name(chunk)).collect();
    let mut graph = DocumentGraph::default();
    let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
    for claim in entities {
        let key = fold_name(&claim.name);
        let name = claim.name.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_name = !key.is_empty() && name.chars().count() <= NAME_CHARS_MAX;
        let chunks = count(&folded, |chunk| chunk.contains(&key));
        let number = u32::try_from(graph.entities.len()).unwrap_or(u32::MAX);
        if !is_name || chunks == 0 || numbers.contains_key(&key) {
            continue;
        }
        if graph.entities.len() >= ENTITIES_MAX {
            break;
        }
        numbers.insert(key, number);
        let word = claim.entity_type.trim().to_lowercase();
        let entity_type = EntityType::find(&word).unwrap_or(EntityType::Concept);
        let summary = claim.summary.trim().chars().take(SUMMARY_CHARS_MAX).collect();
        graph.entities.push(DocumentEntity { name, entity_type, summary, chunks });
    }
    let mut known = Vec::new();
    for claim in relations {
        let (source_key, target_key) = (fold_name(&claim.source), fold_name(&claim.target));
        let ends = numbers.get(&source_key).zip(numbers.get(&target_key));
        let Some((source, target)) = ends.filter(|(source, target)| source != target) else {
            continue;
        };
        let verb = match fold_name(&claim.verb).replace('_', " ") {
            verb if verb.is_empty() || verb.chars().count() > NAME_CHARS_MAX => {
                RELATES_TO.to_owned()
            }
            verb => verb,
        };
        let identity = (*source, relation_type(&verb), *target);
        if graph.relations.len() >= RELATIONS_MAX || known.contains(&identity) {
            continue;
        }
        known.push(identity);
        let holds_both =
            |chunk: &String| chunk.contains(&source_key) && chunk.contains(&target_key);
        let chunks = count(&folded, holds_both).max(1);
        graph.relations.push(DocumentRelation { source: *source, target: *target, verb, chunks });
    }
    graph
}

fn count(chunks: &[String], holds: impl Fn(&String) -> bool) -> u32 {
    u32::try_from(chunks.iter().filter(|chunk| holds(chunk)).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(name: &str, entity_type: &str) -> ClaimedEntity {
        let summary = "x".repeat(300);
        ClaimedEntity { name: name.to_owned(), entity_type: entity_type.to_owned(), summary }
    }

    fn relation(source: &str, verb: &str, target: &str) -> ClaimedRelation {
        let [source, verb, target] = [source, verb, target].map(str::to_owned);
        ClaimedRelation { source, target, verb }
    }

    #[test]
    fn what_the_text_does_not_hold_is_not_believed() {
        let chunks =
            ["Ada Lovelace wrote notes.", "ADA  lovelace knew Babbage."].map(str::to_owned);
        let entities = [
            entity("Ada Lovelace", "Person"),
            entity("ada lovelace", "person"),
            entity("Babbage", "wizard"),
            entity("Turing", "person"),
            entity("", "person"),
            entity(&"n".repeat(NAME_CHARS_MAX + 1), "person"),
        ];
        let relations = [
            relation("Ada Lovelace", "KNEW", "Babbage"),
            relation("ada lovelace", "knew", "babbage"),
            relation("Babbage", "built_on", "Ada Lovelace"),
            relation("Babbage", "", "Ada Lovelace"),
            relation("Ada Lovelace", "met", "Turing"),
            relation("Babbage", "is", "Babbage"),
        ];
        let graph = from_claims(&entities, &relations, &chunks);
        let found: Vec<_> =
            graph.entities.iter().map(|it| (it.name.as_str(), it.entity_type, it.chunks)).collect();
        assert_eq!(
            found,
            [("Ada Lovelace", EntityType::Person, 2), ("Babbage", EntityType::Concept, 1)]
        );
        assert_eq!(graph.entities[0].summary.chars().count(), SUMMARY_CHARS_MAX);
        let found: Vec<_> =
            graph.relations.iter().map(|it| (it.source, it.verb.as_str(), it.target)).collect();
        assert_eq!(found, [(0, "knew", 1), (1, "built on", 0), (1, "relates to", 0)]);
    }

    #[test]
    fn claims_are_bounded() {
        let text: String = (0..500).map(|n| format!("name{n} ")).collect();
        let entities: Vec<_> = (0..500).map(|n| entity(&format!("name{n}"), "concept")).collect();
        let relations: Vec<_> = (0..63)
            .flat_map(|n| (0..4).map(move |verb| (n, verb)))
            .map(|(n, verb)| {
                relation(&format!("name{n}"), &format!("verb{verb}"), &format!("name{}", n + 1))
            })
            .collect();
        let graph = from_claims(&entities, &relations, &[text]);
        assert_eq!((graph.entities.len(), graph.relations.len()), (ENTITIES_MAX, RELATIONS_MAX));
    }
}
