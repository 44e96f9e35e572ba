//! Reads case files, plays them against a server and reports every case that fails, by name.
//! Each case has tenants of its own, named by letters; nothing is shared between cases.

mod callers;
mod case;
pub(crate) mod checklist;
mod form;
mod matcher;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

pub(crate) use self::callers::{Callers, Organization};
use self::case::{Case, CaseFile, Step};
use self::template::Names;
use crate::support::TestServer;

/// One answer, as the checks see it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) method: String,
    /// As sent, without the query.
    pub(crate) path: String,
    /// The body it answers, if that was JSON.
    pub(crate) sent: Option<Value>,
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) text: String,
    /// `None` when the body is not JSON.
    pub(crate) json: Option<Value>,
}

impl Answer {
    /// Sends a request; `target` is its path and query.
    pub(crate) async fn to(request: RequestBuilder, target: &str) -> Result<Self, String> {
        let request = request.build().map_err(|cause| format!("no request: {cause:?}"))?;
        let method = request.method().to_string();
        let body = request.body().and_then(|body| body.as_bytes());
        let sent = body.and_then(|body| serde_json::from_slice(body).ok());
        let response =
            client().execute(request).await.map_err(|cause| format!("not answered: {cause:?}"))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let text = response.text().await.map_err(|cause| format!("answer cut off: {cause:?}"))?;
        let path = target.split('?').next().unwrap_or(target).to_owned();
        let json = serde_json::from_str(&text).ok();
        Ok(Self { method, path, sent, status, headers, text, json })
    }

    /// The body of an answer that must have this status; null when there is none.
    pub(crate) fn with_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json.clone().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What must hold for every answer of a dialect.
type CheckAnswer = fn(&Answer) -> Result<(), String>;

pub(crate) struct Suite {
    cases: Vec<Case>,
    check_answer: CheckAnswer,
    callers: Callers,
}

#[derive(Default)]
pub(crate) struct Report {
    failures: Vec<String>,
    requests: BTreeSet<(String, String)>,
}

/// A client that follows no redirect and holds no state between requests but connections.
pub(crate) fn client() -> &'static Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        // The client wants a TLS provider even where every address is plain HTTP.
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0).build().unwrap()
    });
    &CLIENT
}

impl Suite {
    /// Loads every `.json` file of the dialect's folder.
    pub(crate) fn load(dialect: &str, check_answer: CheckAnswer) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(dialect);
        let mut files: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut cases: Vec<Case> = Vec::new();
        for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
            let text = std::fs::read_to_string(file).unwrap();
            let parsed: CaseFile = serde_json::from_str(&text)
                .unwrap_or_else(|cause| panic!("{}: {cause}", file.display()));
            cases.extend(parsed.cases);
        }
        let names: BTreeSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len(), "two cases of {dialect} have the same name");
        assert!(!cases.is_empty(), "{dialect} has no cases");
        Self { cases, check_answer, callers: Callers::Keys }
    }

    /// The same cases with other callers than those with keys.
    pub(crate) fn with(self, callers: Callers) -> Self {
        Self { callers, ..self }
    }

    /// The cases that name each line of the contract's checklist.
    pub(crate) fn checklist(&self) -> BTreeMap<u32, BTreeSet<&str>> {
        let mut lines: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for case in &self.cases {
            for line in &case.lines {
                lines.entry(*line).or_default().insert(&case.name);
            }
        }
        lines
    }

    pub(crate) async fn run(&self, server: &TestServer) -> Report {
        let mut report = Report::default();
        for case in &self.cases {
            if let Err(why) = self.play(case, server, &mut report).await {
                report.failures.push(format!("{}\n      {why}", case.name));
            }
        }
        report
    }

    async fn play(
        &self,
        case: &Case,
        server: &TestServer,
        report: &mut Report,
    ) -> Result<(), String> {
        let mut names = Names::default();
        for letter in self.callers.letters() {
            self.callers.make(letter, case.plan.as_deref(), server, &mut names).await?;
        }
        for (index, step) in case.steps.iter().enumerate() {
            for _ in 0..step.times.unwrap_or(1) {
                let answer = self.send(step, server, &names).await?;
                report.requests.insert((answer.method.clone(), answer.path.clone()));
                let checked =
                    (self.check_answer)(&answer).and_then(|()| step.expect.check(&answer, &names));
                checked.map_err(|why| {
                    let seen: String = answer.text.chars().take(400).collect();
                    format!("step {index}, {}: {why}\n      answer: {seen}", step.send)
                })?;
                step.save_from(&answer, &mut names)?;
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        step: &Step,
        server: &TestServer,
        names: &Names,
    ) -> Result<Answer, String> {
        let target = names.fill(&step.send)?;
        let (method, path) = target.split_once(' ').ok_or("send is METHOD and path")?;
        // A whole address that the server told leads back to it.
        let path = path.strip_prefix(&server.base_url).unwrap_or(path);
        let url = format!("{}{path}", server.base_url);
        let mut request = client().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if let Some(letter) = step.caller() {
            request = self.callers.show(request, letter, names)?;
        }
        if let Some(json) = &step.json {
            let body = template::expand(json, names)?;
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        if let Some(form) = &step.form {
            let (content_type, body) = form::encode(form, names)?;
            request = request.header("Content-Type", content_type).body(body);
        }
        if let Some(raw) = &step.raw {
            request = request.body(names.fill(raw)?);
        }
        for (name, value) in &step.headers {
            request = request.header(name, names.fill(value)?);
        }
        Answer::to(request, path).await
    }
}

impl Report {
    pub(crate) fn assert_no_failures(&self) {
        let list = self.failures.join("\n  - ");
        assert!(self.failures.is_empty(), "{} cases fail:\n  - {list}", self.failures.len());
    }

    pub(crate) fn assert_covers(&self, routes: &[(&str, &str)]) {
        for (method, pattern) in routes {
            let is_covered = self
                .requests
                .iter()
                .any(|(seen_method, path)| seen_method == method && matches(pattern, path));
            assert!(is_covered, "the mounted route {method} {pattern} has no contract case");
        }
    }
}

/// Whether a literal path is one of a pattern's, where `{name}` stands for one segment.
fn matches(pattern: &str, path: &str) -> bool {
    let (wanted, seen): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    wanted.len() == seen.len()
        && wanted.iter().zip(seen).all(|(wanted, seen)| wanted.starts_with('{') || *wanted == seen)
}

#[test]
fn a_pattern_matches_segment_by_segment() {
    assert!(matches("/a/{id}", "/a/7"));
    assert!(!matches("/a/{id}", "/a/7/b"));
    assert!(!matches("/a/b", "/a/c"));
}
