//! Asking what is known of a subject: its facts weighed by relevance, confidence, importance and
//! age, what sums its categories up, and the entities that the facts name, within the tokens that
//! the asker has room for.

use std::collections::{BTreeMap, HashSet};

use super::known::{KnownFact, Subject};
use super::subject_domain;
use crate::engine::atom::ReadQuery;
use crate::engine::resources::ResourceKind;
use crate::engine::subjects::{
    ENTITIES_RETURNED_MAX, EntityDetail, FACTS_RETURNED_MAX, FACTS_WEIGHED_FIRST,
    FACTS_WEIGHED_MAX, FactQuery, FoundFact, Portion, Retrieved, fill, score,
};
use crate::tenant::{Tenant, TenantError};
use crate::types::{AtomId, QueryEmbedding};

/// Words of a question that are looked up as names of entities, and the longest name in words.
const ASKED_WORDS_MAX: usize = 64;
const NAME_WORDS_MAX: usize = 4;

impl Tenant {
    /// Answers a question about a subject. The facts in the answer count as read.
    ///
    /// # Errors
    /// When storage or an index cannot be read.
    pub fn retrieve_facts(
        &mut self,
        subject: &str,
        query: &FactQuery,
        embedding: &QueryEmbedding,
    ) -> Result<Retrieved, TenantError> {
        self.check_usable()?;
        if self.subjects.find(subject).is_none() {
            return Ok(Retrieved::default());
        }
        let summaries = self.summaries_for(subject, query)?;
        let best = self.best_facts(subject, query, embedding)?;
        let mut facts = Vec::with_capacity(best.len());
        for (id, score) in best {
            facts.push(self.found_fact(id, score)?);
        }
        let entities = match query.with_graph {
            true => self.entities_around(subject, &query.text, &facts),
            false => Vec::new(),
        };
        let retrieved = within_budget(summaries, facts, entities, query.tokens_max);
        let returned: Vec<_> = retrieved.facts.iter().map(|fact| AtomId(fact.id)).collect();
        self.note_access(&returned);
        Ok(retrieved)
    }

    fn summaries_for(
        &mut self,
        subject: &str,
        query: &FactQuery,
    ) -> Result<Vec<(String, String)>, TenantError> {
        let mut summaries = Vec::new();
        for name in self.category_names(subject) {
            if query.asks_for(&name)
                && let Some(summary) = self.summary_of(subject, &name)?
            {
                summaries.push((name, summary.to_string()));
            }
        }
        Ok(summaries)
    }

    /// The facts with the highest scores, best first, the newer before the older.
    fn best_facts(
        &mut self,
        subject: &str,
        query: &FactQuery,
        embedding: &QueryEmbedding,
    ) -> Result<Vec<(AtomId, f64)>, TenantError> {
        match self.best_among(FACTS_WEIGHED_FIRST, subject, query, embedding)? {
            (best, true) => Ok(best),
            (_, false) => Ok(self.best_among(FACTS_WEIGHED_MAX, subject, query, embedding)?.0),
        }
    }

    /// The same among the `count` facts whose texts are the most relevant, and whether no other
    /// fact can be among them.
    fn best_among(
        &mut self,
        count: usize,
        subject: &str,
        query: &FactQuery,
        embedding: &QueryEmbedding,
    ) -> Result<(Vec<(AtomId, f64)>, bool), TenantError> {
        let now = self.clock.now();
        let read = ReadQuery {
            domains: Some(vec![subject_domain(subject)]),
            min_relevance: 0.0,
            ..ReadQuery::about(&query.text, count)
        };
        let ranked = self.rank(&read, embedding)?.into_relevances();
        let highest = self.subjects.find(subject).and_then(|subject| subject.highest);
        let Some(highest) = highest else { return Ok((Vec::new(), true)) };
        let scored = |relevance, standing| score(relevance, standing, now, query.half_life_days);
        let mut best: Vec<(f64, &KnownFact)> = Vec::with_capacity(FACTS_RETURNED_MAX + 1);
        let mut seen = 0;
        let mut is_sure = false;
        for (id, relevance) in ranked {
            let relevance = f64::from(relevance);
            // They come by relevance, so none of the rest scores higher than this.
            let last = best.last().filter(|_| best.len() == FACTS_RETURNED_MAX);
            if last.is_some_and(|(least, _)| scored(relevance, &highest) < *least) {
                is_sure = true;
                break;
            }
            seen += 1;
            let Some((_, fact)) = self.subjects.fact(id) else { continue };
            let is_asked = !fact.is_archived
                && fact.standing.confidence >= query.confidence_min
                && query.asks_for(&fact.category);
            if !is_asked {
                continue;
            }
            let found = (scored(relevance, &fact.standing), fact);
            let at = best.partition_point(|known| is_before(known, &found));
            if at < FACTS_RETURNED_MAX {
                best.truncate(FACTS_RETURNED_MAX - 1);
                best.insert(at, found);
            }
        }
        let best = best.into_iter().map(|(score, fact)| (fact.id, score)).collect();
        Ok((best, is_sure || seen < count))
    }

    fn found_fact(&self, id: AtomId, score: f64) -> Result<FoundFact, TenantError> {
        let place = self.place_of(id)?;
        let content = self.record_of(place)?.content;
        let row = self.find_row(id).ok_or(TenantError::Poisoned)?;
        let (_, fact) = self.subjects.fact(id).ok_or(TenantError::Poisoned)?;
        // Its resource may be forgotten before it is.
        let resource = self.subjects.resources.get(&fact.resource);
        Ok(FoundFact {
            id: id.0,
            resource: fact.resource,
            resource_kind: resource.map_or(ResourceKind::Document, |known| known.kind),
            content,
            category: fact.category.clone(),
            confidence: fact.standing.confidence,
            score,
            created_at: fact.standing.created_at,
            importance: fact.standing.importance,
            last_accessed_at: (row.access_count > 0).then_some(row.last_accessed_at),
            access_count: row.access_count,
        })
    }

    /// The entities that a question names, and then those that its answers name most.
    fn entities_around(
        &self,
        subject: &str,
        question: &str,
        facts: &[FoundFact],
    ) -> Vec<EntityDetail> {
        let Some(subject) = self.subjects.find(subject) else { return Vec::new() };
        let mut names = named_in(subject, question);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for fact in facts {
            let known = self.subjects.fact(AtomId(fact.id));
            for mention in known.into_iter().flat_map(|(_, fact)| &fact.mentions) {
                *counts.entry(mention.name.to_lowercase()).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        names.extend(counts.into_iter().map(|(name, _)| name));
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let ontology = &self.subjects.ontology;
        let details = names.iter().filter_map(|name| subject.entity_detail(name, ontology));
        details.take(ENTITIES_RETURNED_MAX).collect()
    }
}

/// Whether one fact comes before another: the higher score, then the newer.
fn is_before(one: &(f64, &KnownFact), other: &(f64, &KnownFact)) -> bool {
    let newness = |fact: &KnownFact| (fact.standing.created_at, fact.written_at, fact.id);
    let by_score = one.0.total_cmp(&other.0);
    by_score.then_with(|| newness(one.1).cmp(&newness(other.1))).is_gt()
}

/// The entities of a subject that a question names, in lower case.
fn named_in(subject: &Subject, question: &str) -> Vec<String> {
    let words = question.split_whitespace().take(ASKED_WORDS_MAX);
    let trimmed = words.map(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        match word.strip_suffix("'s").or_else(|| word.strip_suffix("\u{2019}s")) {
            Some(stem) => stem.to_owned(),
            None => word,
        }
    });
    let words: Vec<String> = trimmed.collect();
    let mut names = Vec::new();
    for length in (1..=NAME_WORDS_MAX).rev() {
        for some in words.windows(length) {
            let name = some.join(" ");
            if subject.entity(&name).is_some() {
                names.push(name);
            }
        }
    }
    names
}

impl FactQuery {
    fn asks_for(&self, category: &str) -> bool {
        self.categories.as_ref().is_none_or(|asked| asked.iter().any(|it| it == category))
    }
}

/// Leaves out what there is no room for: summaries first, then facts, then entities.
fn within_budget(
    summaries: Vec<(String, String)>,
    facts: Vec<FoundFact>,
    entities: Vec<EntityDetail>,
    tokens_max: usize,
) -> Retrieved {
    let background = summaries
        .iter()
        .map(|(name, text)| Portion { chars: chars(name) + chars(text), is_background: true });
    let foreground = facts.iter().map(|fact| chars(&fact.content) + chars(&fact.category));
    let foreground = foreground.chain(entities.iter().map(entity_chars));
    let foreground = foreground.map(|chars| Portion { chars, is_background: false });
    let portions: Vec<Portion> = background.chain(foreground).collect();
    let (is_given, token_count) = fill(&portions, tokens_max);
    let mut is_given = is_given.into_iter();
    let mut next = || is_given.next().unwrap_or(false);
    Retrieved {
        summaries: summaries.into_iter().filter(|_| next()).collect(),
        facts: facts.into_iter().filter(|_| next()).collect(),
        entities: entities.into_iter().filter(|_| next()).collect(),
        token_count,
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn entity_chars(entity: &EntityDetail) -> usize {
    let of = |properties: &[(String, String)]| -> usize {
        properties.iter().map(|(name, value)| chars(name) + chars(value)).sum()
    };
    let relations = entity.relationships.iter().map(|relation| {
        let texts = [&relation.relation_type, &relation.target, &relation.target_type];
        texts.into_iter().map(|text| chars(text)).sum::<usize>() + of(&relation.properties)
    });
    let own = chars(&entity.name) + chars(&entity.entity_type) + of(&entity.properties);
    own + relations.sum::<usize>()
}
