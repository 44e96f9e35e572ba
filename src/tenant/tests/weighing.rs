//! Most facts are passed over when a question is answered: the answer is what weighing all of them
//! gives.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::embed;
use super::jobs::Bench;
use crate::engine::atom::{Metadata, NewAtom, ReadQuery};
use crate::engine::distil::DistilledFact;
use crate::engine::prepared::PreparedAtom;
use crate::engine::resources::{ImportanceLevel, ResourceKind};
use crate::engine::subjects::{
    FACTS_RETURNED_MAX, FACTS_WEIGHED_FIRST, FactQuery, FactStanding, NewResource, ResourceContent,
    score,
};
use crate::tenant::{DistilOrder, PreparedFact, ResourceWriting, subject_domain};
use crate::types::{Clock, QueryEmbedding, Timestamp};

const SUBJECT: &str = "ann";
const FACTS: usize = 2 * FACTS_WEIGHED_FIRST;

/// Facts of one resource. Their standings by their texts.
fn remember(
    bench: &mut Bench,
    numbers: std::ops::Range<usize>,
    standing: impl Fn(usize) -> FactStanding,
) -> HashMap<String, FactStanding> {
    let taken = ResourceContent::Text(NewResource {
        kind: ResourceKind::Document,
        content: String::new(),
        thread: None,
        metadata: Metadata::default(),
    });
    let mut pending = bench.tenant.begin(None);
    let resource: Uuid = bench.tenant.take_resource(&mut pending, SUBJECT, &taken).unwrap();
    bench.tenant.commit(pending).unwrap();
    let leased = bench.lease().expect("a job came with it");
    let order = DistilOrder::from_payload(&leased.payload).unwrap();
    assert_eq!(order.resource, resource);
    let mut standings = HashMap::new();
    for number in numbers {
        let text = format!("tea{} cup{} pot{number}", number % 7, number % 11);
        let standing = standing(number);
        let mut writing = ResourceWriting {
            order,
            app: "app".to_owned(),
            at: standing.created_at,
            importance: standing.importance,
            merges: false,
            extracted: 1,
            written: 0,
        };
        let fact = DistilledFact {
            text: text.clone(),
            category: if number.is_multiple_of(3) { "home" } else { "work" }.to_owned(),
            confidence: standing.confidence,
            mentions: Vec::new(),
            relations: Vec::new(),
            slot: None,
        };
        let atom = NewAtom { is_certain: true, ..NewAtom::of(&text, &subject_domain(SUBJECT)) };
        let atom = PreparedAtom::new(atom, embed(&text));
        let mut pending = bench.tenant.begin(None);
        let prepared = PreparedFact { fact, atom };
        bench.tenant.write_fact(&mut pending, &mut writing, prepared).unwrap();
        bench.tenant.commit(pending).unwrap();
        standings.insert(text, standing);
    }
    standings
}

/// Scores of the answer to each question, against those of all facts.
#[track_caller]
fn check(bench: &mut Bench, standings: &HashMap<String, FactStanding>, half_life_days: f64) {
    for (text, category) in [("tea3", None), ("cup5 tea1", Some("home")), ("pot77 cup0", None)] {
        let embedding = QueryEmbedding { whole: embed(text), words: Vec::new() };
        let query = FactQuery {
            text: text.to_owned(),
            tokens_max: 1_000_000,
            with_graph: false,
            categories: category.map(|name| vec![name.to_owned()]),
            half_life_days,
            confidence_min: 0.4,
        };
        let found = bench.tenant.retrieve_facts(SUBJECT, &query, &embedding).unwrap();
        let read = ReadQuery {
            domains: Some(vec![subject_domain(SUBJECT)]),
            ..ReadQuery::about(text, FACTS)
        };
        let all = bench.tenant.retrieve(&read, &embedding).unwrap().items;
        assert_eq!(all.len(), FACTS);
        let now = bench.clock.now();
        let mut expected: Vec<f64> = all
            .iter()
            .map(|item| (f64::from(item.relevance), &item.atom.content))
            .filter(|(_, content)| {
                let is_home =
                    content.rsplit("pot").next().unwrap().parse::<usize>().unwrap() % 3 == 0;
                category.is_none() || is_home
            })
            .map(|(relevance, content)| (relevance, &standings[content]))
            .filter(|(_, standing)| standing.confidence >= 0.4)
            .map(|(relevance, standing)| score(relevance, standing, now, half_life_days))
            .collect();
        expected.sort_by(|one, other| other.total_cmp(one));
        expected.truncate(FACTS_RETURNED_MAX);
        let scores: Vec<f64> = found.facts.iter().map(|fact| fact.score).collect();
        assert_eq!(scores, expected, "{text}");
    }
}

#[test]
fn facts_alike_in_all_but_relevance_are_found_as_if_all_were_weighed() {
    let mut bench = Bench::new();
    let now = bench.clock.now();
    let plain =
        FactStanding { confidence: 0.9, importance: ImportanceLevel::Medium, created_at: now };
    let standings = remember(&mut bench, 0..FACTS, |_| plain);
    check(&mut bench, &standings, 30.0);
}

#[test]
fn what_is_less_relevant_is_found_for_being_newer_surer_or_more_important() {
    let mut bench = Bench::new();
    bench.clock.advance(Duration::from_secs(400 * 86_400));
    let now = bench.clock.now();
    let standings = remember(&mut bench, 0..FACTS, |number| FactStanding {
        confidence: [0.3, 0.65, 0.9, 1.0][number % 4],
        importance: ImportanceLevel::ALL[number / 4 % 4],
        created_at: Timestamp::from_micros(
            now.as_micros() - i64::try_from(number * number % 300).unwrap() * 86_400_000_000,
        ),
    });
    for half_life_days in [0.5, 30.0, 3_650.0] {
        check(&mut bench, &standings, half_life_days);
    }
}
