//! The two calls of the mnemoverse API that a measurement needs, over HTTP. One call at a time;
//! a latency is what this client saw, from sending to the last byte.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::data::Turn;
use crate::types::{Clock, SystemClock};

const TIMEOUT: Duration = Duration::from_secs(120);
/// Characters of an unexpected answer that are shown.
const SHOWN_CHARS: usize = 300;

pub(super) struct Client {
    http: reqwest::Client,
    /// Without a trailing slash.
    base_url: String,
    api_key: String,
    /// Where the key came from, for the message when it is refused.
    key_source: String,
    clock: SystemClock,
}

#[derive(Serialize)]
pub(super) struct NewAtom<'a> {
    content: &'a str,
    domain: &'a str,
    external_ref: String,
    metadata: TurnMetadata<'a>,
}

#[derive(Serialize)]
struct TurnMetadata<'a> {
    dia_id: &'a str,
    session_id: &'a str,
    occurred_at: &'a str,
}

#[derive(Serialize)]
pub(super) struct ReadQuery<'a> {
    pub(super) query: &'a str,
    pub(super) domain: &'a str,
    pub(super) top_k: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_relevance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) include_associations: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) relevance: f64,
    pub(super) domain: String,
    metadata: serde_json::Value,
}

#[derive(Serialize)]
struct WriteBatch<'a> {
    items: &'a [NewAtom<'a>],
}

#[derive(Deserialize)]
struct WriteAnswer {
    results: Vec<WriteResult>,
}

#[derive(Deserialize)]
struct WriteResult {
    stored: bool,
}

#[derive(Deserialize)]
struct ReadAnswer {
    items: Vec<Item>,
}

impl<'a> NewAtom<'a> {
    pub(super) fn of_turn(turn: &'a Turn, domain: &'a str) -> Self {
        Self {
            content: &turn.content,
            domain,
            external_ref: format!("{domain}/{}", turn.dia_id),
            metadata: TurnMetadata {
                dia_id: &turn.dia_id,
                session_id: &turn.session_id,
                occurred_at: &turn.occurred_at,
            },
        }
    }
}

impl Item {
    /// The turn this atom came from.
    pub(super) fn dia_id(&self) -> Option<&str> {
        self.metadata.get("dia_id")?.as_str()
    }
}

impl Client {
    pub(super) fn new(base_url: &str, api_key: String, key_source: String) -> anyhow::Result<Self> {
        // Another part of the process may have installed one before; either serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT);
        if base_url.starts_with("http://") {
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder.build().context("cannot prepare an HTTP client")?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self { http, base_url, api_key, key_source, clock: SystemClock })
    }

    /// Whether each item was stored, and the latency in microseconds.
    pub(super) async fn write_batch(
        &self,
        items: &[NewAtom<'_>],
    ) -> anyhow::Result<(Vec<bool>, u64)> {
        let (answer, elapsed_us): (WriteAnswer, u64) =
            self.call("/memory/write-batch", &WriteBatch { items }).await?;
        Ok((answer.results.iter().map(|result| result.stored).collect(), elapsed_us))
    }

    /// The items of the answer, best first, and the latency in microseconds.
    pub(super) async fn read(&self, query: &ReadQuery<'_>) -> anyhow::Result<(Vec<Item>, u64)> {
        let (answer, elapsed_us): (ReadAnswer, u64) = self.call("/memory/read", query).await?;
        Ok((answer.items, elapsed_us))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<(T, u64)> {
        let url = format!("{}/api/v1{path}", self.base_url);
        let request = self.http.post(&url).header("X-Api-Key", &self.api_key).json(body);
        let start_us = self.clock.monotonic_micros();
        let unreachable = || format!("no answer from {url}; is the server running there?");
        let response = request.send().await.with_context(unreachable)?;
        let status = response.status();
        let text = response.bytes().await.with_context(unreachable)?;
        let elapsed_us = self.clock.monotonic_micros() - start_us;
        if status == StatusCode::UNAUTHORIZED {
            bail!("{url} refused {} (HTTP 401)", self.key_source);
        }
        if status != StatusCode::OK {
            let shown: String = String::from_utf8_lossy(&text).chars().take(SHOWN_CHARS).collect();
            bail!("{url} answered HTTP {status}: {shown}");
        }
        let answer = serde_json::from_slice(&text)
            .with_context(|| format!("{url} answered outside the mnemoverse contract"))?;
        Ok((answer, elapsed_us))
    }
}
