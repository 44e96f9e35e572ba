//! What an operator sees of webhooks and does about what did not arrive.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::receiver::{Receiver, Reply};
use crate::{SECRET, Scene, quick};

pub(crate) fn admin(scene: &Scene, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let authorization = format!("Authorization: Bearer {}\r\n", scene.server.admin_token);
    let path = format!("/admin/v1{path}");
    let mut client = Client::new(&scene.server.admin_url, "");
    client.send_with(method, &path, body, &authorization).unwrap()
}

fn metric(scene: &Scene, outcome: &str) -> u64 {
    let text = Client::new(&scene.server.base_url, "").get("/metrics").text;
    let name = format!("hebbd_webhook_messages_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_given_up_is_seen_and_sent_again() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let mut app = scene.app();
    let receiver = Receiver::start([Reply::Status(500)]);
    let webhook = app.register(&format!("{}?key=sesame", receiver.url())).await;
    app.cause_notice("a private journey");
    app.until(|status| status.dead == 1).await;
    let ids: Vec<_> = receiver.rest().iter().map(crate::receiver::Arrived::id).collect();
    assert_eq!(ids.len(), 4, "one attempt and three retries");

    let tenant = app.tenant;
    let list = admin(&scene, "GET", &format!("/tenants/{tenant}/webhooks"), None);
    let shown = &list.ok()["webhooks"][0];
    assert_eq!(shown["id"], webhook.id.to_string());
    assert_eq!((&shown["waiting"], &shown["dead"]), (&json!(0), &json!(1)));
    assert_eq!(shown["events"], json!(["maintenance.completed"]));
    let dead = admin(&scene, "GET", &format!("/tenants/{tenant}/webhooks/dead"), None);
    let letter = dead.ok()["dead_messages"][0].clone();
    assert_eq!((&letter["id"], &letter["attempts"]), (&json!(ids[0]), &json!(4)));
    assert_eq!(letter["event"], "maintenance.completed");
    assert!(letter["error"].as_str().unwrap().contains("500"), "{letter}");
    for text in [&list.text, &dead.text] {
        for secret in [SECRET, "sesame", "journey"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }

    receiver.reply_with([Reply::Status(200)]);
    let retry = format!("/tenants/{tenant}/webhooks/dead/{}/retry", ids[0]);
    assert_eq!(admin(&scene, "POST", &retry, Some(&json!({}))).ok()["state"], "waiting");
    let again = receiver.next();
    assert_eq!(again.id(), ids[0]);
    assert!(again.is_signed_with(SECRET));
    app.until(|status| (status.waiting, status.dead) == (0, 0)).await;
    assert_eq!(admin(&scene, "POST", &retry, Some(&json!({}))).status, 404);
    for outcome in ["delivered", "failed", "dead"] {
        assert!(metric(&scene, outcome) >= 1, "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_removed_gets_nothing_more_and_leaves_no_secret() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let mut app = scene.app();
    let (gone, stays) = (Receiver::taking_all(), Receiver::taking_all());
    let webhook = app.register(&gone.url()).await;
    let kept = app.register(&stays.url()).await;
    let path = format!("/tenants/{}/webhooks/{}", app.tenant, webhook.id);
    assert_eq!(admin(&scene, "DELETE", &path, None).ok()["state"], "removed");
    assert_eq!(admin(&scene, "DELETE", &path, None).status, 404);
    app.cause_notice("travel");
    stays.next();
    assert!(gone.rest().is_empty());
    let secrets = scene.server.directory.webhook_secrets(app.tenant);
    assert_eq!(secrets, [format!("out:{}", kept.id)]);
    assert!(app.service.remove(app.scope(), kept.id).await.unwrap());
    assert!(!app.service.remove(app.scope(), kept.id).await.unwrap());
    assert!(scene.server.directory.webhook_secrets(app.tenant).is_empty());
}

/// A registration that a crash interrupts leaves a secret that nothing uses.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_webhooks_that_do_not_exist_go_with_the_next_registration() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let app = scene.app();
    let directory = &scene.server.directory;
    for name in ["out:a left-over", "github"] {
        directory.put_webhook_secret(app.tenant, name, b"secret").unwrap();
    }
    let webhook = app.register("http://127.0.0.1:9/").await;
    assert_eq!(
        directory.webhook_secrets(app.tenant),
        ["github".to_owned(), format!("out:{}", webhook.id)],
        "those of other uses stay"
    );
}
