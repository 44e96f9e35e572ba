//! What one tenant must hold, as a plain list of what it wrote, and what the server must answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// Most that one read returns.
const TOP_K: usize = 100;
/// What floats may differ by.
const TOLERANCE: f64 = 1e-4;

#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) content: String,
    pub(crate) domain: String,
    pub(crate) external_ref: Option<String>,
    pub(crate) valence: f64,
    pub(crate) outcome_count: u64,
    /// Stays when the atom that is named is deleted.
    pub(crate) superseded_by: Option<String>,
    pub(crate) supersedes: Vec<String>,
    pub(crate) consolidated_into: Option<String>,
}

impl Kept {
    /// Whether reads may return it.
    pub(crate) fn is_shown(&self, with_history: bool) -> bool {
        match self.superseded_by {
            Some(_) => with_history,
            None => self.consolidated_into.is_none(),
        }
    }
}

/// One tenant: how to reach it, and what it must hold, in order of creation.
pub(crate) struct Side {
    pub(crate) key: String,
    pub(crate) client: Client,
    /// A concept that only this tenant's atoms have.
    pub(crate) own_concept: &'static str,
    pub(crate) kept: Vec<Kept>,
    /// Every id it was ever given.
    pub(crate) ids: BTreeSet<String>,
    /// What was answered under each idempotency key.
    pub(crate) replies: BTreeMap<String, Value>,
}

impl Side {
    pub(crate) fn in_domains<'a>(
        &'a self,
        domains: &'a [&str],
    ) -> impl Iterator<Item = &'a Kept> + 'a {
        let searched = move |kept: &&Kept| domains.is_empty() || domains.contains(&&*kept.domain);
        self.kept.iter().filter(searched)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.id == id)
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Kept)) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.id == id) {
            change(kept);
        }
    }

    /// What the server must answer to a write, and the change it makes.
    pub(crate) fn expect_write(&mut self, item: &Value, result: &Value) {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let (content, domain) = (text("content").unwrap(), text("domain").unwrap());
        let external_ref = text("external_ref");
        let supersedes: Vec<String> =
            item["supersedes"].as_array().map_or_else(Vec::new, |ids| texts(ids));
        let same_ref = self
            .kept
            .iter()
            .find(|kept| external_ref.is_some() && kept.external_ref == external_ref);
        if let Some(known) = same_ref {
            assert_eq!(result["stored"], true, "{item} {result}");
            assert_eq!(result["atom_id"], json!(known.id), "{item}");
            return;
        }
        let is_known = self
            .in_domains(&[&domain])
            .any(|kept| kept.content == content && kept.superseded_by.is_none());
        if is_known && supersedes.is_empty() {
            assert_eq!(result["stored"], false, "{item} {result}");
            assert_eq!(result["atom_id"], Value::Null);
            return;
        }
        assert_eq!(result["stored"], true, "{item} {result}");
        let id = result["atom_id"].as_str().unwrap().to_owned();
        assert!(self.ids.insert(id.clone()), "an id given twice: {id}");
        for superseded in &supersedes {
            self.change(superseded, |kept| kept.superseded_by = Some(id.clone()));
            self.free_members(superseded);
        }
        self.kept.push(Kept {
            id,
            content,
            domain,
            external_ref,
            valence: 0.0,
            outcome_count: 0,
            superseded_by: None,
            supersedes,
            consolidated_into: None,
        });
    }

    /// `found` must be exactly what reads may return of the domains, and an exact match comes
    /// first.
    pub(crate) fn expect_read(&self, query: &Value, found: &Value) {
        let domains: Vec<&str> = match query["domains"].as_array() {
            Some(domains) => domains.iter().map(|domain| domain.as_str().unwrap()).collect(),
            None => query["domain"].as_str().into_iter().collect(),
        };
        let with_history = query["include_history"] == true;
        let items = found["items"].as_array().unwrap();
        let ids: BTreeSet<&str> =
            items.iter().map(|item| item["atom_id"].as_str().unwrap()).collect();
        let expected: BTreeSet<&str> = self
            .in_domains(&domains)
            .filter(|kept| kept.is_shown(with_history))
            .map(|kept| kept.id.as_str())
            .collect();
        assert_eq!(ids.len(), items.len(), "an atom twice");
        if expected.len() <= TOP_K {
            assert_eq!(ids, expected, "{query}");
        } else {
            assert!(ids.is_subset(&expected) && ids.len() == TOP_K, "{query}");
        }
        // Whoever says it in these words, or the prototype that stands for them.
        let exact: BTreeSet<&str> = self
            .in_domains(&domains)
            .filter(|kept| kept.superseded_by.is_none() && query["query"] == kept.content)
            .filter_map(|kept| self.find(kept.consolidated_into.as_ref().unwrap_or(&kept.id)))
            .filter(|kept| kept.is_shown(false))
            .map(|kept| kept.id.as_str())
            .collect();
        assert_eq!(found["episodic_hit"], !exact.is_empty(), "{query}");
        if let Some(first) = items.first().filter(|_| !exact.is_empty()) {
            let first = first["atom_id"].as_str().unwrap();
            assert!(exact.contains(first), "{first} before the exact {exact:?}");
        }
        for item in items {
            let kept = self.find(item["atom_id"].as_str().unwrap()).unwrap();
            assert_eq!(item["content"], json!(kept.content));
            assert_close(&item["valence"], self.evidence(kept).0);
        }
    }

    /// What outcomes say of an atom: its own, and of a prototype those of its members too.
    fn evidence(&self, kept: &Kept) -> (f64, u64) {
        let is_member = |other: &&Kept| other.consolidated_into.as_ref() == Some(&kept.id);
        let all = self.kept.iter().filter(is_member).chain([kept]);
        let (mut sum, mut count) = (0.0, 0);
        for one in all {
            sum += one.valence * one.outcome_count as f64;
            count += one.outcome_count;
        }
        (if count == 0 { 0.0 } else { sum / count as f64 }, count)
    }

    /// One outcome moves a valence by a fifth of what is left.
    pub(crate) fn expect_feedback(&mut self, ids: &[String], outcome: f64, answer: &Value) {
        let distinct: BTreeSet<&String> = ids.iter().collect();
        for kept in self.kept.iter_mut().filter(|kept| distinct.contains(&kept.id)) {
            kept.valence += 0.2 * (outcome - kept.valence);
            kept.outcome_count += 1;
        }
        let rated = self.kept.iter().filter(|kept| distinct.contains(&kept.id));
        let valences: Vec<f64> = rated.map(|kept| self.evidence(kept).0).collect();
        assert_eq!(answer["updated_count"], valences.len(), "{answer}");
        let mean = valences.iter().sum::<f64>() / valences.len().max(1) as f64;
        assert_close(&answer["avg_valence"], mean);
    }

    /// Which atoms are alike is not for this model to say. Whatever was put behind a prototype
    /// must be of the domain and shown until now, and its prototype must be shown.
    pub(crate) fn expect_consolidation(&mut self, domain: &str, answer: &Value) {
        let shown = |side: &Self| side.in_domains(&[domain]).filter(|k| k.is_shown(false)).count();
        assert_eq!(answer["atoms_before"], shown(self), "{answer}");
        let export = self.client.export();
        for (atom, kept) in export.iter().zip(&mut self.kept) {
            assert_eq!(atom["id"], json!(kept.id), "an atom is gone");
            let into = atom["consolidated_into"].as_str().map(str::to_owned);
            if kept.domain == domain && into != kept.consolidated_into {
                assert!(into.is_some(), "freed by a consolidation: {kept:?}");
                kept.consolidated_into = into;
            }
        }
        assert_eq!(answer["atoms_after"], shown(self), "{answer}");
        for member in self.in_domains(&[domain]) {
            let Some(into) = &member.consolidated_into else { continue };
            let prototype = self.find(into).unwrap_or_else(|| panic!("none: {member:?}"));
            assert_eq!(prototype.domain, domain);
            assert!(prototype.is_shown(false), "behind what is hidden itself: {member:?}");
        }
    }

    pub(crate) fn expect_undo(&mut self, domain: &str, answer: &Value) {
        let mut restored = 0;
        for kept in self.kept.iter_mut().filter(|kept| kept.domain == domain) {
            restored += usize::from(kept.consolidated_into.take().is_some());
        }
        assert_eq!(answer["restored"], restored, "{answer}");
    }

    pub(crate) fn expect_deletion(&mut self, id: &str, answer: &Value) {
        assert_eq!(answer["deleted"], 1);
        let deleted = self.find(id).cloned().unwrap();
        let left_hidden: BTreeSet<&str> = deleted
            .supersedes
            .iter()
            .map(String::as_str)
            .filter(|id| self.find(id).is_some())
            .collect();
        let named = answer["superseded_predecessors_left_hidden"].as_array();
        let named = named.map_or_else(Vec::new, |ids| texts(ids));
        assert_eq!(named.iter().map(String::as_str).collect::<BTreeSet<_>>(), left_hidden);
        self.kept.retain(|kept| kept.id != id);
        self.free_members(id);
    }

    /// Nothing waits behind a prototype that is gone, or that another atom replaced.
    fn free_members(&mut self, prototype: &str) {
        for kept in &mut self.kept {
            if kept.consolidated_into.as_deref() == Some(prototype) {
                kept.consolidated_into = None;
            }
        }
    }

    /// All revisions that are tied to an atom, directly or not.
    pub(crate) fn expect_chain(&self, id: &str, answer: &Value) {
        let mut reached = BTreeSet::from([id.to_owned()]);
        loop {
            let size = reached.len();
            for kept in &self.kept {
                if reached.contains(&kept.id) {
                    reached.extend(kept.supersedes.iter().chain(&kept.superseded_by).cloned());
                }
            }
            if reached.len() == size {
                break;
            }
        }
        let (there, gone): (Vec<&String>, Vec<&String>) =
            reached.iter().partition(|id| self.find(id).is_some());
        let revisions = answer["revisions"].as_array().unwrap();
        let ids: Vec<&Value> = revisions.iter().map(|revision| &revision["id"]).collect();
        assert_eq!(json!(ids), json!(there), "ids sort as atoms were created");
        let dangling: BTreeSet<String> =
            texts(answer["dangling"].as_array().unwrap()).into_iter().collect();
        assert_eq!(dangling, gone.into_iter().cloned().collect());
    }

    /// Every page of the feed, newest first.
    pub(crate) fn check_feed(&mut self, domain: Option<&str>, with_history: bool) -> Answer {
        let mut found = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let mut body = json!({"limit": 7, "include_history": with_history, "domain": domain});
            if !cursor.is_null() {
                body["cursor"] = cursor;
            }
            let answer = self.client.post("/api/v1/memory/recent", &body);
            let page = answer.ok();
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|item| item["atom_id"].as_str().unwrap().to_owned()));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                let domains: Vec<&str> = domain.into_iter().collect();
                let mut expected: Vec<&String> = self
                    .in_domains(&domains)
                    .filter(|kept| kept.is_shown(with_history))
                    .map(|kept| &kept.id)
                    .collect();
                expected.reverse();
                assert_eq!(found.iter().collect::<Vec<_>>(), expected);
                return answer;
            }
        }
    }

    /// Export and counts are exactly what is kept.
    pub(crate) fn check_all(&mut self) {
        let export = self.client.export();
        assert_eq!(export.len(), self.kept.len());
        for (atom, kept) in export.iter().zip(&self.kept) {
            assert_eq!(atom["id"], json!(kept.id));
            assert_eq!(atom["content"], json!(kept.content));
            assert_eq!(atom["domain"], json!(kept.domain));
            assert_eq!(atom["external_ref"], json!(kept.external_ref));
            assert_eq!(atom["superseded_by"], json!(kept.superseded_by), "{atom}");
            assert_eq!(atom["supersedes"], json!(kept.supersedes), "{atom}");
            assert_eq!(atom["consolidated_into"], json!(kept.consolidated_into), "{atom}");
            let (valence, outcome_count) = self.evidence(kept);
            assert_eq!(atom["outcome_count"], json!(outcome_count), "{atom}");
            assert_close(&atom["valence"], valence);
        }
        let stats = self.client.stats();
        let distinct = |of: fn(&Kept) -> &str| self.kept.iter().map(of).collect::<BTreeSet<&str>>();
        assert_eq!(stats["total_atoms"], export.len());
        assert_eq!(stats["episodic_fingerprints"], distinct(|kept| &kept.content).len());
        assert_eq!(stats["domains"], json!(distinct(|kept| &kept.domain)));
    }
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn assert_close(answered: &Value, expected: f64) {
    let answered = answered.as_f64().unwrap();
    assert!((answered - expected).abs() < TOLERANCE, "{answered}, not {expected}");
}
