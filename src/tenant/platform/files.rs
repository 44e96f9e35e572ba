//! Files of applications: records beside bytes that are kept as documents' originals are. A file
//! comes once its bytes are kept. When it goes its links go first, in slices, and its bytes once it
//! is gone for good: see [`crate::tenant::blobs`].

use std::path::PathBuf;
use std::vec::IntoIter;

use super::records::stored_id;
use super::{Identified, Records, id_from, number_of};
use crate::engine::paging::{self, Page};
use crate::engine::platform::{
    Collection, File, FileFilter, FilePurpose, Kept, NewFile, RecordPage, Refusal,
};
use crate::storage::keys::{self, Kind};
use crate::storage::records::FileRecord;
use crate::storage::{BlobHash, encode};
use crate::tenant::blobs::NamedBlobs;
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{DocumentLimits, Tenant, TenantError};
use crate::types::limits::PLATFORM_RECORDS_MAX;
use crate::types::{AtomNo, RecordId, Timestamp};

/// Links removed in one slice: about half a millisecond's worth.
const SLICE_LINKS: usize = 64;

/// A file whose bytes are kept already.
#[derive(Debug, Clone)]
pub struct PlannedFile {
    pub new: NewFile,
    pub blob: BlobHash,
    pub size_bytes: u64,
}

/// A file on its way out.
#[derive(Debug)]
pub struct FileRemoval {
    no: AtomNo,
    file: File,
    blob: BlobHash,
    links: IntoIter<AtomNo>,
}

impl FileRemoval {
    /// The file as it was.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }

    /// Under what its bytes are kept.
    #[must_use]
    pub fn blob(&self) -> BlobHash {
        self.blob
    }
}

/// What of a file is in memory.
#[derive(Debug)]
pub(super) struct KnownFile {
    id: RecordId,
    blob: BlobHash,
    size_bytes: u64,
    purpose: FilePurpose,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Identified for KnownFile {
    fn id(&self) -> RecordId {
        self.id
    }
}

#[derive(Debug, Default)]
pub(super) struct Files {
    all: Records<KnownFile>,
    blobs: NamedBlobs,
}

impl Files {
    fn insert(&mut self, no: AtomNo, known: KnownFile) {
        self.blobs.add(known.blob, known.size_bytes);
        self.all.insert(no, known);
    }

    fn remove(&mut self, no: AtomNo) {
        if let Some(known) = self.all.remove(no) {
            self.blobs.remove(known.blob, known.size_bytes);
        }
    }
}

impl Tenant {
    /// What of the tenant's bytes files name.
    pub(in crate::tenant) fn file_blobs(&self) -> &NamedBlobs {
        &self.platform.files.blobs
    }

    /// Whether a file of so many bytes may come. The plan counts documents and files together.
    ///
    /// # Errors
    /// [`TenantError::DocumentLimit`], [`TenantError::DocumentBytesLimit`].
    pub fn check_file(
        &self,
        size_bytes: u64,
        limits: &DocumentLimits,
    ) -> Result<Kept<()>, TenantError> {
        self.check_usable()?;
        self.check_blob_room(None, size_bytes, limits)?;
        let is_full = self.platform.files.all.len() >= PLATFORM_RECORDS_MAX;
        let full = Refusal::Full { collection: Collection::Files, limit: PLATFORM_RECORDS_MAX };
        Ok(if is_full { Err(full) } else { Ok(()) })
    }

    /// Takes a file whose bytes are kept. Ask [`Tenant::check_file`] first.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn add_file(
        &mut self,
        pending: &mut Pending,
        planned: PlannedFile,
    ) -> Result<File, TenantError> {
        self.check_before(pending)?;
        self.uncommitted = true;
        let PlannedFile { new, blob, size_bytes } = planned;
        let (id, no, created_at) = self.new_record();
        let record = FileRecord {
            id: stored_id(id),
            file_name: new.file_name,
            size_bytes,
            blob: blob.0,
            media_type: new.media_type,
            title: new.title,
            purpose: byte_of(new.purpose),
            created_at_us: created_at.as_micros(),
            updated_at_us: created_at.as_micros(),
        };
        pending.batch.put(keys::by_atom(self.no, Kind::File, no), encode(&record)?);
        self.platform.files.insert(no, known_from(&record)?);
        file_from(record)
    }

    /// A file, if there is one of this id.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn find_file(&self, id: RecordId) -> Result<Option<File>, TenantError> {
        let found = self.platform.files.all.find(id);
        found.map(|(no, _)| file_from(self.stored(Kind::File, no)?)).transpose()
    }

    pub(super) fn file_is_there(&self, id: RecordId) -> bool {
        self.platform.files.all.has(id)
    }

    /// Where the bytes of a file are, and what it is called; `None` for one that is not there.
    pub(super) fn file_with_path(
        &self,
        id: RecordId,
    ) -> Result<Option<(PathBuf, File)>, TenantError> {
        let Some((no, known)) = self.platform.files.all.find(id) else { return Ok(None) };
        Ok(Some((self.blobs.path(known.blob), file_from(self.stored(Kind::File, no)?)?)))
    }

    /// Gives a file another title, or none; `None` leaves it as it is.
    ///
    /// # Errors
    /// When the tenant cannot write.
    pub fn change_file(
        &mut self,
        pending: &mut Pending,
        id: RecordId,
        title: Option<Option<String>>,
    ) -> Result<Kept<File>, TenantError> {
        self.check_before(pending)?;
        let Some((no, known)) = self.platform.files.all.find(id) else {
            return Ok(Err(Refusal::NoSuch(Collection::Files)));
        };
        let updated_at = self.change_time(known.created_at);
        let mut record: FileRecord = self.stored(Kind::File, no)?;
        if let Some(title) = title {
            self.uncommitted = true;
            record.title = title;
            record.updated_at_us = updated_at.as_micros();
            pending.batch.put(keys::by_atom(self.no, Kind::File, no), encode(&record)?);
            if let Some(known) = self.platform.files.all.get_mut(no) {
                known.updated_at = updated_at;
            }
        }
        file_from(record).map(Ok)
    }

    /// Begins to remove a file; `None` for an unknown one.
    ///
    /// # Errors
    /// When storage cannot be read, or the tenant cannot write.
    pub fn plan_file_removal(&self, id: RecordId) -> Result<Option<FileRemoval>, TenantError> {
        self.check_usable()?;
        self.commit.check_writable()?;
        let Some((no, known)) = self.platform.files.all.find(id) else { return Ok(None) };
        let (blob, file) = (known.blob, file_from(self.stored(Kind::File, no)?)?);
        let links: Vec<AtomNo> = self.links_of(id).into_iter().map(number_of).collect();
        Ok(Some(FileRemoval { no, file, blob, links: links.into_iter() }))
    }

    /// Puts the end of some links into a batch of its own, and with the last of them that of the
    /// file. Says whether there is more to do. Once the last batch is durable the bytes may go,
    /// unless [`Tenant::names_blob`].
    ///
    /// # Errors
    /// When a record cannot be encoded; the tenant is poisoned then.
    pub fn remove_file_slice(
        &mut self,
        pending: &mut Pending,
        removal: &mut FileRemoval,
    ) -> Result<bool, TenantError> {
        self.check_before(pending)?;
        self.uncommitted = true;
        for link in removal.links.by_ref().take(SLICE_LINKS) {
            self.remove_link(pending, link)?;
        }
        if !removal.links.as_slice().is_empty() {
            return Ok(true);
        }
        pending.batch.delete(keys::by_atom(self.no, Kind::File, removal.no));
        self.platform.files.remove(removal.no);
        self.bury(&mut pending.batch, Collection::Files, removal.file.id, None)?;
        Ok(false)
    }

    /// A page of the files that pass a filter.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn files(
        &self,
        filter: &FileFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<File>>, TenantError> {
        let files = &self.platform.files.all;
        let page = match self.numbered(Collection::Files, files, page) {
            Ok(page) => page,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (base, purposes) = (&filter.base, filter.purposes.as_deref());
        let passes = |_: AtomNo, file: &KnownFile| {
            base.created.contains(file.created_at)
                && base.updated.contains(file.updated_at)
                && purposes.is_none_or(|purposes| purposes.contains(&file.purpose))
        };
        let found = paging::page(&files.filtered(base.ids.as_deref(), passes), &page);
        found.try_map(|(no, _)| file_from(self.stored(Kind::File, no)?)).map(Ok)
    }

    pub(super) fn load_files(&mut self) -> Result<(), TenantError> {
        let mut files = Files::default();
        self.visit(Kind::File, |key, record: FileRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a file's key"))?;
            files.insert(no, known_from(&record)?);
            Ok(())
        })?;
        self.platform.files = files;
        Ok(())
    }
}

/// How a purpose is stored: its place here.
const PURPOSES: [FilePurpose; 4] =
    [FilePurpose::Attachment, FilePurpose::Generic, FilePurpose::Import, FilePurpose::Export];

fn byte_of(purpose: FilePurpose) -> u8 {
    let place = PURPOSES.iter().position(|known| *known == purpose);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

fn purpose_of(record: &FileRecord) -> Result<FilePurpose, TenantError> {
    let found = PURPOSES.get(usize::from(record.purpose)).copied();
    found.ok_or_else(|| damaged("a file's purpose"))
}

fn known_from(record: &FileRecord) -> Result<KnownFile, TenantError> {
    Ok(KnownFile {
        id: id_from(record.id),
        blob: BlobHash(record.blob),
        size_bytes: record.size_bytes,
        purpose: purpose_of(record)?,
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    })
}

fn file_from(record: FileRecord) -> Result<File, TenantError> {
    Ok(File {
        id: id_from(record.id),
        purpose: purpose_of(&record)?,
        file_name: record.file_name,
        size_bytes: record.size_bytes,
        media_type: record.media_type,
        title: record.title,
        created_at: Timestamp::from_micros(record.created_at_us),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    })
}
