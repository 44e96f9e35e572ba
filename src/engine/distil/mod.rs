//! From content to the facts worth keeping of it, under an app's ontology: by rules, without a
//! model, the same for the same content.
//!
//! A fact is as much of the content as can be read alone: one turn of a conversation with who said
//! it, one or two sentences of a document, a whole event. Its words stay as they were written, so
//! that nothing that was said is lost; what only greets, thanks or asks gives nothing by itself.
//! Each fact carries the category it fits best, how sure it is, what it names, how it joins what
//! it names, and, where it states something that can only have one value at a time, what that is:
//! a newer fact with another value contradicts it. There, and for relationships, precision comes
//! before recall, since a false contradiction takes memory away.

mod claims;
mod classify;
mod event;
mod kinds;
mod names;
mod passages;
mod relations;
mod rules;
mod sentences;
mod sessions;
mod statements;
mod summary;
#[cfg(test)]
mod tests;
mod turns;
mod values;

use std::collections::HashSet;

pub use self::claims::{FactClaim, FactClaims, allowed_text, from_claims};
use self::classify::Categories;
pub use self::event::{EVENT_CHARS_MAX, event_sentence};
use self::kinds::Types;
use self::names::{Names, Reading};
use self::passages::{Passage, Spoken};
use self::relations::Joints;
use self::rules::Rules;
use self::sentences::{is_hedged, is_question, says_something};
use self::statements::{Holder, Statement};
pub use self::summary::summarise;
use super::facts::for_each_sentence;
use super::fingerprint::Fingerprint;
use super::graph::fold_concept;
use super::ontology::Ontology;
use super::resources::{ImportanceLevel, ResourceKind, SuggestedEntity};
use crate::types::clock::Timestamp;

/// Characters of a fact at most; one of an event has [`EVENT_CHARS_MAX`].
pub const FACT_CHARS_MAX: usize = 600;

/// Facts of one resource at most. Longer content gives longer facts, so that what a resource may
/// hold fits; what is beyond that is kept as content and not distilled.
pub const FACTS_MAX: usize = 2_000;

/// Names of one fact at most, beside those its reporter suggests.
pub const MENTIONS_MAX: usize = 32;

/// Relations of one fact at most.
pub const RELATIONS_MAX: usize = 16;

/// Who speaks of themselves and has no name, as the subject of a slot.
const SPEAKER: &str = "user";

/// Confidence in what is said plainly.
const PLAIN: f64 = 0.9;

/// Confidence in what is said with doubt; still above what is retrieved by default.
const HEDGED: f64 = 0.65;

/// What facts are distilled from.
#[derive(Debug, Clone, Copy)]
pub struct SourceText<'a> {
    pub kind: ResourceKind,
    pub text: &'a str,
    /// When it happened or was said.
    pub at: Timestamp,
    pub importance: ImportanceLevel,
    /// The category its reporter suggests; one that is not configured is ignored.
    pub category: Option<&'a str>,
    /// Always mentioned, by the first fact when no other names them.
    pub entities: &'a [SuggestedEntity],
}

/// One fact of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct DistilledFact {
    /// On one line, not blank; at most [`FACT_CHARS_MAX`] or [`EVENT_CHARS_MAX`] characters.
    pub text: String,
    /// Always one of the ontology's.
    pub category: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Distinct by name.
    pub mentions: Vec<EntityMention>,
    pub relations: Vec<Relation>,
    pub slot: Option<Slot>,
}

/// Something a fact names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityMention {
    pub name: String,
    pub entity_type: String,
    /// What the fact says of it, by name.
    pub properties: Vec<(String, String)>,
}

/// How a fact joins two of the things it names; both ends are names of its mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub relation_type: String,
    pub from: String,
    pub to: String,
    pub properties: Vec<(String, String)>,
}

/// What can only have one value at a time: another value of the same attribute of the same
/// subject contradicts this one. All three are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub subject: String,
    pub attribute: String,
    pub value: String,
}

/// The facts of a source in its order, distinct by wording, at most [`FACTS_MAX`]. Linear in the
/// text's length.
#[must_use]
pub fn distil(source: &SourceText<'_>, ontology: &Ontology) -> Vec<DistilledFact> {
    let distiller = Distiller::of(ontology);
    let passages = distiller.passages(source);
    let names = Names::gather(&passages, source.entities, ontology, &distiller.types);
    let is_said = source.kind == ResourceKind::Conversation;
    let stays_whole = matches!(source.kind, ResourceKind::Event | ResourceKind::Webhook);
    let mut facts = Vec::new();
    let mut wordings = HashSet::new();
    for passage in &passages {
        let readings: Vec<Read<'_>> = names
            .readings(passage, is_said)
            .into_iter()
            .map(|reading| distiller.read(reading, &names))
            .collect();
        for portion in portions(passage, &readings, stays_whole) {
            let whole = Passage {
                date: passage.date.clone(),
                sentences: portion.iter().map(|(spoken, _)| (*spoken).clone()).collect(),
            };
            let text = whole.text();
            if facts.len() >= FACTS_MAX || !wordings.insert(Fingerprint::of_wording(&text)) {
                continue;
            }
            let sentences = portion.iter().map(|(spoken, _)| spoken.text.as_str());
            let said = confidence_of(sentences);
            let Some(mut fact) = distiller.fact(&text, source, said, "") else { continue };
            let portion: Vec<&Read<'_>> = portion.iter().map(|(_, read)| *read).collect();
            describe(&mut fact, &portion, &names);
            if stays_whole && portion.len() > 1 {
                // Taking one sentence back would take the others back too.
                fact.slot = None;
            }
            facts.push(fact);
        }
    }
    distiller.add_suggested(&mut facts, source);
    facts
}

/// An ontology made ready for reading.
struct Distiller<'o> {
    ontology: &'o Ontology,
    rules: Rules<'o>,
    categories: Categories,
    types: Types,
    joints: Joints<'o>,
}

/// A sentence with what it states and how it joins what it names.
struct Read<'p> {
    reading: Reading<'p>,
    statements: Vec<Statement>,
    relations: Vec<Relation>,
    slot: Option<Slot>,
}

impl<'o> Distiller<'o> {
    fn of(ontology: &'o Ontology) -> Self {
        Self {
            ontology,
            rules: Rules::of(ontology),
            categories: Categories::of(ontology),
            types: Types::of(ontology),
            joints: Joints::of(ontology),
        }
    }

    fn passages(&self, source: &SourceText<'_>) -> Vec<Passage> {
        passages::passages(source, &self.rules, &self.categories)
    }

    fn read<'p>(&self, reading: Reading<'p>, names: &Names<'_>) -> Read<'p> {
        let statements = statements::statements(&reading, names);
        let relations = self.joints.relations(&reading, names);
        let slot = slot_of(&statements, &relations, names);
        let relations = relations.into_iter().map(|(relation, _)| relation).collect();
        Read { reading, statements, relations, slot }
    }

    /// A type as claimed, as configured, or in general words. None for one that says nothing.
    fn type_of(&self, claimed: &str) -> Option<String> {
        self.types.find(claimed).map(str::to_owned).or_else(|| self.types.like(claimed))
    }

    /// Gives a claimed fact the slot its text fills, by the names it is claimed to mention.
    fn fill_slot(&self, fact: &mut DistilledFact) {
        let mentioned: Vec<SuggestedEntity> = fact
            .mentions
            .iter()
            .map(|mention| SuggestedEntity {
                name: mention.name.clone(),
                entity_type: mention.entity_type.clone(),
            })
            .collect();
        let mut passage = Passage::default();
        for_each_sentence(&fact.text, |sentence| {
            passage.sentences.push(Spoken { speaker: None, text: sentence.to_owned() });
        });
        let passages = [passage];
        let names = Names::gather(&passages, &mentioned, self.ontology, &self.types);
        let readings = passages.iter().flat_map(|passage| names.readings(passage, true));
        let mut slots = readings.filter_map(|reading| self.read(reading, &names).slot);
        fact.slot = slots.next().filter(|_| slots.next().is_none());
    }

    /// A fact of a text with its category and confidence. None for what is blank or forbidden.
    fn fact(
        &self,
        text: &str,
        source: &SourceText<'_>,
        said: f64,
        claimed_category: &str,
    ) -> Option<DistilledFact> {
        let verdict = self.rules.judge(text);
        if text.trim().is_empty() || verdict.is_forbidden {
            return None;
        }
        let is_known = |name: &&str| self.ontology.category(name).is_some();
        let category = verdict
            .category
            .or_else(|| source.category.filter(is_known))
            .or_else(|| Some(claimed_category).filter(is_known))
            .unwrap_or_else(|| self.categories.best(text))
            .to_owned();
        let confidence = (said * verdict.factor).clamp(0.0, 1.0);
        let confidence = match source.importance {
            ImportanceLevel::Low | ImportanceLevel::Medium => confidence,
            ImportanceLevel::High => confidence.max(PLAIN),
            ImportanceLevel::Critical => 1.0,
        };
        Some(DistilledFact {
            text: text.to_owned(),
            category,
            confidence,
            mentions: Vec::new(),
            relations: Vec::new(),
            slot: None,
        })
    }

    /// Has every suggested entity mentioned, with the type it was suggested with.
    fn add_suggested(&self, facts: &mut [DistilledFact], source: &SourceText<'_>) {
        for entity in source.entities {
            let name = entity.name.split_whitespace().collect::<Vec<_>>().join(" ");
            let entity_type = self.types.find(&entity.entity_type);
            let entity_type = entity_type.unwrap_or(entity.entity_type.trim()).to_owned();
            if name.is_empty() || entity_type.is_empty() {
                continue;
            }
            let folded = fold_concept(&name);
            let mut is_mentioned = false;
            for fact in facts.iter_mut() {
                let known = fact.mentions.iter_mut();
                for mention in known.filter(|mention| fold_concept(&mention.name) == folded) {
                    mention.entity_type.clone_from(&entity_type);
                    is_mentioned = true;
                }
            }
            if let Some(first) = facts.first_mut().filter(|_| !is_mentioned) {
                first.mentions.push(EntityMention { name, entity_type, properties: Vec::new() });
            }
        }
    }
}

/// How sure a text is, by its sentences: plain as soon as one is.
fn confidence_of<'a>(sentences: impl Iterator<Item = &'a str>) -> f64 {
    let (mut is_hedging, mut is_plain) = (false, false);
    for sentence in sentences.filter(|it| !is_question(it) && says_something(it)) {
        if is_hedged(sentence) {
            is_hedging = true;
        } else {
            is_plain = true;
        }
    }
    if is_hedging && !is_plain { HEDGED } else { PLAIN }
}

/// The sentences of a passage in the portions that become facts: one that another may contradict
/// stands alone, so that no more than itself is taken back with it.
fn portions<'a, 'p>(
    passage: &'a Passage,
    reads: &'a [Read<'p>],
    stays_whole: bool,
) -> Vec<Vec<(&'a Spoken, &'a Read<'p>)>> {
    let all: Vec<_> = passage.sentences.iter().zip(reads).collect();
    let tells = |spoken: &Spoken| !is_question(&spoken.text) && says_something(&spoken.text);
    if stays_whole || all.iter().filter(|(spoken, _)| tells(spoken)).count() < 2 {
        return vec![all];
    }
    let (alone, rest): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, read)| read.slot.is_some());
    let mut portions: Vec<Vec<_>> = Vec::new();
    if rest.iter().any(|(spoken, _)| tells(spoken)) {
        portions.push(rest);
    }
    portions.extend(alone.into_iter().map(|one| vec![one]));
    portions
}

/// Gives a fact what its sentences name, state and join.
fn describe(fact: &mut DistilledFact, reads: &[&Read<'_>], names: &Names<'_>) {
    let readings = reads.iter().map(|read| &read.reading);
    fact.mentions = names.named(readings).into_iter().map(|name| names.mention(name)).collect();
    for statement in reads.iter().flat_map(|read| &read.statements) {
        let Holder::Named(name) = statement.holder else { continue };
        let label = names.label(name);
        let holder = fact.mentions.iter_mut().find(|mention| mention.name == label);
        let Some(holder) = holder else { continue };
        if !holder.properties.iter().any(|(known, _)| *known == statement.attribute) {
            holder.properties.push((statement.attribute.clone(), statement.value.clone()));
        }
    }
    let is_mentioned = |name: &str| fact.mentions.iter().any(|mention| mention.name == name);
    for relation in reads.iter().flat_map(|read| &read.relations) {
        if fact.relations.len() < RELATIONS_MAX
            && is_mentioned(&relation.from)
            && is_mentioned(&relation.to)
            && !fact.relations.contains(relation)
        {
            fact.relations.push(relation.clone());
        }
    }
    fact.slot = reads.iter().find_map(|read| read.slot.clone());
}

/// What a sentence gives its only value. None when it does so for several things: taking back one
/// would take back the others.
fn slot_of(
    statements: &[Statement],
    relations: &[(Relation, bool)],
    names: &Names<'_>,
) -> Option<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let of_relations = relations
        .iter()
        .filter(|(_, is_exclusive)| *is_exclusive)
        .map(|(it, _)| (it.from.clone(), it.relation_type.clone(), it.to.clone()));
    let of_statements = statements.iter().filter(|it| it.is_exclusive).map(|it| {
        let subject = match it.holder {
            Holder::Named(name) => names.label(name).to_owned(),
            Holder::Speaker => SPEAKER.to_owned(),
        };
        (subject, it.attribute.clone(), it.value.clone())
    });
    for (subject, attribute, value) in of_relations.chain(of_statements) {
        let slot = Slot {
            subject: fold_concept(&subject),
            attribute: fold_concept(&attribute),
            value: fold_concept(value.trim_matches(|letter: char| !letter.is_alphanumeric())),
        };
        // One and the same, said by a relation and by a statement.
        let is_known = |it: &Slot| it.subject == slot.subject && it.value == slot.value;
        if !slot.value.is_empty() && !slots.iter().any(is_known) {
            slots.push(slot);
        }
    }
    if slots.len() > 1 { None } else { slots.pop() }
}
