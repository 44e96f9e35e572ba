//! Where nothing is sent: this machine and private networks, unless the operator consents, and
//! wherever a receiver redirects.

use hebbd::types::ErrorKind;

use crate::receiver::{Receiver, Reply};
use crate::{DeliverySettings, SECRET, Scene, quick};

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_no_address_of_this_machine_or_its_networks_is_registered() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), DeliverySettings::default());
    let app = scene.app();
    let receiver = Receiver::taking_all();
    let port = receiver.address.port();
    for url in [
        receiver.url(),
        format!("http://localhost:{port}/"),
        format!("http://localhost.:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://10.0.0.8/".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://[fd00::1]/".to_owned(),
        "ftp://8.8.8.8/".to_owned(),
        "http://user:word@8.8.8.8/".to_owned(),
    ] {
        let refused = app.try_register(&url, SECRET).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{url}");
        assert!(refused.message().contains("address"), "{refused}");
    }
    app.register("http://8.8.8.8/hook").await;
    assert!(scene.server.directory.webhook_secrets(app.tenant).len() == 1, "no secret is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_is_withdrawn_holds_for_what_is_registered_already() {
    let data_dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::taking_all();
    let scene = Scene::start(data_dir.path(), quick());
    let app = scene.app();
    let tenant = app.tenant;
    for host in ["127.0.0.1", "localhost"] {
        app.register(&format!("http://{host}:{}/", receiver.address.port())).await;
    }
    // It holds the data directory too.
    drop(app);
    scene.server.stop();
    let scene =
        Scene::start(data_dir.path(), DeliverySettings { allow_private_targets: false, ..quick() });
    let mut app = scene.app_of(tenant);
    app.cause_notice("travel");
    loop {
        let dead = app.dead().await;
        if dead.len() == 2 {
            assert!(dead.iter().all(|it| it.error.contains("private")), "{dead:?}");
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(receiver.rest().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let data_dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(data_dir.path(), quick());
    let mut app = scene.app();
    let inner = Receiver::taking_all();
    let location = inner.url();
    let redirect =
        format!("HTTP/1.1 307 Temporary\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let outer = Receiver::start([Reply::Head(redirect)]);
    app.register(&outer.url()).await;
    app.cause_notice("travel");
    app.until(|status| status.dead == 1).await;
    assert!(app.dead().await[0].error.contains("307"));
    assert_eq!(outer.rest().len(), 4);
    assert!(inner.rest().is_empty());
}
