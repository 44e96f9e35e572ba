//! One caller's requests, for tests that compute with answers. Every answer is checked as those of
//! the cases are.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{ADMIN, ADMIN_HASH, check_answer};
use crate::runner::{Answer, client};
use crate::support::TestServer;

#[derive(Debug, Clone)]
pub(super) struct Caller {
    base_url: String,
    session: Option<String>,
}

impl Caller {
    pub(super) fn nobody(server: &TestServer) -> Self {
        Self { base_url: server.base_url.clone(), session: None }
    }

    pub(super) fn with(server: &TestServer, session: &str) -> Self {
        Self { session: Some(session.to_owned()), ..Self::nobody(server) }
    }

    pub(super) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let request = client().request(method, format!("{}{target}", self.base_url));
        match &self.session {
            Some(session) => request.header("Cookie", format!("pratejra_session={session}")),
            None => request,
        }
    }

    pub(super) async fn post(&self, target: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, target).body(body.to_string()), target).await
    }

    /// The admin that the configuration names.
    pub(super) async fn log_in_as_admin(&self) -> Answer {
        self.post("/api/auth/login", json!({"username": ADMIN, "password": ADMIN_HASH})).await
    }

    /// A form of texts.
    pub(super) async fn sign_up(&self, parts: &[(&str, &str)]) -> Answer {
        let target = "/api/signup";
        let mut body = String::new();
        for (name, text) in parts {
            let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.push_str(&format!("{head}{text}\r\n"));
        }
        body.push_str("--b--\r\n");
        let request = self.request(Method::POST, target).body(body);
        answer(request.header("Content-Type", "multipart/form-data; boundary=b"), target).await
    }
}

/// The checked answer to a request.
pub(super) async fn answer(request: RequestBuilder, target: &str) -> Answer {
    let answer = Answer::to(request, target).await.unwrap();
    check_answer(&answer).unwrap_or_else(|why| panic!("{why}: {answer:?}"));
    answer
}

pub(super) fn base64_of(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}
