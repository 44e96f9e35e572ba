//! What an app wants remembered: its categories, the things it knows and how they are joined,
//! which content is worth keeping, and how its events read. Parsed once, then trusted: names are
//! well-formed and distinct, lists and texts bounded, patterns compiled within a size limit.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use regex::Regex;

/// Bytes of an ontology as it is written at most.
pub const ONTOLOGY_BYTES_MAX: usize = 256 * 1024;

/// The category of what fits no other.
pub const GENERAL: &str = "general";

/// The relationship of two entities of which no more is known.
pub const RELATED_TO: &str = "RELATED_TO";

/// Characters of a category's summary where the app says nothing.
pub const SUMMARY_CHARS_DEFAULT: usize = 2_000;

/// Live facts of a category before they are compressed, where the app says nothing.
pub const CATEGORY_ITEMS_DEFAULT: usize = 100;

/// What an app wants remembered.
#[derive(Debug, Clone)]
pub struct Ontology {
    pub description: String,
    /// By priority, highest first, then by name. Never empty.
    pub categories: Vec<Category>,
    /// May be empty: then things are typed in general words.
    pub entity_types: Vec<EntityType>,
    /// May be empty: then nothing is joined.
    pub relationship_types: Vec<RelationshipType>,
    pub rules: Vec<RelevanceRule>,
    /// What a language model is told beside the rest.
    pub extraction_prompt: Option<String>,
    /// How events read, by event type; fields stand in doubled braces.
    pub event_templates: BTreeMap<String, String>,
    /// Characters of a category's summary at most, 1 or more.
    pub summary_chars_max: usize,
}

/// One kind of fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    pub name: String,
    pub description: String,
    pub examples: Vec<String>,
    /// Any finite number; a higher one comes first.
    pub priority: f64,
    /// Live facts before they are compressed, 1 or more.
    pub items_max: usize,
    /// Characters of its summary, where it differs from the others.
    pub summary_chars_max: Option<usize>,
}

/// One kind of thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityType {
    pub name: String,
    pub description: String,
    /// Names of what is worth knowing of such a thing.
    pub key_properties: Vec<String>,
    pub examples: Vec<String>,
    /// Names of what tells such a thing from others.
    pub identifiers: Vec<String>,
}

/// One way in which two things are joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationshipType {
    pub name: String,
    pub description: String,
    /// Types of things it may lead from; any when empty.
    pub from_types: Vec<String>,
    /// Types of things it may lead to; any when empty.
    pub to_types: Vec<String>,
    pub examples: Vec<String>,
    /// It holds for a time.
    pub is_temporal: bool,
    /// One thing has one of these at a time: a newer one ends the older.
    pub is_exclusive: bool,
}

/// What becomes of content that a pattern matches.
#[derive(Debug, Clone)]
pub struct RelevanceRule {
    /// Matches in any case of letters.
    pub pattern: Regex,
    pub action: RuleAction,
    /// A configured category that content to be remembered is given.
    pub category: Option<String>,
}

/// See [`RelevanceRule`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RuleAction {
    AlwaysRemember,
    NeverRemember,
    /// Ordinary content: there is nobody to be asked.
    Ask,
    /// Confidence times a number above 0.
    Boost(f64),
    /// Confidence times a number above 0 and at most 1.
    Decay(f64),
}

/// The first thing that is wrong with an ontology as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OntologyProblem {
    /// With dots and indices, as in `categories.0.name`.
    pub field: String,
    pub issue: &'static str,
}

impl Default for Ontology {
    /// For an app that configured nothing.
    fn default() -> Self {
        let entity_types = [
            ("Person", "A person"),
            ("Organization", "A company or another organization"),
            ("Place", "A place"),
            ("Technology", "A technology or a product"),
            ("Concept", "A concept"),
            ("Thing", "Anything else with a name"),
        ];
        Self {
            description: "Anything worth remembering".to_owned(),
            categories: vec![Category {
                name: GENERAL.to_owned(),
                description: "Anything worth remembering".to_owned(),
                examples: Vec::new(),
                priority: 1.0,
                items_max: CATEGORY_ITEMS_DEFAULT,
                summary_chars_max: None,
            }],
            entity_types: entity_types
                .map(|(name, description)| EntityType {
                    name: name.to_owned(),
                    description: description.to_owned(),
                    ..EntityType::default()
                })
                .to_vec(),
            relationship_types: vec![RelationshipType {
                name: RELATED_TO.to_owned(),
                description: "Two things that are named together".to_owned(),
                ..RelationshipType::default()
            }],
            rules: Vec::new(),
            extraction_prompt: None,
            event_templates: BTreeMap::new(),
            summary_chars_max: SUMMARY_CHARS_DEFAULT,
        }
    }
}

impl Ontology {
    /// Parses an ontology as an app writes it. Members that are not known are left alone.
    ///
    /// # Errors
    /// The first problem, in the order in which the members are documented.
    pub fn parse(json: &str) -> Result<Self, OntologyProblem> {
        parse::parse(json)
    }

    #[must_use]
    pub fn category(&self, name: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.name == name)
    }

    /// Characters of a category's summary at most; those of the app for one that is not
    /// configured.
    #[must_use]
    pub fn summary_chars_max_of(&self, category: &str) -> usize {
        let own = self.category(category).and_then(|category| category.summary_chars_max);
        own.unwrap_or(self.summary_chars_max)
    }
}

impl RelationshipType {
    /// Whether it may lead from one type of thing to another.
    #[must_use]
    pub fn fits(&self, from_type: &str, to_type: &str) -> bool {
        let allows = |types: &[String], wanted: &str| {
            let is_named =
                |name: &String| name == "*" || name.eq_ignore_ascii_case(wanted) || name == "Any";
            types.is_empty() || types.iter().any(is_named)
        };
        allows(&self.from_types, from_type) && allows(&self.to_types, to_type)
    }
}
