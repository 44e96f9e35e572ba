//! Entities, listed and one by one.

use super::super::wire::{
    EntitiesResponse, EntityBody, EntityListed, EntityResponse, MentionBody, Properties,
    RelationshipBody, Time,
};
use super::PageQuery;
use crate::service::{EntityDetail, EntityRelation, EntitySummary};

/// Entities as a page has them.
pub(in super::super) fn listed(entities: Vec<EntitySummary>) -> Vec<EntityListed> {
    let listed = entities.into_iter().map(|entity| EntityListed {
        name: entity.name,
        entity_type: entity.entity_type,
        properties: properties(entity.properties),
        relationship_count: entity.relationship_count,
        first_mentioned: Time(entity.first_mentioned),
        last_mentioned: Time(entity.last_mentioned),
    });
    listed.collect()
}

pub(in super::super) fn entities_page<'a>(
    asked: &PageQuery,
    listed: &'a [EntityListed],
    total: usize,
) -> EntitiesResponse<'a> {
    EntitiesResponse { data: listed, entities: listed, page: asked.page(listed.len(), total) }
}

pub(in super::super) fn entity(entity: EntityDetail) -> EntityResponse {
    let mentions = entity
        .mentions
        .into_iter()
        .map(|mention| MentionBody { context: mention.context, timestamp: Time(mention.at) });
    EntityResponse {
        entity: EntityBody {
            name: entity.name,
            entity_type: entity.entity_type,
            properties: properties(entity.properties),
            relationships: entity.relationships.into_iter().map(relationship).collect(),
            mentions: mentions.collect(),
        },
    }
}

pub(super) fn relationship(relation: EntityRelation) -> RelationshipBody {
    RelationshipBody {
        relation_type: relation.relation_type,
        direction: if relation.is_outgoing { "outgoing" } else { "incoming" },
        target: relation.target,
        target_type: relation.target_type,
        properties: properties(relation.properties),
    }
}

pub(super) fn properties(pairs: Vec<(String, String)>) -> Properties {
    pairs.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::page_query;
    use super::*;
    use crate::service::EntityContext;
    use crate::types::Timestamp;

    fn at() -> Timestamp {
        Timestamp::parse("2026-05-08T10:00:00Z").unwrap()
    }

    #[test]
    fn a_page_is_told_in_the_words_of_both_descriptions() {
        let listed = listed(vec![EntitySummary {
            name: "Acme Corp".to_owned(),
            entity_type: "Client".to_owned(),
            properties: vec![("city".to_owned(), "Rome".to_owned())],
            relationship_count: 2,
            first_mentioned: at(),
            last_mentioned: at(),
        }]);
        let asked = page_query("limit=1").unwrap();
        let json = serde_json::to_value(entities_page(&asked, &listed, 2)).unwrap();
        let time = "2026-05-08T10:00:00.000000Z";
        let entity = json!({"name": "Acme Corp", "type": "Client", "properties": {"city": "Rome"},
            "relationshipCount": 2, "firstMentioned": time, "lastMentioned": time});
        assert_eq!(
            json,
            json!({"data": [entity], "entities": [entity], "total": 2, "hasMore": true,
                   "pagination": {"total": 2, "limit": 1, "hasMore": true,
                                  "nextCursor": "eyJpZCI6MX0"}})
        );
    }

    #[test]
    fn one_entity_has_its_relationships_and_mentions() {
        let relation = |is_outgoing| EntityRelation {
            relation_type: "OWNS".to_owned(),
            is_outgoing,
            target: "Phase 1".to_owned(),
            target_type: "Project".to_owned(),
            properties: Vec::new(),
        };
        let detail = EntityDetail {
            name: "Acme".to_owned(),
            entity_type: "Client".to_owned(),
            properties: Vec::new(),
            relationships: vec![relation(true), relation(false)],
            mentions: vec![EntityContext { context: "Acme owns Phase 1.".to_owned(), at: at() }],
        };
        let json = serde_json::to_value(entity(detail)).unwrap();
        let relation = |direction| {
            json!({"type": "OWNS", "direction": direction, "target": "Phase 1",
                   "targetType": "Project", "properties": {}})
        };
        assert_eq!(
            json,
            json!({"entity": {
                "name": "Acme", "type": "Client", "properties": {},
                "relationships": [relation("outgoing"), relation("incoming")],
                "mentions": [{"context": "Acme owns Phase 1.",
                              "timestamp": "2026-05-08T10:00:00.000000Z"}]}})
        );
    }
}
