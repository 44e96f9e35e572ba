//! Enrichment in the background: facts are derived from what was said, embedded and stored beside
//! it, and atoms that waited for this are revealed. A job does one page of atoms; what it brings
//! is applied in the batch that completes it, together with the job for the next page, so each
//! atom is enriched exactly once.

use std::sync::Arc;

use serde_json::json;

use super::jobs::{JobContext, JobEffect, JobFailure, JobHandler, JobResult, JobRun};
use super::preparing::prepare;
use super::tenant::data::{Metadata, NewAtom, PreparedAtom};
use super::tenant::enrich::NextToEnrich;
use crate::embedding::Embedder;
use crate::engine::facts::{self, EntityKind, Fact, TurnText};
use crate::engine::jobs::NewJob;
use crate::engine::text::split_head;
use crate::tenant::{
    ENRICHMENT_KIND, EnrichedAtom, EnrichmentPage, Pending, Tenant, TenantError, derived_from,
    enrichment_start,
};
use crate::types::{AtomId, AtomNo};

/// Facts planned, and atoms revealed, between two yields to the shard's other tenants.
const SLICE: usize = 4;

/// What a fact is about when its text names no speaker.
const NOBODY: &str = "user";

pub struct Enrichment {
    embedder: Arc<dyn Embedder>,
}

impl Enrichment {
    #[must_use]
    pub fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self { embedder }
    }

    async fn enrich(&self, context: &JobContext) -> Result<JobResult, JobFailure> {
        let from = enrichment_start(context.payload())
            .ok_or_else(|| JobFailure::for_good("its payload is no atom's number"))?;
        let page = context.call(NextToEnrich { from }).await?;
        context.progress("deriving", 10).await?;
        let (page, derived) = tokio::task::spawn_blocking(move || {
            let derived = derive_all(&page);
            (page, derived)
        })
        .await
        .map_err(|_| JobFailure::retryable("deriving facts crashed"))?;
        context.progress("embedding", 50).await?;
        let (sources, facts): (Vec<_>, Vec<_>) = derived.into_iter().unzip();
        let facts = prepare(&self.embedder, facts).await?;
        let facts: Vec<_> = sources.into_iter().zip(facts).collect();
        context.progress("storing", 90).await?;
        let staged = page.atoms.iter().filter(|atom| atom.is_staged).map(|atom| atom.id);
        let enriched = Enriched {
            facts: facts.into_iter(),
            staged: staged.collect::<Vec<_>>().into_iter(),
            next: page.next,
        };
        Ok(JobResult::in_slices(enriched).with_atoms_max(context.atoms_max()))
    }
}

impl JobHandler for Enrichment {
    fn kind(&self) -> &'static str {
        ENRICHMENT_KIND
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> JobRun<'a> {
        Box::pin(self.enrich(context))
    }
}

fn derive_all(page: &EnrichmentPage) -> Vec<(AtomId, NewAtom)> {
    page.atoms.iter().flat_map(derive).collect()
}

fn derive(source: &EnrichedAtom) -> Vec<(AtomId, NewAtom)> {
    let head = split_head(&source.content);
    let turn = TurnText { speaker: head.label.unwrap_or(NOBODY), text: head.body };
    let derived = facts::derive(&turn);
    derived.into_iter().map(|fact| (source.id, atom_of(source, fact))).collect()
}

fn atom_of(source: &EnrichedAtom, fact: Fact) -> NewAtom {
    let entities: Vec<_> = fact
        .entities
        .iter()
        .map(|entity| json!({"label": entity.label, "kind": name_of(entity.kind)}))
        .collect();
    let metadata = json!({"derived_from": source.id.to_string(), "entities": entities});
    NewAtom {
        concepts: fact.entities.into_iter().map(|entity| entity.label).collect(),
        metadata: Metadata::from_checked(metadata.to_string()),
        fingerprint: Some(derived_from(source.id)),
        session: source.session.clone(),
        occurred_at: Some(source.event_time),
        ..NewAtom::of(&fact.text, &facts::derived_domain(&source.domain))
    }
}

fn name_of(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Person => "person",
        EntityKind::Place => "place",
        EntityKind::Organisation => "organisation",
        EntityKind::Other => "other",
    }
}

/// What one page came to.
struct Enriched {
    /// Each with the atom it was derived from.
    facts: std::vec::IntoIter<(AtomId, PreparedAtom)>,
    staged: std::vec::IntoIter<AtomId>,
    next: AtomNo,
}

impl JobEffect for Enriched {
    fn apply_slice(
        &mut self,
        tenant: &mut Tenant,
        pending: &mut Pending,
    ) -> Result<bool, TenantError> {
        for (source, fact) in self.facts.by_ref().take(SLICE) {
            tenant.store_fact(pending, source, fact)?;
        }
        for id in self.staged.by_ref().take(SLICE) {
            tenant.reveal(pending, id)?;
        }
        Ok(!self.facts.as_slice().is_empty() || !self.staged.as_slice().is_empty())
    }

    fn next_job(&self, tenant: &Tenant) -> Option<NewJob> {
        tenant.enrichment_after(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;
    use uuid::Uuid;

    #[test]
    fn a_fact_lives_beside_its_source_and_goes_with_it() {
        let source = EnrichedAtom {
            id: AtomId(Uuid::from_u128(7)),
            content: "[2026-05-08T14:00:00Z] user: I just moved from Seattle to Austin for a job at Acme."
                .to_owned(),
            domain: "tex:u/s".to_owned(),
            session: Some("s".to_owned()),
            event_time: Timestamp::from_micros(5),
            is_staged: false,
        };
        let derived = derive(&source);
        let (from, fact) = derived.first().expect("a fact is derived");
        assert_eq!(*from, source.id);
        assert_eq!(fact.domain, "tex:u/s~facts");
        assert_eq!(fact.fingerprint.as_deref(), Some(derived_from(source.id).as_str()));
        assert_eq!(fact.occurred_at, Some(source.event_time));
        assert!(fact.concepts.contains(&"Acme".to_owned()), "{fact:?}");
        let metadata: serde_json::Value = serde_json::from_str(fact.metadata.as_json()).unwrap();
        assert_eq!(metadata["derived_from"], source.id.to_string());
        let acme = json!({"label": "Acme", "kind": "organisation"});
        assert!(metadata["entities"].as_array().unwrap().contains(&acme), "{metadata}");
    }
}
