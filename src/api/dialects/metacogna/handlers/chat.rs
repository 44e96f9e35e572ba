//! Chatting over documents. A model's trouble is part of the answer, as published; `stream` is ours
//! and answers in server-sent events.

use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data};
use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;

use super::super::error::ApiError;
use super::super::limits::{Chat, CountedBody};
use super::super::wire::ChatEvent;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::{AnswerStream, ChatTrouble, Scope};

const TROUBLE: &str = "I encountered an error generating the response: ";

pub(in super::super) async fn chat(
    state: Data<ApiState>,
    counted: CountedBody<Chat>,
    deadline: RequestDeadline,
) -> Reply {
    let mut chat = convert::chat_request(&counted.json)?;
    // Also where nothing is looked up: nobody speaks for somebody else.
    let person = counted.caller.acting_for(&state, chat.user_id.as_deref())?;
    if chat.sources.is_empty() {
        let found = find_sources(&state, person.scope(deadline.0), &chat).await?;
        (chat.sources, chat.order.passages) = found;
    }
    let model = chat.shown_model(state.chat.default_model(&chat.provider));
    let convert::Chat { order, sources, provider, is_streamed, .. } = chat;
    if is_streamed {
        let answer = state.chat.answer_in_pieces(order).await?;
        return Ok(streamed(answer, &sources, &provider, &model));
    }
    let answer = state.chat.answer(order).await?;
    let response = answer.unwrap_or_else(|trouble| trouble_text(&trouble));
    reply(
        StatusCode::OK,
        &wire::ChatResponse {
            response: &response,
            sources: &sources,
            provider: &provider,
            model: &model,
        },
    )
}

async fn find_sources(
    state: &ApiState,
    scope: Scope,
    chat: &convert::Chat,
) -> Result<convert::Sources, ApiError> {
    let found = state.documents.search(scope, &chat.order.question, chat.top_k, 0.0).await?;
    convert::found_sources(found)
}

fn trouble_text(trouble: &ChatTrouble) -> String {
    let ChatTrouble { reason, instead } = trouble;
    match instead {
        Some(instead) => format!("{TROUBLE}{reason}\n\n{instead}"),
        None => format!("{TROUBLE}{reason}"),
    }
}

/// The sources, the answer piece by piece, and how it ended.
fn streamed(
    answer: Result<AnswerStream, ChatTrouble>,
    sources: &[Box<RawValue>],
    provider: &str,
    model: &str,
) -> HttpResponse {
    let first = event(&ChatEvent::Sources { sources, provider, model });
    let rest = match answer {
        Ok(pieces) => in_events(pieces),
        // A model's trouble before its first word is the answer, as it is without a stream.
        Err(trouble) => {
            let text = event(&ChatEvent::Delta { text: &trouble_text(&trouble) });
            stream::iter([text, event(&ChatEvent::Done)]).boxed()
        }
    };
    let events = stream::iter([first]).chain(rest).map(Ok::<_, Infallible>);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(events)
}

fn in_events(pieces: AnswerStream) -> stream::BoxStream<'static, Bytes> {
    let whole = stream::iter([None]);
    let pieces = pieces.map(Some).chain(whole);
    pieces
        .scan(false, |has_ended, piece| {
            if *has_ended {
                return std::future::ready(None);
            }
            let piece = match &piece {
                Some(Ok(text)) => event(&ChatEvent::Delta { text }),
                Some(Err(trouble)) => {
                    *has_ended = true;
                    event(&ChatEvent::Error { error: &format!("{TROUBLE}{}", trouble.reason) })
                }
                None => event(&ChatEvent::Done),
            };
            std::future::ready(Some(piece))
        })
        .boxed()
}

fn event(event: &ChatEvent<'_>) -> Bytes {
    // Texts and numbers always have a form in JSON.
    let json = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!("data: {json}\n\n"))
}
