//! Threads: long-lived conversations between actors. Sessions are in one; what is said there is
//! theirs.

use std::collections::{BTreeSet, HashMap};

use super::records::stored_id;
use super::{Identified, Records, id_from};
use crate::engine::atom::Metadata;
use crate::engine::paging::{Page, page};
use crate::engine::platform::{
    ActorRef, Collection, Kept, NewThread, Participant, ParticipantRole, RecordPage, Refusal,
    Thread, ThreadChange, ThreadFilter, ThreadPlace,
};
use crate::storage::encode;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{ParticipantRecord, ThreadRecord};
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::limits::PLATFORM_RECORDS_MAX;
use crate::types::{AtomNo, RecordId, Timestamp};

/// What lists and references need of a thread.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KnownThread {
    id: RecordId,
    /// Its agent, which may be gone.
    agent: Option<RecordId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Identified for KnownThread {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Threads {
    all: Records<KnownThread>,
}

impl Tenant {
    /// Makes a thread. Refused when its agent or a participant is not there, and when there are too
    /// many.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn create_thread(
        &mut self,
        pending: &mut Pending,
        new: NewThread,
    ) -> Result<Kept<Thread>, TenantError> {
        self.check_before(pending)?;
        if new.agent.is_some_and(|agent| !self.agent_is_there(agent)) {
            return Ok(Err(Refusal::NoReference(Collection::Agents)));
        }
        let participants = match self.referred_participants(&new.participants) {
            Ok(participants) => participants,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if self.platform.threads.all.len() >= PLATFORM_RECORDS_MAX {
            let collection = Collection::Threads;
            return Ok(Err(Refusal::Full { collection, limit: PLATFORM_RECORDS_MAX }));
        }
        let (id, no, created_at) = self.new_record();
        let created_at_us = created_at.as_micros();
        let record = ThreadRecord {
            id: stored_id(id),
            agent: new.agent.map(stored_id),
            metadata: new.metadata.map(|metadata| metadata.as_json().to_owned()),
            participants: joined(&participants, &[], created_at_us),
            timezone: new.place.timezone,
            country: new.place.country,
            language: new.place.language,
            created_at_us,
            updated_at_us: created_at_us,
        };
        self.put_thread(pending, no, record).map(Ok)
    }

    /// A thread, if there is one of this id.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_thread(&self, id: RecordId) -> Result<Option<Thread>, TenantError> {
        self.check_usable()?;
        let Some((no, _)) = self.platform.threads.all.find(id) else { return Ok(None) };
        self.get_thread(no).map(Some)
    }

    /// Changes a thread. Refused when something that the change refers to is not there.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn change_thread(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
        change: ThreadChange,
    ) -> Result<Kept<Thread>, TenantError> {
        self.check_before(pending)?;
        let Some((no, _)) = self.platform.threads.all.find(id) else {
            return Ok(Err(Refusal::NoSuch(Collection::Threads)));
        };
        let mut record = self.stored::<ThreadRecord>(Kind::Thread, no)?;
        let updated_at = self.change_time(Timestamp::from_micros(record.updated_at_us));
        record.updated_at_us = updated_at.as_micros();
        if let Some(agent) = change.agent {
            if agent.is_some_and(|agent| !self.agent_is_there(agent)) {
                return Ok(Err(Refusal::NoReference(Collection::Agents)));
            }
            record.agent = agent.map(stored_id);
        }
        if let Some(participants) = change.participants {
            record.participants = match self.referred_participants(&participants) {
                Ok(participants) => {
                    joined(&participants, &record.participants, record.updated_at_us)
                }
                Err(refusal) => return Ok(Err(refusal)),
            };
        }
        if let Some(metadata) = change.metadata {
            record.metadata = metadata.map(|metadata| metadata.as_json().to_owned());
        }
        record.timezone = change.timezone.unwrap_or(record.timezone);
        record.country = change.country.unwrap_or(record.country);
        record.language = change.language.unwrap_or(record.language);
        self.put_thread(pending, no, record).map(Ok)
    }

    /// Deletes a thread, and answers what it was. The sessions that were in it stay.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn delete_thread(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
    ) -> Result<Option<Thread>, TenantError> {
        self.check_before(pending)?;
        let Some((no, _)) = self.platform.threads.all.find(id) else { return Ok(None) };
        let thread = self.get_thread(no)?;
        self.uncommitted = true;
        pending.batch.delete(keys::by_atom(self.no, Kind::Thread, no));
        self.bury(&mut pending.batch, Collection::Threads, id, None)?;
        self.platform.threads.all.remove(no);
        Ok(Some(thread))
    }

    /// A page of the threads that a filter lets through.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn list_threads(
        &self,
        filter: &ThreadFilter,
        request: RecordPage,
    ) -> Result<Kept<Page<Thread>>, TenantError> {
        self.check_usable()?;
        let threads = &self.platform.threads.all;
        let request = match self.numbered(Collection::Threads, threads, request) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let base = &filter.base;
        let agents: Option<BTreeSet<RecordId>> = filter.agents.as_ref().map(|agents| {
            agents.iter().copied().filter(|agent| self.agent_is_there(*agent)).collect()
        });
        let list = threads.filtered(base.ids.as_deref(), |_, known| {
            let is_of =
                |agents: &BTreeSet<_>| known.agent.is_some_and(|agent| agents.contains(&agent));
            base.created.contains(known.created_at)
                && base.updated.contains(known.updated_at)
                && agents.as_ref().is_none_or(is_of)
        });
        page(&list, &request).try_map(|(no, _)| self.get_thread(no)).map(Ok)
    }

    pub(super) fn thread_is_there(&self, id: RecordId) -> bool {
        self.platform.threads.all.has(id)
    }

    fn get_thread(&self, no: AtomNo) -> Result<Thread, TenantError> {
        self.thread_from(self.stored(Kind::Thread, no)?)
    }

    /// Those who are named, each once: as the first that is said of one has it.
    fn referred_participants(
        &self,
        participants: &[(ActorRef, ParticipantRole)],
    ) -> Kept<Vec<(AtomNo, ParticipantRole)>> {
        let mut found = Vec::with_capacity(participants.len());
        let mut numbers = BTreeSet::new();
        for (actor, role) in participants {
            let no = self.find_actor_no(actor);
            let no = no.ok_or(Refusal::NoReference(Collection::Actors))?;
            if numbers.insert(no) {
                found.push((no, *role));
            }
        }
        Ok(found)
    }

    /// Writes a thread, and makes it known as it is now.
    fn put_thread(
        &mut self,
        pending: &mut Pending,
        no: AtomNo,
        record: ThreadRecord,
    ) -> Result<Thread, TenantError> {
        self.uncommitted = true;
        pending.batch.put(keys::by_atom(self.no, Kind::Thread, no), encode(&record)?);
        self.platform.threads.all.insert(no, known_from(&record));
        self.thread_from(record)
    }

    /// A thread with those of its participants who are still there.
    fn thread_from(&self, record: ThreadRecord) -> Result<Thread, TenantError> {
        let mut participants = Vec::with_capacity(record.participants.len());
        for participant in &record.participants {
            let Some(actor) = self.actor_at(AtomNo(participant.actor_no))? else { continue };
            let role = match participant.is_read_only {
                true => ParticipantRole::ReadOnly,
                false => ParticipantRole::ReadWrite,
            };
            let joined_at = Timestamp::from_micros(participant.joined_at_us);
            participants.push(Participant { actor, role, joined_at });
        }
        Ok(Thread {
            id: id_from(record.id),
            agent: record.agent.map(id_from).filter(|agent| self.agent_is_there(*agent)),
            metadata: record.metadata.map(Metadata::from_checked),
            participants,
            place: ThreadPlace {
                timezone: record.timezone,
                country: record.country,
                language: record.language,
            },
            created_at: Timestamp::from_micros(record.created_at_us),
            updated_at: Timestamp::from_micros(record.updated_at_us),
        })
    }

    /// Reads what is stored of threads.
    pub(super) fn load_threads(&mut self) -> Result<(), TenantError> {
        let mut threads = Threads::default();
        self.visit(Kind::Thread, |key, record: ThreadRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a thread's key"))?;
            threads.all.insert(no, known_from(&record));
            Ok(())
        })?;
        self.platform.threads = threads;
        Ok(())
    }
}

fn known_from(record: &ThreadRecord) -> KnownThread {
    KnownThread {
        id: id_from(record.id),
        agent: record.agent.map(id_from),
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    }
}

/// Participants as they are stored: those who were there before keep the time they joined.
fn joined(
    participants: &[(AtomNo, ParticipantRole)],
    before: &[ParticipantRecord],
    now_us: i64,
) -> Vec<ParticipantRecord> {
    let joined_before: HashMap<u64, i64> =
        before.iter().map(|participant| (participant.actor_no, participant.joined_at_us)).collect();
    let records = participants.iter().map(|(no, role)| ParticipantRecord {
        actor_no: no.0,
        is_read_only: *role == ParticipantRole::ReadOnly,
        joined_at_us: joined_before.get(&no.0).copied().unwrap_or(now_us),
    });
    records.collect()
}
