//! One tenant's calls, for tests that compute with answers.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::runner::client;
use crate::support::TestServer;

pub(super) struct Caller {
    base_url: String,
    key: String,
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) text: String,
}

impl Caller {
    pub(super) fn new(server: &TestServer, key: String) -> Self {
        Self { base_url: server.base_url.clone(), key }
    }

    pub(super) async fn of_a_new_tenant(server: &TestServer, plan: &str) -> Self {
        Self::new(server, server.new_tenant_key_with_plan(plan).await)
    }

    pub(super) async fn get(&self, route: &str) -> Reply {
        self.send(Method::GET, route, None).await
    }

    pub(super) async fn post(&self, route: &str, body: Value) -> Reply {
        self.send(Method::POST, route, Some(body)).await
    }

    pub(super) async fn post_under_key(
        &self,
        route: &str,
        body: Value,
        idempotency_key: &str,
    ) -> Reply {
        let url = format!("{}/api/v1/{route}", self.base_url);
        let request = client()
            .post(url)
            .header("X-Api-Key", &self.key)
            .header("Idempotency-Key", idempotency_key)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        Reply::to(request).await
    }

    pub(super) async fn delete(&self, route: &str) -> Reply {
        self.send(Method::DELETE, route, None).await
    }

    /// `route` is what follows `/api/v1/`.
    async fn send(&self, method: Method, route: &str, body: Option<Value>) -> Reply {
        let url = format!("{}/api/v1/{route}", self.base_url);
        let mut request = client().request(method, url).header("X-Api-Key", &self.key);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        Reply::to(request).await
    }
}

impl Reply {
    async fn to(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        Self {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }

    /// A header that must be there and be a whole number.
    pub(super) fn number(&self, header: &str) -> u64 {
        let value = self.headers.get(header).unwrap_or_else(|| panic!("no {header}: {self:?}"));
        value.to_str().unwrap().parse().unwrap_or_else(|_| panic!("{header}: {self:?}"))
    }

    /// The answer, which must be a success.
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The error of this status, which must have this code.
    pub(super) fn refused(&self, status: u16, code: &str) -> Value {
        let error = self.json();
        assert_eq!((self.status, error["code"].as_str()), (status, Some(code)), "{self:?}");
        error
    }
}
