//! Conversations over the tex dialect, at their edges: two organizations with two users and two
//! sessions each, whose memory never meets, and daily tokens under 64 calls at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "conversations/forgetting.rs"]
mod forgetting;
#[path = "conversations/isolation.rs"]
mod isolation;
#[path = "support/mod.rs"]
mod support;
#[path = "conversations/tokens.rs"]
mod tokens;

use client::{Answer, Client};
use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::TenantId;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::TestServer;

/// A caller with an access token.
pub(crate) struct Caller {
    client: Client,
    token: String,
}

impl Caller {
    /// By a new key of a tenant.
    pub(crate) fn of(server: &TestServer, tenant: TenantId) -> Self {
        let order = KeyOrder::for_tenant(tenant, KeyKind::Tex, "test");
        let key = server.directory.create_key(order).unwrap();
        let mut client = Client::new(&server.base_url, "");
        let body = json!({"api_key": key.secret.expose_secret()});
        let exchanged = client.post("/auth/token-exchange", &body).ok();
        let token = exchanged["access_token"].as_str().unwrap().to_owned();
        Self { client, token }
    }

    /// The same caller on a connection of its own.
    pub(crate) fn again(&self, server: &TestServer) -> Self {
        Self { client: Client::new(&server.base_url, ""), token: self.token.clone() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Authorization: Bearer {}\r\n", self.token);
        self.client.send_with(method, path, body, &bearer).unwrap()
    }

    pub(crate) fn used(&mut self) -> [u64; 2] {
        let today = self.get("/usage/today").ok();
        ["tokens_in_used", "tokens_out_used"].map(|name| today[name].as_u64().unwrap())
    }
}

pub(crate) fn turn(text: &str, timestamp: &str) -> Value {
    json!({"role": "user", "text": text, "timestamp": timestamp})
}

/// The texts of all hits, labels of entities included.
pub(crate) fn texts(answer: &Value) -> Vec<String> {
    let text =
        |hit: &Value| hit.get("text").or(hit.get("label")).unwrap().as_str().unwrap().to_owned();
    let hits = ["turns", "observations", "entities"].into_iter();
    hits.flat_map(|kind| answer["hits"][kind].as_array().unwrap().iter().map(text)).collect()
}
