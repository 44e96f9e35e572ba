//! What a source names, and where: names are gathered over the whole source first, so that one is
//! known wherever it stands and has one type throughout.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::kinds::Types;
use super::passages::{Passage, Spoken};
use super::turns::{is_machine, is_role};
use super::{EntityMention, MENTIONS_MAX};
use crate::engine::facts::{Token, is_given_name, name_spans, tokens};
use crate::engine::graph::fold_concept;
use crate::engine::knowledge::{EntityType as Kind, NAME_CHARS_MAX, name_type};
use crate::engine::ontology::Ontology;
use crate::engine::resources::SuggestedEntity;
use crate::engine::synonyms;

/// Names of one source at most.
const NAMES_MAX: usize = 5_000;
/// Words of a name at most.
const NAME_WORDS_MAX: usize = 8;

/// Verbs that ask for somebody to be spoken to.
const REQUESTS: [&str; 8] = ["reach", "contact", "call", "email", "ask", "tell", "ping", "cc"];

/// Number of a name among those of a source.
pub(super) type NameNo = usize;

/// Everything a source names.
#[derive(Debug)]
pub(super) struct Names<'o> {
    types: &'o Types,
    names: Vec<Name>,
    numbers: FxHashMap<String, NameNo>,
    /// By the first word in lower case: the spellings that begin with it, longest first.
    spellings: FxHashMap<String, Vec<Spelling>>,
}

#[derive(Debug)]
struct Name {
    label: String,
    /// None while nothing is known that its app has a type for.
    entity_type: Option<String>,
    /// Whoever configured or reported it said what it is.
    is_given: bool,
    /// It was said to be of its type, and not concluded.
    is_said: bool,
    /// Where it stands tells its kind.
    is_told: bool,
    /// Where it stands it seems to be somebody's.
    is_person: bool,
    /// It was named by itself, and not only by way of example.
    is_seen: bool,
}

#[derive(Debug)]
struct Spelling {
    /// As written.
    words: Vec<String>,
    /// Whether capitals do not matter.
    is_any_case: bool,
    name: NameNo,
}

/// A name at its place in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) name: NameNo,
    pub(super) tokens: Range<usize>,
}

/// A sentence with what it names.
#[derive(Debug)]
pub(super) struct Reading<'p> {
    pub(super) tokens: Vec<Token<'p>>,
    /// In order; they do not overlap.
    pub(super) sightings: Vec<Sighting>,
    /// Who says it, if somebody with a name does.
    pub(super) speaker: Option<NameNo>,
    /// The first person in it stands for whoever speaks.
    pub(super) has_speaker: bool,
}

impl<'o> Names<'o> {
    /// The names of a source's passages, with those that come beside it and those its app gives as
    /// examples.
    pub(super) fn gather(
        passages: &[Passage],
        suggested: &[SuggestedEntity],
        ontology: &Ontology,
        types: &'o Types,
    ) -> Self {
        let mut names = Self {
            types,
            names: Vec::new(),
            numbers: FxHashMap::default(),
            spellings: FxHashMap::default(),
        };
        for entity in suggested {
            names.give(&entity.name, &entity.entity_type);
        }
        for entity_type in &ontology.entity_types {
            for example in &entity_type.examples {
                names.give(example, &entity_type.name);
            }
        }
        for passage in passages {
            for spoken in &passage.sentences {
                if let Some(speaker) = spoken.speaker.as_deref().filter(|name| !is_role(name)) {
                    names.see(speaker, Kind::Person, None, &[]);
                }
                names.read(&tokens(&spoken.text));
            }
        }
        names.index();
        names
    }

    fn give(&mut self, label: &str, entity_type: &str) {
        let Some(number) = self.number(label) else { return };
        let entity_type = self.types.find(entity_type).unwrap_or(entity_type.trim()).to_owned();
        if let Some(name) = self.names.get_mut(number).filter(|name| !name.is_given)
            && !entity_type.is_empty()
        {
            name.entity_type = Some(entity_type);
            name.is_given = true;
        }
    }

    fn read(&mut self, tokens: &[Token<'_>]) {
        for (mut range, kind) in name_spans(tokens) {
            if opens_idly(tokens, &range) {
                range.start += 1;
            }
            let Some(label) = label_of(tokens, &range) else { continue };
            let mut kind = name_type(&label, kind, tokens, &range);
            // "She works for Acme and Anna leads": a given name alone is no company.
            let is_unsure = matches!(kind, Kind::Organization | Kind::Concept);
            if is_unsure && range.len() == 1 && is_given_name(&label.to_lowercase()) {
                kind = Kind::Person;
            }
            let said = self.types.said(tokens, &range).map(str::to_owned);
            if said.is_none() && kind == Kind::Concept && is_common(&label) {
                continue;
            }
            self.see(&label, kind, said, tokens);
        }
    }

    fn see(&mut self, label: &str, kind: Kind, said: Option<String>, tokens: &[Token<'_>]) {
        let Some(number) = self.number(label) else { return };
        let types = self.types;
        let Some(name) = self.names.get_mut(number) else { return };
        let was_seen = std::mem::replace(&mut name.is_seen, true);
        name.is_person |= kind == Kind::Person;
        if name.is_given || name.is_said {
            return;
        }
        if said.is_some() {
            name.entity_type = said;
            name.is_said = true;
            return;
        }
        let is_telling = !matches!(kind, Kind::Concept | Kind::Acronym);
        if !was_seen || (is_telling && !name.is_told) {
            name.entity_type = types.for_kind(kind, tokens);
            name.is_told = is_telling;
        }
    }

    /// The number of a name, a new one if need be. None for what is no name or has no room.
    fn number(&mut self, label: &str) -> Option<NameNo> {
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
        let folded = fold_concept(&label);
        if let Some(number) = self.numbers.get(&folded) {
            return Some(*number);
        }
        let is_name =
            label.chars().any(char::is_alphanumeric) && label.chars().nth(NAME_CHARS_MAX).is_none();
        if !is_name || self.names.len() >= NAMES_MAX {
            return None;
        }
        let number = self.names.len();
        self.numbers.insert(folded, number);
        self.names.push(Name {
            label,
            entity_type: None,
            is_given: false,
            is_said: false,
            is_told: false,
            is_person: false,
            is_seen: false,
        });
        Some(number)
    }

    /// Makes names findable by their words; a person who was named in full by the given name too.
    fn index(&mut self) {
        let mut given: FxHashMap<String, Option<NameNo>> = FxHashMap::default();
        for (number, name) in self.names.iter().enumerate() {
            let words: Vec<String> = tokens(&name.label)
                .iter()
                .map(|token| bare(&token.word).to_owned())
                .filter(|word| !word.is_empty())
                .collect();
            if words.is_empty() || words.len() > NAME_WORDS_MAX || name.entity_type.is_none() {
                continue;
            }
            let is_lower = !name.label.chars().any(char::is_uppercase);
            let is_any_case = name.is_given && (words.len() > 1 || is_lower);
            if let [first, _, ..] = words.as_slice()
                && name.is_person
            {
                // Two of the same given name: it tells neither.
                let of_name = given.entry(first.clone()).or_insert(Some(number));
                if *of_name != Some(number) {
                    *of_name = None;
                }
            }
            let Some(first) = words.first().map(|word| word.to_lowercase()) else { continue };
            let spelling = Spelling { words, is_any_case, name: number };
            self.spellings.entry(first).or_default().push(spelling);
        }
        for (word, number) in given {
            let Some(number) = number else { continue };
            let folded = word.to_lowercase();
            let known = self.numbers.get(&folded).and_then(|known| self.names.get(*known));
            if known.is_some_and(|known| !known.is_person) {
                continue;
            }
            let list = self.spellings.entry(folded).or_default();
            list.retain(|spelling| spelling.words.len() > 1);
            list.push(Spelling { words: vec![word], is_any_case: false, name: number });
        }
        for list in self.spellings.values_mut() {
            list.sort_by(|one, other| {
                other.words.len().cmp(&one.words.len()).then(one.name.cmp(&other.name))
            });
        }
    }

    /// The sentences of a passage with what they name. In what was said the first person stands
    /// for whoever speaks, unless that is a machine or somebody is quoted.
    pub(super) fn readings<'p>(&self, passage: &'p Passage, is_said: bool) -> Vec<Reading<'p>> {
        let reading = |spoken: &'p Spoken| {
            let tokens = tokens(&spoken.text);
            let sightings = self.sightings(&tokens);
            let speaker = spoken.speaker.as_deref().map(fold_concept);
            let speaker = speaker.and_then(|folded| self.spelled(&folded));
            let is_quoted = spoken.text.contains(['"', '“', '”', '«']);
            let has_speaker =
                is_said && !is_quoted && !spoken.speaker.as_deref().is_some_and(is_machine);
            Reading { tokens, sightings, speaker, has_speaker }
        };
        passage.sentences.iter().map(reading).collect()
    }

    /// The name that a whole spelling stands for.
    fn spelled(&self, folded: &str) -> Option<NameNo> {
        let first = folded.split(' ').next()?;
        let spellings = self.spellings.get(first)?;
        let is_it = |it: &&Spelling| it.words.join(" ").to_lowercase() == folded;
        spellings.iter().find(is_it).map(|spelling| spelling.name)
    }

    fn sightings(&self, tokens: &[Token<'_>]) -> Vec<Sighting> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let spellings = self.spellings.get(bare(&token.lower)).into_iter().flatten();
            let spelling = spellings.into_iter().find(|spelling| spelling.stands_at(tokens, at));
            match spelling {
                Some(spelling) => {
                    let end = at + spelling.words.len();
                    found.push(Sighting { name: spelling.name, tokens: at..end });
                    at = end;
                }
                None => at += 1,
            }
        }
        found
    }

    pub(super) fn label(&self, name: NameNo) -> &str {
        self.names.get(name).map_or("", |name| name.label.as_str())
    }

    pub(super) fn entity_type(&self, name: NameNo) -> &str {
        self.names.get(name).and_then(|name| name.entity_type.as_deref()).unwrap_or_default()
    }

    /// What is worth knowing of a thing under such a name, as configured.
    pub(super) fn property(&self, name: NameNo, words: &str) -> Option<&str> {
        self.types.property(self.entity_type(name), words)
    }

    /// The names of a passage in order, each once.
    pub(super) fn named<'r, 'p: 'r>(
        &self,
        readings: impl Iterator<Item = &'r Reading<'p>>,
    ) -> Vec<NameNo> {
        let mut named: Vec<NameNo> = Vec::new();
        for reading in readings {
            let sighted = reading.sightings.iter().map(|sighting| sighting.name);
            for name in reading.speaker.into_iter().chain(sighted) {
                if named.len() < MENTIONS_MAX && !named.contains(&name) {
                    named.push(name);
                }
            }
        }
        named
    }

    pub(super) fn mention(&self, name: NameNo) -> EntityMention {
        EntityMention {
            name: self.label(name).to_owned(),
            entity_type: self.entity_type(name).to_owned(),
            properties: Vec::new(),
        }
    }
}

impl Spelling {
    fn stands_at(&self, tokens: &[Token<'_>], at: usize) -> bool {
        let Some(window) = tokens.get(at..at + self.words.len()) else { return false };
        let is_word = |(token, word): (&Token<'_>, &String)| {
            let written = bare(&token.word);
            written == word || (self.is_any_case && written.to_lowercase() == word.to_lowercase())
        };
        // A pause inside of it parts two names.
        let is_whole = window.iter().rev().skip(1).all(|token| token.tail.is_empty());
        is_whole && window.iter().zip(&self.words).all(is_word)
    }
}

/// A word without its possessive ending.
fn bare(word: &str) -> &str {
    let ending = ["'s", "’s", "'S"].into_iter().find_map(|ending| word.strip_suffix(ending));
    ending.unwrap_or(word)
}

/// Whether the first word of a name is capitalised for its place alone: "Later Anna".
fn opens_idly(tokens: &[Token<'_>], range: &Range<usize>) -> bool {
    let (Some(first), Some(second)) = (tokens.first(), tokens.get(1)) else { return false };
    range.start == 0
        && range.len() > 1
        && is_given_name(&second.lower)
        && !is_given_name(&first.lower)
        && (REQUESTS.contains(&first.lower.as_str()) || !synonyms::of_word(&first.lower).is_empty())
}

/// Whether a name of which nothing is known is a word that everybody knows: capitals alone make
/// no name of "Pride", "Fri" or "Finals".
fn is_common(label: &str) -> bool {
    let folded = label.to_lowercase();
    let is_day = ["mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun"]
        .contains(&folded.as_str());
    is_day || !synonyms::of_word(&folded).is_empty()
}

fn label_of(tokens: &[Token<'_>], range: &Range<usize>) -> Option<String> {
    let words = tokens.get(range.clone())?.iter().map(|token| bare(&token.word));
    let label = words.collect::<Vec<_>>().join(" ");
    (!label.is_empty()).then_some(label)
}
