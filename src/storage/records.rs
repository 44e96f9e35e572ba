//! A tenant's records as they are stored: plain fields, no behaviour. `docs/storage-format.md`
//! describes each; a change of fields raises the version and adds a migration.

use serde::{Deserialize, Serialize};

use super::codec::Record;

mod documents;
mod outbox;
mod platform;
mod platform_files;
mod platform_people;
mod subjects;

pub use documents::{DocumentGraphRecord, DocumentRecord, EntityRecord, RelationRecord};
pub use outbox::{DeadMessageRecord, MessageRecord, WebhookRecord};
pub use platform::{SessionMessageRecord, SessionRecord, TombstoneRecord};
pub use platform_files::{FileLinkRecord, FileRecord};
pub use platform_people::{ActorRecord, AgentRecord, ParticipantRecord, ThreadRecord};
pub use subjects::{
    DeliveryRecord, EventRecord, FactRecord, FactRelationRecord, MentionRecord, OntologyRecord,
    ResourceContentRecord, ResourceRecord, SlotRecord, SubjectCounterRecord, SubjectRecord,
};

/// What a tenant's other records were made with. Key: [`super::keys::Kind::Header`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRecord {
    pub embedder_name: String,
    pub embedder_dimensions: u32,
    #[serde(with = "serde_bytes")]
    pub embedder_hash: [u8; 32],
    /// Version of the text analysis that made the entries' terms.
    pub analyzer: u32,
    pub created_at_us: i64,
}

impl Record for HeaderRecord {
    const VERSION: u8 = 1;
}

/// Numbers that only grow. Key: [`super::keys::Kind::Counters`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersRecord {
    pub next_atom_no: u64,
    pub next_domain_no: u32,
    /// Creation times never go back, whatever the clock does.
    pub last_created_at_us: i64,
}

impl Record for CountersRecord {
    const VERSION: u8 = 1;
}

/// A domain's name. Key: [`super::keys::Kind::Domain`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    pub name: String,
}

impl Record for DomainRecord {
    const VERSION: u8 = 1;
}

/// What was written, unchanged for the atom's life. Key: [`super::keys::Kind::Atom`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtomRecord {
    #[serde(with = "serde_bytes")]
    pub id: [u8; 16],
    pub domain_no: u32,
    pub content: String,
    pub concepts: Vec<String>,
    /// Compact JSON text of an object.
    pub metadata: String,
    pub external_ref: Option<String>,
    pub fingerprint: Option<String>,
    pub session: Option<String>,
    pub occurred_at_us: Option<i64>,
    pub created_at_us: i64,
    /// Facts are to be derived from it, or were. Absent in records of earlier builds.
    #[serde(default)]
    pub derives_facts: bool,
}

impl Record for AtomRecord {
    const VERSION: u8 = 1;
}

/// What the in-memory structures are rebuilt from; unchanged for the atom's life. Key:
/// [`super::keys::Kind::Entry`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryRecord {
    #[serde(with = "serde_bytes")]
    pub id: [u8; 16],
    pub domain_no: u32,
    pub session: Option<String>,
    pub occurred_at_us: Option<i64>,
    pub created_at_us: i64,
    #[serde(with = "serde_bytes")]
    pub content_print: [u8; 16],
    #[serde(with = "serde_bytes")]
    pub wording_print: [u8; 16],
    pub fingerprint: Option<Print>,
    pub external_ref: Option<Print>,
    /// 0 episode, 1 prototype, 2 singleton. With the two values after `importance` and
    /// `is_protected`: as of the writing; a [`StandingRecord`] says what holds now.
    pub kind: u8,
    pub importance: f32,
    pub valence: f32,
    pub outcome_count: u32,
    pub is_protected: bool,
    /// Folded concepts as 64-bit hashes, little-endian, end to end.
    #[serde(with = "serde_bytes")]
    pub concepts: Vec<u8>,
    /// What the analyzer made of the content; see `engine::text`.
    #[serde(with = "serde_bytes")]
    pub analysis: Vec<u8>,
    /// `None` for a text without direction.
    pub vector: Option<VectorRecord>,
}

impl Record for EntryRecord {
    const VERSION: u8 = 1;
}

/// 128 bits of BLAKE3 of an opaque string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print(#[serde(with = "serde_bytes")] pub [u8; 16]);

/// An int8 vector: `value[i] * scale` is a unit vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorRecord {
    pub scale: f32,
    /// The int8 values as bytes.
    #[serde(with = "serde_bytes")]
    pub values: Vec<u8>,
}

/// How often an atom was read. Key: [`super::keys::Kind::Access`]. Written when a tenant closes,
/// so a crash loses the counts since it was opened, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    pub count: u64,
    pub last_us: i64,
}

impl Record for AccessRecord {
    const VERSION: u8 = 1;
}

/// What became of an atom since it was written, if anything did. Key:
/// [`super::keys::Kind::Standing`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StandingRecord {
    /// 0 episode, 1 prototype, 2 singleton.
    pub kind: u8,
    pub valence: f32,
    pub outcome_count: u32,
    pub is_protected: bool,
    pub superseded_by: Option<Id>,
    pub consolidated_into: Option<Id>,
    /// The atoms it replaced, in order.
    pub supersedes: Vec<Id>,
    /// Reads do not return it before its enrichment. Absent in records of earlier builds.
    #[serde(default)]
    pub is_staged: bool,
}

impl Record for StandingRecord {
    const VERSION: u8 = 1;
}

/// The 16 bytes of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Id(#[serde(with = "serde_bytes")] pub [u8; 16]);

/// The day's counts. Key: [`super::keys::Kind::Usage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageRecord {
    /// Days since 1970-01-01 in UTC.
    pub day: i64,
    pub queries: u64,
    /// Metered tokens; absent in records of earlier builds.
    #[serde(default)]
    pub tokens_in: u64,
    #[serde(default)]
    pub tokens_out: u64,
}

impl Record for UsageRecord {
    const VERSION: u8 = 1;
}

/// Metered tokens of a month. Key: [`super::keys::Kind::MonthTokens`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MonthTokensRecord {
    pub tokens_in: u64,
    pub tokens_out: u64,
}

impl Record for MonthTokensRecord {
    const VERSION: u8 = 1;
}

/// Up to where a domain was consolidated. Key: [`super::keys::Kind::Consolidated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsolidatedRecord {
    /// Atoms with a smaller number were looked at.
    pub before_atom_no: u64,
}

impl Record for ConsolidatedRecord {
    const VERSION: u8 = 1;
}

/// A question and the atoms it leads to. Key: [`super::keys::Kind::Cue`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CueRecord {
    pub wording: Option<Print>,
    /// Per term: hash of the word, hash of its stem, bits of its weight; little-endian, 20 bytes.
    #[serde(with = "serde_bytes")]
    pub terms: Vec<u8>,
    pub vector: Option<VectorRecord>,
    /// Per atom: its number, bits of its weight; little-endian, 12 bytes.
    #[serde(with = "serde_bytes")]
    pub atoms: Vec<u8>,
    pub updated_at_us: i64,
}

impl Record for CueRecord {
    const VERSION: u8 = 1;
}

/// The reply given to a command with an idempotency key. Key: [`super::keys::Kind::Reply`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplyRecord {
    pub created_at_us: i64,
    pub outcomes: Vec<OutcomeRecord>,
}

impl Record for ReplyRecord {
    const VERSION: u8 = 1;
}

/// What became of one write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// 0 stored, 1 already stored, 2 refused, 3 over the limit.
    pub decision: u8,
    pub atom_id: Option<Id>,
    pub importance: f32,
    pub reason: String,
}

/// A concept's folded text. Key: [`super::keys::Kind::Concept`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConceptRecord {
    pub name: String,
}

impl Record for ConceptRecord {
    const VERSION: u8 = 1;
}

/// A Hebbian edge. Key: [`super::keys::Kind::Edge`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EdgeRecord {
    pub weight: f32,
    pub valence: f32,
    pub count: u32,
    pub updated_at_us: i64,
}

impl Record for EdgeRecord {
    const VERSION: u8 = 1;
}

/// Numbers of jobs. Key: [`super::keys::Kind::JobCounter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounterRecord {
    pub next_job_no: u64,
}

impl Record for JobCounterRecord {
    const VERSION: u8 = 1;
}

/// A job that is not completed. Key: [`super::keys::Kind::Job`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Which handler it is for.
    pub kind: String,
    /// 0 waiting, 1 leased, 2 dead.
    pub state: u8,
    /// Waiting: not before. Leased: until then. Dead: since then.
    pub at_us: i64,
    pub enqueued_at_us: i64,
    /// Times it was begun.
    pub attempts: u32,
    /// Its own bound on attempts, if it has one.
    pub attempts_max: Option<u32>,
    pub last_error: Option<String>,
    pub stage: String,
    /// 0 to 100.
    pub percent: u8,
    pub key: Option<Print>,
    /// The key is free once the job is done or dead. Absent in records of earlier builds.
    #[serde(default)]
    pub frees_key: bool,
}

impl Record for JobRecord {
    const VERSION: u8 = 1;
}

/// What a job is about; written once. Key: [`super::keys::Kind::JobPayload`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPayloadRecord {
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
}

impl Record for JobPayloadRecord {
    const VERSION: u8 = 1;
}

/// A completed job, under its key. Key: [`super::keys::Kind::JobKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobKeyRecord {
    pub job_no: u64,
    pub completed_at_us: i64,
}

impl Record for JobKeyRecord {
    const VERSION: u8 = 1;
}

/// That a tenant has jobs. Key: [`super::keys::job_marker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMarkerRecord {
    /// Jobs wait or run.
    pub has_unfinished: bool,
    pub dead_count: u64,
}

impl Record for JobMarkerRecord {
    const VERSION: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::super::codec::decode;
    use super::*;

    /// What a build from before a record's trailing fields wrote.
    fn read_older<R: Record>(fields: &impl Serialize) -> R {
        let mut bytes = vec![R::VERSION];
        bytes.extend(rmp_serde::to_vec(fields).unwrap());
        decode(&bytes).unwrap()
    }

    #[test]
    fn records_from_before_their_trailing_fields_are_read() {
        let usage: UsageRecord = read_older(&(20_000_i64, 7_u64));
        assert_eq!((usage.queries, usage.tokens_in, usage.tokens_out), (7, 0, 0));
        let nobody = || None::<Id>;
        let standing = (1_u8, 0.5_f32, 2_u32, true, nobody(), nobody(), Vec::<Id>::new());
        let standing: StandingRecord = read_older(&standing);
        assert!(standing.is_protected && !standing.is_staged);
        let (attempts_max, error, key) = (None::<u32>, None::<String>, None::<Print>);
        let job = ("webhook", 0_u8, 5_i64, 4_i64, 1_u32, attempts_max, error, "stage", 50_u8, key);
        let job: JobRecord = read_older(&job);
        assert!(job.percent == 50 && !job.frees_key);
    }
}
