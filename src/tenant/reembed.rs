//! Making a tenant's vectors anew with another embedder, while no server runs on it. The header
//! is marked first, so that a tenant that is half done opens with no embedder at all, and set last.

use super::TenantError;
use super::open::damaged;
use super::store::vector_record;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{AtomRecord, CueRecord, EntryRecord, HeaderRecord};
use crate::storage::{AtomicBatch, GroupCommit, decode, encode};
use crate::types::{AtomNo, EmbedderIdentity, QuantizedVector, TenantNo};

/// Learned questions rewritten per batch.
const CUES_SLICE: usize = 500;

/// What the header says between the first changed vector and the last.
const IN_PROGRESS: &str = "(re-embedding was interrupted)";

/// One tenant's re-embedding: `begin`, then pages of contents and their vectors, then `finish`.
pub struct Reembedding {
    no: TenantNo,
    commit: GroupCommit,
    header: HeaderRecord,
    after: Option<Vec<u8>>,
}

impl Reembedding {
    /// Marks the tenant. `None` when it was never written to, or when its vectors are already
    /// those of `embedder`.
    ///
    /// # Errors
    /// When storage cannot be read or written.
    pub fn begin(
        no: TenantNo,
        commit: GroupCommit,
        embedder: &EmbedderIdentity,
    ) -> Result<Option<Self>, TenantError> {
        let key = keys::single(no, Kind::Header);
        let Some(bytes) = commit.store().get(&key)? else { return Ok(None) };
        let mut header = decode::<HeaderRecord>(&bytes)?;
        if header.embedder_hash == embedder.hash {
            return Ok(None);
        }
        header.embedder_name = IN_PROGRESS.to_owned();
        header.embedder_hash = [0; 32];
        let mut this = Self { no, commit, header, after: None };
        this.put_header()?;
        this.header.embedder_name.clone_from(&embedder.name);
        this.header.embedder_dimensions = u32::try_from(embedder.dimensions).unwrap_or(u32::MAX);
        this.header.embedder_hash = embedder.hash;
        Ok(Some(this))
    }

    /// The next atoms with their contents; empty at the end.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn next_page(&mut self, limit: usize) -> Result<Vec<(AtomNo, String)>, TenantError> {
        let prefix = keys::kind_prefix(self.no, Kind::Atom);
        let pairs = self.commit.store().scan(&prefix, self.after.as_deref(), limit)?;
        let mut page = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let no = keys::atom_in(&key).ok_or_else(|| damaged("an atom's key"))?;
            page.push((no, decode::<AtomRecord>(&value)?.content));
            self.after = Some(key);
        }
        Ok(page)
    }

    /// Replaces the vectors of some atoms, in one batch.
    ///
    /// # Errors
    /// When storage cannot be read or written.
    pub fn replace(
        &self,
        vectors: Vec<(AtomNo, Option<QuantizedVector>)>,
    ) -> Result<(), TenantError> {
        let mut batch = AtomicBatch::new(0);
        for (no, vector) in vectors {
            let key = keys::by_atom(self.no, Kind::Entry, no);
            // A batch that did not complete may have left an atom without its entry.
            let Some(bytes) = self.commit.store().get(&key)? else { continue };
            let mut entry = decode::<EntryRecord>(&bytes)?;
            entry.vector = vector.as_ref().map(vector_record);
            batch.put(key, encode(&entry)?);
        }
        self.commit.apply(&batch)?;
        Ok(())
    }

    /// Takes the directions of learned questions away, since their texts are not kept: they are
    /// compared by their words from then on. Makes everything durable, then the header that says
    /// so.
    ///
    /// # Errors
    /// When storage cannot be written; the tenant then stays marked.
    pub fn finish(self) -> Result<(), TenantError> {
        self.drop_cue_vectors()?;
        self.commit.store().flush()?;
        self.put_header()
    }

    fn drop_cue_vectors(&self) -> Result<(), TenantError> {
        let prefix = keys::kind_prefix(self.no, Kind::Cue);
        let mut after = None;
        loop {
            let slice = self.commit.store().scan(&prefix, after.as_deref(), CUES_SLICE)?;
            let Some((last, _)) = slice.last() else { return Ok(()) };
            after = Some(last.clone());
            let mut batch = AtomicBatch::new(0);
            for (key, value) in slice {
                let mut cue = decode::<CueRecord>(&value)?;
                cue.vector = None;
                batch.put(key, encode(&cue)?);
            }
            self.commit.apply(&batch)?;
        }
    }

    fn put_header(&self) -> Result<(), TenantError> {
        let mut batch = AtomicBatch::new(0);
        batch.put(keys::single(self.no, Kind::Header), encode(&self.header)?);
        self.commit.apply(&batch)?;
        self.commit.store().flush()?;
        Ok(())
    }
}
