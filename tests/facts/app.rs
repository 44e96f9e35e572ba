//! An app of the Magneteco dialect: its key, and the calls through which its users' memory is
//! filled, asked and forgotten.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fmt::Write as _;
use std::io;

use aws_lc_rs::hmac;
use hebbd::config::Config;
use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::{Bound, Clock, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::support::TestServer;

/// What happens in the background happens within this time or never.
const PATIENCE_US: u64 = 180_000_000;

/// When all events of tests happen.
const HAPPENED_AT: &str = "2026-05-08T10:00:00Z";

pub(crate) struct App {
    pub(crate) client: Client,
    /// As it is called on the wire.
    pub(crate) id: String,
    pub(crate) key: String,
}

impl App {
    pub(crate) fn new(base_url: &str, id: &str, key: &str) -> Self {
        Self { client: Client::new(base_url, ""), id: id.to_owned(), key: key.to_owned() }
    }

    /// The app that a tenant is, with a new key that may do everything.
    pub(crate) fn of(server: &TestServer, tenant: TenantId) -> Self {
        let scopes = Some(vec!["*".to_owned()]);
        let order = KeyOrder { scopes, ..KeyOrder::for_tenant(tenant, KeyKind::Magneteco, "test") };
        let key = server.directory.create_key(order).unwrap();
        let id = server.directory.get_tenant(tenant).unwrap().spoken_name().to_owned();
        Self::new(&server.base_url, &id, key.secret.expose_secret())
    }

    /// The same app on another connection, or on a server that was started anew.
    pub(crate) fn at(&self, base_url: &str) -> Self {
        Self::new(base_url, &self.id, &self.key)
    }

    /// # Errors
    /// As [`Client::send`].
    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let bearer = format!("Authorization: Bearer {}\r\n", self.key);
        self.client.send_with(method, path, body, &bearer)
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.try_send("GET", path, None).unwrap()
    }

    pub(crate) fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.try_send("PUT", path, Some(body)).unwrap()
    }

    /// Posts a body with the app's id put into it.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).unwrap()
    }

    /// # Errors
    /// As [`Client::send`].
    pub(crate) fn try_post(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        let mut body = body.clone();
        body["appId"] = json!(self.id);
        self.try_send("POST", path, Some(&body))
    }

    /// The id of something that was taken, under whatever name it is answered.
    #[track_caller]
    pub(crate) fn take(&mut self, path: &str, body: &Value) -> String {
        let answer = self.post(path, body);
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        taken_id(&answer)
    }

    #[track_caller]
    pub(crate) fn memorize(&mut self, user: &str, content: &str) -> String {
        self.take("/v1/memorize", &said(user, content))
    }

    #[track_caller]
    pub(crate) fn record(&mut self, event: &Value) -> String {
        self.take("/v1/events", event)
    }

    pub(crate) fn status(&mut self, resource: &str) -> Answer {
        self.get(&format!("/v1/memorize/{resource}/status"))
    }

    /// What a resource came to, once it is completed. Its way there goes forward only.
    #[track_caller]
    pub(crate) fn completed(&mut self, resource: &str) -> Value {
        const STATES: [&str; 4] = ["queued", "extracting", "writing", "completed"];
        let (mut patience, mut reached) = (Patience::begun(), 0);
        loop {
            let status = self.status(resource).ok();
            let state = STATES.iter().position(|state| status["status"] == *state);
            let state = state.unwrap_or_else(|| panic!("{status}"));
            assert!(state >= reached, "it fell from {}: {status}", STATES[reached]);
            reached = state;
            if state + 1 == STATES.len() {
                return status;
            }
            patience.check("it is never completed");
        }
    }

    #[track_caller]
    pub(crate) fn remember(&mut self, user: &str, content: &str) -> String {
        let resource = self.memorize(user, content);
        self.completed(&resource);
        resource
    }

    pub(crate) fn retrieve(&mut self, user: &str, query: &str) -> Value {
        self.post("/v1/retrieve", &question(user, query)).ok()
    }

    /// The path of what is known of a user: `context`, `categories` or `entities`.
    pub(crate) fn path(&self, what: &str, user: &str) -> String {
        format!("/v1/{what}/{}/{}", encoded(&self.id), encoded(user))
    }

    pub(crate) fn about(&mut self, what: &str, user: &str) -> Answer {
        let path = self.path(what, user);
        self.get(&path)
    }

    pub(crate) fn entity(&mut self, user: &str, name: &str) -> Answer {
        let path = format!("{}/{}", self.path("entities", user), encoded(name));
        self.get(&path)
    }

    /// How many facts are known of a user, archived ones left out.
    #[track_caller]
    pub(crate) fn fact_count(&mut self, user: &str) -> u64 {
        let found = self.about("categories", user).ok();
        let categories = found["categories"].as_array().unwrap();
        categories.iter().map(|category| category["itemCount"].as_u64().unwrap()).sum()
    }

    /// Forgets a user, or one category of it. Answers how much was deleted.
    #[track_caller]
    pub(crate) fn forget(&mut self, user: &str, category: Option<&str>) -> Value {
        let mut body = json!({"userId": user, "confirm": true});
        if let Some(category) = category {
            body["category"] = json!(category);
        }
        let answer = self.post("/v1/forget", &body).ok();
        assert_eq!(answer["status"], "completed");
        answer["deleted"].clone()
    }

    #[track_caller]
    pub(crate) fn configure(&mut self, domain: &Value) {
        let mut domain = domain.clone();
        domain["appId"] = json!(self.id);
        let path = format!("/api/apps/{}/domain-config", encoded(&self.id));
        self.put(&path, &domain).ok();
    }

    /// Has notices sent to an address.
    #[track_caller]
    pub(crate) fn register_webhook(&mut self, url: &str, events: &[&str], secret: &str) -> Value {
        let body = json!({"url": url, "events": events, "secret": secret});
        let answer = self.post("/v1/config/webhooks", &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }
}

/// The id in the answer to a memorized content, an event or a delivery.
#[track_caller]
pub(crate) fn taken_id(answer: &Answer) -> String {
    let body = answer.json();
    let id = ["resourceId", "eventId"].iter().find_map(|name| body[name].as_str());
    id.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// A conversation to be memorized.
pub(crate) fn said(user: &str, content: &str) -> Value {
    json!({"userId": user, "content": content, "contentType": "conversation"})
}

/// An event of a type that has a template of [`domain_of_notes`].
pub(crate) fn note(user: &str, category: &str, text: &str, named: &[&str]) -> Value {
    let entities: Vec<Value> =
        named.iter().map(|name| json!({"name": name, "type": "Thing"})).collect();
    json!({
        "userId": user, "eventType": "note", "source": "desk", "timestamp": HAPPENED_AT,
        "data": {"text": text}, "suggestedCategory": category, "suggestedEntities": entities,
    })
}

/// A domain in which a note is one fact, of its own words and in the category it names.
pub(crate) fn domain_of_notes(categories: &[&str]) -> Value {
    let categories: Vec<Value> =
        categories.iter().map(|name| json!({"name": name, "description": ""})).collect();
    json!({
        "description": "Notes of a desk", "categories": categories,
        "entityTypes": [{"name": "Thing", "description": "Anything"}],
        "relationshipTypes": [{
            "name": "RELATED_TO", "description": "Named together", "fromType": "Thing",
            "toType": "Thing",
        }],
        "eventTemplates": {"note": "{{text}}"},
    })
}

/// A question that leaves nothing out.
pub(crate) fn question(user: &str, query: &str) -> Value {
    json!({"userId": user, "query": query, "maxTokens": 32_000, "minConfidence": 0})
}

pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    encoded
}

/// How signed bytes are signed, in hexadecimal.
pub(crate) fn hmac_of(secret: &str, bytes: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, bytes);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks nobody to wait, and lets webhooks lead to this machine.
pub(crate) fn unhurried(config: &mut Config) {
    let settings = &mut config.magneteco;
    settings.memorize_per_minute = Bound(None);
    settings.retrieve_per_minute = Bound(None);
    settings.events_per_minute = Bound(None);
    settings.webhooks_per_minute = Bound(None);
    settings.reads_per_minute = Bound(None);
    settings.forget_per_minute = Bound(None);
    settings.config_per_minute = Bound(None);
    config.outbound_webhooks.allow_private_targets = true;
}

/// The same for a process.
pub(crate) const UNHURRIED: &[&str] = &[
    "--set",
    "magneteco.memorize_per_minute=unlimited",
    "--set",
    "magneteco.retrieve_per_minute=unlimited",
    "--set",
    "magneteco.events_per_minute=unlimited",
    "--set",
    "magneteco.webhooks_per_minute=unlimited",
    "--set",
    "magneteco.reads_per_minute=unlimited",
    "--set",
    "magneteco.forget_per_minute=unlimited",
    "--set",
    "magneteco.config_per_minute=unlimited",
    "--set",
    "outbound_webhooks.allow_private_targets=true",
];

pub(crate) struct Patience {
    ends_at_us: u64,
}

impl Patience {
    pub(crate) fn begun() -> Self {
        Self { ends_at_us: SystemClock.monotonic_micros() + PATIENCE_US }
    }

    #[track_caller]
    pub(crate) fn check(&mut self, what: &str) {
        assert!(SystemClock.monotonic_micros() < self.ends_at_us, "{what}");
        std::thread::yield_now();
    }
}
