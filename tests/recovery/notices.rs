//! `kill -9` while a webhook is told of what was remembered, by a receiver that does not take
//! everything at once: each resource is told of at least once, and always under one id.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use crate::app::note;
use crate::facts::Town;
use crate::receiver::{Arrived, Receiver, Reply};
use crate::seed::seeded;

const KILLS: usize = 10;
const RESOURCES_EACH: usize = 15;
/// Of messages, the first among them.
const REFUSED_EVERY: usize = 9;
const SECRET: &str = "a secret between two machines";

const NO_PAUSES: &[&str] = &["--set", "outbound_webhooks.retry_pauses_ms=[1, 1, 1]"];

/// What a message tells of.
fn resource_of(arrived: &Arrived) -> String {
    let body = arrived.body();
    let told = (&body["event"], &body["userId"], &body["data"]["factsWritten"]);
    assert_eq!(told, (&"memory.processed".into(), &"ann".into(), &1.into()), "{body}");
    body["data"]["resourceId"].as_str().unwrap().to_owned()
}

#[test]
fn every_resource_is_told_of_over_kills_and_always_under_one_id() {
    let mut rng = seeded("kills while webhooks are told of resources");
    let mut town = Town::open(&[NO_PAUSES]);
    let replies = (0..10 * KILLS * RESOURCES_EACH)
        .map(|number| Reply::Status(if number % REFUSED_EVERY == 0 { 503 } else { 200 }));
    let receiver = Receiver::start(replies);
    town.app.register_webhook(&receiver.url(), &["memory.processed"], SECRET);
    let (mut taken, mut arrived) = (BTreeSet::new(), Vec::new());
    for round in 0..KILLS {
        for number in 0..RESOURCES_EACH {
            let text = format!("The keeper noted ship {number} in round {round}");
            taken.insert(town.app.record(&note("ann", "general", &text, &[])));
        }
        // So many arrive that no message meets more kills than it has attempts.
        for _ in 0..rng.random_range(3..8) {
            arrived.push(receiver.next());
        }
        town.pass(rng.random_range(0..10));
        town.kill();
        town.start();
    }
    let is_told = |arrived: &[Arrived]| {
        arrived.iter().map(resource_of).collect::<BTreeSet<_>>().len() == taken.len()
    };
    while !is_told(&arrived) {
        arrived.push(receiver.next());
    }
    town.stop();
    arrived.extend(receiver.rest());

    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for it in &arrived {
        assert!(it.is_signed_with(SECRET));
        ids.entry(resource_of(it)).or_default().insert(it.id());
    }
    println!("{} resources were told of {} times", taken.len(), arrived.len());
    assert_eq!(ids.keys().cloned().collect::<BTreeSet<_>>(), taken, "of each, and of no other");
    assert!(ids.values().all(|ids| ids.len() == 1), "a message came under two ids: {ids:?}");
    let distinct: BTreeSet<&String> = ids.values().flatten().collect();
    assert_eq!(distinct.len(), taken.len(), "two messages came under one id");
}
