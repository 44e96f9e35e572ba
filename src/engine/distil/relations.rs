//! How a sentence joins two of the things it names, in the words of the app's relationship types:
//! the words of a type's name between the two, or those its examples have there, and ends of the
//! types it allows.

use rustc_hash::FxHashMap;

use super::names::{NameNo, Names, Reading};
use super::{RELATIONS_MAX, Relation};
use crate::engine::facts::{Token, is_finite_third, is_past, is_verb_form, name_spans, tokens};
use crate::engine::lexicon;
use crate::engine::ontology::{Ontology, RELATED_TO, RelationshipType};
use crate::engine::text::{Term, stem};

/// Words between two names that one relation may hold, at most.
const BETWEEN_WORDS_MAX: usize = 12;
/// Words between a person and whom they work for, where no verb joins them, at most.
const OFFICE_WORDS_MAX: usize = 5;
/// Names of a sentence whose pairs are looked at; more are a list.
const NAMES_MAX: usize = 8;

/// Verbs that say nothing of how things are joined, in descriptions of types.
const VAGUE: [&str; 16] = [
    "relate",
    "related",
    "connect",
    "connected",
    "link",
    "linked",
    "associate",
    "associated",
    "indicate",
    "indicates",
    "represent",
    "represents",
    "describe",
    "describes",
    "show",
    "shows",
];

/// The relationship types of an app by what stands for them in a sentence.
#[derive(Debug)]
pub(super) struct Joints<'o> {
    joints: Vec<Joint<'o>>,
    /// The type for two things that a verb joins in no known way.
    related: Option<&'o RelationshipType>,
}

#[derive(Debug)]
struct Joint<'o> {
    relation: &'o RelationshipType,
    /// Stems of the words of its name that mean something.
    stems: Vec<String>,
    /// All words of its name, where none of them means anything by itself.
    words: Vec<String>,
    /// Its name ends with "by": what is done to its first end.
    is_passive: bool,
    /// It joins people with what they work for.
    is_employment: bool,
    /// Stems of verbs that its examples and its description have, and whether they stand there for
    /// what is done to the first end: "is employed by".
    more: FxHashMap<u64, bool>,
}

/// One end of a relation at its place in a sentence.
#[derive(Debug, Clone, Copy)]
struct End {
    name: NameNo,
    start: usize,
    end: usize,
}

impl<'o> Joints<'o> {
    pub(super) fn of(ontology: &'o Ontology) -> Self {
        let mut joints = Vec::new();
        let mut related = None;
        for relation in &ontology.relationship_types {
            if relation.name == RELATED_TO {
                related = Some(relation);
            } else {
                joints.push(Joint::of(relation));
            }
        }
        Self { joints, related }
    }

    /// The relations of a sentence, and for each whether it is one that can only hold once and
    /// holds now.
    pub(super) fn relations(
        &self,
        reading: &Reading<'_>,
        names: &Names<'_>,
    ) -> Vec<(Relation, bool)> {
        let mut found: Vec<(Relation, bool)> = Vec::new();
        let ends = ends(reading);
        if ends.len() < 2 || ends.len() > NAMES_MAX || reading.is_question() {
            return found;
        }
        for first in 0..ends.len() {
            for second in first + 1..ends.len() {
                let Some(pair) = ends.get(first..=second) else { continue };
                if found.len() < RELATIONS_MAX {
                    self.join(reading, names, pair, &mut found);
                }
            }
        }
        found
    }

    /// Joins the first and the last of some names that follow each other.
    fn join(
        &self,
        reading: &Reading<'_>,
        names: &Names<'_>,
        ends: &[End],
        found: &mut Vec<(Relation, bool)>,
    ) {
        let (Some(first), Some(second)) = (ends.first().copied(), ends.last().copied()) else {
            return;
        };
        let Some(between) = between(&reading.tokens, ends) else { return };
        let is_same = first.name == second.name;
        if is_same || between.len() > BETWEEN_WORDS_MAX || is_denied(&reading.tokens) {
            return;
        }
        let is_owner = reading
            .tokens
            .get(first.end.saturating_sub(1))
            .is_some_and(|token| token.lower.ends_with("'s") || token.lower == "my");
        let mut is_joined = false;
        for joint in &self.joints {
            let Some(is_turned) = joint.joins(between, is_owner) else { continue };
            let (from, to) = if is_turned { (second, first) } else { (first, second) };
            if !joint.relation.fits(names.entity_type(from.name), names.entity_type(to.name)) {
                continue;
            }
            is_joined = true;
            let is_exclusive =
                joint.relation.is_exclusive && reading.holds_now() && !is_over(between);
            push(found, reading, names, joint.relation, (from, to), is_exclusive);
        }
        let Some(related) = self.related else { return };
        let is_near = ends.len() == 2;
        let has_verb = between.iter().any(|token| {
            is_finite_third(&token.lower)
                || (is_verb_form(&token.lower) && !lexicon::is_stop(&token.lower))
        });
        if !is_joined && is_near && has_verb {
            push(found, reading, names, related, (first, second), false);
        }
    }
}

fn push(
    found: &mut Vec<(Relation, bool)>,
    reading: &Reading<'_>,
    names: &Names<'_>,
    relation: &RelationshipType,
    (from, to): (End, End),
    is_exclusive: bool,
) {
    let (from, to) = (names.label(from.name), names.label(to.name));
    let is_known = found.iter().any(|(known, _)| {
        known.relation_type == relation.name && known.from == from && known.to == to
    });
    if is_known {
        return;
    }
    let properties = if relation.is_temporal { times(&reading.tokens) } else { Vec::new() };
    let relation = Relation {
        relation_type: relation.name.clone(),
        from: from.to_owned(),
        to: to.to_owned(),
        properties,
    };
    found.push((relation, is_exclusive));
}

/// The words that join the first of some names to the last. Those in between must be listed with
/// one of the two: "Jane and Bob lead Apollo", "Jane leads Apollo and Hermes".
fn between<'t, 'p>(tokens: &'t [Token<'p>], ends: &[End]) -> Option<&'t [Token<'p>]> {
    let [first, middle @ .., last] = ends else { return None };
    let (Some(next), Some(before)) = (middle.first(), middle.last()) else {
        return tokens.get(first.end..last.start);
    };
    let are_listed = |ends: &[End]| {
        ends.windows(2).all(|pair| match pair {
            [one, other] => tokens.get(one.end..other.start).is_some_and(|gap| {
                gap.iter().all(|token| token.is(&["and", "or", "&"]) || token.word.is_empty())
            }),
            _ => false,
        })
    };
    if are_listed(ends.get(..ends.len() - 1)?) {
        tokens.get(before.end..last.start)
    } else if are_listed(ends.get(1..)?) {
        tokens.get(first.end..next.start)
    } else {
        None
    }
}

/// The names of a sentence, and the speaker where the first person stands for them.
fn ends(reading: &Reading<'_>) -> Vec<End> {
    let mut ends: Vec<End> = reading
        .sightings
        .iter()
        .map(|it| End { name: it.name, start: it.tokens.start, end: it.tokens.end })
        .collect();
    if let Some(name) = reading.speaker.filter(|_| reading.has_speaker) {
        for (at, token) in reading.tokens.iter().enumerate() {
            if token.is(&["i", "my", "me"]) {
                ends.push(End { name, start: at, end: at + 1 });
            }
        }
    }
    ends.sort_by_key(|end| end.start);
    ends
}

/// Whether a sentence says that something is not so, or might be.
fn is_denied(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| {
        token.is(&["not", "never", "no", "nor", "neither", "without", "cannot", "if", "unless"])
            || token.lower.ends_with("n't")
    })
}

/// Since when and until when something holds.
fn times(tokens: &[Token<'_>]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !token.is(&["since", "until", "from", "to"]) {
            continue;
        }
        let mut words: Vec<&str> = Vec::new();
        for token in tokens.iter().skip(at + 1).take(3) {
            let is_number = token.lower.starts_with(|letter: char| letter.is_ascii_digit());
            if !is_number && lexicon::month_number(&token.lower).is_none() {
                break;
            }
            words.push(&token.word);
            if token.lower.len() == 4 && is_number {
                break;
            }
        }
        let has_year = words.last().is_some_and(|word| word.len() == 4);
        let name = match token.lower.as_str() {
            "since" | "from" => "since",
            _ => "until",
        };
        if has_year && !found.iter().any(|(known, _)| known == name) {
            found.push((name.to_owned(), words.join(" ")));
        }
    }
    found
}

impl<'o> Joint<'o> {
    fn of(relation: &'o RelationshipType) -> Self {
        let words: Vec<String> = relation
            .name
            .split('_')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let telling = words.iter().filter(|word| !lexicon::is_stop(word));
        let stems = telling.map(|word| trunk(word)).collect();
        let is_passive = words.last().is_some_and(|word| word == "by");
        let mut more = FxHashMap::default();
        // Verbs alone are too little where either end may be of any type.
        if !relation.from_types.is_empty() && !relation.to_types.is_empty() {
            for example in &relation.examples {
                add_between_names(example, &mut more);
            }
            add_verbs(&tokens(&relation.description), &mut more);
        }
        let is_employment =
            words.iter().any(|word| word.starts_with("work") || word.starts_with("employ"));
        Self { relation, stems, words, is_passive, is_employment, more }
    }

    /// Whether the words between two names stand for the relation; if so, whether it leads from
    /// the second to the first.
    fn joins(&self, between: &[Token<'_>], is_owner: bool) -> Option<bool> {
        let trunks: Vec<String> = between.iter().map(|token| trunk(&token.lower)).collect();
        let by_name = if self.stems.is_empty() {
            !self.words.is_empty()
                && between.windows(self.words.len()).any(|window| {
                    window.iter().zip(&self.words).all(|(token, word)| token.lower == *word)
                })
        } else {
            self.stems.iter().all(|stem| trunks.contains(stem))
        };
        let example =
            || between.iter().find_map(|it| self.more.get(&Term::of_word(&it.lower).hash()));
        let is_passive = if by_name {
            self.is_passive
        } else if let Some(is_passive) = example() {
            *is_passive
        } else if self.is_employment && is_office(between) {
            false
        } else {
            return None;
        };
        // "was approved by", and "Acme's manager is Jane".
        Some((is_done_to(between) != is_passive) != is_owner)
    }
}

/// Whether words speak of the past: "worked for", and not "is employed by".
fn is_over(between: &[Token<'_>]) -> bool {
    let is_now = between.iter().any(|token| token.is(&["is", "are", "am", "has", "have"]));
    !is_now && between.iter().any(|token| is_past(&token.lower))
}

/// Whether words say what is done to what stands before them: "was approved by", "approved by".
fn is_done_to(between: &[Token<'_>]) -> bool {
    let ends_so = between.last().is_some_and(|token| token.lower == "by");
    let is_form = |token: &Token<'_>| token.is(&["is", "was", "are", "were", "been", "being"]);
    ends_so && (between.len() == 2 || between.iter().any(is_form))
}

/// "Jane from Acme" and "Jane, head of design at Acme".
fn is_office(between: &[Token<'_>]) -> bool {
    between.len() <= OFFICE_WORDS_MAX
        && between.last().is_some_and(|token| token.is(&["at", "from"]))
        && !between.iter().any(|token| is_finite_third(&token.lower))
}

/// Adds the verbs that stand between two names of an example.
fn add_between_names(example: &str, more: &mut FxHashMap<u64, bool>) {
    let tokens = tokens(example);
    let spans = name_spans(&tokens);
    let words = match spans.as_slice() {
        [(first, _), .., (last, _)] => tokens.get(first.end..last.start).unwrap_or_default(),
        // A name may be none of those that are known as such.
        _ => tokens.get(1..).unwrap_or_default(),
    };
    add_verbs(words, more);
}

fn add_verbs(tokens: &[Token<'_>], more: &mut FxHashMap<u64, bool>) {
    for (at, token) in tokens.iter().enumerate() {
        if is_telling_verb(&token.lower) {
            let is_passive = tokens.get(at + 1).is_some_and(|next| next.lower == "by");
            more.insert(Term::of_word(&token.lower).hash(), is_passive);
        }
    }
}

fn is_telling_verb(word: &str) -> bool {
    is_verb_form(word)
        && !lexicon::is_stop(word)
        && !VAGUE.contains(&word)
        && !["go", "make", "take", "get", "use", "used", "give"].contains(&word)
}

/// What is the same of "manages", "manager" and "management", of "owns" and "owner".
fn trunk(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    let stem = stem(word).into_owned();
    let shorter = ["ement", "ment", "er", "or"].into_iter().find_map(|ending| {
        stem.strip_suffix(ending).filter(|rest| rest.len() > 2).map(str::to_owned)
    });
    shorter.unwrap_or(stem)
}
