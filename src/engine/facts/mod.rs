//! Facts and entities of one turn of a conversation, found by rules: no model, no state.
//!
//! A fact is a small statement that can be read alone. What a speaker says in the first person is
//! put in the third ("I'm allergic to shellfish" of `user`: "user is allergic to shellfish"), and
//! what is said of a named thing is kept as it is, without what opens it idly. Questions,
//! requests, suppositions, passing states, and whatever only its surroundings explain ("I love
//! it") give nothing. The rules know English; another language gives entities and seldom facts.
//! Precision comes before recall: the turn itself is stored anyway, and a wrong fact misleads.

mod clauses;
mod entities;
mod grammar;
mod rewriting;
mod sentences;
mod statements;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

pub(super) use self::grammar::{is_adverb, is_finite_third, is_past, is_verb_form, third_person};
pub(super) use self::sentences::{Token, for_each_sentence, tokens};
use self::statements::Speaker;
pub(super) use self::vocabulary::WordList;
use super::fingerprint::Fingerprint;
use super::lexicon;
use super::text::{split_head, words};

/// Characters of a text that are looked at.
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Facts of one turn.
pub const FACTS_MAX: usize = 8;
/// Characters in one fact.
pub const FACT_CHARS_MAX: usize = 300;
/// Entities listed of one text.
pub const ENTITIES_MAX: usize = 32;

/// Characters of a speaker's label.
const SPEAKER_CHARS_MAX: usize = 60;
/// Entities of a turn that its facts are searched for.
const TURN_ENTITIES_MAX: usize = 128;
/// Ending of the domain that holds the facts of another.
const DERIVED_ENDING: &str = "~facts";

/// What kind of thing a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntityKind {
    Person,
    Place,
    Organisation,
    /// A product, a pet, an event, a language, or what could not be told.
    Other,
}

/// Who or what a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// As written in the text, without a possessive ending.
    pub label: String,
    pub kind: EntityKind,
}

/// One small statement derived from a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// A bare sentence without a full stop; at most [`FACT_CHARS_MAX`] characters, never empty.
    pub text: String,
    /// Those the statement names, in the order in which the turn does. A speaker who goes by a
    /// name is among them, one who goes by a role is not.
    pub entities: Vec<Entity>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct TurnText<'a> {
    /// A role (`user`) or a name (`Caroline`). What an `assistant` says of itself is no fact.
    pub speaker: &'a str,
    /// A leading `[date]` and `Label:` are skipped.
    pub text: &'a str,
}

/// The facts of a turn in the order of its sentences: at most [`FACTS_MAX`], distinct by wording,
/// the same for the same turn. Linear in the text's length, of which [`TEXT_CHARS_MAX`]
/// characters are looked at.
#[must_use]
pub fn derive(turn: &TurnText<'_>) -> Vec<Fact> {
    let text = readable(turn.text);
    let speaker = Speaker {
        label: speaker_label(turn.speaker),
        is_assistant: matches!(
            turn.speaker.trim().to_lowercase().as_str(),
            "assistant" | "system" | "ai" | "bot" | "agent" | "model" | "tool"
        ),
    };
    let mut named = entities::find(&text, TURN_ENTITIES_MAX);
    if !is_role(&speaker.label) && !named.iter().any(|entity| entity.label == speaker.label) {
        let label = speaker.label.clone();
        named.insert(0, Entity { label, kind: EntityKind::Person });
    }
    let named: Vec<(Vec<String>, Entity)> =
        named.into_iter().map(|entity| (words(&entity.label), entity)).collect();
    let mut facts: Vec<Fact> = Vec::new();
    let mut wordings = HashSet::new();
    clauses::for_each_clause(&text, |clause| {
        if facts.len() >= FACTS_MAX {
            return;
        }
        let Some(text) = statements::of_clause(clause, &speaker) else { return };
        if wordings.insert(Fingerprint::of_wording(&text)) {
            let entities = named_in(&text, &named);
            facts.push(Fact { text, entities });
        }
    });
    facts
}

/// The distinct entities of a text in order of appearance, at most [`ENTITIES_MAX`]. Linear in
/// the text's length, of which [`TEXT_CHARS_MAX`] characters are looked at.
#[must_use]
pub fn entities(text: &str) -> Vec<Entity> {
    entities::find(&readable(text), ENTITIES_MAX)
}

/// The names among the words of a sentence, and what kind of thing each seems to be.
pub(super) fn name_spans(tokens: &[Token<'_>]) -> Vec<(Range<usize>, EntityKind)> {
    entities::spans(tokens).into_iter().map(|span| (span.tokens, span.kind)).collect()
}

/// Whether a lower-case word is a common given name.
pub(super) fn is_given_name(word: &str) -> bool {
    vocabulary::GIVEN_NAMES.holds(word)
}

/// Whether a lower-case word is a well-known place.
pub(super) fn is_place(word: &str) -> bool {
    vocabulary::PLACES.holds(word)
}

/// The domain that holds the facts derived from the atoms of `domain`. It is longer by six
/// characters, which whoever bounds the names of domains has to leave room for.
#[must_use]
pub fn derived_domain(domain: &str) -> String {
    format!("{domain}{DERIVED_ENDING}")
}

/// The part of a text that is looked at, with one kind of apostrophe.
fn readable(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(TEXT_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    let text = text.get(..end).unwrap_or_default();
    let head = split_head(text);
    // "My favorite cities: Rome and Paris" has no label, though it looks the same.
    let opens_sentence = |label: &&str| {
        label.split(' ').next().is_some_and(|word| lexicon::is_stop(&word.to_lowercase()))
    };
    let sentence = head.label.filter(opens_sentence).and_then(|label| text.find(label));
    let body = sentence.and_then(|at| text.get(at..)).unwrap_or(head.body);
    if body.contains(['’', 'ʼ']) {
        Cow::Owned(body.replace(['’', 'ʼ'], "'"))
    } else {
        Cow::Borrowed(body)
    }
}

fn speaker_label(speaker: &str) -> String {
    let joined = speaker.split_whitespace().collect::<Vec<_>>().join(" ");
    let label: String = joined.chars().take(SPEAKER_CHARS_MAX).collect();
    if label.trim().is_empty() { "user".to_owned() } else { label.trim_end().to_owned() }
}

/// Whether a speaker's label says what they are in the conversation and not who.
fn is_role(label: &str) -> bool {
    let folded = label.to_lowercase();
    let roles = ["user", "assistant", "system", "human", "ai", "bot", "agent", "tool", "speaker"];
    roles.contains(&folded.as_str()) || !label.starts_with(char::is_uppercase)
}

/// Those of the entities whose words stand in a text, side by side.
fn named_in(text: &str, named: &[(Vec<String>, Entity)]) -> Vec<Entity> {
    let text = words(text);
    let stands = |label: &[String]| {
        !label.is_empty() && text.windows(label.len()).any(|words| words == label)
    };
    let is_named = |(label, entity): &&(Vec<String>, Entity)| {
        // Who was named in full elsewhere in the turn goes by the given name here.
        let given = label
            .first()
            .filter(|word| entity.kind == EntityKind::Person && !vocabulary::TITLES.holds(word));
        stands(label) || given.is_some_and(|word| text.contains(word))
    };
    named.iter().filter(is_named).map(|(_, entity)| entity.clone()).collect()
}
