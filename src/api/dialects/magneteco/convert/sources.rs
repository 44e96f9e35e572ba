//! How an app takes what a provider delivers, as it is asked for and as it is shown. The secret goes
//! in and never comes out.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::value::RawValue;

use super::super::error::{ApiError, issue};
use super::super::proof::may_bring_a_key;
use super::super::wire::{MappingRequest, MappingResponse, SourceRequest, SourceResponse, Time};
use super::deliveries::default_user_path;
use super::fields;
use crate::api::validation::{Raw, unless_null};
use crate::control::webhook_sources::{EventMapping, SourceRules, WebhookProvider};
use crate::service::{ConfiguredSource, ImportanceLevel};
use crate::types::limits::{WEBHOOK_EVENTS_MAX, WEBHOOK_SECRET_BYTES_MAX, WEBHOOK_USERS_MAX};

/// A source to be configured.
#[derive(Debug)]
pub(in super::super) struct NewSource {
    pub(in super::super) app_id: Option<String>,
    pub(in super::super) rules: SourceRules,
    /// `None` to keep the one there is.
    pub(in super::super) secret: Option<SecretString>,
}

/// Reads the configuration of a source that has a secret already, or has none.
pub(in super::super) fn source_request(
    body: &str,
    provider: WebhookProvider,
    has_secret: bool,
) -> Result<NewSource, ApiError> {
    let request: SourceRequest<'_> = fields::parse_body(body)?;
    let app_id = fields::optional_name("appId", request.app_id)?;
    let needs_secret = !has_secret && !may_bring_a_key(provider);
    let secret = match needs_secret {
        true => Some(secret(fields::required("secret", request.secret)?)?),
        false => unless_null(request.secret).map(secret).transpose()?,
    };
    let user_path = fields::optional_name("user", request.user)?;
    let user_path = user_path.unwrap_or_else(|| default_user_path(provider).to_owned());
    let users = users(request.users)?;
    let takes_unmapped = unless_null(request.use_unmapped_ids)
        .map(|raw| fields::boolean("useUnmappedIds", raw))
        .transpose()?
        // Without a table every id would be nobody's.
        .unwrap_or(users.is_empty());
    let events = events(fields::required("events", request.events)?)?;
    let rules = SourceRules { user_path, users, takes_unmapped, events };
    Ok(NewSource { app_id, rules, secret })
}

fn secret(raw: &RawValue) -> Result<SecretString, ApiError> {
    let secret = fields::text("secret", raw)?;
    match &secret {
        secret if secret.trim().is_empty() => Err(ApiError::field("secret", issue::EMPTY)),
        secret if secret.len() > WEBHOOK_SECRET_BYTES_MAX => {
            Err(ApiError::field("secret", issue::TOO_LONG))
        }
        _ => Ok(secret.into()),
    }
}

fn users(raw: Raw<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let Some(raw) = unless_null(raw) else { return Ok(BTreeMap::new()) };
    let mut users = BTreeMap::new();
    for (id, raw) in members("users", raw, WEBHOOK_USERS_MAX)? {
        let user = fields::name(&format!("users.{id}"), raw)?;
        users.insert(id, user);
    }
    Ok(users)
}

fn events(raw: &RawValue) -> Result<BTreeMap<String, EventMapping>, ApiError> {
    let mut events = BTreeMap::new();
    for (event_type, raw) in members("events", raw, WEBHOOK_EVENTS_MAX)? {
        let mapping = event(&format!("events.{event_type}"), raw)?;
        events.insert(event_type, mapping);
    }
    match events.is_empty() {
        true => Err(ApiError::field("events", issue::EMPTY)),
        false => Ok(events),
    }
}

/// `null` is a mapping that says nothing.
fn event(field: &str, raw: &RawValue) -> Result<EventMapping, ApiError> {
    let Some(raw) = unless_null(Some(raw)) else { return Ok(EventMapping::default()) };
    let request: MappingRequest<'_> = fields::object_entry(field, raw)?;
    let named = |member: &str, raw| fields::optional_name(&format!("{field}.{member}"), raw);
    let importance = named("importance", request.importance)?;
    if importance.as_deref().is_some_and(|name| ImportanceLevel::find(name).is_none()) {
        return Err(ApiError::field(format!("{field}.importance"), issue::VALUE));
    }
    Ok(EventMapping {
        event_type: named("eventType", request.event_type)?,
        category: named("category", request.category)?,
        importance,
    })
}

/// The members of an object that has no more than so many, each with a name of its own.
fn members<'a>(
    field: &str,
    raw: &'a RawValue,
    members_max: usize,
) -> Result<BTreeMap<String, &'a RawValue>, ApiError> {
    if !raw.get().starts_with('{') {
        return Err(ApiError::field(field, issue::TYPE));
    }
    let members: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(raw.get());
    // A name with an escape that is no character.
    let members = members.map_err(|_cause| ApiError::field(field, issue::VALUE))?;
    if members.len() > members_max {
        return Err(ApiError::field(field, issue::TOO_LONG));
    }
    for name in members.keys() {
        fields::check_name(name)
            .map_err(|issue| ApiError::field(format!("{field}.{name}"), issue))?;
    }
    Ok(members)
}

/// A source as it is shown to the app that has it. `handle` is what no other app is called.
pub(in super::super) fn source_response<'a>(
    app_id: &'a str,
    handle: &str,
    base: &str,
    provider: WebhookProvider,
    configured: &'a ConfiguredSource,
) -> SourceResponse<'a> {
    let rules = &configured.source.rules;
    let events = rules.events.iter().map(|(event_type, mapping)| {
        let response = MappingResponse {
            event_type: mapping.event_type.as_deref(),
            category: mapping.category.as_deref(),
            importance: mapping.importance.as_deref(),
        };
        (event_type.as_str(), response)
    });
    SourceResponse {
        app_id,
        source: provider.as_str(),
        path: format!("{base}/webhooks/{provider}?app={handle}"),
        user: &rules.user_path,
        users: &rules.users,
        use_unmapped_ids: rules.takes_unmapped,
        events: events.collect(),
        has_secret: configured.has_secret,
        created_at: Time(configured.source.created_at),
        updated_at: Time(configured.source.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::control::webhook_sources::WebhookSource;
    use crate::types::Timestamp;

    const STRIPE: WebhookProvider = WebhookProvider::Stripe;

    fn parsed(body: &serde_json::Value) -> NewSource {
        source_request(&body.to_string(), STRIPE, false).unwrap()
    }

    #[test]
    fn what_is_left_out_follows_from_the_provider() {
        let least = parsed(&json!({"secret": "whsec_1", "events": {"*": {}}}));
        assert_eq!(least.rules.user_path, "data.object.customer");
        assert!(least.rules.users.is_empty() && least.rules.takes_unmapped);
        assert_eq!(least.rules.mapping("any.thing"), Some(&EventMapping::default()));
        assert_eq!(least.secret.unwrap().expose_secret(), "whsec_1");
        let mapped = parsed(&json!({
            "appId": "tanda", "secret": "s", "user": "data.account", "users": {"cus_1": "ada"},
            "events": {"invoice.paid": {"eventType": "paid", "category": "billing",
                                        "importance": "high"}, "charge.failed": null},
        }));
        assert_eq!(mapped.app_id.as_deref(), Some("tanda"));
        assert_eq!((mapped.rules.user("cus_1"), mapped.rules.user("cus_2")), (Some("ada"), None));
        let paid = mapped.rules.mapping("invoice.paid").unwrap();
        assert_eq!(paid.importance.as_deref(), Some("high"));
        let open = parsed(&json!({
            "secret": "s", "users": {"cus_1": "ada"}, "useUnmappedIds": true, "events": {"*": {}},
        }));
        assert_eq!(open.rules.user("cus_2"), Some("cus_2"));
    }

    #[test]
    fn a_secret_is_needed_once_and_where_there_is_no_other_proof() {
        let body = json!({"events": {"*": {}}}).to_string();
        for provider in WebhookProvider::ALL {
            let kept = source_request(&body, provider, true).unwrap();
            assert!(kept.secret.is_none());
            let first = source_request(&body, provider, false);
            assert_eq!(first.is_ok(), may_bring_a_key(provider), "{provider}");
        }
    }

    #[test]
    fn the_first_thing_that_is_wrong_is_named() {
        let long = "x".repeat(256);
        let many: BTreeMap<_, _> = (0..=WEBHOOK_EVENTS_MAX).map(|no| (no, json!({}))).collect();
        for (change, expected) in [
            (json!({"appId": 7}), "appId: Invalid type"),
            (json!({"secret": null}), "secret: Required field missing"),
            (json!({"secret": " "}), "secret: Must not be empty"),
            (json!({"secret": "x".repeat(1_025)}), "secret: Too long"),
            (json!({"user": ""}), "user: Must not be empty"),
            (json!({"users": []}), "users: Invalid type"),
            (json!({"users": {"a": 7}}), "users.a: Invalid type"),
            (json!({"users": {"": "a"}}), "users.: Must not be empty"),
            (json!({"users": {"a": long}}), "users.a: Too long"),
            (json!({"useUnmappedIds": "yes"}), "useUnmappedIds: Invalid type"),
            (json!({"events": null}), "events: Required field missing"),
            (json!({"events": {}}), "events: Must not be empty"),
            (json!({"events": many}), "events: Too long"),
            (json!({"events": {"a": "b"}}), "events.a: Invalid type"),
            (
                json!({"events": {"a": {"importance": "urgent"}}}),
                "events.a.importance: Invalid value",
            ),
            (json!({"events": {"a": {"category": ""}}}), "events.a.category: Must not be empty"),
        ] {
            let mut body = json!({"secret": "s", "events": {"*": {}}});
            for (name, value) in change.as_object().unwrap() {
                body[name] = value.clone();
            }
            let error = source_request(&body.to_string(), STRIPE, false).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid request body: {expected}"));
        }
    }

    #[test]
    fn a_source_is_shown_without_its_secret() {
        let source = parsed(&json!({"secret": "whsec_1", "events": {"a": {"category": "b"}}}));
        let at = Timestamp::from_micros(0);
        let source = WebhookSource { rules: source.rules, created_at: at, updated_at: at };
        let configured = ConfiguredSource { source: Arc::new(source), has_secret: true };
        let shown = source_response("tanda", "org_1", "/v1", STRIPE, &configured);
        let shown = serde_json::to_value(shown).unwrap();
        assert_eq!(shown["path"], "/v1/webhooks/stripe?app=org_1");
        assert_eq!(shown["events"], json!({"a": {"category": "b"}}));
        assert_eq!(shown["hasSecret"], true);
        assert!(!shown.to_string().contains("whsec_1"));
    }
}
