//! Chatting over documents.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::api::validation::request;

request! {
    /// `POST /api/chat`.
    #[serde(rename_all = "camelCase")]
    ChatRequest {
        query,
        agent_type,
        sources,
        llm_config,
        system_prompt,
        temperature,
        history_context,
        user_goals,
        user_id,
        top_k,
        limit,
        /// Ours.
        stream,
    }
}

request! {
    /// `llmConfig` of a chat.
    #[serde(rename_all = "camelCase")]
    LlmConfigRequest { provider, model, max_tokens, }
}

request! {
    /// What is looked at of a source that was sent along.
    #[serde(rename_all = "camelCase")]
    SourceRequest { text, snippet, document_title, metadata, }
}

request! {
    #[serde(rename_all = "camelCase")]
    SourceMetadataRequest { document_title, }
}

#[derive(Debug, Serialize)]
pub(in super::super) struct ChatResponse<'a> {
    pub(in super::super) response: &'a str,
    pub(in super::super) sources: &'a [Box<RawValue>],
    pub(in super::super) provider: &'a str,
    pub(in super::super) model: &'a str,
}

/// A source that the server found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct FoundSource {
    pub(in super::super) id: String,
    pub(in super::super) document_id: String,
    pub(in super::super) document_title: String,
    pub(in super::super) snippet: String,
    pub(in super::super) text: String,
    pub(in super::super) score: f32,
    pub(in super::super) metadata: Map<String, Value>,
}

/// The events of a streamed answer, which is ours.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(in super::super) enum ChatEvent<'a> {
    /// First: what the answer is made of.
    Sources { sources: &'a [Box<RawValue>], provider: &'a str, model: &'a str },
    /// The next piece of the answer.
    Delta { text: &'a str },
    /// The answer ends here, unfinished.
    Error { error: &'a str },
    /// The answer is whole.
    Done,
}
