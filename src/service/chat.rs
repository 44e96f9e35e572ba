//! Answers to questions from passages: written by a language model where there is one, quoted from
//! the passages otherwise. Knows no documents and no tenant; what is cited was found before.

use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::future::ready;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{ServiceError, compute};
use crate::actors::tenant::data::{Cited, quotes};
use crate::llm::{LanguageModel, LanguageModels, LlmError, Prompt};

/// Quotations in an answer without a model.
const QUOTES_MAX: usize = 4;

/// Characters that a model is given of each part; of the history the last ones.
const INSTRUCTIONS_CHARS_MAX: usize = 16_000;
const GOALS_CHARS_MAX: usize = 2_000;
const HISTORY_CHARS_MAX: usize = 24_000;
const PASSAGE_CHARS_MAX: usize = 4_000;
const PASSAGES_CHARS_MAX: usize = 48_000;
const QUESTION_CHARS_MAX: usize = 8_000;

/// What the answer is to be made of, and how.
#[derive(Debug, Clone)]
pub struct ChatOrder {
    pub question: String,
    /// Who answers, and in which manner.
    pub instructions: String,
    /// The name of that manner, if it has one.
    pub role: Option<String>,
    pub goals: Option<String>,
    /// What was said before. It outranks the passages.
    pub history: Option<String>,
    pub passages: Vec<Passage>,
    pub model: ChosenModel,
    pub temperature: f32,
    /// Tokens of the answer at most; `None` for what the operator set.
    pub tokens_max: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub title: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChosenModel {
    /// The server's own, which it may not have.
    Own,
    /// Of a provider that the server may have a key for.
    Outside { provider: String, model: Option<String> },
}

/// Why there is no answer by the chosen model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTrouble {
    /// Fit for whoever asked.
    pub reason: String,
    /// What the passages themselves say, where the server's own model failed before it said
    /// anything.
    pub instead: Option<String>,
}

/// An answer as it is written; ends after the first trouble.
pub type AnswerStream = BoxStream<'static, Result<String, ChatTrouble>>;

/// Cheap to clone.
#[derive(Clone)]
pub struct ChatService {
    models: LanguageModels,
}

impl ChatService {
    #[must_use]
    pub fn new(models: LanguageModels) -> Self {
        Self { models }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// The inner one when the chosen model gives none, the outer one for a defect on our side.
    pub async fn answer(
        &self,
        order: ChatOrder,
    ) -> Result<Result<String, ChatTrouble>, ServiceError> {
        let model = match self.model_for(&order) {
            Ok(Some(model)) => Arc::clone(model),
            Ok(None) => return extract(order, NO_MODEL).await.map(Ok),
            Err(trouble) => return Ok(Err(trouble)),
        };
        match model.complete(prompt_of(&order)).await {
            Ok(completion) => Ok(Ok(completion.text)),
            Err(error) => Ok(Err(trouble_of(&error, order).await?)),
        }
    }

    /// The answer piece by piece. Ready with the first piece.
    ///
    /// # Errors
    /// As [`ChatService::answer`], before the first piece; a trouble after it is in the stream.
    pub async fn answer_in_pieces(
        &self,
        order: ChatOrder,
    ) -> Result<Result<AnswerStream, ChatTrouble>, ServiceError> {
        let model = match self.model_for(&order) {
            Ok(Some(model)) => Arc::clone(model),
            Ok(None) => {
                let text = extract(order, NO_MODEL).await?;
                return Ok(Ok(stream::once(ready(Ok(text))).boxed()));
            }
            Err(trouble) => return Ok(Err(trouble)),
        };
        match model.stream(prompt_of(&order)).await {
            Ok(pieces) => {
                let pieces = pieces.map(|piece| {
                    let broken = |error: LlmError| ChatTrouble {
                        reason: error.public_reason(),
                        instead: None,
                    };
                    piece.map_err(broken)
                });
                Ok(Ok(pieces.boxed()))
            }
            Err(error) => Ok(Err(trouble_of(&error, order).await?)),
        }
    }

    /// `None` for the server's own model where it has none.
    fn model_for(&self, order: &ChatOrder) -> Result<Option<&Arc<dyn LanguageModel>>, ChatTrouble> {
        match &order.model {
            ChosenModel::Own => Ok(self.models.own()),
            ChosenModel::Outside { provider, .. } => {
                let found = self.models.outside(provider);
                found.map(Some).ok_or_else(|| ChatTrouble {
                    reason: format!("{provider} API key not configured"),
                    instead: None,
                })
            }
        }
    }

    /// The model that an outside provider's answers come from when none is named.
    #[must_use]
    pub fn default_model(&self, provider: &str) -> Option<&str> {
        self.models.outside(provider).map(|model| model.model())
    }
}

/// Where the server's own model failed, what the passages say stands in for it.
async fn trouble_of(error: &LlmError, order: ChatOrder) -> Result<ChatTrouble, ServiceError> {
    tracing::warn!(error = %error, "a language model gave no answer to a chat");
    let reason = error.public_reason();
    let instead = match order.model {
        ChosenModel::Own => Some(extract(order, MODEL_FAILED).await?),
        ChosenModel::Outside { .. } => None,
    };
    Ok(ChatTrouble { reason, instead })
}

const NO_MODEL: &str = "No language model is configured";
const MODEL_FAILED: &str = "The language model did not answer";

/// An answer in the words of the passages, which says that it is one.
async fn extract(order: ChatOrder, why: &'static str) -> Result<String, ServiceError> {
    let size: usize = order.passages.iter().map(|passage| passage.text.len()).sum();
    compute(size, move || extracted(&order, why)).await
}

fn extracted(order: &ChatOrder, why: &str) -> String {
    let cited: Vec<_> = order
        .passages
        .iter()
        .map(|passage| Cited { title: &passage.title, text: &passage.text })
        .collect();
    let found = quotes(&order.question, &cited, QUOTES_MAX);
    if found.is_empty() {
        return format!("{why}, and no passage that was found answers this question.");
    }
    let mut text = format!("{why}, so this is quoted from the sources:\n");
    for quote in found {
        let title = order.passages.get(quote.passage).map_or("Unknown", |it| it.title.as_str());
        // Writing to a string does not fail.
        let _ =
            write!(text, "\n\u{201c}{}\u{201d} [{}: {title}]", quote.sentence, quote.passage + 1);
    }
    text
}

/// Goal and role, history, passages each under its title, and the question, in this order.
fn prompt_of(order: &ChatOrder) -> Prompt {
    let mut user = String::new();
    let mut part = |name: &str, text: &str| {
        let _ = write!(user, "{name}:\n{text}\n\n");
    };
    if let Some(goals) = filled(&order.goals) {
        part("Goal of the user", first_chars(goals, GOALS_CHARS_MAX));
    }
    if let Some(role) = filled(&order.role) {
        part("Role", first_chars(role, GOALS_CHARS_MAX));
    }
    if let Some(history) = filled(&order.history) {
        part("Chat history", last_chars(history, HISTORY_CHARS_MAX));
    }
    if !order.passages.is_empty() {
        part("Passages", &passages_text(&order.passages));
    }
    part("Question", first_chars(&order.question, QUESTION_CHARS_MAX));
    user.push_str(
        "Answer the question from the passages and name the titles you rely on. Where the chat \
         history and the passages disagree, the chat history counts. Say so if neither answers it.",
    );
    Prompt {
        temperature: order.temperature,
        max_tokens: order.tokens_max,
        model: match &order.model {
            ChosenModel::Outside { model, .. } => model.clone(),
            ChosenModel::Own => None,
        },
        ..Prompt::new(first_chars(&order.instructions, INSTRUCTIONS_CHARS_MAX), user)
    }
}

fn passages_text(passages: &[Passage]) -> String {
    let (mut text, mut left) = (String::new(), PASSAGES_CHARS_MAX);
    for (passage, number) in passages.iter().zip(1..) {
        let shown = first_chars(&passage.text, PASSAGE_CHARS_MAX.min(left));
        if shown.is_empty() {
            break;
        }
        left -= shown.chars().count();
        let _ = write!(text, "[{number}] {}\n{shown}\n\n", passage.title);
    }
    text.truncate(text.trim_end().len());
    text
}

fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn first_chars(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

fn last_chars(text: &str, max: usize) -> &str {
    let Some(surplus) = text.chars().count().checked_sub(max) else { return text };
    let start = text.char_indices().nth(surplus).map_or(0, |(start, _)| start);
    text.get(start..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{FakeModel, FakeReply};

    fn order(model: ChosenModel) -> ChatOrder {
        let passage =
            |title: &str, text: &str| Passage { title: title.to_owned(), text: text.to_owned() };
        ChatOrder {
            question: "Where does the heron nest?".to_owned(),
            instructions: "Be brief.".to_owned(),
            role: Some("critic".to_owned()),
            goals: Some("Know birds".to_owned()),
            history: Some("user: hello".to_owned()),
            passages: vec![
                passage("Tides", "The tide turns at noon."),
                passage("Herons", "The heron nests in the old alder. It eats fish."),
            ],
            model,
            temperature: 0.2,
            tokens_max: Some(100),
        }
    }

    fn outside(provider: &str) -> ChosenModel {
        ChosenModel::Outside { provider: provider.to_owned(), model: Some("m-1".to_owned()) }
    }

    fn with_own(replies: Vec<FakeReply>) -> (ChatService, Arc<FakeModel>) {
        let model = Arc::new(FakeModel::replying(replies));
        let shared: Arc<dyn LanguageModel> = Arc::clone(&model) as _;
        (ChatService::new(LanguageModels::none().with_own(shared)), model)
    }

    #[tokio::test]
    async fn without_a_model_the_sources_are_quoted_and_it_says_so() {
        let service = ChatService::new(LanguageModels::none());
        let answer = service.answer(order(ChosenModel::Own)).await.unwrap().unwrap();
        assert!(answer.starts_with(NO_MODEL), "{answer}");
        assert!(answer.contains("The heron nests in the old alder."), "{answer}");
        assert!(answer.contains("[2: Herons]") && !answer.contains("tide"), "{answer}");
        let nothing = ChatOrder { passages: Vec::new(), ..order(ChosenModel::Own) };
        let answer = service.answer(nothing).await.unwrap().unwrap();
        assert!(answer.contains("no passage"), "{answer}");
    }

    #[tokio::test]
    async fn a_model_is_told_everything_in_its_order() {
        let (service, model) = with_own(vec![FakeReply::Text("In the alder.".to_owned())]);
        let answer = service.answer(order(ChosenModel::Own)).await.unwrap().unwrap();
        assert_eq!(answer, "In the alder.");
        let prompt = model.prompts().remove(0);
        assert_eq!((prompt.system.as_str(), prompt.max_tokens), ("Be brief.", Some(100)));
        let parts =
            ["Know birds", "critic", "user: hello", "[1] Tides", "[2] Herons", "heron nest?"];
        let places: Vec<_> =
            parts.iter().map(|part| prompt.user.find(part).expect("it is there")).collect();
        assert!(places.is_sorted(), "{}", prompt.user);
    }

    #[tokio::test]
    async fn a_model_that_fails_leaves_a_reason_and_what_the_sources_say() {
        let (service, _) = with_own(vec![FakeReply::Failure(LlmError::TimedOut)]);
        let trouble = service.answer(order(ChosenModel::Own)).await.unwrap().unwrap_err();
        assert_eq!(trouble.reason, "the language model did not answer in time");
        assert!(trouble.instead.unwrap().contains("old alder"));
        let trouble = service.answer(order(outside("openai"))).await.unwrap().unwrap_err();
        assert_eq!(trouble.reason, "openai API key not configured");
        assert_eq!(trouble.instead, None);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_keeps_what_it_said() {
        let broken = FakeReply::BreaksOff("In the".to_owned(), LlmError::Interrupted);
        let (service, _) = with_own(vec![broken]);
        let pieces = service.answer_in_pieces(order(ChosenModel::Own)).await.unwrap().unwrap();
        let pieces: Vec<_> = pieces.collect().await;
        let (last, said) = pieces.split_last().unwrap();
        assert_eq!(said.iter().flatten().cloned().collect::<String>(), "In the");
        let reason = last.as_ref().unwrap_err().reason.as_str();
        assert_eq!(reason, "the language model's answer broke off");
    }

    #[test]
    fn what_a_model_is_given_is_bounded() {
        let long = "é".repeat(200_000);
        let mut order = order(ChosenModel::Own);
        order.passages = vec![Passage { title: "T".to_owned(), text: long.clone() }; 50];
        order.history = Some(format!("{long}the end"));
        order.goals = Some(long.clone());
        order.question = long.clone();
        order.instructions = long;
        let prompt = prompt_of(&order);
        assert!(prompt.user.chars().count() < 90_000 && prompt.user.contains("the end"));
        assert_eq!(prompt.system.chars().count(), INSTRUCTIONS_CHARS_MAX);
    }
}
