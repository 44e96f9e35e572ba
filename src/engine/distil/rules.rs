//! What an app's relevance rules say of a text.

use crate::engine::ontology::{Ontology, RelevanceRule, RuleAction};

/// The relevance rules of an app.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a>(&'a [RelevanceRule]);

/// What the rules that match a text make of it together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict<'a> {
    /// It must not be kept; this overrules everything else.
    pub(super) is_forbidden: bool,
    /// It is kept even where it says little.
    pub(super) is_wanted: bool,
    /// The category of the first rule that names one.
    pub(super) category: Option<&'a str>,
    /// What its confidence is multiplied by.
    pub(super) factor: f64,
}

impl Verdict<'_> {
    /// Whether no rule treats the text otherwise than any other.
    pub(super) fn is_ordinary(&self) -> bool {
        *self == ORDINARY
    }
}

const ORDINARY: Verdict<'static> =
    Verdict { is_forbidden: false, is_wanted: false, category: None, factor: 1.0 };

impl<'a> Rules<'a> {
    pub(super) fn of(ontology: &'a Ontology) -> Self {
        Self(&ontology.rules)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn judge(&self, text: &str) -> Verdict<'a> {
        let mut verdict: Verdict<'a> = ORDINARY;
        for rule in self.0 {
            if !rule.pattern.is_match(text) {
                continue;
            }
            match rule.action {
                RuleAction::NeverRemember => verdict.is_forbidden = true,
                RuleAction::AlwaysRemember => verdict.is_wanted = true,
                RuleAction::Boost(factor) => verdict.factor *= factor,
                RuleAction::Decay(factor) => {
                    verdict.factor *= factor;
                    continue;
                }
                RuleAction::Ask => continue,
            }
            verdict.category = verdict.category.or(rule.category.as_deref());
        }
        verdict
    }
}
