//! Sessions: bounded conversations or runs of agents, whose messages are remembered. A session that
//! is deleted takes its messages along, in slices: whatever a crash leaves is whole messages of a
//! session that is still there.

use std::collections::BTreeSet;

use super::records::{is_one_of, stored_id};
use super::{Identified, Records, id_from};
use crate::engine::atom::Metadata;
use crate::engine::paging::{Page, page};
use crate::engine::platform::{
    Collection, Kept, NewSession, RecordPage, RecordStatus, Refusal, SESSIONS_DOMAIN, Session,
    SessionChange, SessionFilter,
};
use crate::storage::encode;
use crate::storage::keys::{self, Kind};
use crate::storage::records::SessionRecord;
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::limits::PLATFORM_RECORDS_MAX;
use crate::types::{AtomId, AtomNo, RecordId, Timestamp};

/// Messages removed in one slice: about a millisecond's worth.
const SLICE_MESSAGES: usize = 24;

/// What of a session is in memory.
#[derive(Debug)]
pub(super) struct KnownSession {
    id: RecordId,
    status: RecordStatus,
    agent: Option<RecordId>,
    actor: Option<AtomNo>,
    pub(super) thread: Option<RecordId>,
    pub(super) created_at: Timestamp,
    changed_at: Timestamp,
    pub(super) messages: BTreeSet<AtomNo>,
    /// How many of them are of assistants.
    pub(super) assistant_count: u64,
}

impl Identified for KnownSession {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) all: Records<KnownSession>,
}

/// A session on its way out.
pub struct SessionDeletion {
    no: AtomNo,
    session: Session,
    /// The last ones first: that costs least.
    messages: std::vec::IntoIter<AtomId>,
    /// Of the domain of messages, if there is one.
    domain_no: Option<u32>,
}

impl Tenant {
    /// Makes a session.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn create_session(
        &mut self,
        pending: &mut Pending,
        new: NewSession,
    ) -> Result<Kept<Session>, TenantError> {
        self.check_before(pending)?;
        if self.platform.sessions.all.len() >= PLATFORM_RECORDS_MAX {
            let collection = Collection::Sessions;
            return Ok(Err(Refusal::Full { collection, limit: PLATFORM_RECORDS_MAX }));
        }
        if new.agent.is_some_and(|agent| !self.agent_is_there(agent)) {
            return Ok(Err(Refusal::NoReference(Collection::Agents)));
        }
        let actor = match self.referred_actor(new.actor.as_ref()) {
            Ok(actor) => actor,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if new.thread.is_some_and(|thread| !self.thread_is_there(thread)) {
            return Ok(Err(Refusal::NoReference(Collection::Threads)));
        }
        self.uncommitted = true;
        let (id, no, created_at) = self.new_record();
        let record = SessionRecord {
            id: stored_id(id),
            status: ACTIVE,
            name: new.name,
            description: new.description,
            metadata: new.metadata.map(Metadata::into_json),
            agent: new.agent.map(stored_id),
            actor_no: actor.map(|no| no.0),
            thread: new.thread.map(stored_id),
            created_at_us: created_at.as_micros(),
            changed_at_us: created_at.as_micros(),
        };
        self.put_session(pending, no, &record)?;
        let known = known_from(&record).ok_or_else(|| damaged("a session"))?;
        let session = self.session_from(&known, record);
        self.platform.sessions.all.insert(no, known);
        Ok(Ok(session))
    }

    /// A session, if there is one of this id.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_session(&self, id: RecordId) -> Result<Option<Session>, TenantError> {
        let found = self.platform.sessions.all.find(id);
        found.map(|(no, known)| self.shown_session(no, known)).transpose()
    }

    /// A page of the sessions that pass a filter. Costs what walking over them costs.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn sessions(
        &self,
        filter: &SessionFilter,
        request: RecordPage,
    ) -> Result<Kept<Page<Session>>, TenantError> {
        let all = &self.platform.sessions.all;
        let request = match self.numbered(Collection::Sessions, all, request) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let actors: Option<BTreeSet<AtomNo>> = filter
            .actors
            .as_ref()
            .map(|actors| actors.iter().filter_map(|actor| self.find_actor_no(actor)).collect());
        let passes = |_: AtomNo, known: &KnownSession| {
            is_one_of(filter.statuses.as_deref(), Some(known.status))
                && is_one_of(filter.agents.as_deref(), self.shown_agent(known))
                && is_one_of(filter.threads.as_deref(), self.shown_thread(known))
                && (actors.as_ref())
                    .is_none_or(|actors| known.actor.is_some_and(|it| actors.contains(&it)))
                && filter.base.created.contains(known.created_at)
                && filter.base.updated.contains(self.updated_at(known))
        };
        let list = all.filtered(filter.base.ids.as_deref(), passes);
        let found = page(&list, &request);
        found.try_map(|(no, known)| self.shown_session(no, known)).map(Ok)
    }

    /// Changes what a session says of itself.
    ///
    /// # Errors
    /// When the tenant cannot write, or storage not be read.
    pub fn change_session(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
        change: SessionChange,
    ) -> Result<Kept<Session>, TenantError> {
        self.check_before(pending)?;
        let Some((no, known)) = self.platform.sessions.all.find(id) else {
            return Ok(Err(Refusal::NoSuch(Collection::Sessions)));
        };
        if change == SessionChange::default() {
            return self.shown_session(no, known).map(Ok);
        }
        let changed_at = self.change_time(known.changed_at);
        let mut record: SessionRecord = self.stored(Kind::Session, no)?;
        if let Some(name) = change.name {
            record.name = name;
        }
        if let Some(description) = change.description {
            record.description = description;
        }
        if let Some(metadata) = change.metadata {
            record.metadata = metadata.map(Metadata::into_json);
        }
        if let Some(status) = change.status {
            record.status = stored_status(status);
        }
        record.changed_at_us = changed_at.as_micros();
        self.uncommitted = true;
        self.put_session(pending, no, &record)?;
        let known = self.platform.sessions.all.get_mut(no).ok_or_else(|| damaged("a session"))?;
        known.status = change.status.unwrap_or(known.status);
        known.changed_at = changed_at;
        let known = self.platform.sessions.all.get(no).ok_or_else(|| damaged("a session"))?;
        Ok(Ok(self.session_from(known, record)))
    }

    /// Begins to delete a session with its messages. `None` for an unknown one.
    ///
    /// # Errors
    /// When the tenant cannot write, or storage not be read.
    pub fn plan_session_deletion(
        &self,
        id: RecordId,
    ) -> Result<Option<SessionDeletion>, TenantError> {
        self.check_usable()?;
        self.commit.check_writable()?;
        let Some((no, known)) = self.platform.sessions.all.find(id) else { return Ok(None) };
        let session = self.shown_session(no, known)?;
        let messages = known.messages.iter().rev().filter_map(|no| self.message_atom_at(*no));
        let messages: Vec<AtomId> = messages.collect();
        let domain_no = self.domain_numbers.get(SESSIONS_DOMAIN).copied();
        Ok(Some(SessionDeletion { no, session, messages: messages.into_iter(), domain_no }))
    }

    /// Puts the end of some messages into a batch of its own, and behind the last that of the
    /// session. Says whether there is more to do.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant must be opened again then.
    pub fn delete_session_slice(
        &mut self,
        pending: &mut Pending,
        deletion: &mut SessionDeletion,
    ) -> Result<bool, TenantError> {
        self.check_before(pending)?;
        let some: Vec<AtomId> = deletion.messages.by_ref().take(SLICE_MESSAGES).collect();
        self.forget_atoms(pending, &some)?;
        if !deletion.messages.as_slice().is_empty() {
            return Ok(true);
        }
        self.uncommitted = true;
        pending.batch.delete(keys::by_atom(self.no, Kind::Session, deletion.no));
        self.platform.sessions.all.remove(deletion.no);
        self.bury(&mut pending.batch, Collection::Sessions, deletion.session.id, None)?;
        Ok(false)
    }

    /// Ends it, once the last batch was applied: the index cache that may hold vectors of what is
    /// gone is removed. Answers what the session was.
    ///
    /// # Errors
    /// When storage cannot be read; the tenant is poisoned then.
    pub fn finish_session_deletion(
        &mut self,
        deletion: SessionDeletion,
    ) -> Result<Session, TenantError> {
        if let Some(domain_no) = deletion.domain_no {
            self.tidy_after_forgetting(domain_no)?;
        }
        Ok(deletion.session)
    }

    pub(super) fn load_sessions(&mut self) -> Result<(), TenantError> {
        let mut sessions = Sessions::default();
        self.visit(Kind::Session, |key, record: SessionRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a session's key"))?;
            let known = known_from(&record).ok_or_else(|| damaged("a session"))?;
            sessions.all.insert(no, known);
            Ok(())
        })?;
        self.platform.sessions = sessions;
        Ok(())
    }

    fn put_session(
        &self,
        pending: &mut Pending,
        no: AtomNo,
        record: &SessionRecord,
    ) -> Result<(), TenantError> {
        pending.batch.put(keys::by_atom(self.no, Kind::Session, no), encode(record)?);
        Ok(())
    }

    fn shown_session(&self, no: AtomNo, known: &KnownSession) -> Result<Session, TenantError> {
        Ok(self.session_from(known, self.stored(Kind::Session, no)?))
    }

    fn session_from(&self, known: &KnownSession, record: SessionRecord) -> Session {
        Session {
            id: known.id,
            status: known.status,
            name: record.name,
            description: record.description,
            metadata: record.metadata.map(Metadata::from_checked),
            agent: self.shown_agent(known),
            actor: known.actor.and_then(|no| self.actor_key(no)),
            thread: self.shown_thread(known),
            client_messages: known.messages.len() as u64 - known.assistant_count,
            assistant_messages: known.assistant_count,
            created_at: known.created_at,
            updated_at: self.updated_at(known),
        }
    }

    fn shown_agent(&self, session: &KnownSession) -> Option<RecordId> {
        session.agent.filter(|agent| self.agent_is_there(*agent))
    }

    /// The thread of a session, while it is there.
    pub(super) fn shown_thread(&self, session: &KnownSession) -> Option<RecordId> {
        session.thread.filter(|thread| self.thread_is_there(*thread))
    }

    fn updated_at(&self, session: &KnownSession) -> Timestamp {
        let stored_at = session.messages.last().and_then(|no| self.message_stored_at(*no));
        stored_at.map_or(session.changed_at, |stored_at| stored_at.max(session.changed_at))
    }
}

const ACTIVE: u8 = 0;
const ARCHIVED: u8 = 1;

fn stored_status(status: RecordStatus) -> u8 {
    match status {
        RecordStatus::Active => ACTIVE,
        RecordStatus::Archived => ARCHIVED,
    }
}

/// `None` for one that another version wrote.
fn status_from(stored: u8) -> Option<RecordStatus> {
    match stored {
        ACTIVE => Some(RecordStatus::Active),
        ARCHIVED => Some(RecordStatus::Archived),
        _ => None,
    }
}

/// Without its messages.
fn known_from(record: &SessionRecord) -> Option<KnownSession> {
    Some(KnownSession {
        id: id_from(record.id),
        status: status_from(record.status)?,
        agent: record.agent.map(id_from),
        actor: record.actor_no.map(AtomNo),
        thread: record.thread.map(id_from),
        created_at: Timestamp::from_micros(record.created_at_us),
        changed_at: Timestamp::from_micros(record.changed_at_us),
        messages: BTreeSet::new(),
        assistant_count: 0,
    })
}
