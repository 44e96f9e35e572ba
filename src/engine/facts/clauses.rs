//! From a sentence to the clauses that may state something each, without what opens or closes
//! them idly.

use super::grammar;
use super::sentences::{Token, for_each_sentence, tokens};
use super::vocabulary::{
    ENGLISH, FILLER_PHRASES, FILLERS, FILLERS_BEFORE_COMMA, GREETINGS, TRAILERS, VERBS,
};

/// A longer sentence is no small fact, and reading it costs the square of its length at worst.
const SENTENCE_WORDS_MAX: usize = 80;
/// "Thanks so much, Anna": words of a greeting at most.
const GREETING_WORDS_MAX: usize = 4;

/// Calls `take` with each clause of the declarative sentences of a text, in order.
pub(super) fn for_each_clause<'a>(text: &'a str, mut take: impl FnMut(&[Token<'a>])) {
    for_each_sentence(text, |sentence| {
        let bare = sentence.trim_end_matches(['"', '”', '\'', ')', '»', ' ', '!']);
        if bare.ends_with(['?', '？', '؟']) {
            return;
        }
        let tokens = tokens(sentence);
        if tokens.len() <= SENTENCE_WORDS_MAX && !quotes_somebody(&tokens) {
            for clause in split(&tokens) {
                take(without_idle_words(clause));
            }
        }
    });
}

/// Whether the first person is somebody else: one who is quoted.
fn quotes_somebody(tokens: &[Token<'_>]) -> bool {
    let is_quote = |part: &str| part.contains(['"', '“', '”', '«', '»', '„']);
    let opening = tokens.iter().position(|token| is_quote(token.lead));
    opening.is_some_and(|opening| {
        tokens.iter().skip(opening).any(|t| t.is(&["i", "we", "my", "me", "our", "us"]))
    })
}

/// Splits where a conjunction or a dash begins a clause with a subject of its own. After a
/// condition nothing is taken for a statement of its own.
fn split<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut clauses = Vec::new();
    let mut start = 0;
    for at in 1..tokens.len() {
        let Some(token) = tokens.get(at) else { break };
        let Some(before) = tokens.get(at - 1) else { break };
        let so_far = tokens.get(start..at).unwrap_or_default();
        let is_dash = token.word.is_empty() && matches!(token.lead, "-" | "–" | "—" | "--");
        let parts = before.tail.contains(';')
            || is_dash
            || (token.is(&["and", "but", "so", "plus"])
                && has_subject(tokens.get(at + 1..).unwrap_or_default())
                && has_verb(so_far))
            || (before.tail.ends_with(',')
                && token.is(&["i", "we", "he", "she", "they", "it", "you"])
                && has_subject(so_far)
                && has_verb(so_far));
        if !parts {
            continue;
        }
        clauses.push(so_far);
        if so_far.iter().any(|token| token.is(&["if", "unless", "suppose", "imagine"])) {
            return clauses;
        }
        start = if is_dash { at + 1 } else { at };
    }
    clauses.push(tokens.get(start..).unwrap_or_default());
    clauses
}

/// Whether a clause begins with a pronoun as its subject, or with what is somebody's.
fn has_subject(tokens: &[Token<'_>]) -> bool {
    let mut words = tokens.iter().skip_while(|token| grammar::is_adverb(&token.lower));
    let Some(first) = words.next() else { return false };
    if first.is(&["my", "our"]) {
        let noun_and_verb = tokens.get(1..tokens.len().min(6)).unwrap_or_default();
        return noun_and_verb.iter().skip(1).any(|token| grammar::is_finite_third(&token.lower));
    }
    let subjects = ["i", "we", "he", "she", "they", "it", "you", "there", "it's", "that's"];
    first.is(&subjects) || first.is(&["he's", "she's", "they're", "you're", "there's", "this"])
}

fn has_verb(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| {
        token.lower == "am" || grammar::is_finite_third(&token.lower) || VERBS.holds(&token.lower)
    })
}

/// A clause without greetings, fillers and closing particles.
fn without_idle_words<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let Some(skipped) = idle_opening(tokens) {
        tokens = tokens.get(skipped..).unwrap_or_default();
    }
    while let [rest @ .., last] = tokens {
        if !TRAILERS.holds(&last.lower) && !last.word.is_empty() {
            break;
        }
        tokens = rest;
    }
    tokens
}

/// How many words at the beginning say nothing. None when the first one does.
fn idle_opening(tokens: &[Token<'_>]) -> Option<usize> {
    let first = tokens.first()?;
    if first.word.is_empty() || FILLERS.holds(&first.lower) {
        return Some(1);
    }
    for phrase in FILLER_PHRASES {
        let opening = tokens.get(..phrase.len()).unwrap_or_default();
        if opening.len() == phrase.len()
            && opening.iter().zip(phrase).all(|(token, word)| token.lower == *word)
        {
            return Some(phrase.len());
        }
    }
    if GREETINGS.holds(&first.lower) {
        let ends = |token: &Token<'_>| token.has_pause();
        let words = tokens.iter().take(GREETING_WORDS_MAX).position(ends);
        return Some(words.map_or(1, |last| last + 1));
    }
    if first.has_pause() {
        let next_is_subject = tokens.get(1).is_some_and(|token| token.is(&["i", "we"]));
        let is_vocative = first.is_capitalised() && next_is_subject && !is_time(first);
        return (FILLERS_BEFORE_COMMA.holds(&first.lower) || is_vocative).then_some(1);
    }
    None
}

fn is_time(token: &Token<'_>) -> bool {
    crate::engine::lexicon::is_temporal(&token.lower) || grammar::is_adverb(&token.lower)
}

/// Whether the words are English, as far as a few of them tell.
pub(super) fn is_english(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| ENGLISH.holds(&token.lower))
}
