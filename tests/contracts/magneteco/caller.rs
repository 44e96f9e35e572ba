//! One app's requests, for tests that compute with answers. Every answer is checked as those of the
//! cases are.

use hebbd::types::TenantId;
use reqwest::Method;
use serde_json::{Value, json};

use super::check_answer;
use crate::runner::{Answer, client};
use crate::support::{TestApp, TestServer};

/// A look costs a request, so these are minutes.
const LOOKS_MAX: usize = 100_000;

#[derive(Debug, Clone)]
pub(super) struct Caller {
    base_url: String,
    pub(super) tenant: TenantId,
    pub(super) app: String,
    key: String,
}

impl Caller {
    /// A fresh app of that name.
    pub(super) fn of_a_new_app(server: &TestServer, name: &str) -> Self {
        let TestApp { tenant, id, key } = TestApp::new(server, name, "local");
        Self { base_url: server.base_url.clone(), tenant, app: id, key }
    }

    /// The same app, after its server was started anew.
    pub(super) fn at(&self, server: &TestServer) -> Self {
        Self { base_url: server.base_url.clone(), ..self.clone() }
    }

    /// The same app with a key that has these permissions; `None` for those that new keys have.
    pub(super) fn with_permissions(
        &self,
        server: &TestServer,
        permissions: Option<&[&str]>,
    ) -> Self {
        let key = TestApp::key_with(server, self.tenant, permissions);
        Self { key, ..self.clone() }
    }

    pub(super) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, None).await
    }

    pub(super) async fn post(&self, target: &str, body: Value) -> Answer {
        self.send(Method::POST, target, Some(body)).await
    }

    pub(super) async fn put(&self, target: &str, body: Value) -> Answer {
        self.send(Method::PUT, target, Some(body)).await
    }

    pub(super) async fn send(&self, method: Method, target: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{target}", self.base_url);
        let mut request = client().request(method, url).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = Answer::to(request, target).await.unwrap();
        check_answer(&answer).unwrap_or_else(|why| panic!("{why}: {answer:?}"));
        answer
    }

    /// Hands over a content, without waiting for what becomes of it.
    pub(super) async fn hand_over(&self, user: &str, content: &str) -> String {
        let body = json!({"appId": self.app, "userId": user, "content": content,
                          "contentType": "conversation"});
        let answer = self.post("/v1/memorize", body).await.with_status(202);
        answer["resourceId"].as_str().unwrap().to_owned()
    }

    /// Has a content remembered.
    pub(super) async fn remember(&self, user: &str, content: &str) -> String {
        let id = self.hand_over(user, content).await;
        self.wait_for(&id).await;
        id
    }

    /// Has an event remembered; `more` are further members.
    pub(super) async fn happen(&self, user: &str, event_type: &str, more: Value) -> String {
        let mut body = json!({"appId": self.app, "userId": user, "eventType": event_type,
                              "source": "test", "timestamp": "2026-05-08T10:00:00Z", "data": {}});
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().unwrap().extend(more);
        let answer = self.post("/v1/events", body).await.with_status(202);
        let id = answer["eventId"].as_str().unwrap().to_owned();
        self.wait_for(&id).await;
        id
    }

    /// Looks at a resource until nothing more happens to it; every status that was seen.
    pub(super) async fn wait_for(&self, id: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        for _ in 0..LOOKS_MAX {
            let status = self.get(&format!("/v1/memorize/{id}/status")).await.with_status(200);
            let has_ended = matches!(status["status"].as_str(), Some("completed" | "failed"));
            seen.push(status);
            if has_ended {
                return seen;
            }
        }
        panic!("{id} never ends: {:?}", seen.last());
    }

    /// What is known of a user; `more` are further members.
    pub(super) async fn retrieve(&self, user: &str, query: &str, more: Value) -> Value {
        let mut body = json!({"appId": self.app, "userId": user, "query": query});
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().unwrap().extend(more);
        self.post("/v1/retrieve", body).await.with_status(200)
    }

    /// A page of what belongs to a user: `entities`, `categories` or `context`.
    pub(super) async fn list(&self, what: &str, user: &str, query: &str) -> Value {
        self.get(&format!("/v1/{what}/{}/{user}{query}", self.app)).await.with_status(200)
    }

    pub(super) async fn forget(&self, user: &str, category: Option<&str>) -> Value {
        let mut body = json!({"appId": self.app, "userId": user, "confirm": true});
        if let Some(category) = category {
            body["category"] = json!(category);
        }
        self.post("/v1/forget", body).await.with_status(200)
    }

    /// Gives the app a domain configuration; `more` are members beside those that there must be.
    pub(super) async fn configure(&self, more: Value) {
        let mut body = json!({"appId": self.app, "description": "A test", "categories": [],
                              "entityTypes": [], "relationshipTypes": []});
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().unwrap().extend(more);
        let target = format!("/api/apps/{}/domain-config", self.app);
        assert_eq!(self.put(&target, body.clone()).await.with_status(200), body);
    }
}

/// The contents of the items that were found.
pub(super) fn contents(retrieved: &Value) -> Vec<&str> {
    let items = retrieved["relevantItems"].as_array().unwrap();
    items.iter().map(|item| item["content"].as_str().unwrap()).collect()
}
