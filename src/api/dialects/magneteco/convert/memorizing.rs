//! Content that is handed over to be remembered, and how far that has come.

use serde_json::value::RawValue;

use super::super::error::{ApiError, issue};
use super::super::wire::{MemorizeRequest, MemorizeResponse, StatusResponse, Time};
use super::{Client, fields};
use crate::api::validation::{Raw, unless_null};
use crate::service::{Metadata, NewResource, ResourceKind, ResourceStatus, Taken, resource_name};
use crate::types::limits::METADATA_BYTES_MAX;

/// Bytes of one content.
const CONTENT_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug)]
pub(in super::super) struct Memorizing {
    pub(in super::super) app_id: Option<String>,
    pub(in super::super) user: String,
    pub(in super::super) new: NewResource,
}

pub(in super::super) fn memorize_request(
    body: &str,
    client: Client,
) -> Result<Memorizing, ApiError> {
    let request: MemorizeRequest<'_> = fields::parse_body(body)?;
    Ok(Memorizing {
        app_id: client.app_id(request.app_id)?,
        user: fields::name("userId", fields::required("userId", request.user_id)?)?,
        new: NewResource {
            content: content(fields::required("content", request.content)?)?,
            kind: kind(fields::required("contentType", request.content_type)?)?,
            thread: fields::optional_name("threadId", request.thread_id)?,
            metadata: metadata(request.metadata)?,
        },
    })
}

fn content(raw: &RawValue) -> Result<String, ApiError> {
    // A text is no longer in bytes than it is in characters, so this bounds both.
    let text = fields::spoken("content", raw, CONTENT_BYTES_MAX)?;
    match text.len() <= CONTENT_BYTES_MAX {
        true => Ok(text),
        false => Err(ApiError::field("content", issue::TOO_LONG)),
    }
}

/// Webhooks are made by those who send them alone.
fn kind(raw: &RawValue) -> Result<ResourceKind, ApiError> {
    let kind = ResourceKind::find(&fields::text("contentType", raw)?);
    let kind = kind.filter(|kind| *kind != ResourceKind::Webhook);
    kind.ok_or_else(|| ApiError::field("contentType", issue::VALUE))
}

fn metadata(raw: Raw<'_>) -> Result<Metadata, ApiError> {
    let Some(raw) = unless_null(raw) else { return Ok(Metadata::default()) };
    Ok(Metadata::from_checked(fields::object("metadata", raw, METADATA_BYTES_MAX)?))
}

pub(in super::super) fn memorize_response(kind: ResourceKind, taken: &Taken) -> MemorizeResponse {
    MemorizeResponse {
        status: "queued",
        resource_id: resource_name(kind, taken.id),
        estimated_processing_time: taken.expected_s.max(0.0),
    }
}

/// Of a resource or of an event.
pub(in super::super) fn status_response(status: ResourceStatus) -> StatusResponse {
    StatusResponse {
        resource_id: resource_name(status.kind, status.id),
        status: status.state.as_str(),
        facts_extracted: status.facts_extracted,
        facts_written: status.facts_written,
        error: status.error,
        started_at: Time(status.started_at),
        completed_at: status.completed_at.map(Time),
        estimated_time_remaining: status.remaining_s,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::service::ResourceState;
    use crate::types::Timestamp;

    fn good() -> Value {
        json!({"appId": "tanda", "userId": "u", "content": " Jane likes tea. ",
               "contentType": "conversation", "extra": 7})
    }

    fn problem(body: &Value) -> String {
        let error = memorize_request(&body.to_string(), Client::Documented).unwrap_err();
        error.to_string().strip_prefix("Invalid request body: ").unwrap().to_owned()
    }

    #[test]
    fn a_content_is_taken_as_it_was_sent() {
        let mut body = good();
        let read = |body: &Value| memorize_request(&body.to_string(), Client::Documented).unwrap();
        let plain = read(&body);
        assert_eq!((plain.app_id.as_deref(), plain.user.as_str()), (Some("tanda"), "u"));
        assert_eq!(plain.new.content, " Jane likes tea. ");
        assert_eq!((plain.new.thread, plain.new.metadata), (None, Metadata::default()));
        body["threadId"] = json!("t1");
        body["metadata"] = json!({"a": [1]});
        for (name, kind) in [
            ("conversation", ResourceKind::Conversation),
            ("event", ResourceKind::Event),
            ("document", ResourceKind::Document),
        ] {
            body["contentType"] = json!(name);
            let full = read(&body).new;
            assert_eq!((full.kind, full.thread.as_deref()), (kind, Some("t1")));
            assert_eq!(full.metadata.as_json(), r#"{"a":[1]}"#);
        }
    }

    #[test]
    fn every_required_field_is_missed_and_the_first_one_told() {
        for name in ["appId", "userId", "content", "contentType"] {
            let mut body = good();
            body.as_object_mut().unwrap().remove(name);
            assert_eq!(problem(&body), format!("{name}: Required field missing"));
            body[name] = Value::Null;
            assert_eq!(problem(&body), format!("{name}: Required field missing"));
            body[name] = json!(7);
            assert_eq!(problem(&body), format!("{name}: Invalid type"));
            body[name] = json!("");
            let issue = if name == "contentType" { "Invalid value" } else { "Must not be empty" };
            assert_eq!(problem(&body), format!("{name}: {issue}"));
        }
        assert_eq!(problem(&json!({})), "appId: Required field missing");
        assert_eq!(problem(&json!({"appId": "a"})), "userId: Required field missing");
    }

    #[test]
    fn bounds_are_told_by_field() {
        let long = "x".repeat(256);
        for (name, value, issue) in [
            ("appId", json!(long), "Too long"),
            ("userId", json!(long), "Too long"),
            ("content", json!("  \n"), "Must not be empty"),
            ("content", json!("x".repeat(CONTENT_BYTES_MAX + 1)), "Too long"),
            ("content", json!("\u{e9}".repeat(CONTENT_BYTES_MAX / 2 + 1)), "Too long"),
            ("contentType", json!("webhook"), "Invalid value"),
            ("contentType", json!("note"), "Invalid value"),
            ("threadId", json!(""), "Must not be empty"),
            ("threadId", json!(long), "Too long"),
            ("threadId", json!(7), "Invalid type"),
            ("metadata", json!([]), "Invalid type"),
            ("metadata", json!("x"), "Invalid type"),
            ("metadata", json!({"x": "y".repeat(METADATA_BYTES_MAX)}), "Too long"),
        ] {
            let mut body = good();
            body[name] = value;
            assert_eq!(problem(&body), format!("{name}: {issue}"));
        }
        let mut body = good();
        body["content"] = json!("x".repeat(CONTENT_BYTES_MAX));
        assert!(memorize_request(&body.to_string(), Client::Documented).is_ok());
    }

    #[test]
    fn the_older_client_names_no_app_and_may() {
        let mut body = good();
        let read = |body: &Value| memorize_request(&body.to_string(), Client::Older).unwrap();
        assert_eq!(read(&body).app_id.as_deref(), Some("tanda"));
        body.as_object_mut().unwrap().remove("appId");
        assert_eq!(read(&body).app_id, None);
    }

    #[test]
    fn a_status_is_told_under_the_id_that_was_answered() {
        let at = Timestamp::parse("2026-05-08T10:00:00Z").unwrap();
        let status = ResourceStatus {
            id: Uuid::from_u128(7),
            kind: ResourceKind::Event,
            state: ResourceState::Queued,
            facts_extracted: 0,
            facts_written: 0,
            error: None,
            started_at: at,
            completed_at: None,
            remaining_s: Some(1.5),
        };
        let json = serde_json::to_value(status_response(status)).unwrap();
        assert_eq!(
            json,
            json!({"resourceId": format!("evt-{}", Uuid::from_u128(7)), "status": "queued", "factsExtracted": 0,
                   "factsWritten": 0, "error": null, "startedAt": "2026-05-08T10:00:00.000000Z",
                   "completedAt": null, "estimatedTimeRemaining": 1.5})
        );
    }
}
