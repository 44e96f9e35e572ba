//! From the first person to the third: a clause that states something, word by word.

use super::clauses::is_english;
use super::grammar;
use super::sentences::Token;
use super::statements::{Speaker, Subject, verb_after};
use super::vocabulary::{AFTER_VERB, EMPTY_ADVERBS, HABITUAL, NO_VERBS, SURE_VERBS, VERBS};
use crate::engine::{lexicon, synonyms};

/// A clause on its way to the third person.
pub(super) struct Rewriting<'t, 'a> {
    clause: &'t [Token<'a>],
    speaker: &'t Speaker,
    subject: Subject,
    out: Vec<String>,
}

impl<'t, 'a> Rewriting<'t, 'a> {
    pub(super) fn of(clause: &'t [Token<'a>], speaker: &'t Speaker, subject: Subject) -> Self {
        Self { clause, speaker, subject, out: Vec::new() }
    }

    /// The statement without what closes it. None where a verb cannot be made to agree.
    pub(super) fn finish(mut self) -> Option<String> {
        let mut at = 0;
        while let Some(token) = self.clause.get(at) {
            at = match token.lower.as_str() {
                "i" | "we" => self.speaker_acts(at)?,
                "and" | "or" | "but" => self.goes_on(at),
                _ => self.keep(at),
            };
        }
        let joined = self.out.join(" ");
        let closing = |letter: char| {
            !letter.is_alphanumeric() && !matches!(letter, ')' | '"' | '”' | '%' | '+' | '#' | '°')
        };
        let text = joined.trim_end_matches(closing).trim_start().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn push(&mut self, token: &Token<'_>, word: &str) {
        self.out.push(format!("{}{word}{}", token.lead, token.tail));
    }

    /// Keeps a word that is no subject, its pronoun resolved.
    fn keep(&mut self, at: usize) -> usize {
        let Some(token) = self.clause.get(at) else { return at + 1 };
        let label = &self.speaker.label;
        let speaks = matches!(self.subject, Subject::Speaker(_));
        let word = match token.lower.as_str() {
            "me" | "us" => label.clone(),
            "my" | "our" if speaks => "their".to_owned(),
            "my" | "our" | "mine" | "ours" => format!("{label}'s"),
            "myself" | "ourselves" => "themselves".to_owned(),
            "name's" => "name is".to_owned(),
            _ => token.word.to_string(),
        };
        self.push(token, &word);
        let next = self.clause.get(at + 1);
        let goes_on = token.tail == "," && next.is_some_and(|next| VERBS.holds(&next.lower));
        // "I work, plan events and ...": further verbs, or nouns. What stands before is certain.
        if speaks && goes_on { self.clause.len() } else { at + 1 }
    }

    /// "I" or "we" and the finite verb after it. None when they are no subject and verb.
    fn speaker_acts(&mut self, at: usize) -> Option<usize> {
        let token = self.clause.get(at)?;
        if !token.tail.is_empty() {
            return None;
        }
        self.push(token, &self.speaker.label);
        let is_plural = at > 0 && self.clause.get(at - 1)?.is(&["and", "&"]);
        let verb = verb_after(self.clause, at + 1)?;
        for adverb in self.clause.get(at + 1..verb)? {
            if !EMPTY_ADVERBS.holds(&adverb.lower) {
                self.push(adverb, &adverb.word);
            }
        }
        let token = self.clause.get(verb)?;
        let word = match token.lower.as_str() {
            "am" | "are" if is_plural => "are".to_owned(),
            "am" | "are" => "is".to_owned(),
            "were" if !is_plural => "was".to_owned(),
            "read" if !is_plural && self.is_habit(verb) => "reads".to_owned(),
            "have" | "do" if !is_plural => grammar::third_person(&token.lower),
            "would" | "'d" => "would".to_owned(),
            word if is_plural || takes_no_ending(word) || grammar::is_past(word) => {
                token.word.to_string()
            }
            word if self.is_verb(word) => grammar::third_person(word),
            _ => return None,
        };
        self.push(token, &word);
        Some(verb + 1)
    }

    /// Whether "read", the same in the past, is a habit.
    fn is_habit(&self, verb: usize) -> bool {
        self.clause.get(verb + 1).is_some_and(|next| next.is(&["and", "or"]))
            || self.clause.iter().any(|token| HABITUAL.holds(&token.lower))
    }

    /// Whether a word after "I" is a verb in its base form. In English it always is; the Italian
    /// article is written the same.
    fn is_verb(&self, word: &str) -> bool {
        let is_word = word.len() > 1 && word.bytes().all(|letter| letter.is_ascii_lowercase());
        VERBS.holds(word)
            || (is_word
                && !lexicon::is_stop(word)
                && !NO_VERBS.holds(word)
                && !word.ends_with("ing")
                && (is_english(self.clause) || !synonyms::of_word(word).is_empty()))
    }

    /// "and work at Acme": a further verb of a speaker who is the subject agrees as well.
    fn goes_on(&mut self, at: usize) -> usize {
        let after = self.keep(at);
        let Subject::Speaker(speaker) = self.subject else { return after };
        let Some(before) = self.clause.get(speaker + 1..at) else { return after };
        let is_bound = |token: &Token<'_>| {
            token.is(&["to", "can", "cannot", "will", "must", "would", "'d", "did", "do"])
        };
        let infinitive = before.windows(2).any(|pair| match pair {
            [to, verb] => to.lower == "to" && VERBS.holds(&verb.lower),
            _ => false,
        });
        let finite = verb_after(self.clause, speaker + 1).and_then(|at| self.clause.get(at));
        if infinitive || finite.is_none_or(is_bound) {
            return after;
        }
        let Some(verb) = verb_after(self.clause, after) else { return after };
        let Some(token) = self.clause.get(verb) else { return after };
        let next = self.clause.get(verb + 1);
        let could_be = VERBS.holds(&token.lower) && token.tail.is_empty() && next.is_some();
        let shows_verb =
            next.is_some_and(|next| AFTER_VERB.holds(&next.lower) || next.is_capitalised());
        let is_verb = SURE_VERBS.holds(&token.lower) || (could_be && shows_verb);
        if !is_verb {
            if could_be && !next.is_some_and(|next| next.is(&["and", "or"])) {
                // A verb or a noun: what stands before it is certain.
                self.out.pop();
                return self.clause.len();
            }
            return after;
        }
        for adverb in self.clause.get(after..verb).unwrap_or_default() {
            self.push(adverb, &adverb.word);
        }
        let word = grammar::third_person(&token.lower);
        self.push(token, &word);
        verb + 1
    }
}

/// Forms that all persons share.
fn takes_no_ending(word: &str) -> bool {
    matches!(
        word,
        "was" | "were" | "had" | "did" | "will" | "can" | "cannot" | "must" | "have" | "do"
    )
}
