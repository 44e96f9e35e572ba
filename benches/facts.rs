//! Facts over the magneteco dialect: 10,000 facts about one user are drawn from 200 conversations and
//! asked after over HTTP. Says how fast contents are taken, read and answered from, how often the fact
//! that was asked for is in the answer, and that no summary is longer than configured.
//!
//! Run with `cargo bench --bench facts [-- --quick] [--server PATH]`. About a minute.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench prints, rounds its figures, sleeps by its schedule and may stop on a defect"
)]

mod support;

use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use support::client::{Caller, Connection};
use support::load::{closed_loop, latencies, ms, now_us, open_loop, seconds_since};
use support::report::{CoresUsed, Table, print_machine};
use support::server::{Options, Server};
use support::text::Words;

const FACTS: usize = 10_000;
const FACTS_PER_CONTENT: usize = 50;
const SEED: u64 = 0x5eed_0031;
const USER: &str = "bench";
/// Questions whose answers are looked at.
const LOOKED_AT: usize = 400;
const SUMMARY_CHARS_MAX: usize = 600;
/// A content that was not read by then never will be.
const READ_MAX_S: f64 = 300.0;

/// No limit is in the way of the load.
const SETTINGS: &str = "[magneteco]\nmemorize_per_minute = \"unlimited\"\n\
    retrieve_per_minute = \"unlimited\"\nreads_per_minute = \"unlimited\"\n";

const FIRST: [&str; 20] = [
    "Priya", "Tom", "Ines", "Kofi", "Lena", "Marek", "Yuki", "Sana", "Oscar", "Freya", "Amir",
    "Nadia", "Pavel", "Rosa", "Jonas", "Mina", "Diego", "Greta", "Ravi", "Clara",
];
const LAST: [&str; 20] = [
    "Okafor", "Lindgren", "Moreau", "Tanaka", "Silva", "Novak", "Haddad", "Keller", "Rossi",
    "Murphy", "Sato", "Ivanov", "Costa", "Bauer", "Nguyen", "Dahl", "Ferrari", "Petrov", "Wagner",
    "Andersen",
];
const COMPANIES: [&str; 20] = [
    "Acme Corp",
    "Globex",
    "Initech",
    "Umbra Labs",
    "Northwind Traders",
    "Bluefin Logistics",
    "Helio Energy",
    "Quarry Systems",
    "Pinewood Bank",
    "Mariner Foods",
    "Cobalt Health",
    "Redshift Media",
    "Atlas Freight",
    "Juniper Homes",
    "Vertex Studio",
    "Orchard Insurance",
    "Falcon Rail",
    "Sable Textiles",
    "Lumen Optics",
    "Tidal Robotics",
];
const CITIES: [&str; 12] = [
    "Lisbon", "Oslo", "Nairobi", "Kyoto", "Prague", "Toronto", "Valencia", "Dublin", "Athens",
    "Hamburg", "Seoul", "Lima",
];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();
    let count = if options.quick { FACTS / 5 } else { FACTS };
    println!("\n{count} facts about one user, {FACTS_PER_CONTENT} with each content");
    let corpus = Corpus::new(count);
    let server = Server::start_with_settings(&options, "facts", SETTINGS)?;
    let (caller, app) = server.magneteco_app("facts")?;
    let bench = Bench { options, caller, app };
    bench.configure()?;
    bench.memorize(&server, &corpus, &mut table)?;
    table.note("RSS", format!("{:.0} MB", server.rss_mb()?));
    bench.look_at_answers(&corpus, &mut table)?;
    bench.load(&corpus, &mut table)?;
    bench.list(&mut table)?;
    table.note("RSS at the end", format!("{:.0} MB", server.rss_mb()?));
    server.stop()?;
    let server = Server::restart(&bench.options, "facts")?;
    let (caller, _) = server.magneteco_app("facts")?;
    let mut connection = caller.connect()?;
    let sent_us = now_us();
    connection.post("/v1/retrieve", &bench.question(&corpus.questions[0].0))?;
    table.note("first answer after a restart", format!("{:.0} ms", seconds_since(sent_us) * 1e3));
    server.stop()?;
    table.print_verdict();
    Ok(())
}

/// Contents, and a question for each fact in them.
struct Corpus {
    contents: Vec<String>,
    /// Each with the fact that it asks for.
    questions: Vec<(String, String)>,
}

impl Corpus {
    fn new(count: usize) -> Self {
        let mut words = Words::english(SEED);
        let mut corpus = Self { contents: Vec::new(), questions: Vec::new() };
        for first in (0..count).step_by(FACTS_PER_CONTENT) {
            let mut content = format!("[{} May 2026]", first / FACTS_PER_CONTENT % 28 + 1);
            for _ in first..count.min(first + FACTS_PER_CONTENT) {
                let (question, fact) = fact(&mut words);
                content.push_str(&format!("\nUser: {fact}"));
                corpus.questions.push((question, fact));
            }
            corpus.contents.push(content);
        }
        corpus
    }
}

/// What happened among people, companies and places, in words that come as often as words do.
fn fact(words: &mut Words) -> (String, String) {
    let mut any = |of: &[&'static str]| of[(words.next() % of.len() as u64) as usize];
    let person = format!("{} {}", any(&FIRST), any(&LAST));
    let (company, city, form) = (any(&COMPANIES), any(&CITIES), any(&["0", "1", "2", "3", "4"]));
    let (topic, more) = (words.several(2), words.several(5));
    match form {
        "0" => (
            format!("What did {person} present to {company} about {topic}?"),
            format!("{person} presented a plan about {topic} to {company}, with {more}."),
        ),
        "1" => (
            format!("Which invoice for {topic} did {company} send to {person}?"),
            format!("{company} sent {person} an invoice for {topic} that mentions {more}."),
        ),
        "2" => (
            format!("What does {person} prefer for {topic} in {city}?"),
            format!("{person} prefers {topic} whenever we meet in {city}, and {more}."),
        ),
        "3" => (
            format!("When will {person} visit {city} with {company} for {topic}?"),
            format!("{person} will visit {city} with {company} in spring for {topic}: {more}."),
        ),
        _ => (
            format!("What did {company} decide in {city} about {topic}?"),
            format!(
                "{company} decided in {city} to change {topic}, because {person} asked for {more}."
            ),
        ),
    }
}

struct Bench {
    options: Options,
    caller: Caller,
    app: String,
}

impl Bench {
    fn question(&self, text: &str) -> String {
        json!({"appId": self.app, "userId": USER, "query": text}).to_string()
    }

    fn configure(&self) -> anyhow::Result<()> {
        let category =
            |name: &str, description: &str| json!({"name": name, "description": description});
        let entity = |name: &str, examples: &[&str]| json!({"name": name, "description": name, "keyProperties": [], "examples": examples});
        let config = json!({
            "appId": self.app,
            "description": "An agency that keeps notes about its clients",
            "categories": [
                category("meetings", "presentations, plans, visits and decisions"),
                category("billing", "invoices, prices and payments"),
                category("preferences", "what people like and prefer"),
            ],
            "entityTypes": [
                entity("Person", &["Priya Okafor", "Tom Keller"]),
                entity("Company", &COMPANIES),
                entity("City", &CITIES),
            ],
            "relationshipTypes": [],
            "summaryMaxLength": SUMMARY_CHARS_MAX,
        });
        let path = format!("/v1/api/apps/{}/domain-config", self.app);
        self.caller.connect()?.put(&path, &config.to_string())?;
        Ok(())
    }

    fn memorize(&self, server: &Server, corpus: &Corpus, table: &mut Table) -> anyhow::Result<()> {
        let mut connection = self.caller.connect()?;
        let mut taken = latencies()?;
        let cores = CoresUsed::start(server)?;
        let start_us = now_us();
        let mut resources = Vec::new();
        for content in &corpus.contents {
            let body = json!({
                "appId": self.app, "userId": USER, "content": content,
                "contentType": "conversation",
            });
            let sent_us = now_us();
            let answer = connection.ask("/v1/memorize", &body)?;
            taken.record(now_us() - sent_us)?;
            resources.push(answer["resourceId"].as_str().context("no resource")?.to_owned());
        }
        let (mut found, mut written) = (0, 0);
        for resource in &resources {
            let status = wait_for(&mut connection, resource, start_us)?;
            found += status["factsExtracted"].as_u64().unwrap_or(0);
            written += status["factsWritten"].as_u64().unwrap_or(0);
        }
        let seconds = seconds_since(start_us);
        let expected = corpus.questions.len() as u64;
        ensure!(written * 100 >= expected * 95, "{written} facts were written of {expected}");
        let (p50, p99) = (ms(&taken, 0.5), ms(&taken, 0.99));
        table.note("memorize until 202, p50 / p99", format!("{p50:.2} / {p99:.2} ms"));
        table.note("facts found, written", format!("{found}, {written}"));
        table.note("facts read a second", format!("{:.0}", found as f64 / seconds));
        table.note("cores used meanwhile", cores.text(server)?);
        Ok(())
    }

    fn look_at_answers(&self, corpus: &Corpus, table: &mut Table) -> anyhow::Result<()> {
        println!("\nretrieve, one after the other");
        let mut connection = self.caller.connect()?;
        let mut taken = latencies()?;
        let (mut found, mut asked, mut longest, mut tokens) = (0, 0, 0, 0);
        let step = (corpus.questions.len() / LOOKED_AT).max(1);
        for (question, fact) in corpus.questions.iter().step_by(step) {
            let body = self.question(question);
            let sent_us = now_us();
            let answer = connection.post("/v1/retrieve", &body)?;
            taken.record(now_us() - sent_us)?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let items = answer["relevantItems"].as_array().context("no items")?;
            let is_it = |item: &&Value| {
                item["content"].as_str().is_some_and(|content| content.contains(fact))
            };
            found += usize::from(items.iter().take(10).any(|item| is_it(&item)));
            asked += 1;
            tokens += answer["tokenCount"].as_u64().context("no tokens")?;
            let summaries = answer["summaries"].as_object().context("no summaries")?;
            let chars = |text: &Value| text.as_str().unwrap_or_default().chars().count();
            longest = summaries.values().map(chars).max().unwrap_or(0).max(longest);
        }
        ensure!(longest > 0, "no answer had a summary");
        ensure!(longest <= SUMMARY_CHARS_MAX, "a summary of {longest} characters");
        let share = found as f64 / f64::from(asked);
        table.at_least("the fact is among ten", share, [0.9, 0.5], "");
        table.at_most("p50", ms(&taken, 0.5), [2.0, 5.0], "ms");
        table.note("p99", format!("{:.2} ms", ms(&taken, 0.99)));
        table.note("tokens of an answer", format!("{:.0}", tokens as f64 / f64::from(asked)));
        table.note("longest summary", format!("{longest} of {SUMMARY_CHARS_MAX} characters"));
        Ok(())
    }

    fn load(&self, corpus: &Corpus, table: &mut Table) -> anyhow::Result<()> {
        println!("\nretrieve, several at once");
        let questions = corpus.questions.iter();
        let bodies: Vec<String> = questions.map(|(text, _)| self.question(text)).collect();
        let (path, seconds) = ("/v1/retrieve", &self.options);
        let open = open_loop(&self.caller, path, &bodies, 16, 100, seconds.seconds(8))?;
        let (p50, p99) = (ms(&open, 0.5), ms(&open, 0.99));
        table.note("p50 / p99 at 100/s", format!("{p50:.2} / {p99:.2} ms"));
        let (rate, closed) = closed_loop(&self.caller, path, &bodies, 8, seconds.seconds(6))?;
        table.note("answers/s, 8 connections", format!("{rate:.0}"));
        let (p50, p99) = (ms(&closed, 0.5), ms(&closed, 0.99));
        table.note("  their p50 / p99", format!("{p50:.2} / {p99:.2} ms"));
        Ok(())
    }

    fn list(&self, table: &mut Table) -> anyhow::Result<()> {
        println!("\nlists, p50 of 50");
        let mut connection = self.caller.connect()?;
        for (what, path) in [
            ("context", format!("/v1/context/{}/{USER}", self.app)),
            ("categories", format!("/v1/categories/{}/{USER}", self.app)),
            ("entities, a page of 50", format!("/v1/entities/{}/{USER}", self.app)),
            ("an entity", format!("/v1/entities/{}/{USER}/Globex", self.app)),
        ] {
            let mut taken = latencies()?;
            for _ in 0..50 {
                let sent_us = now_us();
                connection.get(&path)?;
                taken.record(now_us() - sent_us)?;
            }
            table.note(what, format!("{:.2} ms", ms(&taken, 0.5)));
        }
        Ok(())
    }
}

/// The status of a content that was read.
fn wait_for(connection: &mut Connection, resource: &str, start_us: u64) -> anyhow::Result<Value> {
    loop {
        let status = connection.get(&format!("/v1/memorize/{resource}/status"))?;
        match status["status"].as_str() {
            Some("completed") => return Ok(status),
            Some("queued" | "extracting" | "writing") => {}
            _ => anyhow::bail!("{resource} was not read: {status}"),
        }
        ensure!(seconds_since(start_us) < READ_MAX_S, "{resource} was not read in time");
        thread::sleep(Duration::from_millis(5));
    }
}
