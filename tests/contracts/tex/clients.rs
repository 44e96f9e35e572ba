//! The client sequence of `tex-sdk`, as its releases were seen to follow it: a key is exchanged and
//! verified before the first call, a refused call is repeated after one refresh, and a refused
//! refresh leads back to the key. `make clients` drives the releases themselves.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::{Caller, hit_count, organization};
use crate::runner::{Answer, Organization};
use crate::scene::Scene;
use crate::support::TestServer;

/// How a release fills the scope of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Release {
    /// 1.1.0 writes the body of a first call before it knows who it is: nulls.
    First,
    /// 1.5.2 sends what `/auth/verify` said.
    Newest,
}

struct Sdk<'s> {
    server: &'s TestServer,
    release: Release,
    api_key: String,
    tokens: Option<(String, String)>,
    /// `tenant` of `/auth/verify`.
    whoami: Value,
    /// What was sent since it was last asked, each as `POST /recall 200`.
    sent: Vec<String>,
}

impl<'s> Sdk<'s> {
    fn new(server: &'s TestServer, organization: &Organization, release: Release) -> Self {
        let api_key = organization.api_key.clone();
        Self { server, release, api_key, tokens: None, whoami: Value::Null, sent: Vec::new() }
    }

    fn scope(&self, session: &str) -> Value {
        let (org, user) = (&self.whoami["org_id"], &self.whoami["user_id"]);
        json!({"org_id": org, "user_id": user, "session_id": session})
    }

    async fn remember(&mut self, session: &str, text: &str) -> Answer {
        if self.release == Release::Newest {
            self.authenticate().await;
        }
        let turn = json!({"role": "user", "text": text, "timestamp": "2026-05-08T14:00:00Z"});
        let body = json!({"turns": [turn], "scope": self.scope(session)});
        self.call(Method::POST, "/ingestion/memory", Some(body)).await
    }

    async fn recall(&mut self, session: &str, question: &str) -> Answer {
        if self.release == Release::Newest {
            self.authenticate().await;
        }
        let body = json!({
            "q": question, "scope": self.scope(session), "mode": "active",
            "include_timeline": false,
        });
        self.call(Method::POST, "/recall", Some(body)).await
    }

    async fn authenticate(&mut self) {
        if self.tokens.is_some() {
            return;
        }
        let body = json!({"api_key": self.api_key});
        let answer = self.send(Method::POST, "/auth/token-exchange", Some(body), None).await;
        self.keep_tokens(&answer);
        let token = self.tokens.as_ref().map(|(access, _)| access.clone());
        let answer = self.send(Method::GET, "/auth/verify", None, token).await;
        self.whoami = answer.with_status(200)["tenant"].clone();
    }

    fn keep_tokens(&mut self, answer: &Answer) {
        let tokens = answer.with_status(200);
        assert!(tokens["expires_in"].is_u64(), "some refuse anything else: {tokens}");
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        self.tokens = Some((text("access_token"), text("refresh_token")));
    }

    async fn call(&mut self, method: Method, target: &str, body: Option<Value>) -> Answer {
        self.authenticate().await;
        let (access, refresh) = self.tokens.clone().unwrap();
        let answer = self.send(method.clone(), target, body.clone(), Some(access)).await;
        if answer.status != 401 {
            return answer;
        }
        let asked = json!({"refresh_token": refresh});
        let renewed = self.send(Method::POST, "/auth/refresh", Some(asked), None).await;
        if renewed.status == 200 {
            self.keep_tokens(&renewed);
        } else {
            self.tokens = None;
            self.authenticate().await;
        }
        let token = self.tokens.as_ref().map(|(access, _)| access.clone());
        self.send(method, target, body, token).await
    }

    async fn send(
        &mut self,
        method: Method,
        target: &str,
        body: Option<Value>,
        token: Option<String>,
    ) -> Answer {
        let caller = match token {
            Some(token) => Caller::with(self.server, &token),
            None => Caller::nobody(self.server),
        };
        let id = Uuid::new_v4().to_string();
        let headers = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, deflate"),
            ("User-Agent", "tex-sdk"),
            ("X-Correlation-ID", id.as_str()),
        ];
        let body = body.map(|body| body.to_string());
        let answer = caller.send(method.clone(), target, &headers, body).await;
        assert_eq!(answer.header("x-correlation-id"), Some(id.as_str()), "{answer:?}");
        if answer.status >= 400 && answer.status != 422 {
            assert_eq!(answer.with_status(answer.status)["request_id"], id, "{answer:?}");
        }
        self.sent.push(format!("{method} {target} {}", answer.status));
        answer
    }

    fn take_sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }
}

/// The documented first steps, with their published numbers.
async fn take_first_steps(sdk: &mut Sdk<'_>) {
    let written = sdk.remember("s", "I'm allergic to shellfish").await.with_status(202);
    assert_eq!(written["usage"], json!({"tokens_in": 6, "tokens_out": 0}));
    let recalled = sdk.recall("s", "what does the user prefer?").await.with_status(200);
    assert_eq!(hit_count(&recalled), 1);
    assert_eq!(recalled["usage"], json!({"tokens_in": 6, "tokens_out": 27}));
    let today = sdk.call(Method::GET, "/usage/today", None).await.with_status(200);
    assert_eq!((&today["tokens_in_used"], &today["tokens_out_used"]), (&json!(12), &json!(27)));
    let sent = sdk.take_sent();
    let expected = [
        "POST /auth/token-exchange 200",
        "GET /auth/verify 200",
        "POST /ingestion/memory 202",
        "POST /recall 200",
        "GET /usage/today 200",
    ];
    assert_eq!(sent, expected);
}

/// Checklist line 65.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_release_takes_its_first_steps_without_knowing_who_it_is() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = super::server_for_cases(data_dir.path());
    let organization = organization(&server, "tex-free").await;
    let mut sdk = Sdk::new(&server, &organization, Release::First);
    assert_eq!(sdk.scope("s"), json!({"org_id": null, "user_id": null, "session_id": "s"}));
    take_first_steps(&mut sdk).await;
}

/// Checklist line 66.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_release_takes_its_first_steps_and_knows_who_it_is() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = super::server_for_cases(data_dir.path());
    let organization = organization(&server, "tex-free").await;
    let mut sdk = Sdk::new(&server, &organization, Release::Newest);
    take_first_steps(&mut sdk).await;
    let expected = json!({
        "org_id": organization.handle, "user_id": organization.user, "session_id": null,
        "roles": ["*"],
    });
    assert_eq!(sdk.whoami, expected);
}

/// Checklist line 67.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_costs_a_client_one_refresh_and_a_refused_refresh_one_exchange() {
    let scene = Scene::at("2026-05-08T10:00:00Z");
    let (clock, server) = (&scene.clock, &scene.server);
    let organization = organization(server, "tex-free").await;
    for release in [Release::First, Release::Newest] {
        let mut sdk = Sdk::new(server, &organization, release);
        sdk.remember("s", "hello").await.with_status(202);
        sdk.take_sent();
        for _ in 0..2 {
            clock.advance(Duration::from_secs(86_400));
            sdk.recall("s", "hello").await.with_status(200);
            let expected = ["POST /recall 401", "POST /auth/refresh 200", "POST /recall 200"];
            assert_eq!(sdk.take_sent(), expected);
            sdk.recall("s", "hello").await.with_status(200);
            assert_eq!(sdk.take_sent(), ["POST /recall 200"], "the new token is kept");
        }
        clock.advance(Duration::from_secs(8 * 86_400));
        sdk.recall("s", "hello").await.with_status(200);
        let expected = [
            "POST /recall 401",
            "POST /auth/refresh 401",
            "POST /auth/token-exchange 200",
            "GET /auth/verify 200",
            "POST /recall 200",
        ];
        assert_eq!(sdk.take_sent(), expected);
    }
}

/// Checklist line 68. Every answer is held to the id of its request; here each kind of refusal is
/// met once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_raises_has_the_id_of_its_request() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = super::server_for_cases(data_dir.path());
    let organization = organization(&server, "exactly-six-in").await;
    let mut sdk = Sdk::new(&server, &organization, Release::Newest);
    sdk.remember("s", "I'm allergic to shellfish").await.with_status(202);
    sdk.recall("s", "hello").await.with_status(429);
    sdk.recall("s", "").await.with_status(422);
    sdk.call(Method::GET, "/memories", None).await.with_status(404);
    sdk.api_key.push('x');
    let body = json!({"api_key": sdk.api_key});
    sdk.send(Method::POST, "/auth/token-exchange", Some(body), None).await.with_status(401);
    let body = json!({"org_id": "x", "user_id": "y"});
    sdk.send(Method::POST, "/auth/login", Some(body), None).await.with_status(403);
}
