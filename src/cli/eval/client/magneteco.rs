//! The calls of the Magneteco API that a measurement needs. A session is one memorized content, and a
//! conversation is one user. The server's limits of a minute are kept by waiting, which no latency
//! includes.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Access, Http, Response};

/// Between two questions of how far a content has come: at first, and at most. Each pause is twice
/// the one before.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A content that has not been read by then, after some ten minutes, never will be.
const POLLS_MAX: u32 = 600;
/// Times that one request waits for the end of a minute.
const WAITS_MAX: usize = 5;

pub(in crate::cli::eval) struct Magneteco {
    http: Http,
    access: Access,
    app_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewContent<'a> {
    app_id: &'a str,
    user_id: &'a str,
    content: &'a str,
    content_type: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    resource_id: String,
}

/// How far a content has come.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::eval) struct Progress {
    status: String,
    pub(in crate::cli::eval) facts_extracted: u64,
    pub(in crate::cli::eval) facts_written: u64,
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Retrieval<'a> {
    app_id: &'a str,
    user_id: &'a str,
    query: &'a str,
    max_tokens: usize,
}

/// What came back for one question.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::eval) struct Retrieved {
    summaries: Map<String, Value>,
    relevant_items: Vec<RelevantItem>,
    graph_context: Vec<Value>,
    pub(in crate::cli::eval) token_count: usize,
}

#[derive(Deserialize)]
struct RelevantItem {
    content: String,
}

impl Retrieved {
    /// Every text that an agent is given to read.
    pub(in crate::cli::eval) fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> =
            self.relevant_items.iter().map(|item| item.content.as_str()).collect();
        let others = self.summaries.values().chain(&self.graph_context);
        others.for_each(|value| strings_in(value, &mut texts));
        texts
    }

    pub(in crate::cli::eval) fn item_count(&self) -> usize {
        self.relevant_items.len()
    }
}

fn strings_in<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(list) => list.iter().for_each(|each| strings_in(each, into)),
        Value::Object(fields) => fields.values().for_each(|each| strings_in(each, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Magneteco {
    /// # Errors
    /// When it is not known which app the key belongs to.
    pub(in crate::cli::eval) fn new(access: Access) -> anyhow::Result<Self> {
        let app_id = access.app_id.clone().context("--url needs --app-id too")?;
        Ok(Self { http: Http::new(&access.base_url)?, access, app_id })
    }

    /// Sends one session of a user. The name of what it became, and the latency.
    ///
    /// # Errors
    /// When the server does not answer, or refuses it.
    pub(in crate::cli::eval) async fn memorize(
        &self,
        user_id: &str,
        content: &str,
    ) -> anyhow::Result<(String, u64)> {
        let content_type = "conversation";
        let body = NewContent { app_id: &self.app_id, user_id, content, content_type };
        let request = || self.http.post("/v1/memorize").json(&body);
        let response = self.send(request).await?;
        let queued: Queued = parse(&response, StatusCode::ACCEPTED)?;
        Ok((queued.resource_id, response.elapsed_us))
    }

    /// Waits until a content was read.
    ///
    /// # Errors
    /// When the server gives up on it, or never says that it is done.
    pub(in crate::cli::eval) async fn wait_for(&self, resource: &str) -> anyhow::Result<Progress> {
        let path = format!("/v1/memorize/{resource}/status");
        let mut pause = PAUSE;
        for _ in 0..POLLS_MAX {
            let progress: Progress =
                parse(&self.send(|| self.http.get(&path)).await?, StatusCode::OK)?;
            match progress.status.as_str() {
                "completed" => return Ok(progress),
                "failed" => {
                    bail!("{resource} failed: {}", progress.error.unwrap_or_default());
                }
                _ => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
        bail!("{resource} is not read after {POLLS_MAX} looks")
    }

    /// Asks one question about a user, and leaves all but the room to the server.
    ///
    /// # Errors
    /// When the server does not answer, or outside the contract.
    pub(in crate::cli::eval) async fn retrieve(
        &self,
        user_id: &str,
        query: &str,
        max_tokens: usize,
    ) -> anyhow::Result<(Retrieved, u64)> {
        let body = Retrieval { app_id: &self.app_id, user_id, query, max_tokens };
        let response = self.send(|| self.http.post("/v1/retrieve").json(&body)).await?;
        Ok((parse(&response, StatusCode::OK)?, response.elapsed_us))
    }

    async fn send(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Response> {
        for _ in 0..WAITS_MAX {
            let request = request().bearer_auth(&self.access.api_key);
            let response = self.http.send(request).await?;
            match response.status {
                StatusCode::UNAUTHORIZED => {
                    bail!("{} refused {} (HTTP 401)", response.url, self.access.key_source)
                }
                StatusCode::TOO_MANY_REQUESTS => {
                    let seconds = response.retry_after_s.unwrap_or(1).clamp(1, 60);
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                _ => return Ok(response),
            }
        }
        bail!("the server refuses more requests even after waiting as it asked to")
    }
}

fn parse<T: DeserializeOwned>(response: &Response, expected: StatusCode) -> anyhow::Result<T> {
    response.parse(expected, "magneteco")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_text_of_an_answer_is_read_and_nothing_else() {
        let answer = json!({
            "summaries": {"home": "Lives in Rome."},
            "relevantItems": [{"id": "item-1", "content": "Ana moved.", "category": "general"}],
            "graphContext": [{
                "name": "Ana",
                "properties": {"job": "painter"},
                "relationships": [{"type": "LIVES_IN", "target": "Rome"}],
            }],
            "tokenCount": 12,
            "query": "Where does Ana live?",
        });
        let retrieved: Retrieved = serde_json::from_value(answer).expect("an answer");
        let mut texts = retrieved.texts();
        texts.sort_unstable();
        assert_eq!(texts, ["Ana", "Ana moved.", "LIVES_IN", "Lives in Rome.", "Rome", "painter"]);
        assert_eq!((retrieved.item_count(), retrieved.token_count), (1, 12));
    }

    #[test]
    fn a_key_without_its_app_is_not_enough() {
        let access = |app_id: Option<&str>| Access {
            base_url: "http://127.0.0.1:1".to_owned(),
            api_key: "k".to_owned(),
            app_id: app_id.map(str::to_owned),
            key_source: "a test".to_owned(),
        };
        assert!(Magneteco::new(access(Some("a"))).is_ok());
        let error = Magneteco::new(access(None)).err().expect("fails");
        assert!(error.to_string().contains("--app-id"), "{error}");
    }
}
