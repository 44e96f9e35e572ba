//! The command line: what it takes, what it prints, how it exits. Exit codes: 0 done, 1 failed,
//! 2 wrong usage or configuration. Results go to standard output, everything else to standard
//! error.

mod check_config;
mod dev;
mod eval;
mod key;
mod offline;
mod output;
mod reembed;
mod serve;
mod tenant;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, ConfigFlags, Sources};

/// A self-hosted memory server for AI agents.
///
/// One binary, one engine, documented memory APIs of others (the Mnemoverse API today). No other
/// service, no model download, no API key of anybody.
#[derive(Debug, Parser)]
#[command(name = "hebbd", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hebbd serve --dev                          try it: creates a tenant and prints its credentials
  hebbd serve --data-dir /var/lib/hebbd      serve what is there; creates no credentials
  hebbd tenant create --name acme            create a tenant (while no server runs on the data)
  hebbd key create --tenant ID --dialect mnemoverse
  hebbd check-config                         show every setting in force and where it came from
  hebbd eval recall --data locomo.json       measure recall and latency
  hebbd eval learning --data locomo.json     measure what feedback teaches

Every setting can be given in hebbd.toml, as HEBBD_SECTION__KEY in the environment, or with
--set section.key=value; later ones win.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Create and list tenants
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make all vectors anew after the embedder was changed
    Reembed(reembed::ReembedArgs),
    /// Check the configuration and show what is in force
    CheckConfig(check_config::CheckConfig),
    /// Measure recall, latency and learning on questions with known answers
    Eval(eval::EvalArgs),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let system = actix_rt::System::new();
    match system.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Tenant(command) => tenant::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::Reembed(args) => reembed::run(args).await,
        Command::CheckConfig(command) => {
            Ok(command.run(environment(), &mut std::io::stdout(), &mut std::io::stderr())?)
        }
        Command::Eval(args) => {
            eval::run(args, serve::start_in_process).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Loads the configuration, or prints every problem and answers the exit code for it.
fn load_config(flags: ConfigFlags) -> Result<Config, ExitCode> {
    let read_file = |path: &std::path::Path| std::fs::read_to_string(path);
    let sources = Sources { flags, environment: environment(), read_file: &read_file };
    config::load(sources).map_err(|problems| {
        output::error(&problems.to_string());
        ExitCode::from(2)
    })
}
