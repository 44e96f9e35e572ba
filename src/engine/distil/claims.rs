//! What somebody else claims to be the facts of a source, held against its text and its app's
//! ontology: what the text does not support is dropped, the rest is bounded, typed and rated as
//! what is found by rules is.

use std::collections::HashSet;

use rustc_hash::FxHashSet;

use super::{
    DistilledFact, Distiller, EntityMention, FACT_CHARS_MAX, FACTS_MAX, MENTIONS_MAX,
    RELATIONS_MAX, Relation, SourceText, confidence_of,
};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::fold_concept;
use crate::engine::ontology::Ontology;
use crate::engine::text::{Term, cut_at_word, for_each_word};

/// Share of a claim's telling words that the source must hold: a paraphrase has some of its own.
const SUPPORT_MIN: f64 = 0.6;

/// Properties of one mention or relation at most, and characters of a property's parts.
const PROPERTIES_MAX: usize = 16;
const PROPERTY_CHARS_MAX: usize = 200;

/// What is claimed of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FactClaims {
    pub facts: Vec<FactClaim>,
}

/// One claimed fact. Every part of it may be wrong or missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FactClaim {
    pub text: String,
    pub category: String,
    pub confidence: Option<f64>,
    pub mentions: Vec<EntityMention>,
    pub relations: Vec<Relation>,
}

/// The part of a source that may be shown to whoever is asked for its facts: what the rules forbid
/// to be remembered is left out, since a paraphrase of it would not be recognised.
#[must_use]
pub fn allowed_text(source: &SourceText<'_>, ontology: &Ontology) -> String {
    let distiller = Distiller::of(ontology);
    let passages = distiller.passages(source);
    passages.iter().map(|passage| passage.text()).collect::<Vec<_>>().join("\n")
}

/// The facts of a source from claims about it. A claim is believed when its words, its numbers and
/// its names are those of the source; categories, types and relationship types that the ontology
/// does not have are replaced by what rules would choose, or dropped. O(claims x text).
#[must_use]
pub fn from_claims(
    claims: &FactClaims,
    source: &SourceText<'_>,
    ontology: &Ontology,
) -> Vec<DistilledFact> {
    let distiller = Distiller::of(ontology);
    let support = Support::of(&allowed_text(source, ontology));
    let mut facts = Vec::new();
    let mut wordings = HashSet::new();
    for claim in &claims.facts {
        if facts.len() >= FACTS_MAX {
            break;
        }
        let line = claim.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = cut_at_word(&line, FACT_CHARS_MAX);
        let is_believed = support.holds_words(&text);
        if !is_believed || !wordings.insert(Fingerprint::of_wording(&text)) {
            continue;
        }
        let claimed = claim.confidence.filter(|confidence| (0.0..=1.0).contains(confidence));
        let said = claimed.unwrap_or_else(|| confidence_of(std::iter::once(text.as_str())));
        let fact = distiller.fact(&text, source, said, &claim.category);
        let Some(mut fact) = fact else { continue };
        fact.mentions = mentions(claim, &support, &distiller);
        fact.relations = relations(claim, &fact.mentions, ontology, &support);
        distiller.fill_slot(&mut fact);
        facts.push(fact);
    }
    distiller.add_suggested(&mut facts, source);
    facts
}

fn mentions(claim: &FactClaim, support: &Support, distiller: &Distiller<'_>) -> Vec<EntityMention> {
    let mut mentions: Vec<EntityMention> = Vec::new();
    for mention in &claim.mentions {
        let name = mention.name.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_known = mentions.iter().any(|it| fold_concept(&it.name) == fold_concept(&name));
        if mentions.len() >= MENTIONS_MAX || is_known || !support.holds_name(&name) {
            continue;
        }
        let Some(entity_type) = distiller.type_of(&mention.entity_type) else { continue };
        let properties = properties(&mention.properties, support);
        mentions.push(EntityMention { name, entity_type, properties });
    }
    mentions
}

fn relations(
    claim: &FactClaim,
    mentions: &[EntityMention],
    ontology: &Ontology,
    support: &Support,
) -> Vec<Relation> {
    let mention = |name: &str| {
        let folded = fold_concept(name);
        mentions.iter().find(|mention| fold_concept(&mention.name) == folded)
    };
    let mut relations: Vec<Relation> = Vec::new();
    for claimed in &claim.relations {
        let types = &ontology.relationship_types;
        let known = types.iter().find(|it| it.name.eq_ignore_ascii_case(&claimed.relation_type));
        let ends = mention(&claimed.from).zip(mention(&claimed.to));
        let Some((known, (from, to))) = known.zip(ends) else { continue };
        let relation = Relation {
            relation_type: known.name.clone(),
            from: from.name.clone(),
            to: to.name.clone(),
            properties: properties(&claimed.properties, support),
        };
        if relations.len() < RELATIONS_MAX
            && from.name != to.name
            && known.fits(&from.entity_type, &to.entity_type)
            && !relations.contains(&relation)
        {
            relations.push(relation);
        }
    }
    relations
}

/// Properties whose values the source holds.
fn properties(claimed: &[(String, String)], support: &Support) -> Vec<(String, String)> {
    let is_fit =
        |text: &str| !text.trim().is_empty() && text.chars().nth(PROPERTY_CHARS_MAX).is_none();
    let mut properties: Vec<(String, String)> = Vec::new();
    for (name, value) in claimed {
        let is_known = properties.iter().any(|(known, _)| known == name);
        if properties.len() < PROPERTIES_MAX
            && is_fit(name)
            && is_fit(value)
            && !is_known
            && support.holds_name(value)
        {
            properties.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    properties
}

/// A source as claims are held against it.
struct Support {
    folded: String,
    stems: FxHashSet<u64>,
}

impl Support {
    fn of(text: &str) -> Self {
        let mut stems = FxHashSet::default();
        for_each_word(text, |word| {
            stems.insert(Term::of_word(word).hash());
        });
        Self { folded: fold_concept(text), stems }
    }

    /// Whether most telling words of a claim are the source's, and all its numbers.
    fn holds_words(&self, text: &str) -> bool {
        let (mut held, mut telling, mut all_numbers) = (0_u32, 0_u32, true);
        for_each_word(text, |word| {
            let term = Term::of_word(word);
            if term.is_stop() {
                return;
            }
            let is_held = self.stems.contains(&term.hash());
            telling += 1;
            held += u32::from(is_held);
            all_numbers &= is_held || !word.contains(|letter: char| letter.is_ascii_digit());
        });
        telling > 0 && all_numbers && f64::from(held) >= f64::from(telling) * SUPPORT_MIN
    }

    fn holds_name(&self, name: &str) -> bool {
        let folded = fold_concept(name);
        folded.chars().any(char::is_alphanumeric) && self.folded.contains(&folded)
    }
}
