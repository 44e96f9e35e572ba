//! Every key of a tenant's keyspace. A key is `tenant_no` (u64, big-endian), a kind byte, then
//! what the kind says; big-endian numbers make the order of keys the order of numbers.
//!
//! Tenant numbers begin at 1. Under number 0 a shard keeps what must be found without knowing the
//! tenant: the markers of those with jobs.

use uuid::Uuid;

use crate::types::{AtomNo, BurialNo, JobNo, MessageNo, TenantNo, WebhookId};

/// What a key of a tenant's keyspace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// The tenant's header: embedder identity, analyzer version.
    Header = 0x01,
    /// Numbers that only grow.
    Counters = 0x02,
    /// The day's counts.
    Usage = 0x03,
    /// Number of a month u32 -> the metered tokens of that month.
    MonthTokens = 0x04,
    /// `domain_no` u32 -> its name.
    Domain = 0x08,
    /// `domain_no` u32 -> up to where it was consolidated.
    Consolidated = 0x09,
    /// `atom_no` u64 -> everything a caller may see of an atom.
    Atom = 0x10,
    /// `atom_no` u64 -> what the in-memory structures are rebuilt from.
    Entry = 0x11,
    /// `atom_no` u64 -> how often and when it was last read.
    Access = 0x12,
    /// `atom_no` u64 -> what became of an atom since it was written.
    Standing = 0x13,
    /// `concept_no` u32 -> its text.
    Concept = 0x20,
    /// `concept_no` u32, `concept_no` u32 -> a Hebbian edge, smaller number first.
    Edge = 0x21,
    /// `cue_no` u32 -> a question and the atoms it leads to.
    Cue = 0x22,
    /// Print of an idempotency key -> the reply that was given.
    Reply = 0x30,
    /// The next job's number.
    JobCounter = 0x40,
    /// `job_no` u64 -> a job that waits, runs or is dead; without its payload.
    Job = 0x41,
    /// `job_no` u64 -> what the job is about.
    JobPayload = 0x42,
    /// Print of a job's key -> the completed job, for a day.
    JobKey = 0x43,
    /// Under tenant number 0: `tenant_no` u64 -> that the tenant has jobs.
    JobMarker = 0x44,
    /// Print of a document's id -> the document, without its parts.
    Document = 0x50,
    /// Print of a document's id -> the entities and relations found in it.
    DocumentGraph = 0x51,
    /// The next subject's number.
    SubjectCounter = 0x60,
    /// `subject_no` u32 -> its name.
    Subject = 0x61,
    /// Id of a resource -> what is known of it, without its content.
    Resource = 0x62,
    /// Id of a resource -> its content, as it came.
    ResourceContent = 0x63,
    /// `atom_no` u64 -> what makes the atom a fact.
    Fact = 0x64,
    /// Print of a delivery's id -> the resource it became.
    Delivery = 0x65,
    /// The app's domain configuration.
    Ontology = 0x66,
    /// A webhook's id -> where notices go, and which.
    Webhook = 0x70,
    /// `message_no` u64 -> a message that waits to be sent.
    OutboxMessage = 0x71,
    /// `message_no` u64 -> a message that was given up.
    DeadMessage = 0x72,
    /// `atom_no` u64 -> a session, without its messages.
    Session = 0x80,
    /// `atom_no` u64 -> what makes the atom a message of a session.
    Message = 0x81,
    /// `atom_no` u64 -> a thread.
    Thread = 0x82,
    /// `atom_no` u64 -> an actor.
    Actor = 0x83,
    /// `atom_no` u64 -> an agent.
    Agent = 0x84,
    /// `atom_no` u64 -> a file, without its bytes.
    File = 0x85,
    /// `atom_no` u64 -> a link to a file.
    FileLink = 0x86,
    /// `burial_no` u64 -> what is left of a deleted record.
    Tombstone = 0x87,
}

/// Whose number no tenant has: the shard's own records.
const SHARD_ITSELF: TenantNo = TenantNo(0);

/// The prefix of everything a tenant owns.
#[must_use]
pub fn tenant_prefix(tenant: TenantNo) -> Vec<u8> {
    Writer::new().u64(tenant.0).finish()
}

/// The prefix of every key of one kind.
#[must_use]
pub fn kind_prefix(tenant: TenantNo, kind: Kind) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(kind as u8).finish()
}

/// The key of a kind that a tenant has once.
#[must_use]
pub fn single(tenant: TenantNo, kind: Kind) -> Vec<u8> {
    kind_prefix(tenant, kind)
}

/// The key of an atom, of everything else that is kept by its number, and of what takes its number
/// from the same row.
#[must_use]
pub fn by_atom(tenant: TenantNo, kind: Kind, atom: AtomNo) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(kind as u8).u64(atom.0).finish()
}

/// The key of what is kept by a job's number.
#[must_use]
pub fn by_job(tenant: TenantNo, kind: Kind, job: JobNo) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(kind as u8).u64(job.0).finish()
}

/// The key of the marker that says that a tenant has jobs. It lies outside the tenant's own
/// prefix: whoever deletes or moves a tenant takes it along.
#[must_use]
pub fn job_marker(tenant: TenantNo) -> Vec<u8> {
    Writer::new().bytes(&job_marker_prefix()).u64(tenant.0).finish()
}

/// The prefix of the markers of all tenants of a shard.
#[must_use]
pub fn job_marker_prefix() -> Vec<u8> {
    kind_prefix(SHARD_ITSELF, Kind::JobMarker)
}

/// The tenant in a key made by [`job_marker`].
#[must_use]
pub fn tenant_in(marker_key: &[u8]) -> Option<TenantNo> {
    let mut reader = Reader::new(marker_key.strip_prefix(job_marker_prefix().as_slice())?);
    let number = reader.u64()?;
    reader.is_empty().then_some(TenantNo(number))
}

/// The key of a domain, a concept, a cue or a month.
#[must_use]
pub fn by_number(tenant: TenantNo, kind: Kind, number: u32) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(kind as u8).u32(number).finish()
}

/// The key of an edge, whichever way round its ends are given.
#[must_use]
pub fn edge(tenant: TenantNo, one: u32, other: u32) -> Vec<u8> {
    Writer::new()
        .u64(tenant.0)
        .byte(Kind::Edge as u8)
        .u32(one.min(other))
        .u32(one.max(other))
        .finish()
}

/// The key of what is found by the print of an opaque string.
#[must_use]
pub fn by_print(tenant: TenantNo, kind: Kind, print: &[u8; 16]) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(kind as u8).bytes(print).finish()
}

/// The print in a key made by [`by_print`].
#[must_use]
pub fn print_in(key: &[u8]) -> Option<[u8; 16]> {
    let mut reader = Reader::after_kind(key)?;
    let print = reader.array()?;
    reader.is_empty().then_some(print)
}

/// The atom number in a key made by [`by_atom`].
#[must_use]
pub fn atom_in(key: &[u8]) -> Option<AtomNo> {
    let mut reader = Reader::after_kind(key)?;
    let number = reader.u64()?;
    reader.is_empty().then_some(AtomNo(number))
}

/// The job number in a key made by [`by_job`].
#[must_use]
pub fn job_in(key: &[u8]) -> Option<JobNo> {
    atom_in(key).map(|number| JobNo(number.0))
}

/// The key of a webhook.
#[must_use]
pub fn by_webhook(tenant: TenantNo, webhook: WebhookId) -> Vec<u8> {
    by_print(tenant, Kind::Webhook, webhook.as_bytes())
}

/// The webhook in a key made by [`by_webhook`].
#[must_use]
pub fn webhook_in(key: &[u8]) -> Option<WebhookId> {
    print_in(key).map(|bytes| WebhookId(Uuid::from_bytes(bytes)))
}

/// The key of a message, waiting or given up.
#[must_use]
pub fn by_message(tenant: TenantNo, kind: Kind, message: MessageNo) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(kind as u8).u64(message.0).finish()
}

/// The message number in a key made by [`by_message`].
#[must_use]
pub fn message_in(key: &[u8]) -> Option<MessageNo> {
    atom_in(key).map(|number| MessageNo(number.0))
}

/// The key of a tombstone.
#[must_use]
pub fn by_burial(tenant: TenantNo, burial: BurialNo) -> Vec<u8> {
    Writer::new().u64(tenant.0).byte(Kind::Tombstone as u8).u64(burial.0).finish()
}

/// The number in a key made by [`by_burial`].
#[must_use]
pub fn burial_in(key: &[u8]) -> Option<BurialNo> {
    atom_in(key).map(|number| BurialNo(number.0))
}

/// The number in a key made by [`by_number`].
#[must_use]
pub fn number_in(key: &[u8]) -> Option<u32> {
    let mut reader = Reader::after_kind(key)?;
    let number = reader.u32()?;
    reader.is_empty().then_some(number)
}

/// The two ends in a key made by [`edge`].
#[must_use]
pub fn ends_in(key: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::after_kind(key)?;
    let ends = (reader.u32()?, reader.u32()?);
    reader.is_empty().then_some(ends)
}

/// Builds a key piece by piece.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::with_capacity(24))
    }

    #[must_use]
    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    #[must_use]
    pub fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    #[must_use]
    pub fn u64(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a key apart; every step answers `None` where the key is too short.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(key: &'a [u8]) -> Self {
        Self(key)
    }

    fn after_kind(key: &'a [u8]) -> Option<Self> {
        let mut reader = Self(key);
        reader.u64()?;
        reader.byte()?;
        Some(reader)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_of_keys_is_the_order_of_tenants_then_atoms(
            a in any::<(u64, u64)>(), b in any::<(u64, u64)>(),
        ) {
            let key = |(tenant, atom)| by_atom(TenantNo(tenant), Kind::Atom, AtomNo(atom));
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
            prop_assert_eq!(atom_in(&key(a)), Some(AtomNo(a.1)));
        }

        #[test]
        fn a_key_belongs_to_exactly_its_own_tenant(a: u64, b: u64, atom: u64) {
            let key = by_atom(TenantNo(a), Kind::Entry, AtomNo(atom));
            prop_assert_eq!(key.starts_with(&tenant_prefix(TenantNo(b))), a == b);
        }

        #[test]
        fn an_edge_has_one_key_in_both_directions(tenant: u64, a: u32, b: u32) {
            let key = edge(TenantNo(tenant), a, b);
            prop_assert_eq!(&key, &edge(TenantNo(tenant), b, a));
            prop_assert_eq!(ends_in(&key), Some((a.min(b), a.max(b))));
        }

        #[test]
        fn a_marker_names_its_tenant_and_is_in_no_tenant_s_keyspace(
            one in 1_u64.., other in 1_u64.., atom: u64,
        ) {
            let marker = job_marker(TenantNo(one));
            prop_assert_eq!(tenant_in(&marker), Some(TenantNo(one)));
            prop_assert!(!marker.starts_with(&tenant_prefix(TenantNo(other))));
            prop_assert_eq!(tenant_in(&by_atom(TenantNo(other), Kind::Atom, AtomNo(atom))), None);
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = (atom_in(&bytes), number_in(&bytes), ends_in(&bytes), print_in(&bytes));
            let _ = (job_in(&bytes), tenant_in(&bytes));
        }
    }
}
