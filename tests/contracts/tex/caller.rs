//! One caller's requests, for tests that compute with answers. Every answer is checked as those of
//! the cases are.

use hebbd::types::KeyId;
use reqwest::Method;
use serde_json::{Value, json};

use super::check_answer;
use crate::runner::{Answer, Organization, client};
use crate::support::TestServer;

/// When turns happen unless they say otherwise.
pub(super) const USUAL_TIME: &str = "2026-05-08T14:00:00Z";

#[derive(Debug, Clone)]
pub(super) struct Caller {
    base_url: String,
    token: Option<String>,
}

impl Caller {
    pub(super) fn nobody(server: &TestServer) -> Self {
        Self { base_url: server.base_url.clone(), token: None }
    }

    pub(super) fn with(server: &TestServer, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::nobody(server) }
    }

    /// The first key of a fresh organization.
    pub(super) async fn of_a_new_organization(server: &TestServer, plan: &str) -> Self {
        Self::with(server, &organization(server, plan).await.token)
    }

    pub(super) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[], None).await
    }

    pub(super) async fn post(&self, target: &str, body: Value) -> Answer {
        self.send(Method::POST, target, &[], Some(body.to_string())).await
    }

    pub(super) async fn delete(&self, target: &str) -> Answer {
        self.send(Method::DELETE, target, &[], None).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = client().request(method, format!("{}{target}", self.base_url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let answer = Answer::to(request, target).await.unwrap();
        check_answer(&answer).unwrap_or_else(|why| panic!("{why}: {answer:?}"));
        answer
    }

    /// Tokens for a key.
    pub(super) async fn exchange(&self, api_key: &str) -> Answer {
        self.post("/auth/token-exchange", json!({"api_key": api_key})).await
    }

    pub(super) async fn refresh(&self, token: &str) -> Answer {
        self.post("/auth/refresh", json!({"refresh_token": token})).await
    }

    /// The answer to an ingestion of turns into a session.
    pub(super) async fn remember(&self, session: &str, turns: Value) -> Value {
        let body = json!({"scope": scope(session), "turns": turns});
        self.post("/ingestion/memory", body).await.with_status(202)
    }

    /// The answer to a question to a session; `more` are further fields.
    pub(super) async fn recall(&self, session: &str, question: &str, more: Value) -> Value {
        let mut body = json!({"scope": scope(session), "q": question});
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().unwrap().extend(more);
        self.post("/recall", body).await.with_status(200)
    }

    /// What was used today: tokens in and tokens out.
    pub(super) async fn used_today(&self) -> (u64, u64) {
        let today = self.get("/usage/today").await.with_status(200);
        let count = |name: &str| today[name].as_u64().unwrap();
        (count("tokens_in_used"), count("tokens_out_used"))
    }
}

pub(super) async fn organization(server: &TestServer, plan: &str) -> Organization {
    Organization::new(server, plan).await.unwrap()
}

pub(super) fn scope(session: &str) -> Value {
    json!({"org_id": "the token's", "session_id": session})
}

pub(super) fn turn(text: &str) -> Value {
    json!({"role": "user", "text": text, "timestamp": USUAL_TIME})
}

/// The ids of hits of a kind, best first.
pub(super) fn ids(recalled: &Value, list: &str) -> Vec<String> {
    let hits = recalled["hits"][list].as_array().unwrap();
    hits.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
}

/// How many hits of all kinds there are.
pub(super) fn hit_count(recalled: &Value) -> usize {
    let lists = recalled["hits"].as_object().unwrap().values();
    lists.map(|list| list.as_array().unwrap().len()).sum()
}

/// What a key's identity is called.
pub(super) fn user_of(key: KeyId) -> String {
    format!("apikey_{}", &key.to_string()[..8])
}
