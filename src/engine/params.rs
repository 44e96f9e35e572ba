//! Every tuned number of the engine, with its meaning and what chose it. "Tuned" below means:
//! leave-one-conversation-out on a long-term conversation benchmark, see `docs/benchmarks.md`.

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct EngineParams {
    pub confidence: ConfidenceParams,
    pub consolidation: ConsolidationParams,
    pub cue: CueParams,
    pub deep: DeepParams,
    pub feedback: FeedbackParams,
    pub gate: GateParams,
    pub graph: GraphParams,
    pub retrieval: RetrievalParams,
}

#[derive(Debug, Clone, Copy)]
pub struct GateParams {
    /// Importance of a text whose novelty cannot be measured, having no direction, or is not.
    pub importance_unknown: f32,
}

impl Default for GateParams {
    fn default() -> Self {
        Self { importance_unknown: 0.5 }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct FeedbackParams {
    /// The share of the prediction error by which one outcome moves a valence.
    pub valence_rate: f32,
}

impl Default for FeedbackParams {
    fn default() -> Self {
        Self { valence_rate: 0.2 }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct CueParams {
    /// The share of the prediction error by which one outcome moves an association.
    pub rate: f32,
    /// What an association of weight 1 adds to the relevance of an atom for the same question.
    pub gain: f32,
    /// Likeness of two questions up to which nothing carries over, and from which all does.
    pub likeness_min: f32,
    pub likeness_full: f32,
    /// The same lower bound for associations that lead away from an atom, which one question may
    /// well have and a similar one not.
    pub aversion_min: f32,
    /// Atoms one cue remembers; the weakest association makes room.
    pub atoms_max: usize,
    /// Cues one tenant remembers; the one not met for longest makes room.
    pub cues_max: usize,
    /// How long after a question an outcome without concepts may still belong to it, in seconds:
    /// for atoms that the question returned, and for good ones that none returned.
    pub recent_s: u64,
    pub missed_s: u64,
}

impl Default for CueParams {
    fn default() -> Self {
        Self {
            rate: 0.7,
            gain: 1.0,
            likeness_min: 0.5,
            likeness_full: 0.95,
            aversion_min: 0.9,
            atoms_max: 64,
            cues_max: 20_000,
            recent_s: 1_800,
            missed_s: 120,
        }
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
    /// How far one wholly unexpected outcome moves a learned link.
    pub reinforcement_rate: f32,
    /// The share of the prediction error by which one outcome moves a link's valence.
    pub edge_valence_rate: f32,
    /// Links a concept ordinarily has; one with more learns more slowly.
    pub hub_degree: f32,
    /// Concepts that expansion may add to a question.
    pub expansion_max: usize,
    /// What an atom gains at most from holding an expanded concept.
    pub concept_gain: f32,
    /// Atoms that may hold a concept before the gain is spread thinner.
    pub concept_holders: f32,
    /// Strength at which that gain is complete.
    pub concept_saturation: f32,
}

impl Default for GraphParams {
    fn default() -> Self {
        Self {
            link_ceiling: 0.4,
            link_rate: 0.5,
            link_window: 16,
            reinforcement_rate: 0.3,
            edge_valence_rate: 0.2,
            hub_degree: 16.0,
            expansion_max: 10,
            concept_gain: 0.4,
            concept_holders: 4.0,
            concept_saturation: 0.15,
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
            valence_gain: 0.06,
            dense_candidates: 256,
            lexical_candidates: 4_096,
            sample_rows: 2_000,
        }
    }
}

/// The second pass of a deep answer. Tuned, the whole of them together.
#[derive(Debug, Clone, Copy)]
pub struct DeepParams {
    /// Best rows of the first pass whose words are looked for too.
    pub feedback_rows: usize,
    /// Words taken from them.
    pub feedback_words: usize,
    /// Rows that must hold such a word: one that a single row holds leads nowhere else.
    pub word_rows_min: usize,
    /// What a row gains that holds all of them.
    pub weight_feedback: f32,
    /// The score of the best row at which that gain is complete; it shrinks with a worse one, whose
    /// words are likely to be beside the point.
    pub full_feedback_score: f32,
    /// When several things are asked for: what a row gains in which the speaker asked for speaks of
    /// themselves, and what one that places something in time.
    pub weight_own_words: f32,
    pub weight_event: f32,
}

impl Default for DeepParams {
    fn default() -> Self {
        Self {
            feedback_rows: 3,
            feedback_words: 20,
            word_rows_min: 2,
            weight_feedback: 0.30,
            full_feedback_score: 1.2,
            weight_own_words: 0.10,
            weight_event: 0.05,
        }
    }
}

/// The chance that the first ten results hold what was asked for, by the raw score `s` of the best:
/// `ceiling / (1 + (middle / s)^steepness)`. Fitted, leave-one-conversation-out, to questions put to
/// their own conversation and as many put to another; then rounded.
#[derive(Debug, Clone, Copy)]
pub struct ConfidenceParams {
    /// What no score exceeds: the best of hits misses in one case of fourteen.
    pub ceiling: f32,
    /// The score at which half of that is reached.
    pub middle: f32,
    /// The same for a deep answer, whose second pass lifts the best.
    pub middle_deep: f32,
    pub steepness: i32,
}

impl Default for ConfidenceParams {
    fn default() -> Self {
        Self { ceiling: 0.93, middle: 0.71, middle_deep: 0.77, steepness: 9 }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct ConsolidationParams {
    /// Points further apart than this cosine distance (1 - cosine) are never in one cluster, even
    /// through a chain of others. Above `1 - similarity_min`, so that members on two sides of a
    /// prototype are found together.
    pub reach_max: f32,
    /// Distances below this count as this. A sentence with another number in it is 0.01 to 0.07
    /// away; without a floor a handful of closer texts would outweigh the group around them. With
    /// `reach_max` it decides what is never split: gaps up to the harmonic mean of the two, 0.048.
    pub distance_floor: f32,
    /// The neighbour whose distance is a point's core distance; at least 1. Campello et al. call
    /// it `m_pts` and count the point itself, so theirs is one more.
    pub min_samples: usize,
    /// Points in a cluster, its prototype included; at least 2. Two alike are a coincidence.
    pub min_cluster_size: usize,
    /// Cosine that a member and its prototype have at least.
    pub similarity_min: f32,
    /// Share of a member's words that its prototype has at least; every word weighs the same. All
    /// of them, because one is enough to make another fact: "prefers dark mode in all editors" and
    /// "prefers light mode in all editors" share 0.8 and have a cosine above 0.9.
    pub words_covered_min: f32,
    /// New prototypes are looked for among all points of a cluster or, when they are more than
    /// this, among so many of them at a time, evenly spread.
    pub medoid_candidates: usize,
    /// Importance from which an atom that stands out is protected.
    pub singleton_importance_min: f32,
    /// It stands out when the distance of its nearest neighbour exceeds the mean of all by so many
    /// standard deviations.
    pub singleton_deviations: f32,
}

impl Default for ConsolidationParams {
    fn default() -> Self {
        Self {
            reach_max: 0.12,
            distance_floor: 0.03,
            min_samples: 2,
            min_cluster_size: 3,
            similarity_min: 0.90,
            words_covered_min: 1.0,
            medoid_candidates: 512,
            singleton_importance_min: 0.6,
            singleton_deviations: 1.5,
        }
    }
}
