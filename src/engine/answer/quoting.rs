//! The sentences of some passages that answer a question best.

use rustc_hash::{FxHashMap, FxHashSet};

use super::matching::{Key, QueryTerm, Wanted, Word, defines, query_terms, wanted, words_of};
use super::{Passage, QUOTE_CHARS_MAX, Quote};
use crate::engine::facts::{EntityKind, is_given_name, name_spans, tokens};
use crate::engine::lexicon;
use crate::engine::prose::{Code, Reader};
use crate::engine::text::cut_at_word;

/// Passages that are looked at.
const PASSAGES_MAX: usize = 100;
/// Share of the best score below which a sentence is no answer beside it.
const SCORE_SHARE_MIN: f64 = 0.35;
/// Share of common words from which two sentences say the same.
const SAME_WORDS_SHARE: f64 = 0.6;
/// What is left of a term's weight once a chosen sentence holds it.
const COVERED_WEIGHT: f64 = 0.6;

/// Weights of what speaks for a sentence, as shares of what its words give it. Tuned by hand.
const DEFINITION_BONUS: f64 = 0.8;
const WANTED_BONUS: f64 = 0.35;
/// Sentences that are no statements: questions, headings, what has no end.
const WEAK_FACTOR: f64 = 0.4;
/// What each place down the list of passages takes.
const PLACE_COST: f64 = 0.06;
/// What a term is worth that stands in the passage's title only.
const TITLE_WEIGHT: f64 = 0.25;

struct Candidate {
    passage: usize,
    text: String,
    words: Vec<Word>,
    /// What begins or ends outside of its passage.
    is_fragment: bool,
    /// How well each term of the question is held.
    held: Vec<f64>,
    /// Everything about the sentence but the words.
    factor: f64,
}

/// At most `quotes_max` sentences that answer a question, the best first; empty where none shares a
/// content word with it. Passages are expected best first; the first hundred are looked at. The
/// same for the same arguments, and linear in the passages' length.
#[must_use]
pub fn quotes(question: &str, passages: &[Passage<'_>], quotes_max: usize) -> Vec<Quote> {
    let terms = query_terms(question);
    if terms.is_empty() || quotes_max == 0 {
        return Vec::new();
    }
    let wanted = wanted(question);
    let mut candidates = sentences(passages);
    let weights = weights(&terms, &candidates);
    candidates.retain_mut(|candidate| {
        let held: Vec<(f64, bool)> =
            terms.iter().map(|term| term.held_by(&candidate.words)).collect();
        let shares = held.iter().any(|(_, is_itself)| *is_itself);
        candidate.held = held.into_iter().map(|(held, _)| held).collect();
        shares
    });
    for candidate in &mut candidates {
        add_title(candidate, passages, &terms);
        candidate.factor = factor(candidate, &wanted);
    }
    if candidates.iter().any(|candidate| !candidate.is_fragment) {
        candidates.retain(|candidate| !candidate.is_fragment);
    }
    choose(candidates, weights, quotes_max)
}

fn sentences(passages: &[Passage<'_>]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut seen: FxHashSet<String> = FxHashSet::default();
    for (number, passage) in passages.iter().enumerate().take(PASSAGES_MAX) {
        let mut reader = Reader::new(Code::Keep);
        reader.for_each_sentence(passage.text, |sentence| {
            let text = sentence.text.trim();
            if !seen.insert(text.to_lowercase()) {
                return;
            }
            let begins_inside = sentence.is_first && begins_inside(text);
            found.push(Candidate {
                passage: number,
                words: words_of(text),
                is_fragment: begins_inside,
                held: Vec::new(),
                factor: if sentence.is_heading { WEAK_FACTOR } else { 1.0 },
                text: text.to_owned(),
            });
        });
    }
    found
}

/// Whether the first sentence of a passage looks like the rest of one.
fn begins_inside(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    first.is_lowercase() || matches!(first, ',' | ';' | ')' | ']' | '…' | '，' | '、' | '。')
}

/// How rare each term is among the sentences.
fn weights(terms: &[QueryTerm], candidates: &[Candidate]) -> Vec<f64> {
    let mut holding: FxHashMap<&Key, f64> = FxHashMap::default();
    for candidate in candidates {
        for term in terms {
            if term.held_by(&candidate.words).1 {
                *holding.entry(&term.key).or_default() += 1.0;
            }
        }
    }
    let all = f64::from(u32::try_from(candidates.len()).unwrap_or(u32::MAX));
    let weight = |term: &QueryTerm| {
        let holding = holding.get(&term.key).copied().unwrap_or_default();
        (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    };
    terms.iter().map(weight).collect()
}

fn add_title(candidate: &mut Candidate, passages: &[Passage<'_>], terms: &[QueryTerm]) {
    let title = words_of(passages.get(candidate.passage).map_or("", |passage| passage.title));
    for (held, term) in candidate.held.iter_mut().zip(terms) {
        if term.held_by(&title).1 {
            *held = held.max(TITLE_WEIGHT);
        }
    }
}

fn factor(candidate: &Candidate, wanted: &Wanted) -> f64 {
    let text = candidate.text.as_str();
    let mut factor = candidate.factor;
    let ends = text.trim_end_matches(['"', '”', ')', ']', '»', '」', '*', '`']);
    if ends.ends_with(['?', '？']) || !ends.ends_with(['.', '!', '…', '。', '！']) {
        factor *= WEAK_FACTOR;
    }
    if candidate.words.len() < 3 {
        factor *= WEAK_FACTOR;
    }
    let has_wanted = match wanted {
        Wanted::Definition(thing) => {
            if defines(text, thing) {
                factor *= 1.0 + DEFINITION_BONUS;
            }
            false
        }
        Wanted::Person => names_person(text),
        Wanted::Time => places_in_time(text),
        Wanted::Number => counts(text),
        Wanted::Place => {
            name_spans(&tokens(text)).iter().any(|(_, kind)| *kind == EntityKind::Place)
        }
        Wanted::Reason => gives_reason(text),
        Wanted::Anything => false,
    };
    if has_wanted {
        factor *= 1.0 + WANTED_BONUS;
    }
    let place = f64::from(u32::try_from(candidate.passage).unwrap_or(u32::MAX));
    factor / (1.0 + PLACE_COST * place)
}

fn names_person(text: &str) -> bool {
    let tokens = tokens(text);
    name_spans(&tokens).iter().any(|(words, kind)| {
        let first = tokens.get(words.start).map_or("", |token| token.lower.as_str());
        *kind == EntityKind::Person || is_given_name(first) || words.len() == 2
    })
}

fn places_in_time(text: &str) -> bool {
    let is_year = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut found = false;
    crate::engine::text::for_each_word(text, |word| {
        found |= is_year(word) || lexicon::is_temporal(word);
    });
    found || text.contains(['年', '月'])
}

fn counts(text: &str) -> bool {
    let numbers = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "hundred",
        "thousand", "million", "zwei", "drei", "vier", "fünf", "zehn", "hundert", "tausend",
    ];
    let mut found = false;
    crate::engine::text::for_each_word(text, |word| {
        let is_year = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        let has_digit = word.contains(|letter: char| letter.is_ascii_digit());
        found |= (has_digit && !is_year) || numbers.contains(&word);
    });
    found
        || text.contains(|letter: char| {
            matches!(letter, '一'..='十') && "一二三四五六七八九十".contains(letter)
        })
}

fn gives_reason(text: &str) -> bool {
    let folded = text.to_lowercase();
    let signs =
        ["because", "since ", "so that", "therefore", "due to", "weil", "denn ", "потому", "因为"];
    signs.iter().any(|sign| folded.contains(sign))
}

/// The best sentence, then each time the best of the rest that says something else.
fn choose(candidates: Vec<Candidate>, mut weights: Vec<f64>, quotes_max: usize) -> Vec<Quote> {
    let mut rest = candidates;
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut least = 0.0;
    while chosen.len() < quotes_max {
        let mut best: Option<(f64, usize)> = None;
        for (number, candidate) in rest.iter().enumerate() {
            let score = score(candidate, &weights);
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, number));
            }
        }
        let Some((score, number)) = best.filter(|(score, _)| *score > least && *score > 0.0) else {
            break;
        };
        let candidate = rest.remove(number);
        if chosen.is_empty() {
            least = score * SCORE_SHARE_MIN;
        }
        for (weight, held) in weights.iter_mut().zip(&candidate.held) {
            if *held >= 1.0 {
                *weight *= COVERED_WEIGHT;
            }
        }
        rest.retain(|other| !says_the_same(&candidate, other));
        chosen.push(candidate);
    }
    let quote = |candidate: Candidate| Quote {
        passage: candidate.passage,
        sentence: cut_at_word(&candidate.text, QUOTE_CHARS_MAX),
    };
    chosen.into_iter().map(quote).collect()
}

fn score(candidate: &Candidate, weights: &[f64]) -> f64 {
    let words: f64 = candidate.held.iter().zip(weights).map(|(held, weight)| held * weight).sum();
    let count = f64::from(u32::try_from(candidate.words.len()).unwrap_or(u32::MAX));
    // A long sentence holds more by chance.
    words * candidate.factor / (1.0 + count / 60.0)
}

fn says_the_same(one: &Candidate, other: &Candidate) -> bool {
    let set = |candidate: &Candidate| -> FxHashSet<u64> {
        candidate.words.iter().map(|word| word.hash).collect()
    };
    let (one, other) = (set(one), set(other));
    let common = f64::from(u32::try_from(one.intersection(&other).count()).unwrap_or(u32::MAX));
    let fewer = f64::from(u32::try_from(one.len().min(other.len()).max(1)).unwrap_or(u32::MAX));
    common / fewer > SAME_WORDS_SHARE && common > 1.0
}
