//! A question made ready for the domains it is put to: its terms with live weights, their
//! synonyms, adjacent pairs, named speakers and dates.

use rustc_hash::FxHashSet;

use super::cues::{CueTerm, QuestionTrace};
use super::dates::DateHint;
use super::enumeration;
use super::fingerprint::Fingerprint;
use super::lexical::Posting;
use super::lexicon;
use super::memory::DomainMemory;
use super::params::RetrievalParams;
use super::synonyms::{self, SYNONYM_COSINE_MIN};
use super::text::{Term, hash_term, words};

/// A term counts this share of its weight when it comes from a caller's hint alone.
const HINT_SHARE: f32 = 0.5;

/// Terms of one question that are looked up; the longest questions have more words than help.
const TERMS_MAX: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct PlanTerm {
    pub hash: u64,
    /// Its inverse document frequency among the domains' live atoms.
    pub weight: f32,
    /// Hash of a synonym's stem and the share of a match that it counts.
    pub synonyms: Vec<(u64, f32)>,
}

/// A word of the question whose direction may weigh in the dense part.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedWord {
    pub word: String,
    pub weight: f32,
}

#[derive(Debug, Clone)]
pub struct QueryPlan {
    pub(super) terms: Vec<PlanTerm>,
    /// Sum of the terms' weights, at least a little.
    pub(super) weight_sum: f32,
    /// Weight of each adjacent pair that occurs anywhere.
    pub(super) pair_weights: Vec<f32>,
    /// Per domain, in the order given, the rows of each pair.
    pub(super) pair_postings: Vec<Vec<Vec<Posting>>>,
    /// The score of a row that holds everything; normalises BM25.
    pub(super) best_bm25: f32,
    pub(super) average_length: f32,
    /// Hashes of the words that name a speaker, each once.
    pub(super) named: Vec<u64>,
    pub(super) date: Option<DateHint>,
    pub(super) asks_when: bool,
    /// Whether the answer has several parts ("which books", "what has she").
    pub(super) asks_for_several: bool,
    words: Vec<WeightedWord>,
    trace: QuestionTrace,
}

impl QueryPlan {
    /// Prepares a question for some domains, whose statistics it pools. Costs a few look-ups a
    /// term and domain.
    #[must_use]
    pub fn new(
        question: &str,
        hints: &[String],
        domains: &[&DomainMemory],
        params: &RetrievalParams,
    ) -> Self {
        let spoken = words(question);
        let asks_when = spoken.iter().take(3).any(|word| word == "when");
        let mut content: Vec<&str> =
            spoken.iter().map(String::as_str).filter(|word| !lexicon::is_stop(word)).collect();
        if content.is_empty() {
            content = spoken.iter().map(String::as_str).collect();
        }
        let names = names_in(&spoken, domains);
        let mut named: Vec<u64> = content
            .iter()
            .filter(|word| names.contains(**word))
            .map(|word| hash_term(word))
            .collect();
        named.sort_unstable();
        named.dedup();
        let mut body: Vec<&str> =
            content.iter().copied().filter(|word| !names.contains(word)).collect();
        if body.is_empty() {
            body.clone_from(&content);
        }
        let statistics = Statistics::of(domains, params);
        let mut plan = Self {
            terms: Vec::new(),
            weight_sum: 0.0,
            pair_weights: Vec::new(),
            pair_postings: vec![Vec::new(); domains.len()],
            best_bm25: 0.0,
            average_length: statistics.average_length,
            named,
            date: DateHint::of(question),
            asks_when,
            asks_for_several: enumeration::asks_for_several(&spoken, |word| names.contains(word)),
            words: Vec::new(),
            trace: QuestionTrace {
                wording: Some(Fingerprint::of_wording(question)),
                terms: trace_terms(&content, &statistics),
            },
        };
        let mut seen = FxHashSet::default();
        for word in body.iter().take(TERMS_MAX) {
            plan.add_term(word, 1.0, &statistics, &mut seen);
        }
        for hint in hints.iter().flat_map(|hint| words(hint)) {
            if plan.terms.len() < TERMS_MAX && !lexicon::is_stop(&hint) {
                plan.add_term(&hint, HINT_SHARE, &statistics, &mut seen);
            }
        }
        plan.weight_sum = plan.terms.iter().map(|term| term.weight).sum::<f32>().max(1e-9);
        plan.best_bm25 = plan.weight_sum;
        plan.add_pairs(&body, &statistics, params);
        plan
    }

    fn add_term(
        &mut self,
        word: &str,
        share: f32,
        statistics: &Statistics<'_>,
        seen: &mut FxHashSet<u64>,
    ) {
        let params = statistics.params;
        let hash = Term::of_word(word).hash();
        if !seen.insert(hash) {
            return;
        }
        let weight = share * statistics.term_weight(statistics.frequency(hash));
        let mut synonyms = Vec::new();
        for (synonym, cosine) in synonyms::of_word(word) {
            let frequency = statistics.frequency(*synonym);
            if *synonym == hash || frequency == 0 || statistics.is_common(frequency) {
                continue;
            }
            let nearness = (cosine - SYNONYM_COSINE_MIN) / (1.0 - SYNONYM_COSINE_MIN);
            let rarity = (statistics.weight(frequency) / weight).min(1.0);
            if nearness * rarity >= params.synonym_share_min {
                synonyms.push((*synonym, nearness * rarity));
            }
        }
        self.terms.push(PlanTerm { hash, weight, synonyms });
        self.words.push(WeightedWord { word: word.to_owned(), weight });
    }

    fn add_pairs(&mut self, body: &[&str], statistics: &Statistics<'_>, params: &RetrievalParams) {
        let hashes: Vec<u64> =
            body.iter().take(TERMS_MAX).map(|word| Term::of_word(word).hash()).collect();
        let mut seen = FxHashSet::default();
        for pair in hashes.windows(2) {
            let [first, second] = pair else { continue };
            if !seen.insert((*first, *second)) {
                continue;
            }
            let postings: Vec<_> = statistics
                .domains
                .iter()
                .map(|domain| domain.lexical.pair_postings(*first, *second))
                .collect();
            let frequency: usize = postings.iter().map(Vec::len).sum();
            if frequency == 0 {
                continue;
            }
            let frequency = u32::try_from(frequency).unwrap_or(u32::MAX);
            let weight = params.pair_share * statistics.weight(frequency);
            self.best_bm25 += weight;
            self.pair_weights.push(weight);
            for (all, found) in self.pair_postings.iter_mut().zip(postings) {
                all.push(found);
            }
        }
    }

    /// Rows that hold a term of the question, those of the rarest terms first, at most `limit`;
    /// a row may come twice.
    #[must_use]
    pub fn matching_rows(&self, domain: &DomainMemory, limit: usize) -> Vec<u32> {
        let mut terms: Vec<&PlanTerm> = self.terms.iter().collect();
        terms.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let postings = terms.into_iter().flat_map(|term| domain.lexical.postings(term.hash));
        postings.take(limit).map(|posting| posting.row).collect()
    }

    /// What of the question is compared with other questions.
    #[must_use]
    pub fn trace(&self) -> &QuestionTrace {
        &self.trace
    }

    /// Per term of the question a stem that means the same, and how nearly.
    pub fn synonyms(&self) -> impl Iterator<Item = (u64, u64, f32)> {
        self.terms.iter().flat_map(|term| {
            term.synonyms.iter().map(|(synonym, share)| (term.hash, *synonym, *share))
        })
    }

    /// The words whose directions make the question's own, each with its weight.
    #[must_use]
    pub fn weighted_words(&self) -> &[WeightedWord] {
        &self.words
    }
}

/// The words that name a speaker. Each is looked up once, however often a question repeats it:
/// many labels may share it.
fn names_in<'a>(words: &'a [String], domains: &[&DomainMemory]) -> FxHashSet<&'a str> {
    let mut names: FxHashSet<&str> = words.iter().map(String::as_str).collect();
    names.retain(|word| {
        let hash = hash_term(word);
        domains.iter().any(|domain| domain.names_speaker(hash))
    });
    names
}

fn trace_terms(content: &[&str], statistics: &Statistics<'_>) -> Vec<CueTerm> {
    let mut terms: Vec<CueTerm> = Vec::new();
    for word in content.iter().take(TERMS_MAX) {
        let stem = Term::of_word(word).hash();
        if terms.iter().all(|known| known.stem != stem) {
            let weight = statistics.term_weight(statistics.frequency(stem));
            terms.push(CueTerm { word: hash_term(word), stem, weight });
        }
    }
    terms
}

/// Live statistics of the domains a question goes to, pooled.
struct Statistics<'a> {
    domains: &'a [&'a DomainMemory],
    live_count: f32,
    average_length: f32,
    params: &'a RetrievalParams,
}

impl<'a> Statistics<'a> {
    fn of(domains: &'a [&'a DomainMemory], params: &'a RetrievalParams) -> Self {
        let live: u64 = domains.iter().map(|domain| u64::from(domain.live_count())).sum();
        let words: u64 = domains.iter().map(|domain| domain.lexical.live_words()).sum();
        Self {
            domains,
            live_count: live as f32,
            average_length: (words as f32 / (live as f32).max(1.0)).max(1.0),
            params,
        }
    }

    fn frequency(&self, hash: u64) -> u32 {
        let rows: usize =
            self.domains.iter().map(|domain| domain.lexical.postings(hash).len()).sum();
        u32::try_from(rows).unwrap_or(u32::MAX)
    }

    /// Whether a synonym in so many rows is too common to say anything. Never in small domains.
    fn is_common(&self, frequency: u32) -> bool {
        let share = frequency as f32 / (self.live_count + self.params.prior_atoms);
        share > self.params.synonym_frequency_max
    }

    /// The weight of a question's term; one that no atom holds weighs less while there are few.
    fn term_weight(&self, frequency: u32) -> f32 {
        if frequency > 0 {
            return self.weight(frequency);
        }
        let known = (self.live_count / self.params.unknown_full_atoms).min(1.0);
        let share = self.params.unknown_share + (1.0 - self.params.unknown_share) * known;
        share * self.weight(0)
    }

    fn weight(&self, frequency: u32) -> f32 {
        inverse_frequency(self.live_count, frequency, self.params)
    }
}

/// Inverse document frequency of a term that `frequency` of `live_count` atoms hold, never negative
/// (Robertson and Zaragoza 2009, equation 3.3, with one added inside the logarithm).
pub(super) fn inverse_frequency(live_count: f32, frequency: u32, params: &RetrievalParams) -> f32 {
    let frequency = frequency as f32;
    let without = (live_count + params.prior_atoms - frequency).max(0.0);
    (1.0 + (without + 0.5) / (frequency + 0.5)).ln()
}
