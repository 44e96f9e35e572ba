//! The turns of a conversation: who said what, as chat logs and lists of messages write it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::passages::Spoken;
use super::rules::Rules;
use super::sentences::{is_question, says_more_than};
use super::sessions::{bracketed, compact_date, date_line};
use crate::engine::facts::for_each_sentence;
use crate::engine::lexicon;
use crate::engine::text::split_head;

/// Characters of a speaker's label at most.
const LABEL_CHARS_MAX: usize = 60;
/// What one speaker said at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) date: Option<Arc<str>>,
    pub(super) speaker: Option<Arc<str>>,
    pub(super) sentences: Vec<String>,
}

impl Turn {
    /// Without its forbidden sentences. None when nothing is left.
    pub(super) fn allowed(mut self, rules: &Rules<'_>) -> Option<Self> {
        let speaker = self.speaker.clone();
        self.sentences.retain(|sentence| {
            let named = speaker.as_ref().map(|name| format!("{name}: {sentence}"));
            !rules.judge(sentence).is_forbidden
                && !named.is_some_and(|named| rules.judge(&named).is_forbidden)
        });
        (!self.sentences.is_empty()).then_some(self)
    }

    /// Whether it says anything, or the rules want it kept.
    pub(super) fn is_telling(&self, rules: &Rules<'_>, speakers: &HashSet<String>) -> bool {
        let is_speaker = |word: &str| speakers.contains(word);
        self.sentences.iter().any(|sentence| {
            (!is_question(sentence) && says_more_than(sentence, is_speaker))
                || rules.judge(sentence).is_wanted
        })
    }

    pub(super) fn spoken(&self) -> Vec<Spoken> {
        let spoken = |text: &String| Spoken { speaker: self.speaker.clone(), text: text.clone() };
        self.sentences.iter().map(spoken).collect()
    }
}

/// The turns of a conversation: lines that open with who speaks, and what follows below them.
pub(super) fn turns(text: &str) -> Vec<Turn> {
    if let Some(turns) = messages(text) {
        return turns;
    }
    let speakers = Speakers::of(text);
    let mut names: HashMap<&str, Arc<str>> = HashMap::new();
    let mut date: Option<Arc<str>> = None;
    let mut turns: Vec<Turn> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let head = split_head(line);
        let is_speaker = head.label.is_some_and(|label| speakers.holds(label));
        if !is_speaker && let Some(found) = date_line(line) {
            date = Some(found.into());
            continue;
        }
        let own_date = bracketed(line).and_then(compact_date).map(Arc::from);
        let (speaker, body) = match head.label.filter(|_| is_speaker) {
            Some(label) => {
                let name = names.entry(label).or_insert_with(|| label.into()).clone();
                (Some(name), head.body)
            }
            None => (None, line),
        };
        let sentences = sentences_of(body);
        match turns.last_mut() {
            // A turn goes on below its first line.
            Some(turn) if speaker.is_none() && turn.speaker.is_some() => {
                turn.sentences.extend(sentences);
            }
            _ => turns.push(Turn { date: own_date.or_else(|| date.clone()), speaker, sentences }),
        }
    }
    turns
}

/// The turns of a conversation that is written as JSON: a list of messages, or an object that
/// holds one under `messages`, each with its `content` and who wrote it.
fn messages(text: &str) -> Option<Vec<Turn>> {
    if !text.trim_start().starts_with(['[', '{']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let list = value.get("messages").unwrap_or(&value).as_array()?;
    let mut turns = Vec::new();
    for message in list {
        let member = |names: &[&str]| {
            names.iter().find_map(|name| message.get(name)?.as_str()).map(str::trim)
        };
        let content = member(&["content", "text", "message"])?;
        let speaker = member(&["name", "role", "speaker"]).filter(|name| is_label(name));
        let sentences: Vec<String> = content.lines().flat_map(sentences_of).collect();
        if !sentences.is_empty() {
            turns.push(Turn { date: None, speaker: speaker.map(Arc::from), sentences });
        }
    }
    Some(turns)
}

/// Whether a name can stand before what its bearer says.
fn is_label(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= LABEL_CHARS_MAX && !name.contains(['\n', '\r'])
}

/// The sentences of one line, marks of Markdown at its beginning aside.
fn sentences_of(line: &str) -> Vec<String> {
    let line = line.trim_start_matches(['#', '|', '>', '<', '`', ' ']);
    let mut sentences = Vec::new();
    for_each_sentence(line, |sentence| {
        let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
        if !sentence.is_empty() {
            sentences.push(sentence);
        }
    });
    sentences
}

/// The labels of a conversation that name its speakers.
struct Speakers<'a> {
    counts: HashMap<&'a str, usize>,
}

impl<'a> Speakers<'a> {
    fn of(text: &'a str) -> Self {
        let mut counts = HashMap::new();
        for line in text.lines().map(str::trim) {
            if let Some(label) = split_head(line).label {
                *counts.entry(label).or_insert(0) += 1;
            }
        }
        Self { counts }
    }

    /// "My favourite cities: Rome and Paris" has a label only in looks.
    fn holds(&self, label: &str) -> bool {
        let first = label.split(' ').next().unwrap_or_default().to_lowercase();
        let is_name = label.split(' ').all(|word| word.starts_with(char::is_uppercase));
        is_role(label)
            || (!lexicon::is_stop(&first)
                && (is_name || self.counts.get(label).is_some_and(|count| *count > 1)))
    }
}

/// Whether a label says what its bearer is in the conversation and not who.
pub(super) fn is_role(label: &str) -> bool {
    let roles = [
        "user",
        "assistant",
        "system",
        "human",
        "ai",
        "bot",
        "agent",
        "tool",
        "customer",
        "model",
        "speaker",
    ];
    roles.contains(&label.to_lowercase().as_str())
}

/// Whether a label is that of a machine, which says nothing of itself.
pub(super) fn is_machine(label: &str) -> bool {
    ["assistant", "system", "ai", "bot", "agent", "model", "tool"]
        .contains(&label.to_lowercase().as_str())
}
