//! Events of an app, which become sentences.

use serde_json::value::RawValue;

use super::super::error::{ApiError, issue};
use super::super::wire::{EntityRequest, EventRequest, EventResponse};
use super::{Client, fields};
use crate::api::validation::{Raw, unless_null};
use crate::service::{
    ImportanceLevel, NewEvent, ResourceKind, SuggestedEntity, Taken, resource_name,
};
use crate::types::Timestamp;

/// Bytes of an event's data as compact JSON: as much as of a content.
const DATA_BYTES_MAX: usize = 1024 * 1024;

const SUGGESTED_ENTITIES_MAX: usize = 100;

/// Where events come from that do not say it.
const OWN_SOURCE: &str = "api";

#[derive(Debug)]
pub(in super::super) struct Event {
    pub(in super::super) app_id: Option<String>,
    pub(in super::super) user: String,
    pub(in super::super) new: NewEvent,
}

/// `now` is when an event happened whose older client does not say it.
pub(in super::super) fn event_request(
    body: &str,
    client: Client,
    now: Timestamp,
) -> Result<Event, ApiError> {
    let request: EventRequest<'_> = fields::parse_body(body)?;
    let app_id = client.app_id(request.app_id)?;
    let user = fields::name("userId", fields::required("userId", request.user_id)?)?;
    let event_type = fields::required("eventType", request.event_type)?;
    let event_type = fields::spoken("eventType", event_type, fields::NAME_CHARS_MAX)?;
    let source = match or_default("source", request.source, client)? {
        Some(raw) => fields::spoken("source", raw, fields::NAME_CHARS_MAX)?,
        None => OWN_SOURCE.to_owned(),
    };
    let occurred_at = match or_default("timestamp", request.timestamp, client)? {
        Some(raw) => timestamp(raw)?,
        None => now,
    };
    let data = fields::object("data", fields::required("data", request.data)?, DATA_BYTES_MAX)?;
    let category = fields::optional_name("suggestedCategory", request.suggested_category)?;
    let entities = suggested_entities(request.suggested_entities)?;
    let importance = importance(request.importance)?;
    let (kind, delivery) = (ResourceKind::Event, None);
    let new = NewEvent {
        event_type,
        source,
        occurred_at,
        data,
        category,
        entities,
        importance,
        kind,
        delivery,
    };
    Ok(Event { app_id, user, new })
}

/// A field that only the older client may leave out.
fn or_default<'a>(
    name: &str,
    raw: Raw<'a>,
    client: Client,
) -> Result<Option<&'a RawValue>, ApiError> {
    match client {
        Client::Documented => fields::required(name, raw).map(Some),
        Client::Older => Ok(unless_null(raw)),
    }
}

fn timestamp(raw: &RawValue) -> Result<Timestamp, ApiError> {
    let text = fields::text("timestamp", raw)?;
    Timestamp::parse(&text).ok_or_else(|| ApiError::field("timestamp", issue::VALUE))
}

fn suggested_entities(raw: Raw<'_>) -> Result<Vec<SuggestedEntity>, ApiError> {
    let Some(raw) = unless_null(raw) else { return Ok(Vec::new()) };
    let mut entities = Vec::new();
    for (place, raw) in fields::array("suggestedEntities", raw, SUGGESTED_ENTITIES_MAX)? {
        let entity: EntityRequest<'_> = fields::object_entry(&place, raw)?;
        let member = |member: &str, raw| {
            let place = format!("{place}.{member}");
            fields::spoken(&place, fields::required(&place, raw)?, fields::NAME_CHARS_MAX)
        };
        let name = member("name", entity.name)?;
        entities.push(SuggestedEntity { name, entity_type: member("type", entity.entity_type)? });
    }
    Ok(entities)
}

fn importance(raw: Raw<'_>) -> Result<ImportanceLevel, ApiError> {
    let Some(raw) = unless_null(raw) else { return Ok(ImportanceLevel::Medium) };
    let level = ImportanceLevel::find(&fields::text("importance", raw)?);
    level.ok_or_else(|| ApiError::field("importance", issue::VALUE))
}

pub(in super::super) fn event_response(taken: &Taken) -> EventResponse {
    EventResponse { status: "queued", event_id: resource_name(ResourceKind::Event, taken.id) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-05-08T10:00:00Z").unwrap()
    }

    fn good() -> Value {
        json!({"appId": "tanda", "userId": "u", "eventType": "sow_approved", "source": "tanda-os",
               "timestamp": "2026-05-01T09:30:00+02:00", "data": {"sowTitle": "Phase 1"}})
    }

    fn read(body: &Value, client: Client) -> Event {
        event_request(&body.to_string(), client, now()).unwrap()
    }

    fn problem(body: &Value, client: Client) -> String {
        let error = event_request(&body.to_string(), client, now()).unwrap_err();
        error.to_string().strip_prefix("Invalid request body: ").unwrap().to_owned()
    }

    #[test]
    fn an_event_is_medium_and_of_its_own_time_unless_it_says_otherwise() {
        let event = read(&good(), Client::Documented);
        assert_eq!((event.app_id.as_deref(), event.user.as_str()), (Some("tanda"), "u"));
        let expected = NewEvent {
            event_type: "sow_approved".to_owned(),
            source: "tanda-os".to_owned(),
            occurred_at: Timestamp::parse("2026-05-01T07:30:00Z").unwrap(),
            data: r#"{"sowTitle":"Phase 1"}"#.to_owned(),
            category: None,
            entities: Vec::new(),
            importance: ImportanceLevel::Medium,
            kind: ResourceKind::Event,
            delivery: None,
        };
        assert_eq!(event.new, expected);
        let mut body = good();
        body["importance"] = json!("critical");
        body["suggestedCategory"] = json!("approvals");
        body["suggestedEntities"] = json!([{"name": "Jane", "type": "Person", "more": 1}]);
        let entities =
            vec![SuggestedEntity { name: "Jane".to_owned(), entity_type: "Person".to_owned() }];
        assert_eq!(
            read(&body, Client::Documented).new,
            NewEvent {
                category: Some("approvals".to_owned()),
                entities,
                importance: ImportanceLevel::Critical,
                ..expected
            }
        );
    }

    #[test]
    fn every_required_field_is_missed() {
        for name in ["appId", "userId", "eventType", "source", "timestamp", "data"] {
            let mut body = good();
            body.as_object_mut().unwrap().remove(name);
            let missing = format!("{name}: Required field missing");
            assert_eq!(problem(&body, Client::Documented), missing);
        }
    }

    #[test]
    fn the_older_client_may_leave_out_what_the_server_knows() {
        let body = json!({"userId": "u", "eventType": "x", "data": {}});
        let event = read(&body, Client::Older);
        assert_eq!(event.app_id, None);
        assert_eq!((event.new.source.as_str(), event.new.occurred_at), ("api", now()));
        for name in ["userId", "eventType", "data"] {
            let mut body = body.clone();
            body.as_object_mut().unwrap().remove(name);
            assert_eq!(problem(&body, Client::Older), format!("{name}: Required field missing"));
        }
        let mut body = body;
        body["timestamp"] = json!("yesterday");
        assert_eq!(problem(&body, Client::Older), "timestamp: Invalid value");
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let many: Vec<Value> = (0..101).map(|_| json!({"name": "a", "type": "B"})).collect();
        for (name, value, expected) in [
            ("eventType", json!(" "), "eventType: Must not be empty"),
            ("source", json!(""), "source: Must not be empty"),
            ("timestamp", json!("yesterday"), "timestamp: Invalid value"),
            ("timestamp", json!(1_700_000_000), "timestamp: Invalid type"),
            ("data", json!([]), "data: Invalid type"),
            ("data", json!("x"), "data: Invalid type"),
            ("data", json!({"x": "y".repeat(DATA_BYTES_MAX)}), "data: Too long"),
            ("suggestedCategory", json!(7), "suggestedCategory: Invalid type"),
            ("suggestedEntities", json!({}), "suggestedEntities: Invalid type"),
            ("suggestedEntities", json!(many), "suggestedEntities: Too long"),
            ("suggestedEntities", json!(["x"]), "suggestedEntities.0: Invalid type"),
            (
                "suggestedEntities",
                json!([{"type": "B"}]),
                "suggestedEntities.0.name: Required field missing",
            ),
            (
                "suggestedEntities",
                json!([{"name": "a", "type": "B"}, {"name": "a", "type": 7}]),
                "suggestedEntities.1.type: Invalid type",
            ),
            ("importance", json!("urgent"), "importance: Invalid value"),
            ("importance", json!(1), "importance: Invalid type"),
        ] {
            let mut body = good();
            body[name] = value;
            assert_eq!(problem(&body, Client::Documented), expected);
        }
    }
}
