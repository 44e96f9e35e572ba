//! What a provider's delivery says: its kind of event, whose it is, when it was, and the part of it
//! that is worth remembering. Each provider has its own places for these.

use serde_json::Value;
use uuid::Uuid;

use super::super::error::ApiError;
use super::super::wire::{DeliveryRequest, DeliveryResponse};
use super::events::Event;
use super::{Client, event_request, fields};
use crate::api::validation::{Parameters, Raw, parse_text, unless_null};
use crate::control::webhook_sources::{EventMapping, SourceRules, WebhookProvider};
use crate::service::{ImportanceLevel, NewEvent, ResourceKind, resource_name};
use crate::types::Timestamp;

/// Characters of an id of a user, and of an event's, that are taken for one.
const ID_CHARS_MAX: usize = 255;

/// Where events come from that are delivered with a key.
const CUSTOM_SOURCE: &str = "custom";

/// What is known of a delivery beside its body.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Envelope {
    /// GitHub's name of the event.
    pub(in super::super) event_type: Option<String>,
    /// GitHub's id of the delivery.
    pub(in super::super) id: Option<String>,
    /// What tells one delivery from another where neither head nor body has an id.
    pub(in super::super) print: Option<String>,
    /// Whether the body is a form with an object in it.
    pub(in super::super) is_form: bool,
}

/// What a delivery is to its recipient.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Delivered {
    /// Slack asks whether somebody is there, and wants this in return.
    Challenge(String),
    /// Something happened to this user.
    Event(String, Box<NewEvent>),
    /// The event is not among those that count, or it is nobody's.
    Ignored,
}

/// A delivery, read.
#[derive(Debug, Clone, PartialEq)]
struct Delivery {
    /// The provider's name of it.
    event_type: Option<String>,
    /// The provider's id of it: the same when it is sent again.
    id: Option<String>,
    /// `None` when it does not say.
    occurred_at: Option<Timestamp>,
    /// An object.
    data: Value,
}

impl Delivery {
    /// Reads a body that is an object.
    fn read(provider: WebhookProvider, envelope: &Envelope, body: &Value) -> Self {
        let in_body = |path: &str| id_at(body, path);
        match provider {
            WebhookProvider::Stripe => Self {
                event_type: in_body("type"),
                id: in_body("id"),
                occurred_at: body.get("created").and_then(time_in),
                data: object_at(body, "data.object"),
            },
            WebhookProvider::GitHub => Self {
                event_type: envelope.event_type.as_deref().and_then(id_of),
                id: envelope.id.as_deref().and_then(id_of),
                occurred_at: None,
                data: body.clone(),
            },
            WebhookProvider::Slack => Self {
                event_type: in_body("event.type"),
                id: in_body("event_id"),
                occurred_at: body.get("event_time").and_then(time_in),
                data: object_at(body, "event"),
            },
            WebhookProvider::NetSuite | WebhookProvider::Salesforce => Self {
                event_type: in_body("type").or_else(|| in_body("eventType")),
                id: in_body("id").or_else(|| in_body("eventId")),
                occurred_at: body.get("timestamp").and_then(time_in),
                data: object_at(body, "data"),
            },
        }
    }
}

/// What Slack asks for in return when it is told of an address for the first time.
fn challenge_in(provider: WebhookProvider, body: &Value) -> Option<&str> {
    let asks = provider == WebhookProvider::Slack
        && body.get("type").and_then(Value::as_str) == Some("url_verification");
    asks.then(|| body.get("challenge")?.as_str()).flatten()
}

/// A body as the object it is. GitHub may have been told to send it as the field of a form.
fn delivery_body(text: &str, is_form: bool) -> Result<Value, ApiError> {
    let parameters = if is_form { Parameters::of(text) } else { Parameters::default() };
    let json = if is_form { parameters.find("payload").unwrap_or_default() } else { text };
    let body: Result<Value, _> = serde_json::from_str(json);
    body.ok().filter(Value::is_object).ok_or_else(ApiError::no_json)
}

/// What a delivery is to its recipient; without rules, nothing counts.
///
/// # Errors
/// For a body that is no object.
pub(in super::super) fn delivered(
    provider: WebhookProvider,
    envelope: &Envelope,
    rules: Option<&SourceRules>,
    text: &str,
    now: Timestamp,
) -> Result<Delivered, ApiError> {
    let body = delivery_body(text, envelope.is_form)?;
    if let Some(challenge) = challenge_in(provider, &body) {
        return Ok(Delivered::Challenge(challenge.to_owned()));
    }
    let mut delivery = Delivery::read(provider, envelope, &body);
    delivery.id = delivery.id.or_else(|| envelope.print.clone());
    let event = rules.and_then(|rules| event_of(provider, rules, delivery, &body, now));
    Ok(event.map_or(Delivered::Ignored, |(user, new)| Delivered::Event(user, Box::new(new))))
}

/// Whose event, and which; `None` for one that is ignored.
fn event_of(
    provider: WebhookProvider,
    rules: &SourceRules,
    delivery: Delivery,
    body: &Value,
    now: Timestamp,
) -> Option<(String, NewEvent)> {
    let event_type = delivery.event_type?;
    let mapping = rules.mapping(&event_type)?.clone();
    let id = id_at(body, &rules.user_path)?;
    let user = rules.user(&id)?.to_owned();
    let EventMapping { event_type: mapped, category, importance } = mapping;
    let importance = importance.as_deref().and_then(ImportanceLevel::find);
    let new = NewEvent {
        event_type: mapped.unwrap_or(event_type),
        source: provider.as_str().to_owned(),
        occurred_at: delivery.occurred_at.unwrap_or(now),
        data: delivery.data.to_string(),
        category,
        entities: Vec::new(),
        importance: importance.unwrap_or(ImportanceLevel::Medium),
        kind: ResourceKind::Webhook,
        delivery: delivery.id,
    };
    Some((user, new))
}

/// What is delivered with a key says itself whose it is. Where it comes from and when it was may be
/// left out.
pub(in super::super) fn custom_request(body: &str, now: Timestamp) -> Result<Event, ApiError> {
    let request: DeliveryRequest<'_> = fields::parse_body(body)?;
    fields::name("appId", fields::required("appId", request.app_id)?)?;
    let mut event = event_request(body, Client::Older, now)?;
    if unless_null(request.source).is_none() {
        CUSTOM_SOURCE.clone_into(&mut event.new.source);
    }
    event.new.kind = ResourceKind::Webhook;
    event.new.delivery = own_id(request.event_id).or_else(|| own_id(request.id));
    Ok(event)
}

/// An id that a delivery may have; what is none is no reason to refuse it.
fn own_id(raw: Raw<'_>) -> Option<String> {
    id_of(&parse_text(raw?).ok()?)
}

/// `None` for what was ignored.
pub(in super::super) fn delivery_response(event: Option<Uuid>) -> DeliveryResponse {
    let status = if event.is_some() { "processed" } else { "ignored" };
    DeliveryResponse { status, event_id: event.map(|id| resource_name(ResourceKind::Webhook, id)) }
}

/// Where a provider's deliveries have the user's id, unless a tenant says otherwise.
pub(super) fn default_user_path(provider: WebhookProvider) -> &'static str {
    match provider {
        WebhookProvider::Stripe => "data.object.customer",
        WebhookProvider::GitHub => "sender.login",
        WebhookProvider::Slack => "event.user",
        WebhookProvider::NetSuite | WebhookProvider::Salesforce => "userId",
    }
}

/// The id at a path: a text, a whole number, or an object's own `id`, as Stripe puts a customer that
/// it was asked to expand.
fn id_at(body: &Value, path: &str) -> Option<String> {
    let found = find(body, path)?;
    let id = match found {
        Value::Object(object) => object.get("id")?,
        other => other,
    };
    match id {
        Value::String(text) => id_of(text),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Member names, and numbers for entries of an array, with dots between.
fn find<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(body, |value, step| match value {
        Value::Object(object) => object.get(step),
        Value::Array(entries) => entries.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn id_of(text: &str) -> Option<String> {
    let text = text.trim();
    (1..=ID_CHARS_MAX).contains(&text.chars().count()).then(|| text.to_owned())
}

/// The object at a path, or else the whole.
fn object_at(body: &Value, path: &str) -> Value {
    let part = find(body, path).filter(|part| part.is_object());
    part.unwrap_or(body).clone()
}

/// Seconds since 1970, or a time as it is written.
fn time_in(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            let seconds = number.as_i64()?;
            Some(Timestamp::from_micros(seconds.checked_mul(1_000_000)?))
        }
        Value::String(text) => Timestamp::parse(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn read(provider: WebhookProvider, body: &Value) -> Delivery {
        Delivery::read(provider, &Envelope::default(), body)
    }

    fn at(text: &str) -> Option<Timestamp> {
        Timestamp::parse(text)
    }

    fn user(provider: WebhookProvider, body: &Value) -> Option<String> {
        id_at(body, default_user_path(provider))
    }

    #[test]
    fn stripe_s_event_is_about_an_object_of_a_customer() {
        let body = json!({
            "id": "evt_1", "object": "event", "created": 1_686_089_970, "type": "invoice.paid",
            "data": {"object": {"object": "invoice", "customer": "cus_1", "total": 500}},
        });
        let expected = Delivery {
            event_type: Some("invoice.paid".to_owned()),
            id: Some("evt_1".to_owned()),
            occurred_at: at("2023-06-06T22:19:30Z"),
            data: json!({"object": "invoice", "customer": "cus_1", "total": 500}),
        };
        assert_eq!(read(WebhookProvider::Stripe, &body), expected);
        assert_eq!(user(WebhookProvider::Stripe, &body).as_deref(), Some("cus_1"));
        let expanded = json!({"data": {"object": {"customer": {"id": "cus_2", "name": "Ada"}}}});
        assert_eq!(user(WebhookProvider::Stripe, &expanded).as_deref(), Some("cus_2"));
    }

    #[test]
    fn github_s_event_is_named_by_its_headers() {
        let body = json!({"action": "opened", "sender": {"login": "octocat", "id": 583_231}});
        let envelope = Envelope {
            event_type: Some("pull_request".to_owned()),
            id: Some("72d3-guid".to_owned()),
            ..Envelope::default()
        };
        let delivery = Delivery::read(WebhookProvider::GitHub, &envelope, &body);
        assert_eq!(delivery.event_type.as_deref(), Some("pull_request"));
        assert_eq!(delivery.id.as_deref(), Some("72d3-guid"));
        assert_eq!((delivery.occurred_at, &delivery.data), (None, &body));
        assert_eq!(user(WebhookProvider::GitHub, &body).as_deref(), Some("octocat"));
        assert_eq!(id_at(&body, "sender.id").as_deref(), Some("583231"));
        let nameless = read(WebhookProvider::GitHub, &body);
        assert_eq!((nameless.event_type, nameless.id), (None, None));
    }

    #[test]
    fn slack_s_event_is_inside_and_its_verification_asks_for_a_challenge() {
        let body = json!({
            "type": "event_callback", "event_id": "Ev1", "event_time": 1_531_420_618,
            "event": {"type": "message", "user": "U1", "text": "Hello"},
        });
        let expected = Delivery {
            event_type: Some("message".to_owned()),
            id: Some("Ev1".to_owned()),
            occurred_at: at("2018-07-12T18:36:58Z"),
            data: json!({"type": "message", "user": "U1", "text": "Hello"}),
        };
        assert_eq!(read(WebhookProvider::Slack, &body), expected);
        assert_eq!(user(WebhookProvider::Slack, &body).as_deref(), Some("U1"));
        assert_eq!(challenge_in(WebhookProvider::Slack, &body), None);
        let asking = json!({"type": "url_verification", "challenge": "3eZbrw1aB"});
        assert_eq!(challenge_in(WebhookProvider::Slack, &asking), Some("3eZbrw1aB"));
        assert_eq!(challenge_in(WebhookProvider::Stripe, &asking), None);
    }

    #[test]
    fn the_others_say_what_they_are_at_the_top() {
        for provider in [WebhookProvider::NetSuite, WebhookProvider::Salesforce] {
            let body = json!({
                "eventType": "order_shipped", "eventId": 17, "userId": "ada",
                "timestamp": "2026-01-02T03:04:05Z", "data": {"order": "A1"},
            });
            let expected = Delivery {
                event_type: Some("order_shipped".to_owned()),
                id: Some("17".to_owned()),
                occurred_at: at("2026-01-02T03:04:05Z"),
                data: json!({"order": "A1"}),
            };
            assert_eq!(read(provider, &body), expected);
            assert_eq!(user(provider, &body).as_deref(), Some("ada"));
            let flat = json!({"type": "note", "id": "e1", "text": "hi", "timestamp": "yesterday"});
            let delivery = read(provider, &flat);
            assert_eq!(delivery.event_type.as_deref(), Some("note"));
            assert_eq!((delivery.occurred_at, &delivery.data), (None, &flat));
        }
    }

    fn rules(event_type: &str, mapping: EventMapping, takes_unmapped: bool) -> SourceRules {
        SourceRules {
            user_path: "data.object.customer".to_owned(),
            users: BTreeMap::from([("cus_1".to_owned(), "ada".to_owned())]),
            takes_unmapped,
            events: BTreeMap::from([(event_type.to_owned(), mapping)]),
        }
    }

    fn taken(rules: &SourceRules, body: &Value) -> Option<(String, NewEvent)> {
        let envelope = Envelope { print: Some("print".to_owned()), ..Envelope::default() };
        let now = at("2026-05-08T10:00:00Z").unwrap();
        let (provider, text) = (WebhookProvider::Stripe, body.to_string());
        match delivered(provider, &envelope, Some(rules), &text, now).unwrap() {
            Delivered::Event(user, event) => Some((user, *event)),
            Delivered::Ignored => None,
            Delivered::Challenge(_) => panic!("Stripe asks for nothing"),
        }
    }

    #[test]
    fn a_mapped_delivery_becomes_an_event_of_its_user() {
        let body = json!({
            "id": "evt_1", "type": "invoice.paid", "data": {"object": {"customer": "cus_1"}},
        });
        let plain = rules("invoice.paid", EventMapping::default(), false);
        let (user, event) = taken(&plain, &body).unwrap();
        let expected = NewEvent {
            event_type: "invoice.paid".to_owned(),
            source: "stripe".to_owned(),
            occurred_at: at("2026-05-08T10:00:00Z").unwrap(),
            data: r#"{"customer":"cus_1"}"#.to_owned(),
            category: None,
            entities: Vec::new(),
            importance: ImportanceLevel::Medium,
            kind: ResourceKind::Webhook,
            delivery: Some("evt_1".to_owned()),
        };
        assert_eq!((user.as_str(), &event), ("ada", &expected));
        let mapping = EventMapping {
            event_type: Some("paid".to_owned()),
            category: Some("billing".to_owned()),
            importance: Some("high".to_owned()),
        };
        let (_, event) = taken(&rules("*", mapping, false), &body).unwrap();
        let mapped = NewEvent {
            event_type: "paid".to_owned(),
            category: Some("billing".to_owned()),
            importance: ImportanceLevel::High,
            ..expected
        };
        assert_eq!(event, mapped);
        let nameless = json!({"type": "invoice.paid", "data": {"object": {"customer": "cus_1"}}});
        let (_, event) = taken(&plain, &nameless).unwrap();
        assert_eq!(event.delivery.as_deref(), Some("print"));
    }

    #[test]
    fn without_rules_only_a_question_is_answered() {
        let delivered = |body: Value| {
            let envelope = Envelope::default();
            let now = at("2026-05-08T10:00:00Z").unwrap();
            delivered(WebhookProvider::Slack, &envelope, None, &body.to_string(), now).ok()
        };
        let asking = json!({"type": "url_verification", "challenge": "3eZbrw1aB"});
        let asked = Delivered::Challenge("3eZbrw1aB".to_owned());
        assert_eq!(delivered(asking), Some(asked));
        let event = json!({"event": {"type": "message", "user": "U1"}});
        assert_eq!(delivered(event), Some(Delivered::Ignored));
        assert_eq!(delivered(json!([])), None);
    }

    #[test]
    fn what_is_nobody_s_or_not_mapped_is_ignored() {
        let plain = rules("invoice.paid", EventMapping::default(), false);
        let body = |event_type: &str, customer: Value| json!({"id": "e", "type": event_type, "data": {"object": {"customer": customer}}});
        assert!(taken(&plain, &body("invoice.paid", json!("cus_1"))).is_some());
        assert!(taken(&plain, &body("invoice.voided", json!("cus_1"))).is_none());
        assert!(taken(&plain, &body("invoice.paid", json!("cus_2"))).is_none());
        assert!(taken(&plain, &body("invoice.paid", json!(null))).is_none());
        assert!(taken(&plain, &json!({"data": {"object": {"customer": "cus_1"}}})).is_none());
        let open = rules("invoice.paid", EventMapping::default(), true);
        let (user, _) = taken(&open, &body("invoice.paid", json!("cus_2"))).unwrap();
        assert_eq!(user, "cus_2");
        let ignored = serde_json::to_value(delivery_response(None)).unwrap();
        assert_eq!(ignored, json!({"status": "ignored"}));
    }

    #[test]
    fn a_body_is_an_object_or_a_form_with_one() {
        let github = "payload=%7B%22a%22%3A+1%7D&x=y";
        assert_eq!(delivery_body(github, true).unwrap(), json!({"a": 1}));
        assert_eq!(delivery_body("{\"a\": 1}", false).unwrap(), json!({"a": 1}));
        for (text, is_form) in
            [("[]", false), ("not json", false), ("", true), (github, false), ("{}", true)]
        {
            assert!(delivery_body(text, is_form).is_err(), "{text}");
        }
    }

    #[test]
    fn what_comes_with_a_key_names_app_and_user_and_may_leave_out_the_rest() {
        let now = at("2026-05-08T10:00:00Z").unwrap();
        let least = json!({"appId": "tanda", "userId": "u", "eventType": "x", "data": {"a": 1}});
        let event = custom_request(&least.to_string(), now).unwrap();
        assert_eq!((event.app_id.as_deref(), event.user.as_str()), (Some("tanda"), "u"));
        assert_eq!((event.new.source.as_str(), event.new.occurred_at), ("custom", now));
        assert_eq!((event.new.kind, event.new.delivery), (ResourceKind::Webhook, None));
        let mut more = least.clone();
        more["source"] = json!("crm");
        more["timestamp"] = json!("2026-05-01T00:00:00Z");
        more["id"] = json!("17");
        let event = custom_request(&more.to_string(), now).unwrap().new;
        assert_eq!((event.source.as_str(), event.delivery.as_deref()), ("crm", Some("17")));
        assert_eq!(Some(event.occurred_at), at("2026-05-01T00:00:00Z"));
        for name in ["appId", "userId", "eventType", "data"] {
            let mut body = least.clone();
            body.as_object_mut().unwrap().remove(name);
            let error = custom_request(&body.to_string(), now).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid request body: {name}: Required field missing"));
        }
    }

    #[test]
    fn an_id_is_a_text_or_a_whole_number_at_a_path() {
        let body = json!({
            "a": {"b": ["x", {"c": " y "}]}, "n": 7, "f": 1.5, "t": true, "blank": " ", "null": null,
            "long": "x".repeat(ID_CHARS_MAX + 1), "o": {"name": "z"},
        });
        for (path, expected) in [
            ("a.b.0", Some("x")),
            ("a.b.1.c", Some("y")),
            ("n", Some("7")),
            ("a.b", None),
            ("a.b.2", None),
            ("a.b.c", None),
            ("n.x", None),
            ("f", None),
            ("t", None),
            ("blank", None),
            ("null", None),
            ("long", None),
            ("o", None),
            ("", None),
            ("nowhere", None),
        ] {
            assert_eq!(id_at(&body, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_time_far_away_is_clamped_or_none() {
        assert_eq!(time_in(&json!(0)), at("1970-01-01T00:00:00Z"));
        assert_eq!(time_in(&json!(i64::MAX)), None);
        assert_eq!(time_in(&json!(1.5)), None);
        assert_eq!(time_in(&json!([])), None);
    }
}
