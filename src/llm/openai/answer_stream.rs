//! An answer that comes in as a stream. Owns the connection, the request's place in flight, and
//! what a stream must look like; `event_stream` takes the bytes apart, `wire` reads the events.
//! Invariant: it ends by itself, at the latest with the call's time.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::ready;
use futures_util::stream::{self, StreamExt};
use reqwest::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::wire::{self, Event};
use crate::llm::call::Call;
use crate::llm::event_stream::EventParser;
use crate::llm::{LlmError, TextStream, Usage};
use crate::types::Deadline;

/// Bytes of one event, whose text is a few tokens.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// How long an answer may be and take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Between two pieces of text.
    pub(super) idle_timeout: Duration,
    pub(super) deadline: Deadline,
    pub(super) text_bytes_max: usize,
}

/// See the module.
pub(super) struct AnswerStream {
    response: Response,
    bounds: Bounds,
    parser: EventParser,
    events: VecDeque<String>,
    text_bytes: usize,
    usage: Option<Usage>,
    /// Any event at all: something else than an event stream has none.
    has_begun: bool,
    /// The model has said everything.
    is_finished: bool,
    is_ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl AnswerStream {
    pub(super) fn new(response: Response, permit: OwnedSemaphorePermit, bounds: Bounds) -> Self {
        Self {
            response,
            bounds,
            parser: EventParser::new(EVENT_BYTES_MAX),
            events: VecDeque::new(),
            text_bytes: 0,
            usage: None,
            has_begun: false,
            is_finished: false,
            is_ended: false,
            _permit: permit,
        }
    }

    /// The next piece that is not empty, however long it takes. `None` after the last one.
    pub(super) async fn next_piece(&mut self) -> Result<Option<String>, LlmError> {
        loop {
            while let Some(data) = self.events.pop_front() {
                self.has_begun = true;
                if let Some(text) = self.take_event(&data)? {
                    return Ok(Some(text));
                }
            }
            if self.is_ended {
                return self.outcome();
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => {
                    let pushed = self.parser.push(&bytes, &mut self.events);
                    pushed.map_err(|_| LlmError::TooLarge)?;
                }
                Ok(None) => {
                    self.parser.finish(&mut self.events);
                    self.is_ended = true;
                }
                // Whatever was finished by then counts.
                Err(_) => {
                    self.has_begun = true;
                    self.is_ended = true;
                }
            }
        }
    }

    fn take_event(&mut self, data: &str) -> Result<Option<String>, LlmError> {
        let (text, is_last, usage) = match wire::parse_event(data)? {
            Event::Piece { text, is_last, usage } => (text, is_last, usage),
            Event::Failure if self.text_bytes == 0 => {
                return Err(LlmError::Malformed { what: "an error in place of an answer" });
            }
            Event::Failure => return Err(LlmError::Interrupted),
            Event::Done => {
                (self.is_finished, self.is_ended) = (true, true);
                self.events.clear();
                return Ok(None);
            }
        };
        self.is_finished |= is_last;
        self.usage = usage.or(self.usage);
        if text.is_empty() {
            return Ok(None);
        }
        self.text_bytes = self.text_bytes.saturating_add(text.len());
        if self.text_bytes > self.bounds.text_bytes_max {
            return Err(LlmError::TooLarge);
        }
        Ok(Some(text))
    }

    /// What the end of the connection means.
    fn outcome(&self) -> Result<Option<String>, LlmError> {
        if self.is_finished {
            return Ok(None);
        }
        Err(match self.has_begun {
            true => LlmError::Interrupted,
            false => LlmError::Malformed { what: "no event stream; check its url" },
        })
    }

    async fn next_in_time(&mut self) -> Result<Option<String>, LlmError> {
        let remaining = self.bounds.deadline.remaining();
        // A piece that has come already would be taken whatever the time.
        if remaining.is_zero() {
            return Err(LlmError::TimedOut);
        }
        let limit = self.bounds.idle_timeout.min(remaining);
        timeout(limit, self.next_piece()).await.unwrap_or(Err(LlmError::TimedOut))
    }

    /// `first` and everything after it; `call` ends with it.
    pub(super) fn after(self, first: String, mut call: Call) -> TextStream {
        call.received(&first);
        let rest = stream::unfold(Some((self, call)), |open| async {
            let (mut answer, mut call) = open?;
            match answer.next_in_time().await {
                Ok(Some(text)) => {
                    call.received(&text);
                    Some((Ok(text), Some((answer, call))))
                }
                Ok(None) => {
                    call.answered(answer.usage);
                    None
                }
                Err(error) => {
                    call.failed(&error);
                    Some((Err(error), None))
                }
            }
        });
        stream::once(ready(Ok(first))).chain(rest).boxed()
    }
}
