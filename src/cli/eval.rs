//! `hebbd eval`: measures what a server is worth on questions with known answers. This file owns
//! the arguments and the order of a run; `data` reads the file, `client` talks to the server,
//! `metrics` scores, `report` prints. It speaks HTTP only, so any running server can be measured.

mod client;
mod data;
mod metrics;
mod report;

use std::any::Any;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use client::{Client, NewAtom, ReadQuery};
use data::{Conversation, Question};
use report::{Latencies, RecallReport};

/// Turns sent with one write.
const WRITE_BATCH: usize = 200;

/// The arguments of `hebbd eval`.
#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    command: EvalCommand,
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    /// Share of questions whose evidence is among the first results
    Recall(RecallArgs),
}

/// Without --url and --credentials a server is started for the run, on a temporary directory.
#[derive(Debug, Args)]
struct RecallArgs {
    /// A LoCoMo-shaped JSON file: conversations with sessions of turns, and questions with evidence
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The server to measure, e.g. http://127.0.0.1:8787; needs --api-key
    #[arg(long, conflicts_with = "credentials")]
    url: Option<String>,
    /// The mnemoverse API key for --url
    #[arg(long, env = "HEBBD_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// The credentials file of a development server (dev-credentials.json)
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Results asked for with each question
    #[arg(long, default_value_t = 10)]
    top_k: usize,
    /// Floor of relevance, 0 to 1; the server's own when absent
    #[arg(long)]
    min_relevance: Option<f64>,
    /// Ask without associations
    #[arg(long)]
    no_associations: bool,
    /// Also ask each conversation the next one's questions, to measure how well scores separate
    #[arg(long)]
    other_questions: bool,
    /// Questions per conversation at most
    #[arg(long, value_name = "N")]
    limit_questions: Option<usize>,
    /// The turns are stored already, by an earlier run with the same prefix
    #[arg(long)]
    skip_write: bool,
    /// First part of the domain names
    #[arg(long, default_value = "locomo")]
    prefix: String,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// A server that runs inside this process for the length of a measurement.
pub(super) struct InProcess {
    /// Without a path, e.g. `http://127.0.0.1:40123`.
    pub base_url: String,
    /// A mnemoverse key.
    pub api_key: String,
    /// Dropped when the run is over; dropping it should stop the server.
    pub guard: Box<dyn Any>,
}

/// Runs the measurement and prints its result. `start` is called only when the arguments name no
/// server.
///
/// # Errors
/// A data file of another shape (names the field), a server that cannot be reached (names the
/// address), a refused key (names where it came from), an answer outside the contract.
pub(super) async fn run(
    args: EvalArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<()> {
    match args.command {
        EvalCommand::Recall(args) => run_recall(&args, start).await,
    }
}

async fn run_recall(
    args: &RecallArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<()> {
    let path = args.data.display();
    let text =
        std::fs::read_to_string(&args.data).with_context(|| format!("cannot read {path}"))?;
    let conversations = data::parse(&text).with_context(|| format!("{path} is not usable"))?;
    let (client, _guard) = connect(args, start).await?;

    let mut report = RecallReport::default();
    if !args.skip_write {
        write_all(args, &client, &conversations, &mut report).await?;
    }
    ask_all(args, &client, &conversations, &mut report).await?;
    print(&if args.json { report.to_json() } else { report.to_table() });
    Ok(())
}

async fn connect(
    args: &RecallArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<(Client, Option<Box<dyn Any>>)> {
    if let Some(path) = &args.credentials {
        let (url, key) = read_credentials(path)?;
        let source = format!("mnemoverse.api_key of {}", path.display());
        return Ok((Client::new(&url, key, source)?, None));
    }
    if let Some(url) = &args.url {
        let key = args.api_key.clone().context("--url needs --api-key (or HEBBD_API_KEY)")?;
        return Ok((Client::new(url, key, "--api-key or HEBBD_API_KEY".to_owned())?, None));
    }
    let server = start().await.context("cannot start a server for the run")?;
    let source = "the key of the server started for this run".to_owned();
    Ok((Client::new(&server.base_url, server.api_key, source)?, Some(server.guard)))
}

fn read_credentials(path: &Path) -> anyhow::Result<(String, String)> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let file: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
    let field = |pointer: &str| {
        let value = file.pointer(pointer).and_then(serde_json::Value::as_str);
        value.map(str::to_owned).with_context(|| format!("{shown} has no string at {pointer}"))
    };
    Ok((field("/base_url")?, field("/mnemoverse/api_key")?))
}

fn domain_of(args: &RecallArgs, conversation: &Conversation) -> String {
    format!("{}:{}", args.prefix, conversation.name)
}

async fn write_all(
    args: &RecallArgs,
    client: &Client,
    conversations: &[Conversation],
    report: &mut RecallReport,
) -> anyhow::Result<()> {
    let total = conversations.iter().map(|conversation| conversation.turns.len()).sum();
    let bar = progress_bar("writing", total);
    for conversation in conversations {
        let domain = domain_of(args, conversation);
        for turns in conversation.turns.chunks(WRITE_BATCH) {
            let items: Vec<NewAtom> =
                turns.iter().map(|turn| NewAtom::of_turn(turn, &domain)).collect();
            let (stored, elapsed_us) = client.write_batch(&items).await?;
            ensure!(
                stored.len() == items.len(),
                "the server answered {} results for a batch of {}",
                stored.len(),
                items.len(),
            );
            report.writes.record(elapsed_us);
            report.write_us += elapsed_us;
            report.turns_written += items.len();
            report.turns_refused += stored.iter().filter(|stored| !**stored).count();
            bar.inc(items.len() as u64);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

async fn ask_all(
    args: &RecallArgs,
    client: &Client,
    conversations: &[Conversation],
    report: &mut RecallReport,
) -> anyhow::Result<()> {
    let asked = |conversation: &'_ Conversation| {
        let limit = args.limit_questions.unwrap_or(usize::MAX);
        conversation.questions.iter().take(limit).cloned().collect::<Vec<Question>>()
    };
    let others = args.other_questions && conversations.len() > 1;
    let own_count: usize = conversations.iter().map(|each| asked(each).len()).sum();
    let bar = progress_bar("asking", own_count * if others { 2 } else { 1 });
    // Each conversation with the one after it, the last with the first.
    let next = conversations.iter().cycle().skip(1);
    for (conversation, next) in conversations.iter().zip(next) {
        let domain = domain_of(args, conversation);
        for question in asked(conversation) {
            let items = ask(args, client, &question, &domain, &mut report.reads).await?;
            let found: Vec<Option<&str>> = items.iter().map(|item| item.dia_id()).collect();
            report.items_seen += items.len();
            report.own_top.push(items.first().map_or(0.0, |item| item.relevance));
            report.scores.push((question.category, metrics::score(&found, &question.gold)));
            bar.inc(1);
        }
        for question in if others { asked(next) } else { Vec::new() } {
            let items = ask(args, client, &question, &domain, &mut report.reads).await?;
            report.other_top.push(items.first().map_or(0.0, |item| item.relevance));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Asks one question and holds the answer to what the contract promises.
async fn ask(
    args: &RecallArgs,
    client: &Client,
    question: &Question,
    domain: &str,
    reads: &mut Latencies,
) -> anyhow::Result<Vec<client::Item>> {
    let query = ReadQuery {
        query: &question.text,
        domain,
        top_k: args.top_k,
        min_relevance: args.min_relevance,
        include_associations: args.no_associations.then_some(false),
    };
    let (items, elapsed_us) = client.read(&query).await?;
    reads.record(elapsed_us);
    ensure!(items.len() <= args.top_k, "asked for {} items, got {}", args.top_k, items.len());
    ensure!(
        items.iter().all(|item| item.domain == domain),
        "a read of {domain} returned another domain's atom",
    );
    Ok(items)
}

/// Draws on the error stream, and only on a terminal.
fn progress_bar(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:8} [{bar:40}] {pos}/{len}  {eta}");
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    bar.set_message(what);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

#[allow(clippy::print_stdout, reason = "the result of a command goes to its output")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        eval: EvalArgs,
    }

    fn parse(args: &[&str]) -> Result<RecallArgs, clap::Error> {
        let words = ["eval", "recall", "--data", "f.json"].iter().chain(args);
        let EvalCommand::Recall(args) = Command::try_parse_from(words)?.eval.command;
        Ok(args)
    }

    #[test]
    fn a_server_is_named_in_one_way_only() {
        assert!(parse(&["--url", "http://h", "--api-key", "k"]).is_ok());
        assert!(parse(&["--credentials", "c.json"]).is_ok());
        assert!(parse(&["--credentials", "c.json", "--url", "http://h"]).is_err());
    }

    #[test]
    fn the_defaults_are_those_of_the_reference_script() {
        let args = parse(&[]).expect("parses");
        assert_eq!((args.top_k, args.prefix.as_str()), (10, "locomo"));
        assert_eq!((args.min_relevance, args.limit_questions), (None, None));
    }

    #[test]
    fn credentials_without_the_key_name_the_missing_field() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), r#"{"base_url": "http://h"}"#).expect("writes");
        let error = read_credentials(file.path()).expect_err("fails");
        assert!(error.to_string().contains("/mnemoverse/api_key"), "{error}");
    }
}
