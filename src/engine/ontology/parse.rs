//! From JSON to an ontology: each member is checked in the order in which it is documented, and
//! the first that is wrong is named. Members of an older client are taken where the newer names
//! are missing.

use std::collections::{BTreeMap, HashSet};

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::{
    CATEGORY_ITEMS_DEFAULT, Category, EntityType, ONTOLOGY_BYTES_MAX, Ontology, OntologyProblem,
    RelationshipType, RelevanceRule, RuleAction, SUMMARY_CHARS_DEFAULT,
};

const REQUIRED: &str = "Required field missing";
const INVALID_TYPE: &str = "Invalid type";
const INVALID_VALUE: &str = "Invalid value";
const EMPTY: &str = "Must not be empty";
const OUT_OF_RANGE: &str = "Out of range";
const TOO_LONG: &str = "Too long";
const INVALID_JSON: &str = "Invalid JSON";

/// Entries of a list of definitions at most.
const DEFINITIONS_MAX: usize = 100;
/// Entries of a list of texts within a definition at most.
const TEXTS_MAX: usize = 100;
const TEMPLATES_MAX: usize = 500;
const RULES_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 2_000;
const PROMPT_CHARS_MAX: usize = 20_000;
const TEMPLATE_CHARS_MAX: usize = 4_000;
const PATTERN_CHARS_MAX: usize = 1_000;
/// Bytes of a compiled pattern at most, and of what it keeps while it searches.
const PATTERN_BYTES_MAX: usize = 512 * 1024;
/// Groups within groups of a pattern at most.
const PATTERN_NESTING_MAX: u32 = 50;
const ITEMS_LIMIT: usize = 100_000;
const SUMMARY_CHARS_LIMIT: usize = 100_000;
const SUMMARY_TOKENS_LIMIT: usize = 25_000;
/// The estimate by which summaries are measured in tokens.
const CHARS_PER_TOKEN: usize = 4;
const FACTOR_MAX: f64 = 10.0;
const BOOST_DEFAULT: f64 = 1.5;
const DECAY_DEFAULT: f64 = 0.5;

type Outcome<T> = Result<T, OntologyProblem>;

pub(super) fn parse(json: &str) -> Outcome<Ontology> {
    if json.len() > ONTOLOGY_BYTES_MAX {
        return Err(problem("body", TOO_LONG));
    }
    let value: Value = serde_json::from_str(json).map_err(|_| problem("body", INVALID_JSON))?;
    let Value::Object(members) = &value else { return Err(problem("body", INVALID_TYPE)) };
    let top = Object { path: String::new(), members };
    let description = top.required_text("description", TEXT_CHARS_MAX)?;
    let mut categories = top.required_list("categories", DEFINITIONS_MAX, category)?;
    if categories.is_empty() {
        return Err(problem("categories", EMPTY));
    }
    check_distinct("categories", categories.iter().map(|category| category.name.as_str()))?;
    let entity_types = top.required_list("entityTypes", DEFINITIONS_MAX, entity_type)?;
    check_distinct("entityTypes", entity_types.iter().map(|it| it.name.as_str()))?;
    let relationship_types = top.required_list("relationshipTypes", DEFINITIONS_MAX, relation)?;
    check_distinct("relationshipTypes", relationship_types.iter().map(|it| it.name.as_str()))?;
    let mut rules = top.list("relevanceRules", RULES_MAX, rule)?.unwrap_or_default();
    let prompt = top.text("extractionPrompt", PROMPT_CHARS_MAX)?;
    let summary_chars_max = top.count("summaryMaxLength", SUMMARY_CHARS_LIMIT)?;
    top.text("embeddingModel", TEXT_CHARS_MAX)?;
    let additions = top.text("extractionPromptAdditions", PROMPT_CHARS_MAX)?;
    let event_templates = templates(&top)?;

    for rule in &mut rules {
        let is_known = |name: &String| categories.iter().any(|category| category.name == *name);
        rule.category = rule.category.take().filter(is_known);
    }
    categories.sort_by(|one, other| {
        other.priority.total_cmp(&one.priority).then_with(|| one.name.cmp(&other.name))
    });
    let prompts: Vec<String> =
        [prompt, additions].into_iter().flatten().filter(|text| !text.trim().is_empty()).collect();
    Ok(Ontology {
        description,
        categories,
        entity_types,
        relationship_types,
        rules,
        extraction_prompt: (!prompts.is_empty()).then(|| prompts.join("\n")),
        event_templates,
        summary_chars_max: summary_chars_max.unwrap_or(SUMMARY_CHARS_DEFAULT),
    })
}

fn category(object: &Object<'_>) -> Outcome<Category> {
    Ok(Category {
        name: object.name(is_snake_case)?,
        description: object.text("description", TEXT_CHARS_MAX)?.unwrap_or_default(),
        examples: object.texts("examples")?,
        priority: object.number("priority")?.unwrap_or(1.0),
        items_max: object.count("maxItems", ITEMS_LIMIT)?.unwrap_or(CATEGORY_ITEMS_DEFAULT),
        summary_chars_max: {
            object.flag("alwaysInclude")?;
            let tokens = object.count("maxSummaryTokens", SUMMARY_TOKENS_LIMIT)?;
            tokens.map(|tokens| tokens * CHARS_PER_TOKEN)
        },
    })
}

fn entity_type(object: &Object<'_>) -> Outcome<EntityType> {
    let mut entity_type = EntityType {
        name: object.name(is_pascal_case)?,
        description: object.text("description", TEXT_CHARS_MAX)?.unwrap_or_default(),
        key_properties: object.texts("keyProperties")?,
        examples: object.texts("examples")?,
        identifiers: object.texts("identifiers")?,
    };
    let property = |object: &Object<'_>| object.required_text("name", NAME_CHARS_MAX);
    for name in object.list("properties", TEXTS_MAX, property)?.unwrap_or_default() {
        if !entity_type.key_properties.contains(&name) {
            entity_type.key_properties.push(name);
        }
    }
    Ok(entity_type)
}

fn relation(object: &Object<'_>) -> Outcome<RelationshipType> {
    Ok(RelationshipType {
        name: object.name(is_upper_snake_case)?,
        description: object.text("description", TEXT_CHARS_MAX)?.unwrap_or_default(),
        from_types: object.one_or_several("fromType", "fromTypes")?,
        to_types: object.one_or_several("toType", "toTypes")?,
        examples: object.texts("examples")?,
        is_temporal: object.flag("temporal")?,
        is_exclusive: object.flag("exclusive")?,
    })
}

fn rule(object: &Object<'_>) -> Outcome<RelevanceRule> {
    let written = object.required_text("pattern", PATTERN_CHARS_MAX)?;
    let pattern = compile(&written).ok_or_else(|| object.problem("pattern", INVALID_VALUE))?;
    // The older client's name for it comes second.
    let is_older = object.get("action").is_none() && object.get("type").is_some();
    let member = if is_older { "type" } else { "action" };
    let word = object.required_text(member, NAME_CHARS_MAX)?;
    let category = object.text("category", NAME_CHARS_MAX)?;
    let factor = object.number("factor")?;
    let within = |factor: f64, max: f64| {
        let is_within = factor > 0.0 && factor <= max;
        if is_within { Ok(factor) } else { Err(object.problem("factor", OUT_OF_RANGE)) }
    };
    let action = match word.as_str() {
        "always_remember" => RuleAction::AlwaysRemember,
        "never_remember" => RuleAction::NeverRemember,
        "ask" => RuleAction::Ask,
        "boost" => RuleAction::Boost(within(factor.unwrap_or(BOOST_DEFAULT), FACTOR_MAX)?),
        "decay" => RuleAction::Decay(within(factor.unwrap_or(DECAY_DEFAULT), 1.0)?),
        _ => return Err(object.problem(member, INVALID_VALUE)),
    };
    Ok(RelevanceRule { pattern, action, category })
}

/// Matching takes time linear in the text whatever the pattern; its size is what has to be
/// bounded.
fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .nest_limit(PATTERN_NESTING_MAX)
        .build()
        .ok()
}

fn templates(top: &Object<'_>) -> Outcome<BTreeMap<String, String>> {
    let mut templates = BTreeMap::new();
    let Some(value) = top.get("eventTemplates") else { return Ok(templates) };
    let Value::Object(members) = value else {
        return Err(top.problem("eventTemplates", INVALID_TYPE));
    };
    if members.len() > TEMPLATES_MAX {
        return Err(top.problem("eventTemplates", TOO_LONG));
    }
    let object = Object { path: top.path_of("eventTemplates"), members };
    for name in members.keys() {
        templates.insert(name.clone(), object.required_text(name, TEMPLATE_CHARS_MAX)?);
    }
    Ok(templates)
}

fn check_distinct<'a>(list: &str, names: impl Iterator<Item = &'a str>) -> Outcome<()> {
    let mut seen = HashSet::new();
    for (index, name) in names.enumerate() {
        if !seen.insert(name) {
            return Err(problem(format!("{list}.{index}.name"), INVALID_VALUE));
        }
    }
    Ok(())
}

fn problem(field: impl Into<String>, issue: &'static str) -> OntologyProblem {
    OntologyProblem { field: field.into(), issue }
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_pascal_case(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_upper_snake_case(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// A JSON object and where it stands. A member that is `null` is a missing one.
struct Object<'a> {
    /// With a final dot; empty at the top.
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn get(&self, member: &str) -> Option<&'a Value> {
        self.members.get(member).filter(|value| !value.is_null())
    }

    fn path_of(&self, member: &str) -> String {
        format!("{}{member}.", self.path)
    }

    fn problem(&self, member: &str, issue: &'static str) -> OntologyProblem {
        problem(format!("{}{member}", self.path), issue)
    }

    /// The `name` of a definition.
    fn name(&self, is_well_formed: fn(&str) -> bool) -> Outcome<String> {
        let name = self.required_text("name", NAME_CHARS_MAX)?;
        if is_well_formed(&name) { Ok(name) } else { Err(self.problem("name", INVALID_VALUE)) }
    }

    /// A text that is there and not blank.
    fn required_text(&self, member: &str, chars_max: usize) -> Outcome<String> {
        let text = self.text(member, chars_max)?.ok_or_else(|| self.problem(member, REQUIRED))?;
        if text.trim().is_empty() { Err(self.problem(member, EMPTY)) } else { Ok(text) }
    }

    fn text(&self, member: &str, chars_max: usize) -> Outcome<Option<String>> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() > chars_max => {
                Err(self.problem(member, TOO_LONG))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.problem(member, INVALID_TYPE)),
        }
    }

    fn flag(&self, member: &str) -> Outcome<bool> {
        match self.get(member) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.problem(member, INVALID_TYPE)),
        }
    }

    fn number(&self, member: &str) -> Outcome<Option<f64>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        match value.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.problem(member, INVALID_TYPE)),
        }
    }

    /// A whole number from 1 on.
    fn count(&self, member: &str, max: usize) -> Outcome<Option<usize>> {
        let Some(number) = self.number(member)? else { return Ok(None) };
        if number.fract() != 0.0 {
            return Err(self.problem(member, INVALID_TYPE));
        }
        let count = self.get(member).and_then(Value::as_u64);
        let count = count.and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| (1..=max).contains(count)) {
            Some(count) => Ok(Some(count)),
            None => Err(self.problem(member, OUT_OF_RANGE)),
        }
    }

    fn texts(&self, member: &str) -> Outcome<Vec<String>> {
        let Some(values) = self.values(member, TEXTS_MAX)? else { return Ok(Vec::new()) };
        let path = self.path_of(member);
        let mut texts = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let Value::String(text) = value else {
                return Err(problem(format!("{path}{index}"), INVALID_TYPE));
            };
            if text.chars().count() > TEXT_CHARS_MAX {
                return Err(problem(format!("{path}{index}"), TOO_LONG));
            }
            if text.trim().is_empty() {
                return Err(problem(format!("{path}{index}"), EMPTY));
            }
            texts.push(text.clone());
        }
        Ok(texts)
    }

    /// A name, or a list of them under another member.
    fn one_or_several(&self, one: &str, several: &str) -> Outcome<Vec<String>> {
        let mut names = match self.get(one) {
            // The older client writes lists under either name.
            Some(Value::Array(_)) => self.texts(one)?,
            Some(_) => vec![self.required_text(one, NAME_CHARS_MAX)?],
            None => Vec::new(),
        };
        for name in self.texts(several)? {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn required_list<T>(
        &self,
        member: &str,
        count_max: usize,
        read: impl Fn(&Object<'_>) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let list = self.list(member, count_max, read)?;
        list.ok_or_else(|| self.problem(member, REQUIRED))
    }

    /// A list of objects.
    fn list<T>(
        &self,
        member: &str,
        count_max: usize,
        read: impl Fn(&Object<'_>) -> Outcome<T>,
    ) -> Outcome<Option<Vec<T>>> {
        let Some(values) = self.values(member, count_max)? else { return Ok(None) };
        let mut list = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let path = format!("{}{member}.{index}", self.path);
            let Value::Object(members) = value else { return Err(problem(path, INVALID_TYPE)) };
            list.push(read(&Object { path: format!("{path}."), members })?);
        }
        Ok(Some(list))
    }

    fn values(&self, member: &str, count_max: usize) -> Outcome<Option<&'a [Value]>> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Array(values)) if values.len() > count_max => {
                Err(self.problem(member, TOO_LONG))
            }
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(self.problem(member, INVALID_TYPE)),
        }
    }
}
