//! Recalling a conversation: its fragments, for a deep question also the facts derived from them,
//! and whom those name.

use super::{Tenant, TenantError};
use crate::engine::atom::{Depth, ReadQuery, RetrievedAtom};
use crate::engine::facts::{FACT_CHARS_MAX, derived_domain};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::recollection::{Places, RecallQuery, Recollection, entities_of};
use crate::types::QueryEmbedding;

/// The longest fact in UTF-8.
const FACT_BYTES_MAX: usize = 4 * FACT_CHARS_MAX;

impl Tenant {
    /// Answers a question from one conversation. Nothing is counted but that atoms were read.
    /// A conversation that nothing is known of gives an empty answer.
    ///
    /// # Errors
    /// When storage or an index cannot be read.
    pub fn recall(
        &mut self,
        query: &RecallQuery,
        embedding: &QueryEmbedding,
    ) -> Result<Recollection, TenantError> {
        let question = question_to(&query.domain, query, query.depth);
        let found = self.retrieve(&question, embedding)?;
        let (mut fragments, confidence) = (found.items, found.confidence);
        let mut facts = match query.depth {
            Depth::Active => Vec::new(),
            // Facts are few and short; a second pass over them changes nothing.
            Depth::Deep => {
                let question = question_to(&derived_domain(&query.domain), query, Depth::Active);
                self.retrieve(&question, embedding)?.items
            }
        };
        drop_repetitions(&mut facts, &fragments);
        let mut entities = entities_of(&fragments.iter().chain(&facts).collect::<Vec<_>>());
        let found =
            Places { fragments: fragments.len(), facts: facts.len(), entities: entities.len() };
        let places = Places::share(query.top_k, query.depth, &found);
        fragments.truncate(places.fragments);
        facts.truncate(places.facts);
        entities.truncate(places.entities);
        Ok(Recollection { fragments, facts, entities, confidence })
    }
}

fn question_to(domain: &str, query: &RecallQuery, depth: Depth) -> ReadQuery {
    ReadQuery {
        domains: Some(vec![domain.to_owned()]),
        depth,
        ..ReadQuery::about(&query.text, query.top_k)
    }
}

/// A fact that a fragment says in the same words is not said twice. Fragments that are longer than
/// any fact are not looked at: one may have megabytes.
fn drop_repetitions(facts: &mut Vec<RetrievedAtom>, fragments: &[RetrievedAtom]) {
    if facts.is_empty() {
        return;
    }
    let contents = fragments.iter().map(|item| item.atom.content.as_str());
    let said: Vec<_> = contents
        .filter(|content| content.len() <= FACT_BYTES_MAX)
        .map(Fingerprint::of_wording)
        .collect();
    facts.retain(|fact| !said.contains(&Fingerprint::of_wording(&fact.atom.content)));
}
