//! The command line: what it takes, what it prints, how it exits. Results go to standard output,
//! everything else to standard error.

mod admin;
mod completions;
mod config;
mod dev;
mod eval;
mod extract_text;
mod failure;
mod output;
mod reembed;
mod serve;
mod server_file;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::admin::administer;
use self::failure::{Cause, Failure};
use crate::config::{Config, ConfigFlags, Sources};

/// A self-hosted memory server for AI agents.
///
/// One binary, one engine, documented memory APIs of others (the Mnemoverse API today). No other
/// service, no model download, no API key of anybody.
#[derive(Debug, Parser)]
#[command(name = "hebbd", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  hebbd serve --dev                          try it: creates a tenant and prints its credentials
  hebbd serve --data-dir /var/lib/hebbd      serve what is there; creates no credentials
  hebbd tenant create --name acme            create a tenant
  hebbd key create --tenant ID --dialect mnemoverse
  hebbd config show                          show every setting in force and where it came from
  hebbd eval recall --data locomo.json       measure recall and latency
  hebbd eval learning --data locomo.json     measure what feedback teaches

Commands that administer ask the server that runs on the data directory, and open the directory
themselves where none does. Give them the same --data-dir or --config as the server, or set
HEBBD_DATA_DIR for both.

Every setting can be given in hebbd.toml, as HEBBD_SECTION__KEY in the environment, or with
--set section.key=value; later ones win.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 what was named does not exist,
4 refused (it contradicts what is there, or was not confirmed), 5 no server answers and the data
directory cannot be opened.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    ///
    /// SIGTERM and SIGINT stop it in order: no new connections, requests finish, tenants close,
    /// everything is flushed. SIGHUP has it load its configuration again: plans, the log filter
    /// and the limit by address change at once, and the log names settings that need a restart.
    Serve(serve::ServeArgs),
    /// Show whether a server runs and what it holds
    Status(admin::status::StatusArgs),
    /// Create, list, show, move and delete tenants
    #[command(subcommand)]
    Tenant(admin::tenant::TenantCommand),
    /// Create, list, rotate and revoke API keys
    #[command(subcommand)]
    Key(admin::key::KeyCommand),
    /// Create, list and delete people who log in, and set their passwords
    #[command(subcommand)]
    User(admin::user::UserCommand),
    /// Show the plans, and give a tenant one
    #[command(subcommand)]
    Plan(admin::plan::PlanCommand),
    /// Create and list organizations
    #[command(subcommand)]
    Organization(admin::project::OrganizationCommand),
    /// Create and list projects
    #[command(subcommand)]
    Project(admin::project::ProjectCommand),
    /// Show the shards and what they hold
    #[command(subcommand)]
    Shard(admin::shard::ShardCommand),
    /// List and release tenants that keep crashing
    #[command(subcommand)]
    Quarantine(admin::quarantine::QuarantineCommand),
    /// Show a tenant's background work, retry or forget what was given up
    #[command(subcommand)]
    Job(admin::job::JobCommand),
    /// Show where a tenant's notices go, send again or remove what did not arrive
    #[command(subcommand)]
    Webhook(admin::webhook::WebhookCommand),
    /// List and rotate the keys that sign access tokens
    #[command(subcommand)]
    SigningKey(admin::signing_key::SigningKeyCommand),
    /// Delete the encrypted secrets when their key file is lost
    #[command(subcommand)]
    Secrets(admin::secrets::SecretsCommand),
    /// Check the configuration, or show what is in force
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Make all vectors anew after the embedder was changed
    Reembed(reembed::ReembedArgs),
    /// Measure recall, latency and learning on questions with known answers
    Eval(eval::EvalArgs),
    /// Print a completion script for a shell
    ///
    /// For bash: hebbd completions bash > /etc/bash_completion.d/hebbd
    /// For zsh:  hebbd completions zsh > "${fpath[1]}/_hebbd"
    /// For fish: hebbd completions fish > ~/.config/fish/completions/hebbd.fish
    #[command(verbatim_doc_comment)]
    Completions(completions::CompletionsArgs),
    /// Read one file from standard input and print its text; the server starts this itself
    #[command(hide = true)]
    ExtractText(extract_text::ExtractTextArgs),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Started for each file: it needs no runtime and no configuration.
    if let Command::ExtractText(args) = cli.command {
        return args.run();
    }
    let system = actix_rt::System::new();
    match system.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("{error:#}"));
            failure::exit_code(&error)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Status(command) => administer(command).await,
        Command::Tenant(command) => administer(command).await,
        Command::Key(command) => administer(command).await,
        Command::User(command) => administer(command).await,
        Command::Job(command) => administer(command).await,
        Command::Webhook(command) => administer(command).await,
        Command::Secrets(command) => administer(command).await,
        Command::SigningKey(command) => administer(command).await,
        Command::Plan(command) => administer(command).await,
        Command::Organization(command) => administer(command).await,
        Command::Project(command) => administer(command).await,
        Command::Shard(command) => administer(command).await,
        Command::Quarantine(command) => administer(command).await,
        Command::Config(command) => command.run(),
        Command::Reembed(args) => reembed::run(args).await,
        Command::Eval(args) => eval::run(args, serve::start_in_process).await,
        Command::Completions(args) => args.run(),
        Command::ExtractText(args) => {
            args.run();
            Ok(())
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Loads the configuration; the error lists every problem.
fn load_config(flags: ConfigFlags) -> anyhow::Result<Config> {
    let read_file = |path: &std::path::Path| std::fs::read_to_string(path);
    let sources = Sources { flags, environment: environment(), read_file: &read_file };
    crate::config::load(sources)
        .map_err(|problems| Failure::new(Cause::Usage, problems.to_string()).into())
}
