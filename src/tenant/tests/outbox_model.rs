//! The outbox against a naive model: random notices, deliveries, failures, forgetting and
//! retries, with the tenant opened again or struck by a power cut in the middle.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::jobs::{Bench, RETRY};
use super::outbox::PAUSES;
use crate::engine::jobs::LeasedJob;
use crate::engine::notices::{DELIVERY_ATTEMPTS_MAX, Delivery, DeliveryOutcome, NoticeKind};
use crate::storage::Store;
use crate::types::WebhookId;

const KINDS: [NoticeKind; 2] = [NoticeKind::MemoryProcessed, NoticeKind::ConflictDetected];
const URLS: [&str; 3] = ["http://a/", "http://b/", "http://c/"];

#[derive(Debug, Clone, PartialEq)]
struct Message {
    body: String,
    subject_no: Option<u32>,
    attempts: u32,
}

#[derive(Debug, Clone, Default)]
struct Model {
    webhooks: BTreeMap<WebhookId, (String, Vec<NoticeKind>)>,
    waiting: BTreeMap<WebhookId, Vec<Message>>,
    dead: Vec<(WebhookId, Message)>,
    emitted: usize,
}

struct Run {
    bench: Bench,
    model: Model,
    durable: Model,
    rng: SmallRng,
    /// A job that was leased and what it sends.
    running: Vec<(LeasedJob, WebhookId, Option<Delivery>)>,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            bench: Bench::new(),
            model: Model::default(),
            durable: Model::default(),
            rng: SmallRng::seed_from_u64(seed),
            running: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..8 => self.register(),
            8..12 => self.remove(),
            12..40 => self.emit(),
            40..62 => self.begin(),
            62..82 => self.end(),
            82..86 => self.forget(),
            86..90 => self.retry(),
            90..94 => {
                self.bench.store.flush().unwrap();
                self.durable = self.model.clone();
            }
            94..97 => {
                self.running.clear();
                self.bench.reopen();
            }
            _ => {
                self.running.clear();
                self.bench.store = self.bench.store.after_power_cut();
                self.bench.reopen();
                self.model = self.durable.clone();
            }
        }
        let pause_s = self.rng.random_range(0..120);
        self.bench.clock.advance(Duration::from_secs(pause_s));
    }

    fn register(&mut self) {
        let url = URLS[self.rng.random_range(0..URLS.len())];
        let events = KINDS[self.rng.random_range(0..2)..].to_vec();
        let id = self.bench.register(url, &events);
        let known = self.model.webhooks.iter().find(|(_, (known, _))| known == url);
        assert!(known.is_none_or(|(known, _)| *known == id), "an address keeps its id");
        self.model.webhooks.insert(id, (url.to_owned(), events));
        self.model.waiting.entry(id).or_default();
    }

    fn some_webhook(&mut self) -> Option<WebhookId> {
        let count = self.model.webhooks.len();
        (count > 0)
            .then(|| self.rng.random_range(0..count))
            .and_then(|at| self.model.webhooks.keys().nth(at).copied())
    }

    fn remove(&mut self) {
        let Some(id) = self.some_webhook() else { return };
        let mut pending = self.bench.tenant.begin(None);
        assert!(self.bench.tenant.remove_webhook(&mut pending, id).unwrap());
        self.bench.tenant.commit(pending).unwrap();
        self.model.webhooks.remove(&id);
        self.model.waiting.remove(&id);
        self.model.dead.retain(|(webhook, _)| *webhook != id);
    }

    fn emit(&mut self) {
        let kind = KINDS[self.rng.random_range(0..2)];
        let subject_no = self.rng.random_bool(0.8).then(|| self.rng.random_range(0..3));
        self.model.emitted += 1;
        // The number of openings keeps bodies apart that a power cut takes back.
        let body = format!("{}-{}", self.model.emitted, self.rng.random_range(0..u32::MAX));
        self.bench.emit(kind, subject_no, &body);
        for (id, (_, events)) in &self.model.webhooks {
            if events.contains(&kind) {
                let message = Message { body: body.clone(), subject_no, attempts: 0 };
                self.model.waiting.entry(*id).or_default().push(message);
            }
        }
    }

    fn begin(&mut self) {
        let Some(leased) =
            self.bench.tenant.lease_job(Duration::from_secs(100_000), &RETRY).unwrap()
        else {
            return;
        };
        let webhook = WebhookId(Uuid::from_slice(&leased.payload).unwrap());
        let delivery = self.bench.tenant.begin_delivery(webhook).unwrap();
        let lined_up = self.model.waiting.entry(webhook).or_default();
        while lined_up.first().is_some_and(|head| head.attempts >= DELIVERY_ATTEMPTS_MAX) {
            self.model.dead.push((webhook, lined_up.remove(0)));
        }
        if let Some(delivery) = &delivery {
            let head = lined_up.first_mut().expect("only what waits is sent");
            head.attempts += 1;
            assert_eq!((&delivery.body, delivery.attempt), (&head.body, head.attempts));
        }
        self.running.push((leased, webhook, delivery));
    }

    fn end(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.running.len());
        let (leased, webhook, delivery) = self.running.remove(at);
        let is_success = self.rng.random_bool(0.5);
        let outcome = match is_success {
            true => DeliveryOutcome::Delivered,
            false => DeliveryOutcome::Failed("no".to_owned()),
        };
        self.bench.tenant.check_lease(&leased.lease).unwrap();
        let mut pending = self.bench.tenant.begin(None);
        if let Some(delivery) = &delivery {
            let tenant = &mut self.bench.tenant;
            tenant.end_delivery(&mut pending, webhook, delivery.no, &outcome, &PAUSES).unwrap();
        }
        self.bench.tenant.complete(&mut pending, &leased.lease).unwrap();
        if let Some(next) = self.bench.tenant.delivery_job(webhook) {
            self.bench.tenant.enqueue(&mut pending, next).unwrap();
        }
        self.bench.tenant.commit(pending).unwrap();
        let Some(delivery) = delivery else { return };
        let Some(lined_up) = self.model.waiting.get_mut(&webhook) else { return };
        let Some(position) = lined_up.iter().position(|it| it.body == delivery.body) else {
            return;
        };
        if is_success {
            lined_up.remove(position);
        } else if lined_up[position].attempts >= DELIVERY_ATTEMPTS_MAX {
            self.model.dead.push((webhook, lined_up.remove(position)));
        }
    }

    fn forget(&mut self) {
        let subject_no = self.rng.random_range(0..3);
        let mut pending = self.bench.tenant.begin(None);
        self.bench.tenant.forget_messages_of(&mut pending, subject_no).unwrap();
        self.bench.tenant.commit(pending).unwrap();
        for lined_up in self.model.waiting.values_mut() {
            lined_up.retain(|message| message.subject_no != Some(subject_no));
        }
        self.model.dead.retain(|(_, message)| message.subject_no != Some(subject_no));
    }

    fn retry(&mut self) {
        let dead = self.bench.tenant.dead_messages(100).unwrap();
        if dead.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..dead.len());
        let mut pending = self.bench.tenant.begin(None);
        assert!(self.bench.tenant.retry_message(&mut pending, dead[at].id).unwrap());
        self.bench.tenant.commit(pending).unwrap();
        let webhook = dead[at].webhook;
        // Those of one webhook died in the order in which they are listed.
        let before = dead[..at].iter().filter(|it| it.webhook == webhook).count();
        let mut of_webhook = self.model.dead.iter().enumerate();
        let (position, _) =
            of_webhook.by_ref().filter(|(_, it)| it.0 == webhook).nth(before).unwrap();
        let (_, message) = self.model.dead.remove(position);
        self.model.waiting.entry(webhook).or_default().push(Message { attempts: 0, ..message });
    }

    fn check(&self) {
        let all = self.bench.tenant.webhooks();
        assert_eq!(all.len(), self.model.webhooks.len());
        for status in all {
            let (url, events) = &self.model.webhooks[&status.webhook.id];
            assert_eq!((&status.webhook.url, &status.webhook.events), (url, events));
            let waiting = self.model.waiting.get(&status.webhook.id).map_or(0, Vec::len);
            let of_webhook = |(webhook, _): &&(WebhookId, Message)| *webhook == status.webhook.id;
            let dead = self.model.dead.iter().filter(of_webhook).count();
            assert_eq!((status.waiting, status.dead), (waiting, dead));
        }
    }

    /// Everything that waits arrives, in its order, once receivers take it.
    fn drain(&mut self) {
        self.running.clear();
        self.bench.reopen();
        for lined_up in self.model.waiting.values_mut() {
            lined_up.retain(|message| message.attempts < DELIVERY_ATTEMPTS_MAX);
        }
        let mut arrived: BTreeMap<WebhookId, Vec<String>> = BTreeMap::new();
        for _ in 0..10_000 {
            if self.bench.tenant.jobs_overview().next_look.is_none() {
                break;
            }
            self.bench.clock.advance(Duration::from_secs(600));
            let Some(leased) = self.bench.lease() else { continue };
            let webhook = WebhookId(Uuid::from_slice(&leased.payload).unwrap());
            let delivery = self.bench.tenant.begin_delivery(webhook).unwrap();
            let mut pending = self.bench.tenant.begin(None);
            if let Some(delivery) = delivery {
                let (tenant, done) = (&mut self.bench.tenant, DeliveryOutcome::Delivered);
                tenant.end_delivery(&mut pending, webhook, delivery.no, &done, &PAUSES).unwrap();
                arrived.entry(webhook).or_default().push(delivery.body);
            }
            self.bench.tenant.complete(&mut pending, &leased.lease).unwrap();
            if let Some(next) = self.bench.tenant.delivery_job(webhook) {
                self.bench.tenant.enqueue(&mut pending, next).unwrap();
            }
            self.bench.tenant.commit(pending).unwrap();
        }
        for (webhook, lined_up) in &self.model.waiting {
            let expected: Vec<_> = lined_up.iter().map(|message| message.body.clone()).collect();
            assert_eq!(arrived.remove(webhook).unwrap_or_default(), expected);
        }
        assert!(arrived.is_empty());
        assert!(self.bench.tenant.jobs_overview().next_look.is_none(), "no job is left");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_sent_in_order_until_they_arrive_are_given_up_or_forgotten(seed: u64) {
        let mut run = Run::new(seed);
        for _ in 0..120 {
            run.step();
            run.check();
        }
        run.drain();
    }
}
