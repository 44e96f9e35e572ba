//! The unit of memory and the data that goes in and comes out of a tenant. Plain data: no I/O,
//! no wire format, no storage format.

use crate::engine::metadata_filter::MetadataCondition;
use crate::types::{AtomId, AtomNo, Timestamp};

/// A JSON object as compact text, exactly as the caller wrote it but for white space between
/// tokens. Kept as text so that it comes back unchanged: number forms, key order and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// Wraps text that the caller has already checked to be one compact JSON object.
    #[must_use]
    pub fn from_checked(json_object: String) -> Self {
        debug_assert!(json_object.starts_with('{') && json_object.ends_with('}'));
        Self(json_object)
    }

    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn into_json(self) -> String {
        self.0
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

/// What an atom stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtomKind {
    /// Something that was written.
    Episode,
    /// What a consolidated cluster of episodes has in common.
    Prototype,
    /// An episode protected from consolidation because it stands out.
    Singleton,
}

/// One stored memory with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    pub id: AtomId,
    /// Order of creation within the tenant; keys the vector index.
    pub no: AtomNo,
    pub kind: AtomKind,
    /// The tenant's own label; compared byte for byte.
    pub domain: String,
    pub content: String,
    /// What the caller gave, or else what was found in the content. In the caller's order.
    pub concepts: Vec<String>,
    pub metadata: Metadata,
    /// Unique within the tenant; makes a write idempotent.
    pub external_ref: Option<String>,
    /// The caller's own fingerprint, matched exactly on reads.
    pub fingerprint: Option<String>,
    /// The conversation, thread or document it belongs to; its neighbours share it.
    pub session: Option<String>,
    /// When it happened, if the caller said; otherwise it happened when it was created.
    pub occurred_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When a read last returned it; its creation if none did.
    pub last_accessed_at: Timestamp,
    /// How many reads returned it.
    pub access_count: u64,
    /// Novelty at the time of writing, in [0, 1].
    pub importance: f32,
    /// Learned worth, in [-1, 1]; 0 until feedback arrives.
    pub valence: f32,
    /// How many outcomes feedback has reported.
    pub outcome_count: u32,
    /// Consolidation keeps it as it is.
    pub is_protected: bool,
    /// The atoms it replaced, in the order its writer named them; some may be gone.
    pub supersedes: Vec<AtomId>,
    /// The atom that replaced it; reads leave it out unless they ask for history.
    pub superseded_by: Option<AtomId>,
    /// The prototype that stands for it; reads leave it out.
    pub consolidated_into: Option<AtomId>,
}

impl Atom {
    /// The time that orders it among its neighbours.
    #[must_use]
    pub fn event_time(&self) -> Timestamp {
        self.occurred_at.unwrap_or(self.created_at)
    }
}

/// A request to remember something. Bounds are those of `types::limits`, checked by the dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAtom {
    pub content: String,
    /// Empty: concepts are extracted from the content.
    pub concepts: Vec<String>,
    pub domain: String,
    pub metadata: Metadata,
    pub external_ref: Option<String>,
    pub fingerprint: Option<String>,
    pub session: Option<String>,
    pub occurred_at: Option<Timestamp>,
    /// Distinct ids of atoms that this one replaces. All of them, or nothing is stored.
    pub supersedes: Vec<AtomId>,
    /// It is kept without asking the gate: what the gate does not look at makes it new. Its
    /// importance is middling.
    pub is_certain: bool,
    /// What enrichment does with it in the background.
    pub enrichment: Enrichment,
}

/// What is to be done in the background with an atom that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enrichment {
    #[default]
    None,
    /// Facts are derived from it.
    Derive,
    /// Facts are derived from it, and reads return it only from then on.
    DeriveAndReveal,
}

impl NewAtom {
    /// A text and nothing else.
    #[must_use]
    pub fn of(content: &str, domain: &str) -> Self {
        Self {
            content: content.to_owned(),
            concepts: Vec::new(),
            domain: domain.to_owned(),
            metadata: Metadata::default(),
            external_ref: None,
            fingerprint: None,
            session: None,
            occurred_at: None,
            supersedes: Vec::new(),
            is_certain: false,
            enrichment: Enrichment::None,
        }
    }
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteDecision {
    /// A new atom exists.
    Stored,
    /// An atom with the same external reference exists; nothing changed.
    AlreadyStored,
    /// The gate found that a stored atom of the domain already says this; nothing was stored.
    Refused,
    /// The tenant holds as many atoms as its plan allows; nothing was stored.
    OverLimit,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WriteOutcome {
    pub decision: WriteDecision,
    /// `None` exactly when nothing is stored under it.
    pub atom_id: Option<AtomId>,
    /// Novelty in [0, 1], computed whether or not the atom was stored.
    pub importance: f32,
    /// A sentence for people; not part of any contract.
    pub reason: String,
    /// The atoms it replaced, in the order they were named.
    pub superseded: Vec<AtomId>,
}

/// How similarity is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetrievalMode {
    /// Words and vectors together, with temporal context.
    #[default]
    Hybrid,
    /// The plain cosine of the dense vectors; no context, no words.
    Cosine,
}

/// How much work an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// One pass.
    #[default]
    Active,
    /// A second pass looks for what the best of the first lead to, and weighs all of them again.
    /// Of [`RetrievalMode::Hybrid`] only. About four times the work.
    Deep,
}

/// When an atom must have been created. Both bounds belong to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeWindow {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl TimeWindow {
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

/// A question to a tenant's memory.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadQuery {
    pub text: String,
    /// Hints of the caller: what the question is about.
    pub concepts: Vec<String>,
    /// `None` searches every domain.
    pub domains: Option<Vec<String>>,
    /// A cap on the number of results, at least 1.
    pub top_k: usize,
    /// Results below this relevance are dropped; the bound itself is kept.
    pub min_relevance: f32,
    /// Let neighbours in time and linked concepts lift and add results.
    pub include_associations: bool,
    /// Puts the atoms first whose own fingerprint equals this one.
    pub fingerprint: Option<String>,
    pub mode: RetrievalMode,
    pub depth: Depth,
    /// Results were created within it.
    pub window: TimeWindow,
    /// Superseded atoms may be among the results.
    pub include_history: bool,
    /// All of them hold for every result.
    pub conditions: Vec<MetadataCondition>,
    /// How much results shall differ from each other, in [0, 1]; 0 ranks by relevance alone.
    pub diversity: f32,
}

impl ReadQuery {
    /// A plain question to every domain, with associations and without a floor.
    #[must_use]
    pub fn about(text: &str, top_k: usize) -> Self {
        Self {
            text: text.to_owned(),
            concepts: Vec::new(),
            domains: None,
            top_k,
            min_relevance: 0.0,
            include_associations: true,
            fingerprint: None,
            mode: RetrievalMode::default(),
            depth: Depth::default(),
            window: TimeWindow::default(),
            include_history: false,
            conditions: Vec::new(),
            diversity: 0.0,
        }
    }
}

/// Why an atom is among the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Its content, or its fingerprint, is exactly what was asked for.
    Episodic,
    /// It is similar to the question.
    Semantic,
    /// Only an association carried it over the floor.
    Hebbian,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RetrievedAtom {
    pub atom: Atom,
    /// Final score in [0, 1]; the results are sorted by it.
    pub relevance: f32,
    /// Similarity of question and atom alone, in [0, 1].
    pub similarity: f32,
    pub source: Source,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReadResult {
    /// Best first; at most `top_k`.
    pub items: Vec<RetrievedAtom>,
    /// The chance that the results hold what was asked for, in [0, 1]; 0 when there are none.
    /// Says nothing with [`RetrievalMode::Cosine`].
    pub confidence: f32,
    /// An exact fingerprint matched.
    pub episodic_hit: bool,
    pub query_concepts: Vec<String>,
    /// `query_concepts` and what associations added to them.
    pub expanded_concepts: Vec<String>,
    /// Time spent searching, in microseconds.
    pub search_time_us: u64,
}

/// Counts and means over a tenant's live atoms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantStats {
    pub total_atoms: u64,
    pub episodes: u64,
    pub prototypes: u64,
    pub singletons: u64,
    pub hebbian_edges: u64,
    /// Distinct content fingerprints.
    pub episodic_fingerprints: u64,
    /// Names of the domains that hold an atom, sorted.
    pub domains: Vec<String>,
    /// 0 when there are no atoms.
    pub avg_valence: f64,
    /// 0 when there are no atoms.
    pub avg_importance: f64,
}

/// A request for the newest atoms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedQuery {
    /// `None`: of every domain.
    pub domain: Option<String>,
    pub window: TimeWindow,
    /// Superseded atoms belong to the feed too.
    pub include_history: bool,
    /// At least 1.
    pub limit: usize,
    /// Only atoms created before the one with this number.
    pub before: Option<AtomNo>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// Newest first.
    pub atoms: Vec<Atom>,
    /// What `before` must be for the next page; `None` at the end.
    pub next_before: Option<AtomNo>,
}

/// A question about the Hebbian graph around some concepts.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphQuery {
    pub seeds: Vec<String>,
    /// How many steps from the seeds, 1 to 3.
    pub depth: usize,
    /// Edges at most.
    pub limit: usize,
    /// Edges with less weight are left out and not followed.
    pub weight_min: f32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    pub concept: String,
    /// Edges it has in all, in the answer or not.
    pub degree: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GraphEdge {
    /// The smaller of the two concepts as text.
    pub source: String,
    pub target: String,
    pub weight: f32,
    pub valence: f32,
    pub count: u32,
    pub updated_at: Timestamp,
}

/// The part of the graph that was asked for. Unknown seeds are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphView {
    pub nodes: Vec<GraphNode>,
    /// Nearest to the seeds first, then strongest.
    pub edges: Vec<GraphEdge>,
    /// There was more than `limit`.
    pub is_truncated: bool,
}

/// How an atom came to be what it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct RevisionChain {
    /// The atoms that supersede one another, oldest first, the one asked for among them.
    pub revisions: Vec<Atom>,
    /// Ids that the chain names and that are gone.
    pub dangling: Vec<AtomId>,
    /// The chain is longer than what is listed.
    pub is_truncated: bool,
}

/// What deleting one atom did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AtomDeletion {
    pub was_there: bool,
    /// Atoms it had superseded; they stay out of reads.
    pub left_hidden: Vec<AtomId>,
}

/// What consolidating a domain did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsolidationReport {
    /// Atoms that reads could return, before and after.
    pub atoms_before: u64,
    pub atoms_after: u64,
    pub prototypes_created: u64,
    pub singletons_protected: u64,
}
