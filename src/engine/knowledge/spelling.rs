//! What the spelling of a word and its place say: whether it can begin a name, is an acronym, or is
//! written as only technologies are.

use std::ops::Range;

use super::vocabulary::{FOREIGN_STOP, FOREIGN_TIMES, GENERAL, NO_ACRONYMS, NO_NAMES, TITLES};
use crate::engine::facts::Token;
use crate::engine::{lexicon, synonyms};

/// Words of a heading whose capitals say nothing; what stands below it may follow directly.
pub(super) const HEADING_WORDS: usize = 8;

/// The words of a name as written, without possessive endings; None where punctuation parts them.
pub(super) fn label(tokens: &[Token<'_>], range: Range<usize>) -> Option<String> {
    let words = tokens.get(range)?;
    let (last, before) = words.split_last()?;
    let is_whole = before.iter().all(|token| token.tail.is_empty() || token.tail == ".")
        && words.iter().skip(1).all(|token| token.lead.is_empty());
    if !is_whole || words.iter().any(|token| token.word.is_empty()) {
        return None;
    }
    let mut name: Vec<&str> = before.iter().map(|token| &*token.word).collect();
    name.push(bare(&last.word));
    // "C++" and "C#" end in what is no letter.
    let mut name = name.join(" ");
    for sign in ["++", "#"] {
        if last.tail.starts_with(sign) && name.len() == 1 {
            name.push_str(sign);
        }
    }
    Some(name)
}

/// A word without a possessive ending.
pub(super) fn bare(word: &str) -> &str {
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

/// Whether a capital at this place says nothing.
pub(super) fn is_start(is_heading: bool, tokens: &[Token<'_>], at: usize) -> bool {
    if at == 0 || (is_heading && at < HEADING_WORDS) {
        return true;
    }
    let before = tokens.get(at - 1);
    let token = tokens.get(at);
    before.is_some_and(|token| {
        token.tail.contains([':', '.', '!', '?', '…']) || token.word.is_empty()
    }) || token.is_some_and(|token| token.lead.contains(['"', '“', '„', '«', '(', '[', '\'']))
}

/// An English word that everybody knows, so that its being unusual is no sign of a name.
pub(super) fn is_common(word: &str) -> bool {
    let one = word.strip_suffix('s').unwrap_or(word);
    let is_known = |word: &str| {
        lexicon::is_stop(word) || GENERAL.holds(word) || !synonyms::of_word(word).is_empty()
    };
    is_known(word) || is_known(one)
}

/// Words that neither begin nor end a name.
pub(super) fn is_empty(word: &str) -> bool {
    let one = word.strip_suffix('s').unwrap_or(word);
    NO_NAMES.holds(word)
        || FOREIGN_STOP.holds(word)
        || FOREIGN_TIMES.holds(word)
        || lexicon::is_stop(word)
        || lexicon::is_temporal(word)
        || lexicon::is_temporal(one)
        || (GENERAL.holds(word) && word.len() < 6)
        || TITLES.holds(word)
        || word.chars().count() < 2
        || !word.chars().any(char::is_alphabetic)
        || is_roman(word)
}

fn is_roman(word: &str) -> bool {
    word.chars().all(|letter| matches!(letter, 'i' | 'v' | 'x'))
}

pub(super) fn is_acronym(word: &str) -> bool {
    let capitals = word.chars().filter(char::is_ascii_uppercase).count();
    (2..=6).contains(&word.len())
        && capitals >= 2
        && word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && word.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
}

pub(super) fn acronym<'a>(token: &'a Token<'_>) -> Option<&'a str> {
    let word = bare(&token.word);
    let word = word.strip_suffix('s').filter(|word| is_acronym(word)).unwrap_or(word);
    (is_acronym(word) && !NO_ACRONYMS.holds(&word.to_lowercase())).then_some(word)
}

/// Inner capitals, digits behind letters, or the ending of a program's name.
pub(super) fn is_odd(word: &str) -> bool {
    if !word.is_ascii() || word.len() < 4 || word.len() > 30 {
        return false;
    }
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let inner_capital = word
        .as_bytes()
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    let has_digits = letters >= 2
        && word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && word.bytes().take(letters).filter(u8::is_ascii_uppercase).count() > 0;
    let ending = word.rsplit_once('.').filter(|(stem, _)| stem.len() >= 2);
    let is_program = ending.is_some_and(|(stem, ending)| {
        matches!(ending, "js" | "rs" | "io" | "net" | "ai" | "py")
            && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    ((plain && inner_capital) || has_digits || is_program)
        && !NO_ACRONYMS.holds(&word.to_lowercase())
}
