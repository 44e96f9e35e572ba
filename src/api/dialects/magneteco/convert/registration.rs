//! What an app says of itself: whom to tell what happens, and what matters to it.

use actix_web::http::Uri;
use serde_json::value::RawValue;

use super::super::error::{ApiError, issue};
use super::super::wire::{NamedApp, Time, WebhookRequest, WebhookResponse};
use super::{Client, fields};
use crate::api::json_text;
use crate::service::{NewWebhook, NoticeKind, Webhook};
use crate::types::limits::WEBHOOK_SECRET_BYTES_MAX;

const URL_CHARS_MAX: usize = 2_048;
const EVENTS_MAX: usize = 100;

/// What the id of a webhook begins with.
const WEBHOOK_ID: &str = "wh-";

#[derive(Debug)]
pub(in super::super) struct NewTarget {
    pub(in super::super) app_id: Option<String>,
    pub(in super::super) new: NewWebhook,
}

pub(in super::super) fn webhook_request(body: &str) -> Result<NewTarget, ApiError> {
    let request: WebhookRequest<'_> = fields::parse_body(body)?;
    let app_id = Client::Documented.app_id(request.app_id)?;
    let url = url(fields::required("url", request.url)?)?;
    let events = events(fields::required("events", request.events)?)?;
    let secret = secret(fields::required("secret", request.secret)?)?;
    Ok(NewTarget { app_id, new: NewWebhook { url, events, secret } })
}

fn secret(raw: &RawValue) -> Result<String, ApiError> {
    let secret = fields::text("secret", raw)?;
    match secret.len() {
        0 => Err(ApiError::field("secret", issue::EMPTY)),
        1..=WEBHOOK_SECRET_BYTES_MAX => Ok(secret),
        _ => Err(ApiError::field("secret", issue::TOO_LONG)),
    }
}

/// An address of the web, with a host and without a user.
fn url(raw: &RawValue) -> Result<String, ApiError> {
    let url = fields::spoken("url", raw, URL_CHARS_MAX)?;
    let parsed = url.parse::<Uri>().ok();
    let is_web = parsed.is_some_and(|uri| {
        let scheme = uri.scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https"));
        let authority = uri.authority().is_some_and(|authority| {
            !authority.host().is_empty() && !authority.as_str().contains('@')
        });
        scheme && authority
    });
    match is_web {
        true => Ok(url),
        false => Err(ApiError::field("url", issue::VALUE)),
    }
}

/// Each kind once, in the order they are named.
fn events(raw: &RawValue) -> Result<Vec<NoticeKind>, ApiError> {
    let mut events = Vec::new();
    for (place, raw) in fields::array("events", raw, EVENTS_MAX)? {
        let kind = NoticeKind::find(&fields::text(&place, raw)?);
        let kind = kind.ok_or_else(|| ApiError::field(place, issue::VALUE))?;
        if !events.contains(&kind) {
            events.push(kind);
        }
    }
    match events.is_empty() {
        true => Err(ApiError::field("events", issue::EMPTY)),
        false => Ok(events),
    }
}

pub(in super::super) fn webhook_response(app_id: &str, webhook: Webhook) -> WebhookResponse {
    WebhookResponse {
        id: format!("{WEBHOOK_ID}{}", webhook.id),
        app_id: app_id.to_owned(),
        url: webhook.url,
        events: webhook.events.into_iter().map(NoticeKind::as_str).collect(),
        created_at: Time(webhook.created_at),
    }
}

/// The app that a domain configuration names, and the configuration as compact JSON. What it says
/// of memory is judged where it is used.
pub(in super::super) fn domain_config_request(
    body: &str,
) -> Result<(Option<String>, String), ApiError> {
    let named: NamedApp<'_> = fields::parse_body(body)?;
    Ok((Client::Documented.app_id(named.app_id)?, json_text::minify(body)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::types::{Timestamp, WebhookId};

    fn good() -> Value {
        json!({"appId": "tanda", "url": "https://example.com/hooks?x=1", "secret": "s",
               "events": ["memory.processed", "conflict.detected", "memory.processed"]})
    }

    #[test]
    fn a_target_is_told_of_each_event_once() {
        let target = webhook_request(&good().to_string()).unwrap();
        assert_eq!(target.app_id.as_deref(), Some("tanda"));
        assert_eq!(target.new.url, "https://example.com/hooks?x=1");
        assert_eq!(target.new.secret, "s");
        let expected = [NoticeKind::MemoryProcessed, NoticeKind::ConflictDetected];
        assert_eq!(target.new.events, expected);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        for (name, value, problem) in [
            ("appId", Value::Null, "appId: Required field missing"),
            ("url", Value::Null, "url: Required field missing"),
            ("url", json!(""), "url: Must not be empty"),
            ("url", json!("ftp://example.com"), "url: Invalid value"),
            ("url", json!("example.com/x"), "url: Invalid value"),
            ("url", json!("/x"), "url: Invalid value"),
            ("url", json!("https://"), "url: Invalid value"),
            ("url", json!("https://a:b@example.com"), "url: Invalid value"),
            ("url", json!("https://exa mple.com"), "url: Invalid value"),
            ("url", json!(format!("https://e.com/{}", "x".repeat(2_048))), "url: Too long"),
            ("events", Value::Null, "events: Required field missing"),
            ("events", json!([]), "events: Must not be empty"),
            ("events", json!("memory.processed"), "events: Invalid type"),
            ("events", json!(["memory.processed", "foo.bar"]), "events.1: Invalid value"),
            ("events", json!([7]), "events.0: Invalid type"),
            ("secret", Value::Null, "secret: Required field missing"),
            ("secret", json!(""), "secret: Must not be empty"),
            ("secret", json!("x".repeat(1_025)), "secret: Too long"),
            ("secret", json!("\u{e9}".repeat(513)), "secret: Too long"),
        ] {
            let mut body = good();
            body[name] = value;
            let error = webhook_request(&body.to_string()).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid request body: {problem}"));
        }
    }

    #[test]
    fn the_secret_is_not_told() {
        let at = Timestamp::parse("2026-05-08T10:00:00Z").unwrap();
        let webhook = Webhook {
            id: WebhookId(Uuid::from_u128(7)),
            url: "https://example.com".to_owned(),
            events: vec![NoticeKind::EntityCreated],
            created_at: at,
        };
        let json = serde_json::to_value(webhook_response("tanda", webhook)).unwrap();
        assert_eq!(
            json,
            json!({"id": format!("wh-{}", Uuid::from_u128(7)), "appId": "tanda",
                   "url": "https://example.com", "events": ["entity.created"],
                   "createdAt": "2026-05-08T10:00:00.000000Z"})
        );
    }

    #[test]
    fn a_domain_configuration_names_its_app_and_is_kept_as_it_was_sent() {
        let read = domain_config_request("{ \"appId\": \"tanda\", \"x\": 1.50 }").unwrap();
        assert_eq!(read, (Some("tanda".to_owned()), "{\"appId\":\"tanda\",\"x\":1.50}".to_owned()));
        for (body, problem) in [
            ("{}", "appId: Required field missing"),
            ("{\"appId\":7}", "appId: Invalid type"),
            ("[]", "body: Invalid type"),
            ("x", "body: Invalid JSON"),
        ] {
            let error = domain_config_request(body).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid request body: {problem}"));
        }
    }
}
