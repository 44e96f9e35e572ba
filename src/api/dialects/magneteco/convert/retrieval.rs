//! What is asked of a user's memory, and what is found.

use super::super::error::{ApiError, issue};
use super::super::wire::{
    FoundEntity, GraphEntity, GraphRelationship, ItemBody, OlderRetrieveResponse, RetrieveRequest,
    RetrieveResponse, TargetBody, Time,
};
use super::entities::{properties, relationship};
use super::{Client, fields};
use crate::api::validation::{Raw, unless_null};
use crate::service::{EntityDetail, FactQuery, FoundFact, Retrieved, fact_name, resource_name};

const QUERY_CHARS_MAX: usize = 10_000;
const CATEGORIES_MAX: usize = 1_000;
const TOKENS_DEFAULT: u32 = 2_000;
const TOKENS_MAX: u32 = 32_000;
const HALF_LIFE_DAYS_DEFAULT: f64 = 30.0;
const HALF_LIFE_DAYS_MAX: f64 = 3_650.0;
const CONFIDENCE_DEFAULT: f64 = 0.6;

#[derive(Debug)]
pub(in super::super) struct Retrieval {
    pub(in super::super) app_id: Option<String>,
    pub(in super::super) user: String,
    pub(in super::super) query: FactQuery,
}

pub(in super::super) fn retrieve_request(
    body: &str,
    client: Client,
) -> Result<Retrieval, ApiError> {
    let request: RetrieveRequest<'_> = fields::parse_body(body)?;
    let app_id = client.app_id(request.app_id)?;
    let user = fields::name("userId", fields::required("userId", request.user_id)?)?;
    let query = fields::required("query", request.query)?;
    let text = fields::spoken("query", query, QUERY_CHARS_MAX)?;
    let tokens_max = unless_null(request.max_tokens)
        .map(|raw| fields::integer("maxTokens", raw, 1..=TOKENS_MAX))
        .transpose()?;
    let with_graph = unless_null(request.include_graph)
        .map(|raw| fields::boolean("includeGraph", raw))
        .transpose()?;
    let categories = categories(request.categories)?;
    let half_life_days = number_within("timeDecayDays", request.time_decay_days, |days| {
        days > 0.0 && days <= HALF_LIFE_DAYS_MAX
    })?;
    let confidence_min = number_within("minConfidence", request.min_confidence, |confidence| {
        (0.0..=1.0).contains(&confidence)
    })?;
    let query = FactQuery {
        text,
        tokens_max: tokens_max.unwrap_or(TOKENS_DEFAULT) as usize,
        with_graph: with_graph.unwrap_or(true),
        categories,
        half_life_days: half_life_days.unwrap_or(HALF_LIFE_DAYS_DEFAULT),
        confidence_min: confidence_min.unwrap_or(CONFIDENCE_DEFAULT),
    };
    Ok(Retrieval { app_id, user, query })
}

fn categories(raw: Raw<'_>) -> Result<Option<Vec<String>>, ApiError> {
    let Some(raw) = unless_null(raw) else { return Ok(None) };
    let entries = fields::array("categories", raw, CATEGORIES_MAX)?;
    entries
        .into_iter()
        .map(|(place, raw)| fields::text(&place, raw))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn number_within(
    name: &str,
    raw: Raw<'_>,
    is_within: impl Fn(f64) -> bool,
) -> Result<Option<f64>, ApiError> {
    let Some(raw) = unless_null(raw) else { return Ok(None) };
    let number = fields::number(name, raw)?;
    match is_within(number) {
        true => Ok(Some(number)),
        false => Err(ApiError::field(name, issue::RANGE)),
    }
}

pub(in super::super) fn retrieve_response(
    app_id: &str,
    user: &str,
    query: String,
    retrieved: Retrieved,
) -> RetrieveResponse {
    let Retrieved { summaries, facts, entities, token_count } = retrieved;
    RetrieveResponse {
        summaries: summaries.into_iter().collect(),
        relevant_items: facts.into_iter().map(|fact| item(app_id, user, fact)).collect(),
        graph_context: entities.into_iter().map(graph_entity).collect(),
        token_count,
        query,
    }
}

pub(in super::super) fn older_retrieve_response(
    app_id: &str,
    user: &str,
    query: String,
    retrieved: Retrieved,
) -> OlderRetrieveResponse {
    let entities = retrieved.entities.iter().cloned().map(found_entity).collect();
    let retrieved = retrieve_response(app_id, user, query, retrieved);
    OlderRetrieveResponse { retrieved, entities }
}

fn item(app_id: &str, user: &str, fact: FoundFact) -> ItemBody {
    ItemBody {
        id: fact_name(fact.id),
        app_id: app_id.to_owned(),
        user_id: user.to_owned(),
        resource_id: resource_name(fact.resource_kind, fact.resource),
        content: fact.content,
        category: fact.category,
        confidence: fact.confidence,
        score: fact.score,
        importance: fact.importance.as_str(),
        created_at: Time(fact.created_at),
        last_accessed_at: fact.last_accessed_at.map(Time),
        access_count: fact.access_count,
        // Those that are, are not found.
        archived: false,
    }
}

fn graph_entity(entity: EntityDetail) -> GraphEntity {
    let relationships = entity.relationships.into_iter().map(|found| {
        let predicate = found.relation_type.clone();
        GraphRelationship { relationship: relationship(found), predicate }
    });
    GraphEntity {
        name: entity.name,
        entity_type: entity.entity_type,
        properties: properties(entity.properties),
        relationships: relationships.collect(),
    }
}

fn found_entity(entity: EntityDetail) -> FoundEntity {
    let relationships = entity.relationships.into_iter().map(|found| TargetBody {
        predicate: found.relation_type,
        target: found.target,
        target_type: found.target_type,
    });
    FoundEntity {
        name: entity.name,
        entity_type: entity.entity_type,
        properties: properties(entity.properties),
        relationships: relationships.collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::service::{EntityRelation, ImportanceLevel, ResourceKind};
    use crate::types::Timestamp;

    fn good() -> Value {
        json!({"appId": "tanda", "userId": "u", "query": "What does Jane like?"})
    }

    fn read(body: &Value) -> Retrieval {
        retrieve_request(&body.to_string(), Client::Documented).unwrap()
    }

    #[test]
    fn leaving_out_what_is_optional_is_sending_the_documented_defaults() {
        let mut body = good();
        let asked = read(&body);
        assert_eq!((asked.app_id.as_deref(), asked.user.as_str()), (Some("tanda"), "u"));
        body["maxTokens"] = json!(2000);
        body["includeGraph"] = json!(true);
        body["timeDecayDays"] = json!(30);
        body["minConfidence"] = json!(0.6);
        assert_eq!(read(&body).query, asked.query);
        body["categories"] = json!(["work", "unknown"]);
        body["includeGraph"] = json!(false);
        let query = read(&body).query;
        assert_eq!(query.categories.unwrap(), ["work", "unknown"]);
        assert!(!query.with_graph);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        for (name, value, issue) in [
            ("appId", Value::Null, "Required field missing"),
            ("userId", Value::Null, "Required field missing"),
            ("query", Value::Null, "Required field missing"),
            ("query", json!(" "), "Must not be empty"),
            ("query", json!("x".repeat(10_001)), "Too long"),
            ("maxTokens", json!(0), "Out of range"),
            ("maxTokens", json!(32_001), "Out of range"),
            ("maxTokens", json!(1.5), "Invalid type"),
            ("maxTokens", json!("20"), "Invalid type"),
            ("includeGraph", json!("yes"), "Invalid type"),
            ("categories", json!("work"), "Invalid type"),
            ("timeDecayDays", json!(0), "Out of range"),
            ("timeDecayDays", json!(-1), "Out of range"),
            ("timeDecayDays", json!(3650.5), "Out of range"),
            ("timeDecayDays", json!("30"), "Invalid type"),
            ("minConfidence", json!(2), "Out of range"),
            ("minConfidence", json!(-0.1), "Out of range"),
            ("minConfidence", json!(true), "Invalid type"),
        ] {
            let mut body = good();
            body[name] = value;
            let error = retrieve_request(&body.to_string(), Client::Documented).unwrap_err();
            assert_eq!(error.to_string(), format!("Invalid request body: {name}: {issue}"));
        }
        let mut body = good();
        body["categories"] = json!(["work", 7]);
        let error = retrieve_request(&body.to_string(), Client::Documented).unwrap_err();
        assert_eq!(error.to_string(), "Invalid request body: categories.1: Invalid type");
    }

    #[test]
    fn the_ends_of_the_ranges_belong_to_them() {
        for (name, value) in [
            ("maxTokens", json!(1)),
            ("maxTokens", json!(32_000)),
            ("timeDecayDays", json!(0.001)),
            ("timeDecayDays", json!(3_650)),
            ("minConfidence", json!(0)),
            ("minConfidence", json!(1)),
            ("query", json!("\u{e9}".repeat(10_000))),
        ] {
            let mut body = good();
            body[name] = value;
            read(&body);
        }
    }

    #[test]
    fn what_is_found_is_told_in_the_words_of_both_clients() {
        let at = Timestamp::parse("2026-05-08T10:00:00Z").unwrap();
        let id = Uuid::from_u128(7);
        let relation = EntityRelation {
            relation_type: "WORKS_AT".to_owned(),
            is_outgoing: true,
            target: "Acme".to_owned(),
            target_type: "Company".to_owned(),
            properties: vec![("since".to_owned(), "2020".to_owned())],
        };
        let retrieved = Retrieved {
            summaries: vec![("work".to_owned(), "Jane works.".to_owned())],
            facts: vec![FoundFact {
                id,
                resource: id,
                resource_kind: ResourceKind::Event,
                content: "Jane works at Acme.".to_owned(),
                category: "work".to_owned(),
                confidence: 0.75,
                score: 0.5,
                created_at: at,
                importance: ImportanceLevel::High,
                last_accessed_at: None,
                access_count: 3,
            }],
            entities: vec![EntityDetail {
                name: "Jane".to_owned(),
                entity_type: "Person".to_owned(),
                properties: Vec::new(),
                relationships: vec![relation],
                mentions: Vec::new(),
            }],
            token_count: 9,
        };
        let response = older_retrieve_response("tanda", "u", "Where?".to_owned(), retrieved);
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            json!({
                "summaries": {"work": "Jane works."},
                "relevantItems": [{
                    "id": format!("item-{id}"), "appId": "tanda", "userId": "u",
                    "resourceId": format!("evt-{id}"), "content": "Jane works at Acme.",
                    "category": "work", "confidence": 0.75, "score": 0.5, "importance": "high",
                    "createdAt": "2026-05-08T10:00:00.000000Z", "lastAccessedAt": null,
                    "accessCount": 3, "archived": false}],
                "graphContext": [{
                    "name": "Jane", "type": "Person", "properties": {},
                    "relationships": [{
                        "type": "WORKS_AT", "predicate": "WORKS_AT", "direction": "outgoing",
                        "target": "Acme", "targetType": "Company",
                        "properties": {"since": "2020"}}]}],
                "entities": [{
                    "name": "Jane", "type": "Person", "properties": {},
                    "relationships": [{
                        "predicate": "WORKS_AT", "target": "Acme", "targetType": "Company"}]}],
                "tokenCount": 9,
                "query": "Where?"})
        );
    }
}
