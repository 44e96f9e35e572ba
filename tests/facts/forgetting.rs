//! A user who was forgotten is nowhere: in no answer of any API, in no message on its way out, in no
//! record of any shard, in no file; before and after a restart. Everybody else has lost nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use hebbd::storage::keys::Kind;
use hebbd::types::TenantId;
use serde_json::Value;

use crate::app::{App, Patience, encoded, question};
use crate::support::TestServer;
use crate::{administer, doors, kept, marker, mnemoverse, start_with};

/// The name in everything that is to stay.
const KEPT: &str = "Brumholm";
const KEPT_USER: &str = "keeper@Brumholm.example";
const QUESTION: &str = "Who works at which labs, and what was approved?";
/// What the facts name.
const SEEDS: [&str; 3] = ["labs", "plan", "kafka"];

/// Where a user that is remembered can be seen.
const EVERYWHERE: [&str; 13] = [
    "retrieve",
    "retrieve, older",
    "retrieve, older at the base",
    "context",
    "categories",
    "entities",
    "entity",
    "export",
    "read",
    "recent",
    "stats",
    "atoms",
    "records",
];

/// Records that change whatever else happens: numbers that only grow, a day's counts, what was read
/// when, and what becomes of jobs and deliveries.
const CHANGING: [Kind; 10] = [
    Kind::Counters,
    Kind::SubjectCounter,
    Kind::JobCounter,
    Kind::Usage,
    Kind::Access,
    Kind::Job,
    Kind::JobPayload,
    Kind::JobKey,
    Kind::Delivery,
    Kind::Webhook,
];

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// An app with somebody who is to stay and two who are to be forgotten, one with the longest of
/// names. One webhook leads to nobody, so that its messages are given up; one leads to somebody who
/// never answers, so that they wait.
struct Scene {
    data_dir: tempfile::TempDir,
    server: Option<TestServer>,
    tenant: TenantId,
    app: App,
    marker: String,
    users: [String; 2],
    taken: Vec<String>,
    kept_taken: Vec<String>,
    /// What there was of whoever is to stay before anybody else came.
    kept_records: Records,
    kept_answers: Vec<String>,
    _silent: TcpListener,
}

fn start(data_dir: &std::path::Path) -> TestServer {
    start_with(data_dir, |config| config.outbound_webhooks.retry_pauses_ms = [1, 1, 1])
}

impl Scene {
    fn filled() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = start(data_dir.path());
        let tenant = server.new_tenant("local");
        let marker = marker();
        let long = format!("{marker} {}", "x".repeat(254 - marker.len()));
        let mut scene = Self {
            data_dir,
            app: App::of(&server, tenant),
            server: Some(server),
            tenant,
            users: [format!("{marker}@example.com"), long],
            marker,
            taken: Vec::new(),
            kept_taken: Vec::new(),
            kept_records: Records::new(),
            kept_answers: Vec::new(),
            _silent: TcpListener::bind("127.0.0.1:0").unwrap(),
        };
        scene.fill();
        scene
    }

    fn fill(&mut self) {
        doors::open(&mut self.app);
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        self.app.register_webhook(&format!("http://{nobody}/"), &doors::NOTICES, "s");
        self.kept_taken = doors::enter(&mut self.app, KEPT_USER, KEPT);
        self.wait_for_dead_letters();
        self.kept_answers = self.answers_about_kept();
        self.kept_records = self.records();
        let silent = self._silent.local_addr().unwrap();
        self.app.register_webhook(&format!("http://{silent}/"), &doors::NOTICES, "s");
        for user in &self.users {
            self.taken.extend(doors::enter(&mut self.app, user, &self.marker));
        }
        self.wait_for_dead_letters();
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    /// Until nothing more is on its way to where nobody is.
    fn wait_for_dead_letters(&self) {
        let mut patience = Patience::begun();
        let path = format!("/tenants/{}/webhooks", self.tenant);
        loop {
            let listed = administer(self.server(), "GET", &path);
            let first = &listed["webhooks"][0];
            if first["waiting"] == 0 && first["dead"].as_u64().unwrap() > 0 {
                return;
            }
            patience.check("messages to nobody are never given up");
        }
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        let server = start(self.data_dir.path());
        self.app = self.app.at(&server.base_url);
        self.server = Some(server);
    }

    /// All records of the tenant but those that change by themselves.
    fn records(&self) -> Records {
        let no = kept::number_of(self.server(), self.tenant);
        let records = kept::records_of(self.server(), no).into_iter();
        records.filter(|(key, _)| CHANGING.iter().all(|kind| key[8] != *kind as u8)).collect()
    }

    /// Everything that can be asked of whoever is to stay, but for what reading changes.
    fn answers_about_kept(&mut self) -> Vec<String> {
        let app = &mut self.app;
        let mut answers: Vec<String> = ["context", "categories", "entities"]
            .map(|what| app.about(what, KEPT_USER))
            .map(|answer| answer.ok().to_string())
            .into();
        let listed = app.about("entities", KEPT_USER).ok();
        for entity in listed["entities"].as_array().unwrap() {
            let name = entity["name"].as_str().unwrap();
            answers.push(app.entity(KEPT_USER, name).ok().to_string());
        }
        for resource in self.kept_taken.clone() {
            answers.push(app.status(&resource).ok().to_string());
        }
        answers
    }

    /// Everything that the server can be made to say or keeps, by where it was found. What an answer
    /// repeats of its own question is left out.
    fn everything(&mut self) -> BTreeMap<String, String> {
        let mut places = BTreeMap::new();
        for user in self.users.clone() {
            for (place, said) in self.said_of(&user) {
                places.entry(place.to_owned()).or_insert_with(String::new).push_str(&said);
            }
        }
        let server = self.server();
        let mut client = mnemoverse(server, self.tenant);
        let path = |what: &str| format!("/tenants/{}{what}", self.tenant);
        let data_dir = self.data_dir.path();
        for (place, said) in client.all_it_says(&self.marker, QUESTION, &SEEDS) {
            places.insert(place.to_owned(), said);
        }
        for what in ["", "/jobs", "/webhooks", "/webhooks/dead"] {
            places.insert(
                format!("admin {what}"),
                administer(server, "GET", &path(what)).to_string(),
            );
        }
        let files = |sort| kept::contents(&kept::files_of(data_dir, sort));
        places.insert("blobs".to_owned(), files("blobs"));
        places.insert("index caches".to_owned(), files("index"));
        places.insert("uploads".to_owned(), kept::contents(&kept::uploads(data_dir)));
        places.insert("records".to_owned(), kept::records(server));
        // Whose bytes stay where they are once written, so nothing of a user may ever be.
        let control = kept::contents(&kept::files_below(&data_dir.join("control")));
        assert!(!control.is_empty());
        places.insert("control".to_owned(), control);
        places.into_iter().map(|(place, said)| (place, said.to_lowercase())).collect()
    }

    /// What this dialect's routes say of a user.
    fn said_of(&mut self, user: &str) -> Vec<(&'static str, String)> {
        let app = &mut self.app;
        let mut said = Vec::new();
        for query in [QUESTION, &self.marker] {
            for (place, path) in [
                ("retrieve", "/v1/retrieve"),
                ("retrieve, older", "/api/retrieve"),
                ("retrieve, older at the base", "/v1/api/retrieve"),
            ] {
                said.push((place, unechoed(&app.post(path, &question(user, query)).ok())));
            }
        }
        for what in ["context", "categories", "entities"] {
            said.push((what, unechoed(&app.about(what, user).ok())));
        }
        let older = app.get(&format!("/api/retrieve/categories?userId={}", encoded(user))).ok();
        said.push(("categories, older", older["categories"].to_string()));
        for name in [self.marker.clone(), format!("Plan {}", self.marker)] {
            said.push(("entity", app.entity(user, &name).text));
        }
        said
    }

    fn places_with(&mut self, name: &str) -> Vec<String> {
        let name = name.to_lowercase();
        let found = self.everything().into_iter().filter(|(_, said)| said.contains(&name));
        found.map(|(place, _)| place).collect()
    }

    /// Nothing holds the marker, and what stays is what it was, to the byte.
    fn check_gone(&mut self) {
        let marker = self.marker.clone();
        assert_eq!(self.places_with(&marker), [""; 0], "these hold the marker");
        for resource in self.taken.clone() {
            assert_eq!(self.app.status(&resource).status, 404, "{resource}");
        }
        for user in self.users.clone() {
            assert_eq!(self.app.entity(&user, &marker).status, 404);
            assert_eq!(self.app.fact_count(&user), 0);
            let again = self.app.forget(&user, None);
            assert!(again.as_object().unwrap().values().all(|count| count == 0), "{again}");
        }
        assert_eq!(self.answers_about_kept(), self.kept_answers);
        let records = self.records();
        let (left, before) = (kinds_of(&records), kinds_of(&self.kept_records));
        assert_eq!(left, before, "records of each kind");
        assert!(records == self.kept_records, "a record of somebody else has changed");
        let no = kept::number_of(self.server(), self.tenant);
        let atoms_of = |kind: Kind| -> BTreeSet<Vec<u8>> {
            let records = kept::records_of(self.server(), no).into_iter();
            let keys = records.map(|(key, _)| key).filter(|key| key[8] == kind as u8);
            keys.map(|key| key[9..].to_vec()).collect()
        };
        let atoms = atoms_of(Kind::Atom);
        for kind in [Kind::Entry, Kind::Fact, Kind::Access, Kind::Standing] {
            assert!(atoms_of(kind).is_subset(&atoms), "{kind:?} of what is gone");
        }
    }
}

/// How many records there are of each kind.
fn kinds_of(records: &Records) -> BTreeMap<u8, usize> {
    let mut kinds = BTreeMap::new();
    for key in records.keys() {
        *kinds.entry(key[8]).or_default() += 1;
    }
    kinds
}

/// An answer without what the question said.
fn unechoed(answer: &Value) -> String {
    let mut answer = answer.clone();
    let members = answer.as_object_mut().unwrap();
    for echoed in ["query", "userId"] {
        members.remove(echoed);
    }
    answer.to_string()
}

#[test]
fn a_forgotten_user_is_nowhere_and_whoever_stays_has_lost_nothing() {
    let mut scene = Scene::filled();
    let marker = scene.marker.clone();
    let found = scene.places_with(&marker);
    let missing: Vec<_> =
        EVERYWHERE.iter().filter(|place| !found.contains(&(**place).into())).collect();
    assert!(missing.is_empty(), "the test looks where {missing:?} are and finds nothing");
    let waiting = administer(scene.server(), "GET", &format!("/tenants/{}/webhooks", scene.tenant));
    assert!(waiting["webhooks"][1]["waiting"].as_u64().unwrap() > 20, "{waiting}");

    let mut resources = 0;
    for user in scene.users.clone() {
        let deleted = scene.app.forget(&user, None);
        resources += deleted["resources"].as_u64().unwrap();
        for what in ["items", "categories", "entities", "relationships"] {
            assert!(deleted[what].as_u64().unwrap() > 0, "{deleted}");
        }
    }
    assert_eq!(resources, scene.taken.len() as u64);
    scene.check_gone();
    scene.restart();
    scene.check_gone();

    // A delivery that comes again brings nothing back, and who comes again is new.
    let user = scene.users[0].clone();
    assert_eq!(doors::try_deliver(&mut scene.app, &user, &marker).status, 200);
    assert_eq!(scene.app.fact_count(&user), 0);
    scene.app.remember(&user, "I live in Lisbon now.");
    let known = scene.app.retrieve(&user, "Where do I live?").to_string();
    assert!(known.contains("Lisbon") && !known.contains("Rome"), "{known}");
}
