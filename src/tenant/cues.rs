//! A tenant's cues and its latest questions: what lets feedback teach "this question, these
//! atoms", and what lets a later question profit. The rules are in `engine::cues`.
//!
//! Cues are stored; the latest questions are only in memory, so feedback that arrives after a
//! restart without the question's concepts moves valences and nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::open::{damaged, vector_from};
use super::store::vector_record;
use super::{Place, Tenant, TenantError, remove_one};
use crate::engine::cues::{CueAtoms, CueTerm, QuestionTrace, activation, likeness};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::graph::fold_concept;
use crate::engine::memory::DomainMemory;
use crate::engine::params::CueParams;
use crate::engine::query::QueryPlan;
use crate::engine::text::{Term, hash_term, words};
use crate::index::QueryVector;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{CueRecord, Print};
use crate::storage::{AtomicBatch, encode};
use crate::types::{AtomId, AtomNo, QuantizedVector, Timestamp};

/// Questions remembered for feedback that is to come; each takes up to two kilobytes.
const RECENT_READS_MAX: usize = 64;

/// How long a question is remembered at most.
const KEPT_FOR: Duration = Duration::from_secs(86_400);

/// Cues compared with one question; those that share its rarest words come first.
const COMPARED_MAX: usize = 1_024;

/// A question and its direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Question {
    pub trace: QuestionTrace,
    pub vector: Option<QuantizedVector>,
}

#[derive(Debug, Clone)]
pub(super) struct Cue {
    trace: QuestionTrace,
    vector: Option<QuantizedVector>,
    /// `vector`, ready to be compared.
    direction: Option<QueryVector>,
    atoms: CueAtoms,
    updated_at: Timestamp,
}

/// A question that was answered a moment ago.
#[derive(Debug)]
struct RecentRead {
    at: Timestamp,
    /// Folded and sorted.
    concepts: Vec<String>,
    question: Question,
    /// Numbers of the domains searched, ascending.
    domains: Vec<u32>,
    returned: Vec<AtomId>,
    /// An outcome was taken for this question's.
    is_rated: bool,
}

impl RecentRead {
    fn rate(&mut self) -> Question {
        self.is_rated = true;
        self.question.clone()
    }
}

#[derive(Debug, Default)]
pub(super) struct Cues {
    cues: FxHashMap<u32, Cue>,
    by_wording: FxHashMap<Fingerprint, u32>,
    by_stem: FxHashMap<u64, Vec<u32>>,
    by_atom: FxHashMap<AtomNo, Vec<u32>>,
    next_no: u32,
    /// Oldest first.
    reads: VecDeque<RecentRead>,
}

/// Cues as they will be once a batch is applied; `None` for one that goes.
#[derive(Debug, Default)]
#[must_use = "what the batch says of cues has to reach memory too"]
pub(super) struct CueChanges(Vec<(u32, Option<Cue>)>);

impl Cues {
    /// Remembers a question and what answered it.
    pub(super) fn note_read(
        &mut self,
        at: Timestamp,
        concepts: &[String],
        question: Question,
        domains: Vec<u32>,
        returned: Vec<AtomId>,
    ) {
        let is_old = |read: &RecentRead| read.at.plus(KEPT_FOR) < at;
        while self.reads.len() >= RECENT_READS_MAX || self.reads.front().is_some_and(is_old) {
            self.reads.pop_front();
        }
        let concepts = folded(concepts);
        let is_rated = false;
        self.reads.push_back(RecentRead { at, concepts, question, domains, returned, is_rated });
    }

    /// The question that an outcome names by its concepts: the latest asked with these, or else
    /// one made of them.
    pub(super) fn question_about(&mut self, concepts: &[String]) -> Question {
        let wanted = folded(concepts);
        match self.reads.iter_mut().rev().find(|read| read.concepts == wanted) {
            Some(read) => read.rate(),
            None => question_of(&wanted),
        }
    }

    /// The question that an outcome without concepts belongs to: the latest that returned one of
    /// the atoms a while ago. A good atom that none returned, or only questions that have their
    /// outcome already, is taken for what the very latest question missed, if that was asked just
    /// before, searched the atom's domain and has no outcome yet.
    pub(super) fn find_question(
        &mut self,
        atoms: &[(AtomId, u32)],
        outcome: f32,
        now: Timestamp,
        params: &CueParams,
    ) -> Option<Question> {
        let recent = Duration::from_secs(params.recent_s);
        let missed = Duration::from_secs(params.missed_s);
        let has_missed = |read: &RecentRead| {
            let searched = |domain_no: &u32| read.domains.binary_search(domain_no).is_ok();
            outcome > 0.0
                && !read.is_rated
                && read.at.plus(missed) >= now
                && atoms.iter().all(|(_, domain_no)| searched(domain_no))
        };
        let returned = self.reads.iter().rposition(|read| {
            read.at.plus(recent) >= now && atoms.iter().any(|(id, _)| read.returned.contains(id))
        });
        let is_rated = |at: usize| self.reads.get(at).is_some_and(|read| read.is_rated);
        let at = match returned.filter(|at| !is_rated(*at)) {
            Some(at) => Some(at),
            None if self.reads.back().is_some_and(has_missed) => self.reads.len().checked_sub(1),
            None => returned,
        };
        self.reads.get_mut(at?).map(RecentRead::rate)
    }

    fn insert(&mut self, no: u32, cue: Cue) {
        self.remove(no);
        self.next_no = self.next_no.max(no.saturating_add(1));
        if let Some(wording) = cue.trace.wording {
            self.by_wording.insert(wording, no);
        }
        for term in &cue.trace.terms {
            self.by_stem.entry(term.stem).or_default().push(no);
        }
        for (atom, _) in cue.atoms.as_slice() {
            self.by_atom.entry(*atom).or_default().push(no);
        }
        self.cues.insert(no, cue);
    }

    fn remove(&mut self, no: u32) {
        let Some(cue) = self.cues.remove(&no) else { return };
        if let Some(wording) = cue.trace.wording
            && self.by_wording.get(&wording) == Some(&no)
        {
            self.by_wording.remove(&wording);
        }
        for term in &cue.trace.terms {
            remove_one(&mut self.by_stem, term.stem, no);
        }
        for (atom, _) in cue.atoms.as_slice() {
            remove_one(&mut self.by_atom, *atom, no);
        }
    }

    pub(super) fn apply(&mut self, changes: CueChanges) {
        for (no, cue) in changes.0 {
            match cue {
                Some(cue) => self.insert(no, cue),
                None => self.remove(no),
            }
        }
    }

    /// Forgets everything learned and asked.
    pub(super) fn clear(&mut self) {
        *self = Self { next_no: self.next_no, ..Self::default() };
    }

    /// Forgets that an atom was ever returned.
    pub(super) fn forget_returned(&mut self, id: AtomId) {
        for read in &mut self.reads {
            read.returned.retain(|returned| *returned != id);
        }
    }

    /// What cues like the question add to the relevance of atoms, by atom number. Where several
    /// speak of one atom, the one that says most is heard.
    fn gains(
        &self,
        plan: &QueryPlan,
        direction: Option<&QueryVector>,
        memories: &[&DomainMemory],
        params: &CueParams,
    ) -> FxHashMap<AtomNo, f32> {
        let mut gains: FxHashMap<AtomNo, f32> = FxHashMap::default();
        if self.cues.is_empty() {
            return gains;
        }
        let synonyms: Vec<_> = plan.synonyms().collect();
        let names_speaker = |word: u64| memories.iter().any(|memory| memory.names_speaker(word));
        for no in self.candidates(plan, &synonyms) {
            let Some(cue) = self.cues.get(&no) else { continue };
            let cosine = direction.zip(cue.direction.as_ref()).map(|(a, b)| a.cosine(b));
            let alike = likeness(plan.trace(), &cue.trace, cosine, &synonyms, &names_speaker);
            for (atom, weight) in cue.atoms.as_slice() {
                let gain = params.gain * activation(alike, *weight, params) * weight;
                if gain == 0.0 {
                    continue;
                }
                let known = gains.entry(*atom).or_default();
                if gain.abs() > known.abs() {
                    *known = gain;
                }
            }
        }
        gains
    }

    /// Cues that share a word with the question, or a word's synonym.
    fn candidates(&self, plan: &QueryPlan, synonyms: &[(u64, u64, f32)]) -> FxHashSet<u32> {
        let same = plan.trace().wording.and_then(|wording| self.by_wording.get(&wording));
        let mut found: FxHashSet<u32> = same.copied().into_iter().collect();
        let stems = plan.trace().terms.iter().map(|term| term.stem);
        let stems = stems.chain(synonyms.iter().map(|(_, synonym, _)| *synonym));
        let mut lists: Vec<_> = stems.filter_map(|stem| self.by_stem.get(&stem)).collect();
        lists.sort_by_key(|list| list.len());
        for list in lists {
            for no in list {
                if found.len() >= COMPARED_MAX {
                    return found;
                }
                found.insert(*no);
            }
        }
        found
    }
}

impl Tenant {
    pub(super) fn load_cues(&mut self) -> Result<(), TenantError> {
        let mut found = Vec::new();
        self.visit(Kind::Cue, |key, record: CueRecord| {
            let no = keys::number_in(key).ok_or_else(|| damaged("a cue's key"))?;
            found.push((no, cue_from(record).ok_or_else(|| damaged("a cue"))?));
            Ok(())
        })?;
        for (no, cue) in found {
            self.cues.insert(no, cue);
        }
        Ok(())
    }

    /// Plans what an outcome teaches about a question and some atoms.
    pub(super) fn plan_cue(
        &self,
        batch: &mut AtomicBatch,
        question: Question,
        atoms: &[AtomNo],
        outcome: f32,
        now: Timestamp,
    ) -> Result<CueChanges, TenantError> {
        let mut changes = CueChanges::default();
        let params = &self.params.cue;
        let known = question.trace.wording.and_then(|wording| self.cues.by_wording.get(&wording));
        let no = known.copied().unwrap_or(self.cues.next_no);
        let mut cue = self.cues.cues.get(&no).cloned().unwrap_or_else(|| Cue {
            direction: question.vector.as_ref().map(QueryVector::from),
            trace: question.trace,
            vector: question.vector,
            atoms: CueAtoms::default(),
            updated_at: now,
        });
        for atom in atoms {
            cue.atoms.learn(*atom, outcome, params);
        }
        cue.updated_at = cue.updated_at.max(now);
        batch.put(keys::by_number(self.no, Kind::Cue, no), encode(&cue_record(&cue))?);
        changes.0.push((no, Some(cue)));
        if known.is_none() && self.cues.cues.len() >= params.cues_max {
            let oldest = self.cues.cues.iter().min_by_key(|(no, cue)| (cue.updated_at, **no));
            if let Some((no, _)) = oldest {
                batch.delete(keys::by_number(self.no, Kind::Cue, *no));
                changes.0.push((*no, None));
            }
        }
        Ok(changes)
    }

    /// Plans that cues forget atoms; a cue that leads nowhere goes.
    pub(super) fn plan_cues_without(
        &self,
        batch: &mut AtomicBatch,
        atoms: &[AtomNo],
    ) -> Result<CueChanges, TenantError> {
        let mut changed: FxHashMap<u32, Cue> = FxHashMap::default();
        for atom in atoms {
            for no in self.cues.by_atom.get(atom).into_iter().flatten() {
                let Some(known) = self.cues.cues.get(no) else { continue };
                changed.entry(*no).or_insert_with(|| known.clone()).atoms.remove(*atom);
            }
        }
        let mut changes = CueChanges::default();
        for (no, cue) in changed {
            let key = keys::by_number(self.no, Kind::Cue, no);
            if cue.atoms.is_empty() {
                batch.delete(key);
                changes.0.push((no, None));
            } else {
                batch.put(key, encode(&cue_record(&cue))?);
                changes.0.push((no, Some(cue)));
            }
        }
        Ok(changes)
    }

    /// What cues add for a question, by place.
    pub(super) fn cue_gains(
        &self,
        plan: &QueryPlan,
        direction: Option<&QueryVector>,
        numbers: &[u32],
        memories: &[&DomainMemory],
    ) -> Vec<(Place, f32)> {
        let gains = self.cues.gains(plan, direction, memories, &self.params.cue);
        let mut placed = Vec::with_capacity(gains.len());
        for (atom, gain) in gains {
            for number in numbers {
                let Some(domain) = self.domains.get(number) else { continue };
                if let Some(row) = domain.vectors.row_of(atom) {
                    placed.push((Place { domain_no: *number, row }, gain));
                    break;
                }
            }
        }
        placed
    }
}

/// The question that a list of concepts, folded and sorted, amounts to.
fn question_of(concepts: &[String]) -> Question {
    let mut terms: Vec<CueTerm> = Vec::new();
    for word in concepts.iter().flat_map(|concept| words(concept)) {
        let stem = Term::of_word(&word).hash();
        if terms.iter().all(|term| term.stem != stem) {
            terms.push(CueTerm { word: hash_term(&word), stem, weight: 1.0 });
        }
    }
    // No question has this wording: a wording never holds this separator.
    let wording = Fingerprint::of_opaque(&format!("\u{1f}{}", concepts.join("\u{1f}")));
    Question { trace: QuestionTrace { wording: Some(wording), terms }, vector: None }
}

fn folded(concepts: &[String]) -> Vec<String> {
    let mut folded: Vec<String> = concepts.iter().map(|concept| fold_concept(concept)).collect();
    folded.sort_unstable();
    folded.dedup();
    folded
}

fn cue_record(cue: &Cue) -> CueRecord {
    let mut terms = Vec::with_capacity(cue.trace.terms.len() * 20);
    for term in &cue.trace.terms {
        terms.extend_from_slice(&term.word.to_le_bytes());
        terms.extend_from_slice(&term.stem.to_le_bytes());
        terms.extend_from_slice(&term.weight.to_le_bytes());
    }
    let mut atoms = Vec::with_capacity(cue.atoms.as_slice().len() * 12);
    for (no, weight) in cue.atoms.as_slice() {
        atoms.extend_from_slice(&no.0.to_le_bytes());
        atoms.extend_from_slice(&weight.to_le_bytes());
    }
    CueRecord {
        wording: cue.trace.wording.map(|print| Print(print.0)),
        terms,
        vector: cue.vector.as_ref().map(vector_record),
        atoms,
        updated_at_us: cue.updated_at.as_micros(),
    }
}

fn cue_from(record: CueRecord) -> Option<Cue> {
    let mut terms = Vec::new();
    for bytes in record.terms.as_chunks::<20>().0 {
        let (word, rest) = bytes.split_first_chunk()?;
        let (stem, rest) = rest.split_first_chunk()?;
        terms.push(CueTerm {
            word: u64::from_le_bytes(*word),
            stem: u64::from_le_bytes(*stem),
            weight: f32::from_le_bytes(*rest.first_chunk()?),
        });
    }
    let mut atoms = Vec::new();
    for bytes in record.atoms.as_chunks::<12>().0 {
        let (no, rest) = bytes.split_first_chunk()?;
        let weight = f32::from_le_bytes(*rest.first_chunk()?);
        atoms.push((AtomNo(u64::from_le_bytes(*no)), weight));
    }
    let vector = record.vector.as_ref().map(vector_from);
    Some(Cue {
        trace: QuestionTrace { wording: record.wording.map(|print| Fingerprint(print.0)), terms },
        direction: vector.as_ref().map(QueryVector::from),
        vector,
        atoms: CueAtoms::from_stored(atoms),
        updated_at: Timestamp::from_micros(record.updated_at_us),
    })
}
