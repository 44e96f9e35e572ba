//! Consolidation of a domain: a snapshot is taken, planned elsewhere by the engine, and applied
//! here in slices, each an atomic batch that puts some members behind their prototypes. So a crash
//! on the way leaves every atom either in search or behind a prototype, and the next run goes on.
//!
//! Soft: a member stays as it is, readable by id and in the export, and names its prototype; it
//! leaves search, where the prototype stands for it and answers to its words too. The prototype
//! is the most typical member itself, under its own id.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

use super::domain::Row;
use super::open::damaged;
use super::standing::{Visibility, stored_kind};
use super::store::Pending;
use super::subjects::is_subject_domain;
use super::{Place, Tenant, TenantError};
use crate::engine::atom::{AtomKind, ConsolidationReport};
use crate::engine::consolidation::{ConsolidationPlan, Cosines, Point, Words, plan_consolidation};
use crate::engine::documents::DOCUMENTS_DOMAIN;
use crate::engine::notices::{NewMessage, NoticeKind, body_of};
use crate::engine::params::ConsolidationParams;
use crate::engine::platform::SESSIONS_DOMAIN;
use crate::index::VectorSnapshot;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{ConsolidatedRecord, Id};
use crate::storage::{AtomicBatch, decode, encode};
use crate::types::{AtomId, AtomNo};

/// Rows of a domain clustered together. Time grows with the square: 20,000 take some ten seconds
/// of one core. Of a larger domain the newest are taken, and all prototypes up to a quarter.
const ROWS_MAX: usize = 20_000;

/// Members put behind prototypes, or brought back, in one slice: about half a millisecond's worth.
const SLICE_MEMBERS: usize = 64;

/// A domain as clustering needs it: plain data, no reference into the tenant.
pub struct DomainSnapshot {
    domain_no: u32,
    rows: Vec<u32>,
    ids: Vec<AtomId>,
    points: Vec<Point>,
    /// How many points have their words.
    worded: usize,
    vectors: VectorSnapshot,
    params: ConsolidationParams,
    before_atom_no: AtomNo,
    shown_count: u64,
}

/// What clustering decided, in terms of atoms.
pub struct PlannedConsolidation {
    pub(super) domain_no: u32,
    /// Prototype and members.
    pub(super) clusters: Vec<(AtomId, Vec<AtomId>)>,
    pub(super) singletons: Vec<AtomId>,
    pub(super) before_atom_no: AtomNo,
    pub(super) shown_count: u64,
}

/// A consolidation being applied.
pub struct ConsolidationWork {
    plan: PlannedConsolidation,
    report: ConsolidationReport,
    /// What webhooks are told whose memory it is; `None` to tell nobody.
    app: Option<Arc<str>>,
}

impl ConsolidationWork {
    /// Has webhooks told that it ended, in the name of this app.
    #[must_use]
    pub fn telling_as(self, app: Arc<str>) -> Self {
        Self { app: Some(app), ..self }
    }

    #[must_use]
    pub fn into_report(self) -> ConsolidationReport {
        self.report
    }
}

struct SnapshotCosines<'a>(&'a DomainSnapshot);

impl Cosines for SnapshotCosines<'_> {
    fn fill(&self, index: usize, out: &mut Vec<f32>) {
        let row = self.0.rows.get(index).copied().unwrap_or(u32::MAX);
        self.0.vectors.cosines(row, &self.0.rows, out);
    }
}

impl DomainSnapshot {
    /// The next atoms whose words are wanted, at most `count`.
    #[must_use]
    pub fn ids_without_words(&self, count: usize) -> Vec<AtomId> {
        self.ids.iter().skip(self.worded).take(count).copied().collect()
    }

    /// Takes the words of the atoms asked for last, from their contents; `None` for one that is
    /// gone. About 10 us for 300 characters; for the blocking pool.
    pub fn take_contents(&mut self, contents: Vec<Option<String>>) {
        let points = self.points.iter_mut().skip(self.worded);
        for (point, content) in points.zip(&contents) {
            point.words = content.as_deref().map_or_else(Words::default, Words::of);
        }
        self.worded += contents.len();
    }

    /// Clusters; every atom has its words. Takes about 50 ns for each pair of rows; for the
    /// blocking pool. `None` when `keep_going` said no.
    #[must_use]
    pub fn plan(self, keep_going: &dyn Fn() -> bool) -> Option<PlannedConsolidation> {
        let cosines = SnapshotCosines(&self);
        let plan = plan_consolidation(&self.points, &cosines, &self.params, keep_going)?;
        let ConsolidationPlan { clusters, singletons } = plan;
        let id = |at: usize| self.ids.get(at).copied();
        let clusters = clusters.into_iter().filter_map(|cluster| {
            let members = cluster.members.into_iter().filter_map(id).collect();
            Some((id(cluster.prototype)?, members))
        });
        Some(PlannedConsolidation {
            domain_no: self.domain_no,
            clusters: clusters.collect(),
            singletons: singletons.into_iter().filter_map(id).collect(),
            before_atom_no: self.before_atom_no,
            shown_count: self.shown_count,
        })
    }
}

/// A document is what was uploaded: its parts are not merged with those of others. Facts have a rule
/// of their own for what says the same, and of messages each is what was said then.
fn may_be_merged(domain: &str) -> bool {
    domain != DOCUMENTS_DOMAIN && domain != SESSIONS_DOMAIN && !is_subject_domain(domain)
}

impl Tenant {
    /// What clustering needs of a domain, and how many of its atoms reads may return. No snapshot
    /// when the domain is unknown or nothing was written to it since the last run. Costs about
    /// 0.3 us a row.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn snapshot_for_consolidation(
        &self,
        name: &str,
    ) -> Result<(Option<DomainSnapshot>, u64), TenantError> {
        self.check_usable()?;
        let Some(number) = self.domain_numbers.get(name).copied() else { return Ok((None, 0)) };
        let domain = self.domains.get(&number).ok_or_else(|| damaged("a domain"))?;
        let shown_count = u64::from(domain.shown_count);
        if !may_be_merged(name) {
            return Ok((None, shown_count));
        }
        let last_no = domain.rows.last().map_or(AtomNo(0), |row| row.no);
        if self.consolidated_before(number)? > last_no {
            return Ok((None, shown_count));
        }
        let older_count = (domain.shown_count as usize).saturating_sub(ROWS_MAX);
        let prototypes = domain
            .shown_rows()
            .take(older_count)
            .filter(|(_, row)| row.kind != AtomKind::Episode)
            .take(ROWS_MAX / 4);
        let taken: Vec<_> = prototypes.chain(domain.shown_rows().skip(older_count)).collect();
        let points = taken.iter().map(|(_, known)| Point {
            importance: known.importance,
            // What is protected stays, and may stand for others.
            is_prototype: known.kind != AtomKind::Episode,
            support: u32::try_from(self.ties.members(known.id).len() + 1).unwrap_or(u32::MAX),
            words: Words::default(),
        });
        let snapshot = DomainSnapshot {
            domain_no: number,
            points: points.collect(),
            worded: 0,
            rows: taken.iter().map(|(row, _)| *row).collect(),
            ids: taken.iter().map(|(_, known)| known.id).collect(),
            vectors: domain.vectors.snapshot(),
            params: self.params.consolidation,
            before_atom_no: AtomNo(last_no.0.saturating_add(1)),
            shown_count,
        };
        Ok((Some(snapshot), shown_count))
    }

    /// The domains to which at least so many atoms were written since their last consolidation.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn domains_due(&self, writes_min: u64) -> Result<Vec<String>, TenantError> {
        self.check_usable()?;
        let mut due = Vec::new();
        for (number, domain) in
            self.domains.iter().filter(|(_, domain)| may_be_merged(&domain.name))
        {
            let before = self.consolidated_before(*number)?;
            let first = domain.rows.partition_point(|row| row.no < before);
            if (domain.rows.len() - first) as u64 >= writes_min.max(1) {
                due.push(domain.name.clone());
            }
        }
        due.sort_unstable();
        Ok(due)
    }

    /// Contents of atoms, in order; `None` for one that is gone. Costs about 5 us each.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn contents_of(&self, ids: &[AtomId]) -> Result<Vec<Option<String>>, TenantError> {
        self.check_usable()?;
        let place = |id: &AtomId| self.atoms.get(id).copied();
        ids.iter()
            .map(|id| place(id).map(|place| Ok(self.record_of(place)?.content)).transpose())
            .collect()
    }

    fn consolidated_before(&self, domain_no: u32) -> Result<AtomNo, TenantError> {
        let key = keys::by_number(self.no, Kind::Consolidated, domain_no);
        match self.commit.store().get(&key)? {
            Some(bytes) => Ok(AtomNo(decode::<ConsolidatedRecord>(&bytes)?.before_atom_no)),
            None => Ok(AtomNo(0)),
        }
    }

    #[must_use]
    pub fn begin_consolidation(&self, plan: PlannedConsolidation) -> ConsolidationWork {
        let report = ConsolidationReport {
            atoms_before: plan.shown_count,
            ..ConsolidationReport::default()
        };
        ConsolidationWork { plan, report, app: None }
    }

    /// Applies a part of the plan as far as it still fits: what was deleted, superseded or
    /// consolidated meanwhile is left out. Says whether there is more to do.
    ///
    /// # Errors
    /// When storage fails; slices before this one are done.
    pub fn apply_consolidation_slice(
        &mut self,
        work: &mut ConsolidationWork,
    ) -> Result<bool, TenantError> {
        self.check_usable()?;
        let mut pending = self.begin(None);
        let batch = &mut pending.batch;
        let mut merged: Vec<(AtomId, Vec<AtomId>)> = Vec::new();
        let mut room = SLICE_MEMBERS;
        while room > 0
            && let Some((prototype, mut planned)) = work.plan.clusters.pop()
        {
            let taken = planned.split_off(planned.len().saturating_sub(room));
            if !planned.is_empty() {
                work.plan.clusters.push((prototype, planned));
            }
            room -= taken.len();
            let domain_no = work.plan.domain_no;
            let can_merge = |id: &AtomId| self.is_shown(*id, domain_no) && !self.is_protected(*id);
            let members: Vec<AtomId> = taken.into_iter().filter(can_merge).collect();
            if members.is_empty() || !self.is_shown(prototype, domain_no) {
                continue;
            }
            self.put_cluster(batch, prototype, &members)?;
            merged.push((prototype, members));
        }
        let is_last = work.plan.clusters.is_empty();
        let mut protected = Vec::new();
        if is_last {
            protected = self.put_end(batch, &work.plan)?;
        }
        let hidden: usize = merged.iter().map(|(_, members)| members.len()).sum();
        let created: FxHashSet<AtomId> = merged
            .iter()
            .map(|(prototype, _)| *prototype)
            .filter(|prototype| !self.is_prototype(*prototype))
            .collect();
        let domain = self.domains.get(&work.plan.domain_no);
        let shown_count = domain.map_or(0, |domain| u64::from(domain.shown_count));
        work.report.atoms_after = shown_count.saturating_sub(hidden as u64);
        work.report.prototypes_created += created.len() as u64;
        work.report.singletons_protected += protected.len() as u64;
        if is_last {
            self.tell_of_consolidation(&mut pending, work)?;
        }
        self.commit(pending)?;
        for (prototype, members) in merged {
            self.merge(prototype, &members);
        }
        for place in protected {
            if let Some(row) = self.row_mut(place) {
                row.kind = AtomKind::Singleton;
                row.is_protected = true;
            }
        }
        debug_assert_eq!(
            work.report.atoms_after,
            self.domains
                .get(&work.plan.domain_no)
                .map_or(0, |domain| u64::from(domain.shown_count)),
            "each member left search"
        );
        Ok(!is_last)
    }

    /// Tells whoever asked for it that a run ended, unless the domain has gone meanwhile.
    fn tell_of_consolidation(
        &mut self,
        pending: &mut Pending,
        work: &ConsolidationWork,
    ) -> Result<(), TenantError> {
        let kind = NoticeKind::MaintenanceCompleted;
        let Some(app) = work.app.as_ref().filter(|_| self.wants(kind)) else { return Ok(()) };
        let Some(domain) = self.domains.get(&work.plan.domain_no) else { return Ok(()) };
        let report = &work.report;
        let data = Map::from_iter([
            ("domain".to_owned(), Value::from(domain.name.as_str())),
            ("atomsBefore".to_owned(), report.atoms_before.into()),
            ("atomsAfter".to_owned(), report.atoms_after.into()),
            ("prototypesCreated".to_owned(), report.prototypes_created.into()),
            ("singletonsProtected".to_owned(), report.singletons_protected.into()),
        ]);
        let body = body_of(kind, self.clock.now(), app, None, data);
        self.emit(pending, NewMessage { kind, subject_no: None, body })
    }

    fn is_prototype(&self, id: AtomId) -> bool {
        self.find_row(id).is_some_and(|row| row.kind == AtomKind::Prototype)
    }

    fn is_protected(&self, id: AtomId) -> bool {
        self.find_row(id).is_some_and(|row| row.is_protected)
    }

    /// Whether an atom is where the plan saw it and still in search.
    fn is_shown(&self, id: AtomId, domain_no: u32) -> bool {
        self.atoms.get(&id).is_some_and(|place| place.domain_no == domain_no)
            && self.find_row(id).is_some_and(|row| row.visibility == Visibility::Shown)
    }

    fn put_cluster(
        &self,
        batch: &mut AtomicBatch,
        prototype: AtomId,
        members: &[AtomId],
    ) -> Result<(), TenantError> {
        let into = Some(Id(*prototype.as_bytes()));
        for member in members {
            let place = self.place_of(*member)?;
            self.put_standing(batch, place, |record| record.consolidated_into = into)?;
            // A prototype that is merged into a stronger one hands its members on.
            for inherited in self.ties.members(*member) {
                let place = self.place_of(*inherited)?;
                self.put_standing(batch, place, |record| record.consolidated_into = into)?;
            }
        }
        self.put_standing(batch, self.place_of(prototype)?, |record| {
            record.kind = stored_kind(AtomKind::Prototype);
        })
    }

    fn merge(&mut self, prototype: AtomId, members: &[AtomId]) {
        let place = self.atoms.get(&prototype).copied();
        if let Some(row) = place.and_then(|place| self.row_mut(place)) {
            row.kind = AtomKind::Prototype;
        }
        for member in members {
            for inherited in self.ties.members(*member).to_vec() {
                self.ties.set_prototype(inherited, Some(prototype));
                self.refresh_visibility(inherited);
            }
            self.ties.set_prototype(*member, Some(prototype));
            self.refresh_visibility(*member);
            self.refresh_evidence(*member);
        }
        self.refresh_evidence(prototype);
    }

    /// Writes what ends a run: the atoms that stand out, and up to where it looked.
    fn put_end(
        &self,
        batch: &mut AtomicBatch,
        plan: &PlannedConsolidation,
    ) -> Result<Vec<Place>, TenantError> {
        let mut protected = Vec::new();
        let stands_out =
            |id: &&AtomId| self.is_shown(**id, plan.domain_no) && !self.is_protected(**id);
        for id in plan.singletons.iter().filter(stands_out) {
            let place = self.place_of(*id)?;
            self.put_standing(batch, place, |record| {
                record.kind = stored_kind(AtomKind::Singleton);
                record.is_protected = true;
            })?;
            protected.push(place);
        }
        if self.domains.contains_key(&plan.domain_no) {
            let key = keys::by_number(self.no, Kind::Consolidated, plan.domain_no);
            let record = ConsolidatedRecord { before_atom_no: plan.before_atom_no.0 };
            batch.put(key, encode(&record)?);
        }
        Ok(protected)
    }

    pub(super) fn place_of(&self, id: AtomId) -> Result<Place, TenantError> {
        self.atoms.get(&id).copied().ok_or_else(|| damaged("an atom's place"))
    }

    /// Puts some of a domain's members, and once there are none its prototypes and singletons,
    /// back to what they were. Returns how many members; `None` when all is done.
    ///
    /// # Errors
    /// When storage fails; slices before this one are done.
    pub fn undo_consolidation_slice(&mut self, name: &str) -> Result<Option<u64>, TenantError> {
        self.check_usable()?;
        let Some(number) = self.domain_numbers.get(name).copied() else { return Ok(None) };
        let Some(domain) = self.domains.get(&number) else { return Ok(None) };
        let is_member = |row: &Row| self.ties.consolidated_into(row.id).is_some();
        let some = |wanted: &dyn Fn(&Row) -> bool| -> Vec<AtomId> {
            let rows = domain.live_rows().filter(|(_, row)| wanted(row));
            rows.take(SLICE_MEMBERS).map(|(_, row)| row.id).collect()
        };
        let members = some(&is_member);
        let restored = members.len() as u64;
        let ids = match restored {
            0 => some(&|row| row.kind != AtomKind::Episode),
            _ => members,
        };
        if ids.is_empty() {
            return Ok(None);
        }
        let mut batch = AtomicBatch::new(self.epoch);
        self.put_restored(&mut batch, number, &ids)?;
        self.commit.apply(&batch)?;
        self.restore_all(&ids);
        Ok(Some(restored))
    }

    /// Writes atoms of a domain as if they had never been consolidated; the next run looks at all
    /// of it again.
    pub(super) fn put_restored(
        &self,
        batch: &mut AtomicBatch,
        domain_no: u32,
        ids: &[AtomId],
    ) -> Result<(), TenantError> {
        for id in ids {
            self.put_standing(batch, self.place_of(*id)?, |record| {
                record.kind = stored_kind(AtomKind::Episode);
                record.is_protected = false;
                record.consolidated_into = None;
            })?;
        }
        if !ids.is_empty() {
            batch.delete(keys::by_number(self.no, Kind::Consolidated, domain_no));
        }
        Ok(())
    }

    /// Makes atoms in memory what [`Tenant::put_restored`] wrote.
    pub(super) fn restore_all(&mut self, ids: &[AtomId]) {
        let mut affected = ids.to_vec();
        for id in ids {
            affected.extend(self.ties.consolidated_into(*id));
            self.ties.set_prototype(*id, None);
            if let Some(row) = self.atoms.get(id).copied().and_then(|place| self.row_mut(place)) {
                row.kind = AtomKind::Episode;
                row.is_protected = false;
            }
            self.refresh_visibility(*id);
        }
        affected.sort_unstable();
        affected.dedup();
        for id in affected {
            self.refresh_evidence(id);
        }
    }
}
