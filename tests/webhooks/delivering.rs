//! What arrives: once, signed and in order, whatever receivers, restarts and moves do.

use hebbd::types::{Clock, SystemClock};
use serde_json::json;

use crate::receiver::{Receiver, Reply};
use crate::{DeliverySettings, SECRET, Scene, domain_of, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_arrives_signed_with_what_it_tells() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let mut app = scene.app();
    let receiver = Receiver::taking_all();
    app.register(&receiver.url()).await;
    app.cause_notice("travel");
    let arrived = receiver.next();
    assert!(arrived.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", arrived.head);
    assert_eq!(arrived.header("Content-Type"), "application/json");
    assert!(arrived.header("User-Agent").starts_with("hebbd/"));
    assert!(arrived.is_signed_with(SECRET) && !arrived.is_signed_with("another"));
    let body = arrived.body();
    assert_eq!((&body["event"], &body["appId"]), (&json!("maintenance.completed"), &json!("test")));
    let at = hebbd::types::Timestamp::parse(body["timestamp"].as_str().unwrap()).unwrap();
    assert!(at <= SystemClock.now() && body["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(body["data"]["atomsBefore"], 1);
    assert_eq!((&body["data"]["atomsAfter"], domain_of(&body)), (&json!(1), "travel"));
    assert_eq!(body.get("userId"), None);
    app.until(|status| status.waiting == 0).await;
    assert!(receiver.rest().is_empty(), "it is sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_gets_the_same_message_again_before_those_behind_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let mut app = scene.app();
    let receiver = Receiver::start([500, 404, 302, 204].map(Reply::Status));
    app.register(&receiver.url()).await;
    app.cause_notice("first");
    app.cause_notice("second");
    let first = receiver.next();
    for _ in 0..3 {
        let again = receiver.next();
        assert_eq!((again.id(), &again.text), (first.id(), &first.text));
        assert!(again.is_signed_with(SECRET));
    }
    let second = receiver.next();
    assert_eq!((domain_of(&first.body()), domain_of(&second.body())), ("first", "second"));
    assert_ne!(second.id(), first.id());
    app.until(|status| (status.waiting, status.dead) == (0, 0)).await;
    assert!(receiver.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_answer_in_time_has_failed() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), DeliverySettings { timeout_ms: 100, ..quick() });
    let mut app = scene.app();
    let receiver = Receiver::start([Reply::Silence, Reply::Silence, Reply::Status(200)]);
    app.register(&receiver.url()).await;
    app.cause_notice("travel");
    let ids = [(); 3].map(|()| receiver.next().id());
    assert!(ids.iter().all(|id| *id == ids[0]));
    app.until(|status| (status.waiting, status.dead) == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_never_answer_keep_no_other_work_waiting() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start_with(
        data_dir.path(),
        DeliverySettings { timeout_ms: 10_000, ..quick() },
        |c| {
            c.jobs.workers = 1;
            c.jobs.workers_per_tenant = 1;
        },
    );
    let (mut slow, mut other) = (scene.app(), scene.app());
    let silent = [(); 4].map(|()| Receiver::start([Reply::Silence]));
    for receiver in &silent {
        slow.register(&receiver.url()).await;
    }
    let quick = Receiver::taking_all();
    slow.register(&quick.url()).await;
    slow.cause_notice("travel");
    for receiver in &silent {
        receiver.next();
    }
    quick.next();
    let receiver = Receiver::taking_all();
    other.register(&receiver.url()).await;
    other.cause_notice("work");
    receiver.next();
    let waiting = slow.service.list(slow.scope()).await.unwrap();
    let waiting: usize = waiting.iter().map(|status| status.waiting).sum();
    assert!(waiting >= silent.len(), "they were still being waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_server_stops_is_sent_after_the_next_start_by_itself() {
    let data_dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start([Reply::Silence]);
    let slow = DeliverySettings { retry_pauses_ms: [300, 300, 300], ..quick() };
    let scene = Scene::start(data_dir.path(), slow.clone());
    let mut app = scene.app();
    let tenant = app.tenant;
    app.register(&receiver.url()).await;
    for domain in ["one", "two", "three"] {
        app.cause_notice(domain);
    }
    let first = receiver.next();
    // It holds the data directory too.
    drop(app);
    scene.server.stop();
    receiver.reply_with([Reply::Status(200)]);
    // Nobody asks for the tenant: the server opens it since it has messages.
    let scene = Scene::start(data_dir.path(), slow);
    let again = [(); 3].map(|()| receiver.next());
    assert_eq!(again[0].id(), first.id(), "the one that was being sent comes again");
    let domains: Vec<_> = again.iter().map(|it| domain_of(&it.body()).to_owned()).collect();
    assert_eq!(domains, ["one", "two", "three"]);
    scene.app_of(tenant).until(|status| (status.waiting, status.dead) == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_moves_takes_its_messages_and_its_job_along() {
    let data_dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start([Reply::Status(500)]);
    let scene = Scene::start(
        data_dir.path(),
        DeliverySettings { retry_pauses_ms: [2_000, 2_000, 2_000], ..quick() },
    );
    let mut app = scene.app();
    app.register(&receiver.url()).await;
    app.cause_notice("travel");
    let first = receiver.next();
    receiver.reply_with([Reply::Status(200)]);
    let from = scene.server.directory.get_tenant(app.tenant).unwrap().shard;
    let to = json!({"shard": 1 - from.0});
    let path = format!("/tenants/{}/move", app.tenant);
    assert_eq!(crate::operating::admin(&scene, "POST", &path, Some(&to)).status, 200);
    let again = receiver.next();
    assert_eq!((again.id(), again.text), (first.id(), first.text));
    app.until(|status| (status.waiting, status.dead) == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_registered_again_is_signed_for_with_its_new_secret() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let mut app = scene.app();
    let receiver = Receiver::taking_all();
    let first = app.register(&receiver.url()).await;
    let again = app.try_register(&receiver.url(), "another one").await.unwrap();
    assert_eq!(again.id, first.id);
    app.cause_notice("travel");
    let arrived = receiver.next();
    assert!(arrived.is_signed_with("another one") && !arrived.is_signed_with(SECRET));
    app.until(|status| status.waiting == 0).await;
}
