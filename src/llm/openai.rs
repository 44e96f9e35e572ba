//! An OpenAI-compatible chat endpoint. Owns the bound on requests in flight, time limits,
//! repetitions and what is left out when an endpoint does not take it; `wire` owns what is sent
//! and what an answer must look like. Invariants: a call ends within `total_timeout_ms`; nothing
//! is asked again once a piece of an answer was given out; nothing of a prompt, a key or an
//! answer reaches an error.

mod answer_stream;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::llm::budget::Budget;
use crate::llm::call::Call;
use crate::llm::{
    Completion, LanguageModel, LlmError, LlmSettings, LlmSetupError, Prompt, TextStream,
};
use crate::outbound::{self, Retry};
use crate::types::Deadline;
use answer_stream::{AnswerStream, Bounds};
use wire::{Field, LengthField, Request};

/// Bytes of a refusal that are looked at.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// Where a model is asked, and with which key.
pub(super) struct Endpoint<'a> {
    /// What it is called in metrics.
    pub(super) name: &'static str,
    /// Where its settings stand, e.g. `llm.outside.openai`.
    pub(super) section: String,
    pub(super) url: &'a str,
    pub(super) model: &'a str,
    pub(super) api_key: Option<SecretString>,
}

/// See the module.
pub(super) struct OpenAiModel {
    name: &'static str,
    client: Client,
    /// The full address of the chat route.
    url: Url,
    model: String,
    api_key: Option<SecretString>,
    length: LengthField,
    timeout: Duration,
    total_timeout: Duration,
    first_token_timeout: Duration,
    idle_timeout: Duration,
    retries_max: u32,
    max_tokens: u32,
    answer_bytes_max: usize,
    requests: Arc<Semaphore>,
    budget: Arc<Budget>,
}

/// A failed request, and what may help.
struct Failure {
    error: LlmError,
    retry: Retry,
    /// What the endpoint did not take.
    refused: Option<Field>,
}

impl Failure {
    fn new(error: LlmError, retry: Retry) -> Self {
        Self { error, retry, refused: None }
    }

    fn lasting(error: LlmError) -> Self {
        Self::new(error, Retry::Never)
    }

    fn unreachable(reason: &'static str) -> Self {
        Self::new(LlmError::Unreachable { reason }, Retry::After(None))
    }
}

impl OpenAiModel {
    /// Prepares the client; sends nothing. The settings must have no problems.
    ///
    /// # Errors
    /// [`LlmSetupError::InvalidSettings`] when an https address meets a machine without root
    /// certificates.
    pub(super) fn new(
        endpoint: Endpoint<'_>,
        settings: &LlmSettings,
        budget: &Arc<Budget>,
    ) -> Result<Self, LlmSetupError> {
        let wrong = |problem: &str| LlmSetupError::InvalidSettings {
            problems: vec![format!("{}.url {problem}", endpoint.section)],
        };
        let url = outbound::route(endpoint.url, "chat/completions")
            .ok_or_else(|| wrong("must be an http or https address"))?;
        let client = outbound::client(&url)
            .map_err(|_| wrong("is https, but no root certificates were found on this machine"))?;
        let length = match url.host_str() {
            Some("api.openai.com") => LengthField::MaxCompletionTokens,
            _ => LengthField::MaxTokens,
        };
        Ok(Self {
            name: endpoint.name,
            client,
            url,
            model: endpoint.model.to_owned(),
            api_key: endpoint.api_key,
            length,
            timeout: Duration::from_millis(settings.timeout_ms),
            total_timeout: Duration::from_millis(settings.total_timeout_ms),
            first_token_timeout: Duration::from_millis(settings.first_token_timeout_ms),
            idle_timeout: Duration::from_millis(settings.idle_timeout_ms),
            retries_max: settings.retries_max,
            max_tokens: settings.max_tokens,
            answer_bytes_max: settings.answer_bytes_max,
            requests: Arc::new(Semaphore::new(settings.requests_max)),
            budget: Arc::clone(budget),
        })
    }

    async fn complete_all(&self, prompt: Prompt) -> Result<Completion, LlmError> {
        let mut call = Call::begin(self.name, &self.budget, &prompt)?;
        let deadline = Deadline::after(self.total_timeout);
        let mut request = self.request(&prompt, false);
        let mut attempt = 0;
        loop {
            match self.complete_once(&request, deadline, &mut call).await {
                Ok(completion) => {
                    call.received(&completion.text);
                    call.answered(completion.tokens);
                    return Ok(completion);
                }
                Err(failure) => {
                    let again = self.again(failure, request, &mut attempt, deadline).await;
                    request = again.inspect_err(|error| call.failed(error))?;
                }
            }
        }
    }

    async fn stream_all(&self, prompt: Prompt) -> Result<TextStream, LlmError> {
        let mut call = Call::begin(self.name, &self.budget, &prompt)?;
        let deadline = Deadline::after(self.total_timeout);
        let mut request = self.request(&prompt, true);
        let mut attempt = 0;
        loop {
            match self.stream_once(&request, deadline, &mut call).await {
                Ok((first, answer)) => return Ok(answer.after(first, call)),
                Err(failure) => {
                    let again = self.again(failure, request, &mut attempt, deadline).await;
                    request = again.inspect_err(|error| call.failed(error))?;
                }
            }
        }
    }

    fn request<'a>(&'a self, prompt: &'a Prompt, stream: bool) -> Request<'a> {
        Request::new(prompt, &self.model, self.max_tokens, self.length, stream)
    }

    /// The request to send next, after a pause where one is due; the error when none may help.
    async fn again<'a>(
        &self,
        failure: Failure,
        request: Request<'a>,
        attempt: &mut u32,
        deadline: Deadline,
    ) -> Result<Request<'a>, LlmError> {
        if let Some(field) = failure.refused {
            return Ok(request.without(field));
        }
        let Retry::After(asked_for) = failure.retry else {
            return Err(failure.error);
        };
        let pause = outbound::pause(*attempt, asked_for, rand::random_range(0.0..1.0));
        if *attempt >= self.retries_max || pause >= deadline.remaining() {
            return Err(failure.error);
        }
        *attempt += 1;
        tokio::time::sleep(pause).await;
        Ok(request)
    }

    /// One request that is answered as a whole. Its place goes back before any pause, so a
    /// failing call does not hold up the others.
    async fn complete_once(
        &self,
        request: &Request<'_>,
        deadline: Deadline,
        call: &mut Call,
    ) -> Result<Completion, Failure> {
        let _permit = self.permit(deadline).await?;
        call.sent();
        let answer = async {
            let response = self.send(request).await?;
            let body = self.read_body(response).await?;
            wire::parse_answer(&body, request.model()).map_err(Failure::lasting)
        };
        within(self.timeout.min(deadline.remaining()), answer).await
    }

    /// One request up to the first piece of its answer.
    async fn stream_once(
        &self,
        request: &Request<'_>,
        deadline: Deadline,
        call: &mut Call,
    ) -> Result<(String, AnswerStream), Failure> {
        let permit = self.permit(deadline).await?;
        call.sent();
        let (idle_timeout, text_bytes_max) = (self.idle_timeout, self.answer_bytes_max);
        let bounds = Bounds { idle_timeout, deadline, text_bytes_max };
        let answer = async {
            let response = self.send(request).await?;
            let mut answer = AnswerStream::new(response, permit, bounds);
            match answer.next_piece().await {
                Ok(Some(first)) => Ok((first, answer)),
                Ok(None) => Err(Failure::lasting(LlmError::EmptyAnswer)),
                Err(LlmError::Interrupted) => Err(Failure::unreachable("the connection broke")),
                Err(error) => Err(Failure::lasting(error)),
            }
        };
        within(self.first_token_timeout.min(deadline.remaining()), answer).await
    }

    async fn permit(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit, Failure> {
        let permit = Arc::clone(&self.requests).acquire_owned();
        match timeout(deadline.remaining(), permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Failure::lasting(LlmError::Overloaded)),
        }
    }

    /// Sends a request and waits for the head of an answer that is a success.
    async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let mut sent = self.client.post(self.url.clone()).json(request);
        if let Some(key) = &self.api_key {
            sent = sent.bearer_auth(key.expose_secret());
        }
        let sent = sent.send().await;
        let response = sent.map_err(|error| Failure::unreachable(outbound::broken_by(&error)))?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let retry = Retry::on_answer(status, response.headers());
        let error = match (status, retry) {
            (StatusCode::TOO_MANY_REQUESTS, Retry::After(retry_after)) => {
                LlmError::RateLimited { retry_after }
            }
            _ => LlmError::Refused { status: status.as_u16() },
        };
        let is_about_fields =
            matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
        let refused = match is_about_fields {
            true => request.refused_field(&start_of(response).await),
            false => None,
        };
        Err(Failure { error, retry, refused })
    }

    async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| Failure::unreachable(outbound::broken_by(&error)))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if body.len() + chunk.len() > self.answer_bytes_max {
                return Err(Failure::lasting(LlmError::TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
    }
}

impl LanguageModel for OpenAiModel {
    fn complete(&self, prompt: Prompt) -> BoxFuture<'_, Result<Completion, LlmError>> {
        Box::pin(self.complete_all(prompt))
    }

    fn stream(&self, prompt: Prompt) -> BoxFuture<'_, Result<TextStream, LlmError>> {
        Box::pin(self.stream_all(prompt))
    }

    fn model(&self) -> &str {
        &self.model
    }
}

/// An answer that takes longer is not asked for again: it cost the model all that time, and the
/// next one would too.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let too_late = Err(Failure::lasting(LlmError::TimedOut));
    timeout(limit, answer).await.unwrap_or(too_late)
}

/// As much of a refusal as comes and is looked at.
async fn start_of(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < REFUSAL_BYTES_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(REFUSAL_BYTES_MAX);
    body
}
