//! Answering a question: each domain is scored by the engine, the graph and exact fingerprints
//! have their say, and the best atoms are read from storage.

mod associations;
mod candidates;
mod cosines;
mod diversity;

use rustc_hash::FxHashMap;

use self::associations::Expansion;
use self::candidates::{Candidate, PLAIN_MAX, Selection};
use self::cosines::CosineBuffers;
use super::cues::Question;
use super::domain::{Domain, Row};
use super::standing::Visibility;
use super::{Place, Tenant, TenantError};
use crate::engine::atom::{
    Atom, Depth, ReadQuery, ReadResult, RetrievalMode, RetrievedAtom, Source,
};
use crate::engine::confidence::confidence;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::memory::DomainMemory;
use crate::engine::metadata_filter::MetadataFilter;
use crate::engine::params::RetrievalParams;
use crate::engine::query::QueryPlan;
use crate::engine::retrieval::{Scores, Scratch, relevance, score_rows};
use crate::engine::second_pass::weigh_again;
use crate::index::QueryVector;
use crate::types::{AtomId, QuantizedVector, QueryEmbedding};

/// Rows looked at together: where none of them can be among the results, all are skipped.
const SKIP_ROWS: usize = 16;

/// Buffers reused from question to question.
#[derive(Default)]
pub(super) struct RetrieveBuffers {
    cosines: CosineBuffers,
    scratch: Scratch,
}

/// Atoms read together between two looks at whether enough passed the conditions.
const READ_SLICE: usize = 64;

/// A question half answered: what ranks, and what was read of it so far.
pub struct Ranking {
    candidates: std::vec::IntoIter<Candidate>,
    items: Vec<RetrievedAtom>,
    filter: MetadataFilter,
    episodic_hit: bool,
    query_concepts: Vec<String>,
    expanded_concepts: Vec<String>,
    /// `None` where the question is not to be learned from.
    question: Option<Question>,
    /// Numbers of the domains searched, ascending.
    domains: Vec<u32>,
}

impl Ranking {
    /// What ranks, best first, and how relevant it is; nothing was read of it.
    pub(super) fn into_relevances(self) -> impl Iterator<Item = (AtomId, f32)> {
        self.candidates.map(|candidate| (candidate.id, candidate.shown_relevance()))
    }
}

impl Tenant {
    /// Ranks the tenant's atoms for a question. Nothing is counted yet.
    ///
    /// # Errors
    /// When an index cannot be searched.
    pub fn rank(
        &mut self,
        query: &ReadQuery,
        embedding: &QueryEmbedding,
    ) -> Result<Ranking, TenantError> {
        self.check_usable()?;
        let numbers = self.domains_asked(query);
        let mut expansion = self.expand(query);
        let mut buffers = std::mem::take(&mut self.buffers);
        let scored = match query.mode {
            RetrievalMode::Hybrid => {
                self.score_hybrid(query, embedding, &numbers, &mut expansion, &mut buffers)
            }
            RetrievalMode::Cosine => self
                .score_cosine(query, embedding, &numbers, &mut buffers)
                .map(|selection| (selection, None)),
        };
        self.buffers = buffers;
        let (mut selection, question) = scored?;
        let episodic_hit = self.mark_episodic(query, &numbers, &mut selection);
        let mut candidates = selection.into_best();
        if query.conditions.is_empty() && query.diversity > 0.0 {
            candidates = self.diversify(candidates, query.top_k, query.diversity);
        }
        Ok(Ranking {
            candidates: candidates.into_iter(),
            items: Vec::with_capacity(query.top_k.min(READ_SLICE)),
            filter: MetadataFilter::new(&query.conditions),
            episodic_hit,
            query_concepts: expansion.query_concepts,
            expanded_concepts: expansion.expanded_concepts,
            question,
            domains: numbers,
        })
    }

    /// Reads the next atoms of a ranking. Says whether there is more to do.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn read_slice(
        &mut self,
        query: &ReadQuery,
        ranking: &mut Ranking,
    ) -> Result<bool, TenantError> {
        for _ in 0..READ_SLICE {
            if ranking.items.len() >= query.top_k {
                return Ok(false);
            }
            let Some(candidate) = ranking.candidates.next() else { return Ok(false) };
            let atom = self.load(candidate.place)?;
            if ranking.filter.accepts(&atom.metadata) {
                ranking.items.push(self.item_from(atom, &candidate, query));
            }
        }
        Ok(true)
    }

    /// Ends a question: the atoms returned count as accessed, and the question is remembered for
    /// feedback that may come.
    pub fn finish_retrieval(&mut self, query: &ReadQuery, ranking: Ranking) -> ReadResult {
        let now = self.clock.now();
        let Ranking { items, mut episodic_hit, query_concepts, expanded_concepts, .. } = ranking;
        let returned: Vec<AtomId> = items.iter().map(|item| item.atom.id).collect();
        self.note_access(&returned);
        if let Some(question) = ranking.question {
            let domains = ranking.domains;
            self.cues.note_read(now, &query_concepts, question, domains, returned);
        }
        if !query.conditions.is_empty() {
            episodic_hit = items.iter().any(|item| item.source == Source::Episodic);
        }
        let best = items.first().map(|item| item.relevance);
        let params = &self.params;
        ReadResult {
            confidence: confidence(best, query.depth, &params.retrieval, &params.confidence),
            items,
            episodic_hit,
            query_concepts,
            expanded_concepts,
            search_time_us: 0,
        }
    }

    /// Atoms were returned by a read.
    pub(super) fn note_access(&mut self, ids: &[AtomId]) {
        let now = self.clock.now();
        for id in ids {
            let Some(place) = self.atoms.get(id).copied() else { continue };
            if let Some(row) = self.row_mut(place) {
                row.access_count += 1;
                row.last_accessed_at = row.last_accessed_at.max(now);
                row.access_dirty = true;
            }
        }
    }

    /// [`Tenant::rank`], [`Tenant::read_slice`] and [`Tenant::finish_retrieval`] in one go.
    ///
    /// # Errors
    /// When storage or an index cannot be read.
    pub fn retrieve(
        &mut self,
        query: &ReadQuery,
        embedding: &QueryEmbedding,
    ) -> Result<ReadResult, TenantError> {
        let mut ranking = self.rank(query, embedding)?;
        while self.read_slice(query, &mut ranking)? {}
        Ok(self.finish_retrieval(query, ranking))
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
        expansion: &mut Expansion,
        buffers: &mut RetrieveBuffers,
    ) -> Result<(Selection, Option<Question>), TenantError> {
        let domains: Vec<(u32, &Domain)> =
            numbers.iter().filter_map(|no| Some((*no, self.domains.get(no)?))).collect();
        let memories: Vec<&DomainMemory> =
            domains.iter().map(|(_, domain)| &domain.memory).collect();
        let params = &self.params.retrieval;
        let plan = QueryPlan::new(&query.text, &query.concepts, &memories, params);
        let vector = direction_of(&plan, embedding)?;
        let direction = vector.as_ref().map(QueryVector::from);
        if query.include_associations {
            let gains = self.cue_gains(&plan, direction.as_ref(), numbers, &memories);
            for (place, gain) in gains {
                if let Some(place) = self.shown_place(place, query) {
                    expansion.gains.add(place, gain);
                }
            }
        }
        let mut selection = Selection::new(query);
        for (position, (domain_no, domain)) in domains.iter().enumerate() {
            let RetrieveBuffers { cosines, scratch } = &mut *buffers;
            let dense = self.cosines_of(domain, &plan, direction.as_ref(), query.depth, cosines)?;
            let with_context = query.include_associations;
            let memory = &domain.memory;
            let mut scores =
                score_rows(memory, &plan, position, dense, with_context, params, scratch);
            if query.depth == Depth::Deep {
                let deep = &self.params.deep;
                scores = weigh_again(memory, &plan, with_context, params, deep, scratch);
            }
            let gains = expansion.gains.of_domain(*domain_no);
            select(query, *domain_no, domain, scores, gains, params, &mut selection);
        }
        let question = Question { trace: plan.trace().clone(), vector };
        Ok((selection, Some(question)))
    }

    /// The documented formula to the letter: relevance = cosine * (1 + valence_gain * valence).
    fn score_cosine(
        &self,
        query: &ReadQuery,
        embedding: &QueryEmbedding,
        numbers: &[u32],
        buffers: &mut RetrieveBuffers,
    ) -> Result<Selection, TenantError> {
        let mut selection = Selection::new(query);
        let Some(direction) = embedding.whole.as_ref().map(QueryVector::from) else {
            return Ok(selection);
        };
        for (domain_no, domain) in
            numbers.iter().filter_map(|no| Some((*no, self.domains.get(no)?)))
        {
            domain.vectors.score_all(&direction, &mut buffers.cosines.values);
            for (row, known) in domain.live_rows().filter(|(_, row)| may_return(row, query)) {
                let cosine = buffers.cosines.values.get(row as usize).copied().unwrap_or(0.0);
                let similarity = cosine.clamp(0.0, PLAIN_MAX);
                let relevance = bent(similarity, known.evidence.valence, &self.params.retrieval);
                let place = Place { domain_no, row };
                selection.offer(Candidate::new(place, known, relevance, similarity));
            }
        }
        Ok(selection)
    }

    /// Puts atoms whose content or own fingerprint is exactly what was asked for among the
    /// candidates, as similar as a text can be. Says whether there was one.
    fn mark_episodic(&self, query: &ReadQuery, numbers: &[u32], selection: &mut Selection) -> bool {
        let content = Fingerprint::of_content(&query.text);
        let mut places: Vec<Place> = numbers
            .iter()
            .filter_map(|no| {
                let row = self.domains.get(no)?.contents.get(content)?;
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
        for place in places.into_iter().filter_map(|place| self.shown_place(place, query)) {
            let Some(row) = self.row(place).filter(|row| query.window.contains(row.created_at))
            else {
                continue;
            };
            let relevance = bent(PLAIN_MAX, row.evidence.valence, &self.params.retrieval);
            let mut exact = Candidate::new(place, row, relevance, PLAIN_MAX);
            if exact.shown_relevance() < query.min_relevance {
                continue;
            }
            hit = true;
            exact.is_episodic = true;
            let known = selection.candidates.iter_mut().find(|known| known.place == place);
            match known {
                Some(known) => *known = exact,
                None => selection.candidates.push(exact),
            }
        }
        hit
    }

    fn item_from(&self, atom: Atom, candidate: &Candidate, query: &ReadQuery) -> RetrievedAtom {
        let alone = bent(candidate.similarity, atom.valence, &self.params.retrieval);
        let source = if candidate.is_episodic {
            Source::Episodic
        } else if candidate.relevance > alone && alone < query.min_relevance {
            Source::Hebbian
        } else {
            Source::Semantic
        };
        RetrievedAtom {
            atom,
            relevance: candidate.shown_relevance(),
            similarity: candidate.similarity,
            source,
        }
    }
}

/// Similarity as learned valence bends it.
fn bent(similarity: f32, valence: f32, params: &RetrievalParams) -> f32 {
    similarity * (1.0 + params.valence_gain * valence)
}

/// Whether a live row may be among the results of a question, however well it ranks.
fn may_return(row: &Row, query: &ReadQuery) -> bool {
    let is_shown = match row.visibility {
        Visibility::Shown => true,
        Visibility::Superseded => query.include_history,
        Visibility::Consolidated | Visibility::Staged => false,
    };
    is_shown && query.window.contains(row.created_at)
}

/// Offers a domain's rows: those that associations speak of one by one, the others where their
/// score can still be among the best.
fn select(
    query: &ReadQuery,
    domain_no: u32,
    domain: &Domain,
    scores: Scores<'_>,
    gains: Option<&FxHashMap<u32, f32>>,
    params: &RetrievalParams,
    selection: &mut Selection,
) {
    let candidate = |row: u32, gain: f32| {
        let at = row as usize;
        let known = domain.rows.get(at).filter(|_| domain.memory.is_live(row))?;
        if !may_return(known, query) {
            return None;
        }
        let (alone, together) = scores.alone.get(at).zip(scores.together.get(at))?;
        let similarity = relevance(*alone, params);
        let association = relevance(*together, params) - similarity + gain;
        let relevance = bent(similarity, known.evidence.valence, params) + association;
        Some(Candidate::new(Place { domain_no, row }, known, relevance, similarity))
    };
    for (row, gain) in gains.into_iter().flatten() {
        if let Some(candidate) = candidate(*row, *gain) {
            selection.offer(candidate);
        }
    }
    let is_offered = |row: u32| gains.is_some_and(|gains| gains.contains_key(&row));
    let mut score_min = selection.score_min(params);
    let chunks = scores.together.chunks(SKIP_ROWS);
    for (first, chunk) in (0_u32..).step_by(SKIP_ROWS).zip(chunks) {
        let good: u32 = chunk.iter().map(|score| u32::from(*score >= score_min)).sum();
        if good == 0 {
            continue;
        }
        for (row, together) in (first..).zip(chunk) {
            if *together < score_min || is_offered(row) {
                continue;
            }
            if let Some(candidate) = candidate(row, 0.0)
                && selection.offer(candidate)
            {
                score_min = selection.score_min(params);
            }
        }
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
