//! What applications keep beside what they remember: sessions with their messages, actors, agents,
//! threads, files and links to files. What is needed to find a record is in memory; the rest is
//! read when it is shown.
//!
//! Invariants: records of all collections and atoms take their numbers from one row, and a
//! record's id says its number. A message is an atom with a record of its own, and goes with it,
//! whoever deletes it. What is deleted leaves a tombstone, so that its place in a list stays known.
//! What a record refers to may be gone; it is looked up when the record is shown.

mod actors;
mod agents;
mod events;
mod files;
mod links;
mod messages;
mod numbers;
mod records;
mod search;
mod sessions;
mod threads;
mod tombstones;

use uuid::Uuid;

use super::open::damaged;
use super::{Tenant, TenantError, ids};
use crate::engine::paging::PageRequest;
use crate::engine::platform::{Collection, Kept, RecordPage, Refusal};
use crate::storage::keys::{self, Kind};
use crate::storage::records::Id;
use crate::storage::{Record, decode};
use crate::types::{AtomId, AtomNo, RecordId, Timestamp};

use actors::Actors;
use agents::Agents;
use files::Files;
pub use files::{FileRemoval, PlannedFile};
use links::Links;
use messages::Messages;
use records::{Identified, Records};
pub use search::message_search;
pub use sessions::SessionDeletion;
use sessions::Sessions;
use threads::Threads;
use tombstones::Tombstones;

/// Everything of it that is in memory.
#[derive(Debug, Default)]
pub(super) struct Platform {
    sessions: Sessions,
    messages: Messages,
    actors: Actors,
    agents: Agents,
    threads: Threads,
    files: Files,
    links: Links,
    tombstones: Tombstones,
}

impl Platform {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The number that an id of ours says. Any number for another id: compare the ids.
fn number_of(id: RecordId) -> AtomNo {
    ids::number_in(AtomId(id.0))
}

fn id_from(id: Id) -> RecordId {
    RecordId(Uuid::from_bytes(id.0))
}

impl Tenant {
    /// Reads what is stored of all collections. The atoms must be known already.
    pub(super) fn load_platform(&mut self) -> Result<(), TenantError> {
        self.platform = Platform::default();
        self.load_tombstones()?;
        self.load_actors()?;
        self.load_agents()?;
        self.load_threads()?;
        self.load_files()?;
        self.load_links()?;
        self.load_sessions()?;
        self.load_messages()
    }

    /// The identity and the time of a record that is about to be made. Something must be put into
    /// the command's batch, which then stores that the number was given.
    fn new_record(&mut self) -> (RecordId, AtomNo, Timestamp) {
        let created_at = self.next_creation_time();
        let no = self.counters.next_atom_no;
        self.counters.next_atom_no = AtomNo(no.0 + 1);
        (RecordId(ids::make(created_at, no, &mut self.rng).0), no, created_at)
    }

    /// The time of a change of a record: never before its creation.
    fn change_time(&self, created_at: Timestamp) -> Timestamp {
        self.clock.now().max(created_at)
    }

    /// What is stored of a record that is in memory.
    fn stored<R: Record>(&self, kind: Kind, no: AtomNo) -> Result<R, TenantError> {
        let bytes = self.commit.store().get(&keys::by_atom(self.no, kind, no))?;
        Ok(decode(&bytes.ok_or_else(|| damaged("a record"))?)?)
    }

    /// A page's place, said as a number: of a record that is there, or that was.
    fn numbered<R: Identified>(
        &self,
        collection: Collection,
        records: &Records<R>,
        page: RecordPage,
    ) -> Kept<PageRequest<AtomNo>> {
        let place_of = |id| match records.find(id) {
            Some((no, _)) => Some(no),
            None => self.platform.tombstones.place_of(collection, id),
        };
        page.resolve(place_of).ok_or(Refusal::UnknownCursor)
    }
}
