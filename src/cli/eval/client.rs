//! The server as a measurement sees it: [`Memory`] is what every dialect of atoms can do, a file for
//! each dialect says how, [`Http`] carries it. Magneteco, which has no atoms, stands by itself. One call at a time; a latency is what this client saw, in
//! microseconds, from sending to the last byte. Only fields of the published APIs are required of
//! an answer; a server's own are read when they are there.

pub(super) mod magneteco;
pub(super) mod mnemoverse;
pub(super) mod tex;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use super::data::Turn;
use crate::types::{Clock, SystemClock};

const TIMEOUT: Duration = Duration::from_secs(120);
/// Characters of an unexpected answer that are shown.
const SHOWN_CHARS: usize = 300;

/// A memory API of atoms to measure through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    Mnemoverse,
    Tex,
}

/// Where a server is, and a key that it knows.
pub(super) struct Access {
    pub(super) base_url: String,
    pub(super) api_key: String,
    /// The app that the key belongs to; `None` in an API that has none, or where it is not known.
    pub(super) app_id: Option<String>,
    /// Where the key came from, for the message when it is refused.
    pub(super) key_source: String,
}

/// What storing one turn came to.
pub(super) struct StoredTurn {
    pub(super) stored: bool,
    /// `None` when the turn was refused; the first one's when it was known already.
    pub(super) id: Option<String>,
}

/// What came back for one question.
pub(super) struct Answer {
    /// The turns, best first.
    pub(super) items: Vec<Item>,
    /// Results that are no turns. They take places of those asked for, and never count as evidence.
    pub(super) others: usize,
    /// What the server thinks of the whole answer, 0 to 1; `None` in a dialect that does not say.
    pub(super) confidence: Option<f64>,
    /// Empty in a dialect that has none.
    pub(super) query_concepts: Vec<String>,
}

pub(super) struct Item {
    /// The id that storing the turn answered.
    pub(super) id: String,
    /// The turn's name in the data set; `None` in a dialect that does not return it.
    pub(super) dia_id: Option<String>,
    /// 0 to 1.
    pub(super) relevance: f64,
}

/// A server through one dialect. A domain is what holds one conversation, apart from others.
pub(super) trait Memory {
    /// Turns sent with one write.
    const WRITE_BATCH: usize;

    /// Stores turns in order; one result for each, and the latency.
    ///
    /// # Errors
    /// When the server does not answer, or refuses the write as a whole.
    async fn store(&self, domain: &str, turns: &[Turn]) -> anyhow::Result<(Vec<StoredTurn>, u64)>;

    /// Asks one question of one domain.
    ///
    /// # Errors
    /// When the server does not answer, or outside the contract.
    async fn ask(&self, domain: &str, text: &str, top_k: usize) -> anyhow::Result<(Answer, u64)>;
}

/// Carries requests to one server.
struct Http {
    client: reqwest::Client,
    /// Without a trailing slash.
    base_url: String,
    clock: SystemClock,
}

struct Response {
    url: String,
    status: StatusCode,
    body: Vec<u8>,
    elapsed_us: u64,
    /// Seconds until the same request may succeed, where the server says so.
    retry_after_s: Option<u64>,
}

impl Http {
    fn new(base_url: &str) -> anyhow::Result<Self> {
        // Another part of the process may have installed one before; either serves.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT);
        if base_url.starts_with("http://") {
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let client = builder.build().context("cannot prepare an HTTP client")?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self { client, base_url, clock: SystemClock })
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// # Errors
    /// When there is no answer. One of any status is no error.
    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let (client, request) = request.build_split();
        let request = request.context("cannot prepare a request")?;
        let url = request.url().to_string();
        let start_us = self.clock.monotonic_micros();
        let unreachable = || format!("no answer from {url}; is the server running there?");
        let response = client.execute(request).await.with_context(unreachable)?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after_s = retry_after.and_then(|seconds| seconds.parse().ok());
        let body = response.bytes().await.with_context(unreachable)?.to_vec();
        let elapsed_us = self.clock.monotonic_micros() - start_us;
        Ok(Response { url, status, body, elapsed_us, retry_after_s })
    }
}

impl Response {
    /// Reads the body of an answer with the status `expected`.
    fn parse<T: DeserializeOwned>(
        &self,
        expected: StatusCode,
        dialect: &'static str,
    ) -> anyhow::Result<T> {
        let Self { url, status, body, .. } = self;
        if *status != expected {
            let shown: String = String::from_utf8_lossy(body).chars().take(SHOWN_CHARS).collect();
            bail!("{url} answered HTTP {status}: {shown}");
        }
        serde_json::from_slice(body)
            .with_context(|| format!("{url} answered outside the {dialect} contract"))
    }
}
