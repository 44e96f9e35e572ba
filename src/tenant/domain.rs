//! One domain in memory: rows, vectors, words and order in time, all numbered alike. A row number
//! is dense, ascends with the atom number, and is valid until the domain is rebuilt.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::TenantError;
use super::standing::Visibility;
use crate::engine::atom::AtomKind;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::memory::DomainMemory;
use crate::engine::text::Analysis;
use crate::index::{IndexSettings, VectorIndex};
use crate::types::{AtomId, AtomNo, QuantizedVector, Timestamp};

/// What outcomes say of an atom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    /// In [-1, 1].
    pub valence: f32,
    pub outcome_count: u32,
}

/// What is known of an atom without reading storage.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub id: AtomId,
    pub no: AtomNo,
    pub kind: AtomKind,
    pub importance: f32,
    /// Learned from outcomes reported for this very atom.
    pub valence: f32,
    pub outcome_count: u32,
    /// What ranks it and is shown: of a prototype also the outcomes of those it stands for.
    pub evidence: Evidence,
    pub is_protected: bool,
    pub created_at: Timestamp,
    pub access_count: u64,
    pub last_accessed_at: Timestamp,
    /// Access counts changed since they were last stored.
    pub access_dirty: bool,
    pub visibility: Visibility,
}

/// What a new row brings besides [`Row`].
pub(super) struct NewRow<'a> {
    pub row: Row,
    pub content_print: Fingerprint,
    pub wording_print: Fingerprint,
    pub session: Option<&'a str>,
    pub event_time: Timestamp,
    pub analysis: &'a Analysis,
    pub vector: Option<&'a QuantizedVector>,
}

pub(super) struct Domain {
    pub name: String,
    /// One per row, dead ones included.
    pub rows: Vec<Row>,
    pub live_count: u32,
    /// Live rows that reads return.
    pub shown_count: u32,
    pub memory: DomainMemory,
    pub vectors: VectorIndex,
    pub contents: Prints,
    pub wordings: Prints,
}

impl Domain {
    pub(super) fn new(name: String, dimensions: usize, index: &IndexSettings) -> Self {
        Self {
            name,
            rows: Vec::new(),
            live_count: 0,
            shown_count: 0,
            memory: DomainMemory::default(),
            vectors: VectorIndex::new(dimensions, *index),
            contents: Prints::default(),
            wordings: Prints::default(),
        }
    }

    /// Adds a row to every structure and returns its number.
    pub(super) fn push(&mut self, new: NewRow<'_>) -> Result<u32, TenantError> {
        let row = self.vectors.push(new.row.no, new.vector)?;
        let same = self.memory.push(new.analysis, new.session, new.event_time);
        debug_assert_eq!(row, same, "structures of a domain number rows alike");
        // What was superseded may be said again.
        if new.row.visibility != Visibility::Superseded {
            self.contents.insert(new.content_print, row);
            self.wordings.insert(new.wording_print, row);
        }
        self.shown_count += u32::from(new.row.visibility == Visibility::Shown);
        self.rows.push(new.row);
        self.live_count += 1;
        Ok(row)
    }

    /// Takes a row out of every structure. Its number stays used.
    pub(super) fn remove(
        &mut self,
        row: u32,
        content_print: Fingerprint,
        wording_print: Fingerprint,
    ) {
        if !self.memory.is_live(row) {
            return;
        }
        self.set_visibility(row, Visibility::Consolidated);
        self.memory.represent(row, None);
        self.vectors.remove(row);
        self.memory.remove(row);
        self.forget_prints(row, content_print, wording_print);
        self.live_count -= 1;
    }

    /// Lets the gate admit what a row says, unless another row says it too.
    pub(super) fn forget_prints(
        &mut self,
        row: u32,
        content_print: Fingerprint,
        wording_print: Fingerprint,
    ) {
        self.contents.remove(content_print, row);
        self.wordings.remove(wording_print, row);
    }

    /// Lets reads return a live row, or not.
    pub(super) fn set_visibility(&mut self, row: u32, visibility: Visibility) {
        let is_live = self.memory.is_live(row);
        let Some(row) = self.rows.get_mut(row as usize).filter(|_| is_live) else { return };
        self.shown_count -= u32::from(row.visibility == Visibility::Shown);
        self.shown_count += u32::from(visibility == Visibility::Shown);
        row.visibility = visibility;
    }

    /// Rows that reads return, with their numbers.
    pub(super) fn shown_rows(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.live_rows().filter(|(_, row)| row.visibility == Visibility::Shown)
    }

    pub(super) fn live_rows(&self) -> impl Iterator<Item = (u32, &Row)> {
        (0_u32..).zip(&self.rows).filter(|(row, _)| self.memory.is_live(*row))
    }
}

/// Which row has a print. Rows share one only where an atom was written past the gate.
#[derive(Default)]
pub(super) struct Prints {
    newest: FxHashMap<Fingerprint, u32>,
    /// Where several have it: all but the newest.
    older: FxHashMap<Fingerprint, BTreeSet<u32>>,
}

impl Prints {
    pub(super) fn get(&self, print: Fingerprint) -> Option<u32> {
        self.newest.get(&print).copied()
    }

    /// Every row that has it.
    pub(super) fn all(&self, print: Fingerprint) -> impl Iterator<Item = u32> {
        let older = self.older.get(&print).into_iter().flatten().copied();
        self.get(print).into_iter().chain(older)
    }

    fn insert(&mut self, print: Fingerprint, row: u32) {
        if let Some(older) = self.newest.insert(print, row) {
            self.older.entry(print).or_default().insert(older);
        }
    }

    fn remove(&mut self, print: Fingerprint, row: u32) {
        let mut older = self.older.remove(&print).unwrap_or_default();
        if self.newest.get(&print) == Some(&row) {
            match older.pop_last() {
                Some(older) => self.newest.insert(print, older),
                None => self.newest.remove(&print),
            };
        } else {
            older.remove(&row);
        }
        if !older.is_empty() {
            self.older.insert(print, older);
        }
    }
}
