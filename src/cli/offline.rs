//! Opening a data directory from the command line while no server runs on it.

use std::process::ExitCode;

use std::sync::Arc;

use super::load_config;
use crate::app;
use crate::config::{Config, ConfigFlags};
use crate::control::Directory;
use crate::types::SystemClock;

/// The arguments of every command that lists something.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) config: ConfigFlags,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Loads the configuration and opens the directory it names; the exit code where the
/// configuration has problems, which are printed.
///
/// # Errors
/// When a server runs on the directory (its lock is held), or it cannot be read.
pub(super) async fn open(
    flags: ConfigFlags,
) -> anyhow::Result<Result<(Config, Directory), ExitCode>> {
    let config = match load_config(flags) {
        Ok(config) => config,
        Err(code) => return Ok(Err(code)),
    };
    let directory = app::open_directory(&config, Arc::new(SystemClock)).await;
    let directory = directory.map_err(|error| {
        error.context("stop the server that runs on this data directory, then try again")
    })?;
    Ok(Ok((config, directory)))
}
