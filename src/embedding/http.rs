//! An OpenAI-compatible embeddings endpoint. Owns batching, the bound on requests in flight,
//! time limits and retries; `answer` owns what an answer must look like. Invariant: a call ends
//! within `total_timeout_ms`, and nothing of a text, a key or an answer's body reaches an error.

mod answer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::embedding::error::AnswerProblem;
use crate::embedding::{EmbedError, EmbedFuture, Embedder, Embedding, HttpEmbedderSettings};
use crate::outbound::{self, Retry};
use crate::types::{Deadline, EmbedderIdentity};

/// Bytes of one answer: a full batch of the largest vectors written with many digits.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// See the module.
pub struct HttpEmbedder {
    identity: EmbedderIdentity,
    client: Client,
    /// The full address of the embeddings route.
    url: Url,
    /// `url` without a query, fit for messages.
    endpoint: String,
    model: String,
    api_key: Option<SecretString>,
    /// Asked for in the request when the settings say so.
    dimensions_sent: Option<usize>,
    batch_max: usize,
    timeout: Duration,
    total_timeout: Duration,
    retries_max: u32,
    requests: Arc<Semaphore>,
    /// Whether the last call succeeded.
    ready: AtomicBool,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

/// A failed request, and whether sending it again may help.
struct Failure {
    error: EmbedError,
    retry: Retry,
}

impl HttpEmbedder {
    /// Checks the settings, reads the key file and prepares the client; sends nothing.
    ///
    /// # Errors
    /// [`EmbedError::InvalidSettings`] (also when an https address meets a machine without root
    /// certificates) and [`EmbedError::ApiKeyFile`].
    pub fn new(settings: &HttpEmbedderSettings) -> Result<Self, EmbedError> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(EmbedError::InvalidSettings { problems });
        }
        let url = embeddings_url(&settings.url)?;
        Ok(Self {
            identity: identity_of(settings),
            client: client_for(&url)?,
            endpoint: outbound::shown(&url),
            url,
            model: settings.model.clone(),
            api_key: api_key_of(settings)?,
            dimensions_sent: settings.send_dimensions.then_some(settings.dimensions),
            batch_max: settings.batch_max,
            timeout: Duration::from_millis(settings.timeout_ms),
            total_timeout: Duration::from_millis(settings.total_timeout_ms),
            retries_max: settings.retries_max,
            requests: Arc::new(Semaphore::new(settings.requests_max)),
            ready: AtomicBool::new(true),
        })
    }

    async fn embed_all(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        // Endpoints refuse blank input, and it has no direction anyway.
        let asked: Vec<&str> =
            texts.iter().copied().filter(|text| !text.trim().is_empty()).collect();
        let deadline = Deadline::after(self.total_timeout);
        let batches = asked.chunks(self.batch_max).map(|batch| self.embed_batch(batch, deadline));
        let outcome = try_join_all(batches).await;
        if !asked.is_empty() {
            self.ready.store(outcome.is_ok(), Ordering::Relaxed);
        }
        let mut answered = outcome?.into_iter().flatten();
        let embedding_of = |text: &&str| match text.trim().is_empty() {
            true => None,
            false => answered.next().flatten(),
        };
        Ok(texts.iter().map(embedding_of).collect())
    }

    /// One request, repeated while that may help and there is time. One vector per text.
    async fn embed_batch(
        &self,
        texts: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Embedding>, EmbedError> {
        let mut attempt = 0;
        loop {
            let failure = match self.ask_within(texts, deadline).await {
                Ok(embeddings) => return Ok(embeddings),
                Err(failure) => failure,
            };
            let Retry::After(asked_for) = failure.retry else {
                return Err(failure.error);
            };
            let pause = outbound::pause(attempt, asked_for, rand::random_range(0.0..1.0));
            if attempt >= self.retries_max || pause >= deadline.remaining() {
                return Err(failure.error);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for a place among the requests in flight, then asks once. The permit goes back
    /// before any pause, so a failing batch does not hold up the others.
    async fn ask_within(
        &self,
        texts: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Embedding>, Failure> {
        let permit = timeout(deadline.remaining(), self.requests.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(self.timed_out(self.total_timeout));
        };
        let limit = self.timeout.min(deadline.remaining());
        timeout(limit, self.ask(texts)).await.unwrap_or_else(|_| Err(self.timed_out(limit)))
    }

    async fn ask(&self, texts: &[&str]) -> Result<Vec<Embedding>, Failure> {
        let mut request = self.client.post(self.url.clone()).json(&Request {
            model: &self.model,
            input: texts,
            encoding_format: "float",
            dimensions: self.dimensions_sent,
        });
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose_secret());
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(&response));
        }
        let body = self.read_body(response).await?;
        answer::parse(&body, texts.len(), self.identity.dimensions)
            .map_err(|problem| self.bad_answer(problem))
    }

    async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(
                    self.bad_answer(AnswerProblem::TooLarge { bytes_max: ANSWER_BYTES_MAX })
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let reason = outbound::broken_by(error);
        Failure {
            error: EmbedError::Unreachable { endpoint: self.endpoint.clone(), reason },
            retry: Retry::After(None),
        }
    }

    fn refused(&self, response: &Response) -> Failure {
        let status = response.status();
        let retry = Retry::on_answer(status, response.headers());
        let error =
            EmbedError::Refused { endpoint: self.endpoint.clone(), status: status.as_u16() };
        Failure { error, retry }
    }

    fn timed_out(&self, waited: Duration) -> Failure {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        Failure {
            error: EmbedError::TimedOut { endpoint: self.endpoint.clone(), waited_ms },
            retry: Retry::After(None),
        }
    }

    fn bad_answer(&self, problem: AnswerProblem) -> Failure {
        Failure {
            error: EmbedError::BadAnswer { endpoint: self.endpoint.clone(), problem },
            retry: Retry::Never,
        }
    }
}

impl Embedder for HttpEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str]) -> EmbedFuture<'a> {
        Box::pin(self.embed_all(texts))
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn is_cpu_bound(&self) -> bool {
        false
    }
}

fn embeddings_url(base: &str) -> Result<Url, EmbedError> {
    outbound::route(base, "embeddings").ok_or_else(|| EmbedError::InvalidSettings {
        problems: vec!["embedding.http.url must be an http or https address".to_owned()],
    })
}

fn identity_of(settings: &HttpEmbedderSettings) -> EmbedderIdentity {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"hebbd http embedder, rules 1\0");
    hasher.update(settings.model.as_bytes()).update(b"\0");
    hasher.update(settings.dimensions.to_string().as_bytes());
    EmbedderIdentity {
        name: format!("http:{}", settings.model),
        dimensions: settings.dimensions,
        hash: *hasher.finalize().as_bytes(),
    }
}

fn api_key_of(settings: &HttpEmbedderSettings) -> Result<Option<SecretString>, EmbedError> {
    let Some(path) = &settings.api_key_file else {
        return Ok(settings.api_key.clone());
    };
    let key = outbound::read_key(path);
    key.map(Some).map_err(|reason| EmbedError::ApiKeyFile { path: path.clone(), reason })
}

fn client_for(url: &Url) -> Result<Client, EmbedError> {
    outbound::client(url).map_err(|_| EmbedError::InvalidSettings {
        problems: vec![
            "embedding.http.url is https, but no root certificates were found on this machine"
                .to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_depends_on_model_and_dimensions_only() {
        let settings = HttpEmbedderSettings {
            model: "m".to_owned(),
            dimensions: 8,
            ..HttpEmbedderSettings::default()
        };
        let moved = HttpEmbedderSettings { url: "http://other".to_owned(), ..settings.clone() };
        let larger = HttpEmbedderSettings { dimensions: 9, ..settings.clone() };
        assert_eq!(identity_of(&settings).name, "http:m");
        assert_eq!(identity_of(&settings), identity_of(&moved));
        assert_ne!(identity_of(&settings).hash, identity_of(&larger).hash);
    }
}
