//! What is left of deleted records: which collection they were of and their ids, so that these stay
//! good as places in a list. Of a name that somebody chose only its print is kept. The oldest make
//! room.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::records::stored_id;
use super::{id_from, number_of};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::platform::Collection;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{Print, TombstoneRecord};
use crate::storage::{AtomicBatch, encode};
use crate::tenant::open::damaged;
use crate::tenant::{Tenant, TenantError};
use crate::types::limits::TOMBSTONES_MAX;
use crate::types::{AtomNo, BurialNo, RecordId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tombstone {
    collection: Collection,
    id: RecordId,
    name: Option<Fingerprint>,
}

#[derive(Debug, Default)]
pub(super) struct Tombstones {
    /// In the order of the deletions.
    all: BTreeMap<BurialNo, Tombstone>,
    /// By the number of the record. No two have had the same, whatever their collections.
    by_number: FxHashMap<AtomNo, BurialNo>,
    /// Several may have had a name, one after the other: the last.
    by_name: FxHashMap<Fingerprint, BurialNo>,
}

impl Tombstones {
    /// Where a deleted record was.
    pub(super) fn place_of(&self, collection: Collection, id: RecordId) -> Option<AtomNo> {
        let no = number_of(id);
        (self.buried_at(no)? == (collection, id)).then_some(no)
    }

    /// Where the last of the deleted records of a name was.
    pub(super) fn place_of_name(&self, name: Fingerprint) -> Option<AtomNo> {
        let tombstone = self.all.get(self.by_name.get(&name)?)?;
        Some(number_of(tombstone.id))
    }

    /// What had a number and is deleted.
    pub(super) fn buried_at(&self, no: AtomNo) -> Option<(Collection, RecordId)> {
        let tombstone = self.all.get(self.by_number.get(&no)?)?;
        Some((tombstone.collection, tombstone.id))
    }

    fn insert(&mut self, no: BurialNo, tombstone: Tombstone) {
        self.by_number.insert(number_of(tombstone.id), no);
        if let Some(name) = tombstone.name {
            self.by_name.insert(name, no);
        }
        self.all.insert(no, tombstone);
    }

    fn remove_oldest(&mut self) -> Option<BurialNo> {
        let (no, tombstone) = self.all.pop_first()?;
        self.by_number.remove(&number_of(tombstone.id));
        if let Some(name) = tombstone.name
            && self.by_name.get(&name) == Some(&no)
        {
            self.by_name.remove(&name);
        }
        Some(no)
    }
}

impl Tenant {
    /// Leaves a tombstone for a record that is being deleted; `name` is what its maker called it,
    /// where that stands for its id.
    pub(in crate::tenant) fn bury(
        &mut self,
        batch: &mut AtomicBatch,
        collection: Collection,
        id: RecordId,
        name: Option<&str>,
    ) -> Result<(), TenantError> {
        let name = name.map(Fingerprint::of_opaque);
        let tombstones = &mut self.platform.tombstones;
        // The oldest go, never the last: it says which number is next.
        let last = tombstones.all.last_key_value().map_or(0, |(no, _)| no.0);
        let no = BurialNo(last + 1);
        let record = TombstoneRecord {
            collection: byte_of(collection),
            id: stored_id(id),
            name: name.map(|print| Print(print.0)),
        };
        batch.put(keys::by_burial(self.no, no), encode(&record)?);
        tombstones.insert(no, Tombstone { collection, id, name });
        while tombstones.all.len() > TOMBSTONES_MAX
            && let Some(oldest) = tombstones.remove_oldest()
        {
            batch.delete(keys::by_burial(self.no, oldest));
        }
        Ok(())
    }

    pub(super) fn load_tombstones(&mut self) -> Result<(), TenantError> {
        let mut tombstones = Tombstones::default();
        self.visit(Kind::Tombstone, |key, record: TombstoneRecord| {
            let no = keys::burial_in(key).ok_or_else(|| damaged("a tombstone's key"))?;
            let collection =
                collection_from(record.collection).ok_or_else(|| damaged("a tombstone"))?;
            let id = id_from(record.id);
            let name = record.name.map(|print| Fingerprint(print.0));
            tombstones.insert(no, Tombstone { collection, id, name });
            Ok(())
        })?;
        self.platform.tombstones = tombstones;
        Ok(())
    }
}

const COLLECTIONS: [Collection; 8] = [
    Collection::Sessions,
    Collection::Messages,
    Collection::Events,
    Collection::Actors,
    Collection::Agents,
    Collection::Threads,
    Collection::Files,
    Collection::FileLinks,
];

/// How a collection is stored: its place in [`COLLECTIONS`].
fn byte_of(collection: Collection) -> u8 {
    let place = COLLECTIONS.iter().position(|known| *known == collection);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

fn collection_from(byte: u8) -> Option<Collection> {
    COLLECTIONS.get(usize::from(byte)).copied()
}
