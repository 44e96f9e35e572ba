//! The named things of a text and what kind of thing each is, told by what stands around the name
//! and, where that says nothing, by short lists.

use std::collections::HashMap;
use std::ops::Range;

use super::grammar;
use super::sentences::{Token, for_each_sentence, tokens};
use super::vocabulary::{
    BEFORE_PERSON, BEFORE_PLACE, COMPANY, FILLERS, FILLERS_BEFORE_COMMA, GIVEN_NAMES, GREETINGS,
    JOINING, MATTERS, MOTION, NO_NAMES, OFFICES, ORGANISATION_WORDS, ORIGIN, PARTICLES,
    PERSON_VERBS, PETS, PLACE_BEGINNINGS, PLACE_ENDINGS, PLACES, PREFIX_OPENERS, RELATIONS, TIMES,
    TITLES, WORK,
};
use super::{Entity, EntityKind};
use crate::engine::concepts::for_each_name;
use crate::engine::graph::fold_concept;
use crate::engine::{lexicon, synonyms};

/// Words before a name that can tell its kind.
const WINDOW_WORDS: usize = 7;
const LABEL_CHARS_MAX: usize = 100;
const LABEL_WORDS_MAX: usize = 6;

/// A name among the tokens of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) tokens: Range<usize>,
    pub(super) label: String,
    pub(super) kind: EntityKind,
    /// The kind, where more than a list tells it; the next of an enumeration shares it.
    told: Option<EntityKind>,
}

/// At most `count_max` distinct entities of a text, in order of appearance. A name that is known
/// only as such in one place takes the kind it has in another.
pub(super) fn find(text: &str, count_max: usize) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for_each_sentence(text, |sentence| {
        for span in spans(&tokens(sentence)) {
            let folded = fold_concept(&span.label);
            if let Some(entity) = seen.get(&folded).and_then(|at| found.get_mut(*at)) {
                if entity.kind == EntityKind::Other {
                    entity.kind = span.kind;
                }
            } else if found.len() < count_max {
                if span.kind == EntityKind::Person {
                    // "Anna" is Anna Lee, once she was named in full.
                    if let Some((given, _)) = folded.split_once(' ') {
                        seen.entry(given.to_owned()).or_insert(found.len());
                    }
                }
                seen.insert(folded, found.len());
                found.push(Entity { label: span.label, kind: span.kind });
            }
        }
    });
    found
}

/// The names of a sentence with their kinds.
pub(super) fn spans(tokens: &[Token<'_>]) -> Vec<Span> {
    if !tokens.iter().any(Token::is_capitalised) || is_shouted(tokens) {
        return Vec::new();
    }
    let written: Vec<String> = tokens.iter().map(Token::written).collect();
    let mut ranges: Vec<(Range<usize>, bool)> = Vec::new();
    for_each_name(written.iter().map(String::as_str), |name| {
        split_run(tokens, name.first..name.first + name.words.len(), &mut ranges);
    });
    let mut found: Vec<Span> = Vec::new();
    for (range, is_doubtful) in join_parts(tokens, ranges) {
        let Some(label) = label_of(tokens, &range) else { continue };
        if is_doubtful && !is_name_by_itself(tokens, &range) {
            continue;
        }
        let told = by_own_words(&label).or_else(|| by_surroundings(tokens, &range));
        let listed = found.last().filter(|before| are_listed(tokens, &before.tokens, &range));
        let listed = listed.and_then(|before| before.told);
        let told = told.or(listed);
        let kind = told
            .or_else(|| by_lists(&label))
            .or_else(|| is_addressed(tokens, &range).then_some(EntityKind::Person))
            .unwrap_or(EntityKind::Other);
        found.push(Span { tokens: range, label, kind, told });
    }
    found
}

/// Text in capitals says nothing about names.
fn is_shouted(tokens: &[Token<'_>]) -> bool {
    let (mut upper, mut lower) = (0_usize, 0_usize);
    for letter in tokens.iter().flat_map(|token| token.word.chars()) {
        upper += usize::from(letter.is_uppercase());
        lower += usize::from(letter.is_lowercase());
    }
    tokens.len() > 2 && upper > lower
}

/// Takes a run of capitalised words apart where it is no single name, and drops what is no name.
fn split_run(tokens: &[Token<'_>], run: Range<usize>, ranges: &mut Vec<(Range<usize>, bool)>) {
    let mut start = run.start;
    for at in run.clone() {
        let Some(token) = tokens.get(at) else { return };
        let breaks = token.is(&["i", "we", "my", "our"]);
        let ends = token.lower.ends_with("'s") || token.tail.contains(['!', '?', '…', '"', '”']);
        if breaks {
            push_trimmed(tokens, start..at, ranges);
            start = at + 1;
        } else if ends {
            push_trimmed(tokens, start..at + 1, ranges);
            start = at + 1;
        }
    }
    push_trimmed(tokens, start..run.end, ranges);
}

fn push_trimmed(
    tokens: &[Token<'_>],
    mut range: Range<usize>,
    ranges: &mut Vec<(Range<usize>, bool)>,
) {
    let lower = |at: usize| tokens.get(at).map_or("", |token| token.lower.as_str());
    // A lone "May" or "Friday" is a time; "New" alone names nothing.
    let is_empty = |word: &str| {
        let one = word.strip_suffix('s').unwrap_or(word);
        NO_NAMES.holds(word)
            || lexicon::is_stop(word)
            || lexicon::is_temporal(word)
            || lexicon::is_temporal(one)
    };
    while range.start < range.end {
        let first = lower(range.start);
        let opens = range.start == 0
            && (grammar::is_verb_form(first)
                || FILLERS.holds(first)
                || FILLERS_BEFORE_COMMA.holds(first)
                || PREFIX_OPENERS.holds(first)
                || grammar::is_adverb(first));
        let begins_place = range.len() > 1 && PLACE_BEGINNINGS.holds(first);
        let begins_title = range.len() > 1 && TITLES.holds(first);
        if (is_empty(first) && !begins_place && !begins_title)
            || GREETINGS.holds(first)
            || (opens && (range.len() > 1 || !GIVEN_NAMES.holds(first)))
        {
            range.start += 1;
        } else {
            break;
        }
    }
    while range.start < range.end && is_empty(lower(range.end - 1)) {
        range.end -= 1;
    }
    if range.is_empty() {
        return;
    }
    let has_inner_capital = |at: usize| {
        tokens.get(at).is_some_and(|token| token.word.chars().skip(1).any(char::is_uppercase))
    };
    let is_doubtful = range.start == 0 && range.len() == 1 && !has_inner_capital(0);
    ranges.push((range, is_doubtful));
}

/// "University of Texas", "Bank of America", "Ludwig van Beethoven".
fn join_parts(
    tokens: &[Token<'_>],
    ranges: Vec<(Range<usize>, bool)>,
) -> Vec<(Range<usize>, bool)> {
    let mut joined: Vec<(Range<usize>, bool)> = Vec::new();
    for (range, is_doubtful) in ranges {
        if let Some((before, doubt)) = joined.last_mut()
            && before.end + 1 == range.start
            && let Some(between) = tokens.get(before.end)
            && let Some(head) = tokens.get(before.end - 1)
            && head.tail.is_empty()
            && (PARTICLES.holds(&between.lower)
                || (between.lower == "of" && ORGANISATION_WORDS.holds(&head.lower)))
        {
            before.end = range.end;
            *doubt = false;
            continue;
        }
        joined.push((range, is_doubtful));
    }
    joined
}

/// The words of a name as written. None for what is too long to be one.
fn label_of(tokens: &[Token<'_>], range: &Range<usize>) -> Option<String> {
    if range.len() > LABEL_WORDS_MAX {
        return None;
    }
    let words = tokens.get(range.clone())?.iter().map(|token| {
        let word = &*token.word;
        word.strip_suffix("'s").or_else(|| word.strip_suffix("'S")).unwrap_or(word)
    });
    let label = words.collect::<Vec<_>>().join(" ");
    let letters = label.chars().count();
    let is_name = label.chars().any(char::is_alphabetic) && (letters > 1 || !label.is_ascii());
    (is_name && letters <= LABEL_CHARS_MAX).then_some(label)
}

/// Whether a capitalised first word is a name for another reason than its place.
fn is_name_by_itself(tokens: &[Token<'_>], range: &Range<usize>) -> bool {
    let Some(token) = tokens.get(range.start) else { return false };
    let next = tokens.get(range.end);
    if let Some(owner) = token.lower.strip_suffix("'s") {
        return GIVEN_NAMES.holds(owner) || next.is_some_and(|next| RELATIONS.holds(&next.lower));
    }
    if GIVEN_NAMES.holds(&token.lower) || PLACES.holds(&token.lower) {
        return true;
    }
    let acts = next.is_some_and(|next| PERSON_VERBS.holds(&next.lower) || next.lower == "is");
    // A word that nobody knows, doing what people and companies do.
    token.tail.is_empty() && acts && synonyms::of_word(&token.lower).is_empty()
}

/// Whether two names stand side by side or joined by "and" or "or".
fn are_listed(tokens: &[Token<'_>], before: &Range<usize>, range: &Range<usize>) -> bool {
    let between = tokens.get(before.end..range.start).unwrap_or_default();
    let pauses = |at: usize| tokens.get(at).is_some_and(|token| token.tail == ",");
    match between {
        [] => pauses(before.end - 1),
        [token] => token.is(&["and", "or", "&"]),
        _ => false,
    }
}

fn by_own_words(label: &str) -> Option<EntityKind> {
    let folded = label.to_lowercase();
    let mut words = folded.split(' ');
    let first = words.next()?;
    let last = words.next_back()?;
    if TITLES.holds(first) {
        return Some(EntityKind::Person);
    }
    if ORGANISATION_WORDS.holds(last) || ORGANISATION_WORDS.holds(first) {
        return Some(EntityKind::Organisation);
    }
    if PLACE_ENDINGS.holds(last) || PLACE_BEGINNINGS.holds(first) {
        return Some(EntityKind::Place);
    }
    None
}

fn by_surroundings(tokens: &[Token<'_>], range: &Range<usize>) -> Option<EntityKind> {
    let word_at = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at)).map_or("", |token| token.lower.as_str())
    };
    let mut before = range.start.checked_sub(1);
    while before.is_some() && matches!(word_at(before), "the" | "downtown" | "nearby" | "sunny") {
        before = before.and_then(|at| at.checked_sub(1));
    }
    let previous = word_at(before);
    let second = word_at(before.and_then(|at| at.checked_sub(1)));
    let next = word_at(Some(range.end));
    let window = tokens.get(range.start.saturating_sub(WINDOW_WORDS)..range.start)?;
    let near = |list: &super::vocabulary::WordList| window.iter().any(|t| list.holds(&t.lower));

    if PETS.holds(previous) || (matches!(previous, "named" | "called") && near(&PETS)) {
        return Some(EntityKind::Other);
    }
    let owns = tokens.get(range.end - 1).is_some_and(|token| token.lower.ends_with("'s"));
    if RELATIONS.holds(previous)
        || (previous == "named" && near(&RELATIONS))
        || GREETINGS.holds(previous)
        || BEFORE_PERSON.holds(previous)
        || (previous == "is" && second == "name")
        || (previous == "me" && second == "call")
        || (owns && RELATIONS.holds(next))
        || is_related(tokens, range)
    {
        return Some(EntityKind::Person);
    }
    if JOINING.holds(previous)
        || (previous == "of" && OFFICES.holds(second))
        || (matches!(previous, "at" | "for" | "by" | "with" | "from")
            && near(&WORK)
            && !is_given_name(tokens, range))
    {
        return Some(EntityKind::Organisation);
    }
    if near(&COMPANY) && (previous == "with" || (previous == "to" && !near(&MOTION))) {
        return Some(EntityKind::Person);
    }
    let leads_to_place = BEFORE_PLACE.holds(previous) && !(previous == "in" && near(&MATTERS));
    let moves = (matches!(previous, "to" | "from") && near(&MOTION))
        || (previous == "from" && near(&ORIGIN));
    if (leads_to_place || moves) && !is_modifier(tokens, range) {
        let is_person = is_given_name(tokens, range) && previous != "in";
        return Some(if is_person { EntityKind::Person } else { EntityKind::Place });
    }
    if PERSON_VERBS.holds(next) && !matches!(previous, "of" | "on" | "at" | "in") {
        return Some(EntityKind::Person);
    }
    None
}

/// "Thanks, Zed" and "That is great, Zed!".
fn is_addressed(tokens: &[Token<'_>], range: &Range<usize>) -> bool {
    let Some(before) = range.start.checked_sub(1).and_then(|at| tokens.get(at)) else {
        return false;
    };
    let calls = tokens.get(range.end - 1).is_some_and(|token| token.tail.contains(['!', '?']));
    let opens = range.start == 1
        && (FILLERS.holds(&before.lower) || FILLERS_BEFORE_COMMA.holds(&before.lower));
    before.tail.ends_with(',')
        && range.len() == 1
        && (opens || (calls && range.end == tokens.len()))
}

/// "in the LGBTQ community": the name only says which community.
fn is_modifier(tokens: &[Token<'_>], range: &Range<usize>) -> bool {
    let the = range.start.checked_sub(1).and_then(|at| tokens.get(at));
    let whole = tokens.get(range.end - 1).is_some_and(|token| token.tail.is_empty());
    let noun = tokens.get(range.end).is_some_and(|token| {
        let word = token.lower.as_str();
        !word.is_empty()
            && !lexicon::is_stop(word)
            && !lexicon::is_temporal(word)
            && !grammar::is_verb_form(word)
            && !grammar::is_adverb(word)
    });
    the.is_some_and(|token| token.lower == "the") && whole && noun
}

fn is_given_name(tokens: &[Token<'_>], range: &Range<usize>) -> bool {
    tokens.get(range.start).is_some_and(|token| {
        let word = token.lower.strip_suffix("'s").unwrap_or(&token.lower);
        GIVEN_NAMES.holds(word) && !PLACES.holds(word)
    })
}

/// "Anna, my sister" and "Anna is my sister".
fn is_related(tokens: &[Token<'_>], range: &Range<usize>) -> bool {
    let mut after = tokens.get(range.end..).unwrap_or_default().iter();
    let pauses = tokens.get(range.end - 1).is_some_and(|token| token.tail == ",");
    if !pauses && !after.next().is_some_and(|token| token.is(&["is", "was"])) {
        return false;
    }
    let owner = after.next().is_some_and(|t| t.is(&["my", "our", "his", "her", "a", "their"]));
    owner && after.take(2).any(|token| RELATIONS.holds(&token.lower))
}

fn by_lists(label: &str) -> Option<EntityKind> {
    let folded = label.to_lowercase();
    let first = folded.split(' ').next().unwrap_or_default();
    if PLACES.holds(&folded) {
        return Some(EntityKind::Place);
    }
    (GIVEN_NAMES.holds(first) && !TIMES.holds(first)).then_some(EntityKind::Person)
}
