//! What the holder of a management key does over the wire, on a real server: with the projects,
//! environments and keys of one organization, and never with those of another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "platform/caller.rs"]
mod caller;
#[path = "recovery/client.rs"]
mod client;
#[path = "management/deleting.rs"]
mod deleting;
#[path = "management/keys.rs"]
mod keys;
#[path = "management/neighbours.rs"]
mod neighbours;
#[path = "recovery/process.rs"]
mod process;
#[path = "support/mod.rs"]
mod support;

use caller::{Caller, id_of};
use serde_json::{Value, json};

/// What a management key is used for.
trait Managing {
    /// The ids of a whole list, page by page.
    fn ids(&mut self, path: &str) -> Vec<String>;

    fn new_project(&mut self, name: &str) -> String;

    fn new_instance(&mut self, project: &str, name: &str) -> String;

    /// The id and the secret of a new key.
    fn new_key(&mut self, instance: &str, more: &Value) -> (String, String);
}

impl Managing for Caller {
    fn ids(&mut self, path: &str) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let after = ids.last().map(|id| format!("&after={id}")).unwrap_or_default();
            let page = self.get(&format!("{path}{separator}limit=2{after}")).ok();
            let items = page["items"].as_array().unwrap();
            ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            if page["pagination"]["has_more_after"] == json!(false) {
                return ids;
            }
        }
    }

    fn new_project(&mut self, name: &str) -> String {
        self.create("/organization/projects", &json!({"name": name}))
    }

    fn new_instance(&mut self, project: &str, name: &str) -> String {
        let body = json!({"name": name, "type": "development", "project_id": project});
        self.create("/organization/instances", &body)
    }

    fn new_key(&mut self, instance: &str, more: &Value) -> (String, String) {
        let mut body = json!({
            "type": "instance_access_token_secret", "instance_id": instance, "name": "test",
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let key = self.post("/organization/api-keys", &body).ok();
        (id_of(&key), key["secret"].as_str().unwrap().to_owned())
    }
}

fn keys_of(instance: &str) -> String {
    format!("/organization/api-keys?type=instance_access_token&instance_id={instance}")
}
