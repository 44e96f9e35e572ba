//! From the service's answers to the wire's. Borrows everything and decides nothing.

use uuid::Uuid;

use super::super::wire::{
    AtomEnvelope, BatchResult, ChainResponse, ConsolidateResponse, DeleteResponse,
    FeedbackResponse, GraphEdge, GraphNode, GraphResponse, MemoryItem, ReadBatchResponse,
    ReadResponse, RecentItem, RecentResponse, StatsResponse, WriteBatchResponse, WriteResponse,
};
use super::recent::cursor_at;
use crate::service::{
    Atom, AtomDeletion, AtomKind, ConsolidationReport, FeedPage, FeedbackOutcome, GraphView,
    ReadResult, RetrievedAtom, RevisionChain, Source, TenantStats, WriteDecision, WriteOutcome,
};
use crate::types::AtomId;

pub(crate) fn write_response(outcome: &WriteOutcome) -> WriteResponse<'_> {
    WriteResponse {
        stored: is_stored(outcome),
        atom_id: outcome.atom_id.map(|id| id.0),
        importance: outcome.importance,
        reason: &outcome.reason,
        superseded: uuids(&outcome.superseded),
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
            error: (outcome.decision == WriteDecision::OverLimit).then_some(&*outcome.reason),
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
        WriteDecision::Refused | WriteDecision::OverLimit => false,
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
        supersedes: uuids(&item.atom.supersedes),
        superseded_by: item.atom.superseded_by.map(|id| id.0),
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
        supersedes: uuids(&atom.supersedes),
        superseded_by: atom.superseded_by.map(|id| id.0),
        consolidated_into: atom.consolidated_into.map(|id| id.0),
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

pub(crate) fn chain_response(id: AtomId, chain: &RevisionChain) -> ChainResponse<'_> {
    ChainResponse {
        atom_id: id.0,
        revisions: chain.revisions.iter().map(atom_envelope).collect(),
        dangling: uuids(&chain.dangling),
        truncated: chain.is_truncated,
    }
}

/// `atom_id` as the caller wrote it, or the id it was read as.
pub(crate) fn delete_response<'a>(atom_id: &'a str, deletion: &AtomDeletion) -> DeleteResponse<'a> {
    DeleteResponse {
        deleted: u8::from(deletion.was_there),
        atom_id,
        superseded_predecessors_left_hidden: uuids(&deletion.left_hidden),
    }
}

pub(crate) fn feedback_response(outcome: &FeedbackOutcome, elapsed_us: u64) -> FeedbackResponse {
    FeedbackResponse {
        updated_count: outcome.updated_count,
        avg_valence: outcome.avg_valence,
        coactivation_edges: outcome.coactivation_edges,
        feedback_time_ms: milliseconds(elapsed_us),
    }
}

pub(crate) fn consolidate_response<'a>(
    domain: &'a str,
    report: &ConsolidationReport,
    elapsed_us: u64,
) -> ConsolidateResponse<'a> {
    ConsolidateResponse {
        domain,
        atoms_before: report.atoms_before,
        atoms_after: report.atoms_after,
        prototypes_created: report.prototypes_created,
        singletons_protected: report.singletons_protected,
        compression_ratio: compression_ratio(report.atoms_before, report.atoms_after),
        duration_ms: milliseconds(elapsed_us),
    }
}

#[allow(clippy::cast_precision_loss, reason = "exact below 2^53 atoms")]
fn compression_ratio(before: u64, after: u64) -> f64 {
    if after == 0 { 1.0 } else { before as f64 / after as f64 }
}

pub(crate) fn recent_response(page: &FeedPage) -> RecentResponse<'_> {
    RecentResponse {
        items: page.atoms.iter().map(recent_item).collect(),
        next_cursor: page.next_before.map(cursor_at),
    }
}

fn recent_item(atom: &Atom) -> RecentItem<'_> {
    RecentItem {
        atom_id: atom.id.0,
        content: &atom.content,
        domain: &atom.domain,
        created_at: atom.created_at,
        concepts: &atom.concepts,
        supersedes: uuids(&atom.supersedes),
        superseded_by: atom.superseded_by.map(|id| id.0),
    }
}

pub(crate) fn graph_response(view: &GraphView, weight_min: f64) -> GraphResponse<'_> {
    GraphResponse {
        nodes: view
            .nodes
            .iter()
            .map(|node| GraphNode { concept: &node.concept, degree: node.degree })
            .collect(),
        edges: view
            .edges
            .iter()
            .map(|edge| GraphEdge {
                source: &edge.source,
                target: &edge.target,
                weight: edge.weight,
                valence: edge.valence,
                count: edge.count,
                updated_at: edge.updated_at,
            })
            .collect(),
        truncated: view.is_truncated,
        min_weight_applied: weight_min,
    }
}

fn uuids(ids: &[AtomId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

#[allow(clippy::cast_precision_loss, reason = "exact below 285 years")]
pub(crate) fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_finite_whatever_is_left() {
        for (before, after, expected) in [(0, 0, 1.0), (5, 0, 1.0), (6, 3, 2.0), (4, 4, 1.0)] {
            let ratio = compression_ratio(before, after);
            assert!((ratio - expected).abs() < f64::EPSILON, "{before}/{after}: {ratio}");
        }
    }

    #[test]
    fn a_write_over_the_limit_is_an_error_of_its_item_and_a_refusal_of_the_gate_is_not() {
        let outcome = |decision| WriteOutcome {
            decision,
            atom_id: None,
            importance: 0.5,
            reason: "why".to_owned(),
            superseded: Vec::new(),
        };
        let outcomes = [outcome(WriteDecision::Refused), outcome(WriteDecision::OverLimit)];
        let response = write_batch_response(&outcomes);
        let errors: Vec<Option<&str>> = response.results.iter().map(|one| one.error).collect();
        assert_eq!(errors, [None, Some("why")]);
        assert_eq!(response.stored_count, 0);
    }
}
