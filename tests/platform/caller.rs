//! A key of the metorial dialect on a connection of its own.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io;

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::support::environment::upload;

/// Lets addresses and keys ask as often as a test does.
pub(crate) const UNCOUNTED: &[&str] = &[
    "--set",
    "metorial.ip_requests_max=unlimited",
    "--set",
    "metorial.development_requests_max=unlimited",
    "--set",
    "metorial.production_requests_max=unlimited",
    "--set",
    "metorial.management_requests_max=unlimited",
];

pub(crate) struct Caller {
    client: Client,
    key: String,
}

impl Caller {
    pub(crate) fn new(base_url: &str, key: &str) -> Self {
        Self { client: Client::new(base_url, ""), key: key.to_owned() }
    }

    /// The same key on another connection, or on a server that was started anew.
    pub(crate) fn at(&self, base_url: &str) -> Self {
        Self::new(base_url, &self.key)
    }

    /// # Errors
    /// As [`Client::send`].
    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        self.client.send_with(
            method,
            path,
            body,
            &format!("Authorization: Bearer {}\r\n", self.key),
        )
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, path, body).unwrap()
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// The same in a version.
    pub(crate) fn get_in(&mut self, version: &str, path: &str) -> Answer {
        let more = format!("Authorization: Bearer {}\r\nMetorial-Version: {version}\r\n", self.key);
        self.client.send_with("GET", path, None, &more).unwrap()
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    pub(crate) fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    /// The id of what is made.
    #[track_caller]
    pub(crate) fn create(&mut self, list: &str, body: &Value) -> String {
        id_of(&self.post(list, body).ok())
    }

    #[track_caller]
    pub(crate) fn say(&mut self, session: &str, text: &str) -> String {
        let body = json!({"type": "user_message", "content": text});
        self.create(&format!("/sessions/{session}/messages"), &body)
    }

    #[track_caller]
    pub(crate) fn upload(&mut self, title: &str, file_name: &str, content: &str) -> String {
        let (media_type, body) = upload("generic", title, file_name, content);
        let bearer = format!("Authorization: Bearer {}\r\n", self.key);
        let answer = self.client.send_text("POST", "/files", &media_type, &body, &bearer);
        id_of(&answer.unwrap().ok())
    }

    /// All records of a list, page by page.
    #[track_caller]
    pub(crate) fn all(&mut self, list: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let joint = if list.contains('?') { '&' } else { '?' };
        loop {
            let from = all.last().map(|last| format!("&after={}", id_of(last)));
            let target = format!("{list}{joint}limit=100{}", from.unwrap_or_default());
            let page = self.get(&target).ok();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            if page["pagination"]["has_more_after"] == false {
                return all;
            }
        }
    }
}

#[track_caller]
pub(crate) fn id_of(record: &Value) -> String {
    record["id"].as_str().unwrap_or_else(|| panic!("no id: {record}")).to_owned()
}
