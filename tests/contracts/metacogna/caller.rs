//! One caller's requests, for tests that compute with answers. Every answer is checked as those of
//! the cases are.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{ADMIN, ADMIN_HASH, check_answer};
use crate::runner::{Answer, client};
use crate::support::TestServer;

/// A look costs a request, so these are minutes.
pub(super) const LOOKS_MAX: usize = 100_000;

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

    pub(super) async fn get(&self, target: &str) -> Answer {
        answer(self.request(Method::GET, target), target).await
    }

    pub(super) async fn delete(&self, target: &str) -> Answer {
        answer(self.request(Method::DELETE, target), target).await
    }

    /// A text as a document.
    pub(super) async fn ingest(&self, user: &str, id: &str, content: &str) -> Answer {
        let body = json!({"userId": user, "docId": id, "title": id, "content": content});
        self.post("/api/ingest", body).await
    }

    /// The caller's documents as they are listed.
    pub(super) async fn documents(&self) -> Vec<Value> {
        let body = self.get("/api/documents").await.with_status(200);
        body["documents"].as_array().unwrap().clone()
    }

    /// The listed documents, once none of them is being processed any more.
    pub(super) async fn settled_documents(&self) -> Vec<Value> {
        for _ in 0..LOOKS_MAX {
            let documents = self.documents().await;
            if documents.iter().all(|document| document["status"] != "processing") {
                return documents;
            }
        }
        panic!("some documents are still being processed after {LOOKS_MAX} looks");
    }

    /// The admin that the configuration names.
    pub(super) async fn log_in_as_admin(&self) -> Answer {
        self.post("/api/auth/login", json!({"username": ADMIN, "password": ADMIN_HASH})).await
    }

    /// A form of texts.
    pub(super) async fn sign_up(&self, parts: &[(&str, &str)]) -> Answer {
        self.sign_up_with(parts, &[]).await
    }

    /// A form of texts and files, each with its name and content.
    pub(super) async fn sign_up_with(
        &self,
        parts: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Answer {
        let texts = parts.iter().map(|(name, text)| part(name, text));
        let files = files.iter().map(|(name, content)| file_part("files", name, content));
        self.send_form("/api/signup", texts.chain(files)).await
    }

    /// A form of what [`part`] and [`file_part`] make.
    pub(super) async fn send_form(
        &self,
        target: &str,
        parts: impl IntoIterator<Item = String>,
    ) -> Answer {
        let body = parts.into_iter().collect::<String>() + "--b--\r\n";
        let request = self.request(Method::POST, target).body(body);
        answer(request.header("Content-Type", "multipart/form-data; boundary=b"), target).await
    }
}

/// A text of a form.
pub(super) fn part(name: &str, text: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
}

/// A file of a form.
pub(super) fn file_part(name: &str, file_name: &str, content: &str) -> String {
    part(&format!("{name}\"; filename=\"{file_name}"), content)
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
