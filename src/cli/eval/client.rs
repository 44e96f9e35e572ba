//! The calls of the mnemoverse API that a measurement needs, over HTTP. One call at a time; a
//! latency is what this client saw, in microseconds, from sending to the last byte. Only fields of
//! the published API are required of an answer; a server's own are read when they are there.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{RequestBuilder, StatusCode};
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

#[derive(Serialize)]
pub(super) struct Feedback<'a> {
    pub(super) atom_ids: &'a [String],
    /// -1 to 1.
    pub(super) outcome: f64,
    pub(super) domain: &'a str,
    /// As the read answered them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query_concepts: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Consolidate<'a> {
    domain: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) atom_id: String,
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
pub(super) struct WriteResult {
    pub(super) stored: bool,
    /// `None` when the write was refused; the first atom's when its reference is repeated.
    pub(super) atom_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ReadAnswer {
    /// Best first.
    pub(super) items: Vec<Item>,
    #[serde(default)]
    pub(super) query_concepts: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct FeedbackAnswer {
    /// Atoms that were rated.
    pub(super) updated_count: u64,
    #[serde(default)]
    pub(super) coactivation_edges: u64,
}

#[derive(Deserialize)]
pub(super) struct ConsolidateAnswer {
    pub(super) atoms_before: u64,
    pub(super) atoms_after: u64,
    pub(super) prototypes_created: u64,
    pub(super) singletons_protected: u64,
}

/// What consolidation may change about an atom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct AtomState {
    atom_type: String,
    is_protected: bool,
    /// The prototype that stands for it, where the server says so.
    pub(super) consolidated_into: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Stats {
    pub(super) total_atoms: u64,
    pub(super) domains: Vec<String>,
    pub(super) hebbian_edges: u64,
}

impl<'a> NewAtom<'a> {
    /// Repeating the write of a turn answers the id of the first.
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
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT);
        if base_url.starts_with("http://") {
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder.build().context("cannot prepare an HTTP client")?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self { http, base_url, api_key, key_source, clock: SystemClock })
    }

    /// One result per item, in order.
    pub(super) async fn write_batch(
        &self,
        items: &[NewAtom<'_>],
    ) -> anyhow::Result<(Vec<WriteResult>, u64)> {
        let (answer, elapsed_us): (WriteAnswer, u64) =
            self.post("/memory/write-batch", &WriteBatch { items }).await?;
        let count = answer.results.len();
        let sent = items.len();
        ensure!(count == sent, "the server answered {count} results for a batch of {sent}");
        Ok((answer.results, elapsed_us))
    }

    pub(super) async fn read(&self, query: &ReadQuery<'_>) -> anyhow::Result<(ReadAnswer, u64)> {
        self.post("/memory/read", query).await
    }

    pub(super) async fn give_feedback(
        &self,
        feedback: &Feedback<'_>,
    ) -> anyhow::Result<(FeedbackAnswer, u64)> {
        self.post("/memory/feedback", feedback).await
    }

    pub(super) async fn consolidate(
        &self,
        domain: &str,
    ) -> anyhow::Result<(ConsolidateAnswer, u64)> {
        self.post("/memory/consolidate", &Consolidate { domain }).await
    }

    pub(super) async fn stats(&self) -> anyhow::Result<Stats> {
        let url = self.url("/memory/stats");
        let (status, body, _) = self.send(self.http.get(&url), &url).await?;
        parse(&url, status, &body)
    }

    /// `None` when the server has no atom of that id.
    pub(super) async fn find_atom(&self, id: &str) -> anyhow::Result<Option<AtomState>> {
        let url = self.url(&format!("/memory/atoms/{id}"));
        let (status, body, _) = self.send(self.http.get(&url), &url).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        parse(&url, status, &body).map(Some)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base_url)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<(T, u64)> {
        let url = self.url(path);
        let (status, body, elapsed_us) = self.send(self.http.post(&url).json(body), &url).await?;
        Ok((parse(&url, status, &body)?, elapsed_us))
    }

    async fn send(
        &self,
        request: RequestBuilder,
        url: &str,
    ) -> anyhow::Result<(StatusCode, Vec<u8>, u64)> {
        let request = request.header("X-Api-Key", &self.api_key);
        let start_us = self.clock.monotonic_micros();
        let unreachable = || format!("no answer from {url}; is the server running there?");
        let response = request.send().await.with_context(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.with_context(unreachable)?;
        let elapsed_us = self.clock.monotonic_micros() - start_us;
        if status == StatusCode::UNAUTHORIZED {
            bail!("{url} refused {} (HTTP 401)", self.key_source);
        }
        Ok((status, body.to_vec(), elapsed_us))
    }
}

fn parse<T: DeserializeOwned>(url: &str, status: StatusCode, body: &[u8]) -> anyhow::Result<T> {
    if status != StatusCode::OK {
        let shown: String = String::from_utf8_lossy(body).chars().take(SHOWN_CHARS).collect();
        bail!("{url} answered HTTP {status}: {shown}");
    }
    serde_json::from_slice(body)
        .with_context(|| format!("{url} answered outside the mnemoverse contract"))
}
