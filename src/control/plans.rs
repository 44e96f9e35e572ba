//! Plans: named allowances that a tenant is subject to. Only data and its validation; counting
//! and refusing happen elsewhere. Invariant: the built-in plans exist in every [`Plans`] value,
//! with their documented numbers unless the configuration overrides a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};

use crate::types::{Allowance, Bound};

/// The plan of tenants that an operator creates without naming one: no limits.
pub const LOCAL: &str = "local";

/// The plan of those who signed up by themselves: the documented daily tokens of the Tex API.
pub const TEX_FREE: &str = "tex-free";

/// The plan of the metacogna dialect's users: no limit on requests, one on what they keep.
pub const METACOGNA: &str = "metacogna";

/// Characters in a plan's name.
const NAME_CHARS_MAX: usize = 32;
const REQUESTS_PER_MINUTE_MAX: u64 = 10_000_000;
/// For everything counted per day, for atoms and for documents.
const PER_DAY_AND_ATOMS_MAX: u64 = 1_000_000_000_000;
const DOCUMENT_BYTES_MAX: u64 = 1_000_000_000_000_000;

/// What one tenant may use. `None` means no limit, for every number here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Lower-case letters, digits, `-` and `_`; at most 32 characters.
    pub name: String,
    /// Requests of any kind per minute, all keys of the tenant together. 1 to 10,000,000.
    pub requests_per_minute: Option<u32>,
    /// Reads per UTC day. 1 to 10^12.
    pub queries_per_day: Option<u64>,
    /// Atoms stored at one time. 1 to 10^12.
    pub atoms_max: Option<u64>,
    /// Metered tokens sent in per UTC day, where the API meters. 1 to 10^12.
    pub tokens_in_per_day: Option<u64>,
    /// Metered tokens answered with per UTC day, where the API meters. 1 to 10^12.
    pub tokens_out_per_day: Option<u64>,
    /// Documents and files of applications kept at one time, together. 1 to 10^12.
    pub documents_max: Option<u64>,
    /// Bytes of them, of documents those of their originals. 1 to 10^15.
    pub document_bytes_max: Option<u64>,
}

impl Plan {
    /// A plan without limits.
    #[must_use]
    pub fn unlimited(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            requests_per_minute: None,
            queries_per_day: None,
            atoms_max: None,
            tokens_in_per_day: None,
            tokens_out_per_day: None,
            documents_max: None,
            document_bytes_max: None,
        }
    }

    /// What a tenant itself has to keep to.
    #[must_use]
    pub fn allowance(&self) -> Allowance {
        Allowance {
            queries_per_day: self.queries_per_day,
            atoms_max: self.atoms_max,
            tokens_in_per_day: self.tokens_in_per_day,
            tokens_out_per_day: self.tokens_out_per_day,
            documents_max: self.documents_max,
            document_bytes_max: self.document_bytes_max,
        }
    }
}

/// All plans by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans(BTreeMap<String, Arc<Plan>>);

impl Plans {
    /// Returns `None` for a name that neither is built in nor was configured.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Plan>> {
        self.0.get(name).cloned()
    }

    /// In alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Everything that is out of range, each sentence beginning with `<plan>.<key>`.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.0.values().flat_map(|plan| plan_problems(plan)).collect()
    }
}

impl Default for Plans {
    fn default() -> Self {
        let sized = |name, requests_per_minute, queries_per_day, atoms_max| Plan {
            requests_per_minute: Some(requests_per_minute),
            queries_per_day: Some(queries_per_day),
            atoms_max: Some(atoms_max),
            ..Plan::unlimited(name)
        };
        let plans = [
            Plan::unlimited(LOCAL),
            sized("free", 60, 1_000, 10_000),
            sized("pro", 600, 50_000, 500_000),
            sized("team", 3_000, 500_000, 5_000_000),
            Plan {
                tokens_in_per_day: Some(1_000_000),
                tokens_out_per_day: Some(5_000_000),
                ..Plan::unlimited(TEX_FREE)
            },
            Plan {
                documents_max: Some(10_000),
                document_bytes_max: Some(10 * 1024 * 1024 * 1024),
                ..Plan::unlimited(METACOGNA)
            },
        ];
        Self(plans.into_iter().map(|plan| (plan.name.clone(), Arc::new(plan))).collect())
    }
}

impl<'de> Deserialize<'de> for Plans {
    /// A map from name to the keys that differ: of the built-in plan of that name, or of a plan
    /// without limits.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut plans = Self::default();
        for (name, changes) in BTreeMap::<String, PlanChanges>::deserialize(deserializer)? {
            let unlimited = Plan::unlimited(&name);
            let plan = plans.0.entry(name).or_insert_with(|| Arc::new(unlimited));
            changes.apply(Arc::make_mut(plan));
        }
        Ok(plans)
    }
}

/// One plan as it is written down: an absent key changes nothing.
#[derive(serde::Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct PlanChanges {
    requests_per_minute: Option<Bound<u32>>,
    queries_per_day: Option<Bound<u64>>,
    atoms_max: Option<Bound<u64>>,
    tokens_in_per_day: Option<Bound<u64>>,
    tokens_out_per_day: Option<Bound<u64>>,
    documents_max: Option<Bound<u64>>,
    document_bytes_max: Option<Bound<u64>>,
}

impl PlanChanges {
    fn apply(self, plan: &mut Plan) {
        if let Some(Bound(allowance)) = self.requests_per_minute {
            plan.requests_per_minute = allowance;
        }
        if let Some(Bound(allowance)) = self.queries_per_day {
            plan.queries_per_day = allowance;
        }
        if let Some(Bound(allowance)) = self.atoms_max {
            plan.atoms_max = allowance;
        }
        if let Some(Bound(allowance)) = self.tokens_in_per_day {
            plan.tokens_in_per_day = allowance;
        }
        if let Some(Bound(allowance)) = self.tokens_out_per_day {
            plan.tokens_out_per_day = allowance;
        }
        if let Some(Bound(allowance)) = self.documents_max {
            plan.documents_max = allowance;
        }
        if let Some(Bound(allowance)) = self.document_bytes_max {
            plan.document_bytes_max = allowance;
        }
    }
}

fn plan_problems(plan: &Plan) -> Vec<String> {
    let name = &plan.name;
    let mut problems = Vec::new();
    let well_named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX || !name.chars().all(well_named) {
        problems.push(format!(
            "{name:?} is not a plan name; use 1 to {NAME_CHARS_MAX} lower-case letters, digits, \
             `-` and `_`"
        ));
    }
    for (key, actual, most) in [
        ("requests_per_minute", plan.requests_per_minute.map(u64::from), REQUESTS_PER_MINUTE_MAX),
        ("queries_per_day", plan.queries_per_day, PER_DAY_AND_ATOMS_MAX),
        ("atoms_max", plan.atoms_max, PER_DAY_AND_ATOMS_MAX),
        ("tokens_in_per_day", plan.tokens_in_per_day, PER_DAY_AND_ATOMS_MAX),
        ("tokens_out_per_day", plan.tokens_out_per_day, PER_DAY_AND_ATOMS_MAX),
        ("documents_max", plan.documents_max, PER_DAY_AND_ATOMS_MAX),
        ("document_bytes_max", plan.document_bytes_max, DOCUMENT_BYTES_MAX),
    ] {
        if actual.is_some_and(|actual| actual == 0 || actual > most) {
            problems.push(format!(
                "{name}.{key} is {}, must be 1 to {most}, or \"unlimited\"",
                actual.unwrap_or_default()
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Plans, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_documented_plans_are_built_in_and_valid() {
        let plans = Plans::default();
        assert_eq!(plans.names(), ["free", "local", "metacogna", "pro", "team", "tex-free"]);
        assert_eq!(plans.find("pro").unwrap().queries_per_day, Some(50_000));
        assert_eq!(*plans.find(LOCAL).unwrap(), Plan::unlimited(LOCAL));
        let metered = Allowance {
            tokens_in_per_day: Some(1_000_000),
            tokens_out_per_day: Some(5_000_000),
            ..Allowance::default()
        };
        let keeping = Allowance {
            documents_max: Some(10_000),
            document_bytes_max: Some(10_737_418_240),
            ..Allowance::default()
        };
        for name in plans.names() {
            let allowance = plans.find(name).unwrap().allowance();
            let tokens = (allowance.tokens_in_per_day, allowance.tokens_out_per_day);
            match name {
                TEX_FREE => assert_eq!(allowance, metered),
                METACOGNA => assert_eq!(allowance, keeping),
                _ => assert_eq!(tokens, (None, None), "{name}"),
            }
        }
        assert_eq!(plans.find("enterprise"), None);
        assert_eq!(plans.problems(), Vec::<String>::new());
    }

    #[test]
    fn one_key_can_be_overridden_and_a_plan_can_be_added() {
        let plans = parse(
            "[free]\nrequests_per_minute = 120\natoms_max = \"unlimited\"\n\
             [internal]\nqueries_per_day = 5\ntokens_out_per_day = 7\n\
             [tex-free]\ntokens_in_per_day = \"unlimited\"\n\
             [metacogna]\ndocuments_max = 7\ndocument_bytes_max = \"unlimited\"\n",
        )
        .unwrap();
        let free = plans.find("free").unwrap();
        assert_eq!(
            (free.requests_per_minute, free.queries_per_day, free.atoms_max),
            (Some(120), Some(1_000), None)
        );
        let internal = plans.find("internal").unwrap();
        assert_eq!((internal.requests_per_minute, internal.queries_per_day), (None, Some(5)));
        assert_eq!((internal.tokens_in_per_day, internal.tokens_out_per_day), (None, Some(7)));
        let tex = plans.find(TEX_FREE).unwrap();
        assert_eq!((tex.tokens_in_per_day, tex.tokens_out_per_day), (None, Some(5_000_000)));
        let metacogna = plans.find(METACOGNA).unwrap();
        assert_eq!((metacogna.documents_max, metacogna.document_bytes_max), (Some(7), None));
        assert_eq!(plans.find("team"), Plans::default().find("team"));
    }

    #[test]
    fn what_is_neither_a_number_nor_unlimited_is_refused() {
        for text in ["\"lots\"", "-1", "1.5", "true", "99999999999"] {
            let text = format!("[free]\nrequests_per_minute = {text}\n");
            assert!(parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn zero_and_bad_names_are_problems() {
        let plans = parse(
            "[free]\natoms_max = 0\n[\"Big Plan\"]\n[pro]\ndocument_bytes_max = 0\n\
             [tex-free]\ntokens_in_per_day = 0\ntokens_out_per_day = 1000000000001\n",
        )
        .unwrap();
        let problems = plans.problems();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems[0].starts_with("\"Big Plan\" is not a plan name"), "{problems:?}");
        assert!(problems[1].starts_with("free.atoms_max is 0, must be 1"), "{problems:?}");
        assert!(problems[2].starts_with("pro.document_bytes_max is 0"), "{problems:?}");
        assert!(problems[3].starts_with("tex-free.tokens_in_per_day is 0,"), "{problems:?}");
        assert!(problems[4].starts_with("tex-free.tokens_out_per_day is 1000"), "{problems:?}");
    }
}
