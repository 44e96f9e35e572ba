//! From content to the passages that become facts: what was said by whom, in portions that can be
//! read alone. A conversation goes by its turns, a document by its sentences, an event is one.

use std::collections::HashSet;
use std::sync::Arc;

use super::classify::Categories;
use super::rules::Rules;
use super::sentences::{is_question, says_something};
use super::turns::{Turn, turns};
use super::{EVENT_CHARS_MAX, FACT_CHARS_MAX, FACTS_MAX, SourceText};
use crate::engine::facts::for_each_sentence;
use crate::engine::prose::{Code, Reader};
use crate::engine::resources::ResourceKind;
use crate::engine::text::{cut_at_word, words};

/// Characters of a question or remark that may stand before the turn it leads to.
const LEAD_CHARS_MAX: usize = 240;
/// Turns of a conversation that say something, from which on short ones share a passage.
const EXCHANGE_TURNS_MIN: usize = 10;
/// Characters below which a passage of several turns takes another, and those it may have then.
/// Chosen by how many of the turns that answer a question are among the facts retrieved for it:
/// 78 of 100 without, 87 with these, 89 with larger ones that leave no room for anything else.
const EXCHANGE_CHARS: usize = 180;
const EXCHANGE_CHARS_MAX: usize = 420;
/// Characters below which a sentence of a document is joined with the one before it.
const SHORT_CHARS: usize = 60;
/// Characters that two sentences of a document may have together.
const JOINED_CHARS_MAX: usize = 240;
/// Characters of a heading that is put before what stands below it.
const HEADING_CHARS_MAX: usize = 60;
/// A line this long is taken to go on in the next one.
const WRAPPED_CHARS_MIN: usize = 60;
/// One sentence and who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) speaker: Option<Arc<str>>,
    pub(super) text: String,
}

/// What becomes one fact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Passage {
    /// When it was said, where the content tells.
    pub(super) date: Option<Arc<str>>,
    pub(super) sentences: Vec<Spoken>,
}

impl Passage {
    /// As it is read: `[date] Speaker: sentences Speaker: sentences`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(date) = &self.date {
            text.push_str(&format!("[{date}] "));
        }
        let mut speaker: Option<&Arc<str>> = None;
        for (index, spoken) in self.sentences.iter().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            if let Some(name) = spoken.speaker.as_ref().filter(|name| speaker != Some(name)) {
                text.push_str(&format!("{name}: "));
            }
            speaker = spoken.speaker.as_ref();
            text.push_str(&spoken.text);
        }
        text
    }

    fn chars(&self) -> usize {
        let date = self.date.as_ref().map_or(0, |date| date.chars().count() + 3);
        let mut speaker: Option<&Arc<str>> = None;
        let mut chars = date;
        for spoken in &self.sentences {
            chars += spoken.text.chars().count() + 1;
            if let Some(name) = spoken.speaker.as_ref().filter(|name| speaker != Some(name)) {
                chars += name.chars().count() + 2;
            }
            speaker = spoken.speaker.as_ref();
        }
        chars
    }
}

/// The passages of a source in its order, without what its rules forbid. Linear.
pub(super) fn passages(
    source: &SourceText<'_>,
    rules: &Rules<'_>,
    categories: &Categories,
) -> Vec<Passage> {
    let packed = packed_chars(source.text);
    match source.kind {
        ResourceKind::Event | ResourceKind::Webhook => of_event(source.text, rules),
        ResourceKind::Conversation => {
            let turns = turns(source.text);
            if turns.iter().any(|turn| turn.speaker.is_some()) {
                let turns = turns.into_iter().filter_map(|turn| turn.allowed(rules)).collect();
                of_turns(turns, rules, categories, packed)
            } else {
                let sentences = turns.into_iter().flat_map(|turn| {
                    let date = turn.date;
                    turn.sentences.into_iter().map(move |text| (date.clone(), text))
                });
                of_prose(sentences.collect(), rules, packed)
            }
        }
        ResourceKind::Document => {
            let sentences = document_sentences(source.text);
            let sentences = sentences.into_iter().map(|text| (None, text)).collect();
            of_prose(sentences, rules, packed)
        }
    }
}

/// Characters up to which passages are filled, so that long content fits into the facts of one
/// resource. 0 where there is room for each by itself.
fn packed_chars(text: &str) -> usize {
    // Ordinary passages have some 60 characters at least.
    if text.len() < FACTS_MAX * SHORT_CHARS { 0 } else { FACT_CHARS_MAX }
}

/// An event stays whole, read sentence by sentence where these are all of it; only its forbidden
/// sentences are taken out.
fn of_event(text: &str, rules: &Rules<'_>) -> Vec<Passage> {
    let mut sentences = Vec::new();
    let mut is_forbidden = false;
    for_each_sentence(text, |sentence| {
        if rules.judge(sentence).is_forbidden {
            is_forbidden = true;
        } else {
            sentences.push(Spoken { speaker: None, text: sentence.to_owned() });
        }
    });
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let texts: Vec<&str> = sentences.iter().map(|spoken| spoken.text.as_str()).collect();
    let is_all = texts.join(" ") == line && line.chars().nth(EVENT_CHARS_MAX).is_none();
    if !is_forbidden && !is_all {
        sentences = vec![Spoken { speaker: None, text: cut_at_word(&line, EVENT_CHARS_MAX) }];
    }
    let mut passage = Passage { date: None, sentences };
    while passage.chars() > EVENT_CHARS_MAX + 1 && passage.sentences.len() > 1 {
        passage.sentences.pop();
    }
    let is_blank = passage.text().trim().is_empty();
    if is_blank { Vec::new() } else { vec![passage] }
}

impl Rules<'_> {
    fn allows(&self, passage: &Passage) -> bool {
        self.is_empty() || !self.judge(&passage.text()).is_forbidden
    }
}

/// The sentences of a document, the first below a heading with it.
fn document_sentences(text: &str) -> Vec<String> {
    let mut reader = Reader::new(Code::Keep);
    let mut sentences = Vec::new();
    let mut block = String::new();
    let mut heading: Option<String> = None;
    let mut read = |block: &mut String| {
        reader.for_each_sentence(block, |sentence| {
            let is_bare = !sentence.text.ends_with(['.', '!', '?', '…']);
            let is_short = sentence.text.chars().nth(HEADING_CHARS_MAX).is_none();
            if sentence.is_heading && is_bare && is_short {
                heading = Some(sentence.text);
                return;
            }
            match heading.take() {
                Some(heading) => {
                    let heading = heading.trim_end_matches(':');
                    sentences.push(format!("{heading}: {}", sentence.text));
                }
                None => sentences.push(sentence.text),
            }
        });
        block.clear();
    };
    for line in text.lines() {
        block.push_str(line);
        block.push('\n');
        // A short line is an entry of its own; a long one was wrapped.
        if line.chars().nth(WRAPPED_CHARS_MIN).is_none() || line.ends_with(['.', '!', '?', ':']) {
            read(&mut block);
        }
    }
    read(&mut block);
    sentences
}

/// Passages of turns: each that says something, led by the question or remark it answers. In a
/// long conversation short turns that belong together share one, since only so many facts are
/// ever shown at once.
fn of_turns(
    turns: Vec<Turn>,
    rules: &Rules<'_>,
    categories: &Categories,
    packed: usize,
) -> Vec<Passage> {
    // "Wow, Anna!" says nothing.
    let names = turns.iter().filter_map(|turn| turn.speaker.as_deref());
    let speakers: HashSet<String> = names.flat_map(words).collect();
    let turns: Vec<(Turn, bool)> = turns
        .into_iter()
        .map(|turn| {
            let is_telling = turn.is_telling(rules, &speakers);
            (turn, is_telling)
        })
        .collect();
    let telling = turns.iter().filter(|(_, is_telling)| *is_telling).count();
    let joins = telling >= EXCHANGE_TURNS_MIN && packed == 0;
    let mut passages: Vec<Passage> = Vec::new();
    let mut lead: Vec<Spoken> = Vec::new();
    // What the last passage is about, while others may join it.
    let mut open: Option<usize> = None;
    for (turn, is_telling) in turns {
        let spoken = turn.spoken();
        if !is_telling {
            lead = spoken;
            continue;
        }
        let own = Passage { date: turn.date.clone(), sentences: spoken.clone() };
        let mut sentences = std::mem::take(&mut lead);
        sentences.extend(spoken);
        let led = Passage { date: turn.date.clone(), sentences };
        let is_too_long = led.chars() > own.chars() + LEAD_CHARS_MAX;
        let next = if is_too_long || !rules.allows(&led) { own } else { led };
        let topic = joins.then(|| next.text()).filter(|text| rules.judge(text).is_ordinary());
        let topic = topic.map(|text| categories.best_number(&text));
        let joined = passages
            .last()
            .filter(|last| topic.is_some() && topic == open && last.date == next.date)
            .filter(|last| last.chars() < EXCHANGE_CHARS)
            .map(|last| Passage {
                date: last.date.clone(),
                sentences: last.sentences.iter().chain(&next.sentences).cloned().collect(),
            })
            .filter(|joined| joined.chars() <= EXCHANGE_CHARS_MAX && rules.allows(joined));
        match (joined, passages.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => push_split(&mut passages, next.date, next.sentences, packed),
        }
        open = topic;
    }
    passages
}

/// Passages of prose: sentences, the short ones with what stands before them.
fn of_prose(
    sentences: Vec<(Option<Arc<str>>, String)>,
    rules: &Rules<'_>,
    packed: usize,
) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    for (date, text) in sentences {
        let verdict = rules.judge(&text);
        let is_telling = !is_question(&text) && says_something(&text);
        if verdict.is_forbidden || !(is_telling || verdict.is_wanted) {
            continue;
        }
        let chars = text.chars().count();
        let spoken = Spoken { speaker: None, text };
        if let Some(last) = passages.last_mut()
            && last.date == date
            && packed == 0
            && chars < SHORT_CHARS
            && opens_with_pronoun(&spoken.text)
            && last.chars() + chars <= JOINED_CHARS_MAX
        {
            last.sentences.push(spoken);
            continue;
        }
        push_split(&mut passages, date, vec![spoken], packed);
    }
    passages
}

/// Whether a sentence speaks of what the one before it names.
fn opens_with_pronoun(sentence: &str) -> bool {
    let first = sentence.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
    ["it", "its", "he", "she", "they", "this", "that", "these", "those", "his", "her", "their"]
        .contains(&first.to_lowercase().as_str())
}

/// Adds sentences as one passage, or as several where they are too long for one. Where passages
/// are packed, they go into the last one as long as it has room.
fn push_split(
    passages: &mut Vec<Passage>,
    date: Option<Arc<str>>,
    sentences: Vec<Spoken>,
    packed: usize,
) {
    let mut passage = Passage { date: date.clone(), sentences: Vec::new() };
    if packed > 0
        && let Some(last) = passages.pop_if(|last| last.date == date)
    {
        passage = last;
    }
    let mut chars = passage.chars();
    for spoken in sentences {
        for piece in pieces(spoken) {
            let label = piece.speaker.as_ref().map_or(0, |name| name.chars().count() + 2);
            let more = piece.text.chars().count() + 1 + label;
            if chars + more > FACT_CHARS_MAX && !passage.sentences.is_empty() {
                let next = Passage { date: date.clone(), sentences: Vec::new() };
                passages.push(std::mem::replace(&mut passage, next));
                chars = passage.chars();
            }
            chars += more;
            passage.sentences.push(piece);
        }
    }
    if !passage.sentences.is_empty() {
        passages.push(passage);
    }
}

/// A sentence in pieces that each fit into a fact, with room for a date and a speaker's label.
fn pieces(spoken: Spoken) -> Vec<Spoken> {
    const ROOM: usize = FACT_CHARS_MAX - 100;
    if spoken.text.chars().nth(ROOM).is_none() {
        return vec![spoken];
    }
    let mut found = Vec::new();
    let mut rest = spoken.text.as_str();
    while !rest.is_empty() {
        let end = rest.char_indices().nth(ROOM).map_or(rest.len(), |(at, _)| at);
        let head = rest.get(..end).unwrap_or(rest);
        let gap = if end < rest.len() { head.rfind(char::is_whitespace) } else { None };
        let cut = gap.filter(|at| at * 2 > end).unwrap_or(end);
        let (piece, behind) = rest.split_at_checked(cut).unwrap_or((rest, ""));
        if !piece.trim().is_empty() {
            let text = piece.trim().to_owned();
            found.push(Spoken { speaker: spoken.speaker.clone(), text });
        }
        rest = behind.trim_start();
    }
    found
}
