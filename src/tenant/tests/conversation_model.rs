//! Conversations against a naive model: random ingestions with repeated fragments, recalls,
//! enrichment that is interrupted, deletions and midnights, with the tenant opened again or struck
//! by a power cut in the middle. Every fragment is charged once, every fact is derived once, and
//! a fact goes with its source.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::embed;
use super::jobs::{Bench, LEASE, RETRY};
use crate::engine::atom::{Depth, Enrichment, NewAtom};
use crate::engine::facts::derived_domain;
use crate::engine::jobs::JobsOverview;
use crate::engine::prepared::PreparedAtom;
use crate::engine::recollection::{RecallQuery, Recollection};
use crate::storage::Store;
use crate::tenant::{
    PreparedFragment, TenantError, TokenAllowance, derived_from, enrichment_start,
};
use crate::types::{AtomNo, Clock, QueryEmbedding, Timestamp, TokenDirection, Tokens, YearMonth};

const DOMAIN: &str = "conversation";
const LIMIT: u64 = 60;

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    /// Whether each fragment that is stored can be recalled.
    shown: BTreeMap<usize, bool>,
    /// Fragments that a fact was derived from, and that are still there.
    enriched: BTreeSet<usize>,
    day: i64,
    today: Tokens,
    months: BTreeMap<u32, Tokens>,
}

impl Model {
    fn spend(&mut self, now: Timestamp, tokens: Tokens) {
        if tokens.is_none() {
            return;
        }
        self.today = self.tokens_on(now.epoch_days()).plus(tokens);
        self.day = now.epoch_days();
        let month = self.months.entry(YearMonth::of(now).number()).or_default();
        *month = month.plus(tokens);
    }

    fn tokens_on(&self, day: i64) -> Tokens {
        if day > self.day { Tokens::default() } else { self.today }
    }
}

/// What is asked for with a fragment; `at_once` leaves none waiting for its enrichment.
fn enrichment_of(fragment: usize, at_once: bool) -> Enrichment {
    match fragment % 3 {
        0 => Enrichment::Derive,
        1 => Enrichment::None,
        _ if at_once => Enrichment::Derive,
        _ => Enrichment::DeriveAndReveal,
    }
}

fn reference(fragment: usize) -> String {
    format!("fragment {fragment}")
}

fn prepared(fragment: usize, at_once: bool) -> PreparedFragment {
    let content = format!("user: word{fragment} was said");
    let atom = NewAtom {
        external_ref: Some(reference(fragment)),
        is_certain: true,
        enrichment: enrichment_of(fragment, at_once),
        ..NewAtom::of(&content, DOMAIN)
    };
    let embedding = embed(&content);
    PreparedFragment { atom: PreparedAtom::new(atom, embedding), tokens: fragment as u64 + 1 }
}

struct Run {
    bench: Bench,
    model: Model,
    durable: Model,
    rng: SmallRng,
}

impl Run {
    fn new(seed: u64) -> Self {
        let bench = Bench::new();
        // Near the end of a month, so that runs cross it.
        bench.clock.advance(Duration::from_secs(30 * 86_400));
        let (model, durable) = (Model::default(), Model::default());
        Self { bench, model, durable, rng: SmallRng::seed_from_u64(seed) }
    }

    fn now(&self) -> Timestamp {
        self.bench.clock.now()
    }

    fn ingest(&mut self) {
        let count = self.rng.random_range(1..6);
        let fragments: Vec<usize> = (0..count).map(|_| self.rng.random_range(0..20)).collect();
        let besides = self.rng.random_range(0..2);
        let allowance = TokenAllowance { input: Some(LIMIT), output: None };
        let at_once = self.rng.random_bool(0.5);
        let ready = fragments.iter().map(|fragment| prepared(*fragment, at_once)).collect();
        let begun = self.bench.tenant.begin_ingestion(ready, besides, None, &allowance);
        let used = self.model.tokens_on(self.now().epoch_days()).input;
        let mut run = match begun {
            Ok(run) => run,
            Err(TenantError::TokenLimit { direction, used: told, limit, .. }) => {
                assert_eq!((direction, told, limit), (TokenDirection::Input, used, LIMIT));
                assert!(used >= LIMIT, "refused although {used} of {LIMIT} are used");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        assert!(used < LIMIT, "admitted although {used} of {LIMIT} are used");
        while self.bench.tenant.ingest_slice(&mut run).unwrap() {}
        let (pending, ingested) = self.bench.tenant.finish_ingestion(run).unwrap();
        if self.rng.random_bool(0.1) {
            // The process dies before the batch is applied.
            drop(pending);
            self.bench.reopen();
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        let mut charged = besides;
        for (fragment, is_new) in fragments.into_iter().zip(ingested.are_new) {
            assert_eq!(is_new, !self.model.shown.contains_key(&fragment));
            charged += if is_new { fragment as u64 + 1 } else { 0 };
            let is_shown = enrichment_of(fragment, at_once) != Enrichment::DeriveAndReveal;
            *self.model.shown.entry(fragment).or_default() |= is_shown;
        }
        assert_eq!(ingested.tokens, Tokens { input: charged, output: 0 });
        self.model.spend(self.now(), ingested.tokens);
    }

    /// Remembers fragments past the model.
    fn remember(&mut self, fragments: &[usize], at_once: bool, atoms_max: Option<u64>) {
        let ready = fragments.iter().map(|fragment| prepared(*fragment, at_once)).collect();
        let (tenant, allowance) = (&mut self.bench.tenant, TokenAllowance::default());
        let mut ingestion = tenant.begin_ingestion(ready, 0, atoms_max, &allowance).unwrap();
        while tenant.ingest_slice(&mut ingestion).unwrap() {}
        let (pending, _) = tenant.finish_ingestion(ingestion).unwrap();
        tenant.commit(pending).unwrap();
    }

    fn recall(&mut self) -> Recollection {
        let query = RecallQuery {
            text: "what was said".to_owned(),
            domain: DOMAIN.to_owned(),
            top_k: 100,
            depth: Depth::Deep,
        };
        let embedding = QueryEmbedding { whole: embed("what was said"), words: Vec::new() };
        self.bench.tenant.recall(&query, &embedding).unwrap()
    }

    fn answer(&mut self) {
        let tokens =
            Tokens { input: self.rng.random_range(0..3), output: self.rng.random_range(0..9) };
        self.bench.tenant.spend_tokens_of_answer(tokens).unwrap();
        self.model.spend(self.now(), tokens);
        // The count asked for a flush; once it came, nothing else is on its way.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.bench.tenant.flush_ticket().durable()).unwrap();
        self.durable = self.model.clone();
    }

    /// One job of enrichment, which may be interrupted.
    fn enrich(&mut self, may_fail: bool) -> bool {
        let Some(leased) = self.bench.tenant.lease_job(LEASE, &RETRY).unwrap() else {
            return false;
        };
        let page = self.bench.tenant.enrichment_page(enrichment_start(&leased.payload).unwrap());
        let page = page.unwrap();
        if may_fail && self.rng.random_bool(0.2) {
            self.bench.reopen();
            return true;
        }
        let tenant = &mut self.bench.tenant;
        tenant.check_lease(&leased.lease).unwrap();
        let mut pending = tenant.begin(None);
        for source in &page.atoms {
            let content = format!("a fact of {}", source.content);
            let fact = NewAtom {
                fingerprint: Some(derived_from(source.id)),
                ..NewAtom::of(&content, &derived_domain(&source.domain))
            };
            let fact = PreparedAtom::new(fact, embed(&content));
            tenant.store_fact(&mut pending, source.id, fact).unwrap();
            tenant.reveal(&mut pending, source.id).unwrap();
        }
        tenant.complete(&mut pending, &leased.lease).unwrap();
        if let Some(next) = tenant.enrichment_after(page.next) {
            tenant.enqueue(&mut pending, next).unwrap();
        }
        tenant.commit(pending).unwrap();
        for source in page.atoms {
            let atom = self.bench.tenant.find_atom(source.id).unwrap().unwrap();
            let external_ref = atom.external_ref.unwrap();
            let fragment = external_ref.strip_prefix("fragment ").unwrap().parse().unwrap();
            self.model.shown.insert(fragment, true);
            self.model.enriched.insert(fragment);
        }
        true
    }

    fn delete(&mut self) {
        let fragment = self.rng.random_range(0..20);
        let found = self.bench.tenant.find_by_external_ref(&reference(fragment)).unwrap();
        assert_eq!(found.is_some(), self.model.shown.contains_key(&fragment));
        if let Some(atom) = found {
            self.bench.tenant.delete_atom(atom.id).unwrap();
            self.model.shown.remove(&fragment);
            self.model.enriched.remove(&fragment);
        }
    }

    fn check(&mut self) {
        let now = self.now();
        let today = self.bench.tenant.tokens_today();
        assert_eq!(today.used, self.model.tokens_on(now.epoch_days()));
        for (month, tokens) in &self.model.months {
            let year = i16::try_from(month / 12).unwrap();
            let month = YearMonth::new(year, i8::try_from(month % 12 + 1).unwrap()).unwrap();
            assert_eq!(self.bench.tenant.tokens_of_month(month).unwrap(), *tokens);
        }
        let recalled = self.recall();
        let shown: BTreeSet<_> =
            recalled.fragments.iter().filter_map(|item| item.atom.external_ref.clone()).collect();
        let expected = self.model.shown.iter().filter(|(_, is_shown)| **is_shown);
        let expected: BTreeSet<_> = expected.map(|(fragment, _)| reference(*fragment)).collect();
        assert_eq!(shown, expected);
        assert_eq!(recalled.facts.len(), self.model.enriched.len());
    }
}

fn run_random_commands(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..50 {
        let pause = Duration::from_secs(run.rng.random_range(0..20_000));
        run.bench.clock.advance(pause);
        match run.rng.random_range(0..12) {
            0..5 => run.ingest(),
            5 => run.answer(),
            6..8 => drop(run.enrich(true)),
            8 => run.delete(),
            9 => run.bench.reopen(),
            10 => {
                run.bench.store.flush().unwrap();
                run.durable = run.model.clone();
            }
            _ => {
                run.bench.store = run.bench.store.after_power_cut();
                run.bench.reopen();
                run.model = run.durable.clone();
            }
        }
        run.check();
    }
    // Whatever was interrupted ends; a job interrupted too often is tried again by an operator.
    while run.bench.tenant.jobs_overview() != JobsOverview::default() {
        for letter in run.bench.tenant.dead_letters(None, usize::MAX) {
            run.bench.tenant.retry_dead(letter.job).unwrap();
        }
        run.bench.clock.advance(LEASE);
        run.enrich(false);
    }
    run.check();
    let waits = |fragment: &usize| enrichment_of(*fragment, true) != Enrichment::None;
    let derivable: BTreeSet<_> = run.model.shown.keys().copied().filter(waits).collect();
    assert_eq!(run.model.enriched, derivable, "nothing was left out");
    assert!(run.model.shown.values().all(|is_shown| *is_shown));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn conversations_agree_with_a_naive_model_across_reopening_and_power_cuts(seed: u64) {
        run_random_commands(seed);
    }
}

/// It dies before a flush, is opened again, and charges nothing before the power goes.
#[test]
fn what_a_former_opening_left_unflushed_is_durable_with_the_next_ticket() {
    run_random_commands(13_747_151_623_695_271_753);
}

#[test]
fn an_empty_domain_s_deletion_takes_its_facts_along() {
    let mut run = Run::new(1);
    run.remember(&[0, 3], true, None);
    run.rng = SmallRng::seed_from_u64(2);
    while run.enrich(false) {
        run.bench.clock.advance(LEASE);
    }
    assert_eq!(run.bench.tenant.domain_names().len(), 2);
    for fragment in [0, 3] {
        let atom = run.bench.tenant.find_by_external_ref(&reference(fragment)).unwrap().unwrap();
        run.bench.tenant.delete_atom(atom.id).unwrap();
    }
    assert!(run.bench.tenant.domain_names().is_empty());
}

#[test]
fn facts_that_do_not_fit_into_the_plan_are_left_out_and_their_job_is_done() {
    let mut run = Run::new(1);
    run.remember(&[0], true, Some(1));
    let allowance = TokenAllowance::default();
    let refused = run.bench.tenant.begin_ingestion(vec![prepared(3, true)], 0, Some(1), &allowance);
    assert!(matches!(refused.map(drop), Err(TenantError::AtomLimit { limit: 1 })));

    let leased = run.bench.tenant.lease_job(LEASE, &RETRY).unwrap().unwrap();
    let from = enrichment_start(&leased.payload).unwrap();
    let source = run.bench.tenant.enrichment_page(from).unwrap().atoms.remove(0);
    let fact = NewAtom::of("a fact", &derived_domain(&source.domain));
    let fact = PreparedAtom::new(fact, embed("a fact"));
    let mut pending = run.bench.tenant.begin(Some(1));
    assert!(!run.bench.tenant.store_fact(&mut pending, source.id, fact).unwrap());
    run.bench.tenant.complete(&mut pending, &leased.lease).unwrap();
    run.bench.tenant.commit(pending).unwrap();
    assert_eq!(run.bench.tenant.stats().total_atoms, 1);
    assert_eq!(run.bench.tenant.jobs_overview(), JobsOverview::default());
}

#[test]
fn an_enrichment_that_was_given_up_goes_on_with_the_next_fragments() {
    let mut run = Run::new(1);
    run.remember(&[2], false, None);
    let leased = run.bench.tenant.lease_job(LEASE, &RETRY).unwrap().unwrap();
    run.bench.tenant.fail_job(&leased.lease, "on purpose", false, &RETRY).unwrap();
    run.bench.reopen();
    assert_eq!(run.bench.tenant.jobs_overview().dead, 1);
    assert!(run.recall().fragments.is_empty(), "it waits for its enrichment");

    run.remember(&[3], true, None);
    run.bench.reopen();
    let overview = run.bench.tenant.jobs_overview();
    assert_eq!((overview.dead, overview.waiting), (0, 1), "one job goes over all");
    while run.enrich(false) {}
    let recalled = run.recall();
    assert_eq!((recalled.fragments.len(), recalled.facts.len()), (2, 2));
}

#[test]
fn a_page_ends_at_its_bytes_also_where_nothing_is_derived() {
    let mut run = Run::new(1);
    let long = |no: usize| PreparedFragment {
        atom: PreparedAtom::new(NewAtom::of(&format!("{no} {}", "x ".repeat(100_000)), "d"), None),
        tokens: 1,
    };
    let ready = (0..4).map(long).collect();
    let allowance = TokenAllowance::default();
    let tenant = &mut run.bench.tenant;
    let mut ingestion = tenant.begin_ingestion(ready, 0, None, &allowance).unwrap();
    while tenant.ingest_slice(&mut ingestion).unwrap() {}
    let (pending, ingested) = tenant.finish_ingestion(ingestion).unwrap();
    tenant.commit(pending).unwrap();
    assert_eq!(ingested.are_new, [true; 4]);
    let page = tenant.enrichment_page(AtomNo(1)).unwrap();
    assert_eq!((page.atoms.len(), page.next), (0, AtomNo(3)));
}
