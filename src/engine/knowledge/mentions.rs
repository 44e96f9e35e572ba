//! Which candidates become a document's entities, and where its sentences mention them.

use std::cmp::Reverse;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::candidates::{Candidate, Candidates};
use super::spelling::bare;
use super::{Document, DocumentEntity, ENTITIES_MAX, EntityType, SUMMARY_CHARS_MAX, fold_name};
use crate::engine::facts::Token;
use crate::engine::text::cut_at_word;

/// Candidates that are looked for at all, the most often seen first.
const CANDIDATES_MAX: usize = 512;
/// What a company is by law, which is left out where it is mentioned again.
const LEGAL_FORMS: [&str; 10] =
    ["inc", "inc.", "ltd", "ltd.", "gmbh", "ag", "corp", "corp.", "llc", "plc"];
/// Words of the longest name that is looked for.
const NAME_WORDS_MAX: usize = 10;

/// An entity at a place in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) entity: u32,
    pub(super) words: Range<usize>,
}

/// What is known of a candidate besides its name.
struct Known {
    name: String,
    /// How often it is written like this.
    spelled: u32,
    entity_type: EntityType,
    is_term: bool,
    chunks: u32,
    last_chunk: Option<u32>,
    mentions: u32,
    /// Sentence and word of the first mention.
    first: (usize, usize),
    is_in_title: bool,
    /// How well the best sentence introduces it, and which that is.
    introduction: (i32, usize),
}

/// A document's entities, most important first, and for each sentence what it mentions.
pub(super) fn choose(
    document: &Document<'_>,
    candidates: Candidates,
) -> (Vec<DocumentEntity>, Vec<Vec<Mention>>) {
    let mut list = candidates.list;
    list.sort_by_key(|(_, candidate)| Reverse(candidate.sure + candidate.doubtful));
    list.truncate(CANDIDATES_MAX);
    let (names, mut known) = name_table(&list);
    let mut mentions: Vec<Vec<Mention>> = Vec::with_capacity(document.sentences.len());
    for (number, (sentence, tokens)) in document.lines().enumerate() {
        let found = names.mentions(tokens);
        for mention in &found {
            let Some(entity) = known.get_mut(at(mention.entity)) else { continue };
            if entity.last_chunk != Some(sentence.chunk) {
                entity.last_chunk = Some(sentence.chunk);
                entity.chunks += 1;
            }
            if entity.mentions == 0 {
                entity.first = (number, mention.words.start);
            }
            entity.mentions += 1;
            let introduces = introduces(tokens, &mention.words, sentence.is_heading);
            if introduces > entity.introduction.0 {
                entity.introduction = (introduces, number);
            }
        }
        mentions.push(found);
    }
    let titled: FxHashSet<u32> = {
        let tokens = crate::engine::facts::tokens(document.title);
        names.mentions(&tokens).iter().map(|mention| mention.entity).collect()
    };
    for (number, entity) in (0..).zip(&mut known) {
        entity.is_in_title = titled.contains(&number);
    }
    let kept = by_importance(&known);
    let renumbered: FxHashMap<u32, u32> = (0..).zip(&kept).map(|(new, old)| (*old, new)).collect();
    for found in &mut mentions {
        found.retain_mut(|mention| match renumbered.get(&mention.entity) {
            Some(number) => {
                mention.entity = *number;
                true
            }
            None => false,
        });
    }
    let entities = kept.iter().filter_map(|number| known.get(at(*number)));
    let entities = entities.map(|entity| DocumentEntity {
        name: entity.name.clone(),
        entity_type: entity.entity_type,
        summary: summary(document, entity.introduction.1),
        chunks: entity.chunks,
    });
    (entities.collect(), mentions)
}

/// Numbers of entities are below [`CANDIDATES_MAX`].
fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The numbers of the mentioned ones, most important first, at most [`ENTITIES_MAX`].
fn by_importance(known: &[Known]) -> Vec<u32> {
    let mut order: Vec<(u32, &Known)> =
        (0..).zip(known).filter(|(_, entity)| entity.mentions > 0).collect();
    let weight = |entity: &Known| {
        // Chunks say more than mentions: a name repeated in one place is a local matter.
        let seen = 2 * entity.chunks + entity.mentions.min(3 * entity.chunks);
        let seen = if entity.is_in_title { 2 * seen + 4 } else { seen };
        seen * if entity.is_term { 2 } else { 3 }
    };
    order.sort_by(|(_, a), (_, b)| {
        weight(b).cmp(&weight(a)).then(a.first.cmp(&b.first)).then(a.name.cmp(&b.name))
    });
    order.into_iter().map(|(number, _)| number).take(ENTITIES_MAX).collect()
}

/// How well a sentence introduces what it mentions at this place.
fn introduces(tokens: &[Token<'_>], words: &Range<usize>, is_heading: bool) -> i32 {
    let lower = |at: usize| tokens.get(at).map_or("", |token| token.lower.as_str());
    let opens = words.start == 0 || (words.start == 1 && matches!(lower(0), "the" | "a" | "an"));
    let is = matches!(
        lower(words.end),
        "is" | "are" | "was" | "were" | "ist" | "sind" | "—" | "является"
    );
    let names_kind =
        is && matches!(lower(words.end + 1), "a" | "an" | "the" | "ein" | "eine" | "one");
    let mut score = 1;
    score += if opens { 2 } else { 0 };
    score += if is { 2 } else { 0 };
    score += if names_kind { 3 } else { 0 };
    score += i32::from((6..=40).contains(&tokens.len()));
    // Something was taken out of it.
    let has_gap = tokens.iter().any(|token| token.lead == "`");
    score - if is_heading { 2 } else { 0 } - if has_gap { 4 } else { 0 }
}

fn summary(document: &Document<'_>, sentence: usize) -> String {
    let text = document.sentences.get(sentence).map_or("", |sentence| sentence.text.as_str());
    // What was taken out leaves a lone sign.
    let words = text.split_whitespace().filter(|word| *word != "`").collect::<Vec<_>>();
    cut_at_word(&words.join(" "), SUMMARY_CHARS_MAX)
}

/// Names by their first word, longest first.
struct Names {
    by_first: FxHashMap<String, Vec<Name>>,
}

struct Name {
    words: Vec<String>,
    entity: u32,
    case: Case,
}

/// How a name must be written to be meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Any,
    /// Capitalised as a name is.
    Capitalised,
    /// All in capitals: REST is no rest.
    Capitals,
}

impl Names {
    fn add(&mut self, folded: &str, entity: u32, case: Case) {
        let words: Vec<String> = folded.split(' ').map(str::to_owned).collect();
        let Some(first) = words.first() else { return };
        let first = first.trim_end_matches(['+', '#']).to_owned();
        let list = self.by_first.entry(first).or_default();
        if words.len() <= NAME_WORDS_MAX && !list.iter().any(|name| name.words == words) {
            list.push(Name { words, entity, case });
            list.sort_by_key(|name| Reverse(name.words.len()));
        }
    }

    /// What a sentence mentions, from left to right, none inside another.
    fn mentions(&self, tokens: &[Token<'_>]) -> Vec<Mention> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match self.longest_at(tokens, at) {
                Some((entity, length)) => {
                    found.push(Mention { entity, words: at..at + length });
                    at += length;
                }
                None => at += 1,
            }
        }
        found
    }

    fn longest_at(&self, tokens: &[Token<'_>], at: usize) -> Option<(u32, usize)> {
        let first = tokens.get(at)?;
        let lists = [bare(&first.lower), singular_of(first)].map(|word| self.by_first.get(word));
        let names = lists.into_iter().flatten().flatten();
        let mut best: Option<(u32, usize)> = None;
        for name in names {
            let length = name.words.len();
            let is_longer = best.is_none_or(|(_, longest)| length > longest);
            if is_longer && tokens.get(at..at + length).is_some_and(|tokens| stands(tokens, name)) {
                best = Some((name.entity, length));
            }
        }
        best
    }
}

/// `APIs` is API.
fn singular_of<'a>(token: &'a Token<'_>) -> &'a str {
    let is_plural = token.word.ends_with('s')
        && token.word.len() > 2
        && token.word.chars().rev().nth(1).is_some_and(char::is_uppercase);
    let singular = token.lower.strip_suffix('s').filter(|_| is_plural);
    singular.unwrap_or("")
}

fn stands(tokens: &[Token<'_>], name: &Name) -> bool {
    let last = tokens.len() - 1;
    let are_words = tokens.iter().zip(&name.words).enumerate().all(|(at, (token, word))| {
        let is_whole = at == last || token.tail.is_empty() || token.tail == ".";
        let is_joined = at == 0 || token.lead.is_empty();
        let signed = || {
            let sign = word.strip_prefix(token.lower.as_str());
            sign.is_some_and(|sign| sign.len() < 3 && token.tail.starts_with(sign))
        };
        is_whole
            && is_joined
            && (bare(&token.lower) == word || singular_of(token) == word || signed())
    });
    are_words
        && match name.case {
            Case::Any => true,
            Case::Capitalised => tokens.first().is_some_and(Token::is_capitalised),
            Case::Capitals => tokens.first().is_some_and(|token| {
                let word = bare(&token.word);
                let word = word.strip_suffix('s').unwrap_or(word);
                !word.contains(char::is_lowercase)
            }),
        }
}

/// The names to look for, and what each stands for; candidates that mean the same become one.
fn name_table(list: &[(String, Candidate)]) -> (Names, Vec<Known>) {
    let mut names = Names { by_first: FxHashMap::default() };
    let mut known: Vec<Known> = Vec::new();
    let mut numbers: FxHashMap<&str, u32> = FxHashMap::default();
    let merged = same_things(list);
    for (folded, candidate) in list {
        if merged.contains_key(folded.as_str()) {
            continue;
        }
        let Ok(number) = u32::try_from(known.len()) else { break };
        let Some((name, spelled)) = best_spelling(candidate) else { continue };
        let is_lower = name.starts_with(char::is_lowercase) || !name.contains(char::is_uppercase);
        let case = match name {
            _ if candidate.is_term || is_lower => Case::Any,
            name if name.contains(char::is_lowercase) => Case::Capitalised,
            _ => Case::Capitals,
        };
        names.add(folded, number, case);
        for alias in &candidate.aliases {
            names.add(alias, number, Case::Any);
        }
        numbers.insert(folded, number);
        let entity_type = candidate.votes.winner();
        let (name, is_term) = (name.clone(), candidate.is_term);
        known.push(Known {
            name,
            spelled: *spelled,
            entity_type,
            is_term,
            chunks: 0,
            last_chunk: None,
            mentions: 0,
            first: (usize::MAX, 0),
            is_in_title: false,
            introduction: (i32::MIN, 0),
        });
    }
    for (short, candidate) in list {
        let Some(whole) = merged.get(short.as_str()) else { continue };
        let Some(number) = numbers.get(whole) else { continue };
        names.add(short, *number, Case::Capitalised);
        // A company goes by what it is mostly called, people by their full name.
        let entity = known.get_mut(at(*number));
        if let Some(entity) = entity.filter(|e| e.entity_type == EntityType::Organization)
            && let Some((spelling, count)) = best_spelling(candidate)
            && *count > entity.spelled
        {
            entity.name.clone_from(spelling);
            entity.spelled = *count;
        }
    }
    (names, known)
}

fn best_spelling(candidate: &Candidate) -> Option<&(String, u32)> {
    candidate.spellings.iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))
}

/// Candidates that are a short form of another: "Lee" and "Anna" of "Anna Lee", "Acme" of "Acme
/// Inc", and what an acronym stands for. Where two could be meant, none is.
fn same_things(list: &[(String, Candidate)]) -> FxHashMap<&str, &str> {
    let mut wholes: FxHashMap<&str, Option<&str>> = FxHashMap::default();
    let mut add = |short, whole| {
        wholes.entry(short).and_modify(|known| *known = None).or_insert(Some(whole));
    };
    for (folded, candidate) in list {
        for alias in &candidate.aliases {
            if !candidate.is_term {
                add(alias.as_str(), folded.as_str());
            }
        }
        let Some((first, rest)) = folded.split_once(' ') else { continue };
        match candidate.votes.winner() {
            EntityType::Person => {
                let last = rest.rsplit(' ').next().unwrap_or(rest);
                add(first, folded.as_str());
                add(last, folded.as_str());
            }
            EntityType::Organization => {
                if let Some((short, _)) =
                    folded.rsplit_once(' ').filter(|(_, form)| LEGAL_FORMS.contains(form))
                {
                    add(short, folded.as_str());
                }
            }
            _ => {}
        }
    }
    let may_be_short = |candidate: &Candidate| {
        !candidate.is_term
            && matches!(
                candidate.votes.winner(),
                EntityType::Person | EntityType::Organization | EntityType::Concept
            )
    };
    let short = list.iter().filter(|(_, candidate)| may_be_short(candidate));
    short
        .filter_map(|(folded, _)| {
            let whole = wholes.get(folded.as_str()).copied().flatten()?;
            Some((folded.as_str(), whole))
        })
        .filter(|(short, whole)| short != whole && fold_name(short) == **short)
        .collect()
}
