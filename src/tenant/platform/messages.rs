//! Messages: what was said in sessions. Each is an atom, which holds its text, and a record of its
//! own; both are stored by one batch, and go together.

use std::collections::BTreeSet;
use std::ops::Bound;

use rustc_hash::FxHashMap;

use super::numbers::Merged;
use super::records::stored_id;
use super::{Identified, Records, id_from};
use crate::engine::atom::Metadata;
use crate::engine::paging::{Page, Walk, page};
use crate::engine::platform::{
    Attachment, Collection, Kept, Message, MessageFilter, MessageKind, NewMessage, RecordPage,
    Refusal, SESSIONS_DOMAIN, Within,
};
use crate::engine::prepared::PreparedAtom;
use crate::storage::keys::{self, Kind};
use crate::storage::records::SessionMessageRecord;
use crate::storage::{AtomicBatch, encode};
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::{AtomId, AtomNo, RecordId, Timestamp};

/// What of a message is in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownMessage {
    id: RecordId,
    pub(super) session: AtomNo,
    kind: MessageKind,
    /// As its writer says, or else when it was stored.
    created_at: Timestamp,
    pub(super) stored_at: Timestamp,
}

impl Identified for KnownMessage {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) all: Records<KnownMessage>,
    /// Of the sessions of a thread, which may be gone.
    by_thread: FxHashMap<RecordId, BTreeSet<AtomNo>>,
}

/// Messages that pass a filter.
struct Listed<'a, F> {
    messages: &'a Messages,
    numbers: Merged<'a>,
    passes: F,
}

impl<'a, F: Fn(&KnownMessage) -> bool> Listed<'a, F> {
    fn known(&self, no: AtomNo) -> Option<(AtomNo, &'a KnownMessage)> {
        let known = self.messages.all.get(no)?;
        (self.passes)(known).then_some((no, known))
    }
}

impl<'a, F: Fn(&KnownMessage) -> bool> Walk<AtomNo> for Listed<'a, F> {
    type Item = (AtomNo, &'a KnownMessage);

    fn upwards(&self, from: Bound<&AtomNo>) -> impl Iterator<Item = Self::Item> {
        self.numbers.upwards(from.cloned()).filter_map(|no| self.known(no))
    }

    fn downwards(&self, to: Bound<&AtomNo>) -> impl Iterator<Item = Self::Item> {
        self.numbers.downwards(to.cloned()).filter_map(|no| self.known(no))
    }
}

impl Tenant {
    /// Keeps a message of a session. Its atom lies in [`SESSIONS_DOMAIN`], holds its text, and is
    /// certain.
    ///
    /// # Errors
    /// As [`Tenant::store`].
    pub fn add_message(
        &mut self,
        pending: &mut Pending,
        new: NewMessage,
        atom: PreparedAtom,
    ) -> Result<Kept<Message>, TenantError> {
        debug_assert!(atom.new.is_certain && atom.new.domain == SESSIONS_DOMAIN);
        self.check_before(pending)?;
        let Some((session_no, _)) = self.platform.sessions.all.find(new.session) else {
            return Ok(Err(Refusal::NoSuch(Collection::Sessions)));
        };
        if !new.attachments.iter().all(|file| self.file_is_there(*file)) {
            return Ok(Err(Refusal::NoReference(Collection::Files)));
        }
        let sender = match self.referred_actor(new.sender.as_ref()) {
            Ok(sender) => sender,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let stored = self.store(pending, atom)?;
        let id = stored.atom_id.ok_or_else(|| damaged("a message that was not stored"))?;
        let row = self.find_row(id).ok_or_else(|| damaged("a message's row"))?;
        let (no, stored_at) = (row.no, row.created_at);
        let record = SessionMessageRecord {
            session_no: session_no.0,
            kind: stored_kind(new.kind),
            attachments: new.attachments.iter().map(|file| stored_id(*file)).collect(),
            sender_no: sender.map(|no| no.0),
            metadata: new.metadata.map(Metadata::into_json),
            said_at_us: new.created_at.map(Timestamp::as_micros),
        };
        pending.batch.put(keys::by_atom(self.no, Kind::Message, no), encode(&record)?);
        let known = known_from(&record, id, stored_at).ok_or_else(|| damaged("a message"))?;
        self.insert_message(no, known)?;
        self.message_from(&known, record, new.text).map(Ok)
    }

    /// A message of this id; with `within`, of that session only.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_session_message(
        &self,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<Message>, TenantError> {
        let session = match within.map(|within| self.platform.sessions.all.find(within)) {
            Some(None) => return Ok(Err(Refusal::NoSuch(Collection::Sessions))),
            Some(Some((session, _))) => Some(session),
            None => None,
        };
        match self.platform.messages.all.find(id) {
            Some((no, known)) if session.is_none_or(|session| known.session == session) => {
                self.shown_message(no, known).map(Ok)
            }
            _ => Ok(Err(Refusal::NoSuch(Collection::Messages))),
        }
    }

    /// A page of the messages that pass a filter. Those of one session or thread are found without
    /// looking at others.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn messages(
        &self,
        filter: &MessageFilter,
        request: RecordPage,
    ) -> Result<Kept<Page<Message>>, TenantError> {
        let messages = &self.platform.messages;
        let request = match self.numbered(Collection::Messages, &messages.all, request) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let sessions = &self.platform.sessions.all;
        let chosen = filter.base.ids.as_ref().map(|ids| messages.all.numbers(ids));
        let of_sessions = filter.sessions.as_ref().map(|ids| sessions.numbers(ids));
        let mut numbers = Merged::default();
        match filter.within {
            Some(Within::Session(id)) => match sessions.find(id) {
                Some((_, session)) => numbers.push(&session.messages),
                None => return Ok(Err(Refusal::NoSuch(Collection::Sessions))),
            },
            Some(Within::Thread(id)) if !self.thread_is_there(id) => {
                return Ok(Err(Refusal::NoSuch(Collection::Threads)));
            }
            Some(Within::Thread(id)) => {
                if let Some(of_thread) = messages.by_thread.get(&id) {
                    numbers.push(of_thread);
                }
            }
            None => match (&chosen, &of_sessions) {
                (Some(chosen), _) => numbers.push(chosen),
                (None, Some(of_sessions)) => {
                    for session in of_sessions.iter().filter_map(|no| sessions.get(*no)) {
                        numbers.push(&session.messages);
                    }
                }
                (None, None) => numbers.push(&messages.all),
            },
        }
        let passes = |known: &KnownMessage| {
            filter.base.ids.as_ref().is_none_or(|ids| ids.contains(&known.id))
                && of_sessions.as_ref().is_none_or(|sessions| sessions.contains(&known.session))
                && filter.base.created.contains(known.created_at)
                && filter.base.updated.contains(known.created_at)
        };
        let found = page(&Listed { messages, numbers, passes }, &request);
        found.try_map(|(no, known)| self.shown_message(no, known)).map(Ok)
    }

    pub(super) fn message_stored_at(&self, no: AtomNo) -> Option<Timestamp> {
        self.platform.messages.all.get(no).map(|known| known.stored_at)
    }

    /// The atom that a message is.
    pub(super) fn message_atom_at(&self, no: AtomNo) -> Option<AtomId> {
        self.platform.messages.all.get(no).map(|known| AtomId(known.id.0))
    }

    /// An atom is being deleted; if it is a message, so is that. Its record goes with what else is
    /// stored under the atom's number.
    pub(in crate::tenant) fn forget_message(
        &mut self,
        batch: &mut AtomicBatch,
        atom: AtomId,
    ) -> Result<(), TenantError> {
        let id = RecordId(atom.0);
        let Some((no, known)) = self.platform.messages.all.find(id) else { return Ok(()) };
        let known = *known;
        self.platform.messages.all.remove(no);
        if let Some(session) = self.platform.sessions.all.get_mut(known.session) {
            session.messages.remove(&no);
            session.assistant_count -= u64::from(known.kind == MessageKind::Assistant);
            let by_thread = &mut self.platform.messages.by_thread;
            if let Some(thread) = session.thread
                && let Some(messages) = by_thread.get_mut(&thread)
            {
                messages.remove(&no);
                if messages.is_empty() {
                    by_thread.remove(&thread);
                }
            }
        }
        self.bury(batch, Collection::Messages, id, None)
    }

    /// Reads what is stored of messages. The sessions must be known already.
    pub(super) fn load_messages(&mut self) -> Result<(), TenantError> {
        let number = self.domain_numbers.get(SESSIONS_DOMAIN);
        let domain = number.and_then(|number| self.domains.get(number));
        let atoms: FxHashMap<AtomNo, (AtomId, Timestamp)> = domain
            .into_iter()
            .flat_map(|domain| domain.live_rows())
            .map(|(_, row)| (row.no, (row.id, row.created_at)))
            .collect();
        let mut found = Vec::new();
        self.visit(Kind::Message, |key, record: SessionMessageRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a message's key"))?;
            let (id, stored_at) =
                *atoms.get(&no).ok_or_else(|| damaged("a message without its atom"))?;
            let known = known_from(&record, id, stored_at).ok_or_else(|| damaged("a message"))?;
            found.push((no, known));
            Ok(())
        })?;
        self.platform.messages = Messages::default();
        for (no, known) in found {
            self.insert_message(no, known)?;
        }
        Ok(())
    }

    fn insert_message(&mut self, no: AtomNo, known: KnownMessage) -> Result<(), TenantError> {
        let session = self.platform.sessions.all.get_mut(known.session);
        let session = session.ok_or_else(|| damaged("a message without its session"))?;
        session.messages.insert(no);
        session.assistant_count += u64::from(known.kind == MessageKind::Assistant);
        let messages = &mut self.platform.messages;
        if let Some(thread) = session.thread {
            messages.by_thread.entry(thread).or_default().insert(no);
        }
        messages.all.insert(no, known);
        Ok(())
    }

    fn shown_message(&self, no: AtomNo, known: &KnownMessage) -> Result<Message, TenantError> {
        let place = self.atoms.get(&AtomId(known.id.0)).copied();
        let text = self.record_of(place.ok_or_else(|| damaged("a message's atom"))?)?.content;
        self.message_from(known, self.stored(Kind::Message, no)?, text)
    }

    /// A message whose text was read already. `None` for an atom that is none.
    pub(super) fn message_of_atom(
        &self,
        atom: AtomId,
        text: String,
    ) -> Result<Option<Message>, TenantError> {
        let Some((no, known)) = self.platform.messages.all.find(RecordId(atom.0)) else {
            return Ok(None);
        };
        self.message_from(known, self.stored(Kind::Message, no)?, text).map(Some)
    }

    fn message_from(
        &self,
        known: &KnownMessage,
        record: SessionMessageRecord,
        text: String,
    ) -> Result<Message, TenantError> {
        let session = self.platform.sessions.all.get(known.session);
        let session = session.ok_or_else(|| damaged("a message without its session"))?;
        let mut attachments = Vec::with_capacity(record.attachments.len());
        for (index, file) in record.attachments.into_iter().map(id_from).enumerate() {
            if self.file_is_there(file) {
                attachments.push(Attachment { index, file, link: self.newest_link(file)? });
            }
        }
        let sender = match record.sender_no {
            Some(no) => self.actor_at(AtomNo(no))?,
            None => None,
        };
        Ok(Message {
            id: known.id,
            session: session.id(),
            thread: self.shown_thread(session),
            kind: known.kind,
            text,
            attachments,
            sender,
            metadata: record.metadata.map(Metadata::from_checked),
            created_at: known.created_at,
        })
    }
}

fn known_from(
    record: &SessionMessageRecord,
    atom: AtomId,
    stored_at: Timestamp,
) -> Option<KnownMessage> {
    Some(KnownMessage {
        id: RecordId(atom.0),
        session: AtomNo(record.session_no),
        kind: kind_from(record.kind)?,
        created_at: record.said_at_us.map_or(stored_at, Timestamp::from_micros),
        stored_at,
    })
}

const USER: u8 = 0;
const ASSISTANT: u8 = 1;
const TOOL: u8 = 2;
const SYSTEM: u8 = 3;

fn stored_kind(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::User => USER,
        MessageKind::Assistant => ASSISTANT,
        MessageKind::Tool => TOOL,
        MessageKind::System => SYSTEM,
    }
}

/// `None` for one that another version wrote.
fn kind_from(stored: u8) -> Option<MessageKind> {
    match stored {
        USER => Some(MessageKind::User),
        ASSISTANT => Some(MessageKind::Assistant),
        TOOL => Some(MessageKind::Tool),
        SYSTEM => Some(MessageKind::System),
        _ => None,
    }
}
