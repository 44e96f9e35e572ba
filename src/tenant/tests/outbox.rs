//! The outbox of one tenant, step by step: who gets what in which order, what failures, restarts
//! and crowds make of messages, and what forgetting leaves.

use std::time::Duration;

use uuid::Uuid;

use super::jobs::{Bench, LEASE, RETRY};
use crate::engine::jobs::{JobState, LeasedJob};
use crate::engine::notices::{
    Delivery, DeliveryFate, DeliveryOutcome, DeliveryPauses, NewMessage, NoticeKind, Webhook,
};
use crate::storage::Store;
use crate::storage::keys::{self, Kind};
use crate::tenant::{DELIVERY_KIND, TenantError};
use crate::types::limits::{
    DEAD_MESSAGES_MAX, MESSAGE_BYTES_MAX, UNFINISHED_JOBS_MAX, WAITING_MESSAGE_BYTES_MAX,
    WEBHOOKS_MAX,
};
use crate::types::{Clock, MessageId, WebhookId};

pub(super) const PAUSES: DeliveryPauses = DeliveryPauses { ms: [5_000, 60_000, 600_000] };

use NoticeKind::{EntityCreated, MemoryProcessed};

impl Bench {
    pub(super) fn register(&mut self, url: &str, events: &[NoticeKind]) -> WebhookId {
        self.try_register(url, events).unwrap().id
    }

    fn try_register(&mut self, url: &str, events: &[NoticeKind]) -> Result<Webhook, TenantError> {
        let mut pending = self.tenant.begin(None);
        let id = WebhookId(Uuid::new_v4());
        let webhook = self.tenant.register_webhook(&mut pending, id, url, events.to_vec())?;
        self.tenant.commit(pending)?;
        Ok(webhook)
    }

    pub(super) fn emit(&mut self, kind: NoticeKind, subject_no: Option<u32>, body: &str) {
        let message = NewMessage { kind, subject_no, body: body.to_owned() };
        let mut pending = self.tenant.begin(None);
        self.tenant.emit(&mut pending, message).unwrap();
        self.tenant.commit(pending).unwrap();
    }

    /// Leases the job of a webhook, which must be due.
    fn lease_delivery(&mut self) -> LeasedJob {
        let leased = self.lease().expect("a delivery is due");
        assert_eq!(leased.kind, DELIVERY_KIND);
        leased
    }

    /// What the job's handler does: sends, and hands over what became of it.
    fn deliver(&mut self, outcome: &DeliveryOutcome) -> Option<(Delivery, DeliveryFate)> {
        let leased = self.lease_delivery();
        let webhook = WebhookId(Uuid::from_slice(&leased.payload).unwrap());
        let delivery = self.tenant.begin_delivery(webhook).unwrap();
        let fate = self.end(&leased, webhook, delivery.as_ref(), outcome);
        delivery.zip(fate)
    }

    fn end(
        &mut self,
        leased: &LeasedJob,
        webhook: WebhookId,
        delivery: Option<&Delivery>,
        outcome: &DeliveryOutcome,
    ) -> Option<DeliveryFate> {
        self.tenant.check_lease(&leased.lease).unwrap();
        let mut pending = self.tenant.begin(None);
        let fate = delivery.map(|delivery| {
            let no = delivery.no;
            self.tenant.end_delivery(&mut pending, webhook, no, outcome, &PAUSES).unwrap()
        });
        self.tenant.complete(&mut pending, &leased.lease).unwrap();
        if let Some(next) = self.tenant.delivery_job(webhook) {
            self.tenant.enqueue(&mut pending, next).unwrap();
        }
        self.tenant.commit(pending).unwrap();
        fate
    }

    fn waiting_and_dead(&self) -> (usize, usize) {
        let all = self.tenant.webhooks();
        (all.iter().map(|it| it.waiting).sum(), all.iter().map(|it| it.dead).sum())
    }

    fn stored(&self, kind: Kind) -> usize {
        let prefix = keys::kind_prefix(super::jobs::NO, kind);
        self.store.scan(&prefix, None, usize::MAX).unwrap().len()
    }

    fn stores(&self, text: &str) -> bool {
        let all = self.store.scan(&[], None, usize::MAX).unwrap();
        all.iter().any(|(_, value)| value.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

fn failed() -> DeliveryOutcome {
    DeliveryOutcome::Failed("it answered with status 500".to_owned())
}

#[test]
fn a_notice_goes_to_those_who_want_it_and_costs_nothing_where_nobody_does() {
    let mut bench = Bench::new();
    assert!(!bench.tenant.wants(MemoryProcessed));
    bench.emit(MemoryProcessed, None, "nobody hears it");
    assert_eq!((bench.waiting_and_dead(), bench.lease()), ((0, 0), None));
    bench.register("http://a/", &[MemoryProcessed, EntityCreated]);
    bench.register("http://b/", &[MemoryProcessed]);
    assert!(bench.tenant.wants(EntityCreated) && !bench.tenant.wants(NoticeKind::EntityUpdated));
    bench.emit(MemoryProcessed, None, "to both");
    bench.emit(EntityCreated, None, "to one");
    bench.emit(NoticeKind::EntityUpdated, None, "to nobody");
    assert_eq!(bench.waiting_and_dead(), (3, 0));
    let mut arrived = Vec::new();
    for _ in 0..3 {
        let (delivery, fate) = bench.deliver(&DeliveryOutcome::Delivered).unwrap();
        assert_eq!((fate, delivery.attempt), (DeliveryFate::Done, 1));
        arrived.push((delivery.url, delivery.body));
    }
    arrived.sort();
    let to = |url: &str, body: &str| (url.to_owned(), body.to_owned());
    assert_eq!(
        arrived,
        [to("http://a/", "to both"), to("http://a/", "to one"), to("http://b/", "to both")]
    );
    assert_eq!((bench.waiting_and_dead(), bench.lease()), ((0, 0), None));
    assert_eq!((bench.stored(Kind::OutboxMessage), bench.marker()), (0, None));
}

#[test]
fn a_failing_message_delays_those_behind_it_until_it_is_given_up() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "first");
    bench.emit(MemoryProcessed, None, "second");
    let mut ids = Vec::new();
    for attempt in 1..=4 {
        let (delivery, fate) = bench.deliver(&failed()).unwrap();
        assert_eq!((delivery.body.as_str(), delivery.attempt), ("first", attempt));
        ids.push(delivery.id);
        match PAUSES.pause_after_us(attempt) {
            Some(pause_us) => {
                let pause = Duration::from_micros(pause_us);
                assert_eq!(fate, DeliveryFate::RetryAt(bench.clock.now().plus(pause)));
                bench.clock.advance(pause - Duration::from_micros(1));
                assert_eq!(bench.lease(), None, "not before its time, and none overtakes it");
                bench.clock.advance(Duration::from_micros(1));
                bench.reopen();
            }
            None => assert_eq!((fate, attempt), (DeliveryFate::Dead, 4)),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one id through all attempts and openings");
    let (delivery, _) = bench.deliver(&DeliveryOutcome::Delivered).unwrap();
    assert_eq!(delivery.body, "second");
    let dead = bench.tenant.dead_messages(10).unwrap();
    assert_eq!((dead[0].id, dead[0].attempts, dead.len()), (ids[0], 4, 1));
    assert_eq!(dead[0].error, "it answered with status 500");
    assert_eq!((bench.waiting_and_dead(), bench.marker()), ((0, 1), None));
}

#[test]
fn a_dead_letter_is_tried_again_behind_the_others_under_its_id() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, Some(3), "given up");
    for _ in 0..4 {
        bench.deliver(&failed()).unwrap();
        bench.clock.advance(Duration::from_secs(600));
    }
    let id = bench.tenant.dead_messages(1).unwrap()[0].id;
    bench.emit(MemoryProcessed, None, "came later");
    bench.reopen();
    let retry = |bench: &mut Bench, id| {
        let mut pending = bench.tenant.begin(None);
        let found = bench.tenant.retry_message(&mut pending, id).unwrap();
        bench.tenant.commit(pending).unwrap();
        found
    };
    assert!(!retry(&mut bench, MessageId(Uuid::nil())));
    assert!(retry(&mut bench, id));
    assert!(!retry(&mut bench, id), "it waits now");
    assert_eq!(bench.waiting_and_dead(), (2, 0));
    let later = bench.deliver(&DeliveryOutcome::Delivered).unwrap().0;
    let again = bench.deliver(&DeliveryOutcome::Delivered).unwrap().0;
    assert_eq!((later.body.as_str(), again.body.as_str()), ("came later", "given up"));
    assert_eq!((again.id, again.attempt), (id, 1));
}

/// The attempt is durable before anything is sent, so each crash costs one.
#[test]
fn a_message_that_ends_the_process_each_time_is_given_up() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "deadly");
    bench.emit(MemoryProcessed, None, "harmless");
    bench.store.flush().unwrap();
    for attempt in 1..=4 {
        let leased = bench.lease_delivery();
        let webhook = WebhookId(Uuid::from_slice(&leased.payload).unwrap());
        let delivery = bench.tenant.begin_delivery(webhook).unwrap().unwrap();
        assert_eq!((delivery.body.as_str(), delivery.attempt), ("deadly", attempt));
        bench.store.flush().unwrap();
        bench.store = bench.store.after_power_cut();
        bench.reopen();
        assert_eq!(bench.lease(), None, "a job that was interrupted pauses");
        bench.clock.advance(Duration::from_millis(RETRY.backoff_max_ms));
    }
    let (delivery, _) = bench.deliver(&DeliveryOutcome::Delivered).unwrap();
    assert_eq!(delivery.body, "harmless");
    let dead = bench.tenant.dead_messages(10).unwrap();
    assert_eq!((dead.len(), dead[0].attempts), (1, 4));
    assert!(dead[0].error.contains("the server stopped"), "{}", dead[0].error);
}

#[test]
fn an_attempt_whose_end_is_lost_is_made_again_with_the_same_id() {
    let mut bench = Bench::new();
    let webhook = bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "sent twice");
    bench.lease_delivery();
    let first = bench.tenant.begin_delivery(webhook).unwrap().unwrap();
    bench.reopen();
    bench.clock.advance(LEASE);
    assert_eq!(bench.lease(), None, "the lapsed attempt is put back first");
    bench.clock.advance(LEASE);
    let (second, fate) = bench.deliver(&DeliveryOutcome::Delivered).unwrap();
    assert_eq!((second.id, second.attempt, fate), (first.id, 2, DeliveryFate::Done));
    assert_ne!(first.attempt, second.attempt);
}

#[test]
fn what_was_forgotten_is_not_sent_again_and_no_byte_of_it_is_left() {
    let mut bench = Bench::new();
    let webhook = bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, Some(1), "dead of ada");
    for _ in 0..4 {
        bench.deliver(&failed()).unwrap();
        bench.clock.advance(Duration::from_secs(600));
    }
    for (subject_no, body) in [(1, "head of ada"), (2, "of bob"), (1, "tail of ada")] {
        bench.emit(MemoryProcessed, Some(subject_no), body);
    }
    let leased = bench.lease_delivery();
    let delivery = bench.tenant.begin_delivery(webhook).unwrap().unwrap();
    assert_eq!(delivery.body, "head of ada");
    let mut pending = bench.tenant.begin(None);
    bench.tenant.forget_messages_of(&mut pending, 1).unwrap();
    bench.tenant.commit(pending).unwrap();
    assert!(!bench.stores("of ada") && bench.stores("of bob"));
    assert_eq!(bench.waiting_and_dead(), (1, 0));
    let fate = bench.end(&leased, webhook, Some(&delivery), &failed());
    assert_eq!(fate, Some(DeliveryFate::Gone), "its failure brings nothing back");
    assert!(!bench.stores("of ada"));
    bench.reopen();
    assert_eq!(bench.deliver(&DeliveryOutcome::Delivered).unwrap().0.body, "of bob");
    assert_eq!((bench.waiting_and_dead(), bench.lease()), ((0, 0), None));
}

#[test]
fn an_address_has_one_webhook_which_keeps_its_id_when_it_is_registered_again() {
    let mut bench = Bench::new();
    let first = bench.try_register("http://a/", &[MemoryProcessed]).unwrap();
    bench.emit(MemoryProcessed, None, "waits");
    bench.clock.advance(Duration::from_secs(1));
    let again = bench.try_register("http://a/", &[EntityCreated]).unwrap();
    assert_eq!((again.id, again.created_at), (first.id, first.created_at));
    assert_eq!(again.events, [EntityCreated]);
    bench.reopen();
    assert_eq!(bench.tenant.find_webhook("http://a/"), Some(&again));
    assert!(!bench.tenant.wants(MemoryProcessed));
    assert_eq!(bench.deliver(&DeliveryOutcome::Delivered).unwrap().0.body, "waits");
    for no in 1..WEBHOOKS_MAX {
        bench.register(&format!("http://{no}/"), &[MemoryProcessed]);
    }
    let one_more = bench.try_register("http://more/", &[MemoryProcessed]);
    assert!(matches!(one_more, Err(TenantError::WebhookLimit { limit: WEBHOOKS_MAX })));
    assert!(bench.try_register("http://a/", &[MemoryProcessed]).is_ok());
}

#[test]
fn a_webhook_that_is_removed_takes_its_messages_along_and_no_others() {
    let mut bench = Bench::new();
    let gone = bench.register("http://gone/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "dead");
    for _ in 0..4 {
        bench.deliver(&failed()).unwrap();
        bench.clock.advance(Duration::from_secs(600));
    }
    bench.register("http://stays/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "to both");
    let mut pending = bench.tenant.begin(None);
    assert!(bench.tenant.remove_webhook(&mut pending, gone).unwrap());
    assert!(!bench.tenant.remove_webhook(&mut pending, gone).unwrap());
    bench.tenant.commit(pending).unwrap();
    assert_eq!(bench.waiting_and_dead(), (1, 0));
    assert_eq!((bench.stored(Kind::OutboxMessage), bench.stored(Kind::DeadMessage)), (1, 0));
    bench.reopen();
    let mut arrived = Vec::new();
    while bench.tenant.jobs_overview().waiting > 0 {
        arrived.extend(bench.deliver(&DeliveryOutcome::Delivered));
    }
    let urls: Vec<_> = arrived.iter().map(|(delivery, _)| delivery.url.as_str()).collect();
    assert_eq!(urls, ["http://stays/"], "the job of the other one found nothing to do");
}

#[test]
fn the_oldest_messages_of_a_full_line_are_given_up() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    let body = "x".repeat(MESSAGE_BYTES_MAX);
    let fit = WAITING_MESSAGE_BYTES_MAX / MESSAGE_BYTES_MAX;
    for _ in 0..fit {
        bench.emit(MemoryProcessed, None, &body);
    }
    assert_eq!(bench.waiting_and_dead(), (fit, 0));
    bench.emit(MemoryProcessed, None, "one more");
    assert_eq!(bench.waiting_and_dead(), (fit, 1));
    assert!(bench.tenant.dead_messages(1).unwrap()[0].error.contains("too many"));
    bench.emit(MemoryProcessed, None, &"x".repeat(MESSAGE_BYTES_MAX + 1));
    assert_eq!(bench.waiting_and_dead(), (fit, 1), "a notice that is too long is not sent");
    for _ in 0..DEAD_MESSAGES_MAX {
        bench.emit(MemoryProcessed, None, &body);
    }
    assert_eq!(bench.waiting_and_dead().1, DEAD_MESSAGES_MAX, "the oldest of them make room");
    let stored = (bench.stored(Kind::OutboxMessage), bench.stored(Kind::DeadMessage));
    bench.reopen();
    assert_eq!(bench.waiting_and_dead(), stored);
}

#[test]
fn a_tenant_whose_jobs_are_all_taken_still_sends() {
    let mut bench = Bench::new();
    let mut pending = bench.tenant.begin(None);
    for _ in 0..UNFINISHED_JOBS_MAX {
        let job = crate::engine::jobs::NewJob::new("other", Vec::new());
        bench.tenant.enqueue(&mut pending, job).unwrap();
    }
    bench.tenant.commit(pending).unwrap();
    let webhook = bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "all the same");
    assert!(bench.tenant.begin_delivery(webhook).unwrap().is_some());
    assert_eq!(bench.tenant.jobs_overview().waiting, UNFINISHED_JOBS_MAX + 1);
}

#[test]
fn a_reset_forgets_the_messages_and_keeps_the_webhooks() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "dead soon");
    for _ in 0..4 {
        bench.deliver(&failed()).unwrap();
        bench.clock.advance(Duration::from_secs(600));
    }
    bench.emit(MemoryProcessed, None, "waits soon");
    bench.reset();
    assert!(!bench.stores("soon"));
    assert_eq!((bench.waiting_and_dead(), bench.lease()), ((0, 0), None));
    bench.reopen();
    assert_eq!((bench.waiting_and_dead(), bench.lease()), ((0, 0), None));
    bench.emit(MemoryProcessed, None, "after it");
    assert_eq!(bench.deliver(&DeliveryOutcome::Delivered).unwrap().0.body, "after it");
}

#[test]
fn messages_without_a_job_get_one_when_the_tenant_is_opened() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "left behind");
    let job = bench.lease_delivery().lease.job;
    let mut pending = bench.tenant.begin(None);
    bench.tenant.withdraw(&mut pending, job).unwrap();
    bench.tenant.commit(pending).unwrap();
    assert_eq!(bench.lease(), None);
    bench.reopen();
    assert_eq!(bench.deliver(&DeliveryOutcome::Delivered).unwrap().0.body, "left behind");
}

#[test]
fn a_retry_waits_for_its_time_through_a_reopening_and_the_job_says_when() {
    let mut bench = Bench::new();
    bench.register("http://a/", &[MemoryProcessed]);
    bench.emit(MemoryProcessed, None, "later");
    let due_at = bench.clock.now().plus(Duration::from_secs(5));
    assert_eq!(bench.deliver(&failed()).unwrap().1, DeliveryFate::RetryAt(due_at));
    bench.reopen();
    let job = bench.tenant.jobs_overview().next_look;
    assert_eq!(job, Some(due_at));
    let view = bench.tenant.find_job(crate::types::JobNo(2)).unwrap();
    assert_eq!(view.state, JobState::Waiting { due_at });
}
