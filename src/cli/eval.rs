//! `hebbd eval`: measures what a server is worth on questions with known answers. A command owns
//! its arguments, the order of a run and its report: `recall`, `learning`, `facts`. They share `setup` (the
//! server, the file, writing and asking), `data`, which reads the file, `client`, which talks to
//! the server in one of its dialects, `metrics` and `latencies`. It speaks HTTP only, so any
//! running server can be measured.

mod client;
mod data;
mod facts;
mod latencies;
mod learning;
mod metrics;
mod recall;
mod setup;

use std::any::Any;

use clap::{Args, Subcommand};

/// The arguments of `hebbd eval`.
#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    command: EvalCommand,
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    /// Share of questions whose evidence is among the first results
    Recall(recall::RecallArgs),
    /// What feedback teaches: recall before and after, of questions asked and questions held out
    Learning(learning::LearningArgs),
    /// Share of questions whose evidence is in what the server returns of the facts it drew
    Facts(facts::FactsArgs),
}

/// A server that runs inside this process for the length of a measurement.
pub(super) struct InProcess {
    /// Without a path, e.g. `http://127.0.0.1:40123`.
    pub base_url: String,
    pub mnemoverse_key: String,
    pub tex_key: String,
    pub magneteco_key: String,
    /// The app of `magneteco_key`.
    pub app_id: String,
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
        EvalCommand::Recall(args) => recall::run(&args, start).await,
        EvalCommand::Learning(args) => learning::run(&args, start).await,
        EvalCommand::Facts(args) => facts::run(&args, start).await,
    }
}
