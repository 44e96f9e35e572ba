//! Two organizations on one server: neither learns that the other has anything.

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::TestServer;
use crate::support::environment::{Environment, MADE_UP};
use crate::{Managing, keys_of};

/// An organization with two projects, three environments and keys of them.
struct Organization {
    manager: Caller,
    id: String,
    projects: Vec<String>,
    instances: Vec<String>,
    key: String,
    management_key: String,
    secret: String,
}

impl Organization {
    fn new(server: &TestServer) -> Self {
        let first = Environment::alone(server);
        let mut manager = Caller::new(&server.base_url, &first.management_key_of(server));
        let second = manager.new_project("second");
        let mut instances = vec![first.id()];
        for name in ["one", "two"] {
            instances.push(manager.new_instance(&second, name));
        }
        let (key, secret) = manager.new_key(&instances[1], &json!({}));
        let management = "/organization/api-keys?type=organization_management_token";
        let management_key = manager.ids(management).remove(0);
        let projects = vec![first.project, second];
        Self { manager, id: first.organization, projects, instances, key, management_key, secret }
    }
}

#[tokio::test]
async fn each_lists_its_own_in_order_of_creation_and_nothing_of_the_other() {
    let server = TestServer::start().await;
    let mut organizations = [Organization::new(&server), Organization::new(&server)];
    organizations.iter_mut().for_each(|organization| {
        let Organization { manager, projects, instances, key, management_key, .. } = organization;
        assert_eq!(manager.ids("/organization/projects"), *projects);
        for path in ["/organization/instances", "/instances"] {
            assert_eq!(manager.ids(path), *instances, "{path}");
            let mut newest_first = manager.ids(&format!("{path}?order=desc"));
            newest_first.reverse();
            assert_eq!(newest_first, *instances, "{path}");
        }
        let in_second = format!("/instances?project_id={}", projects[1]);
        assert_eq!(manager.ids(&in_second), instances[1..]);
        assert_eq!(manager.ids(&keys_of(&instances[1])), [&**key]);
        let management = "/organization/api-keys?type=organization_management_token";
        assert_eq!(manager.ids(management), [&**management_key]);
    });
}

/// An answer without what names the request and what it asked for.
fn told(caller: &mut Caller, method: &str, path: &str, body: &Value, id: &str) -> (u16, String) {
    let body = (method != "GET").then_some(body);
    let answer = caller.send(method, path, body);
    (answer.status, answer.text.replace(id, "…"))
}

#[tokio::test]
async fn what_another_has_is_as_if_it_did_not_exist() {
    let server = TestServer::start().await;
    let (mut ours, theirs) = (Organization::new(&server), Organization::new(&server));
    let (project, instance) = (&theirs.projects[1], &theirs.instances[1]);
    let made_up = |id: &str| format!("{}_{MADE_UP}", id.split_once('_').unwrap().0);
    let rename = json!({"name": "ours"});
    let manager = &mut ours.manager;
    for id in [project, instance, &theirs.key, &theirs.management_key] {
        let unknown = made_up(id);
        let folder = match &id[..4] {
            "prj_" => "projects",
            "ins_" => "instances",
            _ => "api-keys",
        };
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let path = |id: &str| format!("/organization/{folder}/{id}");
            let expected = told(manager, method, &path(&unknown), &rename, &unknown);
            assert_eq!(expected.0, 404);
            assert_eq!(told(manager, method, &path(id), &rename, id), expected, "{method} {id}");
        }
        let path = |id: &str| format!("/organization/api-keys/{id}/rotate");
        let expected = told(manager, "POST", &path(&unknown), &json!({}), &unknown);
        assert_eq!(expected.0, 404);
        assert_eq!(told(manager, "POST", &path(id), &json!({}), id), expected, "rotate {id}");
    }
    // Named in a query or in a body.
    type Naming = fn(&str) -> (&'static str, String, Value);
    let namings: [(&str, Naming, u16); 9] = [
        (project, |id| ("GET", format!("/organization/projects?after={id}"), json!({})), 400),
        (project, |id| ("GET", format!("/organization/projects?id={id}"), json!({})), 200),
        (project, |id| ("GET", format!("/instances?project_id={id}"), json!({})), 200),
        (
            project,
            |id| {
                let body = json!({"name": "x", "type": "production", "project_id": id});
                ("POST", "/organization/instances".to_owned(), body)
            },
            404,
        ),
        (instance, |id| ("GET", format!("/instances?before={id}"), json!({})), 400),
        (instance, |id| ("GET", format!("/instances?id={id}"), json!({})), 200),
        (instance, |id| ("GET", keys_of(id), json!({})), 404),
        (
            instance,
            |id| {
                let kind = "instance_access_token_secret";
                let body = json!({"type": kind, "instance_id": id, "name": "x"});
                ("POST", "/organization/api-keys".to_owned(), body)
            },
            404,
        ),
        (
            &theirs.key,
            |id| {
                let kind = "organization_management_token";
                ("GET", format!("/organization/api-keys?type={kind}&after={id}"), json!({}))
            },
            400,
        ),
    ];
    for (id, naming, status) in namings {
        let unknown = made_up(id);
        let (method, path, body) = naming(&unknown);
        let expected = told(manager, method, &path, &body, &unknown);
        assert_eq!(expected.0, status, "{method} {path}: {}", expected.1);
        let (method, path, body) = naming(id);
        assert_eq!(told(manager, method, &path, &body, id), expected, "{method} {path}");
    }
    // Nothing happened to any of it.
    let Organization { mut manager, id, projects, instances, key, secret, .. } = theirs;
    assert_eq!(manager.ids("/organization/projects"), projects);
    assert_eq!(manager.ids("/organization/instances"), instances);
    let shown = manager.get(&format!("/organization/api-keys/{key}")).ok();
    assert_eq!(
        (&shown["name"], &shown["machine_access"]["organization"]["id"]),
        (&json!("test"), &json!(id))
    );
    let about = Caller::new(&server.base_url, &secret).get("/token").ok();
    assert_eq!(about["organization"]["id"], json!(id));
    assert_eq!(about["instance"]["name"], "one");
}

#[tokio::test]
async fn a_deleted_project_or_environment_stays_good_as_a_place_in_its_list() {
    let server = TestServer::start().await;
    let Organization { mut manager, mut instances, .. } = Organization::new(&server);
    let mut projects = manager.ids("/organization/projects");
    projects.push(manager.new_project("third"));
    let gone = projects.remove(1);
    let in_it = instances.split_off(1);
    let full = manager.delete(&format!("/organization/projects/{gone}"));
    assert_eq!((full.status, &full.json()["reason"]), (400, &json!("project_not_empty")));
    for id in &in_it {
        assert_eq!(
            manager.delete(&format!("/organization/instances/{id}")).ok()["status"],
            "deleted"
        );
    }
    manager.delete(&format!("/organization/projects/{gone}")).ok();
    let mut listed = |query: &str| {
        let page = manager.get(query).ok();
        let ids = page["items"].as_array().unwrap().iter().map(crate::id_of).collect::<Vec<_>>();
        (ids, page["pagination"]["has_more_before"].clone())
    };
    let (after, before) = (&projects[1..], &projects[..1]);
    let path = format!("/organization/projects?after={gone}");
    assert_eq!(listed(&path), (after.to_vec(), json!(true)));
    let path = format!("/organization/projects?before={gone}");
    assert_eq!(listed(&path), (before.to_vec(), json!(false)));
    let path = format!("/instances?before={}", in_it[0]);
    assert_eq!(listed(&path), (instances, json!(false)));
}
