//! Opening a tenant: its header is checked, then memory is rebuilt from its entries. Costs one
//! scan over about 700 bytes an atom; contents are not read.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rustc_hash::FxHashMap;

use super::cues::Cues;
use super::documents::Documents;
use super::domain::{Domain, Evidence, NewRow, Row};
use super::jobs::JobQueue;
use super::outbox::Outbox;
use super::platform::Platform;
use super::standing::{self, AllTies, Ties, Visibility};
use super::subjects::Subjects;
use super::usage::Usage;
use super::{Counters, OpenTenant, Place, Tenant, TenantError};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::{ConceptGraph, Edge};
use crate::engine::params::EngineParams;
use crate::engine::text::{ANALYZER_VERSION, Analysis};
use crate::storage::keys::{self, Kind};
use crate::storage::records::{
    AccessRecord, AtomRecord, ConceptRecord, CountersRecord, DomainRecord, EdgeRecord, EntryRecord,
    HeaderRecord, StandingRecord, VectorRecord,
};
use crate::storage::{AtomicBatch, Record, Visit, decode, encode};
use crate::types::{AtomId, AtomNo, QuantizedVector, Timestamp};
use uuid::Uuid;

/// Records of an unfinished batch removed per batch.
const UNFINISHED_SLICE: usize = 500;

/// Entries analysed anew per batch.
const REANALYZE_SLICE: usize = 500;

impl Tenant {
    /// Rebuilds a tenant's memory; a tenant never opened before gets its header (durable with the
    /// first write). Blocks: for the blocking pool.
    ///
    /// # Errors
    /// [`TenantError::EmbedderMismatch`], or when storage cannot be read.
    pub fn open(open: OpenTenant) -> Result<Self, TenantError> {
        let seed = open.clock.monotonic_micros() ^ open.epoch.rotate_left(32) ^ open.no.0;
        let mut tenant = Self {
            no: open.no,
            epoch: open.epoch,
            commit: open.commit,
            embedder: open.embedder,
            index_settings: open.index,
            index_dir: open.index_dir,
            blobs: open.blobs,
            clock: open.clock,
            params: EngineParams::default(),
            rng: SmallRng::seed_from_u64(seed),
            counters: Counters {
                next_atom_no: AtomNo(1),
                next_domain_no: 1,
                last_created_at_us: i64::MIN,
            },
            domains: FxHashMap::default(),
            domain_numbers: HashMap::new(),
            atoms: FxHashMap::default(),
            external_refs: FxHashMap::default(),
            fingerprints: FxHashMap::default(),
            content_counts: FxHashMap::default(),
            concept_atoms: FxHashMap::default(),
            graph: ConceptGraph::default(),
            ties: AllTies::default(),
            cues: Cues::default(),
            usage: Usage::default(),
            replies: FxHashMap::default(),
            jobs: JobQueue::default(),
            documents: Documents::default(),
            subjects: Subjects::default(),
            outbox: Outbox::default(),
            platform: Platform::default(),
            buffers: super::retrieve::RetrieveBuffers::default(),
            uncommitted: false,
        };
        let outdated = tenant.check_header()?;
        tenant.load_counters()?;
        tenant.drop_unfinished()?;
        tenant.load_domains()?;
        if let Some(header) = outdated {
            tenant.reanalyze(header)?;
        }
        tenant.load_entries()?;
        tenant.load_graph()?;
        tenant.load_cues()?;
        tenant.load_usage()?;
        tenant.load_replies()?;
        tenant.load_jobs()?;
        tenant.load_documents()?;
        tenant.load_subjects()?;
        tenant.load_outbox()?;
        tenant.load_platform()?;
        tenant.sweep_blobs();
        tenant.load_index_caches();
        Ok(tenant)
    }

    /// The header, if the entries' terms and wordings were made by another version of the analyzer.
    fn check_header(&mut self) -> Result<Option<HeaderRecord>, TenantError> {
        let key = keys::single(self.no, Kind::Header);
        let Some(bytes) = self.commit.store().get(&key)? else {
            let mut batch = AtomicBatch::new(self.epoch);
            batch.put(key, encode(&self.new_header())?);
            self.commit.apply(&batch)?;
            return Ok(None);
        };
        let header = decode::<HeaderRecord>(&bytes)?;
        let same_hash = header.embedder_hash == self.embedder.hash;
        if !same_hash || header.embedder_dimensions as usize != self.embedder.dimensions {
            return Err(TenantError::EmbedderMismatch {
                stored: header.embedder_name,
                running: self.embedder.name.clone(),
            });
        }
        Ok((header.analyzer != ANALYZER_VERSION).then_some(header))
    }

    fn new_header(&self) -> HeaderRecord {
        HeaderRecord {
            embedder_name: self.embedder.name.clone(),
            embedder_dimensions: u32::try_from(self.embedder.dimensions).unwrap_or(u32::MAX),
            embedder_hash: self.embedder.hash,
            analyzer: ANALYZER_VERSION,
            created_at_us: self.clock.now().as_micros(),
        }
    }

    /// Visits every record of one kind.
    pub(super) fn visit<R: Record>(
        &self,
        kind: Kind,
        mut take: impl FnMut(&[u8], R) -> Result<(), TenantError>,
    ) -> Result<(), TenantError> {
        let mut outcome = Ok(());
        self.commit.store().for_each(
            &keys::kind_prefix(self.no, kind),
            None,
            &mut |key, value| {
                outcome = decode::<R>(value).map_err(TenantError::from).and_then(|r| take(key, r));
                if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
            },
        )?;
        outcome
    }

    fn load_counters(&mut self) -> Result<(), TenantError> {
        let key = keys::single(self.no, Kind::Counters);
        if let Some(bytes) = self.commit.store().get(&key)? {
            let record = decode::<CountersRecord>(&bytes)?;
            self.counters = Counters {
                next_atom_no: AtomNo(record.next_atom_no),
                next_domain_no: record.next_domain_no,
                last_created_at_us: record.last_created_at_us,
            };
        }
        Ok(())
    }

    /// Removes what a batch that did not complete left of its atoms: their numbers were never
    /// given. A shard that refuses writes keeps it; it is not read anyway.
    fn drop_unfinished(&self) -> Result<(), TenantError> {
        if self.commit.is_poisoned() {
            return Ok(());
        }
        let last_given = AtomNo(self.counters.next_atom_no.0.saturating_sub(1));
        for kind in [Kind::Atom, Kind::Entry] {
            let prefix = keys::kind_prefix(self.no, kind);
            let after = keys::by_atom(self.no, kind, last_given);
            let delete_slice =
                || self.commit.delete_prefix(&prefix, Some(&after), self.epoch, UNFINISHED_SLICE);
            while delete_slice()? == UNFINISHED_SLICE {}
        }
        Ok(())
    }

    fn load_domains(&mut self) -> Result<(), TenantError> {
        let mut found = Vec::new();
        self.visit(Kind::Domain, |key, record: DomainRecord| {
            let number = keys::number_in(key).ok_or_else(|| damaged("a domain's key"))?;
            found.push((number, record.name));
            Ok(())
        })?;
        for (number, name) in found {
            self.add_domain(number, name);
        }
        Ok(())
    }

    pub(super) fn add_domain(&mut self, number: u32, name: String) {
        self.domain_numbers.insert(name.clone(), number);
        let domain = Domain::new(name, self.embedder.dimensions, &self.index_settings);
        self.domains.insert(number, domain);
    }

    /// Makes the entries' terms and wordings anew from the contents, slice by slice, and then the header that
    /// says so; a crash on the way only means doing it again. Happens once after an upgrade that
    /// changes the analyzer.
    fn reanalyze(&mut self, mut header: HeaderRecord) -> Result<(), TenantError> {
        let prefix = keys::kind_prefix(self.no, Kind::Entry);
        let mut after = None;
        loop {
            let slice = self.commit.store().scan(&prefix, after.as_deref(), REANALYZE_SLICE)?;
            let Some((last, _)) = slice.last() else { break };
            after = Some(last.clone());
            let mut batch = AtomicBatch::new(self.epoch);
            for (key, value) in slice {
                let mut entry = decode::<EntryRecord>(&value)?;
                let no = keys::atom_in(&key).ok_or_else(|| damaged("an entry's key"))?;
                let bytes = self.commit.store().get(&keys::by_atom(self.no, Kind::Atom, no))?;
                let bytes = bytes.ok_or_else(|| damaged("an entry without its atom"))?;
                let content = decode::<AtomRecord>(&bytes)?.content;
                entry.analysis = Analysis::of(&content).to_bytes();
                entry.wording_print = Fingerprint::of_wording(&content).0;
                batch.put(key, encode(&entry)?);
            }
            self.commit.apply(&batch)?;
        }
        header.analyzer = ANALYZER_VERSION;
        let mut batch = AtomicBatch::new(self.epoch);
        batch.put(keys::single(self.no, Kind::Header), encode(&header)?);
        self.commit.apply(&batch)?;
        Ok(())
    }

    fn load_entries(&mut self) -> Result<(), TenantError> {
        let accesses = self.load_accesses()?;
        let mut standings = self.load_standings()?;
        let prefix = keys::kind_prefix(self.no, Kind::Entry);
        let store = self.commit.clone();
        let mut outcome = Ok(());
        store.store().for_each(&prefix, None, &mut |key, value| {
            outcome = self.load_entry(key, value, &accesses, &mut standings);
            if outcome.is_ok() { Visit::Continue(()) } else { Visit::Break(()) }
        })?;
        outcome?;
        for number in self.domains.keys().copied().collect::<Vec<_>>() {
            self.restore_represented(number);
        }
        Ok(())
    }

    /// Lets each prototype of a domain stand for its members again.
    pub(super) fn restore_represented(&mut self, domain_no: u32) {
        let Some(domain) = self.domains.get_mut(&domain_no) else { return };
        let represented: Vec<(u32, u32)> = domain
            .live_rows()
            .filter_map(|(member, row)| {
                let prototype = self.atoms.get(&self.ties.consolidated_into(row.id)?)?;
                (prototype.domain_no == domain_no).then_some((member, prototype.row))
            })
            .collect();
        let mut prototypes: Vec<AtomId> = Vec::new();
        for (member, prototype) in represented {
            domain.memory.represent(member, Some(prototype));
            prototypes.extend(domain.rows.get(prototype as usize).map(|row| row.id));
        }
        prototypes.sort_unstable();
        prototypes.dedup();
        for prototype in prototypes {
            self.refresh_evidence(prototype);
        }
    }

    fn load_standings(&self) -> Result<FxHashMap<AtomNo, StandingRecord>, TenantError> {
        let mut standings = FxHashMap::default();
        self.visit(Kind::Standing, |key, record: StandingRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("a standing's key"))?;
            standings.insert(no, record);
            Ok(())
        })?;
        Ok(standings)
    }

    fn load_accesses(&self) -> Result<FxHashMap<AtomNo, AccessRecord>, TenantError> {
        let mut accesses = FxHashMap::default();
        self.visit(Kind::Access, |key, record: AccessRecord| {
            let no = keys::atom_in(key).ok_or_else(|| damaged("an access record's key"))?;
            accesses.insert(no, record);
            Ok(())
        })?;
        Ok(accesses)
    }

    fn load_entry(
        &mut self,
        key: &[u8],
        value: &[u8],
        accesses: &FxHashMap<AtomNo, AccessRecord>,
        standings: &mut FxHashMap<AtomNo, StandingRecord>,
    ) -> Result<(), TenantError> {
        let no = keys::atom_in(key).ok_or_else(|| damaged("an entry's key"))?;
        if no >= self.counters.next_atom_no {
            return Ok(());
        }
        let entry = decode::<EntryRecord>(value)?;
        let analysis =
            Analysis::from_bytes(&entry.analysis).ok_or_else(|| damaged("an entry's analysis"))?;
        let mut row = row_from(no, &entry, accesses.get(&no));
        standing::restore(standings, &mut row, &mut self.ties);
        row.evidence = Evidence { valence: row.valence, outcome_count: row.outcome_count };
        row.visibility = self.ties.get(row.id).map_or(Visibility::Shown, Ties::visibility);
        let vector = entry.vector.as_ref().map(vector_from);
        self.remember(&entry, row, &analysis, vector.as_ref())
    }

    /// Puts a stored or about-to-be-stored entry into every structure in memory.
    pub(super) fn remember(
        &mut self,
        entry: &EntryRecord,
        row: Row,
        analysis: &Analysis,
        vector: Option<&QuantizedVector>,
    ) -> Result<(), TenantError> {
        let id = row.id;
        let domain = self
            .domains
            .get_mut(&entry.domain_no)
            .ok_or_else(|| damaged("an entry of an unknown domain"))?;
        let event_time = entry.occurred_at_us.unwrap_or(entry.created_at_us);
        let content_print = Fingerprint(entry.content_print);
        let row = domain.push(NewRow {
            row,
            content_print,
            wording_print: Fingerprint(entry.wording_print),
            session: entry.session.as_deref(),
            event_time: Timestamp::from_micros(event_time),
            analysis,
            vector,
        })?;
        let place = Place { domain_no: entry.domain_no, row };
        self.atoms.insert(id, place);
        *self.content_counts.entry(content_print).or_default() += 1;
        if let Some(print) = entry.external_ref {
            self.external_refs.insert(Fingerprint(print.0), place);
        }
        if let Some(print) = entry.fingerprint {
            self.fingerprints.entry(Fingerprint(print.0)).or_default().push(place);
        }
        for concept in concept_hashes(entry) {
            self.concept_atoms.entry(concept).or_default().push(place);
        }
        Ok(())
    }

    fn load_graph(&mut self) -> Result<(), TenantError> {
        let mut graph = ConceptGraph::default();
        self.visit(Kind::Concept, |key, record: ConceptRecord| {
            let number = keys::number_in(key).ok_or_else(|| damaged("a concept's key"))?;
            graph.restore_concept(number, record.name);
            Ok(())
        })?;
        self.visit(Kind::Edge, |key, record: EdgeRecord| {
            let (one, other) = keys::ends_in(key).ok_or_else(|| damaged("an edge's key"))?;
            graph.restore_edge(
                one,
                other,
                Edge {
                    weight: record.weight,
                    valence: record.valence,
                    count: record.count,
                    updated_at: Timestamp::from_micros(record.updated_at_us),
                },
            );
            Ok(())
        })?;
        self.graph = graph;
        Ok(())
    }
}

pub(super) fn damaged(what: &str) -> TenantError {
    TenantError::Damaged(format!("{what} is not readable"))
}

/// The hashes of an entry's folded concepts.
pub(super) fn concept_hashes(entry: &EntryRecord) -> impl Iterator<Item = u64> {
    entry.concepts.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

pub(super) fn row_from(no: AtomNo, entry: &EntryRecord, access: Option<&AccessRecord>) -> Row {
    let created_at = Timestamp::from_micros(entry.created_at_us);
    Row {
        id: AtomId(Uuid::from_bytes(entry.id)),
        no,
        kind: standing::kind_from(entry.kind),
        importance: entry.importance,
        valence: entry.valence,
        outcome_count: entry.outcome_count,
        evidence: Evidence { valence: entry.valence, outcome_count: entry.outcome_count },
        is_protected: entry.is_protected,
        created_at,
        access_count: access.map_or(0, |access| access.count),
        last_accessed_at: access
            .map_or(created_at, |access| Timestamp::from_micros(access.last_us)),
        access_dirty: false,
        visibility: Visibility::Shown,
    }
}

pub(super) fn vector_from(record: &VectorRecord) -> QuantizedVector {
    let values = record.values.iter().map(|byte| byte.cast_signed()).collect();
    QuantizedVector { scale: record.scale, values }
}
