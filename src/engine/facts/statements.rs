//! Which clauses state something: what each is about, how much of it can be read alone, and
//! whether it lasts. What is not certain gives nothing.

use super::entities::{Span, spans};
use super::grammar;
use super::rewriting::Rewriting;
use super::sentences::Token;
use super::vocabulary::{
    EMPTY_NOUNS, EMPTY_POSSESSIONS, EMPTY_STATES, EMPTY_WORDS, HYPOTHETICAL, IMPERSONAL,
    PASSING_STATES, PASSING_VERBS, PERSONAL, POINTING, PREFIX_OPENERS, RELATIONS, TIMES,
    VAGUE_VERBS, VERBS,
};
use super::{EntityKind, FACT_CHARS_MAX};
use crate::engine::lexicon;

/// Words of a phrase before the subject at most: "Back in the summer of 2019 we ...".
const PREFIX_WORDS_MAX: usize = 7;
/// Words between a named subject and its verb at most.
const SUBJECT_WORDS_MAX: usize = 9;

/// Who speaks, as the subject of what they state.
pub(super) struct Speaker {
    pub(super) label: String,
    /// What it says in the first person is about the conversation, not about anybody.
    pub(super) is_assistant: bool,
}

/// Who or what a clause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The speaker, at this token.
    Speaker(usize),
    /// Something of the speaker's: the clause begins with "my".
    Possession,
    /// A named thing; its verb is at this token.
    Named(usize),
}

/// The statement of a clause; see the rules in the module's documentation.
pub(super) fn of_clause(clause: &[Token<'_>], speaker: &Speaker) -> Option<String> {
    // Before the clause is cut: what is left of a condition would hold without it.
    if is_hypothetical(clause) {
        return None;
    }
    let names = spans(clause);
    let clause = clause.get(..end_of_certainty(clause, &names)?)?;
    let names: Vec<Span> =
        names.into_iter().filter(|name| name.tokens.end <= clause.len()).collect();
    if clause.len() < 2 {
        return None;
    }
    let subject = find_subject(clause, &names)?;
    match subject {
        Subject::Speaker(_) | Subject::Possession if speaker.is_assistant => return None,
        Subject::Speaker(at) => {
            let verb = verb_after(clause, at + 1)?;
            if !clause.get(verb)?.tail.is_empty() && verb + 1 < clause.len() {
                return None;
            }
            if !is_lasting(clause, verb, !names.is_empty()) {
                return None;
            }
        }
        Subject::Possession if !possession_acts(clause) => return None,
        Subject::Named(verb) if !has_content(clause, verb + 1) => return None,
        Subject::Possession | Subject::Named(_) => {}
    }
    let text = Rewriting::of(clause, speaker, subject).finish()?;
    (text.chars().count() <= FACT_CHARS_MAX).then_some(text)
}

/// Where the part of a clause ends that names what it speaks of. None when no part does.
fn end_of_certainty(clause: &[Token<'_>], names: &[Span]) -> Option<usize> {
    let mut knows_person = false;
    // "it" is what an earlier clause named, not what its own names: "a fan of it".
    let mut names_thing = false;
    let mut knows_thing = false;
    for (at, token) in clause.iter().enumerate() {
        let word = token.lower.as_str();
        let next = clause.get(at + 1).map_or("", |token| token.lower.as_str());
        let before = at.checked_sub(1).and_then(|at| clause.get(at));
        let is_unknown = (PERSONAL.holds(word) && !knows_person)
            || (IMPERSONAL.holds(word) && !knows_thing)
            || POINTING.holds(word)
            || (matches!(word, "this" | "these" | "those") && !TIMES.holds(next))
            || (word == "that" && before.is_none_or(points_at_that))
            || (word == "each" && next == "other");
        if is_unknown {
            let cut = (1..=at).rev().find(|cut| {
                let opens = clause
                    .get(*cut)
                    .is_some_and(|token| token.is(&["because", "since", "and", "but", "so"]));
                let pauses = clause.get(*cut - 1).is_some_and(|token| token.tail.contains(','));
                opens || pauses
            });
            return cut;
        }
        knows_person |= RELATIONS.holds(word)
            || names.iter().any(|name| name.tokens.end == at + 1 && name.kind != EntityKind::Place);
        knows_thing |= names_thing
            && (token.has_pause()
                || token.is(&["because", "since", "and", "but", "so", "when", "while", "as"]));
        names_thing |= names.iter().any(|name| name.tokens.end == at + 1)
            || (before.is_some_and(|token| token.is(&["a", "an", "the", "my", "our"])));
    }
    Some(clause.len())
}

/// Whether "that" after this word stands for a thing and begins no clause.
fn points_at_that(before: &Token<'_>) -> bool {
    grammar::is_verb_form(&before.lower)
        || before.is(&["with", "of", "about", "to", "for", "in", "at", "on", "from", "by", "like"])
}

fn is_hypothetical(clause: &[Token<'_>]) -> bool {
    clause.iter().enumerate().any(|(at, token)| {
        let next = clause.get(at + 1);
        // "would like" is a wish that lasts; "May" is a month.
        let is_wish = next.is_some_and(|token| token.is(&["like", "love", "prefer"]));
        HYPOTHETICAL.holds(&token.lower)
            || (token.is(&["would", "'d"]) && !is_wish)
            || (token.is(&["let's", "ain't"]))
            || &*token.word == "may"
    })
}

fn find_subject(clause: &[Token<'_>], names: &[Span]) -> Option<Subject> {
    let first = clause.first()?;
    if first.is(&["my", "our"]) && first.tail.is_empty() {
        return Some(Subject::Possession);
    }
    if let Some(at) = clause.iter().take(PREFIX_WORDS_MAX + 1).position(|t| t.is(&["i", "we"])) {
        let prefix = clause.get(..at)?;
        // "Since I lost my job, things are hard" is about the things.
        let is_subordinate =
            prefix.len() == 1 && first.is(&["since", "after", "before", "until", "by", "for"]);
        // What several did with each other would read oddly of one.
        let is_shared = clause.get(at)?.lower == "we"
            && clause.iter().any(|token| token.is(&["both", "together", "all"]));
        if is_subordinate || is_shared {
            return None;
        }
        if prefix.is_empty() || (is_prefix(prefix) && !prefix.iter().any(is_clearly_verb)) {
            return Some(Subject::Speaker(at));
        }
    }
    let opening = usize::from(first.is(&["the"]));
    let name = names.iter().find(|name| name.tokens.start <= opening)?;
    named_verb(clause, name).map(Subject::Named)
}

fn is_prefix(prefix: &[Token<'_>]) -> bool {
    let Some(first) = prefix.first() else { return true };
    let opens_role = first.is(&["as"]) && prefix.get(1).is_some_and(|t| t.is(&["a", "an"]));
    PREFIX_OPENERS.holds(&first.lower) || opens_role || grammar::is_adverb(&first.lower)
}

fn is_clearly_verb(token: &Token<'_>) -> bool {
    token.is(&["is", "was", "are", "were", "has", "have", "had", "did", "does"])
}

/// The verb of a named subject. Between them: adverbs, further names, or a remark in commas.
fn named_verb(clause: &[Token<'_>], name: &Span) -> Option<usize> {
    let mut at = name.tokens.end;
    let last = clause.get(at.checked_sub(1)?)?;
    let until = (at + SUBJECT_WORDS_MAX).min(clause.len());
    if last.tail.contains(',') {
        // "Anna, my sister, works": a remark. "Anna, call me": an address.
        if !clause.get(at)?.is(&["my", "our", "a", "an", "the", "who"]) {
            return None;
        }
        at += 1 + clause.get(at..until)?.iter().position(|token| token.tail.contains(','))?;
    } else if clause.get(at)?.is(&["and", "&"]) {
        let verb = (at + 2..until)
            .find(|at| clause.get(*at).is_some_and(|token| grammar::is_verb_form(&token.lower)))?;
        return Some(verb);
    } else if last.lower.ends_with("'s") {
        // "Anna's brother Ben works".
        at += 1;
        while clause.get(at).is_some_and(Token::is_capitalised) {
            at += 1;
        }
    } else if !last.tail.is_empty() {
        return None;
    }
    while clause.get(at).is_some_and(|token| grammar::is_adverb(&token.lower)) {
        at += 1;
    }
    grammar::is_finite_third(&clause.get(at)?.lower).then_some(at)
}

/// The first word from `at` on that is no adverb.
pub(super) fn verb_after(clause: &[Token<'_>], at: usize) -> Option<usize> {
    (at..clause.len()).find(|at| {
        clause
            .get(*at)
            .is_some_and(|token| !grammar::is_adverb(&token.lower) && !token.is(&["no", "longer"]))
    })
}

/// The first word from `at` on that carries the meaning of the verb group.
fn meaning_after(clause: &[Token<'_>], at: usize) -> Option<usize> {
    (at..clause.len()).find(|at| {
        clause.get(*at).is_some_and(|token| {
            !grammar::is_adverb(&token.lower)
                && !token.is(&["not", "been", "be", "so", "very", "to", "bit", "quite", "being"])
                && !token.is(&["super", "even", "more", "pretty", "too", "a"])
        })
    })
}

/// Whether what the speaker says of themselves is more than a passing state or a turn of phrase.
fn is_lasting(clause: &[Token<'_>], verb: usize, has_name: bool) -> bool {
    let word = |at: usize| clause.get(at).map_or("", |token| token.lower.as_str());
    let main = match word(verb) {
        "am" | "are" | "was" | "were" => {
            let Some(state) = meaning_after(clause, verb + 1) else { return false };
            let is_planned = is_planned(clause, state);
            let is_passing = PASSING_STATES.holds(word(state)) && !is_planned;
            let said_from = if word(state).ends_with("ing") { state + 1 } else { state };
            return !EMPTY_STATES.holds(word(state))
                && (!is_passing || has_name)
                && (has_content(clause, said_from) || is_planned);
        }
        "have" | "had" if word(verb + 1) != "to" => {
            let Some(next) = meaning_after(clause, verb + 1) else { return false };
            if word(next) == "got" && word(next + 1) == "to" {
                return false;
            }
            let takes = clause.get(next..(next + 2).min(clause.len())).unwrap_or_default();
            if takes.iter().any(|token| EMPTY_POSSESSIONS.holds(&token.lower)) {
                return false;
            }
            let is_perfect = grammar::is_past(word(next)) && word(next) != "got";
            if is_perfect { next } else { verb }
        }
        "do" | "did" | "will" | "can" | "cannot" | "must" | "would" | "'d" | "have" | "had" => {
            match meaning_after(clause, verb + 1) {
                Some(next) => next,
                None => return false,
            }
        }
        _ => verb,
    };
    let follows_to = word(main + 1) == "to" && !grammar::base_of(word(main)).is_empty();
    let second = if follows_to { word(main + 2) } else { "" };
    let base = grammar::base_of(word(main));
    let is_passing = |base: &str| PASSING_VERBS.holds(base);
    let is_vague = |base: &str| VAGUE_VERBS.holds(base);
    if (base == "make" && word(main + 1) == "sure")
        || is_passing(base)
        || is_passing(second)
        || ((is_vague(base) || is_vague(second)) && !has_name)
    {
        return false;
    }
    let habits = ["smoke", "drink", "cook", "drive", "swim", "paint", "garden", "meditate", "vape"];
    has_content(clause, main + 1) || habits.contains(&base)
}

/// "going to visit": what is planned is more than a passing state.
fn is_planned(clause: &[Token<'_>], at: usize) -> bool {
    let word = |at: usize| clause.get(at).map_or("", |token| token.lower.as_str());
    word(at) == "going"
        && word(at + 1) == "to"
        && VERBS.holds(word(at + 2))
        && !PASSING_VERBS.holds(word(at + 2))
        && !VAGUE_VERBS.holds(word(at + 2))
        && has_content(clause, at + 3)
}

/// "my name is", "my sister works": a noun and then a verb, and no mere remark.
fn possession_acts(clause: &[Token<'_>]) -> bool {
    let is_remark = clause.get(1).is_none_or(|token| EMPTY_NOUNS.holds(&token.lower));
    let is_plural = clause
        .get(1)
        .is_some_and(|token| token.lower.ends_with('s') || token.is(&["children", "people"]));
    let is_joined = |at: usize| {
        clause.get(..at).unwrap_or_default().windows(2).any(|pair| match pair {
            [and, me] => and.lower == "and" && me.lower == "i",
            _ => false,
        })
    };
    let verb = (1..clause.len().min(SUBJECT_WORDS_MAX)).find(|at| {
        clause.get(*at).is_some_and(|token| {
            let is_base = VERBS.holds(&token.lower) || token.lower == "are";
            (*at > 1 && grammar::is_finite_third(&token.lower))
                || token.lower == "name's"
                || (is_base && *at > 1 && (is_plural || is_joined(*at)))
        })
    });
    !is_remark && verb.is_some_and(|verb| has_content(clause, verb + 1))
}

/// Whether anything is said from `at` on.
fn has_content(clause: &[Token<'_>], at: usize) -> bool {
    clause.get(at..).unwrap_or_default().iter().any(|token| {
        let word = token.lower.as_str();
        !word.is_empty() && !lexicon::is_stop(word) && !EMPTY_WORDS.holds(word)
    })
}
