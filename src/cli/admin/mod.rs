//! Commands that administer: each is a few calls of the admin API and a way to show the answers.
//! Where no server runs, one that answers nothing but that API is started inside the command, so
//! that there is one way to do each thing.

mod client;
pub(super) mod job;
pub(super) mod key;
mod list;
pub(super) mod plan;
pub(super) mod project;
pub(super) mod quarantine;
pub(super) mod secrets;
pub(super) mod shard;
pub(super) mod signing_key;
pub(super) mod status;
pub(super) mod tenant;
pub(super) mod user;
pub(super) mod webhook;

use std::io::{BufRead, IsTerminal, Write};

use serde_json::Value;

use super::failure::{Cause, Failure};
use super::output;
use crate::config::ConfigFlags;

pub(super) use client::AdminClient;

/// What every such command takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct AdminArgs {
    #[command(flatten)]
    pub(super) config: ConfigFlags,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A command that administers.
pub(super) trait Administer {
    fn args(&self) -> &AdminArgs;

    /// Whether it makes sense on a data directory that nothing has been kept in yet. Others would
    /// only show emptiness to whoever mistyped its name.
    fn may_be_first(&self) -> bool {
        false
    }

    /// Asks the server and shows its answer.
    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()>;
}

/// Runs a command against the server of its data directory, or one inside it.
pub(super) async fn administer(command: impl Administer) -> anyhow::Result<()> {
    let args = command.args().clone();
    let client = AdminClient::connect(args.config.clone(), command.may_be_first()).await?;
    let done = command.run(&client, &args).await;
    client.close().await.and(done)
}

/// A text in an answer; empty where there is none.
fn text<'a>(answer: &'a Value, key: &str) -> &'a str {
    answer.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Prints an answer as JSON, or what `human` makes of it.
fn show(args: &AdminArgs, answer: &Value, human: impl FnOnce(&Value) -> String) {
    match args.json {
        true => output::result(&answer.to_string()),
        false => output::result(&human(answer)),
    }
}

/// Asks at the terminal whether to go on. Without one there is nobody to ask: then it takes
/// `yes`, which is the flag `--yes`.
fn confirm(question: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let message = format!("{question} Nobody is there to ask; add --yes to do it");
        return Err(Failure::new(Cause::Refused, message).into());
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(Cause::Refused, "nothing was done").into())
}
