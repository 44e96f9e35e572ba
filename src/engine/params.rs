//! Every tuned number of the engine, with its meaning and what chose it. "Tuned" below means:
//! leave-one-conversation-out on a long-term conversation benchmark, see `docs/benchmarks.md`.

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct EngineParams {
    pub gate: GateParams,
    pub graph: GraphParams,
    pub retrieval: RetrievalParams,
}

#[derive(Debug, Clone, Copy)]
pub struct GateParams {
    /// Importance of a text without direction, whose novelty cannot be measured.
    pub importance_unknown: f32,
}

impl Default for GateParams {
    fn default() -> Self {
        Self { importance_unknown: 0.5 }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct GraphParams {
    /// The weight that being written together approaches. Learned links go above it.
    pub link_ceiling: f32,
    /// The share of the way to the ceiling that one meeting goes.
    pub link_rate: f32,
    /// How many concepts before it a concept of the same atom is linked to.
    pub link_window: usize,
    /// Concepts that expansion may add to a question.
    pub expansion_max: usize,
    /// What an atom gains at most from holding an expanded concept.
    pub concept_gain: f32,
    /// Strength at which that gain is complete.
    pub concept_saturation: f32,
}

impl Default for GraphParams {
    fn default() -> Self {
        Self {
            link_ceiling: 0.4,
            link_rate: 0.5,
            link_window: 16,
            expansion_max: 10,
            concept_gain: 0.4,
            concept_saturation: 0.1,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct RetrievalParams {
    /// BM25's saturation of term frequency. Robertson and Zaragoza 2009, equation 3.15. Tuned.
    pub k1: f32,
    /// BM25's normalisation by length. Tuned.
    pub b: f32,
    /// Saturated frequency at which a term counts as fully matched. Tuned.
    pub full_match: f32,
    /// Atoms imagined to hold none of the terms, so that a handful of atoms has sane statistics.
    pub prior_atoms: f32,
    /// What a term that no atom holds weighs, as a share of its idf: this in an empty memory,
    /// rising to all of it at `unknown_full_atoms`. Few atoms know few words.
    pub unknown_share: f32,
    pub unknown_full_atoms: f32,
    /// Share of its idf that an adjacent pair of words weighs. Tuned.
    pub pair_share: f32,
    /// A synonym that more than this share of the atoms hold says nothing.
    pub synonym_frequency_max: f32,
    /// A synonym that counts for less than this share of a match is left out: it costs as much
    /// time as a good one.
    pub synonym_share_min: f32,
    /// Parts of `x`, a row's own likeness to the question: cosine, coverage, BM25. Tuned.
    pub x_dense: f32,
    pub x_coverage: f32,
    pub x_bm25: f32,
    /// How much a term in a neighbour counts: in the question that this row follows, in the row
    /// before, in the row after, two steps away, three steps away. Tuned.
    pub context_answer: f32,
    pub context_before: f32,
    pub context_after: f32,
    pub context_two: f32,
    pub context_three: f32,
    /// A match weaker than this reaches only the rows directly before and after.
    pub faint_match: f32,
    /// A row stands out by what its `x` exceeds the mean plus this many standard deviations.
    pub standout_deviations: f32,
    /// Weights of the score; coverage weighs 1. Tuned, then rounded; the optimum is flat.
    pub weight_dense: f32,
    pub weight_session: f32,
    pub weight_date: f32,
    pub weight_speaker: f32,
    pub weight_when: f32,
    pub weight_novelty: f32,
    pub weight_question: f32,
    /// Relevance is `s^3 / (s^3 + half)` of the score `s`: half of it at the cube root of this.
    /// Chosen so that the default floor of 0.3 keeps what helps (s = 0.44).
    pub half: f32,
    /// How far learned valence bends similarity: `similarity * (1 + valence_gain * valence)`.
    pub valence_gain: f32,
    /// Rows that a large domain draws from its vector index for a question.
    pub dense_candidates: usize,
    /// Rows that hold a word of the question whose cosines a large domain computes.
    pub lexical_candidates: usize,
    /// Rows whose scores estimate mean and deviation in a large domain.
    pub sample_rows: usize,
}

impl Default for RetrievalParams {
    fn default() -> Self {
        Self {
            k1: 0.9,
            b: 0.4,
            full_match: 0.8,
            prior_atoms: 20.0,
            unknown_share: 0.6,
            unknown_full_atoms: 200.0,
            pair_share: 0.5,
            synonym_frequency_max: 0.25,
            synonym_share_min: 0.15,
            x_dense: 0.45,
            x_coverage: 0.30,
            x_bm25: 0.25,
            context_answer: 0.90,
            context_before: 0.35,
            context_after: 0.30,
            context_two: 0.20,
            context_three: 0.10,
            faint_match: 0.25,
            standout_deviations: 1.0,
            weight_dense: 0.20,
            weight_session: 0.85,
            weight_date: 0.30,
            weight_speaker: 0.05,
            weight_when: 0.08,
            weight_novelty: 0.22,
            weight_question: -0.08,
            half: 0.1988,
            valence_gain: 0.3,
            dense_candidates: 256,
            lexical_candidates: 4_096,
            sample_rows: 2_000,
        }
    }
}
