//! The calls of the mnemoverse API that a measurement needs. A turn is an atom whose metadata name
//! it.

use anyhow::{bail, ensure};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Access, Answer, Http, Item, Memory, Response, StoredTurn};
use crate::cli::eval::data::Turn;

pub(in crate::cli::eval) struct Mnemoverse {
    http: Http,
    access: Access,
    options: ReadOptions,
}

/// What every read says besides its question.
#[derive(Clone, Copy)]
pub(in crate::cli::eval) struct ReadOptions {
    /// 0 to 1; the server's own when absent.
    pub(in crate::cli::eval) min_relevance: Option<f64>,
    /// The server's own choice when absent.
    pub(in crate::cli::eval) include_associations: Option<bool>,
}

#[derive(Serialize)]
struct NewAtom<'a> {
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
struct ReadQuery<'a> {
    query: &'a str,
    domain: &'a str,
    top_k: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_relevance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    include_associations: Option<bool>,
}

#[derive(Serialize)]
pub(in crate::cli::eval) struct Feedback<'a> {
    pub(in crate::cli::eval) atom_ids: &'a [String],
    /// -1 to 1.
    pub(in crate::cli::eval) outcome: f64,
    pub(in crate::cli::eval) domain: &'a str,
    /// As the read answered them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli::eval) query_concepts: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Consolidate<'a> {
    domain: &'a str,
}

#[derive(Deserialize)]
struct ReadItem {
    atom_id: String,
    relevance: f64,
    domain: String,
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
    /// `None` when the write was refused; the first atom's when its reference is repeated.
    atom_id: Option<String>,
}

#[derive(Deserialize)]
struct ReadAnswer {
    /// Best first.
    items: Vec<ReadItem>,
    #[serde(default)]
    query_concepts: Vec<String>,
}

#[derive(Deserialize)]
pub(in crate::cli::eval) struct FeedbackAnswer {
    /// Atoms that were rated.
    pub(in crate::cli::eval) updated_count: u64,
    #[serde(default)]
    pub(in crate::cli::eval) coactivation_edges: u64,
}

#[derive(Deserialize)]
pub(in crate::cli::eval) struct ConsolidateAnswer {
    pub(in crate::cli::eval) atoms_before: u64,
    pub(in crate::cli::eval) atoms_after: u64,
    pub(in crate::cli::eval) prototypes_created: u64,
    pub(in crate::cli::eval) singletons_protected: u64,
}

/// What consolidation may change about an atom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::cli::eval) struct AtomState {
    atom_type: String,
    is_protected: bool,
    /// The prototype that stands for it, where the server says so.
    pub(in crate::cli::eval) consolidated_into: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::cli::eval) struct Stats {
    pub(in crate::cli::eval) total_atoms: u64,
    pub(in crate::cli::eval) domains: Vec<String>,
    pub(in crate::cli::eval) hebbian_edges: u64,
}

impl<'a> NewAtom<'a> {
    /// Repeating the write of a turn answers the id of the first.
    fn of_turn(turn: &'a Turn, domain: &'a str) -> Self {
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

impl ReadItem {
    /// The turn this atom came from.
    fn dia_id(&self) -> Option<&str> {
        self.metadata.get("dia_id")?.as_str()
    }
}

impl Memory for Mnemoverse {
    const WRITE_BATCH: usize = 200;

    async fn store(&self, domain: &str, turns: &[Turn]) -> anyhow::Result<(Vec<StoredTurn>, u64)> {
        let items: Vec<NewAtom> = turns.iter().map(|turn| NewAtom::of_turn(turn, domain)).collect();
        let batch = WriteBatch { items: &items };
        let (answer, elapsed_us): (WriteAnswer, u64) =
            self.post("/memory/write-batch", &batch).await?;
        let count = answer.results.len();
        let sent = items.len();
        ensure!(count == sent, "the server answered {count} results for a batch of {sent}");
        let results = answer.results.into_iter();
        let stored = results.map(|it| StoredTurn { stored: it.stored, id: it.atom_id });
        Ok((stored.collect(), elapsed_us))
    }

    async fn ask(&self, domain: &str, text: &str, top_k: usize) -> anyhow::Result<(Answer, u64)> {
        let ReadOptions { min_relevance, include_associations } = self.options;
        let query = ReadQuery { query: text, domain, top_k, min_relevance, include_associations };
        let (answer, elapsed_us): (ReadAnswer, u64) = self.post("/memory/read", &query).await?;
        ensure!(
            answer.items.iter().all(|item| item.domain == domain),
            "a read of {domain} returned another domain's atom",
        );
        let items = answer.items.into_iter().map(|item| Item {
            dia_id: item.dia_id().map(str::to_owned),
            id: item.atom_id,
            relevance: item.relevance,
        });
        let answer = Answer {
            items: items.collect(),
            others: 0,
            confidence: None,
            query_concepts: answer.query_concepts,
        };
        Ok((answer, elapsed_us))
    }
}

impl Mnemoverse {
    pub(in crate::cli::eval) fn new(access: Access, options: ReadOptions) -> anyhow::Result<Self> {
        Ok(Self { http: Http::new(&access.base_url)?, access, options })
    }

    pub(in crate::cli::eval) async fn give_feedback(
        &self,
        feedback: &Feedback<'_>,
    ) -> anyhow::Result<(FeedbackAnswer, u64)> {
        self.post("/memory/feedback", feedback).await
    }

    pub(in crate::cli::eval) async fn consolidate(
        &self,
        domain: &str,
    ) -> anyhow::Result<(ConsolidateAnswer, u64)> {
        self.post("/memory/consolidate", &Consolidate { domain }).await
    }

    pub(in crate::cli::eval) async fn stats(&self) -> anyhow::Result<Stats> {
        let response = self.send(self.http.get("/api/v1/memory/stats")).await?;
        parse(&response)
    }

    /// `None` when the server has no atom of that id.
    pub(in crate::cli::eval) async fn find_atom(
        &self,
        id: &str,
    ) -> anyhow::Result<Option<AtomState>> {
        let response = self.send(self.http.get(&format!("/api/v1/memory/atoms/{id}"))).await?;
        if response.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        parse(&response).map(Some)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<(T, u64)> {
        let request = self.http.post(&format!("/api/v1{path}")).json(body);
        let response = self.send(request).await?;
        Ok((parse(&response)?, response.elapsed_us))
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = self.http.send(request.header("X-Api-Key", &self.access.api_key)).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            bail!("{} refused {} (HTTP 401)", response.url, self.access.key_source);
        }
        Ok(response)
    }
}

fn parse<T: DeserializeOwned>(response: &Response) -> anyhow::Result<T> {
    response.parse(StatusCode::OK, "mnemoverse")
}
