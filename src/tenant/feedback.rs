//! Learning from an outcome, all in one batch: valences of the atoms, links between concepts, and
//! the association of the question with the atoms.

use rustc_hash::FxHashSet;

use super::cues::CueChanges;
use super::{Place, SealedBatch, Tenant, TenantError};
use crate::engine::feedback::{Feedback, FeedbackOutcome, learn_valence};
use crate::engine::graph::LinkPlan;
use crate::storage::AtomicBatch;
use crate::types::{AtomId, AtomNo, Timestamp};

/// Concepts of a question and of an atom whose links one feedback touches, and links in all: some
/// milliseconds' worth.
const QUERY_CONCEPTS_LINKED: usize = 8;
const ATOM_CONCEPTS_LINKED: usize = 8;
const LINKS_MAX: usize = 512;
/// Concepts named to be strengthened whose links among each other are.
const NAMED_CONCEPTS_LINKED: usize = 16;

/// An atom that is rated, and what it is worth afterwards.
struct Rated {
    place: Place,
    id: AtomId,
    no: AtomNo,
    valence: f32,
}

/// What an outcome changes: in storage by its batch, then in memory.
#[must_use = "a plan that is not adopted changes nothing in memory"]
pub struct PlannedFeedback {
    batch: SealedBatch,
    rated: Vec<Rated>,
    links: LinkPlan,
    cues: CueChanges,
    coactivation_edges: usize,
}

impl PlannedFeedback {
    /// To be applied before the plan is adopted.
    pub fn batch(&self) -> &SealedBatch {
        &self.batch
    }
}

impl Tenant {
    /// Learns from an outcome. Visible and atomic on return; durable when a ticket taken
    /// afterwards is. Unknown atoms are skipped.
    ///
    /// # Errors
    /// When storage fails; then nothing was learned.
    pub fn give_feedback(&mut self, feedback: &Feedback) -> Result<FeedbackOutcome, TenantError> {
        let planned = self.plan_feedback(feedback)?;
        planned.batch().apply()?;
        Ok(self.adopt_feedback(planned))
    }

    /// Plans what an outcome teaches, against memory as it is. Nothing else may happen to the
    /// tenant until the plan was adopted or dropped.
    ///
    /// # Errors
    /// When storage cannot be read, or cannot be written to.
    pub fn plan_feedback(&mut self, feedback: &Feedback) -> Result<PlannedFeedback, TenantError> {
        self.check_usable()?;
        self.commit.check_writable()?;
        let rated = self.rate(feedback);
        let now = self.clock.now();
        let mut batch = AtomicBatch::new(self.epoch);
        for atom in &rated {
            self.put_standing(&mut batch, atom.place, |record| {
                record.valence = atom.valence;
                record.outcome_count = record.outcome_count.saturating_add(1);
            })?;
        }
        let mut links = LinkPlan::default();
        self.plan_coactivation(&mut links, feedback, &rated, now)?;
        let coactivation_edges = links.edges.len();
        self.plan_named_concepts(&mut links, feedback, now);
        self.put_links(&mut batch, &links)?;
        let cues = self.plan_cues(&mut batch, feedback, &rated, now)?;
        let batch = SealedBatch::new(batch, &self.commit);
        Ok(PlannedFeedback { batch, rated, links, cues, coactivation_edges })
    }

    /// Puts a plan into memory whose batch was applied.
    pub fn adopt_feedback(&mut self, planned: PlannedFeedback) -> FeedbackOutcome {
        let PlannedFeedback { rated, links, cues, coactivation_edges, .. } = planned;
        for atom in &rated {
            if let Some(row) = self.row_mut(atom.place) {
                row.valence = atom.valence;
                row.outcome_count = row.outcome_count.saturating_add(1);
            }
            for id in self.ties.consolidated_into(atom.id).into_iter().chain([atom.id]) {
                self.refresh_evidence(id);
            }
        }
        let valences = rated.iter().filter_map(|atom| self.row(atom.place));
        let sum: f64 = valences.map(|row| f64::from(row.evidence.valence)).sum();
        self.graph.apply(&links);
        self.cues.apply(cues);
        FeedbackOutcome {
            updated_count: rated.len(),
            avg_valence: if rated.is_empty() { 0.0 } else { sum / rated.len() as f64 },
            coactivation_edges,
        }
    }

    /// The atoms that exist, each once.
    fn rate(&self, feedback: &Feedback) -> Vec<Rated> {
        let mut seen = FxHashSet::default();
        let distinct = feedback.atom_ids.iter().filter(|id| seen.insert(**id));
        distinct
            .filter_map(|id| {
                let place = *self.atoms.get(id)?;
                let row = self.row(place)?;
                let valence = learn_valence(row.valence, feedback.outcome, &self.params.feedback);
                Some(Rated { place, id: *id, no: row.no, valence })
            })
            .collect()
    }

    /// Links between the question's concepts and the atoms' concepts.
    fn plan_coactivation(
        &self,
        links: &mut LinkPlan,
        feedback: &Feedback,
        rated: &[Rated],
        now: Timestamp,
    ) -> Result<(), TenantError> {
        let asked: Vec<&str> = feedback
            .query_concepts
            .iter()
            .take(QUERY_CONCEPTS_LINKED)
            .map(String::as_str)
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        for atom in rated {
            if links.edges.len() >= LINKS_MAX {
                break;
            }
            let concepts = self.own_concepts(atom.place)?;
            let pairs: Vec<(&str, &str)> = concepts
                .iter()
                .take(ATOM_CONCEPTS_LINKED)
                .flat_map(|concept| asked.iter().map(|asked| (*asked, concept.as_str())))
                .collect();
            let params = &self.params.graph;
            self.graph.plan_reinforcement(links, &pairs, feedback.outcome, now, params);
        }
        Ok(())
    }

    /// Links among the concepts that the caller names to be strengthened.
    fn plan_named_concepts(&self, links: &mut LinkPlan, feedback: &Feedback, now: Timestamp) {
        let concepts: Vec<&str> =
            feedback.concepts.iter().take(NAMED_CONCEPTS_LINKED).map(String::as_str).collect();
        let mut pairs = Vec::new();
        for (position, one) in concepts.iter().enumerate() {
            pairs.extend(concepts.iter().skip(position + 1).map(|other| (*one, *other)));
        }
        let params = &self.params.graph;
        self.graph.plan_reinforcement(links, &pairs, feedback.outcome, now, params);
    }

    /// The association of the question with the atoms, where it is known which question it was.
    fn plan_cues(
        &mut self,
        batch: &mut AtomicBatch,
        feedback: &Feedback,
        rated: &[Rated],
        now: Timestamp,
    ) -> Result<CueChanges, TenantError> {
        let numbers: Vec<AtomNo> = rated.iter().map(|atom| atom.no).collect();
        if numbers.is_empty() {
            return Ok(CueChanges::default());
        }
        let asked = if feedback.query_concepts.is_empty() {
            let atoms: Vec<_> = rated.iter().map(|atom| (atom.id, atom.place.domain_no)).collect();
            self.cues.find_question(&atoms, feedback.outcome, now, &self.params.cue)
        } else {
            Some(self.cues.question_about(&feedback.query_concepts))
        };
        match asked {
            Some(question) => self.plan_cue(batch, question, &numbers, feedback.outcome, now),
            None => Ok(CueChanges::default()),
        }
    }
}
