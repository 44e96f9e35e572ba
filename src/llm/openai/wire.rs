//! What is sent to an OpenAI-compatible endpoint and what its answers must look like. Pure.
//! Everything in an answer that is not named here is ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::llm::{Completion, LlmError, Prompt, Usage};

/// The body of a request.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    /// Whether the bound of the length has its other name already.
    #[serde(skip)]
    is_renamed: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// How an endpoint calls the bound of an answer's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LengthField {
    MaxTokens,
    /// OpenAI's own name; its newer models refuse the older one.
    MaxCompletionTokens,
}

/// What a request can do without when an endpoint or a model does not take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Temperature,
    StreamOptions,
    Length,
}

impl<'a> Request<'a> {
    /// `model` and `max_tokens` are for prompts that name none.
    pub(super) fn new(
        prompt: &'a Prompt,
        model: &'a str,
        max_tokens: u32,
        length: LengthField,
        stream: bool,
    ) -> Self {
        let system = Message { role: "system", content: &prompt.system };
        let user = Message { role: "user", content: &prompt.user };
        let is_given = !prompt.system.trim().is_empty();
        let tokens = Some(prompt.max_tokens.unwrap_or(max_tokens));
        let temperature = if prompt.temperature.is_nan() { 0.0 } else { prompt.temperature };
        Self {
            model: prompt.model.as_deref().unwrap_or(model),
            messages: is_given.then_some(system).into_iter().chain([user]).collect(),
            temperature: Some(temperature.clamp(0.0, 2.0)),
            max_tokens: tokens.filter(|_| length == LengthField::MaxTokens),
            max_completion_tokens: tokens.filter(|_| length == LengthField::MaxCompletionTokens),
            stream,
            stream_options: stream.then_some(StreamOptions { include_usage: true }),
            is_renamed: false,
        }
    }

    pub(super) fn model(&self) -> &'a str {
        self.model
    }

    /// The part of this request that a refusal seems to be about. An endpoint may echo the prompt
    /// in its refusal, so this is a guess; a wrong one costs one more request.
    pub(super) fn refused_field(&self, refusal: &[u8]) -> Option<Field> {
        let refusal = String::from_utf8_lossy(refusal);
        let names = |name: &str| refusal.contains(name);
        if self.temperature.is_some() && names("temperature") {
            return Some(Field::Temperature);
        }
        if self.stream_options.is_some() && (names("stream_options") || names("include_usage")) {
            return Some(Field::StreamOptions);
        }
        let is_length = names("max_tokens") || names("max_completion_tokens");
        (is_length && !self.is_renamed).then_some(Field::Length)
    }

    /// Takes that part out; the bound of the length gets its other name instead, because an answer
    /// is never asked for without one.
    pub(super) fn without(mut self, field: Field) -> Self {
        match field {
            Field::Temperature => self.temperature = None,
            Field::StreamOptions => self.stream_options = None,
            Field::Length => {
                std::mem::swap(&mut self.max_tokens, &mut self.max_completion_tokens);
                self.is_renamed = true;
            }
        }
        self
    }
}

#[derive(Deserialize)]
struct Answer {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Said>,
    delta: Option<Said>,
    finish_reason: Option<Value>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<Content>,
}

/// Text, or parts of which some are text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Said {
    fn into_text(self) -> String {
        match self.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

/// Reads a whole answer of `model`.
///
/// # Errors
/// [`LlmError::Malformed`] and [`LlmError::EmptyAnswer`].
pub(super) fn parse_answer(body: &[u8], model: &str) -> Result<Completion, LlmError> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| LlmError::Malformed { what: "no JSON of a chat completion; check its url" })?;
    if answer.error.is_some() {
        return Err(LlmError::Malformed { what: "an error in place of an answer" });
    }
    let Some(choices) = answer.choices else {
        return Err(LlmError::Malformed { what: "JSON without choices; check its url" });
    };
    let said = choices.into_iter().next().and_then(|choice| choice.message);
    let text = said.map(Said::into_text).unwrap_or_default();
    if text.trim().is_empty() {
        return Err(LlmError::EmptyAnswer);
    }
    Ok(Completion { text, model: model.to_owned(), tokens: answer.usage.and_then(usage_of) })
}

/// One event of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Piece {
        /// Often empty: events tell of roles, thoughts and ends too.
        text: String,
        /// The model has said everything; counts may follow.
        is_last: bool,
        usage: Option<Usage>,
    },
    /// Something failed at the other end.
    Failure,
    /// Nothing follows.
    Done,
}

/// Reads the data of one event.
///
/// # Errors
/// [`LlmError::Malformed`].
pub(super) fn parse_event(data: &str) -> Result<Event, LlmError> {
    if data.trim() == "[DONE]" {
        return Ok(Event::Done);
    }
    let answer: Answer = serde_json::from_str(data)
        .map_err(|_| LlmError::Malformed { what: "an event that is no JSON of a chat chunk" })?;
    if answer.error.is_some() {
        return Ok(Event::Failure);
    }
    let usage = answer.usage.and_then(usage_of);
    let Some(choice) = answer.choices.and_then(|choices| choices.into_iter().next()) else {
        return Ok(Event::Piece { text: String::new(), is_last: false, usage });
    };
    let is_last = choice.finish_reason.is_some();
    let text = choice.delta.map(Said::into_text).unwrap_or_default();
    Ok(Event::Piece { text, is_last, usage })
}

/// Counts are a courtesy: odd ones are as none and spoil no answer.
fn usage_of(usage: Value) -> Option<Usage> {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
    let prompt_tokens = count("prompt_tokens")?;
    Some(Usage { prompt_tokens, completion_tokens: count("completion_tokens").unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(prompt: &Prompt, length: LengthField, stream: bool) -> Value {
        serde_json::to_value(Request::new(prompt, "m", 9, length, stream)).expect("is JSON")
    }

    #[test]
    fn a_prompt_becomes_messages_and_what_it_leaves_open_is_filled_in() {
        let prompt = Prompt { temperature: 0.5, ..Prompt::new("be brief", "why?") };
        let system = json!({"role": "system", "content": "be brief"});
        let user = json!({"role": "user", "content": "why?"});
        assert_eq!(
            sent(&prompt, LengthField::MaxTokens, false),
            json!({"model": "m", "messages": [system, user], "temperature": 0.5, "max_tokens": 9,
                   "stream": false})
        );
        let prompt = Prompt {
            max_tokens: Some(3),
            model: Some("other".to_owned()),
            temperature: f32::INFINITY,
            ..Prompt::new(" ", "why?")
        };
        assert_eq!(
            sent(&prompt, LengthField::MaxCompletionTokens, true),
            json!({"model": "other", "messages": [user], "temperature": 2.0,
                   "max_completion_tokens": 3, "stream": true,
                   "stream_options": {"include_usage": true}})
        );
        let prompt = Prompt { temperature: f32::NAN, ..Prompt::new("", "") };
        assert_eq!(sent(&prompt, LengthField::MaxTokens, false)["temperature"], 0.0);
    }

    #[test]
    fn what_a_refusal_names_is_left_out_once_and_the_length_is_renamed() {
        let prompt = Prompt::new("", "why?");
        let mut request = Request::new(&prompt, "m", 9, LengthField::MaxTokens, true);
        for (refusal, field) in [
            ("Unsupported value: 'temperature'", Field::Temperature),
            ("stream_options: extra inputs are not permitted", Field::StreamOptions),
            ("'max_tokens' is not supported, use 'max_completion_tokens'", Field::Length),
        ] {
            assert_eq!(request.refused_field(refusal.as_bytes()), Some(field), "{refusal}");
            request = request.without(field);
            assert_eq!(request.refused_field(refusal.as_bytes()), None, "{refusal}");
        }
        assert_eq!(request.refused_field(b"no such model \xFF"), None);
        let body = serde_json::to_value(request).expect("is JSON");
        assert_eq!(body["max_completion_tokens"], 9);
        for gone in ["temperature", "stream_options", "max_tokens"] {
            assert!(body.get(gone).is_none(), "{gone}");
        }
    }

    #[test]
    fn an_answer_is_the_text_of_its_first_choice() {
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
        let body = json!({"choices": [{"message": {"role": "assistant", "content": " yes"},
                          "finish_reason": "stop"}, {"message": {"content": "no"}}],
                          "usage": usage, "model": "m-2026"});
        let answer = parse_answer(body.to_string().as_bytes(), "m").expect("parses");
        assert_eq!((answer.text.as_str(), answer.model.as_str()), (" yes", "m"));
        assert_eq!(answer.tokens.map(Usage::total), Some(7));
        let parts = json!([{"type": "thinking", "thinking": []}, {"type": "text", "text": "yes"}]);
        let body = json!({"choices": [{"message": {"content": parts}}], "usage": {"odd": -1}});
        let answer = parse_answer(body.to_string().as_bytes(), "m").expect("parses");
        assert_eq!((answer.text.as_str(), answer.tokens), ("yes", None));
    }

    #[test]
    fn an_answer_without_text_is_empty_and_anything_else_is_malformed() {
        for body in [
            r#"{"choices": []}"#,
            r#"{"choices": [{}]}"#,
            r#"{"choices": [{"message": {"content": null, "tool_calls": []}}]}"#,
            r#"{"choices": [{"message": {"content": " \n"}}]}"#,
            r#"{"choices": [{"message": {"content": []}}], "error": null}"#,
        ] {
            assert_eq!(parse_answer(body.as_bytes(), "m"), Err(LlmError::EmptyAnswer), "{body}");
        }
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"choices": {}}"#,
            r#"{"choices": [{"message": {"content": 7}}]}"#,
            r#"{"choices": null, "error": {"message": "sesame"}}"#,
        ] {
            let refused = parse_answer(body.as_bytes(), "m").expect_err("is no answer");
            assert!(matches!(refused, LlmError::Malformed { .. }), "{body}: {refused}");
            assert!(!refused.to_string().contains("sesame"), "{refused}");
        }
    }

    #[test]
    fn events_tell_text_ends_counts_and_failures() {
        let piece =
            |text: &str, is_last, usage| Event::Piece { text: text.to_owned(), is_last, usage };
        let usage = Some(Usage { prompt_tokens: 3, completion_tokens: 0 });
        for (data, expected) in [
            (
                r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
                piece("", false, None),
            ),
            (r#"{"choices":[{"delta":{"content":"yes"},"finish_reason":null}],"usage":null}"#, {
                piece("yes", false, None)
            }),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, piece("", true, None)),
            (r#"{"choices":[],"usage":{"prompt_tokens":3}}"#, piece("", false, usage)),
            (r#"{"error":{"message":"sesame"}}"#, Event::Failure),
            (" [DONE]", Event::Done),
        ] {
            assert_eq!(parse_event(data), Ok(expected), "{data}");
        }
        for data in ["", "done", "[]", r#"{"choices":7}"#] {
            let refused = parse_event(data);
            assert!(matches!(refused, Err(LlmError::Malformed { .. })), "{data}");
        }
    }
}
