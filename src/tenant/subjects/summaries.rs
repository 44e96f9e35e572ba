//! Summaries of categories: drawn from their facts when they are asked for, and kept in memory until
//! one of those comes or goes.

use std::cmp::Reverse;
use std::sync::Arc;

use super::known::KnownFact;
use crate::engine::distil::summarise;
use crate::engine::ontology::Category;
use crate::engine::resources::ImportanceLevel;
use crate::engine::subjects::CategoryView;
use crate::tenant::{Tenant, TenantError};

/// Characters that a fact adds to a summary at least: bounds how many are read for one.
const FACT_CHARS_MIN: usize = 8;

impl Tenant {
    /// The categories that the app has, the most important first, and then those that a subject's
    /// facts are in since the app had others.
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn categories_of(&mut self, subject: &str) -> Result<Vec<CategoryView>, TenantError> {
        self.check_usable()?;
        let ontology = self.ontology();
        let names = self.category_names(subject);
        let mut views = Vec::with_capacity(names.len());
        for name in names {
            let summary = self.summary_of(subject, &name)?;
            let known = self.subjects.find(subject).and_then(|subject| subject.category(&name));
            let facts = known.map(|known| &known.facts);
            let subject = self.subjects.find(subject);
            let facts = facts.into_iter().flatten().filter_map(|no| subject?.facts.get(no));
            let times: Vec<_> = facts.map(|fact| fact.written_at).collect();
            views.push(CategoryView {
                description: ontology.category(&name).map_or_else(String::new, description),
                summary: summary.map(|summary| summary.to_string()),
                fact_count: times.len() as u64,
                created_at: times.iter().min().copied(),
                updated_at: times.iter().max().copied(),
                name,
            });
        }
        Ok(views)
    }

    /// Those of the app, and those that a subject has besides.
    pub(super) fn category_names(&self, subject: &str) -> Vec<String> {
        let ontology = &self.subjects.ontology;
        let mut names: Vec<_> = ontology.categories.iter().map(|it| it.name.clone()).collect();
        let known = self.subjects.find(subject);
        let known = known.into_iter().flat_map(super::known::Subject::categories);
        let others = known.map(|(name, _)| name).filter(|name| ontology.category(name).is_none());
        names.extend(others.cloned());
        names
    }

    /// What a subject's facts in a category come to; `None` where there are none. Never longer
    /// than the app's configuration says.
    pub(super) fn summary_of(
        &mut self,
        subject: &str,
        category: &str,
    ) -> Result<Option<Arc<str>>, TenantError> {
        let Some(no) = self.subjects.number_of(subject) else { return Ok(None) };
        let ontology = Arc::clone(&self.subjects.ontology);
        let known = self.subjects.all.get(&no).and_then(|subject| subject.category(category));
        let Some(known) = known else { return Ok(None) };
        if let Some(summary) = &known.summary {
            return Ok(Some(Arc::clone(summary)));
        }
        let chars_max = ontology.summary_chars_max_of(category);
        let facts_max = ontology.category(category).map_or(usize::MAX, |it| it.items_max);
        let facts = known.facts.iter();
        let mut facts: Vec<&KnownFact> =
            facts.filter_map(|fact| self.subjects.all.get(&no)?.facts.get(fact)).collect();
        facts.sort_by_key(|fact| Reverse((fact.standing.importance, fact.standing.created_at)));
        let mut texts: Vec<(String, ImportanceLevel)> = Vec::new();
        for fact in facts.into_iter().take(facts_max.min(chars_max / FACT_CHARS_MIN + 1)) {
            let content = self.record_of(self.place_of(fact.id)?)?.content;
            texts.push((content, fact.standing.importance));
            let chars: usize = texts.iter().map(|(text, _)| text.len()).sum();
            if chars > chars_max.saturating_mul(4) {
                break;
            }
        }
        let summary: Arc<str> = summarise(&texts, chars_max).into();
        if summary.is_empty() {
            return Ok(None);
        }
        if let Some(subject) = self.subjects.all.get_mut(&no) {
            subject.keep_summary(category, &summary);
        }
        Ok(Some(summary))
    }
}

fn description(category: &Category) -> String {
    category.description.clone()
}
