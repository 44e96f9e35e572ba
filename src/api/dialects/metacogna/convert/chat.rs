//! Chats: what is asked of whom, and the sources it was answered from.

use serde_json::value::RawValue;

use super::super::error::ApiError;
use super::super::personas;
use super::super::wire::{
    ChatRequest, FoundSource, LlmConfigRequest, SourceMetadataRequest, SourceRequest,
};
use super::search::{chunk_id, chunk_metadata, number, top_k};
use super::{Fields, parse_body};
use crate::api::validation::{Raw, parse_array, parse_object, parse_text, unless_null};
use crate::service::{ChatOrder, ChosenModel, FoundChunk, Passage};

/// Whose word for the server's own model this is, and its name where none was asked for.
const OWN_PROVIDER: &str = "workers-ai";
const OWN_MODEL: &str = "@cf/meta/llama-3-8b-instruct";

/// Tokens of an outside provider's answer where no number is asked for.
const OUTSIDE_TOKENS_MAX: u32 = 2_048;
const TOKENS_MAX: u32 = 1_000_000;

const TEMPERATURE_DEFAULT: f32 = 0.2;

/// Sources that may be sent along, and characters of a name.
const SOURCES_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 200;

/// What a source without a title is called.
const NO_TITLE: &str = "Unknown";

/// A chat to be answered. Its passages are those of the sources that were sent along.
#[derive(Debug)]
pub(in super::super) struct Chat {
    pub(in super::super) order: ChatOrder,
    /// As they were sent; empty where the server is to find some.
    pub(in super::super) sources: Vec<Box<RawValue>>,
    pub(in super::super) provider: String,
    /// `None` where none was asked for.
    pub(in super::super) model: Option<String>,
    pub(in super::super) user_id: Option<String>,
    pub(in super::super) top_k: usize,
    pub(in super::super) is_streamed: bool,
}

impl Chat {
    /// The model's name for the answer.
    pub(in super::super) fn shown_model(&self, default_model: Option<&str>) -> String {
        let of_provider = match self.provider.as_str() {
            OWN_PROVIDER => OWN_MODEL,
            _ => default_model.unwrap_or("default"),
        };
        self.model.clone().unwrap_or_else(|| of_provider.to_owned())
    }
}

pub(in super::super) fn chat_request(body: &str) -> Result<Chat, ApiError> {
    let request: ChatRequest<'_> = parse_body(body)?;
    let question = Fields::required_text("query", request.query)?;
    let role = Fields::text("agentType", request.agent_type)?;
    let config = llm_config(request.llm_config)?;
    let (sources, passages) = sources(request.sources)?;
    let instructions = Fields::text("systemPrompt", request.system_prompt)?;
    let instructions = instructions.filter(|text| !text.trim().is_empty());
    let known_role = role.as_deref().and_then(personas::find);
    let order = ChatOrder {
        question,
        instructions: instructions
            .unwrap_or_else(|| known_role.unwrap_or(personas::PLAIN).to_owned()),
        role: role.filter(|_| known_role.is_some()),
        goals: Fields::text("userGoals", request.user_goals)?,
        history: Fields::text("historyContext", request.history_context)?,
        passages,
        model: config.chosen(),
        temperature: temperature(request.temperature)?,
        tokens_max: config.tokens_max,
    };
    Ok(Chat {
        order,
        sources,
        top_k: top_k(("topK", request.top_k), ("limit", request.limit))?,
        user_id: Fields::text("userId", request.user_id)?,
        is_streamed: is_yes(request.stream),
        provider: config.provider,
        model: config.model,
    })
}

struct LlmConfig {
    provider: String,
    model: Option<String>,
    tokens_max: Option<u32>,
}

impl LlmConfig {
    fn chosen(&self) -> ChosenModel {
        match self.provider.as_str() {
            OWN_PROVIDER => ChosenModel::Own,
            _ => {
                ChosenModel::Outside { provider: self.provider.clone(), model: self.model.clone() }
            }
        }
    }
}

fn llm_config(raw: Raw<'_>) -> Result<LlmConfig, ApiError> {
    const NAME: &str = "llmConfig";
    let request = match unless_null(raw) {
        Some(raw) => parse_object(raw.get()).map_err(|_cause| ApiError::invalid_field(NAME))?,
        None => LlmConfigRequest::default(),
    };
    let name = |name: &str, raw| -> Result<Option<String>, ApiError> {
        let text = Fields::text(name, raw)?.filter(|text| !text.trim().is_empty());
        match text {
            Some(text) if text.chars().count() > NAME_CHARS_MAX => {
                Err(ApiError::invalid_field(name))
            }
            text => Ok(text),
        }
    };
    let provider = name("llmConfig.provider", request.provider)?;
    let provider = provider.unwrap_or_else(|| OWN_PROVIDER.to_owned());
    let tokens_max = number("llmConfig.maxTokens", request.max_tokens)?;
    let tokens_max = tokens_max.map(checked_tokens).transpose()?;
    let default = (provider != OWN_PROVIDER).then_some(OUTSIDE_TOKENS_MAX);
    Ok(LlmConfig {
        model: name("llmConfig.model", request.model)?,
        tokens_max: tokens_max.or(default),
        provider,
    })
}

fn checked_tokens(number: f64) -> Result<u32, ApiError> {
    let is_fit = number.fract() == 0.0 && (1.0..=f64::from(TOKENS_MAX)).contains(&number);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 1 to TOKENS_MAX"
    )]
    is_fit.then_some(number as u32).ok_or_else(|| ApiError::invalid_field("llmConfig.maxTokens"))
}

fn temperature(raw: Raw<'_>) -> Result<f32, ApiError> {
    const NAME: &str = "temperature";
    let Some(number) = number(NAME, raw)? else { return Ok(TEMPERATURE_DEFAULT) };
    #[allow(clippy::cast_possible_truncation, reason = "it lies in [0, 2]")]
    let temperature = (0.0..=2.0).contains(&number).then_some(number as f32);
    temperature.ok_or_else(|| ApiError::invalid_field(NAME))
}

/// Ours: anything but a plain yes is none.
fn is_yes(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true")
}

pub(in super::super) type Sources = (Vec<Box<RawValue>>, Vec<Passage>);

/// What was sent along, to the letter, and what of it is a passage.
fn sources(raw: Raw<'_>) -> Result<Sources, ApiError> {
    const NAME: &str = "sources";
    let Some(raw) = unless_null(raw) else { return Ok(Sources::default()) };
    let invalid = || ApiError::invalid_field(NAME);
    let entries = parse_array(raw).ok_or_else(invalid)?;
    if entries.len() > SOURCES_MAX {
        return Err(ApiError::bad_request(format!("{NAME} has more than {SOURCES_MAX} entries")));
    }
    let mut passages = Vec::with_capacity(entries.len());
    for entry in &entries {
        let source: SourceRequest<'_> = parse_object(entry.get()).map_err(|_cause| invalid())?;
        // Whatever else a client keeps in its sources is none of our business.
        let text = text_of(source.text).or_else(|| text_of(source.snippet));
        let named = source
            .metadata
            .and_then(|metadata| parse_object::<SourceMetadataRequest<'_>>(metadata.get()).ok());
        let title = named
            .and_then(|metadata| text_of(metadata.document_title))
            .or_else(|| text_of(source.document_title));
        let title = title.unwrap_or_else(|| NO_TITLE.to_owned());
        passages.extend(text.map(|text| Passage { title, text }));
    }
    Ok((entries.into_iter().map(RawValue::to_owned).collect(), passages))
}

fn text_of(raw: Raw<'_>) -> Option<String> {
    raw.and_then(|raw| parse_text(raw).ok()).filter(|text| !text.trim().is_empty())
}

/// What was found, as it is answered, and as it is read.
pub(in super::super) fn found_sources(chunks: Vec<FoundChunk>) -> Result<Sources, ApiError> {
    let mut sources = Vec::with_capacity(chunks.len());
    let mut passages = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let title = chunk.document.title.clone();
        let source = FoundSource {
            id: chunk_id(&chunk),
            document_id: chunk.document.id.clone(),
            document_title: title.clone(),
            snippet: chunk.text.clone(),
            score: chunk.relevance,
            metadata: chunk_metadata(&chunk.document, chunk.index, &chunk.text),
            text: chunk.text.clone(),
        };
        let raw = serde_json::value::to_raw_value(&source);
        sources.push(raw.map_err(|_cause| ApiError::internal())?);
        passages.push(Passage { title, text: chunk.text });
    }
    Ok((sources, passages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_chat_has_the_documented_defaults() {
        let body = r#"{"query":"Why?","agentType":"nobody","llmConfig":null,"stream":"yes"}"#;
        let chat = chat_request(body).unwrap();
        assert_eq!(chat.provider, "workers-ai");
        assert_eq!(chat.shown_model(None), "@cf/meta/llama-3-8b-instruct");
        assert_eq!((chat.top_k, chat.is_streamed, chat.sources.len()), (5, false, 0));
        assert_eq!((chat.order.model, chat.order.tokens_max), (ChosenModel::Own, None));
        assert_eq!(chat.order.instructions, personas::PLAIN);
        assert_eq!(chat.order.role, None);
    }

    #[test]
    fn a_prompt_of_the_caller_s_own_comes_before_that_of_the_role() {
        let body = r#"{"query":"q","agentType":"critic","systemPrompt":" "}"#;
        let chat = chat_request(body).unwrap();
        assert_eq!(Some(chat.order.instructions.as_str()), personas::find("critic"));
        let body = r#"{"query":"q","agentType":"critic","systemPrompt":"Mine"}"#;
        let chat = chat_request(body).unwrap();
        assert_eq!(
            (chat.order.instructions.as_str(), chat.order.role.as_deref()),
            ("Mine", Some("critic"))
        );
    }

    #[test]
    fn sources_are_kept_to_the_letter_and_read_in_both_forms() {
        let body = r#"{"query":"q","sources":[{"text":"a","metadata":{"documentTitle":"A"},"x":1.0},
            {"snippet":"b","documentTitle":"B"},{"snippet":"c"},{"other":true}]}"#;
        let chat = chat_request(body).unwrap();
        let texts: Vec<_> = chat.sources.iter().map(|source| source.get()).collect();
        assert_eq!(texts[0], r#"{"text":"a","metadata":{"documentTitle":"A"},"x":1.0}"#);
        assert_eq!(texts.len(), 4);
        let passages: Vec<_> =
            chat.order.passages.iter().map(|it| (it.title.as_str(), it.text.as_str())).collect();
        assert_eq!(passages, [("A", "a"), ("B", "b"), ("Unknown", "c")]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, error) in [
            (r"{}", "Missing required field: query"),
            (r#"{"query":"q","temperature":2.1}"#, "Invalid value for field: temperature"),
            (r#"{"query":"q","temperature":"hot"}"#, "Invalid value for field: temperature"),
            (r#"{"query":"q","sources":{}}"#, "Invalid value for field: sources"),
            (r#"{"query":"q","sources":["a"]}"#, "Invalid value for field: sources"),
            (r#"{"query":"q","topK":0}"#, "Invalid value for field: topK"),
            (r#"{"query":"q","llmConfig":7}"#, "Invalid value for field: llmConfig"),
            (
                r#"{"query":"q","llmConfig":{"maxTokens":0}}"#,
                "Invalid value for field: llmConfig.maxTokens",
            ),
        ] {
            assert_eq!(chat_request(body).unwrap_err().to_string(), error, "{body}");
        }
    }

    #[test]
    fn an_outside_model_is_echoed() {
        let body = r#"{"query":"q","llmConfig":{"provider":"openai","model":"gpt","maxTokens":7}}"#;
        let chat = chat_request(body).unwrap();
        assert_eq!(chat.order.tokens_max, Some(7));
        assert_eq!((chat.provider.as_str(), chat.shown_model(None).as_str()), ("openai", "gpt"));
        let chat = chat_request(r#"{"query":"q","llmConfig":{"provider":"other"}}"#).unwrap();
        assert_eq!(chat.order.tokens_max, Some(OUTSIDE_TOKENS_MAX));
        assert_eq!(chat.shown_model(Some("its default")), "its default");
    }
}
