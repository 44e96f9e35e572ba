//! Sessions over the metorial dialect: 10,000 messages in 200 sessions are stored over HTTP, listed
//! page by page, and searched. Says how fast messages are taken, what a page costs at the beginning and
//! in the middle of a list, and how often the message that was asked for is among ten.
//!
//! Run with `cargo bench --bench sessions [-- --quick] [--server PATH]`. Half a minute.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench prints, rounds its figures and may stop on a defect"
)]

mod support;

use std::thread;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use support::client::{Caller, Connection};
use support::load::{closed_loop, latencies, ms, now_us, open_loop, seconds_since};
use support::report::{CoresUsed, Table, print_machine};
use support::server::{Options, Server};
use support::text::Words;

const SESSIONS: usize = 200;
const MESSAGES_PER_SESSION: usize = 50;
const WRITERS: usize = 32;
const SEED: u64 = 0x5eed_0041;
/// Questions whose answers are looked at.
const LOOKED_AT: usize = 400;
/// Questions of one page, of which the middle one is told.
const PAGES: usize = 50;

/// No limit is in the way of the load.
const SETTINGS: &str =
    "[metorial]\nip_requests_max = \"unlimited\"\nproduction_requests_max = \"unlimited\"\n";

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    print_machine();
    let mut table = Table::default();
    let sessions = if options.quick { SESSIONS / 10 } else { SESSIONS };
    println!("\n{sessions} sessions, {MESSAGES_PER_SESSION} messages in each");
    let corpus = Corpus::new(sessions * MESSAGES_PER_SESSION);
    let server = Server::start_with_settings(&options, "sessions", SETTINGS)?;
    let caller = server.metorial_environment("sessions")?;
    let bench = Bench { options, caller, corpus, ids: make_sessions(&server, sessions)? };
    bench.write(&server, &mut table)?;
    table.note("RSS", format!("{:.0} MB", server.rss_mb()?));
    bench.list(&mut table)?;
    bench.look_at_answers(&mut table)?;
    bench.load(&mut table)?;
    bench.delete(&mut table)?;
    server.stop()?;
    let server = Server::restart(&bench.options, "sessions")?;
    let mut connection = server.metorial_environment("sessions")?.connect()?;
    let sent_us = now_us();
    connection.get("/sessions?limit=1")?;
    table.note("first page after a restart", format!("{:.0} ms", seconds_since(sent_us) * 1e3));
    server.stop()?;
    table.print_verdict();
    Ok(())
}

/// Texts, and a question about each.
struct Corpus {
    texts: Vec<String>,
    questions: Vec<String>,
}

impl Corpus {
    fn new(count: usize) -> Self {
        let mut words = Words::english(SEED);
        let mut corpus = Self { texts: Vec::new(), questions: Vec::new() };
        for _ in 0..count {
            let (name, topic) = (words.name(), words.several(3));
            corpus.texts.push(format!("{name} spoke of {topic}: {}.", words.several(15)));
            corpus.questions.push(format!("What did {name} say about {topic}?"));
        }
        corpus
    }

    fn question(&self, n: usize) -> String {
        json!({"query": self.questions[n], "limit": 10, "min_relevance": 0}).to_string()
    }
}

fn make_sessions(server: &Server, count: usize) -> anyhow::Result<Vec<String>> {
    let mut connection = server.metorial_environment("sessions")?.connect()?;
    let make = |n| -> anyhow::Result<String> {
        let session = connection.ask("/sessions", &json!({"name": format!("session {n}")}))?;
        Ok(session["id"].as_str().context("no id")?.to_owned())
    };
    (0..count).map(make).collect()
}

struct Bench {
    options: Options,
    caller: Caller,
    corpus: Corpus,
    /// Of the sessions.
    ids: Vec<String>,
}

impl Bench {
    /// Message `n` goes to session `n` modulo their number.
    fn store(&self, connection: &mut Connection, n: usize) -> anyhow::Result<()> {
        let path = format!("/sessions/{}/messages", self.ids[n % self.ids.len()]);
        let body = json!({"type": "user_message", "content": self.corpus.texts[n]});
        connection.post(&path, &body.to_string()).map(drop)
    }

    fn write(&self, server: &Server, table: &mut Table) -> anyhow::Result<()> {
        let (count, alone) = (self.corpus.texts.len(), 1_000);
        let mut taken = latencies()?;
        let mut connection = self.caller.connect()?;
        for n in 0..alone {
            let sent_us = now_us();
            self.store(&mut connection, n)?;
            taken.record(now_us() - sent_us)?;
        }
        table.at_most("a message, durable, p50", ms(&taken, 0.5), [1.5, 3.0], "ms");
        table.note("  its p99", format!("{:.2} ms", ms(&taken, 0.99)));
        let cores = CoresUsed::start(server)?;
        let start_us = now_us();
        thread::scope(|scope| {
            let write = |writer: usize| {
                let mut connection = self.caller.connect()?;
                let mut own = (alone + writer..count).step_by(WRITERS);
                own.try_for_each(|n| self.store(&mut connection, n))
            };
            let writers = (0..WRITERS).map(|writer| scope.spawn(move || write(writer)));
            let writers: Vec<_> = writers.collect();
            writers.into_iter().try_for_each(|writer| {
                writer.join().map_err(|_| anyhow::anyhow!("a writer panicked"))?
            })
        })?;
        let rate = (count - alone) as f64 / seconds_since(start_us);
        table.at_least("messages/s, 32 writers", rate, [8_000.0, 3_000.0], "");
        table.note("cores used meanwhile", cores.text(server)?);
        Ok(())
    }

    fn list(&self, table: &mut Table) -> anyhow::Result<()> {
        println!("\npages of 100, p50 of {PAGES}");
        let mut connection = self.caller.connect()?;
        let middle = &self.ids[self.ids.len() / 2];
        for (what, path) in [
            ("sessions, the first", "/sessions?limit=100".to_owned()),
            ("sessions, from the middle", format!("/sessions?limit=100&after={middle}")),
            ("sessions, the newest", "/sessions?limit=100&order=desc".to_owned()),
            (
                "sessions, a filter that nothing passes",
                "/sessions?limit=100&updated_at[gt]=2999-01-01T00:00:00Z".to_owned(),
            ),
            ("messages of a session", format!("/sessions/{middle}/messages?limit=100")),
            ("messages, the first", "/session-messages?limit=100".to_owned()),
            ("events, the newest", "/session-events?limit=100&order=desc".to_owned()),
        ] {
            let taken = timed(PAGES, || connection.get(&path).map(drop))?;
            table.note(what, format!("{:.2} ms", ms(&taken, 0.5)));
        }
        Ok(())
    }

    fn look_at_answers(&self, table: &mut Table) -> anyhow::Result<()> {
        println!("\nsearch, one after the other");
        let mut connection = self.caller.connect()?;
        let (mut taken, mut found, mut asked) = (latencies()?, 0, 0);
        for n in (0..self.corpus.texts.len()).step_by(self.corpus.texts.len() / LOOKED_AT) {
            let sent_us = now_us();
            let answer = connection.post("/session-messages/search", &self.corpus.question(n))?;
            taken.record(now_us() - sent_us)?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let matches = answer["items"].as_array().context("no items")?;
            let text = |found: &Value| found["message"]["content"]["text"].clone();
            found += usize::from(matches.iter().any(|it| text(it) == self.corpus.texts[n]));
            asked += 1;
        }
        let share = found as f64 / f64::from(asked);
        table.at_least("the message is among ten", share, [0.95, 0.8], "");
        table.note("p50 / p99", format!("{:.2} / {:.2} ms", ms(&taken, 0.5), ms(&taken, 0.99)));
        Ok(())
    }

    fn load(&self, table: &mut Table) -> anyhow::Result<()> {
        println!("\nsearch, several at once");
        let bodies: Vec<_> =
            (0..self.corpus.texts.len()).map(|n| self.corpus.question(n)).collect();
        let (path, seconds) = ("/session-messages/search", &self.options);
        let open = open_loop(&self.caller, path, &bodies, 16, 100, seconds.seconds(8))?;
        let (p50, p99) = (ms(&open, 0.5), ms(&open, 0.99));
        table.note("p50 / p99 at 100/s", format!("{p50:.2} / {p99:.2} ms"));
        let (rate, _) = closed_loop(&self.caller, path, &bodies, 8, seconds.seconds(6))?;
        table.note("answers/s, 8 connections", format!("{rate:.0}"));
        Ok(())
    }

    fn delete(&self, table: &mut Table) -> anyhow::Result<()> {
        println!("\ndeleting sessions of {MESSAGES_PER_SESSION} messages");
        let mut connection = self.caller.connect()?;
        let mut ids = self.ids.iter();
        let taken = timed(PAGES, || {
            let id = ids.next().context("no session is left")?;
            let status = connection.status_of(&format!("DELETE /sessions/{id}"))?;
            ensure!(status == 200, "a deletion answered {status}");
            Ok(())
        })?;
        table.note("p50 / max", format!("{:.1} / {:.1} ms", ms(&taken, 0.5), ms(&taken, 1.0)));
        Ok(())
    }
}

fn timed(
    times: usize,
    mut work: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Histogram<u64>> {
    let mut taken = latencies()?;
    for _ in 0..times {
        let sent_us = now_us();
        work()?;
        taken.record(now_us() - sent_us)?;
    }
    Ok(taken)
}
