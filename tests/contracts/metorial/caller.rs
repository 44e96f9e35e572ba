//! One key's requests, for tests that compute with answers. Every answer is checked as those of the
//! cases are.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::check_answer;
use crate::runner::{Answer, client};
use crate::support::TestServer;
use crate::support::environment::{Environment, upload};

#[derive(Debug, Clone)]
pub(super) struct Caller {
    base_url: String,
    key: Option<String>,
    /// Sent with every request.
    version: Option<&'static str>,
}

impl Caller {
    pub(super) fn with(server: &TestServer, key: &str) -> Self {
        let base_url = server.base_url.clone();
        Self { base_url, key: Some(key.to_owned()), version: None }
    }

    /// The secret key of a fresh environment for production.
    pub(super) fn of_production(server: &TestServer) -> Self {
        Self::with(server, &Environment::new(server, false).key)
    }

    pub(super) fn of_development(server: &TestServer) -> Self {
        Self::with(server, &Environment::new(server, true).key)
    }

    pub(super) fn manager(server: &TestServer) -> Self {
        Self::with(server, &Environment::management_key(server))
    }

    pub(super) fn nobody(server: &TestServer) -> Self {
        Self { base_url: server.base_url.clone(), key: None, version: None }
    }

    pub(super) fn speaking(&self, version: &'static str) -> Self {
        Self { version: Some(version), ..self.clone() }
    }

    pub(super) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, None).await
    }

    pub(super) async fn post(&self, target: &str, body: Value) -> Answer {
        self.send(Method::POST, target, Some(body)).await
    }

    pub(super) async fn patch(&self, target: &str, body: Value) -> Answer {
        self.send(Method::PATCH, target, Some(body)).await
    }

    pub(super) async fn delete(&self, target: &str) -> Answer {
        self.send(Method::DELETE, target, None).await
    }

    pub(super) async fn send(&self, method: Method, target: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, target);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        self.answer(request, target).await
    }

    pub(super) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let mut request = client().request(method, format!("{}{target}", self.base_url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(version) = self.version {
            request = request.header("Metorial-Version", version);
        }
        request
    }

    pub(super) async fn answer(&self, request: RequestBuilder, target: &str) -> Answer {
        let answer = Answer::to(request, target).await.unwrap();
        check_answer(&answer).unwrap_or_else(|why| panic!("{why}: {answer:?}"));
        answer
    }

    /// The id of a record that is made in a list.
    pub(super) async fn create(&self, list: &str, body: Value) -> String {
        id_of(&self.post(list, body).await.with_status(200))
    }

    pub(super) async fn say(&self, session: &str, text: &str) -> String {
        let body = json!({"type": "user_message", "content": text});
        self.create(&format!("/sessions/{session}/messages"), body).await
    }

    pub(super) async fn upload(&self, file_name: &str, content: &str) -> String {
        id_of(&self.try_upload(file_name, content).await.with_status(200))
    }

    pub(super) async fn try_upload(&self, file_name: &str, content: &str) -> Answer {
        let (media_type, body) = upload("generic", "A file", file_name, content);
        let request = self.request(Method::POST, "/files").header("Content-Type", media_type);
        self.answer(request.body(body), "/files").await
    }
}

pub(super) fn id_of(record: &Value) -> String {
    record["id"].as_str().unwrap_or_else(|| panic!("no id: {record}")).to_owned()
}

/// The ids of a list's page.
pub(super) fn ids_of(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(id_of).collect()
}
