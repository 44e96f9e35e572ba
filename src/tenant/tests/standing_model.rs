//! What becomes of atoms after they were written, against a naive model: feedback, supersession,
//! consolidation and its undoing, deletion of atoms and domains, in random order, with the tenant
//! opened again in the middle.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::super::consolidate::PlannedConsolidation;
use super::{Bench, atom, query};
use crate::engine::atom::{AtomKind, FeedQuery, TimeWindow, WriteDecision};
use crate::engine::feedback::{Feedback, learn_valence};
use crate::engine::params::FeedbackParams;
use crate::types::{AtomId, AtomNo};

#[derive(Debug, Clone, Default)]
struct Known {
    content: String,
    domain: String,
    valence: f32,
    outcomes: u32,
    supersedes: Vec<AtomId>,
    superseded_by: Option<AtomId>,
    into: Option<AtomId>,
}

impl Known {
    fn is_shown(&self) -> bool {
        self.superseded_by.is_none() && self.into.is_none()
    }
}

#[derive(Default)]
struct Model(BTreeMap<AtomId, Known>);

impl Model {
    fn shown(&self, domain: &str) -> Vec<AtomId> {
        let shown = self.0.iter().filter(|(_, known)| known.domain == domain && known.is_shown());
        shown.map(|(id, _)| *id).collect()
    }

    fn members(&self, prototype: AtomId) -> Vec<AtomId> {
        let members = self.0.iter().filter(|(_, known)| known.into == Some(prototype));
        members.map(|(id, _)| *id).collect()
    }

    fn any(&self, rng: &mut impl Rng) -> Option<AtomId> {
        let at = rng.random_range(0..self.0.len().max(1));
        self.0.keys().nth(at).copied()
    }

    fn delete(&mut self, id: AtomId) {
        for member in self.members(id) {
            self.0.get_mut(&member).unwrap().into = None;
        }
        self.0.remove(&id);
    }

    fn merge(&mut self, prototype: AtomId, members: &[AtomId]) {
        for member in members {
            for inherited in self.members(*member) {
                self.0.get_mut(&inherited).unwrap().into = Some(prototype);
            }
            self.0.get_mut(member).unwrap().into = Some(prototype);
        }
    }

    /// What outcomes say of an atom and of those it stands for.
    fn evidence(&self, id: AtomId) -> (f32, u32) {
        let all = [self.members(id), vec![id]].concat();
        let known = all.iter().map(|id| &self.0[id]);
        let count: u32 = known.clone().map(|known| known.outcomes).sum();
        let sum: f32 = known.map(|known| known.valence * known.outcomes as f32).sum();
        (if count == 0 { 0.0 } else { sum / count as f32 }, count)
    }
}

const DOMAINS: [&str; 2] = ["a", "b"];

fn write(bench: &mut Bench, model: &mut Model, rng: &mut impl Rng, number: u32) {
    let domain = DOMAINS[rng.random_range(0..2)];
    let content = format!("fact number {number} about {domain}");
    let mut new = atom(&content, domain);
    if rng.random_bool(0.3) {
        new.supersedes.extend(model.any(rng));
        new.supersedes.extend(model.any(rng));
        new.supersedes.dedup();
        new.supersedes.retain(|id| model.0[id].superseded_by.is_none());
    }
    let supersedes = new.supersedes.clone();
    let outcome = bench.write_one(new);
    assert_eq!(outcome.decision, WriteDecision::Stored);
    assert_eq!(outcome.superseded, supersedes);
    let id = outcome.atom_id.unwrap();
    for superseded in &supersedes {
        model.0.get_mut(superseded).unwrap().superseded_by = Some(id);
        for member in model.members(*superseded) {
            model.0.get_mut(&member).unwrap().into = None;
        }
    }
    let domain = domain.to_owned();
    model.0.insert(id, Known { content, domain, supersedes, ..Known::default() });
}

fn rate(bench: &mut Bench, model: &mut Model, rng: &mut impl Rng) {
    let atom_ids: Vec<AtomId> = (0..3).filter_map(|_| model.any(rng)).collect();
    let outcome = rng.random_range(-1.0..=1.0);
    let feedback =
        Feedback { atom_ids, outcome, concepts: Vec::new(), query_concepts: vec!["q".to_owned()] };
    let answer = bench.tenant.give_feedback(&feedback).unwrap();
    let mut rated = feedback.atom_ids;
    rated.sort_unstable();
    rated.dedup();
    assert_eq!(answer.updated_count, rated.len());
    for id in rated {
        let known = model.0.get_mut(&id).unwrap();
        known.valence = learn_valence(known.valence, outcome, &FeedbackParams::default());
        known.outcomes += 1;
    }
}

fn consolidate(bench: &mut Bench, model: &mut Model, rng: &mut impl Rng) {
    let domain = DOMAINS[rng.random_range(0..2)];
    let mut shown = model.shown(domain);
    if shown.len() < 3 {
        return;
    }
    let before = shown.len() as u64;
    let prototype = shown.remove(rng.random_range(0..shown.len()));
    let members: Vec<AtomId> = shown.into_iter().filter(|_| rng.random_bool(0.5)).collect();
    let gone = AtomId(uuid::Uuid::nil());
    let plan = PlannedConsolidation {
        domain_no: bench.tenant.domain_numbers[domain],
        clusters: vec![(prototype, [members.clone(), vec![gone]].concat())],
        singletons: Vec::new(),
        before_atom_no: AtomNo(0),
        shown_count: before,
    };
    let mut work = bench.tenant.begin_consolidation(plan);
    while bench.tenant.apply_consolidation_slice(&mut work).unwrap() {}
    let report = work.into_report();
    assert_eq!(report.atoms_after, before - members.len() as u64);
    if !members.is_empty() {
        model.merge(prototype, &members);
    }
}

fn delete_domain(bench: &mut Bench, model: &mut Model, domain: &str) {
    if let Some(mut erasure) = bench.tenant.plan_domain_erasure(domain).unwrap() {
        while bench.tenant.erase_slice(&mut erasure).unwrap() {}
        bench.tenant.finish_erasure(erasure).unwrap();
    }
    model.0.retain(|_, known| known.domain != domain);
}

/// Everything that can be told of the atoms agrees with the model.
fn check(bench: &mut Bench, model: &Model) {
    for (id, known) in &model.0 {
        let found = bench.tenant.find_atom(*id).unwrap().expect("a live atom is found");
        let (valence, outcomes) = model.evidence(*id);
        assert!((found.valence - valence).abs() < 1e-4, "{found:?} {known:?}");
        assert_eq!(found.outcome_count, outcomes);
        assert_eq!(found.supersedes, known.supersedes);
        assert_eq!(found.superseded_by, known.superseded_by);
        assert_eq!(found.consolidated_into, known.into);
        if !model.members(*id).is_empty() {
            assert_eq!(found.kind, AtomKind::Prototype);
        }
        let mut exact = query(&known.content);
        exact.domains = Some(vec![known.domain.clone()]);
        let answer = bench.ask(&exact);
        assert!(answer.iter().all(|(id, _)| model.0[id].is_shown()), "nothing hidden is returned");
        let expected = match known.into {
            Some(prototype) if known.superseded_by.is_none() => prototype,
            _ => *id,
        };
        if model.0[&expected].is_shown() {
            let first = answer.first().map(|(id, _)| *id);
            assert_eq!(first, Some(expected), "{known:?} {:?}", first.map(|id| &model.0[&id]));
        }
        if known.superseded_by.is_some() {
            exact.include_history = true;
            exact.top_k = 100;
            let found = bench.ask(&exact);
            assert!(found.iter().any(|(found, _)| found == id), "history has it");
        }
    }
    let mut fed = Vec::new();
    let mut before = None;
    loop {
        let window = TimeWindow::default();
        let feed = FeedQuery { domain: None, window, include_history: false, limit: 2, before };
        let page = bench.tenant.recent(&feed).unwrap();
        fed.extend(page.atoms.iter().map(|atom| atom.id));
        before = page.next_before;
        if before.is_none() {
            break;
        }
    }
    let shown = model.0.iter().rev().filter(|(_, known)| known.is_shown());
    assert_eq!(fed, shown.map(|(id, _)| *id).collect::<Vec<_>>(), "newest first, each once");
    assert_eq!(bench.tenant.stats().total_atoms, model.0.len() as u64);
}

fn run(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut bench = Bench::new();
    let mut model = Model::default();
    for number in 0..40 {
        match rng.random_range(0..20) {
            0..9 => write(&mut bench, &mut model, &mut rng, number),
            9..12 => rate(&mut bench, &mut model, &mut rng),
            12..14 => consolidate(&mut bench, &mut model, &mut rng),
            14..16 => {
                if let Some(id) = model.any(&mut rng) {
                    assert!(bench.tenant.delete_atom(id).unwrap().was_there);
                    model.delete(id);
                }
            }
            16 => {
                let domain = DOMAINS[rng.random_range(0..2)];
                while bench.tenant.undo_consolidation_slice(domain).unwrap().is_some() {}
                for known in model.0.values_mut().filter(|known| known.domain == domain) {
                    known.into = None;
                }
            }
            17 => delete_domain(&mut bench, &mut model, DOMAINS[rng.random_range(0..2)]),
            _ => bench.reopen(),
        }
    }
    check(&mut bench, &model);
    bench.reopen();
    check(&mut bench, &model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_standing_of_atoms_agrees_with_a_naive_model_across_reopening(seed: u64) {
        run(seed);
    }
}
