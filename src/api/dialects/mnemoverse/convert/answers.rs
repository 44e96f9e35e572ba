//! From the service's answers to the wire's. Borrows everything and decides nothing.

use super::super::wire::{
    AtomEnvelope, BatchResult, MemoryItem, ReadBatchResponse, ReadResponse, StatsResponse,
    WriteBatchResponse, WriteResponse,
};
use crate::service::{
    Atom, AtomKind, ReadResult, RetrievedAtom, Source, TenantStats, WriteDecision, WriteOutcome,
};

pub(crate) fn write_response(outcome: &WriteOutcome) -> WriteResponse<'_> {
    WriteResponse {
        stored: is_stored(outcome),
        atom_id: outcome.atom_id.map(|id| id.0),
        importance: outcome.importance,
        reason: &outcome.reason,
        superseded: [],
    }
}

pub(crate) fn write_batch_response(outcomes: &[WriteOutcome]) -> WriteBatchResponse<'_> {
    let results: Vec<BatchResult<'_>> = outcomes
        .iter()
        .enumerate()
        .map(|(index, outcome)| BatchResult {
            index,
            stored: is_stored(outcome),
            atom_id: outcome.atom_id.map(|id| id.0),
            importance: outcome.importance,
            error: None,
            reason: &outcome.reason,
        })
        .collect();
    WriteBatchResponse {
        total_count: results.len(),
        stored_count: results.iter().filter(|result| result.stored).count(),
        results,
    }
}

/// A repeated external reference counts as stored: a retrying client wants the id.
fn is_stored(outcome: &WriteOutcome) -> bool {
    match outcome.decision {
        WriteDecision::Stored | WriteDecision::AlreadyStored => true,
        WriteDecision::Refused => false,
    }
}

pub(crate) fn read_response(result: &ReadResult) -> ReadResponse<'_> {
    ReadResponse {
        items: result.items.iter().map(memory_item).collect(),
        episodic_hit: result.episodic_hit,
        query_concepts: &result.query_concepts,
        expanded_concepts: &result.expanded_concepts,
        search_time_ms: milliseconds(result.search_time_us),
    }
}

pub(crate) fn read_batch_response(results: &[ReadResult]) -> ReadBatchResponse<'_> {
    ReadBatchResponse { results: results.iter().map(read_response).collect() }
}

fn memory_item(item: &RetrievedAtom) -> MemoryItem<'_> {
    MemoryItem {
        atom_id: item.atom.id.0,
        content: &item.atom.content,
        relevance: item.relevance,
        similarity: item.similarity,
        valence: item.atom.valence,
        importance: item.atom.importance,
        source: match item.source {
            Source::Episodic => "episodic",
            Source::Semantic => "semantic",
            Source::Hebbian => "hebbian",
        },
        concepts: &item.atom.concepts,
        domain: &item.atom.domain,
        metadata: &item.atom.metadata,
        created_at: item.atom.created_at,
    }
}

pub(crate) fn atom_envelope(atom: &Atom) -> AtomEnvelope<'_> {
    AtomEnvelope {
        id: atom.id.0,
        atom_id: atom.id.0,
        content: &atom.content,
        concepts: &atom.concepts,
        atom_type: match atom.kind {
            AtomKind::Episode => "episode",
            AtomKind::Prototype => "prototype",
            AtomKind::Singleton => "singleton",
        },
        created_at: atom.created_at,
        last_accessed_at: atom.last_accessed_at,
        access_count: atom.access_count,
        importance: atom.importance,
        valence: atom.valence,
        outcome_count: atom.outcome_count,
        is_protected: atom.is_protected,
        domain: &atom.domain,
        external_ref: atom.external_ref.as_deref(),
        metadata: &atom.metadata,
        supersedes: [],
        superseded_by: None,
    }
}

pub(crate) fn stats_response(stats: &TenantStats) -> StatsResponse<'_> {
    StatsResponse {
        total_atoms: stats.total_atoms,
        episodes: stats.episodes,
        prototypes: stats.prototypes,
        singletons: stats.singletons,
        hebbian_edges: stats.hebbian_edges,
        episodic_fingerprints: stats.episodic_fingerprints,
        domains: &stats.domains,
        avg_valence: stats.avg_valence,
        avg_importance: stats.avg_importance,
    }
}

#[allow(clippy::cast_precision_loss, reason = "exact below 285 years")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
