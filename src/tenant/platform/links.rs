//! Links to files: whoever knows the secret of one may read its file until it expires. A link goes
//! with its file. An expired one stays, as its owner made it, until it is deleted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustc_hash::FxHashMap;
use subtle::ConstantTimeEq;

use super::records::stored_id;
use super::{Identified, Records, id_from};
use crate::engine::paging::{self, Page};
use crate::engine::platform::{
    Collection, File, FileLink, FileLinkFilter, Kept, NewFileLink, RecordPage, Refusal,
};
use crate::storage::encode;
use crate::storage::keys::{self, Kind};
use crate::storage::records::FileLinkRecord;
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::limits::{LINKS_PER_FILE_MAX, PLATFORM_RECORDS_MAX};
use crate::types::{AtomNo, RecordId, Timestamp};

/// What of a link is in memory.
#[derive(Debug)]
pub(super) struct KnownLink {
    id: RecordId,
    file: RecordId,
    created_at: Timestamp,
    updated_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl KnownLink {
    fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl Identified for KnownLink {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Links {
    all: Records<KnownLink>,
    /// Of the files that have any.
    by_file: FxHashMap<RecordId, BTreeSet<AtomNo>>,
}

impl Links {
    fn insert(&mut self, no: AtomNo, known: KnownLink) {
        self.by_file.entry(known.file).or_default().insert(no);
        self.all.insert(no, known);
    }

    fn remove(&mut self, no: AtomNo) -> Option<KnownLink> {
        let known = self.all.remove(no)?;
        if let Some(links) = self.by_file.get_mut(&known.file) {
            links.remove(&no);
            if links.is_empty() {
                self.by_file.remove(&known.file);
            }
        }
        Some(known)
    }

    /// The limit that keeps a file from having another link, if one does.
    fn reached_limit(&self, file: RecordId) -> Option<usize> {
        let of_file = self.by_file.get(&file).map_or(0, BTreeSet::len);
        let limits = [(of_file, LINKS_PER_FILE_MAX), (self.all.len(), PLATFORM_RECORDS_MAX)];
        limits.into_iter().find(|(count, limit)| count >= limit).map(|(_, limit)| limit)
    }

    /// Those to a file, the oldest first.
    fn of_file(&self, file: RecordId) -> impl DoubleEndedIterator<Item = (AtomNo, &KnownLink)> {
        let numbers = self.by_file.get(&file).map(BTreeSet::iter).unwrap_or_default();
        numbers.filter_map(|no| Some((*no, self.all.get(*no)?)))
    }
}

impl Tenant {
    /// Makes a link to a file. Its secret is the caller's to draw: letters and digits that nobody
    /// can guess.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn create_link(
        &mut self,
        pending: &mut Pending,
        new: &NewFileLink,
        secret: String,
    ) -> Result<Kept<FileLink>, TenantError> {
        self.check_before(pending)?;
        if !self.file_is_there(new.file) {
            return Ok(Err(Refusal::NoReference(Collection::Files)));
        }
        if let Some(limit) = self.platform.links.reached_limit(new.file) {
            return Ok(Err(Refusal::Full { collection: Collection::FileLinks, limit }));
        }
        self.uncommitted = true;
        let (id, no, created_at) = self.new_record();
        let record = FileLinkRecord {
            id: stored_id(id),
            file: stored_id(new.file),
            secret,
            created_at_us: created_at.as_micros(),
            updated_at_us: created_at.as_micros(),
            expires_at_us: new.expires_at.map(Timestamp::as_micros),
        };
        pending.batch.put(keys::by_atom(self.no, Kind::FileLink, no), encode(&record)?);
        self.platform.links.insert(no, known_from(&record));
        Ok(Ok(link_from(record)))
    }

    /// A link; with a file that was addressed, one to this file only.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_link(
        &self,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<FileLink>, TenantError> {
        match self.link_no(id, within) {
            Ok(no) => self.link_at(no).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    fn link_no(&self, id: RecordId, within: Option<RecordId>) -> Kept<AtomNo> {
        self.check_addressed_file(within)?;
        let found = self.platform.links.all.find(id);
        let found = found.filter(|(_, known)| within.is_none_or(|file| known.file == file));
        found.map(|(no, _)| no).ok_or(Refusal::NoSuch(Collection::FileLinks))
    }

    fn check_addressed_file(&self, within: Option<RecordId>) -> Kept<()> {
        let is_there = within.is_none_or(|file| self.file_is_there(file));
        if is_there { Ok(()) } else { Err(Refusal::NoSuch(Collection::Files)) }
    }

    fn link_at(&self, no: AtomNo) -> Result<FileLink, TenantError> {
        self.stored(Kind::FileLink, no).map(link_from)
    }

    /// Gives a link another end, or none; `None` leaves it as it is.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn change_link(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
        within: Option<RecordId>,
        expires_at: Option<Option<Timestamp>>,
    ) -> Result<Kept<FileLink>, TenantError> {
        self.check_before(pending)?;
        let no = match self.link_no(id, within) {
            Ok(no) => no,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut record: FileLinkRecord = self.stored(Kind::FileLink, no)?;
        if let Some(expires_at) = expires_at {
            self.uncommitted = true;
            let updated_at = self.change_time(Timestamp::from_micros(record.created_at_us));
            record.expires_at_us = expires_at.map(Timestamp::as_micros);
            record.updated_at_us = updated_at.as_micros();
            pending.batch.put(keys::by_atom(self.no, Kind::FileLink, no), encode(&record)?);
            self.platform.links.insert(no, known_from(&record));
        }
        Ok(Ok(link_from(record)))
    }

    /// Removes a link. Answers it as it was.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn delete_link(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<FileLink>, TenantError> {
        self.check_before(pending)?;
        let no = match self.link_no(id, within) {
            Ok(no) => no,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let link = self.link_at(no)?;
        self.uncommitted = true;
        self.remove_link(pending, no)?;
        Ok(Ok(link))
    }

    /// Puts the end of a link into a batch. The tenant counts as poisoned already.
    pub(super) fn remove_link(
        &mut self,
        pending: &mut Pending,
        no: AtomNo,
    ) -> Result<(), TenantError> {
        pending.batch.delete(keys::by_atom(self.no, Kind::FileLink, no));
        match self.platform.links.remove(no) {
            Some(known) => self.bury(&mut pending.batch, Collection::FileLinks, known.id, None),
            None => Ok(()),
        }
    }

    /// The links to a file, the oldest first.
    pub(super) fn links_of(&self, file: RecordId) -> Vec<RecordId> {
        self.platform.links.of_file(file).map(|(_, known)| known.id).collect()
    }

    /// A page of the links that pass a filter.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn links(
        &self,
        filter: &FileLinkFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<FileLink>>, TenantError> {
        let links = &self.platform.links.all;
        let addressed = self.check_addressed_file(filter.within);
        let page = addressed.and_then(|()| self.numbered(Collection::FileLinks, links, page));
        let page = match page {
            Ok(page) => page,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (base, files) = (&filter.base, filter.files.as_deref());
        let passes = |_: AtomNo, link: &KnownLink| {
            base.created.contains(link.created_at)
                && base.updated.contains(link.updated_at)
                && filter.within.is_none_or(|file| link.file == file)
                && files.is_none_or(|files| files.contains(&link.file))
        };
        // Those of a file are found without a look at all others.
        let among = match (&base.ids, filter.within, files) {
            (Some(ids), ..) => Some(ids.clone()),
            (None, Some(file), _) => Some(self.links_of(file)),
            (None, None, Some(files)) => {
                Some(files.iter().flat_map(|file| self.links_of(*file)).collect())
            }
            (None, None, None) => None,
        };
        let found = paging::page(&links.filtered(among.as_deref(), passes), &page);
        found.try_map(|(no, _)| self.link_at(no)).map(Ok)
    }

    /// The newest link to a file that is good. O(links of the file).
    pub(in crate::tenant) fn newest_link(
        &self,
        file: RecordId,
    ) -> Result<Option<FileLink>, TenantError> {
        let now = self.clock.now();
        let mut links = self.platform.links.of_file(file).rev();
        let newest = links.find(|(_, known)| known.is_good(now));
        newest.map(|(no, _)| self.link_at(no)).transpose()
    }

    /// The file that a link is to, and where its bytes are; `None` unless the link is good and the
    /// secret its own.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn linked_file(
        &self,
        link: RecordId,
        secret: &str,
    ) -> Result<Option<(PathBuf, File)>, TenantError> {
        let Some((no, known)) = self.platform.links.all.find(link) else { return Ok(None) };
        let record: FileLinkRecord = self.stored(Kind::FileLink, no)?;
        let is_own = bool::from(record.secret.as_bytes().ct_eq(secret.as_bytes()));
        let opens = is_own && known.is_good(self.clock.now());
        if opens { self.file_with_path(known.file) } else { Ok(None) }
    }

    /// The files must be known already.
    pub(super) fn load_links(&mut self) -> Result<(), TenantError> {
        let mut links = Links::default();
        self.visit(Kind::FileLink, |key, record: FileLinkRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a link's key"))?;
            let known = known_from(&record);
            if !self.file_is_there(known.file) {
                return Err(damaged("a link without its file"));
            }
            links.insert(no, known);
            Ok(())
        })?;
        self.platform.links = links;
        Ok(())
    }
}

fn known_from(record: &FileLinkRecord) -> KnownLink {
    KnownLink {
        id: id_from(record.id),
        file: id_from(record.file),
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
        expires_at: record.expires_at_us.map(Timestamp::from_micros),
    }
}

fn link_from(record: FileLinkRecord) -> FileLink {
    FileLink {
        id: id_from(record.id),
        file: id_from(record.file),
        secret: record.secret,
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
        expires_at: record.expires_at_us.map(Timestamp::from_micros),
    }
}
