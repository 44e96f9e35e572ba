//! Other ways to forget: with the whole tenant through the admin API, with everything that a tenant
//! remembers or with the domain of a user through another dialect. Nothing of a user outlives them.

use hebbd::control::webhook_sources::WebhookProvider;
use hebbd::storage::keys::Kind;
use hebbd::types::TenantId;
use serde_json::json;

use crate::app::App;
use crate::support::TestServer;
use crate::{administer, doors, kept, marker, mnemoverse, start_with};

/// An app with a user, webhooks both ways, and messages that wait for a receiver who is not there.
struct Scene {
    data_dir: tempfile::TempDir,
    server: Option<TestServer>,
    tenant: TenantId,
    app: App,
    marker: String,
    user: String,
    taken: Vec<String>,
}

impl Scene {
    fn filled() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = start_with(data_dir.path(), |_| {});
        let tenant = server.new_tenant("local");
        let mut app = App::of(&server, tenant);
        let marker = marker();
        let user = format!("{marker}@example.com");
        doors::open(&mut app);
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        app.register_webhook(&format!("http://{nobody}/"), &doors::NOTICES, &marker);
        let taken = doors::enter(&mut app, &user, &marker);
        let scene = Self { data_dir, server: Some(server), tenant, app, marker, user, taken };
        let no = kept::number_of(scene.server(), tenant);
        let waiting = kept::count_of(scene.server(), no, &[Kind::OutboxMessage]);
        assert!(waiting > 20, "{waiting} messages wait");
        assert!(scene.is_said(), "the test looks where it is");
        scene
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        let server = start_with(self.data_dir.path(), |_| {});
        self.app = self.app.at(&server.base_url);
        self.server = Some(server);
    }

    /// Whether a record of any tenant or a file holds the marker.
    fn is_said(&self) -> bool {
        let mut said = kept::records(self.server());
        for sort in ["index", "blobs"] {
            said.push_str(&kept::contents(&kept::files_of(self.data_dir.path(), sort)));
        }
        said.to_lowercase().contains(&self.marker.to_lowercase())
    }

    /// Nothing is known of the user.
    fn check_gone(&mut self) {
        assert!(!self.is_said(), "a record or a file holds it");
        for resource in self.taken.clone() {
            assert_eq!(self.app.status(&resource).status, 404);
        }
        assert_eq!(self.app.fact_count(&self.user), 0);
        let said = self.app.retrieve(&self.user, "Who works where?");
        assert_eq!((&said["summaries"], &said["relevantItems"]), (&json!({}), &json!([])));
        assert_eq!(said["graphContext"], json!([]));
    }
}

#[test]
fn nothing_is_left_of_the_users_of_a_deleted_app_and_its_neighbour_loses_nothing() {
    let mut scene = Scene::filled();
    // Of the same name, with a user of the same name.
    let beside = scene.server().new_tenant("local");
    let mut beside = App::of(scene.server(), beside);
    assert_eq!(beside.id, scene.app.id);
    let user = scene.user.clone();
    let resource = beside.remember(&user, "I live in Rome and work at Farholm Labs.");
    let answers = |app: &mut App| {
        let about = ["context", "categories", "entities"].map(|what| app.about(what, &user).ok());
        (about, app.status(&resource).ok())
    };
    let before = answers(&mut beside);
    let (tenant, no) = (scene.tenant, kept::number_of(scene.server(), scene.tenant));
    let secret_names = scene.server().directory.webhook_secrets(tenant);
    assert!(secret_names.len() > 1, "both ways need one: {secret_names:?}");

    administer(scene.server(), "DELETE", &format!("/tenants/{tenant}"));
    for is_restarted in [false, true] {
        if is_restarted {
            scene.restart();
            beside = beside.at(&scene.server().base_url);
        }
        assert_eq!(kept::records_of(scene.server(), no), []);
        let beside_no = beside.about("context", &scene.user);
        assert!(beside_no.text.contains(&scene.marker), "the neighbour's user has that name");
        let directory = &scene.server().directory;
        assert_eq!(directory.webhook_secrets(tenant), [""; 0]);
        assert!(directory.find_webhook_source(tenant, WebhookProvider::GitHub).is_none());
        assert_eq!(directory.tenants_with_source(WebhookProvider::GitHub, 10), []);
        assert_eq!(scene.app.about("context", "x").status, 401);
        let delivered = doors::try_deliver(&mut scene.app, &scene.user, &scene.marker);
        assert_eq!(delivered.status, 401, "{delivered:?}");
        assert_eq!(answers(&mut beside), before);
    }
    beside.forget(&scene.user, None);
    assert!(!scene.is_said(), "a record or a file holds it");
}

#[test]
fn nothing_is_left_of_a_user_once_their_tenant_was_reset_by_another_api() {
    let mut scene = Scene::filled();
    mnemoverse(scene.server(), scene.tenant).delete("/api/v1/memory/reset").ok();
    for is_restarted in [false, true] {
        if is_restarted {
            scene.restart();
        }
        scene.check_gone();
        let no = kept::number_of(scene.server(), scene.tenant);
        let left = [Kind::Subject, Kind::Resource, Kind::ResourceContent, Kind::Fact];
        assert_eq!(kept::count_of(scene.server(), no, &left), 0);
        let messages = [Kind::OutboxMessage, Kind::DeadMessage, Kind::Delivery, Kind::Job];
        assert_eq!(kept::count_of(scene.server(), no, &messages), 0);
    }
    // What the app is stays: it goes on.
    scene.app.remember(&scene.user.clone(), "I live in Lisbon.");
    let path = format!("/tenants/{}/webhooks", scene.tenant);
    let webhooks = administer(scene.server(), "GET", &path);
    assert_ne!(webhooks["webhooks"][0]["waiting"], 0, "{webhooks}");
}

#[test]
fn nothing_is_left_of_a_user_whose_domain_was_deleted_by_another_api() {
    let mut scene = Scene::filled();
    let long = format!("{} {}", scene.marker, "x".repeat(200));
    scene.app.remember(&long, "I live in Bonn.");
    let other = scene.app.remember("bob", "I live in Oslo.");
    let mut client = mnemoverse(scene.server(), scene.tenant);
    let stats = client.stats();
    let domains: Vec<&str> =
        stats["domains"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(domains.len(), 3, "{domains:?}");
    for domain in domains.iter().filter(|domain| !domain.ends_with("bob")) {
        let path = format!("/api/v1/memory/domain/{}", crate::app::encoded(domain));
        assert_ne!(client.delete(&path).ok()["deleted"], 0);
    }
    for is_restarted in [false, true] {
        if is_restarted {
            scene.restart();
        }
        scene.check_gone();
        assert_eq!(scene.app.fact_count(&long), 0);
        assert_eq!(scene.app.status(&other).ok()["status"], "completed");
        assert_eq!(scene.app.fact_count("bob"), 1);
    }
}
