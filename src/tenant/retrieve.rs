//! Answering a question: each domain is scored by the engine, the graph and exact fingerprints
//! have their say, and the best atoms are read from storage.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::domain::Domain;
use super::{Place, Tenant, TenantError};
use crate::engine::atom::{ReadQuery, ReadResult, RetrievalMode, RetrievedAtom, Source};
use crate::engine::concepts;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::fold_concept;
use crate::engine::memory::DomainMemory;
use crate::engine::params::RetrievalParams;
use crate::engine::query::QueryPlan;
use crate::engine::retrieval::{Dense, Scratch, relevance, score_for, score_rows};
use crate::engine::text::hash_term;
use crate::index::QueryVector;
use crate::types::{AtomId, QuantizedVector, QueryEmbedding, Timestamp};

/// Rows looked at together: where none of them can be among the results, all are skipped.
const SKIP_ROWS: usize = 16;

/// Buffers reused from question to question.
#[derive(Default)]
pub(super) struct RetrieveBuffers {
    cosines: Vec<f32>,
    sample: Vec<u32>,
    scratch: Scratch,
}

/// An atom that may be among the results.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    place: Place,
    id: AtomId,
    created_at: Timestamp,
    relevance: f32,
    similarity: f32,
    is_episodic: bool,
}

impl Candidate {
    /// Exact matches first, then the more relevant, the newer, the greater id.
    fn rank(&self, other: &Self) -> Ordering {
        other
            .is_episodic
            .cmp(&self.is_episodic)
            .then(other.relevance.total_cmp(&self.relevance))
            .then(other.created_at.cmp(&self.created_at))
            .then(other.id.cmp(&self.id))
    }
}

/// What the concepts of a question lead to.
#[derive(Default)]
struct Expansion {
    query_concepts: Vec<String>,
    expanded_concepts: Vec<String>,
    /// By domain and row, what an atom gains from holding an expanded concept.
    gains: FxHashMap<u32, FxHashMap<u32, f32>>,
}

impl Tenant {
    /// Answers a question and counts the atoms returned as accessed.
    ///
    /// # Errors
    /// When storage or an index cannot be read.
    pub fn retrieve(
        &mut self,
        query: &ReadQuery,
        embedding: &QueryEmbedding,
    ) -> Result<ReadResult, TenantError> {
        self.check_usable()?;
        let numbers = self.domains_asked(query);
        let expansion = self.expand(query);
        let mut buffers = std::mem::take(&mut self.buffers);
        let scored = match query.mode {
            RetrievalMode::Hybrid => {
                self.score_hybrid(query, embedding, &numbers, &expansion, &mut buffers)
            }
            RetrievalMode::Cosine => self.score_cosine(query, embedding, &numbers, &mut buffers),
        };
        self.buffers = buffers;
        let mut candidates = scored?;
        let episodic_hit = self.mark_episodic(query, &numbers, &mut candidates);
        if candidates.len() > query.top_k {
            candidates.select_nth_unstable_by(query.top_k, Candidate::rank);
            candidates.truncate(query.top_k);
        }
        candidates.sort_unstable_by(Candidate::rank);
        let items = self.read_items(query, &candidates)?;
        Ok(ReadResult {
            items,
            episodic_hit,
            query_concepts: expansion.query_concepts,
            expanded_concepts: expansion.expanded_concepts,
            search_time_us: 0,
        })
    }

    /// The numbers of the domains to search, ascending.
    fn domains_asked(&self, query: &ReadQuery) -> Vec<u32> {
        let mut numbers: Vec<u32> = match &query.domains {
            None => self.domains.keys().copied().collect(),
            Some(names) => {
                names.iter().filter_map(|name| self.domain_numbers.get(name)).copied().collect()
            }
        };
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn score_hybrid(
        &self,
        query: &ReadQuery,
        embedding: &QueryEmbedding,
        numbers: &[u32],
        expansion: &Expansion,
        buffers: &mut RetrieveBuffers,
    ) -> Result<Vec<Candidate>, TenantError> {
        let domains: Vec<(u32, &Domain)> =
            numbers.iter().filter_map(|no| Some((*no, self.domains.get(no)?))).collect();
        let memories: Vec<&DomainMemory> =
            domains.iter().map(|(_, domain)| &domain.memory).collect();
        let params = &self.params.retrieval;
        let plan = QueryPlan::new(&query.text, &query.concepts, &memories, params);
        let direction = direction_of(&plan, embedding)?.map(|vector| QueryVector::from(&vector));
        let mut selection = Selection::new(query);
        for (position, (domain_no, domain)) in domains.iter().enumerate() {
            let RetrieveBuffers { cosines, sample, scratch } = buffers;
            let dense = self.cosines_of(domain, &plan, direction.as_ref(), cosines, sample)?;
            let scores = score_rows(
                &domain.memory,
                &plan,
                position,
                dense,
                query.include_associations,
                params,
                scratch,
            );
            let gains = expansion.gains.get(domain_no);
            let mut score_min = selection.score_min(params);
            let chunks = scores.together.chunks(SKIP_ROWS);
            for (first, chunk) in (0_u32..).step_by(SKIP_ROWS).zip(chunks) {
                let good: u32 = chunk.iter().map(|score| u32::from(*score >= score_min)).sum();
                if good == 0 && gains.is_none() {
                    continue;
                }
                for (row, together) in (first..).zip(chunk) {
                    let gain = gains.and_then(|gains| gains.get(&row)).copied().unwrap_or(0.0);
                    if *together < score_min && gain <= 0.0 {
                        continue;
                    }
                    let at = row as usize;
                    let known = scores.alone.get(at).zip(domain.rows.get(at));
                    let Some((alone, known)) = known.filter(|_| domain.memory.is_live(row)) else {
                        continue;
                    };
                    let similarity = relevance(*alone, params);
                    let association = relevance(*together, params) - similarity;
                    let bent = similarity * (1.0 + params.valence_gain * known.valence);
                    let risen = selection.offer(Candidate {
                        place: Place { domain_no: *domain_no, row },
                        id: known.id,
                        created_at: known.created_at,
                        relevance: (bent + association + gain).clamp(0.0, 1.0),
                        similarity,
                        is_episodic: false,
                    });
                    if risen {
                        score_min = selection.score_min(params);
                    }
                }
            }
        }
        Ok(selection.candidates)
    }

    /// Cosines of a domain's rows: of all of them while it scans exactly, else of the nearest, of
    /// those that hold a word of the question, and of a sample.
    fn cosines_of<'b>(
        &self,
        domain: &Domain,
        plan: &QueryPlan,
        direction: Option<&QueryVector>,
        cosines: &'b mut Vec<f32>,
        sample: &'b mut Vec<u32>,
    ) -> Result<Dense<'b>, TenantError> {
        let Some(direction) = direction else {
            cosines.clear();
            return Ok(Dense::All(cosines));
        };
        if domain.vectors.scans_exactly() {
            domain.vectors.score_all(direction, cosines);
            return Ok(Dense::All(cosines));
        }
        let params = &self.params.retrieval;
        cosines.clear();
        cosines.resize(domain.rows.len(), 0.0);
        let step = (domain.rows.len() / params.sample_rows.max(1)).max(1);
        sample.clear();
        sample.extend((0_u32..).take(domain.rows.len()).step_by(step));
        let nearest = domain.vectors.nearest(direction, params.dense_candidates)?;
        let mut keep = |row: u32, cosine: f32| {
            if let Some(slot) = cosines.get_mut(row as usize) {
                *slot = cosine;
            }
        };
        let matching = plan.matching_rows(&domain.memory, params.lexical_candidates);
        for row in sample.iter().chain(&matching) {
            keep(*row, domain.vectors.score(direction, *row));
        }
        for (row, cosine) in nearest {
            keep(row, cosine);
        }
        Ok(Dense::Some { values: cosines, sample })
    }

    /// The documented formula to the letter: relevance = cosine * (1 + valence_gain * valence).
    fn score_cosine(
        &self,
        query: &ReadQuery,
        embedding: &QueryEmbedding,
        numbers: &[u32],
        buffers: &mut RetrieveBuffers,
    ) -> Result<Vec<Candidate>, TenantError> {
        let mut selection = Selection::new(query);
        let Some(direction) = embedding.whole.as_ref().map(QueryVector::from) else {
            return Ok(selection.candidates);
        };
        for (domain_no, domain) in
            numbers.iter().filter_map(|no| Some((*no, self.domains.get(no)?)))
        {
            domain.vectors.score_all(&direction, &mut buffers.cosines);
            for (row, known) in domain.live_rows() {
                let cosine = buffers.cosines.get(row as usize).copied().unwrap_or(0.0);
                let similarity = cosine.clamp(0.0, 1.0);
                let bent = similarity * (1.0 + self.params.retrieval.valence_gain * known.valence);
                let relevance = bent.clamp(0.0, 1.0);
                selection.offer(Candidate {
                    place: Place { domain_no, row },
                    id: known.id,
                    created_at: known.created_at,
                    relevance,
                    similarity,
                    is_episodic: false,
                });
            }
        }
        Ok(selection.candidates)
    }

    /// The question's concepts and, with associations, those they lead to.
    fn expand(&self, query: &ReadQuery) -> Expansion {
        let mut query_concepts = query.concepts.clone();
        for concept in concepts::extract(&query.text) {
            let folded = fold_concept(&concept);
            if !query_concepts.iter().any(|known| fold_concept(known) == folded) {
                query_concepts.push(concept);
            }
        }
        let mut expansion = Expansion {
            expanded_concepts: query_concepts.clone(),
            query_concepts,
            gains: FxHashMap::default(),
        };
        if !query.include_associations || query.mode == RetrievalMode::Cosine {
            return expansion;
        }
        let seeds: Vec<_> = expansion
            .query_concepts
            .iter()
            .filter_map(|concept| self.graph.find(&fold_concept(concept)))
            .collect();
        let params = &self.params.graph;
        for (concept, strength) in self.graph.expand(&seeds, params.expansion_max) {
            let Some(name) = self.graph.name(concept) else { continue };
            // A concept whose last atom was deleted is not spoken of again.
            let Some(holders) = self.concept_atoms.get(&hash_term(name)) else { continue };
            expansion.expanded_concepts.push(name.to_owned());
            let gain = params.concept_gain * (strength / params.concept_saturation).min(1.0);
            for place in holders {
                let rows = expansion.gains.entry(place.domain_no).or_default();
                let best = rows.entry(place.row).or_default();
                *best = best.max(gain);
            }
        }
        expansion
    }

    /// Puts atoms whose content or own fingerprint is exactly what was asked for among the
    /// candidates, with full relevance. Says whether there was one.
    fn mark_episodic(
        &self,
        query: &ReadQuery,
        numbers: &[u32],
        candidates: &mut Vec<Candidate>,
    ) -> bool {
        let content = Fingerprint::of_content(&query.text);
        let mut places: Vec<Place> = numbers
            .iter()
            .filter_map(|no| {
                let row = *self.domains.get(no)?.contents.get(&content)?;
                Some(Place { domain_no: *no, row })
            })
            .collect();
        if let Some(fingerprint) = &query.fingerprint {
            // A caller's fingerprint is matched wherever it is: the domain filter does not apply
            // to it in the published interface, but an atom of another domain is never returned.
            let found = self.fingerprints.get(&Fingerprint::of_opaque(fingerprint));
            places.extend(
                found
                    .into_iter()
                    .flatten()
                    .filter(|place| numbers.binary_search(&place.domain_no).is_ok()),
            );
        }
        let mut hit = false;
        for place in places {
            let Some(row) = self.row(place) else { continue };
            hit = true;
            match candidates.iter_mut().find(|candidate| candidate.place == place) {
                Some(candidate) => {
                    candidate.is_episodic = true;
                    candidate.relevance = 1.0;
                    candidate.similarity = 1.0;
                }
                None => candidates.push(Candidate {
                    place,
                    id: row.id,
                    created_at: row.created_at,
                    relevance: 1.0,
                    similarity: 1.0,
                    is_episodic: true,
                }),
            }
        }
        hit
    }

    fn read_items(
        &mut self,
        query: &ReadQuery,
        candidates: &[Candidate],
    ) -> Result<Vec<RetrievedAtom>, TenantError> {
        let now = self.clock.now();
        let mut items = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let place = candidate.place;
            let domain = self.domains.get_mut(&place.domain_no);
            if let Some(row) = domain.and_then(|domain| domain.rows.get_mut(place.row as usize)) {
                row.access_count += 1;
                row.last_accessed_at = row.last_accessed_at.max(now);
                row.access_dirty = true;
            }
            let atom = self.load(place)?;
            let bent =
                candidate.similarity * (1.0 + self.params.retrieval.valence_gain * atom.valence);
            let source = if candidate.is_episodic {
                Source::Episodic
            } else if candidate.relevance > bent && bent < query.min_relevance {
                Source::Hebbian
            } else {
                Source::Semantic
            };
            items.push(RetrievedAtom {
                atom,
                relevance: candidate.relevance,
                similarity: candidate.similarity,
                source,
            });
        }
        Ok(items)
    }
}

/// The question's direction: its words weighted by their rarity here, else the text as a whole.
fn direction_of(
    plan: &QueryPlan,
    embedding: &QueryEmbedding,
) -> Result<Option<QuantizedVector>, TenantError> {
    let mut sum: Vec<f32> = Vec::new();
    for weighted in plan.weighted_words() {
        let Some(known) = embedding.words.iter().find(|known| known.word == weighted.word) else {
            continue;
        };
        sum.resize(known.vector.len().max(sum.len()), 0.0);
        for (sum, value) in sum.iter_mut().zip(&known.vector) {
            *sum += weighted.weight * value;
        }
    }
    Ok(QuantizedVector::quantize(&sum)?.or_else(|| embedding.whole.clone()))
}

/// Keeps the best few candidates while they are found.
struct Selection {
    candidates: Vec<Candidate>,
    top_k: usize,
    /// No candidate below this can be among the results.
    relevance_min: f32,
}

impl Selection {
    fn new(query: &ReadQuery) -> Self {
        let candidates = Vec::with_capacity(2 * query.top_k);
        Self { candidates, top_k: query.top_k.max(1), relevance_min: query.min_relevance }
    }

    /// A raw score below which no row can be among the results, however good its valence.
    fn score_min(&self, params: &RetrievalParams) -> f32 {
        if self.relevance_min <= 0.0 {
            return f32::NEG_INFINITY;
        }
        score_for(self.relevance_min / (1.0 + params.valence_gain), params)
    }

    /// Says whether the bound below which candidates are dropped has risen.
    fn offer(&mut self, candidate: Candidate) -> bool {
        if candidate.relevance < self.relevance_min {
            return false;
        }
        self.candidates.push(candidate);
        if self.candidates.len() < 2 * self.top_k.max(8) {
            return false;
        }
        self.candidates.select_nth_unstable_by(self.top_k - 1, Candidate::rank);
        self.candidates.truncate(self.top_k);
        let worst = self.candidates.last().map_or(0.0, |candidate| candidate.relevance);
        let risen = worst > self.relevance_min;
        self.relevance_min = self.relevance_min.max(worst);
        risen
    }
}
