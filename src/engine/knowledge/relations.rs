//! How the sentences of a document join its entities.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use super::mentions::Mention;
use super::verbs::{self, Joint, relation_type};
use super::{Document, DocumentRelation, EntityType, RELATES_TO, RELATIONS_MAX};
use crate::engine::facts::Token;
use crate::engine::lexicon;

/// Words between two entities that say no more than that both are in the sentence.
const NEAR_WORDS: usize = 14;
/// Entities of a sentence that are joined for being in it; more make it a list.
const TOGETHER_MAX: usize = 6;

/// How often two entities are joined in one way.
#[derive(Default)]
struct Support {
    verb: String,
    chunks: u32,
    last_chunk: Option<u32>,
    sentences: u32,
    first: usize,
}

impl Support {
    fn add(&mut self, chunk: u32, sentence: usize) {
        if self.sentences == 0 {
            self.first = sentence;
        }
        self.sentences += 1;
        if self.last_chunk != Some(chunk) {
            self.last_chunk = Some(chunk);
            self.chunks += 1;
        }
    }
}

/// Relations by what sentences say, then by being in one sentence for pairs that none joins; best
/// supported first. `is_term` tells for each entity whether it is only a term.
pub(super) fn find(
    document: &Document<'_>,
    entities: &[EntityType],
    mentions: &[Vec<Mention>],
) -> Vec<DocumentRelation> {
    let mut said: FxHashMap<(u32, String, u32), Support> = FxHashMap::default();
    let mut together: FxHashMap<(u32, u32), Support> = FxHashMap::default();
    for (number, ((sentence, tokens), found)) in document.lines().zip(mentions).enumerate() {
        for (source, verb, target) in statements(tokens, found) {
            let support = said.entry((source, relation_type(&verb), target)).or_default();
            if support.verb.is_empty() {
                support.verb = verb;
            }
            support.add(sentence.chunk, number);
        }
        if sentence.is_heading || found.len() > TOGETHER_MAX {
            continue;
        }
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for pair in found.windows(2) {
            let [one, other] = pair else { continue };
            let (low, high) = (one.entity.min(other.entity), one.entity.max(other.entity));
            let is_near = other.words.start - one.words.end <= NEAR_WORDS;
            if low != high && is_near && !pairs.contains(&(low, high)) {
                pairs.push((low, high));
                together.entry((low, high)).or_default().add(sentence.chunk, number);
            }
        }
    }
    let joined: FxHashSet<(u32, u32)> =
        said.keys().map(|(source, _, target)| (*source.min(target), *source.max(target))).collect();
    let is_term = |entity: &u32| {
        let entity_type = usize::try_from(*entity).ok().and_then(|entity| entities.get(entity));
        entity_type == Some(&EntityType::Concept)
    };
    let mut relations: Vec<(bool, Support, u32, u32)> = Vec::new();
    for ((source, _, target), support) in said {
        relations.push((true, support, source, target));
    }
    for ((low, high), mut support) in together {
        let is_weak = is_term(&low) && is_term(&high) && support.sentences < 2;
        if !joined.contains(&(low, high)) && !is_weak {
            RELATES_TO.clone_into(&mut support.verb);
            relations.push((false, support, low, high));
        }
    }
    relations.sort_by(|(said_a, a, source_a, target_a), (said_b, b, source_b, target_b)| {
        let key = |said: bool, support: &Support| {
            (Reverse(support.chunks + u32::from(said)), Reverse(support.sentences), support.first)
        };
        key(*said_a, a)
            .cmp(&key(*said_b, b))
            .then((source_a, target_a).cmp(&(source_b, target_b)))
            .then(a.verb.cmp(&b.verb))
    });
    relations
        .into_iter()
        .take(RELATIONS_MAX)
        .map(|(_, support, source, target)| DocumentRelation {
            source,
            target,
            verb: support.verb,
            chunks: support.chunks,
        })
        .collect()
}

/// What a sentence says of its entities: source, verb, target.
fn statements(tokens: &[Token<'_>], mentions: &[Mention]) -> Vec<(u32, String, u32)> {
    let mut found: Vec<(u32, String, u32)> = Vec::new();
    let mut subjects: Vec<u32> =
        mentions.first().map(|mention| mention.entity).into_iter().collect();
    let mut is_subject = mentions.first().is_some_and(|first| may_be_subject(tokens, first));
    // The statement that an enumeration goes on with.
    let mut open: Option<Joint> = None;
    for pair in mentions.windows(2) {
        let [one, other] = pair else { continue };
        if one.entity == other.entity {
            continue;
        }
        let between = tokens.get(one.words.end..other.words.start).unwrap_or_default();
        if is_enumeration(tokens, one, between) {
            match &open {
                Some(joint) => state(&subjects, joint, other.entity, &mut found),
                None => subjects.push(other.entity),
            }
            continue;
        }
        let behind = tokens.get(other.words.end..).unwrap_or_default();
        let last = one.words.end.checked_sub(1).and_then(|at| tokens.get(at));
        let joint = last.and_then(|last| verbs::read(last, between, behind)).filter(|joint| {
            is_object(tokens, other) && (!joint.needs_end || ends_at(tokens, other))
        });
        if let Some(joint) = joint.filter(|_| open.is_none() && is_subject) {
            state(&subjects, &joint, other.entity, &mut found);
            open = Some(joint);
            continue;
        }
        // "X uses Y and supports Z": the subject goes on.
        if let (Some(_), Some(last), [and, rest @ ..]) = (&open, last, between)
            && and.is(&["and", "but", "und", "и"])
            && last.tail.trim_end_matches(',').is_empty()
            && let Some(joint) = verbs::read_plain(rest, behind)
            && is_object(tokens, other)
            && (!joint.needs_end || ends_at(tokens, other))
        {
            state(&subjects, &joint, other.entity, &mut found);
            open = Some(joint);
            continue;
        }
        // "X uses Y, which is built on Z": a new subject.
        let relative = verbs::opens_relative(between);
        if let Some(joint) = last
            .filter(|_| relative || open.is_none())
            .and_then(|last| verbs::read(last, between, behind))
            .filter(|joint| relative && (!joint.needs_end || ends_at(tokens, other)))
        {
            subjects = vec![one.entity];
            state(&subjects, &joint, other.entity, &mut found);
            open = Some(joint);
            continue;
        }
        open = None;
        subjects = vec![other.entity];
        is_subject = may_be_subject(tokens, other);
    }
    found
}

fn state(subjects: &[u32], joint: &Joint, object: u32, found: &mut Vec<(u32, String, u32)>) {
    for subject in subjects.iter().filter(|subject| **subject != object) {
        let (source, target) =
            if joint.is_turned { (object, *subject) } else { (*subject, object) };
        found.push((source, joint.verb.clone(), target));
    }
}

/// "X runs Y's jobs" says nothing of Y.
fn is_object(tokens: &[Token<'_>], mention: &Mention) -> bool {
    let last = mention.words.end.checked_sub(1).and_then(|at| tokens.get(at));
    !last.is_some_and(|token| {
        token.lower.ends_with("'s") || token.tail.starts_with(['\'', '’']) && token.tail.len() < 4
    })
}

/// "the author of X uses Y" says nothing of X.
fn may_be_subject(tokens: &[Token<'_>], mention: &Mention) -> bool {
    let mut before = mention.words.start;
    while let Some(token) = before.checked_sub(1).and_then(|at| tokens.get(at)) {
        if token.is(&["the", "a", "an", "die", "der", "das"]) {
            before -= 1;
            continue;
        }
        let ends_phrase = !token.tail.is_empty();
        let governs = token.is(&[
            "of", "in", "with", "for", "on", "by", "from", "to", "at", "than", "like", "von",
            "mit", "bei", "für", "via", "through", "over", "about", "into", "as", "and", "or",
        ]);
        return ends_phrase || !governs;
    }
    true
}

/// Whether nothing goes on behind a name that it could only describe.
fn ends_at(tokens: &[Token<'_>], mention: &Mention) -> bool {
    let last = mention.words.end.checked_sub(1).and_then(|at| tokens.get(at));
    last.is_some_and(|token| !token.tail.is_empty())
        || tokens.get(mention.words.end).is_none_or(|next| lexicon::is_stop(&next.lower))
}

/// "X, Y and Z".
fn is_enumeration(tokens: &[Token<'_>], one: &Mention, between: &[Token<'_>]) -> bool {
    let last = one.words.end.checked_sub(1).and_then(|at| tokens.get(at));
    let tail = last.map_or("", |token| token.tail);
    let joins =
        |token: &Token<'_>| token.is(&["and", "or", "und", "oder", "sowie", "и", "или", "the"]);
    match between {
        [] => tail == ",",
        [token] => (tail.is_empty() || tail == ",") && (joins(token) || token.lead == "&"),
        [token, the] => tail.is_empty() && joins(token) && the.is(&["the"]),
        _ => false,
    }
}
