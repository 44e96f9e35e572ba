//! What applications keep beside what they remember: sessions with their messages, the actors who
//! take part, agents, threads, files and links to files. Plain data: what goes in and what comes
//! out. A message is an atom with a record of its own, so it is found as any memory is.
//!
//! Records of all collections, and atoms, take their numbers from one row, so that their order is
//! that of their creation.

pub mod agents;

use super::atom::Metadata;
use super::paging::PageRequest;
use crate::types::{RecordId, Timestamp};

/// The domain of all messages. Each is of the session (as neighbours in time go) that it is in.
pub const SESSIONS_DOMAIN: &str = "sessions";

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    Sessions,
    Messages,
    Events,
    Actors,
    Agents,
    Threads,
    Files,
    FileLinks,
}

/// Why nothing came of a request; nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// What is addressed is not there.
    NoSuch(Collection),
    /// Something that the request refers to is not there.
    NoReference(Collection),
    /// The place from which a page is asked for is no place of the list.
    UnknownCursor,
    /// Another record has the name that was chosen.
    NameTaken,
    /// There are as many records of the collection as there may be.
    Full { collection: Collection, limit: usize },
}

/// An answer, or why there is none.
pub type Kept<T> = Result<T, Refusal>;

/// What stands beside each other in both collections that have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordStatus {
    Active,
    /// Kept, and out of the way.
    Archived,
}

/// Strict bounds of a time; `None` for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    pub after: Option<Timestamp>,
    pub before: Option<Timestamp>,
}

impl TimeRange {
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.after.is_none_or(|after| at > after) && self.before.is_none_or(|before| at < before)
    }
}

/// What all lists may be filtered by. `None` lets everything through, an empty list nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordFilter {
    pub ids: Option<Vec<RecordId>>,
    pub created: TimeRange,
    pub updated: TimeRange,
}

/// A page of records that are addressed by ids of ours.
pub type RecordPage = PageRequest<RecordId>;

// Actors.

/// How callers say which actor they mean: by the name that one was given, or by an id of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActorRef {
    /// As it came. The name of an actor goes before the id of another.
    pub text: String,
    /// What the text is if it is an id of ours.
    pub id: Option<RecordId>,
}

/// An actor's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActorKey {
    pub id: RecordId,
    /// The name its maker chose, which then stands for the id.
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    User,
    Assistant,
    Tool,
}

/// Somebody or something that takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    pub key: ActorKey,
    pub kind: ActorKind,
    pub name: String,
    pub metadata: Option<Metadata>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewActor {
    /// The name that stands for an id, and what it would be as an id of ours: another actor may
    /// have that.
    pub chosen: Option<ActorRef>,
    pub kind: ActorKind,
    pub name: String,
    pub metadata: Option<Metadata>,
}

/// `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ActorChange {
    pub name: Option<String>,
    pub metadata: Option<Option<Metadata>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ActorFilter {
    pub actors: Option<Vec<ActorRef>>,
    pub kinds: Option<Vec<ActorKind>>,
    pub created: TimeRange,
    pub updated: TimeRange,
}

// Agents.

/// An entry of the directory that everybody with a publishable key may read.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub id: RecordId,
    /// 1 to 64 of `a-z`, `0-9` and `-`; no other agent of the tenant has it.
    pub slug: String,
    pub name: String,
    pub description: Option<String>,
    pub metadata: Option<Metadata>,
    pub status: RecordStatus,
    pub actor: Option<ActorKey>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub archived_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewAgent {
    /// `None` for one that follows from the name and is made unique.
    pub slug: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub metadata: Option<Metadata>,
    pub actor: Option<ActorRef>,
}

/// `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentChange {
    pub slug: Option<String>,
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub metadata: Option<Option<Metadata>>,
    pub actor: Option<Option<ActorRef>>,
    pub status: Option<RecordStatus>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentFilter {
    pub base: RecordFilter,
    pub statuses: Option<Vec<RecordStatus>>,
    /// In name, slug or description, whatever the case.
    pub search: Option<String>,
}

// Sessions.

/// One bounded conversation or run of an agent. What it refers to and is gone shows as `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: RecordId,
    pub status: RecordStatus,
    pub name: Option<String>,
    pub description: Option<String>,
    pub metadata: Option<Metadata>,
    pub agent: Option<RecordId>,
    pub actor: Option<ActorKey>,
    pub thread: Option<RecordId>,
    /// Messages of users, tools and the system.
    pub client_messages: u64,
    /// Messages of assistants.
    pub assistant_messages: u64,
    pub created_at: Timestamp,
    /// Of its last change, or when its last message was stored.
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewSession {
    pub name: Option<String>,
    pub description: Option<String>,
    pub metadata: Option<Metadata>,
    pub agent: Option<RecordId>,
    pub actor: Option<ActorRef>,
    pub thread: Option<RecordId>,
}

/// `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionChange {
    pub name: Option<Option<String>>,
    pub description: Option<Option<String>>,
    pub metadata: Option<Option<Metadata>>,
    pub status: Option<RecordStatus>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionFilter {
    pub base: RecordFilter,
    pub statuses: Option<Vec<RecordStatus>>,
    pub agents: Option<Vec<RecordId>>,
    pub actors: Option<Vec<ActorRef>>,
    pub threads: Option<Vec<RecordId>>,
}

// Messages and events.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    User,
    Assistant,
    Tool,
    System,
}

/// What was said in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: RecordId,
    pub session: RecordId,
    /// The thread of its session.
    pub thread: Option<RecordId>,
    pub kind: MessageKind,
    pub text: String,
    /// Of those it came with, the files that are still there, each with its place.
    pub attachments: Vec<Attachment>,
    /// Who said it, unless that is unknown or gone.
    pub sender: Option<Actor>,
    pub metadata: Option<Metadata>,
    /// When it was said: as its writer says, or else when it was stored.
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Its place among those the message came with.
    pub index: usize,
    pub file: RecordId,
    /// The newest link to the file that is good.
    pub link: Option<FileLink>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    pub session: RecordId,
    pub kind: MessageKind,
    /// Holds something besides white space.
    pub text: String,
    pub attachments: Vec<RecordId>,
    pub sender: Option<ActorRef>,
    pub metadata: Option<Metadata>,
    pub created_at: Option<Timestamp>,
    /// What the atom bears for those who read it as a memory.
    pub atom_metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageFilter {
    pub base: RecordFilter,
    /// What was addressed. One that is not there is a refusal.
    pub within: Option<Within>,
    pub sessions: Option<Vec<RecordId>>,
}

/// What messages or events are listed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Session(RecordId),
    Thread(RecordId),
}

/// A question to the messages.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageQuery {
    pub text: String,
    pub top_k: usize,
    pub min_relevance: f32,
    /// The id of the only session to look in, as [`NewMessage::atom_metadata`] has it under
    /// `session_id`.
    pub session_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FoundMessage {
    pub message: Message,
    /// In [0, 1].
    pub relevance: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    SessionCreated,
    MessageCreated,
    /// The message can be found as a memory.
    MessageProcessed,
}

/// What happened to a session. Follows from the session and its messages, and is never stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: RecordId,
    pub kind: EventKind,
    pub session: RecordId,
    pub message: Option<RecordId>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventFilter {
    pub base: RecordFilter,
    /// As [`MessageFilter::within`].
    pub within: Option<RecordId>,
    pub sessions: Option<Vec<RecordId>>,
}

// Threads.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParticipantRole {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// An actor in a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Participant {
    pub actor: Actor,
    pub role: ParticipantRole,
    pub joined_at: Timestamp,
}

/// A long-lived conversation between actors.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    pub id: RecordId,
    pub agent: Option<RecordId>,
    pub metadata: Option<Metadata>,
    /// Those who are still there, in the order they were named.
    pub participants: Vec<Participant>,
    pub place: ThreadPlace,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Codes that callers chose; nothing follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadPlace {
    pub timezone: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewThread {
    pub agent: Option<RecordId>,
    pub metadata: Option<Metadata>,
    pub participants: Vec<(ActorRef, ParticipantRole)>,
    pub place: ThreadPlace,
}

/// `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThreadChange {
    pub agent: Option<Option<RecordId>>,
    pub metadata: Option<Option<Metadata>>,
    /// Those who stay keep the time they joined.
    pub participants: Option<Vec<(ActorRef, ParticipantRole)>>,
    pub timezone: Option<Option<String>>,
    pub country: Option<Option<String>>,
    pub language: Option<Option<String>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThreadFilter {
    pub base: RecordFilter,
    pub agents: Option<Vec<RecordId>>,
}

// Files.

/// A file that is kept as it came. It is no memory.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub id: RecordId,
    pub file_name: String,
    pub size_bytes: u64,
    /// Its media type, as its sender says.
    pub media_type: String,
    pub title: Option<String>,
    pub purpose: FilePurpose,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilePurpose {
    Attachment,
    Generic,
    Import,
    Export,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewFile {
    pub file_name: String,
    pub media_type: String,
    pub title: Option<String>,
    pub purpose: FilePurpose,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileFilter {
    pub base: RecordFilter,
    pub purposes: Option<Vec<FilePurpose>>,
}

/// Lets everybody who knows its secret read a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileLink {
    pub id: RecordId,
    pub file: RecordId,
    /// 43 or more letters and digits.
    pub secret: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// `None` for one that is good until it is deleted.
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewFileLink {
    pub file: RecordId,
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileLinkFilter {
    pub base: RecordFilter,
    /// What was addressed. One that is not there is a refusal.
    pub within: Option<RecordId>,
    pub files: Option<Vec<RecordId>>,
}
