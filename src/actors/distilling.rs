//! Distilling in the background: facts are drawn from what came in for a subject, embedded, and
//! written in the batch that completes the job. So each resource brings its facts exactly once,
//! whenever the process dies. A language model draws them where one is configured; where it fails,
//! rules do.

use std::sync::Arc;

use serde_json::Value;

use super::jobs::{JobContext, JobEffect, JobFailure, JobHandler, JobResult, JobRun};
use super::model_distil;
use super::preparing::{off_thread, prepare};
use super::tenant::data::{NewAtom, ResourceContent, ResourceState};
use super::tenant::subjects::{FindDistilTask, NoteDistilling};
use crate::embedding::Embedder;
use crate::engine::dates::leading_date;
use crate::engine::distil::{DistilledFact, SourceText, distil, event_sentence, from_claims};
use crate::engine::resources::{ImportanceLevel, SuggestedEntity};
use crate::llm::LanguageModel;
use crate::tenant::{
    DISTIL_KIND, DistilOrder, DistilTask, Pending, PreparedFact, ResourceWriting, Tenant,
    TenantError, subject_domain,
};
use crate::types::Timestamp;

/// Facts written between two yields to the shard's other tenants.
const SLICE: usize = 4;

/// Does the jobs that draw facts from resources.
pub struct Distilling {
    embedder: Arc<dyn Embedder>,
    model: Option<Arc<dyn LanguageModel>>,
}

/// A resource as it is read.
struct Reading {
    text: String,
    at: Timestamp,
    importance: ImportanceLevel,
    category: Option<String>,
    entities: Vec<SuggestedEntity>,
    /// What is said again counts as known.
    merges: bool,
}

impl Reading {
    fn of(task: &DistilTask) -> Self {
        match &task.content {
            ResourceContent::Text(new) => Self {
                text: new.content.clone(),
                at: task.received_at,
                importance: ImportanceLevel::Medium,
                category: None,
                entities: Vec::new(),
                merges: true,
            },
            ResourceContent::Event(event) => {
                let template = task.ontology.event_templates.get(&event.event_type);
                // It was checked when it came.
                let data = serde_json::from_str(&event.data).unwrap_or(Value::Null);
                let template = template.map(String::as_str);
                Self {
                    text: event_sentence(template, &event.event_type, &event.source, &data),
                    at: event.occurred_at,
                    importance: event.importance,
                    category: event.category.clone(),
                    entities: event.entities.clone(),
                    merges: false,
                }
            }
        }
    }

    fn source<'a>(&'a self, task: &DistilTask) -> SourceText<'a> {
        SourceText {
            kind: task.content.kind(),
            text: &self.text,
            at: self.at,
            importance: self.importance,
            category: self.category.as_deref(),
            entities: &self.entities,
        }
    }
}

impl Distilling {
    #[must_use]
    pub fn new(embedder: Arc<dyn Embedder>, model: Option<Arc<dyn LanguageModel>>) -> Self {
        Self { embedder, model }
    }

    async fn distil(&self, context: &JobContext) -> Result<JobResult, JobFailure> {
        let order = DistilOrder::from_payload(context.payload())
            .ok_or_else(|| JobFailure::for_good("its payload names no resource"))?;
        // Forgotten meanwhile: nobody wants to know.
        let task = context.call(FindDistilTask { order }).await?;
        let Some(task) = task else { return Ok(JobResult::nothing()) };
        note(context, order, ResourceState::Extracting, 0).await?;
        let (reading, facts) = self.facts_of(&task).await?;
        let extracted = u32::try_from(facts.len()).unwrap_or(u32::MAX);
        note(context, order, ResourceState::Writing, extracted).await?;
        let atoms = facts.iter().map(|fact| atom_of(fact, &task, order, reading.at));
        let atoms = prepare(&self.embedder, atoms.collect()).await?;
        let facts = facts.into_iter().zip(atoms);
        let facts: Vec<_> = facts.map(|(fact, atom)| PreparedFact { fact, atom }).collect();
        let atoms_max = context.atoms_max();
        let distilled = Distilled {
            count: facts.len(),
            facts: facts.into_iter(),
            atoms_max,
            is_begun: false,
            writing: ResourceWriting {
                order,
                app: context.tenant_name().map_or_else(String::new, |name| name.to_string()),
                at: reading.at,
                importance: reading.importance,
                merges: reading.merges,
                extracted,
                written: 0,
            },
        };
        Ok(JobResult::in_slices(distilled).with_atoms_max(atoms_max))
    }

    async fn facts_of(
        &self,
        task: &Arc<DistilTask>,
    ) -> Result<(Reading, Vec<DistilledFact>), JobFailure> {
        let owned = Arc::clone(task);
        let reading = off_thread(move || Reading::of(&owned)).await?;
        // What an event says is in its sentence; there is nothing to find out.
        let is_text = matches!(task.content, ResourceContent::Text(_));
        let claims = match &self.model {
            Some(model) if is_text => {
                let asked = model_distil::ask(model, &reading.source(task), &task.ontology).await;
                asked.map(Some).unwrap_or_else(|error| {
                    tracing::warn!(error = %error, "a language model gave no facts; rules find them instead");
                    None
                })
            }
            _ => None,
        };
        let task = Arc::clone(task);
        off_thread(move || {
            let source = reading.source(&task);
            let claimed = claims.map(|claims| from_claims(&claims, &source, &task.ontology));
            let facts = match claimed {
                Some(claimed) if !claimed.is_empty() => claimed,
                _ => distil(&source, &task.ontology),
            };
            (reading, facts)
        })
        .await
    }
}

impl JobHandler for Distilling {
    fn kind(&self) -> &'static str {
        DISTIL_KIND
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> JobRun<'a> {
        Box::pin(self.distil(context))
    }
}

async fn note(
    context: &JobContext,
    order: DistilOrder,
    state: ResourceState,
    facts_extracted: u32,
) -> Result<(), JobFailure> {
    context.note(NoteDistilling { lease: context.lease(), order, state, facts_extracted }).await
}

/// A fact as an atom: beside the other facts of its resource, in order. What a conversation dates itself
/// is found by that date, whenever the conversation came.
fn atom_of(fact: &DistilledFact, task: &DistilTask, order: DistilOrder, at: Timestamp) -> NewAtom {
    NewAtom {
        session: Some(order.resource.to_string()),
        occurred_at: Some(leading_date(&fact.text).unwrap_or(at)),
        is_certain: true,
        ..NewAtom::of(&fact.text, &subject_domain(&task.subject))
    }
}

/// What a resource came to.
struct Distilled {
    facts: std::vec::IntoIter<PreparedFact>,
    count: usize,
    /// Atoms that the tenant may hold.
    atoms_max: Option<u64>,
    is_begun: bool,
    writing: ResourceWriting,
}

impl JobEffect for Distilled {
    fn apply_slice(
        &mut self,
        tenant: &mut Tenant,
        pending: &mut Pending,
    ) -> Result<bool, TenantError> {
        if !self.is_begun {
            self.is_begun = true;
            if !tenant.awaits_distilling(self.writing.order) {
                return Ok(false);
            }
            if !tenant.has_room_for(self.count, self.atoms_max) {
                let reason = "the plan's atoms are used up; forget something and send it again";
                tenant.fail_resource(pending, self.writing.order, reason)?;
                return Ok(false);
            }
        }
        for fact in self.facts.by_ref().take(SLICE) {
            tenant.write_fact(pending, &mut self.writing, fact)?;
        }
        if !self.facts.as_slice().is_empty() {
            return Ok(true);
        }
        tenant.finish_writing(pending, &self.writing)?;
        Ok(false)
    }
}
